"""The events that new hits may join, kept at hand between batches.

A batch of a poll needs the whole window of events, and hardly any of it has changed since the batch
before. ``event.version`` grows with every change of any event, in the order of commits (all writers of
events hold one lock), so only what is newer than the newest version read before is read again.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from monitor.model import Event
from monitor.store.part import Part, chunks
from monitor.store.reading import load_events
from monitor.store.tables import EVENT

MARGIN = timedelta(days=2)


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
            self._since = since - MARGIN  # so that a step back does not begin all over again
        elif since > self._since + 2 * MARGIN:
            self._since = since - MARGIN
        query = select(EVENT.c.number, EVENT.c.version).where(
            EVENT.c.version > self._version, EVENT.c.last_seen_at >= self._since
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
        self._events = {n: e for n, e in self._events.items() if e.last_seen_at >= self._since}
        offered = [event for number, event in self._events.items() if number not in own]
        offered += [loaded[number] for number in own if number in loaded]
        return sorted(
            (event for event in offered if event.members and event.last_seen_at >= since),
            key=lambda event: event.id,
        )


class Current(Part):
    """Events as they are now, for who asks again and again."""

    _current: RecentEvents
    _current_turn: threading.Lock

    def events_version(self) -> int:
        """Grows with every change of any event, and with every verdict."""
        with self.db.read() as connection:
            return int(connection.execute(select(func.max(EVENT.c.version))).scalar() or 0)

    def current_events(self, *, since: datetime) -> Sequence[Event]:
        """``events(since=…)``, oldest first: only those that changed since the last call are read.

        What was read before stays in memory, some kilobytes an event.
        """
        with self._current_turn, self.db.read() as connection:
            found = self._current.read(connection, since=since, uncommitted=())
        return [event for event in found if event.hits]
