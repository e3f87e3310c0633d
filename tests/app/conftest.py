"""An installation in a folder, driven by the command line as its users drive it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from monitor import cli

WATCH = """\
id: deals
title: Drones and deals
question: Do they deal?
source: A paper
hypotheses:
  - id: H1
    title: They do
  - id: H2
    title: They do not
groups:
  arms: Arms
"""

ARMS = """\
group: arms
indicators:
  - id: drones
    title: Drones for Russia
    paper: {section: Introduction}
    counts: Iran gives Russia drones.
    does_not_count: Drones that fly.
    ach: {H1: "++", H2: "-"}
    thresholds: {window: 30d, low: 0.5, elevated: 1, high: 3, very_high: 6}
    queries:
      - name: given
        query: |
          @iran AND @russia AND @drone
    examples:
      positive:
        - {lang: en, title: Iran sends drones to Russia}
        - {lang: ru, title: Иран передал России беспилотники}
      near_misses:
        - {lang: en, title: Iran shows a drone in a museum, why: not Russia}
  - id: visits
    title: Visits
    paper: {section: Introduction}
    counts: They meet.
    does_not_count: They telephone.
    ach: {H1: "+", H2: "-"}
    thresholds: {window: 30d, low: 0.5, elevated: 2, high: 4, very_high: 8}
    queries:
      - name: meets
        query: |
          @iran AND @russia AND visit*
    examples:
      positive:
        - {lang: en, title: Minister of Iran visits Russia}
      near_misses:
        - {lang: en, title: Minister of Iran visits Oman, why: not Russia}
"""

NAMES = """\
concepts:
  - {id: iran, kind: state, forms: {en: [Iran, Tehran], ru: [Иран*], fa: [ایران]}}
  - {id: russia, kind: state, forms: {en: [Russia, Moscow], ru: [Росси*], fa: [روسیه]}}
  - {id: drone, kind: weapon, forms: {en: [drone*], ru: [беспилотник*], fa: [پهپاد*]}}
"""

TOML = """\
watches = ["watch"]
templates = "own-templates"

[database]
url = "{database}"

[fetch]
host_interval = "0s"
per_host = 16
timeout = "5s"
allow_networks = ["127.0.0.1/32"]

[mail]
url = "{mail}"
sender = "Monitor <monitor@example.org>"
timeout = "10s"

[[digests]]
name = "daily"
to = ["analyst@example.org"]
schedule = "0 6 * * *"
timezone = "UTC"
"""


@dataclass
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Installation:
    """A folder with monitor.toml and a small watch."""

    folder: Path
    capture: Any
    mail: str = "file:outbox/"
    database: str = "sqlite:///db/monitor.db"
    more: str = ""
    feeds: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "monitor.toml"

    def write(self) -> None:
        watch = self.folder / "watch"
        (watch / "gazetteer").mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("watch.yaml", WATCH),
            ("arms.yaml", ARMS),
            ("gazetteer/names.yaml", NAMES),
        ):
            if not (watch / name).exists():
                (watch / name).write_text(text, encoding="utf-8")
        text = TOML.format(mail=self.mail, database=self.database) + self.more
        for number, url in enumerate(self.feeds):
            text += f'\n[[feeds]]\nurl = "{url}"\nid = "feed{number}"\nname = "Outlet {number}"\n'
        self.config.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, now: datetime | None = None) -> Done:
        """One command, as typed; ``--config`` and ``--now`` are added."""
        clock = ["--now", now.isoformat()] if now else []
        self.capture.readouterr()
        code = cli.run([*arguments, "--config", str(self.config), *clock])
        out, err = self.capture.readouterr()
        assert "Traceback" not in out + err
        return Done(code, out, err)


@pytest.fixture
def installation(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Installation:
    import os

    for name in list(os.environ):
        if name.startswith("MONITOR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    made = Installation(tmp_path, capfd)
    made.write()
    return made


Rss = Callable[..., str]


@pytest.fixture
def rss(now: datetime) -> Rss:
    """``rss(("guid", "title", "summary"), …)``: a feed, each item an hour older than the one before."""

    def make(*rows: tuple[str, str, str], title: str = "Outlet") -> str:
        items = "".join(
            f"<item><guid isPermaLink='false'>{escape(guid)}</guid><title>{escape(head)}</title>"
            f"<link>https://outlet.example/{escape(guid)}</link>"
            f"<pubDate>{format_datetime(now - timedelta(hours=number + 1))}</pubDate>"
            f"<description>{escape(text)}</description></item>"
            for number, (guid, head, text) in enumerate(rows)
        )
        return (
            f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>"
            f"<title>{escape(title)}</title><link>https://outlet.example/</link>"
            f"<description>News</description>{items}</channel></rss>"
        )

    return make
