"""The audit trail: appended in the transaction of what it tells, never altered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from monitor.desk import AuditEntry
from monitor.errors import StoreError
from monitor.store.part import Part
from monitor.store.tables import AUDIT, EVENT, EVENT_ITEM, ITEM


def note(
    connection: Connection, action: str, subject: str, *, by: str, at: datetime, **more: str
) -> None:
    """Appends an entry; ``more`` are before, after, detail, watch, indicator."""
    connection.execute(
        insert(AUDIT).values(action=action, subject=subject, by=by, at=at, **(_NOTHING | more))
    )


_NOTHING = {"before": "", "after": "", "detail": "", "watch": "", "indicator": ""}


class Audit(Part):
    """Reading the audit trail, and notes."""

    def audit(self, event: int) -> Sequence[AuditEntry]:
        """What happened to an event, newest first: the machine's steps and the analysts'."""
        found = list(self.audit_log(subject=f"event/{event}"))
        items = (
            select(EVENT_ITEM.c.added_at, EVENT_ITEM.c.role, EVENT_ITEM.c.why, ITEM.c.title)
            .join(ITEM, ITEM.c.number == EVENT_ITEM.c.item)
            .where(EVENT_ITEM.c.event == event, EVENT_ITEM.c.by == "")
            .order_by(EVENT_ITEM.c.number)
        )
        with self.db.read() as connection:
            row = connection.execute(select(EVENT).where(EVENT.c.number == event)).first()
            if row is None:
                return found
            for member in connection.execute(items):
                detail = f"{member.title} ({member.why})" if member.why else member.title
                found.append(
                    AuditEntry(
                        at=member.added_at,
                        by="",
                        action="item-added",
                        after=member.role,
                        detail=detail,
                    )
                )
        created = AuditEntry(at=row.created_at, by="", action="created", after=row.title)
        return [*sorted(found, key=lambda entry: entry.at, reverse=True), created]

    def audit_log(
        self, *, subject: str | None = None, limit: int | None = None
    ) -> Sequence[AuditEntry]:
        """The trail as it was written, newest first."""
        query = select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
        if subject is not None:
            query = query.where(AUDIT.c.subject == subject)
        names = AuditEntry.__dataclass_fields__
        with self.db.read() as connection:
            return [AuditEntry(**_named(row._mapping, names)) for row in connection.execute(query)]

    def add_note(self, event: int, text: str, *, by: str, at: datetime) -> None:
        """Appends a note to an event."""
        with self.db.write() as connection:
            if (
                connection.execute(select(EVENT.c.number).where(EVENT.c.number == event)).first()
                is None
            ):
                raise StoreError("there is no such event", subject=f"event {event}")
            note(connection, "note", f"event/{event}", by=by, at=at, detail=text)


def _named(fields: Any, names: Any) -> dict[str, Any]:
    return {name: fields[name] for name in names}
