"""What the scheduler defers and what a worker makes of it, in one process on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from monitor import config as settings
from monitor.app import App
from monitor.app.working import LEASE, RENEWED

_FILE = Path(__file__).parents[1] / "app" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("monitor_app_fixtures_of_jobs", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
_APP = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _APP
_SPEC.loader.exec_module(_APP)

SECOND = timedelta(seconds=1)
RSS = (
    "<?xml version='1.0'?><rss version='2.0'><channel><title>t</title><link>https://o.example/</link>"
    "<description>d</description><item><guid isPermaLink='false'>{guid}</guid>"
    "<title>Iran sends drones to Russia</title><link>https://o.example/{guid}</link>"
    "</item></channel></rss>"
)


@pytest.fixture
def installation(
    tmp_path: Path, postgres_url: str, loopback: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[App]:
    """Three feeds on two hosts."""
    monkeypatch.chdir(tmp_path)
    watch = tmp_path / "watch"
    (watch / "gazetteer").mkdir(parents=True)
    (watch / "watch.yaml").write_text(_APP.WATCH, "utf-8")
    (watch / "arms.yaml").write_text(_APP.ARMS, "utf-8")
    (watch / "gazetteer" / "names.yaml").write_text(_APP.NAMES, "utf-8")
    first = [loopback.give(f"/{name}.xml", RSS.format(guid=name)) for name in "ab"]
    other = loopback.give("/c.xml", RSS.format(guid="c")).replace("127.0.0.1", "localhost")
    feeds = "".join(
        f'[[feeds]]\nurl = "{url}"\nid = "{name}"\n'
        for name, url in zip("abc", [*first, other], strict=True)
    )
    (tmp_path / "monitor.toml").write_text(
        f'watches = ["watch"]\n[database]\nurl = "{postgres_url}"\n'
        f'[fetch]\nhost_interval = "0s"\nallow_networks = ["127.0.0.0/8", "::1/128"]\n{feeds}',
        "utf-8",
    )
    app = App(settings.load(tmp_path / "monitor.toml"))
    yield app
    app.close()


def _jobs(app: App) -> dict[str, list[str]]:
    with app.store.db.read() as connection:
        found = connection.execute(text("SELECT args FROM procrastinate_jobs ORDER BY id"))
        return {row.args["host"]: sorted(row.args["feeds"]) for row in found}


def _work(app: App) -> None:
    app.finish(asyncio.wait_for(app.queue.work(until_empty=True), timeout=60))


def test_a_host_is_one_job_and_it_is_deferred_once(installation: App) -> None:
    now = datetime.now(UTC)
    assert installation.schedule(now) == 2
    assert _jobs(installation) == {"127.0.0.1": ["a", "b"], "localhost": ["c"]}
    assert installation.schedule(now) == 0


def test_a_worker_polls_stores_and_matches_what_was_deferred(installation: App) -> None:
    installation.schedule(datetime.now(UTC))
    _work(installation)
    assert installation.store.counts()["items"] == 3
    assert installation.store.counts()["hits"] == 3
    assert installation.queue.counts() == {}
    assert installation.schedule(datetime.now(UTC)) == 0, "nothing is due any more"


def test_a_host_that_asked_for_quiet_is_left_alone_by_all(installation: App, loopback: Any) -> None:
    for path in ("/a.xml", "/b.xml"):
        loopback.give(path, b"", status=429, Retry_After="600")
    installation.schedule(datetime.now(UTC))
    _work(installation)
    asked = len(loopback.requests)
    with installation.store.db.write() as connection:
        connection.execute(text("UPDATE feed SET next_due_at = now() - interval '1 s'"))
    installation.schedule(datetime.now(UTC))
    assert list(_jobs(installation)) == ["localhost"]
    _work(installation)
    assert len(loopback.requests) == asked + 1
    later = datetime.now(UTC) + timedelta(minutes=11)
    assert installation.store.host_waits(["127.0.0.1"], now=later) == {}


def test_a_poll_that_could_not_be_stored_is_due_again_and_leased_by_nobody(
    installation: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor.errors import StoreError

    class Away:
        """The database is away while the poll is stored and given back."""

        def __init__(self, store: Any) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            if name in ("batch", "release_feeds", "recognise"):
                raise StoreError("the database server cannot be reached")
            return getattr(self._store, name)

    line = installation.line
    from dataclasses import replace

    monkeypatch.setattr(
        type(installation), "line", property(lambda _: replace(line, store=Away(line.store)))
    )
    installation.finish(installation.poll_host("127.0.0.1", ["a", "b"]))
    monkeypatch.undo()
    assert installation.store.waiting_feeds(now=datetime.now(UTC), limit=9) == [
        ("c", installation.store.feeds()[2].feed.url)
    ]
    installation.finish(installation.poll_host("localhost", ["c"]))
    waiting = installation.store.waiting_feeds(now=datetime.now(UTC), limit=9)
    assert sorted(id for id, _ in waiting) == ["a", "b"]


def test_mail_that_waits_is_a_job_of_its_own(
    installation: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    installation.schedule(now)
    _work(installation)
    message = _message(now)
    installation.store.freeze(message)
    assert installation.schedule(now) == 1
    _work(installation)
    assert installation.store.outbox_counts() == {"sent": 1}
    assert installation.schedule(now) == 0


def _message(now: datetime) -> Any:
    from monitor.model import Outgoing

    return Outgoing(
        kind="test", subscription="s", recipient="r@example.org", slot="1",
        message_id="<1@monitor.example>", subject="s", created_at=now,
        body=b"From: m@example.org\r\nTo: r@example.org\r\nSubject: s\r\n\r\nText.\r\n",
    )  # fmt: skip


def test_doctor_and_measures_look_at_the_queue(installation: App) -> None:
    now = datetime.now(UTC)
    found: Callable[[], Any] = lambda: next(  # noqa: E731
        each for each in installation.doctor(now=now) if each.what == "workers"
    )
    assert found().ok
    installation.schedule(now)
    assert not found().ok
    assert "monitor run --only worker" in found().words
    measures = installation.measures(now=now)
    assert measures.queue == {("poll", "todo"): 2}
    assert measures.workers == 0
    assert measures.feeds
    assert measures.levels[("deals", "drones")]
    assert measures.database_bytes


# ── Leases ───────────────────────────────────────────────────────────────────────────────────────

ELSEWHERE = "another-machine:1/77/1/poll"


def test_the_feeds_of_a_worker_that_died_on_another_machine_are_free_after_its_short_lease(
    installation: App,
) -> None:
    died_at = datetime.now(UTC)
    installation.store.claim_due_feeds(now=died_at, holder=ELSEWHERE, lease=LEASE)
    for after, waiting in ((LEASE - SECOND, 0), (LEASE + SECOND, 3)):
        found = installation.store.waiting_feeds(now=died_at + after, limit=9)
        assert len(found) == waiting
    assert timedelta(minutes=1) <= LEASE <= timedelta(minutes=2)
    assert RENEWED * 3 <= LEASE, "two renewals may fail"


def test_a_lease_is_short_and_renewed_for_as_long_as_the_feed_is_polled(
    installation: App, loopback: Any
) -> None:
    """A slow outlet: while it thinks, the worker says twice that it lives."""
    began = datetime.now(UTC)
    until: list[datetime] = []

    def leased() -> datetime:
        with installation.store.db.read() as connection:
            query = text("SELECT lease_until_at FROM feed WHERE id = 'c'")
            return connection.execute(query).scalar_one()

    def slow(_headers: dict[str, str]) -> Any:
        until.append(leased())
        for minute in (1, 2):
            asyncio.run(installation.renew_leases(began + timedelta(minutes=minute)))
            until.append(leased())
        return loopback.answer(RSS.format(guid="c"))

    loopback.routes["/c.xml"] = slow
    installation.finish(installation.poll_host("localhost", ["c"]))
    assert until[0] - began < LEASE + timedelta(seconds=30)
    assert until[1:] == [began + timedelta(minutes=minute) + LEASE for minute in (1, 2)]
    assert leased() is None
    asyncio.run(installation.renew_leases(began))
    assert leased() is None, "what is done is not leased again"


def test_what_another_has_taken_over_is_not_renewed_and_not_stored(
    installation: App, loopback: Any
) -> None:
    """The worker was cut off for longer than its lease; another one polls the feed meanwhile."""
    later = datetime.now(UTC) + 2 * LEASE

    def slow(_headers: dict[str, str]) -> Any:
        installation.store.claim_due_feeds(now=later, holder=ELSEWHERE, feeds=["c"], lease=LEASE)
        asyncio.run(installation.renew_leases(later + 2 * LEASE))
        return loopback.answer(RSS.format(guid="c"))

    loopback.routes["/c.xml"] = slow
    installation.finish(installation.poll_host("localhost", ["c"]))
    assert installation.store.counts()["items"] == 0
    found = installation.store.claim_due_feeds(now=later, holder=ELSEWHERE, feeds=["c"])
    assert not found, "the other one holds it, until its own lease ends"
