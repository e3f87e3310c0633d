"""From the words of an item to the queries that can match it, without looking at each query.

Every term, ``@name`` and frame action of every query becomes an *atom*: a set of patterns. Atoms with
the same patterns are one, whichever watch or query they come from. A word of an item is looked up once
in its life (exactly, by its beginnings, behind its proclitics, by its capitals) and what was found is
kept, so that inflection, clitics and prefixes cost nothing when the word comes again.

For each word there is one integer: the queries whose first, second, … need the word may meet, as bits.
Those of an item's words are joined by OR; a query whose bits are all set can match. What a query wants
in the title is a need of its own: the pattern word ``n`` in the title is the number ``~n``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from monitor.query.lexicon import Pattern, Word, readings, same_script

MAX_CACHED_WORDS = 200_000
LETTERS = 3
"""Of the beginning of a word, by which it is looked up; as many as must stand behind a proclitic."""

IN_TITLE = 0.4
"""How much rarer a word is in titles alone."""

SLOTS = 4
"""Of the things that a query needs, how many are asked for before it is evaluated."""

Need = frozenset[int]
"""Patterns, by number, of which one must occur; ``~number`` for one in the title."""

_not_zero = re.compile(rb"[^\0]")


Entry = tuple[int, int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Of a word of an item: the needs that it may meet, slot after slot, one bit a query, and those if it
is in the title; the pattern words that it is, both these and ``~number`` of each, and those of them
that phrases begin with."""


class Atom(NamedTuple):
    """The patterns of a term or concept, ready to be looked for."""

    patterns: tuple[Pattern, ...]
    numbers: frozenset[int]  # of its patterns, words and phrases
    only: int  # the one that it is, where it is nothing else; −1


class Vocabulary:
    """All atoms and pattern words, and the tables that find them."""

    def __init__(self) -> None:
        self.atoms: list[Atom] = []
        self.patterns: list[tuple[int, ...]] = []  # the words of each; of a word, itself
        self.begins: dict[int, dict[int, list[tuple[tuple[int, ...], int]]]] = {}
        # First word of a phrase → second → the rest of its words, and its number.
        self._numbers: dict[frozenset[Pattern], int] = {}
        self._commonness: list[float] = []
        self._word_numbers: dict[Word, int] = {}
        self._phrases: dict[tuple[int, ...], int] = {}
        self._capitals: dict[str, list[int]] = {}
        # First letters, as many as LETTERS → whole words and beginnings of words that begin so.
        self._alike: dict[str, tuple[dict[str, list[int]], list[tuple[str, int]]]] = {}
        self._shorter: dict[str, list[int]] = {}  # beginnings of fewer letters
        self._short: tuple[str, ...] = ()
        self._needed_by: dict[int, list[tuple[int, int]]] = {}  # word → (slot, query)
        self._needs_of: dict[int, list[Need]] = {}
        self._weights: dict[Need, float] = {}
        self._queries = 0
        self._met = [0] * SLOTS  # for each slot the queries that have no such need, as bits
        self._all = 0  # every query, as bits
        self._used = 0  # slots that any query needs
        self._entries = _Entries(self._look_up)
        self._masks: dict[int, int] = {}  # word → the needs that it meets, as in an Entry

    # ── Building ─────────────────────────────────────────────────────────────────────────────────

    def atom(self, patterns: Sequence[Pattern]) -> int:
        """The number of the atom with these patterns; made if there is none yet."""
        key = frozenset(patterns)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.atoms)
            numbers = frozenset(map(self._pattern, patterns))
            only = next(iter(numbers)) if len(numbers) == 1 else -1
            self.atoms.append(Atom(tuple(patterns), numbers, only))
        return number

    def _pattern(self, pattern: Pattern) -> int:
        words = tuple(map(self._word, pattern))
        if len(words) == 1:
            return words[0]
        number = self._phrases.get(words)
        if number is None:
            self._entries.clear()
            number = self._phrases[words] = len(self.patterns)
            self.patterns.append(words)
            self._commonness.append(min(map(self.commonness, words)))
            longer = self.begins.setdefault(words[0], {}).setdefault(words[1], [])
            longer.append((words[2:], number))
        return number

    def _word(self, word: Word) -> int:
        number = self._word_numbers.get(word)
        if number is None:
            self._entries.clear()  # a word that is looked up before it is a pattern is none
            number = self._word_numbers[word] = len(self.patterns)
            self.patterns.append((number,))
            weight = 3.0 if word.kind == "prefix" else 1.0
            self._commonness.append(weight / max(1, len(word.text)) ** 2)
            self._keep(word, number)
        return number

    def _keep(self, word: Word, number: int) -> None:
        if word.kind == "capitals":
            self._capitals.setdefault(word.text, []).append(number)
        elif word.kind == "prefix" and len(word.text) < LETTERS:
            self._shorter.setdefault(word.text, []).append(number)
            self._short = tuple(self._shorter)
        else:
            exact, prefixes = self._alike.setdefault(word.text[:LETTERS], ({}, []))
            if word.kind == "prefix":
                prefixes.append((word.text, number))
            else:
                exact.setdefault(word.text, []).append(number)

    def commonness(self, word: int) -> float:
        """A guess of how often a pattern word occurs: short words and short prefixes the most."""
        return self._commonness[word] if word >= 0 else self._commonness[~word] * IN_TITLE

    def needs(self, atom: int) -> list[Need]:
        """The words that must occur for an atom to be found: one, or each of one of its phrases."""
        known = self._needs_of.get(atom)
        if known is None:
            patterns = [self.patterns[number] for number in sorted(self.atoms[atom].numbers)]
            rows = [[frozenset([word]) for word in words] for words in patterns]
            known = self._needs_of[atom] = self.either(rows)
        return known

    def either(self, branches: Sequence[list[Need]]) -> list[Need]:
        """Of "this or that", what is needed is one thing of each branch."""
        if not branches or not all(branches):
            return []
        ranked = [self.rarest(branch) for branch in branches]
        depth = min(len(branch) for branch in ranked)
        return [frozenset().union(*(branch[i] for branch in ranked)) for i in range(depth)]

    def rarest(self, needs: Iterable[Need]) -> list[Need]:
        """The needs that are met most rarely, as far as can be guessed; at most ``SLOTS``."""
        distinct = [*dict.fromkeys(needs)]
        if len(distinct) > 1:
            distinct.sort(key=self._weight)
        return distinct[:SLOTS]

    def _weight(self, need: Need) -> float:
        """How often a need is met, as far as can be guessed: the sum over its words."""
        known = self._weights.get(need)
        if known is None:
            # Sorted, so that the sum, and with it the order of equals, is the same in every process.
            common = self.commonness
            known = self._weights[need] = sum(map(common, sorted(need)))
        return known

    def add_query(self, needs: Sequence[Need]) -> int:
        """A query with its rarest needs; returns its number. Before the first ``candidates``."""
        number, self._queries = self._queries, self._queries + 1
        for slot in range(SLOTS):
            if slot < len(needs):
                for word in needs[slot]:
                    self._needed_by.setdefault(word, []).append((slot, number))
            else:
                self._met[slot] |= 1 << number
        self._all |= 1 << number
        self._used = max(self._used, min(SLOTS, len(needs)))
        return number

    # ── Looking up ───────────────────────────────────────────────────────────────────────────────

    def entries(self, words: Sequence[str]) -> list[Entry | None]:
        """What each word of an item (with its capitals) can mean; None for those in no query."""
        return [*map(self._entries.__getitem__, words)]

    def candidates(self, entries: Sequence[Entry | None], title: int) -> list[int]:
        """The queries that can match an item of these words, the first of them its title's, in order."""
        found = reduce(or_, [entry[1] for entry in entries[:title] if entry is not None], 0)
        found = reduce(or_, [entry[0] for entry in entries[title:] if entry is not None], found)
        if not found:
            return []
        width, possible = self._queries, self._all
        for slot in range(self._used):
            possible &= found >> (slot * width) | self._met[slot]
            if not possible:
                return []
        return _bits(possible)

    def _look_up(self, word: str) -> Entry | None:
        folded = word.casefold()
        numbers = self._plain(folded)
        if not folded.isascii() and "\u0590" <= folded[0] <= "\u06ff":
            numbers += self._behind_proclitics(folded)
        if word in self._capitals:
            numbers += self._capitals[word]
        if not numbers:
            return None
        mask, ordered = 0, tuple(sorted(set(numbers)))
        in_title = tuple([~number for number in ordered])
        for number in ordered:
            mask |= self._mask(number)
        title_mask = mask  # mostly the same: these integers are long where queries are many
        for number in in_title:
            if number in self._needed_by:
                title_mask |= self._mask(number)
        begins = tuple([number for number in ordered if number in self.begins])
        return mask, title_mask, ordered, ordered + in_title, begins

    def _plain(self, folded: str) -> list[int]:
        """The pattern words that a word is or begins with."""
        numbers: list[int] = []
        alike = self._alike.get(folded[:LETTERS])
        if alike is not None:
            exact, prefixes = alike
            if folded in exact:
                numbers += exact[folded]
            for beginning, number in prefixes:
                if folded.startswith(beginning):
                    numbers.append(number)
        if folded.startswith(self._short):
            numbers += [
                number
                for length in range(1, LETTERS)
                for number in self._shorter.get(folded[:length], ())
            ]
        return numbers

    def _behind_proclitics(self, folded: str) -> list[int]:
        """As ``_plain``, for a word of Arabic, Persian or Hebrew without its proclitics."""
        numbers: list[int] = []
        for candidate in readings(folded)[1:]:
            alike = self._alike.get(candidate[:LETTERS])
            if alike is not None and len(candidate) >= LETTERS and same_script(candidate, folded):
                exact, prefixes = alike
                numbers += exact.get(candidate, ())
                numbers += [
                    number for beginning, number in prefixes if candidate.startswith(beginning)
                ]
        return numbers

    def _mask(self, number: int) -> int:
        """The needs that a pattern word meets, as bits."""
        mask = self._masks.get(number)
        if mask is None:
            mask = 0
            for slot, query in self._needed_by.get(number, ()):
                mask |= 1 << (slot * self._queries + query)
            self._masks[number] = mask
        return mask


class _Entries(dict[str, Entry | None]):
    """Word → what it can mean, looked up once in the life of a word."""

    def __init__(self, look_up: Callable[[str], Entry | None]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, word: str) -> Entry | None:
        if len(self) >= MAX_CACHED_WORDS:
            self.clear()
        self[word] = found = self._look_up(word)
        return found


def _bits(number: int) -> list[int]:
    """The positions of the bits that are set, lowest first."""
    found: list[int] = []
    if number.bit_count() > _MANY:
        data = number.to_bytes((number.bit_length() + 7) // 8, "little")
        for match in _not_zero.finditer(data):
            first = match.start() * 8
            found += [first + bit for bit in _BITS[data[match.start()]]]
        return found
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found


_MANY = 12
_BITS = [tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256)]
