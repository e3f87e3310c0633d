"""One indicator's level: the higher of its thresholds and the deviation from its own baseline.

docs/levels.md tells it in full. Quiet ("none") and blind ("no-coverage") are never the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from math import ceil

from monitor.assess.baseline import EASE, Baseline, baseline
from monitor.assess.coverage import MONTH_SHARE, Coverage, running
from monitor.assess.weights import Weighed
from monitor.model import LEVELS, Indicator, Level, LevelChange, LevelName, Month, Thresholds

FRESH = 0.1
"""Share of the window in which an event counts in full; after it, its weight halves per window."""
HOLD = 0.75
"""A level by threshold is held down to this share of what raised it."""
REST = timedelta(days=3)
"""A level does not fall within this time of its last change."""
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Reading:
    """What an indicator shows at one time, before hysteresis."""

    weighted: float
    events: tuple[Weighed, ...]
    by_threshold: LevelName
    usual: Baseline | None
    by_baseline: LevelName | None
    held: LevelName  # what would be held if it had been higher

    @property
    def level(self) -> LevelName:
        return higher(self.by_threshold, self.by_baseline or "none")

    @property
    def count(self) -> int:
        return sum(each.counts for each in self.events)


def higher(one: LevelName, two: LevelName) -> LevelName:
    return max(one, two, key=LEVELS.index)


def decayed(weight: float, age: timedelta, window: timedelta) -> float:
    """Full while fresh, then halving once per window; nothing beyond the window."""
    return _decayed(((weight, age.total_seconds()),), window.total_seconds())


def _decayed(some: Iterable[tuple[float, float]], window: float) -> float:
    """The sum over (weight, age); ages and window in seconds."""
    fresh = FRESH * window
    return sum(
        weight if age <= fresh else weight * 0.5 ** ((age - fresh) / window)
        for weight, age in some
        if age <= window
    )


def by_threshold(weighted: float, thresholds: Thresholds, *, share: float = 1.0) -> LevelName:
    for name, limit in (
        ("very-high", thresholds.very_high),
        ("high", thresholds.high),
        ("elevated", thresholds.elevated),
        ("low", thresholds.low),
    ):
        if weighted + TOLERANCE >= limit * share:
            return name  # type: ignore[return-value]
    return "none"


class Memory:
    """Levels of past months, so that only what has changed since is worked out again.

    ``assess`` gives the same with and without it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[int, LevelName]] = {}

    def get(self, place: tuple[str, str, str], state: int) -> LevelName | None:
        known = self._known.get(place)
        return known[1] if known is not None and known[0] == state else None

    def put(self, place: tuple[str, str, str], state: int, level: LevelName) -> None:
        self._known[place] = (state, level)


class History:
    """An indicator's events (oldest first) and covered days, read at any time up to now."""

    def __init__(self, indicator: Indicator, events: Sequence[Weighed], coverage: Coverage) -> None:
        self.indicator = indicator
        self.events = events
        self.coverage = coverage
        self._at = [each.at for each in events]
        self._aged = [(each.weight, each.at.timestamp()) for each in events]
        self._counted = [0, *accumulate(each.counts for each in events)]
        self._counts = Counter(each.at.date() for each in events if each.counts)
        self._usual: dict[date, Baseline | None] = {}

    def read(self, at: datetime) -> Reading:
        thresholds = self.indicator.thresholds
        window = thresholds.window
        first, end = bisect_left(self._at, at - window), bisect_right(self._at, at)
        then = at.timestamp()
        ages = ((weight, then - seen) for weight, seen in self._aged[first:end])
        weighted = _decayed(ages, window.total_seconds())
        count = self._counted[end] - self._counted[first]
        usual = self.usual(at.date())
        held = by_threshold(weighted, thresholds, share=HOLD)
        if usual is not None:
            held = higher(held, usual.level(count, ease=EASE))
        return Reading(
            weighted=weighted,
            events=tuple(self.events[first:end]),
            by_threshold=by_threshold(weighted, thresholds),
            usual=usual,
            by_baseline=usual.level(count) if usual is not None else None,
            held=held,
        )

    def fresh(self, now: datetime) -> datetime:
        """From when on an event is new at ``now``."""
        return now - max(REST, FRESH * self.indicator.thresholds.window)

    def lost(self, change: LevelChange | None) -> bool:
        """Whether an event behind a change is gone: dismissed, or no longer a hit."""
        return change is not None and not {each.event for each in self.events}.issuperset(
            change.event_ids
        )

    def usual(self, day: date) -> Baseline | None:
        """What is usual in a window that ends on a day."""
        if day not in self._usual:
            self._usual[day] = baseline(
                self._counts,
                self.coverage.ordered,
                window=max(1, ceil(self.indicator.thresholds.window.total_seconds() / 86_400)),
                today=day,
            )
        return self._usual[day]

    def months(
        self, now: datetime, current: LevelName, *, number: int = 12, memory: Memory | None = None
    ) -> tuple[Month, ...]:
        """The last ``number`` months: distinct events, and the highest level within each."""
        found = []
        for first in _months(now, number):
            start = datetime(first.year, first.month, 1, tzinfo=UTC)
            last = min(_next_month(first) - timedelta(days=1), now.date())
            end = bisect_right(self._at, datetime.combine(last, time.max, UTC))
            events = [e for e in self.events[bisect_left(self._at, start) : end] if e.counts]
            name = f"{first:%Y-%m}"
            place = (self.indicator.watch, self.indicator.id, name)
            state = hash((self.indicator.thresholds, self._state(end), self.coverage.state(last)))
            level = memory.get(place, state) if memory is not None else None
            if level is None:
                level = self._month_level(start, last, events)
                if memory is not None:
                    memory.put(place, state, level)
            if last == now.date() and "no-coverage" not in (level, current):
                level = higher(level, current)
            found.append(Month(month=name, events=len(events), level=level))
        return tuple(found)

    def _month_level(self, start: datetime, last: date, events: Sequence[Weighed]) -> LevelName:
        days = (last - start.date()).days + 1
        if not events and self.coverage.between(start.date(), last) < MONTH_SHARE * days:
            return "no-coverage"
        newest_of_day = {each.at.date(): each.at for each in events}
        levels: list[LevelName] = [self.read(at).level for at in newest_of_day.values()]
        levels.append(self.read(start).level)
        return max(levels, key=LEVELS.index)

    def _state(self, end: int) -> int:
        """Tells the first ``end`` events, as they are now, from others."""
        return self._states[end]

    @cached_property
    def _states(self) -> list[int]:
        return running(self.events)


def level(
    watch: str,
    history: History,
    changes: Sequence[LevelChange],
    *,
    now: datetime,
    memory: Memory | None = None,
    months: int = 12,
) -> Level:
    """The level at ``now``; ``changes`` are the indicator's own up to now, oldest first."""
    indicator = history.indicator
    before = changes[-1] if changes else None
    standing: LevelName = before.after if before else "none"
    reading = history.read(now)
    if history.coverage.blind(now):
        found: LevelName = "no-coverage"
    else:
        found = _held(reading, standing, None if history.lost(before) else before, now)
        if _by_silence(reading, standing, found, before, history.fresh(now)):
            found = higher(standing, reading.by_threshold)
    changed = found != standing
    counted = sorted(reading.events, key=lambda each: (-each.weight, each.event))
    return Level(
        watch=watch,
        indicator=indicator.id,
        level=found,
        weighted=round(reading.weighted, 4),
        events=reading.count,
        baseline=round(reading.usual.expected, 3) if reading.usual else None,
        since_at=now if changed else before.at if before else None,
        changed_from=standing if changed else before.before if before else None,
        cause=_cause(history, reading, found, standing, now),
        by_threshold=reading.by_threshold,
        by_baseline=reading.by_baseline,
        event_ids=tuple(each.event for each in counted),
        months=history.months(now, found, number=months, memory=memory),
    )


def _held(
    reading: Reading, standing: LevelName, before: LevelChange | None, now: datetime
) -> LevelName:
    """Rises at once; falls only when it is clearly lower and has rested since ``before``."""
    raw = reading.level
    if standing == "no-coverage" or LEVELS.index(raw) >= LEVELS.index(standing):
        return raw
    if before is not None and now - before.at < REST:
        return standing
    return min(standing, higher(raw, reading.held), key=LEVELS.index)


def _by_silence(
    reading: Reading,
    standing: LevelName,
    found: LevelName,
    before: LevelChange | None,
    fresh: datetime,
) -> bool:
    """A rise by the baseline alone without a new event: only what is usual has become less."""
    if before is None or standing == "no-coverage" or found == "no-coverage":
        return False
    if LEVELS.index(found) <= max(LEVELS.index(standing), LEVELS.index(reading.by_threshold)):
        return False
    return not any(each.at > max(before.at, fresh) for each in reading.events)


def _cause(
    history: History, reading: Reading, found: LevelName, standing: LevelName, now: datetime
) -> str:
    window = history.indicator.thresholds.window.days
    if found == "no-coverage":
        newest = history.coverage.newest()
        since = f"since {newest:%-d %B %Y}" if newest else "ever"
        partly = history.coverage.partly
        if partly is not None and (newest is None or partly.day > newest):
            return (
                f"too few feeds that could carry it were read {since}: "
                f"{partly.read} of {partly.polled} on {partly.day:%-d %B %Y}"
            )
        return f"no feed that could carry it was read {since}"
    noun = "event" if reading.count == 1 else "events"
    text = f"{reading.count} {noun} in {window} days, weighing {reading.weighted:.2f}"
    limit = _limit(history.indicator.thresholds, reading.by_threshold)
    if limit is not None:
        text += f" (from {limit:g}: {_plain(reading.by_threshold)})"
    if reading.usual is not None and reading.by_baseline not in (None, "none"):
        chance = reading.usual.chance(reading.count)
        text += f"; {reading.usual.expected:.1f} are usual"
        text += f" ({odds(chance)} by chance: {_plain(reading.by_baseline)})"
    if found != reading.level:
        text += f"; held at {_plain(found)} until it is clearly lower"
    if not reading.events and standing != found:
        text = f"no event for {window} days"
    return text


def _plain(name: LevelName | None) -> str:
    return (name or "none").replace("-", " ")


def odds(chance: float) -> str:
    """A chance as people say it: ``1 in 40``, ``under 1 in 10,000``."""
    if chance < 0.0001:
        return "under 1 in 10,000"
    times = 1 / chance
    step = 10 ** max(0, len(str(int(times))) - 2)  # two figures are enough
    return f"1 in {round(times / step) * step:,}"


def _limit(thresholds: Thresholds, name: LevelName) -> float | None:
    return {
        "low": thresholds.low,
        "elevated": thresholds.elevated,
        "high": thresholds.high,
        "very-high": thresholds.very_high,
    }.get(name)


def _months(now: datetime, number: int) -> list[date]:
    """The first days of the last ``number`` months, oldest first."""
    month = now.year * 12 + now.month - 1
    return [date(each // 12, each % 12 + 1, 1) for each in range(month - number + 1, month + 1)]


def _next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)
