"""The items of one window, who resembles whom, and which of them are one event.

The partition is a function of the set of items alone: links between two items depend on nothing else,
and a connected part of the window is always grouped anew in the order of publication. So the order of
arrival does not matter, and what is kept here is only a memory of work that need not be done again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from monitor.group.copies import Copies
from monitor.group.fingerprint import Fingerprint
from monitor.group.likeness import FAR_HOURS, Likeness, compare

LINK = 0.35
"""Likeness below which two items do not know of each other."""
JOIN = 0.5
"""Support that an event must give an item to take it in."""
CROWD = 400
"""Items of one half-day that share a key, from which on the key is too common to look by."""
SLOT_HOURS = 12.0


@dataclass(slots=True)
class _Slot:
    """The items of one half-day by what they can be found by."""

    keys: defaultdict[object, list[str]] = field(default_factory=lambda: defaultdict(list))


class Window:
    """Fingerprints, an index to find the like of one, and the links found."""

    def __init__(self) -> None:
        self.prints: dict[str, Fingerprint] = {}
        self.links: dict[str, dict[str, Likeness]] = {}
        self._slots: dict[int, _Slot] = {}
        self._copies = Copies()

    def __contains__(self, id: object) -> bool:
        return id in self.prints

    def __len__(self) -> int:
        return len(self.prints)

    def add(self, print: Fingerprint) -> None:
        """Takes an item in and links it with its like. Known ones are replaced."""
        if print.id in self.prints:
            if self.prints[print.id] == print:
                return
            self.remove(print.id)
        links: dict[str, Likeness] = {}
        for other in self._candidates(print):
            like = compare(print, self.prints[other])
            if like.value >= LINK:
                links[other] = like
                self.links[other][print.id] = like
        self.prints[print.id] = print
        self.links[print.id] = links
        self._copies.add(print.id, print.sketch)
        slot = self._slots.setdefault(_slot(print), _Slot())
        for found in _keys(print):
            slot.keys[found].append(print.id)

    def remove(self, id: str) -> None:
        print = self.prints.pop(id)
        for other in self.links.pop(id):
            self.links[other].pop(id, None)
        self._copies.remove(id, print.sketch)
        number = _slot(print)
        slot = self._slots[number]
        for found in _keys(print):
            slot.keys[found].remove(id)
            if not slot.keys[found]:
                del slot.keys[found]
        if not slot.keys:
            del self._slots[number]

    def _candidates(self, print: Fingerprint) -> set[str]:
        found = self._copies.near(print.sketch)
        reach = int(FAR_HOURS // SLOT_HOURS) + 1
        here = _slot(print)
        keys = _keys(print)
        for number in range(here - reach, here + reach + 1):
            slot = self._slots.get(number)
            if slot is None:
                continue
            for each in keys:
                some = slot.keys.get(each)
                if some is not None and len(some) <= CROWD:
                    found.update(some)
        found.discard(print.id)
        return found

    def part(self, ids: Iterable[str]) -> list[set[str]]:
        """The connected parts of the window that hold these items."""
        parts: list[set[str]] = []
        seen: set[str] = set()
        for id in ids:
            if id in seen or id not in self.prints:
                continue
            part, waiting = {id}, [id]
            while waiting:
                for other in self.links[waiting.pop()]:
                    if other not in part:
                        part.add(other)
                        waiting.append(other)
            seen |= part
            parts.append(part)
        return parts

    def like(self, one: str, two: str) -> float:
        found = self.links[one].get(two)
        return found.value if found else 0.0


def mixed(print: Fingerprint) -> bool:
    """A live page or a digest tells several happenings: it may join one, and brings no two together."""
    return print.genre in ("live-blog", "digest")


def _slot(print: Fingerprint) -> int:
    return int(print.hour // SLOT_HOURS)


def _keys(print: Fingerprint) -> list[object]:
    """Two shared things are needed to be looked at: pairs of the notions that are worth most."""
    best = sorted(print.notions, key=lambda each: (-print.notions[each], each))[:6]
    keys: list[object] = [
        (one, two) if one < two else (two, one)
        for index, one in enumerate(best)
        for two in best[index + 1 :]
    ]
    return keys


def partition(window: Window, part: Collection[str], fixed: Mapping[str, int]) -> list[list[str]]:
    """The events among connected items, each in the order of publication.

    ``fixed`` are items that an analyst has put into an event: those of one event stay together, those
    of two events stay apart, whatever the texts say.
    """
    groups: list[list[str]] = []
    of: dict[str, int] = {}
    by_event: dict[int, int] = {}
    prints = window.prints
    order = sorted(
        part, key=lambda item: (item not in fixed, mixed(prints[item]), prints[item].at, item)
    )
    for id in order:
        event = fixed.get(id)
        if event is not None:
            number = by_event.get(event)
            if number is None:
                number = by_event[event] = len(groups)
                groups.append([])
        else:
            number = _best(window, id, groups, of)
        groups[number].append(id)
        of[id] = number
    for group in groups:
        group.sort(key=lambda item: (prints[item].at, item))
    return groups


def _best(window: Window, id: str, groups: list[list[str]], of: Mapping[str, int]) -> int:
    support: defaultdict[int, list[float]] = defaultdict(list)
    copies: dict[int, float] = {}
    for other, like in window.links[id].items():
        number = of.get(other)
        if number is None:
            continue
        if like.copy:
            copies[number] = max(copies.get(number, 0.0), like.value)
        if not mixed(window.prints[other]):
            support[number].append(like.value)
    best, best_value = len(groups), JOIN
    for number in sorted(support.keys() | copies.keys()):
        values = support.get(number, [0.0])
        told = sum(not mixed(window.prints[each]) for each in groups[number])
        mean = sum(values) / max(1, told)
        value = max(copies.get(number, 0.0), 0.5 * max(values) + 0.5 * mean)
        if value > best_value or (value == best_value and best == len(groups)):
            best, best_value = number, value
    if best == len(groups):
        groups.append([])
    return best
