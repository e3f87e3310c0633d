"""What words a term or concept stands for: patterns of words, compiled once.

A form is adjacent words, each a whole word, a ``prefix*``, a ``~lemma`` (every inflected form) or two to
four capitals, which are compared as capitals. ``@other`` names the forms of another concept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Literal, NamedTuple, Protocol, TypeAlias

from monitor.errors import QueryError
from monitor.text import fold

Inflect: TypeAlias = Callable[[str, str], Iterable[str]]
"""(lemma, language or "" for any) → its forms. Compile time only: items need no dictionary."""

ACTORS = frozenset({"state", "org", "person", "office", "role", "group", "actor"})
"""Kinds of concept that can be the doer; a nearer doer shadows a farther one (see frames)."""

ARABIC_PROCLITICS = ("ولل", "وال", "فال", "بال", "كال", "لل", "ال", "و", "ف", "ب", "ك", "ل")
HEBREW_PROCLITICS = "הובלמשכ"


class ConceptLike(Protocol):
    """What is asked of a concept; ``monitor.model.Concept`` is one."""

    @property
    def kind(self) -> str: ...
    @property
    def forms(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def nouns(self) -> Mapping[str, tuple[str, ...]]: ...


class Word(NamedTuple):
    """One word of a pattern, folded. (A tuple, since watches are compiled of ten thousands of them.)"""

    text: str
    kind: Literal["word", "prefix", "capitals"] = "word"


Pattern: TypeAlias = tuple[Word, ...]


def word_matches(word: Word, token: str, folded: str) -> bool:
    """Whether a pattern's word is the token (``token`` with its capitals, ``folded`` without)."""
    if word.kind == "capitals":
        return token == word.text
    for candidate in readings(folded):
        if candidate != folded and (len(word.text) < 3 or not same_script(word.text, folded)):
            continue
        if candidate == word.text or (word.kind == "prefix" and candidate.startswith(word.text)):
            return True
    return False


def readings(folded: str) -> list[str]:
    """A word as it stands and without the proclitics it may begin with."""
    found = [folded]
    first = folded[:1]
    if "\u0600" <= first <= "\u06ff":
        found += [
            folded[len(each) :]
            for each in ARABIC_PROCLITICS
            if folded.startswith(each) and len(folded) - len(each) >= 3
        ]
    elif first and first in HEBREW_PROCLITICS:
        found.append(folded[1:])
    return found


def same_script(one: str, other: str) -> bool:
    """Proclitics are only taken off for a pattern of their own script."""
    return ("\u0600" <= one[:1] <= "\u06ff") == ("\u0600" <= other[:1] <= "\u06ff") and (
        "\u0590" <= one[:1] <= "\u05ff"
    ) == ("\u0590" <= other[:1] <= "\u05ff")


_part = re.compile(r"(~?)(\w+)(\*?)")


def compile_form(form: str, lang: str = "", inflect: Inflect | None = None) -> tuple[Pattern, ...]:
    """The patterns of one form; several where a ``~lemma`` has several inflected forms."""
    slots: list[list[Pattern]] = []
    for lemma, text, star in _part.findall(fold(form).text):
        if lemma and inflect is not None:
            slots.append(_inflected(text, lang, inflect))
        else:
            slots.append([(_word(text, star),)])
    return tuple(
        tuple(word for part in parts for word in part) for parts in product(*slots) if slots
    )


def _word(text: str, star: str = "") -> Word:
    if star:
        return Word(text.casefold(), "prefix")
    if 2 <= len(text) <= 4 and text.isupper() and not any(c.isdigit() for c in text):
        return Word(text, "capitals")
    return Word(text.casefold())


def _inflected(lemma: str, lang: str, inflect: Inflect) -> list[Pattern]:
    lemma = lemma.casefold()
    found: dict[Pattern, None] = {(Word(lemma),): None}
    for form in inflect(lemma, lang):
        words = tuple(Word(text.casefold()) for _, text, _ in _part.findall(fold(form).text))
        if words:
            found[words] = None
    return list(found)


class Lexicon:
    """The concepts of a watch, with the patterns that each stands for.

    ``inflect`` gives the forms of ``~lemmas``; without it a ``~lemma`` is the word as written.
    """

    def __init__(self, concepts: Mapping[str, ConceptLike], inflect: Inflect | None = None) -> None:
        self.concepts = concepts
        self.inflect = inflect
        self._patterns: dict[str, tuple[Pattern, ...]] = {}
        self._nouns: dict[str, tuple[Pattern, ...]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.concepts

    def patterns(self, name: str) -> tuple[Pattern, ...]:
        """Every pattern of a concept, nouns included. Raises QueryError on a cycle or unknown @name."""
        if name not in self._patterns:
            found = (*self._gather(name, "forms", ()), *self.nouns(name))
            self._patterns[name] = tuple(dict.fromkeys(found))
        return self._patterns[name]

    def patterns_in(self, name: str, lang: str) -> tuple[Pattern, ...]:
        """Those patterns of a concept that are listed for a language; all for ""."""
        if not lang:
            return self.patterns(name)
        found = (
            pattern
            for form in self.concepts[name].forms.get(lang, ())
            for pattern in compile_form(form, lang, self.inflect)
        )
        return tuple(dict.fromkeys(found))

    def nouns(self, name: str) -> tuple[Pattern, ...]:
        """Those patterns of an action that are nouns."""
        if name not in self._nouns:
            self._nouns[name] = tuple(dict.fromkeys(self._gather(name, "nouns", ())))
        return self._nouns[name]

    def verbs(self, name: str) -> tuple[Pattern, ...]:
        """Those patterns of an action that are not nouns alone."""
        return tuple(dict.fromkeys(self._gather(name, "forms", ())))

    def term(self, text: str) -> tuple[Pattern, ...]:
        return compile_form(text, "", self.inflect)

    def kind(self, name: str) -> str:
        return self.concepts[name].kind

    def names(self, kinds: Iterable[str]) -> tuple[str, ...]:
        wanted = frozenset(kinds)
        return tuple(name for name, each in self.concepts.items() if each.kind in wanted)

    def _gather(
        self, name: str, part: Literal["forms", "nouns"], seen: tuple[str, ...]
    ) -> Iterator[Pattern]:
        if name in seen:
            chain = " → ".join(f"@{each}" for each in (*seen[seen.index(name) :], name))
            raise QueryError(
                f"the concepts name one another in a circle: {chain}",
                text=f"@{name}",
                start=0,
                end=len(name) + 1,
                remedy="remove one of them",
            )
        concept = self.concepts.get(name)
        if concept is None:
            raise QueryError(
                f"there is no concept “@{name}”",
                text=f"@{name}",
                start=0,
                end=len(name) + 1,
                remedy=f"it is named in @{seen[-1]}" if seen else "add it to the gazetteer",
            )
        for other in unions(concept):
            yield from self._gather(other, part, (*seen, name))
        for lang, forms in (concept.forms if part == "forms" else concept.nouns).items():
            for form in forms:
                if not form.startswith("@"):
                    yield from compile_form(form, lang, self.inflect)


def unions(concept: ConceptLike) -> tuple[str, ...]:
    """The concepts that a concept's forms name."""
    return tuple(
        dict.fromkeys(
            form[1:] for forms in concept.forms.values() for form in forms if form.startswith("@")
        )
    )
