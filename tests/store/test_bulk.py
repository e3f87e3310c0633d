"""Rows in bulk behave as single ones do: values, constraints, errors."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import exc, select

from monitor.model import Feed
from monitor.store.bulk import among, bulk_insert, bulk_update, listed_pairs
from monitor.store.search import words_of
from monitor.store.tables import EVENT, FEED, ITEM_SEARCH, META, SIGHTING


def meta(key, make, value="x"):
    return {"key": key, "value": value, "at": make.now}


def test_values_come_back_as_from_a_single_insert(store, make):
    odd = ["", "a\tb\nc\\d", '"quoted"', "\\N", "NUL\0", "half \ud83d", "می‌شود", "\u2028"]
    with store.db.write() as connection:
        bulk_insert(connection, META, [meta(f"bulk{n}", make, v) for n, v in enumerate(odd)])
        for n, value in enumerate(odd):
            connection.execute(META.insert().values(**meta(f"single{n}", make, value)))
    with store.db.read() as connection:
        rows = {row.key: (row.value, row.at) for row in connection.execute(select(META))}
    for n, _ in enumerate(odd):
        assert rows[f"bulk{n}"] == rows[f"single{n}"]


def test_a_broken_constraint_is_an_integrity_error_and_undoes_all(store, make):
    with pytest.raises(exc.IntegrityError), store.db.write() as connection:
        bulk_insert(connection, META, [meta("a", make), meta("b", make), meta("a", make)])
    assert store.get_meta("b") is None


def test_a_reference_to_nothing_is_an_integrity_error(store, make):
    with pytest.raises(exc.IntegrityError), store.db.write() as connection:
        bulk_insert(connection, ITEM_SEARCH, [{"item": 99, "body": "x"}])


def test_known_rows_can_be_skipped(store, make):
    make.store_event(store, "a")
    with store.db.write() as connection:
        row = {"feed": "bbc", "identity": "guid:a", "item": 1, "first_seen_at": make.at(9)}
        bulk_insert(connection, SIGHTING, [row, row | {"identity": "guid:b"}], skip_known=True)
        found = connection.execute(select(SIGHTING.c.identity, SIGHTING.c.first_seen_at)).all()
    assert sorted(found) == [("guid:a", make.at(0)), ("guid:b", make.at(9))]


def test_an_update_sets_only_what_is_found_and_says_how_much(store, make):
    with store.db.write() as connection:
        bulk_insert(connection, META, [meta(key, make) for key in ("a", "b")])
        rows = [meta(key, make, "y") | {"=value": was} for key, was in (("a", "x"), ("b", "z"))]
        assert bulk_update(connection, META, rows, where=("key", "=value")) == 1
    assert (store.get_meta("a"), store.get_meta("b")) == ("y", "x")


def test_a_duration_comes_back_as_from_a_single_update(store, make):
    store.sync_feeds([Feed(id="bbc", url="https://bbc.example/rss")], now=make.now)
    query = select(FEED.c.interval, FEED.c.next_due_at).where(FEED.c.id == "bbc")
    with store.db.write() as connection:
        row = {"id": "bbc", "interval": timedelta(minutes=7), "next_due_at": None}
        assert bulk_update(connection, FEED, [row], where=("id",)) == 1
        assert tuple(connection.execute(query).one()) == (timedelta(minutes=7), None)


@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_the_words_of_ascii_are_found_as_those_of_other_text(text):
    assert words_of(text) == [word for word in words_of(f"{text} й") if word != "й"]


def test_nothing_is_no_statement(store):
    with store.db.read() as connection:
        bulk_insert(connection, META, [])


@pytest.mark.parametrize("wanted", [[], ["a"], ["b", "nowhere", 'it\'s "odd" \\']], ids=len)
def test_among_text(store, make, wanted):
    with store.db.write() as connection:
        bulk_insert(connection, META, [meta(key, make) for key in ("a", "b", 'it\'s "odd" \\')])
        query = select(META.c.key).where(among(connection, META.c.key, wanted))
        assert set(connection.execute(query).scalars()) == set(wanted) - {"nowhere"}


def test_among_more_numbers_than_a_statement_may_have_parameters(store, make):
    event = make.store_event(store, "a")
    with store.db.read() as connection:
        query = select(EVENT.c.number).where(among(connection, EVENT.c.number, range(100_000)))
        assert list(connection.execute(query).scalars()) == [event]


def test_listed_pairs(store):
    pairs = [("a", "1"), ("it's", '"'), ("می", "\\")]
    with store.db.read() as connection:
        table = listed_pairs(connection, pairs)
        assert [tuple(row) for row in connection.execute(select(table.c.a, table.c.b))] == pairs
