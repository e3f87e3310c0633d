"""Whether an indicator could be seen at all: which feeds could have carried it, and were they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from monitor.model import Feed, Indicator

Polls = Mapping[str, Mapping[date, tuple[int, int]]]
"""Feed id → day → (good polls, failed polls), as the store counts them."""

BLIND_AFTER = timedelta(days=2)
"""Days without one good poll of a feed that could carry it, from which on an indicator is blind."""
MONTH_SHARE = 0.2
"""Share of a month's days that must be covered before its silence is called quiet."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The days on which an indicator could have been seen."""

    days: frozenset[date]

    def blind(self, now: datetime) -> bool:
        """No good poll today or on the ``BLIND_AFTER`` days before."""
        today = now.date()
        return not any(
            today - timedelta(days=back) in self.days for back in range(BLIND_AFTER.days + 1)
        )

    def between(self, first: date, last: date) -> int:
        """Covered days from ``first`` to ``last``, both included."""
        return sum(first <= day <= last for day in self.days)

    def newest(self) -> date | None:
        return max(self.days, default=None)


def covered(
    indicator: Indicator, feeds: Iterable[Feed], polls: Polls, *, now: datetime
) -> Coverage:
    """Days with a good poll of a feed that could carry the indicator, up to ``now``.

    A feed that is polled but in no list (an import's) can carry anything.
    """
    known = {feed.id: feed for feed in feeds}
    today = now.date()
    days = {
        day
        for id, by_day in polls.items()
        if id not in known or can_carry(known[id], indicator)
        for day, (good, _) in by_day.items()
        if good and day <= today
    }
    return Coverage(frozenset(days))


def can_carry(feed: Feed, indicator: Indicator) -> bool:
    """By language and topics; what is not said does not exclude. A disabled feed still has its past."""
    language = not indicator.languages or not feed.lang or feed.lang[:2] in indicator.languages
    topics = not indicator.topics or not feed.topics or bool({*indicator.topics} & {*feed.topics})
    return language and topics
