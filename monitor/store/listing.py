"""Lists that are cut: in which order an index gives them, so that no more is read than is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select, union_all

from monitor.model import STATUSES, Status
from monitor.store.tables import EVENT, PAIR

FEW = 5000  # pairs of a status that are gone through as a whole
_BEFORE: dict[Status, tuple[Status, ...]] = {
    "second-look": (),
    "new": ("second-look",),
    "confirmed": ("second-look", "new"),
    "dismissed": ("second-look", "new", "confirmed"),
}
"""Which pair's status an event has, where they differ: see ``Event.status``."""


def by_status(
    query: Select[Any],
    status: Status | None,
    order: Sequence[tuple[Any, bool]],
    limit: int,
    statuses: Sequence[Status] = STATUSES,
) -> Select[Any]:
    """The first ``limit`` rows of a query over pairs, of a status or of ``statuses``.

    The indexes begin with the status: of all, the first of each are taken together. ``order``: columns
    of the query, and whether it goes down.
    """

    def cut(one: Status) -> Select[Any]:
        ways = (column.desc() if down else column.asc() for column, down in order)
        return query.where(PAIR.c.status == one).order_by(*ways).limit(limit)

    if status is not None:
        return cut(status)
    every = union_all(*(select(cut(each).subquery()) for each in statuses)).subquery()
    ways = (every.c[c.name].desc() if down else every.c[c.name].asc() for c, down in order)
    return select(every).order_by(*ways).limit(limit)


def of_few(
    query: Select[Any], status: Status | None, order: Sequence[tuple[Any, bool]], limit: int
) -> Select[Any]:
    """The same of few events, whose pairs are all looked at: in one go, whatever their status."""
    if status is not None:
        query = query.where(PAIR.c.status == status)
    ways = (column.desc() if down else column.asc() for column, down in order)
    return query.order_by(*ways).limit(limit)


def newest_events(
    connection: Connection,
    *,
    since: datetime | None,
    indicator: str | None,
    status: Status | None,
    size: int,
) -> Iterator[list[int]]:
    """Numbers of events that may be meant, last seen first, ``size`` at a time, each once."""
    key: tuple[datetime, int] | None = None
    while True:
        rows = connection.execute(_candidates(since, indicator, status, key).limit(size)).all()
        yield list(dict.fromkeys(row.event for row in rows))
        if len(rows) < size:
            return
        key = (rows[-1].last_seen_at, rows[-1].event)


def _candidates(
    since: datetime | None,
    indicator: str | None,
    status: Status | None,
    key: tuple[datetime, int] | None,
) -> Select[Any]:
    if status is None:
        number, seen = EVENT.c.number, EVENT.c.last_seen_at
        query = select(number.label("event"), seen)
    else:  # an event has a status if one of its pairs has, and none has one that goes before
        number, seen = PAIR.c.event, PAIR.c.last_seen_at
        query = select(number, seen).where(PAIR.c.status == status)
        if before := _BEFORE[status]:
            other = PAIR.alias("other")
            stronger = exists().where(other.c.event == number, other.c.status.in_(before))
            query = query.where(~stronger)
    if since is not None:
        query = query.where(seen >= since)
    if indicator is not None:
        own = PAIR.alias("own")
        query = query.where(exists().where(own.c.event == number, own.c.indicator == indicator))
    if key is not None:  # the first condition is what an index is entered by
        behind = or_(seen < key[0], and_(seen == key[0], number < key[1]))
        query = query.where(seen <= key[0], behind)
    return query.order_by(seen.desc(), number.desc())


def are_few(connection: Connection, status: Status) -> bool:
    """Whether so few pairs have the status that going through all of them is the quick way."""
    some = select(PAIR.c.event).where(PAIR.c.status == status).limit(FEW + 1).subquery()
    return bool(connection.execute(select(func.count()).select_from(some)).scalar_one() <= FEW)
