"""Grouping and assessing with this installation's store: what is known now, and what was known then."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from monitor.app.base import Base
from monitor.assess import LOOK_BACK, assess, level_changes
from monitor.backtest import Backtest, backtest, known_events
from monitor.errors import ConfigError
from monitor.group import Grouper, suggested_grade
from monitor.model import Assessment, Event, Feed, LevelChange, StoredHit, Watch
from monitor.protocols import EventDraft
from monitor.watch.versions import rules_of


class Assessing(Base):
    """Events from hits, levels from events."""

    _grouper: tuple[tuple[str, ...], Grouper] | None = None
    _grouping: threading.RLock | None = None

    def group(
        self, hits: Sequence[StoredHit], events: Sequence[Event], now: datetime
    ) -> Sequence[EventDraft]:
        """Drafts for new hits. The grouper remembers the window from batch to batch."""
        with self._opening:
            if self._grouping is None:
                self._grouping = threading.RLock()
        with self._grouping:
            versions = tuple(watch.rules for watch in self.watches)
            if self._grouper is None or self._grouper[0] != versions:
                self._grouper = (versions, Grouper(self.watches, self._feeds()))
            return self._grouper[1](hits, events, now)

    def _feeds(self) -> list[Feed]:
        return [status.feed for status in self.store.feeds()]

    # ── Now ──────────────────────────────────────────────────────────────────────────────────────

    def assess(self, watch: Watch, now: datetime) -> tuple[Assessment, Sequence[LevelChange]]:
        """The assessment of what the store holds, and what has changed since the stored changes."""
        events = self.store.current_events(since=now - LOOK_BACK)
        return self._assess(watch, events, now, as_of=None)

    # ── Then ─────────────────────────────────────────────────────────────────────────────────────

    def assessments(self, *, as_of: datetime) -> list[tuple[Watch, Assessment]]:
        """Every watch as it stood at ``as_of``: the events, reviews, coverage and rules of then."""
        events = self.store.events(since=as_of - LOOK_BACK, as_of=as_of)
        found = []
        for watch in self.watches:
            then = self._then(watch, as_of)
            found.append((then, self._assess(then, events, as_of, as_of=as_of)[0]))
        return found

    def _then(self, watch: Watch, as_of: datetime) -> Watch:
        """The rules that were in force; today's where none were yet (an archive imported later)."""
        versions = self.store.rules(watch.id, as_of=as_of)
        if not versions or versions[-1].rules == watch.rules:
            return watch
        return rules_of(versions[-1].text)

    def _assess(
        self, watch: Watch, events: Sequence[Event], now: datetime, *, as_of: datetime | None
    ) -> tuple[Assessment, Sequence[LevelChange]]:
        feeds = self._feeds()
        by_id = {feed.id: feed for feed in feeds}
        graded = [
            replace(event, grade=event.grade or suggested_grade(event, by_id)) for event in events
        ]
        changes = self.store.level_changes(as_of=as_of)
        found = assess(
            watch,
            graded,
            now=now,
            coverage=self.store.covered_days(
                since=(now - LOOK_BACK).date(), until=now.date(), as_of=as_of
            ),
            feeds=feeds,
            changes=changes,
            overrides=self.store.level_overrides(as_of=as_of),
        )
        return found, level_changes(found, changes)

    # ── Backtest ─────────────────────────────────────────────────────────────────────────────────

    def backtest(self, *, since: datetime | None, until: datetime, known: Path | None) -> Backtest:
        """Replays stored items through the present rules."""
        watch = self.watches[0]
        rows = _rows(known) if known else ()
        items = [
            item
            for item in self.store.items(since=since)
            if item.first_seen_at is None or item.first_seen_at < until
        ]
        return backtest(
            watch,
            self.rules.matcher,
            items,
            feeds=self._feeds(),
            known=known_events(rows, watch),
        )


def _rows(path: Path) -> object:
    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ConfigError(
            f"cannot be read: {error}",
            subject=str(path),
            remedy="A list of {indicator: ID, at: 2022-10-17, title: …}.",
        ) from None
