"""Events and who belongs to them: what grouping decided, and what an analyst corrected.

A membership is never altered, only ended (``removed_at``) and followed by another, so that every past
state can be read. What an analyst pinned, split or merged is pinned: no later run moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from monitor.errors import StoreError
from monitor.protocols import EventDraft
from monitor.store.engine import INGEST_LOCK
from monitor.store.part import Part, chunks, numbers
from monitor.store.tables import AUDIT, EVENT, EVENT_ITEM, GRADE, ITEM, REVIEW


class Groups:
    """The events that one transaction touches."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._touched: set[int] = set()
        self._touched_items: set[int] = set()
        self.by_key: dict[str, int] = {}

    def apply(
        self,
        drafts: Sequence[EventDraft],
        number_of: Callable[[str], int],
        seen_at: Mapping[int, datetime],
    ) -> int:
        """Puts items into events; returns how many events are new."""
        items = {draft.item: number_of(draft.item) for draft in drafts}
        present = self.present(items.values())
        opened = self._open(drafts, items, present)
        rows: dict[int, dict[str, Any]] = {}
        for draft in drafts:
            item = items[draft.item]
            event = self.by_key[draft.key] if draft.event is None else draft.event
            now = present.get(item)
            if now is not None and (now.pinned or _same_place(now, event, draft)):
                continue
            rows[item] = {
                "event": event,
                "item": item,
                "role": draft.role,
                "of": draft.of,
                "similarity": draft.similarity,
                "why": draft.why,
                "pinned": False,
                "by": "",
                "added_at": self._now if now is not None else seen_at.get(item, self._now),
            }
        self.move(rows.values(), present)
        return opened

    def touch_items(self, items: Collection[int]) -> None:
        """Marks the events of these items as changed."""
        self._touched_items |= set(items)

    def touch(self, *events: int) -> None:
        self._touched |= set(events)

    def present(self, items: Iterable[int]) -> dict[int, Row[Any]]:
        """The memberships that hold now, by item."""
        found = {}
        for some in chunks(items):
            query = select(EVENT_ITEM).where(
                EVENT_ITEM.c.item.in_(some), EVENT_ITEM.c.removed_at.is_(None)
            )
            found.update({row.item: row for row in self._connection.execute(query)})
        return found

    def move(self, rows: Iterable[Mapping[str, Any]], present: Mapping[int, Row[Any]]) -> None:
        """Ends the present memberships of the items and begins those in ``rows``."""
        rows = list(rows)
        if not rows:
            return
        ended = [present[row["item"]] for row in rows if row["item"] in present]
        for some in chunks([row.number for row in ended]):
            self._connection.execute(
                update(EVENT_ITEM).where(EVENT_ITEM.c.number.in_(some)).values(removed_at=self._now)
            )
        self._connection.execute(insert(EVENT_ITEM), rows)
        self._touched |= {row["event"] for row in rows} | {row.event for row in ended}

    def open(self, title: str, at: datetime) -> int:
        """A new event without items."""
        return self.open_many([(title, at)])[0]

    def open_many(self, events: Sequence[tuple[str, datetime]]) -> list[int]:
        given = list(numbers(self._connection, EVENT, len(events)))
        rows = [
            {
                "number": number,
                "title": title,
                "created_at": at,
                "first_seen_at": at,
                "last_seen_at": at,
                "updated_at": at,
                "version": 0,
            }
            for number, (title, at) in zip(given, events, strict=True)
        ]
        if rows:
            self._connection.execute(insert(EVENT), rows)
        return given

    def finish(self) -> None:
        """Brings first sight, last sight and version of the touched events up to date."""
        for some in chunks(self._touched_items):
            query = select(EVENT_ITEM.c.event).where(
                EVENT_ITEM.c.item.in_(some), EVENT_ITEM.c.removed_at.is_(None)
            )
            self._touched |= set(self._connection.execute(query).scalars())
        for chunk in chunks(sorted(self._touched)):
            self._refresh(chunk)
        self._touched.clear()
        self._touched_items.clear()

    def _refresh(self, events: list[int]) -> None:
        members = (
            EVENT_ITEM.join(ITEM, ITEM.c.number == EVENT_ITEM.c.item),
            (EVENT_ITEM.c.event == EVENT.c.number) & EVENT_ITEM.c.removed_at.is_(None),
        )

        def extreme(pick: Any, otherwise: Any) -> Any:
            query = select(pick(ITEM.c.first_seen_at)).select_from(members[0]).where(members[1])
            return func.coalesce(query.scalar_subquery(), otherwise)

        self._connection.execute(
            update(EVENT)
            .where(EVENT.c.number.in_(events))
            .values(
                first_seen_at=extreme(func.min, EVENT.c.first_seen_at),
                last_seen_at=extreme(func.max, EVENT.c.last_seen_at),
                updated_at=self._now,
                version=EVENT.c.version + 1,
            )
        )

    def _open(
        self,
        drafts: Sequence[EventDraft],
        items: Mapping[str, int],
        present: Mapping[int, Row[Any]],
    ) -> int:
        """Opens an event for each key that has none, unless all its items are pinned elsewhere."""
        wanted: dict[str, EventDraft] = {}
        for draft in drafts:
            pinned = items[draft.item] in present and present[items[draft.item]].pinned
            if draft.event is None and not pinned:
                wanted.setdefault(draft.key, draft)
        new = {key: draft for key, draft in wanted.items() if key not in self.by_key}
        at = self._first_sights({items[draft.item] for draft in new.values()})
        given = self.open_many([(draft.title, at[items[draft.item]]) for draft in new.values()])
        self.by_key |= dict(zip(new, given, strict=True))
        for draft in drafts:  # a key whose items are all pinned: nothing will be put there
            if draft.event is None:
                self.by_key.setdefault(draft.key, 0)
        return len(given)

    def _first_sights(self, items: Collection[int]) -> dict[int, datetime]:
        found: dict[int, datetime] = {}
        for some in chunks(items):
            query = select(ITEM.c.number, ITEM.c.first_seen_at).where(ITEM.c.number.in_(some))
            found.update({row.number: row.first_seen_at for row in self._connection.execute(query)})
        return found


def _same_place(row: Row[Any], event: int, draft: EventDraft) -> bool:
    return bool(row.event == event and row.role == draft.role and row.of == draft.of)


class Corrections(Part):
    """What an analyst corrects in the grouping; audited, and pinned against later runs."""

    def split_event(
        self, event: int, items: Collection[str], *, by: str, now: datetime, title: str = ""
    ) -> int:
        """Takes items out of an event into a new one; returns its number. Verdicts go along."""
        with self.db.write(lock=INGEST_LOCK) as connection:
            groups = Groups(connection, now)
            chosen = _members(connection, event, items)
            if len(chosen) == len(_members(connection, event)):
                raise StoreError(
                    "all its items were chosen: nothing would be left",
                    subject=f"event {event}",
                    remedy="leave at least one item in the event",
                )
            new = groups.open(title or str(chosen[0].title), now)
            _put(groups, chosen, new, by, now, f"split from event {event} by {by}")
            _carry_reviews(connection, event, new, by, now)
            _audit(connection, now, by, "split", event, {"items": sorted(items), "new": new})
            groups.finish()
            return new

    def merge_events(self, into: int, other: int, *, by: str, now: datetime) -> int:
        """Moves all items of ``other`` into ``into``. Verdicts that ``into`` lacks go along."""
        if into == other:
            raise StoreError("an event cannot be merged with itself", subject=f"event {into}")
        with self.db.write(lock=INGEST_LOCK) as connection:
            groups = Groups(connection, now)
            _members(connection, into)
            moved = _members(connection, other)
            _put(groups, moved, into, by, now, f"merged from event {other} by {by}")
            _pin(connection, into)
            connection.execute(
                update(EVENT).where(EVENT.c.number == other).values(merged_into=into)
            )
            _carry_reviews(connection, other, into, by, now)
            _audit(connection, now, by, "merge", into, {"other": other})
            groups.finish()
            return into

    def pin(self, event: int, items: Collection[str], *, by: str, now: datetime) -> None:
        """Keeps items where they are, whatever a later run finds."""
        with self.db.write(lock=INGEST_LOCK) as connection:
            chosen = _members(connection, event, items)
            _pin(connection, event, [row.item for row in chosen])
            _audit(connection, now, by, "pin", event, {"items": sorted(items)})

    def set_grade(
        self, event: int, grade: str | None, *, by: str, now: datetime, reason: str = ""
    ) -> None:
        """Sets the Admiralty grade of an event; None takes it back to the suggested one."""
        with self.db.write() as connection:
            groups = Groups(connection, now)
            connection.execute(
                insert(GRADE).values(event=event, grade=grade, by=by, at=now, reason=reason)
            )
            _audit(connection, now, by, "grade", event, {"grade": grade, "reason": reason})
            groups.touch(event)
            groups.finish()


def _members(
    connection: Connection, event: int, items: Collection[str] | None = None
) -> list[Row[Any]]:
    query = (
        select(EVENT_ITEM, ITEM.c.id, ITEM.c.title)
        .join(ITEM, ITEM.c.number == EVENT_ITEM.c.item)
        .where(EVENT_ITEM.c.event == event, EVENT_ITEM.c.removed_at.is_(None))
        .order_by(EVENT_ITEM.c.number)
    )
    rows = list(connection.execute(query))
    if items is not None:
        rows = [row for row in rows if row.id in set(items)]
    if not rows or (items is not None and len(rows) != len(set(items))):
        raise StoreError(
            "it does not hold these items any more" if items else "there is no such event",
            subject=f"event {event}",
            remedy="open it again: someone else may have changed it",
        )
    return rows


def _put(
    groups: Groups, rows: Sequence[Row[Any]], event: int, by: str, now: datetime, why: str
) -> None:
    new = [
        {
            "event": event,
            "item": row.item,
            "role": row.role,
            "of": row.of,
            "similarity": row.similarity,
            "why": why,
            "pinned": True,
            "by": by,
            "added_at": now,
        }
        for row in rows
    ]
    groups.move(new, {row.item: row for row in rows})


def _pin(connection: Connection, event: int, items: Sequence[int] | None = None) -> None:
    where = [EVENT_ITEM.c.event == event, EVENT_ITEM.c.removed_at.is_(None)]
    if items is not None:
        where.append(EVENT_ITEM.c.item.in_(list(items)))
    connection.execute(update(EVENT_ITEM).where(*where).values(pinned=True))


def _carry_reviews(connection: Connection, source: int, into: int, by: str, now: datetime) -> None:
    """Appends the verdicts of ``source`` that ``into`` has none for."""
    newest: dict[tuple[str, str], Row[Any]] = {}
    decided: set[tuple[str, str]] = set()
    query = select(REVIEW).where(REVIEW.c.event.in_([source, into])).order_by(REVIEW.c.number)
    for row in connection.execute(query):
        if row.event == into:
            decided.add((row.watch, row.indicator))
        else:
            newest[row.watch, row.indicator] = row
    rows = [
        {
            "event": into,
            "watch": row.watch,
            "indicator": row.indicator,
            "status": row.status,
            "by": row.by,
            "at": now,
            "reason": row.reason,
            "note": f"carried over from event {source} by {by}",
        }
        for key, row in newest.items()
        if key not in decided
    ]
    if rows:
        connection.execute(insert(REVIEW), rows)


def _audit(
    connection: Connection, now: datetime, by: str, action: str, event: int, detail: object
) -> None:
    connection.execute(
        insert(AUDIT).values(at=now, by=by, action=action, subject=f"event/{event}", detail=detail)
    )
