"""Verdicts of the second reader, kept so that nothing is asked twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from monitor.store.part import Part, chunks, upsert
from monitor.store.tables import READING

KEPT = timedelta(days=90)  # after that the rules have changed, or the item is no longer looked at


class Readings(Part):
    """A small cache: nothing else depends on what is in it."""

    def readings(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Key → verdict, for those that are there."""
        found: dict[str, str] = {}
        with self.db.read() as connection:
            for some in chunks(keys):
                query = select(READING.c.key, READING.c.verdict).where(READING.c.key.in_(some))
                found.update((row.key, row.verdict) for row in connection.execute(query))
        return found

    def keep_readings(self, readings: Mapping[str, str], *, now: datetime) -> None:
        """Keeps verdicts, and forgets those that are older than three months."""
        with self.db.write() as connection:
            connection.execute(delete(READING).where(READING.c.at < now - KEPT))
            for key, verdict in readings.items():
                upsert(
                    connection, READING, {"key": key, "verdict": verdict, "at": now}, key=["key"]
                )
