"""What is kept of events between two looks is never an old one."""

from __future__ import annotations

from monitor.desk import InboxFilter
from monitor.store.known import Known
from monitor.store.tally import Tally

ALL = InboxFilter(status=None)


class TestKnown:
    def test_a_value_of_another_version_is_not_given(self):
        known = Known(10)
        known.put("a", 1, "one")
        assert known.get("a", 1) == "one"
        assert known.get("a", 2) is None and known.get("b", 1) is None

    def test_who_was_asked_for_longest_ago_goes_first(self):
        known = Known(2)
        for key in "ab":
            known.put(key, 1, key)
        known.get("a", 1)
        known.put("c", 1, "c")
        assert [known.get(key, 1) for key in "abc"] == ["a", None, "c"]

    def test_heavy_values_push_out_more_than_light_ones(self):
        known = Known(10, weight=len)
        for key, value in (("a", "xxxx"), ("b", "xxxx"), ("a", "x"), ("c", "xxxxx")):
            known.put(key, 1, value)
        assert [known.get(key, 1) for key in "abc"] == ["x", "xxxx", "xxxxx"]
        known.put("d", 1, "x" * 20)  # more than fits: kept alone
        assert known.get("d", 1) is not None and known.get("c", 1) is None


class TestOfTheStore:
    def test_rows_panes_and_events_follow_every_change(self, store, make):
        event = make.store_event(store, "a", "b")
        changes = (
            lambda: store.add_review(make.review(event, "confirmed")),
            lambda: store.set_grade(event, "B2", expected=None, by="ana", at=make.at(2)),
            lambda: store.set_pinned(event, True, by="ana", at=make.at(3)),
            lambda: store.split_event(event, ["bbc-b"], by="ana", at=make.at(4)),
        )
        for change in changes:
            before = self.seen(store, event)
            assert self.seen(store, event) == before
            change()
            assert self.seen(store, event) == self.read_anew(store, event)
            assert self.seen(store, event) != before

    def test_a_feed_that_is_graded_anew_shows_on_its_rows(self, store, make):
        for grade in "BD":
            store.sync_feeds([make.feed("bbc", declared_in="f", reliability=grade)], now=make.now)
            if grade == "B":
                make.store_event(store, "a")
            assert store.inbox(ALL).rows[0].source_grade == grade

    def test_the_same_row_is_given_while_nothing_changed(self, store, make):
        event = make.store_event(store, "a")
        first, second = (store.inbox(ALL).rows[0] for _ in range(2))
        assert first is second
        store.add_review(make.review(event, "confirmed"))
        assert store.inbox(ALL).rows[0].status == "confirmed"

    def test_done_today_counts_each_pair_once_and_nothing_from_before(self, store, make):
        events = [make.store_event(store, name) for name in "abc"]
        verdicts = ((0, "confirmed", 1, 0), (1, "dismissed", 5, 1), (1, "confirmed", 6, 1),
                    (2, "second-look", 6, 1), (2, "dismissed", 7, 2))  # fmt: skip
        for number, status, hours, done in verdicts:
            store.add_review(make.review(events[number], status, hours=hours))
            assert store.decided_since(make.at(4)) == done
        assert store.decided_since(make.at(0)) == 3

    def seen(self, store, event):
        rows = [row for row in store.inbox(ALL).rows if row.event == event]
        pane = store.glance(event, rows[0].watch, rows[0].indicator)
        return rows, pane, store.events(ids=[event]), store.events(limit=5)

    def read_anew(self, store, event):
        for known in (store._rows, store._glances, store._wholes):
            known._values.clear()
        return self.seen(store, event)

    def test_words_are_found_where_their_items_went(self, store, make):
        words = InboxFilter(status=None, text="title")
        event = make.store_event(store, "a", "b", "c")
        other = make.store_event(store, "d")
        made = []
        changes = (
            lambda: None,
            lambda: made.append(store.split_event(event, ["bbc-b"], by="ana", at=make.at(4))),
            lambda: store.merge_events(made[0], other, by="ana", at=make.at(5)),
            lambda: store.merge_events(other, event, by="ana", at=make.at(6)),
            lambda: make.store_event(store, "e"),
        )
        for change in changes:
            change()
            kept = {row.event for row in store.inbox(words).rows}
            store._tally = Tally()
            assert kept == {row.event for row in store.inbox(words).rows}
            assert kept == {row.event for row in store.inbox(ALL).rows}
