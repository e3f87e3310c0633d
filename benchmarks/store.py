"""How fast is the store? Our batch beside a plain Core upsert and raw sqlite3, in one run.

    python benchmarks/store.py [--items 100000] [--postgres URL] [--pages]

Each method stores the same synthetic items (one in two with a hit) in batches of 1,000, into its own
fresh SQLite file with WAL; figures are items for each second of CPU of this process, and for each of
wall time. ``synchronous`` is FULL for all, so the wall time is that of the disk. Two peers store less:
items and hits in two tables, without and with FTS5 beside them. The third, which ours is measured by,
stores the very rows that ours does (sightings and folded words too), but looks nothing up: it could
not tell an edit, a second sighting or a repetition. "ours + events" has a tenth of the hits, in events.

``--pages`` fills a store with a million items and 100,000 hits and prints what the pages' queries take.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from monitor.desk import InboxFilter
from monitor.model import Feed, Hit, Item, Review, ScorePart, Span
from monitor.protocols import EventDraft
from monitor.store import SqlStore, open_store
from monitor.store.codec import hit_to_columns, item_to_columns
from monitor.store.search import words_of
from monitor.store.tables import HIT, ITEM, ITEM_SEARCH, SIGHTING

MIGRATIONS = Path(__file__).parents[1] / "db" / "migrations"
START = datetime(2022, 10, 1, tzinfo=UTC)
BATCH = 1000
WORDS = [
    f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("n", "r", "st", "mal", "ik")
]


def items(count: int, *, feeds: int = 66, start: int = 0) -> Iterator[list[Item]]:
    """Synthetic items of 440 bytes in batches."""
    chance = random.Random(start)
    for first in range(start, start + count, BATCH):
        batch = []
        for n in range(first, min(first + BATCH, start + count)):
            title = " ".join(chance.choices(WORDS, k=10))
            summary = " ".join(chance.choices(WORDS, k=55))
            feed = f"feed{n % feeds}"
            batch.append(
                Item(
                    id=f"item-{n}",
                    identity=f"guid:{n}",
                    feed=feed,
                    title=title,
                    summary=summary,
                    link=f"https://news.example/{n}",
                    link_key=f"news.example/{n}",
                    content_hash=f"{n:032x}",
                    lang=("en", "ru", "fa", "ar")[n % 4],
                    source=feed.title(),
                    published_at=START + timedelta(seconds=n * 30),
                )
            )
        yield batch


@lru_cache(maxsize=2)
def made(count: int) -> list[list[Item]]:
    """The same, made before the clock runs."""
    return list(items(count))


def hit(item: Item, n: int) -> Hit:
    return Hit(
        watch="w",
        indicator=f"X{n % 30}",
        item=item.id,
        rules="r1",
        score=0.4 + n % 6 / 10,
        stage=("act", "talks", None)[n % 3],
        spans=(Span(field="title", start=0, end=5, term="@iran"),),
        branch="supply",
        query="@iran NEAR/6 @supply",
        parts=(ScorePart(name="query", value=1.2, why="both"),),
        concepts=("@iran", "@supply"),
    )


def ours(url: str, count: int, *, hits: int = 2, events: bool = False) -> None:
    """Everything that a poll stores; ``hits``: one item in so many has one."""
    with open_store(url, migrations=MIGRATIONS, migrate=True) as store:
        fill(store, made(count), hits=hits, events=events)


def fill(store: SqlStore, batches: Iterable[list[Item]], *, hits: int, events: bool) -> None:
    for number, batch_items in enumerate(batches):
        now = START + timedelta(minutes=number)
        with store.batch(now=now) as batch:
            batch.add_items(batch_items, how="poll")
            found = [(n, item) for n, item in enumerate(batch_items) if n % hits == 0]
            batch.add_hits([hit(item, n) for n, item in found], how="poll")
            if events:
                drafts = [
                    EventDraft(
                        event=None, key=f"{n // 2}", title=item.title, item=item.id, role=role
                    )
                    for (n, item), role in zip(found, ["origin", "copy"] * len(found), strict=False)
                ]
                batch.apply_groups(drafts)


metadata = sa.MetaData()
ITEMS = sa.Table(
    "items",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, unique=True),
    sa.Column("feed", sa.Text),
    sa.Column("identity", sa.Text),
    *(
        sa.Column(name, sa.Text)
        for name in ("title", "summary", "link", "content_hash", "lang", "source")
    ),
    sa.Column("link_key", sa.Text, unique=True),
    sa.Column("published_at", sa.DateTime),
    sa.Column("first_seen_at", sa.DateTime, index=True),
    sa.UniqueConstraint("feed", "identity"),
)
HITS = sa.Table(
    "hits",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("item", sa.ForeignKey("items.number")),
    sa.Column("indicator", sa.Text),
    sa.Column("score", sa.Float),
    sa.Column("spans", sa.JSON),
    sa.Column("stored_at", sa.DateTime, index=True),
    sa.UniqueConstraint("item", "indicator"),
)


def plain_core(url: str, count: int, *, fts: bool = False) -> None:
    """INSERT … ON CONFLICT DO NOTHING of items and hits with SQLAlchemy Core: the reference."""
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    metadata.create_all(engine)
    with engine.begin() as connection:
        if fts:
            connection.execute(sa.text("CREATE VIRTUAL TABLE words USING fts5(title, summary)"))
    number = 0
    for batch in made(count):
        with engine.begin() as connection:
            rows = []
            for item in batch:
                number += 1
                rows.append(
                    {
                        name: getattr(item, name)
                        for name in ITEMS.c.keys()  # noqa: SIM118
                        if name not in {"number", "published_at", "first_seen_at"}
                    }
                    | {
                        "number": number,
                        "published_at": item.published_at.replace(tzinfo=None),
                        "first_seen_at": START.replace(tzinfo=None),
                    }
                )
            connection.execute(sqlite.insert(ITEMS).on_conflict_do_nothing(), rows)
            if fts:
                statement = sa.text(
                    "INSERT INTO words (rowid, title, summary) VALUES (:number, :title, :summary)"
                )
                connection.execute(statement, rows)
            found = [
                {
                    "item": row["number"],
                    "indicator": f"X{n % 30}",
                    "score": 0.5,
                    "spans": [["title", 0, 5, "@iran"]],
                    "stored_at": START.replace(tzinfo=None),
                }
                for n, row in enumerate(rows)
                if n % 2 == 0
            ]
            connection.execute(sqlite.insert(HITS).on_conflict_do_nothing(), found)
    engine.dispose()


def same_rows(url: str, count: int) -> None:
    """The rows of our own tables, index and all, by plain Core upserts that look nothing up."""
    with open_store(url, migrations=MIGRATIONS, migrate=True) as store:
        number = 0
        for batch in made(count):
            with store.db.write() as connection:
                rows = [
                    item_to_columns(item)
                    | {
                        "number": number + n + 1,
                        "how": "poll",
                        "warm_up": False,
                        "first_seen_at": START,
                        "since_at": START,
                    }
                    for n, item in enumerate(batch)
                ]
                seen = [
                    {
                        "feed": r["feed"],
                        "identity": r["identity"],
                        "item": r["number"],
                        "first_seen_at": START,
                    }
                    for r in rows
                ]
                words = [
                    {"item": r["number"], "body": " ".join(words_of(r["title"], r["summary"]))}
                    for r in rows
                ]
                hits = [
                    hit_to_columns(hit(item, n))
                    | {
                        "item": number + n + 1,
                        "watch": "w",
                        "indicator": f"X{n % 30}",
                        "stored_at": START,
                        "since_at": START,
                        "how": "poll",
                        "warm_up": False,
                    }
                    for n, item in enumerate(batch)
                    if n % 2 == 0
                ]
                for table, some in (
                    (ITEM, rows),
                    (SIGHTING, seen),
                    (ITEM_SEARCH, words),
                    (HIT, hits),
                ):
                    connection.execute(sqlite.insert(table).on_conflict_do_nothing(), some)
                connection.execute(
                    sa.text("INSERT INTO item_fts (rowid, body) VALUES (:item, :body)"), words
                )
            number += len(batch)


def measure(name: str, run: Callable[[str], None], folder: Path, count: int) -> tuple[float, float]:
    url = f"sqlite:///{folder}/{name.replace(' ', '-').replace('+', 'and')}.db"
    cpu, wall = time.process_time(), time.perf_counter()
    run(url)
    return count / (time.process_time() - cpu), count / (time.perf_counter() - wall)


def store_table(count: int, rounds: int) -> None:
    methods: dict[str, Callable[[str], None]] = {
        "plain Core": lambda url: plain_core(url, count),
        "plain Core + FTS5": lambda url: plain_core(url, count, fts=True),
        "plain Core, our rows": lambda url: same_rows(url, count),
        "ours": lambda url: ours(url, count),
        "ours + events": lambda url: ours(url, count, hits=10, events=True),
    }
    made(count)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, run in methods.items():
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(measure(name, run, Path(folder), count))
    print(f"{count:,} items, half with a hit, batches of {BATCH:,}; median of {rounds}\n")
    print(f"| {'method':20} | items/CPU-s | items/s | of plain Core, our rows |")
    print(f"|{'-' * 22}|------------:|--------:|------------------------:|")
    base = statistics.median(cpu for cpu, _ in found["plain Core, our rows"])
    for name, results in found.items():
        cpu = statistics.median(each for each, _ in results)
        wall = statistics.median(each for _, each in results)
        print(f"| {name:20} | {cpu:11,.0f} | {wall:7,.0f} | {cpu / base:23.2f} |")


def page_table(url: str | None, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = url or f"sqlite:///{folder}/pages.db"
        with open_store(url, migrations=MIGRATIONS, migrate=True) as store:
            if not store.counts()["items"]:
                fill_pages(store, count)
            for name, run in queries(store).items():
                times = [clock(run) for _ in range(15)]
                print(
                    f"  {name:45} {statistics.median(times):8.1f} ms   worst {max(times):8.1f} ms"
                )


def fill_pages(store: SqlStore, count: int) -> None:
    store.sync_feeds(
        [
            Feed(
                id=f"feed{n}",
                url=f"https://{n}.example/",
                declared_in="f",
                reliability="ABCDEF"[n % 6],
            )
            for n in range(66)
        ],
        now=START,
    )
    began = time.perf_counter()
    fill(store, items(count), hits=10, events=True)
    print(f"\n{count:,} items, {count // 10:,} hits stored in {time.perf_counter() - began:.0f} s")
    events = [row.event for row in store.inbox(InboxFilter(), sort="oldest", limit=4000).rows]
    store.add_reviews(
        [
            Review(
                event=event,
                watch="w",
                indicator=row.indicator,
                status=("confirmed", "dismissed")[n % 2],
                by="ana",
                at=START,
            )
            for n, (event, row) in enumerate(
                zip(
                    events,
                    store.inbox(InboxFilter(), sort="oldest", limit=4000).rows,
                    strict=True,
                )
            )
        ],
        expected=[None] * len(events),
    )


def clock(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


def queries(store: SqlStore) -> dict[str, Callable[[], object]]:
    everything = InboxFilter(status=None)
    deep = store.inbox(InboxFilter(), limit=1)
    for _ in range(30):
        deep = store.inbox(InboxFilter(), after=deep.after, limit=500)
    new, after = InboxFilter(), deep.after
    middle = store.newest_items(limit=1)[0]
    found: dict[str, Callable[[], object]] = {
        "inbox, first page": lambda: store.inbox(new),
        "inbox, page 300": lambda: store.inbox(new, after=after),
        "inbox, newest": lambda: store.inbox(new, sort="newest"),
        "inbox, one feed, all": lambda: store.inbox(InboxFilter(status=None, feed="feed7")),
        "inbox, lang and stage": lambda: store.inbox(InboxFilter(lang="fa", stage="act")),
        "inbox, text": lambda: store.inbox(InboxFilter(text=middle.title.split()[0])),
        "facets": lambda: store.facets(new),
        "facets of everything": lambda: store.facets(everything),
        "facets, text": lambda: store.facets(InboxFilter(text=" ".join(middle.title.split()[:2]))),
        "waiting": store.waiting,
        "activity, half a year": lambda: store.activity(since=START),
        "search, one word": lambda: store.search(middle.title.split()[0]),
        "search, three words": lambda: store.search(" ".join(middle.title.split()[:3])),
        "search, rare": lambda: store.search(middle.title),
        "event": lambda: store.events(ids=[4000]),
        "related": lambda: store.related(4000),
        "hits, newest 100": lambda: store.hits(limit=100),
        "counts": store.counts,
        "unsent hits of the last day": lambda: store.unsent_hits(
            "daily", "ana", since=START + timedelta(minutes=990)
        ),
    }
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", action="store_true")
    parser.add_argument(
        "--url",
        help="with --pages: this database instead of a temporary file; filled if it is empty",
    )
    given = parser.parse_args(arguments)
    if given.pages:
        page_table(given.url, given.items)
    else:
        store_table(given.items, given.rounds)


if __name__ == "__main__":
    main()
