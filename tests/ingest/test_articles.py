"""Full text for feeds that give a teaser: as polite as feeds are, and only where the site allows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.errors import FetchError
from monitor.fetch.articles import Articles
from monitor.fetch.fetcher import HttpFetcher
from monitor.fetch.robots import Robots
from monitor.model import Feed, Item
from monitor.parse import ParserPool
from monitor.parse.page import read_page
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


def article_text(page: bytes) -> str:
    return read_page(page, url="https://outlet.example/1", content_type="text/html").text


def test_the_article_is_found_and_nothing_else() -> None:
    assert article_text(PAGE) == (SENTENCE * 5).strip()


@pytest.mark.parametrize(
    "page", [b"", b"\xff\x00", b"<html><p>Too short.</p></html>", b"<article>" * 2_000]
)
def test_a_page_without_an_article_gives_none(page: bytes) -> None:
    assert article_text(page) == ""


def test_of_several_articles_the_longest_is_taken() -> None:
    cards = b"<article><p>" + SENTENCE.encode() * 4 + b"</p></article>"
    assert article_text(cards * 3 + PAGE + cards) == (SENTENCE * 5).strip()


@pytest.mark.parametrize("tag", ["article", "nav", "aside"])
def test_what_is_nested_is_read_once_and_taken_out_once(tag: str) -> None:
    nested = f"<{tag}><p>{SENTENCE}</p>" * 200 + f"</{tag}>" * 200
    whole = article_text(f"<body>{nested}<main><p>{SENTENCE * 9}</p></main>".encode())
    times = 200 if tag == "article" else 9
    assert whole == (SENTENCE * times).strip()


RUSSIAN = "Правительства двух стран подписали соглашение о поставке зерна по железной дороге. " * 6
ENCODED = f"<html><head>{{}}<title>Зерно</title></head><article><p>{RUSSIAN}</p></article></html>"


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        ("", "text/html; charset=windows-1251"),
        ("<meta charset=windows-1251>", "text/html"),
        ("<meta http-equiv=content-type content='text/html; charset=cp1251'>", ""),
        ("", ""),
        ("<meta charset=utf-8>", "text/html; charset=utf-8"),
        ("<meta charset=rot13>", "text/html; charset=unicode_escape"),
    ],
    ids=["header", "meta", "old meta", "nowhere", "both wrong", "none that is for text"],
)
def test_an_article_in_another_encoding_is_read_as_it_is(head: str, content_type: str) -> None:
    body = ENCODED.format(head).encode("cp1251")
    page = read_page(body, url="https://outlet.example/1", content_type=content_type)
    assert page.text == RUSSIAN.strip()
    assert page.title == "Зерно"


def test_of_a_page_that_cannot_be_decoded_the_teaser_is_kept() -> None:
    spoilt = PAGE.replace(b"agreement", b"agreement\xe4\xff\x81\x81")
    page = read_page(spoilt, url="https://outlet.example/1", content_type="text/html; charset=gbk")
    assert page.text == ""


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
def test_robots_are_heeded(
    robots: bytes, status: str, full: bool, fetching: Any, parsers: ParserPool
) -> None:
    async def rules(peer: Any) -> None:
        await peer.reply(robots, status, Content_Type="text/plain")

    async def page(peer: Any) -> None:
        await peer.reply(PAGE, Content_Type="text/html")

    async def work(fetcher: HttpFetcher) -> tuple[Item, ...]:
        articles = Articles(fetcher, parsers.page)
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


def test_a_redirect_to_what_robots_forbid_is_not_followed(
    fetching: Any, parsers: ParserPool
) -> None:
    async def rules(peer: Any) -> None:
        await peer.reply(b"User-agent: *\nDisallow: /private", Content_Type="text/plain")

    async def hop(peer: Any) -> None:
        await peer.reply(b"", "302 Found", Location="/private")

    async def page(peer: Any) -> None:
        await peer.reply(PAGE, Content_Type="text/html")

    async def work(fetcher: HttpFetcher) -> Any:
        articles = Articles(fetcher, parsers.page)
        with pytest.raises(FetchError) as caught:
            await articles.page(server.url("hop"), FEED, NOW)
        return caught.value, await articles.complete([teaser(server.url("hop"))], FEED, NOW)

    with Hostile() as server:
        server.routes |= {"robots.txt": rules, "hop": hop, "private": page}
        error, (item,) = fetching(work)
        asked = dict(server.asked)
    assert error.kind == "refused"
    assert item.summary == "Teaser"
    assert "/private" not in asked


def test_robots_of_a_site_are_asked_for_once_by_all_its_articles(
    fetching: Any, parsers: ParserPool
) -> None:
    async def none(peer: Any) -> None:
        await peer.reply(b"", "404 Not Found")

    async def page(peer: Any) -> None:
        await peer.reply(PAGE, Content_Type="text/html")

    async def work(fetcher: HttpFetcher) -> Any:
        items = [teaser(server.url(f"page {number}")) for number in range(5)]
        return await Articles(fetcher, parsers.page).complete(items, FEED, NOW)

    with Hostile() as server:
        server.routes |= {"robots.txt": none} | {f"page {number}": page for number in range(5)}
        assert {each.summary for each in fetching(work)} == {article_text(PAGE)}
        assert server.asked["/robots.txt"] == 1


def test_a_page_that_stalls_its_reader_is_given_up_and_the_rest_are_not_read(fetching: Any) -> None:
    """Its process is ended by the limit of computing time; nothing else waits for it."""

    async def page(peer: Any) -> None:
        await peer.reply(STALLING, Content_Type="text/html")

    async def none(peer: Any) -> None:
        await peer.reply(b"", "404 Not Found")

    async def work(fetcher: HttpFetcher) -> Any:
        items = [teaser(server.url(f"page {number}")) for number in range(3)]
        reading: list[int] = []

        async def read(fetched: Any, feed: Feed) -> Any:
            reading.append(1)
            return await pool.page(fetched, feed)

        found = await Articles(fetcher, read).complete(items, FEED, NOW)
        return len(reading), found

    pool = ParserPool(workers=1, cpu_seconds=1.0)
    try:
        with Hostile() as server:
            server.routes |= {"robots.txt": none} | {f"page {n}": page for n in range(3)}
            times, items = fetching(work)
    finally:
        pool.close()
    assert times == 1
    assert {each.summary for each in items} == {"Teaser"}


# Blocks in blocks, each with a paragraph in a place of its own: far from linear for any reader.
STALLING = b"<body><main>" + b"<div><article>" * 6_000 + b"<p>x</p>" * 100_000

RULES = """# of a site
User-agent: *
Allow: /
Disallow: /secret
Disallow: /*?x=
Disallow: /*.pdf$
Allow: /secret/open
Disallow: /%D0%B8
Disallow: /a%2fb
Crawl-delay: 5

User-agent: Other
User-agent: Another/2.0
Disallow: /
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/secret", False),
        ("/secrets/1", False),
        ("/secret/open/1", True),
        ("/news?x=1", False),
        ("/news?y=1&x=1", True),
        ("/a.pdf", False),
        ("/a.pdf?y=1", True),
        ("/a.pdf.html", True),
        ("/и/1", False),
        ("/%d0%b8/1", False),
        ("/a%2Fb", False),
        ("/a/b", True),
        ("/%73ecret", False),
        ("/robots.txt", True),
    ],
)
def test_the_longest_rule_decides(path: str, allowed: bool) -> None:
    assert Robots(RULES, "indicator-monitor").allows(path) is allowed


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow:", True),
        ("Disallow: /\nUser-agent: *", True),
        ("User-agent: *\nDisallow: /page\nAllow: /page", True),
        ("User-agent: *\nDisallow: /\nUser-agent: Indicator-Monitor/0.1\nDisallow: /x", True),
        ("User-agent: indicator-monitor\nAllow: /\nUser-agent: *\nDisallow: /", True),
        ("User-agent: indicator\nDisallow: /", True),
        ("User-agent: *\nAllow: /\nUser-agent: indicator-monitor\nDisallow: /p", False),
        ("user-agent: a\nuser-agent: *\nsitemap: /s\ndisallow: /page # all", False),
        ("User-agent: indicator-monitor\nCrawl-delay: 1\nUser-agent: b\nDisallow: /", False),
        ("\ufeffUser-agent: *\r\nDisallow: /page$\r\n", False),
        ("User-agent: *\nDisallow: *a*e", False),
        ("User-agent: *\nDisallow: /p*a*a*a*a*a*a*a*a*a*a*a*a*a*a*x$", True),
    ],
)
def test_of_several_groups_ours_is_heeded(text: str, allowed: bool) -> None:
    assert Robots(text, "indicator-monitor").allows("/page") is allowed
