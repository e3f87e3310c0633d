"""Items that tell of one happening become one event; who copied whom."""

from monitor.group.grouper import Grouper, group

__all__ = ["Grouper", "group"]
