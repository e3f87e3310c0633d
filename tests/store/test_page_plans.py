"""How the databases go about what the pages ask: by an index, and no further than a page needs.

The plans are those of the statements as they are run, caught on their way to the driver.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from monitor.desk import InboxFilter
from monitor.store import SqlStore

BIG = ("item", "item_search", "sighting", "hit", "event", "event_item", "pair", "poll_log")

LOOKS: dict[str, Callable[[SqlStore, Any], object]] = {
    "the inbox": lambda s, _: s.inbox(InboxFilter()),
    "the inbox, newest": lambda s, _: s.inbox(InboxFilter(), sort="newest"),
    "the inbox, oldest": lambda s, _: s.inbox(InboxFilter(), sort="oldest"),
    "its second page": lambda s, _: s.inbox(
        InboxFilter(), after=s.inbox(InboxFilter(), limit=1).after
    ),
    "every event": lambda s, _: s.inbox(InboxFilter(status=None), sort="newest"),
    "every event by origins": lambda s, _: s.inbox(InboxFilter(status=None)),
    "a month of an indicator": lambda s, make: s.inbox(
        InboxFilter(status=None, indicator="X1", since=make.at(-9), until=make.at(9)), sort="newest"
    ),
    "pairs with a word": lambda s, _: s.inbox(InboxFilter(text="title")),
    "facets": lambda s, _: s.facets(InboxFilter()),
    "facets under a word": lambda s, _: s.facets(InboxFilter(text="title summary")),
    "counts by indicator": lambda s, _: s.waiting(),
    "activity by day": lambda s, make: s.activity(since=make.at(-9000)),
    "an event": lambda s, _: s.events(ids=[1]),
    "newest events": lambda s, _: s.events(limit=2),
    "newest events of a status": lambda s, _: s.events(limit=2, status="dismissed"),
    "newest events of an indicator": lambda s, _: s.events(limit=2, indicator="X1"),
    "what is like it": lambda s, _: s.related(1),
    "a pair in the pane": lambda s, _: s.glance(1, "w", "X1"),
    "the inbox of a language": lambda s, _: s.inbox(InboxFilter(lang="en")),
    "its history": lambda s, _: s.audit(1),
    "newest hits": lambda s, _: s.hits(limit=2),
    "newest hits of an indicator": lambda s, _: s.hits(limit=2, indicator="X1"),
    "newest hits of a status": lambda s, _: s.hits(limit=2, status="dismissed"),
    "terms of false alarms": lambda s, _: s.lead_spans(status="dismissed", limit=2),
    "a search": lambda s, _: s.search("title"),
    "a search in one language": lambda s, _: s.search("title", lang="fa"),
    "done today": lambda s, make: s.decided_since(make.at(-1)),
    "second opinions": lambda s, _: s.opinions(mark="second opinion"),
    "a week by feed": lambda s, make: s.new_items_by_feed(since=make.at(-1)),
    "the log of a feed": lambda s, _: s.poll_log("bbc"),
    "covered days": lambda s, make: s.covered_days(
        since=make.at().date(), until=(make.at() + timedelta(days=1)).date()
    ),
}


@contextmanager
def caught(store: SqlStore) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are read with, as the driver gets them."""
    found: list[tuple[str, Any]] = []

    def catch(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            found.append((statement, parameters))

    event.listen(store.db.reader, "before_cursor_execute", catch)
    try:
        yield found
    finally:
        event.remove(store.db.reader, "before_cursor_execute", catch)


def plan_of(store: SqlStore, statement: str, parameters: Any) -> list[str]:
    with store.db.read() as connection:
        if store.db.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return [row[3] for row in rows]
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # the tables are small here
        return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]


def whole_tables(plan: list[str]) -> list[str]:
    """Steps that go through a big table from end to end, without an index that gives the order."""
    names = "|".join(BIG)
    sqlite = rf"SCAN ({names})$"
    postgres = rf"Seq Scan on ({names})\b"
    return [step for step in plan if re.search(sqlite, step) or re.search(postgres, step)]


@pytest.fixture
def filled(store: SqlStore, make: Any) -> SqlStore:
    store.sync_feeds([make.feed()], now=make.at())
    for number in range(6):
        make.store_event(store, f"n{number}", hours=number)
    store.add_reviews([make.review(1, "dismissed")], expected=[None])
    store.waiting()  # the tally has been counted once; what follows is what a look costs
    return store


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_no_page_goes_through_a_whole_table(
    filled: SqlStore, make: Any, look: Callable[[SqlStore, Any], object]
) -> None:
    with caught(filled) as statements:
        look(filled, make)
    assert statements
    found = {s: whole_tables(plan_of(filled, s, parameters)) for s, parameters in statements}
    assert {s: steps for s, steps in found.items() if steps} == {}


SORTED = ("the inbox", "the inbox, newest", "the inbox, oldest", "newest events", "newest hits")


@pytest.mark.parametrize("name", SORTED)
def test_a_list_is_read_in_the_order_that_an_index_has(
    sqlite_store: SqlStore, make: Any, name: str
) -> None:
    make.store_event(sqlite_store, "a")
    with caught(sqlite_store) as statements:
        LOOKS[name](sqlite_store, make)
    plan = plan_of(sqlite_store, *next(s for s in statements if "LIMIT" in s[0]))
    assert not [step for step in plan if "TEMP B-TREE FOR ORDER BY" in step], plan


def test_a_whole_table_is_told(sqlite_store: SqlStore) -> None:
    assert whole_tables(plan_of(sqlite_store, "SELECT * FROM item WHERE title = 'a'", ()))
