"""The clock was ahead and is right again: nobody waits for the time that it showed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from monitor.model import FeedState
from monitor.protocols import PollRecord
from monitor.store.tables import FEED, HOST, MESSAGE

INTERVAL = timedelta(minutes=15)


def _feed(store, make, *, polled_in, due_in):
    """A feed that was polled and is due so many hours from now."""
    store.sync_feeds([make.feed()], now=make.now)
    state = FeedState(last_polled_at=make.at(polled_in), next_due_at=make.at(due_in))
    with store.batch(now=make.at(polled_in)) as batch:
        batch.finish_poll(PollRecord(feed="bbc", at=make.at(polled_in), outcome="ok"), state)


def _one(store, column):
    with store.db.read() as connection:
        return connection.execute(select(column)).scalar_one()


@pytest.mark.parametrize(
    ("polled_in", "due_in", "becomes"),
    [
        pytest.param(24, 24.25, 0.25, id="a clock a day ahead: within an interval"),
        pytest.param(24, 0.1, 0.1, id="which is not later than it was due"),
        pytest.param(-1, 23, 23, id="a feed that asked to be left alone for a day is"),
        pytest.param(0.1, 24, 24, id="another machine's clock is a little ahead"),
    ],
)
def test_a_feed_that_was_polled_in_the_future_is_due_as_if_polled_now(
    store, make, polled_in, due_in, becomes
):
    _feed(store, make, polled_in=polled_in, due_in=due_in)
    changes = store.mend_future(now=make.now, interval=INTERVAL)
    assert changes == (due_in != becomes)
    assert _one(store, FEED.c.next_due_at) == make.at(becomes)
    assert not store.mend_future(now=make.at(0.1), interval=INTERVAL), "it is done once"


def test_a_lease_of_then_ends(store, make):
    store.sync_feeds([make.feed()], now=make.now)
    store.claim_due_feeds(now=make.at(24), holder="elsewhere/1/1/")
    assert not store.claim_due_feeds(now=make.now, holder="me")
    assert store.mend_future(now=make.now, interval=INTERVAL) == 1
    assert store.claim_due_feeds(now=make.now, holder="me")


@pytest.mark.parametrize(("noted_in", "waits"), [(24, False), (0, True)])
def test_a_host_does_not_wait_for_a_time_that_was_noted_in_the_future(store, make, noted_in, waits):
    store.note_host(
        "a.example",
        next_start_at=make.at(noted_in) + timedelta(seconds=1),
        blocked_until_at=make.at(noted_in + 1),
    )
    store.mend_future(now=make.now, interval=INTERVAL)
    assert bool(store.host_waits(["a.example"], now=make.now)) is waits
    assert (_one(store, HOST.c.blocked_until_at) is not None) is waits


@pytest.mark.parametrize(("tried_in", "waits"), [(24, False), (1, True)])
def test_mail_that_was_to_be_tried_again_then_is_tried_now(store, make, tried_in, waits):
    store.freeze(make.message())
    with store.db.write() as connection:
        connection.execute(update(MESSAGE).values(next_try_at=make.at(tried_in)))
    store.mend_future(now=make.now, interval=INTERVAL)
    assert store.mail_waits(now=make.now) is not waits
