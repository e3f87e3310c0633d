"""Feeds: what files declare, what commands add, who polls what, and which days were covered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import StoreError
from monitor.model import FeedState, Validators
from monitor.store import process_holder

ME = process_holder("test")


def ids(statuses):
    return [status.feed.id for status in statuses]


def declared(make, id="bbc", **more):
    return make.feed(id, declared_in="feeds.yaml", **more)


def finish(store, make, feed="bbc", *, hours=0.0, outcome="ok", state=None):
    with store.batch(now=make.at(hours)) as batch:
        batch.finish_poll(make.poll(feed, hours=hours, outcome=outcome), state or FeedState())


class TestDeclaring:
    def test_everything_known_of_a_feed_is_kept(self, store, make):
        feed = declared(
            make,
            name="BBC",
            lang="en",
            kind="broadcaster",
            state="GB",
            origin="bbc",
            reliability="B",
            topics=("war", "oil"),
            interval=timedelta(minutes=5),
            full_text=True,
        )
        store.sync_feeds([feed], now=make.now)
        assert [status.feed for status in store.feeds()] == [feed]

    def test_declaring_again_keeps_the_state(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        state = FeedState(validators=Validators(etag='"1"'), polls=7, next_due_at=make.at(1))
        finish(store, make, state=state)
        store.sync_feeds([declared(make, name="New name")], now=make.at(1))
        (status,) = store.feeds()
        assert (status.feed.name, status.state) == ("New name", state)

    def test_another_address_forgets_the_validators_of_the_old(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        finish(store, make, state=FeedState(validators=Validators(etag='"1"'), polls=7))
        store.sync_feeds([declared(make, url="https://new.example/")], now=make.at(1))
        (status,) = store.feeds()
        assert (status.state.validators, status.state.polls) == (Validators(), 7)

    def test_declaring_the_same_again_writes_nothing(self, store, make):
        feeds = [
            declared(make, topics=("war",), interval=timedelta(minutes=5)),
            declared(make, "x"),
        ]
        store.sync_feeds(feeds, now=make.now)
        with store.batch(now=make.now):  # a writer is at work: this would be a second one
            store.sync_feeds(feeds, now=make.at(1))

    def test_what_is_declared_no_longer_is_retired_and_can_return(self, store, make):
        store.sync_feeds([declared(make), declared(make, "tass")], now=make.now)
        store.add_feed(make.feed("added"), now=make.now)
        store.sync_feeds([declared(make, "tass")], now=make.at(1))
        assert ids(store.feeds()) == ["added", "tass"]
        store.sync_feeds([declared(make), declared(make, "tass")], now=make.at(2))
        assert ids(store.feeds()) == ["added", "bbc", "tass"]

    def test_headers_of_declared_feeds_are_not_in_the_database(self, store, make, open_again):
        secret = {"Authorization": "Bearer secret"}
        store.sync_feeds([declared(make, headers=secret)], now=make.now)
        store.add_feed(make.feed("added", headers={"Accept-Language": "fa"}), now=make.now)
        assert [dict(status.feed.headers) for status in store.feeds()] == [
            {"Accept-Language": "fa"},
            secret,
        ]
        other = open_again()
        assert dict(other.feeds()[1].feed.headers) == {}

    @pytest.mark.parametrize("again", ["id", "url"])
    def test_adding_what_is_there_is_refused(self, store, make, again):
        store.sync_feeds([declared(make)], now=make.now)
        feed = make.feed("bbc") if again == "id" else make.feed("other", url=make.feed("bbc").url)
        with pytest.raises(StoreError, match=r"declared in feeds\.yaml"):
            store.add_feed(feed, now=make.now)

    def test_removing(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        store.add_feed(make.feed("added"), now=make.now)
        with pytest.raises(StoreError, match=r"feeds\.yaml"):
            store.remove_feed("bbc")
        assert store.remove_feed("https://added.example/rss") is True
        assert store.remove_feed("added") is False
        store.add_feed(make.feed("added"), now=make.at(1))
        assert ids(store.feeds()) == ["added", "bbc"]


class TestClaiming:
    def test_due_feeds_longest_overdue_first_and_each_once(self, store, make):
        store.sync_feeds([declared(make, id) for id in "abcd"], now=make.now)
        for feed, due in (("a", 3), ("b", 1), ("c", 2)):
            finish(store, make, feed, state=FeedState(next_due_at=make.at(due)))
        claim = store.claim_due_feeds
        assert ids(claim(now=make.at(2), holder=ME, limit=2)) == ["d", "b"]
        assert ids(claim(now=make.at(2), holder=ME)) == ["c"]
        assert ids(claim(now=make.at(2), holder=ME, everything=True)) == ["a"]
        assert claim(now=make.at(2), holder=ME, everything=True) == []

    def test_eight_workers_never_claim_one_feed_twice(self, store, make, open_again):
        store.sync_feeds([declared(make, f"f{n:03}") for n in range(120)], now=make.now)
        stores = [open_again() for _ in range(8)]

        def work(mine):
            taken = []
            while got := mine.claim_due_feeds(now=make.now, holder="elsewhere/1/1/", limit=5):
                taken += ids(got)
            return taken

        with ThreadPoolExecutor(8) as pool:
            claimed = [id for taken in pool.map(work, stores) for id in taken]
        assert sorted(claimed) == [f"f{n:03}" for n in range(120)]

    def test_finished_and_released_ones_are_free_again(self, store, make):
        store.sync_feeds([declared(make, id) for id in "ab"], now=make.now)
        store.claim_due_feeds(now=make.now, holder=ME)
        finish(store, make, "a")
        store.release_feeds(["b"], holder="someone else")
        assert ids(store.claim_due_feeds(now=make.now, holder=ME)) == ["a"]
        store.release_feeds(["a", "b"], holder=ME)
        assert ids(store.claim_due_feeds(now=make.now, holder=ME)) == ["a", "b"]

    @pytest.mark.parametrize(
        ("holder", "minutes", "free"),
        [
            (process_holder().split("/")[0] + "/4194305/1/dead", 0, True),
            (process_holder().rsplit("/", 2)[0] + "/1/reused pid", 0, True),
            (process_holder("alive"), 9, False),
            (process_holder("alive but hung"), 10, True),
            ("elsewhere/1/1/unknown", 9, False),
            ("elsewhere/1/1/cut off", 10, True),
        ],
        ids=lambda value: str(value).rsplit("/", 1)[-1],
    )
    def test_a_lease_ends_with_its_holder_or_its_time(self, store, make, holder, minutes, free):
        store.sync_feeds([declared(make)], now=make.now)
        store.claim_due_feeds(now=make.now, holder=holder)
        later = make.now + timedelta(minutes=minutes)
        assert bool(store.claim_due_feeds(now=later, holder=ME)) is free

    def test_disabled_and_retired_ones_are_never_claimed(self, store, make):
        store.sync_feeds([declared(make, enabled=False), declared(make, "x")], now=make.now)
        store.sync_feeds([declared(make, enabled=False)], now=make.now)
        assert store.claim_due_feeds(now=make.now, holder=ME, everything=True) == []
        assert (ids(store.feeds(enabled=True)), ids(store.feeds(enabled=False))) == ([], ["bbc"])

    def test_poll_soon_makes_due(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        finish(store, make, state=FeedState(next_due_at=make.at(9)))
        assert store.poll_soon("bbc", now=make.at(1))
        assert not store.poll_soon("nowhere", now=make.at(1))
        assert ids(store.claim_due_feeds(now=make.at(1), holder=ME)) == ["bbc"]


class TestPolls:
    def test_state_and_validators_come_back_as_they_were(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        state = FeedState(
            validators=Validators(etag='W/"x"', last_modified="Sat, 01 Oct 2022 06:00:00 GMT"),
            next_due_at=make.at(1),
            last_polled_at=make.at(0),
            last_good_at=make.at(-1),
            failures=3,
            health="failing",
            cause="the host does not answer",
            cause_kind="timeout",
            since_at=make.at(-5),
            polls=12,
            items=40,
            interval=timedelta(minutes=20),
            usual_gap=timedelta(hours=3),
            moved_to="https://new.example/",
            moved_since_at=make.at(-3),
            moved_seen=2,
        )
        finish(store, make, state=state)
        assert store.feeds()[0].state == state

    def test_of_an_unknown_feed_are_refused(self, store, make):
        with pytest.raises(StoreError, match="not in the database"):
            finish(store, make, "nowhere")

    def test_days_count_good_and_failed_polls(self, store, make):
        store.sync_feeds([declared(make), declared(make, "tass")], now=make.now)
        for hours, outcome in ((0, "ok"), (1, "not-modified"), (2, "failed"), (24, "ok")):
            finish(store, make, hours=hours, outcome=outcome)
        finish(store, make, "tass", outcome="failed")
        day = make.now.date()
        since, until = day, day + timedelta(days=3)
        covered = store.covered_days(since=since, until=until)
        assert covered == {
            "bbc": {day: (2, 1), day + timedelta(days=1): (1, 0)},
            "tass": {day: (0, 1)},
        }
        assert store.covered_days(feeds=["tass"], since=since, until=until) == {
            "tass": {day: (0, 1)}
        }

    @pytest.mark.parametrize(
        ("hours", "expected"),
        [(-1, None), (0, (1, 0)), (1.5, (2, 0)), (2, (2, 1)), (30, (2, 1))],
    )
    def test_days_as_of_know_nothing_of_later_polls(self, store, make, hours, expected):
        store.sync_feeds([declared(make)], now=make.now)
        for at, outcome in ((0, "ok"), (1, "ok"), (2, "failed")):
            finish(store, make, hours=at, outcome=outcome)
        day = make.now.date()
        covered = store.covered_days(since=day, until=day, as_of=make.at(hours))
        assert covered.get("bbc", {}).get(day) == expected

    def test_days_as_of_are_right_when_the_log_was_trimmed(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        finish(store, make, hours=3)
        store.expire(items_before=make.at(-1), now=make.at(24 * 90))
        assert store.poll_log() == []
        day = make.now.date()
        assert store.covered_days(since=day, until=day, as_of=make.at(2)) == {}
        assert store.covered_days(since=day, until=day, as_of=make.at(4)) == {"bbc": {day: (1, 0)}}

    def test_log_is_newest_first(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        finish(store, make, hours=0)
        finish(store, make, hours=1, outcome="failed")
        assert [record.outcome for record in store.poll_log("bbc")] == ["failed", "ok"]
        assert store.poll_log("bbc", limit=1)[0] == make.poll(hours=1, outcome="failed")

    def test_a_poll_just_before_midnight_counts_for_its_utc_day(self, store, make):
        store.sync_feeds([declared(make)], now=make.now)
        at = datetime(2022, 10, 1, 23, 59, 59, 999_999, tzinfo=UTC)
        with store.batch(now=at) as batch:
            record = replace(make.poll(), at=at.astimezone(None))
            batch.finish_poll(record, FeedState())
        day = at.date()
        covered = store.covered_days(since=day, until=day + timedelta(days=1))
        assert covered == {"bbc": {day: (1, 0)}}


def test_what_a_feed_says_of_its_rhythm_is_remembered(store, make):
    store.sync_feeds([declared(make)], now=make.now)
    state = FeedState(ttl=timedelta(minutes=40), skip_hours=(0, 5, 23))
    finish(store, make, state=state)
    (status,) = store.feeds()
    assert (status.state.ttl, status.state.skip_hours) == (state.ttl, state.skip_hours)


class TestManyNewFeeds:
    def test_only_some_that_were_never_polled_are_claimed_and_all_others_that_are_due(
        self, store, make
    ):
        store.sync_feeds([declared(make, name) for name in "abcdef"], now=make.now)
        for name in "ab":
            finish(store, make, name, state=FeedState(next_due_at=make.at(1)))
        assert store.count_enabled() == 6
        claimed = [
            ids(
                store.claim_due_feeds(
                    now=make.at(hours), holder=ME, first=first, lease=timedelta(days=1)
                )
            )
            for hours, first in ((0.5, 1), (0.5, 0), (2, 2), (2, None))
        ]
        assert claimed == [["c"], [], ["d", "e", "a", "b"], ["f"]]

    def test_who_asks_for_everything_gets_it(self, store, make):
        store.sync_feeds([declared(make, name) for name in "abc"], now=make.now)
        claim = store.claim_due_feeds(now=make.now, holder=ME, everything=True, first=1)
        assert ids(claim) == ["a", "b", "c"]
