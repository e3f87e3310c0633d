"""Grouping: quality on labelled events and pairs, throughput against datasketch's MinHash LSH.

    python benchmarks/group.py --size 100000
    python benchmarks/group.py --size 25000 --windows 4
    python benchmarks/group.py --events FILE --config monitor.toml      (labelled events, as JSON Lines)
    python benchmarks/group.py --pairs benchmarks/group_pairs_held_out.json --archive FILE --config …

``group_pairs_held_out.json`` are 300 pairs of items with a hit, 50 from each of four bands of similarity
(cosine of tf-idf) and 100 below, drawn by a fixed seed, never used to fit anything; ``group_pairs.json``
are the 300 that the weights were fitted on.

The throughput run needs datasketch (for the comparison only): ``pip install datasketch``. Both sides get
the same made-up items, 10 % of them edited copies, in the same order, and hold all of them at the end.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import random
import resource
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, combinations, pairwise
from pathlib import Path
from typing import Any

from monitor.group import Grouper
from monitor.group.copies import LEAST, Copies
from monitor.group.fingerprint import Reader, Sketch, jaccard
from monitor.group.likeness import COPY_RESEMBLANCE
from monitor.model import Concept, Event, Hit, Item, Member, StoredHit, Watch
from monitor.protocols import EventDraft

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 500
WINDOW = timedelta(days=10)


def made_up(
    size: int, *, seed: int = 7, days: float = 10.0
) -> Iterator[tuple[StoredHit, str | None]]:
    """Hits over so many days and, for a copy, the id of what it copies."""
    rng = random.Random(seed)
    words = [
        "".join(rng.choices("bcdfghklmnprstv", k=2)) + rng.choice("aeiou") + f"{n:x}"
        for n in range(20_000)
    ]
    weights = list(accumulate(1 / (n + 10) for n in range(len(words))))
    names = [f"c{n}" for n in range(300)]
    recent: list[tuple[str, list[str], list[str], tuple[str, ...]]] = []
    for number in range(size):
        id, of = f"i{number}", None
        if recent and rng.random() < 0.1:
            of, title, summary, concepts = rng.choice(recent)
            title = [rng.choice(words) if rng.random() < 0.1 else word for word in title]
            summary = [rng.choice(words) if rng.random() < 0.05 else word for word in summary]
        else:
            title = rng.choices(words, cum_weights=weights, k=10)
            summary = rng.choices(words, cum_weights=weights, k=40)
            concepts = tuple(rng.sample(names, 4))
            recent.append((id, title, summary, concepts))
            del recent[:-5_000]
        at = START + timedelta(days=days) * (number / size)
        item = Item(
            id=id, identity=id, feed=f"f{number % 500}", title=" ".join(title),
            summary=" ".join(summary), link="", lang="en", published_at=at, first_seen_at=at,
        )  # fmt: skip
        hit = Hit(
            watch="w", indicator=f"n{number % 30}", item=id, rules="r", score=0.8, stage="act", spans=(),
            branch="b", query="q", concepts=concepts,
        )  # fmt: skip
        yield StoredHit(number=number, hit=hit, item=item, event=None, stored_at=at), of


def throughput(size: int) -> dict[str, Any]:
    stream = list(made_up(size))
    copying, near = _copies([hit for hit, _ in stream])
    ours, found = _ours([hit for hit, _ in stream])
    theirs, other = _datasketch([hit for hit, _ in stream])
    copies = [(hit.item.id, of) for hit, of in stream if of is not None]
    return {
        "items": size,
        "copies_per_cpu_s": round(size / copying),
        "copies_ratio_to_datasketch": round(theirs / copying, 2),
        "copies_recall": round(sum(b in near[a] for a, b in copies) / len(copies), 3),
        "grouping_per_cpu_s": round(size / ours),
        "datasketch_per_cpu_s": round(size / theirs),
        "grouping_ratio_to_datasketch": round(theirs / ours, 2),
        "grouping_recall_of_copies": round(
            sum(found[a] == found[b] for a, b in copies) / len(copies), 3
        ),
        "datasketch_recall_of_copies": round(
            sum(b in other[a] for a, b in copies) / len(copies), 3
        ),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _copies(hits: list[StoredHit]) -> tuple[float, dict[str, set[str]]]:
    """The same job as datasketch's, by what the window uses: sketch, look up, compare, keep."""
    reader, index = Reader({}), Copies()
    sketches: dict[str, Sketch] = {}
    found: dict[str, set[str]] = {}
    before = time.process_time()
    for stored in hits:
        item = stored.item
        sketch = reader.sketch(item.title, item.summary)
        least = sketch[:LEAST]
        found[item.id] = {
            other
            for other in index.near(least)
            if jaccard(sketch, sketches[other]) >= COPY_RESEMBLANCE
        }
        index.add(item.id, least)
        sketches[item.id] = sketch
    return time.process_time() - before, found


def _grouper() -> Grouper:
    concepts = {
        f"c{n}": Concept(id=f"c{n}", kind="org", forms={"en": (f"c{n}",)}) for n in range(300)
    }
    watch = Watch(
        id="w", title="", question="", source="", hypotheses=(), indicators=(), concepts=concepts
    )
    return Grouper([watch])


def _ours(hits: list[StoredHit]) -> tuple[float, dict[str, str]]:
    """CPU seconds, and the event of each item. Nothing is stored: the window is fed directly."""
    grouper = _grouper()
    events: dict[str, str] = {}
    before = time.process_time()
    for start in range(0, len(hits), BATCH):
        for draft in grouper.extend(hits[start : start + BATCH], now=START):
            events[draft.item] = draft.key
    return time.process_time() - before, events


def memory(size: int, windows: int) -> list[dict[str, Any]]:
    """What is held and resident after each of several windows of ``size`` items.

    Events are kept here as a store would offer them: those last seen within the window.
    """
    grouper = _grouper()
    events: dict[int, Event] = {}
    of: dict[str, int] = {}
    numbers: dict[str, int] = {}
    batch: list[StoredHit] = []
    found: list[dict[str, Any]] = []
    for number, (stored, _) in enumerate(made_up(size * windows, days=10.0 * windows), start=1):
        batch.append(stored)
        if len(batch) < BATCH and number % size:
            continue
        now = stored.stored_at
        events = {id: each for id, each in events.items() if each.last_seen_at >= now - WINDOW}
        drafts = grouper.group(batch, [*events.values()], now=now)
        items = {each.item.id: each for each in batch}
        for draft in drafts:
            _put(draft, items, events, of, numbers)
        batch = []
        if number % size == 0:
            of = {item: event for item, event in of.items() if event in events}
            gc.collect()
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
            found.append(
                {"items": number, "held": len(grouper), "resident_mb": round(resident / 2**20)}
            )
    return found


def _put(
    draft: EventDraft,
    items: dict[str, StoredHit],
    events: dict[int, Event],
    of: dict[str, int],
    numbers: dict[str, int],
) -> None:
    """As the store applies a draft: a new event with its members."""
    number = draft.event or numbers.setdefault(draft.key, len(numbers) + 1)
    before = events.get(of.get(draft.item, 0))
    if draft.item in items:
        hits: tuple[StoredHit, ...] = (items[draft.item],)
    elif before is not None:
        hits = tuple(each for each in before.hits if each.item.id == draft.item)
    else:
        return
    if before is not None:
        members = tuple(each for each in before.members if each.item.id != draft.item)
        rest = tuple(each for each in before.hits if each.item.id != draft.item)
        events[before.id] = replace(before, members=members, hits=rest)
    at = hits[0].stored_at
    event = events.get(number) or Event(
        id=number, title=draft.title, first_seen_at=at, last_seen_at=at, members=(), hits=()
    )
    member = Member(item=hits[0].item, role="independent", why=draft.why)
    events[number] = replace(
        event,
        last_seen_at=max(at, event.last_seen_at),
        members=(*event.members, member),
        hits=event.hits + hits,
    )
    of[draft.item] = number


def _datasketch(hits: list[StoredHit]) -> tuple[float, dict[str, set[str]]]:
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found,import-untyped,unused-ignore]

    index = MinHashLSH(threshold=0.5, num_perm=128)
    found: dict[str, set[str]] = {}
    before = time.process_time()
    for stored in hits:
        words = (stored.item.title + " " + stored.item.summary).split()
        sketch = MinHash(num_perm=128)
        sketch.update_batch([f"{a} {b}".encode() for a, b in pairwise(words)])
        found[stored.item.id] = set(index.query(sketch))
        index.insert(stored.item.id, sketch)
    return time.process_time() - before, found


def events_quality(path: Path, config: Path) -> dict[str, Any]:
    """Pairwise precision and recall over labelled items (``event``, ``lang``), by language."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    of = _grouped(rows, config)
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for a, b in combinations([row for row in rows if row.get("event")], 2):
        same, got = a["event"] == b["event"], of[a["id"]] == of[b["id"]]
        for name in ("all", "within languages" if a["lang"] == b["lang"] else "across languages"):
            counts[name][0] += same and got
            counts[name][1] += got and not same
            counts[name][2] += same and not got
    return {name: _scores(*some) for name, some in counts.items()}


def pairs_quality(pairs: Path, archive: Path, config: Path) -> dict[str, Any]:
    """On pairs labelled by reading: ``[id, id, 1 | 0 | null]``; null = could be argued, left out.

    1: the same act by the same actors at the same time, or what follows upon that very happening (its
    denial, its toll, an answer to it). With 95 % intervals by bootstrap over the pairs.
    """
    raw = archive.read_bytes()
    text = (gzip.decompress(raw) if archive.suffix == ".gz" else raw).decode()
    labelled = json.loads(pairs.read_text("utf-8"))
    wanted = {id for a, b, _ in labelled for id in (a, b)}
    of = _grouped([json.loads(line) for line in text.splitlines()], config, wanted=wanted)
    judged = [(of[a] == of[b], label == 1) for a, b, label in labelled if label is not None]
    found = _scores(*_counts(judged))
    rng = random.Random(1)
    again = [_scores(*_counts(rng.choices(judged, k=len(judged)))) for _ in range(2_000)]
    for name in ("precision", "recall"):
        values = sorted(each[name] for each in again)
        found[f"{name}_95"] = [values[50], values[-51]]
    return found | {"apart": sum(not same for _, same in judged)}


def _counts(judged: list[tuple[bool, bool]]) -> tuple[int, int, int]:
    """Rightly together, wrongly together, wrongly apart."""
    return (
        sum(got and same for got, same in judged),
        sum(got and not same for got, same in judged),
        sum(same and not got for got, same in judged),
    )


def _scores(right: int, extra: int, missed: int) -> dict[str, Any]:
    return {
        "precision": round(right / max(1, right + extra), 3),
        "recall": round(right / max(1, right + missed), 3),
        "pairs": right + missed,
        "wrong": extra,
    }


def _grouped(
    rows: list[dict[str, Any]], config: Path, *, wanted: Collection[str] | None = None
) -> dict[str, str]:
    """Item id → event, by the watches of a configuration, of all items in one window.

    Items without a hit are left out, but for those ``wanted`` (None: all): they have no indicator.
    """
    from monitor.app.intake import Intake
    from monitor.app.rules import load_rules
    from monitor.config import load

    rules = load_rules(load(config))
    watch = rules.watches[0]
    compiled = rules.matcher.compiled(watch.id)
    intake = Intake(now=datetime.now(UTC))
    hits: list[StoredHit] = []
    for row in rows:
        item = intake.item(row)
        found = rules.matcher.match(item)
        if not found and (wanted is None or item.id in wanted):
            state = rules.matcher.state(item)
            found = (
                Hit(
                    watch=watch.id, indicator="", item=item.id, rules="", score=0.5, stage=None,
                    spans=(), branch="", query="", concepts=compiled.found(state),
                    genre=compiled.cues.item_genre(state),
                ),
            )  # fmt: skip
        at = item.published_at or datetime.now(UTC)
        hits += [StoredHit(number=0, hit=hit, item=item, event=None, stored_at=at) for hit in found]
    drafts = Grouper(rules.watches).group(hits, [], now=datetime.now(UTC))
    return {draft.item: draft.key for draft in drafts}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--windows", type=int, default=0, help="memory over so many windows")
    parser.add_argument("--events", type=Path)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--config", type=Path, default=Path("monitor.toml"))
    given = parser.parse_args()
    result: dict[str, Any] = {}
    if given.size and given.windows:
        result["memory"] = memory(given.size, given.windows)
    elif given.size:
        result["throughput"] = throughput(given.size)
    if given.events:
        result["events"] = events_quality(given.events, given.config)
    if given.pairs and given.archive:
        result["pairs"] = pairs_quality(given.pairs, given.archive, given.config)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
