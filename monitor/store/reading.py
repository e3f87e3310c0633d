"""Items, hits and events as they are, or as they were known at ``as_of``.

A thing is known from the time it was stored. What was changed later is read from the past tables, so
that nothing that came after ``as_of`` shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, literal, select

from monitor.model import Event, Item, Member, Status, StoredHit
from monitor.store.codec import AnyRow, Fields, item_at, item_from
from monitor.store.hits import (
    HIT_COLUMNS,
    ITEM_COLUMNS,
    as_it_was,
    hit_query,
    hits_by_number,
    hits_of_status,
    holds,
    past_of,
    present,
    read_hits,
    status_of_hit,
    stored_hits,
)
from monitor.store.known import Known
from monitor.store.listing import are_few, newest_events
from monitor.store.part import Part, chunks
from monitor.store.tables import (
    AUDIT,
    EVENT,
    EVENT_ITEM,
    GRADE,
    HIT,
    ITEM,
    ITEM_PAST,
    PAIR,
    REVIEW,
)

PAGE = 2000
LISTED = 500  # events that a list shows at most


class Reading(Part):
    """Reading items, hits and events."""

    _wholes: Known[int, Event]

    def items(
        self,
        *,
        ids: Collection[str] | None = None,
        since: datetime | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Items in the order in which they were stored, a page at a time in constant memory.

        ``after`` is the number of the item to go on behind (see ``numbered_items``).
        """
        for _, item in self.numbered_items(ids=ids, since=since, after=after, limit=limit):
            yield item

    def numbered_items(
        self,
        *,
        ids: Collection[str] | None = None,
        since: datetime | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Iterator[tuple[int, Item]]:
        """Like ``items``, each with its number, by which reading can be taken up again."""
        if ids is not None:
            found = []
            with self.db.read() as connection:
                for some in chunks(sorted(set(ids))):
                    query = select(ITEM).where(ITEM.c.id.in_(some), ITEM.c.number > after)
                    found += [
                        (row.number, item_from(row._mapping)) for row in connection.execute(query)
                    ]
            yield from [
                each
                for each in sorted(found, key=lambda each: each[0])
                if since is None or (each[1].first_seen_at or since) >= since
            ][:limit]
            return
        left = limit
        while left is None or left > 0:
            query = select(ITEM).where(ITEM.c.number > after).order_by(ITEM.c.number)
            if since is not None:
                query = query.where(ITEM.c.first_seen_at >= since)
            size = PAGE if left is None else min(PAGE, left)
            with self.db.read() as connection:
                rows = connection.execute(query.limit(size)).all()
            for row in rows:
                yield row.number, item_from(row._mapping)
            if len(rows) < size:
                return
            after = rows[-1].number
            left = None if left is None else left - len(rows)

    def hits(
        self,
        *,
        since: datetime | None = None,
        indicator: str | None = None,
        status: Status | None = None,
        as_of: datetime | None = None,
        limit: int | None = None,
        numbers: Collection[int] | None = None,
        watch: str | None = None,
    ) -> Sequence[StoredHit]:
        """Hits that hold, newest first; ``since`` is about when they were stored."""
        wanted = []
        if since is not None:
            wanted.append(HIT.c.stored_at >= since)
        if numbers is not None:
            wanted.append(HIT.c.number.in_(list(numbers)))
        own = {"indicator": indicator, "watch": watch}
        subject = [(name, value) for name, value in own.items() if value is not None]
        order = (HIT.c.stored_at.desc(), HIT.c.number.desc())
        query = hit_query(as_of).where(*wanted).order_by(*order)
        query = query.where(*(HIT.c[name] == value for name, value in subject))
        with self.db.read() as connection:
            rare = status if status != "new" and as_of is None else None
            if rare is not None and are_few(connection, rare):
                # from the pairs to the numbers of their hits: no more is read than is given
                first = hits_of_status(rare).where(*wanted).order_by(*order).limit(limit)
                first = first.where(*(PAIR.c[name] == value for name, value in subject))
                some = connection.execute(first).scalars().all()
                by_number = {hit.number: hit for hit in hits_by_number(connection, some)}
                return [by_number[number] for number in some if number in by_number]
            if status is not None:
                query = query.where(status_of_hit(as_of) == status)
            if as_of is None:
                return read_hits(connection, query.limit(limit), as_of)
            return read_hits(connection, query, as_of)[:limit]

    def events(
        self,
        *,
        since: datetime | None = None,
        indicator: str | None = None,
        status: Status | None = None,
        as_of: datetime | None = None,
        ids: Collection[int] | None = None,
        limit: int | None = None,
    ) -> Sequence[Event]:
        """Events with hits that hold, last seen first. ``since``: the last item was seen then or later.

        With ``ids``, also an event whose hits were all withdrawn; a merged one under what it went into.
        """
        with self.db.read() as connection:
            pages: Iterable[list[int]]
            if ids is None and as_of is None:
                size = 500 if limit is None else min(500, max(50, limit))
                pages = newest_events(
                    connection, since=since, indicator=indicator, status=status, size=size
                )
            else:
                pages = chunks(_event_numbers(connection, since, indicator, as_of, ids), 500)
            found: list[Event] = []
            for some in pages:
                kept = as_of is None and (ids is not None or (limit or PAGE) <= LISTED)
                for event in (
                    self._whole(connection, some)
                    if kept
                    else load_events(connection, some, as_of=as_of)
                ):
                    if (
                        (event.hits or ids is not None)
                        and event.members
                        and (since is None or event.last_seen_at >= since)
                        and (indicator is None or indicator in event.indicators)
                        and (status is None or event.status == status)
                    ):
                        found.append(event)
                if limit is not None and len(found) >= limit:
                    break
            found.sort(key=lambda event: (event.last_seen_at, event.id), reverse=True)
            return found[:limit]

    def _whole(self, connection: Connection, numbers: Sequence[int]) -> list[Event]:
        """``load_events``, but of what has not changed since it was read last nothing is read."""
        query = select(EVENT.c.number, EVENT.c.version).where(EVENT.c.number.in_(numbers))
        versions = {row.number: row.version for row in connection.execute(query)}
        found: dict[int, Event] = {}
        for number, version in versions.items():
            known = self._wholes.get(number, version)
            if known is not None:
                found[number] = known
        missing = [number for number in numbers if number in versions and number not in found]
        for event in load_events(connection, missing) if missing else ():
            found[event.id] = event
            self._wholes.put(event.id, versions[event.id], event)
        return [found[number] for number in numbers if number in found]


def _event_numbers(
    connection: Connection,
    since: datetime | None,
    indicator: str | None,
    as_of: datetime | None,
    ids: Collection[int] | None,
) -> list[int]:
    """Events that may be meant, last seen first; the caller looks closer."""
    query = select(EVENT.c.number).order_by(EVENT.c.last_seen_at.desc(), EVENT.c.number.desc())
    if ids is not None:
        merged = select(func.coalesce(EVENT.c.merged_into, EVENT.c.number))
        query = query.where(
            EVENT.c.number.in_(list(ids))
            if as_of
            else EVENT.c.number.in_(merged.where(EVENT.c.number.in_(list(ids))))
        )
    if since is not None:
        query = query.where(EVENT.c.last_seen_at >= since)
    if as_of is not None:
        query = query.where(EVENT.c.created_at <= as_of)
    if indicator is not None:
        query = query.where(
            EVENT.c.number.in_(
                select(EVENT_ITEM.c.event)
                .join(HIT, HIT.c.item == EVENT_ITEM.c.item)
                .where(HIT.c.indicator == indicator, present(as_of))
            )
        )
    return list(connection.execute(query).scalars())


def load_events(
    connection: Connection, numbers: Sequence[int], *, as_of: datetime | None = None
) -> list[Event]:
    """Whole events in the order of ``numbers``, with members, hits and newest verdicts."""
    rows = {
        row.number: row
        for row in connection.execute(select(EVENT).where(EVENT.c.number.in_(numbers)))
    }
    members, items = _members(connection, numbers, as_of)
    reviews = _verdicts(connection, numbers, as_of)
    hits = _hits_of_events(connection, numbers, as_of, items, reviews)
    grades = _grades(connection, numbers, as_of)
    return [
        _event(
            rows[number], members[number], hits[number], reviews[number], grades.get(number), as_of
        )
        for number in numbers
        if number in rows
    ]


def _event(
    row: AnyRow,
    members: Sequence[Member],
    hits: Sequence[StoredHit],
    verdicts: Mapping[tuple[str, str], Status],
    grade: AnyRow | None,
    as_of: datetime | None,
) -> Event:
    seen = [each.item.first_seen_at for each in members if each.item.first_seen_at]
    subjects = dict.fromkeys((each.hit.watch, each.hit.indicator) for each in hits)
    best = max(hits, key=lambda each: each.hit.score, default=None)
    changed = [each.added_at for each in members if each.added_at]
    changed += [each.stored_at for each in hits]
    return Event(
        id=row.number,
        title=row.title,
        first_seen_at=min(seen, default=row.first_seen_at),
        last_seen_at=max(seen, default=row.last_seen_at),
        members=tuple(members),
        hits=tuple(hits),
        reviews={subject: verdicts.get(subject, "new") for subject in subjects},
        grade=grade.grade if grade else None,
        grade_by=grade.by if grade and grade.grade else "",
        independent_origins=max(1, sum(each.role in ("origin", "independent") for each in members)),
        stage=best.hit.stage if best else None,
        lang=members[0].item.lang if members else "",
        updated_at=row.updated_at if as_of is None else max(changed, default=row.created_at),
    )


_MEMBER = ("event", "item", "role", "of", "similarity", "why", "added_at", "pinned", "by")


def _members(
    connection: Connection, numbers: Sequence[int], as_of: datetime | None
) -> tuple[defaultdict[int, list[Member]], Mapping[int, Item]]:
    """The members of each event, oldest first, and their items by number."""
    query = (
        select(*(EVENT_ITEM.c[name] for name in _MEMBER), *ITEM_COLUMNS)
        .join(ITEM, ITEM.c.number == EVENT_ITEM.c.item)
        .where(EVENT_ITEM.c.event.in_(numbers), present(as_of))
        .order_by(ITEM.c.first_seen_at, ITEM.c.number)
    )
    rows = connection.execute(query).all()
    past: Mapping[int, Fields] = {}
    if as_of is not None:
        edited = {row.item for row in rows if row.item_since_at > as_of}
        past = past_of(connection, ITEM_PAST, ITEM_PAST.c.item, edited, as_of)
    pins = _pins(connection, numbers, as_of)
    found: defaultdict[int, list[Member]] = defaultdict(list)
    items: dict[int, Item] = {}
    for row in rows:
        event, number, role, of, similarity, why, added_at, pinned, _ = row[: len(_MEMBER)]
        item = items[number] = as_it_was(item_at(row, len(_MEMBER)), past.get(number))
        found[event].append(
            Member(
                item=item,
                role=role,
                of=of,
                similarity=similarity,
                why=why,
                added_at=added_at,
                pinned=pinned if as_of is None else _was_pinned(row, pins[event]),
            )
        )
    return found, items


def _pins(
    connection: Connection, events: Sequence[int], as_of: datetime | None
) -> defaultdict[int, list[tuple[datetime, bool]]]:
    """When each event was pinned or let go, oldest first; memberships only know how it is now."""
    found: defaultdict[int, list[tuple[datetime, bool]]] = defaultdict(list)
    if as_of is None:
        return found
    query = (
        select(AUDIT.c.subject, AUDIT.c.action, AUDIT.c.at)
        .where(
            AUDIT.c.subject.in_([f"event/{event}" for event in events]),
            AUDIT.c.action.in_(["pinned", "unpinned", "merged"]),
            AUDIT.c.at <= as_of,
        )
        .order_by(AUDIT.c.number)
    )
    for row in connection.execute(query):
        found[int(row.subject.removeprefix("event/"))].append((row.at, row.action != "unpinned"))
    return found


def _was_pinned(row: AnyRow, pins: Sequence[tuple[datetime, bool]]) -> bool:
    """What an analyst put somewhere was pinned with it; then every pin of its event applies."""
    return next((pinned for at, pinned in reversed(pins) if at >= row.added_at), bool(row.by))


def _hits_of_events(
    connection: Connection,
    numbers: Sequence[int],
    as_of: datetime | None,
    items: Mapping[int, Item],
    verdicts: Mapping[int, Mapping[tuple[str, str], Status]],
) -> defaultdict[int, list[StoredHit]]:
    """The hits of each event in the order of their numbers; their items are those of the members."""
    query = (
        select(*HIT_COLUMNS, EVENT_ITEM.c.event, literal("new"))
        .select_from(EVENT_ITEM)
        .join(HIT, HIT.c.item == EVENT_ITEM.c.item)
        .where(EVENT_ITEM.c.event.in_(numbers), present(as_of), holds(as_of))
    )
    rows = connection.execute(query).all()
    found: defaultdict[int, list[StoredHit]] = defaultdict(list)
    for stored in sorted(stored_hits(connection, rows, as_of, items), key=lambda each: each.number):
        event = stored.event
        assert event is not None
        if decided := verdicts.get(event):
            status = decided.get((stored.hit.watch, stored.hit.indicator), "new")
            stored = stored if status == "new" else replace(stored, status=status)
        found[event].append(stored)
    return found


def _verdicts(
    connection: Connection, numbers: Sequence[int], as_of: datetime | None
) -> defaultdict[int, dict[tuple[str, str], Status]]:
    query = select(REVIEW).where(REVIEW.c.event.in_(numbers)).order_by(REVIEW.c.number)
    if as_of is not None:
        query = query.where(REVIEW.c.at <= as_of)
    found: defaultdict[int, dict[tuple[str, str], Status]] = defaultdict(dict)
    for row in connection.execute(query):
        found[row.event][row.watch, row.indicator] = row.status
    return found


def _grades(
    connection: Connection, numbers: Sequence[int], as_of: datetime | None
) -> dict[int, AnyRow]:
    query = select(GRADE).where(GRADE.c.event.in_(numbers)).order_by(GRADE.c.number)
    if as_of is not None:
        query = query.where(GRADE.c.at <= as_of)
    return {row.event: row for row in connection.execute(query)}
