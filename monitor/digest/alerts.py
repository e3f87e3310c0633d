"""What is worth an interruption: a level that rose, a watched event with a second independent origin.

Pure: level changes, events and hits in, triggers and letters out. A trigger has a key by which it is
told once; it needs a hit that a poll brought as news, so that neither a first poll nor an import nor a
rematch ever interrupts anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from monitor.digest import wording
from monitor.digest.forms import Form, form
from monitor.digest.known import chosen, rank
from monitor.digest.letters import Letter
from monitor.digest.links import acknowledge_link, acknowledge_token
from monitor.digest.values import House
from monitor.model import (
    Event,
    Indicator,
    LevelChange,
    LevelName,
    Review,
    StoredHit,
    Subscription,
    Watch,
)
from monitor.render import BrokenTemplateError, safe_link

FRESH = timedelta(hours=24)  # how old the hit behind a change may be
_SEPARATOR = " + "  # between the keys in a message's slot
_SHOWN = 5  # events below a level


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """Who is alerted of what."""

    name: str
    recipients: tuple[str, ...]
    scope: Subscription  # indicators, as a digest names them
    min_level: str
    timezone: str = "UTC"
    quiet_hours: str = ""
    per_hour: int = 6
    repeat: timedelta | None = None  # again after so long, unless someone has acknowledged
    repeats: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One thing to be told once."""

    key: str
    at: datetime
    watch: str
    indicator: str
    title: str  # of the indicator
    before: LevelName | None = None
    after: LevelName | None = None
    cause: str = ""
    events: tuple[Event, ...] = ()
    urgent: int = 0  # rank of the level, for the order
    repeat: int = 0  # the how many-th time it is told again

    @property
    def is_rise(self) -> bool:
        return self.after is not None


# ── What triggers ────────────────────────────────────────────────────────────────────────────────


def rises(
    rule: AlertRule,
    watches: Sequence[Watch],
    changes: Sequence[LevelChange],
    events: Mapping[int, Event],
) -> list[Trigger]:
    """Level changes that rose to the rule's level or beyond because of news."""
    indicators = _indicators(rule, watches)
    least = 1 if rule.min_level in ("any", "none") else rank(rule.min_level)
    previous: dict[tuple[str, str], datetime] = {}
    found = []
    for change in sorted(changes, key=lambda each: each.at):
        key = (change.watch, change.indicator)
        since = max(previous.get(key, change.at - FRESH), change.at - FRESH)
        previous[key] = change.at
        indicator = indicators.get(key)
        if indicator is None or rank(change.after) < max(least, rank(change.before) + 1):
            continue
        causing = [events[id] for id in change.event_ids if id in events]
        fresh = [each for each in causing if _has_news(each, key, since, change.at)]
        if not fresh:
            continue
        found.append(
            Trigger(
                key=f"{change.watch}/{change.indicator} {change.after} {change.at:%Y-%m-%dT%H:%M:%S}",
                at=change.at,
                watch=change.watch,
                indicator=change.indicator,
                title=indicator.title,
                before=change.before,
                after=change.after,
                cause=change.cause,
                events=tuple(fresh),
                urgent=rank(change.after),
            )
        )
    return found


def second_origins(
    rule: AlertRule, watches: Sequence[Watch], events: Iterable[Event], reviews: Sequence[Review]
) -> list[Trigger]:
    """Watched events that got their second independent origin while they were watched.

    Watched is what an analyst marked for a second look.
    """
    indicators = _indicators(rule, watches)
    watched: dict[tuple[int, str, str], Review] = {}
    for each in sorted(reviews, key=lambda each: each.at):
        watched[each.event, each.watch, each.indicator] = each
    found = []
    for event in events:
        second = _second_origin(event)
        if second is None:
            continue
        for (watch, id), status in event.reviews.items():
            review = watched.get((event.id, watch, id))
            indicator = indicators.get((watch, id))
            if status != "second-look" or review is None or indicator is None:
                continue
            item, at = second
            news = any(stored.item.id == item and is_news(stored) for stored in event.hits)
            if at <= review.at or not news:
                continue
            found.append(
                Trigger(
                    key=f"event/{event.id} second-origin",
                    at=at,
                    watch=watch,
                    indicator=id,
                    title=indicator.title,
                    cause=f"{wording.count(event.independent_origins, 'independent origin')} now",
                    events=(event,),
                )
            )
            break
    return found


def is_news(stored: StoredHit) -> bool:
    """Whether a poll brought it as news: no first poll, import, rematch or hand."""
    return stored.how == "poll" and not stored.warm_up and stored.withdrawn_at is None


def _has_news(event: Event, pair: tuple[str, str], since: datetime, until: datetime) -> bool:
    if event.reviews.get(pair) == "dismissed":
        return False
    return any(
        is_news(stored)
        and (stored.hit.watch, stored.hit.indicator) == pair
        and since < stored.stored_at <= until
        for stored in event.hits
    )


def _second_origin(event: Event) -> tuple[str, datetime] | None:
    """The item that is the second independent origin, and when it came."""
    origins = sorted(
        (each.added_at, each.item.id)
        for each in event.members
        if each.role in ("origin", "independent") and each.added_at is not None
    )
    if event.independent_origins < 2 or len(origins) < 2:
        return None
    at, item = origins[1]
    return item, at


def _indicators(rule: AlertRule, watches: Sequence[Watch]) -> dict[tuple[str, str], Indicator]:
    return {
        (watch.id, each.id): each
        for watch in watches
        for each in watch.indicators
        if chosen(rule.scope, watch, each)
    }


# ── When, and how often ──────────────────────────────────────────────────────────────────────────


MOST_IN_ONE = 8  # things a message tells: beyond that it outgrows 80 kB, and its slot an index


def told(slots: Iterable[str]) -> set[str]:
    """The keys that messages with these slots told of."""
    return {key for slot in slots for key in slot.split(_SEPARATOR)}


def slot_of(triggers: Sequence[Trigger]) -> str:
    """The slot of a message that tells of these: the store keeps it unique."""
    return _SEPARATOR.join(sorted(_key(each) for each in triggers))


def _key(trigger: Trigger) -> str:
    return f"{trigger.key} again {trigger.repeat}" if trigger.repeat else trigger.key


def is_quiet(rule: AlertRule, now: datetime) -> bool:
    """Whether ``now`` is within the rule's quiet hours, in its zone; they may pass midnight."""
    if not rule.quiet_hours:
        return False
    first, last = (time.fromisoformat(each) for each in rule.quiet_hours.split("-"))
    clock = now.astimezone(ZoneInfo(rule.timezone)).time().replace(tzinfo=None)
    if first <= last:
        return first <= clock < last
    return clock >= first or clock < last


def pending(
    triggers: Sequence[Trigger],
    frozen: Sequence[tuple[str, datetime]],
    *,
    rule: AlertRule,
    acknowledged: Mapping[str, bool],
    now: datetime,
) -> list[Trigger]:
    """What one message tells now, new things and repeats; nothing in quiet hours or beyond the rate.

    What is beyond ``MOST_IN_ONE`` is pending still when that message is frozen.

    ``frozen``: (slot, when) of the messages of this rule to this recipient.
    """
    recent = [at for _, at in frozen if now - timedelta(hours=1) < at <= now]
    if is_quiet(rule, now) or len(recent) >= rule.per_hour:
        return []
    when: dict[str, list[datetime]] = {}
    for slot, at in frozen:
        for key in slot.split(_SEPARATOR):
            when.setdefault(_first_key(key), []).append(at)
    found = []
    for trigger in triggers:
        times = when.get(trigger.key, [])
        if not times:
            found.append(trigger)
        elif (
            rule.repeat
            and trigger.is_rise
            and len(times) <= rule.repeats
            and now - max(times) >= rule.repeat
            and not acknowledged.get(trigger.key, False)
        ):
            found.append(_again(trigger, len(times)))
    return sorted(found, key=lambda each: (-each.urgent, each.at, each.key))[:MOST_IN_ONE]


def _first_key(key: str) -> str:
    return re.sub(r" again \d+$", "", key)


def _again(trigger: Trigger, number: int) -> Trigger:
    return replace(trigger, repeat=number)


# ── The message ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    title: str
    lang: str
    source: str
    corroboration: str
    link: str
    source_link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    indicator: str
    name: str
    before: str
    after: str
    cause: str
    at_words: str
    link: str
    acknowledge: str
    repeated: bool
    events: tuple[AlertEvent, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContent:
    """Everything an alert says."""

    house: str
    name: str
    recipient: str
    subject: str
    sentence: str
    lines: tuple[AlertLine, ...]
    zone: str
    note: str = ""


def alert_letter(
    triggers: Sequence[Trigger], rule: AlertRule, recipient: str, house: House
) -> tuple[Letter, BrokenTemplateError | None]:
    """One message for all ``triggers``, and the user's template if it could not be used."""
    said = alert_content(triggers, rule, recipient, house)

    def values(note: str) -> Mapping[str, Any]:
        return {"c": replace(said, note=note)}

    try:
        made = form(house.templates, "alert", values)
    except BrokenTemplateError as error:
        made = Form(f"{said.sentence}\n", "", error)
    letter = Letter(
        kind="alert",
        subscription=rule.name,
        recipient=recipient,
        slot=slot_of(triggers),
        subject=said.subject,
        text=made.text,
        html=made.html,
        urgent=True,
        hits=(),
    )
    return letter, made.broken


def alert_content(
    triggers: Sequence[Trigger], rule: AlertRule, recipient: str, house: House
) -> AlertContent:
    zone = ZoneInfo(rule.timezone)
    lines = tuple(_line(each, house, zone) for each in triggers)
    first = triggers[0]
    name = wording.full_name(first.indicator, wording.readable(first.title))
    if first.is_rise:
        level = wording.LEVEL_WORDS.get(str(first.after), str(first.after))
        head = f"{name} rose to {level}"
    else:
        head = f"{name}: a second independent origin"
    more = f", and {len(triggers) - 1} more" if len(triggers) > 1 else ""
    again = "Again: " if first.repeat else ""
    room = 70 - len(house.name[:24]) - len(more) - len(again) - 2
    return AlertContent(
        house=house.name,
        name=rule.name,
        recipient=recipient,
        subject=f"{house.name[:24]}: {again}{_cut_name(head, name, max(20, room))}{more}",
        sentence=f"{again}{head}{more}.",
        lines=lines,
        zone=rule.timezone,
    )


def _cut_name(head: str, name: str, room: int) -> str:
    """``head`` in ``room`` characters: the name gives way, what happened to it stays."""
    over = len(head) - room
    return head.replace(name, wording.cut(name, max(8, len(name) - over)), 1) if over > 0 else head


def _line(trigger: Trigger, house: House, zone: ZoneInfo) -> AlertLine:
    base = house.public_url.rstrip("/")
    token = acknowledge_token(house.secret, trigger.key)
    return AlertLine(
        indicator=trigger.indicator,
        name=wording.full_name(trigger.indicator, wording.readable(trigger.title)),
        before=str(trigger.before or ""),
        after=str(trigger.after or ""),
        cause=wording.cut(wording.readable(trigger.cause), 300),
        at_words=wording.local(trigger.at, zone),
        link=f"{base}/inbox?indicator={trigger.indicator}" if base else "",
        acknowledge=acknowledge_link(base, token) if trigger.is_rise else "",
        repeated=trigger.repeat > 0,
        events=tuple(_event(each, base) for each in trigger.events[:_SHOWN]),
        more=max(0, len(trigger.events) - _SHOWN),
    )


def _event(event: Event, base: str) -> AlertEvent:
    lead = event.members[0].item if event.members else None
    denials = sum(member.role == "denial" for member in event.members)
    return AlertEvent(
        title=wording.cut(wording.readable(event.title), 220) or "(no title)",
        lang=event.lang or (lead.lang if lead else ""),
        source=wording.cut(wording.readable((lead.source or lead.feed) if lead else ""), 80),
        corroboration=wording.corroboration(
            max(1, len(event.members)), event.independent_origins, denials
        ),
        link=f"{base}/events/{event.id}" if base else "",
        source_link=safe_link(lead.link) if lead else "",
    )
