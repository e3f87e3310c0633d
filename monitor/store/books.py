"""Does the database hold together: its own structure, and what must add up."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, select, text

from monitor.store.pairs import worked_out
from monitor.store.part import chunks
from monitor.store.tables import EVENT, PAIR


def damage(path: Path) -> list[str]:
    """What SQLite itself finds wrong with a file; empty when it is sound."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
            broken = [
                f"{row[0]} row {row[1]} refers to a {row[2]} that is not there"
                for row in connection.execute("PRAGMA foreign_key_check")
            ]
    except sqlite3.DatabaseError as error:
        return [f"{path}: {error}"]
    return [line for line in found if line != "ok"] + broken[:20]


# Each of these counts what must not be.
_BOOKS = {
    "an item was never seen in any feed": (
        "SELECT count(*) FROM item WHERE NOT EXISTS"
        " (SELECT 1 FROM sighting WHERE sighting.item = item.number)"
    ),
    "an item cannot be found by its words": (
        "SELECT count(*) FROM item WHERE NOT EXISTS"
        " (SELECT 1 FROM item_search WHERE item_search.item = item.number)"
    ),
    "a hit was withdrawn before it was stored": (
        "SELECT count(*) FROM hit WHERE withdrawn_at < stored_at"
    ),
    "a hit was stored before its item was seen": (
        "SELECT count(*) FROM hit JOIN item ON item.number = hit.item"
        " WHERE hit.stored_at < item.first_seen_at"
    ),
    "a membership ends before it begins": (
        "SELECT count(*) FROM event_item WHERE removed_at < added_at"
    ),
    "a merged event still has items": (
        "SELECT count(*) FROM event_item JOIN event ON event.number = event_item.event"
        " WHERE event.merged_into IS NOT NULL AND event_item.removed_at IS NULL"
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
    "a day's polls are fewer than the log holds": (
        "SELECT count(*) FROM (SELECT feed, count(*) AS polls FROM poll_log GROUP BY feed) AS l"
        " WHERE polls > (SELECT coalesce(sum(good + failed), 0) FROM feed_day AS d"
        " WHERE d.feed = l.feed)"
    ),
}


def imbalances(connection: Connection) -> list[str]:
    """What does not add up; empty when the books balance."""
    found = []
    for what, query in _BOOKS.items():
        count = connection.execute(text(query)).scalar_one()
        if count:
            found.append(f"{what} ({count})")
    if wrong := _stale_pairs(connection):
        found.append(f"the inbox's row of an event is not what follows from it ({wrong})")
    return found


def _stale_pairs(connection: Connection) -> int:
    names = [column.name for column in PAIR.c]
    wrong = 0
    numbers = connection.execute(select(EVENT.c.number).order_by(EVENT.c.number)).scalars().all()
    for some in chunks(numbers, 300):
        stored = {
            tuple(row._mapping[name] for name in names)
            for row in connection.execute(select(PAIR).where(PAIR.c.event.in_(some)))
        }
        right = {tuple(row[name] for name in names) for row in worked_out(connection, some)}
        wrong += len(stored ^ right)
    return wrong
