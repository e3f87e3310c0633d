"""``monitor demo``: what a newcomer sees first."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from monitor.demo import sample_feeds

FEEDS = sample_feeds()


def test_the_sample_feeds_are_what_the_demo_needs() -> None:
    assert len(FEEDS) >= 8
    assert sum(len(feed.items) for feed in FEEDS) >= 150
    assert {feed.lang for feed in FEEDS} >= {"en", "ru", "fa", "ar"}
    assert any(feed.format == "truncated" for feed in FEEDS), "one is broken on purpose"
    titles = Counter(item.title for feed in FEEDS for item in feed.items)
    assert max(titles.values()) > 1, "some are syndicated copies"


@pytest.mark.slow
def test_the_demo_shows_hits_report_and_digest(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor import cli

    monkeypatch.setenv("MONITOR_DATABASE__URL", "sqlite:////nowhere/else.db")  # is not heeded
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    assert cli.run(["demo", "--exit", "--no-browser", "--folder", str(tmp_path)]) == 0
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert "Russia delivers first four Su-35 fighter jets to Iran" in out
    assert "1 of 12 feeds failed (one is broken on purpose)" in out
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<mark" in report
    (digest,) = (tmp_path / "outbox").glob("*.eml")
    assert str(digest) in out
    assert b"multipart" in digest.read_bytes()
    hits = _run(capfd, "hits", "--json", "--config", str(tmp_path / "monitor.toml"))
    assert {hit["lang"] for hit in hits} >= {"en", "ru", "fa", "ar"}


def _run(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    from monitor import cli

    assert cli.run(list(arguments)) == 0
    return json.loads(capfd.readouterr().out)
