"""What an installation needs, computed from what was measured; two tables of docs/operator/sizing.md.

    python -m benchmarks.sizing                                        (50,000 feeds, 100 million items)
    python -m benchmarks.sizing --feeds 2000 --items-a-day 40000 --items 15000000 --workers 2

Each figure of ``Measured`` is of the benchmark that it names; put your machine's own in.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import ceil


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU milliseconds unless the name says otherwise."""

    changed_poll: float = 31.6  # 40 new items, fetch to levels: benchmarks --feeds 1200
    unchanged_poll: float = 4.1  # 304: benchmarks/ingest.py
    job: float = 3.0  # of a poll in the queue: benchmarks.soak's workers, CPU by polls
    item: float = 0.79  # a new item, fetch to levels: changed_poll by its 40
    transaction_wall: float = 5.0  # of a poll on PostgreSQL: benchmarks.workers --transactions
    item_bytes: float = 3_000  # on PostgreSQL, indexes included: the soak's database by its items
    index_bytes: float = 430  # of an item in the indexes that recognise it
    match: float = 0.5  # an item by the shipped watch: benchmarks/match.py


@dataclass(frozen=True, slots=True)
class Wanted:
    """The installation to be."""

    feeds: int = 50_000
    interval: float = 15.0  # minutes
    changed: float = 0.33  # share of polls that find a changed document
    items_a_day: int = 1_000_000
    items: int = 100_000_000
    workers: int = 8


def needs(m: Measured, w: Wanted) -> Iterator[tuple[str, str, str]]:
    """(what, formula, result)."""
    polls = w.feeds / (w.interval * 60)
    fresh = w.items_a_day / 86_400
    cores = (
        polls * (m.unchanged_poll + m.job) / 1000,
        polls * w.changed * m.changed_poll / 1000,
        fresh * m.item / 1000,
    )
    yield "polls a second", "feeds ÷ interval", f"{polls:,.0f}"
    yield (
        "cores for polls",
        "polls × (unchanged + job)",
        f"{cores[0]:.2f}",
    )
    yield "cores for changed documents", "polls × share changed × changed poll", f"{cores[1]:.2f}"
    yield "cores for new items", "items a second × item", f"{cores[2]:.2f}"
    yield "worker processes", "twice the sum, whole", f"{ceil(2 * sum(cores))}"
    room = 1000 / m.transaction_wall
    yield (
        "share of the store's one lock",
        "polls × transaction",
        f"{polls / room:.0%} of {room:,.0f} polls a second",
    )
    yield (
        "disk",
        "items × bytes of one, twice for a copy",
        f"{2 * w.items * m.item_bytes / 1e9:,.0f} GB",
    )
    yield (
        "memory of PostgreSQL",
        "items × bytes in indexes",
        f"{w.items * m.index_bytes / 1e9:,.0f} GB",
    )
    yield (
        f"import of all, {w.workers} workers",
        "items × item ÷ workers",
        f"{w.items * m.item / 3.6e6 / w.workers:,.1f} h",
    )
    yield (
        f"rematch of all, {w.workers} workers",
        "items × match ÷ workers",
        f"{w.items * m.match / 3.6e6 / w.workers:,.1f} h",
    )


def table(m: Measured, w: Wanted) -> list[str]:
    head = ["| what | reckoning | result |", "|---|---|--:|"]
    return head + [f"| {what} | {how} | **{result}** |" for what, how, result in needs(m, w)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for kind in (Measured, Wanted):
        for each in fields(kind):
            option = f"--{each.name.replace('_', '-')}"
            parser.add_argument(option, type=type(each.default), default=each.default)
    given = vars(parser.parse_args())
    measured, wanted = (
        kind(**{each.name: given[each.name] for each in fields(kind)})
        for kind in (Measured, Wanted)
    )
    print("\n".join(table(measured, wanted)))


if __name__ == "__main__":
    main()
