"""When an installation is unwell: reasons of ``status`` and ``/healthz``; what polls leave behind."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from monitor import config as settings
from monitor.app import App
from monitor.model import FeedState
from monitor.pipeline import _log_poll
from monitor.protocols import PollRecord

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TOML = """\
watches = []
[database]
url = "sqlite:///{folder}/m.db"
[[feeds]]
id = "wire"
url = "http://outlet.example/rss"
[[feeds]]
id = "rare"
url = "http://outlet.example/rare"
interval = "6h"
"""


@pytest.fixture
def app(tmp_path: Path, now: datetime) -> Iterator[App]:
    file = tmp_path / "monitor.toml"
    file.write_text(TOML.format(folder=tmp_path), encoding="utf-8")
    app = App(settings.load(file), now=now)
    with app.store.hold_run_lock("all", "monitor run", now=now):
        yield app
    app.close()


class Feeds(NamedTuple):
    """Minutes from now: when each was polled last and is due, and when polling came round last."""

    polled: tuple[int, int]
    due: tuple[int, int]
    beat: int
    said: str = ""


CASES = {
    "all is well": Feeds((-5, -60), (10, 300), -1),
    "only feeds that are asked every six hours": Feeds((-100, -120), (260, 240), -1),
    "a feed is late, others are polled": Feeds((-1, -400), (14, -40), -1),
    "a minute late": Feeds((-20, -361), (-5, -1), -1),
    "due and nobody polls": Feeds((-400, -400), (-385, -40), -1, "no feed was polled since"),
    "polling hangs": Feeds((-60, -60), (10, 300), -40, "polling has not come round since"),
    "polled in the future": Feeds((120, -5), (135, 355), -1, "the clock is behind"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_polling_that_stands_still_is_told_and_rare_polls_are_not(
    app: App, now: datetime, case: Feeds
) -> None:
    for feed, polled, due in zip(("wire", "rare"), case.polled, case.due, strict=True):
        state = FeedState(
            health="ok",
            polls=3,
            last_polled_at=now + polled * MINUTE,
            next_due_at=now + due * MINUTE,
        )
        app.store.set_feed_state(feed, state)
    app.store.beat("poll", now + case.beat * MINUTE, {})
    found = app.reasons(now=now)
    assert len(found) == bool(case.said), found
    assert case.said in "".join(found)


def test_a_clock_that_was_moved_is_told_for_an_hour(app: App, now: datetime) -> None:
    app._note_jump(-7200.4)
    (reason,) = app.reasons(now=now + 30 * MINUTE)
    assert reason.startswith("the clock was moved by -7200 s")
    assert app.reasons(now=now + HOUR) == ()


def test_a_disk_that_fills_is_told(
    app: App, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(app.config.root)._replace(free=400_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: free)
    (reason,) = app.reasons(now=now)
    assert "make room" in reason
    assert not app.status(now=now).ok


def test_what_polls_brought_is_measured(app: App, now: datetime) -> None:
    record = PollRecord(
        feed="wire",
        at=now - 5 * MINUTE,
        outcome="ok",
        wire_bytes=700,
        seconds=0.5,
        new=3,
        dropped=1,
    )
    failed = PollRecord(feed="rare", at=now - 2 * HOUR, outcome="failed", kind="dns", seconds=9.0)
    state = FeedState(health="ok", polls=1, last_polled_at=now, next_due_at=now - 2 * MINUTE)
    with app.store.batch(now=now) as batch:
        batch.finish_poll(record, state)
        batch.finish_poll(failed, state)
    found = app.measures(now=now)
    assert (found.polls, found.polled_bytes) == ({"good": 1, "failed": 1}, 700)
    assert (found.items["new"], found.items["dropped"]) == (3, 1)
    assert (found.recent_polls, tuple(found.poll_seconds)) == ({("ok", ""): 1}, (0.5,))
    assert found.waits == {"feeds": 120.0, "mail": 0.0, "jobs": 0.0}


LINES: list[tuple[str, dict[str, Any], int, dict[str, Any]]] = [
    ("with news", {"outcome": "ok", "new": 3}, logging.INFO, {"new": 3, "host": "outlet.example"}),
    ("unchanged", {"outcome": "not-modified"}, logging.DEBUG, {"feed": "wire"}),
    ("failed", {"outcome": "failed", "kind": "dns", "message": "no such host"}, logging.INFO,
     {"kind": "dns", "problem": "no such host", "host": "outlet.example"}),
]  # fmt: skip


@pytest.mark.parametrize("case", LINES, ids=[case[0] for case in LINES])
def test_each_poll_is_one_line_of_the_log(
    app: App, now: datetime, case: tuple[str, dict[str, Any], int, dict[str, Any]]
) -> None:
    from structlog.testing import capture_logs

    _, given, level, expected = case
    feed = next(each.feed for each in app.store.feeds() if each.feed.id == "wire")
    with capture_logs() as lines:
        _log_poll(feed, PollRecord(feed="wire", at=now, **given))
    (line,) = lines
    assert line["event"] == "poll"
    assert line["log_level"] == logging.getLevelName(level).lower()
    assert expected.items() <= line.items()
