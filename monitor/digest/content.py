"""What a digest says to one recipient: a pure function of what is stored.

It works with hits alone, before there is any assessment. Dismissed and withdrawn hits never appear; an
event that the reader has seen before appears as an update; what an import or a rematch brought, and
what a flooding feed threw in, is one line each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from monitor.digest import wording
from monitor.digest.known import Known
from monitor.digest.scope import Scope
from monitor.digest.summary import Summary
from monitor.digest.values import DigestContent, House
from monitor.model import StoredHit, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How long the lists of a digest may be; what has no place in them is a count."""

    levels: int = 8  # changes that are shown with their months
    lines: int = 16  # of changes without them, of hypotheses, of indicators: at least 1


ROOMS = (Room(), Room(levels=4, lines=8), Room(levels=2, lines=4), Room(levels=0, lines=1))


def told(
    known: Known, subscription: Subscription, house: House, hits: Sequence[StoredHit]
) -> tuple[int, ...]:
    """Which of ``hits`` a digest of ``known`` settles: all but those that may yet have their time."""
    scope = Scope(known, subscription, house, ZoneInfo(subscription.timezone))
    held = {stored.number for stored in known.hits if scope.held_back(stored)}
    return tuple(stored.number for stored in hits if stored.number not in held)


def content(
    known: Known,
    subscription: Subscription,
    recipient: str,
    house: House,
    room: Room = ROOMS[0],
) -> DigestContent:
    """Everything the digest says. Raises nothing for any text a feed may hold."""
    zone = ZoneInfo(subscription.timezone)
    scope = Scope(known, subscription, house, zone)
    lines, bulk = scope.event_lines()
    shown, rest = lines[: subscription.max_events], lines[subscription.max_events :]
    levels, evidence = scope.level_lines(), scope.evidence()
    placed = room.levels + room.lines
    gap = scope.gap()
    to_review = sum(line.status in ("new", "second-look") for line in lines)
    flood = scope.flood_line()
    parts = Summary(
        lines=lines,
        levels=levels,
        gap=gap,
        to_review=to_review,
        bulk=bulk,
        flood=flood,
        scope=scope,
    )
    return DigestContent(
        name=subscription.name,
        house=house.name,
        recipient=recipient,
        zone=subscription.timezone,
        as_of=known.as_of,
        slot=known.slot,
        period=wording.period(known.previous_at, known.as_of, zone),
        heading=f"{subscription.name[:1].upper()}{subscription.name[1:]} digest",
        sentence=parts.sentence(),
        preheader=parts.preheader(),
        subject=parts.subject(),
        first=known.previous_at is None,
        gap=gap,
        levels=tuple(levels[: room.levels]),
        more_levels=tuple(levels[room.levels : placed]),
        other_levels=len(levels[placed:]),
        events=tuple(shown),
        updates=sum(line.is_update for line in lines),
        total=len(lines),
        to_review=to_review,
        rest=tuple(scope.rest_lines(rest, room.lines)),
        evidence=tuple(evidence[: room.lines]),
        other_evidence=len(evidence[room.lines :]),
        quiet=tuple(wording.listing(scope.quiet(lines), 2 * room.lines)),
        imported=bulk,
        flood=flood,
        rules={watch.id: watch.rules for watch in known.watches[: room.lines]},
        run=known.run,
        as_of_words=wording.local(known.as_of, zone),
        next_words=wording.local(known.next_at, zone) if known.next_at else "",
        inbox_link=scope.link("/inbox?status=new"),
        feeds_link=scope.link("/feeds"),
        board_link=scope.link("/"),
        attached=known.attached,
        note=wording.cut(known.note, 500),
    )
