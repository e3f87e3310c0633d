"""The inbox's rows, one for each (event, watch, indicator): worked out and kept up to date.

A pair is derived: everything in it follows from members, hits, reviews and feeds. It is written in the
transaction that changed those, so nobody ever reads a stale one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from monitor.store.bulk import among, bulk_insert
from monitor.store.codec import AnyRow
from monitor.store.part import chunks
from monitor.store.tables import EVENT_ITEM, FEED, HIT, ITEM, PAIR, REVIEW


def refresh_pairs(connection: Connection, events: Collection[int]) -> None:
    """Works the pairs of these events out anew."""
    for some in chunks(sorted(events), 2000):
        connection.execute(delete(PAIR).where(among(connection, PAIR.c.event, some)))
        rows = worked_out(connection, some)
        bulk_insert(connection, PAIR, rows)


def worked_out(connection: Connection, events: Sequence[int]) -> list[dict[str, Any]]:
    """The pairs of these events as they should be."""
    members = _members(connection, events)
    hits = _hits(connection, events)
    verdicts = _verdicts(connection, events)
    grades = _grades(connection, members)
    rows: list[dict[str, Any]] = []
    for event, found in hits.items():
        here = members[event]
        shared = {
            "event": event,
            "first_seen_at": min(each.first_seen_at for each in here),
            "last_seen_at": max(each.first_seen_at for each in here),
            "items": len(here),
            "outlets": len({each.source or each.feed for each in here}),
            "origins": max(1, sum(each.role in {"origin", "independent"} for each in here)),
            "denials": sum(each.role == "denial" for each in here),
            "grade": min((grades.get(each.feed, "F") for each in here), default="F"),
        }
        for (watch, indicator), lead in found.items():
            verdict = verdicts.get((event, watch, indicator))
            row = shared | {"watch": watch, "indicator": indicator, "lead": lead.number}
            row |= {"lang": lead.lang, "stage": lead.stage, "feed": lead.feed}
            row |= {
                "status": verdict.status if verdict else "new",
                "decided_by": verdict.by if verdict else "",
                "decided_at": verdict.at if verdict else None,
                "reason": verdict.reason if verdict else "",
            }
            rows.append(row)
    return rows


def _members(connection: Connection, events: Sequence[int]) -> defaultdict[int, list[AnyRow]]:
    query = (
        select(
            EVENT_ITEM.c.event,
            EVENT_ITEM.c.role,
            ITEM.c.feed,
            ITEM.c.source,
            ITEM.c.first_seen_at,
        )
        .join(ITEM, ITEM.c.number == EVENT_ITEM.c.item)
        .where(among(connection, EVENT_ITEM.c.event, events), EVENT_ITEM.c.removed_at.is_(None))
    )
    found: defaultdict[int, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.event].append(row)
    return found


def _hits(
    connection: Connection, events: Sequence[int]
) -> defaultdict[int, dict[tuple[str, str], AnyRow]]:
    """For each event and (watch, indicator) the best-scored hit; of equals the first."""
    query = (
        select(
            EVENT_ITEM.c.event,
            HIT.c.number,
            HIT.c.watch,
            HIT.c.indicator,
            HIT.c.score,
            HIT.c.stage,
            ITEM.c.lang,
            ITEM.c.feed,
        )
        .join(HIT, HIT.c.item == EVENT_ITEM.c.item)
        .join(ITEM, ITEM.c.number == EVENT_ITEM.c.item)
        .where(
            among(connection, EVENT_ITEM.c.event, events),
            EVENT_ITEM.c.removed_at.is_(None),
            HIT.c.withdrawn_at.is_(None),
        )
        .order_by(HIT.c.number)
    )
    found: defaultdict[int, dict[tuple[str, str], AnyRow]] = defaultdict(dict)
    for row in connection.execute(query):
        best = found[row.event].get((row.watch, row.indicator))
        if best is None or row.score > best.score:
            found[row.event][row.watch, row.indicator] = row
    return found


def _verdicts(connection: Connection, events: Sequence[int]) -> dict[tuple[int, str, str], AnyRow]:
    query = (
        select(REVIEW).where(among(connection, REVIEW.c.event, events)).order_by(REVIEW.c.number)
    )
    return {(row.event, row.watch, row.indicator): row for row in connection.execute(query)}


def _grades(connection: Connection, members: defaultdict[int, list[AnyRow]]) -> dict[str, str]:
    feeds: Iterable[str] = {row.feed for rows in members.values() for row in rows}
    found: dict[str, str] = {}
    for some in chunks(feeds):
        query = select(FEED.c.id, FEED.c.reliability).where(FEED.c.id.in_(some))
        found.update({row.id: row.reliability for row in connection.execute(query)})
    return found
