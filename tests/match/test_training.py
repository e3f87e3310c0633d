"""What a model learns from labelled items, and from how few it refuses to learn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import MonitorError
from monitor.match import compile_matcher
from monitor.match.adapting import adapt
from monitor.match.evaluation import Labelled
from monitor.match.training import (
    STEEPEST,
    doubted,
    examples,
    fingerprint,
    out_of_fold,
    own_examples,
    platt,
    train,
)
from monitor.model import Branch, Example, Watch
from tests.match.conftest import indicator, item, watch

START = datetime(2023, 1, 1, tzinfo=UTC)
REPORTS = ("Iran sends drones to Moscow", "Moscow receives Iranian drones", "Iran ships a drone")
TALES = ("How a drone works", "Drone show lights the sky", "My drone and me: an essay")


def tiny() -> Watch:
    """One indicator that any drone is a candidate for, with an example of each kind."""
    held = indicator(
        "q0",
        Branch(name="supply", query="@supply NEAR/6 @drone"),
        Branch(name="mentioned", query="@drone", prior=-2),
    )
    held = replace(
        held,
        positive=(Example(lang="en", title="Tehran sends drones"),),
        negative=(Example(lang="en", title="A toy drone", why="a toy"),),
    )
    return replace(watch("@iran", min_score=0.5), indicators=(held,))


def labelled(count: int) -> Iterator[Labelled]:
    """Reports, which count, and tales, which do not, by turns."""
    for number in range(count):
        right = number % 2 == 0
        title = (REPORTS if right else TALES)[number // 2 % 3]
        dated = replace(
            item(f"{title} {number}", id=f"i{number}"),
            published_at=START + timedelta(hours=number),
        )
        yield Labelled(item=dated, labels=frozenset({"q0"} if right else ()))


def test_it_learns_to_lift_misses_and_to_lower_false_alarms() -> None:
    held = tiny()
    plain = compile_matcher([held])
    model = train(plain, held, list(labelled(80)))
    trained = compile_matcher([held], models={"w": model})
    missed = item("Moscow receives Iranian drones again")
    tale = item("Drone show lights the bay")
    assert plain.match(missed) == ()
    assert [hit.branch for hit in trained.match(missed)] == ["mentioned"]
    assert trained.match(tale) == ()


def test_training_is_the_same_twice_and_says_on_what_it_was() -> None:
    held, rows = tiny(), list(labelled(60))
    first, second = (train(compile_matcher([held]), held, rows) for _ in range(2))
    assert first.to_json() == second.to_json()
    assert first.examples == 60 + 2  # the watch's own
    assert first.until == "2023-01-03"
    assert first.fingerprint == fingerprint([*rows, *own_examples(held)])


def test_an_indicator_whose_queries_do_better_alone_is_doubted() -> None:
    held = tiny()
    found = examples(compile_matcher([held]), held, list(labelled(20)))
    right = [(1.0 if each.right else -1.0, each) for each in found]
    wrong = [(-score, each) for score, each in right]
    assert doubted(right) == frozenset()
    assert doubted(wrong) == frozenset({"q0"})
    assert doubted(wrong[:8]) == frozenset()  # four right examples tell nothing


def test_the_file_holds_no_text_of_the_items() -> None:
    held = tiny()
    text = train(compile_matcher([held]), held, list(labelled(60))).to_json().casefold()
    for word in ("moscow", "drone", "essay", "iranian"):
        assert word not in text


def test_the_fingerprint_changes_with_a_label_and_not_with_the_order() -> None:
    rows = list(labelled(10))
    turned = [*rows[:-1], replace(rows[-1], labels=frozenset({"q0"}))]
    assert fingerprint(rows) == fingerprint(reversed(rows))
    assert fingerprint(rows) != fingerprint(turned)


def test_doubtful_labels_are_left_out() -> None:
    held, rows = tiny(), list(labelled(10))
    doubtful = [replace(row, labels=frozenset(), maybe=frozenset({"q0"})) for row in rows]
    matcher = compile_matcher([held])
    assert len(examples(matcher, held, rows)) == 10
    assert examples(matcher, held, doubtful) == []


def test_the_watchs_own_examples_are_labelled_items() -> None:
    good, near_miss = own_examples(tiny())
    assert (good.item.title, good.labels) == ("Tehran sends drones", frozenset({"q0"}))
    assert (near_miss.item.title, near_miss.labels) == ("A toy drone", frozenset())


@pytest.mark.parametrize("count", [0, 10, 39], ids=["none", "ten", "thirty-nine"])
def test_too_little_to_learn_from_is_told(count: int) -> None:
    held = tiny()
    with pytest.raises(MonitorError, match="too few to learn from"):
        train(compile_matcher([held]), held, list(labelled(count)))


def test_calibration_finds_the_curve_that_scores_were_drawn_from() -> None:
    scores = [step / 10 for step in range(-40, 41) for _ in range(50)]
    right = [n % 50 < 50 / (1 + math.exp(-(0.5 * score + 0.2))) for n, score in enumerate(scores)]
    slope, offset = platt(scores, right)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(0.2, abs=0.06)


@pytest.mark.parametrize("count", [4, 40, 75])
@pytest.mark.parametrize("spread", [1e-6, 0.1, 1.0, 50.0])
def test_few_and_well_told_examples_do_not_make_every_score_certain(
    count: int, spread: float
) -> None:
    scores = [spread * (1 + n % 3) * (1 if n % 2 else -1) for n in range(count)]
    slope, offset = platt(scores, [score > 0 for score in scores])
    assert 0 < slope <= STEEPEST
    assert abs(offset) <= STEEPEST


def test_calibration_leaves_scores_alone_where_there_is_nothing_to_learn() -> None:
    assert platt([1.0, 2.0], [True, True]) == (1.0, 0.0)
    assert platt([2.0, 1.0, -1.0, -2.0], [False, False, True, True]) == (1.0, 0.0)


def test_scores_out_of_fold_are_of_models_that_did_not_see_the_item() -> None:
    held, rows = tiny(), list(labelled(80))
    plain = compile_matcher([held])
    scored = out_of_fold(plain, held, rows)
    assert len(scored) == len(examples(plain, held, rows))
    right = [score for score, each in scored if each.right]
    wrong = [score for score, each in scored if not each.right]
    assert sum(right) / len(right) > sum(wrong) / len(wrong)
    model = train(plain, held, rows)
    seen = [model.log_odds(each.evidence, each.fixed) for _, each in scored]
    assert seen != [score for score, _ in scored]


# ── Reviews on top of a model ────────────────────────────────────────────────────────────────────


def reviewed(title: str, count: int, *, right: bool, first: int = 1_000) -> Iterator[Labelled]:
    for number in range(first, first + count):
        dated = replace(
            item(f"{title} {number}", id=f"r{number}"),
            published_at=START + timedelta(days=number),
        )
        yield Labelled(item=dated, labels=frozenset({"q0"} if right else ()))


def verdicts(count: int = 15) -> list[Labelled]:
    """An analyst here counts drone shows, which the model has learned to leave out."""
    return [
        *reviewed("Drone show lights the sky", count, right=True),
        *reviewed("How a drone works", count, right=False, first=2_000),
    ]


def test_reviews_correct_the_model_and_leave_what_it_knows() -> None:
    held = tiny()
    plain = compile_matcher([held])
    base = train(plain, held, list(labelled(80)))
    found = adapt(base, plain, held, verdicts())
    assert (found.verdicts, found.before) == (30, 15)
    assert found.after >= 28
    corrected = compile_matcher([held], models={"w": found.model})
    assert (
        compile_matcher([held], models={"w": base}).match(item("Drone show lights the bay")) == ()
    )
    assert corrected.match(item("Drone show lights the bay"))
    assert corrected.match(item("Moscow receives Iranian drones again"))
    assert corrected.match(item("My drone and me: an essay again")) == ()


def test_a_corrected_model_names_what_it_came_from_and_is_the_same_twice() -> None:
    held = tiny()
    plain = compile_matcher([held])
    base = train(plain, held, list(labelled(80)))
    first, second = (adapt(base, plain, held, verdicts()).model for _ in range(2))
    assert first.to_json() == second.to_json()
    assert first.base == base.fingerprint != first.fingerprint
    assert first.examples == base.examples + 30
    assert (first.slope, first.languages) == (base.slope, base.languages)
    assert type(first).from_json(first.to_json()).base == base.fingerprint


@pytest.mark.parametrize(
    ("right", "wrong"), [(0, 0), (9, 9), (30, 4), (4, 30)], ids=["none", "18", "4 wrong", "4 right"]
)
def test_too_few_verdicts_correct_nothing(right: int, wrong: int) -> None:
    held = tiny()
    plain = compile_matcher([held])
    base = train(plain, held, list(labelled(80)))
    few = [
        *reviewed("Drone show lights the sky", right, right=True),
        *reviewed("How a drone works", wrong, right=False, first=2_000),
    ]
    with pytest.raises(MonitorError, match="too few to learn from"):
        adapt(base, plain, held, few)


def test_items_written_for_training_are_learned_from_but_do_not_count_as_seen() -> None:
    held, rows = tiny(), list(labelled(80))
    plain = compile_matcher([held])
    written = [
        Labelled(item=item("Drone diplomacy resumes", id="w1"), labels=frozenset({"q0"})),
        Labelled(item=item("Drone hobbyists meet", id="w2"), labels=frozenset()),
    ]
    model = train(plain, held, rows, written)
    without = train(plain, held, rows)
    assert model.examples == without.examples + len(written)
    assert model.fingerprint != without.fingerprint
    assert model.counts == without.counts
    diplomacy = examples(plain, held, written)[0].evidence
    assert model.log_odds(diplomacy, 0.0) > without.log_odds(diplomacy, 0.0)
    scored = out_of_fold(plain, held, rows, written)
    assert len(scored) == len(examples(plain, held, rows))
