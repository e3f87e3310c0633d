"""Hot queries use their index: a plan that reads a whole table would be felt at a million items."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event as listen
from sqlalchemy import text

from monitor.desk import InboxFilter

BIG = (
    *("item", "sighting", "hit", "event_item", "pair", "message_hit", "item_search", "event"),
    *("feed", "host", "message", "work_part", "poll_log"),
)

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
    # What the scheduler asks every second and a worker for each job:
    "feeds that wait": lambda store, make: store.waiting_feeds(now=make.at(9), limit=5_000),
    "feeds that are overdue": lambda store, make: store.overdue_feeds(before=make.at(9)),
    "mail that waits": lambda store, make: store.mail_waits(now=make.at(9)),
    "when hosts may be asked": lambda store, make: store.host_waits(["a", "b"], now=make.at(9)),
    "whether a part is done": lambda store, make: store.has_part("run", 1),
    "how many parts are done": lambda store, make: store.parts_done("run"),
    "what parts came to": lambda store, make: store.parts("run"),
    "items in parts": lambda store, make: store.item_parts(100),
    "newer items in parts": lambda store, make: store.item_parts(100, since=make.at(9)),
    "hits that hold": lambda store, make: store.held_hits(["bbc-3"]),
    "claim of due feeds": lambda store, make: store.claim_due_feeds(
        now=make.at(9), holder="me", limit=20
    ),
    "claim of a host's feeds": lambda store, make: store.claim_due_feeds(
        now=make.at(9), holder="me", feeds=["bbc", "cnn"]
    ),
    "leases renewed": lambda store, make: store.renew_leases(
        ["bbc"], holder="me", until=make.at(9)
    ),
    "leases given back": lambda store, make: store.release_feeds(["bbc"], holder="me"),
    "claim of mail": lambda store, make: store.claim_outgoing(now=make.at(9), holder="me"),
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


# Indexes of few rows, whatever the table has: read whole they are short.
PARTIAL = "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%% WHERE %%'"
# What the planner is told of our tables and their indexes: a million rows each, whatever is in them, and
# nothing of their values. Of a dozen rows it would read all and sort, which says nothing of a million.
A_MILLION = (
    "UPDATE pg_class SET reltuples = 1000000, relpages = 1"
    " WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
)
NO_VALUES = (
    "DELETE FROM pg_statistic WHERE starelid IN"
    " (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
)


def read_whole(plan, partial=frozenset()):
    """Tables that PostgreSQL reads from end to end, be it by an index; up to a limit it may."""
    tables = set(re.findall(r"Seq Scan on (\w+)", "\n".join(plan)))
    if any("Limit" in line for line in plan) and not any("Sort" in line for line in plan):
        return tables
    for line, following in zip(plan, [*plan[1:], ""], strict=True):
        by_index = re.search(r"Index (?:Only )?Scan using (\w+) on (\w+)", line)
        if by_index and by_index[1] not in partial and "Index Cond" not in following:
            tables.add(by_index[2])
    return tables


def test_a_full_read_is_seen_on_postgresql(postgres_url):
    from monitor.store import open_store

    with open_store(postgres_url) as store, store.db.reader.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for condition, found in (
            ("WHERE summary = 'x'", {"item"}),
            ("ORDER BY number", {"item"}),
            ("ORDER BY number LIMIT 5", set()),
            ("WHERE id = 'x'", set()),
        ):
            rows = connection.exec_driver_sql(f"EXPLAIN SELECT number FROM item {condition}")
            assert read_whole([row[0] for row in rows]) == found, condition


@pytest.mark.parametrize("name", [name for name in CALLS if name != "a poll"])
def test_on_postgresql_every_query_can_use_an_index(postgres_url, make, name):
    """Of a million rows, with sequential scans made dear, no big table is read whole."""
    from monitor.store import open_store

    with open_store(postgres_url) as store:
        for number in range(12):
            make.store_event(store, f"{number}")
        statements = []

        def note(connection, cursor, statement, parameters, context, executemany):
            if statement.startswith(("SELECT", "UPDATE")) and "pg_" not in statement:
                statements.append((statement, parameters))

        for engine in (store.db.reader, store.db.writer):
            listen.listen(engine, "before_cursor_execute", note)
        CALLS[name](store, make)
        with store.db.writer.connect() as connection:  # and rolled back
            partial = frozenset(connection.exec_driver_sql(PARTIAL).scalars())
            connection.exec_driver_sql(A_MILLION)
            connection.exec_driver_sql(NO_VALUES)
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            for statement, parameters in list(statements):
                rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                plan = [row[0] for row in rows]
                assert not read_whole(plan, partial) & set(BIG), "\n".join([statement, *plan])
