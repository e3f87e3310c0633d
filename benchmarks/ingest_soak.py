"""An hour with 200 feeds, half of which misbehave at random: are the others on time, is memory flat?

    python benchmarks/ingest_soak.py --minutes 60 --feeds 200

The service (``monitor run --only worker``) runs as a process of its own against a server on the
loopback; every feed has an address of its own in 127.0.0.0/8, so that limits by host hold as they
would on the web. Even feeds are healthy, odd ones behave in any of the ways of ``tests/ingest/hostile``.
Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.ingest.hostile import BEHAVIOURS, Hostile, Peer, item, rss  # noqa: E402

TOML = """\
watches = ["{root}/indicators/russia-iran"]
[database]
url = "sqlite:///soak.db"
[fetch]
allow_networks = ["127.0.0.0/8"]
timeout = "10s"
"""


class Soak(Hostile):
    """Even paths grow and answer well; odd ones do anything."""

    def __init__(self, seed: int) -> None:
        super().__init__(host="0.0.0.0")  # one address in 127/8 for each feed
        self._random = random.Random(seed)
        self._items: defaultdict[str, int] = defaultdict(lambda: 20)
        self.polls: defaultdict[str, list[float]] = defaultdict(list)
        self.did: defaultdict[str, int] = defaultdict(int)

    async def answer(self, peer: Peer) -> None:
        name = peer.path.strip("/")
        if not name.startswith("feed"):
            kind = BEHAVIOURS.get(name.partition("?")[0].replace("-", " "))
            await (kind.respond(peer) if kind else peer.reply(b"", "404 Not Found"))
            return
        self.polls[name].append(time.monotonic())
        if int(name[4:]) % 2:
            kind = self._random.choice(sorted(BEHAVIOURS))
            self.did[kind] += 1
            await BEHAVIOURS[kind].respond(peer)
            return
        if self._random.random() < 0.2:
            self._items[name] += 1
        newest = self._items[name]
        etag = f'"{newest}"'
        if peer.headers.get("if-none-match") == etag:
            await peer.reply(b"", "304 Not Modified", ETag=etag)
            return
        shown = "".join(
            item(number).replace("outlet.example/", f"outlet.example/{name}/")
            for number in range(newest, newest - 20, -1)
        )
        await peer.reply(rss(shown), ETag=etag)


def measure(pid: int) -> dict[str, float]:
    """Resident MB of a process, and of those that it began (shared pages counted once); open files,
    threads and processes of all."""
    begun = children(pid)
    found = {"rss_mb": _megabytes(pid, "Rss"), "parsers_mb": 0.0}
    found |= {"files": 0, "threads": 0, "processes": 1 + len(begun)}
    for each in [pid, *begun]:
        with suppress(OSError, StopIteration):
            found["parsers_mb"] += _megabytes(each, "Pss") if each != pid else 0
            found["files"] += len(list(Path(f"/proc/{each}/fd").iterdir()))
            found["threads"] += len(list(Path(f"/proc/{each}/task").iterdir()))
    return found | {
        "rss_mb": round(found["rss_mb"], 1),
        "parsers_mb": round(found["parsers_mb"], 1),
    }


def _megabytes(pid: int, name: str) -> float:
    rolled = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(each for each in rolled if each.startswith(f"{name}:")).split()[1]) / 1024


def children(pid: int) -> list[int]:
    """The processes below one."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for each in map(int, task.read_text().split()):
                found += [each, *children(each)]
    return found


def slope(samples: list[tuple[float, float]]) -> float:
    """Least squares, per hour."""
    if len(samples) < 3:
        return 0.0
    found = statistics.linear_regression([at for at, _ in samples], [value for _, value in samples])
    return found.slope * 3600


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--feeds", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    server = Soak(chosen.seed)
    server.routes = _Everything(server)  # type: ignore[assignment]
    with server, tempfile.TemporaryDirectory() as folder:
        config = TOML.format(root=ROOT)
        for number in range(chosen.feeds):
            host = f"127.1.{number // 200}.{number % 200 + 1}"
            config += f'[[feeds]]\nid = "feed{number}"\ninterval = "60s"\nlang = "en"\n'
            config += f'url = "http://{host}:{server.port}/feed{number}"\n'
        Path(folder, "monitor.toml").write_text(config)
        report = run(server, Path(folder), chosen.minutes * 60)
    json.dump(report, sys.stdout, indent=1)
    print()


class _Everything(dict[str, Any]):
    """Routes: each path goes to ``answer``."""

    def __init__(self, server: Soak) -> None:
        super().__init__()
        self._server = server

    def get(self, key: str, default: Any = None) -> Any:
        return self._server.answer


def run(server: Soak, folder: Path, seconds: float) -> dict[str, Any]:
    log = (folder / "log").open("wb")
    monitor = [sys.executable, "-m", "monitor"]
    process = subprocess.Popen(
        [*monitor, "run", "--only", "worker"], cwd=folder, stdout=log, stderr=log
    )
    samples: list[dict[str, Any]] = []
    started = time.monotonic()
    wake = threading.Event()
    try:
        while time.monotonic() - started < seconds and process.poll() is None:
            wake.wait(min(30.0, seconds / 4))
            minute = round((time.monotonic() - started) / 60, 1)
            samples.append({"minute": minute} | measure(process.pid))
    finally:
        stopping = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
        stopped = time.monotonic() - stopping
        log.close()
    listing = subprocess.run(
        [*monitor, "feeds", "list", "--json"], cwd=folder, capture_output=True, check=False
    )
    print((folder / "log").read_text()[-1_500:], file=sys.stderr)
    return summary(server, samples, code, stopped, listing.stdout, seconds)


def summary(
    server: Soak,
    samples: list[dict[str, Any]],
    code: int,
    stopped: float,
    listing: bytes,
    seconds: float,
) -> dict[str, Any]:
    healthy = [times for name, times in server.polls.items() if int(name[4:]) % 2 == 0]
    gaps = [b - a for times in healthy for a, b in pairwise(times[1:])]
    gaps.sort()
    late = [s for s in samples if s["minute"] * 60 > seconds / 4]
    states: defaultdict[str, int] = defaultdict(int)
    kinds: defaultdict[str, int] = defaultdict(int)
    with suppress(ValueError):
        for feed in json.loads(listing):
            states[feed["health"]] += 1
            kinds[feed["cause_kind"]] += 1

    def part(share: float) -> float:
        return round(gaps[min(len(gaps) - 1, int(len(gaps) * share))], 1) if gaps else 0.0

    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round(seconds / 60, 1),
        "exit_code": code,
        "seconds_to_stop": round(stopped, 1),
        "healthy_feeds": len(healthy),
        "healthy_polls": sum(map(len, healthy)),
        "planned_gap_seconds": 60,
        "gaps": {"p1": part(0.01), "p50": part(0.5), "p99": part(0.99), "most": part(1.0)},
        "within_20_percent": round(sum(48 <= gap <= 72 for gap in gaps) / max(1, len(gaps)), 4),
        "misbehaved": sum(server.did.values()),
        "behaviours_seen": len(server.did),
        "rss_mb_per_hour": round(slope([(s["minute"] * 60, s["rss_mb"]) for s in late]), 2),
        "rss_mb_per_hour_of_the_second_half": round(
            slope([(s["minute"] * 60, s["rss_mb"]) for s in samples[len(samples) // 2 :]]), 2
        ),
        "parsers_mb_per_hour": round(slope([(s["minute"] * 60, s["parsers_mb"]) for s in late]), 2),
        "files_per_hour": round(slope([(s["minute"] * 60, s["files"]) for s in late]), 2),
        "health": dict(states),
        "cause_kinds": dict(kinds),
        "samples": samples[:: max(1, len(samples) // 12)],
    }


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
