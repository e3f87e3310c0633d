"""Day after day: the clock is moved, what was due is done, once a day something breaks."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from benchmarks.soak.faults import FAULTS, broken
from benchmarks.soak.site import SCHEDULERS, WORKERS, Site

STEP = timedelta(hours=2)


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
    """On to the next morning's digest; every feed is read once more; until all mail is out."""
    while site.world.now.hour != 8:
        site.world.now += STEP
        site.tick()
        site.settle(240, mail=False)
    for feed in site.store.feeds():
        site.store.poll_soon(feed.feed.id, now=site.now)
    site.settle(240, mail=False)
    site.wait_for_digest()
    for _ in range(8):  # messages that failed wait an hour at most
        if site.settle(30):
            return
        site.offset += timedelta(hours=1)
        site.tick()
