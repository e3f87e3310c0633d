"""Words of a field and of an item, with the sentence and clause they stand in.

Positions count words. A summary's positions begin ``FIELD_GAP`` after the title's last, so that
nothing that is adjacent or near can reach across.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal

from monitor.text.fold import LIMIT_BYTES, Folded, cut
from monitor.text.language import detect_language

FIELD_GAP = 1_000
"""Positions between the title's last word and the summary's first; more than any NEAR may span."""

_word = re.compile(r"\w+")
_ASCII_GAPS = "".join(chr(c) if chr(c).isalnum() or c == 95 else " " for c in range(128))
# Splits ASCII as _word does, several times faster.
_beyond_ascii = re.compile(r"[^\x00-\x7f\W]")  # a letter or digit that is not ASCII
_ends_sentence = re.compile(r"[.!?…؟۔।]+[\"'»”’)\]]*\s|\n|[|•]|\s\.\.\.")
_ends_clause = re.compile(r"[,;:()\[\]،؛–—«»“”]|\s-\s|[.!?…؟]")
# A full stop after these does not end a sentence.
_ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "gen",
        "lt",
        "col",
        "sgt",
        "sen",
        "rep",
        "gov",
        "st",
        "jr",
        "sr",
        "vs",
        "no",
        "inc",
        "ltd",
        "corp",
        "co",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sept",
        "sep",
        "oct",
        "nov",
        "dec",
        "г",
        "гг",
        "им",
        "тыс",
        "млн",
        "млрд",
        "ст",
        "д",
        "п",
        "см",
        "ред",
        "р",
        "м",
        "о",
        "u",
        "s",
        "a",
    ]
)

_TRIES = 8  # occurrences of a word that are looked at before all words are placed

Boundary = Literal[0, 1, 2, 3]
"""What stands before a word: nothing, the end of a clause, the end of a sentence."""

_STOP: Boundary = 3  # a full stop, which ends a sentence or an abbreviation


def _words(folded: str) -> list[str]:
    if not folded.isascii():
        if _beyond_ascii.search(folded):
            return _word.findall(folded)
        folded = folded.encode("ascii", "replace").decode("ascii")  # dashes and quotation marks
    return folded.translate(_ASCII_GAPS).split()


def split_words(text: str) -> list[str]:
    """Words of a piece of query, folded as items are but with their capitals kept."""
    return _word.findall(Folded(text).text)


class Tokens:
    """The words of one field. ``words`` keep their capitals, ``folded`` are casefolded."""

    __slots__ = ("_boundaries", "_folded", "_gaps", "_spans", "source", "words")

    def __init__(self, text: str) -> None:
        self.source = Folded(text)
        folded = self.source.text
        self.words: list[str] = _words(folded)
        self._folded: list[str] | None = None
        self._spans: list[tuple[int, int]] | None = None
        self._boundaries: list[Boundary] | None = None
        self._gaps: list[str] | None = None

    @property
    def folded(self) -> list[str]:
        if self._folded is None:
            self._folded = [word.casefold() for word in self.words]
        return self._folded

    @property
    def places(self) -> list[tuple[int, int]]:
        """Offsets of each word in the folded text."""
        if self._spans is None:
            self._spans = [match.span() for match in _word.finditer(self.source.text)]
        return self._spans

    def span(self, first: int, end: int) -> tuple[int, int]:
        """Offsets in the given text of the words ``first`` … ``end - 1``."""
        start = self._start(first)
        last = start if end - first == 1 else self._start(end - 1)
        return self.source.span(start, last + len(self.words[end - 1]))

    def _start(self, number: int) -> int:
        """Where a word begins in the folded text; all words are placed only if it is not soon found."""
        if self._spans is not None:
            return self._spans[number][0]
        word, text = self.words[number], self.source.text
        if number == 0 and text.startswith(word):
            return 0
        at, earlier = -1, self.words[:number].count(word)
        for _ in range(_TRIES):
            at = text.find(word, at + 1)
            if _bounded(text, at, at + len(word)):
                if not earlier:
                    return at
                earlier -= 1
        return self.places[number][0]

    @property
    def boundaries(self) -> list[Boundary]:
        """For each word, what parts it from the word before."""
        if self._boundaries is None:
            self._boundaries = found = [*map(_boundary.__getitem__, self.gaps[:-1])]
            for number in [at for at, each in enumerate(found) if each == _STOP]:
                before = self.folded[number - 1] if number else ""
                abbreviated = before in _ABBREVIATIONS or len(before) == 1
                found[number] = 0 if abbreviated else 2
        return self._boundaries

    @property
    def gaps(self) -> list[str]:
        """What stands before each word, and after the last."""
        if self._gaps is None:
            self._gaps = _word.split(self.source.text)
        return self._gaps

    def between(self, number: int) -> str:
        """What stands between word ``number`` and the word before it."""
        return self.gaps[number]


def _bounded(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is not a piece of a longer word."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")


class _Boundaries(dict[str, Boundary]):
    """What stands between two words → what it ends; worked out once, as most of it is the same."""

    def __missing__(self, gap: str) -> Boundary:
        found = self._of(gap)
        if len(gap) <= _SHORT and len(self) < MAX_GAPS:
            self[gap] = found
        return found

    @staticmethod
    def _of(gap: str) -> Boundary:
        if len(gap) == 1 and gap not in ",\n;:|":
            return 0
        if _ends_sentence.search(gap):
            dotted = "." in gap and not any(c in gap for c in "\n|!?؟…")
            return _STOP if dotted else 2
        return 1 if _ends_clause.search(gap) else 0


_SHORT = 8
MAX_GAPS = 10_000
_boundary = _Boundaries()


class Document:
    """An item's words in one row: the title's, a gap, the summary's. Cut to 64 kB first."""

    __slots__ = ("_clauses", "_lang", "_sentences", "offset", "summary", "title", "words")

    def __init__(self, title: str, summary: str = "", lang: str = "") -> None:
        if (len(title) + len(summary)) * 4 > LIMIT_BYTES:
            title = cut(title)
            summary = cut(summary, LIMIT_BYTES - len(title.encode("utf-8", "surrogatepass")))
        self.title = Tokens(title)
        self.summary = Tokens(summary)
        self.words = self.title.words + self.summary.words
        self.offset = len(self.title.words) + FIELD_GAP  # position of the summary's first word
        self._lang = lang
        self._sentences: list[int] | None = None
        self._clauses: list[int] | None = None

    def __len__(self) -> int:
        """One past the last position."""
        return self.offset + len(self.summary.words)

    @property
    def lang(self) -> str:
        """The language that was given, without its region, else as the letters tell."""
        if not self._lang:
            text = f"{self.title.source.source} {self.summary.source.source}"
            self._lang = detect_language(text) or "-"
        return self._lang.partition("-")[0].lower()

    def position(self, index: int) -> int:
        """Position of ``words[index]``."""
        return index if index < len(self.title.words) else index + FIELD_GAP

    def index(self, position: int) -> int:
        return position if position < len(self.title.words) else position - FIELD_GAP

    def folded(self, position: int) -> str:
        """The casefolded word at a position; "" where there is none."""
        if 0 <= position < len(self.title.words):
            return self.title.folded[position]
        if self.offset <= position < len(self):
            return self.summary.folded[position - self.offset]
        return ""

    def in_title(self, position: int) -> bool:
        return position < len(self.title.words)

    def span(self, start: int, end: int) -> tuple[Literal["title", "summary"], int, int]:
        """Field and code-point offsets of the positions ``start`` … ``end - 1``."""
        if start < len(self.title.words):
            return ("title", *self.title.span(start, end))
        return ("summary", *self.summary.span(start - self.offset, end - self.offset))

    def boundary(self, position: int) -> Boundary:
        """What parts the word at a position from the word before it."""
        if position < len(self.title.words):
            return self.title.boundaries[position]
        at = position - self.offset
        return 2 if at == 0 else self.summary.boundaries[at]

    def between(self, position: int) -> str:
        """What stands between the word at a position and the word before it."""
        if position < len(self.title.words):
            return self.title.between(position)
        return self.summary.between(position - self.offset)

    def sentence(self, position: int) -> int:
        """Number of the sentence that a position is in; title and summary never share one."""
        return bisect_right(self.sentences, position)

    def clause(self, position: int) -> int:
        return bisect_right(self.clauses, position)

    @property
    def sentences(self) -> list[int]:
        """Positions at which a sentence begins."""
        if self._sentences is None:
            self._sentences = self._places(2)
        return self._sentences

    @property
    def clauses(self) -> list[int]:
        """Positions at which a clause begins."""
        if self._clauses is None:
            self._clauses = self._places(1)
        return self._clauses

    def _places(self, least: int) -> list[int]:
        title = [i for i, b in enumerate(self.title.boundaries) if i == 0 or b >= least]
        summary = [i for i, b in enumerate(self.summary.boundaries) if i == 0 or b >= least]
        return title + [i + self.offset for i in summary]
