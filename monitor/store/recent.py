"""The events that new hits may join, kept at hand between batches.

A batch of a poll needs the whole window of events, and hardly any of it has changed since the batch
before. ``event.version`` grows with every change of any event, in the order of commits (all writers of
events hold one lock), so only what is newer than the newest version read before is read again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.model import Event
from monitor.store.part import chunks
from monitor.store.reading import load_events
from monitor.store.tables import EVENT


class RecentEvents:
    """What one process has read of the window; used by one batch at a time."""

    def __init__(self) -> None:
        self._events: dict[int, Event] = {}
        self._version = -1
        self._since: datetime | None = None

    def read(
        self, connection: Connection, *, since: datetime, uncommitted: Collection[int]
    ) -> list[Event]:
        """Events last seen since, oldest first.

        ``uncommitted`` are those that this transaction has changed: read, but not kept, as the
        transaction may yet be undone.
        """
        if self._since is None or since < self._since:
            self._events, self._version = {}, -1
        self._since = since
        query = select(EVENT.c.number, EVENT.c.version).where(
            EVENT.c.version > self._version, EVENT.c.last_seen_at >= since
        )
        changed = {row.number: row.version for row in connection.execute(query)}
        own = set(uncommitted)
        loaded: dict[int, Event] = {}
        for some in chunks(sorted(changed.keys() | own), 500):
            loaded |= {event.id: event for event in load_events(connection, some)}
        for number, version in changed.items():
            if number not in own:
                self._events[number] = loaded[number]
                self._version = max(self._version, version)
        kept = {n: e for n, e in self._events.items() if e.last_seen_at >= since}
        self._events = kept
        offered = [event for number, event in kept.items() if number not in own]
        offered += [loaded[n] for n in own if n in loaded and loaded[n].last_seen_at >= since]
        return sorted((event for event in offered if event.members), key=lambda event: event.id)
