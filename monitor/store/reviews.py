"""Verdicts: appended, never altered; the newest on (event, watch, indicator) counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from monitor.errors import StaleError, StoreError
from monitor.model import Review, Status
from monitor.store.engine import INGEST_LOCK
from monitor.store.grouping import Groups
from monitor.store.part import Part
from monitor.store.tables import AUDIT, EVENT, REVIEW


class Reviews(Part):
    """Reviews of a store."""

    def add_review(self, review: Review, *, expected: Status | None = None) -> None:
        """Appends a verdict.

        Raises StaleError if ``expected`` is given and someone else decided meanwhile, StoreError if
        the event was merged into another or does not exist.
        """
        with self.db.write(lock=INGEST_LOCK) as connection:
            row = connection.execute(
                select(EVENT.c.merged_into).where(EVENT.c.number == review.event)
            ).first()
            if row is None or row.merged_into is not None:
                raise StoreError(
                    f"it was merged into event {row.merged_into}"
                    if row
                    else "there is no such event",
                    subject=f"event {review.event}",
                    remedy="open it again and decide there",
                )
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
                who = newest.by if newest else "someone"
                raise StaleError(
                    f"{who} has decided “{status}” meanwhile",
                    subject=f"event {review.event}, {review.indicator}",
                    remedy="look at it again and decide anew",
                )
            connection.execute(insert(REVIEW).values(**_columns(review)))
            connection.execute(
                insert(AUDIT).values(
                    at=review.at,
                    by=review.by,
                    action="review",
                    subject=f"event/{review.event}",
                    detail={
                        "watch": review.watch,
                        "indicator": review.indicator,
                        "before": status,
                        "after": review.status,
                        "reason": review.reason,
                        "note": review.note,
                    },
                )
            )
            groups = Groups(connection, review.at)
            groups.touch(review.event)
            groups.finish()

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
            return [
                Review(**{name: row._mapping[name] for name in Review.__dataclass_fields__})
                for row in connection.execute(query)
            ]


def _columns(review: Review) -> dict[str, Any]:
    return {name: getattr(review, name) for name in Review.__dataclass_fields__}
