"""The tables. Rows never leave ``monitor.store``; what leaves are the values of ``monitor.model``.

Rules that hold for all: a ``number`` is a key of ours that is never given twice; what an analyst or the
machine decided is appended, never altered; uniqueness that the product promises is a constraint here.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from monitor.store.columns import CleanText, JsonText, Seconds, UtcTime

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """The base of all rows, with a catalogue of its own."""

    metadata = MetaData(naming_convention=NAMES)


# SQLite numbers rows itself only where the column's type is exactly INTEGER.
BIG: Any = BigInteger().with_variant(Integer, "sqlite")


def _number() -> Any:
    return Field(default=None, sa_type=BIG, primary_key=True)


def _text(default: Any = "", *, key: bool = False, index: bool = False) -> Any:
    return Field(default=default, sa_type=CleanText, primary_key=key, index=index)


def _maybe_text(*, index: bool = False) -> Any:
    return Field(default=None, sa_type=CleanText, nullable=True, index=index)


def _at(*, index: bool = False) -> Any:
    return Field(sa_type=UtcTime, nullable=False, index=index)


def _maybe_at(*, index: bool = False) -> Any:
    return Field(default=None, sa_type=UtcTime, nullable=True, index=index)


def _json(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_type=JsonText, nullable=nullable)


def _seconds() -> Any:
    return Field(default=None, sa_type=Seconds, nullable=True)


def _to(target: str, *, index: bool = True, nullable: bool = False) -> Any:
    return Field(sa_type=BIG, sa_column_args=[ForeignKey(target)], index=index, nullable=nullable)


NUMBERED = {"sqlite_autoincrement": True}


# ── Feeds ────────────────────────────────────────────────────────────────────────────────────────


class FeedRow(Row, table=True):
    """A feed and what is remembered of polling it; a feed taken out of the files is kept, retired."""

    __tablename__ = "feed"

    id: str = _text(key=True)
    url: str = _text(index=True)
    declared: Any = _json()  # the Feed, without the headers of one declared in a file
    declared_in: str = _text()
    enabled: bool
    reliability: str = _text("F")
    retired_at: datetime | None = _maybe_at()
    added_at: datetime = _at()
    lease_holder: str | None = _maybe_text()
    lease_until_at: datetime | None = _maybe_at()
    etag: str | None = _maybe_text()
    last_modified: str | None = _maybe_text()
    next_due_at: datetime | None = _maybe_at(index=True)
    last_polled_at: datetime | None = _maybe_at()
    last_good_at: datetime | None = _maybe_at()
    last_new_at: datetime | None = _maybe_at()
    last_unconditional_at: datetime | None = _maybe_at()
    failures: int = 0
    health: str = _text("ok")
    cause: str = _text()
    cause_kind: str = _text()
    since_at: datetime | None = _maybe_at()
    polls: int = 0
    items: int = 0
    interval: timedelta | None = _seconds()
    usual_gap: timedelta | None = _seconds()
    moved_to: str = _text()
    moved_since_at: datetime | None = _maybe_at()
    moved_seen: int = 0


class FeedDayRow(Row, table=True):
    """A feed's polls of one UTC day: coverage and the strip. Kept for ever."""

    __tablename__ = "feed_day"

    feed: str = _text(key=True)
    day: date = Field(primary_key=True)
    good: int = 0
    failed: int = 0
    new: int = 0
    updated: int = 0
    duplicate: int = 0
    dropped: int = 0
    wire_bytes: int = Field(default=0, sa_type=BIG)
    imported: int = 0  # items of an archive that were first seen on this day
    first_good_at: datetime | None = _maybe_at()
    first_failed_at: datetime | None = _maybe_at()


class PollRow(Row, table=True):
    """One poll; kept for some weeks."""

    __tablename__ = "poll_log"
    __table_args__ = (Index("ix_poll_log_feed_at", "feed", "at"), NUMBERED)

    number: int | None = _number()
    feed: str = _text()
    at: datetime = _at(index=True)
    outcome: str = _text()
    kind: str = _text()
    message: str = _text()
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

    number: int | None = _number()
    id: str = _text()
    feed: str = _text()
    identity: str = _text()
    title: str = _text()
    summary: str = _text()
    link: str = _text()
    link_key: str | None = _maybe_text()
    content_hash: str = _text()
    lang: str = _text()
    source: str = _text()
    how: str = _text()
    warm_up: bool = False
    published_at: datetime | None = _maybe_at()
    first_seen_at: datetime = _at(index=True)
    since_at: datetime = _at()  # since when it reads as it does


class ItemPastRow(Row, table=True):
    """What an item said before it was edited."""

    __tablename__ = "item_past"
    __table_args__ = NUMBERED

    number: int | None = _number()
    item: int = _to("item.number")
    title: str = _text()
    summary: str = _text()
    link: str = _text()
    content_hash: str = _text()
    lang: str = _text()
    source: str = _text()
    published_at: datetime | None = _maybe_at()
    from_at: datetime = _at()
    until_at: datetime = _at()


class ItemSearchRow(Row, table=True):
    """An item's folded words, for the full-text index."""

    __tablename__ = "item_search"

    item: int = Field(sa_type=BIG, sa_column_args=[ForeignKey("item.number")], primary_key=True)
    body: str = _text()


class SightingRow(Row, table=True):
    """Where an item was seen: a feed and the identity that it has there."""

    __tablename__ = "sighting"

    feed: str = _text(key=True)
    identity: str = _text(key=True)
    item: int = _to("item.number")
    first_seen_at: datetime = _at()


# ── Hits ─────────────────────────────────────────────────────────────────────────────────────────


class HitRow(Row, table=True):
    """An item is evidence for an indicator: once for each, as it stands now."""

    __tablename__ = "hit"
    __table_args__ = (
        UniqueConstraint("item", "watch", "indicator"),
        Index("ix_hit_indicator_stored_at", "indicator", "stored_at"),
        NUMBERED,
    )

    number: int | None = _number()
    item: int = _to("item.number", index=False)
    watch: str = _text()
    indicator: str = _text()
    stored_at: datetime = _at(index=True)
    since_at: datetime = _at()  # since when it reads as it does
    withdrawn_at: datetime | None = _maybe_at()
    how: str = _text()
    warm_up: bool = False
    rules: str = _text()
    score: float
    stage: str | None = _maybe_text()
    branch: str = _text()
    query: str = _text()
    genre: str = _text()
    weight: float = 1.0
    spans: Any = _json()
    parts: Any = _json()
    concepts: Any = _json()


class HitPastRow(Row, table=True):
    """What a hit said before other rules or an edited item changed it."""

    __tablename__ = "hit_past"
    __table_args__ = NUMBERED

    number: int | None = _number()
    hit: int = _to("hit.number")
    from_at: datetime = _at()
    until_at: datetime = _at()
    rules: str = _text()
    score: float
    stage: str | None = _maybe_text()
    branch: str = _text()
    query: str = _text()
    genre: str = _text()
    weight: float = 1.0
    spans: Any = _json()
    parts: Any = _json()
    concepts: Any = _json()


# ── Events ───────────────────────────────────────────────────────────────────────────────────────


class EventRow(Row, table=True):
    """One happening. Who belongs to it, and when, is in ``event_item``."""

    __tablename__ = "event"
    __table_args__ = NUMBERED

    number: int | None = _number()
    title: str = _text()
    created_at: datetime = _at()
    first_seen_at: datetime = _at()
    last_seen_at: datetime = _at(index=True)
    updated_at: datetime = _at(index=True)
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

    number: int | None = _number()
    event: int = _to("event.number")
    item: int = _to("item.number")
    role: str = _text()
    of: str = _text()
    similarity: float = 1.0
    why: str = _text()
    pinned: bool = False
    by: str = _text()  # "" = the machine
    added_at: datetime = _at()
    removed_at: datetime | None = _maybe_at()


class GradeRow(Row, table=True):
    """An analyst's Admiralty grade of an event; the newest counts."""

    __tablename__ = "event_grade"
    __table_args__ = NUMBERED

    number: int | None = _number()
    event: int = _to("event.number")
    grade: str | None = _maybe_text()  # null = taken back
    by: str = _text()
    at: datetime = _at()
    reason: str = _text()


class ReviewRow(Row, table=True):
    """A verdict on (event, watch, indicator); the newest counts."""

    __tablename__ = "review"
    __table_args__ = (
        Index("ix_review_subject", "event", "watch", "indicator"),
        NUMBERED,
    )

    number: int | None = _number()
    event: int = _to("event.number", index=False)
    watch: str = _text()
    indicator: str = _text()
    status: str = _text()
    by: str = _text()
    at: datetime = _at(index=True)
    reason: str = _text()
    note: str = _text()


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
    watch: str = _text(key=True)
    indicator: str = _text(key=True)
    status: str = _text()
    first_seen_at: datetime = _at()
    last_seen_at: datetime = _at()
    items: int = 0
    outlets: int = 0
    origins: int = 0
    denials: int = 0
    lead: int = Field(sa_type=BIG, sa_column_args=[ForeignKey("hit.number")], nullable=False)
    lang: str = _text()  # of the lead hit's item
    stage: str | None = _maybe_text()  # of the lead hit
    feed: str = _text()  # of the lead hit's item
    grade: str = _text()  # A–F: of the best source in the event
    decided_by: str = _text()
    decided_at: datetime | None = _maybe_at()
    reason: str = _text()


# ── Levels ───────────────────────────────────────────────────────────────────────────────────────


class LevelChangeRow(Row, table=True):
    """A level changed: stored once, never altered."""

    __tablename__ = "level_change"
    __table_args__ = (UniqueConstraint("watch", "indicator", "at"), NUMBERED)

    number: int | None = _number()
    watch: str = _text()
    indicator: str = _text()
    at: datetime = _at(index=True)
    before: str = _text()
    after: str = _text()
    cause: str = _text()
    rules: str = _text()
    event_ids: Any = _json()


class AnalystLevelRow(Row, table=True):
    """A level that an analyst set beside the machine's; null takes it back."""

    __tablename__ = "analyst_level"
    __table_args__ = NUMBERED

    number: int | None = _number()
    watch: str = _text()
    indicator: str = _text()
    level: str | None = _maybe_text()
    reason: str = _text()
    by: str = _text()
    at: datetime = _at(index=True)


class AssessmentRow(Row, table=True):
    """A whole assessment as it was made."""

    __tablename__ = "assessment"
    __table_args__ = (Index("ix_assessment_watch_as_of", "watch", "as_of"), NUMBERED)

    number: int | None = _number()
    watch: str = _text()
    rules: str = _text()
    as_of: datetime = _at()
    stored_at: datetime = _at()
    value: Any = _json()


class RulesRow(Row, table=True):
    """The text of the rules of one version."""

    __tablename__ = "rules"

    watch: str = _text(key=True)
    rules: str = _text(key=True)
    text: str = _text()
    at: datetime = _at()


class RulesUseRow(Row, table=True):
    """From when which version was in force."""

    __tablename__ = "rules_use"
    __table_args__ = NUMBERED

    number: int | None = _number()
    watch: str = _text(index=True)
    rules: str = _text()
    at: datetime = _at()


# ── Outbox ───────────────────────────────────────────────────────────────────────────────────────


class SubscriptionRow(Row, table=True):
    """Since when a recipient has a subscription."""

    __tablename__ = "subscription"

    name: str = _text(key=True)
    recipient: str = _text(key=True)
    since_at: datetime = _at()
    stopped_at: datetime | None = _maybe_at()  # unsubscribed


class MessageRow(Row, table=True):
    """A frozen message; one for each slot."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("kind", "subscription", "recipient", "slot"),
        Index("ix_message_state_next_try_at", "state", "next_try_at"),
        NUMBERED,
    )

    number: int | None = _number()
    kind: str = _text()
    subscription: str = _text()
    recipient: str = _text()
    slot: str = _text()
    message_id: str = _text()
    subject: str = _text()
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = _at()
    state: str = _text()
    attempts: int = 0
    next_try_at: datetime | None = _maybe_at()
    sent_at: datetime | None = _maybe_at()
    error: str = _text()
    lease_holder: str | None = _maybe_text()
    lease_until_at: datetime | None = _maybe_at()


class MessageHitRow(Row, table=True):
    """A hit is covered by one message of a kind, subscription and recipient, and no second."""

    __tablename__ = "message_hit"

    kind: str = _text(key=True)
    subscription: str = _text(key=True)
    recipient: str = _text(key=True)
    hit: int = Field(sa_type=BIG, sa_column_args=[ForeignKey("hit.number")], primary_key=True)
    message: int = _to("message.number")


class AcknowledgementRow(Row, table=True):
    """Someone has seen an alert; it is not repeated."""

    __tablename__ = "acknowledgement"

    key: str = _text(key=True)
    by: str = _text()
    at: datetime = _at()


# ── People and keeping ───────────────────────────────────────────────────────────────────────────


class AccountRow(Row, table=True):
    """Someone who may open the pages."""

    __tablename__ = "account"

    name: str = _text(key=True)
    role: str = _text()
    password: str = _text()  # argon2
    token: str = _text()
    created_at: datetime = _at()


class AuditRow(Row, table=True):
    """Who did what to what; append-only."""

    __tablename__ = "audit"
    __table_args__ = NUMBERED

    number: int | None = _number()
    at: datetime = _at()
    by: str = _text()  # "" = the system
    action: str = _text()
    subject: str = _text(index=True)  # "event/12", "indicator/watch/id", "user/name"
    before: str = _text()
    after: str = _text()
    detail: str = _text()
    watch: str = _text()
    indicator: str = _text()


class MissRow(Row, table=True):
    """An analyst says: this item was evidence, and was not found."""

    __tablename__ = "miss"
    __table_args__ = NUMBERED

    number: int | None = _number()
    item: int = _to("item.number")
    watch: str = _text()
    indicator: str = _text()
    by: str = _text()
    at: datetime = _at()
    note: str = _text()


class BeatRow(Row, table=True):
    """When a part of the service was last heard of, and what it said."""

    __tablename__ = "beat"

    name: str = _text(key=True)
    at: datetime = _at()
    detail: Any = _json()


class MetaRow(Row, table=True):
    """Small facts about the installation."""

    __tablename__ = "meta"

    key: str = _text(key=True)
    value: str = _text()
    at: datetime = _at()


def table(row: type[Row]) -> Table:
    """The Core table of a row class: what all statements are written against."""
    return Row.metadata.tables[str(row.__tablename__)]


FEED = table(FeedRow)
FEED_DAY = table(FeedDayRow)
POLL = table(PollRow)
ITEM = table(ItemRow)
ITEM_PAST = table(ItemPastRow)
SIGHTING = table(SightingRow)
HIT = table(HitRow)
HIT_PAST = table(HitPastRow)
EVENT = table(EventRow)
EVENT_ITEM = table(EventItemRow)
GRADE = table(GradeRow)
REVIEW = table(ReviewRow)
LEVEL_CHANGE = table(LevelChangeRow)
ANALYST_LEVEL = table(AnalystLevelRow)
ASSESSMENT = table(AssessmentRow)
RULES = table(RulesRow)
RULES_USE = table(RulesUseRow)
SUBSCRIPTION = table(SubscriptionRow)
MESSAGE = table(MessageRow)
MESSAGE_HIT = table(MessageHitRow)
ACKNOWLEDGEMENT = table(AcknowledgementRow)
ACCOUNT = table(AccountRow)
MISS = table(MissRow)
BEAT = table(BeatRow)
PAIR = table(PairRow)
ITEM_SEARCH = table(ItemSearchRow)
AUDIT = table(AuditRow)
META = table(MetaRow)
