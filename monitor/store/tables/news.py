"""Feeds, items, hits and events: what the pipeline writes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field

from monitor.store.tables.base import (
    BIG,
    NUMBERED,
    Row,
    json,
    maybe_moment,
    maybe_string,
    moment,
    number,
    refers_to,
    seconds,
    string,
)

# ── Feeds ────────────────────────────────────────────────────────────────────────────────────────


class FeedRow(Row, table=True):
    """A feed and what is remembered of polling it; a feed taken out of the files is kept, retired."""

    __tablename__ = "feed"
    __table_args__ = (
        Index(  # the few that are leased just now: each claim asks whose holder is dead
            "ix_feed_lease_holder",
            "lease_holder",
            sqlite_where=text("lease_holder IS NOT NULL"),
            postgresql_where=text("lease_holder IS NOT NULL"),
        ),
    )

    id: str = string(key=True)
    url: str = string(index=True)
    declared: Any = json()  # the Feed, without the headers of one declared in a file
    declared_in: str = string()
    enabled: bool
    reliability: str = string("F")
    retired_at: datetime | None = maybe_moment()
    added_at: datetime = moment()
    lease_holder: str | None = maybe_string()
    lease_until_at: datetime | None = maybe_moment()
    etag: str | None = maybe_string()
    last_modified: str | None = maybe_string()
    next_due_at: datetime | None = maybe_moment(index=True)
    last_polled_at: datetime | None = maybe_moment()
    last_good_at: datetime | None = maybe_moment()
    last_new_at: datetime | None = maybe_moment()
    last_unconditional_at: datetime | None = maybe_moment()
    failures: int = 0
    health: str = string("ok")
    cause: str = string()
    cause_kind: str = string()
    since_at: datetime | None = maybe_moment()
    polls: int = 0
    items: int = 0
    interval: timedelta | None = seconds()
    usual_gap: timedelta | None = seconds()
    moved_to: str = string()
    moved_since_at: datetime | None = maybe_moment()
    moved_seen: int = 0
    ttl: timedelta | None = seconds()
    skip_hours: Any = json(nullable=True)


class FeedDayRow(Row, table=True):
    """A feed's polls of one UTC day: coverage and the strip. Kept for ever."""

    __tablename__ = "feed_day"

    feed: str = string(key=True)
    day: date = Field(primary_key=True)
    good: int = 0
    failed: int = 0
    new: int = 0
    updated: int = 0
    duplicate: int = 0
    dropped: int = 0
    wire_bytes: int = Field(default=0, sa_type=BIG)
    imported: int = 0  # items of an archive that were first seen on this day
    first_good_at: datetime | None = maybe_moment()
    first_failed_at: datetime | None = maybe_moment()


class PollRow(Row, table=True):
    """One poll; kept for some weeks."""

    __tablename__ = "poll_log"
    __table_args__ = (Index("ix_poll_log_feed_at", "feed", "at"), NUMBERED)

    number: int | None = number()
    feed: str = string()
    at: datetime = moment(index=True)
    outcome: str = string()
    kind: str = string()
    message: str = string()
    http_status: int = 0
    wire_bytes: int = Field(default=0, sa_type=BIG)
    seconds: float = 0.0
    new: int = 0
    updated: int = 0
    duplicate: int = 0
    dropped: int = 0
    flood: bool = False


# ── Items ────────────────────────────────────────────────────────────────────────────────────────


class ItemRow(Row, table=True):
    """A news item as it stands now; ``id`` and ``link_key`` are unique over all feeds."""

    __tablename__ = "item"
    __table_args__ = (UniqueConstraint("id"), UniqueConstraint("link_key"), NUMBERED)

    number: int | None = number()
    id: str = string()
    feed: str = string()
    identity: str = string()
    title: str = string()
    summary: str = string()
    link: str = string()
    link_key: str | None = maybe_string()
    content_hash: str = string()
    lang: str = string()
    source: str = string()
    how: str = string()
    warm_up: bool = False
    published_at: datetime | None = maybe_moment()
    first_seen_at: datetime = moment(index=True)
    since_at: datetime = moment()  # since when it reads as it does


class ItemPastRow(Row, table=True):
    """What an item said before it was edited."""

    __tablename__ = "item_past"
    __table_args__ = NUMBERED

    number: int | None = number()
    item: int = refers_to("item.number")
    title: str = string()
    summary: str = string()
    link: str = string()
    content_hash: str = string()
    lang: str = string()
    source: str = string()
    published_at: datetime | None = maybe_moment()
    from_at: datetime = moment()
    until_at: datetime = moment()


class ItemSearchRow(Row, table=True):
    """An item's folded words, for the full-text index."""

    __tablename__ = "item_search"

    item: int = Field(sa_type=BIG, sa_column_args=[ForeignKey("item.number")], primary_key=True)
    body: str = string()


class SightingRow(Row, table=True):
    """Where an item was seen: a feed and the identity that it has there."""

    __tablename__ = "sighting"

    feed: str = string(key=True)
    identity: str = string(key=True)
    item: int = refers_to("item.number")
    first_seen_at: datetime = moment()


# ── Hits ─────────────────────────────────────────────────────────────────────────────────────────


class HitRow(Row, table=True):
    """An item is evidence for an indicator: once for each, as it stands now."""

    __tablename__ = "hit"
    __table_args__ = (
        UniqueConstraint("item", "watch", "indicator"),
        Index("ix_hit_indicator_stored_at", "indicator", "stored_at"),
        NUMBERED,
    )

    number: int | None = number()
    item: int = refers_to("item.number", index=False)
    watch: str = string()
    indicator: str = string()
    stored_at: datetime = moment(index=True)
    since_at: datetime = moment()  # since when it reads as it does
    withdrawn_at: datetime | None = maybe_moment()
    how: str = string()
    warm_up: bool = False
    rules: str = string()
    score: float
    stage: str | None = maybe_string()
    branch: str = string()
    query: str = string()
    genre: str = string()
    weight: float = 1.0
    spans: Any = json()
    parts: Any = json()
    concepts: Any = json()


class HitPastRow(Row, table=True):
    """What a hit said before other rules or an edited item changed it."""

    __tablename__ = "hit_past"
    __table_args__ = NUMBERED

    number: int | None = number()
    hit: int = refers_to("hit.number")
    from_at: datetime = moment()
    until_at: datetime = moment()
    rules: str = string()
    score: float
    stage: str | None = maybe_string()
    branch: str = string()
    query: str = string()
    genre: str = string()
    weight: float = 1.0
    spans: Any = json()
    parts: Any = json()
    concepts: Any = json()


# ── Events ───────────────────────────────────────────────────────────────────────────────────────


class EventRow(Row, table=True):
    """One happening. Who belongs to it, and when, is in ``event_item``."""

    __tablename__ = "event"
    __table_args__ = NUMBERED

    number: int | None = number()
    title: str = string()
    created_at: datetime = moment()
    first_seen_at: datetime = moment()
    last_seen_at: datetime = moment(index=True)
    updated_at: datetime = moment(index=True)
    version: int = Field(sa_type=BIG, index=True)  # of the last change; grows over all events
    merged_into: int | None = Field(
        default=None, sa_type=BIG, sa_column_args=[ForeignKey("event.number")], nullable=True
    )


class EventItemRow(Row, table=True):
    """An item's place in an event, from ``added_at`` to ``removed_at``; one at a time."""

    __tablename__ = "event_item"
    __table_args__ = (
        Index(
            "uq_event_item_present",
            "item",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
        NUMBERED,
    )

    number: int | None = number()
    event: int = refers_to("event.number")
    item: int = refers_to("item.number")
    role: str = string()
    of: str = string()
    similarity: float = 1.0
    why: str = string()
    pinned: bool = False
    by: str = string()  # "" = the machine
    added_at: datetime = moment()
    removed_at: datetime | None = maybe_moment()


class PairRow(Row, table=True):
    """One (event, watch, indicator) as the inbox lists it: worked out from the tables above.

    Brought up to date in every transaction that touches the event, so that lists, facets and counts
    need no joins; ``monitor db check`` compares it with what it is worked out from.
    """

    __tablename__ = "pair"
    __table_args__ = (
        Index("ix_pair_newest", "status", "last_seen_at", "event"),
        Index("ix_pair_oldest", "status", "first_seen_at", "event"),
        Index("ix_pair_independent", "status", "origins", "last_seen_at", "event"),
        Index("ix_pair_subject", "watch", "indicator", "first_seen_at", "status"),
    )

    event: int = Field(sa_type=BIG, sa_column_args=[ForeignKey("event.number")], primary_key=True)
    watch: str = string(key=True)
    indicator: str = string(key=True)
    status: str = string()
    first_seen_at: datetime = moment()
    last_seen_at: datetime = moment()
    items: int = 0
    outlets: int = 0
    origins: int = 0
    denials: int = 0
    lead: int = Field(sa_type=BIG, sa_column_args=[ForeignKey("hit.number")], nullable=False)
    lang: str = string()  # of the lead hit's item
    stage: str | None = maybe_string()  # of the lead hit
    feed: str = string()  # of the lead hit's item
    grade: str = string()  # A–F: of the best source in the event
    decided_by: str = string()
    decided_at: datetime | None = maybe_moment()
    reason: str = string()
