"""When a digest is due: times of a cron line in the reader's zone, each a slot with a name.

A slot's name is its local time and zone, ``2026-11-25T07:00 Europe/Brussels``; names are unique in the
store, so a clock that is set back makes nothing due twice. Slots that passed while nobody looked are
one: the newest. A time that a change to summer time skips comes right after it; one that comes twice is
one (the rule of Debian's cron), except in lines that run every hour anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

# How far back the newest slot is looked for: hourly and daily lines are found in the first step
_STEPS = tuple(timedelta(hours=hours) for hours in (1, 24, 24 * 8, 24 * 63, 24 * 800))
    name = f"{local:%Y-%m-%dT%H:%M}"
    if local.fold:
        offset = f"{local:%z}"
        name += f"{offset[:3]}:{offset[3:]}"
    return Slot(at=at.astimezone(UTC), name=f"{name} {timezone}")


def time_of(name: str) -> datetime | None:
    """The time that a slot's name says; None where it is no such name."""
    text, _, timezone = name.partition(" ")
    try:
        local = datetime.fromisoformat(text)
        zoned = local if local.tzinfo else local.replace(tzinfo=ZoneInfo(timezone))
    except (ValueError, KeyError, OSError):
        return None
    return zoned.astimezone(UTC)


def _times(schedule: str, timezone: str, *, after: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(timezone)
    try:
        for at in CronSim(schedule, after.astimezone(zone)):
            yield at.astimezone(UTC)
    except (CronSimError, OverflowError):
        return
