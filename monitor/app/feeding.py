"""Feeds as commands change and try them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from monitor.app.cycles import Cycles
from monitor.app.outcomes import FeedCheck
from monitor.errors import ConfigError, MonitorError
from monitor.fetch.discovery import feeds_of
from monitor.fetch.opml import feed_id, read_opml, write_opml
from monitor.model import Document, Feed, FeedStatus, Validators
from monitor.text.logins import has_login

_AFTER_ADDING = timedelta(minutes=1)  # it was asked just now
_log = structlog.get_logger(__name__)


class Feeding(Cycles):
    """What the ``feeds`` commands do. Declared feeds live in files, added ones in the database."""

    def feeds(self) -> Sequence[FeedStatus]:
        self.require_feeds()
        return self.store.feeds()

    def add_feed(
        self, url: str, *, name: str, lang: str | None, now: datetime, by: str = ""
    ) -> Feed:
        """Subscribes to a feed, or to the feed that a web page names.

        Raises FetchError or ParseError where neither is found, StoreError for one that is there.
        """
        found, document = self.finish(self._find(url.strip(), now))
        feed = replace(
            found,
            id=feed_id(found.url),
            name=name or found.name or document.title,
            lang=lang or (document.lang[:2] or None),
        )
        self.store.add_feed(feed, now=now, by=by, due_at=now + _AFTER_ADDING)
        return feed

    async def _find(self, url: str, now: datetime) -> tuple[Feed, Document]:
        if not url.lower().startswith(("http://", "https://")):
            raise ConfigError(
                f"{url!r} is not a web address",
                subject="feeds add",
                remedy="It must begin with http:// or https://.",
            )
        if has_login(url):
            raise ConfigError(
                "the address holds a login, which would be shown",
                subject="feeds add",
                remedy="Declare the feed in monitor.toml: [[feeds]] with url, user and password.",
            )
        feed = Feed(id=feed_id(url), url=url)
        fetched = await self.fetcher.fetch(feed, validators=Validators(), now=now)
        try:
            return feed, await self.parsers.parse(fetched, feed, now)
        except MonitorError as error:  # it came, but is no feed: a page may name one
            problem = error
        page = await self.parsers.page(fetched, feed)
        for found in feeds_of(page, url=fetched.final_url):
            try:
                return found, await self._read(found, now)
            except MonitorError as error:
                problem = error
        raise problem

    async def _read(self, feed: Feed, now: datetime) -> Document:
        fetched = await self.fetcher.fetch(feed, validators=Validators(), now=now)
        return await self.parsers.parse(fetched, feed, now)

    def remove_feed(self, id_or_url: str) -> None:
        if not self.store.remove_feed(id_or_url):
            raise ConfigError(
                "there is no such feed", subject=id_or_url, remedy="See: monitor feeds list"
            )

    def import_opml(self, data: bytes, *, name: str, now: datetime) -> tuple[int, int]:
        """Adds the feeds of an OPML file; (added, known already)."""
        try:
            found = read_opml(data)
        except MonitorError as error:
            raise ConfigError(error.problem, subject=name, remedy=error.remedy) from None
        known = {status.feed.url for status in self.store.feeds()}
        ids = {status.feed.id for status in self.store.feeds()}
        added = 0
        for feed in found:
            if feed.url in known:
                continue
            if feed.id in ids:
                feed = replace(feed, id=feed_id(feed.url))
            self.store.add_feed(feed, now=now)
            known.add(feed.url)
            ids.add(feed.id)
            added += 1
        return added, len(found) - added

    def export_opml(self) -> bytes:
        return write_opml([status.feed for status in self.store.feeds()])

    def check_feeds(self, *, now: datetime) -> list[FeedCheck]:
        """Fetches and parses every feed; stores nothing."""
        return self.finish(self._check_all(now))

    async def _check_all(self, now: datetime) -> list[FeedCheck]:
        self.require_feeds()
        feeds = [status.feed for status in self.store.feeds(enabled=True)]
        return list(await asyncio.gather(*(self._check_one(feed, now) for feed in feeds)))

    async def _check_one(self, feed: Feed, now: datetime) -> FeedCheck:
        started = time.monotonic()
        try:
            document = await self._read(feed, now)
        except MonitorError as error:
            seconds = time.monotonic() - started
            return FeedCheck(feed=feed, ok=False, entries=0, seconds=seconds, words=error.problem)
        except Exception as error:  # a bug: the other feeds are told of all the same
            _log.error("check", feed=feed.id, exc_info=error)
            seconds = time.monotonic() - started
            words = f"unexpected {type(error).__name__} while reading the feed; see the log"
            return FeedCheck(feed=feed, ok=False, entries=0, seconds=seconds, words=words)
        return FeedCheck(
            feed=feed,
            ok=bool(document.entries) or not document.dropped,
            entries=len(document.entries),
            seconds=time.monotonic() - started,
            words=_came_back(document),
        )


def _came_back(document: Document) -> str:
    """What there is to say of a document, the worst first."""
    if document.dropped:
        why = f": {document.dropped_why}" if document.dropped_why else ""
        return f"{document.dropped} entries were left out{why}"
    if not document.entries:
        return "the feed has no items yet"
    return document.repaired or document.title
