"""A rolling upgrade: processes of this version go on while, and after, the next one migrates."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from monitor.jobs import JobQueue
from monitor.store import SqlStore, open_store, schema

TOML = """\
watches = ["{folder}/watch"]
[database]
url = "{database}"
[fetch]
interval = "10s"
host_interval = "0s"
allow_networks = ["127.0.0.0/8"]
"""


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_HERE = Path(__file__).parent
_APP = _load("monitor_app_fixtures_of_rolling", _HERE.parent / "app" / "conftest.py")
Newsroom = _load("monitor_newsroom_of_rolling", _HERE / "newsroom.py").Newsroom
_NEXT = _load("monitor_next_version_of_rolling", _HERE.parent / "plugins" / "next_version.py")


@pytest.fixture
def newsroom() -> Iterator[Any]:
    made = Newsroom(delay=0.01)
    yield made
    made.close()


class Site:
    """Processes of either version on one database."""

    def __init__(self, folder: Path, database: str, newsroom: Any) -> None:
        self.folder, self.newsroom = folder, newsroom
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "watch" / "gazetteer").mkdir(parents=True)
        for name, words in (
            ("watch.yaml", _APP.WATCH),
            ("arms.yaml", _APP.ARMS),
            ("gazetteer/names.yaml", _APP.NAMES),
        ):
            (folder / "watch" / name).write_text(words, encoding="utf-8")
        feeds = "".join(
            f'[[feeds]]\nurl = "{newsroom.url(host, 0)}"\nid = "f{host}"\n' for host in range(1, 5)
        )
        self.next = _NEXT.program_of_next(_NEXT.migrations_of_next(folder))
        self.config = folder / "monitor.toml"
        self.config.write_text(TOML.format(folder=folder, database=database) + feeds, "utf-8")

    def command(self, *words: str, old: bool = False) -> list[str]:
        program = ["-m", "monitor"] if old else ["-c", self.next]
        return [sys.executable, *program, *words, "--config", str(self.config)]

    def run(self, *words: str, old: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words, old=old),
            env=_clean(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, name: str, role: str, *, old: bool = False) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                self.command("run", "--only", role, old=old),
                env=_clean(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def polls(self, name: str) -> int:
        return self.said(name).count('"event": "poll"')

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", errors="replace")

    def stop(self, *names: str) -> list[int]:
        for name in names:
            self.processes[name].send_signal(signal.SIGTERM)
        return [self.processes.pop(name).wait(timeout=60) for name in names]

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait(timeout=20)


def _clean() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("MONITOR_")}


@pytest.fixture
def site(tmp_path: Path, empty_postgres_url: str, newsroom: Any) -> Iterator[Site]:
    """An installation of this version."""
    made = Site(tmp_path, empty_postgres_url, newsroom)
    done = made.run("db", "upgrade", old=True)
    assert done.returncode == 0, done.stderr
    yield made
    made.end()


def _until(condition: Callable[[], Any], what: str, site: Site) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        logs = "\n".join(f"── {name}\n{site.said(name)[-2000:]}" for name in site.processes)
        assert time.monotonic() < deadline, f"waited in vain: {what}\n{logs}"
        time.sleep(0.1)


def _execute(store: SqlStore, statement: str) -> list[Any]:
    with store.db.write() as connection:
        done = connection.execute(text(statement))
        return list(done) if done.returns_rows else []


@pytest.mark.slow
def test_old_workers_go_on_until_they_are_replaced_and_nothing_is_lost(
    site: Site, newsroom: Any, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.start("old-scheduler", "scheduler", old=True)
    for name in ("old-1", "old-2"):
        site.start(name, "worker", old=True)
    _until(lambda: "poll" in site.said("old-1") + site.said("old-2"), "the first polls", site)

    upgraded = site.run("db", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    assert _NEXT.NEXT in upgraded.stdout + upgraded.stderr
    monkeypatch.setattr(schema, "VERSION", _NEXT.NEXT)  # what this test looks with

    with open_store(empty_postgres_url) as store:
        due = "UPDATE feed SET next_due_at = now() - interval '1 s' WHERE lease_holder IS NULL"

        def more_polls(*names: str) -> Callable[[], bool]:
            before = {name: site.polls(name) for name in names}

            def reached() -> bool:
                _execute(store, due)
                return all(site.polls(name) > before[name] + 3 for name in names)

            return reached

        _until(more_polls("old-1", "old-2"), "old workers poll the migrated database", site)
        site.start("new", "worker")
        site.start("new-scheduler", "scheduler")
        _until(lambda: JobQueue(store.db, {}).workers() == 3, "the new worker", site)
        _until(more_polls("old-1", "old-2", "new"), "old and new workers side by side", site)
        assert site.stop("old-1", "old-scheduler") == [0, 0]
        _until(more_polls("old-2", "new"), "the new scheduler has taken over", site)
        assert site.stop("old-2") == [0]
        newsroom.publishing = False
        _until(more_polls("new"), "the new version alone", site)

        refused = site.run("run", "--only", "worker", old=True)
        assert refused.returncode != 0
        assert "newer than this program" in refused.stderr
        assert "Traceback" not in refused.stderr

        last = Counter(newsroom.polls)

        def all_polled() -> bool:
            _execute(store, due)
            return all(newsroom.polls[path] > last[path] for path in newsroom.published)

        _until(all_polled, "every feed once more", site)
        _until(
            lambda: not _execute(store, "SELECT 1 FROM feed WHERE lease_holder IS NOT NULL"),
            "what was fetched is stored",
            site,
        )
        published = Counter(guid for guids in newsroom.published.values() for guid in guids)
        assert Counter(row[0] for row in _execute(store, "SELECT summary FROM item")) == published
        hits = "SELECT item.summary FROM hit JOIN item ON item.number = hit.item"
        wanted = Counter(guid for guid in published if newsroom.is_hit(guid))
        assert Counter(row[0] for row in _execute(store, hits)) == wanted
        assert store.check() == []
        failed = [key for key in JobQueue(store.db, {}).counts() if key[1] == "failed"]
        assert not failed
    for name in ("old-1", "old-2", "new"):
        assert "Traceback" not in site.said(name)
