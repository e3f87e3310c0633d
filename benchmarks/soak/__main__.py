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
import json
import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.soak.days import finish, run
from benchmarks.soak.ledger import MUST_BE_NONE, ledger, slope
from benchmarks.soak.site import Postgres, Site
from benchmarks.soak.world import Post, World


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
    found["MB a day"] = round(slope(lived["memory"]), 2)
    wrong = [name for name in MUST_BE_NONE if found[name]]
    if found["restless"]:
        wrong.append("restless")
    found["balances"] = not wrong
    text_of = json.dumps(found, indent=1, ensure_ascii=False)
    print(text_of)
    if given.json:
        given.json.write_text(text_of, encoding="utf-8")
    raise SystemExit(f"does not balance: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
