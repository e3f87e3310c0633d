"""Killed at random moments and started again: the same hits, no hit unmailed, none mailed twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.model import Outgoing
from monitor.store import open_store

STEPS = 10
KILLS = int(os.environ.get("KILLS", "6"))
STEPPER = Path(__file__).with_name("stepper.py")


@pytest.fixture
def growing(loopback: Any, rss: Any) -> Callable[[Path], list[str]]:
    """Two feeds that grow by four items an hour, two of them hits; the hour is in a file."""

    def publish(folder: Path) -> list[str]:
        def answer(name: str) -> Any:
            step = folder / "step"
            upto = int(step.read_text()) if step.exists() else 0
            rows = [
                (f"{name}-{hour}-{n}", _title(name, hour, n), "Nothing more. " * 20)
                for hour in range(upto, -1, -1)
                for n in range(4)
            ]
            return loopback.answer(rss(*rows))

        for name in ("a", "b"):
            loopback.routes[f"/{name}.xml"] = lambda _asked, name=name: answer(name)
        return [f"{loopback.url}/{name}.xml" for name in ("a", "b")]

    return publish


def _title(name: str, hour: int, n: int) -> str:
    return (
        f"Iran sends drones to Russia, lot {name}{hour}n{n}" if n % 2 else f"Rain {name}{hour}{n}"
    )


def _start(installation: Any) -> subprocess.Popen[bytes]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MONITOR_")}
    return subprocess.Popen(
        [sys.executable, str(STEPPER), str(installation.config), str(STEPS)], env=clean
    )


def _hits(installation: Any) -> list[tuple[str, str]]:
    found = installation.run("hits", "--json").json
    return sorted((hit["title"], hit["indicator"]) for hit in found)


def _outbox(installation: Any) -> list[Outgoing]:
    with open_store(f"sqlite:///{installation.folder}/db/monitor.db") as store:
        return list(store.outgoing())


@pytest.mark.slow
def test_killed_at_random_moments_it_goes_on_as_if_nothing_had_been(
    installation: Any, growing: Callable[[Path], list[str]], smtp_server: Any
) -> None:
    installation.mail = smtp_server.url
    installation.more = "max_events = 200\n"
    installation.feeds = growing(installation.folder)
    installation.write()
    toml = installation.config.read_text(encoding="utf-8").replace("0 6 * * *", "30 * * * *")
    installation.config.write_text(toml, encoding="utf-8")
    chance = random.Random(11)
    kills = 0
    while not (installation.folder / "done").exists():
        process = _start(installation)
        try:
            process.wait(timeout=chance.uniform(1.0, 5.0) if kills < KILLS else 120)
            assert process.returncode == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills >= min(KILLS, 3)

    wanted = sorted(
        (_title(name, hour, n), "drones")
        for name in ("a", "b")
        for hour in range(STEPS)
        for n in (1, 3)
    )
    assert _hits(installation) == wanted
    assert installation.run("db", "check").code == 0
    titles = {hit["number"]: hit["title"] for hit in installation.run("hits", "--json").json}

    frozen = [
        each
        for each in _outbox(installation)
        if each.kind == "digest" and each.recipient == "analyst@example.org"
    ]
    mailed = {message["Message-ID"] for message in smtp_server.messages}
    assert mailed == {each.message_id for each in frozen}
    covered = Counter(number for each in frozen for number in each.hits)
    assert set(covered.values()) == {1}, "a hit was mailed twice"
    # What came in the last hour waits for the next digest.
    late = {title for title, _ in wanted if f"{STEPS - 1}n" in title}
    assert {titles[number] for number in titles.keys() - covered.keys()} <= late
