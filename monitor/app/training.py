"""The relevance model of each watch, fitted anew from labels and reviews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from monitor.app.declared import folder
from monitor.app.intake import Intake
from monitor.app.trained import MODEL_FILE, read_model
from monitor.config import Config
from monitor.errors import ConfigError, MonitorError
from monitor.match import Relevance, compile_matcher
from monitor.match.evaluation import Labelled, Score, evaluate, read_labelled
from monitor.match.training import train
from monitor.model import Item, StoredHit, Watch
from monitor.watch import inflect

_HELD_OUT = 5  # one in so many items, the newest, tells how good a model of the rest is


def train_watches(
    config: Config,
    watches: Sequence[Watch],
    stored: Iterable[StoredHit],
    labels: Sequence[Path],
    *,
    now: datetime,
    dry_run: bool,
) -> str:
    """Fits the model of each watch from labelled files and reviews, and says what changes.

    ``watches`` are in the order of the configuration. Raises ConfigError for a file that cannot be
    used, MonitorError where there is too little to learn from.
    """
    labelled = [*_from_files(labels, now)]
    reviewed = list(stored)
    told: list[str] = []
    for name, watch in zip(config.watches, watches, strict=True):
        rows = _joined(labelled, _from_reviews(reviewed, watch))
        place = folder(config, name) / MODEL_FILE
        told += _train_one(watch, rows, place, dry_run=dry_run)
    return "\n".join(told)


def _train_one(watch: Watch, rows: list[Labelled], place: Path, *, dry_run: bool) -> Iterator[str]:
    bare = compile_matcher([watch], inflect=inflect)
    model = train(bare, watch, rows)
    before = read_model(place) if place.is_file() else None
    yield f"{watch.id}: {model.examples} labelled hits in {len(rows)} items until {model.until}"
    if before is not None and before.fingerprint == model.fingerprint:
        yield f"  trained on the same data as the present model ({model.fingerprint})"
    yield from _on_the_newest(watch, rows)
    gained, lost = _changes(watch, rows, before, model)
    yield f"  of the items above, the new model makes {gained} more and {lost} fewer hits"
    if dry_run:
        yield f"  nothing is written; without --dry-run the model goes to {place}"
        return
    _write(place, model.to_json())
    yield f"  written to {place}; monitor rematch applies it to stored items"


def _on_the_newest(watch: Watch, rows: Sequence[Labelled]) -> Iterator[str]:
    """How good a model is on items that it has not seen and that are newer than what it saw."""
    dated = sorted(rows, key=lambda row: _when(row.item))
    cut = len(dated) - len(dated) // _HELD_OUT
    older, newest = dated[:cut], dated[cut:]
    bare = compile_matcher([watch], inflect=inflect)
    try:
        model = train(bare, watch, older)
    except MonitorError:
        yield "  too few items to hold some back for a test"
        return
    trained = compile_matcher([watch], inflect=inflect, models={watch.id: model})
    known = frozenset(each.id for each in watch.indicators)
    without = evaluate(newest, bare.match, known=known, bootstrap=0).micro
    with_it = evaluate(newest, trained.match, known=known, bootstrap=0).micro
    yield f"  on the newest {len(newest)}, scored by a model of the others:"
    yield f"    without a model  {_figures(without)}"
    yield f"    with the model   {_figures(with_it)}"


def _figures(score: Score) -> str:
    return f"precision {score.precision:.3f}  recall {score.recall:.3f}  F1 {score.f1:.3f}"


def _when(item: Item) -> str:
    at = item.published_at or item.first_seen_at
    return at.isoformat() if at else ""


def _changes(
    watch: Watch, rows: Iterable[Labelled], before: Relevance | None, after: Relevance
) -> tuple[int, int]:
    old = compile_matcher([watch], inflect=inflect, models={watch.id: before} if before else None)
    new = compile_matcher([watch], inflect=inflect, models={watch.id: after})
    gained = lost = 0
    for row in rows:
        had = {hit.indicator for hit in old.match(row.item)}
        has = {hit.indicator for hit in new.match(row.item)}
        gained += len(has - had)
        lost += len(had - has)
    return gained, lost


def _write(place: Path, text: str) -> None:
    """Whole or not at all: a running service may read it at any moment."""
    fresh = place.with_suffix(".new")
    try:
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(place)
    except OSError as error:
        raise ConfigError(
            f"the model cannot be written: {(error.strerror or str(error)).lower()}",
            subject=str(place),
            remedy="Copy the watch to a folder of your own with: monitor init",
        ) from None


# ── What to learn from ───────────────────────────────────────────────────────────────────────────


def _from_files(files: Iterable[Path], now: datetime) -> Iterator[Labelled]:
    intake = Intake(now=now, seen_at="published")
    for file in files:
        try:
            with file.open(encoding="utf-8") as lines:
                yield from read_labelled(lines, intake.item)
        except OSError as error:
            raise ConfigError(
                f"cannot be read: {(error.strerror or str(error)).lower()}", subject=str(file)
            ) from None
        except MonitorError as error:
            raise ConfigError(error.problem, subject=str(file), remedy=error.remedy) from None


def _from_reviews(stored: Iterable[StoredHit], watch: Watch) -> list[Labelled]:
    """Reviewed hits as labels; indicators of the item that nobody judged are left open."""
    items: dict[str, Item] = {}
    verdicts: dict[str, dict[str, bool]] = defaultdict(dict)
    for each in stored:
        if each.hit.watch == watch.id and each.status in ("confirmed", "dismissed"):
            items[each.item.id] = each.item
            verdicts[each.item.id][each.hit.indicator] = each.status == "confirmed"
    known = frozenset(each.id for each in watch.indicators)
    return [
        Labelled(
            item=item,
            labels=frozenset(each for each, right in verdicts[id].items() if right),
            maybe=known - verdicts[id].keys(),
            sample="review",
        )
        for id, item in items.items()
    ]


def _joined(labelled: Iterable[Labelled], reviewed: Iterable[Labelled]) -> list[Labelled]:
    """One row an item; what was reviewed here goes before what a file says."""
    rows = {row.item.id: row for row in labelled}
    rows.update({row.item.id: row for row in reviewed})
    return list(rows.values())
