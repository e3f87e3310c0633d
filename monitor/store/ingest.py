"""One poll's worth of items, sightings, hits, groups and poll state, in one transaction.

Who an item is, in this order: its identity in this feed; its canonical link in any feed; the id that an
import gave it. An edit counts only where the item came from: a feed that words a known link otherwise
is another sighting of it, or two feeds would take turns in "updating" it at every poll.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, and_, bindparam, insert, select, update

from monitor.errors import StoreError
from monitor.model import Event, FeedState, Hit, Item, StoredHit
from monitor.protocols import EventDraft, How, PollRecord, Recognised
from monitor.store import reading
from monitor.store.bulk import among, bulk_insert, listed_pairs
from monitor.store.codec import (
    HIT_PAYLOAD,
    ITEM_TEXT,
    AnyRow,
    hit_to_columns,
    item_to_columns,
    state_to_columns,
)
from monitor.store.engine import INGEST_LOCK
from monitor.store.feeds import record_import, record_poll
from monitor.store.grouping import Groups
from monitor.store.part import Part, chunks, not_before, numbers, upsert
from monitor.store.recent import RecentEvents
from monitor.store.search import index_items, unindex_items
from monitor.store.tables import FEED, HIT, HIT_PAST, ITEM, ITEM_PAST, SIGHTING, WORK_PART

# Built once: putting a statement together anew costs more than running it, and polls are many.
_FINISH = update(FEED).where(FEED.c.id == bindparam("b_feed"))
_FINISH_HELD = _FINISH.where(FEED.c.lease_holder == bindparam("b_holder"))

Verdict = Literal["new", "updated", "duplicate"]


class Ingest(Part):
    """Writing what a poll or an import brought."""

    _recent: RecentEvents

    def recognise(self, items: Sequence[Item]) -> Recognised:
        """Tells items apart without storing them; a later ``add_items`` decides again."""
        with self.db.read() as connection:
            return recognised(told_apart(connection, items))

    @contextmanager
    def batch(self, *, now: datetime, holder: str = "") -> Iterator[StoreBatch]:
        """One write transaction: everything in it is committed together or not at all.

        ``holder``: polls are finished only of feeds that this one has leased still (StoreError).
        """
        with self.db.write(lock=INGEST_LOCK) as connection:
            batch = StoreBatch(connection, now, self._recent, holder)
            yield batch
            batch.finish()


@dataclass(slots=True)
class Told:
    """An item, what it was told to be, and the row that it is."""

    item: Item  # with the id and first sight that are stored
    verdict: Verdict
    identity: str  # in its feed, after shared guids were set aside
    number: int = 0  # 0 = new
    sighted: bool = False  # this feed's sighting is known
    twin: Told | None = None  # the new item of the same batch that this one repeats


def recognised(told: Iterable[Told]) -> Recognised:
    groups: dict[Verdict, list[Item]] = {"new": [], "updated": [], "duplicate": []}
    for each in told:
        groups[each.verdict].append(each.item)
    return Recognised(
        new=tuple(groups["new"]),
        updated=tuple(groups["updated"]),
        duplicate=tuple(groups["duplicate"]),
    )


_KNOWN = (ITEM.c.number, ITEM.c.id, ITEM.c.feed, ITEM.c.content_hash, ITEM.c.first_seen_at)


def told_apart(connection: Connection, items: Sequence[Item]) -> list[Told]:
    """What each item is, given what is stored and what stands before it in the list."""
    identities = _identities(items)
    sightings = _sightings(connection, items, identities)
    links = _rows(connection, ITEM.c.link_key, {each.link_key for each in items if each.link_key})
    ids = _rows(connection, ITEM.c.id, {each.id for each in items})
    fresh: dict[tuple[str, ...], Told] = {}  # what this batch adds, by every way to know it
    seen: set[int] = set()
    answer = []
    for item, identity in zip(items, identities, strict=True):
        ways = (("seen", item.feed, identity), ("link", item.link_key))[: 2 if item.link_key else 1]
        twin = next((fresh[way] for way in ways if way in fresh), None)
        row = sightings.get((item.feed, identity))
        sighted = row is not None
        if row is None and twin is None:
            row = links.get(item.link_key) or _by_id(ids, item)
        if row is not None:
            edited = row.feed == item.feed and row.content_hash != item.content_hash
            verdict: Verdict = "updated" if edited and row.number not in seen else "duplicate"
            seen.add(row.number)
            known = replace(item, id=row.id, first_seen_at=row.first_seen_at)
            answer.append(Told(known, verdict, identity, number=row.number, sighted=sighted))
            continue
        if twin is not None:
            again = replace(item, id=twin.item.id, first_seen_at=twin.item.first_seen_at)
            answer.append(Told(again, "duplicate", identity, twin=twin))
        else:
            taken = item.id in ids or ("id", item.id) in fresh
            new = replace(item, id=_free_id(connection, item, fresh)) if taken else item
            answer.append(Told(new, "new", identity))
            fresh[("id", new.id)] = answer[-1]
        for way in ways:
            fresh.setdefault(way, answer[-1].twin or answer[-1])
    return answer


def _identities(items: Sequence[Item]) -> list[str]:
    """Each item's identity; a guid that a document gives to several links identifies none of them."""
    links: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for item in items:
        if item.link_key:
            links[item.feed, item.identity].add(item.link_key)
    return [
        f"link:{item.link_key}"
        if item.link_key and len(links[item.feed, item.identity]) > 1
        else item.identity
        for item in items
    ]


def _sightings(
    connection: Connection, items: Sequence[Item], identities: Sequence[str]
) -> dict[tuple[str, str], AnyRow]:
    wanted = {(item.feed, identity) for item, identity in zip(items, identities, strict=True)}
    if not wanted:
        return {}
    pairs = listed_pairs(connection, sorted(wanted))
    query = (
        select(SIGHTING.c.feed.label("in_feed"), SIGHTING.c.identity, *_KNOWN)
        .select_from(pairs)
        .join(SIGHTING, and_(SIGHTING.c.feed == pairs.c.a, SIGHTING.c.identity == pairs.c.b))
        .join(ITEM, ITEM.c.number == SIGHTING.c.item)
    )
    return {(row.in_feed, row.identity): row for row in connection.execute(query)}


def _rows(connection: Connection, column: Any, values: Collection[str]) -> dict[str, AnyRow]:
    if not values:
        return {}
    query = select(column.label("key"), *_KNOWN).where(among(connection, column, values))
    return {row.key: row for row in connection.execute(query)}


def _by_id(ids: Mapping[str, AnyRow], item: Item) -> AnyRow | None:
    """The item that has this id, unless another feed numbers other items likewise."""
    row = ids.get(item.id)
    if row is None or row.feed == item.feed or row.content_hash == item.content_hash:
        return row
    return None


def _free_id(connection: Connection, item: Item, fresh: Mapping[tuple[str, ...], Told]) -> str:
    count = 1
    while True:
        id = f"{item.id}@{item.feed}" + (f".{count}" if count > 1 else "")
        stored = connection.execute(select(ITEM.c.number).where(ITEM.c.id == id)).first()
        if stored is None and ("id", id) not in fresh:
            return id
        count += 1


class StoreBatch:
    """See ``monitor.protocols.Batch``."""

    def __init__(
        self, connection: Connection, now: datetime, recent: RecentEvents, holder: str = ""
    ) -> None:
        self._connection = connection
        self._holder = holder
        self._recent = recent
        self._now = now
        self._numbers: dict[str, int] = {}  # item id, given or stored → number
        self._seen_at: dict[int, datetime] = {}  # of items that are new in this batch
        self._fresh: dict[int, Item] = {}  # these items
        self._groups = Groups(connection, now)

    def add_items(self, items: Sequence[Item], *, how: How, warm_up: bool = False) -> Recognised:
        """Stores what is new and what was edited. The items returned bear the ids that are stored."""
        told = told_apart(self._connection, items)
        new = [each for each in told if each.verdict == "new"]
        for each, number in zip(new, numbers(self._connection, ITEM, len(new)), strict=True):
            each.number = number
            each.item = replace(each.item, first_seen_at=each.item.first_seen_at or self._now)
            self._seen_at[number] = each.item.first_seen_at or self._now
            self._fresh[number] = each.item
        for each in told:
            if each.twin is not None:
                each.number = each.twin.number
                each.item = replace(each.item, first_seen_at=each.twin.item.first_seen_at)
        for given, each in zip(items, told, strict=True):
            self._numbers[given.id] = self._numbers[each.item.id] = each.number
        self._insert(new, how, warm_up)
        self._edit([each for each in told if each.verdict == "updated"])
        self._sight(told)
        if how == "import":
            self._note_import(items, new)
        return recognised(told)

    def recent_events(self, *, since: datetime) -> Sequence[Event]:
        """Events that new hits may join, with their members, oldest first."""
        self._groups.finish()
        return self._recent.read(self._connection, since=since, uncommitted=self._groups.changed)

    def add_hits(
        self, hits: Sequence[Hit], *, how: How, warm_up: bool = False
    ) -> Sequence[StoredHit]:
        """Stores hits; returns those that are new or back after a withdrawal, in the order given."""
        unique = {(self._number(hit.item), hit.watch, hit.indicator): hit for hit in hits}
        known = self._known_hits({key[0] for key in unique})
        new = [key for key in unique if key not in known]
        given = dict(zip(new, numbers(self._connection, HIT, len(new)), strict=True))
        rows = []
        for key, number in given.items():
            at = self._seen_at.get(key[0], self._now)
            row = {"number": number, "item": key[0], "watch": key[1], "indicator": key[2]}
            row |= {"stored_at": at, "since_at": at, "how": how, "warm_up": warm_up}
            rows.append(row | hit_to_columns(unique[key]))
        bulk_insert(self._connection, HIT, rows)
        restored = {
            key: known[key].number
            for key, hit in unique.items()
            if key in known and self._refresh(known[key], hit)
        }
        self._groups.touch_items({key[0] for key in unique})
        wanted = given | restored
        if self._groups.moved or not all(key[0] in self._fresh for key in wanted):
            order = {wanted[key]: place for place, key in enumerate(unique) if key in wanted}
            found = reading.hits_by_number(self._connection, order)
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
        number = self._number(item)
        present = reading.hits_of_item(self._connection, number)
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
        return self._groups.apply(drafts, self._number, self._seen_at)

    @property
    def events_by_key(self) -> Mapping[str, int]:
        """Which event each draft's key became."""
        return self._groups.by_key

    def finish_poll(self, record: PollRecord, state: FeedState) -> None:
        """Health, schedule, validators and the poll log, in the same transaction as the items."""
        record_poll(self._connection, record)
        values = state_to_columns(state) | {"lease_holder": None, "lease_until_at": None}
        done = self._connection.execute(
            _FINISH_HELD if self._holder else _FINISH,
            values | {"b_feed": record.feed} | ({"b_holder": self._holder} if self._holder else {}),
        )
        if done.rowcount != 1 and self._holder:
            raise StoreError(
                "its lease has ended and another worker may have polled it",
                subject=record.feed,
                remedy="nothing was stored twice; it is polled again when it is due",
            )
        if done.rowcount != 1:
            raise StoreError(
                "this feed is not in the database",
                subject=record.feed,
                remedy="declare it in a feed file or add it with `monitor feeds add`",
            )

    def put_part(self, run: str, part: int, value: Any) -> None:
        """Keeps what a part of shared work came to, with what it stored."""
        row = {"run": run, "part": part, "value": value}
        upsert(self._connection, WORK_PART, row, key=["run", "part"])

    def finish(self) -> None:
        """Brings the touched events up to date; called before the commit."""
        self._groups.finish()

    def _insert(self, new: Sequence[Told], how: How, warm_up: bool) -> None:
        rows = []
        for each in new:
            row = item_to_columns(each.item)
            at = each.item.first_seen_at
            row |= {"number": each.number, "identity": each.identity, "how": how}
            rows.append(row | {"warm_up": warm_up, "first_seen_at": at, "since_at": at})
        bulk_insert(self._connection, ITEM, rows)
        _index(self._connection, new)

    def _edit(self, edited: Sequence[Told]) -> None:
        if not edited:
            return
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
        _index(self._connection, edited)
        self._groups.touch_items({each.number for each in edited})

    def _sight(self, told: Sequence[Told]) -> None:
        rows = [
            {
                "feed": each.item.feed,
                "identity": each.identity,
                "item": each.number,
                "first_seen_at": self._seen_at.get(each.number, self._now),
            }
            for each in told
            if not each.sighted
        ]
        bulk_insert(self._connection, SIGHTING, rows, skip_known=True)

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
        if not items:
            return {}
        query = select(HIT).where(among(self._connection, HIT.c.item, items))
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


def _index(connection: Connection, told: Sequence[Told]) -> None:
    index_items(connection, [(each.number, each.item.title, each.item.summary) for each in told])


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
