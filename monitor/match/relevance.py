"""What was learned from labelled items: a small linear model per watch, scored in plain Python.

It weighs the fixed parts of a score (query, closeness, stage, genre), adds what the words and
concepts of the text say for this indicator, and calibrates the sum (Platt 1999). It only ever
scores what the queries found. Features are hashed (Weinberger et al. 2009), so the file holds
numbers and no text of the items.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from monitor.errors import MonitorError
from monitor.model import ScorePart
from monitor.text import Document

VERSION = 1
BUCKETS = 1 << 18
FIXED_PARTS = ("query", "closeness", "stage", "genre")
MAX_WORDS = 120  # of title and summary each that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """A trained model: weights of hashed features, of the fixed parts, and the calibration."""

    watch: str
    fingerprint: str  # of the training data
    examples: int
    weights: Mapping[int, float]
    fixed: Mapping[str, float]  # how much each fixed part counts
    bias: float
    slope: float = 1.0  # Platt's a …
    offset: float = 0.0  # … and b, on the sum of all parts
    until: str = ""  # the newest training item's date

    def parts(
        self,
        parts: Sequence[ScorePart],
        document: Document,
        indicator: str,
        branch: str,
        concepts: Sequence[str],
        stage: str,
        genre: str,
    ) -> list[ScorePart]:
        """The parts of a score with what was learned, each already calibrated; they sum to log-odds."""
        found = [
            ScorePart(
                name=part.name,
                value=round(self.slope * self.fixed.get(part.name, 1.0) * part.value, 3),
                why=part.why,
            )
            for part in parts
        ]
        learned = 0.0
        strongest: list[tuple[float, str]] = []
        names = {
            bucket(feature): feature
            for feature in features(document, indicator, branch, concepts, stage, genre)
        }
        share = scale(len(names))
        for number, feature in names.items():
            weight = self.weights.get(number)
            if weight:
                learned += share * weight
                strongest.append((share * weight, feature))
        strongest.sort(key=lambda each: -abs(each[0]))
        why = ", ".join(f"{_readable(name)} {weight:+.2f}" for weight, name in strongest[:4])
        found.append(ScorePart(name="relevance", value=round(self.slope * learned, 3), why=why))
        rest = self.slope * self.bias + self.offset
        found.append(ScorePart(name="base", value=round(rest, 3), why=f"{self.examples} examples"))
        return found

    def to_json(self) -> str:
        return json.dumps(
            {
                "version": VERSION,
                "watch": self.watch,
                "fingerprint": self.fingerprint,
                "examples": self.examples,
                "until": self.until,
                "bias": round(self.bias, 4),
                "slope": round(self.slope, 4),
                "offset": round(self.offset, 4),
                "fixed": {name: round(value, 4) for name, value in self.fixed.items()},
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
                bias=float(raw["bias"]),
                slope=float(raw["slope"]),
                offset=float(raw["offset"]),
                fixed={str(k): float(v) for k, v in raw["fixed"].items()},
                weights={int(k): float(v) for k, v in raw["weights"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MonitorError(
                f"not a relevance model: {error}",
                subject=subject,
                remedy="train it again with `monitor train`, or remove the file",
            ) from error


def bucket(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "replace")) % BUCKETS


def scale(count: int) -> float:
    """What one of ``count`` features weighs, so that long texts weigh no more than short ones."""
    return 1 / math.sqrt(max(1, count))


def features(
    document: Document,
    indicator: str,
    branch: str,
    concepts: Iterable[str],
    stage: str,
    genre: str,
) -> list[str]:
    """What the model looks at: words, pairs of words and concepts, with and without the indicator."""
    title = document.title.folded[:MAX_WORDS]
    words = dict.fromkeys(title + document.summary.folded[:MAX_WORDS])
    pairs = dict.fromkeys(f"{one} {two}" for one, two in pairwise(title))
    found = [f"branch:{indicator}/{branch}", f"stage:{indicator}/{stage}", f"genre:{genre}"]
    found.append(f"indicator:{indicator}")
    for word in (*words, *pairs):
        found.append(f"word:{word}")
        found.append(f"word:{indicator}/{word}")
    found.extend(f"title:{indicator}/{word}" for word in dict.fromkeys(title))
    found.extend(f"concept:{indicator}/{concept}" for concept in concepts)
    return found


def _readable(feature: str) -> str:
    kind, _, rest = feature.partition(":")
    name = rest.rpartition("/")[2]
    return f"“{name}”" if kind in ("word", "title") else f"{kind} {name}"
