"""Workers on one PostgreSQL: how an archive's import goes with 1, 2 and 4 processes.

    python -m benchmarks.workers --items 20000 --workers 1 2 4 [--postgres URL]
    python -m benchmarks.workers --transactions 1000      (what one poll costs where only one can be)

Each run begins with an empty database; the shipped watch matches. Without ``--postgres`` the server
of the package ``pgserver`` is started. Wall time: the point is what several processes gain, so it is
only as good as the cores that are free.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

ROOT = Path(__file__).parent.parent
TOML = """\
watches = ["{root}/indicators/russia-iran"]
[database]
url = "{url}"
[log]
level = "warning"
"""


@contextmanager
def server(given: str | None, folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL's maintenance database."""
    if given:
        yield given
        return
    import pgserver

    started = pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        url = make_url(started.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
    finally:
        started.cleanup()


@contextmanager
def database(maintenance: str, name: str) -> Iterator[str]:
    """A new database, dropped at the end."""
    engine = create_engine(maintenance, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
    try:
        yield make_url(maintenance).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        engine.dispose()


def monitor(config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "monitor", *words, "--config", str(config)]


def environment() -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MONITOR_")}
    return clean | {"PYTHONPATH": str(ROOT)}


@contextmanager
def workers(config: Path, count: int) -> Iterator[None]:
    """So many worker processes and one scheduler, until the block ends."""
    roles = ["scheduler", *["worker"] * count]
    processes = [
        subprocess.Popen(
            monitor(config, "run", "--only", role),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for role in roles
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=30)


def archive(path: Path, count: int) -> None:
    """Made-up items, three in a hundred of them sample news that is matched."""
    from benchmarks.ingest import words
    from monitor.demo.feeds import sample_feeds

    news = [(item.title, item.summary) for feed in sample_feeds() for item in feed.items]
    source = words(1)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            title = " ".join(next(source) for _ in range(9))
            summary = " ".join(next(source) for _ in range(50))
            if number % 33 == 0:
                title, summary = news[number // 33 % len(news)]
            row = {
                "id": f"a{number}",
                "title": title,
                "summary": summary,
                "link": f"https://archive.example/{number}",
                "feed": f"archive{number % 120}",
                "lang": "en",
                "published_at": f"2026-{1 + number % 12:02}-{1 + number % 28:02}T06:00:00Z",
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def measure(maintenance: str, folder: Path, count: int, processes: int) -> dict[str, Any]:
    """One import with so many workers; 0 = by the command itself."""
    from monitor.jobs import JobQueue
    from monitor.store import open_store

    with database(maintenance, f"bench_{processes}") as url:
        config = folder / f"monitor-{processes}.toml"
        config.write_text(TOML.format(root=ROOT, url=url), encoding="utf-8")
        subprocess.run(monitor(config, "db", "upgrade"), env=environment(), check=True)
        with workers(config, processes), open_store(url) as store:
            queue = JobQueue(store.db, {})
            while queue.workers() < processes:
                time.sleep(0.2)
            file = str(folder / "archive.jsonl")
            began = time.monotonic()
            done = subprocess.run(
                monitor(config, "import", file, "--seen-at", "published", "--json"),
                env=environment(),
                stdout=subprocess.PIPE,
                check=True,
            )
            seconds = time.monotonic() - began
            found = json.loads(done.stdout)
            problems = store.check()
    assert found["items"]["new"] == count, found
    assert not problems, problems
    return {
        "workers": processes,
        "items": count,
        "seconds": round(seconds, 1),
        "items/s": round(count / seconds),
        "hits": found["hits"],
    }


def compare(count: int, processes: Sequence[int], postgres: str | None) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive(folder / "archive.jsonl", count)
        with server(postgres, folder) as maintenance:
            return [measure(maintenance, folder, count, each) for each in processes]


def transactions(maintenance: str, count: int) -> dict[str, Any]:
    """Milliseconds that a poll's transaction takes on PostgreSQL: under its lock only one can be."""
    from monitor.model import Feed, FeedState, Item
    from monitor.protocols import PollRecord
    from monitor.store import open_store

    now = datetime(2026, 1, 1, tzinfo=UTC)
    found: dict[str, Any] = {"transactions": count}
    with (
        database(maintenance, "bench_tx") as url,
        open_store(url, migrations=ROOT / "db" / "migrations", migrate=True) as store,
    ):
        store.sync_feeds([Feed(id="f", url="https://f.example/", declared_in="f")], now=now)
        for name, fresh in (("unchanged", 0), ("5 new items", 5)):
            began, cpu = time.monotonic(), time.process_time()
            for number in range(count):
                items = [
                    Item(
                        id=f"{name}{number}.{n}", identity=f"guid:{name}{number}.{n}", feed="f",
                        title=f"Title {number} {n}", summary="Text of some length. " * 15,
                        link=f"https://f.example/{name}/{number}/{n}",
                        link_key=f"f.example/{name}/{number}/{n}", content_hash=f"{number}.{n}",
                    )
                    for n in range(fresh)
                ]  # fmt: skip
                with store.batch(now=now) as batch:
                    batch.add_items(items, how="poll")
                    record = PollRecord(feed="f", at=now, outcome="ok", new=fresh)
                    batch.finish_poll(record, FeedState())
            found[f"{name}, ms"] = round((time.monotonic() - began) / count * 1000, 2)
            found[f"{name}, CPU ms here"] = round((time.process_time() - cpu) / count * 1000, 2)
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=20_000)
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    arguments.add_argument("--postgres", default=os.environ.get("MONITOR_TEST_POSTGRES"))
    arguments.add_argument("--transactions", type=int, default=0)
    given = arguments.parse_args()
    if given.transactions:
        with (
            tempfile.TemporaryDirectory() as name,
            server(given.postgres, Path(name)) as maintenance,
        ):
            print(json.dumps(transactions(maintenance, given.transactions)))
        return
    for row in compare(given.items, given.workers, given.postgres):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
