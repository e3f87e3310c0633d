"""Fitting the relevance model of a watch from labelled items: seconds on a laptop, no text kept.

What is learned from are the hits that the queries make, right or wrong, whatever their score. Calibration
(Platt 1999) uses predictions for items that the model had not seen: the newest fifth of the training items,
so that time is respected; then the model is fitted once more on everything.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.errors import MonitorError
from monitor.match.engine import IndexedMatcher
from monitor.match.evaluation import Labelled
from monitor.match.relevance import FIXED_PARTS, Relevance, bucket, features, scale
from monitor.model import Hit, Watch
from monitor.text import Document

MIN_EXAMPLES = 40
REGULARISATION = 10.0  # scikit-learn's C
SMALLEST_WEIGHT = 0.02  # what is left out of the file
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One hit to learn from."""

    features: tuple[int, ...]
    fixed: tuple[float, ...]
    right: bool
    at: datetime
    weight: float = 1.0


def examples(matcher: IndexedMatcher, watch: Watch, labelled: Iterable[Labelled]) -> list[Example]:
    """Every hit of the watch's queries on the labelled items; doubtful ones (``maybe``) are left out.

    ``matcher`` must be compiled without models, so that the parts are the fixed ones.
    """
    found = []
    for each in labelled:
        document = None
        for hit in matcher.candidates(each.item):
            if hit.watch != watch.id or hit.indicator in each.maybe:
                continue
            if document is None:
                document = Document(each.item.title, each.item.summary, each.item.lang)
            found.append(_example(document, hit, hit.indicator in each.labels, each))
    return found


def _example(document: Document, hit: Hit, right: bool, each: Labelled) -> Example:
    names = features(
        document, hit.indicator, hit.branch, hit.concepts, hit.stage or "act", hit.genre
    )
    values = {part.name: part.value for part in hit.parts}
    return Example(
        features=tuple(sorted({bucket(name) for name in names})),
        fixed=tuple(values.get(name, 0.0) for name in FIXED_PARTS),
        right=right,
        at=each.item.published_at or each.item.first_seen_at or _EARLIEST,
    )


def fingerprint(labelled: Iterable[Labelled]) -> str:
    """A hash of the training data: which items with which labels."""
    digest = hashlib.sha256()
    for each in sorted(labelled, key=lambda one: one.item.id):
        row = (each.item.id, each.item.content_hash, *sorted(each.labels), "|", *sorted(each.maybe))
        digest.update("\0".join(row).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:16]


def train(matcher: IndexedMatcher, watch: Watch, labelled: Sequence[Labelled]) -> Relevance:
    """The relevance model for a watch.

    Raises MonitorError where scikit-learn is missing or there is too little to learn from.
    """
    found = sorted(examples(matcher, watch, labelled), key=lambda each: each.at)
    right = sum(each.right for each in found)
    if len(found) < MIN_EXAMPLES or right < 10 or len(found) - right < 10:
        raise MonitorError(
            f"{len(found)} labelled hits, {right} of them right, are too few to learn from",
            subject=watch.id,
            remedy=f"label or review at least {MIN_EXAMPLES}, ten right and ten wrong ones",
        )
    slope, offset = _calibrate(found)
    weights, fixed, bias = _fit(found)
    newest = max(each.at for each in found)
    return Relevance(
        watch=watch.id,
        fingerprint=fingerprint(labelled),
        examples=len(found),
        weights=weights,
        fixed=fixed,
        bias=bias,
        slope=slope,
        offset=offset,
        until=newest.date().isoformat() if newest != _EARLIEST else "",
    )


def _calibrate(found: Sequence[Example]) -> tuple[float, float]:
    """Platt's slope and offset, from five folds in time: each is scored by a model of the others."""
    scores: list[float] = []
    right: list[bool] = []
    folds = 5
    for fold in range(folds):
        held = [each for i, each in enumerate(found) if i * folds // len(found) == fold]
        rest = [each for i, each in enumerate(found) if i * folds // len(found) != fold]
        if len({each.right for each in rest}) < 2:
            continue
        weights, fixed, bias = _fit(rest)
        for each in held:
            scores.append(_score(each, weights, fixed, bias))
            right.append(each.right)
    return platt(scores, right)


def _score(
    example: Example, weights: dict[int, float], fixed: dict[str, float], bias: float
) -> float:
    known = sum(weights.get(feature, 0.0) for feature in example.features)
    known *= scale(len(example.features))
    parts = sum(fixed[name] * value for name, value in zip(FIXED_PARTS, example.fixed, strict=True))
    return known + parts + bias


def platt(scores: Sequence[float], right: Sequence[bool], rounds: int = 100) -> tuple[float, float]:
    """Slope and offset of a logistic curve through scores, by Newton's method with Platt's priors."""
    positives = sum(right)
    negatives = len(right) - positives
    if not positives or not negatives:
        return 1.0, 0.0
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    targets = [high if each else low for each in right]
    a, b = 1.0, 0.0
    for _ in range(rounds):
        gradient_a = gradient_b = haa = hab = hbb = 0.0
        for score, target in zip(scores, targets, strict=True):
            p = 1 / (1 + math.exp(-max(-30.0, min(30.0, a * score + b))))
            error, spread = p - target, p * (1 - p)
            gradient_a += error * score
            gradient_b += error
            haa += spread * score * score
            hab += spread * score
            hbb += spread
        haa, hbb = haa + 1e-6, hbb + 1e-6
        determinant = haa * hbb - hab * hab
        if abs(determinant) < 1e-12:
            break
        step_a = (hbb * gradient_a - hab * gradient_b) / determinant
        step_b = (haa * gradient_b - hab * gradient_a) / determinant
        a, b = a - step_a, b - step_b
        if abs(step_a) + abs(step_b) < 1e-8:
            break
    return (a, b) if a > 0 else (1.0, 0.0)


def _fit(found: Sequence[Example]) -> tuple[dict[int, float], dict[str, float], float]:
    """Logistic regression over the hashed features (each row of length one) and the fixed parts."""
    linear_model, sparse = _sklearn()
    columns = {f: i for i, f in enumerate(sorted({f for each in found for f in each.features}))}
    rows, cols, values = [], [], []
    for row, example in enumerate(found):
        for feature in example.features:
            rows.append(row)
            cols.append(columns[feature])
            values.append(scale(len(example.features)))
        for i, value in enumerate(example.fixed):
            rows.append(row)
            cols.append(len(columns) + i)
            values.append(value)
    shape = (len(found), len(columns) + len(FIXED_PARTS))
    matrix = sparse.csr_matrix((values, (rows, cols)), shape=shape)
    model = linear_model.LogisticRegression(C=REGULARISATION, max_iter=2_000)
    model.fit(matrix, [each.right for each in found])
    learned = [float(each) for each in model.coef_[0]]
    weights = {f: learned[i] for f, i in columns.items() if abs(learned[i]) >= SMALLEST_WEIGHT}
    fixed = dict(zip(FIXED_PARTS, learned[len(columns) :], strict=True))
    return weights, fixed, float(model.intercept_[0])


def _sklearn() -> tuple[Any, Any]:
    try:
        from scipy import sparse
        from sklearn import linear_model
    except ImportError as error:
        raise MonitorError(
            "training needs scikit-learn, which is not installed",
            remedy='install it: pip install "indicator-monitor[train]"',
        ) from error
    return linear_model, sparse
