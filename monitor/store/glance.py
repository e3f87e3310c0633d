"""One pair as the pane beside a list shows it: no more is read of a large event than is shown."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from monitor.desk import Glance, Voice
from monitor.store.codec import AnyRow, spans_from
from monitor.store.hits import hits_by_number, holds, present
from monitor.store.known import Known
from monitor.store.part import Part
from monitor.store.tables import EVENT, EVENT_ITEM, HIT, ITEM, PAIR


class Glances(Part):
    """What is looked at before a verdict."""

    _glances: Known[tuple[int, str, str], Glance]

    def glance(self, event: int, watch: str, indicator: str) -> Glance | None:
        """The pair, of a merged event in what it went into; None where there is no such pair."""
        number = select(func.coalesce(EVENT.c.merged_into, EVENT.c.number)).where(
            EVENT.c.number == event
        )
        one = select(PAIR, EVENT.c.title, EVENT.c.version).join(
            EVENT, EVENT.c.number == PAIR.c.event
        )
        one = one.where(
            PAIR.c.event == number.scalar_subquery(),
            PAIR.c.watch == watch,
            PAIR.c.indicator == indicator,
        )
        with self.db.read() as connection:
            pair = connection.execute(one).first()
            if pair is None:
                return None
            key = (pair.event, watch, indicator)
            known = self._glances.get(key, pair.version)
            if known is None:
                known = _glance(connection, pair)
                self._glances.put(key, pair.version, known)
            return known


def _glance(connection: Connection, pair: AnyRow) -> Glance:
    member = (EVENT_ITEM.c.event == pair.event, present(None))
    first = func.min(ITEM.c.first_seen_at)
    voices = (
        select(EVENT_ITEM.c.role, ITEM.c.feed, ITEM.c.source, func.count().label("items"))
        .join(ITEM, ITEM.c.number == EVENT_ITEM.c.item)
        .where(*member)
        .group_by(EVENT_ITEM.c.role, ITEM.c.feed, ITEM.c.source)
        .order_by(first, func.min(ITEM.c.number))
    )
    evidence = (
        select(HIT.c.spans)
        .join(EVENT_ITEM, EVENT_ITEM.c.item == HIT.c.item)
        .where(
            *member,
            holds(None),
            # not by the column itself: SQLite would go through all hits of the indicator
            func.coalesce(HIT.c.watch, "") == pair.watch,
            func.coalesce(HIT.c.indicator, "") == pair.indicator,
        )
        .order_by(HIT.c.number)
    )
    language = (
        select(ITEM.c.lang)
        .join(EVENT_ITEM, EVENT_ITEM.c.item == ITEM.c.number)
        .where(*member)
        .order_by(ITEM.c.first_seen_at, ITEM.c.number)
        .limit(1)
    )
    found = connection.execute(evidence).scalars().all()
    return Glance(
        event=pair.event,
        watch=pair.watch,
        indicator=pair.indicator,
        status=pair.status,
        title=pair.title,
        lang=connection.execute(language).scalar() or "",
        first_seen_at=pair.first_seen_at,
        items=pair.items,
        outlets=pair.outlets,
        origins=pair.origins,
        lead=hits_by_number(connection, [pair.lead])[0],
        hits=len(found),
        spans=tuple(span for spans in found for span in spans_from(spans)),
        voices=tuple(
            Voice(role=v.role, feed=v.feed, source=v.source or v.feed, items=v.items)
            for v in connection.execute(voices)
        ),
    )
