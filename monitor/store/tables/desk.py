"""Reviews, levels, messages and people: what is decided and sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
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
    string,
)


class GradeRow(Row, table=True):
    """An analyst's Admiralty grade of an event; the newest counts."""

    __tablename__ = "event_grade"
    __table_args__ = NUMBERED

    number: int | None = number()
    event: int = refers_to("event.number")
    grade: str | None = maybe_string()  # null = taken back
    by: str = string()
    at: datetime = moment()
    reason: str = string()


class ReviewRow(Row, table=True):
    """A verdict on (event, watch, indicator); the newest counts."""

    __tablename__ = "review"
    __table_args__ = (
        Index("ix_review_subject", "event", "watch", "indicator"),
        NUMBERED,
    )

    number: int | None = number()
    event: int = refers_to("event.number", index=False)
    watch: str = string()
    indicator: str = string()
    status: str = string()
    by: str = string()
    at: datetime = moment(index=True)
    reason: str = string()
    note: str = string()


# ── Levels ───────────────────────────────────────────────────────────────────────────────────────


class LevelChangeRow(Row, table=True):
    """A level changed: stored once, never altered."""

    __tablename__ = "level_change"
    __table_args__ = (UniqueConstraint("watch", "indicator", "at"), NUMBERED)

    number: int | None = number()
    watch: str = string()
    indicator: str = string()
    at: datetime = moment(index=True)
    before: str = string()
    after: str = string()
    cause: str = string()
    rules: str = string()
    event_ids: Any = json()


class AnalystLevelRow(Row, table=True):
    """A level that an analyst set beside the machine's; null takes it back."""

    __tablename__ = "analyst_level"
    __table_args__ = NUMBERED

    number: int | None = number()
    watch: str = string()
    indicator: str = string()
    level: str | None = maybe_string()
    reason: str = string()
    by: str = string()
    at: datetime = moment(index=True)


class AssessmentRow(Row, table=True):
    """A whole assessment as it was made."""

    __tablename__ = "assessment"
    __table_args__ = (Index("ix_assessment_watch_as_of", "watch", "as_of"), NUMBERED)

    number: int | None = number()
    watch: str = string()
    rules: str = string()
    as_of: datetime = moment()
    stored_at: datetime = moment()
    value: Any = json()


class RulesRow(Row, table=True):
    """The text of the rules of one version."""

    __tablename__ = "rules"

    watch: str = string(key=True)
    rules: str = string(key=True)
    text: str = string()
    at: datetime = moment()


class RulesUseRow(Row, table=True):
    """From when which version was in force."""

    __tablename__ = "rules_use"
    __table_args__ = NUMBERED

    number: int | None = number()
    watch: str = string(index=True)
    rules: str = string()
    at: datetime = moment()


# ── Outbox ───────────────────────────────────────────────────────────────────────────────────────


class SubscriptionRow(Row, table=True):
    """Since when a recipient has a subscription."""

    __tablename__ = "subscription"

    name: str = string(key=True)
    recipient: str = string(key=True)
    since_at: datetime = moment()
    stopped_at: datetime | None = maybe_moment()  # unsubscribed


class MessageRow(Row, table=True):
    """A frozen message; one for each slot."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("kind", "subscription", "recipient", "slot"),
        Index("ix_message_state_next_try_at", "state", "next_try_at"),
        NUMBERED,
    )

    number: int | None = number()
    kind: str = string()
    subscription: str = string()
    recipient: str = string()
    slot: str = string()
    message_id: str = string()
    subject: str = string()
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = moment()
    state: str = string()
    attempts: int = 0
    next_try_at: datetime | None = maybe_moment()
    sent_at: datetime | None = maybe_moment()
    error: str = string()
    lease_holder: str | None = maybe_string()
    lease_until_at: datetime | None = maybe_moment()


class MessageHitRow(Row, table=True):
    """A hit is covered by one message of a kind, subscription and recipient, and no second."""

    __tablename__ = "message_hit"

    kind: str = string(key=True)
    subscription: str = string(key=True)
    recipient: str = string(key=True)
    hit: int = Field(sa_type=BIG, sa_column_args=[ForeignKey("hit.number")], primary_key=True)
    message: int = refers_to("message.number")


class AcknowledgementRow(Row, table=True):
    """Someone has seen an alert; it is not repeated."""

    __tablename__ = "acknowledgement"

    key: str = string(key=True)
    by: str = string()
    at: datetime = moment()


# ── People and keeping ───────────────────────────────────────────────────────────────────────────


class AccountRow(Row, table=True):
    """Someone who may open the pages."""

    __tablename__ = "account"

    name: str = string(key=True)
    role: str = string()
    password: str = string()  # argon2
    token: str = string()
    created_at: datetime = moment()


class AuditRow(Row, table=True):
    """Who did what to what; append-only."""

    __tablename__ = "audit"
    __table_args__ = NUMBERED

    number: int | None = number()
    at: datetime = moment()
    by: str = string()  # "" = the system
    action: str = string()
    subject: str = string(index=True)  # "event/12", "indicator/watch/id", "user/name"
    before: str = string()
    after: str = string()
    detail: str = string()
    watch: str = string()
    indicator: str = string()


class LoginFailureRow(Row, table=True):
    """How often a login has failed, by a digest of the name or the address; forgotten in an hour."""

    __tablename__ = "login_failure"

    key: str = string(key=True)
    count: int
    at: datetime = moment(index=True)  # of the last


class MissRow(Row, table=True):
    """An analyst says: this item was evidence, and was not found."""

    __tablename__ = "miss"
    __table_args__ = NUMBERED

    number: int | None = number()
    item: int = refers_to("item.number")
    watch: str = string()
    indicator: str = string()
    by: str = string()
    at: datetime = moment()
    note: str = string()


class BeatRow(Row, table=True):
    """When a part of the service was last heard of, and what it said."""

    __tablename__ = "beat"

    name: str = string(key=True)
    at: datetime = moment()
    detail: Any = json()


class MetaRow(Row, table=True):
    """Small facts about the installation."""

    __tablename__ = "meta"

    key: str = string(key=True)
    value: str = string()
    at: datetime = moment()
