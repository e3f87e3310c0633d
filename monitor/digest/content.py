"""What a digest says to one recipient: a pure function of what is stored.

It works with hits alone, before there is any assessment. Dismissed and withdrawn hits never appear; an
event that the reader has seen before appears as an update; what an import or a rematch brought, and
what a flooding feed threw in, is one line each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from monitor.digest import wording
from monitor.digest.values import (
    CoverageGap,
    DigestContent,
    EventLine,
    EvidenceLine,
    Flood,
    House,
    LevelLine,
    RestLine,
)
from monitor.digest.wording import readable
from monitor.model import (
    LEVELS,
    Assessment,
    Event,
    FeedStatus,
    Indicator,
    Level,
    LevelChange,
    LevelName,
    Status,
    StoredHit,
    Subscription,
    Watch,
)
from monitor.render import safe_link

STALE = timedelta(hours=24)  # nobody polled for so long: the digest says so first
_TERMS, _TITLE, _SNIPPET = 5, 220, 180
_LEVELS = 8  # changes that are shown with their months
_RANK = {name: rank for rank, name in enumerate(LEVELS)}
_GRADES = "ABCDEF"
_SUBJECT = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was stored for one digest at ``as_of``."""

    hits: Sequence[StoredHit]  # not covered by a digest to this reader yet
    events: Sequence[Event]  # those that the hits belong to
    watches: Sequence[Watch]
    assessments: Mapping[str, Assessment] = field(default_factory=dict)
    changes: Sequence[LevelChange] = ()  # since the previous digest
    feeds: Sequence[FeedStatus] = ()
    floods: Sequence[Flood] = ()
    as_of: datetime
    slot: str
    previous_at: datetime | None = None  # when the last digest was frozen; None = this is the first
    next_at: datetime | None = None
    run: str = ""
    attached: str = ""
    note: str = ""  # what the reader must know about this mail


def content(
    known: Known, subscription: Subscription, recipient: str, house: House
) -> DigestContent:
    """Everything the digest says. Raises nothing for any text a feed may hold."""
    zone = ZoneInfo(subscription.timezone)
    scope = _Scope(known, subscription, house, zone)
    lines, bulk = scope.event_lines()
    shown, rest = lines[: subscription.max_events], lines[subscription.max_events :]
    levels = scope.level_lines()
    gap = scope.gap()
    to_review = sum(line.status in ("new", "second-look") for line in lines)
    flood = scope.flood_line()
    parts = _Parts(
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
        more_levels=tuple(levels[_LEVELS:]),
        events=tuple(shown),
        updates=sum(line.is_update for line in lines),
        total=len(lines),
        to_review=to_review,
        rest=tuple(scope.rest_lines(rest)),
        evidence=tuple(scope.evidence()),
        quiet=tuple(scope.quiet(lines)),
        imported=bulk,
        flood=flood,
        rules={watch.id: watch.rules for watch in known.watches},
        run=known.run,
        as_of_words=wording.local(known.as_of, zone),
        next_words=wording.local(known.next_at, zone) if known.next_at else "",
        inbox_link=scope.link("/inbox?status=new"),
        feeds_link=scope.link("/feeds"),
        board_link=scope.link("/"),
        attached=known.attached,
        note=known.note,
    )


class _Scope:
    """One subscription's view of what is known."""

    def __init__(
        self, known: Known, subscription: Subscription, house: House, zone: ZoneInfo
    ) -> None:
        self.known = known
        self.subscription = subscription
        self.house = house
        self.zone = zone
        self.feeds = {status.feed.id: status for status in known.feeds}
        self.indicators: dict[tuple[str, str], Indicator] = {
            (watch.id, each.id): each
            for watch in known.watches
            for each in watch.indicators
            if chosen(subscription, watch, each)
        }
        self.levels: dict[tuple[str, str], Level] = {
            (level.watch, level.indicator): level
            for assessment in known.assessments.values()
            for level in assessment.levels
        }
        self.flooding = {flood.feed: flood for flood in known.floods}

    def link(self, path: str) -> str:
        return f"{self.house.public_url.rstrip('/')}{path}" if self.house.public_url else ""

    # ── Events ───────────────────────────────────────────────────────────────────────────────────

    def event_lines(self) -> tuple[list[EventLine], str]:
        """Lines of all events, best corroborated first, and one line on imports and rematches."""
        news = [stored for stored in self.known.hits if self._wanted(stored)]
        events = {event.id: event for event in self.known.events}
        # an event that is dismissed for every indicator in scope is no news, imported or not
        news = [stored for stored in news if not self._dismissed(stored, events)]
        bulk = [stored for stored in news if stored.how in ("import", "rematch")]
        single = [
            stored
            for stored in news
            if stored.how not in ("import", "rematch") and not self._flooded(stored)
        ]
        by_event: dict[int, list[StoredHit]] = {}
        lone: list[StoredHit] = []
        for stored in single:
            if stored.event in events:
                by_event.setdefault(events[stored.event].id, []).append(stored)
            else:
                lone.append(stored)
        lines = [
            line
            for number, hits in by_event.items()
            if (line := self._event_line(events[number], hits)) is not None
        ]
        lines += [self._lone_line(hits) for hits in _by_item(lone)]
        lines.sort(key=_best_first)
        return lines, _bulk_line(bulk)

    def _wanted(self, stored: StoredHit) -> bool:
        key = (stored.hit.watch, stored.hit.indicator)
        if stored.withdrawn_at is not None or stored.status == "dismissed":
            return False
        if key not in self.indicators or not self._level_reached(key):
            return False
        languages = self.subscription.languages
        return not languages or not stored.item.lang or stored.item.lang in languages

    def _dismissed(self, stored: StoredHit, events: Mapping[int, Event]) -> bool:
        event = events.get(stored.event) if stored.event is not None else None
        pair = (stored.hit.watch, stored.hit.indicator)
        return event is not None and event.reviews.get(pair) == "dismissed"

    def _level_reached(self, key: tuple[str, str]) -> bool:
        least = self.subscription.min_level
        level = self.levels.get(key)
        if least in ("any", "none") or level is None:  # unknown: rather show than hide
            return True
        return _rank(level.analyst or level.level) >= _rank(least)

    def _flooded(self, stored: StoredHit) -> bool:
        flood = self.flooding.get(stored.item.feed)
        return flood is not None and abs(stored.stored_at - flood.at) < timedelta(minutes=5)

    def _event_line(self, event: Event, news: Sequence[StoredHit]) -> EventLine | None:
        fresh = {stored.number for stored in self.known.hits}
        alive = [
            stored
            for stored in event.hits
            if self._wanted(stored) and not self._dismissed(stored, {event.id: event})
        ]
        if not alive and not news:
            return None
        seen = any(stored.number not in fresh for stored in alive)
        lead = max(news, key=lambda stored: (self._grade_rank(stored), stored.hit.score))
        pairs = dict.fromkeys(
            (stored.hit.watch, stored.hit.indicator) for stored in [*news, *alive]
        )
        statuses = [event.reviews.get(pair, "new") for pair in pairs]
        denials = sum(member.role == "denial" for member in event.members)
        items = max(1, len(event.members))
        grown = len({stored.item.id for stored in news}) if seen else 0
        return self._line(
            number=event.id,
            title=event.title or lead.item.title,
            lang=event.lang or lead.item.lang,
            lead=lead,
            news=news,
            pairs=tuple(pairs),
            items=items,
            origins=event.independent_origins,
            denials=denials,
            at=max(stored.stored_at for stored in news),
            status=_status(statuses),
            stage=event.stage or lead.hit.stage or "",
            event_grade=event.grade if event.grade and event.grade_by else "",
            grown=grown,
            link=self.link(f"/events/{event.id}"),
        )

    def _lone_line(self, hits: Sequence[StoredHit]) -> EventLine:
        lead = max(hits, key=lambda stored: stored.hit.score)
        return self._line(
            number=0,
            title=lead.item.title,
            lang=lead.item.lang,
            lead=lead,
            news=hits,
            pairs=tuple(dict.fromkeys((each.hit.watch, each.hit.indicator) for each in hits)),
            items=1,
            origins=1,
            denials=0,
            at=lead.stored_at,
            status=lead.status,
            stage=lead.hit.stage or "",
            event_grade="",
            grown=0,
            link=self.link("/inbox?status=new"),
        )

    def _line(
        self,
        *,
        number: int,
        title: str,
        lang: str,
        lead: StoredHit,
        news: Sequence[StoredHit],
        pairs: Sequence[tuple[str, str]],
        items: int,
        origins: int,
        denials: int,
        at: datetime,
        status: Status,
        stage: str,
        event_grade: str,
        grown: int,
        link: str,
    ) -> EventLine:
        feed = self.feeds.get(lead.item.feed)
        name = lead.item.source or (feed.feed.name if feed else "") or lead.item.feed
        return EventLine(
            number=number,
            title=wording.cut(readable(title), _TITLE) or "(no title)",
            lang=lang,
            snippet=_snippet(lead),
            indicators=tuple(indicator for _, indicator in pairs),
            terms=_terms(lead, news),
            source=wording.cut(readable(name), 80),
            grade=feed.feed.reliability if feed else "",
            event_grade=event_grade,
            stage=wording.STAGE_WORDS.get(stage, stage),
            items=items,
            origins=origins,
            denials=denials,
            at=at,
            date=wording.day(at.astimezone(self.zone)),
            status=status,
            link=link,
            source_link=safe_link(lead.item.link),
            grown=grown,
            corroboration=wording.corroboration(items, origins, denials),
            score=lead.hit.score,
        )

    def _grade_rank(self, stored: StoredHit) -> int:
        feed = self.feeds.get(stored.item.feed)
        return -_GRADES.find(feed.feed.reliability) if feed else -len(_GRADES)

    def rest_lines(self, rest: Sequence[EventLine]) -> list[RestLine]:
        """Counts by indicator; an event of two indicators counts for its first."""
        counted = Counter(line.indicators[0] for line in rest)
        titles = {key[1]: readable(each.title) for key, each in self.indicators.items()}
        return [
            RestLine(
                indicator=indicator,
                title=titles.get(indicator, indicator),
                events=number,
                link=self.link(f"/inbox?status=new&indicator={quote(indicator)}"),
            )
            for indicator, number in sorted(counted.items())
        ]

    # ── Levels, evidence, coverage ───────────────────────────────────────────────────────────────

    def level_lines(self) -> list[LevelLine]:
        """Net changes since the last digest, the highest first; up and down again is no change."""
        first: dict[tuple[str, str], LevelChange] = {}
        last: dict[tuple[str, str], LevelChange] = {}
        for change in sorted(self.known.changes, key=lambda each: each.at):
            key = (change.watch, change.indicator)
            first.setdefault(key, change)
            last[key] = change
        lines = [
            self._level_line(key, first[key].before, change)
            for key, change in last.items()
            if key in self.indicators and first[key].before != change.after
        ]
        least = self.subscription.min_level
        if least not in ("any", "none"):
            lines = [
                line for line in lines if max(_rank(line.before), _rank(line.after)) >= _rank(least)
            ]
        return sorted(
            lines, key=lambda line: (_rise(line) <= 0, -_rank(line.after), line.indicator)
        )

    def _level_line(
        self, key: tuple[str, str], before: LevelName, change: LevelChange
    ) -> LevelLine:
        level = self.levels.get(key)
        return LevelLine(
            indicator=key[1],
            title=readable(self.indicators[key].title),
            before=before,
            after=change.after,
            at=change.at,
            cause=wording.cut(readable(change.cause), 160),
            events=level.events if level else len(change.event_ids),
            baseline=level.baseline if level else None,
            months=level.months[-12:] if level else (),
            analyst=level.analyst if level else None,
            link=self.link(f"/inbox?indicator={quote(key[1])}"),
        )

    def evidence(self) -> list[EvidenceLine]:
        """Hypotheses by least evidence against, as ACH reasons by elimination."""
        lines: list[EvidenceLine] = []
        for watch in self.known.watches:
            assessment = self.known.assessments.get(watch.id)
            if assessment is None or not any(key[0] == watch.id for key in self.indicators):
                continue
            titles = {each.id: each.title for each in watch.hypotheses}
            found = [
                EvidenceLine(
                    hypothesis=each.hypothesis,
                    title=titles.get(each.hypothesis, each.hypothesis),
                    for_=each.for_,
                    against=each.against,
                )
                for each in assessment.hypotheses
            ]
            lines += sorted(found, key=lambda line: (line.against, -line.for_, line.hypothesis))
        return lines

    def quiet(self, lines: Sequence[EventLine]) -> list[str]:
        """Indicators that could be seen and brought nothing."""
        busy = {indicator for line in lines for indicator in line.indicators}
        return [
            key[1]
            for key in self.indicators
            if key[1] not in busy
            and (level := self.levels.get(key)) is not None
            and level.level in ("none", "low")
            and level.changed_from is None
        ]

    def gap(self) -> CoverageGap | None:
        """Failing feeds and blind indicators; None where all is well."""
        enabled = [each for each in self.known.feeds if each.feed.enabled]
        failing = [each for each in enabled if each.state.health == "failing"]
        blind = [
            key[1]
            for key in self.indicators
            if (level := self.levels.get(key)) is not None and level.level == "no-coverage"
        ]
        polled = [
            each.state.last_polled_at for each in enabled if each.state.last_polled_at is not None
        ]
        stale = bool(polled) and self.known.as_of - max(polled) > STALE
        if not failing and not blind and not stale:
            return None
        topics = {topic for each in failing for topic in each.feed.topics}
        touched = [
            key[1] for key, each in self.indicators.items() if topics.intersection(each.topics)
        ]
        since = [each.state.since_at for each in failing if each.state.since_at is not None]
        sentence = self._gap_sentence(failing, enabled, touched, blind, stale, polled)
        return CoverageGap(
            failing=tuple(readable(each.feed.name or each.feed.id) for each in failing),
            feeds=len(enabled),
            since_at=min(since) if since else None,
            indicators=tuple(touched),
            blind=tuple(blind),
            sentence=sentence,
        )

    def _gap_sentence(
        self,
        failing: Sequence[FeedStatus],
        enabled: Sequence[FeedStatus],
        touched: Sequence[str],
        blind: Sequence[str],
        stale: bool,
        polled: Sequence[datetime],
    ) -> str:
        parts: list[str] = []
        if stale:
            last = max(polled)
            parts.append(
                f"No feed has been polled for {wording.ago(self.known.as_of - last)}, "
                f"since {wording.local(last, self.zone)}. What follows is old."
            )
        if failing:
            since = [each.state.since_at for each in failing if each.state.since_at is not None]
            when = f" since {wording.day(min(since).astimezone(self.zone))}" if since else ""
            verb = "is" if len(failing) == 1 else "are"
            parts.append(
                f"{len(failing)} of {wording.count(len(enabled), 'feed')} {verb} failing{when}."
            )
            if touched:
                parts.append(f"{wording.listed(touched)} may be undercounted.")
        if blind:
            verb = "has" if len(blind) == 1 else "have"
            parts.append(
                f"{wording.listed(blind)} {verb} no coverage: silence there means nothing."
            )
        return " ".join(parts)

    def flood_line(self) -> str:
        if not self.known.floods:
            return ""
        words = [
            f"{readable(flood.name)} ({wording.count(flood.items, 'item')})"
            for flood in self.known.floods
        ]
        verb = "was" if len(words) == 1 else "were"
        return (
            f"Suddenly all new at once, so stored but not listed: {wording.listed(words)} {verb} "
            "probably moved or rebuilt."
        )


# ── The sentence and the subject ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    lines: Sequence[EventLine]
    levels: Sequence[LevelLine]
    gap: CoverageGap | None
    to_review: int
    bulk: str
    flood: str
    scope: _Scope

    def sentence(self) -> str:
        """One or two short sentences: the biggest change, the number of events, the gap."""
        parts = [part for part in (self._change(), self._events(), self._gap()) if part]
        if not (self.levels or self.lines):
            parts.insert(0, self._nothing())
        return " ".join(parts)

    def _change(self) -> str:
        if not self.levels:
            return ""
        top = self.levels[0]
        text = f"{top.title} moved from {_level(top.before)} to {_level(top.after)}"
        if len(self.levels) > 1:
            text += f", {wording.count(len(self.levels) - 1, 'other level')} changed"
        return text + "."

    def _events(self) -> str:
        if not self.lines:
            return ""
        updates = sum(line.is_update for line in self.lines)
        new = len(self.lines) - updates
        found = []
        if new:
            found.append(wording.count(new, "new event"))
        if updates:
            found.append(wording.count(updates, "earlier event") + " that grew")
        text = " and ".join(found)
        if self.to_review == len(self.lines):
            return f"{text} {'waits' if len(self.lines) == 1 else 'wait'} for review."
        return f"{text}; {self.to_review:,} of {len(self.lines):,} still to review."

    def _gap(self) -> str:
        if self.gap is None:
            return ""
        if self.gap.failing:
            number = len(self.gap.failing)
            return f"{wording.count(number, 'feed')} {'is' if number == 1 else 'are'} failing."
        return "There is a gap in coverage."

    def _nothing(self) -> str:
        previous = self.scope.known.previous_at
        if previous is None:
            return "Nothing found yet."
        return f"Nothing new since {wording.local(previous, self.scope.zone)}."

    def preheader(self) -> str:
        """What a mail client shows beside the subject: what the subject does not say, 40–90 chars."""
        parts = []
        ups = sum(_rise(line) > 0 for line in self.levels)
        downs = len(self.levels) - ups
        if ups:
            parts.append(wording.count(ups, "level") + " up")
        if downs:
            parts.append(wording.count(downs, "level") + " down")
        if self.lines:
            parts.append(f"first: {self.lines[0].title}")
        if self.gap is not None:
            parts.insert(0, "coverage gap")
        text = ", ".join(parts) or "The monitor ran and found nothing that is new to you."
        return wording.cut(text[:1].upper() + text[1:], 90)

    def subject(self) -> str:
        """At most 70 characters: when, the biggest change, how many to review."""
        known, scope = self.scope.known, self.scope
        when = wording.short_period(known.previous_at, known.as_of, scope.zone)
        tail = self._subject_count()
        head = f"{wording.cut(scope.house.name, 24)}, {when}: "
        room = _SUBJECT - len(head) - len(tail)
        if self.levels:
            top = self.levels[0]
            verb = "up to" if _rise(top) > 0 else "down to" if _rise(top) < 0 else "now"
            change = f" {verb} {_level(top.after)}"
            joint = ", " if tail else ""
            name = f"{top.indicator} {top.title}"
            room -= len(change) + len(joint)
            name = wording.cut(name, room) if room >= len(top.indicator) + 8 else top.indicator
            return wording.cut(f"{head}{name}{change}{joint}{tail}", _SUBJECT)
        return wording.cut(head + (tail or self._subject_empty()), _SUBJECT)

    def _subject_count(self) -> str:
        if not self.lines:
            return ""
        if self.to_review:
            return f"{wording.count(self.to_review, 'event')} to review"
        return wording.count(len(self.lines), "event")

    def _subject_empty(self) -> str:
        return "nothing new, but a coverage gap" if self.gap is not None else "nothing new"


# ── Small things ─────────────────────────────────────────────────────────────────────────────────


def chosen(subscription: Subscription, watch: Watch, indicator: Indicator) -> bool:
    """Whether the subscription asks for this indicator: by id, by group, ``watch/id`` or ``*``."""
    names = {
        "*",
        indicator.id,
        indicator.group,
        watch.id,
        f"{watch.id}/{indicator.id}",
        f"{watch.id}/{indicator.group}",
    }
    return not names.isdisjoint(subscription.indicators)


def _rank(level: str) -> int:
    return _RANK.get(level, -1)  # type: ignore[call-overload,no-any-return]


def _rise(line: LevelLine) -> int:
    return _rank(line.after) - _rank(line.before)


def _level(level: str) -> str:
    return wording.LEVEL_WORDS.get(level, level)


def _status(statuses: Sequence[Status]) -> Status:
    for status in ("second-look", "new", "confirmed"):
        if status in statuses:
            return status
    return "new"


def _best_first(line: EventLine) -> tuple[object, ...]:
    """Independent origins, then the better source, then items, then the newer."""
    grade = _GRADES.find(line.grade) if line.grade else len(_GRADES)
    return (-line.origins, grade, -line.items, -line.score, -line.at.timestamp(), line.number)


def _by_item(hits: Sequence[StoredHit]) -> list[list[StoredHit]]:
    found: dict[str, list[StoredHit]] = {}
    for stored in hits:
        found.setdefault(stored.item.id, []).append(stored)
    return list(found.values())


def _bulk_line(bulk: Sequence[StoredHit]) -> str:
    if not bulk:
        return ""
    parts = []
    for how, word in (
        ("import", "an import"),
        ("rematch", "changed rules applied to stored items"),
    ):
        some = [stored for stored in bulk if stored.how == how]
        if some:
            by = Counter(stored.hit.indicator for stored in some)
            top = [f"{indicator} {number:,}" for indicator, number in by.most_common(4)]
            more = f", {len(by) - 4} more indicators" if len(by) > 4 else ""
            parts.append(f"{wording.count(len(some), 'hit')} from {word} ({', '.join(top)}{more})")
    return f"Not news, listed on the pages only: {' and '.join(parts)}."


def _snippet(lead: StoredHit) -> str:
    """The start of the summary, or the piece around its first match when that comes late."""
    text = readable(lead.item.summary)
    starts = [span.start for span in lead.hit.spans if span.field == "summary"]
    if starts and min(starts) > _SNIPPET - 40:
        begin = text.rfind(" ", 0, max(0, min(starts) - 60)) + 1
        return "…" + wording.cut(text[begin:], _SNIPPET - 1)
    return wording.cut(text, _SNIPPET)


def _terms(lead: StoredHit, news: Sequence[StoredHit]) -> tuple[str, ...]:
    """The words that matched, as published, without repeats."""
    found: dict[str, str] = {}
    for stored in [lead, *news]:
        if stored.item.id != lead.item.id:
            continue
        for span in stored.hit.spans:
            text = stored.item.title if span.field == "title" else stored.item.summary
            word = wording.cut(readable(text[span.start : span.end]) or span.term, 40)
            found.setdefault(word.casefold(), word)
    return tuple(list(found.values())[:_TERMS])
