"""Why an item is a hit or none, clause by clause."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from monitor.match import compile_matcher
from monitor.match.explanation import (
    Clause,
    details,
    explain,
    explanation,
    near_misses,
    why_missed,
)
from monitor.model import Branch, Watch
from tests.match.conftest import indicator, item, watch


def told(query: str, title: str, summary: str = "", exclude: str = "") -> str:
    given = watch(query, exclude=exclude)
    return explain(given, item(title, summary), "q0", matcher=compile_matcher([given]))


SAYS = [
    ("a hit", "@iran AND @drone", "Iran drone", "", ["q0: hit, score", "+ @iran  ← “Iran”"]),
    ("an absent word", "@iran AND @drone", "Iran", "",
     ["no branch holds", "- @drone  ← not in the text"]),
    ("a word in the summary only", "title: @iran", "x", "Iran", ["- title: @iran  ← not in the title"]),
    ("words too far apart", "@iran NEAR/2 @drone", "Iran and all of its drones", "",
     ["nearest: “Iran” and “drones”, 4 words between; 2 may be"]),
    ("words in the other order", "@iran ONEAR/5 @drone", "drones of Iran", "",
     ["nearest: “Iran” and “drones”, in the other order"]),
    ("one in the title, one in the summary", "@iran NEAR/5 @drone", "Iran", "drones",
     ["one in the title, the other in the summary"]),
    ("two sentences", "@iran NEAR/sentence @drone", "Iran. A drone", "", ["not in one sentence"]),
    ("how near they stand", "@iran NEAR/5 @drone", "Iran has drones", "", ["1 word between"]),
    ("an exclusion within", "@iran NOT @drone", "Iran drone", "", ["but “drone” stands there"]),
    ("the stage", "@iran AND stage:denied", "Iran", "", ["the item's stage is act"]),
    ("the action is missing", "@supply(by: @iran)", "Iran", "", ["no form of @supply is there"]),
    ("another role", "@supply(by: @russia, to: @iran)", "Iran sends drones to Russia", "",
     ["- by: @russia  ← “Russia” is to of “sends”", "- to: @iran  ← “Iran” is by of “sends”"]),
    ("a role that is missing", "@supply(by: @iran, to: @russia)", "Iran sends drones", "",
     ["+ by: @iran  ← “Iran”", "- to: @russia  ← not in the text"]),
    ("alternatives in one line", "@iran AND (a1 OR b1 OR c1)", "Iran", "",
     ["- not in the text: a1 b1 c1"]),
]  # fmt: skip


@pytest.mark.parametrize("case", SAYS, ids=[case[0] for case in SAYS])
def test_explains(case: tuple[str, str, str, str, list[str]]) -> None:
    _, query, title, summary, lines = case
    words = told(query, title, summary)
    for line in lines:
        assert line in words


def test_says_what_excluded_an_item() -> None:
    words = told("@iran", "Iran museum", exclude="museum")
    assert "holds, but is excluded" in words
    assert "excluded by: museum" in words
    assert "“museum”" in words


def test_gives_each_part_of_the_score_and_their_sum() -> None:
    given = watch("@iran")
    matcher = compile_matcher([given])
    (hit,) = matcher.candidates(item("Opinion: Iran"))
    words = explain(given, item("Opinion: Iran"), "q0", matcher=matcher)
    assert "genre      opinion: Opinion" in words
    assert words.endswith(f"sum, which is {hit.score:.2f}")
    assert all(f"{part.value:+.2f}  {part.name}" in words for part in hit.parts)


def test_says_that_a_score_is_too_low() -> None:
    given = watch("@iran", min_score=0.999)
    words = explain(given, item("Iran"), "q0", matcher=compile_matcher([given]))
    assert re.search(r"no hit, score 0\.\d\d is below 0\.999", words)


QUERIES = [
    "@iran AND (@drone OR missile) NOT museum",
    "(a OR b) AND @supply(by: @iran, of: @drone)",
    "title: (@iran NEAR/3 (@drone OR plane)) AND lang:en",
    "@iran NEAR/3 @drone NEAR/4 @russia",
    "NOT a AND @iran",
]


@pytest.mark.parametrize("query", QUERIES)
def test_clauses_are_written_with_their_parentheses(query: str) -> None:
    given = watch(query)
    found = explanation(given, item("Iran has drones"), "q0", matcher=compile_matcher([given]))
    for clause in _all(found.branches[0].clause):
        assert clause.text.count("(") == clause.text.count(")")
        assert clause.text in query or clause.text.partition(": ")[2] in query


def _all(clause: Clause) -> list[Clause]:
    return [clause, *(each for part in clause.parts for each in _all(part))]


def test_match_explain_gives_distance_and_the_branches_that_failed() -> None:
    given = _two_branches()
    matcher = compile_matcher([given])
    one = item("Iran has drones")
    (hit,) = matcher.match(one)
    assert details(given, one, hit, matcher=matcher) == {
        "distance": 1,
        "min_score": 0.0,
        "other_branches": [{"branch": "second", "failed": ["missile: not in the text"]}],
    }


def test_match_explain_names_near_misses_with_what_kept_them_out() -> None:
    given = watch("@iran", exclude="museum", min_score=0.5)
    matcher = compile_matcher([given])
    one = item("Iran museum")
    (miss,) = near_misses(given, one, matcher.match(one), matcher=matcher)
    assert (miss["indicator"], miss["branch"]) == ("q0", "only")
    assert miss["because"] == "excluded by “museum”"


def test_a_near_miss_may_be_a_low_score() -> None:
    given = watch("@iran", min_score=0.999)
    matcher = compile_matcher([given])
    (miss,) = near_misses(given, item("Iran"), (), matcher=matcher)
    assert miss["because"] == "the score is below 0.999"


MISSES = [
    (
        "the nearest branch",
        "Iran has tractors",
        "",
        "branch “first” fails: @drone: not in the text",
    ),
    ("an exclusion", "Iran has drones", "In a museum", "is excluded by “museum”"),
    ("a score", "Iran has drones", "", "branch “first” holds, score 0."),
]


@pytest.mark.parametrize("case", MISSES, ids=[case[0] for case in MISSES])
def test_a_miss_is_said_in_one_line(case: tuple[str, str, str, str]) -> None:
    _, title, summary, words = case
    given = _two_branches()
    given = replace(
        given, indicators=(replace(given.indicators[0], exclude="museum"),), min_score=0.999
    )
    matcher = compile_matcher([given])
    said = why_missed(given, item(title, summary), "q0", matcher=matcher)
    assert words in said
    assert "\n" not in said


def _two_branches() -> Watch:
    branches = (
        Branch(name="first", query="@iran NEAR/3 @drone"),
        Branch(name="second", query="@iran AND missile"),
    )
    return replace(watch("@iran"), indicators=(indicator("q0", *branches),))
