"""Whether an indicator could be seen at all: which feeds could have carried it, and were they read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from monitor.model import Feed, Indicator

Polls = Mapping[str, Mapping[date, tuple[int, int]]]
"""Feed id → day → (good polls, failed polls), as the store counts them."""

BLIND_AFTER = timedelta(days=2)
"""Days without one good poll of a feed that could carry it, from which on an indicator is blind."""
ENOUGH = 1 / 3
"""Of the feeds that could carry an indicator and were polled on a day, the share that must answer."""
MONTH_SHARE = 0.2
"""Share of a month's days that must be covered before its silence is called quiet."""


class Partly(NamedTuple):
    """A day on which too few feeds were read: how many of those that were asked."""

    day: date
    read: int
    polled: int


class Coverage:
    """The days on which an indicator could have been seen."""

    def __init__(self, days: Iterable[date], partly: Partly | None = None) -> None:
        self.days = frozenset(days)
        self.partly = partly  # the newest day on which some feeds were read, and too few
        self.ordered = sorted(self.days)
        self._states: list[int] = []

    def blind(self, now: datetime) -> bool:
        """Not covered today nor on the ``BLIND_AFTER`` days before."""
        today = now.date()
        return not any(
            today - timedelta(days=back) in self.days for back in range(BLIND_AFTER.days + 1)
        )

    def between(self, first: date, last: date) -> int:
        """Covered days from ``first`` to ``last``, both included."""
        return bisect_right(self.ordered, last) - bisect_left(self.ordered, first)

    def newest(self) -> date | None:
        return self.ordered[-1] if self.ordered else None

    def state(self, last: date) -> int:
        """Tells the covered days up to ``last`` from others."""
        if not self._states:
            self._states = running(self.ordered)
        return self._states[bisect_right(self.ordered, last)]


class Coverages:
    """Covered days by what an indicator asks of a feed; worked out once for all that ask the same."""

    def __init__(self, feeds: Iterable[Feed], polls: Polls, *, now: datetime) -> None:
        known = {feed.id: feed for feed in feeds}
        today = now.date()
        self._days = [
            (
                known.get(id),
                [(day, bool(good)) for day, (good, _) in by_day.items() if day <= today],
            )
            for id, by_day in polls.items()
        ]
        self._found: dict[tuple[tuple[str, ...], tuple[str, ...]], Coverage] = {}

    def of(self, indicator: Indicator) -> Coverage:
        """Days up to now on which enough of the feeds that could carry the indicator were read.

        Enough is ``ENOUGH`` of those that were polled on that day, a feed counting as read that answered
        once: one wire that goes on does not make up for fifty that are down. A feed that is polled
        but in no list (an import's) can carry anything.
        """
        asked = (indicator.languages, indicator.topics)
        if asked not in self._found:
            polled: Counter[date] = Counter()
            read: Counter[date] = Counter()
            for feed, some in self._days:
                if feed is None or can_carry(feed, indicator):
                    polled.update(day for day, _ in some)
                    read.update(day for day, good in some if good)
            days = [day for day, count in read.items() if count >= ENOUGH * polled[day]]
            last = max(read.keys() - set(days), default=None)
            partly = Partly(last, read[last], polled[last]) if last else None
            self._found[asked] = Coverage(days, partly)
        return self._found[asked]


def covered(
    indicator: Indicator, feeds: Iterable[Feed], polls: Polls, *, now: datetime
) -> Coverage:
    """``Coverages`` of one indicator."""
    return Coverages(feeds, polls, now=now).of(indicator)


def running(values: Iterable[Hashable]) -> list[int]:
    """Hashes of the first none, one, two… of the values."""
    found = [0]
    for value in values:
        found.append(hash((found[-1], value)))
    return found


def can_carry(feed: Feed, indicator: Indicator) -> bool:
    """By language and topics; what is not said does not exclude. A disabled feed still has its past."""
    language = not indicator.languages or not feed.lang or feed.lang[:2] in indicator.languages
    topics = not indicator.topics or not feed.topics or bool({*indicator.topics} & {*feed.topics})
    return language and topics
