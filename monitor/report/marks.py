"""Evidence in its text: spans become pieces that a template wraps in ``<mark>``.

Offsets are code points into the cleaned field. Overlapping and touching spans become one mark, a
span outside the text is cut to it. Nothing here makes markup, so nothing here can break it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.model import Span
from monitor.report.wording import shown


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    marked: bool = False


def merged(spans: Iterable[Span], field: str, length: int) -> list[tuple[int, int]]:
    """Disjoint ``(start, end)`` pairs in order, cut to ``0…length``."""
    found: list[tuple[int, int]] = []
    cut = ((max(0, s.start), min(length, s.end)) for s in spans if s.field == field)
    for start, end in sorted(pair for pair in cut if pair[0] < pair[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def pieces(
    text: str, spans: Iterable[Span], field: str, *, start: int = 0, end: int | None = None
) -> tuple[Piece, ...]:
    """``text[start:end]`` cut at its marks; joined again the pieces are the text as shown."""
    stop = len(text) if end is None else min(end, len(text))
    found: list[Piece] = []
    at = start
    for left, right in merged(spans, field, len(text)):
        left, right = max(left, start), min(right, stop)
        if left >= right:
            continue
        found += [Piece(text[at:left]), Piece(text[left:right], marked=True)]
        at = right
    found.append(Piece(text[at:stop]))
    if not text.isprintable():
        found = [Piece(shown(each.text), each.marked) for each in found]
    return tuple([each for each in found if each.text])


def snippet(text: str, spans: Sequence[Span], field: str, *, width: int = 220) -> tuple[Piece, ...]:
    """About ``width`` characters around the densest marks, cut at spaces, with ellipses."""
    if len(text) <= width:
        return pieces(text, spans, field)
    start = _densest(merged(spans, field, len(text)), width)
    start = max(0, min(start, len(text) - width))
    if start:
        space = text.find(" ", start, start + 30)
        start = space + 1 if space >= 0 else start
    stop = min(len(text), start + width)
    if stop < len(text):
        space = text.rfind(" ", stop - 30, stop)
        stop = space if space > start else stop
    body = pieces(text, spans, field, start=start, end=stop)
    lead = (Piece("…"),) if start else ()
    tail = (Piece("…"),) if stop < len(text) else ()
    return lead + body + tail


def _densest(marks: list[tuple[int, int]], width: int) -> int:
    """Where a window of ``width`` should begin to hold most marks, with a little before them."""
    best, count = 0, 0
    for start, _ in marks:
        inside = sum(1 for left, right in marks if start <= left and right <= start + width - 40)
        if inside > count:
            best, count = start, inside
    return best - 40


def terms(spans: Iterable[Span]) -> tuple[tuple[str, int], ...]:
    """Each matched term and how often, as it first appears."""
    return tuple(Counter(shown(each.term) for each in spans).items())
