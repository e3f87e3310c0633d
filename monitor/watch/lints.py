"""The lints of the query language, at their places in the files of a watch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from monitor.errors import Problem
from monitor.model import LANGUAGES, Indicator, Watch
from monitor.query import Lexicon, Node, parse
from monitor.query.lint import (
    Finding,
    kills,
    lint,
    lost_forms,
    missing_languages,
    unheard_languages,
)
from monitor.query.nodes import Ref, walk
from monitor.watch.loader import Loaded
from monitor.watch.places import Key, SourceFile


def lints(found: Loaded, watch: Watch, heard: Collection[str] = ()) -> Iterator[Problem]:
    """Warnings about every query of a loaded watch, about forms, and concepts that lack a language.

    ``heard`` are the languages of the watch's feeds; none leaves them unchecked.
    """
    lexicon = Lexicon(watch.concepts)
    used: dict[str, None] = {}
    for indicator in watch.indicators:
        file, at = found.places[indicator.id]
        for _, node in _queries(indicator):
            used.update(dict.fromkeys(each.name for each in walk(node) if isinstance(each, Ref)))
        yield from _of_indicator(file, at, indicator, lexicon, heard)
    yield from _forms(found, watch)
    told = {lang for each in watch.indicators for lang in each.languages}
    languages = [lang for lang in LANGUAGES if lang in told]
    for name, lacking in missing_languages(watch.concepts, used, languages):
        file, at = found.concepts[name]
        yield file.problem(
            f"@{name} has no form in {', '.join(lacking)}",
            (*at, "id"),
            severity="warning",
            hint="The watch has examples in these languages; without a form it finds nothing there.",
            width=len(name),
        )


def _of_indicator(
    file: SourceFile,
    at: tuple[Key, ...],
    indicator: Indicator,
    lexicon: Lexicon,
    heard: Collection[str],
) -> Iterator[Problem]:
    spots: dict[str, tuple[tuple[Key, ...], str]] = {
        branch.name: ((*at, "queries", n, "query"), branch.query)
        for n, branch in enumerate(indicator.branches)
    }
    veto = parse(indicator.exclude) if indicator.exclude else None
    if veto is not None:
        place = (*at, "exclude")
        for each in lint(veto, lexicon):
            yield _problem(file, place, indicator.exclude, each)
    for branch in indicator.branches:
        spot, text = spots[branch.name]
        node = parse(text)
        for each in lint(node, lexicon):
            yield _problem(file, spot, text, each)
        for each in unheard_languages(node, heard) if heard else ():
            yield _problem(file, spot, text, each)
        if veto is not None and branch.prior >= 0 and (killed := kills(veto, node, lexicon)):
            named = replace(killed, message=f"the query “{branch.name}”: {killed.message}")
            yield _problem(file, (*at, "exclude"), indicator.exclude, named)


def _forms(found: Loaded, watch: Watch) -> Iterator[Problem]:
    """Forms of the gazetteer that no text can hold."""
    for name, (file, at) in found.concepts.items():
        for part, lang, number, why in lost_forms(watch.concepts[name]):
            table = watch.concepts[name].forms if part == "forms" else watch.concepts[name].nouns
            yield file.problem(
                f"@{name}: {why}",
                (*at, part, lang, number),
                severity="warning",
                hint="Type it anew in one alphabet.",
                width=len(table[lang][number]),
            )


def _queries(indicator: Indicator) -> Iterator[tuple[str, Node]]:
    for branch in indicator.branches:
        yield branch.query, parse(branch.query)
    if indicator.exclude:
        yield indicator.exclude, parse(indicator.exclude)


def _problem(file: SourceFile, at: tuple[Key, ...], text: str, finding: Finding) -> Problem:
    problem = file.in_text(at, finding.start, finding.end, text, finding.message, finding.hint)
    return replace(problem, severity="warning")
