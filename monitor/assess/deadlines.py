"""Expected but absent: what should have come by a date, and whether its absence could be seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.assess.coverage import Coverage
from monitor.assess.evidence import PERIOD
from monitor.assess.weights import Weighed, seen_at
from monitor.model import Deadline, DeadlineState, Event, Indicator, StoredHit
from monitor.query import parse
from monitor.query.lexicon import Lexicon
from monitor.query.plain import PlainEvaluator
from monitor.text import Document

BLIND_SHARE = 0.5
"""Share of the 30 days before the date that must be covered: absence unseen is no absence."""


def state(
    indicator: Indicator,
    deadline: Deadline,
    events: Sequence[Event],
    weighed: Sequence[Weighed],
    coverage: Coverage,
    lexicon: Lexicon,
    *,
    now: datetime,
) -> DeadlineState:
    """Pending before the date; then met, missed, or unseen where the feeds were down."""
    wanted = {each.event: each for each in weighed if each.counts}
    end = min(now, deadline.due_at)
    meeting = [
        event.id
        for event in events
        if event.id in wanted
        and any(_meets(stored, indicator, deadline, lexicon, end) for stored in event.hits)
    ]
    if meeting:
        word = "met"
    elif now < deadline.due_at:
        word = "pending"
    else:
        first = (deadline.due_at - timedelta(days=29)).date()
        seen = coverage.between(first, deadline.due_at.date())
        word = "missed" if seen >= BLIND_SHARE * 30 else "unseen"
    return DeadlineState(
        watch=indicator.watch,
        indicator=indicator.id,
        deadline=deadline.id,
        text=deadline.text,
        due_at=deadline.due_at,
        state=word,  # type: ignore[arg-type]
        event_ids=tuple(sorted(meeting)),
    )


def _meets(
    stored: StoredHit, indicator: Indicator, deadline: Deadline, lexicon: Lexicon, end: datetime
) -> bool:
    if stored.hit.indicator != indicator.id or stored.hit.stage == "denied":
        return False
    if not deadline.due_at - PERIOD <= seen_at(stored) <= end:
        return False
    if not deadline.query:
        return True
    item = stored.item
    document = Document(item.title, item.summary, item.lang)
    return PlainEvaluator(document, lexicon).evaluate(parse(deadline.query)).holds
