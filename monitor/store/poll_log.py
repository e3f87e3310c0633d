"""The log of polls, and what it adds up to by feed and day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, case, delete, func, select

from monitor.protocols import PollRecord
from monitor.store.bulk import bulk_insert, insert_tuples
from monitor.store.codec import AnyRow
from monitor.store.tables import FEED_DAY, POLL

POLL_LOG_KEPT = timedelta(days=45)


def record_polls(connection: Connection, records: Sequence[PollRecord]) -> None:
    """Adds polls to the log and to their days."""
    insert_tuples(
        connection,
        POLL,
        PollRecord.__slots__,
        [tuple(getattr(record, name) for name in record.__slots__) for record in records],
    )
    rows: list[dict[str, Any]] = []
    for record in records:
        good = record.outcome != "failed"
        rows.append(
            {
                "feed": record.feed,
                "day": record.at.astimezone(UTC).date(),
                "good": int(good),
                "failed": int(not good),
                "new": record.new,
                "updated": record.updated,
                "duplicate": record.duplicate,
                "dropped": record.dropped,
                "wire_bytes": record.wire_bytes,
                "imported": 0,
                "first_good_at": record.at if good else None,
                "first_failed_at": None if good else record.at,
            }
        )
    bulk_insert(connection, FEED_DAY, rows, on_conflict=_ADD_TO_DAY)


def record_import(connection: Connection, feed: str, day: date, count: int) -> None:
    """Counts items of an archive that were first seen on ``day``."""
    row: dict[str, Any] = {
        "feed": feed,
        "day": day,
        "imported": count,
        "good": 0,
        "failed": 0,
        "new": count,
    }
    zero = {"updated": 0, "duplicate": 0, "dropped": 0, "wire_bytes": 0}
    row |= zero | {"first_good_at": None, "first_failed_at": None}
    bulk_insert(connection, FEED_DAY, [row], on_conflict=_ADD_TO_DAY)


def _added_up() -> str:
    sums = ("good", "failed", "new", "updated", "duplicate", "dropped", "wire_bytes", "imported")
    firsts = ("first_good_at", "first_failed_at")
    return " ON CONFLICT (feed, day) DO UPDATE SET " + ", ".join(
        [f'"{name}" = feed_day."{name}" + excluded."{name}"' for name in sums]
        + [f'"{name}" = coalesce(feed_day."{name}", excluded."{name}")' for name in firsts]
    )


_ADD_TO_DAY = _added_up()


def trim_poll_log(connection: Connection, *, now: datetime) -> int:
    """Deletes polls older than the log is kept; their days stay."""
    return connection.execute(delete(POLL).where(POLL.c.at < now - POLL_LOG_KEPT)).rowcount


def partial_day(connection: Connection, as_of: datetime | None) -> Mapping[str, tuple[int, int]]:
    """What the poll log holds of the day of ``as_of``, up to it."""
    if as_of is None:
        return {}
    start = datetime.combine(as_of.astimezone(UTC).date(), time(), UTC)
    failed = func.sum(case((POLL.c.outcome == "failed", 1), else_=0))
    query = (
        select(POLL.c.feed, func.count(), failed)
        .where(POLL.c.at >= start, POLL.c.at <= as_of)
        .group_by(POLL.c.feed)
    )
    return {feed: (total - bad, bad) for feed, total, bad in connection.execute(query)}


def by_first(row: AnyRow, as_of: datetime) -> tuple[int, int]:
    good = row.first_good_at is not None and row.first_good_at <= as_of
    failed = row.first_failed_at is not None and row.first_failed_at <= as_of
    return (1 if good or row.imported else 0, 1 if failed else 0)
