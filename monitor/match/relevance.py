"""What was learned from labelled items: a small linear model per watch, scored in plain Python.

The model weighs what the queries found (which branches hold, where their evidence stands, what
vetoes it), the stage and the genre, and what else the text says: its concepts, which are the same in
every language, and its words, in the languages that it has seen enough of. Each is one named part of
the score; their sum is calibrated (Platt 1999). Features are hashed (Weinberger et al. 2009), so the
file holds numbers and no text of the items.

Where the queries did better than the model on items that it had not seen, and in languages whose words
it does not know, it is believed only as far as it has examples; for the rest the fixed parts stand.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from monitor.errors import MonitorError
from monitor.model import ScorePart

VERSION = 3
BUCKETS = 1 << 20
MAX_TITLE = 60
MAX_SUMMARY = 100
"""Words of the title and of the summary that are looked at."""

MAX_CACHED = 100_000
"""Features whose weights are kept at hand."""

MAX_TABLE = 8_192
"""Names whose weights one table keeps at hand."""

HALF_TRUST = 20
"""Right examples of an indicator from which a doubted model is believed half."""

Features = dict[str, dict[str, float]]
"""Part of the score → feature → value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was found of one indicator in one item, as a model looks at it."""

    indicator: str
    branches: tuple[str, ...]  # those that hold by themselves; candidates are not among them
    sure: bool  # one of them holds and no exclusion does
    vetoed: bool  # an exclusion holds
    share: float  # of the evidence that stands in the title, 0–1
    stage: str
    genre: str
    lang: str
    title: Sequence[str]  # folded words
    summary: Sequence[str]
    marks: Sequence[str] = ()  # of the title's punctuation
    concepts: Sequence[tuple[str, bool]] = ()  # in the order of the text; whether in the title
    doubts: Mapping[str, float] = field(default_factory=dict)
    """Part of the score → the most that it can be: what makes the text another one than news of an act
    (genre, stage, negation) lowers the score at least as without a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """A trained model: weights of hashed features and the calibration."""

    watch: str
    fingerprint: str  # of the training data
    examples: int
    weights: Mapping[int, float]
    bias: float
    languages: frozenset[str] = frozenset({"en"})  # whose words it knows
    counts: Mapping[str, int] = field(default_factory=dict)  # right examples by indicator
    doubted: frozenset[str] = frozenset()  # indicators whose queries did better without it
    slope: float = 1.0  # Platt's a …
    offset: float = 0.0  # … and b, on the sum of all parts
    until: str = ""  # the newest training item's date
    base: str = ""  # fingerprint of the model that reviews have corrected to this one
    _known: dict[str, float] = field(default_factory=dict, repr=False, compare=False)
    _tables: dict[str, Table] = field(default_factory=dict, repr=False, compare=False)

    def parts(self, evidence: Evidence, whys: Mapping[str, str], fixed: float) -> list[ScorePart]:
        """The parts of a score, each already calibrated; they sum to log-odds.

        ``whys`` says in words what the parts ``query``, ``stage`` … stand for in this item; ``fixed`` is
        what the parts sum to without a model.
        """
        trust = self.trust(evidence)
        scale = trust * self.slope
        found = []
        for part, weighed in self._weighed(evidence).items():
            value = scale * sum(weight for weight, _ in weighed)
            value = min(value, trust * evidence.doubts.get(part, math.inf))
            why = whys.get(part) or _strongest(weighed, scale)
            found.append(ScorePart(name=part, value=round(value, 3), why=why))
        named = {each.name for each in found}
        found += [
            ScorePart(name=part, value=round(trust * most, 3), why=whys.get(part, part))
            for part, most in evidence.doubts.items()
            if part not in named
        ]
        rest = trust * (self.slope * self.bias + self.offset)
        why = f"learned from {self.examples} examples"
        found.append(ScorePart(name="base", value=round(rest, 3), why=why))
        if trust < 1:
            why = f"as without a model, which is believed to {trust:.0%} here"
            value = round((1 - trust) * fixed, 3)
            found.append(ScorePart(name="fixed", value=value, why=why))
        return found

    def _weighed(self, evidence: Evidence) -> dict[str, list[tuple[float, str]]]:
        """Part → what each of its ``features`` adds, if anything, with the end of its name; in their
        order, but without making the names of those that are many."""
        at, table = evidence.indicator, self.table
        few = {
            "query": _query(evidence),
            "closeness": closeness(evidence),
            "stage": stage(evidence),
            "genre": {f"genre {evidence.genre}": 1.0, **_shape(evidence)},
        }
        found = {
            part: [
                (weight * value, name)
                for name, value in values.items()
                if (weight := self.weight(name))
            ]
            for part, values in few.items()
        }
        places = [f"{'title' if first else 'summary'} {name}" for name, first in evidence.concepts]
        order = [name for name, first in evidence.concepts if first]
        found["concepts"] = [
            *_equal(((table(f"concept {at} "), places),), 1.0),
            *_equal(((table("concept "), places),), 0.5),
            *_equal(((table(f"order {at} "), _pairs(order)),), 1.0),
        ]
        found["words"] = []
        if evidence.lang in self.languages:
            title, summary = evidence.title[:MAX_TITLE], evidence.summary[:MAX_SUMMARY]
            pairs = _pairs(title)
            for own in ("", f"{at} "):
                tables = table(f"word {own}title "), table(f"word {own}pair ")
                found["words"] += _equal(zip(tables, (title, pairs), strict=True), WORDS)
            for own in ("", f"{at} "):
                found["words"] += _equal(((table(f"word {own}summary "), summary),), WORDS)
        return found

    def log_odds(self, evidence: Evidence, fixed: float) -> float:
        """What the parts sum to, up to their rounding: told without the reasons."""
        parts = {
            part: self.slope * sum([each for each, _ in weighed])
            for part, weighed in self._weighed(evidence).items()
        }
        learned = sum(parts.values()) + lowered(evidence, parts)
        trust = self.trust(evidence)
        return trust * (learned + self.slope * self.bias + self.offset) + (1 - trust) * fixed

    def table(self, beginning: str) -> Table:
        """The weights of the features that begin so, by the rest of their names."""
        found = self._tables.get(beginning)
        if found is None:
            found = self._tables[beginning] = Table(self.weights, beginning)
        return found

    def weight(self, feature: str) -> float:
        """What was learned of a feature; 0 where nothing was."""
        found = self._known.get(feature)
        if found is None:
            if len(self._known) >= MAX_CACHED:
                self._known.clear()
            found = self._known[feature] = self.weights.get(bucket(feature), 0.0)
        return found

    def trust(self, evidence: Evidence) -> float:
        """How far the model is believed, 0–1; the rest is left to the fixed parts."""
        return self.trusted(evidence.indicator, evidence.lang)

    def trusted(self, indicator: str, lang: str) -> float:
        """As ``trust``, before there is evidence."""
        if lang in self.languages and indicator not in self.doubted:
            return 1.0
        count = self.counts.get(indicator, 0)
        return count / (count + HALF_TRUST)

    def to_json(self) -> str:
        return json.dumps(
            {
                "version": VERSION,
                "watch": self.watch,
                "fingerprint": self.fingerprint,
                "examples": self.examples,
                "until": self.until,
                **({"base": self.base} if self.base else {}),
                "languages": sorted(self.languages),
                "counts": dict(sorted(self.counts.items())),
                "doubted": sorted(self.doubted),
                "bias": round(self.bias, 4),
                "slope": round(self.slope, 4),
                "offset": round(self.offset, 4),
                "weights": {
                    str(key): round(value, 3) for key, value in sorted(self.weights.items())
                },
            },
            indent=None,
            separators=(",", ":"),
        )

    @staticmethod
    def from_json(text: str, *, subject: str = "relevance.json") -> Relevance:
        """Raises MonitorError where the file is not a model of this version."""
        try:
            raw: dict[str, Any] = json.loads(text)
            if raw["version"] != VERSION:
                raise ValueError(f"version {raw['version']}, this program reads {VERSION}")
            return Relevance(
                watch=str(raw["watch"]),
                fingerprint=str(raw["fingerprint"]),
                examples=int(raw["examples"]),
                until=str(raw.get("until", "")),
                base=str(raw.get("base", "")),
                languages=frozenset(str(each) for each in raw["languages"]),
                counts={str(key): int(value) for key, value in raw["counts"].items()},
                doubted=frozenset(str(each) for each in raw["doubted"]),
                bias=float(raw["bias"]),
                slope=float(raw["slope"]),
                offset=float(raw["offset"]),
                weights={int(k): float(v) for k, v in raw["weights"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MonitorError(
                f"not a relevance model: {error}",
                subject=subject,
                remedy="train it again with `monitor train`, or remove the file",
            ) from error


def lowered(evidence: Evidence, parts: Mapping[str, float]) -> float:
    """By how much the doubts about a hit lower these parts of its score; 0 or below."""
    return sum([min(0.0, most - parts.get(part, 0.0)) for part, most in evidence.doubts.items()])


class Table(dict[str, float]):
    """Name → the weight of the feature that begins as given and ends in the name."""

    def __init__(self, weights: Mapping[int, float], beginning: str) -> None:
        super().__init__()
        self._begun = zlib.crc32(beginning.encode())
        self._get = weights.get

    def __missing__(self, name: str) -> float:
        if len(self) >= MAX_TABLE:
            self.clear()
        hashed = zlib.crc32(name.encode("utf-8", "replace"), self._begun)
        self[name] = found = self._get(hashed % BUCKETS, 0.0)
        return found


def _equal(named: Iterable[tuple[Table, Sequence[str]]], length: float) -> list[tuple[float, str]]:
    """What features of equal value add whose vector has the given length, where they add anything."""
    distinct = [(table, dict.fromkeys(names)) for table, names in named]
    count = sum([len(names) for _, names in distinct])
    if not count:
        return []
    value = length / math.sqrt(count)
    return [
        (weight * value, name)
        for table, names in distinct
        for name in names
        if (weight := table[name])
    ]


def _pairs(words: Sequence[str]) -> list[str]:
    return [f"{one} {two}" for one, two in pairwise(words)]


def bucket(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "replace")) % BUCKETS


def features(evidence: Evidence, languages: Iterable[str]) -> Features:
    """What the model looks at, by part of the score.

    Most stand twice, for this indicator and for all: what "why" as the first word says of an item is
    the same for every indicator, what "executes" says is not. Within a part the values have length
    one, so that a long text weighs no more than a short one.
    """
    return {
        "query": _query(evidence),
        "closeness": closeness(evidence),
        "stage": stage(evidence),
        "genre": {f"genre {evidence.genre}": 1.0, **_shape(evidence)},
        "concepts": _concepts(evidence),
        "words": _words(evidence) if evidence.lang in languages else {},
    }


def _query(evidence: Evidence) -> dict[str, float]:
    language = "language en" if evidence.lang == "en" else "language other"
    at = evidence.indicator
    by_queries = told(at, evidence.branches, sure=evidence.sure, vetoed=evidence.vetoed)
    return {f"indicator {at}": 1.0, language: 0.5, **by_queries}


def told(at: str, branches: Sequence[str], *, sure: bool, vetoed: bool) -> dict[str, float]:
    """What the queries told of an indicator: which hold, and whether an exclusion does."""
    found = {
        "sure": float(sure),
        f"sure {at}": float(sure),
        "vetoed": float(vetoed),
        f"vetoed {at}": float(vetoed),
        "any": float(bool(branches)),
        "many": min(3, len(branches)) / 3,
    }
    _add(found, (f"branch {at} {branch}" for branch in branches), 1.0)
    return found


def closeness(evidence: Evidence) -> dict[str, float]:
    return {"share": evidence.share, f"share {evidence.indicator}": evidence.share / 2}


def stage(evidence: Evidence) -> dict[str, float]:
    told = evidence.stage
    return {f"stage {told}": 0.5, f"stage {evidence.indicator} {told}": 0.5}


def _shape(evidence: Evidence) -> dict[str, float]:
    found: dict[str, float] = {}
    _add(found, shape(evidence.title, evidence.summary, evidence.marks), 1.0)
    return found


def shape(title: Sequence[str], summary: Sequence[str], marks: Iterable[str]) -> list[str]:
    """What tells the kind of text apart from its content: how a title begins, ends and is marked."""
    names = [f"mark {mark}" for mark in marks]
    if not summary:
        names.append("no summary")
    if title:
        names += [f"first {title[0]}", f"last {title[-1]}"]
    return list(dict.fromkeys(names))


def _concepts(evidence: Evidence) -> dict[str, float]:
    """The concepts and, as they tell who does what to whom, the pairs that follow each other."""
    at, found = evidence.indicator, dict[str, float]()
    places = [f"{'title' if first else 'summary'} {name}" for name, first in evidence.concepts]
    _add(found, (f"concept {at} {place}" for place in places), 1.0)
    _add(found, (f"concept {place}" for place in places), 0.5)
    title = [name for name, first in evidence.concepts if first]
    _add(found, (f"order {at} {one} {two}" for one, two in pairwise(title)), 1.0)
    return found


def _words(evidence: Evidence) -> dict[str, float]:
    at, found = evidence.indicator, dict[str, float]()
    words = evidence.title[:MAX_TITLE]
    title = [f"title {word}" for word in words]
    title += [f"pair {one} {two}" for one, two in pairwise(words)]
    summary = [f"summary {word}" for word in evidence.summary[:MAX_SUMMARY]]
    for names in (title, summary):
        _add(found, (f"word {name}" for name in names), WORDS)
        _add(found, (f"word {at} {name}" for name in names), WORDS)
    return found


WORDS = 1.0
"""How much words weigh beside concepts before anything is learned."""


def _add(found: dict[str, float], names: Iterable[str], length: float) -> None:
    """Adds features of equal value whose vector has the given length."""
    distinct = dict.fromkeys(names)
    if distinct:
        found.update(dict.fromkeys(distinct, length / math.sqrt(len(distinct))))


def _strongest(weighed: list[tuple[float, str]], slope: float) -> str:
    """The features that say most, in words: as "executes" +0.41."""
    by_word: dict[str, float] = {}
    for weight, name in weighed:
        word = name.rpartition(" ")[2]
        by_word[word] = by_word.get(word, 0.0) + slope * weight
    ranked = sorted(by_word.items(), key=lambda each: -abs(each[1]))[:4]
    return ", ".join(f"“{word}” {value:+.2f}" for word, value in ranked if abs(value) >= 0.01)
