"""The line of one installation: polling, importing, and rules that are edited meanwhile."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import structlog

from monitor.app.assessing import Assessing
from monitor.app.intake import Intake
from monitor.app.second import second_reader
from monitor.errors import MonitorError
from monitor.model import FeedState
from monitor.normalise import normalise
from monitor.parse import ParserPool
from monitor.pipeline import Line, Poll, Summary, assess_watches, import_items, run_cycle
from monitor.polling import PollingPolicy, adopts, settle
from monitor.protocols import PollRecord, Recognised

if TYPE_CHECKING:
    from monitor.fetch.articles import Articles
    from monitor.fetch.fetcher import HttpFetcher

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

_DAY = timedelta(days=1)
TICK = timedelta(seconds=2)  # between two rounds of the service
_FIRST_POLLS = 2  # never-polled feeds that a round takes on at least
_OBJECTS = (
    20_000  # between two rounds of the garbage collector: about what one batch of polls makes
)
POLLS_A_TICK = 256  # feeds that one round of the service takes on at most


class Cycles(Assessing):
    """Fetch → parse → normalise → match → group → store → assess, with this installation's edges."""

    _runner: asyncio.Runner | None = None

    @cached_property
    def fetcher(self) -> HttpFetcher:
        from monitor.fetch.fetcher import HttpFetcher  # half a second of start-up, for who polls
        from monitor.fetch.settings import FetchSettings

        fetch = self.config.fetch
        fetcher = HttpFetcher(
            FetchSettings(
                timeout=fetch.timeout,
                max_bytes=fetch.max_bytes,
                per_host=fetch.per_host,
                host_interval=fetch.host_interval,
                concurrency=fetch.concurrency,
                allow_networks=fetch.allow_networks,
                contact=fetch.contact,
                proxy=fetch.proxy,
            )
        )
        now = self.clock()
        hosts = {
            host: status.feed.url
            for status in self.store.feeds(enabled=True)
            if (host := urlsplit(status.feed.url).hostname)
        }
        for host, seconds in self.store.host_waits(hosts, now=now).items():
            fetcher.hold(hosts[host], seconds)  # it asked an earlier run to wait
        return fetcher

    @cached_property
    def _blocked_until(self) -> dict[str, datetime]:
        """What is noted in the store of hosts that asked to be left alone."""
        return {}

    async def _note_blocked(self) -> None:
        """Notes which hosts asked to be left alone, so that other processes and the next start know it
        too, however this one ends."""
        now, slack = self.clock(), timedelta(seconds=2)
        for host, seconds in self.fetcher.blocked().items():
            until = now + timedelta(seconds=seconds)
            if abs(until - self._blocked_until.get(host, now - _DAY)) > slack:
                self._blocked_until[host] = until
                await asyncio.to_thread(
                    self.store.note_host, host, next_start_at=now, blocked_until_at=until
                )

    @cached_property
    def articles(self) -> Articles:
        from monitor.fetch.articles import Articles

        return Articles(self.fetcher, self.parsers.page)

    @cached_property
    def parsers(self) -> ParserPool:
        return ParserPool(normalise=normalise)

    @property
    def line(self) -> Line:
        """Put together anew for each use, so that it has the rules in force."""
        rules = self.rules
        self.require_feeds()
        self.note_rules(self.clock())
        return Line(
            store=self.store,
            watches=rules.watches,
            matcher=rules.matcher,
            fetcher=self.fetcher,
            items=self.parsers.items,
            settle=self._settle,
            group=self.group,
            assess=self.assess,
            holder=self.holder,
            complete=self.articles.complete,
            meanwhile=self._note_blocked,
            read=second_reader(self.config.reader, rules.watches, self.store),
        )

    def _settle(
        self, poll: Poll, recognised: Recognised, now: datetime
    ) -> tuple[PollRecord, FeedState]:
        return settle(
            feed=poll.feed,
            state=poll.status.state,
            fetched=poll.fetched,
            document=poll.document,
            error=poll.error,
            recognised=recognised,
            seconds=poll.seconds,
            now=now,
            policy=self._policy,
        )

    @property
    def _first_polls(self) -> int:
        """Feeds that a round may poll for the first time: all within one interval, so that many that
        are added together neither come in a burst nor fall due together ever after."""
        rounds = self.config.fetch.interval / TICK
        return max(_FIRST_POLLS, ceil(self.store.count_enabled() / max(rounds, 1.0)))

    @cached_property
    def _policy(self) -> PollingPolicy:
        return PollingPolicy(interval=self.config.fetch.interval)

    # ── Work ─────────────────────────────────────────────────────────────────────────────────────

    def poll(self, *, now: datetime, everything: bool = False) -> Summary:
        """One cycle over the feeds that are due, or all."""
        summary = self.finish(self._cycle(now, everything=everything))
        self.adopt_moves(now)
        return summary

    async def _cycle(
        self,
        now: datetime,
        *,
        everything: bool = False,
        limit: int | None = None,
        first: int | None = None,
    ) -> Summary:
        try:
            return await run_cycle(
                self.line, now=now, everything=everything, limit=limit, first=first
            )
        finally:
            await self._note_blocked()

    async def poll_due(self, now: datetime) -> None:
        """One round of the service; several may be under way, each with feeds of its own."""
        summary = await self._cycle(now, limit=POLLS_A_TICK, first=self._first_polls)
        if summary.polled:
            _log.info(
                "poll",
                feeds=summary.polled,
                failed=summary.failed,
                new=summary.new,
                hits=summary.hits,
                events=summary.events,
                seconds=round(summary.seconds, 2),
            )

    def import_files(self, files: Sequence[Path], *, now: datetime, seen_at: str) -> Summary:
        """Items of files into the store. Lines that are no items are counted as dropped and told."""
        known = {status.feed.url: status.feed.id for status in self.store.feeds()}
        intake = Intake(now=now, seen_at=seen_at, feed_ids=known, tell=self.tell)
        self.forget_days()
        summary = import_items(self.line, intake.from_files(files), now=now)
        summary.dropped += intake.dropped
        return summary

    def adopt_moves(self, _now: datetime) -> None:
        """Takes over new addresses of feeds whose permanent redirect has held long enough.

        A feed that a file declares is changed in the file: there the log says so.
        """
        for status in self.store.feeds():
            address = adopts(status.state, policy=self._policy)
            if not address or address == status.feed.url:
                continue
            feed = status.feed
            if feed.declared_in:
                _log.warning("moved", feed=feed.id, to=address, change_it_in=feed.declared_in)
            else:
                self.store.set_feed_url(feed.id, address)
                _log.info("moved", feed=feed.id, to=address)

    def reassess(self, now: datetime) -> None:
        """Levels decay and feeds fall silent without any poll: they are looked at all the same."""
        assess_watches(self.line, now)

    def finish(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs async work of a one-shot command; the connections stay open for the next."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work)

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Takes what is loaded (rules, models, modules) out of the garbage collector's rounds.

        It stays as long as the process does, and looking through it at every round would cost as much
        as storing the items.
        """
        _ = self.rules
        gc.collect()
        gc.freeze()
        usual = gc.get_threshold()
        gc.set_threshold(_OBJECTS, *usual[1:])
        try:
            yield
        finally:
            gc.set_threshold(*usual)
            gc.unfreeze()

    def refresh_rules(self, now: datetime) -> None:
        """Takes edited watches over, whole; after a bad edit the old rules stay and say why."""
        from monitor.app.rules import edited, load_rules

        if not edited(self.config, self.rules):
            return
        try:
            fresh = load_rules(self.config)
        except MonitorError as error:
            self.rules_problem = str(error)
            self.rules = self.rules.seen_as(self.config)
            _log.error("rules", problem=str(error), in_force="the old ones")
            return
        self.rules_problem = ""
        self.rules = fresh
        if gc.get_freeze_count():  # what was set aside holds the old ones
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        self.note_rules(now)
        versions = {watch.id: watch.rules for watch in fresh.watches}
        _log.info("rules", in_force=versions, note="monitor rematch applies them to stored items")

    def stop_work(self) -> None:
        """Closes connections and parser processes; they are made again when needed."""
        self.__dict__.pop("articles", None)
        fetcher = self.__dict__.pop("fetcher", None)
        if fetcher is not None and self._runner is not None:
            self._runner.run(fetcher.aclose())
        parsers = self.__dict__.pop("parsers", None)
        if parsers is not None:
            parsers.close()
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def close(self) -> None:
        self.stop_work()
        super().close()
