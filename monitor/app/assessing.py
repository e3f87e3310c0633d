"""Grouping and assessing with this installation's store: what is known now, and what was known then."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import yaml

from monitor.app.base import Base
from monitor.assess import LOOK_BACK, Memory, assess, level_changes, replayed
from monitor.backtest import Backtest, backtest, known_events
from monitor.errors import ConfigError
from monitor.group import Grouper, suggested_grade
from monitor.model import Assessment, Event, Feed, LevelChange, StoredHit, Watch
from monitor.protocols import EventDraft, Matcher
from monitor.watch.versions import rules_of

CATALOGUE = "feeds"
"""The name under which the store keeps the versions of the feed catalogue, beside the watches'."""
_JUDGED_BY = ("id", "lang", "state", "origin", "reliability", "topics")
"""What of a feed decides grades, origins and coverage."""
_REREAD = timedelta(hours=1)
"""How often the covered days of the past are read again; the last three at every look."""

_LATELY = timedelta(minutes=1)
"""How old an assessment may be for those who only look."""

Polls = Mapping[str, Mapping[date, tuple[int, int]]]


class Assessing(Base):
    """Events from hits, levels from events."""

    _grouper: tuple[object, Grouper] | None = None
    _desk: _Desk | None = None

    def note_rules(self, now: datetime) -> None:
        """The feed catalogue belongs to the rules: it decides origins, grades and coverage."""
        super().note_rules(now)
        text = _catalogue_text(self._feeds())
        version = sha256(text.encode()).hexdigest()[:12]
        if self._noted.get(CATALOGUE) != version:
            self.store.note_rules(CATALOGUE, version, text, now=now)
            self._noted[CATALOGUE] = version

    # ── Events ───────────────────────────────────────────────────────────────────────────────────

    def group(
        self, hits: Sequence[StoredHit], events: Sequence[Event], now: datetime
    ) -> Sequence[EventDraft]:
        """Drafts for new hits. The grouper remembers the window from batch to batch."""
        desk = self._at_hand()
        with desk.grouping:
            feeds = self._feeds()
            versions = (tuple(watch.rules for watch in self.watches), _catalogue_text(feeds))
            if self._grouper is None or self._grouper[0] != versions:
                self._grouper = (versions, Grouper(self.watches, feeds))
            return self._grouper[1](hits, events, now)

    # ── Now ──────────────────────────────────────────────────────────────────────────────────────

    def assess(self, watch: Watch, now: datetime) -> tuple[Assessment, Sequence[LevelChange]]:
        """The assessment of what the store holds, and what has changed since the stored changes."""
        desk = self._at_hand()
        with desk.assessing:
            version = self.store.events_version()
            feeds = self._feeds()
            found = assess(
                watch,
                desk.graded(self.store.current_events(since=now - LOOK_BACK), feeds),
                now=now,
                coverage=self._covered(desk, now),
                feeds=feeds,
                changes=(changes := self.store.level_changes(watch=watch.id)),
                overrides=self.store.level_overrides(),
                memory=desk.memory,
            )
            desk.last[watch.id] = (version, found)
            return found, level_changes(found, changes)

    def lately(self, watch: Watch, now: datetime) -> Assessment:
        """The last assessment if it is a minute old at most and no event has changed, or a new one."""
        version, found = self._at_hand().last.get(watch.id, (-1, None))
        if (
            found is not None
            and version == self.store.events_version()
            and found.rules == watch.rules
            and timedelta() <= now - found.as_of <= _LATELY
        ):
            return found
        return self.assess(watch, now)[0]

    def forget_days(self) -> None:
        """The covered days of the past are about to change: an archive comes in."""
        self._at_hand().forget_days()

    def _covered(self, desk: _Desk, now: datetime) -> Polls:
        first, today = (now - LOOK_BACK).date(), now.date()
        if desk.stale(now):
            polls = self.store.covered_days(since=first, until=today)
            desk.keep(polls, now)
        else:
            desk.update(self.store.covered_days(since=today - timedelta(days=2), until=today))
        return desk.polls

    # ── Then ─────────────────────────────────────────────────────────────────────────────────────

    def assessments(self, *, as_of: datetime) -> list[tuple[Watch, Assessment]]:
        """Every watch as it stood at ``as_of``: events, reviews, coverage, feeds and rules of then."""
        feeds = self._feeds_then(as_of)
        by_id = {feed.id: feed for feed in feeds}
        events = [
            replace(event, grade=event.grade or suggested_grade(event, by_id))
            for event in self.store.events(since=as_of - LOOK_BACK, as_of=as_of)
        ]
        coverage = self.store.covered_days(
            since=(as_of - LOOK_BACK).date(), until=as_of.date(), as_of=as_of
        )
        found = []
        for watch in self.watches:
            then = self._then(watch, as_of)
            changes = self.store.level_changes(as_of=as_of, watch=watch.id)
            if not changes:  # an archive that was brought in later: nobody looked at the time
                changes = replayed(then, events, now=as_of, coverage=coverage, feeds=feeds)
            assessment = assess(
                then,
                events,
                now=as_of,
                coverage=coverage,
                feeds=feeds,
                changes=changes,
                overrides=self.store.level_overrides(as_of=as_of),
            )
            found.append((then, assessment))
        return found

    def _then(self, watch: Watch, as_of: datetime) -> Watch:
        """The rules that were in force; before the first that were noted, those first ones."""
        noted = self.store.rules(watch.id, as_of=as_of) or self.store.rules(watch.id)[:1]
        if not noted or noted[-1].rules == watch.rules:
            return watch
        return rules_of(noted[-1].text)

    def _feeds_then(self, as_of: datetime) -> list[Feed]:
        noted = self.store.rules(CATALOGUE, as_of=as_of) or self.store.rules(CATALOGUE)[:1]
        return _catalogue_of(noted[-1].text) if noted else self._feeds()

    def _feeds(self) -> list[Feed]:
        return [status.feed for status in self.store.feeds()]

    def _at_hand(self) -> _Desk:
        with self._opening:
            if self._desk is None:
                self._desk = _Desk()
            return self._desk

    def matcher_for(self, since: datetime | None) -> Matcher:
        """What matches stored items anew; with many machines, what they have found."""
        return self.rules.matcher

    # ── Backtest ─────────────────────────────────────────────────────────────────────────────────

    def backtest(self, *, since: datetime | None, until: datetime, known: Path | None) -> Backtest:
        """Replays stored items through the present rules of the first watch.

        ``known``: YAML, a list of {indicator, date, title}. Raises ConfigError.
        """
        watch = self.watches[0]
        rows = _rows(known) if known else ()
        items = [
            item
            for item in self.store.items(since=since)
            if item.first_seen_at is None or item.first_seen_at < until
        ]
        return backtest(
            watch,
            self.matcher_for(since),
            items,
            feeds=self._feeds(),
            known=known_events(rows, watch),
        )


class _Desk:
    """What is kept between two assessments; everything in it could be worked out again."""

    def __init__(self) -> None:
        self.grouping = threading.RLock()
        self.assessing = threading.RLock()
        self.memory = Memory()
        self.last: dict[
            str, tuple[int, Assessment]
        ] = {}  # watch → version of the events, assessment
        self.polls: dict[str, dict[date, tuple[int, int]]] = {}
        self._read_at: datetime | None = None
        self._graded: dict[int, tuple[Event, Event]] = {}
        self._feeds: Mapping[str, Feed] = {}

    def graded(self, events: Iterable[Event], feeds: Iterable[Feed]) -> list[Event]:
        """The events with a grade each; only those that are not the same as before are judged."""
        by_id = {feed.id: feed for feed in feeds}
        if by_id != self._feeds:
            self._feeds, self._graded = by_id, {}
        known, self._graded = self._graded, {}
        for event in events:
            before = known.get(event.id)
            if before is None or before[0] is not event:
                grade = event.grade or suggested_grade(event, by_id)
                before = (event, replace(event, grade=grade))
            self._graded[event.id] = before
        return [graded for _, graded in self._graded.values()]

    def stale(self, now: datetime) -> bool:
        """Whether the covered days must be read from the beginning: an archive may have come in."""
        read_at = self._read_at
        return read_at is None or not timedelta() <= now - read_at < _REREAD

    def keep(self, polls: Polls, now: datetime) -> None:
        self.polls = {feed: dict(days) for feed, days in polls.items()}
        self._read_at = now

    def update(self, polls: Polls) -> None:
        for feed, days in polls.items():
            self.polls.setdefault(feed, {}).update(days)

    def forget_days(self) -> None:
        self._read_at = None


def _catalogue_text(feeds: Iterable[Feed]) -> str:
    rows = [{name: getattr(feed, name) for name in _JUDGED_BY} for feed in feeds]
    return json.dumps(sorted(rows, key=lambda row: str(row["id"])), ensure_ascii=False)


def _catalogue_of(text: str) -> list[Feed]:
    return [Feed(url="", **(row | {"topics": tuple(row["topics"])})) for row in json.loads(text)]


def _rows(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"cannot be read: {error}",
            subject=str(path),
            remedy="A list of {indicator: ID, date: 2022-10-17, title: …}.",
        ) from None
