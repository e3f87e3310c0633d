"""Watches and their matcher: loaded together, checked together, swapped together."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.app.declared import folder
from monitor.app.intake import Intake, in_pieces
from monitor.app.outcomes import EvaluationReport
from monitor.app.remembered import load_remembered
from monitor.app.trained import load_models
from monitor.config import Config
from monitor.errors import ConfigError, MonitorError, Problem
from monitor.match import IndexedMatcher, Relevance, compile_matcher
from monitor.match.evaluation import evaluate, read_labelled
from monitor.model import Hit, Item, Watch
from monitor.shapes import match_shape
from monitor.watch import check, inflect

if TYPE_CHECKING:
    from concurrent.futures import Future

_PIECE = 256  # lines that one process matches at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that decides what is a hit."""

    watches: tuple[Watch, ...]
    matcher: IndexedMatcher
    fingerprint: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def seen_as(self, config: Config) -> Rules:
        """The same rules, with the files taken for seen: a bad edit is told once, not again."""
        found = fingerprint(folder(config, name) for name in config.watches)
        return replace(self, fingerprint=found)


def load_watch(config: Config, name: str) -> Watch:
    return load_remembered(folder(config, name))


def load_rules(config: Config) -> Rules:
    """Loads and compiles every watch. Raises WatchError or QueryError."""
    folders = [folder(config, name) for name in config.watches]
    seen = fingerprint(folders)  # before they are read: an edit meanwhile is seen the next time
    watches = tuple(load_remembered(each) for each in folders)
    if len({watch.id for watch in watches}) < len(watches):
        raise ConfigError(
            "two watches have the same id", remedy="Give each watch.yaml an id of its own."
        )
    models = load_models(config, dict(zip(config.watches, watches, strict=True)))
    watches = tuple(_versioned(watch, models.get(watch.id)) for watch in watches)
    with _no_collection():
        matcher = compile_matcher(watches, inflect=inflect, models=models)
    return Rules(watches=watches, matcher=matcher, fingerprint=seen)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for garbage among a million small things that all stay: a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _versioned(watch: Watch, model: Relevance | None) -> Watch:
    """A model decides hits too: the version of the rules names the data that it was trained on."""
    return replace(watch, rules=f"{watch.rules}+{model.fingerprint[:6]}") if model else watch


def fingerprint(folders: Iterable[Path]) -> Mapping[str, tuple[int, int]]:
    """Name → (time of change, size) of every file of the watches: tells an edit."""
    found: dict[str, tuple[int, int]] = {}
    for each in folders:
        for file in each.rglob("*"):
            if file.suffix in (".yaml", ".yml", ".json") and file.is_file():
                state = file.stat()
                found[str(file)] = (state.st_mtime_ns, state.st_size)
    return found


def edited(config: Config, rules: Rules) -> bool:
    return fingerprint(folder(config, name) for name in config.watches) != rules.fingerprint


# ── match, evaluate, explain ─────────────────────────────────────────────────────────────────────


def match_lines(
    config: Config,
    lines: Iterable[str],
    *,
    name: str,
    now: datetime,
    jobs: int,
    explain: bool,
    tell: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """One shape a line, in order, in constant memory; ``jobs`` processes, 0 = one a core."""
    jobs = jobs or cpu_count() or 1
    if jobs == 1:
        rules = load_rules(config)
        for piece in in_pieces(lines, 1):  # so that a pipe is answered line by line
            rows, problems = _match_piece(rules, piece, name, now, explain)
            yield from rows
            _tell(problems, tell)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    load_rules(config)  # a mistake in them is told once, here, and not by every process
    with ProcessPoolExecutor(
        jobs,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(config, name, now, explain),
    ) as pool:
        waiting: list[Future[tuple[list[dict[str, Any]], list[str]]]] = []
        for piece in in_pieces(lines, _PIECE):
            waiting.append(pool.submit(_match_in_process, piece))
            if len(waiting) >= 3 * jobs:
                yield from _finished(waiting.pop(0), tell)
        for future in waiting:
            yield from _finished(future, tell)


def _finished(
    future: Future[tuple[list[dict[str, Any]], list[str]]], tell: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    rows, problems = future.result()
    yield from rows
    _tell(problems, tell)


def _tell(problems: Iterable[str], tell: Callable[[str], None]) -> None:
    for problem in problems:
        tell(problem)


_WORK: dict[str, Any] = {}  # of a worker process


def _begin(config: Config, name: str, now: datetime, explain: bool) -> None:
    _WORK.update(rules=load_rules(config), name=name, now=now, explain=explain)


def _match_in_process(piece: tuple[int, list[str]]) -> tuple[list[dict[str, Any]], list[str]]:
    return _match_piece(_WORK["rules"], piece, _WORK["name"], _WORK["now"], _WORK["explain"])


def _match_piece(
    rules: Rules, piece: tuple[int, list[str]], name: str, now: datetime, explain: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    problems: list[str] = []
    intake = Intake(now=now, tell=problems.append)
    rows = []
    first, lines = piece
    for item, hits in rules.matcher.match_many(intake.from_lines(lines, name=name, first=first)):
        row = match_shape(item, hits, explain=explain)
        rows.append(_explained(rules, item, hits, row) if explain else row)
    return rows, problems


def _explained(
    rules: Rules, item: Item, hits: tuple[Hit, ...], row: dict[str, Any]
) -> dict[str, Any]:
    """A row of ``match`` with what else there is to know: distances, what failed, near misses."""
    from monitor.match.explanation import details, near_misses

    watches = {watch.id: watch for watch in rules.watches}
    for hit, shape in zip(hits, row["hits"], strict=True):
        shape |= details(watches[hit.watch], item, hit, matcher=rules.matcher)
    row["near_misses"] = [
        miss
        for watch in rules.watches
        for miss in near_misses(watch, item, hits, matcher=rules.matcher)
    ]
    return row


def evaluate_lines(
    rules: Rules, lines: Iterable[str], *, now: datetime, errors: bool, name: str
) -> EvaluationReport:
    intake = Intake(now=now)
    known = frozenset(each.id for watch in rules.watches for each in watch.indicators)
    try:
        labelled = list(read_labelled(lines, intake.item))
    except MonitorError as error:
        raise ConfigError(error.problem, subject=name, remedy=error.remedy) from None
    from monitor.match.explanation import why_missed

    def why(item: Item, indicator: str) -> str:
        watch = watch_of(rules.watches, indicator)
        return why_missed(watch, item, indicator, matcher=rules.matcher)

    result = evaluate(
        labelled, rules.matcher.match, known=known, why_missed=why if errors else None
    )
    return EvaluationReport(result=result, errors=errors)


def explain_lines(
    rules: Rules,
    lines: Iterable[str],
    *,
    name: str,
    indicator: str,
    now: datetime,
    tell: Callable[[str], None],
) -> Iterator[str]:
    intake = Intake(now=now, tell=tell)
    return explain_items(rules, intake.from_lines(lines, name=name), indicator=indicator)


def explain_items(rules: Rules, items: Iterable[Item], *, indicator: str) -> Iterator[str]:
    """Each item, and clause by clause what holds of the indicator. Raises ConfigError at once."""
    from monitor.match.explanation import explain

    watch = watch_of(rules.watches, indicator)
    for item in items:
        yield f"{item.id}  {item.title}\n{explain(watch, item, indicator, matcher=rules.matcher)}"


def watch_of(watches: Iterable[Watch], indicator: str) -> Watch:
    """The watch that has the indicator. Raises ConfigError."""
    known: list[str] = []
    for watch in watches:
        for each in watch.indicators:
            if each.id == indicator:
                return watch
            known.append(each.id)
    raise ConfigError(
        f"no indicator {indicator!r}", subject="--indicator", remedy="Known: " + ", ".join(known)
    )


# ── check ────────────────────────────────────────────────────────────────────────────────────────


def check_watch(watch: Watch, place: Path) -> Iterator[Problem]:
    """What can be said of a watch that loads: examples, lints, discrimination; warnings mostly."""
    yield from check(place)
