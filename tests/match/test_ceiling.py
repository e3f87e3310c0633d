"""Indicators that are not evaluated, as they could not reach the minimum: nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.match import IndexedMatcher, compile_matcher
from monitor.match.ceiling import Tables
from monitor.match.relevance import Evidence, Relevance, bucket, features
from monitor.model import Branch
from tests.match.conftest import indicator, item, watch

BRANCHES = (
    Branch(name="supply", query="@supply NEAR/6 @drone"),
    Branch(name="denied", query="@supply AND stage:denied", stage="denied", prior=0.4),
    Branch(name="mentioned", query="@drone", prior=-2),
    Branch(name="named", query="(@iran OR @russia) AND title: (@shahed OR @us)", prior=-1),
)
WORDS = """
Iran Iranian Russia denies sends sent deliveries drones Shahed US United States says talks opinion why
quiz museum of to the and would approve strikes Иран беспилотник пост
""".split()  # noqa: SIM905 — a list of words reads better as words


class Weights(dict[int, float]):
    """A weight for every feature there may be, as a seed has it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def get(self, key: int, default: float | None = None) -> float:  # type: ignore[override]
        return ((key * 2_654_435_761 + self.seed * 97) >> 7) % 1_001 / 250 - 2


def model(seed: int, *, bias: float = 0.0, slope: float = 1.0, doubted: str = "") -> Relevance:
    return Relevance(
        watch="w", fingerprint="0", examples=9, weights=Weights(seed), bias=bias, slope=slope,
        counts={"q1": 5}, doubted=frozenset({doubted}),
    )  # fmt: skip


def matcher(relevance: Relevance, min_score: float = 0.5) -> IndexedMatcher:
    held = [
        indicator("q0", *BRANCHES, exclude="museum"),
        indicator("q1", *BRANCHES[1:]),
        indicator("q2", *BRANCHES[2:], exclude="quiz"),
    ]
    plain = watch("@iran", min_score=min_score)
    return compile_matcher([replace(plain, indicators=tuple(held))], models={"w": relevance})


texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
models = st.builds(
    model,
    st.integers(0, 10_000),
    bias=st.floats(-6, 2),
    slope=st.sampled_from([1.0, 0.6, 2.0, 0.0, -1.0]),
    doubted=st.sampled_from(["", "q0", "q1"]),
)


@settings(max_examples=150, deadline=None)
@given(
    models, st.sampled_from([0.0, 0.2, 0.5, 0.8]), texts, texts, st.sampled_from(["en", "ru", ""])
)
def test_hits_are_those_of_all_that_hold_which_reach_the_minimum(
    relevance: Relevance, least: float, title: str, summary: str, lang: str
) -> None:
    engine, given_item = matcher(relevance, least), item(title, summary, lang)
    expected = tuple(hit for hit in engine.candidates(given_item) if hit.score >= least)
    assert engine.match(given_item) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), texts, texts, st.sampled_from(["en", "ru"]))
def test_what_the_text_says_weighs_the_same_before_as_after_evaluation(
    seed: int, title: str, summary: str, lang: str
) -> None:
    relevance = model(seed)
    engine, given_item = matcher(relevance), item(title, summary, lang)
    text = engine.compiled("w").text(engine.state(given_item))
    evidence = Evidence(
        indicator="q0", branches=(), sure=False, vetoed=False, share=0.0, stage="act",
        genre=text.genre, lang=text.lang, title=text.title, summary=text.summary,
        marks=text.marks, concepts=text.concepts,
    )  # fmt: skip
    known = {
        name: value
        for part in ("query", "genre", "concepts", "words")
        for name, value in features(evidence, relevance.languages).get(part, {}).items()
    }
    expected = sum(relevance.weight(name) * value for name, value in known.items())
    tables, shared = Tables(relevance, "q0"), Tables(relevance)
    assert text.sum(tables, shared, words=lang == "en") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("title", "evaluated"),
    [
        pytest.param("Drone over Odesa", True, id="one that the model may lift"),
        pytest.param("Drone race in Odesa", False, id="one that a word speaks against"),
        pytest.param("Iran sends a drone to race", True, id="a surer branch that may hold"),
    ],
)
def test_a_hopeless_indicator_is_not_evaluated(
    title: str, evaluated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {
        bucket("word title race"): -9.0, bucket("sure"): 9.0, bucket("any"): 9.0,
        bucket("indicator q0"): 1.0,
    }  # fmt: skip
    relevance = replace(model(0), weights=weights)
    held = indicator("q0", *BRANCHES[::2])
    plain = replace(watch("@iran", min_score=0.5), indicators=(held,))
    engine = compile_matcher([plain], models={"w": relevance})
    asked: list[int] = []
    fire = IndexedMatcher._fire

    def counted(self: IndexedMatcher, state: object, numbers: list[int]) -> object:
        asked.extend(numbers)
        return fire(self, state, numbers)  # type: ignore[arg-type]

    monkeypatch.setattr(IndexedMatcher, "_fire", counted)
    engine.match(item(title))
    assert bool(asked) == evaluated
