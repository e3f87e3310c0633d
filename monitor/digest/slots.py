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
_LONGEST = timedelta(days=366 * 9)  # 29 February, across a century without one


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One time at which a digest is due."""

    at: datetime  # UTC
    name: str


def due(
    schedule: str,
    timezone: str,
    *,
    now: datetime,
    start: datetime,
    last: str | None,
    taken: Callable[[str], bool],
) -> Slot | None:
    """The newest slot that has come since ``start``, unless it had its digest.

    ``last`` is the name of the slot that was frozen last. What seems due is asked of ``taken``: a clock
    that was ahead for a while has had slots that are still to come.
    """
    found = newest(schedule, timezone, now=now)
    if found is None or found.at < start or found.name == last:
        return None
    last_at = time_of(last) if last else None
    if last_at is not None and found.at <= last_at <= now:
        return None
    return None if taken(found.name) else found


def newest(schedule: str, timezone: str, *, now: datetime) -> Slot | None:
    """The newest slot at or before ``now``; None for a line that never comes."""
    for step in (*_STEPS, _LONGEST):
        found = None
        for at in _times(schedule, timezone, after=now - step):
            if at > now:
                break
            found = at
        if found is not None:
            return slot(found, timezone)
    return None


def upcoming(schedule: str, timezone: str, *, now: datetime) -> Slot | None:
    """The first slot after ``now``."""
    for at in _times(schedule, timezone, after=now):
        return slot(at, timezone)
    return None


def between(schedule: str, timezone: str, *, after: datetime, until: datetime) -> Iterator[Slot]:
    """Every slot in (after, until]."""
    for at in _times(schedule, timezone, after=after):
        if at > until:
            return
        yield slot(at, timezone)


def slot(at: datetime, timezone: str) -> Slot:
    """The slot at a time; the second pass of an hour that comes twice has its offset in the name."""
    local = at.astimezone(ZoneInfo(timezone))
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
