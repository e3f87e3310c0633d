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

_FILE = Path(__file__).parents[1] / "app" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("monitor_app_fixtures_of_jobs", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
_APP = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _APP
_SPEC.loader.exec_module(_APP)

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
