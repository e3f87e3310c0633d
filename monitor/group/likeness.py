"""How likely two items are to tell of the same happening, and why, in plain words.

Copies are seen by their word pairs. Other wordings and other languages are compared by what they
share of notions (concepts of the gazetteer and plain words of news), names by sound, numbers, indicator
and time. The weights are those of a logistic model; docs/decisions/0050 says how they were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import NamedTuple

from monitor.group.fingerprint import Fingerprint, resemblance

COPY_RESEMBLANCE = 0.45
"""Share of word pairs in common from which two texts are one text."""
COPY_TITLE = 0.75
"""Share of title words in common that makes two items copies when neither says more than a headline."""
SHORT = 24
"""Words up to which an item says no more than a headline."""
SERIES_HOURS = 12.0
FAR_HOURS = 96.0
"""Beyond this, two items are not compared: a later report joins by those between."""

NOTIONS, NAMES, NUMBERS = 6.0, 3.0, 2.0
"""What counts at most: the tenth shared name proves no more than the third."""

NO_CAPITALS = frozenset(["ar", "fa", "he"])


class Weights(NamedTuple):
    """Of the logistic model, in log-odds."""

    bias: float
    share: float  # cosine of the notions
    notions: float  # worth of the shared ones
    names: float
    numbers: float
    conflict: float  # both titles give numbers, none of them the other's
    hours: float
    either: float = 0.0  # share of the one title's words in the other item, where it is smaller
    both: float = 0.0  # where it is greater


ACROSS = Weights(
    bias=-3.1, share=4.95, notions=0.64, names=0.74, numbers=1.9, conflict=-0.44, hours=-0.06
)
"""Of two items in two languages."""
WITHIN = Weights(
    bias=-4.3, share=4.7, notions=0.0, names=1.0, numbers=3.6, conflict=-2.8, hours=-0.05,
    either=3.2, both=3.1,
)  # fmt: skip
"""Of two in one language: then the words can be asked; notions say nothing beyond their share."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """``value`` is 0–1; ``copy`` says that it is the text itself that is shared."""

    value: float
    copy: bool
    text: float


NONE = Likeness(0.0, False, 0.0)


def compare(one: Fingerprint, two: Fingerprint, *, least: float = 0.0) -> Likeness:
    """Symmetric, and a function of the two items alone; ``NONE`` for what is below ``least``."""
    if abs(one.hour - two.hour) > FAR_HOURS:
        return NONE
    text = resemblance(one, two)
    if text:
        if is_series(one, two):
            return NONE
        if is_copy(one, two, text):
            return Likeness(max(0.95, text), True, text)
    elif one.notions.keys().isdisjoint(two.notions):
        return NONE
    floor = log_odds(least) if least else -inf
    z = logit(one, two, floor=floor)
    if z < floor or (not text and is_series(one, two)):
        return NONE
    return Likeness(1 / (1 + exp(-z)), False, text)


def log_odds(value: float) -> float:
    return log(value / (1 - value))


def logit(one: Fingerprint, two: Fingerprint, *, floor: float = -inf) -> float:
    """The log-odds that two items tell of the same, of the model for one language or for two.

    What cannot come to ``floor`` any more is not worked out to the end.
    """
    w = WITHIN if one.lang == two.lang else ACROSS
    z = w.bias + w.hours * abs(one.hour - two.hour)
    a, b = one.notions, two.notions
    worth = sum([a[notion] for notion in a.keys() & b.keys()])
    if worth:
        z += w.share * worth / sqrt(one.worth * two.worth) + w.notions * min(worth, NOTIONS)
    # Without capitals every word may be a name; two such texts prove nothing by sound.
    if not one.names.isdisjoint(two.names) and not (
        one.lang in NO_CAPITALS and two.lang in NO_CAPITALS
    ):
        z += w.names * min(sum(map(_name_worth, one.names & two.names)), NAMES)
    if not one.numbers.isdisjoint(two.numbers):
        z += w.numbers * min(sum(map(_number_worth, one.numbers & two.numbers)), NUMBERS)
    elif one.title_numbers and two.title_numbers:
        z += w.conflict
    if w is WITHIN and z + w.either + w.both >= floor:
        told = _told(one, two)
        if z + w.either * told + w.both >= floor:
            other = _told(two, one)
            z += w.either * min(told, other) + w.both * max(told, other)
    return z


def is_copy(one: Fingerprint, two: Fingerprint, text: float) -> bool:
    """The same text, lightly edited at most; a series ("day 190", "day 191") is not."""
    if one.title_numbers != two.title_numbers:
        return False
    if text >= COPY_RESEMBLANCE:
        return True
    return _title_alike(one, two) and (min(one.words, two.words) <= SHORT or text >= 0.15)


def is_series(one: Fingerprint, two: Fingerprint) -> bool:
    """One headline with another number, half a day apart: the next part, not the same happening.

    Within half a day it is a new toll.
    """
    if one.title_numbers == two.title_numbers or abs(one.hour - two.hour) < SERIES_HOURS:
        return False
    return _title_alike(one, two)


def _title_alike(one: Fingerprint, two: Fingerprint) -> bool:
    a, b = one.title, two.title
    least, most = (len(a), len(b)) if len(a) < len(b) else (len(b), len(a))
    if least < 4 or least < COPY_TITLE * most:
        return False
    shared = len(a & b)
    return shared >= COPY_TITLE * (least + most - shared)


def _told(one: Fingerprint, two: Fingerprint) -> float:
    """Share of one title's words, by their rarity, that the other item has too."""
    if not one.telling or two.stems.isdisjoint(one.headline):
        return 0.0
    other = two.stems
    return sum([worth for stem, worth in one.headline.items() if stem in other]) / one.telling


def _name_worth(name: str) -> float:
    return {3: 0.5, 4: 1.0}.get(len(name), 1.4)


def _number_worth(number: str) -> float:
    return 0.4 if len(number) == 1 else 1.0


def why(new: Fingerprint, old: Fingerprint, like: Likeness, title: str) -> str:
    """In plain words, for the analyst."""
    if like.copy:
        return f"{like.text:.2f} text overlap with “{_short(title)}”"
    parts = []
    shared = sorted(
        new.notions.keys() & old.notions.keys(), key=lambda each: (-new.notions[each], each)
    )
    if shared:
        parts.append("shares " + " ".join(shared[:6]))
    numbers = sorted(new.numbers & old.numbers, key=lambda each: (-len(each), each))
    if numbers:
        noun = "the number" if len(numbers) == 1 else "the numbers"
        parts.append(f"{noun} {', '.join(numbers[:3])}")
    names = 0 if new.lang in NO_CAPITALS and old.lang in NO_CAPITALS else len(new.names & old.names)
    if names:
        parts.append(f"{names} name{'s' if names > 1 else ''}")
    if new.indicators & old.indicators:
        parts.append("the indicator")
    listed = (
        ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else ""
    )
    return f"{_gap(new, old)}; {listed}; likeness {like.value:.2f} with “{_short(title)}”"


def _gap(new: Fingerprint, old: Fingerprint) -> str:
    hours = abs(new.hour - old.hour)
    if hours < 24 and new.at.date() == old.at.date():
        return "same day"
    if hours < 36:
        return "a day apart"
    return f"{round(hours / 24)} days apart"


def _short(title: str, limit: int = 60) -> str:
    return title if len(title) <= limit else title[: limit - 1].rstrip() + "…"
