"""What of an item is compared with others: made once, small, the same on every machine."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

from monitor.group.attribution import attributed, may_attribute
from monitor.group.common import table
from monitor.group.copies import LEAST, SHARED
from monitor.group.names import LEAST as LEAST_SOUNDS
from monitor.group.names import may_be_name, skeleton
from monitor.group.numbers import spelled, written
from monitor.group.words import Lexicon
from monitor.model import Item, Stage
from monitor.query.lexicon import readings
from monitor.text import Tokens, cut

Sketch: TypeAlias = "array[int]"
"""The smallest hashes of a text's word pairs, ascending (bottom-k, Broder 1997)."""
SKETCH = 64
"""Hashes kept of a text."""
STEMS = 48
"""Words kept of a text, the rarest."""
STEM = 6
"""Letters of a word that count as its stem, in scripts that write vowels."""
TITLE = 1.5
"""What a word of the title counts against one of the summary."""
FEW = 16
"""Shared hashes below which two texts are no copies, and need not be looked at closely."""
READ_BYTES = 4_096
MAX_MEMO = 200_000
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Everything that grouping knows of an item."""

    id: str
    at: datetime  # published, else first seen
    hour: float  # the same, as hours since 1970
    lang: str
    feed: str
    sketch: Sketch  # of title and summary
    least: frozenset[int]  # the smallest of it, by which copies find each other
    title: frozenset[int]  # hashes of the title's words
    words: int  # in title and summary
    notions: Mapping[str, float]  # concept or plain notion → what sharing it is worth
    worth: float  # sum of ``notions``
    names: frozenset[str]
    stems: frozenset[int]  # hashes of its rarest words' stems
    headline: Mapping[int, float]  # stems of the title's words that are not common → how rare
    telling: float  # sum of ``headline``
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
    digits: bool
    agency: bool  # may begin the name of one
    plain: bool  # no notion, number, name, digits or agency: most are


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
        first, rest = self._words(title.words), self._words(summary.words)
        at = item.published_at or item.first_seen_at
        if at is None:
            raise ValueError(f"{item.id}: neither published_at nor first_seen_at")
        notions = {f"@{name}": self._worth[name] for name in concepts if name in self._worth}
        special = [word for word in first if not word.plain]
        titled = len(special)
        special += [word for word in rest if not word.plain]
        for word in special:
            if word.notion is not None:
                notions.setdefault(word.notion, 0.8)
        title_numbers = _numbers(title.source.text, special[:titled])
        headline = {word.stem: word.rarity for word in first if word.rarity}
        both = first + rest
        sketch = _sketch([word.hash for word in both])
        agencies = NOBODY
        if any(word.agency for word in special):
            agencies = attributed(title.source.text, summary.source.text)
        return Fingerprint(
            id=item.id,
            at=at,
            hour=at.timestamp() / 3600,
            lang=item.lang[:2],
            feed=item.feed,
            sketch=sketch,
            least=frozenset(sketch[:LEAST]),
            title=frozenset([word.hash for word in first]),
            words=len(both),
            notions=notions,
            worth=sum(notions.values()),
            names=frozenset([word.name for word in special if word.name]),
            stems=_stems(headline, rest),
            headline=headline,
            telling=sum(headline.values()),
            numbers=title_numbers | _numbers(summary.source.text, special[titled:]),
            title_numbers=title_numbers,
            indicators=frozenset(indicators),
            stage=stage,
            agencies=agencies,
            genre=genre,
        )

    def sketch(self, title: str, summary: str) -> Sketch:
        """The sketch of a text alone."""
        words = Tokens(cut(title, READ_BYTES)).words + Tokens(cut(summary, READ_BYTES)).words
        return _sketch([word.hash for word in self._words(words)])

    def _words(self, words: Sequence[str]) -> list[_Word]:
        known = self._memo.get
        return [known(word) or self._word(word) for word in words]

    def _word(self, word: str) -> _Word:
        if len(self._memo) >= MAX_MEMO:
            self._memo.clear()
        found = self._memo[word] = self._learn(word)
        return found

    def _learn(self, word: str) -> _Word:
        folded = word.casefold()
        notion = number = None
        for reading in filter(None, readings(folded)):
            notion = notion or self._lexicon.notion(reading)
            number = number or (None if reading[0].isdigit() else spelled(reading))
        name = skeleton(folded) if may_be_name(word) and not word[0].isdigit() else ""
        if len(name) < LEAST_SOUNDS or name in self._stop or number is not None:
            name = ""
        rarity, stem = 0.0, folded if "\u0590" <= folded[0] <= "\u06ff" else folded[:STEM]
        if len(folded) > 2 and number is None and not folded[0].isdigit():
            rarity = self._rarity.get(stem, 1.0 if len(folded) > 3 else 0.5)
        digits, agency = folded[0].isdigit(), may_attribute(folded)
        return _Word(
            zlib.crc32(folded.encode("utf-8", "surrogatepass")),
            zlib.crc32(stem.encode("utf-8", "surrogatepass")),
            notion,
            number,
            name or None,
            rarity,
            digits,
            agency,
            not (notion or number or name or digits or agency),
        )


def _numbers(text: str, words: Sequence[_Word]) -> frozenset[str]:
    found = {word.number for word in words if word.number}
    if any(word.digits for word in words):
        found.update(written(text))
    return frozenset(found)


def _stems(headline: Mapping[int, float], summary: Iterable[_Word]) -> frozenset[int]:
    found = {word.stem: word.rarity for word in summary if word.rarity}
    for stem, rarity in headline.items():
        found[stem] = TITLE * rarity
    if len(found) > STEMS:
        ranked = sorted([(-rarity, stem) for stem, rarity in found.items()])
        return frozenset([stem for _, stem in ranked[:STEMS]])
    return frozenset(found)


def _sketch(hashes: Sequence[int]) -> Sketch:
    """The hash of a pair of numbers is the same in every process; only that of text is not."""
    return array("q", sorted(set(map(hash, pairwise(hashes))))[:SKETCH])


def resemblance(one: Fingerprint, two: Fingerprint) -> float:
    """Estimate of the Jaccard resemblance of two texts' word pairs, 0–1.

    0 for what ``Copies`` passes over.
    """
    a, b = one.least, two.least
    if a.isdisjoint(b) or len(a & b) < SHARED:
        return 0.0
    return jaccard(one.sketch, two.sketch)


def jaccard(one: Sketch, two: Sketch) -> float:
    """Of two bottom-k sketches."""
    a, b = set(one), set(two)
    shared = len(a & b)
    size = len(a) + len(b) - shared
    if not shared or size <= SKETCH or shared < FEW:
        return shared / max(1, min(size, SKETCH))  # of a few a little too high: no copy either way
    kept = sorted(a | b)[:SKETCH]
    return len(a.intersection(kept) & b) / SKETCH
