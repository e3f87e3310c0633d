"""Events and who belongs to them: what grouping decided, and what an analyst corrected.

A membership is never altered, only ended (``removed_at``) and followed by another, so that every past
state can be read. What an analyst pinned, split or merged is pinned: no later run moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from monitor.desk import ConflictError
from monitor.errors import StoreError
from monitor.protocols import EventDraft
from monitor.store import audit
from monitor.store.bulk import among, bulk_insert
from monitor.store.codec import AnyRow
from monitor.store.engine import INGEST_LOCK
from monitor.store.pairs import refresh_pairs
from monitor.store.part import Part, chunks, not_before, numbers
from monitor.store.tables import EVENT, EVENT_ITEM, GRADE, ITEM, REVIEW


class Groups:
    """The events that one transaction touches."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._touched: set[int] = set()
        self._touched_items: set[int] = set()
        self.by_key: dict[str, int] = {}
        self.moved = False  # whether any membership was changed
        self.changed: set[int] = set()  # all events that this transaction has brought up to date

    def apply(
        self,
        drafts: Sequence[EventDraft],
        number_of: Callable[[str], int],
        seen_at: Mapping[int, datetime],
    ) -> int:
        """Puts items into events; returns how many events are new."""
        items = {draft.item: number_of(draft.item) for draft in drafts}
        present = self.present(items.values())
        merged = self._merged({draft.event for draft in drafts if draft.event is not None})
        opened = self._open(drafts, items, present)
        rows: dict[int, dict[str, Any]] = {}
        for draft in drafts:
            item = items[draft.item]
            event = (
                self.by_key[draft.key]
                if draft.event is None
                else merged.get(draft.event, draft.event)
            )
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

    def present(self, items: Iterable[int]) -> dict[int, AnyRow]:
        """The memberships that hold now, by item."""
        wanted = set(items)
        if not wanted:
            return {}
        query = select(EVENT_ITEM).where(
            among(self._connection, EVENT_ITEM.c.item, wanted), EVENT_ITEM.c.removed_at.is_(None)
        )
        return {row.item: row for row in self._connection.execute(query)}

    def move(self, rows: Iterable[Mapping[str, Any]], present: Mapping[int, AnyRow]) -> None:
        """Ends the present memberships of the items and begins those in ``rows``."""
        rows = list(rows)
        if not rows:
            return
        ended = [present[row["item"]] for row in rows if row["item"] in present]
        for some in chunks([row.number for row in ended]):
            self._connection.execute(
                update(EVENT_ITEM)
                .where(EVENT_ITEM.c.number.in_(some))
                .values(removed_at=not_before(EVENT_ITEM.c.added_at, self._now))
            )
        bulk_insert(self._connection, EVENT_ITEM, rows)
        self.moved = True
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
        bulk_insert(self._connection, EVENT, rows)
        return given

    def finish(self) -> None:
        """Brings first sight, last sight and version of the touched events up to date."""
        self._touched |= {row.event for row in self.present(self._touched_items).values()}
        if self._touched:
            newest = self._connection.execute(select(func.max(EVENT.c.version))).scalar()
            for chunk in chunks(sorted(self._touched)):
                self._refresh(chunk, int(newest or 0) + 1)
            refresh_pairs(self._connection, self._touched)
            self.changed |= self._touched
        self._touched.clear()
        self._touched_items.clear()

    def _refresh(self, events: list[int], version: int) -> None:
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
                version=version,
            )
        )

    def _open(
        self,
        drafts: Sequence[EventDraft],
        items: Mapping[str, int],
        present: Mapping[int, AnyRow],
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

    def _merged(self, events: Collection[int]) -> dict[int, int]:
        """Where events went that an analyst merged after grouping had seen them."""
        found: dict[int, int] = {}
        for some in chunks(events):
            query = select(EVENT.c.number, EVENT.c.merged_into).where(
                EVENT.c.number.in_(some), EVENT.c.merged_into.is_not(None)
            )
            found |= {row.number: row.merged_into for row in self._connection.execute(query)}
        return found | self._merged(found.values()) if found else found

    def _first_sights(self, items: Collection[int]) -> dict[int, datetime]:
        if not items:
            return {}
        query = select(ITEM.c.number, ITEM.c.first_seen_at).where(
            among(self._connection, ITEM.c.number, items)
        )
        return {row.number: row.first_seen_at for row in self._connection.execute(query)}


def _same_place(row: AnyRow, event: int, draft: EventDraft) -> bool:
    return bool(row.event == event and row.role == draft.role and row.of == draft.of)


class Corrections(Part):
    """What an analyst corrects in the grouping; audited, and pinned against later runs."""

    def split_event(
        self, event: int, items: Collection[str], *, by: str, at: datetime, title: str = ""
    ) -> int:
        """Takes items out of an event into a new one; returns its number. Verdicts go along."""
        with self.db.write(lock=INGEST_LOCK) as connection:
            groups = Groups(connection, at)
            chosen = _members(connection, event, items)
            if len(chosen) == len(_members(connection, event)):
                raise StoreError(
                    "all its items were chosen: nothing would be left",
                    subject=f"event {event}",
                    remedy="leave at least one item in the event",
                )
            new = groups.open(title or str(chosen[0].title), at)
            _put(groups, chosen, new, by, at, f"split from event {event} by {by}")
            _carry_reviews(connection, event, new, by, at)
            names = ", ".join(sorted(items))
            for subject, text in ((event, f"{names} to event {new}"), (new, f"from event {event}")):
                audit.note(connection, "split", f"event/{subject}", by=by, at=at, detail=text)
            groups.finish()
            return new

    def merge_events(self, source: int, into: int, *, by: str, at: datetime) -> None:
        """Moves all items of ``source`` into ``into``. Verdicts that ``into`` lacks go along."""
        if into == source:
            raise StoreError("an event cannot be merged with itself", subject=f"event {into}")
        with self.db.write(lock=INGEST_LOCK) as connection:
            groups = Groups(connection, at)
            _members(connection, into)
            moved = _members(connection, source)
            _put(groups, moved, into, by, at, f"merged from event {source} by {by}")
            _pin(connection, into, True)
            connection.execute(
                update(EVENT).where(EVENT.c.number == source).values(merged_into=into)
            )
            _carry_reviews(connection, source, into, by, at)
            for subject, text in (
                (into, f"event {source} into this"),
                (source, f"into event {into}"),
            ):
                audit.note(connection, "merged", f"event/{subject}", by=by, at=at, detail=text)
            groups.finish()

    def set_pinned(self, event: int, pinned: bool, *, by: str, at: datetime) -> None:
        """A pinned event's items are never regrouped by the machine."""
        with self.db.write(lock=INGEST_LOCK) as connection:
            _members(connection, event)
            _pin(connection, event, pinned)
            groups = Groups(connection, at)
            groups.touch(event)
            groups.finish()
            action = "pinned" if pinned else "unpinned"
            audit.note(connection, action, f"event/{event}", by=by, at=at)

    def set_grade(
        self,
        event: int,
        grade: str | None,
        *,
        expected: str | None,
        by: str,
        at: datetime,
        reason: str = "",
    ) -> None:
        """Sets the Admiralty grade of an event; None takes it back to the suggested one.

        Raises ConflictError if the analyst's grade is not the ``expected`` one any more.
        """
        with self.db.write(lock=INGEST_LOCK) as connection:
            require_event(connection, event)
            newest = connection.execute(
                select(GRADE).where(GRADE.c.event == event).order_by(GRADE.c.number.desc()).limit(1)
            ).first()
            current = newest.grade if newest else None
            if newest is not None and current != expected:
                raise ConflictError(
                    f"{newest.by} has graded it {current or 'as suggested'} meanwhile",
                    current=current or "",
                    by=newest.by,
                    subject=f"event {event}",
                )
            connection.execute(
                insert(GRADE).values(event=event, grade=grade, by=by, at=at, reason=reason)
            )
            audit.note(
                connection,
                "graded",
                f"event/{event}",
                by=by,
                at=at,
                before=current or "",
                after=grade or "",
                detail=reason,
            )
            groups = Groups(connection, at)
            groups.touch(event)
            groups.finish()


def require_event(connection: Connection, event: int) -> None:
    """Raises StoreError unless there is such an event, not merged into another."""
    row = connection.execute(select(EVENT.c.merged_into).where(EVENT.c.number == event)).first()
    if row is None or row.merged_into is not None:
        raise StoreError(
            f"it was merged into event {row.merged_into}" if row else "there is no such event",
            subject=f"event {event}",
            remedy="open it again and decide there",
        )


def _members(
    connection: Connection, event: int, items: Collection[str] | None = None
) -> list[AnyRow]:
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
    groups: Groups, rows: Sequence[AnyRow], event: int, by: str, now: datetime, why: str
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


def _pin(connection: Connection, event: int, pinned: bool) -> None:
    connection.execute(
        update(EVENT_ITEM)
        .where(EVENT_ITEM.c.event == event, EVENT_ITEM.c.removed_at.is_(None))
        .values(pinned=pinned)
    )


def _carry_reviews(connection: Connection, source: int, into: int, by: str, now: datetime) -> None:
    """Appends the verdicts of ``source`` that ``into`` has none for."""
    newest: dict[tuple[str, str], AnyRow] = {}
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
