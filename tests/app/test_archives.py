"""A long archive on all cores: the same as by one process, and never twice."""

from __future__ import annotations

import json
import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import config as settings
from monitor.app import App, archives, spreading
from monitor.errors import StoreError

ROWS = 300
PIECE = 40


def _line(number: int) -> str:
    row = {
        "id": f"a{number}",
        "title": f"Iran sends drones to Russia, lot {number}" if number % 10 == 0 else f"Rain {number}",
        "summary": "",
        "link": f"https://archive.example/{number}",
        "feed": "archive",
        "lang": "en",
        "published_at": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)).isoformat(),
    }  # fmt: skip
    return json.dumps(row)


@pytest.fixture
def archive(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 items, one in ten a hit, in pieces of 40 lines; line 101 is no item."""
    monkeypatch.setattr(spreading, "LARGE", 0)
    monkeypatch.setattr(spreading, "CORES", 2)
    monkeypatch.setattr(archives, "LINES_A_PIECE", PIECE)
    lines = [_line(number) for number in range(ROWS)]
    lines.insert(100, "no item")
    file: Path = installation.folder / "archive.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _import(file: Path, now: datetime, *, tell: Any = lambda _: None) -> Any:
    app = App(settings.load(file.parent / "monitor.toml"), now=now, tell=tell)
    try:
        return app.import_files([file], now=now, seen_at="published")
    finally:
        app.close()


def _stored(file: Path, now: datetime) -> tuple[int, int, list[str]]:
    app = App(settings.load(file.parent / "monitor.toml"), now=now)
    counts, problems = app.store.counts(), list(app.store.check())
    app.close()
    return counts["items"], counts["hits"], problems


def test_all_lines_come_in_as_by_one_process_and_those_that_are_none_are_told_by_their_number(
    archive: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hits() -> list[Any]:
        app = App(settings.load(archive.parent / "monitor.toml"), now=now)
        found = [(hit.item, hit.hit, hit.stored_at) for hit in app.store.hits()]
        app.close()
        return found

    told: list[str] = []
    done = _import(archive, now, tell=told.append)
    assert (done.new, done.hits, done.dropped) == (ROWS, ROWS // 10, 1)
    assert [line.split(": ")[0] for line in told] == [f"{archive}:101"]
    assert _stored(archive, now) == (ROWS, ROWS // 10, [])
    by_all = hits()
    monkeypatch.setattr(spreading, "CORES", 1)
    again = _import(archive, now)
    assert (again.new, again.duplicate) == (0, ROWS)
    (archive.parent / "db" / "monitor.db").unlink()
    _import(archive, now)
    assert by_all == hits()


def test_broken_off_it_goes_on_where_it_was(
    archive: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_items, calls = archives.store_items, iter(range(100))

    def full(*arguments: Any, **more: Any) -> None:
        if next(calls) == 4:
            raise StoreError("the disk is full")
        store_items(*arguments, **more)

    monkeypatch.setattr(archives, "store_items", full)
    with pytest.raises(StoreError, match="disk is full"):
        _import(archive, now)
    assert _stored(archive, now) == (4 * PIECE - 1, 16, [])
    stat = archive.stat()
    with archive.open("r+b") as file:  # what was taken in is not read again
        file.write(b"x" * 50)
    os.utime(archive, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    done = _import(archive, now)
    assert (done.new, done.hits, done.dropped) == (ROWS, ROWS // 10, 1)
    assert _stored(archive, now) == (ROWS, ROWS // 10, [])


def test_a_process_that_dies_is_one_clear_error_and_costs_nothing(
    archive: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(_problem: str) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    archive.write_text("no item\n" + archive.read_text("utf-8"), encoding="utf-8")
    with pytest.raises(StoreError, match="has died"):
        _import(archive, now, tell=kill)
    monkeypatch.setattr(spreading, "CORES", 1)
    done = _import(archive, now)
    assert (done.new + done.duplicate, done.dropped) == (ROWS, 2)
    assert _stored(archive, now) == (ROWS, ROWS // 10, [])
