"""What a hit says: branch, spans, stage, genre, score and its parts."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import pytest

from monitor.errors import QueryError
from monitor.match import compile_matcher
from monitor.match.score import probability, total
from monitor.model import Branch, Hit, Watch
from tests.match.conftest import CONCEPTS, CUES, cue, indicator, item, matching, watch

SUPPLY = "@iran NEAR/8 @supply AND @drone"


def hit_of(title: str, summary: str = "", query: str = SUPPLY, lang: str = "en") -> Hit:
    (hit,) = matching(query).candidates(item(title, summary, lang))
    return hit


STAGES = [
    ("an act", "Iran sends drones to Russia", "act"),
    ("a decision", "Iran agrees to send drones", "decision"),
    ("an official claim", "Iran sends drones, Kyiv says", "official-claim"),
    ("talks", "Iran mulls to send drones", "talks"),
    ("a threat", "Iran threatens to send drones", "threat"),
    ("a denial", "Iran denies it sent drones", "denied"),
    ("a denial goes before a claim", "Iran denies it sent drones, Kyiv says", "denied"),
    ("a denial in another sentence", "Iran sends drones. Moscow denies a crash", "act"),
    ("a denial far away", "Iran sends drones " + "and more " * 10 + "which it denies", "act"),
]


@pytest.mark.parametrize("case", STAGES, ids=[case[0] for case in STAGES])
def test_the_stage_is_told_by_the_cue_beside_the_evidence(case: tuple[str, str, str]) -> None:
    assert hit_of(case[1]).stage == case[2]


GENRES = [
    ("news", "Iran sends drones", "", "news"),
    ("opinion", "Opinion: Iran sends drones", "", "opinion"),
    ("opinion, said at the start of the summary", "Iran sends drones", "Analysis by", "opinion"),
    (
        "opinion, said far down",
        "Iran sends drones",
        "It is a long text that ends in opinion",
        "news",
    ),
    ("an explainer", "Why Iran sends drones", "", "explainer"),
    ("a word that opens explainers, elsewhere", "Iran sends drones, and how", "", "news"),
    ("a live blog", "Iran sends drones: live updates", "", "live-blog"),
    ("a quiz", "Quiz: did Iran send drones", "", "quiz"),
    ("a retrospective", "Ten years ago Iran sent drones", "", "retrospective"),
]


@pytest.mark.parametrize("case", GENRES, ids=[case[0] for case in GENRES])
def test_the_genre_is_told_by_its_label(case: tuple[str, str, str, str]) -> None:
    assert hit_of(case[1], case[2]).genre == case[3]


def test_stage_and_genre_can_be_asked_for_in_a_query() -> None:
    matcher = matching(
        "@iran AND stage:denied", "@iran AND genre:opinion", "@iran NOT genre:opinion"
    )
    for title, wanted in (
        ("Iran denies", {"q0", "q2"}),
        ("Opinion: Iran", {"q1"}),
        ("Iran", {"q2"}),
    ):
        assert {hit.indicator for hit in matcher.candidates(item(title))} == wanted


@pytest.mark.parametrize(
    ("title", "genre"),
    [
        pytest.param("Тест: Иран поставил дроны", "quiz", id="a label before the title"),
        pytest.param("Тест Ирана: поставил дроны", "news", id="the same word in the title"),
        pytest.param("Иран поставил дроны. Тест: что дальше", "news", id="further on"),
    ],
)
def test_a_label_counts_only_before_the_title(title: str, genre: str) -> None:
    labelled = watch("@iran", concepts=(*CONCEPTS, *CUES, cue("genre-quiz-label", ru="тест")))
    (hit,) = compile_matcher([labelled]).candidates(item(title, lang="ru"))
    assert hit.genre == genre


@pytest.mark.parametrize(
    ("lang", "title", "stage"),
    [
        pytest.param("fa", "ایران مورد تحریم قرار گرفت", "act", id="in Persian a passive"),
        pytest.param("ar", "قرار بشأن إيران", "decision", id="in Arabic a decision"),
        pytest.param("tg", "ایران قرار", "decision", id="in a language without cues: all of them"),
    ],
)
def test_a_cue_counts_in_its_own_language(lang: str, title: str, stage: str) -> None:
    cues = cue("stage-decision", ar="قرار", fa="تصمیم"), cue("stage-denied", ar="نفى", fa="تکذیب")
    matcher = compile_matcher([watch("@iran", concepts=(*CONCEPTS, *cues))])
    (hit,) = matcher.candidates(item(title, lang=lang))
    assert hit.stage == stage


NEGATED = [
    ("Iran did not send drones", "Iran sends drones", "en"),
    ("Иран не поставил дроны", "Иран поставил дроны", "ru"),
    ("إيران لم سلمت مسيرات", "إيران سلمت مسيرات", "ar"),
    ("ایران پهپاد تحویل نداد", "ایران پهپاد تحویل داد", "fa"),
]


@pytest.mark.parametrize(("title", "done", "lang"), NEGATED, ids=[case[2] for case in NEGATED])
def test_what_is_negated_is_denied_and_doubted_beyond_its_stage(
    title: str, done: str, lang: str
) -> None:
    query = "@iran AND @supply AND @drone"
    negated, plain = (hit_of(text, query=query, lang=lang) for text in (title, done))
    assert (negated.stage, plain.stage) == ("denied", "act")
    parts = {part.name: part.value for part in negated.parts}
    assert parts["negation"] < 0
    assert negated.score < 0.5 < plain.score


def test_an_action_told_of_another_branch_word_is_no_negation() -> None:
    """What the query itself asks for is no doubt about it."""
    hit = hit_of("Iran will not send drones", query='@iran AND ("will not" NEAR/3 @supply)')
    assert "negation" not in {part.name for part in hit.parts}


def test_the_first_place_of_an_action_counts() -> None:
    hit = hit_of("Iran sends drones", "Tehran did not send drones before", "@iran AND @supply")
    assert "negation" not in {part.name for part in hit.parts}


def test_negation_can_be_asked_for_of_the_item() -> None:
    matcher = matching("@iran AND stage:denied")
    assert matcher.candidates(item("Iran did not send drones"))
    assert not matcher.candidates(item("Iran is not amused"))


ORDER = [
    ("all in the title", "Iran sends drones to Russia", ""),
    ("part in the title", "Iran and its drones", "Tehran sends drones"),
    ("in the summary", "A report", "Iran sends drones to Russia"),
    ("far into the summary", "A report", "x " * 60 + "Iran sends drones"),
]


def test_evidence_in_the_title_counts_most() -> None:
    scores = [hit_of(title, summary).score for _, title, summary in ORDER]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize(
    "title",
    ["Iran sends drones", "Opinion: Iran denies sending drones", "Iran sent drones, Kyiv says"],
)
def test_the_parts_of_a_score_add_up(title: str) -> None:
    hit = matching("@iran AND @drone").candidates(item(title))[0]
    assert hit.score == round(1 / (1 + math.exp(-sum(part.value for part in hit.parts))), 4)
    assert hit.score == round(probability(total(hit.parts)), 4)
    assert all(part.name and part.why for part in hit.parts)


def test_talk_threat_denial_and_opinion_lower_a_score() -> None:
    plain = hit_of("Iran sends drones").score
    for title in (
        "Iran mulls to send drones",
        "Iran threatens to send drones",
        "Iran denies it sent drones",
        "Opinion: Iran sends drones",
    ):
        assert hit_of(title).score < plain


def test_a_branch_that_looks_for_denials_is_not_doubted_for_finding_one() -> None:
    branch = Branch(name="denial", query="@iran AND stage:denied", stage="denied")
    matcher = compile_matcher([_with(branch)])
    (hit,) = matcher.candidates(item("Iran denies it"))
    assert hit.stage == "denied"
    assert "stage" not in {part.name for part in hit.parts}


def test_a_hit_names_watch_rules_branch_query_and_concepts() -> None:
    branches = Branch(name="weak", query="@iran", prior=0.1), Branch(name="strong", query="@drone")
    matcher = compile_matcher([_with(*branches)])
    (hit,) = matcher.candidates(item("Iran sends drones"))
    assert (hit.watch, hit.rules, hit.branch, hit.query) == ("w", "r1", "strong", "@drone")
    assert hit.concepts == ("iran", "drone", "weapon", "supply")
    assert [(span.field, span.start, span.end, span.term) for span in hit.spans] == [
        ("title", 11, 17, "@drone")
    ]


def test_spans_count_code_points_of_the_field_they_are_in() -> None:
    hit = hit_of("🚀 Иран", "Иран поставил России дроны", "@iran AND @supply", "ru")
    title, summary = "🚀 Иран", "Иран поставил России дроны"
    texts = {"title": title, "summary": summary}
    assert [texts[s.field][s.start : s.end] for s in hit.spans] == ["Иран", "Иран", "поставил"]


def test_an_exclusion_vetoes_every_branch() -> None:
    matcher = matching("@iran", exclude="museum")
    assert matcher.candidates(item("Iran"))
    assert not matcher.candidates(item("Iran", "In a museum"))


def test_what_scores_below_the_minimum_is_a_candidate_and_no_hit() -> None:
    matcher = compile_matcher([watch("@iran", min_score=0.99)])
    assert matcher.candidates(item("Iran"))
    assert matcher.match(item("Iran")) == ()


def test_watches_with_different_gazetteers_do_not_mix() -> None:
    one = watch("@iran", id="one")
    other = watch("@iran", id="other")
    narrowed = replace(
        other,
        concepts={
            **other.concepts,
            "iran": replace(other.concepts["iran"], forms={"en": ("Persia",)}),
        },
    )
    matcher = compile_matcher([one, narrowed])
    assert [hit.watch for hit in matcher.candidates(item("Iran"))] == ["one"]
    assert [hit.watch for hit in matcher.candidates(item("Persia"))] == ["other"]


def test_a_query_that_does_not_compile_is_refused_as_a_whole() -> None:
    with pytest.raises(QueryError, match="there is no concept"):
        compile_matcher([watch("@iran", "@nowhere")])


def test_no_watch_no_hits() -> None:
    assert compile_matcher([]).match(item("Iran")) == ()


def test_many_threads_find_what_one_finds() -> None:
    texts = [f"Iran sends {n} drones to Russia, number{n}" for n in range(300)]
    wanted = [matching(SUPPLY).match(item(text)) for text in texts]
    shared = matching(SUPPLY)
    found: list[list[tuple[Hit, ...]]] = [[] for _ in range(4)]

    def work(mine: list[tuple[Hit, ...]]) -> None:
        mine.extend(shared.match(item(text)) for text in texts)

    threads = [threading.Thread(target=work, args=(each,)) for each in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each == wanted for each in found)


def _with(*branches: Branch) -> Watch:
    return replace(watch("@iran"), indicators=(indicator("q0", *branches),))
