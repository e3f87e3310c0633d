"""What compiles and is most likely not meant: terms that never occur, branches that cannot match,
exclusions that leave nothing, operators written as words, languages that a concept lacks.

Told from the queries and concepts alone, without items; everything here is a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from monitor.query.lexicon import ConceptLike, Lexicon, Pattern, Word, unions
from monitor.query.nodes import And, Fact, Frame, Near, Node, Not, Or, Ref, Term, Title, walk

_operator_words = frozenset({"and", "or", "not", "near", "onear"})
_operator_in_phrase = re.compile(r"\b(?:AND|OR|NOT|O?NEAR/\w+|NEAR|ONEAR)\b")
_letters = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "en": "LATIN",
    "ru": "CYRILLIC",
    "uk": "CYRILLIC",
    "fa": "ARABIC",
    "ar": "ARABIC",
    "he": "HEBREW",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A warning about a place of a query; offsets count in its text."""

    start: int
    end: int
    message: str
    hint: str = ""


def lint(node: Node, lexicon: Lexicon) -> Iterator[Finding]:
    """Warnings about one query, in the order of its text."""
    found = [*_terms(node), *_contradictions(node, lexicon)]
    found += _wrong_script(node, lexicon)
    yield from sorted(found, key=lambda each: (each.start, each.end))


def kills(exclude: Node, branch: Node, lexicon: Lexicon) -> Finding | None:
    """The part of an exclusion that holds wherever a branch does, if there is one."""
    needed = _needed(branch, lexicon)
    for each in exclude.operands if isinstance(exclude, Or) else (exclude,):
        patterns = _patterns(each, lexicon)
        if patterns is None:
            continue
        for need, text in needed:
            if _covers(patterns, need):
                return Finding(
                    start=each.start,
                    end=each.end,
                    message=f"this exclusion leaves nothing of it: it needs {text}",
                    hint="Narrow the exclusion, or take the branch out.",
                )
    return None


def missing_languages(
    concepts: Mapping[str, ConceptLike], used: Collection[str], languages: Collection[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Concept → languages of the watch in which it has no form; one warning a concept."""
    for name in used:
        there = _languages(concepts, name, ())
        lacking = tuple(lang for lang in languages if lang not in there)
        if lacking and there:
            yield name, lacking


def lost_forms(concept: ConceptLike) -> Iterator[tuple[str, str, int, str]]:
    """(part, language, number, why) of forms that no text can hold: they mix alphabets."""
    for part, table in (("forms", concept.forms), ("nouns", concept.nouns)):
        for lang, forms in table.items():
            for number, form in enumerate(forms):
                for word in () if form.startswith("@") else _letters.findall(form):
                    if len(found := _scripts(word)) > 1:
                        yield part, lang, number, _mixes(word, found)


def unheard_languages(node: Node, heard: Collection[str]) -> Iterator[Finding]:
    """``lang:`` facts that must hold and that no feed's language fulfils."""
    match node:
        case Fact("lang", value) if value not in heard:
            yield _at(
                node,
                f"this cannot match: no feed of the watch is in {value}",
                f"The feeds are in {', '.join(sorted(heard))}: add one, or mend the language.",
            )
        case And(operands):
            for each in operands:
                yield from unheard_languages(each, heard)
        case Or(operands):  # one alternative that holds is enough: each is told of by itself
            for each in operands:
                yield from unheard_languages(each, heard)


def _languages(
    concepts: Mapping[str, ConceptLike], name: str, seen: tuple[str, ...]
) -> frozenset[str]:
    concept = concepts.get(name)
    if concept is None or name in seen:
        return frozenset()
    own = {
        lang
        for table in (concept.forms, concept.nouns)
        for lang, forms in table.items()
        if any(not form.startswith("@") for form in forms)
    }
    return frozenset(own).union(
        *(_languages(concepts, other, (*seen, name)) for other in unions(concept))
    )


# ── Terms ────────────────────────────────────────────────────────────────────────────────────────


def _terms(node: Node) -> Iterator[Finding]:
    for each in walk(node):
        if not isinstance(each, Term):
            continue
        quoted = each.end - each.start > len(each.text)
        if not quoted and each.text.casefold() in _operator_words:
            yield _at(
                each,
                f"“{each.text}” is looked for as a word",
                f"Operators are written in capitals: {each.text.upper()}",
            )
        elif quoted and (match := _operator_in_phrase.search(each.text)):
            yield _at(
                each,
                f"“{match[0]}” within quotation marks is looked for as a word",
                "Close the quotation before the operator.",
            )
        for word in _letters.findall(each.text):
            if len(found := _scripts(word)) > 1:
                yield _at(
                    each,
                    _mixes(word, found),
                    "Type it anew in one alphabet.",
                )


def _mixes(word: str, scripts: Collection[str]) -> str:
    return f"“{word}” never occurs: it mixes {' and '.join(sorted(scripts))} letters"


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(letter, "").partition(" ")[0] for letter in word)
    return {name for name in names if name in ("LATIN", "CYRILLIC", "ARABIC", "HEBREW")}


# ── What cannot match ────────────────────────────────────────────────────────────────────────────


def _contradictions(node: Node, lexicon: Lexicon) -> Iterator[Finding]:
    for each in walk(node):
        if not isinstance(each, And):
            continue
        facts: dict[str, Fact] = {}
        for one in each.operands:
            if isinstance(one, Fact):
                known = facts.setdefault(one.kind, one)
                if known.value != one.value:
                    yield _at(
                        one,
                        f"this cannot match: {one.kind} is {known.value} already",
                        "Write OR between them, in parentheses.",
                    )
        needed = _needed(each, lexicon)
        for one in each.operands:
            if not isinstance(one, Not):
                continue
            for veto in one.operand.operands if isinstance(one.operand, Or) else (one.operand,):
                patterns = _patterns(veto, lexicon)
                for need, text in needed:
                    if patterns is not None and _covers(patterns, need):
                        yield _at(
                            veto,
                            f"this cannot match: it needs {text} and excludes it",
                            "Take one of them out.",
                        )
                        break


def _wrong_script(node: Node, lexicon: Lexicon) -> Iterator[Finding]:
    """A branch for one language that needs a word in another's letters."""
    facts = node.operands if isinstance(node, And) else ()
    limits = {each.value for each in facts if isinstance(each, Fact) and each.kind == "lang"}
    if len(limits) != 1:
        return
    lang = limits.pop()
    script = _SCRIPTS.get(lang)
    for patterns, text in _needed(node, lexicon) if script else ():
        letters = {name for pattern in patterns for word in pattern for name in _scripts(word.text)}
        if letters and script not in letters:
            yield Finding(
                start=node.start,
                end=node.end,
                message=f"this cannot match: {text} has no form in the letters of lang:{lang}",
                hint="Add the forms, or leave out the language.",
            )


# ── Reasoning about patterns ─────────────────────────────────────────────────────────────────────


def _needed(node: Node, lexicon: Lexicon) -> list[tuple[tuple[Pattern, ...], str]]:
    """Sets of patterns of each of which one must stand in the item, and how they are written."""
    match node:
        case Term() | Ref():
            patterns = _patterns(node, lexicon)
            return [(patterns, _written(node))] if patterns else []
        case And(operands):
            return [need for each in operands for need in _needed(each, lexicon)]
        case Near(left, right):
            return _needed(left, lexicon) + _needed(right, lexicon)
        case Frame(action, roles):
            inner = [need for _, each in roles for need in _needed(each, lexicon)]
            return _needed(action, lexicon) + inner
        case Title(operand):
            return _needed(operand, lexicon)
        case _:
            return []


def _patterns(node: Node, lexicon: Lexicon) -> tuple[Pattern, ...] | None:
    """The patterns of a single term or name; None for anything else."""
    match node:
        case Term(text):
            return lexicon.term(text)
        case Ref(name):
            return lexicon.patterns(name)
        case _:
            return None


def _covers(wide: Iterable[Pattern], narrow: Iterable[Pattern]) -> bool:
    """Whether whatever is one of ``narrow`` is one of ``wide`` as well."""
    known = set(wide)
    prefixes = [
        pattern[0].text for pattern in known if len(pattern) == 1 and pattern[0].kind == "prefix"
    ]
    narrow = tuple(narrow)
    return bool(narrow) and all(
        pattern in known or _begins(pattern, prefixes) for pattern in narrow
    )


def _begins(pattern: Pattern, prefixes: Iterable[str]) -> bool:
    return any(_word_begins(word, prefix) for word in pattern for prefix in prefixes)


def _word_begins(word: Word, prefix: str) -> bool:
    return word.text.casefold().startswith(prefix)


def _written(node: Node) -> str:
    match node:
        case Ref(name):
            return f"@{name}"
        case Term(text):
            return f"“{text}”"
        case _:
            return "this"


def _at(node: Node, message: str, hint: str) -> Finding:
    return Finding(start=node.start, end=node.end, message=message, hint=hint)
