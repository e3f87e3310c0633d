"""Verdicts: appended, never altered; the newest on (event, watch, indicator) counts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, tuple_

from monitor.desk import ConflictError, Miss
from monitor.errors import StoreError
from monitor.model import Review, Status
from monitor.store import audit
from monitor.store.codec import AnyRow
from monitor.store.engine import INGEST_LOCK
from monitor.store.grouping import Groups, require_event
from monitor.store.part import Part
from monitor.store.tables import ITEM, MISS, REVIEW


@dataclass(slots=True)
class Decided:
    """The pairs decided since a time, as far as they were read. Safe to use from any thread."""

    since: datetime | None = None
    last: int = 0  # number of the newest review that was looked at
    pairs: set[tuple[int, str, str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reviews(Part):
    """Reviews of a store, and what reviewers say was missed."""

    _decided: Decided

    def add_review(self, review: Review, *, expected: Status | None = None) -> None:
        """Appends a verdict.

        Raises ConflictError, and stores nothing, if ``expected`` is given and someone else decided
        meanwhile; StoreError if the event was merged into another or does not exist.
        """
        conflict = self.add_reviews([review], expected=[expected])[0]
        if conflict is not None:
            raise conflict

    def add_reviews(
        self, reviews: Sequence[Review], *, expected: Sequence[Status | None]
    ) -> Sequence[ConflictError | None]:
        """Appends verdicts in one transaction; those in conflict are left out and told."""
        answer: list[ConflictError | None] = []
        with self.db.write(lock=INGEST_LOCK) as connection:
            for review, status in zip(reviews, expected, strict=True):
                answer.append(_append(connection, review, status))
            stored = [r for r, found in zip(reviews, answer, strict=True) if found is None]
            if stored:
                groups = Groups(connection, max(review.at for review in stored))
                groups.touch(*{review.event for review in stored})
                groups.finish()
        return answer

    def reviews(
        self, *, as_of: datetime | None = None, event: int | None = None
    ) -> Sequence[Review]:
        """All verdicts, oldest first."""
        query = select(REVIEW).order_by(REVIEW.c.number)
        if as_of is not None:
            query = query.where(REVIEW.c.at <= as_of)
        if event is not None:
            query = query.where(REVIEW.c.event == event)
        with self.db.read() as connection:
            return [_review(row) for row in connection.execute(query)]

    def opinions(self, *, mark: str) -> Sequence[Review]:
        """The verdicts, oldest first, of the pairs with one whose note begins with ``mark``."""
        own = REVIEW.alias("own")
        marked = (
            select(own.c.event, own.c.watch, own.c.indicator)
            .where(func.substr(own.c.note, 1, len(mark)) == mark)
            .distinct()
        )
        subject = tuple_(REVIEW.c.event, REVIEW.c.watch, REVIEW.c.indicator)
        query = select(REVIEW).where(subject.in_(marked)).order_by(REVIEW.c.number)
        with self.db.read() as connection:
            return [_review(row) for row in connection.execute(query)]

    def decided_since(self, at: datetime) -> int:
        """How many pairs were confirmed or dismissed since, each once.

        Asked again for the same time, only newer reviews are read.
        """
        known = self._decided
        with self.db.read() as connection, known.lock:
            newest = int(connection.execute(select(func.max(REVIEW.c.number))).scalar() or 0)
            if known.since != at or newest < known.last:
                known.since, known.last = at, 0
                known.pairs.clear()
            if newest > known.last:
                query = select(REVIEW.c.event, REVIEW.c.watch, REVIEW.c.indicator).where(
                    REVIEW.c.at >= at, REVIEW.c.status.in_(["confirmed", "dismissed"])
                )
                if known.last:  # else the index of times serves it better
                    query = query.where(REVIEW.c.number > known.last)
                known.pairs.update(tuple(row) for row in connection.execute(query))
                known.last = newest
            return len(known.pairs)

    def add_miss(self, miss: Miss) -> None:
        """Notes that an item was evidence and was not found. Raises StoreError for an unknown item."""
        with self.db.write() as connection:
            number = connection.execute(
                select(ITEM.c.number).where(ITEM.c.id == miss.item)
            ).scalar()
            if number is None:
                raise StoreError("there is no such item", subject=miss.item)
            row = {name: getattr(miss, name) for name in Miss.__dataclass_fields__}
            connection.execute(insert(MISS).values(**row | {"item": number}))

    def misses(self) -> Sequence[Miss]:
        """All that was noted as missed, oldest first."""
        query = (
            select(
                ITEM.c.id.label("item"),
                *(column for column in MISS.c if column.name not in {"number", "item"}),
            )
            .join(ITEM, ITEM.c.number == MISS.c.item)
            .order_by(MISS.c.number)
        )
        with self.db.read() as connection:
            return [Miss(**row._mapping) for row in connection.execute(query)]


def _review(row: AnyRow) -> Review:
    return Review(**{name: row._mapping[name] for name in Review.__dataclass_fields__})


def _append(
    connection: Connection, review: Review, expected: Status | None
) -> ConflictError | None:
    require_event(connection, review.event)
    newest = connection.execute(
        select(REVIEW)
        .where(
            REVIEW.c.event == review.event,
            REVIEW.c.watch == review.watch,
            REVIEW.c.indicator == review.indicator,
        )
        .order_by(REVIEW.c.number.desc())
        .limit(1)
    ).first()
    status = newest.status if newest else "new"
    if expected is not None and status != expected:
        by = newest.by if newest else ""
        return ConflictError(
            f"{by or 'someone'} has decided “{status}” meanwhile",
            current=status,
            by=by,
            subject=f"event {review.event}, {review.indicator}",
        )
    values = {name: getattr(review, name) for name in Review.__dataclass_fields__}
    connection.execute(insert(REVIEW).values(**values))
    audit.note(
        connection,
        "reviewed",
        f"event/{review.event}",
        by=review.by,
        at=review.at,
        before=status,
        after=review.status,
        detail=": ".join(each for each in (review.reason, review.note) if each),
        watch=review.watch,
        indicator=review.indicator,
    )
    return None
