"""Verdicts, misses, level changes, overrides, rules: appended, and readable as of any time."""

from __future__ import annotations

import pytest

from monitor.desk import ConflictError, LevelOverride, Miss
from monitor.errors import StoreError
from monitor.model import Assessment, Level, LevelChange


class TestVerdicts:
    def test_the_newest_counts_and_the_past_is_kept(self, store, make):
        event = make.store_event(store, "a")
        for hours, status in ((1, "dismissed"), (2, "second-look"), (3, "confirmed")):
            store.add_review(make.review(event, status, hours=hours))
        statuses = [store.events(as_of=make.at(h))[0].status for h in (0, 1, 2, 3)]
        assert statuses == ["new", "dismissed", "second-look", "confirmed"]
        assert [review.status for review in store.reviews(as_of=make.at(2))] == [
            "dismissed",
            "second-look",
        ]
        assert store.hits(status="confirmed") == store.hits()
        assert store.hits(status="dismissed") == []
        assert len(store.hits(status="dismissed", as_of=make.at(1))) == 1

    def test_who_decides_on_what_another_changed_is_told(self, store, make):
        event = make.store_event(store, "a")
        store.add_review(make.review(event, "dismissed", by="ana"), expected="new")
        with pytest.raises(ConflictError, match="ana has decided “dismissed”") as told:
            store.add_review(make.review(event, "confirmed", by="ben"), expected="new")
        assert (told.value.current, told.value.by) == ("dismissed", "ana")
        assert [review.by for review in store.reviews()] == ["ana"]

    def test_several_at_once_leave_out_only_those_in_conflict(self, store, make):
        first, second = make.store_event(store, "a"), make.store_event(store, "b")
        store.add_review(make.review(first, "dismissed"))
        reviews = [make.review(event, "confirmed", hours=2) for event in (first, second)]
        conflict, fine = store.add_reviews(reviews, expected=["new", "new"])
        assert isinstance(conflict, ConflictError)
        assert fine is None
        assert {event.id: event.status for event in store.events()} == {
            first: "dismissed",
            second: "confirmed",
        }

    def test_on_an_event_that_was_merged_or_never_was_are_refused(self, store, make):
        into, source = make.store_event(store, "a"), make.store_event(store, "b")
        store.merge_events(source, into, by="ana", at=make.at(1))
        for event in (source, 999):
            with pytest.raises(StoreError):
                store.add_review(make.review(event))
        assert store.reviews() == []

    def test_are_for_each_indicator_apart(self, store, make):
        event = make.store_event(store, "a")
        with store.batch(now=make.at(1)) as batch:
            batch.add_hits([make.hit("bbc-a", "X2")], how="poll")
        store.add_review(make.review(event, "confirmed", indicator="X2", hours=2))
        (found,) = store.events()
        assert found.reviews == {("w", "X1"): "new", ("w", "X2"): "confirmed"}
        assert [event.id for event in store.events(status="new", indicator="X1")] == [event]


def test_misses_are_kept_with_their_item(store, make):
    make.store_event(store, "a")
    miss = Miss(item="bbc-a", watch="w", indicator="X9", by="ana", at=make.at(1), note="clearly")
    store.add_miss(miss)
    assert store.misses() == [miss]
    with pytest.raises(StoreError):
        store.add_miss(Miss(item="nowhere", watch="w", indicator="X9", by="ana", at=make.at(1)))


def change(make, hours, after, **more):
    known = {"watch": "w", "indicator": "X1", "before": "none", "cause": "2 events", "rules": "r1"}
    return LevelChange(**known | {"at": make.at(hours), "after": after, "event_ids": (3, 5)} | more)


def test_level_changes_are_stored_once_and_never_altered(store, make):
    first, second = change(make, 1, "low"), change(make, 2, "high", before="low")
    store.add_level_changes([first])
    store.add_level_changes([change(make, 1, "very-high"), second])
    assert store.level_changes() == [first, second]
    assert store.level_changes(as_of=make.at(1)) == [first]
    assert store.level_changes(since=make.at(2)) == [second]


def test_an_analysts_level_is_as_of_and_can_be_taken_back(store, make):
    def override(hours, level):
        return LevelOverride(
            watch="w", indicator="X1", level=level, by="ana", at=make.at(hours), reason="sources"
        )

    for hours, level in ((1, "high"), (2, "low"), (3, None)):
        store.override_level(override(hours, level))
    answers = [[o.level for o in store.level_overrides(as_of=make.at(h))] for h in range(4)]
    assert answers == [[], ["high"], ["low"], []]
    assert len(store.level_overrides(history=True)) == 3


def test_rules_of_then(store, make):
    for hours, rules in ((0, "r1"), (1, "r1"), (2, "r2"), (3, "r1")):
        store.note_rules("w", rules, f"text of {rules}", now=make.at(hours))
    assert [each.rules for each in store.rules("w")] == ["r1", "r2", "r1"]
    assert store.rules("w", as_of=make.at(2))[-1].text == "text of r2"


def test_assessments_are_kept_as_they_were_made(store, make):
    level = Level(
        watch="w",
        indicator="X1",
        level="high",
        weighted=3.5,
        events=4,
        baseline=None,
        since_at=make.now,
    )
    made = Assessment(watch="w", rules="r1", as_of=make.now, levels=(level,), hypotheses=())
    store.save_assessment(made, now=make.at(1))
    (found,) = store.assessments("w")
    assert (found["as_of"], found["rules"]) == (make.now, "r1")
    assert (found["levels"][0]["level"], found["levels"][0]["weighted"]) == ("high", 3.5)
