"""Whether an indicator could be seen at all: which feeds could have carried it, and were they read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Mapping
from datetime import date, datetime, timedelta

from monitor.model import Feed, Indicator

Polls = Mapping[str, Mapping[date, tuple[int, int]]]
"""Feed id → day → (good polls, failed polls), as the store counts them."""

BLIND_AFTER = timedelta(days=2)
"""Days without one good poll of a feed that could carry it, from which on an indicator is blind."""
MONTH_SHARE = 0.2
"""Share of a month's days that must be covered before its silence is called quiet."""


class Coverage:
    """The days on which an indicator could have been seen."""

    def __init__(self, days: Iterable[date]) -> None:
        self.days = frozenset(days)
        self.ordered = sorted(self.days)
        self._states: list[int] = []

    def blind(self, now: datetime) -> bool:
        """No good poll today or on the ``BLIND_AFTER`` days before."""
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
            (known.get(id), [day for day, (good, _) in by_day.items() if good and day <= today])
            for id, by_day in polls.items()
        ]
        self._found: dict[tuple[tuple[str, ...], tuple[str, ...]], Coverage] = {}

    def of(self, indicator: Indicator) -> Coverage:
        """Days with a good poll of a feed that could carry the indicator, up to now.

        A feed that is polled but in no list (an import's) can carry anything.
        """
        asked = (indicator.languages, indicator.topics)
        if asked not in self._found:
            days: set[date] = set()
            for feed, some in self._days:
                if feed is None or can_carry(feed, indicator):
                    days.update(some)
            self._found[asked] = Coverage(days)
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
