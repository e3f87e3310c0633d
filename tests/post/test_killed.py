"""Killed at random moments between "due" and "sent", against a server that behaves at random.

No event is lost, none is mailed twice, except where nobody could know: the reply was lost, or the
process died between the acceptance and our note of it. MONITOR_TEST_KILLS=200 makes it the campaign.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

KILLS = int(os.environ.get("MONITOR_TEST_KILLS", "8"))
SEED = int(os.environ.get("MONITOR_TEST_SEED", "1"))
MAILER = Path(__file__).with_name("mailer.py")
START = datetime(2026, 11, 25, 7, 0, 30, tzinfo=UTC)
READERS = ("ana@example.org", "ben@example.org", "cem@example.org")

# How often the server does what. What it refuses fails, is shown, and goes out by hand in the end.
WEIGHTS = {
    "accept": 12,
    "defer": 2,
    "drop-before": 2,
    "drop-middle": 1,
    "drop-after": 2,
    "drop-unread": 1,
    "stall": 1,
    "refuse": 1,
}

TOML = """\
watches = ["watch"]

[database]
url = {url}

[mail]
url = "{mail}"
sender = "Monitor <monitor@example.org>"
timeout = "2s"

[[digests]]
name = "daily"
to = {readers}
schedule = "0 7 * * *"
max_events = 200
"""


@pytest.fixture
def mailers(installation: Any) -> Iterator[Any]:
    """``mailers(now, seconds)`` runs a mailer and kills it after so long; gives what became of it."""
    running: list[subprocess.Popen[str]] = []

    def run(now: datetime, seconds: float | None) -> tuple[str, float]:
        if not running:
            clean = {name: v for name, v in os.environ.items() if not name.startswith("MONITOR_")}
            running.append(
                subprocess.Popen(
                    [sys.executable, str(MAILER), str(installation.folder / "monitor.toml")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=clean,
                )
            )
            assert running[0].stdout is not None
            assert running[0].stdout.readline() == "ready\n"
        process = running[0]
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{now.isoformat()} {'never' if seconds is None else seconds}\n")
        process.stdin.flush()
        outcome, took = process.stdout.readline().split()
        return outcome, float(took)

    yield run
    for process in running:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


class Ledger:
    """What the server took upon itself, and when nobody could know that it had."""

    def __init__(self, office: Any) -> None:
        self.office = office
        self.unknown: Counter[str] = Counter()  # Message-ID → times that its sender could not know

    def note_kill(self, app: Any, taken_before: int) -> int:
        """After a kill: messages that were accepted with a reply and are not noted as sent.

        The server may have read them when their sender was dead already: it is let finish first.
        """
        assert self.office.idle.wait(30)
        sending = {each.message_id for each in app.store.outgoing(state="sending")}
        found = [
            each.id
            for each in self.office.accepted[taken_before:]
            if each.replied and each.id in sending
        ]
        self.unknown.update(found)
        return len(found)

    def copies(self) -> Counter[str]:
        return Counter(each.id for each in self.office.accepted)

    def may_be(self) -> Counter[str]:
        """How many copies of each message there may be."""
        lost = Counter(each.id for each in self.office.accepted if not each.replied)
        return Counter({id: 1 + lost[id] + self.unknown[id] for id in self.copies()})


@pytest.mark.slow
def test_killed_anywhere_between_due_and_sent(
    installation: Any, serve: Any, mailers: Any, record_property: Any
) -> None:
    chance = random.Random(SEED)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    office = serve(lambda: chance.choices(kinds, weights)[0])
    office.delay = lambda: chance.uniform(0, 0.1)  # a server thinks before it replies
    (installation.folder / "monitor.toml").write_text(
        TOML.format(
            url=json.dumps(installation.url), mail=office.url, readers=json.dumps(list(READERS))
        )
    )
    app = installation.app(START)
    ledger = Ledger(office)
    now, kills, in_doubt, numbers, by_hand = START, 0, 0, 0, 0
    typical = 1.0  # seconds that a mailer takes that is left alone
    while kills < KILLS:
        for _ in range(chance.randint(1, 3)):  # news, so that the next slot has something to tell
            numbers += 1
            installation.news(app, f"n{numbers:04d}", at=now - timedelta(minutes=1))
        for _ in range(chance.randint(1, 4)):  # the slot, and some times after it
            taken = len(office.accepted)
            alone = chance.random() < 0.05
            outcome, took = mailers(now, None if alone else chance.uniform(0, 1.05 * typical))
            assert outcome in ("done", "killed")
            if alone:
                typical = 0.7 * typical + 0.3 * took
            if outcome == "killed":
                kills += 1
                in_doubt += ledger.note_kill(app, taken)
            now += timedelta(minutes=chance.choice((1, 7, 40)))
        now = now.replace(hour=7, minute=0) + timedelta(days=1)

    office.behave = lambda: "accept"  # the storm is over: all that waits goes out
    for each in app.store.outgoing():  # refused, or in trouble for five days: by hand
        if each.state in ("failed", "possibly-sent") and each.next_try_at is None:
            by_hand += 1
            app.store.retry_outgoing(each.number, now=now)
    for _ in range(12):
        assert mailers(now, None)[0] == "done"
        now += timedelta(hours=13)

    messages = app.store.outgoing(kind="digest")
    assert {each.state for each in messages} == {"sent"}
    assert app.store.check() == []
    copies, may_be = ledger.copies(), ledger.may_be()
    assert {id: n for id, n in copies.items() if n > may_be[id]} == {}, "mailed twice"
    assert set(copies) == {each.message_id for each in messages}, "lost"
    for id in copies:
        assert len({each.raw for each in office.accepted if each.id == id}) == 1, (
            "not the same bytes"
        )
    wanted = {f"n{number:04d}" for number in range(1, numbers + 1)}
    for reader in READERS:
        told: Counter[str] = Counter()
        for raw in {each.id: each.raw for each in office.to(reader)}.values():
            told.update(set(lots(raw)))
        assert set(told) == wanted, "an event was lost"
        assert set(told.values()) == {1}, "an event is in two digests"
    shown = sum(each.error.startswith("possibly twice") for each in messages)
    doubled = sum(n - 1 for n in copies.values())
    assert all(each.error for each in messages if copies[each.message_id] > 1)
    figures = {
        "kills": kills,
        "seconds alone": round(typical, 2),
        "messages": len(messages),
        "events": numbers,
        "accepted": len(office.accepted),
        "in doubt by a kill": in_doubt,
        "refused or given up, sent by hand": by_hand,
        "replies lost": sum(not each.replied for each in office.accepted),
        "copies beyond one": doubled,
        "shown as possibly twice": shown,
        "behaviours": dict(Counter(office.seen)),
    }
    record_property("figures", json.dumps(figures))
    print(figures)


def lots(raw: bytes) -> list[str]:
    message = message_from_bytes(raw, policy=default)
    part = message.get_body(("plain",))
    assert part is not None
    return re.findall(r"lot\s+(n\d{4})", part.get_content())
