"""The installation: its PostgreSQL, its processes, and a look at its database from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from benchmarks.soak.world import Post, World
from monitor.errors import StoreError
from monitor.jobs import JobQueue
from monitor.store import SqlStore, open_store

ROOT = Path(__file__).parents[2]
WORKERS = ("worker-1", "worker-2", "worker-spared")
SCHEDULERS = ("scheduler-1", "scheduler-2")
DISK = 1_500_000_000  # bytes of the small disk
TOML = """\
watches = ["{root}/indicators/russia-iran"]
[database]
url = "{url}"
[fetch]
allow_networks = ["127.0.0.0/8"]
host_interval = "0s"
[mail]
url = "smtp://127.0.0.1:{smtp}"
sender = "Monitor <monitor@example.org>"
[[digests]]
name = "daily"
to = ["analyst@example.org"]
schedule = "0 7 * * *"
timezone = "UTC"
"""


class Postgres:
    """A server of our own, on a small disk where that can be had."""

    def __init__(self, folder: Path) -> None:
        import pgserver

        self.disk = folder / "disk"
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self.disk)]
        self.small = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
        self.disk.chmod(0o755)
        self._server = pgserver.get_server(self.disk / "data", cleanup_mode=None)
        self._bin = Path(pgserver.__file__).parent / "pginstall" / "bin"
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE soak TEMPLATE template0 ENCODING 'UTF8'"))
        engine.dispose()
        self.url = url.set(database="soak").render_as_string(hide_password=False)

    def control(self, *words: str) -> None:
        data = self.disk / "data"
        command = [str(self._bin / "pg_ctl"), "-D", str(data), "-w", "-t", "120", *words]
        if words[0] in ("start", "restart"):
            command += ["-o", f'-h "" -k {data}', "-l", str(data / "log")]
        owner = data.stat().st_uid
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=owner, cwd=data)

    @property
    def runs(self) -> bool:
        data = self.disk / "data"
        command = [str(self._bin / "pg_ctl"), "-D", str(data), "status"]
        done = subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, user=data.stat().st_uid, cwd=data
        )
        return done.returncode == 0

    def fill(self) -> None:
        """Takes all free space."""
        with (self.disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1_000_000))

    def make_room(self) -> None:
        (self.disk / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.control("stop", "-m", "fast")
        if self.small:
            subprocess.run(["umount", str(self.disk)], check=False)


class Site:
    """The processes, and a look at their database from outside."""

    def __init__(self, folder: Path, world: World, post: Post, postgres: Postgres) -> None:
        self.folder, self.world, self.post, self.postgres = folder, world, post, postgres
        self.clock_file = folder / "clock"
        self.offset = timedelta(0)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        toml = TOML.format(root=ROOT, url=postgres.url, smtp=post.port)
        for number, url in enumerate(world.urls()):
            toml += f'[[feeds]]\nurl = "{url}"\nid = "f{number}"\nlang = "en"\n'
        self.config = folder / "monitor.toml"
        self.config.write_text(toml, encoding="utf-8")
        self.tick()
        migrations = ROOT / "db" / "migrations"
        self.store: SqlStore = open_store(postgres.url, migrations=migrations, migrate=True)
        self.queue = JobQueue(self.store.db, {})

    @property
    def now(self) -> datetime:
        """What the installation's clock says."""
        return self.world.now + self.offset

    def tick(self) -> None:
        fresh = self.clock_file.with_suffix(".new")
        fresh.write_text(self.now.isoformat(), encoding="utf-8")
        fresh.rename(self.clock_file)

    def start(self, name: str) -> None:
        role = name.partition("-")[0]
        command = [sys.executable, "-m", "benchmarks.soak.process", str(self.config), role]
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [*command, str(self.clock_file)],
                cwd=ROOT,
                env={k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self, name: str) -> None:
        """As by the system; ``settle`` starts it again, as systemd would."""
        self.processes[name].kill()

    def quiet(self, *, mail: bool) -> bool:
        """Whether everything that is due by now is done."""
        try:
            with self.store.db.read() as connection:
                times = {
                    "now": self.now,
                    "soon": self.now + timedelta(hours=1),
                    "ahead": self.now + timedelta(hours=2),
                }
                due = connection.execute(_DUE, times).first()
            waits = mail and self.store.mail_waits(now=self.now)
            busy = any(status in ("todo", "doing") for _, status in self.queue.counts())
            return due is None and not waits and not busy
        except StoreError:
            return False

    def settle(self, seconds: float, *, mail: bool = True) -> bool:
        """Waits for quiet; False if it did not come in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    self.start(name)
            if self.quiet(mail=mail):
                return True
            time.sleep(0.1)
        return False

    def wait_for_digest(self, seconds: float = 60) -> None:
        """The slot of this morning is frozen."""
        wanted = f"{self.now:%Y-%m-%d}"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(StoreError):
                last = self.store.last_slot("daily", "analyst@example.org") or ""
                if last[:10] >= wanted:
                    return
            time.sleep(0.2)

    def memory(self, name: str) -> float:
        """Resident MB."""
        status = Path(f"/proc/{self.processes[name].pid}/status").read_text()
        row = next(row for row in status.splitlines() if row.startswith("VmRSS"))
        return int(row.split()[1]) / 1024

    def end(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            process.kill()


_DUE = text(
    "SELECT 1 FROM feed WHERE enabled AND retired_at IS NULL AND"
    " (next_due_at IS NULL OR next_due_at <= :now OR lease_holder IS NOT NULL"
    # what was noted while the clock was ahead has to be taken back first
    " OR (last_polled_at > :ahead AND next_due_at > :soon)) LIMIT 1"
)
