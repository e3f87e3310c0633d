"""Hits with their items as they are, or as they were known at ``as_of``.

What was changed later is read from the past tables, so that nothing that came after ``as_of`` shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from monitor.model import Item, Status, StoredHit
from monitor.store.codec import (
    HIT_PAYLOAD,
    ITEM_FIELDS,
    ITEM_TEXT,
    AnyRow,
    Fields,
    hit_from,
    hit_of,
    item_at,
)
from monitor.store.part import chunks
from monitor.store.tables import EVENT_ITEM, HIT, HIT_PAST, ITEM, ITEM_PAST, PAIR, REVIEW


def present(as_of: datetime | None) -> Any:
    """The condition that a membership holds."""
    if as_of is None:
        return EVENT_ITEM.c.removed_at.is_(None)
    return and_(
        EVENT_ITEM.c.added_at <= as_of,
        or_(EVENT_ITEM.c.removed_at.is_(None), EVENT_ITEM.c.removed_at > as_of),
    )


def holds(as_of: datetime | None) -> Any:
    """The condition that a hit holds, or may have held: what was withdrawn in between is told later."""
    if as_of is None:
        return HIT.c.withdrawn_at.is_(None)
    return HIT.c.stored_at <= as_of


def status_of_hit(as_of: datetime | None) -> Any:
    """The newest verdict on the hit's event and indicator."""
    query = (
        select(REVIEW.c.status)
        .where(
            REVIEW.c.event == EVENT_ITEM.c.event,
            REVIEW.c.watch == HIT.c.watch,
            REVIEW.c.indicator == HIT.c.indicator,
        )
        .order_by(REVIEW.c.number.desc())
        .limit(1)
    )
    if as_of is not None:
        query = query.where(REVIEW.c.at <= as_of)
    return func.coalesce(query.correlate(HIT, EVENT_ITEM).scalar_subquery(), "new")


HIT_COLUMNS = (
    *(HIT.c[name] for name in ("number", "item", "watch", "indicator", "stored_at", "since_at")),
    *(HIT.c[name] for name in ("how", "withdrawn_at", "warm_up")),
    *(HIT.c[name] for name in HIT_PAYLOAD),
)
_PAYLOAD = len(HIT_COLUMNS) - len(HIT_PAYLOAD)  # where in a row a hit's payload begins
ITEM_COLUMNS = (
    *(ITEM.c[name].label(f"item_{name}") for name in ITEM_FIELDS),
    ITEM.c.since_at.label("item_since_at"),
)


def hit_query(as_of: datetime | None = None) -> Select[Any]:
    """Hits with their item, event and status."""
    query = select(
        *HIT_COLUMNS,
        *ITEM_COLUMNS,
        EVENT_ITEM.c.event,
        status_of_hit(as_of).label("status"),
    )
    member = and_(EVENT_ITEM.c.item == HIT.c.item, present(as_of))
    query = query.join(ITEM, ITEM.c.number == HIT.c.item).outerjoin(EVENT_ITEM, member)
    return query.where(holds(as_of))


def hits_of_status(status: Status) -> Select[Any]:
    """The numbers of the hits of pairs that have this status now, for a status that few have."""
    same = and_(
        HIT.c.item == EVENT_ITEM.c.item,
        # not by the columns themselves: SQLite would go through all hits of the indicator
        func.coalesce(HIT.c.watch, "") == PAIR.c.watch,
        func.coalesce(HIT.c.indicator, "") == PAIR.c.indicator,
    )
    return (
        select(HIT.c.number)
        .select_from(PAIR)
        .join(EVENT_ITEM, EVENT_ITEM.c.event == PAIR.c.event)
        .join(HIT, same)
        .where(PAIR.c.status == status, present(None), holds(None))
    )


def read_hits(
    connection: Connection, query: Select[Any], as_of: datetime | None
) -> list[StoredHit]:
    """Runs a ``hit_query``; as of a time, with what hits and items said then."""
    rows = connection.execute(query).all()
    item_past: Mapping[int, Fields] = {}
    if as_of is not None:
        edited = {row.item for row in rows if row.item_since_at > as_of}
        item_past = past_of(connection, ITEM_PAST, ITEM_PAST.c.item, edited, as_of)
    items: dict[int, Item] = {}
    for row in rows:
        if row.item not in items:
            item = item_at(row, len(HIT_COLUMNS))
            items[row.item] = as_it_was(item, item_past.get(row.item))
    return stored_hits(connection, rows, as_of, items)


def stored_hits(
    connection: Connection,
    rows: Sequence[AnyRow],
    as_of: datetime | None,
    items: Mapping[int, Item],
) -> list[StoredHit]:
    """From rows that begin with ``HIT_COLUMNS`` and end in event and status."""
    past: Mapping[int, Fields] = {}
    if as_of is not None:
        changed = [row.number for row in rows if row.since_at > as_of]
        past = past_of(connection, HIT_PAST, HIT_PAST.c.hit, changed, as_of)
        rows = [row for row in rows if _held(row, as_of, past)]
    found = []
    for row in rows:
        number, of, watch, indicator, stored_at, _, how, withdrawn_at, warm_up = row[:_PAYLOAD]
        item = items[of]
        if number in past:
            hit = hit_from(past[number], item=item.id, watch=watch, indicator=indicator)
        else:
            payload = row[_PAYLOAD : len(HIT_COLUMNS)]
            hit = hit_of(payload, item=item.id, watch=watch, indicator=indicator)
        found.append(
            StoredHit(
                number=number,
                hit=hit,
                item=item,
                event=row[-2],
                stored_at=stored_at,
                how=how,
                status=row[-1],
                withdrawn_at=withdrawn_at if as_of is None else None,
                warm_up=warm_up,
            )
        )
    return found


def _held(row: AnyRow, as_of: datetime, past: Mapping[int, Fields]) -> bool:
    if row.since_at > as_of:
        return row.number in past
    return row.withdrawn_at is None or bool(row.withdrawn_at > as_of)


def past_of(
    connection: Connection, past: Any, key: Any, wanted: Iterable[int], as_of: datetime
) -> dict[int, Fields]:
    found: dict[int, Fields] = {}
    for some in chunks(wanted):
        query = select(past).where(key.in_(some), past.c.from_at <= as_of, past.c.until_at > as_of)
        for row in connection.execute(query):
            found[row._mapping[key.name]] = row._mapping
    return found


def as_it_was(item: Item, past: Fields | None) -> Item:
    return item if past is None else replace(item, **{name: past[name] for name in ITEM_TEXT})


def hits_by_number(connection: Connection, numbers: Collection[int]) -> list[StoredHit]:
    """These hits, as they are now."""
    found: list[StoredHit] = []
    for some in chunks(numbers):
        found += read_hits(connection, hit_query().where(HIT.c.number.in_(some)), None)
    return found


def hits_of_item(connection: Connection, item: int) -> list[StoredHit]:
    """The hits of one item that hold now."""
    return read_hits(connection, hit_query().where(HIT.c.item == item), None)
