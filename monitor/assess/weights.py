"""What one event is worth for one indicator, and what of it was known when.

weight = how far it has come × how well it is sourced × how sure the match is × the branch's weight,
or, once an analyst has confirmed it, how far it has come × the branch's weight. Dismissed: nothing.
The figures are in docs/levels.md with their reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

from monitor.model import Event, Review, Status, StoredHit

STAGE_WEIGHTS: Mapping[str | None, float] = {
    "act": 1.0, "decision": 0.8, "official-claim": 0.7, None: 0.7, "talks": 0.5, "threat": 0.3,
    "denied": 0.1,
}  # fmt: skip
LETTERS = {"A": 1.0, "B": 0.9, "C": 0.8, "D": 0.6, "E": 0.4, "F": 0.7}
FIGURES = {"1": 1.0, "2": 0.95, "3": 0.8, "4": 0.5, "5": 0.25, "6": 0.7}
UNREVIEWED = 0.8
DENIED_SINCE = 0.7
"""What remains of an unreviewed event that somebody concerned denies."""
OLD_NEWS = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """An event as evidence for one indicator, as it was known at some time."""

    event: int
    at: datetime  # first seen with this indicator
    weight: float  # undecayed
    status: Status
    title: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is one of the distinct events: a mere denial or threat is not."""
        return self.weight >= 0.15


def weigh(
    watch: str,
    events: Iterable[Event],
    reviews: Iterable[Review] | None,
    *,
    now: datetime,
) -> dict[str, list[Weighed]]:
    """Indicator → its events that are not dismissed, oldest first; nothing later than ``now``.

    ``reviews`` are all that exist; the newest up to ``now`` counts. None: the events' own are taken.
    """
    decided = None if reviews is None else _decided(watch, reviews, now)
    found: dict[str, list[Weighed]] = {}
    for event in events:
        hits: dict[str, list[StoredHit]] = {}
        for stored in event.hits:
            if stored.hit.watch == watch and _known(stored, now):
                hits.setdefault(stored.hit.indicator, []).append(stored)
        for indicator, here in hits.items():
            key = (watch, indicator)
            if decided is None:
                status = event.reviews.get(key, "new")
            else:
                status = decided.get((event.id, indicator), "new")
            if status != "confirmed":
                here = [stored for stored in here if not is_old_news(stored)]
            if here and status != "dismissed":
                at = min(seen_at(stored) for stored in here)
                weight = _weight(event, here, status, now)
                found.setdefault(indicator, []).append(
                    Weighed(event=event.id, at=at, weight=weight, status=status, title=event.title)
                )
    for some in found.values():
        some.sort(key=lambda each: (each.at, each.event))
    return found


def is_old_news(stored: StoredHit) -> bool:
    """An item that a feed's first poll or a flood brought long after it was published.

    Read, kept and to be found; but what was news a month before anybody here saw it says nothing of now,
    unless an analyst confirms that it does.
    """
    published, seen = stored.item.published_at, stored.item.first_seen_at
    return bool(stored.warm_up and published and seen and seen - published > OLD_NEWS)


def seen_at(stored: StoredHit) -> datetime:
    """When the item was first seen here; for an archive, when it was published."""
    return stored.item.first_seen_at or stored.stored_at


def _known(stored: StoredHit, now: datetime) -> bool:
    if stored.withdrawn_at is not None and stored.withdrawn_at <= now:
        return False
    return stored.stored_at <= now and seen_at(stored) <= now


def _decided(watch: str, reviews: Iterable[Review], now: datetime) -> dict[tuple[int, str], Status]:
    known = [each for each in reviews if each.watch == watch and each.at <= now]
    known.sort(key=lambda each: each.at)  # stable: of two at one time the later in the list counts
    return {(each.event, each.indicator): each.status for each in known}


def _weight(event: Event, hits: list[StoredHit], status: Status, now: datetime) -> float:
    best = max(hits, key=lambda stored: (_of_hit(stored), stored.hit.score, -stored.number))
    if status == "confirmed":
        return _of_hit(best)
    weight = _of_hit(best) * (0.5 + 0.5 * best.hit.score) * grade_weight(event.grade)
    weight *= UNREVIEWED
    if best.hit.stage != "denied" and any(
        member.role == "denial" and (member.added_at is None or member.added_at <= now)
        for member in event.members
    ):
        weight *= DENIED_SINCE
    return weight


def _of_hit(stored: StoredHit) -> float:
    return STAGE_WEIGHTS[stored.hit.stage] * stored.hit.weight


def grade_weight(grade: str | None) -> float:
    """The geometric mean of what the letter and the figure are worth."""
    letter, figure = (grade or "F6")[0], (grade or "F6")[-1]
    return sqrt(LETTERS.get(letter, LETTERS["F"]) * FIGURES.get(figure, FIGURES["6"]))
