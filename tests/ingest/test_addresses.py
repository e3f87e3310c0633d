"""Which addresses may be connected to, in every form that hides one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from monitor.errors import FetchError
from monitor.fetch.addresses import AddressRule
from monitor.fetch.fetcher import HttpFetcher
from monitor.fetch.names import Lookups
from monitor.model import Feed
from tests.ingest.conftest import SETTINGS
from tests.ingest.hostile import NOW, Hostile

PUBLIC = (
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
)
PRIVATE = (
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::7f00:1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2a00::5efe:7f00:1",
    "3fff::1",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700:4700::1111%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "not an address",
    "",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_asked(address: str) -> None:
    assert AddressRule().permits(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_may_not(address: str) -> None:
    assert not AddressRule().permits(address)


def _teredo(server: str, client: str) -> str:
    """RFC 4380 §4: the client's address stands there inverted."""
    inside = int(IPv4Address(server)) << 64 | int(IPv4Address(client)) ^ 0xFFFFFFFF
    return str(IPv6Address(0x20010000 << 96 | inside))


@pytest.mark.parametrize(
    ("network", "address", "allowed"),
    [
        ("127.0.0.1/32", "127.0.0.1", True),
        ("127.0.0.1/32", "127.0.0.2", False),
        ("127.0.0.1/32", "::ffff:127.0.0.1", True),
        ("10.0.0.0/8", "10.9.9.9", True),
        ("10.0.0.0/8", "192.168.0.1", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "fe80::1", False),
        ("::1/128", "::1", True),
        ("::1/128", "127.0.0.1", False),
        # Teredo carries its server and its client: an allowed one does not speak for the other
        ("10.0.0.0/8", _teredo("10.0.0.1", "127.0.0.1"), False),
        ("10.0.0.0/8", _teredo("127.0.0.1", "10.0.0.1"), False),
        ("10.0.0.0/8", _teredo("8.8.8.8", "10.0.0.1"), False),
        ("10.0.0.0/8", _teredo("10.0.0.1", "10.0.0.2"), True),
    ],
)
def test_allowed_networks_are_the_one_exception(network: str, address: str, allowed: bool) -> None:
    assert AddressRule([network]).permits(address) is allowed


def _resolver(*answers: Sequence[str]) -> Any:
    """A name server that answers each question with the next of these."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


def test_a_name_that_answers_with_a_private_address_is_refused(hostile: Hostile, read: Any) -> None:
    url = f"http://outlet.example:{hostile.port}/rss-2"
    outcome = read(url, resolve=_resolver(["127.0.0.2", "::1"]))
    assert outcome.kind == "forbidden-address"
    assert "outlet.example" in str(outcome.error)


def test_the_address_that_was_judged_is_the_one_that_is_dialled(
    hostile: Hostile, read: Any
) -> None:
    """A name that rebinds between two questions is asked only once for a connection."""
    url = f"http://outlet.example:{hostile.port}/rss-2"
    outcome = read(url, resolve=_resolver(["127.0.0.1"], ["127.0.0.2"]))
    assert outcome.kind == "ok"


def test_a_name_that_rebinds_before_a_redirect_is_judged_again(hostile: Hostile, read: Any) -> None:
    hostile.routes["rebinding"] = _to(f"http://other.example:{hostile.port}/canary")
    url = f"http://outlet.example:{hostile.port}/rebinding"
    outcome = read(url, resolve=_resolver(["127.0.0.1"], ["127.0.0.2"]))
    assert outcome.kind == "forbidden-address"
    assert hostile.canary == 0


def test_of_several_addresses_only_the_permitted_are_dialled(hostile: Hostile, read: Any) -> None:
    url = f"http://outlet.example:{hostile.port}/rss-2"
    outcome = read(url, resolve=_resolver(["10.0.0.1", "127.0.0.1", "::1"]))
    assert outcome.kind == "ok"


def test_a_name_that_does_not_resolve_is_named(read: Any) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    outcome = read("http://outlet.example/feed", resolve=resolve)
    assert outcome.kind == "dns"
    assert "outlet.example" in outcome.error.problem


# ── Names ────────────────────────────────────────────────────────────────────────────────────────


class Names:
    """The system's resolver: names under dead.example never get an answer until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.let_go = threading.Event()
        self.asked: Counter[str] = Counter()
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *more: Any, **named: Any) -> Any:
        self.asked[host] += 1
        if host.endswith("dead.example"):
            self.let_go.wait(60)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names(monkeypatch)
    yield made
    made.let_go.set()


def test_names_that_hang_hold_up_neither_other_names_nor_the_threads_that_store(
    hostile: Hostile, names: Names, fetching: Any
) -> None:
    dead = [f"http://h{number}.dead.example:{hostile.port}/rss-2" for number in range(40)]
    settings = replace(SETTINGS, concurrency=64, connect_timeout=timedelta(seconds=0.2))

    async def work(fetcher: HttpFetcher) -> list[Any]:
        urls = [*dead, f"http://outlet.example:{hostile.port}/rss-2"]
        asking = (fetcher.fetch(Feed(id=url, url=url), now=NOW) for url in urls)
        found = list(await asyncio.gather(*asking, return_exceptions=True))
        await asyncio.to_thread(names.let_go.is_set)  # as a store's call would
        return found

    *failed, healthy = fetching(work, settings=settings)
    assert healthy.status == 200
    assert {each.kind for each in failed} == {"dns"}
    assert all("in time" in each.problem for each in failed)


def test_a_name_that_hangs_is_not_asked_for_again_meanwhile(
    hostile: Hostile, names: Names, fetching: Any
) -> None:
    settings = replace(SETTINGS, connect_timeout=timedelta(seconds=0.05))
    url = f"http://outlet.dead.example:{hostile.port}/rss-2"

    async def work(fetcher: HttpFetcher) -> None:
        for _ in range(3):
            with pytest.raises(FetchError):
                await fetcher.fetch(Feed(id=url, url=url), now=NOW)

    fetching(work, settings=settings)
    assert names.asked == {"outlet.dead.example": 1}


def test_more_names_than_threads_are_answered_one_after_the_other(names: Names) -> None:
    async def work() -> list[Any]:
        lookups = Lookups(threads=2)
        return await asyncio.gather(*(lookups.resolve(f"h{n}.example", 80) for n in range(9)))

    assert asyncio.run(work()) == [["127.0.0.1"]] * 9


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://outlet.example/feed",
        "gopher://outlet.example/",
        "//outlet.example/feed",
        "outlet.example/feed",
        "http:///feed",
        "http://[::1",
        "javascript:alert(1)",
        "",
    ],
)
def test_only_web_addresses_are_asked(url: str, read: Any) -> None:
    assert read(url).kind == "url"


def test_no_proxy_is_taken_from_the_environment(
    hostile: Hostile, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.2:1")
    monkeypatch.setenv("no_proxy", "")
    assert read(hostile.url("rss 2")).kind == "ok"


def test_a_configured_proxy_does_not_open_private_networks(hostile: Hostile, read: Any) -> None:
    settings = replace(SETTINGS, allow_networks=(), proxy=f"http://127.0.0.1:{hostile.port}")
    assert read("http://169.254.169.254/latest", settings=settings).kind == "forbidden-address"


def _to(target: str) -> Any:
    async def respond(peer: Any) -> None:
        await peer.reply(b"", "302 Found", Location=target)

    return respond
