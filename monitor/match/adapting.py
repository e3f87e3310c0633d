"""Learning from an analyst's reviews on top of a trained model, without losing what that has learned.

A few dozen verdicts are too few to learn what is relevant from, and enough to tell where the model errs.
So its weights stay, and what is learned is a correction that is held close to nothing: a logistic
regression whose offset is the model's own log-odds, that is a Gaussian prior around its weights
(Chelba and Acero 2006, "Adaptation of maximum entropy capitalizer: little data can help a lot").
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.errors import MonitorError
from monitor.match.engine import IndexedMatcher
from monitor.match.evaluation import Labelled
from monitor.match.relevance import Relevance
from monitor.match.training import (
    SMALLEST_WEIGHT,
    Example,
    examples,
    fingerprint,
    matrix_of,
    sklearn,
)
from monitor.model import Watch

MIN_VERDICTS = 20
MIN_EACH = 5  # of confirmed ones, and of dismissed ones
FREEDOM = 0.5  # variance of the prior of a correction: small beside that of training anew
FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """The corrected model, and how often each is right on verdicts that the correction had not seen."""

    model: Relevance
    verdicts: int
    before: int
    after: int


def adapt(
    base: Relevance, matcher: IndexedMatcher, watch: Watch, reviewed: Sequence[Labelled]
) -> Adapted:
    """``base`` corrected by reviews. ``matcher`` has the watch's queries, without a model.

    Raises MonitorError where scikit-learn is missing or there are too few verdicts.
    """
    found = sorted(examples(matcher, watch, reviewed), key=lambda each: each.at)
    right = sum(each.right for each in found)
    if len(found) < MIN_VERDICTS or min(right, len(found) - right) < MIN_EACH:
        raise MonitorError(
            f"{len(found)} reviewed hits, {right} of them confirmed, are too few to learn from",
            subject=watch.id,
            remedy=f"review at least {MIN_VERDICTS}, {MIN_EACH} right and {MIN_EACH} wrong ones",
        )
    matrix, columns = matrix_of(found, base.languages)
    known = [base.log_odds(each.evidence, each.fixed) for each in found]
    before, after = _on_unseen(matrix, known, found, base.slope)
    weights, shift = _correction(matrix, known, found, base.slope)
    corrected = dict(base.weights)
    for column, weight in zip(columns, weights, strict=True):
        if abs(weight) >= SMALLEST_WEIGHT:
            corrected[column] = corrected.get(column, 0.0) + float(weight)
    mixed = hashlib.sha256(f"{base.fingerprint}\0{fingerprint(reviewed)}".encode()).hexdigest()[:16]
    model = replace(
        base,
        weights=corrected,
        offset=base.offset + shift,
        examples=base.examples + len(found),
        fingerprint=mixed,
        base=base.fingerprint,
        _known={},
        _tables={},
    )
    return Adapted(model=model, verdicts=len(found), before=before, after=after)


def _on_unseen(
    matrix: Any, known: Sequence[float], found: Sequence[Example], slope: float
) -> tuple[int, int]:
    """Right answers of the model as it is, and of corrections by the other four fifths."""
    before = sum((odds >= 0) == each.right for odds, each in zip(known, found, strict=True))
    after = 0
    for fold in range(FOLDS):
        held = list(range(fold, len(found), FOLDS))
        rest = [i for i in range(len(found)) if i % FOLDS != fold]
        if len({found[i].right for i in rest}) < 2:
            continue
        weights, shift = _correction(
            matrix[rest], [known[i] for i in rest], [found[i] for i in rest], slope
        )
        added = slope * (matrix[held] @ weights) + shift
        after += sum(
            (known[i] + float(more) >= 0) == found[i].right
            for i, more in zip(held, added, strict=True)
        )
    return before, after


def _correction(
    matrix: Any, known: Sequence[float], found: Sequence[Example], slope: float
) -> tuple[Any, float]:
    """A weight a column and a shift of all scores, as little as explains the verdicts."""
    sklearn()  # scipy comes with it, and its absence is told in the same words
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    offset = np.asarray(known)
    sign = np.asarray([1.0 if each.right else -1.0 for each in found])

    def loss(at: Any) -> tuple[float, Any]:
        weights, shift = at[:-1], at[-1]
        margin = sign * (offset + slope * (matrix @ weights) + shift)
        pull = -sign * expit(-margin)
        value = np.logaddexp(0.0, -margin).sum() + (at @ at) / (2 * FREEDOM)
        gradient = np.append(slope * (matrix.T @ pull), pull.sum()) + at / FREEDOM
        return float(value), gradient

    best = minimize(loss, np.zeros(matrix.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return best[:-1], float(best[-1])
