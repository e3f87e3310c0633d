"""What a poll means for its feed: health, cause and when it is asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.errors import FetchError, MonitorError, ParseError
from monitor.model import Document, Entry, Feed, FeedState, Fetched, Item, Validators
from monitor.polling import (
    PollingPolicy,
    adopts,
    at_its_address,
    is_flood,
    max_age,
    settle,
    silent_for,
)
from monitor.protocols import PollRecord, Recognised

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FEED = Feed(id="feed", url="https://outlet.example/rss")
POLICY = PollingPolicy(interval=15 * MINUTE)


def item(number: int, published_at: datetime | None = None) -> Item:
    return Item(
        id=str(number),
        identity=f"guid:{number}",
        feed="feed",
        title=f"Title {number}",
        summary="",
        link="",
        published_at=published_at,
    )


def recognised(new: int = 0, duplicate: int = 0, *, dated: datetime | None = None) -> Recognised:
    return Recognised(
        new=tuple(item(number, dated) for number in range(new)),
        updated=(),
        duplicate=tuple(item(1000 + number, dated) for number in range(duplicate)),
    )


def answer(status: int = 200, *, etag: str | None = '"1"', **more: Any) -> Fetched:
    defaults: dict[str, Any] = {
        "url": FEED.url,
        "final_url": FEED.url,
        "body": b"",
        "content_type": "",
        "headers": {},
        "wire_bytes": 100,
    }
    return Fetched(status=status, validators=Validators(etag=etag), **(defaults | more))


def document(entries: int = 3, **more: Any) -> Document:
    return Document(entries=tuple(Entry(title=str(n)) for n in range(entries)), **more)


def poll(
    now: datetime,
    state: FeedState | None = None,
    *,
    fetched: Fetched | None = None,
    found: Document | None = None,
    error: MonitorError | None = None,
    known: Recognised | None = None,
    feed: Feed = FEED,
    policy: PollingPolicy = POLICY,
) -> tuple[PollRecord, FeedState]:
    return settle(
        feed=feed,
        state=state or FeedState(),
        fetched=fetched,
        document=found,
        error=error,
        recognised=known or recognised(),
        seconds=0.5,
        now=now,
        policy=policy,
    )


def good(
    now: datetime, state: FeedState | None = None, **more: Any
) -> tuple[PollRecord, FeedState]:
    more.setdefault("fetched", answer())
    more.setdefault("found", document())
    more.setdefault("known", recognised(1, 2) if state else recognised(3))
    return poll(now, state, **more)


def failed(
    now: datetime, state: FeedState | None = None, kind: str = "timeout", **more: Any
) -> tuple[PollRecord, FeedState]:
    return poll(now, state, error=FetchError("it hangs", kind=kind, **more))


@pytest.fixture
def known(now: datetime) -> FeedState:
    """A feed that was polled well a quarter of an hour ago."""
    return replace(good(now - 15 * MINUTE)[1], usual_gap=HOUR)


# ── Success ──────────────────────────────────────────────────────────────────────────────────────


def test_a_first_good_poll(now: datetime) -> None:
    record, state = good(now)
    assert (record.outcome, record.new, record.http_status) == ("ok", 3, 200)
    assert (state.health, state.cause, state.failures, state.polls) == ("ok", "", 0, 1)
    assert state.last_good_at == state.last_polled_at == state.last_unconditional_at == now
    assert state.validators == Validators(etag='"1"')
    assert state.items == 3
    assert state.next_due_at is not None
    assert 7 * MINUTE <= state.next_due_at - now <= 15 * MINUTE


def test_feeds_that_were_added_together_part_company(now: datetime) -> None:
    due = {good(now, feed=replace(FEED, id=f"feed{number}"))[1].next_due_at for number in range(50)}
    assert len(due) == 50


def test_the_next_poll_is_due_within_ten_percent_and_the_same_for_the_same_poll(
    now: datetime, known: FeedState
) -> None:
    states = [good(now, replace(known, polls=polls))[1] for polls in range(2, 60)]
    gaps = [state.next_due_at - now for state in states if state.next_due_at]
    assert all(13.5 * MINUTE <= gap <= 16.5 * MINUTE for gap in gaps)
    assert len(set(gaps)) > 50
    assert good(now, known)[1] == good(now, known)[1]


def test_an_unchanged_feed(now: datetime, known: FeedState) -> None:
    record, state = poll(now, known, fetched=answer(304, etag='"2"'))
    assert record.outcome == "not-modified"
    assert state.last_good_at == now
    assert state.validators == Validators(etag='"2"')
    assert (state.health, state.items) == ("ok", known.items)


def test_after_a_week_of_304_everything_is_asked_for(now: datetime, known: FeedState) -> None:
    week = replace(known, last_unconditional_at=now - 7 * DAY)
    _, state = poll(now, week, fetched=answer(304))
    assert state.validators == Validators()
    _, state = poll(now, replace(week, last_unconditional_at=now - 6 * DAY), fetched=answer(304))
    assert state.validators == Validators(etag='"1"')


def test_validators_are_kept_only_with_items(now: datetime, known: FeedState) -> None:
    """An answer that could not be used must be asked for again in full."""
    _, state = poll(
        now,
        known,
        fetched=answer(etag='"new"'),
        error=ParseError("broken", kind="truncated"),
    )
    assert state.validators == known.validators
    _, state = good(now, FeedState(), found=document(0), known=recognised())
    assert state.validators == Validators()


def test_the_first_success_ends_all_failures(now: datetime, known: FeedState) -> None:
    _, state = good(now, replace(known, failures=9, health="failing", cause="it hangs"))
    assert (state.failures, state.health, state.cause) == (0, "ok", "")
    assert state.since_at == now


# ── Failure ──────────────────────────────────────────────────────────────────────────────────────


def test_one_failure_degrades_two_are_failing(now: datetime, known: FeedState) -> None:
    record, once = failed(now, known)
    assert (record.outcome, record.kind, record.message) == ("failed", "timeout", "it hangs")
    assert (once.health, once.cause, once.cause_kind) == ("degraded", "it hangs", "timeout")
    assert once.last_good_at == known.last_good_at
    _, twice = failed(now + HOUR, once)
    assert (twice.health, twice.since_at) == ("failing", now + HOUR)
    _, thrice = failed(now + 2 * HOUR, twice)
    assert thrice.since_at == now + HOUR


def test_a_feed_that_never_worked_is_failing_at_once(now: datetime) -> None:
    assert failed(now)[1].health == "failing"


def test_the_wait_doubles_up_to_a_day_and_never_ends(now: datetime, known: FeedState) -> None:
    state, waits = known, []
    for _ in range(40):
        _, state = failed(now, state)
        assert state.next_due_at is not None
        waits.append(state.next_due_at - now)
    for wait, base in zip(waits, (15, 30, 60, 120, 240, 480), strict=False):
        assert base * 0.9 * MINUTE <= wait <= base * 1.1 * MINUTE
    assert max(waits) <= DAY
    assert waits[-1] >= 0.9 * DAY


def test_a_feed_that_is_gone_is_tried_once_a_day(now: datetime, known: FeedState) -> None:
    _, state = failed(now, known, kind="gone", status=410)
    assert state.next_due_at == now + DAY
    assert state.health == "failing"


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (timedelta(seconds=30), 13.5 * MINUTE, 16.5 * MINUTE),
        (2 * HOUR, 2 * HOUR, 2 * HOUR),
        (30 * DAY, DAY, DAY),
    ],
    ids=["shorter than ours", "longer than ours", "for a month"],
)
def test_a_server_that_asks_for_time_gets_it(
    asked: timedelta, least: timedelta, most: timedelta, now: datetime, known: FeedState
) -> None:
    _, state = failed(now, known, kind="rate-limited", retry_after=asked)
    assert state.next_due_at is not None
    assert least <= state.next_due_at - now <= most


def test_waiting_for_the_host_is_no_failure_of_the_feed(now: datetime, known: FeedState) -> None:
    record, state = failed(now, known, kind="host-waiting", retry_after=2 * HOUR)
    assert record.outcome == "failed"
    assert (state.failures, state.health) == (0, "degraded")
    assert state.next_due_at is not None
    assert 2 * HOUR <= state.next_due_at - now <= 2.2 * HOUR


def test_a_feed_that_suddenly_is_empty_has_failed(now: datetime, known: FeedState) -> None:
    record, state = poll(now, known, fetched=answer(), found=document(0))
    assert (record.outcome, record.kind) == ("failed", "no-items")
    assert state.health == "degraded"


def test_a_new_feed_may_be_empty(now: datetime) -> None:
    record, state = poll(now, fetched=answer(), found=document(0))
    assert (record.outcome, state.health) == ("ok", "ok")
    assert state.last_good_at is None, "its first items are still to come"


# ── What is shown ────────────────────────────────────────────────────────────────────────────────


def test_left_out_entries_are_counted_and_shown(now: datetime, known: FeedState) -> None:
    record, state = good(now, known, found=document(dropped=7, dropped_why="only the newest"))
    assert record.dropped == 7
    assert (state.health, state.cause_kind) == ("degraded", "dropped")
    assert "7 entries" in state.cause and "only the newest" in state.cause


def test_a_repaired_feed_is_well_and_says_what_was_repaired(
    now: datetime, known: FeedState
) -> None:
    _, state = good(now, known, found=document(repaired="it is not well-formed XML"))
    assert (state.health, state.cause_kind) == ("ok", "repaired")
    assert "not well-formed" in state.cause


@pytest.mark.parametrize(
    ("gap", "silent", "quiet"),
    [
        (HOUR, 23 * HOUR, False),
        (HOUR, 25 * HOUR, True),
        (DAY, 4 * DAY, False),
        (DAY, 6 * DAY, True),
        (None, 90 * DAY, False),
    ],
)
def test_quiet_is_longer_than_usual_for_this_feed(
    gap: timedelta | None, silent: timedelta, quiet: bool, now: datetime, known: FeedState
) -> None:
    state = replace(known, usual_gap=gap, last_new_at=now - silent)
    _, after = poll(now, state, fetched=answer(304))
    assert after.health == ("quiet" if quiet else "ok")
    assert (silent_for(state, now, POLICY) is not None) is quiet
    assert ("nothing new for" in after.cause) is quiet


# ── Floods ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("what", "new", "old", "age", "since_last", "flood"),
    [
        ("an archive published again", 40, 10, 300 * DAY, 15 * MINUTE, True),
        ("undated items in number", 40, 10, None, 15 * MINUTE, True),
        ("far more than its pace, all dated today", 200, 10, timedelta(0), 15 * MINUTE, True),
        ("a wire after a night", 20, 0, HOUR, 10 * HOUR, False),
        ("undated items after a night", 20, 0, None, 13 * HOUR, False),
        ("a busy quarter of an hour", 12, 8, timedelta(0), 15 * MINUTE, False),
        ("less than half", 40, 60, 300 * DAY, 15 * MINUTE, False),
        ("a small feed's archive", 9, 0, 300 * DAY, 15 * MINUTE, True),
        ("a small feed, all of today", 9, 0, HOUR, 15 * MINUTE, False),
        ("a small feed, all undated", 9, 0, None, 15 * MINUTE, False),
        ("three old ones", 3, 1, 300 * DAY, 15 * MINUTE, False),
    ],
)
def test_a_flood(
    what: str,
    new: int,
    old: int,
    age: timedelta | None,
    since_last: timedelta,
    flood: bool,
    now: datetime,
    known: FeedState,
) -> None:
    state = replace(known, last_good_at=now - since_last, usual_gap=20 * MINUTE)
    dated = now - age if age is not None else None
    found = recognised(new, old, dated=dated)
    assert is_flood(state, found, now, POLICY) is flood, what
    record, after = good(now, state, known=found)
    assert record.flood is flood
    assert (after.cause_kind == "flood") is flood
    assert record.new == new, "they are kept"


def test_a_first_poll_is_no_flood(now: datetime) -> None:
    assert not good(now, known=recognised(500, dated=now - 300 * DAY))[0].flood


def test_a_flood_teaches_no_pace(now: datetime, known: FeedState) -> None:
    found = recognised(40, 10, dated=now - 300 * DAY)
    assert good(now, known, known=found)[1].usual_gap == known.usual_gap


# ── The schedule ─────────────────────────────────────────────────────────────────────────────────


def _interval(state: FeedState, now: datetime) -> timedelta:
    assert state.next_due_at is not None
    return state.next_due_at - now


def test_a_feed_that_changes_seldom_is_asked_less_often_within_bounds(
    now: datetime, known: FeedState
) -> None:
    state = replace(known, usual_gap=3 * DAY, last_new_at=now)
    for _ in range(30):
        _, state = poll(now, state, fetched=answer(304))
    assert 0.9 * 2 * HOUR <= _interval(state, now) <= 1.1 * 2 * HOUR
    _, state = good(now, replace(state, usual_gap=HOUR))
    assert _interval(state, now) <= 1.1 * 15 * MINUTE


def test_a_feeds_own_interval_is_kept_to(now: datetime, known: FeedState) -> None:
    feed = replace(FEED, interval=5 * MINUTE)
    hint = answer(headers={"cache-control": "max-age=86400"})
    _, state = good(now, replace(known, usual_gap=9 * DAY), feed=feed, fetched=hint)
    assert 4.5 * MINUTE <= _interval(state, now) <= 5.5 * MINUTE


@pytest.mark.parametrize(
    ("headers", "ttl", "minutes"),
    [
        ({"cache-control": "public, max-age=1800"}, None, 30),
        ({"cache-control": "max-age=1800", "age": "1200"}, None, 15),
        ({"cache-control": "max-age=86400"}, None, 60),
        ({"cache-control": "no-cache, max-age=1800"}, None, 15),
        (
            {
                "expires": "Wed, 25 Nov 2026 06:40:00 GMT",
                "date": "Wed, 25 Nov 2026 06:00:00 GMT",
            },
            None,
            40,
        ),
        ({"expires": "0", "date": "Wed, 25 Nov 2026 06:00:00 GMT"}, None, 15),
        ({}, 45 * MINUTE, 45),
        ({}, 7 * DAY, 60),
        ({"cache-control": "max-age=1200"}, 45 * MINUTE, 45),
    ],
)
def test_hints_are_heeded_within_bounds(
    headers: dict[str, str],
    ttl: timedelta | None,
    minutes: int,
    now: datetime,
    known: FeedState,
) -> None:
    _, state = good(now, known, fetched=answer(headers=headers), found=document(ttl=ttl))
    assert 0.9 * minutes * MINUTE <= _interval(state, now) <= 1.1 * minutes * MINUTE


def test_hours_that_a_feed_wants_to_be_spared_are_skipped(now: datetime, known: FeedState) -> None:
    """It is 06:00; due at about 06:15."""
    _, state = good(now, known, found=document(skip_hours=frozenset({6, 7, 8})))
    assert state.next_due_at is not None
    assert state.next_due_at.hour == 9
    _, state = good(now, known, found=document(skip_hours=frozenset(range(24))))
    assert _interval(state, now) < HOUR


def test_what_a_feed_said_of_its_rhythm_holds_while_it_is_unchanged(
    now: datetime, known: FeedState
) -> None:
    said = document(ttl=50 * MINUTE, skip_hours=frozenset({6, 7, 8}))
    _, state = good(now - 50 * MINUTE, known, found=said)
    _, unchanged = poll(now, state, fetched=answer(304))
    assert unchanged.next_due_at is not None
    assert (
        unchanged.next_due_at.hour == 9
    )  # an hour after 06:00 at the latest, but for what it asked
    assert (unchanged.ttl, unchanged.skip_hours) == (50 * MINUTE, (6, 7, 8))
    _, otherwise = good(now, unchanged)
    assert (otherwise.ttl, otherwise.skip_hours) == (None, ())
    assert _interval(otherwise, now) < 20 * MINUTE


@pytest.mark.parametrize("value", ["max-age=x", "", ";;;", "\x00"])
def test_odd_cache_headers_say_nothing_or_little(value: str) -> None:
    assert max_age(answer(headers={"cache-control": value})) is None


# ── Permanent redirects ──────────────────────────────────────────────────────────────────────────


def _moved(target: str) -> Fetched:
    return answer(moved_permanently_to=target)


def test_a_move_is_adopted_after_three_times_over_three_days(
    now: datetime, known: FeedState
) -> None:
    state, adopted = known, []
    for hours in (0, 12, 24, 48, 71, 72):
        _, state = good(now + hours * HOUR, state, fetched=_moved("https://new.example/rss"))
        adopted.append(adopts(state, policy=POLICY))
    assert adopted == ["", "", "", "", "", "https://new.example/rss"]


def test_a_captive_portal_moves_nothing(now: datetime, known: FeedState) -> None:
    """It says 301 too, and to a page that is no feed: such a poll fails and proves no move."""
    error = ParseError("it is a web page", kind="html")
    state = known
    for hours in range(0, 200, 10):
        _, state = poll(
            now + hours * HOUR, state, fetched=_moved("https://portal.example/"), error=error
        )
    assert adopts(state, policy=POLICY) == ""
    assert state.moved_to == ""


def test_a_move_that_ends_or_changes_begins_anew(now: datetime, known: FeedState) -> None:
    _, state = good(now, known, fetched=_moved("https://new.example/rss"))
    _, other = good(now + HOUR, state, fetched=_moved("https://newer.example/rss"))
    assert (other.moved_to, other.moved_seen) == ("https://newer.example/rss", 1)
    assert other.moved_since_at == now + HOUR
    _, back = good(now + HOUR, state)
    assert (back.moved_to, back.moved_seen, back.moved_since_at) == ("", 0, None)


NEW = "https://new.example/rss"


def _adopted(now: datetime, known: FeedState) -> FeedState:
    state = known
    for hours in (0, 40, 80):
        _, state = good(now + hours * HOUR, state, fetched=_moved(NEW))
    assert adopts(state, policy=POLICY) == NEW
    return state


def test_a_feed_that_has_moved_is_asked_there_for_as_long_as_it_is_there(
    now: datetime, known: FeedState
) -> None:
    state = _adopted(now, known)
    for hours in (90, 100, 200):
        assert at_its_address(FEED, state, policy=POLICY).url == NEW
        _, state = good(now + hours * HOUR, state, fetched=answer(url=NEW))
    assert at_its_address(FEED, state, policy=POLICY).url == NEW
    _, state = good(now + 201 * HOUR, state, fetched=answer(url=NEW, moved_permanently_to=FEED.url))
    assert at_its_address(FEED, state, policy=POLICY) == FEED


def test_a_feed_that_fails_where_it_has_moved_is_asked_where_it_was_declared(
    now: datetime, known: FeedState
) -> None:
    state = _adopted(now, known)
    error = FetchError("gone", kind="not-found")
    _, state = poll(now + 81 * HOUR, state, error=error)
    assert at_its_address(FEED, state, policy=POLICY).url == NEW
    _, state = poll(now + 82 * HOUR, state, error=error)
    assert at_its_address(FEED, state, policy=POLICY) == FEED


@pytest.mark.parametrize(
    ("old", "new", "sent"),
    [
        ("http://a.example/rss", "https://a.example/rss", True),
        ("https://a.example/rss", "https://a.example/new", True),
        ("https://a.example/rss", "http://a.example/rss", False),
        ("https://a.example/rss", "https://b.example/rss", False),
    ],
)
def test_a_login_goes_along_on_its_own_site_only(
    now: datetime, known: FeedState, old: str, new: str, sent: bool
) -> None:
    state = replace(_adopted(now, known), moved_to=new)
    feed = replace(FEED, url=old, headers={"Authorization": "Basic x"})
    asked = at_its_address(feed, state, policy=POLICY)
    assert asked.url == new
    assert bool(asked.headers) is sent
