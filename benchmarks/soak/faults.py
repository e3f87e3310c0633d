"""What breaks: a process, the database, the disk, the mail server, the clock."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from benchmarks.soak.site import SCHEDULERS, WORKERS, Site

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
