"""The whole line on a real PostgreSQL, through the commands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

NEWS = (
    ("1", "Iran sends drones to Russia", "Two hundred of them."),
    ("2", "Иран передал России беспилотники", "Источник."),
    ("3", "Weather in Oslo", "Rain."),
)


def test_feeds_hits_digest_and_report_on_postgresql(
    installation: Any,
    empty_postgres_url: str,
    loopback: Any,
    rss: Any,
    smtp_server: Any,
    now: datetime,
) -> None:
    installation.database = empty_postgres_url
    installation.mail = smtp_server.url
    installation.feeds = [loopback.give("/a.xml", rss(*NEWS), ETag='"1"')]
    installation.write()
    before = installation.run("hits", now=now)
    assert before.code == 1
    assert "monitor db upgrade" in before.err, "PostgreSQL is never migrated in passing"
    assert installation.run("db", "upgrade", now=now).code == 0
    early = now - timedelta(hours=2)
    assert installation.run("poll", "--json", now=early).json["hits"] == 2
    again = installation.run("poll", "--all", "--json", now=early + timedelta(hours=1)).json
    assert again["feeds"]["not_modified"] == 1
    assert installation.run("digest", now=now).code == 0
    assert installation.run("digest", now=now + timedelta(minutes=1)).code == 0
    assert len(smtp_server.messages) == 1
    assert installation.run("report", "-o", "out.html", now=now).code == 0
    assert "Iran" in (installation.folder / "out.html").read_text(encoding="utf-8")
    assert installation.run("db", "check", now=now).code == 0
    (watch,) = installation.run("board", "--json", now=now).json["watches"]
    assert next(each for each in watch["indicators"] if each["id"] == "drones")["events"] >= 1
