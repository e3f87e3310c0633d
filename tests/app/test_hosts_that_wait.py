"""What a host asked for is kept to by the next process, and for every feed of the host."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.app import App
from monitor.config import load
from tests.ingest.hostile import BEHAVIOURS, Hostile, Peer, rss


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


def test_all_feeds_of_the_host_wait_within_the_cycle_and_others_know_before_it_ends(
    installation: Any, server: Hostile, now: datetime
) -> None:
    """Another host's feed is answered only once the store says that the first host wants to wait."""
    noted: list[str] = []
    readers: list[App] = []

    async def when_it_is_noted(peer: Peer) -> None:
        for _ in range(400):
            if await asyncio.to_thread(readers[0].store.host_waits, [server.host], now=now):
                noted.append(server.host)
                break
            await asyncio.sleep(0.01)
        await peer.reply(rss())

    with Hostile(host="127.0.0.2") as other:
        other.routes["slow"] = when_it_is_noted
        siblings = [server.url(name) for name in ("rss 2", "atom 1", "json feed")]
        installation.feeds = [server.url("too often"), *siblings, other.url("slow")]
        installation.write()
        text = installation.config.read_text().replace("per_host = 16", "per_host = 1")
        installation.config.write_text(text.replace("127.0.0.1/32", "127.0.0.0/8"))
        app = App(load(installation.config), now=now)
        readers.append(App(load(installation.config), now=now))
        try:
            app.poll(now=now, everything=True)
        finally:
            app.close()
            readers[0].close()
    assert noted == [server.host]
    assert server.asked == {"/too-often": 1}


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


def test_a_feed_that_fails_is_asked_twice_as_late_each_time_and_never_given_up(
    installation: Any, server: Hostile, now: datetime
) -> None:
    """Within the ten percent by which feeds differ; after a week still once a day."""
    installation.feeds = [server.url("server error")]
    installation.write()
    installation.run("poll", now=now)
    at, asked = now, 1
    for minutes in (15, 30, 60, 120, 240, 480, 960):
        installation.run("poll", now=at + timedelta(minutes=minutes * 0.88))
        assert server.asked["/server-error"] == asked, f"before {minutes} minutes"
        at += timedelta(minutes=minutes * 1.12)
        installation.run("poll", now=at)
        asked += 1
        assert server.asked["/server-error"] == asked, f"after {minutes} minutes"
    for _ in range(7):
        installation.run("poll", now=at + timedelta(hours=20))
        assert server.asked["/server-error"] == asked
        at += timedelta(hours=24)
        installation.run("poll", now=at)
        asked += 1
        assert server.asked["/server-error"] == asked


def test_a_feed_that_is_gone_is_asked_once_a_day_and_taken_up_again_when_it_is_back(
    installation: Any, server: Hostile, now: datetime
) -> None:
    async def back_on_the_third_day(peer: Peer) -> None:
        name = "gone" if peer.count < 3 else "rss 2"
        await BEHAVIOURS[name].respond(peer)

    server.routes["closed"] = back_on_the_third_day
    installation.feeds = [server.url("closed")]
    installation.write()
    for hours, asked, failing in (
        (0, 1, True), (23, 1, True), (24, 2, True), (47, 2, True), (48, 3, False), (49, 4, False),
    ):  # fmt: skip
        installation.run("poll", now=now + timedelta(hours=hours))
        assert server.asked["/closed"] == asked, f"after {hours} hours"
        (feed,) = installation.run("feeds", "list", "--json").json
        assert (feed["health"] == "failing") is failing
