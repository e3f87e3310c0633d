"""Events: joined, split, merged and pinned, and the same in the past as they were then."""

from __future__ import annotations

import pytest

from monitor.desk import ConflictError
from monitor.errors import StoreError


def members(store, **more):
    """Event → the ids of its items."""
    return {
        event.id: sorted(member.item.id for member in event.members)
        for event in store.events(**more)
    }


def group(store, make, *drafts, hours=1.0):
    with store.batch(now=make.at(hours)) as batch:
        return batch.apply_groups(drafts)


def test_drafts_with_one_key_are_one_event(store, make):
    event = make.store_event(store, "a", "b")
    assert members(store) == {event: ["bbc-a", "bbc-b"]}
    (found,) = store.events()
    assert (found.title, found.first_seen_at, found.status) == ("Event a", make.now, "new")
    assert found.independent_origins == 2
    assert found.indicators == ("X1",)


def test_later_items_join_and_the_event_was_smaller_before(store, make):
    event = make.store_event(store, "a")
    with store.batch(now=make.at(3)) as batch:
        batch.add_items([make.item("b")], how="poll")
        batch.add_hits([make.hit("bbc-b")], how="poll")
        (known,) = batch.recent_events(since=make.at(-1))
        why = "0.9 text overlap"
        draft = make.draft("bbc-b", event=known.id, role="copy", of="bbc-a", why=why)
        assert batch.apply_groups([draft]) == 0
    assert members(store) == {event: ["bbc-a", "bbc-b"]}
    assert members(store, as_of=make.at(2)) == {event: ["bbc-a"]}
    (now,), (then,) = store.events(), store.events(as_of=make.at(2))
    assert (now.last_seen_at, then.last_seen_at) == (make.at(3), make.at(0))
    assert (now.members[1].role, now.members[1].of, now.members[1].why) == ("copy", "bbc-a", why)


def test_events_seen_too_long_ago_are_not_offered(store, make):
    make.store_event(store, "a", hours=0)
    recent = make.store_event(store, "b", hours=30)
    with store.batch(now=make.at(31)) as batch:
        assert [event.id for event in batch.recent_events(since=make.at(1))] == [recent]
        both = batch.recent_events(since=make.at(0))
    assert [event.id for event in both] == sorted(event.id for event in both)
    assert len(both) == 2


def test_what_is_offered_is_what_stands_after_every_change(store, make):
    event = make.store_event(store, "a")
    for hours, name in ((1, "b"), (2, "c")):
        with store.batch(now=make.at(hours)) as batch:
            batch.recent_events(since=make.at(-9))
            batch.add_items([make.item(name)], how="poll")
            batch.add_hits([make.hit(f"bbc-{name}")], how="poll")
            batch.apply_groups([make.draft(f"bbc-{name}", event=event)])
            (inside,) = batch.recent_events(since=make.at(-9))
        assert name in {member.item.id[-1] for member in inside.members}
    store.add_review(make.review(event, hours=3))
    with store.batch(now=make.at(4)) as batch:
        (offered,) = batch.recent_events(since=make.at(-9))
    assert offered == store.events()[0]
    assert offered.reviews == {("w", "X1"): "confirmed"}


def test_events_kept_at_hand_are_those_that_are_read(store, make, open_again):
    other = open_again()
    event = make.store_event(store, "a", hours=0)
    for hours, change in enumerate(
        [
            lambda at: make.store_event(store, "b", hours=1),
            lambda at: store.add_review(make.review(event, hours=2)),
            lambda at: store.set_grade(event, "B2", expected=None, by="ana", at=at),
            lambda at: group(store, make, make.draft("bbc-b", event=event), hours=4),
            lambda at: store.split_event(event, ["bbc-b"], by="ana", at=at),
        ],
        start=1,
    ):
        change(make.at(hours))
        for since in (make.at(-1), make.at(0.5), make.at(-99)):
            found = sorted(other.current_events(since=since), key=lambda each: each.id)
            assert found == sorted(store.events(since=since), key=lambda each: each.id)


def test_grouping_the_same_again_changes_nothing(store, make):
    event = make.store_event(store, "a", "b")
    before = store.events()
    drafts = [make.draft(f"bbc-{name}", event=event) for name in "ab"]
    assert group(store, make, *drafts) == 0
    assert store.events() == before


def test_an_item_that_is_regrouped_leaves_its_event(store, make):
    first = make.store_event(store, "a", "b")
    assert group(store, make, make.draft("bbc-b", key="other")) == 1
    (second,) = set(members(store)) - {first}
    assert members(store) == {first: ["bbc-a"], second: ["bbc-b"]}
    assert members(store, as_of=make.at(0.5)) == {first: ["bbc-a", "bbc-b"]}
    assert store.check() == []


class TestCorrections:
    def test_split_takes_items_and_verdicts_along_and_stays(self, store, make):
        event = make.store_event(store, "a", "b", "c")
        store.add_review(make.review(event))
        new = store.split_event(event, ["bbc-b"], by="ana", at=make.at(2))
        assert members(store) == {event: ["bbc-a", "bbc-c"], new: ["bbc-b"]}
        assert {found.id: found.status for found in store.events()} == {
            event: "confirmed",
            new: "confirmed",
        }
        group(store, make, make.draft("bbc-b", event=event), hours=3)
        assert members(store) == {event: ["bbc-a", "bbc-c"], new: ["bbc-b"]}
        assert members(store, as_of=make.at(1)) == {event: ["bbc-a", "bbc-b", "bbc-c"]}

    def test_split_of_everything_or_of_strangers_is_refused(self, store, make):
        event = make.store_event(store, "a", "b")
        make.store_event(store, "c")
        for items in (["bbc-a", "bbc-b"], ["bbc-c"], []):
            with pytest.raises(StoreError):
                store.split_event(event, items, by="ana", at=make.at(1))
        assert len(store.events()) == 2

    def test_merge_moves_items_and_verdicts_and_stays(self, store, make):
        into, source = make.store_event(store, "a"), make.store_event(store, "b")
        store.add_review(make.review(source, "dismissed"))
        store.merge_events(source, into, by="ana", at=make.at(2))
        assert members(store) == {into: ["bbc-a", "bbc-b"]}
        assert store.events()[0].status == "dismissed"
        assert members(store, as_of=make.at(1)) == {into: ["bbc-a"], source: ["bbc-b"]}
        group(store, make, make.draft("bbc-b", key="apart"), hours=3)
        assert members(store) == {into: ["bbc-a", "bbc-b"]}
        assert store.check() == []

    def test_a_verdict_of_the_event_that_stays_wins_in_a_merge(self, store, make):
        into, source = make.store_event(store, "a"), make.store_event(store, "b")
        store.add_review(make.review(into, "confirmed"))
        store.add_review(make.review(source, "dismissed"))
        store.merge_events(source, into, by="ana", at=make.at(2))
        assert store.events()[0].status == "confirmed"

    def test_new_items_for_a_merged_event_go_where_it_went(self, store, make):
        into, source = make.store_event(store, "a"), make.store_event(store, "b")
        store.merge_events(source, into, by="ana", at=make.at(2))
        with store.batch(now=make.at(3)) as batch:
            batch.add_items([make.item("c")], how="poll")
            batch.add_hits([make.hit("bbc-c")], how="poll")
            batch.apply_groups([make.draft("bbc-c", event=source)])
        assert members(store) == {into: ["bbc-a", "bbc-b", "bbc-c"]}
        assert members(store, ids=[source]) == members(store, ids=[into])

    def test_pinned_items_are_not_regrouped_until_unpinned(self, store, make):
        event = make.store_event(store, "a", "b")
        store.set_pinned(event, True, by="ana", at=make.at(1))
        group(store, make, make.draft("bbc-b", key="other"), hours=2)
        assert members(store) == {event: ["bbc-a", "bbc-b"]}
        store.set_pinned(event, False, by="ana", at=make.at(3))
        group(store, make, make.draft("bbc-b", key="other"), hours=4)
        assert len(members(store)) == 2

    def test_grade_is_kept_with_its_history_and_conflicts_are_told(self, store, make):
        event = make.store_event(store, "a")
        store.set_grade(event, "B2", expected=None, by="ana", at=make.at(1))
        with pytest.raises(ConflictError) as told:
            store.set_grade(event, "C3", expected=None, by="ben", at=make.at(2))
        assert (told.value.current, told.value.by) == ("B2", "ana")
        store.set_grade(event, None, expected="B2", by="ben", at=make.at(3))
        assert [store.events(as_of=make.at(h))[0].grade for h in (0, 2, 4)] == [None, "B2", None]

    def test_of_an_event_that_is_not_there_are_refused(self, store, make):
        into, source = make.store_event(store, "a"), make.store_event(store, "b")
        store.merge_events(source, into, by="ana", at=make.at(1))
        for event in (source, 999):
            for correct in (
                lambda: store.set_grade(event, "B2", expected=None, by="ana", at=make.at(2)),  # noqa: B023
                lambda: store.set_pinned(event, True, by="ana", at=make.at(2)),  # noqa: B023
                lambda: store.split_event(event, ["bbc-a"], by="ana", at=make.at(2)),  # noqa: B023
                lambda: store.merge_events(event, into, by="ana", at=make.at(2)),  # noqa: B023
            ):
                with pytest.raises(StoreError):
                    correct()
        with pytest.raises(StoreError):
            store.add_note(999, "text", by="ana", at=make.at(2))

    def test_every_step_is_in_the_audit(self, store, make):
        event, other = make.store_event(store, "a", "b"), make.store_event(store, "c")
        store.add_review(make.review(event, hours=1))
        store.add_note(event, "looks odd", by="ana", at=make.at(2))
        store.set_grade(event, "B2", expected=None, by="ana", at=make.at(3))
        store.set_pinned(event, True, by="ana", at=make.at(4))
        store.split_event(event, ["bbc-b"], by="ana", at=make.at(5))
        store.merge_events(other, event, by="ana", at=make.at(6))
        actions = [entry.action for entry in store.audit(event)]
        assert actions == [
            *("merged", "split", "pinned", "graded", "note", "reviewed"),
            *("item-added", "item-added", "created"),
        ]
