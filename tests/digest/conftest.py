"""Builders: what is stored for a digest, with everything filled in that a test does not care about."""

from __future__ import annotations

import email
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from monitor.digest import House, Known
from monitor.model import (
    Anchor,
    Assessment,
    Event,
    Feed,
    FeedState,
    FeedStatus,
    Hit,
    Hypothesis,
    HypothesisEvidence,
    Indicator,
    Item,
    Level,
    LevelChange,
    Member,
    Month,
    Span,
    StoredHit,
    Subscription,
    Watch,
)

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
TEMPLATES = Path(__file__).parents[2] / "templates"
TITLES = (
    "Two more tankers change flag after losing cover, port agents say",
    "ایران و روسیه درباره بیمه نفتکش‌ها تفاهم‌نامه امضا کردند",
    "مصافي النفط في الخليج تخفض الأسعار",
    "Россия и Иран подписали соглашение о страховании",
)


class Make:
    """Builds values."""

    now = NOW

    @staticmethod
    def indicator(id: str, **more: Any) -> Indicator:
        known: dict[str, Any] = {
            "title": f"Indicator {id}",
            "group": "trade",
            "watch": "ri",
            "anchor": Anchor(section="1"),
            "counts": "",
            "does_not_count": "",
            "ach": {"H1": 2, "H2": -1},
            "branches": (),
            "topics": ("oil",),
        }
        return Indicator(id=id, **known | more)

    def watch(self, *ids: str, **more: Any) -> Watch:
        known: dict[str, Any] = {
            "id": "ri",
            "title": "Russia–Iran",
            "question": "?",
            "source": "A paper",
            "hypotheses": (
                Hypothesis(id="H1", title="Durable alignment"),
                Hypothesis(id="H2", title="Transactional"),
            ),
            "indicators": tuple(self.indicator(id) for id in ids or ("A2", "B3", "D1")),
            "concepts": {},
            "rules": "0123456789abcdef",
        }
        return Watch(**known | more)

    @staticmethod
    def item(number: int, **more: Any) -> Item:
        known: dict[str, Any] = {
            "id": f"item-{number}",
            "identity": f"guid:{number}",
            "feed": "bulletin",
            "title": TITLES[number % len(TITLES)],
            "summary": "The harbour master refused certificates of an underwriter new to the route.",
            "link": f"https://news.example.org/{number}",
            "lang": ("en", "fa", "ar", "ru")[number % 4],
            "source": "Straits Shipping Bulletin",
        }
        return Item(**known | more)

    def hit(self, number: int, *, indicator: str = "A2", **more: Any) -> StoredHit:
        item = more.pop("item", None) or self.item(number, **more.pop("text", {}))
        hit = Hit(
            watch="ri",
            indicator=indicator,
            item=item.id,
            rules="r",
            score=more.pop("score", 0.9),
            stage=more.pop("stage", "act"),
            spans=more.pop("spans", (Span(field="title", start=0, end=5, term="t"),)),
            branch="b",
            query="q",
        )
        known: dict[str, Any] = {"event": number, "stored_at": NOW - timedelta(hours=2)}
        return StoredHit(number=number, hit=hit, item=item, **known | more)

    def event(self, *hits: StoredHit, **more: Any) -> Event:
        first = hits[0]
        known: dict[str, Any] = {
            "id": first.event or first.number,
            "title": first.item.title,
            "first_seen_at": first.stored_at,
            "last_seen_at": first.stored_at,
            "members": tuple(
                Member(item=each.item, role="independent" if place else "origin")
                for place, each in enumerate(hits)
            ),
            "hits": hits,
            "lang": first.item.lang,
        }
        return Event(**known | more)

    @staticmethod
    def feed(id: str = "bulletin", **state: Any) -> FeedStatus:
        feed = Feed(
            id=id,
            url=f"https://{id}.example/rss",
            name=id.title(),
            reliability="A",
            topics=("oil",),
        )
        return FeedStatus(feed=feed, state=FeedState(last_polled_at=NOW, **state))

    @staticmethod
    def level(indicator: str, level: str = "low", **more: Any) -> Level:
        months = tuple(
            Month(month=f"2026-{number:02d}", events=number, level="elevated")
            for number in range(1, 13)
        )
        known: dict[str, Any] = {
            "watch": "ri",
            "weighted": 1.0,
            "events": 9,
            "baseline": 4.0,
            "since_at": NOW,
            "months": months,
        }
        return Level(indicator=indicator, level=level, **known | more)  # type: ignore[arg-type]

    @staticmethod
    def assessment(*levels: Level) -> Assessment:
        return Assessment(
            watch="ri",
            rules="r",
            as_of=NOW,
            levels=levels,
            hypotheses=(
                HypothesisEvidence(hypothesis="H1", for_=11.6, against=7.9),
                HypothesisEvidence(hypothesis="H2", for_=13.2, against=4.1),
            ),
        )

    @staticmethod
    def change(
        indicator: str, before: str, after: str, *, hours: float = -1, **more: Any
    ) -> LevelChange:
        known: dict[str, Any] = {
            "watch": "ri",
            "at": NOW + timedelta(hours=hours),
            "cause": "9 events in 30 days",
            "rules": "r",
        }
        return LevelChange(indicator=indicator, before=before, after=after, **known | more)  # type: ignore[arg-type]

    def known(self, hits: Sequence[StoredHit] = (), **more: Any) -> Known:
        known: dict[str, Any] = {
            "hits": hits,
            "events": [self.event(each) for each in hits if each.event is not None],
            "watches": [self.watch()],
            "feeds": [self.feed()],
            "as_of": NOW,
            "slot": "2026-11-25T07:00 Europe/Brussels",
            "previous_at": NOW - timedelta(days=1),
            "next_at": NOW + timedelta(days=1),
        }
        return Known(**known | more)

    def many(self, number: int, **more: Any) -> Known:
        """A digest of so many events, with levels and evidence."""
        hits = [self.hit(n + 1, indicator=("A2", "B3", "D1")[n % 3]) for n in range(number)]
        levels = self.assessment(self.level("A2", "high"), self.level("D1", "none"))
        changes = [self.change("A2", "elevated", "high")] if number else []
        return self.known(hits, assessments={"ri": levels}, changes=changes, **more)


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def subscription() -> Subscription:
    return Subscription(
        name="daily",
        to=("ana@example.org",),
        schedule="0 7 * * *",
        timezone="Europe/Brussels",
    )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(
        installation="0123456789abcdef0123",
        sender="Monitor <monitor@example.org>",
        templates=(tmp_path / "own", TEMPLATES),
        public_url="https://monitor.example.org",
        secret="secret",
    )


@pytest.fixture
def away(house: House) -> House:
    """A house whose pages nobody can reach."""
    return replace(house, public_url="")


Parsed = Callable[[bytes], EmailMessage]


@pytest.fixture
def parsed() -> Parsed:
    def parse(raw: bytes) -> EmailMessage:
        return email.message_from_bytes(raw, policy=email.policy.default)  # type: ignore[return-value]

    return parse
