"""Every mistake is one clear message that names the place and what to do, and loses nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event


@dataclass(frozen=True)
class Mistake:
    """What is spoilt, which command meets it, and what it must say."""

    spoil: Callable[[Path], object]
    command: tuple[str, ...]
    code: int
    says: tuple[str, ...]


def _toml(old: str, new: str) -> Callable[[Path], object]:
    return _in("monitor.toml", old, new)


def _in(name: str, old: str, new: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def _more(text: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        path = folder / "monitor.toml"
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return spoil


def _twice(folder: Path) -> None:
    text = (folder / "watch" / "arms.yaml").read_text(encoding="utf-8")
    (folder / "watch" / "more.yaml").write_text(text, encoding="utf-8")


def _broken_template(folder: Path) -> None:
    (folder / "own-templates" / "email").mkdir(parents=True)
    (folder / "own-templates" / "email" / "digest.html").write_text("<p>\n{{ nonsense.x }}</p>")


def _own_template(name: str, text: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        file = folder / "own-templates" / name
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")

    return spoil


def _feed_file(folder: Path) -> None:
    (folder / "mine.opml").write_text("<opml version='2.0'><body/></opml>", encoding="utf-8")
    _toml("[mail]", '[feed_files]\npaths = ["mine.opml"]\n\n[mail]')(folder)


def _unreadable(folder: Path) -> None:
    (folder / "monitor.toml").write_bytes(b"\xff\xfe\x00")


MISTAKES = {
    "a configuration that is no TOML": Mistake(
        _toml('watches = ["watch"]', "watches = [watch"), ("check",), 2, ("monitor.toml:1", "^")
    ),
    "a configuration that is no text": Mistake(_unreadable, ("check",), 2, ("monitor.toml",)),
    "an unknown key": Mistake(
        _toml('timeout = "5s"', 'time_out = "5s"'),
        ("check",),
        2,
        ("monitor.toml:", "time_out", "timeout"),
    ),
    "a wrong time zone": Mistake(
        _toml('"UTC"', '"Europe/Brusels"'), ("poll",), 2, ("monitor.toml:", "Europe/Brussels")
    ),
    "a wrong cron line": Mistake(
        _toml('"0 6 * * *"', '"61 6 * * *"'), ("digest",), 2, ("monitor.toml:", "cron")
    ),
    "a duplicate indicator id": Mistake(_twice, ("check",), 2, ("drones", ".yaml:", "^")),
    "an unknown @name": Mistake(
        _in("watch/arms.yaml", "@iran AND @russia AND @drone", "@iran AND @rusia AND @drone"),
        ("check",),
        2,
        ("arms.yaml:", "@rusia", "@russia", "^"),
    ),
    "a query that does not parse": Mistake(
        _in("watch/arms.yaml", "@iran AND @russia AND @drone", "@iran AND (@russia"),
        ("poll",),
        2,
        ("arms.yaml:", "^"),
    ),
    "a query that matches everything": Mistake(
        _in("watch/arms.yaml", "@iran AND @russia AND @drone", "NOT @iran"),
        ("check",),
        2,
        ("arms.yaml:", "everything"),
    ),
    "a watch that is not there": Mistake(
        _toml('["watch"]', '["wach"]'), ("poll",), 2, ("wach", "monitor.toml")
    ),
    "a broken template of one's own": Mistake(
        _broken_template, ("check",), 2, ("digest.html:2", "nonsense")
    ),
    "a database URL of an unknown kind": Mistake(
        _toml("sqlite:///db/monitor.db", "mysql://root@localhost/x"),
        ("hits",),
        2,
        ("monitor.toml:", "sqlite:///"),
    ),
    "a PostgreSQL that is not there": Mistake(
        _toml("sqlite:///db/monitor.db", "postgresql+psycopg://nobody@127.0.0.1:1/x"),
        ("hits",),
        1,
        ("127.0.0.1", "connect"),
    ),
    "a digest for an unknown indicator": Mistake(
        _more('indicators = ["dronse"]\n'), ("check",), 2, ("dronse", "drones")
    ),
    "a digest for an unknown indicator, when it is sent": Mistake(
        _more('indicators = ["dronse"]\n'), ("digest",), 2, ("dronse", "drones")
    ),
    "a report template of one's own that does not parse": Mistake(
        _own_template("report/report.html", "<p>\n{% if %}</p>"), ("check",), 2, ("report.html:2",)
    ),
    "a page template of one's own that includes what is not there": Mistake(
        _own_template("pages/board.html", "{% include 'pages/nothing.html' %}"),
        ("check",),
        2,
        ("nothing.html",),
    ),
    "a feed file that is no OPML": Mistake(
        _feed_file, ("feeds", "list"), 2, ("mine.opml", "no feed")
    ),
    "a demo where nobody can listen": Mistake(
        lambda folder: None, ("demo", "--bind", "127.0.0.1:1x"), 2, ("--bind",)
    ),
    "a state of feeds that there is not": Mistake(
        lambda folder: None, ("feeds", "list", "--state", "bogus"), 2, ("bogus", "failing")
    ),
    "a labelled item without labels": Mistake(
        lambda folder: (folder / "x.jsonl").write_text('{"title": "Rain"}'),
        ("evaluate", "x.jsonl"),
        2,
        ("x.jsonl", "line 1", "labels"),
    ),
    "a database that is a text file": Mistake(
        lambda folder: (
            (folder / "db").mkdir(),
            (folder / "db" / "monitor.db").write_text("x" * 5000),
        ),
        ("hits",),
        1,
        ("monitor.db",),
    ),
    "an unknown command line option": Mistake(lambda folder: None, ("poll", "--al"), 2, ("--al",)),
    "an indicator that is not there": Mistake(
        lambda folder: None, ("hits", "--indicator", "dronse"), 2, ("dronse", "drones")
    ),
    "a time that is none": Mistake(
        lambda folder: None, ("hits", "--since", "soon"), 2, ("soon", "2022-10-01")
    ),
    "a file to import that is not there": Mistake(
        lambda folder: None, ("import", "nothing.jsonl"), 2, ("nothing.jsonl",)
    ),
    "an OPML that is none": Mistake(
        lambda folder: (folder / "x.opml").write_text("hello"),
        ("feeds", "import", "x.opml"),
        2,
        ("x.opml",),
    ),
    "a feed address without a scheme": Mistake(
        lambda folder: None, ("feeds", "add", "example.org/rss"), 2, ("http://",)
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_where_it_is(name: str, installation: Any, now: datetime) -> None:
    mistake = MISTAKES[name]
    mistake.spoil(installation.folder)
    done = installation.run(*mistake.command, now=now)
    assert done.code == mistake.code, done.err
    for words in mistake.says:
        assert words in done.err, f"{words!r} is not in:\n{done.err}"


@pytest.mark.parametrize("command", ["hits", "status", "db check", "outbox list"])
def test_a_mistake_in_a_feed_file_keeps_nobody_from_looking(
    command: str, installation: Any, now: datetime
) -> None:
    _feed_file(installation.folder)
    assert installation.run(*command.split(), now=now).code in (0, 1)
    assert installation.run("poll", now=now).code == 2


def test_a_badly_edited_watch_is_a_reason_in_the_status(installation: Any, now: datetime) -> None:
    _in("watch/arms.yaml", "@drone", "@dron")(installation.folder)
    done = installation.run("status", "--json", now=now)
    assert done.code == 1
    assert any("@dron" in reason for reason in done.json["reasons"])


def test_a_mail_server_that_refuses_loses_nothing(
    installation: Any, smtp_server: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    smtp_server.refuse["analyst@example.org"] = "550 no such user"
    installation.mail = smtp_server.url
    installation.feeds = [loopback.give("/a.xml", rss(("1", "Iran sends drones to Russia", "")))]
    installation.write()
    installation.run("poll", now=now)
    done = installation.run("digest", now=now)
    assert done.code == 3
    assert "no such user" in done.err
    rows = installation.run("outbox", "list", "--json", now=now).json
    assert [row["state"] for row in rows] == ["failed"]
    assert "no such user" in rows[0]["error"]


def test_no_mail_server_at_all_is_named(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    installation.mail = "smtp://127.0.0.1:1"
    installation.feeds = [loopback.give("/a.xml", rss(("1", "Iran sends drones to Russia", "")))]
    installation.write()
    installation.run("poll", now=now)
    done = installation.run("digest", now=now)
    assert done.code == 3
    assert "127.0.0.1:1" in done.err
    (row,) = installation.run("outbox", "list", "--json", now=now).json
    assert row["state"] == "waiting"


def test_a_full_disk_is_one_message_and_the_poll_is_repeated(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    """SQLite's own page limit stands for the full disk: the same error from the same place."""
    rows = [(str(n), f"Iran sends drones to Russia, {n}", "x " * 4000) for n in range(40)]
    installation.feeds = [loopback.give("/a.xml", rss(*rows))]
    installation.write()
    installation.run("hits", now=now)
    file = installation.folder / "db" / "monitor.db"
    with closing(sqlite3.connect(file)) as reading:
        pages = reading.execute("PRAGMA page_count").fetchone()[0]

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 10}")

    event.listen(Engine, "connect", limit)
    try:
        done = installation.run("poll", now=now)
    finally:
        event.remove(Engine, "connect", limit)
    assert done.code == 1
    assert "full" in done.err
    again = installation.run("poll", "--all", "--json", now=now)
    assert again.json["items"]["new"] == 40
