"""One watch assessed as of one time, and what has changed since the last time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from monitor.assess.coverage import Coverages, Polls
from monitor.assess.deadlines import state
from monitor.assess.evidence import Absence, hypotheses
from monitor.assess.levels import History, Memory, level
from monitor.assess.weights import weigh
from monitor.model import (
    Assessment,
    DeadlineState,
    Event,
    Feed,
    Level,
    LevelChange,
    LevelName,
    Review,
    Watch,
)
from monitor.query.lexicon import Lexicon

LOOK_BACK = timedelta(days=365 + 62)
"""How far back events and covered days are of use: the year before the oldest window on the board."""


class Override(Protocol):
    """An analyst's level; ``monitor.desk.LevelOverride`` is one."""

    @property
    def watch(self) -> str: ...
    @property
    def indicator(self) -> str: ...
    @property
    def level(self) -> LevelName | None: ...
    @property
    def by(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def reason(self) -> str: ...


def assess(
    watch: Watch,
    events: Sequence[Event],
    *,
    now: datetime,
    coverage: Polls,
    feeds: Iterable[Feed] = (),
    changes: Iterable[LevelChange] = (),
    reviews: Iterable[Review] | None = None,
    overrides: Iterable[Override] = (),
    memory: Memory | None = None,
) -> Assessment:
    """The machine's assessment of what was known at ``now``; nothing later is looked at.

    ``events``: those of the last ``LOOK_BACK``, members and hits included. ``coverage``: good and failed
    polls by feed and day. ``changes``: the stored level changes, for hysteresis. ``reviews``: all, where
    the events' own are not already as of ``now``. ``overrides``: the analysts' levels, shown beside.
    ``memory``: kept from one call to the next it makes the next faster, and changes nothing else.
    """
    coverages = Coverages(feeds, coverage, now=now)
    weighed = weigh(watch.id, events, reviews, now=now)
    past = _by_indicator(watch, changes, now)
    said = _said(watch, overrides, now)
    levels: list[Level] = []
    deadlines: list[DeadlineState] = []
    absences: list[Absence] = []
    lexicon = Lexicon(watch.concepts) if any(i.deadlines for i in watch.indicators) else None
    for indicator in watch.indicators:
        here = weighed.get(indicator.id, [])
        seen = coverages.of(indicator)
        history = History(indicator, here, seen)
        found = level(watch.id, history, past.get(indicator.id, []), now=now, memory=memory)
        override = said.get(indicator.id)
        if override is not None and override.level is not None:
            found = replace(
                found,
                analyst=override.level,
                analyst_by=override.by,
                analyst_reason=override.reason,
            )
        levels.append(found)
        for deadline in indicator.deadlines:
            assert lexicon is not None
            stands = state(indicator, deadline, events, here, seen, lexicon, now=now)
            deadlines.append(stands)
            if stands.state == "missed":
                absences.append(
                    Absence(indicator=indicator, deadline=deadline.id, ach=deadline.ach)
                )
    return Assessment(
        watch=watch.id,
        rules=watch.rules,
        as_of=now,
        levels=tuple(levels),
        hypotheses=hypotheses(watch, weighed, absences, now=now),
        deadlines=tuple(deadlines),
    )


def level_changes(
    assessment: Assessment, changes: Iterable[LevelChange] = ()
) -> tuple[LevelChange, ...]:
    """What is to be stored: each level that is not what the last stored change says."""
    standing: dict[str, LevelName] = {}
    for change in sorted(changes, key=lambda each: each.at):
        if change.watch == assessment.watch and change.at <= assessment.as_of:
            standing[change.indicator] = change.after
    return tuple(
        LevelChange(
            watch=assessment.watch,
            indicator=each.indicator,
            at=assessment.as_of,
            before=standing.get(each.indicator, "none"),
            after=each.level,
            cause=each.cause,
            rules=assessment.rules,
            event_ids=each.event_ids[:50],
        )
        for each in assessment.levels
        if each.level != standing.get(each.indicator, "none")
    )


def replayed(
    watch: Watch,
    events: Sequence[Event],
    *,
    now: datetime,
    coverage: Polls,
    feeds: Iterable[Feed] = (),
    days: int = 120,
) -> tuple[LevelChange, ...]:
    """The changes there would have been, had somebody looked at the end of each of the last ``days``.

    For an archive that was brought in later. From what was known at ``now``.
    """
    coverages = Coverages(feeds, coverage, now=now)
    weighed = weigh(watch.id, events, None, now=now)
    today = now.date()
    looks = [
        datetime.combine(today - timedelta(days=back), time.max, UTC) for back in range(days, 0, -1)
    ]
    found: list[LevelChange] = []
    for indicator in watch.indicators:
        history = History(indicator, weighed.get(indicator.id, []), coverages.of(indicator))
        own: list[LevelChange] = []
        for at in looks:
            now_then = level(watch.id, history, own, now=at, months=0)
            if now_then.since_at == at:
                own.append(_change(watch, now_then, at))
        found += own
    return tuple(found)


def _change(watch: Watch, found: Level, at: datetime) -> LevelChange:
    return LevelChange(
        watch=watch.id,
        indicator=found.indicator,
        at=at,
        before=found.changed_from or "none",
        after=found.level,
        cause=found.cause,
        rules=watch.rules,
        event_ids=found.event_ids[:50],
    )


def _by_indicator(
    watch: Watch, changes: Iterable[LevelChange], now: datetime
) -> Mapping[str, list[LevelChange]]:
    found: dict[str, list[LevelChange]] = {}
    for change in sorted(changes, key=lambda each: each.at):
        if change.watch == watch.id and change.at <= now:
            found.setdefault(change.indicator, []).append(change)
    return found


def _said(watch: Watch, overrides: Iterable[Override], now: datetime) -> Mapping[str, Override]:
    known = [each for each in overrides if each.watch == watch.id and each.at <= now]
    return {each.indicator: each for each in sorted(known, key=lambda each: each.at)}
