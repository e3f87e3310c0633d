"""What a relevance model does to a score, and what it can never do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import MonitorError
from monitor.match import IndexedMatcher, compile_matcher
from monitor.match.relevance import Evidence, Relevance, bucket, features
from monitor.match.score import probability, total
from monitor.model import Branch
from tests.match.conftest import indicator, item, watch

SURE = Branch(name="supply", query="@supply NEAR/6 @drone")
CANDIDATE = Branch(name="mentioned", query="@drone", prior=-2)


def model(bias: float = 0.0, **weights: float) -> Relevance:
    """Weights by feature, written with _ for a space."""
    return Relevance(
        watch="w",
        fingerprint="0",
        examples=100,
        bias=bias,
        weights={bucket(name.replace("_", " ")): value for name, value in weights.items()},
    )


def matcher(relevance: Relevance | None = None, exclude: str = "") -> IndexedMatcher:
    plain = watch("@iran", min_score=0.5)
    held = indicator("q0", SURE, CANDIDATE, exclude=exclude)
    return compile_matcher(
        [replace(plain, indicators=(held,))], models={"w": relevance} if relevance else None
    )


def branches(relevance: Relevance | None, title: str, exclude: str = "") -> list[str]:
    return [hit.branch for hit in matcher(relevance, exclude).match(item(title))]


def test_a_candidate_is_a_hit_only_where_a_model_lifts_it() -> None:
    title = "Drone over Odesa"
    assert branches(None, title) == []
    assert branches(model(bias=1.0), title) == ["mentioned"]
    assert branches(model(bias=-1.0), title) == []


def test_counting_what_holds_treats_candidates_as_matching_does() -> None:
    drone = item("Drone at a museum")
    assert matcher(None).holding(drone) == []
    assert matcher(model(), exclude="museum").holding(drone) == [("w", "q0")]
    given = item("Iran sends a drone to a museum")
    assert matcher(None, exclude="museum").holding(given) == []


def test_what_the_queries_did_not_find_is_no_hit_whatever_the_model_thinks() -> None:
    assert branches(model(bias=20.0), "Iran sends greetings") == []


def test_an_exclusion_vetoes_every_branch_but_the_candidates() -> None:
    title = "Iran sends a drone to a museum"
    assert branches(None, title) == ["supply"]
    assert branches(None, title, exclude="museum") == []
    assert branches(model(bias=1.0), title, exclude="museum") == ["mentioned"]
    against = model(1.0, vetoed=-3.0)
    assert branches(against, title, exclude="museum") == []


def test_the_parts_say_what_each_contributed_and_add_up_to_the_score() -> None:
    relevance = model(-0.5, sure=2.0, word_title_drone=1.0, concept_q0_title_drone=0.5)
    (hit,) = matcher(relevance).match(item("Iran sends a drone"))
    values = {part.name: part.value for part in hit.parts}
    assert list(values) == ["query", "closeness", "stage", "genre", "concepts", "words", "base"]
    assert values["query"] == 2.0
    assert values["words"] > 0
    assert values["base"] == -0.5
    assert hit.score == round(probability(total(hit.parts)), 4)
    whys = {part.name: part.why for part in hit.parts}
    assert whys["query"] == "branch “supply” holds"
    assert "“drone”" in whys["words"]
    assert whys["base"] == "learned from 100 examples"


@pytest.mark.parametrize(
    ("title", "part"),
    [
        pytest.param("Opinion: Iran sends a drone", "genre", id="an opinion"),
        pytest.param("Iran threatens to send a drone", "stage", id="a threat"),
        pytest.param("Iran did not send a drone", "negation", id="a negation"),
    ],
)
def test_a_model_lowers_what_is_no_news_of_an_act_at_least_as_the_fixed_parts_do(
    title: str, part: str
) -> None:
    def of(relevance: Relevance | None) -> dict[str, float]:
        (hit,) = matcher(relevance).candidates(item(title))
        assert hit.score == round(probability(total(hit.parts)), 4)
        return {each.name: each.value for each in hit.parts}

    fixed = of(None)[part]
    lenient = model(1.0, genre_opinion=2.0, stage_threat=2.0, stage_denied=2.0)
    assert fixed < 0
    assert of(lenient)[part] == pytest.approx(fixed)
    stern = model(1.0, genre_opinion=-9.0, stage_threat=-19.0)
    assert of(stern)[part] <= fixed
    half = replace(lenient, doubted=frozenset({"q0"}), counts={"q0": 20})
    assert of(half)[part] == pytest.approx(fixed / 2, abs=0.001)


def test_calibration_stretches_all_parts_alike() -> None:
    plain = model(0.4, sure=1.0)
    (before,) = matcher(plain).candidates(item("Iran sends a drone"))
    (after,) = matcher(replace(plain, slope=0.5, offset=0.1)).candidates(item("Iran sends a drone"))
    assert total(after.parts) == pytest.approx(0.5 * total(before.parts) + 0.1)


def test_a_doubted_model_is_believed_as_far_as_it_has_examples() -> None:
    title = "Iran sends a drone"
    against = model(-4.0)
    assert branches(against, title) == []
    (fixed,) = matcher().candidates(item(title))
    for count, share in ((0, 0.0), (20, 0.5), (60, 0.75)):
        doubted = replace(against, doubted=frozenset({"q0"}), counts={"q0": count})
        (hit,) = matcher(doubted).candidates(item(title))
        expected = share * -4.0 + (1 - share) * total(fixed.parts)
        assert total(hit.parts) == pytest.approx(expected, abs=0.01)
        assert hit.parts[-1].name == "fixed"
    knows_no_english = replace(against, languages=frozenset({"fa"}))
    assert branches(knows_no_english, title) == ["supply"]


EVIDENCE = Evidence(
    indicator="q0",
    branches=("supply",),
    sure=True,
    vetoed=False,
    share=1.0,
    stage="act",
    genre="news",
    lang="en",
    title=("iran", "sends", "drone"),
    summary=(),
    concepts=(("iran", True), ("drone", True)),
)


def test_words_are_looked_at_only_in_languages_that_the_model_knows() -> None:
    assert features(EVIDENCE, {"en"})["words"]
    assert features(replace(EVIDENCE, lang="fa"), {"en"})["words"] == {}
    persian = features(replace(EVIDENCE, lang="fa"), {"en"})
    assert persian["concepts"] == features(EVIDENCE, {"en"})["concepts"]


evidences = st.builds(
    lambda title, summary, concepts, lang, **told: replace(
        EVIDENCE, title=title, summary=summary, concepts=concepts, lang=lang, **told
    ),
    st.lists(st.sampled_from(["iran", "sends", "drone", "why", "ё"]), max_size=8),
    st.lists(st.sampled_from(["iran", "says", "un"]), max_size=8),
    st.lists(
        st.tuples(st.sampled_from(["iran", "us", "drone"]), st.booleans()),
        max_size=3,
        unique_by=lambda each: each[0],
    ),
    st.sampled_from(["en", "fa"]),
    branches=st.sampled_from([(), ("supply",), ("supply", "other")]),
    sure=st.booleans(),
    vetoed=st.booleans(),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    marks=st.sampled_from([(), ("colon",)]),
)


@given(evidences, st.integers(0, 1_000))
def test_the_parts_are_what_the_features_weigh(evidence: Evidence, seed: int) -> None:
    weighed = features(evidence, {"en"})
    names = [name for values in weighed.values() for name in values]
    weights = {bucket(name): (seed * n) % 17 / 4 - 2 for n, name in enumerate(names)}
    relevance = replace(model(0.3), weights=weights, counts={"q0": 10**9})
    told = {part.name: part.value for part in relevance.parts(evidence, {}, 0.0)}
    told.pop("fixed", None)  # of a language whose words it does not know; next to nothing here
    assert told.pop("base") == 0.3
    assert told == {
        part: pytest.approx(
            sum(relevance.weight(name) * value for name, value in values.items()), abs=0.001
        )
        for part, values in weighed.items()
    }
    expected = pytest.approx(sum(told.values()) + 0.3, abs=0.01)
    assert relevance.log_odds(evidence, 0.0) == expected


def test_the_order_of_concepts_tells_who_does_what_to_whom() -> None:
    turned = replace(EVIDENCE, concepts=(("drone", True), ("iran", True)))
    assert "order q0 iran drone" in features(EVIDENCE, {"en"})["concepts"]
    assert "order q0 iran drone" not in features(turned, {"en"})["concepts"]


def test_a_long_text_weighs_no_more_than_a_short_one() -> None:
    long = replace(EVIDENCE, summary=tuple(f"w{n}" for n in range(90)))
    for evidence in (EVIDENCE, long):
        values = [
            value
            for name, value in features(evidence, {"en"})["words"].items()
            if name.startswith(("word title", "word pair"))
        ]
        assert sum(value**2 for value in values) == pytest.approx(1.0)


def test_a_model_is_read_back_as_it_was_written() -> None:
    before = model(-0.25, sure=1.5)
    assert Relevance.from_json(before.to_json()) == before


DAMAGED = {
    "no JSON": "{",
    "another version": json.dumps({**json.loads(model().to_json()), "version": 2}),
    "a part is missing": '{"version": 3, "watch": "w"}',
    "weights that are none": model().to_json().replace('"weights":{}', '"weights":{"1":"much"}'),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_model_is_told_with_what_to_do(text: str) -> None:
    with pytest.raises(MonitorError, match="not a relevance model") as caught:
        Relevance.from_json(text, subject="relevance.json")
    assert "monitor train" in caught.value.remedy
