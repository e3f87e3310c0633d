"""From the words of an item to the terms that stand in it, without looking at each term.

Every term, ``@name`` and frame action of every query becomes an *atom*: a set of patterns. Atoms with
the same patterns are one, whichever watch or query they come from. A word of an item is looked up once
in its life (exactly, by its beginnings, behind its proclitics, by its capitals) and what was found is
kept, so that inflection, clitics and prefixes cost nothing when the word comes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from monitor.query.lexicon import Pattern, Word, readings, same_script
from monitor.text import FIELD_GAP, Document

MAX_CACHED_WORDS = 200_000
SLOTS = 3
"""Of the things that a query needs, how many are asked for before it is evaluated."""


class Entry(NamedTuple):
    """What one word of an item can mean."""

    atoms: tuple[int, ...]  # atoms that the word alone is a form of
    phrases: tuple[int, ...]  # phrases that are looked for where this word stands
    words: frozenset[int]  # pattern words that it is
    masks: tuple[int, ...]  # queries whose first, second, third need may be met by it


class Vocabulary:
    """All atoms, and the tables that find them."""

    def __init__(self) -> None:
        self.atoms: list[tuple[Pattern, ...]] = []
        self._numbers: dict[frozenset[Pattern], int] = {}
        self._word_numbers: dict[Word, int] = {}
        self._exact: dict[str, list[int]] = {}
        self._capitals: dict[str, list[int]] = {}
        self._prefixes: dict[str, list[int]] = {}
        self._lengths: list[int] = []
        self._alone: dict[int, list[int]] = {}  # word → atoms it is a form of by itself
        self._keyed: dict[int, list[int]] = {}  # word → phrases found by it
        self._phrases: list[
            tuple[tuple[int, ...], int]
        ] = []  # its words, index of the one it is keyed by
        self._phrase_atoms: list[list[int]] = []
        self._phrase_numbers: dict[tuple[int, ...], int] = {}
        self._atom_masks: list[list[int]] = []
        self._cache: dict[str, Entry | None] = {}

    # ── Building ─────────────────────────────────────────────────────────────────────────────────

    def atom(self, patterns: Sequence[Pattern]) -> int:
        """The number of the atom with these patterns; made if there is none yet."""
        key = frozenset(patterns)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.atoms)
            self.atoms.append(tuple(patterns))
            self._atom_masks.append([0] * SLOTS)
            for pattern in key:
                self._add(pattern, number)
        return number

    def _add(self, pattern: Pattern, atom: int) -> None:
        words = tuple(self._word(word) for word in pattern)
        if len(words) == 1:
            self._alone.setdefault(words[0], []).append(atom)
            return
        phrase = self._phrase_numbers.get(words)
        if phrase is None:
            phrase = self._phrase_numbers[words] = len(self._phrases)
            key = max(
                range(len(pattern)),
                key=lambda i: (pattern[i].kind != "prefix", len(pattern[i].text)),
            )
            self._phrases.append((words, key))
            self._phrase_atoms.append([])
            self._keyed.setdefault(words[key], []).append(phrase)
        self._phrase_atoms[phrase].append(atom)

    def _word(self, word: Word) -> int:
        number = self._word_numbers.get(word)
        if number is None:
            number = self._word_numbers[word] = len(self._word_numbers)
            table = {"word": self._exact, "capitals": self._capitals, "prefix": self._prefixes}[
                word.kind
            ]
            table.setdefault(word.text, []).append(number)
            if word.kind == "prefix" and len(word.text) not in self._lengths:
                self._lengths.append(len(word.text))
        return number

    def need(self, atom: int, slot: int, query: int) -> None:
        """Notes that finding ``atom`` may meet need number ``slot`` of a query."""
        self._atom_masks[atom][slot] |= 1 << query

    # ── Looking up ───────────────────────────────────────────────────────────────────────────────

    def entry(self, word: str) -> Entry | None:
        """What a word (with its capitals) can mean; None where it is in no query."""
        try:
            return self._cache[word]
        except KeyError:
            if len(self._cache) >= MAX_CACHED_WORDS:
                self._cache.clear()
            self._cache[word] = entry = self._look_up(word)
            return entry

    def _look_up(self, word: str) -> Entry | None:
        numbers: set[int] = set(self._capitals.get(word, ()))
        folded = word.casefold()
        for candidate in readings(folded):
            whole = candidate == folded
            if whole or (len(candidate) >= 3 and same_script(candidate, folded)):
                numbers.update(self._exact.get(candidate, ()))
            for length in self._lengths:
                if length <= len(candidate) and (whole or length >= 3):
                    beginning = candidate[:length]
                    if whole or same_script(beginning, folded):
                        numbers.update(self._prefixes.get(beginning, ()))
        if not numbers:
            return None
        atoms = sorted({atom for each in numbers for atom in self._alone.get(each, ())})
        phrases = sorted({phrase for each in numbers for phrase in self._keyed.get(each, ())})
        masks = [0] * SLOTS
        for atom in {*atoms, *(a for phrase in phrases for a in self._phrase_atoms[phrase])}:
            for slot, mask in enumerate(self._atom_masks[atom]):
                masks[slot] |= mask
        return Entry(tuple(atoms), tuple(phrases), frozenset(numbers), tuple(masks))

    def places(self, document: Document) -> dict[int, list[tuple[int, int]]]:
        """Atom → where it stands (positions), in the order of the text."""
        found: dict[int, list[tuple[int, int]]] = {}
        entry, words, title = self.entry, document.words, len(document.title.words)
        unordered: set[int] = set()
        for index, word in enumerate(words):
            known = entry(word)
            if known is None:
                continue
            position = index if index < title else index + FIELD_GAP
            place = position, position + 1
            for atom in known.atoms:
                if atom in found:
                    found[atom].append(place)
                else:
                    found[atom] = [place]
            for phrase in known.phrases:
                start = self._verify(phrase, index, words, title)
                if start is None:
                    continue
                length = len(self._phrases[phrase][0])
                first = start if start < title else start + FIELD_GAP
                for atom in self._phrase_atoms[phrase]:
                    found.setdefault(atom, []).append((first, first + length))
                    unordered.add(atom)
        for atom in unordered:
            found[atom] = sorted(set(found[atom]))
        return found

    def _verify(self, phrase: int, index: int, words: list[str], title: int) -> int | None:
        """Where the phrase starts, if the words around ``index`` are its words in one field."""
        numbers, key = self._phrases[phrase]
        start, end = index - key, index - key + len(numbers)
        if start < 0 or end > len(words) or start < title < end:
            return None
        for at, number in zip(range(start, end), numbers, strict=True):
            if at != index:
                known = self.entry(words[at])
                if known is None or number not in known.words:
                    return None
        return start
