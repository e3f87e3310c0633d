"""What compiles and is most likely not meant: terms that never occur, branches that cannot match,
exclusions that leave nothing, operators written as words, languages that a concept lacks.

Told from the queries and concepts alone, without items; everything here is a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass

from monitor.query.lexicon import ConceptLike, Lexicon, Pattern, Word, unions
from monitor.query.nodes import And, Fact, Frame, Near, Node, Not, Or, Ref, Term, Title, walk

_operator_words = frozenset({"and", "or", "not", "near", "onear"})
_operator_in_phrase = re.compile(r"\b(?:AND|OR|NOT|O?NEAR/\w+|NEAR|ONEAR)\b")
_lemmas = re.compile(r"~(\w+)")
_letters = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "en": "LATIN",
    "ru": "CYRILLIC",
    "uk": "CYRILLIC",
    "fa": "ARABIC",
    "ar": "ARABIC",
    "he": "HEBREW",
}


_ALPHABETS = frozenset({*_SCRIPTS.values(), "GREEK", "ARMENIAN", "GEORGIAN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A warning about a place of a query; offsets count in its text."""

    start: int
    end: int
    message: str
    hint: str = ""


def lint(node: Node, lexicon: Lexicon) -> Iterator[Finding]:
    """Warnings about one query, in the order of its text."""
    found = [*_terms(node, lexicon), *_contradictions(node, lexicon)]
    found += _wrong_script(node, lexicon)
    yield from sorted(found, key=lambda each: (each.start, each.end))


def kills(exclude: Node, branch: Node, lexicon: Lexicon) -> Finding | None:
    """The part of an exclusion that holds wherever a branch does, if there is one."""
    alternatives = exclude.operands if isinstance(exclude, Or) else (exclude,)
    for each in (exclude, *alternatives):
        held = _held_by(each, branch, lexicon)
        if held is not None:
            return Finding(
                start=each.start,
                end=each.end,
                message=f"this exclusion leaves nothing of it: it needs {_written(held)}",
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


def _terms(node: Node, lexicon: Lexicon) -> Iterator[Finding]:
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
        for lemma in _lemmas.findall(each.text):
            if lexicon.inflect is not None and not [*lexicon.inflect(lemma.casefold(), "")]:
                yield _at(
                    each,
                    f"no dictionary knows “{lemma}”: only the word as written is looked for",
                    f"Mend the spelling, or write its forms out ({lemma}*).",
                )


def _mixes(word: str, scripts: Collection[str]) -> str:
    return f"“{word}” never occurs: it mixes {' and '.join(sorted(scripts))} letters"


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(letter, "").partition(" ")[0] for letter in word)
    return {name for name in names if name in _ALPHABETS}


# ── What cannot match ────────────────────────────────────────────────────────────────────────────


def _contradictions(node: Node, lexicon: Lexicon) -> Iterator[Finding]:
    for each in walk(node):
        if not isinstance(each, And):
            continue
        operands = [*_operands(each)]
        yield from _facts_that_differ(operands)
        for one in operands:
            if not isinstance(one, Not) or isinstance(one.operand, Fact):
                continue
            alternatives = one.operand.operands if isinstance(one.operand, Or) else (one.operand,)
            for veto in (one.operand, *alternatives):
                held = _held_by(veto, each, lexicon)
                if held is not None:
                    yield _at(
                        veto,
                        f"this cannot match: it needs {_written(held)} and excludes it",
                        "Take one of them out.",
                    )
                    break


def _operands(node: And) -> Iterator[Node]:
    """What must hold, through parentheses."""
    for each in node.operands:
        if isinstance(each, And):
            yield from _operands(each)
        else:
            yield each


def _facts_that_differ(operands: Iterable[Node]) -> Iterator[Finding]:
    """Facts of one kind of which no value is left: ``lang:en AND (lang:ru OR lang:fa)``."""
    left: dict[str, frozenset[str]] = {}
    denied: dict[str, set[str]] = {}
    for one in operands:
        if isinstance(one, Not) and isinstance(one.operand, Fact):
            denied.setdefault(one.operand.kind, set()).add(one.operand.value)
        found = _values(one)
        if found is None:
            continue
        kind, values = found
        known = left.get(kind, values)
        left[kind] = known & values
        if not left[kind]:
            yield _at(
                one,
                f"this cannot match: {kind} is {' or '.join(sorted(known))} already",
                "Write OR between them, in parentheses.",
            )
            return
    for one in operands:
        if isinstance(one, Not) and isinstance(one.operand, Fact):
            kind = one.operand.kind
            if kind in left and not left[kind] - denied[kind]:
                yield _at(
                    one,
                    f"this cannot match: it needs {kind}:{one.operand.value} and excludes it",
                    "Take one of them out.",
                )
                return


def _values(node: Node) -> tuple[str, frozenset[str]] | None:
    """The kind and values of a fact, or of an OR of facts of one kind."""
    facts = node.operands if isinstance(node, Or) else (node,)
    kinds = {each.kind for each in facts if isinstance(each, Fact)}
    if len(kinds) != 1 or not all(isinstance(each, Fact) for each in facts):
        return None
    return kinds.pop(), frozenset(each.value for each in facts if isinstance(each, Fact))


def _bare(value: object) -> object:
    """A node without the places at which it stands, to tell equal ones."""
    if isinstance(value, tuple):
        return tuple(map(_bare, value))
    if is_dataclass(value) and not isinstance(value, type):
        parts = [each.name for each in fields(value) if each.name not in ("start", "end")]
        return type(value), *(_bare(getattr(value, name)) for name in parts)
    return value


def _held_by(veto: Node, node: Node, lexicon: Lexicon) -> Node | None:
    """The part of ``node`` for which ``veto`` holds wherever ``node`` does; None where there is none.

    Told from the words alone: a miss is possible, a false alarm is not.
    """
    if _bare(veto) == _bare(node) and not isinstance(node, Not):
        return node
    if isinstance(veto, Title):
        if isinstance(node, Title):
            return _held_by(veto.operand, node.operand, lexicon)
    elif (patterns := _patterns(veto, lexicon)) is not None:
        own = _patterns(node, lexicon)
        if own is not None:
            return node if _covers(patterns, own) else None
    match node:
        case And():
            inner = [*_operands(node)]
        case Near(left, right):
            inner = [left, right]
        case Frame(action, roles):
            inner = [action, *(each for _, each in roles)]
        case Title(operand):
            inner = [operand]
        case Or(operands):
            # An alternative without it is enough.
            held = [_held_by(veto, each, lexicon) for each in operands]
            return node if held and all(each is not None for each in held) else None
        case _:
            return None
    found = (_held_by(veto, each, lexicon) for each in inner)
    return next((each for each in found if each is not None), None)


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
        _begins(pattern, prefixes) or any(part in known for part in _runs(pattern))
        for pattern in narrow
    )


def _runs(pattern: Pattern) -> Iterator[Pattern]:
    """The pattern and what stands in it: “war museum” holds “museum”."""
    for start in range(len(pattern)):
        for end in range(start + 1, len(pattern) + 1):
            yield pattern[start:end]


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
        case Or(operands):
            return " or ".join(map(_written, operands))
        case _:
            return "this"


def _at(node: Node, message: str, hint: str) -> Finding:
    return Finding(start=node.start, end=node.end, message=message, hint=hint)
