"""Five processes on one PostgreSQL; killed, cut off and stopped: nothing is lost and nothing doubled."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from monitor.jobs import JobQueue
from monitor.model import Outgoing
from monitor.store import SqlStore


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_HERE = Path(__file__).parent
_APP = _load("monitor_app_fixtures", _HERE.parent / "app" / "conftest.py")
Newsroom = _load("monitor_newsroom", _HERE / "newsroom.py").Newsroom

HOSTS, FEEDS = range(1, 7), range(2)
HOST_INTERVAL = 0.5
MESSAGES = 40
TOML = """\
watches = ["{folder}/watch"]
[database]
url = "{database}"
[fetch]
interval = "10s"
host_interval = "0.5s"
timeout = "5s"
allow_networks = ["127.0.0.0/8"]
[mail]
url = "{mail}"
sender = "Monitor <monitor@example.org>"
"""


class Site:
    """One installation whose processes each have a configuration file of their own."""

    def __init__(self, folder: Path, newsroom: Any, mail: str) -> None:
        self.folder, self.newsroom, self.mail = folder, newsroom, mail
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        watch = folder / "watch"
        (watch / "gazetteer").mkdir(parents=True)
        for name, words in (
            ("watch.yaml", _APP.WATCH),
            ("arms.yaml", _APP.ARMS),
            ("gazetteer/names.yaml", _APP.NAMES),
        ):
            (watch / name).write_text(words, encoding="utf-8")

    def start(self, name: str, role: str, database: str) -> None:
        place = self.folder / name
        place.mkdir(exist_ok=True)
        toml = TOML.format(folder=self.folder, database=database, mail=self.mail)
        for host in HOSTS:
            for feed in FEEDS:
                url = self.newsroom.url(host, feed)
                toml += f'[[feeds]]\nurl = "{url}"\nid = "f{host}-{feed}"\n'
        (place / "monitor.toml").write_text(toml, encoding="utf-8")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MONITOR_")}
        command = [sys.executable, "-m", "monitor", "run", "--only", role]
        with (place / "output").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [*command, "--config", str(place / "monitor.toml")],
                env=clean,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return "\n".join(
            f"── {path.parent.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.folder.glob("*/output"))
        )

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(timeout=20)


@pytest.fixture
def newsroom() -> Iterator[Any]:
    made = Newsroom()
    yield made
    made.close()


@pytest.fixture
def site(tmp_path: Path, newsroom: Any, smtp_server: Any) -> Iterator[Site]:
    made = Site(tmp_path, newsroom, smtp_server.url)
    yield made
    made.end()


def _until(condition: Callable[[], Any], what: str, site: Site, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}\n{site.said()}"
        time.sleep(0.1)


def _make_due(store: SqlStore) -> None:
    """Every feed that nobody has is due now: an interval of milliseconds."""
    with store.db.write() as connection:
        connection.execute(
            text("UPDATE feed SET next_due_at = now() - interval '1 s' WHERE lease_holder IS NULL")
        )


def _message(number: int) -> Outgoing:
    now = datetime.now(UTC)
    return Outgoing(
        kind="test",
        subscription="load",
        recipient="reader@example.org",
        slot=str(number),
        message_id=f"<{number}@monitor.example>",
        subject=str(number),
        body=(
            f"From: monitor@example.org\r\nTo: reader@example.org\r\nSubject: {number}\r\n"
            f"Message-ID: <{number}@monitor.example>\r\n\r\nText.\r\n"
        ).encode(),
        created_at=now,
    )


def _leader(store: SqlStore) -> int:
    found = re.search(r"process (\d+)", store.run_lock_holder() or "")
    return int(found[1]) if found else 0


def _rows(store: SqlStore, query: str) -> list[Any]:
    with store.db.read() as connection:
        return list(connection.execute(text(query)))


@pytest.mark.slow
def test_workers_and_schedulers_are_killed_cut_off_and_stopped_and_the_books_balance(
    site: Site, newsroom: Any, shared: SqlStore, postgres_url: str, proxy: Any, smtp_server: Any
) -> None:
    queue = JobQueue(shared.db, {})
    for name in ("scheduler-1", "scheduler-2"):
        site.start(name, "scheduler", postgres_url)
    site.start("killed", "worker", postgres_url)
    site.start("cut-off", "worker", proxy.url)
    site.start("stopped", "worker", postgres_url)

    def polled(more: int) -> Callable[[], bool]:
        goal = sum(newsroom.polls.values()) + more

        def reached() -> bool:
            _make_due(shared)
            return sum(newsroom.polls.values()) >= goal

        return reached

    _until(lambda: queue.workers() == 3, "three workers", site)
    _until(polled(30), "the first polls", site)
    for number in range(MESSAGES):
        shared.freeze(_message(number))

    _until(lambda: newsroom.active > 0, "a poll under way", site)
    site.processes["killed"].kill()
    _until(polled(20), "polls after a worker was killed", site)

    _until(lambda: newsroom.active > 0, "a poll under way", site)
    assert proxy.cut() > 0
    _until(polled(20), "polls while a worker was cut off", site)
    _until(lambda: queue.workers() == 1, "the worker that is cut off is missed", site)
    proxy.mend()
    _until(lambda: queue.workers() == 2, "the worker that was cut off is back", site)

    site.processes["stopped"].send_signal(signal.SIGSTOP)
    _until(lambda: queue.workers() == 1, "the worker that stands still is missed", site)
    _until(polled(20), "polls while a worker stood still", site)
    site.processes["stopped"].send_signal(signal.SIGCONT)

    leader = _leader(shared)
    name = next(n for n, process in site.processes.items() if process.pid == leader)
    site.processes[name].kill()
    _until(lambda: _leader(shared) not in (0, leader), "another scheduler is elected", site)
    _until(polled(20), "polls after the scheduler was killed", site)

    newsroom.publishing = False
    last = Counter(newsroom.polls)

    def all_polled() -> bool:
        _make_due(shared)
        return all(newsroom.polls[path] > last[path] for path in newsroom.published)

    _until(all_polled, "every feed is polled once more", site)
    idle = "SELECT 1 FROM feed WHERE lease_holder IS NOT NULL LIMIT 1"
    _until(lambda: not _rows(shared, idle), "what was fetched is stored", site)
    _until(lambda: shared.outbox_counts().get("sent") == MESSAGES, "all mail is out", site)

    survivors = [each for each in site.processes.values() if each.poll() is None]
    for process in survivors:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=30) for process in survivors] == [0] * len(survivors)

    published = Counter(guid for guids in newsroom.published.values() for guid in guids)
    stored = Counter(row[0] for row in _rows(shared, "SELECT summary FROM item"))
    assert stored == published, "every item once"
    hits = Counter(
        row[0]
        for row in _rows(shared, "SELECT item.summary FROM hit JOIN item ON item.number = hit.item")
    )
    assert hits == Counter(guid for guid in published if newsroom.is_hit(guid)), "every hit once"
    assert max(newsroom.at_once.values()) == 1, "no feed was polled twice at once"
    sent = Counter(str(message["Subject"]) for message in smtp_server.messages)
    assert set(sent) == {str(number) for number in range(MESSAGES)}
    assert sum(sent.values()) - MESSAGES <= 2, "at most what was under way when a worker was lost"
    assert shared.check() == []
    for host, starts in newsroom.starts.items():
        # One request may be late on its way; taken together they cannot be early.
        least = (len(starts) - 1) * HOST_INTERVAL - 1
        assert starts[-1] - starts[0] >= least, f"{host} was asked faster than by one worker"


@pytest.mark.slow
def test_an_archive_is_imported_rematched_and_tested_by_all_workers(
    site: Site, shared: SqlStore, postgres_url: str, tmp_path: Path
) -> None:
    import json

    rows = [
        {
            "id": f"a{n}",
            "title": f"Iran sends drones to Russia, lot {n}" if n % 10 == 0 else f"Rain {n}",
            "summary": "",
            "link": f"https://archive.example/{n}",
            "feed": "archive",
            "lang": "en",
            "published_at": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n)).isoformat(),
        }
        for n in range(3_000)
    ]
    archive = tmp_path / "archive.jsonl"
    archive.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    queue = JobQueue(shared.db, {})
    site.newsroom.publishing = False
    site.start("scheduler", "scheduler", postgres_url)
    for name in ("one", "two"):
        site.start(name, "worker", postgres_url)
    _until(lambda: queue.workers() == 2, "two workers", site)

    def command(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *words, "--config", str(tmp_path / "one"), "--json"],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr + site.said()
        return json.loads(done.stdout)

    took = command("import", str(archive), "--seen-at", "published")
    assert (took["items"]["new"], took["hits"]) == (3_000, 300)
    again = command("import", str(archive), "--seen-at", "published")
    assert (again["items"]["new"], again["items"]["duplicate"]) == (0, 3_000)
    assert command("rematch", "--dry-run")["kept"] == 300
    assert command("backtest")["hits"] == 300
    assert shared.check() == []
    assert _rows(shared, "SELECT count(*) FROM work_part")[0][0] == 0, "nothing is left over"


def test_a_poll_whose_lease_has_ended_stores_nothing(shared: SqlStore) -> None:
    from monitor.errors import StoreError
    from monitor.model import Feed, FeedState, Item
    from monitor.protocols import PollRecord

    now = datetime(2026, 11, 25, tzinfo=UTC)
    shared.sync_feeds([Feed(id="f", url="http://127.0.0.1/f")], now=now)
    shared.claim_due_feeds(now=now, holder="late")
    shared.claim_due_feeds(now=now + timedelta(hours=1), holder="next")
    item = Item(id="i", identity="guid:i", feed="f", title="t", summary="", link="")
    record = PollRecord(feed="f", at=now, outcome="ok", new=1)
    with (
        pytest.raises(StoreError, match="its lease has ended"),
        shared.batch(now=now, holder="late") as batch,
    ):
        batch.add_items([item], how="poll")
        batch.finish_poll(record, FeedState())
    assert shared.counts()["items"] == 0


def test_a_process_that_ended_holds_nothing_even_if_nobody_asked_how() -> None:
    from monitor.store import process_holder
    from monitor.store.holders import is_dead

    place = process_holder().split("/")[0]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        holder = f"{place}/{process.pid}/0/poll"
        assert not is_dead(holder)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(holder)


def test_a_machine_whose_clock_is_behind_ends_nothing_before_it_began(shared: SqlStore) -> None:
    from monitor.model import Feed, Hit, Item
    from monitor.protocols import EventDraft

    now = datetime(2026, 11, 25, tzinfo=UTC)
    shared.sync_feeds([Feed(id="f", url="http://127.0.0.1/f")], now=now)
    items = [
        Item(id=n, identity=f"guid:{n}", feed="f", title=n, summary="", link="", content_hash=n)
        for n in ("a", "b")
    ]
    hits = [
        Hit(
            watch="w", indicator="i", item=item.id, rules="r", score=1, stage=None, spans=(),
            branch="b", query="q",
        )
        for item in items
    ]  # fmt: skip
    with shared.batch(now=now) as batch:
        batch.add_items(items, how="poll")
        batch.add_hits(hits, how="poll")
        batch.apply_groups(
            [
                EventDraft(event=None, key=item.id, title=item.id, item=item.id, role="origin")
                for item in items
            ]
        )
        numbers = dict(batch.events_by_key)
    with shared.batch(now=now - timedelta(seconds=5)) as batch:
        batch.add_items(items[1:], how="poll")
        batch.apply_groups(
            [EventDraft(event=numbers["a"], key="x", title="a", item="b", role="report")]
        )
        batch.withdraw_hits("a", keep=())
    assert shared.check() == []
