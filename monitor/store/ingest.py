"""One poll's worth of items, sightings, hits, groups and poll state, in one transaction.

Rows that nothing in the transaction has to read are gathered and inserted together, whatever number of
polls they come from: a statement costs as much as the rows of several items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, insert, select, update

from monitor.model import Event, FeedState, Hit, Item, StoredHit
from monitor.protocols import EventDraft, How, PollRecord, Recognised
from monitor.store.bulk import among, insert_tuples
from monitor.store.codec import (
    HIT_PAYLOAD,
    ITEM_TEXT,
    AnyRow,
    hit_to_columns,
)
from monitor.store.engine import INGEST_LOCK
from monitor.store.feeds import finish_feeds
from monitor.store.grouping import Groups
from monitor.store.hits import hits_by_number, hits_of_item
from monitor.store.part import Part, chunks, not_before, numbers, upsert
from monitor.store.poll_log import record_import, record_polls
from monitor.store.recent import RecentEvents
from monitor.store.search import index_items, unindex_items
from monitor.store.tables import HIT, HIT_PAST, ITEM, ITEM_PAST, SIGHTING, WORK_PART
from monitor.store.telling import Telling, Told, as_stored, recognised

_ITEM_NAMES = (
    "id", "feed", "identity", "title", "summary", "link", "link_key", "content_hash", "lang", "source",
    "published_at", "number", "how", "warm_up", "first_seen_at", "since_at",
)  # fmt: skip
_SIGHTING_NAMES = ("feed", "identity", "item", "first_seen_at")
_HIT_NAMES = (
    "number", "item", "watch", "indicator", "stored_at", "since_at", "how", "warm_up", *HIT_PAYLOAD,
)  # fmt: skip


class Ingest(Part):
    """Writing what a poll or an import brought."""

    _recent: RecentEvents

    def recognise(self, items: Sequence[Item]) -> Recognised:
        """Tells items apart without storing them; a later ``add_items`` decides again."""
        with self.db.read() as connection:
            return recognised(Telling(connection).told_apart(items))

    @contextmanager
    def batch(self, *, now: datetime, holder: str = "") -> Iterator[StoreBatch]:
        """One write transaction: everything in it is committed together or not at all.

        ``holder``: polls are finished only of feeds that this one has leased still (StoreError).
        """
        with self.db.write(lock=INGEST_LOCK) as connection:
            batch = StoreBatch(connection, now, self._recent, holder)
            yield batch
            batch.finish()


class StoreBatch:
    """See ``monitor.protocols.Batch``."""

    def __init__(
        self, connection: Connection, now: datetime, recent: RecentEvents, holder: str = ""
    ) -> None:
        self._connection = connection
        self._holder = holder
        self._recent = recent
        self._now = now
        self._telling = Telling(connection)
        self._numbers: dict[str, int] = {}  # item id, given or stored → number
        self._next: dict[str, int] = {}  # table → number after those that were given out
        self._seen_at: dict[int, datetime] = {}  # of items that are new in this batch
        self._fresh: dict[int, Item] = {}  # these items
        self._with_hits: set[int] = set()  # items whose hits were given in this batch
        self._groups = Groups(connection, now)
        self._items: list[tuple[Any, ...]] = []  # rows that are not inserted yet
        self._words: list[tuple[int, str, str]] = []
        self._sightings: list[tuple[Any, ...]] = []
        self._hits: list[tuple[Any, ...]] = []
        self._polls: list[tuple[PollRecord, FeedState]] = []

    def expect(self, items: Sequence[Item]) -> None:
        """Says which items will be added, so that they are looked up together."""
        self._telling.look_up(items)

    def add_items(self, items: Sequence[Item], *, how: How, warm_up: bool = False) -> Recognised:
        """Stores what is new and what was edited. The items returned bear the ids that are stored."""
        told = self._telling.told_apart(items)
        new = [each for each in told if each.verdict == "new"]
        for each, number in zip(new, self._take_numbers(ITEM, len(new)), strict=True):
            each.number = number
            at = each.item.first_seen_at
            if at is None:
                at = self._now
                each.item = as_stored(each.item, each.item.id, at)
            self._seen_at[number] = at
            self._fresh[number] = each.item
        for each in told:
            if each.twin is not None:
                each.number = each.twin.number
                each.item = as_stored(each.item, each.item.id, each.twin.item.first_seen_at)
        for given, each in zip(items, told, strict=True):
            self._numbers.setdefault(given.id, each.number)  # two items may have been given one id
            self._numbers[each.item.id] = each.number
        self._insert(new, how, warm_up)
        self._telling.note(told)
        self._edit([each for each in told if each.verdict == "updated"])
        self._sight(told)
        if how == "import":
            self._note_import(items, new)
        return recognised(told)

    def recent_events(self, *, since: datetime) -> Sequence[Event]:
        """Events that new hits may join, with their members, oldest first."""
        self._flush()
        self._groups.finish()
        return self._recent.read(self._connection, since=since, uncommitted=self._groups.changed)

    def add_hits(
        self, hits: Sequence[Hit], *, how: How, warm_up: bool = False
    ) -> Sequence[StoredHit]:
        """Stores hits; returns those that are new or back after a withdrawal, in the order given."""
        if not hits:
            return []
        unique = {(self._number(hit.item), hit.watch, hit.indicator): hit for hit in hits}
        known = self._known_hits({key[0] for key in unique})
        new = [key for key in unique if key not in known]
        given = dict(zip(new, self._take_numbers(HIT, len(new)), strict=True))
        for key, number in given.items():
            at = self._seen_at.get(key[0], self._now)
            columns = hit_to_columns(unique[key])
            payload = (columns[name] for name in HIT_PAYLOAD)
            self._hits.append((number, *key, at, at, how, warm_up, *payload))
        restored = {
            key: known[key].number
            for key, hit in unique.items()
            if key in known and self._refresh(known[key], hit)
        }
        self._groups.touch_items({key[0] for key in unique})
        wanted = given | restored
        if self._groups.moved or not all(key[0] in self._fresh for key in wanted):
            self._flush()
            order = {wanted[key]: place for place, key in enumerate(unique) if key in wanted}
            found = hits_by_number(self._connection, order)
            return sorted(found, key=lambda each: order[each.number])
        return [  # of items that are new and in no event yet, nothing need be read back
            StoredHit(
                number=wanted[key],
                hit=replace(hit, item=self._fresh[key[0]].id),
                item=self._fresh[key[0]],
                event=None,
                stored_at=self._seen_at[key[0]],
                how=how,
                warm_up=warm_up,
            )
            for key, hit in unique.items()
            if key in wanted
        ]

    def withdraw_hits(self, item: str, *, keep: Collection[tuple[str, str]]) -> int:
        """Marks hits of an edited item that no longer hold; reviewed ones stay."""
        self._flush()
        number = self._number(item)
        present = hits_of_item(self._connection, number)
        gone = [
            each.number
            for each in present
            if (each.hit.watch, each.hit.indicator) not in set(keep) and each.status == "new"
        ]
        if gone:
            self._connection.execute(
                update(HIT)
                .where(HIT.c.number.in_(gone))
                .values(withdrawn_at=not_before(HIT.c.stored_at, self._now))
            )
            self._groups.touch_items({number})
        return len(gone)

    def apply_groups(self, drafts: Sequence[EventDraft]) -> int:
        """Puts items into events; returns how many events are new."""
        self._flush()
        return self._groups.apply(drafts, self._number, self._seen_at)

    @property
    def events_by_key(self) -> Mapping[str, int]:
        """Which event each draft's key became."""
        return self._groups.by_key

    def finish_poll(self, record: PollRecord, state: FeedState) -> None:
        """Health, schedule, validators and the poll log, in the same transaction as the items."""
        self._polls.append((record, state))

    def put_part(self, run: str, part: int, value: Any) -> None:
        """Keeps what a part of shared work came to, with what it stored."""
        row = {"run": run, "part": part, "value": value}
        upsert(self._connection, WORK_PART, row, key=["run", "part"])

    def finish(self) -> None:
        """Writes what is left and brings the touched events up to date; called before the commit.

        Raises StoreError where a feed was finished that this holder has no longer.
        """
        self._flush()
        self._groups.finish()
        if self._polls:
            record_polls(self._connection, [record for record, _ in self._polls])
            states = {record.feed: state for record, state in self._polls}
            finish_feeds(self._connection, states, holder=self._holder)

    def _take_numbers(self, table: Table, count: int) -> range | list[int]:
        """The next numbers, of rows that are inserted later."""
        if not count:
            return []
        first = self._next.get(table.name)
        given: range | list[int] = (
            range(first, first + count)
            if first is not None
            else numbers(self._connection, table, count)
        )
        if isinstance(given, range):  # SQLite: nobody else gives any out before the commit
            self._next[table.name] = given.stop
        return given

    def _insert(self, new: Sequence[Told], how: How, warm_up: bool) -> None:
        for each in new:
            item, at = each.item, each.item.first_seen_at
            self._items.append(
                (
                    item.id, item.feed, each.identity, item.title, item.summary, item.link,
                    item.link_key or None, item.content_hash, item.lang, item.source,
                    item.published_at, each.number, how, warm_up, at, at,
                )
            )  # fmt: skip
            self._words.append((each.number, item.title, item.summary))

    def _flush(self) -> None:
        """Inserts the rows that were gathered, in the order of their references."""
        insert_tuples(self._connection, ITEM, _ITEM_NAMES, self._items)
        index_items(self._connection, self._words)
        insert_tuples(self._connection, SIGHTING, _SIGHTING_NAMES, self._sightings, skip_known=True)
        insert_tuples(self._connection, HIT, _HIT_NAMES, self._hits)
        for rows in (self._items, self._words, self._sightings, self._hits):
            rows.clear()

    def _edit(self, edited: Sequence[Told]) -> None:
        if not edited:
            return
        self._flush()
        keep_past(
            self._connection,
            select(
                ITEM.c.number.label("item"),
                *(ITEM.c[name] for name in ITEM_TEXT),
                ITEM.c.since_at.label("from_at"),
            ),
            ITEM.c.number,
            [each.number for each in edited],
            ITEM_PAST,
            self._now,
        )
        self._connection.execute(
            update(ITEM)
            .where(ITEM.c.number == bindparam("b_number"))
            .values(
                **{name: bindparam(f"b_{name}") for name in ITEM_TEXT}, since_at=bindparam("b_at")
            ),
            [
                {f"b_{name}": getattr(each.item, name) for name in ITEM_TEXT}
                | {"b_number": each.number, "b_at": self._now}
                for each in edited
            ],
        )
        unindex_items(self._connection, [each.number for each in edited])
        texts = [(each.number, each.item.title, each.item.summary) for each in edited]
        index_items(self._connection, texts)
        self._groups.touch_items({each.number for each in edited})

    def _sight(self, told: Sequence[Told]) -> None:
        self._sightings += [
            (
                each.item.feed,
                each.identity,
                each.number,
                self._seen_at.get(each.number, self._now),
            )
            for each in told
            if not each.sighted
        ]

    def _note_import(self, items: Sequence[Item], new: Sequence[Told]) -> None:
        dated = {each.id for each in items if each.first_seen_at is not None}
        days: Counter[tuple[str, date]] = Counter(
            (each.item.feed, each.item.first_seen_at.astimezone(UTC).date())
            for each in new
            if each.item.first_seen_at and each.item.id in dated
        )
        for (feed, day), count in days.items():
            record_import(self._connection, feed, day, count)

    def _number(self, id: str) -> int:
        number = self._numbers.get(id)
        if number is None:
            found = self._connection.execute(select(ITEM.c.number).where(ITEM.c.id == id)).scalar()
            if found is None:
                raise LookupError(f"no item {id!r} is stored")
            number = self._numbers[id] = int(found)
        return number

    def _known_hits(self, items: Collection[int]) -> dict[tuple[int, str, str], AnyRow]:
        """The hits of these items; one that is new in this batch has only what it was given in it."""
        asked = [each for each in items if each not in self._fresh or each in self._with_hits]
        self._with_hits |= set(items)
        if not asked:
            return {}
        self._flush()
        query = select(HIT).where(among(self._connection, HIT.c.item, asked))
        known: dict[tuple[int, str, str], AnyRow] = {}
        for row in self._connection.execute(query):
            known[row.item, row.watch, row.indicator] = row
        return known

    def _refresh(self, row: AnyRow, hit: Hit) -> bool:
        """Brings a known hit up to date; True if it was withdrawn and holds again."""
        columns = hit_to_columns(hit)
        restored = row.withdrawn_at is not None
        if not restored and all(row._mapping[name] == columns[name] for name in HIT_PAYLOAD):
            return False
        until = row.withdrawn_at or self._now
        if row.since_at < until:
            past = {name: row._mapping[name] for name in HIT_PAYLOAD}
            past |= {"hit": row.number, "from_at": row.since_at, "until_at": until}
            self._connection.execute(insert(HIT_PAST).values(**past))
        self._connection.execute(
            update(HIT)
            .where(HIT.c.number == row.number)
            .values(**columns, since_at=max(row.since_at, self._now), withdrawn_at=None)
        )
        return restored


def keep_past(
    connection: Connection,
    query: Select[Any],
    key: Any,
    wanted: Sequence[int],
    past: Any,
    now: datetime,
) -> None:
    """Copies rows, as they were until ``now``, into their table of the past."""
    for some in chunks(wanted):
        rows = [
            {**row._mapping, "until_at": now}
            for row in connection.execute(query.where(key.in_(some)))
            if row.from_at < now
        ]
        if rows:
            connection.execute(insert(past), rows)
