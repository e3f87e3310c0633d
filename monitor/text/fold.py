"""Letters made comparable, with the way back to the offsets of the text that was given.

The rules (codebook §4): NFKC; ё = е; Arabic and Persian ي = ی = ى = ئ, ك = ک, one alef, ة = ه = ۀ,
ؤ = و; no tashkeel, tatweel, niqqud or invisible marks; ZWNJ = space; digits of every script = ASCII.
Case is folded per word, later, because two to four capitals are compared as capitals.
"""

from __future__ import annotations

import re
import unicodedata

LIMIT_BYTES = 64 * 1024
"""An item's text beyond this many bytes of UTF-8 is not read."""

_SAME = dict(zip("أإآٱىیئکةۀؤёЁ", "اااايييكههوеЕ", strict=True))
_SPACE = "\u200c"  # ZWNJ parts Persian words: می‌شود
_REMOVED = frozenset(
    [chr(c) for c in range(0x064B, 0x0653)]  # tashkeel
    + [chr(c) for c in range(0x0591, 0x05C8) if unicodedata.category(chr(c)) == "Mn"]  # niqqud
    + list("\u0670\u0654\u0640")  # dagger alef, hamza above, tatweel
    + list("\u200d\u200e\u200f\u061c\u2060\ufeff\u00ad")  # joiners, direction marks, soft hyphen
    + [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]  # embeddings, isolates
)


def _fold_char(char: str) -> str:
    folded = []
    for c in unicodedata.normalize("NFKC", char):
        if c in _REMOVED:
            continue
        if c == _SPACE:
            folded.append(" ")
        elif c.isdigit() and not c.isascii():
            folded.append(str(unicodedata.digit(c)))
        else:
            folded.append(_SAME.get(c, c))
    return "".join(folded)


class _Table(dict[int, str]):
    """What each code point becomes, worked out the first time it is met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_char(chr(code))
        return folded


_table = _Table()
_cluster = re.compile(
    r"[^\u0300-\u036f\u0653-\u0655\u0483-\u0487][\u0300-\u036f\u0653-\u0655\u0483-\u0487]*|.", re.S
)
# A letter with the combining marks that NFKC may join to it.
_joins = re.compile(r"[\u0300-\u036f\u0653-\u0655\u0483-\u0487]")


SAME = (
    "\0-\x7f¡-§©«¬®±¶·»¿-ÿ"  # ASCII, and Latin with what goes with it
    "‐‒-―‘-‟†-•‰‹›€"  # dashes, quotation marks, bullets
    "А-ЯЂ-Яа-яђ-џҐґ"  # Cyrillic but Ё and ё
    r"\u05d0-\u05ea"  # Hebrew
    r"\u060c\u061b\u061f\u0621\u0627\u0628\u062a-\u063a\u0641-\u0648\u064a\u067e\u0686\u0698\u06af"
    # Arabic and Persian but what has variants
)
"""Ranges of characters that fold to themselves, as a class of a regular expression has them."""

_changes = re.compile(f"[^{SAME}]")


def _one_by_one(source: str) -> bool:
    """Whether each character can be folded without its neighbours; nearly all texts can."""
    return _joins.search(source) is None or unicodedata.is_normalized("NFKC", source)


class Folded:
    """Folded text that knows where each of its characters came from."""

    __slots__ = ("_ends", "_starts", "source", "text")

    def __init__(self, source: str) -> None:
        self.source = source
        self._starts: list[int] | None = None
        self._ends: list[int] = []
        if source.isascii():
            self.text = source
        elif _changes.search(source) is None:
            self.text = source[:LIMIT_BYTES]
        elif _one_by_one(source):
            self.text = source.translate(_table)[:LIMIT_BYTES]
        else:
            pieces = (match[0] for match in _cluster.finditer(source))
            self.text = "".join(
                _fold_char(piece) if len(piece) > 1 else _table[ord(piece)] for piece in pieces
            )[:LIMIT_BYTES]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in ``source`` of ``text[start:end]``, with the marks that were folded away in it."""
        if len(self.text) == len(self.source) and self._identical():
            return start, end
        if self._starts is None:
            self._map()
        assert self._starts is not None
        return self._starts[start], self._ends[end - 1]

    def _identical(self) -> bool:
        # Equal length does not prove one-to-one (one mark dropped, one ligature opened), ASCII does.
        return self.source.isascii()

    def _map(self) -> None:
        starts: list[int] = []
        ends: list[int] = []
        pieces = (
            enumerate(self.source)
            if _one_by_one(self.source)
            else ((match.start(), match[0]) for match in _cluster.finditer(self.source))
        )
        for at, piece in pieces:
            folded = _table[ord(piece)] if len(piece) == 1 else _fold_char(piece)
            if not folded and ends:
                if ends[-1] == at and self._sticks(piece):
                    ends[-1] = at + len(piece)
                continue
            for _ in folded:
                starts.append(at)
                ends.append(at + len(piece))
        self._starts, self._ends = starts, ends

    @staticmethod
    def _sticks(piece: str) -> bool:
        """Vowel signs belong to the letter before them; direction marks to nothing."""
        return unicodedata.category(piece[0]) in ("Mn", "Lm")


def fold(text: str) -> Folded:
    return Folded(text)


def cut(text: str, limit: int = LIMIT_BYTES) -> str:
    """The longest beginning of ``text`` that is at most ``limit`` bytes of UTF-8."""
    if len(text) * 4 <= limit:
        return text
    text = text[:limit]
    low, high = limit // 4, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if len(text[:middle].encode("utf-8", "surrogatepass")) <= limit:
            low = middle
        else:
            high = middle - 1
    return text[:low]
