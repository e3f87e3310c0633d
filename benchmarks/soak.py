"""Simulated days of real news with faults at random: at the end the books have to balance.

    python -m benchmarks.soak ARCHIVE --days 24 [--seed 1] [--minutes 60] [--from 2022-10-01]

``ARCHIVE`` is JSON Lines (or .gz) of items with ``feed``, ``title``, ``summary``, ``link`` and
``published_at``. Each of its feeds is served on a loopback address of its own and shows an item
once its date has come. Two schedulers and three workers run on a PostgreSQL of their own; their
clock is moved in steps of two hours, and each step waits until what was due is done. Once a day
something breaks: a worker is killed, the scheduler is killed, PostgreSQL is restarted (also at
once, as by a power cut), its disk is filled, the mail server is down, the clock is a day ahead or
behind for a while. One worker is spared, to see its memory.

The ledger at the end: served × stored × matched anew × mailed, memory, integrity. Exit code 1 if it does
not balance. It uses ``pgserver`` and, for the disk, a small tmpfs (root only; else that fault is left
out and the ledger says so). ``--minutes`` ends it early, with the ledger of the days that were done.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import format_datetime
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aiosmtpd.controller import Controller
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from monitor.errors import StoreError
from monitor.jobs import JobQueue
from monitor.store import SqlStore, open_store

ROOT = Path(__file__).parent.parent
STEP = timedelta(hours=2)
WINDOW = 120  # items that a feed shows
DISK = 1_500_000_000  # bytes of the small disk
FAULTS = (
    "worker killed",
    "scheduler killed",
    "PostgreSQL restarted",
    "PostgreSQL crashed",
    "disk filled",
    "SMTP down",
    "clock a day ahead",
    "clock a day behind",
)
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

# ── The world: outlets and a mail server ─────────────────────────────────────────────────────────


class World:
    """The archive as live feeds. ``now`` is when it is there, whatever the installation's clock says."""

    def __init__(self, archive: Path, now: datetime) -> None:
        self.now = now
        self.feeds: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.served: dict[str, set[str]] = defaultdict(set)  # feed → links in its 200s
        self.polls = 0
        opener = gzip.open if archive.suffix == ".gz" else open
        with opener(archive, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                row["at"] = datetime.fromisoformat(row["published_at"].replace("Z", "+00:00"))
                self.feeds[row["feed"]].append(row)
        self.names = sorted(self.feeds)
        for rows in self.feeds.values():
            rows.sort(key=lambda row: row["at"])
        self.times = {name: [row["at"] for row in rows] for name, rows in self.feeds.items()}
        self.server = ThreadingHTTPServer(("0.0.0.0", 0), _handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def urls(self) -> list[str]:
        port = self.server.server_address[1]
        return [f"http://127.0.0.{2 + n}:{port}/{n}.xml" for n in range(len(self.names))]

    def document(self, number: int) -> tuple[bytes, set[str]]:
        name = self.names[number]
        upto = bisect_right(self.times[name], self.now)
        shown = self.feeds[name][max(0, upto - WINDOW) : upto][::-1]
        items = "".join(
            f"<item><title>{_xml(row['title'])}</title><link>{_xml(row['link'])}</link>"
            f"<guid isPermaLink='true'>{_xml(row['link'])}</guid>"
            f"<pubDate>{format_datetime(row['at'])}</pubDate>"
            f"<description>{_xml(row['summary'])}</description></item>"
            for row in shown
        )
        head = (
            f"<title>{_xml(name)}</title><link>{_xml(name)}</link><description>Replay</description>"
        )
        feed = f"<rss version='2.0'><channel>{head}{items}</channel></rss>"
        return f"<?xml version='1.0' encoding='UTF-8'?>{feed}".encode(), {
            row["link"] for row in shown
        }


def _xml(words: str) -> str:
    return escape("".join(c for c in words if c >= " " or c in "\t\n"))


def _handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = int(self.path.strip("/").removesuffix(".xml"))
            body, links = world.document(number)
            etag = f'"{sha1(body).hexdigest()}"'
            world.polls += 1
            same = self.headers.get("If-None-Match") == etag
            with suppress(OSError):
                self.send_response(304 if same else 200)
                self.send_header("ETag", etag)
                if not same:
                    self.send_header("Content-Type", "application/rss+xml")
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if not same:
                    self.wfile.write(body)
                    world.served[world.names[number]] |= links

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class Post:
    """A mail server that can be down, and the letters it accepted."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()  # by Message-ID
        self.port = _free_port()
        self._controller: Controller | None = None
        self.up()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.accepted[str(message_from_bytes(envelope.content)["Message-ID"])] += 1
        return "250 accepted"

    def up(self) -> None:
        if self._controller is None:
            self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
            self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ── The installation ─────────────────────────────────────────────────────────────────────────────


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
        command = [sys.executable, "-m", "benchmarks.soak_process", str(self.config), role]
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [*command, str(self.clock_file)],
                cwd=ROOT,
                env={k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait(timeout=30)
        self.start(name)

    def quiet(self, *, mail: bool) -> bool:
        """Whether everything that is due by now is done."""
        try:
            with self.store.db.read() as connection:
                due = connection.execute(_DUE, {"now": self.now}).first()
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
                if process.poll() is not None:  # as systemd would
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
    " (next_due_at IS NULL OR next_due_at <= :now OR lease_holder IS NOT NULL) LIMIT 1"
)
WORKERS = ("worker-1", "worker-2", "worker-spared")
SCHEDULERS = ("scheduler-1", "scheduler-2")

# ── Faults ───────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def broken(site: Site, fault: str, rng: random.Random) -> Iterator[None]:
    """Something breaks while a step is under way, and is mended at its end."""
    after = rng.uniform(0.2, 1.5)
    timer: threading.Timer | None = None

    def soon(act: Callable[[], object]) -> None:
        nonlocal timer
        timer = threading.Timer(after, act)
        timer.start()

    if fault == "worker killed":
        soon(lambda: site.kill(rng.choice(WORKERS[:2])))
    elif fault == "scheduler killed":
        soon(lambda: [site.kill(name) for name in SCHEDULERS[:1]])
    elif fault == "PostgreSQL restarted":
        soon(lambda: site.postgres.control("restart", "-m", "fast"))
    elif fault == "PostgreSQL crashed":
        soon(lambda: site.postgres.control("restart", "-m", "immediate"))
    elif fault == "disk filled":
        soon(site.postgres.fill)
    elif fault == "SMTP down":
        site.post.down()
    elif fault.startswith("clock"):
        site.offset = timedelta(days=1 if fault.endswith("ahead") else -1)
        site.tick()
    yield
    if timer is not None:
        timer.join()
    if fault == "disk filled":
        time.sleep(5)
        site.postgres.make_room()
        if not site.postgres.runs:  # it may give up when not even its log can be written
            site.postgres.control("start")
    site.post.up()
    site.offset = timedelta(0)
    site.tick()


# ── Days ─────────────────────────────────────────────────────────────────────────────────────────


def run(site: Site, days: int, rng: random.Random, deadline: float) -> dict[str, Any]:
    """Lives through the days; what happened."""
    for name in (*SCHEDULERS, *WORKERS):
        site.start(name)
    while site.queue.workers() < len(WORKERS) or site.store.run_lock_holder() is None:
        time.sleep(0.2)
    site.settle(300)
    faults: Counter[str] = Counter()
    memory: list[float] = []
    restless: list[str] = []
    possible = [each for each in FAULTS if each != "disk filled" or site.postgres.small]
    began = site.world.now
    order: list[str] = []
    while site.world.now < began + timedelta(days=days) and time.monotonic() < deadline:
        if not order:
            order = rng.sample(possible, len(possible))
        fault, hour = order.pop(), rng.randrange(12)
        faults[fault] += 1
        for step in range(12):
            site.world.now += STEP
            site.tick()
            name = f"{site.world.now:%m-%d %H}h"
            if step == hour:
                with broken(site, fault, rng):
                    site.settle(15 if fault in ("disk filled", "SMTP down") else 120, mail=False)
                name += f" after {fault}"
            if not site.settle(240, mail=False):
                restless.append(name)
            if site.now.hour == 8:
                site.wait_for_digest()
                site.settle(30)
        memory.append(site.memory("worker-spared"))
        done = (site.world.now - began).days
        print(
            f"day {done:>2}  {fault:22} {site.world.polls:>7,} requests  "
            f"{memory[-1]:.0f} MB  {restless[-1] if restless else ''}",
            file=sys.stderr,
            flush=True,
        )
    return {"days": len(memory), "faults": dict(faults), "memory": memory, "restless": restless}


def finish(site: Site) -> None:
    """On to the next morning's digest, and until all mail is out."""
    while site.world.now.hour != 8:
        site.world.now += STEP
        site.tick()
        site.settle(240, mail=False)
    site.wait_for_digest()
    for _ in range(8):  # messages that failed wait an hour at most
        if site.settle(30):
            return
        site.offset += timedelta(hours=1)
        site.tick()


# ── The ledger ───────────────────────────────────────────────────────────────────────────────────


def ledger(site: Site) -> dict[str, Any]:
    """What was served, stored, matched and mailed, and what does not fit."""
    from monitor import config as settings
    from monitor.app import App

    served = {identity(link) for links in site.world.served.values() for link in links}
    stored = Counter(identity(row[0]) for row in _rows(site, "SELECT link FROM item"))
    app = App(settings.load(site.config), now=site.now)
    anew = {
        (item.id, hit.indicator)
        for item, hits in app.rules.matcher.match_many(site.store.items())
        for hit in hits
    }
    held = Counter((each.item.id, each.hit.indicator) for each in site.store.hits())
    covered = Counter(
        row[0] for row in _rows(site, "SELECT hit FROM message_hit WHERE kind = 'digest'")
    )
    hits = {row[0] for row in _rows(site, "SELECT number FROM hit")}
    last = _rows(site, "SELECT max(created_at) FROM message WHERE kind = 'digest'")[0][0]
    late = {
        row[0]
        for row in _rows(site, f"SELECT number FROM hit WHERE stored_at > '{last or site.now}'")
    }
    sent = {row[0] for row in _rows(site, "SELECT message_id FROM message WHERE state = 'sent'")}
    undelivered = _rows(site, "SELECT count(*) FROM message WHERE state <> 'sent'")[0][0]
    return {
        "requests": site.world.polls,
        "served": len(served),
        "stored": len(stored),
        "served but not stored": len(served - set(stored)),
        "stored but not served": len(set(stored) - served),
        "stored more than once": sum(count > 1 for count in stored.values()),
        "do not fit": sorted({*(served ^ set(stored)), *(k for k, n in stored.items() if n > 1)})[
            :9
        ],
        "matched anew": len(anew),
        "hits": sum(held.values()),
        "missing hits": len(anew - set(held)),
        "hits too many": len(set(held) - anew) + sum(n > 1 for n in held.values()),
        "hits in digests": len(covered),
        "hits in no digest": len(hits - set(covered) - late),
        "hits in two digests": sum(n > 1 for n in covered.values()),
        "messages sent": len(sent),
        "messages not delivered": undelivered,
        "sent but never accepted": len(sent - set(site.post.accepted)),
        "accepted twice": sum(n - 1 for n in site.post.accepted.values() if n > 1),
        "integrity": site.store.check(),
        "jobs failed": sum(n for (_, s), n in site.queue.counts().items() if s == "failed"),
    }


def identity(link: str) -> str:
    """What a link identifies an item by; a link that identifies none (a front page) is itself."""
    from monitor.normalise.links import absolute, link_key

    return link_key(link) or absolute(link, base="") or link


def _rows(site: Site, query: str) -> list[Any]:
    with site.store.db.read() as connection:
        return list(connection.execute(text(query)))


MUST_BE_NONE = (
    "served but not stored",
    "stored but not served",
    "stored more than once",
    "missing hits",
    "hits too many",
    "hits in no digest",
    "hits in two digests",
    "messages not delivered",
    "sent but never accepted",
    "integrity",
    "jobs failed",
)


def slope(values: list[float]) -> float:
    """MB a day over the second half, by least squares."""
    some = values[len(values) // 2 :]
    if len(some) < 3:
        return 0.0
    middle, mean = (len(some) - 1) / 2, sum(some) / len(some)
    above = sum((n - middle) * (value - mean) for n, value in enumerate(some))
    return above / sum((n - middle) ** 2 for n in range(len(some)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("archive", type=Path)
    parser.add_argument("--days", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=24 * 60)
    parser.add_argument("--from", dest="start", default="2022-10-01")
    parser.add_argument("--json", type=Path, help="also write the ledger to this file")
    given = parser.parse_args()
    rng = random.Random(given.seed)
    deadline = time.monotonic() + given.minutes * 60
    start = datetime.fromisoformat(given.start).replace(tzinfo=UTC)
    with tempfile.TemporaryDirectory(prefix="soak") as name:
        folder = Path(name)
        folder.chmod(0o755)
        post, postgres = Post(), Postgres(folder)
        try:
            site = Site(folder, World(given.archive, start), post, postgres)
            try:
                lived = run(site, given.days, rng, deadline)
                finish(site)
            finally:
                site.end()
            found = lived | ledger(site)
            site.store.close()
        finally:
            post.down()
            postgres.close()
    kills = sum(n for fault, n in lived["faults"].items() if "SMTP" not in fault)
    found["MB a day"] = round(slope(lived["memory"]), 2)
    wrong = [name for name in MUST_BE_NONE if found[name]]
    if found["accepted twice"] > kills:
        wrong.append("accepted twice")
    found["balances"] = not wrong
    text_of = json.dumps(found, indent=1, ensure_ascii=False)
    print(text_of)
    if given.json:
        given.json.write_text(text_of, encoding="utf-8")
    raise SystemExit(f"does not balance: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
