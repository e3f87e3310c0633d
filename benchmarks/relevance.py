"""How good the hits are, with and without the relevance model; how the shipped model is trained.

    python benchmarks/relevance.py train --labelled FILE --archive FILE
    python benchmarks/relevance.py folds --labelled FILE --archive FILE [--svg docs/reliability.svg]
    python benchmarks/relevance.py report --labelled FILE [--languages FILE]
    python benchmarks/relevance.py archive --archive FILE [--draw 100]

Everything is split by time: what is fitted sees items before ``--until`` only, what is reported is
from then on; ``folds`` scores the items before it by models of the other folds in time. ``train`` and
``folds`` add the items of the archive that benchmarks/relevance_labels.json labels by id (read with the
codebook's labelling guide, all of them before 2023-03-01; no text is in it), and the headlines of
benchmarks/relevance_written.jsonl, written for training, of what the labelled months did not know.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from monitor.app.intake import Intake
from monitor.match import IndexedMatcher, Relevance, compile_matcher
from monitor.match.evaluation import Evaluation, Labelled, Score, evaluate, read_labelled
from monitor.match.score import probability
from monitor.match.training import out_of_fold, train
from monitor.model import Item, Watch
from monitor.watch import inflect, load

ROOT = Path(__file__).resolve().parent.parent
LABELS = ROOT / "benchmarks" / "relevance_labels.json"
WRITTEN = ROOT / "benchmarks" / "relevance_written.jsonl"
SEED = 20230301

Curve = list[tuple[float, int, float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("do", choices=["train", "folds", "report", "archive"])
    parser.add_argument("--watch", type=Path, default=ROOT / "indicators" / "russia-iran")
    parser.add_argument("--labelled", type=Path)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--languages", type=Path)
    parser.add_argument("--until", default="2023-03-01")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--draw", type=int, default=0)
    given = parser.parse_args()
    until = datetime.fromisoformat(given.until).replace(tzinfo=UTC)
    watch = load(given.watch)
    does = {"train": _train, "folds": _folds, "report": _report, "archive": _archive}
    does[given.do](given, watch, until)


# ── Training ─────────────────────────────────────────────────────────────────────────────────────


def _earlier(given: argparse.Namespace, until: datetime) -> list[Labelled]:
    rows = [row for row in labelled(given.labelled) if _at(row.item) < until]
    known = {row.item.id for row in rows}
    if given.archive:
        more = [row for row in _labelled_archive(given.archive) if row.item.id not in known]
        rows += [row for row in more if _at(row.item) < until]
    return rows


def _train(given: argparse.Namespace, watch: Watch, until: datetime) -> None:
    rows = _earlier(given, until)
    started = time.perf_counter()
    model = train(compile_matcher([watch], inflect=inflect), watch, rows, labelled(WRITTEN))
    place = given.watch / "relevance.json"
    place.write_text(model.to_json() + "\n", encoding="utf-8")
    print(
        f"{len(rows)} items, {model.examples} hits, {len(model.weights)} weights, fingerprint "
        f"{model.fingerprint}, {time.perf_counter() - started:.0f} s → {place}"
    )


def _folds(given: argparse.Namespace, watch: Watch, until: datetime) -> None:
    """How good hits are on items that their model has not seen, and the reliability curve of those."""
    rows = _earlier(given, until)
    scored = out_of_fold(compile_matcher([watch], inflect=inflect), watch, rows, labelled(WRITTEN))
    there = Counter(id for row in rows for id in row.labels - row.maybe)
    for name, at_least in (("queries alone", None), ("with the model", 0.0)):
        right, false = Counter[str](), Counter[str]()
        for log_odds, each in scored:
            if (each.fixed if at_least is None else log_odds) >= 0:
                (right if each.right else false)[each.evidence.indicator] += 1
        scores = {
            id: Score(right=right[id], false=false[id], missed=there[id] - right[id])
            for id in sorted(there, key=lambda each: -there[each])
        }
        micro = sum(
            scores.values(), Score(false=sum(false.values()) - sum(false[i] for i in there))
        )
        print(f"\nfolds, {name}: P {micro.precision:.3f} R {micro.recall:.3f} F1 {micro.f1:.3f}")
        for id, score in scores.items():
            print(
                f"{id} | {there[id]} | {score.precision:.2f} | {score.recall:.2f} | {score.f1:.2f}"
            )
    pairs = [(probability(log_odds), each.right) for log_odds, each in scored]
    curve = tenths(pairs)
    _print_curve(curve)
    if given.svg:
        given.svg.write_text(svg(curve), encoding="utf-8")


def labelled(file: Path) -> list[Labelled]:
    intake = Intake(now=datetime(2026, 1, 1, tzinfo=UTC), seen_at="published")
    with file.open(encoding="utf-8") as lines:
        return list(read_labelled(lines, intake.item))


def _labelled_archive(file: Path) -> Iterator[Labelled]:
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    for item in archive(file):
        if found := labels.get(item.id):
            yield Labelled(
                item=item,
                labels=frozenset(found["labels"]),
                maybe=frozenset(found.get("maybe", ())),
                sample="read",
            )


def archive(file: Path) -> Iterator[Item]:
    intake = Intake(now=datetime(2026, 1, 1, tzinfo=UTC), seen_at="published")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from intake.from_lines(lines, name=str(file))


def _at(item: Item) -> datetime:
    return item.published_at or datetime.max.replace(tzinfo=UTC)


# ── Reporting ────────────────────────────────────────────────────────────────────────────────────


def _matchers(given: argparse.Namespace, watch: Watch) -> dict[str, IndexedMatcher]:
    found = {"queries alone": compile_matcher([watch], inflect=inflect)}
    place = given.watch / "relevance.json"
    if place.is_file():
        model = Relevance.from_json(place.read_text(encoding="utf-8"), subject=str(place))
        models = {watch.id: model}
        found["with the model"] = compile_matcher([watch], inflect=inflect, models=models)
    return found


def _report(given: argparse.Namespace, watch: Watch, until: datetime) -> None:
    known = frozenset(each.id for each in watch.indicators)
    parts = {"later": [row for row in labelled(given.labelled) if _at(row.item) >= until]}
    if given.languages:
        parts["languages"] = labelled(given.languages)
    for part, rows in parts.items():
        for name, matcher in _matchers(given, watch).items():
            found = evaluate(rows, matcher.match, known=known)
            print(f"\n{part}, {name}: {_line(found)}")
            print(_table(found) if part == "later" else _by_language(found))
    matcher = list(_matchers(given, watch).values())[-1]
    _print_curve(reliability(parts["later"], matcher))


def _print_curve(curve: Curve) -> None:
    print("\nscore      hits  mean score  right")
    for low, count, mean, right in curve:
        print(f"{low:.1f}–{low + 0.1:.1f}  {count:>6}  {mean:>10.2f}  {right:>5.2f}")


def _line(found: Evaluation) -> str:
    score, (low, high) = found.micro, found.interval
    return (
        f"{found.items} items, P {score.precision:.3f} R {score.recall:.3f} F1 {score.f1:.3f} "
        f"[{low:.3f}, {high:.3f}], macro {found.macro_f1:.3f} over {found.macro_indicators}, "
        f"background {found.background_false} of {found.background_items}, "
        f"weighted P {found.weighted.precision:.2f} R {found.weighted.recall:.2f}"
    )


def _table(found: Evaluation) -> str:
    rows = ["| indicator | items | P | R | F1 |", "|---|--:|--:|--:|--:|"]
    ranked = sorted(found.by_indicator.items(), key=lambda each: -(each[1].right + each[1].missed))
    for id, score in ranked:
        there = score.right + score.missed
        rows.append(
            f"| {id} | {there:.0f} | {score.precision:.2f} | {score.recall:.2f} | {score.f1:.2f} |"
        )
    return "\n".join(rows)


def _by_language(found: Evaluation) -> str:
    rows = ["| language | P | R | F1 |", "|---|--:|--:|--:|"]
    for lang, score in found.by_language.items():
        rows.append(f"| {lang} | {score.precision:.2f} | {score.recall:.2f} | {score.f1:.2f} |")
    return "\n".join(rows)


def reliability(rows: Sequence[Labelled], matcher: IndexedMatcher) -> Curve:
    """Over all candidates of the rows."""
    return tenths(
        (hit.score, hit.indicator in row.labels)
        for row in rows
        for hit in matcher.candidates(row.item)
        if hit.indicator not in row.maybe
    )


def tenths(scored: Iterable[tuple[float, bool]]) -> Curve:
    """(lower end of a tenth, hits, mean score, share right)."""
    found: dict[int, list[tuple[float, bool]]] = {}
    for score, right in scored:
        found.setdefault(min(9, int(score * 10)), []).append((score, right))
    return [
        (
            n / 10,
            len(some),
            sum(s for s, _ in some) / len(some),
            sum(r for _, r in some) / len(some),
        )
        for n, some in sorted(found.items())
    ]


def svg(curve: Curve) -> str:
    """The reliability curve: how often hits of a score are right; the diagonal is perfect."""

    def x(score: float) -> float:
        return round(50 + 300 * score, 1)

    def y(right: float) -> float:
        return round(330 - 300 * right, 1)

    line = " ".join(f"{x(mean)},{y(right)}" for _, _, mean, right in curve)
    dots = "".join(
        f'<circle cx="{x(mean)}" cy="{y(right)}" r="{min(9, 2 + count**0.5 / 4):.1f}">'
        f"<title>{count} hits, mean score {mean:.2f}, right {right:.2f}</title></circle>"
        for _, count, mean, right in curve
    )
    ticks = "".join(
        f'<text x="{x(n / 5)}" y="348" text-anchor="middle">{n / 5:.1f}</text>'
        f'<text x="42" y="{y(n / 5) + 4}" text-anchor="end">{n / 5:.1f}</text>'
        for n in range(6)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 370 385" role="img" font-size="11" '
        'font-family="system-ui, sans-serif"><title>Reliability of scores</title>'
        '<rect width="370" height="385" fill="#fff"/>'
        '<path d="M50 30V330H350" fill="none" stroke="#555"/>'
        f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="#999" stroke-dasharray="4 4"/>'
        f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2"/>'
        f'<g fill="#1f5fa8" fill-opacity=".75">{dots}</g><g fill="#333">{ticks}'
        '<text x="200" y="370" text-anchor="middle">score</text>'
        '<text x="14" y="180" text-anchor="middle" transform="rotate(-90 14 180)">right</text>'
        "</g></svg>\n"
    )


# ── The archive ──────────────────────────────────────────────────────────────────────────────────


def _archive(given: argparse.Namespace, watch: Watch, until: datetime) -> None:
    """Hits per thousand items, speed, and hits drawn at random to be read."""
    items = list(archive(given.archive))
    for name, matcher in _matchers(given, watch).items():
        matcher.match(items[0])
        started = time.process_time()
        hits = [(item, hit) for item, found in matcher.match_many(items) for hit in found]
        seconds = time.process_time() - started
        with_hits = len({item.id for item, _ in hits})
        print(
            f"{name}: {len(hits)} hits in {with_hits} of {len(items)} items, "
            f"{1_000 * len(hits) / len(items):.1f} per 1,000, "
            f"{len(items) / seconds:,.0f} items per CPU-s"
        )
    for item, hit in random.Random(SEED).sample(hits, min(given.draw, len(hits))):
        print(f"{hit.score:.2f} {hit.indicator} | {item.title} || {item.summary[:200]}")


if __name__ == "__main__":
    main()
