"""How fast are the pages? p95 of each, with a million items stored, while a poll cycle runs.

    python benchmarks/pages.py [--items 1000000] [--requests 40] [--database URL] [--quiet]

One process, as ``monitor run`` is one: uvicorn serves the pages, a thread stores batches of new items
with hits, and requests come one after another over HTTP. One item in ten has a hit, two hits make an
event, spread over a year; some thousands of pairs have verdicts. The aim is 100 ms. ``--quiet``: nothing
is polled meanwhile, and the CPU time is that of a page and of asking for it. With ``--database`` of a
filled store nothing is filled again.
"""

from __future__ import annotations

import argparse
import http.client
import resource
import statistics
import tempfile
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import store as filling
import uvicorn

from monitor.app import App
from monitor.app.rules import Rules
from monitor.config import Config
from monitor.desk import InboxFilter
from monitor.match import compile_matcher
from monitor.model import Anchor, Branch, Feed, Hypothesis, Indicator, Review, Watch
from monitor.protocols import EventDraft
from monitor.store import SqlStore
from monitor.web.application import create_app
from monitor.web.installation import WebSettings

YEAR = timedelta(days=365)
AIM = 100.0  # milliseconds


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
            branches=(Branch(name="words", query=filling.WORDS[n]),),
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
    feeds = [
        Feed(
            id=f"feed{n}", url=f"https://{n}.example/", declared_in="f", reliability="ABCDEF"[n % 6]
        )
        for n in range(66)
    ]
    store.sync_feeds(feeds, now=filling.START)
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


def pages(store: SqlStore) -> dict[str, str]:
    deep = store.inbox(InboxFilter(), limit=500)
    for _ in range(30):
        if deep.after is None:
            break
        deep = store.inbox(InboxFilter(), after=deep.after, limit=500)
    row = (deep.rows or store.inbox(InboxFilter(status=None), limit=1).rows)[0]
    words = row.lead.item.title.split()
    pair = f"{row.event}:{row.watch}:{row.indicator}"
    return {
        "board": "/",
        "board, 24 months": "/?months=24",
        "matrix": "/matrix",
        "inbox": "/inbox",
        "inbox, page 300": f"/inbox?after={deep.after or ''}",
        "inbox, newest": "/inbox?sort=newest",
        "inbox, indicator and language": "/inbox?indicator=X3&lang=fa",
        "inbox, one word": f"/inbox?q={words[0]}",
        "inbox, two words": f"/inbox?q={words[0]}+{words[1]}",
        "detail pane": f"/inbox/detail?open={pair}",
        "events": "/events",
        "events of a month": "/events?indicator=X3&month=2023-03",
        "event": f"/events/{row.event}",
        "search, one word": f"/search?q={words[0]}",
        "search, three words": f"/search?q={'+'.join(words[:3])}",
        "feeds": "/feeds",
        "feed": "/feeds/feed7",
        "method": "/method",
        "indicator": "/indicators/w/X3",
        "second opinion": "/second",
        "hits.atom": "/hits.atom",
        "health": "/healthz",
        "api: hits": "/api/hits",
        "api: board": "/api/board",
    }


def polling(store: SqlStore, first: int, stop: threading.Event) -> None:
    """A poll cycle without its network: a batch of 200 new items, again and again."""
    number = 0
    for some in filling.items(1_000_000, start=first):
        for start in range(0, len(some), 200):
            if stop.is_set():
                return
            number += 1
            take_in(store, some[start : start + 200], number, filling.START + YEAR)
            stop.wait(0.25)


def served(app: App) -> tuple[uvicorn.Server, int]:
    config = uvicorn.Config(
        create_app(app, WebSettings()), host="127.0.0.1", port=0, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, server.servers[0].sockets[0].getsockname()[1]


def clock(port: int, path: str) -> tuple[float, float]:
    """Milliseconds of wall time, and of CPU time of this process (client, server, poller)."""
    began, cpu = time.perf_counter(), time.process_time()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 200, (path, answer.status)
    return (time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--database")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/pages.db"
        config = Config(_flags={"database": {"url": url}, "feed_files": {"paths": []}})
        object.__setattr__(config, "_root", Path(folder))
        app = App(config, now=filling.START + YEAR)
        app.rules = Rules(watches=(watch(),), matcher=compile_matcher([watch()]))
        if not app.store.counts()["items"]:
            fill(app.store, given.items)
        measure(app, given.requests, quiet=given.quiet)
        app.close()


def measure(app: App, requests: int, *, quiet: bool) -> None:
    server, port = served(app)
    first = {path: clock(port, path)[0] for path in ("/", "/method", "/feeds")}
    print(f"first looks: {', '.join(f'{path} {took:.0f} ms' for path, took in first.items())}")
    time.sleep(3)
    stop = threading.Event()
    poller = threading.Thread(target=polling, args=(app.store, 10_000_000, stop))
    if not quiet:
        poller.start()
    print(
        f"\n| {'page':30} | median ms | p95 ms | worst ms | CPU ms |\n|{'-' * 32}|---:|---:|---:|---:|"
    )
    worst = 0.0
    for name, path in pages(app.store).items():
        clock(port, path)
        found = [clock(port, path) for _ in range(requests)]
        times = sorted(wall for wall, _ in found)
        cpu = statistics.median(each for _, each in found)
        p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
        worst = max(worst, p95)
        print(
            f"| {name:30} | {statistics.median(times):9.1f} | {p95:6.1f} | {times[-1]:8.1f} "
            f"| {cpu:6.1f} |",
            flush=True,
        )
    stop.set()
    if not quiet:
        poller.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nslowest p95 {worst:.0f} ms (aim {AIM:.0f}), peak memory {peak:.0f} MB")
    server.should_exit = True


if __name__ == "__main__":
    main()
