"""What a host asked for is kept to by the next process, and for every feed of the host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.app import App
from monitor.config import load
from tests.ingest.hostile import BEHAVIOURS, Hostile, Peer


@pytest.fixture
def server() -> Iterator[Hostile]:
    async def too_often(peer: Peer) -> None:
        await peer.reply(b"", "429 Too Many Requests", Retry_After="7200")

    with Hostile() as made:
        made.routes["too often"] = too_often
        yield made


def test_a_feed_that_is_added_after_a_restart_waits_as_its_host_asked(
    installation: Any, server: Hostile, now: datetime
) -> None:
    installation.feeds = [server.url("too often")]
    installation.write()
    installation.run("poll", now=now)
    assert server.asked == {"/too-often": 1}

    installation.feeds.append(server.url("rss 2"))
    installation.write()
    installation.run("poll", now=now + timedelta(hours=1, minutes=59))
    assert server.asked == {"/too-often": 1}
    (waits,) = [
        each for each in installation.run("feeds", "list", "--json").json if each["id"] == "feed1"
    ]
    assert waits["health"] != "ok"

    installation.run("poll", now=now + timedelta(hours=2, minutes=1))
    assert server.asked["/rss-2"] == 1


def test_new_feeds_are_first_polled_a_few_a_round_and_all_within_an_interval(
    installation: Any, server: Hostile, now: datetime
) -> None:
    for number in range(5):
        server.routes[f"new {number}"] = BEHAVIOURS["rss 2"].respond
    installation.feeds = [server.url(f"new {number}") for number in range(5)]
    installation.write()
    app = App(load(installation.config), now=now)
    try:
        asked = []
        for _ in range(4):
            app.finish(app.poll_due(now))
            asked.append(len(server.asked))
    finally:
        app.close()
    assert asked == [2, 4, 5, 5]
