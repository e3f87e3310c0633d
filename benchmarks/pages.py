"""How fast are the pages? p95 of each, with a million items stored, while a poll cycle runs.

    python benchmarks/pages.py [--items 1000000] [--requests 40] [--store FILE] [--quiet] [--rows NAMES]

As under ``monitor run``, the pages have a process, which is measured here, and another runs poll cycles
over 66 feeds without a pause (fetched from a third over the loopback, parsed, matched, grouped, stored,
assessed; 200 new items a cycle, every tenth with a hit). A fourth asks for one page after another. One
stored item in ten has a hit, two hits make an event, spread over a year; some thousands of pairs have
verdicts. The aim is 100 ms.

``--store``: the filled store is kept in FILE, and used again the next time. ``--quiet``: nothing is
polled meanwhile, and the CPU time is that of a page. ``--rows``: the pages with one of the names, or of
the words, that are separated by ";".
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import logging
import multiprocessing
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import store as filling
import structlog
import uvicorn

from monitor.app import App
from monitor.app.rules import Rules
from monitor.config import Config
from monitor.desk import InboxFilter
from monitor.match import compile_matcher
from monitor.model import Anchor, Branch, Hypothesis, Indicator, Review, Watch
from monitor.pipeline import run_cycle
from monitor.protocols import EventDraft
from monitor.service import for_pages, give_way
from monitor.store import SqlStore
from monitor.web.application import create_app
from monitor.web.installation import WebSettings

YEAR = timedelta(days=365)
FEEDS = 66
ENTRIES = 40  # of a feed document
FRESH = 3  # of them since the poll before
AIM = 100.0  # milliseconds
WARM_UP = 1  # poll cycles: the first brings every feed's items anew


def watch() -> Watch:
    """Thirty indicators of the names that the filled hits have."""
    indicators = tuple(
        Indicator(
            id=f"X{n}",
            title=f"Indicator {n}",
            group="all",
            watch="w",
            anchor=Anchor(section="1"),
            counts="",
            does_not_count="",
            ach={"H1": n % 5 - 2, "H2": 2 - n % 5},
            branches=(Branch(name="words", query=f"sign{n}"),),
        )
        for n in range(30)
    )
    hypotheses = (Hypothesis(id="H1", title="One"), Hypothesis(id="H2", title="Two"))
    return Watch(
        id="w",
        title="Benchmark",
        question="How fast?",
        source="none",
        hypotheses=hypotheses,
        indicators=indicators,
        concepts={},
        groups={"all": "All"},
        rules="r1",
    )


def fill(store: SqlStore, count: int) -> None:
    began = time.perf_counter()
    batches = max(1, count // filling.BATCH)
    for number, some in enumerate(filling.items(count)):
        take_in(store, some, number, filling.START + YEAR * number / batches)
    rows = store.inbox(InboxFilter(), sort="oldest", limit=4000).rows
    reviews = [
        Review(
            event=row.event,
            watch="w",
            indicator=row.indicator,
            status=("confirmed", "dismissed")[n % 2],
            by="ana",
            at=filling.START + YEAR,
        )
        for n, row in enumerate(rows)
    ]
    store.add_reviews(reviews, expected=[None] * len(reviews))
    print(f"filled in {time.perf_counter() - began:.0f} s: {dict(store.counts())}")


def take_in(store: SqlStore, some: list, number: int, now: object) -> None:
    with store.batch(now=now) as batch:
        batch.add_items([replace(item, published_at=now) for item in some], how="poll")
        found = [(n, item) for n, item in enumerate(some) if n % 10 == 0]
        batch.add_hits([filling.hit(item, n // 10 + number) for n, item in found], how="poll")
        drafts = [
            EventDraft(
                event=None,
                key=f"{n // 20}",
                title=item.title,
                item=item.id,
                role="origin" if n % 20 == 0 else "copy",
            )
            for n, item in found
        ]
        batch.apply_groups(drafts)


def pages(store: SqlStore) -> dict[str, list[str]]:
    """Name → addresses, asked for in turn."""
    deep = store.inbox(InboxFilter(), limit=500)
    for _ in range(30):
        if deep.after is None:
            break
        deep = store.inbox(InboxFilter(), after=deep.after, limit=500)
    rows = (deep.rows or store.inbox(InboxFilter(status=None), limit=20).rows)[:20]
    words = [row.lead.item.title.split() for row in rows]
    pairs = [f"{row.event}:{row.watch}:{row.indicator}" for row in rows]
    both = {
        "inbox": "/inbox",
        "inbox, page 300": f"/inbox?after={deep.after or ''}",
        "inbox, oldest": "/inbox?sort=oldest",
        "inbox, of a feed": "/inbox?feed=feed7",
        "inbox, no such pair": "/inbox?lang=he&stage=act",
        "inbox, dismissed": "/inbox?status=dismissed",
        "events": "/events",
        "events, by origins": "/events?sort=independent",
    }
    found = {
        "board": ["/"],
        "board, 24 months": ["/?months=24"],
        "matrix": ["/matrix"],
        **{name: [path] for name, path in both.items()},
        "inbox, indicator, language": [
            f"/inbox?indicator=X{n}&lang={lang}" for n in range(10) for lang in ("fa", "ru")
        ],
        "inbox, one word": [f"/inbox?q={each[0]}" for each in words],
        "inbox, two words": [f"/inbox?q={each[0]}+{each[1]}" for each in words],
        "detail pane": [f"/inbox/detail?open={pair}" for pair in pairs],
        "events of a month": [
            f"/events?indicator=X{n}&month=2023-0{month}" for n in range(9) for month in (3, 7)
        ],
        "event": [f"/events/{row.event}" for row in rows],
        "search, one word": [f"/search?q={each[0]}" for each in words],
        "search, three words": [f"/search?q={'+'.join(each[:3])}" for each in words],
        "search, nowhere": ["/search?q=nowhere"],
        "feeds": ["/feeds"],
        "feed": [f"/feeds/feed{n}" for n in range(20)],
        "method": ["/method"],
        "indicator": [f"/indicators/w/X{n}" for n in range(20)],
        "try a query, form": ["/try?indicator=w:X3"],
        "evidence by hand": ["/evidence"],
        "exports": ["/exports"],
        "second opinion": ["/second"],
        "hits.atom": ["/hits.atom"],
        "health": ["/healthz"],
        "metrics": ["/metrics"],
    }
    api = {
        "me": ["/api/me"],
        "board": ["/api/board"],
        "hits": ["/api/hits"],
        "hits of an indicator": [f"/api/hits?indicator=X{n}" for n in range(20)],
        "hits, dismissed": ["/api/hits?status=dismissed"],
        "events": ["/api/events"],
        "events of an indicator": [f"/api/events?indicator=X{n}" for n in range(20)],
        "event": [f"/api/events/{row.event}" for row in rows],
        "inbox": ["/api/inbox"],
        "facets": ["/api/facets"],
        "search": [f"/api/search?q={each[0]}" for each in words],
        "feeds": ["/api/feeds"],
        "status": ["/api/status"],
        "openapi": ["/api/openapi.json"],
    }
    return found | {f"api: {name}": paths for name, paths in api.items()}


# ── Four processes ───────────────────────────────────────────────────────────────────────────────


def feed_server(ready: Connection) -> None:
    """Feeds that have something new at every poll."""
    numbers = itertools.count(10_000_000)
    shown: dict[str, list[str]] = {}
    words = itertools.cycle(filling.WORDS)

    def entry(feed: str) -> str:
        number = next(numbers)
        sign = f"sign{number % 30} " if number % 10 == 0 else ""
        title = sign + " ".join(itertools.islice(words, 11))
        summary = " ".join(itertools.islice(words, 47))
        return (
            f"<item><guid isPermaLink='false'>{number}</guid><title>{title}</title>"
            f"<link>https://news.example/{feed}/{number}</link><description>{summary}</description></item>"
        )

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            feed = self.path.strip("/")
            old = shown.get(feed, [])
            new = [entry(feed) for _ in range(FRESH if old else ENTRIES)]
            shown[feed] = [*new, *old][:ENTRIES]
            inner = f"<channel><title>{feed}</title>{''.join(shown[feed])}</channel>"
            body = f"<rss version='2.0'>{inner}</rss>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_address[1])
    server.serve_forever()


def client(asked: Connection) -> None:
    """Asks for pages, one at a time: (port, paths, count) → milliseconds of each."""
    while True:
        port, paths, count = asked.recv()
        times = []
        for path in itertools.islice(itertools.cycle(paths), count):
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            times.append((time.perf_counter() - began) * 1000)
            if answer.status != 200 and path != "/healthz":  # which may say what is wrong
                raise SystemExit(f"{path}: {answer.status}")
        asked.send(times)


@contextmanager
def process(run):  # type: ignore[no-untyped-def]
    """A process of its own, and the pipe to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    started = context.Process(target=run, args=(theirs,), daemon=True)
    started.start()
    try:
        yield ours
    finally:
        started.terminate()
        started.join()


def poller(told: Connection) -> None:
    """Poll cycles without a pause; tells the seconds that each took."""
    logger = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=logger)  # a line a poll goes to a file otherwise
    path, port, folder = told.recv()
    app = installation(path, port, folder)

    async def run() -> None:
        for number in itertools.count(1):
            began = time.perf_counter()
            await run_cycle(app.line, now=app.clock(), everything=True)
            if number == WARM_UP:
                give_way()  # as the service does from the start
            told.send(time.perf_counter() - began)

    def work() -> None:  # not on the main thread, whose priority is the process's
        asyncio.run(run())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def installation(path: Path, port: int, folder: Path) -> App:
    config = Config(_flags=settings(path, port))
    object.__setattr__(config, "_root", folder)
    app = App(config, now=filling.START + YEAR)
    app.rules = Rules(watches=(watch(),), matcher=compile_matcher([watch()]))
    return app


def served(app: App) -> tuple[uvicorn.Server, int]:
    for_pages()  # as the service does
    config = uvicorn.Config(
        create_app(app, WebSettings()), host="127.0.0.1", port=0, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, server.servers[0].sockets[0].getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--fill", action="store_true", help="fill the store and end")
    parser.add_argument("--rows", default="", help="names or words, separated by ;")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, process(feed_server) as feeds:
        port = feeds.recv()
        path = (given.store or Path(folder) / "pages.db").absolute()
        app = installation(path, port, Path(folder))
        if not app.store.counts()["items"]:
            fill(app.store, given.items)
        if not given.fill:
            polls = None if given.quiet else (path, port, Path(folder))
            measure(app, given.requests, polls=polls, only=given.rows)
        app.close()


def settings(path: Path, port: int) -> dict:
    return {
        "database": {"url": f"sqlite:///{path}"},
        "feed_files": {"paths": []},
        "fetch": {"allow_networks": ["127.0.0.0/8"], "host_interval": "0s", "per_host": 16},
        "feeds": [
            {
                "id": f"feed{n}",
                "url": f"http://127.0.0.1:{port}/feed{n}",
                "reliability": "ABCDEF"[n % 6],
            }
            for n in range(FEEDS)
        ],
    }


def measure(app: App, requests: int, *, polls: tuple[Path, int, Path] | None, only: str) -> None:
    server, port = served(app)
    with process(client) as asking, ExitStack() as stack:

        def times(paths: Sequence[str], count: int) -> list[float]:
            asking.send((port, paths, count))
            return asking.recv()

        if polls is not None:
            cycles = stack.enter_context(process(poller))
            cycles.send(polls)
        first = {path: times([path], 1)[0] for path in ("/", "/method", "/feeds", "/inbox")}
        print(f"first looks: {', '.join(f'{path} {t:.0f} ms' for path, t in first.items())}")
        began, cpu = time.perf_counter(), time.process_time()
        app.assess(app.watches[0], app.clock())
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        print(f"first assessment: {took:.0f} s more, {cpu:.0f} s of CPU")
        if polls is not None:
            for _ in range(WARM_UP):
                print(f"poll cycle: {cycles.recv():.1f} s", flush=True)
        table(times, chosen(pages(app.store), only), requests)
        if polls is not None:
            found = []
            while cycles.poll():
                found.append(cycles.recv())
            typical = statistics.median(found) if found else float("nan")
            print(f"{len(found)} poll cycles of {FEEDS} feeds, {typical:.1f} s each")
    server.should_exit = True


def chosen(asked: dict[str, list[str]], only: str) -> dict[str, list[str]]:
    """The rows of these names; where there are none, those with one of the words."""
    words = [word.strip() for word in only.split(";")]
    named = {name: paths for name, paths in asked.items() if name in words}
    return named or {n: p for n, p in asked.items() if any(word in n for word in words)}


def table(times, asked: dict[str, list[str]], requests: int) -> None:  # type: ignore[no-untyped-def]
    print(f"\n| {'page':30} | median ms | p95 ms | worst ms | CPU ms |")
    print(f"|{'-' * 32}|---:|---:|---:|---:|")
    slow = []
    for name, paths in asked.items():
        times(paths, 2)
        began = time.process_time()
        found = sorted(times(paths, requests))
        cpu = (time.process_time() - began) * 1000 / requests
        p95 = found[min(len(found) - 1, round(0.95 * len(found)))]
        if p95 > AIM:
            slow.append(name)
        print(
            f"| {name:30} | {statistics.median(found):9.1f} | {p95:6.1f} | {found[-1]:8.1f} "
            f"| {cpu:6.1f} |",
            flush=True,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nabove {AIM:.0f} ms: {', '.join(slow) or 'none'}; peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
