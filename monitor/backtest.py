"""What the present rules would have shown, day by day, had they been in force.

Items are matched and grouped in the order in which they were first seen; each day is assessed with what
was known at its end, and nothing later. Scored as the warning literature does: how long before or
after a known event its indicator rose (lead time), and how many rises belonged to no known event
(false alarms a month).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from monitor.assess import Memory, assess, level_changes
from monitor.errors import ConfigError
from monitor.group import Grouper, suggested_grade
from monitor.model import (
    LEVELS,
    Assessment,
    Event,
    Feed,
    Item,
    LevelChange,
    LevelName,
    Member,
    StoredHit,
    Watch,
)
from monitor.protocols import EventDraft, Matcher

JOIN_WINDOW = timedelta(days=10)
BEFORE = timedelta(days=60)
"""A rise within this time before a known event counts as warning of it."""
AFTER = timedelta(days=14)
"""And within this time after it as late; beyond, it belongs to something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A date on which something happened that an indicator should have shown."""

    indicator: str
    at: date
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """``days`` > 0: that long before the event; None: the indicator did not rise near it."""

    known: Known
    days: int | None
    level: LevelName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """One watch over a span of days."""

    watch: str
    first: date
    last: date
    items: int
    hits: int
    events: int
    changes: tuple[LevelChange, ...]
    first_rise: Mapping[str, date]  # indicator → the first day above none
    leads: tuple[Lead, ...]
    false_alarms: Mapping[str, int]  # indicator → rises to elevated or more near no known event
    final: Assessment

    @property
    def months(self) -> float:
        return max(1.0, ((self.last - self.first).days + 1) / 30.44)

    @property
    def false_alarms_a_month(self) -> float:
        return sum(self.false_alarms.values()) / self.months

    def as_json(self) -> dict[str, Any]:
        return {
            "watch": self.watch,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "items": self.items,
            "hits": self.hits,
            "events": self.events,
            "changes": [
                {
                    "indicator": each.indicator,
                    "at": each.at.date().isoformat(),
                    "before": each.before,
                    "after": each.after,
                    "cause": each.cause,
                }
                for each in self.changes
            ],
            "first_rise": {id: day.isoformat() for id, day in self.first_rise.items()},
            "known": [
                {
                    "indicator": each.known.indicator,
                    "date": each.known.at.isoformat(),
                    "title": each.known.title,
                    "lead_days": each.days,
                    "level": each.level,
                }
                for each in self.leads
            ],
            "false_alarms": dict(self.false_alarms),
            "false_alarms_a_month": round(self.false_alarms_a_month, 2),
        }

    def as_text(self) -> str:
        rows = [
            f"{self.watch}: {self.first} – {self.last}, {self.items} items, {self.hits} hits, "
            f"{self.events} events"
        ]
        rows += [
            f"  {each.at:%Y-%m-%d}  {each.indicator}: {each.before} → {each.after}  ({each.cause})"
            for each in self.changes
        ]
        for lead in self.leads:
            name = f"  {lead.known.at}  {lead.known.indicator}: {lead.known.title}: "
            if lead.days is None:
                rows.append(name + "not shown")
            else:
                when = "ahead" if lead.days >= 0 else "behind"
                rows.append(name + f"{abs(lead.days)} days {when} ({lead.level})")
        if self.leads:
            rows.append(f"  {self.false_alarms_a_month:.2f} false alarms a month")
        return "\n".join(rows)


def known_events(rows: Any, watch: Watch) -> tuple[Known, ...]:
    """From the YAML an analyst gives: a list of ``{indicator, date, title}``. Raises ConfigError."""
    ids = {indicator.id for indicator in watch.indicators}
    found: list[Known] = []
    for number, row in enumerate(rows if isinstance(rows, list | tuple) else [rows], start=1):
        subject = f"known event {number}"
        if not isinstance(row, Mapping) or "indicator" not in row or "date" not in row:
            raise ConfigError(
                "it needs indicator and date",
                subject=subject,
                remedy="Write each as {indicator: id, date: 2022-10-01, title: text}.",
            )
        if row["indicator"] not in ids:
            raise ConfigError(f"no indicator {row['indicator']!r}", subject=subject)
        try:
            at = (
                row["date"]
                if isinstance(row["date"], date)
                else date.fromisoformat(str(row["date"]))
            )
        except ValueError:
            raise ConfigError(f"not a date: {row['date']!r}", subject=subject) from None
        at = at.date() if isinstance(at, datetime) else at
        found.append(Known(indicator=row["indicator"], at=at, title=str(row.get("title", ""))))
    return tuple(sorted(found, key=lambda each: (each.at, each.indicator)))


def backtest(
    watch: Watch,
    matcher: Matcher,
    items: Iterable[Item],
    *,
    feeds: Sequence[Feed] = (),
    known: Sequence[Known] = (),
    step: timedelta = timedelta(days=1),
) -> Backtest:
    """Replays items by the day of their publication (else first sight).

    A day on which a feed has an item is a covered day of that feed. Everything stays unreviewed.
    """
    by_day: defaultdict[date, list[Item]] = defaultdict(list)
    for item in items:
        at = item.published_at or item.first_seen_at
        if at is not None:
            by_day[at.date()].append(replace(item, first_seen_at=at))
    if not by_day:
        raise ConfigError(
            "no item has a date", remedy="Import items first, or give a file of them."
        )
    replay = _Replay(watch, matcher, feeds)
    changes: list[LevelChange] = []
    first, last = min(by_day), max(by_day)
    assessment: Assessment | None = None
    day = first
    while day <= last:
        replay.take(by_day.get(day, ()), day)
        if (day - first) % step < timedelta(days=1) or day == last:
            now = _end(day)
            assessment = replay.assess(changes, now)
            changes.extend(level_changes(assessment, changes))
        day += timedelta(days=1)
    assert assessment is not None
    leads, false = score(changes, known, last)
    return Backtest(
        watch=watch.id,
        first=first,
        last=last,
        items=sum(map(len, by_day.values())),
        hits=replay.hits,
        events=len(replay.events),
        changes=tuple(changes),
        first_rise=_first_rises(changes),
        leads=leads,
        false_alarms=false,
        final=assessment,
    )


def score(
    changes: Sequence[LevelChange], known: Sequence[Known], last: date
) -> tuple[tuple[Lead, ...], Mapping[str, int]]:
    """Leads of the known events; rises that belong to none of them."""
    rises = [each for each in changes if _rose(each)]
    explained: set[tuple[str, datetime]] = set()
    leads: list[Lead] = []
    for event in known:
        near = [
            rise
            for rise in rises
            if rise.indicator == event.indicator
            and event.at - BEFORE <= _day(rise) <= event.at + AFTER
        ]
        explained |= {(rise.indicator, rise.at) for rise in near}
        if near:
            leads.append(
                Lead(known=event, days=(event.at - _day(near[0])).days, level=near[0].after)
            )
        else:
            leads.append(Lead(known=event, days=None))
    about = {event.indicator for event in known}
    false: defaultdict[str, int] = defaultdict(int)
    for rise in rises:
        loud = LEVELS.index(rise.after) >= LEVELS.index("elevated")
        if loud and rise.indicator in about and (rise.indicator, rise.at) not in explained:
            false[rise.indicator] += 1
    return tuple(leads), dict(false)


def _rose(change: LevelChange) -> bool:
    if change.after == "no-coverage":
        return False
    before = "none" if change.before == "no-coverage" else change.before
    return LEVELS.index(change.after) > LEVELS.index(before)


def _day(change: LevelChange) -> date:
    return change.at.date()


def _end(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def _first_rises(changes: Iterable[LevelChange]) -> dict[str, date]:
    found: dict[str, date] = {}
    for change in changes:
        if _rose(change):
            found.setdefault(change.indicator, _day(change))
    return found


class _Replay:
    """A store in memory that knows only what has been taken so far."""

    def __init__(self, watch: Watch, matcher: Matcher, feeds: Sequence[Feed]) -> None:
        self._watch = watch
        self._matcher = matcher
        self._feeds = {feed.id: feed for feed in feeds}
        self._grouper = Grouper([watch], feeds)
        self._memory = Memory()
        self._polls: defaultdict[str, dict[date, tuple[int, int]]] = defaultdict(dict)
        self._hits: dict[str, list[StoredHit]] = {}
        self._of: dict[str, int] = {}
        self._places: dict[int, dict[str, Member]] = {}
        self.events: dict[int, Event] = {}
        self.hits = 0
        self._next = 1

    def take(self, items: Iterable[Item], day: date) -> None:
        """Matches and groups the items of one day."""
        now = _end(day)
        fresh: list[StoredHit] = []
        for item, hits in self._matcher.match_many(items):
            self._polls[item.feed][day] = (1, 0)
            if item.id in self._hits:
                continue
            here = [
                StoredHit(
                    number=self.hits + number,
                    hit=hit,
                    item=item,
                    event=None,
                    stored_at=item.first_seen_at or now,
                    how="import",
                )
                for number, hit in enumerate(hits, start=1)
                if hit.watch == self._watch.id
            ]
            if here:
                self._hits[item.id] = here
                self.hits += len(here)
                fresh.extend(here)
        if fresh:
            since = now - JOIN_WINDOW
            recent = [event for event in self.events.values() if event.last_seen_at >= since]
            self._apply(self._grouper.group(fresh, recent, now=now), now)

    def assess(self, changes: Sequence[LevelChange], now: datetime) -> Assessment:
        return assess(
            self._watch,
            list(self.events.values()),
            now=now,
            coverage=self._polls,
            feeds=tuple(self._feeds.values()),
            changes=changes,
            memory=self._memory,
        )

    def _apply(self, drafts: Iterable[EventDraft], now: datetime) -> None:
        keys: dict[str, int] = {}
        touched: set[int] = set()
        for draft in drafts:
            event = draft.event
            if event is None:
                if draft.key not in keys:
                    keys[draft.key] = self._next
                    self._next += 1
                event = keys[draft.key]
            before = self._of.get(draft.item)
            if before is not None and before != event:
                del self._places[before][draft.item]
                touched.add(before)
            self._of[draft.item] = event
            self._places.setdefault(event, {})[draft.item] = Member(
                item=self._hits[draft.item][0].item,
                role=draft.role,  # type: ignore[arg-type]
                of=draft.of,
                similarity=draft.similarity,
                why=draft.why,
                added_at=now,
            )
            touched.add(event)
        for number in touched:
            self._rebuild(number)

    def _rebuild(self, number: int) -> None:
        members = tuple(self._places[number].values())
        if not members:
            self.events.pop(number, None)
            return
        seen = [each.item.first_seen_at for each in members if each.item.first_seen_at]
        first = min(members, key=lambda each: (each.role != "origin", each.item.id))
        event = Event(
            id=number,
            title=first.item.title,
            first_seen_at=min(seen),
            last_seen_at=max(seen),
            members=members,
            hits=tuple(hit for each in members for hit in self._hits[each.item.id]),
            lang=first.item.lang,
        )
        self.events[number] = replace(event, grade=suggested_grade(event, self._feeds))


def levels_by_day(changes: Iterable[LevelChange]) -> Iterator[tuple[date, str, LevelName]]:
    """(day, indicator, level from then on), oldest first."""
    for change in sorted(changes, key=lambda each: (each.at, each.indicator)):
        yield _day(change), change.indicator, change.after
