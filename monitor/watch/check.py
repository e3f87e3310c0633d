"""Indicators tested like code: examples through the real matcher, and lints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from monitor.errors import Problem, QueryError, WatchError
from monitor.match import IndexedMatcher, compile_matcher
from monitor.model import Example, Indicator, Item, Watch
from monitor.query import parse
from monitor.query.nodes import Frame, Ref, walk
from monitor.watch.forms import inflect
from monitor.watch.lints import lints
from monitor.watch.loader import Loaded, examine, load_feeds
from monitor.watch.places import Key


def check(path: Path, *, base: Path | None = None) -> tuple[Problem, ...]:
    """Every error and warning about the watch in a folder, each at its place."""
    found = examine(path, base=base)
    if found.watch is None:
        return tuple(found.problems)
    try:
        matcher = compile_matcher([found.watch], inflect=inflect)
    except WatchError as error:
        return (*found.problems, *error.problems)
    except QueryError as error:
        problem = Problem(
            path=str(path), line=0, column=error.start + 1, message=error.problem,
            source=error.text, hint=error.remedy, width=error.end - error.start,
        )  # fmt: skip
        return (*found.problems, problem)
    return (
        *found.problems,
        *_examples(found, found.watch, matcher),
        *lints(found, found.watch, _heard(path)),
        *_discrimination(found, found.watch),
        *_groups(path, found.watch),
        *_unused(found, found.watch),
    )


def _heard(path: Path) -> frozenset[str]:
    """The languages of a watch's feeds; none where it has none of its own, or one tells no language."""
    try:
        feeds = load_feeds(path / "feeds.yaml")
    except (WatchError, OSError):
        return frozenset()
    if not all(feed.lang for feed in feeds):
        return frozenset()
    return frozenset((feed.lang or "").partition("-")[0].lower() for feed in feeds)


def _examples(found: Loaded, watch: Watch, matcher: IndexedMatcher) -> Iterator[Problem]:
    for indicator in watch.indicators:
        file, at = found.places[indicator.id]
        for key, wanted in (("positive", True), ("near_misses", False)):
            examples = indicator.positive if wanted else indicator.negative
            if not examples:
                what = "a positive example" if wanted else "a near miss"
                yield file.problem(
                    f"{indicator.id} has no {what.split(' ', 1)[1]}", at, severity="warning"
                )
            for n, example in enumerate(examples):
                hits = {hit.indicator: hit for hit in matcher.match(_item(example))}
                if (indicator.id in hits) == wanted:
                    continue
                spot: tuple[Key, ...] = (*at, "examples", key, n, "title")
                if wanted:
                    message = f"{indicator.id} does not find its example"
                    hint = "monitor explain says which clause fails."
                else:
                    branch = hits[indicator.id].branch
                    message = f"{indicator.id} finds its near miss by the query {branch!r}"
                    hint = example.why and f"It does not count: {example.why}."
                yield file.problem(
                    message, spot, severity="warning", hint=hint, width=len(example.title)
                )


def _item(example: Example) -> Item:
    return Item(
        id="example",
        identity="example",
        feed="example",
        title=example.title,
        summary=example.summary,
        link="",
        lang=example.lang,
    )


def _discrimination(found: Loaded, watch: Watch) -> Iterator[Problem]:
    """Heuer and Pherson's validator: an indicator as likely under each hypothesis tells nothing."""
    for indicator in watch.indicators:
        if indicator.diagnosticity == 0:
            file, at = found.places[indicator.id]
            yield file.problem(
                f"{indicator.id} does not discriminate: it is rated the same under every hypothesis",
                (*at, "ach"),
                severity="warning",
                hint="Keep it as context, or say how the hypotheses differ on it.",
            )


def _groups(path: Path, watch: Watch) -> Iterator[Problem]:
    held = Counter(each.group for each in watch.indicators)
    for group in watch.groups:
        if not held[group]:
            yield Problem(
                path=str(path / "watch.yaml"), line=0, column=0, severity="warning",
                message=f"the group {group!r} has no indicators",
            )  # fmt: skip


def _unused(found: Loaded, watch: Watch) -> Iterator[Problem]:
    used = set[str]()
    for indicator in watch.indicators:
        used |= _named(indicator)
    waiting = list(used)
    while waiting:
        concept = watch.concepts[waiting.pop()]
        for table in (concept.forms, concept.nouns):
            for form in (form for forms in table.values() for form in forms):
                if form.startswith("@") and form[1:] not in used:
                    used.add(form[1:])
                    waiting.append(form[1:])
    for id, concept in watch.concepts.items():
        if id not in used and concept.kind != "cue":
            file, at = found.concepts[id]
            yield file.problem(
                f"@{id} is in no query", (*at, "id"), severity="warning", width=len(id)
            )


def _named(indicator: Indicator) -> set[str]:
    texts = [each.query for each in indicator.branches]
    texts += [text for text in (indicator.exclude, *(d.query for d in indicator.deadlines)) if text]
    found: set[str] = set()
    for text in texts:
        for node in walk(parse(text)):
            if isinstance(node, Ref):
                found.add(node.name)
            elif isinstance(node, Frame):
                found |= {each.name for each in walk(node.action) if isinstance(each, Ref)}
    return found
