"""Keeping a store for years: copies while running, their return, checks, what may go."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, select, text, union

from monitor.errors import StoreError
from monitor.store.engine import INGEST_LOCK
from monitor.store.feeds import trim_poll_log
from monitor.store.part import Part, chunks
from monitor.store.search import unindex_items
from monitor.store.tables import EVENT_ITEM, HIT, ITEM, ITEM_PAST, MISS, SIGHTING


class Keeping(Part):
    """Copies, checks and retention."""

    def backup(self, path: Path) -> None:
        """Writes a consistent copy to a new file while the store is in use."""
        if path.exists():
            raise StoreError("this file exists", subject=str(path), remedy="name a new file")
        if self.db.path is None:
            raise StoreError("not on PostgreSQL", subject=self.db.name, remedy="use pg_dump")
        partial = path.with_name(f".{path.name}.partial")
        try:
            with self.db.translated(), sqlite3.connect(self.db.path) as source:
                copy = sqlite3.connect(partial)
                try:
                    source.backup(copy)
                    copy.execute("PRAGMA journal_mode=DELETE")
                finally:
                    copy.close()
            found = damage(partial)
            if found:
                raise StoreError(f"the copy is damaged: {found[0]}", subject=str(path))
            partial.rename(path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the copy could not be written ({error})",
                subject=str(path),
                remedy="is there space, and may this user write there?",
            ) from error
        finally:
            partial.unlink(missing_ok=True)

    def check(self) -> Sequence[str]:
        """What is wrong with the database, in words; empty when all is well."""
        found: list[str] = []
        if self.db.path is not None:
            found += damage(self.db.path)
        if not found:
            with self.db.read() as connection:
                found += _imbalances(connection)
        return found

    def expire(self, *, items_before: datetime, now: datetime, limit: int | None = None) -> int:
        """Deletes items without hits that were first seen before; evidence never goes.

        Their sightings go too: such an item, published once more, is new again.
        """
        deleted = 0
        evidence = union(*(select(table.c.item) for table in (HIT, EVENT_ITEM, MISS)))
        query = (
            select(ITEM.c.number)
            .where(ITEM.c.first_seen_at < items_before, ITEM.c.number.not_in(evidence))
            .order_by(ITEM.c.number)
        )
        with self.db.write() as connection:
            trim_poll_log(connection, now=now)
        while limit is None or deleted < limit:
            with self.db.write(lock=INGEST_LOCK) as connection:
                size = 2000 if limit is None else min(2000, limit - deleted)
                some = list(connection.execute(query.limit(size)).scalars())
                for chunk in chunks(some):
                    unindex_items(connection, chunk)
                    connection.execute(delete(SIGHTING).where(SIGHTING.c.item.in_(chunk)))
                    connection.execute(delete(ITEM_PAST).where(ITEM_PAST.c.item.in_(chunk)))
                    connection.execute(delete(ITEM).where(ITEM.c.number.in_(chunk)))
            deleted += len(some)
            if len(some) < size:
                break
        return deleted


def damage(path: Path) -> list[str]:
    """What SQLite itself finds wrong with a file."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
            broken = [
                f"{row[0]} row {row[1]} refers to no {row[2]}"
                for row in connection.execute("PRAGMA foreign_key_check")
            ]
    except sqlite3.DatabaseError as error:
        return [f"{path}: {error}"]
    finally:
        if "connection" in locals():
            connection.close()
    return [line for line in found if line != "ok"] + broken


# Each of these must find nothing: the books balance.
_BOOKS = {
    "an item was never seen in any feed": (
        "SELECT count(*) FROM item WHERE NOT EXISTS"
        " (SELECT 1 FROM sighting WHERE sighting.item = item.number)"
    ),
    "a withdrawn hit was withdrawn before it was stored": (
        "SELECT count(*) FROM hit WHERE withdrawn_at < stored_at"
    ),
    "a membership ends before it begins": (
        "SELECT count(*) FROM event_item WHERE removed_at < added_at"
    ),
    "a merged event still has items": (
        "SELECT count(*) FROM event_item JOIN event ON event.number = event_item.event"
        " WHERE event.merged_into IS NOT NULL AND removed_at IS NULL"
    ),
    "a hit is covered by a message of another reader": (
        "SELECT count(*) FROM message_hit AS c JOIN message AS m ON m.number = c.message"
        " WHERE m.kind <> c.kind OR m.subscription <> c.subscription OR m.recipient <> c.recipient"
    ),
    "a message was sent without a time": (
        "SELECT count(*) FROM message WHERE state = 'sent' AND sent_at IS NULL"
    ),
    "a message is being sent by nobody": (
        "SELECT count(*) FROM message WHERE state = 'sending' AND lease_holder IS NULL"
    ),
}


def _imbalances(connection: Connection) -> list[str]:
    found = []
    for what, query in _BOOKS.items():
        count = connection.execute(text(query)).scalar_one()
        if count:
            found.append(f"{what} ({count})")
    return found
