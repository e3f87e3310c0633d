"""Accounts and sessions of the pages, the audit trail, and small facts about the installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from monitor.store.part import Part, upsert
from monitor.store.tables import (
    ACCOUNT,
    AUDIT,
    EVENT,
    FEED,
    HIT,
    ITEM,
    MESSAGE,
    META,
    REVIEW,
    SESSION,
    SIGHTING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Someone who may open the pages. ``password`` and ``token`` are hashes."""

    name: str
    password: str
    role: str  # "reader" | "reviewer"
    created_at: datetime
    token: str | None = None
    last_visit_at: datetime | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login; ``key`` is a hash of what the cookie holds."""

    key: str
    account: str
    csrf: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, and when."""

    number: int
    at: datetime
    by: str
    action: str
    subject: str
    detail: Any = None


class People(Part):
    """Accounts, sessions, audit and facts."""

    def put_account(self, account: Account) -> None:
        """Adds an account, or replaces the one of that name."""
        row = {name: getattr(account, name) for name in Account.__dataclass_fields__}
        row["settings"] = dict(account.settings)
        with self.db.write() as connection:
            upsert(connection, ACCOUNT, row, key=["name"], keep=["created_at"])

    def account(self, name: str) -> Account | None:
        """The account of this name."""
        return next((each for each in self.accounts() if each.name == name), None)

    def accounts(self) -> Sequence[Account]:
        """All accounts, by name."""
        names = [name for name in Account.__dataclass_fields__ if name != "settings"]
        with self.db.read() as connection:
            return [
                Account(**{name: row._mapping[name] for name in names}, settings=row.settings or {})
                for row in connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.name))
            ]

    def remove_account(self, name: str) -> bool:
        """Removes an account and ends its sessions; what it decided stays."""
        with self.db.write() as connection:
            connection.execute(delete(SESSION).where(SESSION.c.account == name))
            return connection.execute(delete(ACCOUNT).where(ACCOUNT.c.name == name)).rowcount > 0

    def note_visit(self, name: str, *, now: datetime) -> None:
        """Notes that someone looked at the board: what is new is new since then."""
        with self.db.write() as connection:
            connection.execute(
                update(ACCOUNT).where(ACCOUNT.c.name == name).values(last_visit_at=now)
            )

    def put_session(self, session: Session) -> None:
        """Begins a session, or replaces the one of that key."""
        row = {name: getattr(session, name) for name in Session.__dataclass_fields__}
        with self.db.write() as connection:
            upsert(connection, SESSION, row, key=["key"])

    def session(self, key: str, *, now: datetime) -> Session | None:
        """The session of this key, unless it has expired."""
        query = select(SESSION).where(SESSION.c.key == key, SESSION.c.expires_at > now)
        with self.db.read() as connection:
            row = connection.execute(query).first()
            return Session(**row._mapping) if row else None

    def end_session(self, key: str) -> None:
        """Ends a session."""
        with self.db.write() as connection:
            connection.execute(delete(SESSION).where(SESSION.c.key == key))

    def end_expired_sessions(self, *, now: datetime) -> int:
        """Ends the sessions whose time is over."""
        with self.db.write() as connection:
            return connection.execute(delete(SESSION).where(SESSION.c.expires_at <= now)).rowcount

    def audit(
        self, action: str, subject: str, *, by: str, now: datetime, detail: Any = None
    ) -> None:
        """Appends to the audit trail."""
        with self.db.write() as connection:
            connection.execute(
                insert(AUDIT).values(at=now, by=by, action=action, subject=subject, detail=detail)
            )

    def audit_log(
        self, *, subject: str | None = None, limit: int = 100, before: int | None = None
    ) -> Sequence[AuditEntry]:
        """The newest entries first; ``before`` pages on by number."""
        query = select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
        if subject is not None:
            query = query.where(AUDIT.c.subject == subject)
        if before is not None:
            query = query.where(AUDIT.c.number < before)
        with self.db.read() as connection:
            return [AuditEntry(**row._mapping) for row in connection.execute(query)]

    def get_meta(self, key: str) -> str | None:
        """A fact about the installation."""
        with self.db.read() as connection:
            return connection.execute(select(META.c.value).where(META.c.key == key)).scalar()

    def set_meta(self, key: str, value: str, *, now: datetime) -> None:
        """Notes a fact about the installation."""
        with self.db.write() as connection:
            upsert(connection, META, {"key": key, "value": value, "at": now}, key=["key"])

    def counts(self) -> Mapping[str, int]:
        """How many rows there are of each kind."""
        kinds = {
            "feeds": select(func.count()).select_from(FEED).where(FEED.c.retired_at.is_(None)),
            "items": select(func.count()).select_from(ITEM),
            "sightings": select(func.count()).select_from(SIGHTING),
            "hits": select(func.count()).select_from(HIT).where(HIT.c.withdrawn_at.is_(None)),
            "withdrawn": select(func.count())
            .select_from(HIT)
            .where(HIT.c.withdrawn_at.is_not(None)),
            "events": select(func.count()).select_from(EVENT),
            "reviews": select(func.count()).select_from(REVIEW),
            "messages": select(func.count()).select_from(MESSAGE),
        }
        with self.db.read() as connection:
            return {
                kind: int(connection.execute(query).scalar_one()) for kind, query in kinds.items()
            }
