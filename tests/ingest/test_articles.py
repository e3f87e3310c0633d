"""Full text for feeds that give a teaser: as polite as feeds are, and only where the site allows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.fetch.articles import Articles, article_text
from monitor.fetch.fetcher import HttpFetcher
from monitor.model import Feed, Item
from tests.ingest.hostile import NOW, Hostile

FEED = Feed(id="feed", url="https://outlet.example/rss", full_text=True)
SENTENCE = "The two governments signed an agreement on the delivery of goods by rail this year. "
PAGE = (
    "<!doctype html><html><head><title>x</title></head><body><nav><p>"
    + "Menu entry " * 50
    + "</p></nav>"
    "<article><h1>Title</h1><script>track()</script><p>"
    + SENTENCE * 3
    + "</p><p>Short.</p><p>"
    + SENTENCE * 2
    + "</p><aside><p>"
    + "Read also " * 20
    + "</p></aside></article><footer><p>"
    + "Imprint " * 50
    + "</p></footer></body></html>"
).encode()


def teaser(link: str) -> Item:
    return Item(
        id="1",
        identity="guid:1",
        feed="feed",
        title="Title",
        summary="Teaser",
        link=link,
        content_hash="hash of the teaser",
    )


def test_the_article_is_found_and_nothing_else() -> None:
    assert article_text(PAGE) == (SENTENCE * 5).strip()


@pytest.mark.parametrize(
    "page", [b"", b"\xff\x00", b"<html><p>Too short.</p></html>", b"<article>" * 2_000]
)
def test_a_page_without_an_article_gives_none(page: bytes) -> None:
    assert article_text(page) == ""


@pytest.mark.parametrize(
    ("robots", "status", "full"),
    [
        (b"", "404 Not Found", True),
        (b"User-agent: *\nDisallow: /private", "200 OK", True),
        (b"User-agent: *\nDisallow: /", "200 OK", False),
        (b"User-agent: indicator-monitor\nDisallow: /article", "200 OK", False),
        (b"User-agent: other\nDisallow: /", "200 OK", True),
        (b"", "500 Internal Server Error", False),
    ],
    ids=["none", "elsewhere", "nothing", "not us", "not others", "cannot say"],
)
def test_robots_are_heeded(robots: bytes, status: str, full: bool, fetching: Any) -> None:
    async def rules(peer: Any) -> None:
        await peer.reply(robots, status, Content_Type="text/plain")

    async def page(peer: Any) -> None:
        await peer.reply(PAGE, Content_Type="text/html")

    async def work(fetcher: HttpFetcher) -> tuple[Item, ...]:
        articles = Articles(fetcher)
        items = [teaser(server.url("article")), replace(teaser(""), id="2")]
        await articles.complete(items, FEED, NOW)
        return await articles.complete(items, FEED, NOW)

    with Hostile() as server:
        server.routes |= {"robots.txt": rules, "article": page}
        completed, without_link = fetching(work)
        asked = dict(server.asked)
    assert completed.summary == (article_text(PAGE) if full else "Teaser")
    assert completed.content_hash == "hash of the teaser"
    assert without_link.summary == "Teaser"
    assert ("/article" in asked) is full
    if full:
        assert asked["/robots.txt"] == 1, "kept for a day"
