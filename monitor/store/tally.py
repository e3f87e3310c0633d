"""The inbox's counts, kept in memory and brought up to date by what changed.

Counting 100,000 pairs by seven facets takes SQL a quarter of a second, and nearly nothing of it changes
between two looks. ``event.version`` grows with every change of an event, in the order of commits, so
that a look reads only the events that changed since the look before, whoever changed them.
"""

from __future__ import annotations

import json
import threading
import time
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import Connection, func, select

from monitor.desk import FacetName, Facets, InboxFilter
from monitor.store.bulk import among
from monitor.store.tables import EVENT, EVENT_ITEM, PAIR

WORDS_KEPT = 16  # searches whose events are kept
WORDS_FRESH = 30.0  # seconds
CHANGES_KEPT = 5000  # events that changed lately

Kind = tuple[str, str, str, str, str, str, str, str]
"""A pair's status, watch, indicator, origins, grade, lang, stage and feed."""

_PLACE: dict[FacetName, int] = {
    "status": 0,
    "indicator": 2,
    "origins": 3,
    "grade": 4,
    "lang": 5,
    "stage": 6,
    "feed": 7,
}
_GRADES = {"A": "A-B", "B": "A-B", "C": "C-D", "D": "C-D"}


@dataclass(slots=True)
class Tally:
    """What one process has counted. Safe to use from any thread."""

    _version: int = -1
    _at: dict[int, datetime] = field(default_factory=dict)  # event → first seen
    _of: dict[int, tuple[int, ...]] = field(default_factory=dict)  # event → kinds of its pairs
    _same: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)  # each once
    _event_of: array[int] = field(default_factory=lambda: array("q"))  # item → event, 0: none
    _ids: dict[Kind, int] = field(default_factory=dict)  # a small number counts faster than a name
    _names: list[Kind] = field(default_factory=list)  # by that number
    _kinds: Counter[Kind] = field(default_factory=Counter)
    _margins: defaultdict[str, defaultdict[FacetName, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    _events: defaultdict[Kind, set[int]] = field(default_factory=lambda: defaultdict(set))
    _waiting: tuple[int, Mapping[tuple[str, str], Mapping[str, int]]] = field(default=(-2, {}))
    _of_day: defaultdict[date, set[int]] = field(default_factory=lambda: defaultdict(set))
    _days: Counter[tuple[str, str, date]] = field(default_factory=Counter)
    _words: OrderedDict[tuple[str, ...], tuple[int, float, set[int]]] = field(
        default_factory=OrderedDict
    )
    _changes: deque[tuple[int, int]] = field(default_factory=deque)  # version, event
    _forgotten: int = 0  # the version up to which changes are no longer known
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def events(
        self,
        connection: Connection,
        words: tuple[str, ...],
        find: Callable[[Collection[int] | None], set[int]],
    ) -> set[int]:
        """``find(None)``: the events with these words; asked again, those that changed are looked at."""
        with self._lock:
            self._catch_up(connection)
            version, at, events = self._words.get(words, (-1, 0.0, set()))
            if version < self._forgotten or time.monotonic() - at > WORDS_FRESH:
                at, events = time.monotonic(), find(None)
            elif version < self._version:
                changed = {number for seen, number in self._changes if seen > version}
                events = events.difference(changed).union(find(changed))
            self._words[words] = (self._version, at, events)
            self._words.move_to_end(words)
            while len(self._words) > WORDS_KEPT:
                self._words.popitem(last=False)
            return events

    def waiting(self, connection: Connection) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """(watch, indicator) → status → pairs."""
        with self._lock:
            self._catch_up(connection)
            if self._waiting[0] != self._version:
                found: dict[tuple[str, str], dict[str, int]] = {}
                for kind, count in self._kinds.items():
                    by_status = found.setdefault(kind[1:3], {})
                    by_status[kind[0]] = by_status.get(kind[0], 0) + count
                self._waiting = (self._version, found)
            return self._waiting[1]

    def days(
        self, connection: Connection, *, after: date
    ) -> Mapping[tuple[str, str], Mapping[date, int]]:
        """(watch, indicator) → UTC day after that day → pairs that are not dismissed."""
        with self._lock:
            self._catch_up(connection)
            found: dict[tuple[str, str], dict[date, int]] = {}
            for (watch, indicator, day), count in self._days.items():
                if day > after:
                    found.setdefault((watch, indicator), {})[day] = count
            return found

    def few(self, connection: Connection, filter: InboxFilter, *, most: int) -> set[int] | None:
        """The events with pairs of such kinds, or more; None where ``most`` events are not enough."""
        active = _active(filter)
        bounded = filter.since is not None or filter.until is not None
        if filter.watch is None and not bounded and set(active) <= {"status"}:
            return None  # an index has these in their order
        wanted = [(_PLACE[name], value) for name, value in active.items()]
        with self._lock:
            self._catch_up(connection)
            within = self._within(filter.since, filter.until)
            found: set[int] = set()
            for kind, events in self._events.items():
                if filter.watch is not None and kind[1] != filter.watch:
                    continue
                if any(kind[place] != value for place, value in wanted):
                    continue
                found |= events if within is None else events & within
                if len(found) > most:
                    return None
            return found

    def facets(
        self, connection: Connection, filter: InboxFilter, *, events: Collection[int] | None
    ) -> Facets:
        """Counts by facet, each under all filters but its own; ``events``: of these only."""
        with self._lock:
            self._catch_up(connection)
            active = _active(filter)
            bounded = events is not None or filter.since is not None or filter.until is not None
            if not bounded and filter.watch is None and set(active) <= {"status"}:
                return self._of_status(filter.status)
            kinds = self._counted(filter, events) if bounded else self._kinds
            return _count(kinds.items(), filter.watch, active)

    def _of_status(self, status: str | None) -> Facets:
        """The commonest look: nothing chosen but the status."""
        counts: dict[str, Mapping[str, int]] = {}
        statuses = [status] if status is not None else list(self._margins)
        for name in _PLACE:
            summed: Counter[str] = Counter()
            for each in self._margins if name == "status" else statuses:
                summed.update(self._margins[each][name])
            counts[name] = _most_first(summed)
        total = sum(self._margins[each]["status"].total() for each in statuses)
        return Facets(counts=counts, total=total)

    def _counted(self, filter: InboxFilter, events: Collection[int] | None) -> Counter[Kind]:
        within = self._within(filter.since, filter.until)
        if events is None:
            chosen: Iterable[int] = self._of if within is None else within
        else:
            chosen = events if within is None else within.intersection(events)
        counts: Counter[int] = Counter()
        for kinds, count in Counter(map(self._of.get, chosen)).items():
            for id in kinds or ():  # many events have the same kinds of pairs
                counts[id] += count
        return Counter({self._names[id]: count for id, count in counts.items()})

    def _within(self, since: datetime | None, until: datetime | None) -> set[int] | None:
        """The events first seen from ``since`` on and before ``until``; None: there are no bounds."""
        if since is None and until is None:
            return None
        first = since.astimezone(UTC).date() if since is not None else date.min
        last = until.astimezone(UTC).date() if until is not None else date.max
        found: set[int] = set()
        for day, events in self._of_day.items():
            if first < day < last:
                found |= events
            elif first <= day <= last:
                for event in events:
                    at = self._at[event]
                    if (since is None or at >= since) and (until is None or at < until):
                        found.add(event)
        return found

    def _catch_up(self, connection: Connection) -> None:
        query = (
            select(EVENT.c.number, EVENT.c.version, *_COLUMNS)
            .outerjoin(PAIR, PAIR.c.event == EVENT.c.number)
            .where(EVENT.c.version > self._version)
        )
        changed: dict[int, list[Kind]] = {}
        versions: dict[int, int] = {}
        seen: dict[int, datetime] = {}  # the pairs of an event are of one time
        for number, version, first_seen_at, *columns in connection.execute(query):
            kinds = changed.setdefault(number, [])
            if first_seen_at is not None:
                kinds.append(_kind(columns))
                seen[number] = first_seen_at
            versions[number] = version
        if not changed:
            return
        self._place(connection, None if self._version < 0 else changed)
        self._version = max(self._version, *versions.values())
        for number, kinds in changed.items():
            if before := self._of.pop(number, None):
                at = self._at.pop(number)
                for id in before:
                    kind = self._names[id]
                    self._add(kind, at, -1)
                    self._events[kind].discard(number)
                self._of_day[_day(at)].discard(number)
            if kinds:
                at = self._at[number] = seen[number]
                same = tuple([self._id(kind) for kind in kinds])
                self._of[number] = self._same.setdefault(same, same)
                self._of_day[_day(at)].add(number)
                for kind in kinds:
                    self._add(kind, at, 1)
                    self._events[kind].add(number)
        self._note(versions)

    def _place(self, connection: Connection, events: Collection[int] | None) -> None:
        """Notes in which of these events, or of all, items are; SQLite alone asks for it."""
        if connection.dialect.name != "sqlite":
            return
        of = EVENT_ITEM.c.removed_at.is_(None)
        query = select(
            func.json_group_array(EVENT_ITEM.c.item), func.json_group_array(EVENT_ITEM.c.event)
        )
        if events is not None:
            for gone in self._moved(connection, events):
                self._event_of[gone] = 0
            query = query.where(among(connection, EVENT_ITEM.c.event, events))
        items, places = map(json.loads, connection.execute(query.where(of)).one())
        size = max(items, default=0) + 1
        if size > len(self._event_of):
            self._event_of.extend([0] * (size + size // 8 - len(self._event_of)))
        for item, event in zip(items, places, strict=True):
            self._event_of[item] = event

    def _moved(self, connection: Connection, events: Collection[int]) -> list[int]:
        """Items that were taken out of these events, and are still noted as in them."""
        query = select(EVENT_ITEM.c.item, EVENT_ITEM.c.event).where(
            among(connection, EVENT_ITEM.c.event, events), EVENT_ITEM.c.removed_at.is_not(None)
        )
        known = self._event_of
        return [
            item
            for item, event in connection.execute(query)
            if item < len(known) and known[item] == event
        ]

    def events_of(self, items: Sequence[int]) -> set[int]:
        """The events that these items are in; within ``find`` of ``events``, on SQLite."""
        known = self._event_of
        try:
            found = set(map(known.__getitem__, items))
        except IndexError:  # an item that came after the last that was in an event
            found = {known[item] for item in items if item < len(known)}
        found.discard(0)
        return found

    def _note(self, versions: Mapping[int, int]) -> None:
        """Remembers what changed, as far back as is worth it."""
        if len(versions) > CHANGES_KEPT:
            self._changes.clear()
            self._forgotten = self._version
            return
        self._changes.extend((version, number) for number, version in versions.items())
        while len(self._changes) > CHANGES_KEPT:
            self._forgotten = max(self._forgotten, self._changes.popleft()[0])

    def _id(self, kind: Kind) -> int:
        id = self._ids.setdefault(kind, len(self._names))
        if id == len(self._names):
            self._names.append(kind)
        return id

    def _add(self, kind: Kind, at: datetime, count: int) -> None:
        self._kinds[kind] += count
        if not self._kinds[kind]:
            del self._kinds[kind]
        margins = self._margins[kind[0]]
        for name, place in _PLACE.items():
            margins[name][kind[place]] += count
        if kind[0] != "dismissed":
            day = (kind[1], kind[2], _day(at))
            self._days[day] += count
            if not self._days[day]:
                del self._days[day]


_COLUMNS = (
    PAIR.c.first_seen_at,
    PAIR.c.status,
    PAIR.c.watch,
    PAIR.c.indicator,
    PAIR.c.origins,
    PAIR.c.grade,
    PAIR.c.lang,
    PAIR.c.stage,
    PAIR.c.feed,
)


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _kind(columns: Sequence[object]) -> Kind:
    status, watch, indicator, origins, grade, lang, stage, feed = columns
    several = "3+" if int(str(origins)) >= 3 else "2" if origins == 2 else "1"
    graded = _GRADES.get(str(grade), "E-F")
    return (
        str(status),
        str(watch),
        str(indicator),
        several,
        graded,
        str(lang),
        str(stage or ""),
        str(feed),
    )


def _active(filter: InboxFilter) -> dict[FacetName, str]:
    chosen: dict[FacetName, str | None] = {
        "status": filter.status,
        "indicator": filter.indicator,
        "origins": filter.origins,
        "grade": filter.grade,
        "lang": filter.lang,
        "stage": filter.stage,
        "feed": filter.feed,
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _count(
    kinds: Iterable[tuple[Kind, int]], watch: str | None, active: Mapping[FacetName, str]
) -> Facets:
    """A kind that fails one filter still counts for that filter's own facet."""
    wanted = [(name, _PLACE[name], value) for name, value in active.items()]
    matching: list[tuple[Kind, int]] = []
    failing: defaultdict[FacetName, Counter[str]] = defaultdict(Counter)
    for kind, count in kinds:
        if watch is not None and kind[1] != watch:
            continue
        missed = [name for name, place, value in wanted if kind[place] != value]
        if not missed:
            matching.append((kind, count))
        elif len(missed) == 1:
            failing[missed[0]][kind[_PLACE[missed[0]]]] += count
    counts: dict[str, Mapping[str, int]] = {}
    for name, place in _PLACE.items():
        summed = failing[name]
        for kind, count in matching:
            summed[kind[place]] += count
        counts[name] = _most_first(summed)
    return Facets(counts=counts, total=sum(count for _, count in matching))


def _most_first(counts: Counter[str]) -> Mapping[str, int]:
    return dict(_sorted(counts))


def _sorted(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    found = [(value, count) for value, count in counts.items() if value and count]
    yield from sorted(found, key=lambda each: (-each[1], each[0]))
