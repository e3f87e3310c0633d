"""Matching: stored queries against each item, beside a regex a query, SQLite FTS5 and pyahocorasick.

    python benchmarks/match.py                                  (300 and 3,000 generated queries)
    python benchmarks/match.py --queries 300 3000 30000
    python benchmarks/match.py --items FILE [--watch indicators/russia-iran]
    python -m benchmarks.match --hostile

All engines get the same made-up items (about 440 bytes in title and summary) and the same queries, and
must find the same hits; FTS5 indexes batches of a thousand items in memory and answers every query,
pyahocorasick looks for all terms at once and what it finds is verified. Ours is measured twice: saying
which queries hold, as the others do, and making hits with spans, stage, genre and score. Figures are
medians of process-CPU-seconds. ``--items`` measures a watch on real items instead (JSON Lines with title
and summary, cleaned as imports are). ``--hostile`` gives items and queries that somebody made to do harm
(those of tests/match/test_hostile.py, where steps are counted) and every query of the shipped watch to
one another and tells the longest that one query takes on one item. The comparison needs
``pip install pyahocorasick``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
import sqlite3
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from monitor.app.intake import Intake
from monitor.match import IndexedMatcher, compile_matcher
from monitor.match.engine import Stored
from monitor.model import Anchor, Branch, Indicator, Item, Watch
from monitor.query.matches import evidence

BATCH = 1_000
Found = set[tuple[int, int]]  # (item, query)


class Query(NamedTuple):
    """``need`` are lists of which one must occur each; then two words near or adjacent; then none of."""

    need: tuple[tuple[str, ...], ...]
    near: tuple[str, str, int] | None = None  # n = 0: adjacent and in this order
    none: tuple[str, ...] = ()


def vocabulary(size: int = 30_000) -> tuple[list[str], list[float]]:
    rng = random.Random(1)
    words: dict[str, None] = {}
    while len(words) < size:
        length = rng.choice((2, 3, 3, 4))
        word = "".join(rng.choice("bcdfghklmnprstvz") + rng.choice("aeiou") for _ in range(length))
        words[word] = None
    return list(words), [1 / (n + 8) for n in range(size)]


def made_items(count: int, seed: int = 2) -> list[Item]:
    """Items of about 440 bytes, words drawn by Zipf's law."""
    rng = random.Random(seed)
    words, weights = vocabulary()
    found = []
    for number in range(count):
        title = " ".join(rng.choices(words, weights, k=10))
        summary = " ".join(rng.choices(words, weights, k=50))
        found.append(_item(str(number), title, summary))
    return found


def _item(id: str, title: str, summary: str, lang: str = "en") -> Item:
    return Item(id=id, identity=id, feed="f", title=title, summary=summary, link="", lang=lang)


def made_queries(count: int, seed: int = 3) -> list[Query]:
    """Half of them lists and lists, the rest with a phrase, a NEAR or an exclusion."""
    rng = random.Random(seed)
    words, _ = vocabulary()

    def some(low: int, high: int, most: int) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(rng.choice(words[low:high]) for _ in range(rng.randint(1, most)))
        )

    found = []
    for number in range(count):
        kind = number % 4
        if kind == 3:
            one, two = rng.sample(words[30:800], 2)  # FTS5 finds "a NEAR a" in a single a
            found.append(Query(need=(), near=(one, two, rng.choice((0, 4, 8)))))
        else:
            none = some(0, 300, 2) if kind == 2 else ()
            found.append(Query(need=(some(150, 6_000, 4), some(100, 3_000, 4)), none=none))
    return found


def as_text(query: Query) -> str:
    parts = [f"({' OR '.join(words)})" for words in query.need]
    if query.near:
        one, two, within = query.near
        parts.append(f'"{one} {two}"' if not within else f"{one} NEAR/{within} {two}")
    return " AND ".join(parts) + "".join(f" NOT {word}" for word in query.none)


# ── The engines: queries in, then items in, hits out ─────────────────────────────────────────────


class Ours:
    """Which queries hold: the answer that the others give."""

    name = "monitor.match"

    def __init__(self, queries: Sequence[Query]) -> None:
        indicators = tuple(
            Indicator(
                id=str(number), title="", group="g", watch="w", anchor=Anchor(section=""),
                counts="", does_not_count="", ach={},
                branches=(Branch(name="b", query=as_text(query)),),
            )
            for number, query in enumerate(queries)
        )  # fmt: skip
        watch = Watch(
            id="w", title="", question="", source="", hypotheses=(), indicators=indicators,
            concepts={}, min_score=0.0,
        )  # fmt: skip
        self.matcher = compile_matcher([watch])

    def run(self, items: Sequence[Item]) -> Found:
        return {
            (int(item.id), int(indicator))
            for item in items
            for _, indicator in self.matcher.holding(item)
        }


class OursInFull(Ours):
    """Hits as the product stores them: spans, stage, genre, score and its parts."""

    name = "monitor.match, with spans and scores"

    def run(self, items: Sequence[Item]) -> Found:
        return {
            (int(item.id), int(hit.indicator))
            for item, hits in self.matcher.match_many(items)
            for hit in hits
        }


class Regexes:
    """One regular expression a query, as a first version has it."""

    name = "re, one a query"

    def __init__(self, queries: Sequence[Query]) -> None:
        self.patterns = [re.compile(self._pattern(query), re.S) for query in queries]

    @staticmethod
    def _pattern(query: Query) -> str:
        parts = [rf"(?=.*\b(?:{'|'.join(words)})\b)" for words in query.need]
        parts += [rf"(?!.*\b{word}\b)" for word in query.none]
        if query.near:
            one, two, within = query.near
            gap = rf"(?:[^\w\0]+\w+){{0,{within}}}[^\w\0]+"
            orders = [rf"\b{one}{gap}{two}\b"] + ([rf"\b{two}{gap}{one}\b"] if within else [])
            parts.append(rf"(?=.*(?:{'|'.join(orders)}))")
        return "".join(parts)

    def run(self, items: Sequence[Item]) -> Found:
        found = set()
        for item in items:
            text = f"{item.title}\0{item.summary}"
            for number, pattern in enumerate(self.patterns):
                if pattern.match(text):
                    found.add((int(item.id), number))
        return found


class Fts5:
    """Batches of items into an index in memory, then each query against it."""

    name = f"SQLite FTS5, batches of {BATCH:,}"

    def __init__(self, queries: Sequence[Query]) -> None:
        self.queries = [self._text(query) for query in queries]

    @staticmethod
    def _text(query: Query) -> str:
        parts = [f"({' OR '.join(words)})" for words in query.need]
        if query.near:
            one, two, within = query.near
            parts.append(f"NEAR({one} {two}, {within})" if within else f'"{one} {two}"')
        return " AND ".join(parts) + "".join(f" NOT {word}" for word in query.none)

    def run(self, items: Sequence[Item]) -> Found:
        found: Found = set()
        for first in range(0, len(items), BATCH):
            rows = [(int(i.id), i.title, i.summary) for i in items[first : first + BATCH]]
            base = sqlite3.connect(":memory:")
            base.execute(
                "CREATE VIRTUAL TABLE t USING fts5(title, summary, content='', "
                'tokenize="unicode61 remove_diacritics 0")'
            )
            base.executemany("INSERT INTO t(rowid, title, summary) VALUES (?, ?, ?)", rows)
            for number, text in enumerate(self.queries):
                for (item,) in base.execute("SELECT rowid FROM t WHERE t MATCH ?", (text,)):
                    found.add((item, number))
            base.close()
        return found


class AhoCorasick:
    """All terms of all queries in one automaton; a query whose first list is met is verified."""

    name = "pyahocorasick + verify"

    def __init__(self, queries: Sequence[Query]) -> None:
        import ahocorasick

        self.queries = queries
        self.by_word: dict[str, list[int]] = defaultdict(list)
        self.automaton = ahocorasick.Automaton()
        terms: dict[str, None] = {}
        for number, query in enumerate(queries):
            first = query.need[0] if query.need else query.near[:1] if query.near else ()
            for word in first:
                self.by_word[word].append(number)
            terms.update(dict.fromkeys(word for words in query.need for word in words))
            terms.update(dict.fromkeys(query.none))
            terms.update(dict.fromkeys(query.near[:2] if query.near else ()))
        for word in terms:
            self.automaton.add_word(word, word)
        self.automaton.make_automaton()

    def run(self, items: Sequence[Item]) -> Found:
        found: Found = set()
        for item in items:
            text = f" {item.title} \0 {item.summary} "
            places: dict[str, list[int]] = {}
            for end, word in self.automaton.iter(text):
                start = end - len(word)
                if text[start] == " " and text[end + 1] == " ":
                    places.setdefault(word, []).append(start)
            tried: set[int] = set()
            for word in places:
                tried.update(self.by_word.get(word, ()))
            for number in tried:
                if self._verify(self.queries[number], places, text):
                    found.add((int(item.id), number))
        return found

    @staticmethod
    def _verify(query: Query, places: dict[str, list[int]], text: str) -> bool:
        for words in query.need:
            if not any(word in places for word in words):
                return False
        if any(word in places for word in query.none):
            return False
        if not query.near:
            return True
        one, two, within = query.near
        for a in places.get(one, ()):
            for b in places.get(two, ()):
                if a == b or (b < a and not within):
                    continue
                between = text[a:b] if a < b else text[b:a]
                if "\0" not in between and len(between.split()) - 1 <= within:
                    return True
        return False


ENGINES: tuple[Callable[[Sequence[Query]], Any], ...] = (
    Ours, OursInFull, Fts5, AhoCorasick, Regexes,
)  # fmt: skip


# ── Measuring ────────────────────────────────────────────────────────────────────────────────────


def rate(engine: Any, items: Sequence[Item], rounds: int) -> tuple[float, Found]:
    """Items per CPU-second (median), and the hits."""
    found: Found = set()
    seconds = []
    for _ in range(rounds):
        before = time.process_time()
        found = engine.run(items)
        seconds.append(time.process_time() - before)
    return len(items) / statistics.median(seconds), found


def compare(sizes: Sequence[int], count: int, rounds: int) -> list[dict[str, Any]]:
    items = made_items(count)
    rows = []
    for size in sizes:
        queries = made_queries(size)
        row: dict[str, Any] = {"queries": size}
        agreed: Found | None = None
        for make in ENGINES:
            before = time.process_time()
            engine = make(queries)
            compiled = time.process_time() - before
            slow = make is Regexes
            some = items[: max(20, 60_000 // size)] if slow else items
            speed, found = rate(engine, some, 1 if slow else rounds)
            row[engine.name] = round(speed)
            if agreed is None:
                agreed = found
                row["compile_s"] = round(compiled, 2)
                row["hits_per_item"] = round(len(found) / len(items), 3)
            wanted = {each for each in agreed if each[0] < len(some)}
            if found != wanted:
                extra, missing = len(found - wanted), len(wanted - found)
                row[f"{engine.name} differs"] = f"+{extra} −{missing} of {len(wanted)}"
                row.setdefault("differing", []).append(
                    [as_text(queries[q]) for _, q in islice(found ^ wanted, 3)]
                )
        ours = row[Ours.name]
        row["ratio_to_fts5"] = round(ours / row[Fts5.name], 2)
        row["ratio_to_re"] = round(ours / max(1, row[Regexes.name]))
        row["ratio_to_fts5_in_full"] = round(row[OursInFull.name] / row[Fts5.name], 2)
        row["ratio_to_re_in_full"] = round(row[OursInFull.name] / max(1, row[Regexes.name]))
        rows.append(row)
    for smaller, larger in pairwise(rows):
        steps = math.log(larger["queries"] / smaller["queries"])
        for name, key in ((Ours.name, ""), (OursInFull.name, "_in_full")):
            growth = math.log(smaller[name] / larger[name]) / steps
            larger[f"growth_exponent{key}"] = round(growth, 2)
    return rows


# ── A watch on real items ────────────────────────────────────────────────────────────────────────


def on_real(watch: Path, file: Path, limit: int) -> dict[str, Any]:
    from monitor.match import Relevance
    from monitor.watch import inflect, load

    before = time.process_time()
    loaded = load(watch)
    read = time.process_time()
    model = watch / "relevance.json"
    models = {}
    if model.is_file():
        models[loaded.id] = Relevance.from_json(model.read_text(encoding="utf-8"))
    matcher = compile_matcher([loaded], inflect=inflect, models=models)
    ready = time.process_time()
    items = list(islice(_read_items(file), limit))
    cold, hits = _timed(matcher, items)
    warm, _ = _timed(matcher, items)
    slowest = _slowest_query(matcher, items)
    return {
        "watch": loaded.id,
        "branches": sum(len(each.branches) for each in loaded.indicators),
        "items": len(items),
        "hits": hits,
        "load_s": round(read - before, 2),
        "compile_s": round(ready - read, 2),
        "items_per_cpu_s_first_pass": round(len(items) / cold),
        "items_per_cpu_s_second_pass": round(len(items) / warm),
        "slowest_item_ms": round(slowest, 2),
    }


def _timed(matcher: IndexedMatcher, items: Sequence[Item]) -> tuple[float, int]:
    before = time.process_time()
    hits = sum(len(found) for _, found in matcher.match_many(items))
    return time.process_time() - before, hits


def _slowest_query(matcher: IndexedMatcher, items: Sequence[Item]) -> float:
    slowest = 0.0
    for item in items[:5_000]:
        before = time.process_time()
        matcher.match(item)
        slowest = max(slowest, time.process_time() - before)
    return slowest * 1_000


def _read_items(file: Path) -> Iterable[Item]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        yield from Intake(now=datetime(2030, 1, 1, tzinfo=UTC)).from_lines(lines, name=str(file))


# ── Made to do harm ──────────────────────────────────────────────────────────────────────────────


def on_hostile(watch: Path, rounds: int) -> dict[str, Any]:
    """Milliseconds of one query on one item, from the text to its matches; the best of a few rounds.

    ``new_words_ms`` is what an item's words cost beside it the first time that they are met.
    """
    from monitor.watch import inflect, load
    from tests.match.conftest import watch as made_watch
    from tests.match.test_hostile import ITEMS, QUERIES

    shipped = compile_matcher([load(watch)], inflect=inflect)
    asked = [(f"{each.key[1]}: {each.branch.name}", shipped, each) for each in shipped.queries]
    for name, query in QUERIES.items():
        made = compile_matcher([made_watch(query)])
        asked += [(name, made, each) for each in made.queries]
    items = [_item(name, *text) for name, text in ITEMS.items()]
    new_words = max(_milliseconds(shipped.state, item) for item in items)
    slowest = []
    for query, matcher, stored in asked:
        for item in items:
            took = min(_milliseconds(_ask, matcher, stored, item) for _ in range(rounds))
            slowest.append((took, query, item.id))
    slowest.sort(reverse=True)
    return {
        "queries": len(asked),
        "items": len(items),
        "slowest_ms": round(slowest[0][0], 1),
        "new_words_ms": round(new_words, 1),
        "slowest": [f"{ms:.1f} ms: {query} × {name}" for ms, query, name in slowest[:8]],
    }


def _ask(matcher: IndexedMatcher, stored: Stored, item: Item) -> None:
    state = matcher.state(item)
    evidence(stored.plan.find(state))


def _milliseconds(run: Callable[..., object], *given: object) -> float:
    before = time.process_time()
    run(*given)
    return (time.process_time() - before) * 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--queries", type=int, nargs="+", default=[300, 3_000])
    parser.add_argument("--count", type=int, default=4_000, help="made-up items")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--items", type=Path, help="real items, JSON Lines")
    parser.add_argument("--watch", type=Path, default=Path("indicators/russia-iran"))
    parser.add_argument("--limit", type=int, default=20_000)
    parser.add_argument("--hostile", action="store_true", help="what is made to do harm")
    arguments = parser.parse_args()
    if arguments.hostile:
        json.dump(
            on_hostile(arguments.watch, arguments.rounds), sys.stdout, indent=2, ensure_ascii=False
        )
    elif arguments.items:
        json.dump(on_real(arguments.watch, arguments.items, arguments.limit), sys.stdout, indent=2)
    else:
        json.dump(
            compare(arguments.queries, arguments.count, arguments.rounds), sys.stdout, indent=2,
            ensure_ascii=False,
        )  # fmt: skip
    print()


if __name__ == "__main__":
    main()
