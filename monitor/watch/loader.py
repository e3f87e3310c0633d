"""A watch folder as values: every problem of every file is collected, then raised together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from monitor.errors import Problem, QueryError, WatchError
from monitor.model import (
    LANGUAGES,
    Anchor,
    Branch,
    Concept,
    Deadline,
    Example,
    Feed,
    Hypothesis,
    Indicator,
    Thresholds,
    Watch,
)
from monitor.query import Lexicon, parse
from monitor.text.logins import login_headers
from monitor.watch.places import Key, SourceFile, read, suggestion
from monitor.watch.schema import (
    DeadlineEntry,
    FeedsFile,
    GazetteerFile,
    GroupFile,
    IndicatorEntry,
    NearMiss,
    Positive,
    WatchFile,
)

_NOT_INDICATORS = ("watch.yaml", "feeds.yaml")
_LEVELS = ("low", "elevated", "high", "very-high")

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class Loaded:
    """A watch, where its parts stand, and what is wrong; ``watch`` is None if it cannot be used."""

    watch: Watch | None = None
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, tuple[SourceFile, tuple[Key, ...]]] = field(default_factory=dict)
    concepts: dict[str, tuple[SourceFile, tuple[Key, ...]]] = field(default_factory=dict)


def load_watch(path: Path, *, base: Path | None = None) -> Watch:
    """The watch in a folder; concepts of ``base`` (default: ``base/`` beside it) are inherited.

    Raises WatchError with every problem found.
    """
    found = examine(path, base=base)
    if found.watch is None:
        raise WatchError(tuple(found.problems), subject=str(path))
    return found.watch


load = load_watch


def problems_of(path: Path, *, base: Path | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a watch folder; () if it can be used."""
    return tuple(examine(path, base=base).problems)


def load_feeds(path: Path, *, secret: Callable[[str], str] = str) -> tuple[Feed, ...]:
    """The feeds of a feeds.yaml. Raises WatchError with every problem found.

    ``secret`` gives the value of a header or password that stands elsewhere.
    """
    file = read(path, name=str(path))
    entries = _validated(file, FeedsFile)
    problems = list(file.problems)
    seen: dict[str, int] = {}
    for n, each in enumerate(entries.feeds if entries else ()):
        for what, value in (("id", each.id), ("url", each.url)):
            if value in seen:
                at = ("feeds", n, what)
                problems.append(
                    file.problem(f"the {what} {value!r} is taken", at, width=len(value))
                )
            seen[value] = n
    if problems or entries is None:
        raise WatchError(tuple(problems), subject=str(path))
    return tuple(
        Feed(
            **each.model_dump(exclude={"topics", "headers", "user", "password"}),
            topics=tuple(each.topics),
            headers=login_headers(
                {name: secret(value) for name, value in each.headers.items()},
                each.user,
                secret(each.password),
            ),
            declared_in=path.name,
        )
        for each in entries.feeds
    )


def examine(path: Path, *, base: Path | None = None) -> Loaded:
    """Reads and checks a watch folder without raising for what an analyst can have written."""
    found = Loaded()
    if not (path / "watch.yaml").is_file():
        found.problems.append(
            Problem(
                path=str(path / "watch.yaml"), line=0, column=0, message="is missing",
                hint="A watch is a folder with watch.yaml, one file a group and gazetteer/.",
            )
        )  # fmt: skip
        return found
    head_file = read(path / "watch.yaml")
    head = _validated(head_file, WatchFile)
    found.problems += head_file.problems
    concepts = _concepts(path, base if base is not None else path.parent / "base", found)
    groups = [_group(each, found) for each in _group_files(path)]
    if head is None:
        return found
    indicators = [
        indicator
        for file, group in groups
        if group is not None
        for indicator in _indicators(file, group, head, concepts, found)
    ]
    _check_head(head_file, head, [each for each in indicators if each], found)
    if any(each.severity == "error" for each in found.problems):
        return found
    order = list(head.groups)
    indicators.sort(key=lambda each: order.index(each.group))
    found.watch = _watch(head, indicators, concepts)
    return found


def _group_files(path: Path) -> list[Path]:
    return sorted(each for each in path.glob("*.yaml") if each.name not in _NOT_INDICATORS)


# ── Files ────────────────────────────────────────────────────────────────────────────────────────


def _validated(file: SourceFile, model: type[M]) -> M | None:
    if file.problems:
        return None
    if not isinstance(file.data, dict):
        file.problems.append(file.problem("is empty" if file.data is None else "is not a mapping"))
        return None
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            file.problems.append(_schema_problem(file, model, each))
        return None


def _schema_problem(file: SourceFile, model: type[BaseModel], error: Mapping[str, Any]) -> Problem:
    at = tuple(error["loc"])
    word = str(at[-1]) if at else ""
    if error["type"] == "extra_forbidden":
        hint = suggestion(word, sorted(_fields(model)))
        return file.problem(f"unknown key {word!r}", at, key=True, hint=hint, width=len(word))
    if error["type"] == "missing":
        return file.problem(f"{word!r} is missing", at[:-1], hint=f"Add {word}: … here.")
    if at and word == "[key]":
        key = str(at[-2])
        message = f"unknown language {key!r}" if _is_forms(at) else f"{key!r} is not allowed here"
        hint = f"Known languages: {', '.join(LANGUAGES)}" if _is_forms(at) else ""
        return file.problem(message, at[:-1], key=True, hint=hint, width=len(key))
    message = str(error["msg"]).removeprefix("Value error, ")
    shown = error.get("input")
    if isinstance(shown, str | int | float) and len(str(shown)) <= 60:
        if word == "lang":
            message = f"unknown language {shown!r}"
            return file.problem(
                message, at, hint=f"Known: {', '.join(LANGUAGES)}", width=len(str(shown))
            )
        message = f"{shown!r}: {message[:1].lower()}{message[1:]}"
    return file.problem(message, at, width=len(str(shown)) if isinstance(shown, str) else 1)


def _is_forms(at: Sequence[Key]) -> bool:
    return "forms" in at or "nouns" in at


@lru_cache(maxsize=8)
def _fields(model: type[BaseModel]) -> frozenset[str]:
    schema = json.dumps(model.model_json_schema())
    found: set[str] = set()
    for part in (json.loads(schema), *json.loads(schema).get("$defs", {}).values()):
        found |= set(part.get("properties", {}))
    return frozenset(found)


# ── Concepts ─────────────────────────────────────────────────────────────────────────────────────


def _concepts(path: Path, base: Path, found: Loaded) -> dict[str, Concept]:
    """Those of ``base`` and, over them, the watch's own."""
    concepts: dict[str, Concept] = {}
    own: set[str] = set()
    files = sorted(base.glob("*.yaml")) if base.is_dir() else []
    inherited = len(files)
    files += sorted((path / "gazetteer").glob("*.yaml"))
    for number, each in enumerate(files):
        file = read(each)
        entries = _validated(file, GazetteerFile)
        found.problems += file.problems
        for n, entry in enumerate(entries.concepts if entries else ()):
            at: tuple[Key, ...] = ("concepts", n)
            if entry.id in own:
                first = found.concepts[entry.id][0].name
                message = f"@{entry.id} is defined twice, first in {first}"
                found.problems.append(file.problem(message, (*at, "id"), width=len(entry.id)))
                continue
            if number >= inherited:
                own.add(entry.id)
            found.concepts[entry.id] = (file, at)
            concepts[entry.id] = Concept(
                id=entry.id,
                kind=entry.kind,
                forms={lang: tuple(forms) for lang, forms in entry.forms.items()},
                nouns={lang: tuple(forms) for lang, forms in entry.nouns.items()},
                note=entry.note,
            )
    _check_references(concepts, found)
    return concepts


def _check_references(concepts: Mapping[str, Concept], found: Loaded) -> None:
    lexicon = Lexicon(concepts)
    for id, concept in concepts.items():
        file, at = found.concepts[id]
        broken = False
        for part, table in (("forms", concept.forms), ("nouns", concept.nouns)):
            for lang, forms in table.items():
                for n, form in enumerate(forms):
                    if form.startswith("@") and form[1:] not in concepts:
                        broken = True
                        hint = suggestion(form[1:], list(concepts))
                        spot = (*at, part, lang, n)
                        found.problems.append(
                            file.problem(f"unknown name {form}", spot, hint=hint, width=len(form))
                        )
        if not broken:
            try:
                lexicon.patterns(id)
            except QueryError as error:
                if "unknown" not in error.problem.lower():
                    found.problems.append(
                        file.problem(error.problem, (*at, "id"), hint=error.remedy)
                    )


# ── Indicators ───────────────────────────────────────────────────────────────────────────────────


def _group(path: Path, found: Loaded) -> tuple[SourceFile, GroupFile | None]:
    file = read(path)
    group = _validated(file, GroupFile)
    found.problems += file.problems
    return file, group


def _indicators(
    file: SourceFile,
    group: GroupFile,
    head: WatchFile,
    concepts: Mapping[str, Concept],
    found: Loaded,
) -> Iterator[Indicator]:
    if group.group not in head.groups:
        hint = suggestion(group.group, list(head.groups)) or "Add it to groups in watch.yaml."
        found.problems.append(
            file.problem(
                f"unknown group {group.group!r}", ("group",), hint=hint, width=len(group.group)
            )
        )
    for n, entry in enumerate(group.indicators):
        at: tuple[Key, ...] = ("indicators", n)
        if entry.id in found.places:
            first, spot = found.places[entry.id]
            message = (
                f"the indicator id {entry.id!r} is taken by {first.name}:{first.place(spot).line}"
            )
            found.problems.append(file.problem(message, (*at, "id"), width=len(entry.id)))
            continue
        found.places[entry.id] = (file, at)
        found.problems += _check_entry(file, at, entry, head, concepts)
        if group.group in head.groups:
            yield _indicator(entry, group.group, head)


def _check_entry(
    file: SourceFile,
    at: tuple[Key, ...],
    entry: IndicatorEntry,
    head: WatchFile,
    concepts: Mapping[str, Concept],
) -> Iterator[Problem]:
    known = [each.id for each in head.hypotheses]
    for id in entry.ach:
        if id not in known:
            hint = suggestion(id, known) or f"Known: {', '.join(known)}"
            yield file.problem(
                f"unknown hypothesis {id!r}", (*at, "ach", id), key=True, hint=hint, width=len(id)
            )
    for id in known:
        if id not in entry.ach:
            yield file.problem(
                f"no rating for {id}", (*at, "ach"), hint=f'Add {id}: "0" if it says nothing.'
            )
    names: set[str] = set()
    for n, query in enumerate(entry.queries):
        if query.name in names:
            yield file.problem(
                f"the query name {query.name!r} is taken", (*at, "queries", n, "name")
            )
        names.add(query.name)
        yield from _check_query(file, (*at, "queries", n, "query"), query.query, concepts)
    if entry.exclude.strip():
        yield from _check_query(file, (*at, "exclude"), entry.exclude, concepts)
    for n, deadline in enumerate(entry.deadlines):
        if deadline.query.strip():
            yield from _check_query(file, (*at, "deadlines", n, "query"), deadline.query, concepts)


def _check_query(
    file: SourceFile, at: tuple[Key, ...], text: str, concepts: Mapping[str, Concept]
) -> Iterator[Problem]:
    try:
        parse(text, names=concepts.keys())
    except QueryError as error:
        yield file.in_text(at, error.start, error.end, text, error.problem, error.remedy)


def _check_head(
    file: SourceFile, head: WatchFile, indicators: Sequence[Indicator], found: Loaded
) -> None:
    seen: set[str] = set()
    for n, each in enumerate(head.hypotheses):
        if each.id in seen:
            found.problems.append(
                file.problem(f"the id {each.id!r} is taken", ("hypotheses", n, "id"))
            )
        seen.add(each.id)
    known = {each.id for each in indicators}
    for indicator in indicators:
        _check_labels(indicator, known, found)
    if not known and not found.problems:
        found.problems.append(
            file.problem("the watch has no indicators", ("groups",), hint="Add one file a group.")
        )


def _check_labels(indicator: Indicator, known: set[str], found: Loaded) -> None:
    file, at = found.places[indicator.id]
    for key, examples in (("positive", indicator.positive), ("near_misses", indicator.negative)):
        for n, example in enumerate(examples):
            for id in (*example.also, *example.label):
                if id not in known:
                    spot = (*at, "examples", key, n)
                    hint = suggestion(id, sorted(known))
                    found.problems.append(
                        file.problem(f"unknown indicator {id!r}", spot, hint=hint)
                    )


def _indicator(entry: IndicatorEntry, group: str, head: WatchFile) -> Indicator:
    steps = entry.thresholds
    positive = tuple(_example(each) for each in entry.examples.positive)
    return Indicator(
        id=entry.id,
        title=entry.title,
        group=group,
        watch=head.id,
        anchor=Anchor(**entry.paper.model_dump()),
        counts=entry.counts.strip(),
        does_not_count=entry.does_not_count.strip(),
        ach=dict(entry.ach),
        branches=tuple(
            Branch(
                name=each.name,
                query=each.query.strip(),
                weight=each.weight,
                stage=each.stage,
                prior=each.prior,
            )
            for each in entry.queries
        ),
        exclude=entry.exclude.strip(),
        note=entry.note.strip(),
        thresholds=Thresholds(**steps.model_dump()),
        prose_levels={key: entry.levels[key] for key in _LEVELS if key in entry.levels},
        topics=tuple(entry.topics),
        languages=tuple(sorted({each.lang for each in positive})),
        positive=positive,
        negative=tuple(_example(each) for each in entry.examples.near_misses),
        deadlines=tuple(_deadline(each) for each in entry.deadlines),
    )


def _example(entry: Positive | NearMiss) -> Example:
    return Example(
        lang=entry.lang,
        title=entry.title,
        summary=entry.summary,
        basis=entry.basis,
        why=entry.why,
        also=tuple(entry.also) if isinstance(entry, Positive) else (),
        label=tuple(entry.label) if isinstance(entry, NearMiss) else (),
    )


def _deadline(entry: DeadlineEntry) -> Deadline:
    return Deadline(
        id=entry.id,
        text=entry.text,
        due_at=entry.due,
        ach=dict(entry.ach),
        query=entry.query.strip(),
    )


# ── The whole ────────────────────────────────────────────────────────────────────────────────────


def _watch(
    head: WatchFile, indicators: Sequence[Indicator], concepts: Mapping[str, Concept]
) -> Watch:
    return Watch(
        id=head.id,
        title=head.title,
        question=head.question,
        source=head.source,
        hypotheses=tuple(Hypothesis(**each.model_dump()) for each in head.hypotheses),
        indicators=tuple(indicators),
        concepts=dict(concepts),
        groups=dict(head.groups),
        rules=rules_version(head.min_score, indicators, concepts),
        min_score=head.min_score,
    )


def rules_version(
    min_score: float, indicators: Sequence[Indicator], concepts: Mapping[str, Concept]
) -> str:
    """A short hash of everything that decides a hit or a level, and of nothing else."""
    deciding = {
        "min_score": min_score,
        "indicators": {
            each.id: [
                [[b.name, b.query, b.weight, b.stage, b.prior] for b in each.branches],
                each.exclude,
                dict(each.ach),
                [str(each.thresholds.window), each.thresholds.low, each.thresholds.elevated],
                [each.thresholds.high, each.thresholds.very_high],
                [[d.id, d.due_at.isoformat(), dict(d.ach), d.query] for d in each.deadlines],
            ]
            for each in indicators
        },
        "concepts": {
            each.id: [
                each.kind,
                {lang: list(forms) for lang, forms in each.forms.items()},
                {lang: list(forms) for lang, forms in each.nouns.items()},
            ]
            for each in concepts.values()
        },
    }
    text = json.dumps(deciding, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
