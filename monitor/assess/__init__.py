"""From events to levels and evidence: what the machine makes of what was known at one time."""

from monitor.assess.assessment import LOOK_BACK, assess, level_changes, replayed
from monitor.assess.levels import Memory

__all__ = ["LOOK_BACK", "Memory", "assess", "level_changes", "replayed"]
