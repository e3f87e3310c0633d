"""Where the atoms of the queries stand in one item: worked out for those that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from monitor.match.vocabulary import Entry, Vocabulary
from monitor.query.matches import MAX_MATCHES
from monitor.text import FIELD_GAP, Document

Place: TypeAlias = tuple[int, int]
MAX_TRIES = 500
"""Places of its rarest word at which a phrase is looked for in one item."""

_FEW = 8
NOWHERE: Sequence[Place] = ()


class Places:
    """Atom → its places (positions ``start``, ``end``) in the order of the text, the first thousand."""

    __slots__ = ("_by_number", "_entries", "_found", "_title", "_vocabulary", "numbers")

    def __init__(
        self, document: Document, vocabulary: Vocabulary, entries: Sequence[Entry | None]
    ) -> None:
        self._vocabulary = vocabulary
        self._title = len(document.title.words)
        self._found: dict[int, Sequence[Place]] = {}
        self._entries = entries
        by_number: dict[int, list[int]] = {}  # pattern word → indices of the words that it is
        for index, entry in enumerate(entries):
            if entry is not None:
                for number in entry[1]:
                    if number in by_number:
                        by_number[number].append(index)
                    else:
                        by_number[number] = [index]
        self._by_number = by_number
        self.numbers = by_number.keys()
        """The pattern words that occur."""

    def __contains__(self, atom: int) -> bool:
        return bool(self[atom])

    def __getitem__(self, atom: int) -> Sequence[Place]:
        found = self._found.get(atom)
        if found is None:
            found = self._found[atom] = self._find(atom)
        return found

    def of_word(self, number: int, most: int = MAX_MATCHES) -> list[Place]:
        """The first places of one pattern word."""
        title = self._title
        return [
            (i, i + 1) if i < title else (i + FIELD_GAP, i + FIELD_GAP + 1)
            for i in self._by_number.get(number, ())[:most]
        ]

    def near(self, one: int, two: int, reach: int) -> bool:
        """Whether two pattern words can stand within ``reach`` of one another: a cheap first look."""
        firsts, seconds = self._by_number.get(one, ()), self._by_number.get(two, ())
        if len(firsts) == len(seconds) == 1:
            return -reach <= firsts[0] - seconds[0] <= reach
        if len(firsts) * len(seconds) > 16:
            return True
        return any(-reach <= a - b <= reach for a in firsts for b in seconds)

    def get(self, atom: int, default: Sequence[Place] = NOWHERE) -> Sequence[Place]:
        return self[atom] or default

    def _find(self, atom: int) -> Sequence[Place]:
        _, words, only, phrases = self._vocabulary.atoms[atom]
        if only >= 0:
            return self.of_word(only)
        here = self.numbers & words
        if len(here) == 1:
            found = self.of_word(here.pop())
        else:
            found = sorted({place for number in here for place in self.of_word(number)})
        if phrases and (more := self._phrases(phrases)):
            found = sorted({*found, *more})
        return found[:MAX_MATCHES]

    def _phrases(self, phrases: dict[int, tuple[tuple[tuple[int, ...], int], ...]]) -> list[Place]:
        found: list[Place] = []
        numbers, title, end = self._by_number, self._title, len(self._entries)
        for key in self.numbers & phrases.keys():
            for words, at in phrases[key]:
                if not all(word in numbers for word in words):
                    continue
                if (
                    len(numbers[key]) > _FEW
                ):  # look where the word stands that is rarest in this item
                    at = min(range(len(words)), key=lambda i: len(numbers[words[i]]))
                length = len(words)
                for index in numbers[words[at]][:MAX_TRIES]:
                    start = index - at
                    if start < 0 or start + length > end or start < title < start + length:
                        continue
                    if self._stands(words, start):
                        first = start if start < title else start + FIELD_GAP
                        found.append((first, first + length))
        return found

    def _stands(self, words: tuple[int, ...], start: int) -> bool:
        for at, word in enumerate(words, start):
            entry = self._entries[at]
            if entry is None or word not in entry[1]:
                return False
        return True


class Mentions:
    """Which of many atoms occur in an item: asked of the item's words rather than of each atom."""

    def __init__(self, named: Sequence[tuple[str, int]], vocabulary: Vocabulary) -> None:
        self._named = named
        self._by_word: dict[int, tuple[int, ...]] = {}
        gathered: dict[int, list[int]] = {}
        for at, (_, atom) in enumerate(named):
            for word in {*vocabulary.atoms[atom].words, *vocabulary.atoms[atom].phrases}:
                gathered.setdefault(word, []).append(at)
        self._by_word = {word: tuple(found) for word, found in gathered.items()}

    def among(self, places: Places) -> list[tuple[str, Sequence[Place]]]:
        """(name, places) of those that occur, in the order they were given."""
        words = places.numbers & self._by_word.keys()
        if not words:
            return []
        maybe = {at for word in words for at in self._by_word[word]}
        found = []
        for at in sorted(maybe):
            name, atom = self._named[at]
            if here := places[atom]:
                found.append((name, here))
        return found
