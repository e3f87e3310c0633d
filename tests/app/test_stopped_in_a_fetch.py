"""SIGTERM while a server keeps ``monitor run`` waiting in the middle of its answer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.test_service_run import _until, running
from tests.ingest.hostile import Hostile, Peer, item, rss


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as made:
        yield made


@pytest.mark.slow
def test_what_was_stored_stays_and_what_was_under_way_is_asked_again(
    installation: Any, server: Hostile
) -> None:
    half_way = threading.Event()

    async def stall(peer: Peer) -> None:
        await peer.head(ETag='"half"', Content_Type="application/rss+xml")
        await peer.send(rss(item(9))[:40])
        half_way.set()
        await peer.forever(b" ", every=1.0)  # slow, never silent: no limit ends it soon

    async def whole(peer: Peer) -> None:
        await peer.reply(rss(item(9)), ETag='"whole"')

    server.routes["stalls"] = stall
    installation.more = '\n[web]\nbind = "127.0.0.1:0"\n'
    installation.feeds = [server.url("rss 2"), server.url("stalls")]
    installation.write()
    text = installation.config.read_text(encoding="utf-8")
    installation.config.write_text(text.replace('timeout = "5s"', 'timeout = "5m"', 1))
    with running(installation, "--only", "worker") as process:
        assert half_way.wait(60), (process.kill(), process.communicate(), server.asked)
        _until(lambda: _items(installation) == 3)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert time.monotonic() - started < 10

    assert installation.run("db", "check").code == 0
    server.routes["stalls"] = whole
    assert installation.run("poll").code == 0  # due as before, and in nobody's hands
    path, headers = server.seen[-1]
    assert path == "/stalls"
    assert "if-none-match" not in headers  # no validators of an answer that was never stored
    assert _items(installation) == 4


def _items(installation: Any) -> int:
    return int(installation.run("status", "--json").json["counts"]["items"])
