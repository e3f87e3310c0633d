"""Ingest under attack: memory for each decompression bomb, pages while a document stalls its parser.

    python benchmarks/ingest_hostile.py

Bombs: 64 MB of zeros each, unpacked, by the hostile server of the tests; the growth of this process's
peak memory over one fetch. Pages: ``monitor run`` with a feed whose document needs more than the ten
seconds of computing that a parser is given; times of the board, one request after another.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from monitor.errors import FetchError  # noqa: E402
from monitor.fetch.fetcher import HttpFetcher  # noqa: E402
from monitor.fetch.settings import FetchSettings  # noqa: E402
from monitor.model import Feed  # noqa: E402
from tests.ingest.hostile import BEHAVIOURS, Hostile, Peer, rss  # noqa: E402

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
TOML = """\
watches = ["{root}/indicators/russia-iran"]
[database]
url = "sqlite:///bench.db"
[web]
bind = "127.0.0.1:{port}"
[fetch]
allow_networks = ["127.0.0.1/32"]
interval = "1m"
[[feeds]]
id = "slow"
url = "{url}"
"""


def slow_document() -> bytes:
    """Within every limit but that of computing time: 4,900 entries that are not well-formed."""
    entry = "<item><title>x<b></title><description>" + "&lt;p&gt;a &amp;amp; b" * 200
    return rss((entry + "</description></item>") * 1_900)


def marked() -> float:
    """Sets the mark that ``peak`` counts from; MB that this process has."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> float:
    """MB that this process had at most since the mark was set."""
    status = Path("/proc/self/status").read_text()
    return int(next(x for x in status.splitlines() if x.startswith("VmHWM")).split()[1]) / 1024


async def bombs(server: Hostile) -> None:
    settings = FetchSettings(allow_networks=("127.0.0.1/32",), host_interval=timedelta(0))
    fetcher = HttpFetcher(settings)
    await fetcher.fetch(Feed(id="warm", url=server.url("rss 2")), now=NOW)
    for name in (each for each in BEHAVIOURS if each.startswith("bomb")):
        before = marked()
        try:
            await fetcher.fetch(Feed(id="bomb", url=server.url(name)), now=NOW)
        except FetchError as error:
            print(f"{name:24} {error.kind:10} + {peak() - before:5.1f} MB", flush=True)
    await fetcher.aclose()


def pages(server: Hostile) -> None:
    body, asked = slow_document(), []

    async def slow(peer: Peer) -> None:
        asked.append(time.monotonic())
        await peer.reply(body)

    server.routes["slow"] = slow
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        text = TOML.format(root=ROOT, port=port, url=server.url("slow"))
        Path(folder, "monitor.toml").write_text(text)
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "run"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            times = _asked_meanwhile(f"http://127.0.0.1:{port}/", asked)
        finally:
            process.terminate()
            process.wait()
    for name, some in times.items():
        cut = statistics.quantiles(some, n=20)
        print(
            f"the board {name}: {len(some)} requests, median {cut[9] * 1000:.0f} ms, "
            f"p95 {cut[18] * 1000:.0f} ms, most {max(some) * 1000:.0f} ms"
        )


def _asked_meanwhile(url: str, asked: list[float]) -> dict[str, list[float]]:
    """Seconds of each request, while the document is read and afterwards."""
    times: dict[str, list[float]] = {"while it is read": [], "afterwards": []}
    with httpx.Client(timeout=30) as client:
        until = time.monotonic() + 120
        while time.monotonic() < until and not asked:
            try:
                client.get(url)
            except httpx.TransportError:
                time.sleep(0.2)
        while (since := time.monotonic() - asked[0]) < 25:
            started = time.monotonic()
            client.get(url)
            name = "while it is read" if since < 9 else "afterwards" if since > 15 else ""
            if name:
                times[name].append(time.monotonic() - started)
            time.sleep(0.1)
    return times


if __name__ == "__main__":
    with Hostile() as hostile:
        asyncio.run(bombs(hostile))
        pages(hostile)
