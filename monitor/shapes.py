"""The public JSON shapes: what ``--json`` and ``/api`` give for items, hits, events and boards.

Times are ISO 8601 UTC with ``Z``. Names here are a contract: add keys, never rename.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from monitor.model import (
    Assessment,
    DeadlineState,
    Event,
    Hit,
    HypothesisEvidence,
    Item,
    Level,
    StoredHit,
)


def iso(at: datetime | None) -> str | None:
    """``2022-10-01T06:00:00Z``."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def item_shape(item: Item) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": item.id,
        "title": item.title,
        "summary": item.summary,
        "link": item.link,
        "lang": item.lang,
        "source": item.source,
        "feed": item.feed,
        "published_at": iso(item.published_at),
    }
    return {key: value for key, value in shape.items() if value is not None}


def hit_shape(hit: Hit, *, explain: bool = False) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "indicator": hit.indicator,
        "watch": hit.watch,
        "item": hit.item,
        "rules": hit.rules,
        "score": round(hit.score, 4),
        "stage": hit.stage,
        "spans": [
            {"field": span.field, "start": span.start, "end": span.end, "term": span.term}
            for span in hit.spans
        ],
        "query": hit.query,
        "branch": hit.branch,
        "genre": hit.genre,
    }
    if explain:
        shape["parts"] = [
            {"name": part.name, "value": round(part.value, 4), "why": part.why}
            for part in hit.parts
        ]
    return shape


def stored_hit_shape(stored: StoredHit, *, explain: bool = False) -> dict[str, Any]:
    """A hit as the store knows it, beside its item; ``explain`` adds the parts of its score."""
    return hit_shape(stored.hit, explain=explain) | {
        "number": stored.number,
        "event": stored.event,
        "status": stored.status,
        "how": stored.how,
        "stored_at": iso(stored.stored_at),
        "title": stored.item.title,
        "summary": stored.item.summary,
        "link": stored.item.link,
        "lang": stored.item.lang,
        "source": stored.item.source,
        "feed": stored.item.feed,
        "published_at": iso(stored.item.published_at),
        "first_seen_at": iso(stored.item.first_seen_at),
    }


def match_shape(item: Item, hits: Iterable[Hit], *, explain: bool = False) -> dict[str, Any]:
    """One line of ``monitor match``: the cleaned text that spans count in, and the hits."""
    return {
        "id": item.id,
        "title": item.title,
        "summary": item.summary,
        "lang": item.lang,
        "hits": [hit_shape(hit, explain=explain) for hit in hits],
    }


def event_shape(event: Event) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": event.id,
        "title": event.title,
        "first_seen_at": iso(event.first_seen_at),
        "last_seen_at": iso(event.last_seen_at),
        "indicators": list(event.indicators),
        "items": [member.item.id for member in event.members],
        "sources": list(event.sources),
        "independent_origins": event.independent_origins,
        "status": event.status,
        "stage": event.stage,
        "members": [
            {
                "item": member.item.id,
                "title": member.item.title,
                "lang": member.item.lang,
                "source": member.item.source or member.item.feed,
                "link": member.item.link,
                "role": member.role,
                "of": member.of,
                "why": member.why,
                "pinned": member.pinned,
            }
            for member in event.members
        ],
        "reviews": [
            {"watch": watch, "indicator": indicator, "status": status}
            for (watch, indicator), status in event.reviews.items()
        ],
    }
    if event.grade:
        shape |= {"grade": event.grade, "grade_by": event.grade_by or "suggested"}
    return shape


def board_shape(assessments: Iterable[Assessment], *, as_of: datetime) -> dict[str, Any]:
    return {"as_of": iso(as_of), "watches": [_watch_shape(each) for each in assessments]}


def _watch_shape(assessment: Assessment) -> dict[str, Any]:
    return {
        "watch": assessment.watch,
        "rules": assessment.rules,
        "as_of": iso(assessment.as_of),
        "indicators": [_level_shape(level) for level in assessment.levels],
        "hypotheses": [_hypothesis_shape(each) for each in assessment.hypotheses],
        "deadlines": [_deadline_shape(each) for each in assessment.deadlines],
    }


def _deadline_shape(deadline: DeadlineState) -> dict[str, Any]:
    return {
        "id": deadline.deadline,
        "indicator": deadline.indicator,
        "text": deadline.text,
        "due_at": iso(deadline.due_at),
        "state": deadline.state,
        "event_ids": list(deadline.event_ids),
    }


def _level_shape(level: Level) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": level.indicator,
        "level": level.level,
        "events": level.events,
        "weighted": round(level.weighted, 3),
        "baseline": None if level.baseline is None else round(level.baseline, 3),
        "since": iso(level.since_at),
        "cause": level.cause,
        "months": [
            {"month": month.month, "events": month.events, "level": month.level}
            for month in level.months
        ],
        "event_ids": list(level.event_ids),
    }
    if level.changed_from:
        shape["changed_from"] = level.changed_from
    if level.analyst:
        shape["analyst"] = {
            "level": level.analyst,
            "reason": level.analyst_reason,
            "by": level.analyst_by,
        }
    return shape


def _hypothesis_shape(evidence: HypothesisEvidence) -> dict[str, Any]:
    return {
        "id": evidence.hypothesis,
        "for": round(evidence.for_, 3),
        "against": round(evidence.against, 3),
        "indicators": [
            {
                "id": part.indicator,
                "for": round(part.for_, 3),
                "against": round(part.against, 3),
                "capped": part.capped,
                "diagnosticity": part.diagnosticity,
                "event_ids": list(part.event_ids),
            }
            | ({"deadline": part.deadline} if part.deadline else {})
            for part in evidence.parts
        ],
    }
