"""Hot queries use their index: a plan that reads a whole table would be felt at a million items."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event as listen
from sqlalchemy import text

from monitor.desk import InboxFilter

BIG = ("item", "sighting", "hit", "event_item", "pair", "message_hit", "item_search", "event")

# What may read all of a table: counting it, and nothing else.
CALLS = {
    "inbox": lambda store, make: store.inbox(InboxFilter()),
    "inbox, newest": lambda store, make: store.inbox(InboxFilter(), sort="newest"),
    "inbox, oldest": lambda store, make: store.inbox(InboxFilter(), sort="oldest"),
    "an event": lambda store, make: store.events(ids=[5]),
    "related": lambda store, make: store.related(5),
    "items by id": lambda store, make: list(store.items(ids=["bbc-3"])),
    "a page of items": lambda store, make: list(store.items(after=10, limit=5)),
    "hits of one indicator": lambda store, make: store.hits(indicator="X1", limit=5),
    "newest hits": lambda store, make: store.hits(limit=5),
    "search": lambda store, make: store.search("title 7"),
    "recognise": lambda store, make: store.recognise([make.item("3"), make.item("new")]),
    "a poll": lambda store, make: poll(store, make),
    "last slot": lambda store, make: store.last_slot("daily", "ana"),
    "audit": lambda store, make: store.audit(5),
}


def poll(store, make):
    with store.batch(now=make.at(9)) as batch:
        batch.add_items([make.item("3", title="Edited"), make.item("new")], how="poll")
        batch.add_hits([make.hit("bbc-3"), make.hit("bbc-new")], how="poll")
        batch.recent_events(since=make.at(8))
        batch.apply_groups([make.draft("bbc-new")])
        batch.withdraw_hits("bbc-3", keep=[])


def scanned(connection, statement, parameters=()):
    """The big tables that SQLite would read from end to end for a statement."""
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    plan = [row.detail for row in rows]
    limited = re.search(r"LIMIT (\?|\d+)( OFFSET \?)?$", statement.strip())
    if limited and not any("TEMP B-TREE" in line for line in plan):
        return set()  # read in the order of its key, up to a limit
    tables = {
        match[1]
        for line in plan
        if (match := re.match(r"SCAN (\w+)(?! USING (COVERING )?INDEX)", line))
        and "VIRTUAL TABLE INDEX" not in line
    }
    return tables & set(BIG)


def test_a_scan_is_seen(sqlite_store):
    with sqlite_store.db.reader.connect() as connection:
        assert scanned(connection, "SELECT * FROM item WHERE summary = 'x'") == {"item"}
        assert scanned(connection, "SELECT * FROM hit ORDER BY score LIMIT 5") == {"hit"}
        inner = "SELECT (SELECT number FROM event ORDER BY number LIMIT 1) FROM hit"
        assert "hit" in scanned(connection, inner + " WHERE score = 1")
        assert scanned(connection, "SELECT * FROM item WHERE id = 'x'") == set()


@pytest.mark.parametrize("name", CALLS)
def test_on_sqlite_no_big_table_is_scanned(sqlite_store, make, name):
    for number in range(12):
        make.store_event(sqlite_store, f"{number}")
    statements = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and not executemany:
            statements.append((statement, parameters))

    for engine in (sqlite_store.db.reader, sqlite_store.db.writer):
        listen.listen(engine, "before_cursor_execute", note)
    CALLS[name](sqlite_store, make)
    assert statements
    with sqlite_store.db.reader.connect() as connection:
        for statement, parameters in list(statements):
            assert not scanned(connection, statement, parameters), statement


@pytest.mark.parametrize("name", [name for name in CALLS if name != "a poll"])
def test_on_postgresql_every_query_can_use_an_index(postgres_url, make, name):
    """With sequential scans made dear, the planner finds another way for every big table."""
    from monitor.store import open_store

    with open_store(postgres_url) as store:
        for number in range(12):
            make.store_event(store, f"{number}")
        statements = []

        def note(connection, cursor, statement, parameters, context, executemany):
            if statement.startswith("SELECT") and "pg_catalog" not in statement:
                statements.append((statement, parameters))

        listen.listen(store.db.reader, "before_cursor_execute", note)
        CALLS[name](store, make)
        with store.db.reader.connect() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            for statement, parameters in list(statements):
                rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                plan = "\n".join(row[0] for row in rows)
                found = set(re.findall(r"Seq Scan on (\w+)", plan)) & set(BIG)
                assert not found, plan
