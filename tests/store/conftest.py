"""Builders of items and hits; the stores are those of ``tests/plugins/store.py``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.model import Feed, Hit, Item, Outgoing, Review, ScorePart, Span
from monitor.protocols import EventDraft, PollRecord
from monitor.store import SqlStore

NOW = datetime(2022, 10, 1, 6, tzinfo=UTC)


class Make:
    """Builds what goes into a store, with everything that a test does not care about filled in."""

    now = NOW

    @staticmethod
    def at(hours: float = 0) -> datetime:
        """So many hours after the tests' now."""
        return NOW + timedelta(hours=hours)

    @staticmethod
    def feed(id: str = "bbc", **more: Any) -> Feed:
        return Feed(**{"id": id, "url": f"https://{id}.example/rss", **more})

    @staticmethod
    def item(name: str = "a", *, feed: str = "bbc", **more: Any) -> Item:
        """An item whose guid is ``name``; its link is shared by all feeds that give ``name``."""
        title = more.pop("title", f"Title of {name}")
        summary = more.pop("summary", f"Summary of {name}")
        known = {
            "id": f"{feed}-{name}",
            "identity": f"guid:{name}",
            "feed": feed,
            "title": title,
            "summary": summary,
            "link": f"https://news.example/{name}",
            "link_key": f"news.example/{name}",
            "content_hash": f"{title}|{summary}",
            "lang": "en",
            "source": feed.upper(),
        }
        return Item(**known | more)

    @staticmethod
    def hit(item: str, indicator: str = "X1", **more: Any) -> Hit:
        known = {
            "watch": "w",
            "indicator": indicator,
            "item": item,
            "rules": "r1",
            "score": 0.75,
            "stage": "act",
            "spans": (Span(field="title", start=0, end=5, term="title"),),
            "branch": "first",
            "query": "title",
            "parts": (ScorePart(name="query", value=1.5, why="both words"),),
            "concepts": ("@iran",),
        }
        return Hit(**known | more)

    @staticmethod
    def draft(item: str, key: str = "k", event: int | None = None, **more: Any) -> EventDraft:
        known = {
            "event": event,
            "key": key,
            "title": f"Event {key}",
            "item": item,
            "role": "origin",
        }
        return EventDraft(**known | more)

    @staticmethod
    def review(event: int, status: str = "confirmed", *, hours: float = 1, **more: Any) -> Review:
        known = {"event": event, "watch": "w", "indicator": "X1", "status": status, "by": "ana"}
        return Review(**known | {"at": Make.at(hours)} | more)

    @staticmethod
    def message(slot: str = "s1", hits: Sequence[int] = (), **more: Any) -> Outgoing:
        known = {
            "kind": "digest",
            "subscription": "daily",
            "recipient": "ana@example.org",
            "slot": slot,
            "message_id": f"<{slot}@example.org>",
            "subject": "Digest",
            "body": b"Subject: Digest\r\n\r\n\x00\xff",
            "created_at": NOW,
            "hits": tuple(hits),
        }
        return Outgoing(**known | more)

    @staticmethod
    def poll(
        feed: str = "bbc", *, hours: float = 0, outcome: str = "ok", **more: Any
    ) -> PollRecord:
        return PollRecord(**{"feed": feed, "at": Make.at(hours), "outcome": outcome, **more})

    @staticmethod
    def store_event(
        store: SqlStore, *names: str, feed: str = "bbc", hours: float = 0, indicator: str = "X1"
    ) -> int:
        """Stores items with one hit each as one event; returns its number."""
        items = [Make.item(name, feed=feed) for name in names]
        with store.batch(now=Make.at(hours)) as batch:
            batch.add_items(items, how="poll")
            batch.add_hits([Make.hit(item.id, indicator) for item in items], how="poll")
            batch.apply_groups([Make.draft(item.id, key=names[0]) for item in items])
        return batch.events_by_key[names[0]]


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make
