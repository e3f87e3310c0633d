"""Items that tell of one happening become one event; who copied whom."""

from monitor.group.grouper import Grouper, group
from monitor.group.independence import Link, chain, independent_origins, suggested_grade

__all__ = ["Grouper", "Link", "chain", "group", "independent_origins", "suggested_grade"]
