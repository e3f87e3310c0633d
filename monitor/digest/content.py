"""What a digest says to one recipient: a pure function of what is stored.

It works with hits alone, before there is any assessment. Dismissed and withdrawn hits never appear; an
event that the reader has seen before appears as an update; what an import or a rematch brought, and
what a flooding feed threw in, is one line each.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from monitor.digest import wording
from monitor.digest.known import Known
from monitor.digest.scope import Scope
from monitor.digest.summary import Summary
from monitor.digest.values import DigestContent, House
from monitor.model import StoredHit, Subscription

_LEVELS = 8  # changes that are shown with their months
_MORE = 16  # changes, hypotheses and indicators that are listed without


def told(
    known: Known, subscription: Subscription, house: House, hits: Sequence[StoredHit]
) -> tuple[int, ...]:
    """Which of ``hits`` a digest of ``known`` settles: all but those that may yet have their time."""
    scope = Scope(known, subscription, house, ZoneInfo(subscription.timezone))
    held = {stored.number for stored in known.hits if scope.held_back(stored)}
    return tuple(stored.number for stored in hits if stored.number not in held)


def content(
    known: Known, subscription: Subscription, recipient: str, house: House
) -> DigestContent:
    """Everything the digest says. Raises nothing for any text a feed may hold."""
    zone = ZoneInfo(subscription.timezone)
    scope = Scope(known, subscription, house, zone)
    lines, bulk = scope.event_lines()
    shown, rest = lines[: subscription.max_events], lines[subscription.max_events :]
    levels = scope.level_lines()
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
        levels=tuple(levels[:_LEVELS]),
        more_levels=tuple(levels[_LEVELS : _LEVELS + _MORE]),
        events=tuple(shown),
        updates=sum(line.is_update for line in lines),
        total=len(lines),
        to_review=to_review,
        rest=tuple(scope.rest_lines(rest, _MORE)),
        evidence=tuple(scope.evidence()[:_MORE]),
        quiet=tuple(wording.listing(scope.quiet(lines), 2 * _MORE)),
        imported=bulk,
        flood=flood,
        rules={watch.id: watch.rules for watch in known.watches[:_MORE]},
        run=known.run,
        as_of_words=wording.local(known.as_of, zone),
        next_words=wording.local(known.next_at, zone) if known.next_at else "",
        inbox_link=scope.link("/inbox?status=new"),
        feeds_link=scope.link("/feeds"),
        board_link=scope.link("/"),
        attached=known.attached,
        note=wording.cut(known.note, 500),
    )
