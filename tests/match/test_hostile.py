"""Items that somebody made to do harm: bounded work, counted in steps and never in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from monitor.match import IndexedMatcher, compile_matcher
from monitor.text import Document
from monitor.text.fold import LIMIT_BYTES
from tests.match.conftest import found, item, matching, watch

STEPS = 400_000
"""Calls of Python functions that one query may cost on one item: some 20 ms where a call takes 50 ns."""


def calls(run: Callable[[], object]) -> int:
    """How many Python functions are called, and resumed, while something runs."""
    count = 0

    def step(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


ITEMS = {
    "a title of 1 MB": ("Iran sends drones to Russia " * 36_000, ""),
    "a summary of 1 MB in one word": ("", "a" * 1_000_000),
    "100,000 zero-width marks": ("Ir" + "​‌‍" * 33_333 + "an sends drones to Russia", ""),
    "100,000 combining marks": ("a" + "́" * 100_000 + " Iran", "e" + "֑" * 50_000),
    "mixed direction": ("‫‪⁦" * 10_000 + "Iran איראן إيران" + "⁩‬" * 10_000, ""),
    "one letter, many times": ("a " * 30_000, "b " * 30_000),
    "the same name, many times": ("Iran " * 10_000, "Iran, " * 10_000),
    "an action and a doer, many times": ("Iran sends drones to Russia. " * 2_000, ""),
    "brackets and stops": (".!?…)]}\"'»" * 6_000, ",;:–(" * 6_000),
    "compatibility letters": ("ﷺ" * 20_000 + " Iran", ""),
    "lone surrogates": ("\ud800" * 10_000 + " Iran", "\udfff"),
    "nothing": ("", ""),
}

QUERIES = {
    "frames": "@supply(by: @iran, of: @drone, to: @russia)",
    "four roles": "@supply(by: @iran OR @russia, of: @weapon, to: @russia OR @iran, in: @syria)",
    "a chain of NEAR": " NEAR/500 ".join(["@iran", "a*", "i*", "s*", "d*", "r*", "@russia", "b*"]),
    "sentences": "(a* OR i*) NEAR/sentence (a* OR b* OR i*) NEAR/sentence (i* OR r*)",
    "many prefixes": " OR ".join(f"{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz"),
    "many terms": " OR ".join(f"{a}{b}*" for a in "abcdirs" for b in "adinoru") + " OR i*",
    "sixty NEAR": " OR ".join(f"(i* NEAR/{i + 1} r*)" for i in range(60)),
    "sixty frames": " OR ".join(["@supply(by: @iran, to: @russia)"] * 60),
    "deep": "(" * 50 + "@iran" + ")" * 50 + " AND NOT NOT NOT opinion",
    "exclusions": "@iran" + "".join(f" NOT (x{i} NEAR/500 i*)" for i in range(50)),
}  # fmt: skip


@pytest.fixture(scope="module")
def matchers() -> dict[str, IndexedMatcher]:
    return {name: compile_matcher([watch(query)]) for name, query in QUERIES.items()}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("name", ITEMS)
def test_no_query_is_long_at_any_item(
    name: str, query: str, matchers: dict[str, IndexedMatcher]
) -> None:
    hostile = item(*ITEMS[name])
    matcher = matchers[query]
    matcher.candidates(hostile)  # words are looked up once in their life
    assert calls(lambda: matcher.candidates(hostile)) < STEPS


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_is_cut_to_64_kb(name: str) -> None:
    document = Document(*ITEMS[name])
    texts = document.title.source.source, document.summary.source.source
    assert sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) <= LIMIT_BYTES


def test_what_stands_within_the_limit_is_read_and_what_stands_beyond_is_not() -> None:
    filler = "word " * 12_000
    assert found("iran", filler + "Iran")
    assert not found("iran", filler + "word " * 2_000 + "Iran")


def test_a_cut_does_not_break_a_letter() -> None:
    document = Document("ш" * 100_000)
    assert document.title.source.source == "ш" * (LIMIT_BYTES // 2)


def test_marks_that_nobody_sees_do_not_part_a_word() -> None:
    hit = matching("@iran").candidates(item("Ir‍a­n signs"))[0]
    assert [(span.start, span.end) for span in hit.spans] == [(0, 6)]


def test_a_zwnj_parts_words_as_a_space_does() -> None:
    assert found('"می شود"', "می‌شود", lang="fa")
