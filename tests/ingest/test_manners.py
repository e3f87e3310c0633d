"""Politeness: who is asked when, with what, and what is done when a host wants to be left alone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import FetchError
from monitor.fetch.answers import retry_after
from monitor.fetch.fetcher import HttpFetcher
from monitor.fetch.politeness import Politeness
from monitor.fetch.settings import FetchSettings
from monitor.model import Feed, Validators
from tests.ingest.conftest import SETTINGS
from tests.ingest.hostile import NOW, Hostile, rss


async def _all(fetcher: HttpFetcher, urls: list[str]) -> list[Any]:
    fetching = (fetcher.fetch(Feed(id=url, url=url), now=NOW) for url in urls)
    return list(await asyncio.gather(*fetching, return_exceptions=True))


def test_a_host_is_never_asked_by_more_at_once_than_allowed(fetching: Any) -> None:
    async def respond(peer: Any) -> None:
        await asyncio.sleep(0.03)
        await peer.reply(rss())

    with Hostile() as server:
        urls = [server.url(f"feed {number}") for number in range(8)]
        server.routes |= {f"feed {number}": respond for number in range(8)}
        answers = fetching(lambda fetcher: _all(fetcher, urls))
        assert [each.status for each in answers] == [200] * 8
        assert server.most_at_once == SETTINGS.per_host


def test_all_hosts_together_are_asked_by_no_more_than_allowed(fetching: Any) -> None:
    async def respond(peer: Any) -> None:
        await asyncio.sleep(0.03)
        await peer.reply(rss())

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with Hostile() as server:
        server.routes["feed"] = respond
        urls = [f"http://h{number}.example:{server.port}/feed" for number in range(9)]
        settings = replace(SETTINGS, concurrency=3)
        answers = fetching(lambda f: _all(f, urls), settings=settings, resolve=resolve)
        assert [each.status for each in answers] == [200] * 9
        assert server.most_at_once == 3


def test_requests_to_one_host_are_spaced() -> None:
    """Measured on the side that asks; a slow machine only makes the gaps longer."""
    starts: list[float] = []

    async def ask(politeness: Politeness) -> None:
        async with politeness.turn("outlet.example"):
            starts.append(time.monotonic())

    async def work() -> None:
        politeness = Politeness(concurrency=16, per_host=2, interval=0.05)
        await asyncio.gather(*(ask(politeness) for _ in range(5)))

    asyncio.run(work())
    assert all(b - a >= 0.05 for a, b in pairwise(starts))


def test_requests_to_one_server_are_spaced_and_those_to_others_are_not(fetching: Any) -> None:
    """From the first request to the last: a slow machine only makes it longer."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def respond(peer: Any) -> None:
        arrived.append((peer.headers["host"], time.monotonic()))
        await peer.reply(rss())

    async def work(fetcher: HttpFetcher) -> tuple[float, list[Any]]:
        began = time.monotonic()
        return began, await _all(fetcher, urls)

    arrived: list[tuple[str, float]] = []
    settings = replace(SETTINGS, host_interval=timedelta(seconds=0.3))
    with Hostile() as server:
        server.routes["feed"] = respond
        hosts = ["a.example"] * 4 + ["b.example", "c.example"]
        urls = [f"http://{host}:{server.port}/feed?{n}" for n, host in enumerate(hosts)]
        began, answers = fetching(work, settings=settings, resolve=resolve)
    assert [each.status for each in answers] == [200] * 6
    order = [host[0] for host, _ in arrived]
    assert arrived[-1][1] - began >= 0.9
    assert order.index("b") < len(order) - 1 - order[::-1].index("a"), "others go in between"


def test_no_login_is_taken_from_a_netrc(
    hostile: Hostile, read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login reader password hunter2\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    hostile.seen.clear()
    assert read(hostile.url("rss 2")).kind == "ok"
    ((_, sent),) = hostile.seen
    assert "authorization" not in sent


def test_waiting_for_a_turn_does_not_count_against_the_time_limit(
    hostile: Hostile, fetching: Any
) -> None:
    settings = replace(
        SETTINGS, timeout=timedelta(seconds=0.5), host_interval=timedelta(seconds=0.2)
    )
    urls = [hostile.url("rss 2") for _ in range(6)]
    answers = fetching(lambda fetcher: _all(fetcher, urls), settings=settings)
    assert [each.status for each in answers] == [200] * 6


@pytest.mark.parametrize("name", ["too many requests in seconds", "out of service"])
def test_retry_after_holds_for_the_whole_host(name: str, fetching: Any) -> None:
    async def work(fetcher: HttpFetcher) -> list[Any]:
        first = await _all(fetcher, [server.url(name)])
        return first + await _all(fetcher, [server.url("rss 2"), server.url("atom 1")])

    with Hostile() as server:
        refused, *others = fetching(work)
        assert refused.kind in ("rate-limited", "server")
        assert [each.kind for each in others] == ["host-waiting"] * 2
        assert all(timedelta(0) < each.retry_after <= refused.retry_after for each in others)
        assert server.asked.total() == 1


def test_a_hold_known_from_an_earlier_run_is_kept(fetching: Any) -> None:
    async def work(fetcher: HttpFetcher) -> list[Any]:
        fetcher.hold(server.url("atom 1"), 60)
        return await _all(fetcher, [server.url("rss 2")])

    with Hostile() as server:
        (refused,) = fetching(work)
        assert refused.kind == "host-waiting"
        assert server.asked.total() == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "999999999"}, 86_400),
        ({"retry-after": "Wed, 25 Nov 2026 06:02:00 GMT"}, 120),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -0100"}, 86_400),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 +1400"}, 0),
        ({"retry-after": "Wed, 25 Nov 2026 05:00:00 GMT"}, 0),
        (
            {
                "retry-after": "Wed, 25 Nov 2026 09:00:30 GMT",
                "date": "Wed, 25 Nov 2026 09:00:00 GMT",
            },
            30,
        ),
        ({"retry-after": "Sun, 25 Nov 2096 06:02:00 GMT"}, 86_400),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    wait = retry_after(headers, NOW)
    assert (wait.total_seconds() if wait is not None else None) == seconds


# ── What is sent ─────────────────────────────────────────────────────────────────────────────────


def test_who_asks_says_so(read: Any) -> None:
    with Hostile() as server:
        read(server.url("rss 2"))
        (_, headers), *_ = server.seen
    assert headers["user-agent"].startswith("indicator-monitor/")
    assert "ops@example.org" in headers["user-agent"]
    assert set(headers["accept-encoding"].split(", ")) == {"gzip", "deflate", "br", "zstd"}


def test_a_contact_cannot_add_headers() -> None:
    agent = FetchSettings(contact="ops@example.org\r\nX-Evil: 1").agent("1")
    assert "\r" not in agent and "\n" not in agent


async def _versioned(peer: Any) -> None:
    asked = peer.headers.get("if-none-match"), peer.headers.get("if-modified-since")
    if asked == ('W/"a b"', "Wed, 25 Nov 2026 05:00:00 GMT"):
        await peer.reply(b"", "304 Not Modified", ETag='"new"')
    else:
        await peer.reply(rss(), ETag='W/"a b"', Last_Modified="Wed, 25 Nov 2026 05:00:00 GMT")


def test_validators_go_back_as_they_came_and_new_ones_are_taken_from_a_304(
    hostile: Hostile, read: Any
) -> None:
    hostile.routes["versioned"] = _versioned
    first = read(hostile.url("versioned")).fetched
    assert first.validators == Validators(
        etag='W/"a b"', last_modified="Wed, 25 Nov 2026 05:00:00 GMT"
    )
    again = read(hostile.url("versioned"), validators=first.validators).fetched
    assert again.not_modified
    assert again.body == b""
    assert again.validators == Validators(
        etag='"new"', last_modified="Wed, 25 Nov 2026 05:00:00 GMT"
    )


def test_a_200_replaces_both_validators(hostile: Hostile, read: Any) -> None:
    old = Validators(etag='"old"', last_modified="Tue, 24 Nov 2026 05:00:00 GMT")
    assert read(hostile.url("rss 2"), validators=old).fetched.validators == Validators()


def test_login_and_headers_of_a_feed_stay_with_its_host(hostile: Hostile, read: Any) -> None:
    """Not told to where it redirects; the same host gets them again."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def elsewhere(peer: Any) -> None:
        target = f"http://other.example:{hostile.port}/rss-2"
        await peer.reply(b"", "302 Found", Location=target)

    async def here(peer: Any) -> None:
        await peer.reply(b"", "302 Found", Location="/rss-2")

    hostile.routes |= {"elsewhere": elsewhere, "here": here}
    base = f"http://user:p%40ss@outlet.example:{hostile.port}"
    for path in ("/elsewhere", "/here"):
        hostile.seen.clear()
        outcome = read(base + path, headers={"X-Key": "secret"}, resolve=resolve)
        assert outcome.kind == "ok"
        (_, first), (_, second) = hostile.seen
        assert first["authorization"] == "Basic dXNlcjpwQHNz"
        assert first["x-key"] == "secret"
        assert ("authorization" in second) is (path == "/here")
        assert ("x-key" in second) is (path == "/here")
        assert "user" not in second["host"]


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("moved for good", "/rss-2"),
        ("moved for good 308", "/rss-2"),
        ("moved for now", ""),
        ("moved for now 307", ""),
        ("five times", ""),
        ("good then temporary", "/moved-for-now"),
        ("temporary then good", ""),
    ],
)
def test_only_an_unbroken_run_of_permanent_redirects_is_a_move(
    name: str, moved: str, hostile: Hostile, read: Any
) -> None:
    async def good_first(peer: Any) -> None:
        await peer.reply(b"", "301 Moved Permanently", Location="/moved-for-now")

    async def temporary_first(peer: Any) -> None:
        await peer.reply(b"", "302 Found", Location="/moved-for-good")

    hostile.routes |= {"good then temporary": good_first, "temporary then good": temporary_first}
    outcome = read(hostile.url(name))
    expected = f"http://127.0.0.1:{hostile.port}{moved}" if moved else ""
    assert outcome.fetched.moved_permanently_to == expected
    assert outcome.fetched.final_url.endswith("/rss-2")


def test_no_more_than_five_redirects_are_followed(read: Any) -> None:
    with Hostile() as server:
        assert read(server.url("six times")).kind == "redirect"
        assert server.asked.total() == 6


def test_bytes_on_the_wire_are_counted_packed(hostile: Hostile, read: Any) -> None:
    packed, plain = read(hostile.url("gzip")).fetched, read(hostile.url("rss 2")).fetched
    assert packed.wire_bytes < plain.wire_bytes == len(packed.body)


def test_what_was_read_before_a_failure_is_counted(hostile: Hostile, read: Any) -> None:
    error = read(hostile.url("bomb in gzip")).error
    assert isinstance(error, FetchError)
    assert 0 < error.wire_bytes < 100_000
