"""``poll`` from a crontab, ``outbox``, ``mail test`` and ``subscriptions``, as typed."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.store import open_store

HOUR = timedelta(hours=1)
OLD = (("1", "Weather in Oslo", "Rain."),)
NEWS = tuple(
    (name, f"Iran sends {name} drones to Russia", f"They went to the depot at {name}.")
    for name in ("forty", "ninety", "thousand")
)

TOLD = """
[[alerts]]
to = ["duty@example.org"]
min_level = "low"

[operator]
to = ["ops@example.org"]
heartbeat_url = "{beat}"
"""


def mails(installation: Any, to: str) -> list[email.message.Message]:
    files = sorted((installation.folder / "outbox").glob(f"*{to}*.eml"))
    return [email.message_from_bytes(file.read_bytes()) for file in files]


def beats(loopback: Any) -> int:
    return sum(path == "/beat" for _, path, _ in loopback.requests)


@contextmanager
def a_service_runs(installation: Any, now: datetime) -> Iterator[None]:
    url = f"sqlite:///{installation.folder / 'db' / 'monitor.db'}"
    migrations = Path(__file__).parents[2] / "db" / "migrations"
    store = open_store(url, migrations=migrations, migrate=False)
    try:
        with store.hold_run_lock("all", "run", now=now):
            yield
    finally:
        store.close()


@pytest.fixture
def crontab(installation: Any, loopback: Any, rss: Any, now: datetime) -> Any:
    """An installation that only ``poll`` is called of, past its first poll; news is waiting."""
    beat = loopback.give("/beat", "ok")
    installation.more = TOLD.format(beat=beat)
    installation.feeds = [loopback.give("/a.xml", rss(*OLD))]
    installation.write()
    assert installation.run("poll", now=now).code == 0
    assert beats(loopback) == 1
    loopback.give("/a.xml", rss(*NEWS, *OLD))
    return installation


class TestPollFromACrontab:
    def test_a_level_that_rises_alerts_at_once_and_once(
        self, crontab: Any, loopback: Any, now: datetime
    ) -> None:
        done = crontab.run("poll", now=now + HOUR)
        assert done.code == 0, done.err
        assert "1 sent" in done.err
        [alert] = mails(crontab, "duty@")
        assert "rose to" in str(alert["Subject"])
        crontab.run("poll", "--all", now=now + 2 * HOUR)
        assert len(mails(crontab, "duty@")) == 1

    def test_the_watchdog_is_called_after_each_good_cycle(
        self, crontab: Any, loopback: Any, now: datetime
    ) -> None:
        crontab.run("poll", now=now + HOUR)
        assert beats(loopback) == 2
        crontab.run("poll", now=now + HOUR)  # nothing is due, no cycle
        assert beats(loopback) == 2
        loopback.give("/a.xml", "gone", status=500)
        crontab.run("poll", "--all", now=now + 2 * HOUR)
        assert beats(loopback) == 2

    def test_the_operator_hears_of_a_dead_feed_once_and_when_it_lives(
        self, crontab: Any, loopback: Any, rss: Any, now: datetime
    ) -> None:
        loopback.give("/a.xml", "gone", status=500)
        for hours in (1, 2, 8):
            crontab.run("poll", "--all", now=now + hours * HOUR)
        assert mails(crontab, "ops@") == []
        for hours in (25, 27, 30):
            crontab.run("poll", "--all", now=now + hours * HOUR)
        [told] = mails(crontab, "ops@")
        assert "fails" in str(told["Subject"])
        loopback.give("/a.xml", rss(*OLD))
        crontab.run("poll", "--all", now=now + 31 * HOUR)
        assert sum("mended" in str(each["Subject"]) for each in mails(crontab, "ops@")) == 1

    def test_all_of_it_is_left_to_a_service_that_runs(
        self, crontab: Any, loopback: Any, now: datetime
    ) -> None:
        with a_service_runs(crontab, now):
            assert crontab.run("poll", now=now + HOUR).code == 0
        assert (mails(crontab, "duty@"), beats(loopback)) == ([], 1)
        crontab.run("poll", now=now + HOUR)  # it has ended: what it left undone is done
        assert (len(mails(crontab, "duty@")), beats(loopback)) == (1, 2)

    def test_an_alert_that_cannot_be_delivered_is_said_and_waits(
        self, crontab: Any, now: datetime
    ) -> None:
        crontab.mail = "smtp://127.0.0.1:9"
        crontab.write()
        done = crontab.run("poll", "--json", now=now + HOUR)
        assert done.code == 3
        assert done.json["hits"] == 3
        assert "message 1 to duty@example.org" in done.err

    def test_a_watchdog_that_does_not_answer_is_said_and_costs_no_news(
        self, crontab: Any, loopback: Any, now: datetime
    ) -> None:
        loopback.give("/beat", "no", status=500)
        done = crontab.run("poll", "--json", now=now + HOUR)
        assert done.code == 3
        assert "the heartbeat was not taken: answered 500" in done.err
        assert done.json["hits"] == 3


class TestOutbox:
    @pytest.fixture
    def refused(self, installation: Any, now: datetime) -> Any:
        """One digest waits: nobody listens where the mail server should be."""
        installation.mail = "smtp://127.0.0.1:9"
        installation.write()
        installation.feeds = ["http://127.0.0.1:9/a.xml"]
        installation.write()
        installation.run("poll", now=now - 24 * HOUR)
        done = installation.run("digest", now=now)
        assert done.code == 3
        assert "0 sent, 1 to be tried again" in done.err
        return installation

    def test_list(self, refused: Any, now: datetime) -> None:
        [row] = refused.run("outbox", "list", "--json", now=now).json
        assert (row["number"], row["state"], row["attempts"]) == (1, "waiting", 1)
        assert row["recipient"] == "analyst@example.org"
        assert row["next_try_at"] == "2026-11-25T06:01:00Z"
        table = refused.run("outbox", "list", now=now).out
        assert re.search(r"1\s+waiting\s+1\s+2026-11-25T06:00\s+analyst@example.org", table)

    def test_show_prints_the_frozen_bytes(self, refused: Any, now: datetime) -> None:
        [row] = refused.run("outbox", "list", "--json", now=now).json
        shown = email.message_from_string(refused.run("outbox", "show", "1", now=now).out)
        assert shown["Message-ID"] == row["message_id"]
        assert shown["To"] == "analyst@example.org"

    def test_retry_sends_the_same_bytes(self, refused: Any, now: datetime) -> None:
        shown = refused.run("outbox", "show", "1", now=now).out
        still = refused.run("outbox", "retry", "1", now=now)
        assert still.code == 3
        assert "0 sent, 1 to be tried again" in still.err
        refused.mail = "file:outbox/"
        refused.write()
        done = refused.run("outbox", "retry", "1", now=now)
        assert (done.code, done.err.splitlines()[0]) == (
            0,
            "1 sent, 0 to be tried again, 0 failed",
        )
        [file] = (refused.folder / "outbox").glob("*.eml")
        assert file.read_bytes().decode().split() == shown.split()
        assert [row["state"] for row in refused.run("outbox", "list", "--json").json] == ["sent"]

    @pytest.mark.parametrize("command", ["show", "retry"])
    def test_a_number_that_is_none(self, refused: Any, command: str, now: datetime) -> None:
        done = refused.run("outbox", command, "99", now=now)
        assert done.code == 2
        assert "message 99" in done.err

    def test_what_was_sent_is_not_sent_again_by_hand(self, refused: Any, now: datetime) -> None:
        refused.mail = "file:outbox/"
        refused.write()
        refused.run("outbox", "retry", "1", now=now)
        done = refused.run("outbox", "retry", "1", now=now)
        assert done.code == 1
        assert "not waiting or failed" in done.err


class TestMailTest:
    def test_into_a_folder(self, installation: Any, now: datetime) -> None:
        done = installation.run("mail", "test", "ops@example.org", now=now)
        assert done.code == 0
        assert "written to " in done.err
        assert len(mails(installation, "ops@")) == 1

    def test_through_a_server(self, installation: Any, smtp_server: Any, now: datetime) -> None:
        installation.mail = smtp_server.url
        installation.write()
        done = installation.run("mail", "test", "ops@example.org", now=now)
        assert (done.code, "accepted by 127.0.0.1:" in done.err) == (0, True)
        assert len(smtp_server.messages) == 1

    def test_nobody_listens(self, installation: Any, now: datetime) -> None:
        installation.mail = "smtp://127.0.0.1:9"
        installation.write()
        done = installation.run("mail", "test", "ops@example.org", now=now)
        assert done.code == 3
        assert "127.0.0.1:9" in done.err

    def test_no_address(self, installation: Any, now: datetime) -> None:
        done = installation.run("mail", "test", "nobody", now=now)
        assert (done.code, "is not a mail address" in done.err) == (2, True)


class TestSubscriptions:
    def states(self, installation: Any, now: datetime) -> list[str]:
        found = installation.run("subscriptions", "list", "--json", now=now).json
        return [row["state"] for row in found]

    def test_who_ended_one_can_come_back(
        self, installation: Any, loopback: Any, rss: Any, now: datetime
    ) -> None:
        installation.feeds = [loopback.give("/a.xml", rss(*NEWS))]
        installation.write()
        installation.run("poll", now=now - HOUR)
        who = ("daily", "analyst@example.org")
        assert self.states(installation, now) == ["sent"]
        done = installation.run("subscriptions", "stop", *who, now=now)
        assert (done.code, done.err.strip()) == (
            0,
            "analyst@example.org gets the digest daily no more",
        )
        assert self.states(installation, now) == ["stopped"]
        assert "1 unsubscribed, see: monitor subscriptions list" in (
            installation.run("doctor", now=now).err
        )
        assert "nothing is due" in installation.run("digest", now=now).err

        done = installation.run("subscriptions", "resume", "daily", "Analyst@Example.org", now=now)
        assert "gets the digest daily, next at 2026-11-26T06:00:00Z" in done.err
        assert self.states(installation, now) == ["sent"]
        assert "nothing is due" in installation.run("digest", now=now).err

        # what came before, and was never told, is told no more
        assert "1 sent" in installation.run("digest", now=now + 24 * HOUR).err
        [digest] = mails(installation, "analyst@")
        assert "nothing new" in str(digest["Subject"])

    def test_the_table_tells_who_is_sent_what(self, installation: Any, now: datetime) -> None:
        table = installation.run("subscriptions", "list", now=now).out
        assert re.search(r"daily\s+analyst@example.org\s+sent\s+-\s+2026-11-26T06:00", table)

    @pytest.mark.parametrize("command", ["stop", "resume"])
    def test_a_reader_that_is_none(self, installation: Any, command: str, now: datetime) -> None:
        done = installation.run("subscriptions", command, "daily", "ben@example.org", now=now)
        assert done.code == 2
        assert "daily analyst@example.org" in done.err


MISTAKES = {
    "an indicator that there is not": (
        '[[alerts]]\nto = ["a@example.org"]\nindicators = ["dornes"]\n',
        "indicators",
        "no indicator or group 'dornes'; did you mean 'drones'?",
    ),
    "mail into what is a file": (
        "",
        'url = "file:taken"',
        "taken is a file; mail goes into a folder",
    ),
}


@pytest.mark.parametrize(("more", "place", "message"), MISTAKES.values(), ids=MISTAKES)
def test_check_names_the_line_of(installation: Any, more: str, place: str, message: str) -> None:
    (installation.folder / "taken").write_text("a file")
    installation.more = more
    installation.mail = "file:outbox/" if more else "file:taken"
    installation.write()
    lines = installation.config.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, start=1) if text.startswith(place))
    done = installation.run("check", "--json")
    assert done.code == 2
    [problem] = [each for each in done.json["problems"] if message in each["message"]]
    assert (problem["line"], problem["column"]) == (line, 1)


def test_a_watch_and_what_is_in_it_can_be_named(installation: Any) -> None:
    names = '["deals", "deals/drones", "deals/arms", "arms", "*"]'
    installation.more = f'[[alerts]]\nto = ["a@example.org"]\nindicators = {names}\n'
    installation.write()
    assert "no indicator" not in installation.run("check").err
