"""Fitting the relevance model of a watch from labelled items: seconds on a laptop, no text kept.

What is learned from are the hits that the queries make, candidates included, right or wrong, whatever
their score; the watch's own examples, and items written to show what the labelled ones do not, are
learned from too, as they are all that many a language and indicator has. Scores of items that the model
had not seen (five folds in time, each scored by a model of the others) calibrate it (Platt 1999) and
tell the indicators whose queries do better without it;
then the model is fitted once more on everything.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.errors import MonitorError
from monitor.match.engine import IndexedMatcher
from monitor.match.evaluation import Labelled, Score, judge
from monitor.match.relevance import Evidence, Relevance, bucket, features, lowered
from monitor.match.score import total
from monitor.model import Example as WatchExample
from monitor.model import Item, Watch

MIN_EXAMPLES = 40
MIN_WORDS = 300  # hits in a language from which its words are learned from
REGULARISATION = 5.0  # scikit-learn's C
SMALLEST_WEIGHT = 0.05  # what is left out of the file
OWN_WEIGHT = 0.5  # of the watch's own examples: they are plainer than news
WRITTEN_WEIGHT = 0.7  # of items written for training
FOLDS = 5
MIN_RIGHT = 5  # right examples from which queries and model are compared
STEEPEST = 3.0  # slope of the calibration: a score is never made surer than that
WORTH = 0.4  # F1 below which queries are not preferred to anything
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One hit to learn from."""

    evidence: Evidence
    right: bool
    fixed: float  # what the parts of its score sum to without a model
    at: datetime
    weight: float = 1.0
    own: bool = (
        False  # of the watch itself: learned from, but tells nothing of how often hits are right
    )


def examples(
    matcher: IndexedMatcher, watch: Watch, labelled: Iterable[Labelled], *, weight: float = 1.0
) -> list[Example]:
    """Every hit of the watch's queries on the labelled items; doubtful ones (``maybe``) are left out."""
    return [
        Example(
            evidence=evidence,
            right=hit.indicator in each.labels,
            fixed=total(hit.parts),
            at=each.item.published_at or each.item.first_seen_at or _EARLIEST,
            weight=weight,
        )
        for each in labelled
        for hit, evidence in matcher.evidences(each.item)
        if hit.watch == watch.id and hit.indicator not in each.maybe
    ]


def own_examples(watch: Watch) -> Iterator[Labelled]:
    """The examples of the watch's indicators as labelled items."""
    for indicator in watch.indicators:
        for example in indicator.positive:
            yield Labelled(item=_item(example), labels=frozenset({indicator.id, *example.also}))
        for example in indicator.negative:
            yield Labelled(item=_item(example), labels=frozenset(example.label))


def _item(example: WatchExample) -> Item:
    return Item(
        id=f"{example.lang}:{example.title}",
        identity="",
        feed="",
        title=example.title,
        summary=example.summary,
        link="",
        lang=example.lang,
    )


def fingerprint(labelled: Iterable[Labelled]) -> str:
    """A hash of the training data: which items with which labels."""
    digest = hashlib.sha256()
    for each in sorted(labelled, key=lambda one: one.item.id):
        row = (each.item.id, each.item.content_hash, *sorted(each.labels), "|", *sorted(each.maybe))
        digest.update("\0".join(row).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:16]


def train(
    matcher: IndexedMatcher,
    watch: Watch,
    labelled: Sequence[Labelled],
    written: Sequence[Labelled] = (),
) -> Relevance:
    """The relevance model for a watch.

    ``written`` items are learned from, but tell nothing of how often hits are right.

    Raises MonitorError where scikit-learn is missing or there is too little to learn from.
    """
    found, own, languages, matrix, columns = _taught(matcher, watch, labelled, written)
    held = _held_out(matrix, [*found, *own], len(own), columns, languages)
    slope, offset = _curve(held)
    learned, bias = _fit(matrix, [*found, *own])
    weights = {f: float(w) for f, w in zip(columns, learned, strict=True) if w}
    newest = max(each.at for each in found)
    return Relevance(
        watch=watch.id,
        fingerprint=fingerprint([*labelled, *written, *own_examples(watch)]),
        examples=len(found) + len(own),
        weights=weights,
        bias=bias,
        languages=languages,
        counts=dict(Counter(each.evidence.indicator for each in found if each.right)),
        doubted=doubted([(each.log_odds(slope, offset), each.example) for each in held]),
        slope=slope,
        offset=offset,
        until=newest.date().isoformat() if newest != _EARLIEST else "",
    )


def out_of_fold(
    matcher: IndexedMatcher,
    watch: Watch,
    labelled: Sequence[Labelled],
    written: Sequence[Labelled] = (),
) -> list[tuple[float, Example]]:
    """Each example with the log-odds that a model of the other folds gives it, as a hit would have.

    Where the queries are doubted to be bettered they count as in a trained model. Raises as ``train``.
    """
    found, own, languages, matrix, columns = _taught(matcher, watch, labelled, written)
    held = _held_out(matrix, [*found, *own], len(own), columns, languages)
    slope, offset = _curve(held)
    scored = [(each.log_odds(slope, offset), each.example) for each in held]
    counts = Counter(each.evidence.indicator for each in found if each.right)
    trust = Relevance(
        watch=watch.id, fingerprint="", examples=0, weights={}, bias=0.0, languages=languages,
        counts=counts, doubted=doubted(scored),
    ).trust  # fmt: skip
    return [
        (t * score + (1 - t) * each.fixed, each)
        for score, each in scored
        for t in [trust(each.evidence)]
    ]


def _taught(
    matcher: IndexedMatcher,
    watch: Watch,
    labelled: Sequence[Labelled],
    written: Sequence[Labelled],
) -> tuple[list[Example], list[Example], frozenset[str], Any, list[int]]:
    """What is learned from: hits on the labelled items in time, those on what was written for it, the
    languages whose words count, the matrix of both and its columns."""
    found = sorted(examples(matcher, watch, labelled), key=lambda each: each.at)
    right = sum(each.right for each in found)
    if len(found) < MIN_EXAMPLES or right < 10 or len(found) - right < 10:
        raise MonitorError(
            f"{len(found)} labelled hits, {right} of them right, are too few to learn from",
            subject=watch.id,
            remedy=f"label or review at least {MIN_EXAMPLES}, ten right and ten wrong ones",
        )
    counted = Counter(each.evidence.lang for each in found)
    languages = frozenset(lang for lang, count in counted.items() if count >= MIN_WORDS)
    own = [
        *examples(matcher, watch, own_examples(watch), weight=OWN_WEIGHT),
        *examples(matcher, watch, written, weight=WRITTEN_WEIGHT),
    ]
    return found, own, languages, *matrix_of([*found, *own], languages)


@dataclass(frozen=True, slots=True)
class Held:
    """An example with its score by a model that has not seen it."""

    score: float
    example: Example
    parts: Mapping[str, float]  # of the score, those that the doubts about the hit bear on

    def log_odds(self, slope: float, offset: float) -> float:
        parts = {part: slope * value for part, value in self.parts.items()}
        return slope * self.score + offset + lowered(self.example.evidence, parts)


def _curve(held: Sequence[Held]) -> tuple[float, float]:
    return platt([each.score for each in held], [each.example.right for each in held])


def _held_out(
    matrix: Any,
    found: Sequence[Example],
    own: int,
    columns: Sequence[int],
    languages: frozenset[str],
) -> list[Held]:
    """Each example with its score by a model that saw only the other folds; ``own`` are at the end."""
    scored: list[Held] = []
    count = len(found) - own
    at = {each: column for column, each in enumerate(columns)}
    for fold in range(FOLDS):
        held = [i for i in range(count) if i * FOLDS // count == fold]
        rest = [i for i in range(len(found)) if i >= count or i * FOLDS // count != fold]
        if len({found[i].right for i in rest if i < count}) < 2:
            continue
        learned, bias = _fit(matrix[rest], [found[i] for i in rest])
        for score, i in zip(matrix[held] @ learned + bias, held, strict=True):
            evidence, parts = found[i].evidence, dict[str, float]()
            for part, values in features(evidence, languages).items() if evidence.doubts else ():
                if part in evidence.doubts:
                    known = [learned[at[bucket(name)]] * value for name, value in values.items()]
                    parts[part] = float(sum(known))
            scored.append(Held(float(score), found[i], parts))
    return scored


def doubted(scored: Sequence[tuple[float, Example]]) -> frozenset[str]:
    """The indicators whose queries do better alone: by F1, among those with enough right examples."""
    model: dict[str, Score] = defaultdict(Score)
    queries: dict[str, Score] = defaultdict(Score)
    for score, each in scored:
        model[each.evidence.indicator] += judge(score >= 0, each.right)
        queries[each.evidence.indicator] += judge(each.fixed >= 0, each.right)
    return frozenset(
        id
        for id, score in queries.items()
        if score.right + score.missed >= MIN_RIGHT and score.f1 > max(model[id].f1, WORTH)
    )


def platt(scores: Sequence[float], right: Sequence[bool], rounds: int = 100) -> tuple[float, float]:
    """Slope and offset of a logistic curve through scores: Newton's method with Platt's priors.

    Steps are halved until the loss falls (Lin, Lin and Weng 2007, "A note on Platt's probabilistic
    outputs"): without that, few and well-told examples send the slope to where every score is 0 or 1.
    A slope beyond ``STEEPEST`` is not believed.
    """
    positives = sum(right)
    negatives = len(right) - positives
    if not positives or not negatives:
        return 1.0, 0.0
    high, low = (positives + 1) / (positives + 2), 1 / (negatives + 2)
    targets = [high if each else low for each in right]
    a, b = 1.0, 0.0
    loss = _log_loss(scores, targets, a, b)
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
        length = 1.0
        while (
            after := _log_loss(scores, targets, a - length * step_a, b - length * step_b)
        ) > loss:
            length /= 2
            if length < 1e-6:
                break
        else:
            a, b, loss = a - length * step_a, b - length * step_b, after
            if abs(step_a) + abs(step_b) >= 1e-8:
                continue
        break
    if a <= 0:
        return 1.0, 0.0
    flattened = min(1.0, STEEPEST / a)
    return a * flattened, b * flattened


def _log_loss(scores: Sequence[float], targets: Sequence[float], a: float, b: float) -> float:
    """Of a logistic curve against what it should say."""
    return sum(
        math.log1p(math.exp(-abs(z))) + max(z, 0.0) - target * z
        for score, target in zip(scores, targets, strict=True)
        for z in (a * score + b,)
    )


def matrix_of(found: Sequence[Example], languages: frozenset[str]) -> tuple[Any, list[int]]:
    """Examples × hashed features, and what each column is; made once, as it takes the longest."""
    _, sparse = sklearn()
    columns: dict[int, int] = {}
    rows, cols, values = [], [], []
    for row, example in enumerate(found):
        for part in features(example.evidence, languages).values():
            for name, value in part.items():
                rows.append(row)
                cols.append(columns.setdefault(bucket(name), len(columns)))
                values.append(value)
    matrix = sparse.csr_matrix((values, (rows, cols)), shape=(len(found), len(columns)))
    return matrix, list(columns)


def _fit(matrix: Any, found: Sequence[Example]) -> tuple[Any, float]:
    """Logistic regression, squares of the weights penalised: a weight a column, and the bias."""
    linear_model, _ = sklearn()
    model = linear_model.LogisticRegression(C=REGULARISATION, solver="liblinear")
    model.fit(
        matrix,
        [each.right for each in found],
        sample_weight=[each.weight for each in found],
    )
    learned = model.coef_[0]
    learned[abs(learned) < SMALLEST_WEIGHT] = 0.0
    return learned, float(model.intercept_[0])


def sklearn() -> tuple[Any, Any]:
    try:
        from scipy import sparse
        from sklearn import linear_model
    except ImportError as error:
        raise MonitorError(
            "training needs scikit-learn, which is not installed",
            remedy='install it: pip install "indicator-monitor[train]"',
        ) from error
    return linear_model, sparse
