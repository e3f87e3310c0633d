"""Verdicts of the second reader are kept, replaced and forgotten."""

from __future__ import annotations

from datetime import timedelta


def test_what_is_kept_is_there_and_nothing_else(store, make):
    store.keep_readings({"a": "yes", "b": "no"}, now=make.at(0))
    assert store.readings(["a", "c"]) == {"a": "yes"}
    assert store.readings([]) == {}


def test_a_newer_verdict_takes_the_place_of_an_older(store, make):
    store.keep_readings({"a": "yes"}, now=make.at(0))
    store.keep_readings({"a": "no"}, now=make.at(1))
    assert store.readings(["a"]) == {"a": "no"}


def test_verdicts_of_three_months_ago_are_forgotten(store, make):
    store.keep_readings({"a": "yes"}, now=make.at(0))
    store.keep_readings({"b": "yes"}, now=make.at(0) + timedelta(days=91))
    assert store.readings(["a", "b"]) == {"b": "yes"}


def test_more_keys_than_one_statement_takes(store, make):
    rows = {f"k{n}": "yes" for n in range(2_000)}
    store.keep_readings(rows, now=make.at(0))
    assert store.readings(list(rows)) == rows
