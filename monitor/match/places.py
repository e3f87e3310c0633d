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
MAX_POSITION = 1 << 30


class Places:
    """Atom → its places (positions ``start``, ``end``) in the order of the text, the first thousand."""

    __slots__ = ("_entries", "_found", "_indices", "_title", "_vocabulary", "numbers")

    def __init__(
        self, document: Document, vocabulary: Vocabulary, entries: Sequence[Entry | None]
    ) -> None:
        self._vocabulary = vocabulary
        self._title = len(document.title.words)
        self._found: dict[int, Sequence[Place]] = {}
        self._entries = entries
        self._indices: dict[int, list[int]] | None = None
        title = self._title
        self.numbers = set[int]().union(
            *[entry[3] for entry in entries[:title] if entry is not None],
            *[entry[2] for entry in entries[title:] if entry is not None],
        )
        """The pattern words that occur; those in the title also as ``~number``."""

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
            for i in self._of(number)[:most]
        ]

    def index(self, position: int) -> int:
        return position if position < self._title else position - FIELD_GAP

    @property
    def indices(self) -> dict[int, list[int]]:
        """Pattern word → the indices of the words that it is."""
        if self._indices is None:
            self._indices = found = dict[int, list[int]]()
            for index, entry in enumerate(self._entries):
                if entry is not None:
                    for number in entry[2]:
                        if number in found:
                            found[number].append(index)
                        else:
                            found[number] = [index]
        return self._indices

    def _of(self, number: int) -> Sequence[int]:
        return self.indices.get(number, ())

    def near(self, one: int, two: int, reach: int) -> bool:
        """Whether two pattern words can stand within ``reach`` of one another: a cheap first look."""
        if one not in self.numbers or two not in self.numbers:
            return False
        firsts, seconds = self._of(one), self._of(two)
        if len(firsts) == len(seconds) == 1:
            return -reach <= firsts[0] - seconds[0] <= reach
        if len(firsts) * len(seconds) > 16:
            return True
        return any(-reach <= a - b <= reach for a in firsts for b in seconds)

    def get(self, atom: int, default: Sequence[Place] = NOWHERE) -> Sequence[Place]:
        return self[atom] or default

    def _find(self, atom: int) -> Sequence[Place]:
        _, words, only, phrases, keys = self._vocabulary.atoms[atom]
        if only >= 0:
            return self.of_word(only)
        here = self.numbers & words
        if len(here) == 1:
            found = self.of_word(here.pop())
        else:
            found = sorted({place for number in here for place in self.of_word(number)})
        if (longer := self.numbers & keys) and (more := self._phrases(phrases, longer)):
            found = sorted({*found, *more})
        return found[:MAX_MATCHES]

    def _phrases(
        self, phrases: dict[int, tuple[tuple[tuple[int, ...], int], ...]], keys: set[int]
    ) -> list[Place]:
        """Of these phrases, those that begin to be found at words that occur: ``keys``."""
        found: list[Place] = []
        here, title, end = self.numbers, self._title, len(self._entries)
        for key in keys:
            for words, at in phrases[key]:
                if not here.issuperset(words):
                    continue
                if len(self._of(key)) > _FEW:
                    # Looked for where the word stands that is rarest in this item.
                    at = min(range(len(words)), key=lambda i: len(self._of(words[i])))
                length = len(words)
                for index in self._of(words[at])[:MAX_TRIES]:
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
            if entry is None or word not in entry[2]:
                return False
        return True


class Mentions:
    """Which of many atoms occur in an item: asked of the item's words rather than of each atom."""

    def __init__(self, named: Sequence[tuple[str, int]], vocabulary: Vocabulary) -> None:
        self._named = named
        singles: dict[int, list[int]] = {}
        phrases: dict[int, list[tuple[tuple[int, ...], int]]] = {}
        for at, (_, atom) in enumerate(named):
            for word in vocabulary.atoms[atom].words:
                singles.setdefault(word, []).append(at)
            for word, longer in vocabulary.atoms[atom].phrases.items():
                phrases.setdefault(word, []).extend((words, at) for words, _ in longer)
        self._by_word = {word: tuple(found) for word, found in singles.items()}
        self._by_phrase = {word: tuple(found) for word, found in phrases.items()}
        self._words = frozenset(singles)
        self._keys = frozenset(phrases)

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
        if not self._named:
            return []
        found: dict[int, int] = {}
        indices = places.indices
        for word in places.numbers & self._words:
            first = indices[word][0]
            for at in self._by_word[word]:
                if first < found.get(at, MAX_POSITION):
                    found[at] = first
        complete = places.numbers.issuperset
        for word in places.numbers & self._keys:
            for words, at in self._by_phrase[word]:
                if complete(words) and (here := places[self._named[at][1]]):
                    found[at] = places.index(here[0][0])
        return sorted(found.items())
