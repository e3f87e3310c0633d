"""Where the atoms of the queries stand in one item: worked out for those that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from monitor.match.vocabulary import Entry, Vocabulary
from monitor.query.matches import MAX_MATCHES
from monitor.text import FIELD_GAP, Document

Place: TypeAlias = tuple[int, int]
MAX_TRIES = 20_000
"""Pairs of words at which phrases are looked for in one item."""

NOWHERE: Sequence[Place] = ()


class Places:
    """Atom → its places (positions ``start``, ``end``) in the order of the text, the first thousand."""

    __slots__ = (
        "_entries", "_found", "_indices", "_starts", "_title", "_vocabulary", "numbers",
    )  # fmt: skip

    def __init__(
        self, document: Document, vocabulary: Vocabulary, entries: Sequence[Entry | None]
    ) -> None:
        self._vocabulary = vocabulary
        self._title = title = len(document.title.words)
        self._found: dict[int, Sequence[Place]] = {}
        self._entries = entries
        self._indices: dict[int, list[int]] | None = None
        self.numbers = set[int]().union(
            *[entry[3] for entry in entries[:title] if entry is not None],
            *[entry[2] for entry in entries[title:] if entry is not None],
        )
        """The patterns, words and phrases, that occur; those in the title also as ``~number``."""
        self._starts = self._phrases()

    def _phrases(self) -> dict[int, list[int]]:
        """Each phrase that stands in the item, with the indices of its first words."""
        entries, title, begins = self._entries, self._title, self._vocabulary.begins
        found: dict[int, list[int]] = {}
        tries = 0
        first = None  # the word before
        for at, second in enumerate(entries):
            if first is not None and second is not None and first[4] and at != title:
                for word in first[4]:
                    longer = begins[word]
                    tries += len(second[2])
                    for next_word in second[2]:
                        if next_word in longer:
                            for rest, number in longer[next_word]:
                                if not rest or self._follow(rest, at + 1):
                                    found.setdefault(number, []).append(at - 1)
                if tries > MAX_TRIES:
                    break
            first = second
        for number, starts in found.items():
            self.numbers.add(number)
            if starts[0] < title:
                self.numbers.add(~number)
        return found

    def _follow(self, words: tuple[int, ...], start: int) -> bool:
        """Whether these words stand from ``start`` on, and nothing ends between them."""
        end = start + len(words)
        if end > len(self._entries) or start <= self._title < end:
            return False
        for at, word in enumerate(words, start):
            entry = self._entries[at]
            if entry is None or word not in entry[2]:
                return False
        return True

    def __contains__(self, atom: int) -> bool:
        return bool(self[atom])

    def __getitem__(self, atom: int) -> Sequence[Place]:
        found = self._found.get(atom)
        if found is None:
            found = self._found[atom] = self._find(atom)
        return found

    def get(self, atom: int, default: Sequence[Place] = NOWHERE) -> Sequence[Place]:
        return self[atom] or default

    def of(self, number: int, most: int = MAX_MATCHES) -> list[Place]:
        """The first places of one pattern."""
        title, length = self._title, len(self._vocabulary.patterns[number])
        return [
            (i, i + length) if i < title else (i + FIELD_GAP, i + FIELD_GAP + length)
            for i in self.indices.get(number, ())[:most]
        ]

    @property
    def indices(self) -> dict[int, list[int]]:
        """Pattern → the indices of the words that it is or begins with."""
        if self._indices is None:
            self._indices = found = self._starts
            for index, entry in enumerate(self._entries):
                if entry is not None:
                    for number in entry[2]:
                        if number in found:
                            found[number].append(index)
                        else:
                            found[number] = [index]
        return self._indices

    def near(self, one: int, two: int, reach: int) -> bool:
        """Whether two patterns can begin within ``reach`` of one another: a cheap first look."""
        if one not in self.numbers or two not in self.numbers:
            return False
        firsts, seconds = self.indices[one], self.indices[two]
        if len(firsts) == len(seconds) == 1:
            return -reach <= firsts[0] - seconds[0] <= reach
        if len(firsts) * len(seconds) > 16:
            return True
        return any(-reach <= a - b <= reach for a in firsts for b in seconds)

    def _find(self, atom: int) -> Sequence[Place]:
        _, numbers, only = self._vocabulary.atoms[atom]
        if only >= 0:
            return self.of(only)
        here = self.numbers & numbers
        if len(here) == 1:
            return self.of(here.pop())
        return sorted({place for number in here for place in self.of(number)})[:MAX_MATCHES]


class Mentions:
    """Which of many atoms occur in an item: asked of the item's patterns rather than of each atom."""

    def __init__(self, named: Sequence[tuple[str, int]], vocabulary: Vocabulary) -> None:
        self._named = named
        by_number: dict[int, list[int]] = {}
        for at, (_, atom) in enumerate(named):
            for number in vocabulary.atoms[atom].numbers:
                by_number.setdefault(number, []).append(at)
        self._by_number = {number: tuple(found) for number, found in by_number.items()}
        self._numbers = frozenset(by_number)

    def among(self, places: Places) -> list[tuple[str, Sequence[Place]]]:
        """(name, places) of those that occur, in the order they were given."""
        return [(self._named[at][0], here) for at, here in self.numbered(places)]

    def numbered(self, places: Places) -> list[tuple[int, Sequence[Place]]]:
        """(which, places) of those that occur, in the order they were given."""
        return [(at, places[self._named[at][1]]) for at, _ in self._firsts(places)]

    def names(self, places: Places) -> tuple[str, ...]:
        """Those that occur, in the order they were given."""
        return tuple([self._named[at][0] for at, _ in self._firsts(places)])

    def in_order(self, places: Places) -> list[tuple[int, str]]:
        """The index of the first word of each that occurs and its name, in the order of the text."""
        return sorted([(first, self._named[at][0]) for at, first in self._firsts(places)])

    def _firsts(self, places: Places) -> list[tuple[int, int]]:
        """(which, index of its first word) of those that occur, in the order they were given."""
        here = places.numbers & self._numbers
        if not here:
            return []
        indices = places.indices
        found: dict[int, int] = {}
        for number in here:
            first = indices[number][0]
            for at in self._by_number[number]:
                if at not in found or first < found[at]:
                    found[at] = first
        return sorted(found.items())
