"""Ingest: one cycle over many feeds, beside the ``reader`` package, on the same loopback server.

    python benchmarks/ingest.py                          (200 feeds of 40 items)
    python benchmarks/ingest.py --feeds 1000 --peer-python /path/to/python
    python benchmarks/ingest.py --memory 5000            (resident memory of ours alone)

Each side runs in a process of its own with a fresh SQLite file and is measured in CPU seconds, children
included, from the moment it is ready to poll. Ours does the whole line: guarded fetch, parsing in
processes of its own, items, the shipped watch, groups, levels, everything committed. ``reader`` fetches,
parses and stores. The comparison needs ``pip install reader sgmllib3k``, here or in ``--peer-python``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
ITEMS = 40
TOML = """\
watches = ["{root}/indicators/russia-iran"]
[database]
url = "sqlite:///bench.db"
[fetch]
allow_networks = ["127.0.0.1/32"]
host_interval = "0s"
per_host = 8
"""

# ── The feeds ────────────────────────────────────────────────────────────────────────────────────


def words(seed: int) -> Iterator[str]:
    """Made-up words by Zipf's law."""
    rng = random.Random(seed)
    known = [
        "".join(
            rng.choice("bcdfghklmnprstv") + rng.choice("aeiou") for _ in range(rng.randint(1, 4))
        )
        for _ in range(20_000)
    ]
    weights = [1 / (rank + 8) for rank in range(len(known))]
    while True:
        yield from rng.choices(known, weights, k=10_000)


def documents(count: int, *, told_in: int) -> list[bytes]:
    """RSS of about 30 KB each. Of the first ``told_in`` feeds, three items in a hundred are sample news,
    so that some are hits; there are 32 different ones."""
    from monitor.demo.feeds import sample_feeds

    rng = random.Random(7)
    news = [(item.title, item.summary) for feed in sample_feeds() for item in feed.items]
    source = words(1)
    made = []
    for feed in range(count):
        rows = []
        for number in range(ITEMS):
            title = " ".join(next(source) for _ in range(9))
            text = " ".join(next(source) for _ in range(60))
            if rng.random() < 0.03 and feed < told_in:
                title, text = rng.choice(news)
            link = f"https://outlet{feed}.example/news/{number}?utm_source=rss&id={feed * 1000 + number}"
            rows.append(
                f"<item><guid isPermaLink='false'>{feed}-{number}</guid><title>{escape(title)}</title>"
                f"<link>{escape(link)}</link>"
                f"<pubDate>{format_datetime(NOW - timedelta(minutes=number * 7))}</pubDate>"
                f"<category>news</category><dc:creator>A. Writer</dc:creator>"
                f"<description>{escape(f'<p>{text}</p><img src=/a.png>')}</description></item>"
            )
        head = (
            "<?xml version='1.0' encoding='UTF-8'?><rss version='2.0' "
            "xmlns:dc='http://purl.org/dc/elements/1.1/'><channel>"
            f"<title>Outlet {feed}</title><link>https://outlet{feed}.example/</link>"
            "<description>News</description><language>en</language>"
        )
        made.append((head + "".join(rows) + "</channel></rss>").encode())
    return made


async def serve(count: int, told_in: int) -> None:
    """Feeds at /N.xml with ETag and 304; prints its port."""
    bodies = documents(count, told_in=told_in)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1]
                body = bodies[int(path[1:-4])] if path[1:-4].isdigit() else b""
                etag = b'"' + path[1:-4] + b'"'
                if b'if-none-match: "' in head.lower():
                    writer.write(b"HTTP/1.1 304 Not Modified\r\nETag: " + etag + b"\r\n\r\n")
                else:
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: "
                        + etag
                        + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
                        + body
                    )
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# ── The two sides ────────────────────────────────────────────────────────────────────────────────


def cpu() -> float:
    """CPU seconds of this process and of the children that have ended."""
    own, ended = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


@contextmanager
def measured(into: dict[str, Any], name: str) -> Iterator[None]:
    started, clock = cpu(), time.monotonic()
    yield
    into[name] = {
        "cpu": round(cpu() - started, 3),
        "seconds": round(time.monotonic() - clock, 2),
    }


class NoMatcher:
    """Nothing is asked for: what the rest of the line costs."""

    def match(self, item: Any) -> tuple[()]:
        return ()

    def match_many(self, items: Any) -> Iterator[tuple[Any, tuple[()]]]:
        return ((item, ()) for item in items)


def ours(port: int, count: int, *, matching: bool) -> dict[str, Any]:
    from monitor.app import App
    from monitor.config import load
    from monitor.pipeline import run_cycle

    with tempfile.TemporaryDirectory() as folder:
        text = TOML.format(root=ROOT)
        for number in range(count):
            url = f"http://127.0.0.1:{port}/{number}.xml"
            text += f'[[feeds]]\nid = "f{number}"\nurl = "{url}"\nlang = "en"\n'
        path = Path(folder, "monitor.toml")
        path.write_text(text)
        os.chdir(folder)
        app = App(load(path), now=NOW)
        found: dict[str, Any] = {}
        line = app.line if matching else replace(app.line, matcher=NoMatcher(), watches=())
        with app.set_aside():  # as the service does when it begins
            for name, later in (("first", timedelta(0)), ("unchanged", timedelta(hours=1))):
                with measured(found, name):
                    cycle = run_cycle(line, now=NOW + later, everything=True)
                    summary = app.finish(cycle)
                    peak = memory()
                    app.parsers.close()  # their CPU time counts once they have ended
                found[name] |= {"items": summary.new, "hits": summary.hits}
                found[name] |= {"failed": summary.failed} | peak
                found[name] |= {"unchanged": summary.not_modified}
        app.close()
        return found


def theirs(port: int, count: int) -> dict[str, Any]:
    from reader import make_reader  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        reader = make_reader(str(Path(folder, "reader.db")))
        for number in range(count):
            reader.add_feed(f"http://127.0.0.1:{port}/{number}.xml")
        found: dict[str, Any] = {}
        for name in ("first", "unchanged"):
            with measured(found, name):
                done = list(reader.update_feeds_iter(scheduled=False, workers=20))
            found[name]["items"] = reader.get_entry_counts().total if name == "first" else 0
            found[name]["failed"] = sum(isinstance(each.value, Exception) for each in done)
        return found


def memory() -> dict[str, int]:
    """Resident MB of this process and its children: as each counts it, and with what they share counted
    once; and the most that this process ever had."""
    rolled = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in _family(os.getpid())]
    return {
        "rss_mb": round(sum(_kilobytes(text, "Rss") for text in rolled) / 1024),
        "pss_mb": round(sum(_kilobytes(text, "Pss") for text in rolled) / 1024),
        "parsers_pss_mb": round(sum(_kilobytes(text, "Pss") for text in rolled[1:]) / 1024),
        "peak_mb": round(_kilobytes(Path("/proc/self/status").read_text(), "VmHWM") / 1024),
    }


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    begun = [
        int(each)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for each in task.read_text().split()
    ]
    return [pid, *(each for child in begun for each in _family(child))]


def _kilobytes(text: str, name: str) -> int:
    return int(next(line for line in text.splitlines() if line.startswith(f"{name}:")).split()[1])


# ── The table ────────────────────────────────────────────────────────────────────────────────────


def side(python: str, role: str, port: int, count: int) -> dict[str, Any]:
    command = [python, __file__, "--role", role, "--port", str(port), "--feeds", str(count)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=env)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(count: int, rounds: int, peer_python: str) -> None:
    server = subprocess.Popen(
        [sys.executable, __file__, "--role", "server", "--feeds", str(count)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        runs: dict[str, list[dict[str, Any]]] = {"ours": [], "ours-without": [], "reader": []}
        for _ in range(rounds):
            for role, some in runs.items():
                python = peer_python if role == "reader" else sys.executable
                some.append(side(python, role, port, count))
    finally:
        server.kill()
        server.wait()
    print(f"{count} feeds of {ITEMS} items, medians of {rounds} rounds; CPU ms a feed")
    print(f"{'':34}{'first poll':>12}{'× reader':>10}{'unchanged':>12}{'× reader':>10}")
    peer = {name: median(runs["reader"], name) for name in ("first", "unchanged")}
    for role, label in (
        ("reader", "reader"),
        ("ours", "ours, the watch matched"),
        ("ours-without", "ours, matching off"),
    ):
        first, later = median(runs[role], "first"), median(runs[role], "unchanged")
        print(
            f"{label:34}{first / count * 1000:>12.2f}{peer['first'] / first:>10.1f}"
            f"{later / count * 1000:>12.2f}{peer['unchanged'] / later:>10.1f}"
        )
    for role, some in runs.items():
        print(f"{role}: {json.dumps(some[-1])}", file=sys.stderr)


def median(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(run[name]["cpu"] for run in runs)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--feeds", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--memory", type=int, default=0, metavar="FEEDS")
    arguments.add_argument("--peer-python", default=sys.executable)
    arguments.add_argument("--told-in", type=int, default=0, help=argparse.SUPPRESS)
    arguments.add_argument("--role", default="", help=argparse.SUPPRESS)
    arguments.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    match chosen.role:
        case "server":
            asyncio.run(serve(chosen.feeds, chosen.told_in or chosen.feeds))
        case "ours" | "ours-without":
            print(json.dumps(ours(chosen.port, chosen.feeds, matching=chosen.role == "ours")))
        case "reader":
            print(json.dumps(theirs(chosen.port, chosen.feeds)))
        case _ if chosen.memory:
            compare_memory(chosen.memory)
        case _:
            compare(chosen.feeds, chosen.rounds, chosen.peer_python)


def compare_memory(count: int) -> None:
    """Resident memory at the end of a first poll and of one where nothing changed.

    The sample news are in 200 feeds only: a story that five thousand feeds copy is none that happens,
    and which of its copies resemble which is remembered.
    """
    server = subprocess.Popen(
        [sys.executable, __file__, "--role", "server", "--feeds", str(count), "--told-in", "200"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        found = side(sys.executable, "ours", port, count)
    finally:
        server.kill()
        server.wait()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
