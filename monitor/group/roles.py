"""What an item is in its event: the first, a copy, a report of its own, a follow-up, a denial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.group.fingerprint import Fingerprint
from monitor.group.window import Window

Role = Literal["origin", "independent", "copy", "followup", "denial"]
FOLLOWUP_HOURS = 12.0
"""A report of its own that comes this much later than the first tells what followed."""


@dataclass(frozen=True, slots=True)
class Place:
    """An item's role, and the item that it copies or follows."""

    role: Role
    of: str = ""
    note: str = ""  # why, where it is not the text

    def same(self, other: Place) -> bool:
        return self.role == other.role and self.of == other.of


def places(window: Window, group: Sequence[str], behind: Mapping[str, str]) -> dict[str, Place]:
    """The roles of an event's items, given in the order of publication.

    ``behind`` says who stands behind each item: a second outlet of one owner or state repeats the
    first as far as corroboration goes, whatever its wording.
    """
    return {id: _place(window, id, group[:number], behind) for number, id in enumerate(group)}


def _place(window: Window, id: str, before: Sequence[str], behind: Mapping[str, str]) -> Place:
    if not before:
        return Place("origin")
    print = window.prints[id]
    copied = _copied(window, id, before)
    if copied is not None:
        return Place("copy", copied)
    first = window.prints[before[0]]
    if print.stage == "denied" and first.stage != "denied":
        return Place("denial", first.id)
    if print.agencies:
        names = ", ".join(sorted(print.agencies))
        return Place("copy", _agency(window, print, before), f"names {names} as its source")
    if print.hour - first.hour >= FOLLOWUP_HOURS:
        return Place("followup", _nearest(window, id, before))
    for other in before:
        if behind.get(other, other) == behind.get(id, id):
            return Place("copy", other, f"same origin ({behind[id]})")
    return Place("independent")


def _copied(window: Window, id: str, before: Sequence[str]) -> str | None:
    """The earliest item whose text this one repeats."""
    for other in before:
        like = window.links[id].get(other)
        if like is not None and like.copy:
            return other
    return None


def _agency(window: Window, print: Fingerprint, before: Sequence[str]) -> str:
    """The item of the agency named, or one that names it too, else the first report."""
    for other in before:
        if window.prints[other].agencies & print.agencies:
            return other
        if any(agency in window.prints[other].feed.casefold() for agency in print.agencies):
            return other
    return before[0]


def _nearest(window: Window, id: str, before: Sequence[str]) -> str:
    return max(before, key=lambda other: (window.like(id, other), -before.index(other)))
