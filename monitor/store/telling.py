"""Who an item is: its identity in this feed, its canonical link in any feed, the id an import gave it.

An edit counts only where the item came from: a feed that words a known link otherwise is another
sighting of it, or two feeds would take turns in "updating" it at every poll.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, and_, select

from monitor.model import Item
from monitor.protocols import Recognised
from monitor.store.bulk import among, listed_pairs
from monitor.store.codec import AnyRow
from monitor.store.tables import ITEM, SIGHTING

Verdict = Literal["new", "updated", "duplicate"]
Seen = tuple[str, str]  # feed, identity

_KNOWN = (ITEM.c.number, ITEM.c.id, ITEM.c.feed, ITEM.c.content_hash, ITEM.c.first_seen_at)


@dataclass(slots=True)
class Known:
    """What of a stored item tells others apart from it."""

    number: int
    id: str
    feed: str
    content_hash: str
    first_seen_at: datetime


@dataclass(slots=True)
class Told:
    """An item, what it was told to be, and the row that it is."""

    item: Item  # with the id and first sight that are stored
    verdict: Verdict
    identity: str  # in its feed, after shared guids were set aside
    known: Known | None = None  # None = new
    number: int = 0  # 0 = new
    sighted: bool = False  # this feed's sighting is known
    twin: Told | None = None  # the new item of the same list that this one repeats


def as_stored(item: Item, id: str, first_seen_at: datetime | None) -> Item:
    """The item with the id and first sight that are stored: ``replace``, in half the time."""
    return Item(
        id=id,
        identity=item.identity,
        feed=item.feed,
        title=item.title,
        summary=item.summary,
        link=item.link,
        link_key=item.link_key,
        content_hash=item.content_hash,
        lang=item.lang,
        source=item.source,
        published_at=item.published_at,
        first_seen_at=first_seen_at,
    )


def recognised(told: Iterable[Told]) -> Recognised:
    groups: dict[Verdict, list[Item]] = {"new": [], "updated": [], "duplicate": []}
    for each in told:
        groups[each.verdict].append(each.item)
    return Recognised(
        new=tuple(groups["new"]),
        updated=tuple(groups["updated"]),
        duplicate=tuple(groups["duplicate"]),
    )


@dataclass(slots=True)
class _Fresh:
    """What one list adds, by every way to know it."""

    seen: dict[Seen, Told] = field(default_factory=dict)
    links: dict[str, Told] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)


class Telling:
    """Tells items apart within one transaction. What it has looked up, or was told that the transaction
    adds, is not asked for again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[int, Known] = {}
        self._sightings: dict[Seen, Known | None] = {}  # None = there is none
        self._links: dict[str, Known | None] = {}
        self._ids: dict[str, Known | None] = {}
        self._expected: dict[int, Item] = {}  # what was looked up for, by its address in memory

    def look_up(self, items: Sequence[Item]) -> None:
        """Asks for all that tells these items apart: three questions, however many they are."""
        self._look_up(items, _identities(items))
        self._expected |= {id(item): item for item in items}

    def told_apart(self, items: Sequence[Item]) -> list[Told]:
        """What each item is, given what is stored and what stands before it in the list."""
        identities = _identities(items)
        if not all(id(item) in self._expected for item in items):
            self._look_up(items, identities)
        fresh = _Fresh()
        seen: set[int] = set()
        answer = []
        for item, identity in zip(items, identities, strict=True):
            sight, link = (item.feed, identity), item.link_key
            twin = fresh.seen.get(sight)
            if twin is None and link:
                twin = fresh.links.get(link)
            row = self._sightings[sight]
            sighted = row is not None
            if row is None and twin is None:
                row = self._links[link] if link else None
                row = row or _by_id(self._ids, item)
            if row is not None:
                edited = row.feed == item.feed and row.content_hash != item.content_hash
                verdict: Verdict = "updated" if edited and row.number not in seen else "duplicate"
                seen.add(row.number)
                known = as_stored(item, row.id, row.first_seen_at)
                answer.append(Told(known, verdict, identity, row, row.number, sighted))
                continue
            if twin is not None:
                again = as_stored(item, twin.item.id, twin.item.first_seen_at)
                told = Told(again, "duplicate", identity, twin=twin)
            else:
                taken = self._ids[item.id] is not None or item.id in fresh.ids
                new = replace(item, id=self._free_id(item, fresh.ids)) if taken else item
                told = twin = Told(new, "new", identity)
                fresh.ids.add(new.id)
            answer.append(told)
            fresh.seen.setdefault(sight, twin)
            if link:
                fresh.links.setdefault(link, twin)
        return answer

    def note(self, told: Iterable[Told]) -> None:
        """Takes what was told for stored. New items have their number and first sight by now."""
        for each in told:
            item, known = each.item, each.known
            if each.verdict == "new":
                assert item.first_seen_at is not None
                known = Known(
                    each.number, item.id, item.feed, item.content_hash, item.first_seen_at
                )
                each.known = self._rows[each.number] = self._ids[item.id] = known
                if item.link_key:
                    self._links[item.link_key] = known
            elif each.twin is not None:
                known = each.twin.known
            elif each.verdict == "updated" and known is not None:
                known.content_hash = item.content_hash
            if not each.sighted:
                self._sightings[item.feed, each.identity] = known

    def _look_up(self, items: Sequence[Item], identities: Sequence[str]) -> None:
        pairs = dict.fromkeys(
            (item.feed, identity) for item, identity in zip(items, identities, strict=True)
        )
        unknown = [pair for pair in pairs if pair not in self._sightings]
        if unknown:
            self._sightings |= dict.fromkeys(unknown)
            for row in self._sighted(unknown):
                self._sightings[row.in_feed, row.in_identity] = self._known(row)
        self._look_up_by(ITEM.c.link_key, self._links, {each.link_key for each in items})
        self._look_up_by(ITEM.c.id, self._ids, {each.id for each in items})

    def _look_up_by(
        self, column: Any, into: dict[str, Known | None], values: Collection[str]
    ) -> None:
        wanted = sorted(value for value in values if value and value not in into)
        if not wanted:
            return
        into |= dict.fromkeys(wanted)
        query = select(column.label("key"), *_KNOWN).where(among(self._connection, column, wanted))
        for row in self._connection.execute(query):
            into[row.key] = self._known(row)

    def _sighted(self, pairs: Sequence[Seen]) -> Iterable[AnyRow]:
        listed = listed_pairs(self._connection, sorted(pairs))
        query = (
            select(
                SIGHTING.c.feed.label("in_feed"), SIGHTING.c.identity.label("in_identity"), *_KNOWN
            )
            .select_from(listed)
            .join(SIGHTING, and_(SIGHTING.c.feed == listed.c.a, SIGHTING.c.identity == listed.c.b))
            .join(ITEM, ITEM.c.number == SIGHTING.c.item)
        )
        return self._connection.execute(query)

    def _known(self, row: AnyRow) -> Known:
        known = self._rows.get(row.number)
        if known is None:
            known = self._rows[row.number] = Known(
                row.number, row.id, row.feed, row.content_hash, row.first_seen_at
            )
        return known

    def _free_id(self, item: Item, fresh: Collection[str]) -> str:
        count = 1
        while True:
            id = f"{item.id}@{item.feed}" + (f".{count}" if count > 1 else "")
            self._look_up_by(ITEM.c.id, self._ids, {id})
            if self._ids[id] is None and id not in fresh:
                return id
            count += 1


def _identities(items: Sequence[Item]) -> list[str]:
    """Each item's identity; a guid that a document gives to several links identifies none of them."""
    identities = [item.identity for item in items]
    if len({(item.feed, item.identity) for item in items}) == len(items):  # as nearly always
        return identities
    first: dict[Seen, str] = {}
    shared: set[Seen] = set()
    for item in items:
        if item.link_key:
            seen = (item.feed, item.identity)
            if first.setdefault(seen, item.link_key) != item.link_key:
                shared.add(seen)
    if not shared:
        return identities
    return [
        f"link:{item.link_key}"
        if item.link_key and (item.feed, item.identity) in shared
        else item.identity
        for item in items
    ]


def _by_id(ids: Mapping[str, Known | None], item: Item) -> Known | None:
    """The item that has this id, unless another feed numbers other items likewise."""
    row = ids[item.id]
    if row is None or row.feed == item.feed or row.content_hash == item.content_hash:
        return row
    return None
