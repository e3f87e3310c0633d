"""The full text of an article, for feeds that give only a teaser: asked for as politely as a feed.

A site's robots.txt is heeded (RFC 9309), for the page and for every address that it redirects to: what
it forbids is not fetched, and nothing is while the site cannot say.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from monitor.errors import FetchError, MonitorError, ParseError
from monitor.fetch.fetcher import HttpFetcher
from monitor.fetch.robots import SIZE, Robots
from monitor.model import Feed, Fetched, Item
from monitor.parse.page import Page

MOST_ARTICLES = 20  # of one poll
_ROBOTS_KEPT = 86_400.0  # seconds (RFC 9309 §2.4)
_SITES_KEPT = 256
_AGENT = "indicator-monitor"
_EVERYTHING = Robots("", _AGENT)
_HARMFUL = ("too-slow", "too-much-memory", "crash")

ReadPage = Callable[[Fetched, Feed], Awaitable[Page]]


@dataclass(slots=True)
class _Site:
    """What is remembered of one site."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float = 0.0  # 0 = not asked yet
    rules: Robots = _EVERYTHING


class Articles:
    """Completes items with the text of their pages.

    ``read_page`` takes pages apart, in a process with limits: they are built by strangers too.
    """

    def __init__(self, fetcher: HttpFetcher, read_page: ReadPage) -> None:
        self._fetcher = fetcher
        self._read_page = read_page
        self._sites: OrderedDict[str, _Site] = OrderedDict()

    async def complete(self, items: Sequence[Item], feed: Feed, now: datetime) -> tuple[Item, ...]:
        """The items, the first 20 with their article's text where it can be had.

        Never raises MonitorError: a teaser is better than nothing. ``content_hash`` stays that of the
        teaser, so that the next poll does not take it for an edit.
        """
        asked = items[:MOST_ARTICLES]
        reading = _Reading(self, feed, now)
        texts = await asyncio.gather(*(reading.text(each.link) for each in asked))
        longer = tuple(
            replace(item, summary=text) if len(text) > len(item.summary) else item
            for item, text in zip(asked, texts, strict=True)
        )
        return (*longer, *items[MOST_ARTICLES:])

    async def page(self, link: str, feed: Feed, now: datetime) -> Page:
        """One page, taken apart. Raises FetchError, also for what robots.txt forbids, and ParseError."""
        return await self._read_page(await self.fetched(link, feed, now), feed)

    async def fetched(self, link: str, feed: Feed, now: datetime) -> Fetched:
        """One page as it came. Raises FetchError, also for what robots.txt forbids."""

        async def may(url: str) -> None:
            if not await self.allowed(url, now):
                raise FetchError(
                    "the site's robots.txt asks us not to read it", subject=link, kind="refused"
                )

        await may(link)
        return await self._fetcher.fetch(Feed(id=feed.id, url=link), now=now, may=may)

    async def allowed(self, link: str, now: datetime) -> bool:
        """Whether the site's robots.txt lets us read this page. Raises FetchError."""
        parts = urlsplit(link)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        site = self._sites.setdefault(origin, _Site())
        self._sites.move_to_end(origin)
        if len(self._sites) > _SITES_KEPT:
            self._sites.popitem(last=False)
        async with site.asking:
            if not site.at or time.monotonic() - site.at > _ROBOTS_KEPT:
                site.rules = await self._read_robots(origin, now)
                site.at = time.monotonic()
        return site.rules.allows(urlunsplit(("", "", parts.path or "/", parts.query, "")))

    async def _read_robots(self, origin: str, now: datetime) -> Robots:
        try:
            answer = await self._fetcher.fetch(Feed(id=origin, url=f"{origin}/robots.txt"), now=now)
        except FetchError as error:
            if error.kind == "empty" or (400 <= error.status < 500 and error.status != 429):
                return _EVERYTHING  # there is none
            raise
        text = answer.body[:SIZE].decode("utf-8", "replace")
        return await asyncio.to_thread(Robots, text, _AGENT)


class _Reading:
    """The articles of one feed's poll: one after the other, and no more after one that does harm."""

    def __init__(self, articles: Articles, feed: Feed, now: datetime) -> None:
        self._articles = articles
        self._feed = feed
        self._now = now
        self._turn = asyncio.Lock()
        self._harmed = False

    async def text(self, link: str) -> str:
        """The article behind a link; "" = there is none to be had."""
        if not link:
            return ""
        try:
            page = await self._articles.fetched(link, self._feed, self._now)
            async with self._turn:
                if self._harmed:
                    return ""
                return (await self._articles._read_page(page, self._feed)).text
        except ParseError as error:
            self._harmed = self._harmed or error.kind in _HARMFUL
            return ""
        except MonitorError:
            return ""
