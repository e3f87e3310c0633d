"""What a digest says, as tables of what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.digest import Flood
from monitor.digest.content import content
from monitor.model import Member


@pytest.fixture
def say(make, subscription, house):
    """``say(known, min_level=…)``: the content for a subscription with these settings."""

    def made(known, **settings):
        return content(known, replace(subscription, **settings), "ana@example.org", house)

    return made


SENTENCES = {
    0: "Nothing new since Tue 24 Nov 2026 07:00 Europe/Brussels.",
    1: "Indicator A2 moved from Elevated to High. 1 new event waits for review.",
    25: "Indicator A2 moved from Elevated to High. 25 new events wait for review.",
    500: "Indicator A2 moved from Elevated to High. 500 new events wait for review.",
}
SUBJECTS = {
    0: "Monitor, 24–25 Nov: nothing new",
    1: "Monitor, 24–25 Nov: A2 Indicator A2 up to High, 1 event to review",
    25: "Monitor, 24–25 Nov: A2 Indicator A2 up to High, 25 events to review",
    500: "Monitor, 24–25 Nov: A2 Indicator A2 up to High, 500 events to review",
}


@pytest.mark.parametrize("number", SENTENCES)
def test_it_says_first_what_changed(make, say, number):
    said = say(make.many(number))
    assert said.sentence == SENTENCES[number]
    assert said.subject == SUBJECTS[number]
    assert len(said.subject) <= 70
    assert len(said.preheader) <= 90
    assert (said.total, len(said.events)) == (number, min(number, 25))
    assert sum(line.events for line in said.rest) == max(0, number - 25)


class TestWho:
    def test_dismissed_events_never_appear(self, make, say):
        hits = [make.hit(1), make.hit(2)]
        events = [make.event(hits[0], reviews={("ri", "A2"): "dismissed"}), make.event(hits[1])]
        said = say(make.known(hits, events=events))
        assert [line.number for line in said.events] == [2]

    def test_nor_what_a_review_dismissed_for_the_hit_itself(self, make, say):
        assert say(make.known([make.hit(1, status="dismissed")])).total == 0

    def test_nor_withdrawn_hits(self, make, say):
        assert say(make.known([make.hit(1, withdrawn_at=make.now)])).total == 0

    def test_an_event_dismissed_for_one_indicator_appears_for_the_other(self, make, say):
        both = make.hit(1), make.hit(2, indicator="B3", event=1, item=make.item(1))
        event = make.event(*both, reviews={("ri", "A2"): "dismissed"})
        [line] = say(make.known(both, events=[event])).events
        assert line.indicators == ("B3",)

    def test_confirmed_ones_do_not_wait_for_review(self, make, say):
        hit = make.hit(1)
        event = make.event(hit, reviews={("ri", "A2"): "confirmed"})
        said = say(make.known([hit], events=[event]))
        assert (said.total, said.to_review) == (1, 0)
        assert "0 of 1 still to review" in said.sentence

    def test_what_grew_is_an_update_and_not_new_again(self, make, say):
        old, new = make.hit(1), make.hit(2, event=1, item=make.item(2))
        said = say(make.known([new], events=[make.event(old, new)]))
        assert [(line.is_update, line.grown) for line in said.events] == [(True, 1)]
        assert said.sentence == "1 earlier event that grew waits for review."

    def test_imports_and_rematches_are_one_line(self, make, say):
        hits = [make.hit(1, how="import"), make.hit(2, how="rematch"), make.hit(3)]
        said = say(make.known(hits))
        assert [line.number for line in said.events] == [3]
        assert "1 hit from an import (A2 1)" in said.imported
        assert "1 hit from changed rules applied to stored items (A2 1)" in said.imported

    def test_a_digest_of_an_import_alone_does_not_say_that_nothing_was_found(self, make, say):
        said = say(make.known([make.hit(1, how="import")], previous_at=None))
        assert said.sentence == "Nothing new from the feeds yet."

    def test_a_flooding_feed_is_one_line(self, make, say):
        flood = Flood(feed="bulletin", name="Bulletin", items=400, at=make.now - timedelta(hours=2))
        said = say(make.known([make.hit(1)], floods=[flood]))
        assert said.total == 0
        assert "Bulletin (400 items)" in said.flood
        assert not said.empty


SCOPES = {
    "all": ({}, {1, 2, 3}),
    "an indicator": ({"indicators": ("B3",)}, {2}),
    "a group": ({"indicators": ("trade",)}, {1, 2, 3}),
    "of one watch": ({"indicators": ("ri/B3",)}, {2}),
    "none that exists": ({"indicators": ("Z9",)}, set()),
    "English": ({"languages": ("en",)}, set()),
    "Persian and Arabic": ({"languages": ("fa", "ar")}, {1, 2}),
    "from elevated on": ({"min_level": "elevated"}, {1, 3}),
    "from very high on": ({"min_level": "very-high"}, {3}),
}


@pytest.mark.parametrize(("settings", "numbers"), SCOPES.values(), ids=SCOPES)
def test_a_subscription_chooses(make, say, settings, numbers):
    hits = [make.hit(1), make.hit(2, indicator="B3"), make.hit(3, indicator="D1")]
    levels = make.assessment(make.level("A2", "high"), make.level("B3", "low"))
    said = say(make.known(hits, assessments={"ri": levels}), **settings)
    assert {line.number for line in said.events} == numbers  # D1's level is unknown: shown


ORDERS = {
    "independent origins before volume": (
        {1: {"independent_origins": 2}, 2: {"independent_origins": 3}},
        [2, 1],
    ),
    "origins before the source": (
        {1: {"feed": "agency"}, 2: {"independent_origins": 2, "feed": "blog"}},
        [2, 1],
    ),
    "the source before the match": (
        {1: {"feed": "blog", "score": 0.9}, 2: {"feed": "agency", "score": 0.5}},
        [2, 1],
    ),
    "a source without a grade after all others": (
        {1: {"feed": "unknown", "score": 0.9}, 2: {"feed": "blog", "score": 0.5}},
        [2, 1],
    ),
    "the better match before volume": (
        {1: {"score": 0.5, "extra": 9}, 2: {"score": 0.9}},
        [2, 1],
    ),
    "then volume": ({1: {}, 2: {"extra": 3}}, [2, 1]),
    "then the newer": ({1: {"hours": 5}, 2: {"hours": 2}}, [2, 1]),
    "all at once": (
        {
            1: {"feed": "blog", "score": 0.99, "extra": 50},
            2: {"feed": "agency", "score": 0.4},
            3: {"independent_origins": 2, "feed": "blog", "score": 0.4},
            4: {"independent_origins": 4, "feed": "unknown", "score": 0.4},
            5: {"independent_origins": 2, "feed": "agency", "score": 0.4},
            6: {"independent_origins": 2, "feed": "agency", "score": 0.6},
        },
        [4, 6, 5, 3, 2, 1],
    ),
}


@pytest.mark.parametrize(("given", "order"), ORDERS.values(), ids=ORDERS)
def test_best_corroborated_first(make, say, given, order):
    hits, events = [], []
    for number, more in given.items():
        more = dict(more)
        hit = make.hit(
            number,
            score=more.pop("score", 0.7),
            text={"feed": more.pop("feed", "agency")},
            stored_at=make.now - timedelta(hours=more.pop("hours", 2)),
        )
        copies = [make.item(number * 10 + n) for n in range(more.pop("extra", 0))]
        event = make.event(hit, **more)
        members = (*event.members, *(Member(item=each, role="copy") for each in copies))
        hits.append(hit)
        events.append(replace(event, members=members))
    grades = {"agency": "A", "blog": "E"}
    feeds = [
        replace(status, feed=replace(status.feed, reliability=grade))
        for status, grade in ((make.feed(id), grade) for id, grade in grades.items())
    ]
    said = say(make.known(hits, events=events, feeds=feeds))
    assert [line.number for line in said.events] == order


class TestLevels:
    def test_up_and_down_again_is_no_change(self, make, say):
        changes = [make.change("A2", "low", "high", hours=-2), make.change("A2", "high", "low")]
        assert say(make.known(changes=changes)).levels == ()

    def test_rises_come_before_falls_and_the_highest_first(self, make, say):
        changes = [
            make.change("A2", "high", "low"),
            make.change("B3", "low", "elevated"),
            make.change("D1", "elevated", "very-high"),
        ]
        said = say(make.known(changes=changes))
        assert [line.indicator for line in said.levels] == ["D1", "B3", "A2"]

    def test_beyond_eight_they_are_lines(self, make, say):
        ids = [f"X{number}" for number in range(30)]
        changes = [make.change(id, "low", "high") for id in ids]
        said = say(make.known(watches=[make.watch(*ids)], changes=changes))
        assert (len(said.levels), len(said.more_levels), said.other_levels) == (8, 16, 6)
        assert "and 29 other levels changed" in said.sentence

    def test_quiet_is_what_could_be_seen_and_brought_nothing(self, make, say):
        levels = make.assessment(
            make.level("A2", "none"), make.level("B3", "no-coverage"), make.level("D1", "high")
        )
        assert say(make.known(assessments={"ri": levels})).quiet == ("A2",)

    def test_nothing_is_called_quiet_where_nobody_looked(self, make, say):
        levels = make.assessment(make.level("A2", "none"))
        later = make.now + timedelta(days=3)
        assert say(make.known(assessments={"ri": levels}, as_of=later)).quiet == ()

    def test_evidence_is_ordered_by_least_against(self, make, say):
        said = say(make.many(1))
        assert [(line.hypothesis, line.against) for line in said.evidence] == [
            ("H2", 4.1),
            ("H1", 7.9),
        ]


GAPS = {
    "a failing feed": (
        lambda make: {
            "feeds": [make.feed(), make.feed("gulf", health="failing", since_at=make.now)]
        },
        "1 of 2 feeds has been failing since 25 Nov. A2, B3 and D1 may be undercounted.",
    ),
    "a blind indicator": (
        lambda make: {"assessments": {"ri": make.assessment(make.level("B3", "no-coverage"))}},
        "B3 has no coverage: silence there means nothing.",
    ),
    "nobody polled": (
        lambda make: {"as_of": make.now + timedelta(days=3)},
        "No feed has been polled for 3 days, since Wed 25 Nov 2026 07:00 Europe/Brussels. "
        "What follows is old.",
    ),
}


@pytest.mark.parametrize(("stored", "sentence"), GAPS.values(), ids=GAPS)
def test_a_gap_in_coverage_is_said(make, say, stored, sentence):
    said = say(make.known(**stored(make)))
    assert said.gap is not None
    assert said.gap.sentence == sentence
    assert "gap" in said.subject


def test_a_digest_without_assessment_still_lists_the_hits(make, say):
    said = say(make.known([make.hit(1)]))
    assert (said.total, said.levels, said.evidence) == (1, (), ())
