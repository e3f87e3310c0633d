"""Lists, facets and counts for the pages, all from the ``pair`` table and all cut by key."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, cast

from sqlalchemy import Connection, and_, case, exists, func, literal, or_, select, tuple_

from monitor.desk import FacetName, Facets, InboxFilter, InboxPage, InboxRow, InboxSort
from monitor.errors import ConfigError
from monitor.model import STATUSES, Span, Status, StoredHit
from monitor.store import reading
from monitor.store.bulk import among
from monitor.store.codec import AnyRow, spans_from
from monitor.store.hits import hits_by_number
from monitor.store.known import Known
from monitor.store.listing import by_status, of_few
from monitor.store.part import Part
from monitor.store.search import evidence_matching, words_of
from monitor.store.tables import EVENT, EVENT_ITEM, FEED, GRADE, HIT, ITEM, PAIR, REVIEW
from monitor.store.tally import Tally

_ORIGINS = case((PAIR.c.origins >= 3, "3+"), (PAIR.c.origins == 2, "2"), else_="1")
_GRADE = case((PAIR.c.grade <= "B", "A-B"), (PAIR.c.grade <= "D", "C-D"), else_="E-F")
_FACETS: dict[FacetName, Any] = {
    "status": PAIR.c.status,
    "indicator": PAIR.c.indicator,
    "origins": _ORIGINS,
    "grade": _GRADE,
    "lang": PAIR.c.lang,
    "stage": func.coalesce(PAIR.c.stage, ""),
    "feed": PAIR.c.feed,
}
# Each order ends in the pair's own key, so that no two rows are equal and a page can go on behind one.
_ORDERS: dict[InboxSort, tuple[tuple[Any, bool], ...]] = {
    "independent": ((PAIR.c.origins, True), (PAIR.c.last_seen_at, True), (PAIR.c.event, True)),
    "newest": ((PAIR.c.last_seen_at, True), (PAIR.c.event, True)),
    "oldest": ((PAIR.c.first_seen_at, False), (PAIR.c.event, False)),
}
_TAIL = (PAIR.c.watch, PAIR.c.indicator)
_COMMON = 2000  # events with the words: so many that the first pairs of a list are looked through
_LOOKED_AT = 600
_FEW = 2000  # pairs with the filters: so few that they are taken one by one


Key = tuple[int, str, str]
"""A pair: event, watch, indicator."""


class Inbox(Part):
    """What waits for a verdict, and what was decided."""

    _tally: Tally
    _rows: Known[Key, InboxRow]

    def inbox(
        self,
        filter: InboxFilter,
        *,
        sort: InboxSort = "independent",
        after: str | None = None,
        limit: int = 50,
    ) -> InboxPage:
        """One page of pairs; ``after`` is the key of the page before."""
        order = _ORDERS[sort]
        query = select(PAIR.c.event, *_TAIL, *(column for column, _ in order[:-1]))
        if after is not None:
            query = query.where(_behind(order, _read_key(after, len(order))))
        whole = (*order, *((column, False) for column in _TAIL))
        with self.db.read() as connection:
            events = self._events_with(connection, filter)
            if events is None and filter.second_opinion_of is None:
                events = self._tally.few(connection, filter, most=_FEW)
            if events is not None and not events:
                return InboxPage(rows=())
            keys: Sequence[AnyRow] = ()
            if events is not None and len(events) > _COMMON:  # among the first there are enough
                some = query.where(*self._conditions(connection, filter, None, but="status"))
                first = connection.execute(by_status(some, filter.status, whole, _LOOKED_AT))
                keys = [key for key in first if key.event in events][: limit + 1]
            if len(keys) <= limit:
                query = query.where(*self._conditions(connection, filter, events, but="status"))
                statuses: Sequence[Status] = STATUSES
                if filter.second_opinion_of is not None and not _was_put_back(connection):
                    statuses = ("confirmed", "dismissed", "second-look")  # who is new is unjudged
                if events is not None and len(events) <= _FEW:
                    query = of_few(query, filter.status, whole, limit + 1)
                else:
                    query = by_status(query, filter.status, whole, limit + 1, statuses)
                keys = connection.execute(query).all()
            more = len(keys) > limit
            keys = keys[:limit]
            rows = pair_rows(
                connection, [(k.event, k.watch, k.indicator) for k in keys], self._rows
            )
        key = _write_key([*keys[-1][3:], keys[-1].event], keys[-1]) if more else None
        return InboxPage(rows=tuple(rows), after=key)

    def facets(self, filter: InboxFilter) -> Facets:
        """Counts by facet value, each under all filters but its own."""
        with self.db.read() as connection:
            events = self._events_with(connection, filter)
            if filter.second_opinion_of is not None:
                return self._counted_by_sql(connection, filter, events)
            return self._tally.facets(connection, filter, events=events)

    def _counted_by_sql(
        self, connection: Connection, filter: InboxFilter, events: Collection[int] | None
    ) -> Facets:
        """For the rare filter that is about a pair's reviews."""
        counts: dict[str, Mapping[str, int]] = {}
        for name, value in _FACETS.items():
            query = select(value.label("value"), func.count().label("rows")).group_by(value)
            query = query.where(*self._conditions(connection, filter, events, but=name))
            found = [(row.value, row.rows) for row in connection.execute(query) if row.value]
            counts[name] = dict(sorted(found, key=lambda each: (-each[1], each[0])))
        whole = select(func.count()).select_from(PAIR)
        whole = whole.where(*self._conditions(connection, filter, events))
        return Facets(counts=counts, total=int(connection.execute(whole).scalar_one()))

    def lead_spans(
        self, *, status: Status, limit: int
    ) -> Sequence[tuple[tuple[str, str], tuple[Span, ...]]]:
        """((watch, indicator), evidence of the lead hit) of the pairs of a status, last seen first."""
        newest = (
            select(PAIR.c.watch, PAIR.c.indicator, PAIR.c.lead)
            .where(PAIR.c.status == status)
            .order_by(PAIR.c.last_seen_at.desc(), PAIR.c.event.desc())
            .limit(limit)
            .subquery()
        )
        query = select(newest.c.watch, newest.c.indicator, HIT.c.spans).join(
            HIT, HIT.c.number == newest.c.lead
        )
        with self.db.read() as connection:
            return [((w, i), spans_from(spans)) for w, i, spans in connection.execute(query)]

    def waiting(self) -> Mapping[tuple[str, str], Mapping[Status, int]]:
        """(watch, indicator) → status → pairs."""
        with self.db.read() as connection:
            return cast(
                Mapping[tuple[str, str], Mapping[Status, int]], self._tally.waiting(connection)
            )

    def activity(
        self, *, since: datetime, as_of: datetime | None = None
    ) -> Mapping[tuple[str, str], Mapping[date, int]]:
        """(watch, indicator) → UTC day an event was first seen → events that are not dismissed."""
        if as_of is not None:
            return self._activity_as_of(since, as_of)
        first = since.astimezone(UTC).date()
        rest = datetime.combine(first, time.max, UTC)
        query = (
            select(PAIR.c.watch, PAIR.c.indicator, func.count())
            .where(PAIR.c.first_seen_at.between(since, rest), PAIR.c.status != "dismissed")
            .group_by(PAIR.c.watch, PAIR.c.indicator)
        )
        with self.db.read() as connection:
            days = self._tally.days(connection, after=first)
            found = {subject: dict(counts) for subject, counts in days.items()}
            for watch, indicator, count in connection.execute(query):
                found.setdefault((watch, indicator), {})[first] = count
        return found

    def _activity_as_of(
        self, since: datetime, as_of: datetime
    ) -> Mapping[tuple[str, str], Mapping[date, int]]:
        found: dict[tuple[str, str], dict[date, int]] = {}
        for event in self._events_as_of(since, as_of):
            day = event.first_seen_at.astimezone(UTC).date()
            for subject, status in event.reviews.items():
                if status != "dismissed":
                    days = found.setdefault(subject, {})
                    days[day] = days.get(day, 0) + 1
        return found

    def related(self, event: int, *, limit: int = 5) -> Sequence[InboxRow]:
        """Other events of the same indicators, nearest in time first."""
        with self.db.read() as connection:
            mine = connection.execute(select(PAIR).where(PAIR.c.event == event)).all()
            if not mine:
                return ()
            at = mine[0].first_seen_at
            keys: list[AnyRow] = []
            columns = select(PAIR.c.event, *_TAIL, PAIR.c.first_seen_at)
            seen = PAIR.c.first_seen_at
            for row in mine:  # one by one, as the index has them
                own = (PAIR.c.watch == row.watch, PAIR.c.indicator == row.indicator)
                others = columns.where(*own, PAIR.c.event != event)
                before = others.where(seen <= at).order_by(seen.desc())
                behind = others.where(seen > at).order_by(seen)
                for query in (before, behind):
                    keys += connection.execute(query.limit(limit * len(mine)))
            keys.sort(key=lambda row: (abs(row.first_seen_at - at), row.event))
            once = {row.event: (row.event, row.watch, row.indicator) for row in reversed(keys)}
            nearest = [once[number] for number in dict.fromkeys(row.event for row in keys)]
            return pair_rows(connection, nearest[:limit], self._rows)

    def new_items_by_feed(self, *, since: datetime) -> Mapping[str, int]:
        """Feed → items first seen since."""
        query = select(ITEM.c.feed, func.count()).where(ITEM.c.first_seen_at >= since)
        with self.db.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(ITEM.c.feed))}

    def _events_as_of(self, since: datetime, as_of: datetime) -> Sequence[Any]:
        with self.db.read() as connection:
            query = select(EVENT.c.number).where(
                EVENT.c.created_at <= as_of, EVENT.c.last_seen_at >= since
            )
            numbers = connection.execute(query).scalars().all()
            found: list[Any] = []
            for start in range(0, len(numbers), 500):
                some = numbers[start : start + 500]
                found += reading.load_events(connection, some, as_of=as_of)
        return [each for each in found if each.members and each.first_seen_at >= since]

    def _events_with(self, connection: Connection, filter: InboxFilter) -> Collection[int] | None:
        """The events one of whose items holds all the filter's words; None where it has no words.

        Page and facets ask one after the other, and a common word is in most of the evidence.
        """
        words = tuple(words_of(filter.text))
        if not words:
            return None
        matching = evidence_matching(self.db.is_sqlite, words)

        def find(some: Collection[int] | None) -> set[int]:
            if (
                self.db.is_sqlite
            ):  # one value for all of them: a row each costs more than finding it
                items = matching.subquery()
                whole = connection.execute(select(func.json_group_array(items.c[0]))).scalar_one()
                return self._tally.events_of(json.loads(whole))
            query = select(EVENT_ITEM.c.event).where(
                EVENT_ITEM.c.removed_at.is_(None), EVENT_ITEM.c.item.in_(matching)
            )
            if some is not None:
                query = query.where(among(connection, EVENT_ITEM.c.event, some))
            return set(connection.execute(query).scalars())

        return self._tally.events(connection, words, find)

    def _conditions(
        self,
        connection: Connection,
        filter: InboxFilter,
        events: Collection[int] | None,
        *,
        but: FacetName | None = None,
    ) -> list[Any]:
        wanted: dict[FacetName, Any] = {
            "status": filter.status,
            "indicator": filter.indicator,
            "origins": filter.origins,
            "grade": filter.grade,
            "lang": filter.lang,
            "stage": filter.stage,
            "feed": filter.feed,
        }
        found = [
            _equals(name, value)
            for name, value in wanted.items()
            if value is not None and name != but
        ]
        if filter.watch is not None:
            found.append(PAIR.c.watch == filter.watch)
        if filter.since is not None:
            found.append(PAIR.c.first_seen_at >= filter.since)
        if filter.until is not None:
            found.append(PAIR.c.first_seen_at < filter.until)
        if events is not None:
            found.append(among(connection, PAIR.c.event, events))
        if filter.second_opinion_of is not None:
            judged = REVIEW.alias("judged")
            others = (judged.c.status != "new", judged.c.by != filter.second_opinion_of)
            found += [PAIR.c.event.in_(select(judged.c.event).where(*others))]  # most are not
            found += [_judged(REVIEW.c.by != filter.second_opinion_of)]
            found += [~_judged(REVIEW.c.by == filter.second_opinion_of)]
        return found


def _equals(name: FacetName, value: str) -> Any:
    """The condition of a facet, in a form that an index can serve."""
    origins = {"1": PAIR.c.origins <= 1, "2": PAIR.c.origins == 2, "3+": PAIR.c.origins >= 3}
    grades = {
        "A-B": PAIR.c.grade <= "B",
        "C-D": PAIR.c.grade.between("C", "D"),
        "E-F": PAIR.c.grade >= "E",
    }
    if name == "origins":
        return origins.get(value, literal(False))
    if name == "grade":
        return grades.get(value, literal(False))
    return _FACETS[name] == value


def _was_put_back(connection: Connection) -> bool:
    """Whether any pair was decided and is new again."""
    some = select(REVIEW.c.number).where(REVIEW.c.status == "new").limit(1)
    return connection.execute(some).first() is not None


def _judged(by: Any) -> Any:
    return exists().where(
        REVIEW.c.event == PAIR.c.event,
        REVIEW.c.watch == PAIR.c.watch,
        REVIEW.c.indicator == PAIR.c.indicator,
        REVIEW.c.status != "new",
        by,
    )


def _behind(order: Sequence[tuple[Any, bool]], key: Sequence[Any]) -> Any:
    """The condition that a row stands behind a key: all but the pair's own name go one way."""
    columns = [column for column, _ in order]
    down = order[0][1]
    values = tuple_(
        *(literal(value, column.type) for column, value in zip(columns, key, strict=False))
    )
    strictly = tuple_(*columns) < values if down else tuple_(*columns) > values
    own = key[len(columns) :]
    further = or_(
        strictly,
        and_(
            *(column == literal(v, column.type) for column, v in zip(columns, key, strict=False)),
            tuple_(*_TAIL) > tuple_(*(literal(v, c.type) for c, v in zip(_TAIL, own, strict=True))),
        ),
    )
    # an index is entered by a plain comparison, not by one side of an "or"
    entry = tuple_(*columns) <= values if down else tuple_(*columns) >= values
    return and_(entry, further)


def _write_key(values: Sequence[Any], row: AnyRow) -> str:
    plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
    text = json.dumps([*plain, row.watch, row.indicator], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_key(key: str, length: int) -> list[Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        if len(found) != length + 2:
            raise ValueError(key)
        return [
            datetime.fromisoformat(v) if isinstance(v, str) and i < length else v
            for i, v in enumerate(found)
        ]
    except (ValueError, TypeError):
        raise ConfigError("this page key is not one of ours", subject=key) from None


def pair_rows(
    connection: Connection, keys: Sequence[Key], known: Known[Key, InboxRow]
) -> list[InboxRow]:
    """The rows of these pairs, in this order; of those whose event has not changed, the same again."""
    if not keys:
        return []
    events = sorted({event for event, _, _ in keys})
    query = select(EVENT.c.number, EVENT.c.version).where(EVENT.c.number.in_(events))
    versions = {row.number: row.version for row in connection.execute(query)}
    rows = {key: known.get(key, versions[key[0]]) for key in keys}
    rows |= _rows_of(connection, [key for key, row in rows.items() if row is None])
    feeds = {row.lead.item.feed for row in rows.values() if row is not None}
    grades = select(FEED.c.id, FEED.c.reliability).where(FEED.c.id.in_(feeds))
    reliability = {row.id: row.reliability for row in connection.execute(grades)}
    found = []
    for key in keys:
        row = rows[key]
        assert row is not None
        grade = reliability.get(row.lead.item.feed, "F")
        if row.source_grade != grade:
            row = replace(row, source_grade=grade)
        known.put(key, versions[key[0]], row)
        found.append(row)
    return found


def _rows_of(connection: Connection, keys: Sequence[Key]) -> dict[Key, InboxRow]:
    if not keys:
        return {}
    events = sorted({event for event, _, _ in keys})
    pairs = {
        (row.event, row.watch, row.indicator): row
        for row in connection.execute(
            select(PAIR, EVENT.c.title)
            .join(EVENT, EVENT.c.number == PAIR.c.event)
            .where(PAIR.c.event.in_(events))
        )
    }
    leads = {
        hit.number: hit for hit in hits_by_number(connection, {pairs[key].lead for key in keys})
    }
    grades = {
        row.event: row.grade
        for row in connection.execute(
            select(GRADE).where(GRADE.c.event.in_(events)).order_by(GRADE.c.number)
        )
    }
    return {key: _row(pairs[key], leads[pairs[key].lead], grades.get(key[0])) for key in keys}


def _row(pair: AnyRow, lead: StoredHit, grade: str | None) -> InboxRow:
    return InboxRow(
        event=pair.event,
        watch=pair.watch,
        indicator=pair.indicator,
        status=pair.status,
        title=pair.title,
        lang=lead.item.lang,
        first_seen_at=pair.first_seen_at,
        last_seen_at=pair.last_seen_at,
        items=pair.items,
        outlets=pair.outlets,
        origins=pair.origins,
        denials=pair.denials,
        source=lead.item.source or lead.item.feed,
        source_grade="F",
        lead=lead,
        stage=pair.stage,
        grade=grade,
        decided_by=pair.decided_by,
        decided_at=pair.decided_at,
        reason=pair.reason,
    )
