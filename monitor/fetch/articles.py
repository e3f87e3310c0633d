"""The full text of an article, for feeds that give only a teaser: asked for as politely as a feed.

A site's robots.txt is heeded (RFC 9309): what it forbids is not fetched, and nothing is while the site
cannot say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.errors import FetchError
from monitor.fetch.fetcher import HttpFetcher
from monitor.model import Feed, Item

MOST_ARTICLES = 20  # of one poll
MOST_BYTES = 65_536  # of text that is kept
_LEAST = 300  # characters below which a page gave no article
_ROBOTS_KEPT = 86_400.0  # seconds (RFC 9309 §2.4)
_ROBOTS_SIZE = 512_000  # bytes that are read (RFC 9309 §2.5)
_TOKEN = "indicator-monitor"
_ASIDE = "script,style,noscript,template,nav,aside,footer,form,iframe,figure,button,svg"
_TITLES = (("meta[property='og:title']", "content"), ("h1", ""), ("title", ""))
_LONGEST_TITLE = 1000
_BODIES = ("[itemprop~=articleBody]", "article", "main", "body")


class Articles:
    """Completes items with the text of their pages."""

    def __init__(self, fetcher: HttpFetcher) -> None:
        self._fetcher = fetcher
        self._robots: dict[str, tuple[float, RobotFileParser]] = {}

    async def complete(self, items: Sequence[Item], feed: Feed, now: datetime) -> tuple[Item, ...]:
        """The items, the first 20 with their article's text where it can be had.

        Never raises FetchError: a teaser is better than nothing. ``content_hash`` stays that of the
        teaser, so that the next poll does not take it for an edit.
        """
        asked = items[:MOST_ARTICLES]
        texts = await asyncio.gather(*(self._text(each.link, feed, now) for each in asked))
        longer = tuple(
            replace(item, summary=text) if len(text) > len(item.summary) else item
            for item, text in zip(asked, texts, strict=True)
        )
        return (*longer, *items[MOST_ARTICLES:])

    async def page(self, link: str, feed: Feed, now: datetime) -> bytes:
        """One page as it came. Raises FetchError, also for what robots.txt forbids."""
        if not await self.allowed(link, now):
            raise FetchError(
                "the site's robots.txt asks us not to read it", subject=link, kind="refused"
            )
        return (await self._fetcher.fetch(Feed(id=feed.id, url=link), now=now)).body

    async def _text(self, link: str, feed: Feed, now: datetime) -> str:
        if not link:
            return ""
        try:
            page = await self.page(link, feed, now)
        except FetchError:
            return ""
        return await asyncio.to_thread(article_text, page)

    async def allowed(self, link: str, now: datetime) -> bool:
        """Whether the site's robots.txt lets us read this page. Raises FetchError."""
        parts = urlsplit(link)
        site = f"{parts.scheme}://{parts.netloc}"
        at, rules = self._robots.get(site, (0.0, RobotFileParser()))
        if not at or time.monotonic() - at > _ROBOTS_KEPT:
            rules = await self._read_robots(site, now)
            self._robots[site] = (time.monotonic(), rules)
        return rules.can_fetch(_TOKEN, urlunsplit(("", "", parts.path or "/", parts.query, "")))

    async def _read_robots(self, site: str, now: datetime) -> RobotFileParser:
        rules = RobotFileParser()
        try:
            answer = await self._fetcher.fetch(Feed(id=site, url=f"{site}/robots.txt"), now=now)
        except FetchError as error:
            if error.kind == "empty" or (400 <= error.status < 500 and error.status != 429):
                rules.parse([])  # there is none: everything is allowed
                return rules
            raise
        rules.parse(answer.body[:_ROBOTS_SIZE].decode("utf-8", "replace").splitlines())
        return rules


def article_text(page: bytes) -> str:
    """The running text of an article's page, or "" where none is found. Pure."""
    tree = LexborHTMLParser(page.decode("utf-8", "replace"))
    for node in tree.css(_ASIDE):
        node.decompose()
    for selector in _BODIES:
        found = max((_paragraphs(node) for node in tree.css(selector)), key=len, default="")
        if len(found) >= _LEAST:
            return found.encode("utf-8", "replace")[:MOST_BYTES].decode("utf-8", "ignore")
    return ""


def article_title(page: bytes) -> str:
    """What an article's page is called, or "". Pure."""
    tree = LexborHTMLParser(page.decode("utf-8", "replace"))
    for selector, attribute in _TITLES:
        node = tree.css_first(selector)
        found = (node.attributes.get(attribute) if attribute else node.text()) if node else ""
        if found and (words := " ".join(found.split())):
            return words[:_LONGEST_TITLE]
    return ""


def _paragraphs(node: LexborNode) -> str:
    texts = (" ".join(each.text(deep=True).split()) for each in node.css("p"))
    return " ".join(text for text in texts if len(text) > 40)
