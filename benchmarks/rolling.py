"""A rolling upgrade from a really older program: its workers live through the present migrations.

    python -m benchmarks.rolling ARCHIVE COMMIT          (an archive of news as for benchmarks.soak)

The commit's own program makes the database, schedules and polls; the present one migrates it under
them, then joins, then is alone. At the end the books have to balance; exit code 1 if they do not. What
the older program imports has to be installed here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.soak.ledger import compared
from benchmarks.soak.site import ROOT, TOML, Postgres
from benchmarks.soak.world import World

START = datetime(2022, 10, 1, tzinfo=UTC)


class Programs:
    """Processes of two versions with one configuration."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder, self.config = folder, config
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, source: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*words),
            cwd=source,
            env=_environment(source),
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, name: str, source: Path, role: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            self.running[name] = subprocess.Popen(
                self._command("run", "--only", role),
                cwd=source,
                env=_environment(source),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self, *names: str) -> list[int]:
        for name in names:
            self.running[name].terminate()
        return [self.running.pop(name).wait(timeout=60) for name in names]

    def polls(self, name: str) -> int:
        return (self.folder / f"{name}.log").read_text("utf-8").count('"event": "poll"')

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "monitor", *words, "--config", str(self.config)]


def _environment(source: Path) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MONITOR_")}
    return clean | {"PYTHONPATH": str(source)}


def until(condition: Callable[[], Any], what: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain: {what}")
        time.sleep(0.2)


def upgrade(folder: Path, archive: Path, commit: str, postgres: Postgres) -> dict[str, Any]:
    """The whole story; what each process polled and whether the books balance."""
    from monitor.store import open_store

    old = folder / "old"
    old.mkdir()
    packed = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    subprocess.run(["tar", "x", "-C", str(old)], input=packed.stdout, check=True)
    world = World(archive, START)
    config = folder / "monitor.toml"
    toml = TOML.format(root=old, url=postgres.url, smtp=1)
    for number, url in enumerate(world.urls()):
        toml += f'[[feeds]]\nurl = "{url}"\nid = "f{number}"\nlang = "en"\n'
    config.write_text(toml, encoding="utf-8")
    programs = Programs(folder, config)
    try:
        made = programs.run(old, "db", "upgrade")
        assert made.returncode == 0, made.stderr
        programs.start("old-scheduler", old, "scheduler")
        for name in ("old-1", "old-2"):
            programs.start(name, old, "worker")
        until(lambda: (folder / "old-1.log").exists() and programs.polls("old-1") > 3, "polls")
        before = version(postgres.url)
        migrated = programs.run(ROOT, "db", "upgrade")
        assert migrated.returncode == 0, migrated.stderr
        after = version(postgres.url)

        with open_store(postgres.url) as store:

            def more(*names: str) -> None:
                """An hour passes, and all feeds are due, until each of these has polled some."""
                counts = {name: programs.polls(name) for name in names}

                def reached() -> bool:
                    world.now += timedelta(hours=1)
                    with store.db.write() as connection:
                        connection.execute(
                            text("UPDATE feed SET next_due_at = now() WHERE lease_holder IS NULL")
                        )
                    return all(programs.polls(name) > counts[name] + 3 for name in names)

                until(reached, f"polls by {', '.join(names)}")

            more("old-1", "old-2")
            programs.start("new", ROOT, "worker")
            programs.start("new-scheduler", ROOT, "scheduler")
            until(lambda: (folder / "new.log").exists(), "the new worker")
            more("old-1", "old-2", "new")
            ends = programs.stop("old-1", "old-scheduler")
            more("old-2", "new")
            ends += programs.stop("old-2")
            more("new")
            refused = programs.run(old, "run", "--only", "worker")
            until(lambda: not leased(store), "what was fetched is stored")
            ends += programs.stop("new", "new-scheduler")
            with store.db.read() as connection:
                stored = list(connection.execute(text("SELECT link FROM item")).scalars())
            problems = store.check()
    finally:
        programs.end()
        world.server.shutdown()
    served = {link for links in world.served.values() for link in links}
    names = ("old-1", "old-2", "new")
    return {
        "program": commit,
        "schema": f"{before} to {after}",
        "polls": {name: programs.polls(name) for name in names},
        "exit codes": ends,
        "the old program started anew says": refused.stderr.strip().splitlines()[-2:],
        "integrity": problems,
    } | compared(served, stored)


def version(url: str) -> str:
    from monitor.store.engine import Database
    from monitor.store.schema import version_of

    database = Database(url)
    with database.read() as connection:
        found = version_of(connection)
    database.close()
    return found or ""


def leased(store: Any) -> bool:
    with store.db.read() as connection:
        query = text("SELECT 1 FROM feed WHERE lease_holder IS NOT NULL LIMIT 1")
        return connection.execute(query).first() is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("commit")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rolling") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = Postgres(folder)
        try:
            found = upgrade(folder, given.archive, given.commit, postgres)
        finally:
            postgres.close()
    wrong = ("served but not stored", "stored but not served", "stored more than once", "integrity")
    found["balances"] = not any(found[name] for name in wrong) and not any(found["exit codes"])
    print(json.dumps(found, indent=1, ensure_ascii=False))
    raise SystemExit(0 if found["balances"] else "does not balance")


if __name__ == "__main__":
    main()
