"""What of an item is compared with others: made once, small, the same on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import sqrt

from monitor.group.attribution import attributed
from monitor.group.common import table
from monitor.group.names import LEAST, may_be_name, skeleton
from monitor.group.numbers import spelled, written
from monitor.group.words import Lexicon
from monitor.model import Item, Stage
from monitor.query.lexicon import readings
from monitor.text import Tokens, cut

SKETCH = 64
"""Shingles kept of a text: the smallest hashes of its word pairs (bottom-k, Broder 1997)."""
TERMS = 48
"""Words kept of a text, the rarest."""
STEM = 6
"""Letters of a word that count as its stem, in scripts that write vowels."""
TITLE = 1.5
"""What a word of the title counts against one of the summary."""
FEW = 16
"""Shared hashes below which two texts are no copies, and need not be looked at closely."""
READ_BYTES = 4_096
MAX_MEMO = 200_000
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Everything that grouping knows of an item."""

    id: str
    at: datetime  # published, else first seen
    hour: float  # the same, as hours since 1970
    lang: str
    feed: str
    sketch: tuple[int, ...]  # bottom-k of title and summary, ascending
    pairs: frozenset[int]  # the same, to be compared
    title: frozenset[int]  # hashes of the title's words
    words: int  # in title and summary
    notions: Mapping[str, float]  # concept or plain notion → what sharing it is worth
    worth: float  # sum of ``notions``
    names: frozenset[str]
    terms: Mapping[int, float]  # hashes of its rarest words' stems → how rare; of the title more
    headline: Mapping[int, float]  # the same of the title alone
    telling: float  # sum of ``headline``
    norm: float  # Euclidean length of ``terms``
    numbers: frozenset[str]
    title_numbers: frozenset[str]
    indicators: frozenset[str]
    stage: Stage | None
    agencies: frozenset[str]  # whom the text names as its source
    genre: str = "news"


@dataclass(frozen=True, slots=True)
class _Word:
    hash: int
    stem: int
    notion: str | None
    number: str | None
    name: str | None
    rarity: float


class Reader:
    """Items to fingerprints; keeps what it has learnt of single words, and no more than that."""

    def __init__(self, worth: Mapping[str, float], stop_names: Collection[str] = ()) -> None:
        self._worth = worth
        self._lexicon = Lexicon()
        self._stop = frozenset(stop_names)
        self._rarity = table()
        self._memo: dict[str, _Word] = {}

    def read(
        self,
        item: Item,
        *,
        concepts: Iterable[str] = (),
        indicators: Iterable[str] = (),
        stage: Stage | None = None,
        genre: str = "news",
    ) -> Fingerprint:
        title, summary = Tokens(cut(item.title, READ_BYTES)), Tokens(cut(item.summary, READ_BYTES))
        first, rest = [self._word(w) for w in title.words], [self._word(w) for w in summary.words]
        both = first + rest
        at = item.published_at or item.first_seen_at
        if at is None:
            raise ValueError(f"{item.id}: neither published_at nor first_seen_at")
        found = {f"@{name}": self._worth[name] for name in concepts if name in self._worth}
        for word in both:
            if word.notion is not None:
                found.setdefault(word.notion, 0.8)
        title_numbers = _numbers(title.source.text, first)
        terms = _terms(first, rest)
        headline = {word.stem: word.rarity for word in first if word.rarity}
        sketch = _sketch([word.hash for word in both])
        return Fingerprint(
            id=item.id,
            at=at,
            hour=at.timestamp() / 3600,
            lang=item.lang[:2],
            feed=item.feed,
            sketch=sketch,
            pairs=frozenset(sketch),
            title=frozenset(word.hash for word in first),
            words=len(both),
            notions=found,
            worth=sum(found.values()),
            names=frozenset(word.name for word in both if word.name),
            terms=terms,
            headline=headline,
            telling=sum(headline.values()),
            norm=sqrt(sum(value * value for value in terms.values())),
            numbers=title_numbers | _numbers(summary.source.text, rest),
            title_numbers=title_numbers,
            indicators=frozenset(indicators),
            stage=stage,
            agencies=attributed(title.source.text, summary.source.text),
            genre=genre,
        )

    def sketch(self, title: str, summary: str) -> tuple[int, ...]:
        """The bottom-k sketch of a text alone."""
        words = Tokens(cut(title, READ_BYTES)).words + Tokens(cut(summary, READ_BYTES)).words
        return _sketch([self._word(word).hash for word in words])

    def _word(self, word: str) -> _Word:
        known = self._memo.get(word)
        if known is None:
            if len(self._memo) >= MAX_MEMO:
                self._memo.clear()
            known = self._memo[word] = self._learn(word)
        return known

    def _learn(self, word: str) -> _Word:
        folded = word.casefold()
        notion = number = None
        for reading in filter(None, readings(folded)):
            notion = notion or self._lexicon.notion(reading)
            number = number or (None if reading[0].isdigit() else spelled(reading))
        name = skeleton(folded) if may_be_name(word) and not word[0].isdigit() else ""
        if len(name) < LEAST or name in self._stop or number is not None:
            name = ""
        rarity, stem = 0.0, folded if "\u0590" <= folded[0] <= "\u06ff" else folded[:STEM]
        if len(folded) > 2 and number is None and not folded[0].isdigit():
            rarity = self._rarity.get(stem, 1.0 if len(folded) > 3 else 0.5)
        return _Word(
            zlib.crc32(folded.encode("utf-8", "surrogatepass")),
            zlib.crc32(stem.encode("utf-8", "surrogatepass")),
            notion,
            number,
            name or None,
            rarity,
        )


def _numbers(text: str, words: Iterable[_Word]) -> frozenset[str]:
    return frozenset(written(text)) | {word.number for word in words if word.number}


def _terms(title: Iterable[_Word], summary: Iterable[_Word]) -> dict[int, float]:
    found = {word.stem: word.rarity for word in summary if word.rarity}
    for word in title:
        if word.rarity:
            found[word.stem] = TITLE * word.rarity
    if len(found) > TERMS:
        best = sorted([(rarity, hash) for hash, rarity in found.items()], reverse=True)
        return {hash: rarity for rarity, hash in best[:TERMS]}
    return found


def _sketch(hashes: list[int]) -> tuple[int, ...]:
    pairs = {
        (((one * 0x9E3779B1) ^ (two * 0x85EBCA6B)) * 0xC2B2AE35 >> 7) & _MASK
        for one, two in pairwise(hashes)
    }
    return tuple(sorted(pairs)[:SKETCH])


def resemblance(one: Fingerprint, two: Fingerprint) -> float:
    """Estimate of the Jaccard resemblance of two texts' word pairs, 0–1."""
    return jaccard(one.pairs, two.pairs)


def jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    """Of two bottom-k sketches."""
    shared = a & b
    if not shared:
        return 0.0
    size = len(a) + len(b) - len(shared)
    if size <= SKETCH or len(shared) < FEW:
        return len(shared) / min(size, SKETCH)  # for a few, a little too high: no copy either way
    union = a | b
    kept = sorted(union)[:SKETCH]
    return len(shared.intersection(kept)) / SKETCH
