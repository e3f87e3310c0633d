"""The items of one window, who resembles whom, and which of them are one event.

The partition is a function of the set of items alone: links between two items depend on nothing else,
and a connected part of the window is always grouped anew in the order of publication. So the order of
arrival does not matter, and what is kept here is only a memory of work that need not be done again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import combinations
from typing import TypeAlias

from monitor.group.copies import Copies
from monitor.group.fingerprint import Fingerprint
from monitor.group.likeness import FAR_HOURS, NONE, Likeness, compare, log_odds, logit

LINK = 0.35
"""Likeness below which two items do not know of each other."""
FLOOR = log_odds(LINK)
JOIN = 0.5
"""Support that an event must give an item to take it in."""
TOGETHER = 0.5
"""Mean likeness of the items of two groups from which on they are one."""
CROWD = 1_000
"""Items of one span that share a key, from which on the key is too common to look by."""
SPAN_HOURS = FAR_HOURS
KEYED_BY = 6
"""Notions of an item that it is found by, in pairs: those that are worth most."""

Key: TypeAlias = tuple[str, str]
FULL: list[str] = []
"""What stands for the items of a key that is too common."""


class Window:
    """Fingerprints, an index to find the like of one, and the links found.

    What it holds grows with the items of the window and goes with them. Items that share no more
    than keys of a crowd are not compared, so in a crowd alone it matters who came first.
    """

    def __init__(self) -> None:
        self.prints: dict[str, Fingerprint] = {}
        self.links: dict[str, dict[str, Likeness]] = {}
        self._keys: dict[Key, dict[int, list[str]]] = {}  # key → span of time → items
        self._full: dict[int, list[Key]] = {}
        self._items: Counter[int] = Counter()  # in each span
        self._copies = Copies()

    def __contains__(self, id: object) -> bool:
        return id in self.prints

    def __len__(self) -> int:
        return len(self.prints)

    def add(self, print: Fingerprint) -> None:
        """Takes an item in and links it with its like. Known ones are replaced."""
        id, prints = print.id, self.prints
        if id in prints:
            if prints[id] == print:
                return
            self.remove(id)
        keys, span = _keys(print), _span(print)
        links: dict[str, Likeness] = {}
        near = self._copies.near(print.least)
        for other in near | self._like(print, self._keyed(keys, span) - near):
            like = compare(print, prints[other], least=LINK)
            if like is not NONE:
                links[other] = like
                self.links[other][id] = like
        prints[id] = print
        self.links[id] = links
        self._items[span] += 1
        self._copies.add(id, print.least)
        for key in keys:
            spans = self._keys.get(key)
            if spans is None:
                self._keys[key] = {span: [id]}
            elif (some := spans.get(span)) is None:
                spans[span] = [id]
            elif len(some) < CROWD and some is not FULL:
                some.append(id)
            elif some is not FULL:
                spans[span] = FULL
                self._full.setdefault(span, []).append(key)

    def remove(self, id: str) -> None:
        print = self.prints.pop(id)
        for other in self.links.pop(id):
            self.links[other].pop(id, None)
        self._copies.remove(id, print.least)
        span = _span(print)
        for key in _keys(print):
            some = self._keys[key][span]
            if some is not FULL:
                some.remove(id)
                if not some:
                    self._drop(key, span)
        self._items[span] -= 1
        if not self._items[span]:
            del self._items[span]
            for key in self._full.pop(span, ()):
                self._drop(key, span)

    def _drop(self, key: Key, span: int) -> None:
        spans = self._keys[key]
        del spans[span]
        if not spans:
            del self._keys[key]

    def _keyed(self, keys: Iterable[Key], span: int) -> set[str]:
        """Items that share a key, near in time."""
        found: set[str] = set()
        near = (span - 1, span, span + 1)
        for key in keys:
            spans = self._keys.get(key)
            if spans is not None:
                for each in near:
                    if each in spans:
                        found.update(spans[each])
        return found

    def _like(self, print: Fingerprint, others: Iterable[str]) -> set[str]:
        """Those of the items that may come to a link by what they tell: a fraction of them."""
        first, last, prints = print.hour - FAR_HOURS, print.hour + FAR_HOURS, self.prints
        return {
            other
            for other in others
            if first <= prints[other].hour <= last
            and logit(print, prints[other], floor=FLOOR) >= FLOOR
        }

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


def _span(print: Fingerprint) -> int:
    return int(print.hour // SPAN_HOURS)


def _keys(print: Fingerprint) -> list[Key]:
    """Two shared things are needed to be looked at: pairs of the notions that are worth most."""
    notions = print.notions
    if len(notions) > KEYED_BY:
        best = sorted(notions, key=lambda each: (-notions[each], each))[:KEYED_BY]
        return [*combinations(sorted(best), 2)]
    return [*combinations(sorted(notions), 2)]


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
    if len(groups) > 1:
        groups = _together(
            window, groups, of, {number: event for event, number in by_event.items()}
        )
    for group in groups:
        group.sort(key=lambda item: (prints[item].at, item))
    return groups


def _together(
    window: Window, groups: list[list[str]], of: Mapping[str, int], fixed: Mapping[int, int]
) -> list[list[str]]:
    """Brings together the groups that began apart before there was an item to tell that they are one.

    Average linkage (Sokal & Michener 1958): the two groups whose items resemble each other most on
    the average first, as long as that is ``TOGETHER``. ``fixed``: group → event of an analyst.
    """
    told = [[id for id in group if not mixed(window.prints[id])] for group in groups]
    sums: list[dict[int, float]] = [{} for _ in groups]
    for number, group in enumerate(told):
        for id in group:
            for other, like in window.links[id].items():
                there = of[other]
                if there > number and not mixed(window.prints[other]):
                    sums[number][there] = sums[number].get(there, 0.0) + like.value
                    sums[there][number] = sums[number][there]
    sizes, events = [len(group) for group in told], dict(fixed)

    def mean(a: int, b: int) -> float:
        return round(sums[a][b] / (sizes[a] * sizes[b]), 9)

    heap = [(-mean(a, b), a, b) for a, some in enumerate(sums) for b in some if a < b]
    heapify(heap)
    gone: set[int] = set()
    while heap:
        value, a, b = heappop(heap)
        if -value < TOGETHER:
            break
        if a in gone or b in gone or -value != mean(a, b):
            continue  # one of them has grown since
        if a in events and b in events:
            continue
        groups[a] = groups[a] + groups[b]
        sizes[a] += sizes[b]
        gone.add(b)
        if b in events:
            events[a] = events[b]
        for c, total in sums[b].items():
            if c != a:
                sums[a][c] = sums[c][a] = sums[a].get(c, 0.0) + total
                del sums[c][b]
        del sums[a][b]
        for c in sums[a]:
            heappush(heap, (-mean(a, c), min(a, c), max(a, c)))
    return [group for number, group in enumerate(groups) if number not in gone]


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
