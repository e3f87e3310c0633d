"""How a level comes about: thresholds, decay, reviews, baseline, coverage, hysteresis, as of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.assess import assess, level_changes
from monitor.assess.baseline import baseline, tail
from monitor.assess.levels import odds
from monitor.model import Level, LevelChange


def level_of(lab: SimpleNamespace, events: list[Any], **more: Any) -> Level:
    given = {"coverage": lab.polls(), "now": lab.now} | more
    return assess(lab.watch(), events, **given).levels[0]


def change(lab: SimpleNamespace, after: str, *, days: float, before: str = "none") -> LevelChange:
    return LevelChange(
        watch="w", indicator="drones", at=lab.now - timedelta(days=days), before=before,  # type: ignore[arg-type]
        after=after, cause="", rules="r1",  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ([], "none"),
        ([{"status": "confirmed"}], "elevated"),
        ([{}], "low"),
        ([{"grade": None, "stage": "talks"}], "none"),
        ([{"status": "confirmed"}] * 3, "high"),
        ([{"status": "confirmed"}] * 6, "very-high"),
        ([{"status": "dismissed"}] * 6, "none"),
        ([{"stage": "denied"}] * 3, "none"),
        ([{"status": "confirmed", "weight": 3.0}], "high"),
        ([{"status": "confirmed", "days": 40}] * 6, "none"),
        ([{"status": "confirmed", "days": 25}], "low"),
    ],
    ids=[
        "no event", "one confirmed act", "one unreviewed act of good sources",
        "talks from an unknown source", "three confirmed", "six confirmed", "dismissed do not count",
        "mere denials do not count", "a heavy branch", "beyond the window", "decayed within the window",
    ],
)  # fmt: skip
def test_thresholds_of_weighted_events(
    lab: SimpleNamespace, made: list[dict[str, Any]], wanted: str
) -> None:
    events = [lab.event(number, **each) for number, each in enumerate(made, start=1)]
    assert level_of(lab, events).level == wanted


def test_better_sources_and_acts_weigh_more(lab: SimpleNamespace) -> None:
    weights = [
        level_of(lab, [lab.event(1, **each)]).weighted
        for each in (
            {}, {"grade": "C2"}, {"grade": None}, {"grade": "E5"}, {"stage": "talks", "grade": "E5"},
            {"stage": "threat", "grade": "E5"}, {"stage": "denied", "grade": "E5"},
        )
    ]  # fmt: skip
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) == len(weights)


OLD = [
    ("news of the day, of a first poll", 1, True, "new", True),
    ("a year old, of a first poll or a flood", 365, True, "new", False),
    ("a year old, confirmed", 365, True, "confirmed", True),
    ("a year old, of a usual poll", 365, False, "new", True),
]


@pytest.mark.parametrize(
    ("age", "warm_up", "status", "counts"),
    [case[1:] for case in OLD],
    ids=[case[0] for case in OLD],
)
def test_what_was_published_long_before_it_was_seen_says_nothing_of_now(
    lab: SimpleNamespace, age: int, warm_up: bool, status: Any, counts: bool
) -> None:
    event = lab.event(1, status=status)
    (stored,) = event.hits
    item = replace(stored.item, published_at=lab.now - timedelta(days=age))
    event = replace(event, hits=(replace(stored, item=item, warm_up=warm_up),))
    assert (level_of(lab, [event]).weighted > 0) == counts


def test_a_denial_weakens_an_unreviewed_event_but_not_a_confirmed_one(lab: SimpleNamespace) -> None:
    plain, denied = lab.event(1), lab.event(1, denied_days=0.5)
    assert level_of(lab, [denied]).weighted == pytest.approx(0.7 * level_of(lab, [plain]).weighted)
    sure = lab.event(1, denied_days=0.5, status="confirmed")
    assert level_of(lab, [sure]).weighted == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("feeds", "days", "wanted"),
    [
        ([], range(30), "none"),
        ([], [], "no-coverage"),
        ([], range(3, 30), "no-coverage"),
        ([], [2], "none"),
        ([{"lang": "fa"}], range(30), "no-coverage"),
        ([{"lang": "en"}], range(30), "none"),
        ([{"topics": ("sport",)}], range(30), "no-coverage"),
        ([{"topics": ("war", "sport")}], range(30), "none"),
    ],
    ids=[
        "read", "never read", "down for three days", "read two days ago",
        "only a feed in another language", "a feed in its language", "only a feed on other things",
        "a feed on its topic",
    ],
)  # fmt: skip
def test_quiet_and_blind_never_look_alike(
    lab: SimpleNamespace, feeds: list[dict[str, Any]], days: Any, wanted: str
) -> None:
    rules = lab.watch(lab.indicator(languages=("en",), topics=("war",)))
    found = assess(
        rules, [], now=lab.now, coverage=lab.polls(days=days),
        feeds=[lab.Feed(id="f", url="", **each) for each in feeds],
    ).levels[0]  # fmt: skip
    assert found.level == wanted
    assert ("no feed" in found.cause) == (wanted == "no-coverage")


SHARES = [
    ("all answer", 6, 0, "none"),
    ("a third answers", 2, 4, "none"),
    ("less than a third answers", 2, 5, "no-coverage"),
    ("one wire goes on, fifty-one feeds are down", 1, 51, "no-coverage"),
]


@pytest.mark.parametrize(
    ("read", "down", "wanted"), [case[1:] for case in SHARES], ids=[case[0] for case in SHARES]
)
def test_an_indicator_is_covered_only_while_enough_of_its_feeds_are_read(
    lab: SimpleNamespace, read: int, down: int, wanted: str
) -> None:
    polls = {}
    for number in range(read + down):
        polls |= lab.polls(f"f{number}", days=range(30) if number < read else range(3, 30))
    for number in range(read, read + down):
        polls[f"f{number}"] |= {lab.day(back): (0, 9) for back in range(3)}
    found = level_of(lab, [], coverage=polls)
    assert found.level == wanted
    if wanted == "no-coverage":
        assert f"{read} of {read + down} on" in found.cause


def test_feeds_that_cannot_carry_it_do_not_count_against_it(lab: SimpleNamespace) -> None:
    rules = lab.watch(lab.indicator(languages=("en",)))
    polls = lab.polls("en", days=range(30))
    feeds = [lab.Feed(id="en", url="", lang="en")]
    for number in range(9):
        polls |= lab.polls(f"fa{number}", good=0)
        feeds.append(lab.Feed(id=f"fa{number}", url="", lang="fa"))
    found = assess(rules, [], now=lab.now, coverage=polls, feeds=feeds).levels[0]
    assert found.level == "none"


def test_failed_polls_cover_nothing(lab: SimpleNamespace) -> None:
    assert level_of(lab, [], coverage=lab.polls(good=0)).level == "no-coverage"


def test_events_do_not_hide_that_the_feeds_are_down(lab: SimpleNamespace) -> None:
    events = [lab.event(n, status="confirmed", days=10) for n in range(1, 7)]
    found = level_of(lab, events, coverage=lab.polls(days=range(5, 30)))
    assert found.level == "no-coverage"
    assert found.by_threshold != "none"


# ── Baseline ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "known"), [(range(89), False), (range(90), True), (range(300), True)]
)
def test_a_baseline_needs_ninety_covered_days(lab: SimpleNamespace, days: Any, known: bool) -> None:
    assert (level_of(lab, [], coverage=lab.polls(days=days)).baseline is not None) == known


def test_many_weak_events_in_a_quiet_indicator_rise_by_its_baseline(lab: SimpleNamespace) -> None:
    weak = [lab.event(n, stage="talks", grade="E6", days=n) for n in range(1, 5)]
    before = level_of(lab, weak)
    after = level_of(lab, weak, coverage=lab.polls(days=range(360)))
    assert (before.level, before.by_baseline) == ("low", None)
    assert after.by_baseline == "high"
    assert after.level == "high"
    assert "are usual" in after.cause


def test_what_is_usual_does_not_rise_by_its_baseline(lab: SimpleNamespace) -> None:
    usual = [lab.event(n, stage="talks", grade="E6", days=n * 7) for n in range(1, 50)]
    found = level_of(lab, usual, coverage=lab.polls(days=range(360)))
    assert found.by_baseline == "none"
    assert found.baseline == pytest.approx(4.4, abs=0.6)


def test_a_past_surge_does_not_hide_the_next(lab: SimpleNamespace) -> None:
    day, covered = lab.now.date(), [lab.day(n) for n in range(360)]
    calm = {lab.day(n): 1 for n in range(35, 360, 14)}
    surge = calm | {lab.day(200): 30}
    one = baseline(calm, covered, window=30, today=day)
    two = baseline(surge, covered, window=30, today=day)
    assert one is not None
    assert two is not None
    assert two.expected < 1.6 * one.expected


def test_the_tail_is_that_of_the_negative_binomial() -> None:
    # P(X ≥ 3) with mean 2 and size 4, summed by hand: 1 − (16/81)(1 + 4/3 + 10/9)
    assert tail(3, 2.0, 4.0) == pytest.approx(1 - 16 / 81 * (1 + 4 / 3 + 10 / 9))
    assert tail(0, 2.0, 4.0) == 1.0


# ── Hysteresis and changes ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event_days", "since_days", "wanted"),
    [(14, 10, "elevated"), (25, 10, "low"), (25, 1, "elevated"), (31, 10, "none")],
    ids=[
        "held while it is only a little lower", "falls when clearly lower", "rests after a change",
        "falls to none when nothing is left",
    ],
)  # fmt: skip
def test_a_level_does_not_flap(
    lab: SimpleNamespace, event_days: float, since_days: float, wanted: str
) -> None:
    events = [lab.event(1, status="confirmed", days=event_days)]
    changes = [change(lab, "elevated", days=since_days)]
    assert level_of(lab, events, changes=changes).level == wanted


def test_a_rise_is_never_held_back(lab: SimpleNamespace) -> None:
    events = [lab.event(n, status="confirmed") for n in range(1, 4)]
    assert level_of(lab, events, changes=[change(lab, "low", days=0.1)]).level == "high"


@pytest.mark.parametrize(("since_days", "wanted"), [(0.5, "low"), (2.0, "high")])
def test_a_rise_by_the_baseline_needs_a_new_event(
    lab: SimpleNamespace, since_days: float, wanted: str
) -> None:
    """What is usual becomes less with every quiet day; that alone is no news."""
    weak = [lab.event(n, stage="talks", grade="E6", days=n) for n in range(1, 5)]
    changes = [change(lab, "low", days=since_days)]
    found = level_of(lab, weak, coverage=lab.polls(days=range(360)), changes=changes)
    assert (found.level, found.by_baseline) == (wanted, "high")


def test_a_change_says_from_what_why_by_which_rules_and_events(lab: SimpleNamespace) -> None:
    found = assess(
        lab.watch(), [lab.event(7, status="confirmed")], now=lab.now, coverage=lab.polls()
    )
    (made,) = level_changes(found)
    assert (made.before, made.after, made.rules, made.event_ids) == ("none", "elevated", "r1", (7,))
    assert made.cause == "1 event in 30 days, weighing 1.00 (from 1: elevated)"
    assert level_changes(found, [made]) == ()


def test_blind_and_seeing_again_are_changes(lab: SimpleNamespace) -> None:
    blind = assess(lab.watch(), [], now=lab.now, coverage={})
    (lost,) = level_changes(blind)
    assert (lost.before, lost.after) == ("none", "no-coverage")
    later = lab.now + timedelta(hours=1)
    seeing = assess(lab.watch(), [], now=later, coverage=lab.polls(), changes=[lost])
    (back,) = level_changes(seeing, [lost])
    assert (back.before, back.after) == ("no-coverage", "none")


def test_the_months_tell_quiet_from_blind(lab: SimpleNamespace) -> None:
    events = [lab.event(n, status="confirmed", days=40 + n) for n in range(1, 4)]
    found = level_of(lab, events, coverage=lab.polls(days=range(100)))
    months = {each.month: (each.events, each.level) for each in found.months}
    assert len(months) == 12
    assert months["2026-06"] == (0, found.level)
    assert months["2026-04"] == (3, "high")
    assert months["2026-03"][0] == 0
    assert months["2026-03"][1] == "none"
    assert months["2025-12"] == (0, "no-coverage")


# ── The analyst beside the machine ───────────────────────────────────────────────────────────────


def test_an_analysts_level_stands_beside_the_machines(lab: SimpleNamespace) -> None:
    said = [
        SimpleNamespace(
            watch="w", indicator="drones", level=level, by="ana", reason="in service",
            at=lab.now + timedelta(days=days),
        )
        for level, days in (("high", -2), ("very-high", -1), ("none", +1))
    ]  # fmt: skip
    found = level_of(lab, [], overrides=said)
    assert (found.level, found.analyst, found.analyst_by) == ("none", "very-high", "ana")
    back = [*said, replace_level(said[0], None, lab.now)]
    assert level_of(lab, [], overrides=back).analyst is None


def replace_level(override: SimpleNamespace, level: Any, at: Any) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(override), "level": level, "at": at})


# ── As of ────────────────────────────────────────────────────────────────────────────────────────


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    past=st.lists(st.integers(0, 380), max_size=12),
    later=st.lists(st.integers(1, 300), min_size=1, max_size=6),
    verdicts=st.lists(st.sampled_from(["new", "confirmed", "dismissed"]), min_size=12, max_size=12),
)
def test_what_came_later_changes_nothing(
    lab: SimpleNamespace, past: list[int], later: list[int], verdicts: list[Any]
) -> None:
    known = [lab.event(n, days=day) for n, day in enumerate(past)]
    reviews = [
        replace(lab.review(n, verdict), at=lab.now - timedelta(days=past[n] / 2))
        for n, verdict in enumerate(verdicts[: len(past)])
    ]
    coverage = lab.polls(days=range(300))
    then = assess(lab.watch(), known, now=lab.now, coverage=coverage, reviews=reviews)
    future = [lab.event(100 + n, days=-day) for n, day in enumerate(later)]
    verdict = [lab.review(n, "dismissed", days=-1) for n in range(len(past))]
    more = {"f": {lab.day(-day): (4, 0) for day in range(1, 200)} | coverage["f"]}
    again = assess(
        lab.watch(), [*known, *future], now=lab.now, coverage=more, reviews=[*reviews, *verdict],
        changes=[change(lab, "very-high", days=-1)],
    )  # fmt: skip
    assert again == then


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(days=st.lists(st.integers(0, 60), min_size=2, max_size=8), seed=st.randoms())
def test_the_order_of_events_does_not_matter(
    lab: SimpleNamespace, days: list[int], seed: Any
) -> None:
    events = [lab.event(n, days=day) for n, day in enumerate(days)]
    shuffled = list(events)
    seed.shuffle(shuffled)
    coverage = lab.polls()
    one = assess(lab.watch(), events, now=lab.now, coverage=coverage)
    assert assess(lab.watch(), shuffled, now=lab.now, coverage=coverage) == one


ODDS = {
    "often": (0.4, "1 in 2"),
    "now and then": (0.0252, "1 in 40"),
    "seldom": (0.0006, "1 in 1,700"),
    "hardly ever": (1e-8, "under 1 in 10,000"),
    "never": (0.0, "under 1 in 10,000"),
}


@pytest.mark.parametrize(("chance", "words"), ODDS.values(), ids=ODDS)
def test_a_chance_is_said_as_odds(chance: float, words: str) -> None:
    assert odds(chance) == words
