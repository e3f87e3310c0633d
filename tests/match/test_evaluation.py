"""Precision, recall and F1 as they are defined, and each mistake with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from monitor.errors import MonitorError
from monitor.match.evaluation import Labelled, Score, evaluate, read_labelled
from monitor.model import Hit, Item
from tests.match.conftest import item

FOUND = {  # item → indicators that a stub of a matcher finds in it
    "right": ["a"], "false": ["a"], "missed": [], "both": ["a", "b"], "doubtful": ["a"], "quiet": [],
}  # fmt: skip


def match(each: Item) -> Sequence[Hit]:
    return [
        Hit(
            watch="w", indicator=id, item=each.id, rules="r", score=0.8, stage="act", spans=(),
            branch="only", query="x",
        )
        for id in FOUND[each.id]
    ]  # fmt: skip


def row(id: str, *labels: str, maybe: str = "", lang: str = "en", **more: Any) -> Labelled:
    return Labelled(
        item=item(id, id=id, lang=lang),
        labels=frozenset(labels),
        maybe=frozenset(maybe.split()),
        **more,
    )


ROWS = (
    row("right", "a"),
    row("false", weight=10.0, stratum="background"),
    row("missed", "b", lang="fa"),
    row("both", "a", "b"),
    row("doubtful", maybe="a"),
    row("quiet", stratum="background"),
)


def test_hits_are_counted_over_all_indicators_and_for_each() -> None:
    found = evaluate(ROWS, match, bootstrap=0)
    assert found.items == 6
    assert found.micro == Score(right=3, false=1, missed=1)
    assert (found.micro.precision, found.micro.recall, found.micro.f1) == (0.75, 0.75, 0.75)
    assert found.by_indicator == {
        "a": Score(right=2, false=1, missed=0),
        "b": Score(right=1, false=0, missed=1),
    }
    assert found.by_language["fa"] == Score(missed=1)


def test_a_doubtful_label_counts_neither_way() -> None:
    found = evaluate([row("doubtful", maybe="a")], match, bootstrap=0)
    assert found.micro == Score()
    assert (found.micro.precision, found.micro.recall, found.micro.f1) == (0.0, 0.0, 0.0)


def test_weights_undo_the_sampling() -> None:
    found = evaluate(ROWS, match, bootstrap=0)
    assert found.weighted == Score(right=3, false=10, missed=1)


def test_the_background_has_a_false_alarm_rate_of_its_own() -> None:
    found = evaluate(ROWS, match, bootstrap=0)
    assert (found.background_items, found.background_false) == (2, 1)
    assert found.background_rate == 0.5


def test_labels_of_unknown_indicators_are_no_misses() -> None:
    rows = [row("right", "a", "of another watch")]
    found = evaluate(rows, match, known=frozenset({"a", "b"}), bootstrap=0)
    assert found.micro == Score(right=1)


def test_macro_is_over_indicators_with_ten_or_more_positives() -> None:
    rows = [row("right", "a") for _ in range(10)] + [row("missed", "b") for _ in range(9)]
    found = evaluate(rows, match, bootstrap=0)
    assert (found.macro_f1, found.macro_indicators) == (1.0, 1)


def test_every_mistake_is_listed_with_its_reason() -> None:
    found = evaluate(ROWS, match, why_missed=lambda each, missed: f"no {missed}", bootstrap=0)
    alarm, miss = found.mistakes
    assert (alarm.kind, alarm.indicator, alarm.item.id) == ("false alarm", "a", "false")
    assert "branch “only”" in alarm.why
    assert (miss.kind, miss.indicator, miss.why) == ("miss", "b", "no b")


def test_the_interval_holds_the_figure_and_is_the_same_twice() -> None:
    rows = list(ROWS) * 10
    first, second = (evaluate(rows, match, bootstrap=200) for _ in range(2))
    low, high = first.interval
    assert low < first.micro.f1 < high
    assert first.interval == second.interval


def make(raw: Mapping[str, Any]) -> Item:
    return item(raw["title"])


def test_labelled_items_are_read_from_json_lines() -> None:
    line = {"title": "x", "labels": ["a"], "maybe": ["b"], "weight": 2, "stratum": "background"}
    plain = {"title": "y", "labels": [], "maybe": None, "weight": None}
    first, second = read_labelled([json.dumps(line), "\n", json.dumps(plain)], make)
    assert (first.labels, first.maybe, first.weight) == (frozenset("a"), frozenset("b"), 2.0)
    assert (second.labels, second.weight, second.stratum) == (frozenset(), 1.0, "")


NO_ITEMS = {"no JSON": "{", "no labels": '{"title": "x"}', "a weight that is none": (
    '{"title": "x", "labels": [], "weight": "much"}'
)}  # fmt: skip


@pytest.mark.parametrize("line", NO_ITEMS.values(), ids=NO_ITEMS)
def test_a_line_that_is_no_labelled_item_is_named(line: str) -> None:
    with pytest.raises(MonitorError, match="line 2 is not a labelled item"):
        list(read_labelled(['{"title": "x", "labels": []}', line], make))
