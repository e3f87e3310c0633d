"""What an evaluator finds: matches over positions, with the words that they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

MAX_MATCHES = 1_000
"""Matches of one operand in one item that are looked at; the first ones, in the order of the text."""

MAX_EVIDENCE = 60
"""Words that a hit shows at most."""

Leaf: TypeAlias = tuple[int, int, str]
"""A matched form: positions ``start`` … ``end - 1`` and the term or @name that it is a form of."""

Match: TypeAlias = tuple[int, int, tuple[Leaf, ...]]
"""Extent in positions, and the leaves that it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the item as a whole."""

    lang: str = ""
    stage: str = ""
    genre: str = "news"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a node holds, and its matches (none for NOT and facts), in the order of the text."""

    holds: bool
    matches: tuple[Match, ...] = ()


NOTHING = Outcome(False)


def merged(parts: Iterable[Sequence[Match]]) -> tuple[Match, ...]:
    """All matches, one per extent (the first that is given), in the order of the text."""
    found: dict[tuple[int, int], Match] = {}
    for part in parts:
        for match in part:
            found.setdefault((match[0], match[1]), match)
    if len(found) == 1:
        return tuple(found.values())
    return tuple([found[key] for key in sorted(found)[:MAX_MATCHES]])


def joined_parts(parts: Iterable[Sequence[Match]]) -> Sequence[Match]:
    """As ``merged``, for parts of which each is in order already and has one match per extent."""
    given = [part for part in parts if part]
    return given[0] if len(given) == 1 else merged(given)


def evidence(matches: Iterable[Match]) -> tuple[Leaf, ...]:
    """The words that matches rest on, each once, in the order of the text."""
    found = matches if isinstance(matches, tuple | list) else tuple(matches)
    if len(found) == 1 and len(found[0][2]) == 1:
        return found[0][2]
    leaves = sorted({leaf for match in found for leaf in match[2]})
    return tuple(leaves[:MAX_EVIDENCE])


def joined(left: Match, right: Match) -> Match:
    """One match that covers two and rests on the leaves of both."""
    leaves = dict.fromkeys(left[2] + right[2])
    return min(left[0], right[0]), max(left[1], right[1]), tuple(leaves)
