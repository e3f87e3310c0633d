"""One subscription's view of what is known: which events, levels and gaps it has, as lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from monitor.digest import wording
from monitor.digest.known import Known, chosen, rank
from monitor.digest.lines import (
    GRADES,
    best_first,
    bulk_line,
    by_item,
    leading_status,
    rise,
    snippet,
    terms,
    usable_link,
)
from monitor.digest.values import (
    CoverageGap,
    EventLine,
    EvidenceLine,
    House,
    LevelLine,
    RestLine,
)
from monitor.digest.wording import readable
from monitor.model import (
    Event,
    FeedStatus,
    Indicator,
    Level,
    LevelChange,
    LevelName,
    Status,
    StoredHit,
    Subscription,
)

STALE = timedelta(hours=24)  # nobody polled for so long: the digest says so first
_TITLE = 220


class Scope:
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

    def short_name(self, key: tuple[str, str]) -> str:
        found = self.indicators.get(key)
        return wording.short_name(key[1], readable(found.title) if found else "")

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
        lines += [self._lone_line(hits) for hits in by_item(lone)]
        lines.sort(key=best_first)
        return lines, bulk_line(bulk)

    def _wanted(self, stored: StoredHit) -> bool:
        key = (stored.hit.watch, stored.hit.indicator)
        if stored.withdrawn_at is not None or stored.status == "dismissed":
            return False
        if key not in self.indicators or not self._level_reached(key):
            return False
        return self._in_language(stored) and not self._lapsed(stored)

    def _in_language(self, stored: StoredHit) -> bool:
        languages = self.subscription.languages
        return not languages or not stored.item.lang or stored.item.lang in languages

    def held_back(self, stored: StoredHit) -> bool:
        """Whether only the least level keeps it from this reader: not told, and its time may come.

        It waits as long as it counts towards the level, the window of its indicator. When the level
        rises, the reader gets what made it rise, and not the year before it.
        """
        key = (stored.hit.watch, stored.hit.indicator)
        return (
            key in self.indicators
            and stored.withdrawn_at is None
            and self._in_language(stored)
            and not self._level_reached(key)
            and not self._lapsed(stored)
            and not self._flooded(stored)
        )

    def _lapsed(self, stored: StoredHit) -> bool:
        """Whether it counts no longer towards the level that the reader waits for."""
        if self.subscription.min_level in ("any", "none"):
            return False
        indicator = self.indicators[(stored.hit.watch, stored.hit.indicator)]
        return self.known.as_of - stored.stored_at > indicator.thresholds.window

    def _dismissed(self, stored: StoredHit, events: Mapping[int, Event]) -> bool:
        event = events.get(stored.event) if stored.event is not None else None
        pair = (stored.hit.watch, stored.hit.indicator)
        return event is not None and event.reviews.get(pair) == "dismissed"

    def _level_reached(self, key: tuple[str, str]) -> bool:
        least = self.subscription.min_level
        level = self.levels.get(key)
        if least in ("any", "none") or level is None:  # unknown: rather show than hide
            return True
        return rank(level.analyst or level.level) >= rank(least)

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
        lead = max(news, key=lambda stored: (self._graderank(stored), stored.hit.score))
        pairs = dict.fromkeys(
            (stored.hit.watch, stored.hit.indicator) for stored in [*news, *alive]
        )
        statuses = [event.reviews.get(pair, "new") for pair in pairs]
        denials = sum(member.role == "denial" for member in event.members)
        items = max(1, len(event.members))
        grown = len({stored.item.id for stored in news}) if seen else 0
        return self._line(
            number=event.id,
            lead=lead,
            news=news,
            pairs=tuple(pairs),
            items=items,
            origins=event.independent_origins,
            denials=denials,
            at=max(stored.stored_at for stored in news),
            status=leading_status(statuses),
            stage=event.stage or lead.hit.stage or "",
            event_grade=event.grade if event.grade and event.grade_by else "",
            grown=grown,
            link=self.link(f"/events/{event.id}"),
        )

    def _lone_line(self, hits: Sequence[StoredHit]) -> EventLine:
        lead = max(hits, key=lambda stored: stored.hit.score)
        return self._line(
            number=0,
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
            title=wording.cut(readable(lead.item.title), _TITLE) or "(no title)",
            lang=lead.item.lang,
            snippet=snippet(lead),
            indicators=tuple(indicator for _, indicator in pairs),
            labels=tuple(self.short_name(pair) for pair in pairs),
            terms=terms(lead, news),
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
            source_link=usable_link(lead.item.link),
            grown=grown,
            corroboration=wording.corroboration(items, origins, denials),
            score=lead.hit.score,
        )

    def _graderank(self, stored: StoredHit) -> int:
        feed = self.feeds.get(stored.item.feed)
        return -GRADES.find(feed.feed.reliability) if feed else -len(GRADES)

    def rest_lines(self, rest: Sequence[EventLine], most: int) -> list[RestLine]:
        """Counts by indicator, at most so many; an event of two indicators counts for its first."""
        counted = Counter(line.indicators[0] for line in rest)
        titles = {key[1]: readable(each.title) for key, each in self.indicators.items()}
        others = dict(counted.most_common()[most - 1 :]) if len(counted) > most else {}
        lines = [
            RestLine(
                indicator=indicator,
                title=titles.get(indicator, indicator),
                name=wording.full_name(indicator, titles.get(indicator, "")),
                events=number,
                link=self.link(f"/inbox?status=new&indicator={quote(indicator)}"),
            )
            for indicator, number in sorted(counted.items())
            if indicator not in others
        ]
        if others:
            name = wording.count(len(others), "other indicator")
            events, link = sum(others.values()), self.link("/inbox?status=new")
            lines.append(RestLine(indicator="", title=name, name=name, events=events, link=link))
        return lines

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
                line for line in lines if max(rank(line.before), rank(line.after)) >= rank(least)
            ]
        return sorted(lines, key=lambda line: (rise(line) <= 0, -rank(line.after), line.indicator))

    def _level_line(
        self, key: tuple[str, str], before: LevelName, change: LevelChange
    ) -> LevelLine:
        level = self.levels.get(key)
        return LevelLine(
            indicator=key[1],
            title=wording.cut(readable(self.indicators[key].title), 120),
            name=wording.full_name(key[1], readable(self.indicators[key].title)),
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
                    title=wording.cut(titles.get(each.hypothesis, each.hypothesis), 160),
                    for_=each.for_,
                    against=each.against,
                )
                for each in assessment.hypotheses
            ]
            lines += sorted(found, key=lambda line: (line.against, -line.for_, line.hypothesis))
        return lines

    def quiet(self, lines: Sequence[EventLine]) -> list[str]:
        """Indicators that could be seen and brought nothing; none where nobody looked."""
        if self._stale():
            return []
        busy = {indicator for line in lines for indicator in line.indicators}
        return [
            self.short_name(key)
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
            key
            for key in self.indicators
            if (level := self.levels.get(key)) is not None and level.level == "no-coverage"
        ]
        polled, stale = self._polled(), self._stale()
        if not failing and not blind and not stale:
            return None
        topics = {topic for each in failing for topic in each.feed.topics}
        touched = [key for key, each in self.indicators.items() if topics.intersection(each.topics)]
        since = [each.state.since_at for each in failing if each.state.since_at is not None]
        sentence = self._gap_sentence(failing, enabled, touched, blind, stale, polled)
        return CoverageGap(
            failing=tuple(readable(each.feed.name or each.feed.id) for each in failing),
            feeds=len(enabled),
            since_at=min(since) if since else None,
            indicators=tuple(id for _, id in touched),
            blind=tuple(id for _, id in blind),
            sentence=sentence,
        )

    def _polled(self) -> list[datetime]:
        """When each enabled feed was polled last."""
        last = [each.state.last_polled_at for each in self.known.feeds if each.feed.enabled]
        return [at for at in last if at is not None]

    def _stale(self) -> bool:
        polled = self._polled()
        return bool(polled) and self.known.as_of - max(polled) > STALE

    def _gap_sentence(
        self,
        failing: Sequence[FeedStatus],
        enabled: Sequence[FeedStatus],
        touched: Sequence[tuple[str, str]],
        blind: Sequence[tuple[str, str]],
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
            if when:
                verb = "has been" if len(failing) == 1 else "have been"
            parts.append(
                f"{len(failing)} of {wording.count(len(enabled), 'feed')} {verb} failing{when}."
            )
            if touched:
                parts.append(f"{self._named(touched)} may be undercounted.")
        if blind:
            verb = "has" if len(blind) == 1 else "have"
            parts.append(f"{self._named(blind)} {verb} no coverage: silence there means nothing.")
        return " ".join(parts)

    def _named(self, keys: Sequence[tuple[str, str]]) -> str:
        """Names in a sentence: more of them where they are short."""
        names = [self.short_name(key) for key in keys]
        return wording.listed(names, 6 if all(len(name) < 10 for name in names) else 4)

    def flood_line(self) -> str:
        if not self.known.floods:
            return ""
        words = [
            f"{wording.cut(readable(flood.name), 60)} ({wording.count(flood.items, 'item')})"
            for flood in self.known.floods
        ]
        verb = "was" if len(words) == 1 else "were"
        return (
            f"Suddenly all new at once, so stored but not listed: {wording.listed(words)} {verb} "
            "probably moved or rebuilt."
        )
