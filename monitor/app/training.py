"""The relevance model of each watch, fitted anew from labels and reviews."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from monitor.app.declared import folder
from monitor.app.intake import Intake
from monitor.app.trained import BASE_FILE, MODEL_FILE, OLD_FILE, read_model
from monitor.config import Config
from monitor.errors import ConfigError, MonitorError
from monitor.match import Relevance, compile_matcher
from monitor.match.adapting import adapt
from monitor.match.evaluation import Labelled, Score, evaluate, read_labelled
from monitor.match.training import train
from monitor.model import Item, StoredHit, Watch
from monitor.watch import inflect

REVIEWS = "reviews"  # as what a model came from: it was learned from reviews alone
_HELD_OUT = 5  # one in so many items, the newest, tells how good a model of the rest is


@dataclass(slots=True)
class Trained:
    """What training has to say, and whether a model was kept back because it is no better."""

    lines: list[str] = field(default_factory=list)
    kept_back: bool = False

    def __str__(self) -> str:
        return "\n".join(self.lines)


def train_watches(
    config: Config,
    watches: Sequence[Watch],
    stored: Iterable[StoredHit],
    labels: Sequence[Path],
    *,
    now: datetime,
    dry_run: bool,
    force: bool = False,
) -> Trained:
    """Fits the model of each watch and says what changes.

    With labelled files: anew from these, then corrected by the reviews. Without: what is there already
    is corrected, as a few dozen verdicts cannot make up for what it has learned; where nothing is, the
    reviews alone are learned from. A model that does worse on what it has not seen is not written,
    unless ``force``. ``watches`` are in the order of the configuration. Raises ConfigError for a file
    that cannot be used, MonitorError where there is too little to learn from.
    """
    labelled = [*_from_files(labels, now)]
    stored = list(stored)
    told = Trained()
    for name, watch in zip(config.watches, watches, strict=True):
        place = folder(config, name) / MODEL_FILE
        reviews = _from_reviews(stored, watch)
        mine = {each.item.id for each in reviews}
        rows = [
            each for each in labelled if each.item.id not in mine
        ]  # a review goes before a file
        base, better = (None, True) if rows else (_base(place, watch), True)
        if rows:
            base, better = _anew(watch, rows, told)
        if base is None:
            made, better = _anew(watch, reviews, told)
            model = replace(made, base=REVIEWS)
        else:
            model = _corrected(base, watch, reviews, told, must=not rows)
        seen = [*rows, *reviews]
        _keep(watch, seen, place, model, base, told, better=better, force=force, dry_run=dry_run)
    return told


def _base(place: Path, watch: Watch) -> Relevance | None:
    """The model that reviews correct: what stands there, or what that was corrected from; None where
    there is none, or one of reviews alone, as no verdict is to count twice."""
    if not place.is_file():
        return None
    present = read_model(place)
    if present.watch != watch.id or present.base == REVIEWS:
        return None
    before = place.with_name(BASE_FILE)
    if present.base and before.is_file():
        kept = read_model(before)
        if kept.fingerprint == present.base:
            return kept
    return present


def _anew(watch: Watch, rows: list[Labelled], told: Trained) -> tuple[Relevance, bool]:
    model = train(compile_matcher([watch], inflect=inflect), watch, rows)
    until = f" until {model.until}" if model.until else ""
    told.lines.append(
        f"{watch.id}: {model.examples} labelled hits in {len(rows)} items{until}, learned from anew"
    )
    better = True
    scores = _on_the_newest(watch, rows)
    if scores is None:
        told.lines.append("  too few items to hold some back for a test")
    else:
        without, with_it, count = scores
        better = with_it.f1 >= without.f1
        told.lines += [
            f"  on the newest {count}, scored by a model of the others:",
            f"    without a model  {_figures(without)}",
            f"    with the model   {_figures(with_it)}",
        ]
    return model, better


def _corrected(
    base: Relevance, watch: Watch, reviews: list[Labelled], told: Trained, *, must: bool
) -> Relevance:
    """``base`` corrected by the reviews; as it is where that does worse or, unless they are all that
    there is to learn from (``must``), where they are too few."""
    try:
        found = adapt(base, compile_matcher([watch], inflect=inflect), watch, reviews)
    except MonitorError:
        if must:
            raise
        return base
    told.lines += [
        f"{watch.id}: {found.verdicts} reviewed hits correct the model {base.fingerprint} "
        f"({base.examples} examples)",
        f"  on reviews that a correction had not seen, right of {found.verdicts}:",
        f"    the model as it was  {found.before}",
        f"    corrected            {found.after}",
    ]
    if found.after < found.before:
        told.lines.append("  the correction does worse: it is left out")
        return base
    return found.model


def _keep(
    watch: Watch,
    rows: list[Labelled],
    place: Path,
    model: Relevance,
    base: Relevance | None,
    told: Trained,
    *,
    better: bool,
    force: bool,
    dry_run: bool,
) -> None:
    """Writes the model; what stood there before stays beside it."""
    say = told.lines.append
    before = read_model(place) if place.is_file() else None
    if before is not None and before.fingerprint == model.fingerprint:
        say(f"  trained on the same data as the present model ({model.fingerprint})")
    elif before is not None:
        say(f"  present model: {before.examples} examples; new model: {model.examples} examples")
        better = better and model.examples * 2 >= before.examples
    gained, lost = _changes(watch, rows, before, model)
    say(f"  of the items above, the new model makes {gained} more and {lost} fewer hits")
    if not (better or force):
        told.kept_back = True
        say("  not written: it does worse, or knows less than half of what the present one does")
        say("  --force writes it all the same")
    elif dry_run:
        say(f"  nothing is written; without --dry-run the model goes to {place}")
    else:
        if before is not None and before.fingerprint != model.fingerprint:
            _write(place.with_name(OLD_FILE), before.to_json())
        if base is not None and model.base == base.fingerprint:
            _write(place.with_name(BASE_FILE), base.to_json())
        _write(place, model.to_json())
        say(f"  written to {place}; monitor rematch applies it to stored items")


def _on_the_newest(watch: Watch, rows: Sequence[Labelled]) -> tuple[Score, Score, int] | None:
    """Without and with a model, on newer items than the model saw, and how many; None: too few."""
    dated = sorted(rows, key=lambda row: _when(row.item))
    cut = len(dated) - len(dated) // _HELD_OUT
    older, newest = dated[:cut], dated[cut:]
    bare = compile_matcher([watch], inflect=inflect)
    try:
        model = train(bare, watch, older)
    except MonitorError:
        return None
    trained = compile_matcher([watch], inflect=inflect, models={watch.id: model})
    known = frozenset(each.id for each in watch.indicators)
    without = evaluate(newest, bare.match, known=known, bootstrap=0).micro
    with_it = evaluate(newest, trained.match, known=known, bootstrap=0).micro
    return without, with_it, len(newest)


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
            with file.open(encoding="utf-8", errors="replace") as lines:
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
