"""How good hits are on labelled items: precision, recall, F1, and each miss and false alarm."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.errors import MonitorError
from monitor.model import Hit, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """An item with the indicators that hold for it; ``maybe`` are ignored either way."""

    item: Item
    labels: frozenset[str]
    maybe: frozenset[str] = frozenset()
    weight: float = 1.0  # how many items of the stream it stands for
    stratum: str = ""
    sample: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Counts, plain or weighted, and what follows from them."""

    right: float = 0.0
    false: float = 0.0
    missed: float = 0.0

    @property
    def precision(self) -> float:
        found = self.right + self.false
        return self.right / found if found else 0.0

    @property
    def recall(self) -> float:
        there = self.right + self.missed
        return self.right / there if there else 0.0

    @property
    def f1(self) -> float:
        both = 2 * self.right + self.false + self.missed
        return 2 * self.right / both if both else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(
            right=self.right + other.right,
            false=self.false + other.false,
            missed=self.missed + other.missed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One miss or false alarm."""

    kind: str  # "miss" | "false alarm"
    indicator: str
    item: Item
    labels: frozenset[str]
    why: str  # the branch and parts of a false alarm; of a miss, what failed
    hit: Hit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    items: int
    by_indicator: Mapping[str, Score]
    weighted_by_indicator: Mapping[str, Score]
    micro: Score
    weighted: Score
    macro_f1: float  # over indicators with ten or more positives
    macro_indicators: int
    interval: tuple[float, float]  # 95 % of the micro F1, bootstrap over items
    background_items: int
    background_false: int  # background items with a hit
    by_language: Mapping[str, Score] = field(default_factory=dict)
    by_stratum: Mapping[str, Score] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    @property
    def background_rate(self) -> float:
        return self.background_false / self.background_items if self.background_items else 0.0


MACRO_POSITIVES = 10


def evaluate(
    labelled: Iterable[Labelled],
    match: Callable[[Item], Sequence[Hit]],
    *,
    known: frozenset[str] = frozenset(),
    why_missed: Callable[[Item, str], str] | None = None,
    bootstrap: int = 1_000,
) -> Evaluation:
    """Runs the matcher over labelled items. ``known`` limits the labels to the watch's indicators.

    The interval is the percentile bootstrap over items (Efron 1979) with a fixed seed.
    """
    plain: dict[str, Score] = defaultdict(Score)
    weighted: dict[str, Score] = defaultdict(Score)
    languages: dict[str, Score] = defaultdict(Score)
    strata: dict[str, Score] = defaultdict(Score)
    rows: list[Score] = []
    mistakes: list[Mistake] = []
    background = background_false = 0
    for each in labelled:
        hits = {hit.indicator: hit for hit in match(each.item)}
        row = Score()
        ids = (each.labels & known if known else each.labels) | hits.keys()
        for id in sorted(ids - each.maybe):
            one = judge(id in hits, id in each.labels)
            plain[id] += one
            weighted[id] += Score(
                right=one.right * each.weight,
                false=one.false * each.weight,
                missed=one.missed * each.weight,
            )
            row += one
            if not one.right:
                mistakes.append(_mistake(each, id, hits.get(id), why_missed))
        rows.append(row)
        languages[each.item.lang] += row
        strata[each.stratum] += row
        if each.stratum == "background":
            background += 1
            background_false += bool(row.false)
    big = [score for score in plain.values() if score.right + score.missed >= MACRO_POSITIVES]
    return Evaluation(
        items=len(rows),
        by_indicator=dict(sorted(plain.items())),
        weighted_by_indicator=dict(sorted(weighted.items())),
        micro=_sum(rows),
        weighted=_sum(weighted.values()),
        macro_f1=sum(score.f1 for score in big) / len(big) if big else 0.0,
        macro_indicators=len(big),
        interval=_interval(rows, bootstrap),
        background_items=background,
        background_false=background_false,
        by_language=dict(sorted(languages.items())),
        by_stratum=dict(sorted(strata.items())),
        mistakes=tuple(mistakes),
    )


def judge(found: bool, there: bool) -> Score:
    """One label as counts."""
    return Score(
        right=float(found and there),
        false=float(found and not there),
        missed=float(there and not found),
    )


def _mistake(
    each: Labelled, id: str, hit: Hit | None, why_missed: Callable[[Item, str], str] | None
) -> Mistake:
    if hit is None:
        why = why_missed(each.item, id) if why_missed else ""
        return Mistake(kind="miss", indicator=id, item=each.item, labels=each.labels, why=why)
    parts = ", ".join(f"{part.name} {part.value:+.2f}" for part in hit.parts)
    why = f"branch “{hit.branch}”, {hit.stage}, {hit.genre}, score {hit.score:.2f} ({parts})"
    return Mistake(
        kind="false alarm", indicator=id, item=each.item, labels=each.labels, why=why, hit=hit
    )


def _sum(scores: Iterable[Score]) -> Score:
    total = Score()
    for score in scores:
        total += score
    return total


def _interval(rows: Sequence[Score], rounds: int) -> tuple[float, float]:
    counted = [
        (row.right, row.false, row.missed) for row in rows if row.right + row.false + row.missed
    ]
    if not counted or not rounds:
        return (0.0, 0.0)
    rng = random.Random(20230301)
    found = []
    for _ in range(rounds):
        drawn = rng.choices(counted, k=len(counted))
        right = sum(row[0] for row in drawn)
        both = 2 * right + sum(row[1] for row in drawn) + sum(row[2] for row in drawn)
        found.append(2 * right / both if both else 0.0)
    found.sort()
    return found[int(0.025 * rounds)], found[min(rounds - 1, int(0.975 * rounds))]


def read_labelled(
    lines: Iterable[str], make_item: Callable[[Mapping[str, Any]], Item]
) -> Iterator[Labelled]:
    """Labelled items from JSON Lines (INTERFACE.md, ``evaluate``). ``make_item`` normalises an item.

    Raises MonitorError naming the line that is not one.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            yield Labelled(
                item=make_item(raw),
                labels=frozenset(raw["labels"]),
                maybe=frozenset(raw.get("maybe") or ()),
                weight=float(raw.get("weight") or 1.0),
                stratum=str(raw.get("stratum") or ""),
                sample=str(raw.get("sample") or ""),
                stage=str(raw.get("stage") or ""),
            )
        except (ValueError, KeyError, TypeError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise MonitorError(
                f"line {number} is not a labelled item: {what}",
                remedy='each line is a JSON object with "title" and "labels", a list of indicator ids',
            ) from error
