"""How sure a hit is: a sum of named parts in log-odds, then one calibrated curve.

Without a trained model the parts are fixed: they order hits sensibly and put what is told in passing, in
opinion or in retrospect below the threshold. A model adds what it learned of the text and its own
calibration, and never makes a hit of what the queries did not find.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.model import ScorePart, Stage
from monitor.query.matches import Leaf
from monitor.text import Document

STAGE_PARTS: dict[Stage, float] = {
    "act": 0.0,
    "decision": 0.1,
    "official-claim": 0.0,
    "talks": -0.2,
    "threat": -0.6,
    "denied": -0.9,
}
NEGATION_PART = -1.5
"""What is added where the action itself is negated: "did not supply"; beside its stage, ``denied``."""

GENRE_PARTS: dict[str, float] = {
    "news": 0.0,
    "opinion": -1.6,
    "explainer": -1.3,
    "retrospective": -1.3,
    "live-blog": -0.6,
    "quiz": -3.0,
    "digest": -1.0,
}


def closeness(document: Document, leaves: Sequence[Leaf]) -> ScorePart:
    """Where the evidence stands: all in the title is best, scattered through the summary is worst."""
    title = len(document.title.words)
    if leaves and leaves[-1][0] < title:  # they are in the order of the text
        return _ALL_IN_TITLE
    if leaves and leaves[0][0] < title:
        in_title = {leaf[2] for leaf in leaves if leaf[0] < title}
        share = len(in_title) / len({leaf[2] for leaf in leaves})
        if share == 1:
            return _ALL_IN_TITLE
        return ScorePart(
            name="closeness", value=round(0.4 * share, 3), why="part of it in the title"
        )
    first = leaves[0][0] - document.offset if leaves else 0
    return _SUMMARY_ONLY if first <= 25 else _FAR_INTO_SUMMARY


HIGHEST_CLOSENESS = 0.5
_ALL_IN_TITLE = ScorePart(name="closeness", value=HIGHEST_CLOSENESS, why="all of it in the title")
_SUMMARY_ONLY = ScorePart(name="closeness", value=-0.2, why="only in the summary")
_FAR_INTO_SUMMARY = ScorePart(name="closeness", value=-0.6, why="only far into the summary")


def probability(log_odds: float) -> float:
    """The logistic curve, safe at both ends."""
    if log_odds < -30:
        return 0.0
    return 1 / (1 + math.exp(-min(log_odds, 30)))


def total(parts: Sequence[ScorePart]) -> float:
    return sum([part.value for part in parts])
