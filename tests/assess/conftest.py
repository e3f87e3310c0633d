"""Events, reviews and covered days, made up in one line each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from monitor.model import (
    Anchor,
    Branch,
    Event,
    Feed,
    Hit,
    Hypothesis,
    Indicator,
    Item,
    Member,
    Review,
    Stage,
    Status,
    StoredHit,
    Watch,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def indicator(id: str = "drones", **more: Any) -> Indicator:
    given: dict[str, Any] = {"ach": {"H1": 2, "H2": -1, "H3": -2}} | more
    return Indicator(
        id=id, title=id, group="g", watch="w", anchor=Anchor(section=""), counts="", does_not_count="",
        branches=(Branch(name="b", query="x"),), **given,
    )  # fmt: skip


def watch(*indicators: Indicator) -> Watch:
    return Watch(
        id="w", title="", question="", source="", concepts={}, rules="r1",
        hypotheses=tuple(Hypothesis(id=id, title=id) for id in ("H1", "H2", "H3")),
        indicators=indicators or (indicator(),),
    )  # fmt: skip


def event(
    number: int,
    *,
    days: float = 1,
    indicator: str = "drones",
    stage: Stage | None = "act",
    grade: str | None = "A1",
    score: float = 1.0,
    weight: float = 1.0,
    status: Status = "new",
    title: str = "",
    denied_days: float | None = None,
) -> Event:
    """Seen ``days`` before NOW; denied ``denied_days`` before NOW, if it was."""
    at = NOW - timedelta(days=days)
    item = Item(
        id=f"i{number}", identity="", feed="f", title=title or f"t{number}", summary="", link="",
        lang="en", published_at=at, first_seen_at=at,
    )  # fmt: skip
    hit = Hit(
        watch="w", indicator=indicator, item=item.id, rules="r1", score=score, stage=stage, spans=(),
        branch="b", query="x", weight=weight,
    )  # fmt: skip
    members = [Member(item=item, role="origin", added_at=at)]
    if denied_days is not None:
        when = NOW - timedelta(days=denied_days)
        members.append(Member(item=item, role="denial", added_at=when))
    return Event(
        id=number, title=f"t{number}", first_seen_at=at, last_seen_at=at, members=tuple(members),
        hits=(StoredHit(number=number, hit=hit, item=item, event=number, stored_at=at),),
        reviews={("w", indicator): status}, grade=grade,
    )  # fmt: skip


def review(event: int, status: Status, *, days: float = 0.5, indicator: str = "drones") -> Review:
    return Review(
        event=event,
        watch="w",
        indicator=indicator,
        status=status,
        by="ana",
        at=NOW - timedelta(days=days),
    )


def polls(feed: str = "f", *, days: Iterable[int] = range(30), good: int = 4) -> dict[str, Any]:
    """Good polls on the given days before NOW."""
    return {feed: {NOW.date() - timedelta(days=each): (good, 0) for each in days}}


@pytest.fixture
def lab() -> SimpleNamespace:
    return SimpleNamespace(
        now=NOW, indicator=indicator, watch=watch, event=event, review=review, polls=polls,
        Feed=Feed, day=lambda back: date.fromordinal(NOW.date().toordinal() - back),
    )  # fmt: skip
