"""What was stored for one digest, and which indicators a reader asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.digest.values import Flood
from monitor.model import (
    LEVELS,
    Assessment,
    Event,
    FeedStatus,
    Indicator,
    LevelChange,
    StoredHit,
    Subscription,
    Watch,
)

_RANK = {name: rank for rank, name in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was stored for one digest at ``as_of``."""

    hits: Sequence[StoredHit]  # not covered by a digest to this reader yet
    events: Sequence[Event]  # those that the hits belong to
    watches: Sequence[Watch]
    assessments: Mapping[str, Assessment] = field(default_factory=dict)
    changes: Sequence[LevelChange] = ()  # since the previous digest
    feeds: Sequence[FeedStatus] = ()
    floods: Sequence[Flood] = ()
    as_of: datetime
    slot: str
    previous_at: datetime | None = None  # when the last digest was frozen; None = this is the first
    next_at: datetime | None = None
    run: str = ""
    attached: str = ""
    note: str = ""  # what the reader must know about this mail


def chosen(subscription: Subscription, watch: Watch, indicator: Indicator) -> bool:
    """Whether the subscription asks for this indicator: by id, by group, ``watch/id`` or ``*``."""
    names = {
        "*",
        indicator.id,
        indicator.group,
        watch.id,
        f"{watch.id}/{indicator.id}",
        f"{watch.id}/{indicator.group}",
    }
    return not names.isdisjoint(subscription.indicators)


def rank(level: str) -> int:
    """The place of a level, none = 0; no coverage = -1."""
    return _RANK.get(level, -1)  # type: ignore[call-overload,no-any-return]
