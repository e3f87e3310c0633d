"""Every stage at growing sizes, beside a peer in the same run: one command, one table.

    python -m benchmarks                                             (10,000 and 100,000 items; minutes)
    python -m benchmarks --items 10000 100000 1000000 --feeds 120 1200 12000 --workers 1 2 4
    python -m benchmarks --stages match store --items 10000

Rates are for each second of CPU of the process (of processes, where a stage has several; wall seconds
for workers). The exponent tells how time grows from the size before: 1.0 is in proportion. The last
column is ours divided by the peer: above 1 ours is faster. Peers that are not installed
(``pip install datasketch reader sgmllib3k``) leave their column empty. Finer questions have scripts of
their own beside this one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: so many of a unit took so long; the peer's rate, if there is one."""

    stage: str
    size: int
    unit: str
    seconds: float
    rate: float
    peer: str = ""
    peer_rate: float | None = None
    note: str = ""


def timed(run: Callable[[], object]) -> float:
    """CPU seconds."""
    began = time.process_time()
    run()
    return max(time.process_time() - began, 1e-6)


# ── The stages ───────────────────────────────────────────────────────────────────────────────────


def ingest(sizes: Sequence[int]) -> Iterator[Row]:
    """Feed documents to clean items; the peer parses only."""
    import feedparser

    from benchmarks.ingest import ITEMS, documents
    from monitor.model import Feed
    from monitor.normalise import normalise
    from monitor.parse import parse

    feed = Feed(id="f", url="https://outlet.example/rss")
    bodies = documents(25)  # repeated: parsing remembers nothing

    def ours(count: int) -> None:
        for number in range(count // ITEMS):
            body = bodies[number % len(bodies)]
            document = parse(body, url=feed.url, content_type="", now=START)
            normalise(document, feed, START)

    def theirs(count: int) -> None:
        for number in range(count // ITEMS):
            feedparser.parse(bodies[number % len(bodies)])

    peer_size = min(4_000, *sizes)
    peer = peer_size / timed(lambda: theirs(peer_size))
    for size in sizes:
        took = timed(partial(ours, size))
        yield Row("ingest", size, "items", took, size / took, "feedparser", peer)


def match(sizes: Sequence[int]) -> Iterator[Row]:
    """300 stored queries against each item."""
    from benchmarks.match import BATCH, Fts5, Ours, made_items, made_queries

    queries = made_queries(300)
    ours, theirs = Ours(queries), Fts5(queries)
    pool = made_items(20_000)

    def through(engine: Ours | Fts5, count: int) -> None:
        for start in range(0, count, BATCH):
            place = start % len(pool)
            engine.run(pool[place : place + BATCH])

    peer_size = min(10_000, *sizes)
    peer = peer_size / timed(lambda: through(theirs, peer_size))
    through(
        ours, 2_000
    )  # words that were met before are known afterwards; the first are not counted
    for size in sizes:
        took = timed(partial(through, ours, size))
        yield Row("match", size, "items", took, size / took, "SQLite FTS5", peer)


def group(sizes: Sequence[int]) -> Iterator[Row]:
    """Hits into events; a tenth of the items are hits."""
    from benchmarks.group import _datasketch, _ours, made_up

    for size in sizes:
        hits = [hit for hit, _ in made_up(size // 10)]
        took, _ = _ours(hits)
        try:
            peer: float | None = len(hits) / _datasketch(hits)[0] if size <= 100_000 else None
        except ImportError:
            peer = None
        name = "datasketch LSH" if peer else ""
        yield Row("group", len(hits), "hits", took, len(hits) / took, name, peer)


def store(sizes: Sequence[int]) -> Iterator[Row]:
    """Items, half with a hit, into SQLite; the peer writes the same rows and looks nothing up."""
    from benchmarks.store import made, ours, same_rows

    for size in sizes:
        made(size)
        rates = []
        for run in (ours, same_rows):
            with tempfile.TemporaryDirectory() as folder:
                url = f"sqlite:///{folder}/m.db"
                rates.append(size / timed(partial(run, url, size)))
        yield Row("store", size, "items", size / rates[0], rates[0], "Core, same rows", rates[1])


def pages(sizes: Sequence[int]) -> Iterator[Row]:
    """What the slowest page asks of a store with so many items."""
    from benchmarks.store import MIGRATIONS, clock, fill_pages, queries
    from monitor.store import open_store

    for size in sizes:
        with (
            tempfile.TemporaryDirectory() as folder,
            open_store(f"sqlite:///{folder}/m.db", migrations=MIGRATIONS, migrate=True) as filled,
        ):
            fill_pages(filled, size)
            slowest, name = max(
                (sorted(clock(run) for _ in range(5))[2], name)
                for name, run in queries(filled).items()
            )
        seconds = slowest / 1000
        yield Row("pages", size, "items", seconds, 1 / seconds, note=f"slowest: {name}")


def digest(sizes: Sequence[int]) -> Iterator[Row]:
    """Composing one digest, with levels, from an installation that took in so many items."""
    from benchmarks.workers import archive
    from monitor import config as settings
    from monitor.app import App

    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            archive(folder / "archive.jsonl", size)
            (folder / "monitor.toml").write_text(
                f'watches = ["{ROOT}/indicators/russia-iran"]\n[database]\nurl = "sqlite:///m.db"\n'
                '[[digests]]\nname = "daily"\nto = ["a@example.org"]\nschedule = "0 7 * * *"\n'
                'timezone = "UTC"\n'
            )
            os.chdir(folder)
            now = datetime(2026, 12, 28, 8, tzinfo=UTC)
            app = App(settings.load(folder / "monitor.toml"), now=now)
            app.import_files([folder / "archive.jsonl"], now=now, seen_at="published")
            took = timed(partial(app.preview_digests, as_of=now))
            hits = app.store.counts()["hits"]
            app.close()
            os.chdir(ROOT)
        yield Row("digest", size, "items", took, 1 / took, note=f"{hits:,} hits stored")


def polling(sizes: Sequence[int]) -> Iterator[Row]:
    """One whole cycle over so many feeds of 40 items, beside the package reader."""
    from benchmarks.ingest import side

    script = str(ROOT / "benchmarks" / "ingest.py")
    for size in sizes:
        served = subprocess.Popen(
            [sys.executable, script, "--role", "server", "--feeds", str(size)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            assert served.stdout is not None
            port = int(served.stdout.readline())
            ours = side(sys.executable, "ours", port, size)["first"]["cpu"]
            try:
                theirs: float | None = side(sys.executable, "reader", port, size)["first"]["cpu"]
            except subprocess.CalledProcessError:
                theirs = None
        finally:
            served.kill()
            served.wait()
        peer = size / theirs if theirs else None
        yield Row("feeds", size, "feeds", ours, size / ours, "reader" if peer else "", peer)


def spread(count: int, processes: Sequence[int], postgres: str | None) -> Iterator[Row]:
    """An import by so many workers on PostgreSQL: wall time."""
    from benchmarks.workers import compare

    for found in compare(count, processes, postgres):
        note = f"{found['workers']} workers, {os.cpu_count()} cores, wall time"
        yield Row("workers", count, "items", found["seconds"], found["items/s"], note=note)


STAGES: dict[str, Callable[[Sequence[int]], Iterator[Row]]] = {
    "ingest": ingest,
    "match": match,
    "group": group,
    "store": store,
    "pages": pages,
    "digest": digest,
}

# ── The table ────────────────────────────────────────────────────────────────────────────────────


def exponent(before: Row | None, now: Row) -> str:
    """How time grows: log of the times' ratio by log of the sizes'."""
    if before is None or before.size == now.size or before.stage != now.stage:
        return ""
    return f"{math.log(now.seconds / before.seconds) / math.log(now.size / before.size):.2f}"


def line(row: Row, before: Row | None) -> str:
    peer = f"{row.peer_rate:,.0f}" if row.peer_rate else ""
    ratio = f"{row.rate / row.peer_rate:.2f}" if row.peer_rate else ""
    seconds = f"{row.seconds:,.1f}" if row.seconds >= 10 else f"{row.seconds:.3f}"
    rate = f"{row.rate:,.0f}" if row.rate >= 10 else f"{row.rate:.2f}"
    return (
        f"| {row.stage:8} | {row.size:>9,} {row.unit:5} | {seconds:>9} | {rate:>9} "
        f"| {exponent(before, row):>8} | {row.peer:15} | {peer:>9} | {ratio:>6} | {row.note} |"
    )


HEAD = (
    "| stage    | size            | seconds   | a second  | exponent | peer            "
    "| a second  | ours ÷ | note |\n"
    "|----------|----------------:|----------:|----------:|---------:|-----------------"
    "|----------:|-------:|------|"
)


def bottlenecks(rows: Iterable[Row]) -> Iterator[str]:
    """The stage that takes most of an item's time, at each size that all stages were measured at."""
    by_size: dict[int, list[Row]] = {}
    for row in rows:
        if row.stage in ("ingest", "match", "store"):
            by_size.setdefault(row.size, []).append(row)
        if row.stage == "group":
            by_size.setdefault(row.size * 10, []).append(row)
    for size, some in sorted(by_size.items()):
        total = sum(row.seconds for row in some)
        worst = max(some, key=lambda row: row.seconds)
        share = worst.seconds / total
        yield f"{size:>9,} items: {worst.stage} takes {share:.0%} of {total:,.1f} CPU seconds"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--feeds", type=int, nargs="*", default=[120])
    parser.add_argument("--workers", type=int, nargs="*", default=[])
    parser.add_argument("--workers-items", type=int, default=20_000)
    parser.add_argument("--stages", nargs="*", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--postgres", default=os.environ.get("MONITOR_TEST_POSTGRES"))
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}\n"
    )
    print(HEAD, flush=True)
    rows: list[Row] = []
    sources = [STAGES[name](sorted(given.items)) for name in given.stages if given.items]
    if given.feeds:
        sources.append(polling(sorted(given.feeds)))
    if given.workers:
        sources.append(spread(given.workers_items, given.workers, given.postgres))
    for source in sources:
        before = None
        for row in source:
            print(line(row, before), flush=True)
            rows.append(row)
            before = row
    print()
    print("\n".join(bottlenecks(rows)))
    if given.json:
        found = [{name: getattr(row, name) for name in Row.__slots__} for row in rows]
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
