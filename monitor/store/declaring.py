"""Feeds as files declare them, against what the database has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from monitor.model import Feed, FeedState
from monitor.store.codec import AnyRow, feed_to_json, state_to_columns
from monitor.store.grouping import Groups
from monitor.store.part import chunks
from monitor.store.tables import EVENT_ITEM, FEED, ITEM


def regrade(connection: Connection, feeds: Sequence[str], now: datetime) -> None:
    """Works the inbox's rows out anew whose best source may be another now."""
    events: set[int] = set()
    for some in chunks(feeds):
        query = (
            select(EVENT_ITEM.c.event)
            .join(ITEM, ITEM.c.number == EVENT_ITEM.c.item)
            .where(ITEM.c.feed.in_(some), EVENT_ITEM.c.removed_at.is_(None))
        )
        events |= set(connection.execute(query).scalars())
    groups = Groups(connection, now)
    groups.touch(*events)
    groups.finish()


def new_feed(feed: Feed, now: datetime) -> dict[str, Any]:
    return {
        "id": feed.id,
        "url": feed.url,
        "declared": feed_to_json(feed),
        "declared_in": feed.declared_in,
        "enabled": feed.enabled,
        "reliability": feed.reliability,
        "added_at": now,
    } | state_to_columns(FeedState())


def declared_rows(connection: Connection) -> dict[str, AnyRow]:
    columns = (
        FEED.c.id,
        FEED.c.url,
        FEED.c.declared,
        FEED.c.declared_in,
        FEED.c.enabled,
        FEED.c.reliability,
        FEED.c.retired_at,
    )
    return {row.id: row for row in connection.execute(select(*columns))}


def differing(feeds: Sequence[Feed], known: Mapping[str, AnyRow]) -> list[str]:
    """Ids of the feeds that are not in the database as they are declared, in a stable order."""
    given = {feed.id: feed for feed in feeds}
    gone = [
        row.id
        for row in known.values()
        if row.declared_in and row.retired_at is None and row.id not in given
    ]
    changed = [
        id
        for id, feed in given.items()
        if id not in known
        or known[id].retired_at is not None
        or (known[id].declared, known[id].url, known[id].enabled)
        != (feed_to_json(feed), feed.url, feed.enabled)
    ]
    return [*gone, *changed]


def redeclare(connection: Connection, feed: Feed, *, moved: bool) -> None:
    values: dict[str, Any] = {
        "url": feed.url,
        "declared": feed_to_json(feed),
        "declared_in": feed.declared_in,
        "enabled": feed.enabled,
        "reliability": feed.reliability,
        "retired_at": None,
    }
    if moved:  # what the old address said of itself says nothing of the new one
        values |= {"etag": None, "last_modified": None, "next_due_at": None}
        values |= {"moved_to": "", "moved_since_at": None, "moved_seen": 0}
    connection.execute(update(FEED).where(FEED.c.id == feed.id).values(**values))
