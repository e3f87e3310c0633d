"""The sentence that an action stands in, as a grammar sees it: words counted from its start."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

from monitor.query.matches import Leaf
from monitor.text import Document

SIGHT = 60
"""Words to either side of an action that its scene reaches at most, however long the sentence is."""

Labels: TypeAlias = frozenset[str]
NO_ROLE: Labels = frozenset()


def roles(text: str) -> Labels:
    """``roles("by from")``: how the tables of the grammars write sets of roles."""
    return frozenset(text.split())


def words(text: str) -> frozenset[str]:
    """``words("which who that")``: how the tables of the grammars write sets of words."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Action:
    """A place where an action stands, and as what it can be read."""

    start: int
    end: int
    verb: bool
    noun: bool
    term: str


class Grammar(Protocol):
    """What is asked of a language's rules."""

    def writes(self, word: str) -> bool:
        """Whether a word is in this language's letters."""
        ...

    def readings(self, scene: Scene) -> Sequence[str]:
        """The ways in which the action can be read here, likeliest first."""
        ...

    def labels(self, scene: Scene, reading: str, start: int, end: int) -> Labels:
        """The roles that the words at the positions ``start`` … ``end - 1`` can have."""
        ...


class Scene:
    """One sentence with its action; ``actors`` are the mentions of possible doers in the document."""

    def __init__(
        self, document: Document, action: Action, sentence: int, actors: Sequence[Leaf]
    ) -> None:
        starts = document.sentences
        self.document = document
        begin = starts[sentence - 1] if sentence else 0
        end = starts[sentence] if sentence < len(starts) else len(document)
        if begin < document.offset <= end:
            end = len(document.title.words)
        self.begin = max(begin, action.start - SIGHT)
        self.end = min(end, action.end + SIGHT)
        self.action = action
        self.all_actors = actors
        self.known: dict[tuple[str, int, int], Labels] = {}  # (reading, place) → its roles

    @cached_property
    def words(self) -> list[str]:
        """The sentence's words, casefolded."""
        if self.begin < self.document.offset:
            return self.document.title.folded[self.begin : self.end]
        offset = self.document.offset
        return self.document.summary.folded[self.begin - offset : self.end - offset]

    @cached_property
    def breaks(self) -> list[str]:
        """What stands before each word, where it parts clauses: one of , ; : – ( or ""."""
        return [
            _mark(self.document.between(self.begin + i)) if i else ""
            for i in range(len(self.words))
        ]

    @cached_property
    def actors(self) -> list[tuple[int, int, str]]:
        found = []
        for at in range(bisect_left(self.all_actors, (self.begin,)), len(self.all_actors)):
            start, end, name = self.all_actors[at]
            if start >= self.end:
                break
            if end <= self.end:
                found.append((start - self.begin, end - self.begin, name))
        return found

    @property
    def at(self) -> tuple[int, int]:
        """The action's place in the sentence."""
        return self.action.start - self.begin, self.action.end - self.begin

    def word(self, index: int) -> str:
        """The word at an index of the sentence; "" outside."""
        return self.words[index] if 0 <= index < len(self.words) else ""

    def hyphened(self, index: int) -> bool:
        """Whether a word is joined to the one before it by a hyphen."""
        return self.document.between(self.begin + index) in ("-", "‐", "‑")

    def is_actor(self, start: int, end: int) -> bool:
        """Whether a place is (part of) the mention of a possible doer."""
        return any(first < end and start < last for first, last, _ in self.actors)

    def actor_between(
        self, start: int, end: int, *, but: tuple[int, int]
    ) -> tuple[int, int] | None:
        """A mention of a doer within ``start`` … ``end - 1`` that is not the place ``but`` itself."""
        for first, last, _ in self.actors:
            if start <= first and last <= end and not (first < but[1] and but[0] < last):
                return first, last
        return None

    def has_break(self, start: int, end: int, marks: str) -> bool:
        """Whether one of the marks stands before a word from ``start`` to ``end``, ``end`` included."""
        return any(
            self.breaks[i] and self.breaks[i] in marks
            for i in range(start, min(end + 1, len(self.words)))
        )


def _mark(between: str) -> str:
    if between == " ":  # nearly always
        return ""
    for mark, signs in ((";", ";؛"), (":", ":"), ("(", "()[]"), (",", ",،"), ("–", "–—")):
        if any(sign in between for sign in signs):
            return mark
    return "–" if " - " in between else ""


def lookup(table: Mapping[str, str]) -> Callable[[str], Labels]:
    """Preposition → roles, from a table written as words."""
    known = {key: roles(value) for key, value in table.items()}
    return lambda key: known.get(key, NO_ROLE)
