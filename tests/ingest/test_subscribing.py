"""From a home page to its feed, and subscription lists of other readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import ParseError
from monitor.fetch.discovery import feeds_of
from monitor.fetch.opml import feed_id, read_opml, write_opml
from monitor.model import Feed
from monitor.parse.page import read_page

PAGE = b"""<!doctype html><html><head><title>Outlet</title><base href="https://outlet.example/en/">
<link rel="alternate" type="application/rss+xml" title="Comments" href="comments.xml">
<link rel="ALTERNATE" type="application/atom+xml; charset=utf-8" title=" News
 of all " href="/atom">
<link rel="alternate" type="application/feed+json" href="https://feeds.example/f.json">
<link rel="alternate" type="text/html" hreflang="ru" href="/ru">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="stylesheet" href="/style.css"></head><body><a href="/rss">RSS</a></body></html>"""


def feeds_named_in(page: bytes, *, url: str, content_type: str = "text/html") -> tuple[Feed, ...]:
    return feeds_of(read_page(page, url=url, content_type=content_type), url=url)


def test_the_feeds_that_a_page_declares_are_found_comments_last() -> None:
    found = feeds_named_in(PAGE, url="https://outlet.example/")
    assert [(each.url, each.name) for each in found] == [
        ("https://outlet.example/atom", "News of all"),
        ("https://feeds.example/f.json", ""),
        ("https://outlet.example/en/comments.xml", "Comments"),
    ]
    assert all(each.homepage == "https://outlet.example/" for each in found)


@pytest.mark.parametrize(
    ("page", "urls"),
    [
        (b"<a href='/news/rss'>RSS</a><a href='/about'>About</a>", ["https://o.example/news/rss"]),
        (b"<a href='feed.xml'>x</a>", ["https://o.example/a/feed.xml"]),
        (b"<a href='mailto:rss@o.example'>x</a>", None),
        (b"", None),
        (b"\xff\xfe<\x00", None),
    ],
)
def test_a_page_that_declares_none(page: bytes, urls: list[str] | None) -> None:
    """Its links are looked through, else the usual addresses are tried."""
    found = [each.url for each in feeds_named_in(page, url="https://o.example/a/")]
    assert found == (urls or [f"https://o.example{path}" for path in USUAL])


USUAL = ("/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml")


def test_the_names_of_feeds_are_decoded_as_their_page_is() -> None:
    page = "<meta charset=windows-1251><link rel=feed href=/f title='Новости'>".encode("cp1251")
    assert [each.name for each in feeds_named_in(page, url="https://o.example/")] == ["Новости"]


# ── OPML ─────────────────────────────────────────────────────────────────────────────────────────

# As written by three readers in wide use: folders, nested folders, categories.
FOLDERS = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="1.0"><head><title>Subscriptions</title></head><body>
<outline text="Wires" title="Wires">
  <outline type="rss" text="Agency &amp; Co" title="Agency &amp; Co"
    xmlUrl="https://a.example/rss?x=1&amp;y=2" htmlUrl="https://a.example/"/>
  <outline text="Far"><outline type="rss" text="Иран" xmlUrl="https://b.example/rss"/></outline>
</outline>
<outline type="rss" text="Again" xmlUrl="https://b.example/rss"/>
<outline type="rss" text="Local" xmlUrl="file:///etc/passwd"/>
<outline type="atom" title="No text" xmlUrl="https://c.example/atom" category="/World/Iran,news"/>
</body></opml>"""


def test_a_list_of_another_reader_is_read() -> None:
    found = read_opml(FOLDERS.encode())
    assert [(each.url, each.name) for each in found] == [
        ("https://a.example/rss?x=1&y=2", "Agency & Co"),
        ("https://b.example/rss", "Иран"),
        ("https://c.example/atom", "No text"),
    ]
    assert "Wires" in found[0].topics
    assert len({each.id for each in found}) == 3


def test_what_is_written_is_read_again_the_same(tmp_path: Path) -> None:
    feeds = (
        Feed(id="a", url="https://a.example/?x=1&y=<2>", name='A "B" & <C>', topics=("x", "y, z")),
        Feed(
            id="b", url="https://b.example/", name="Хабар \x00\ud800", homepage="https://b.example"
        ),
        Feed(id="c", url="https://c.example/"),
    )
    again = read_opml(write_opml(feeds))
    assert [each.url for each in again] == [each.url for each in feeds]
    assert [each.name for each in again] == ['A "B" & <C>', "Хабар", "c"]
    assert [each.url for each in read_opml(write_opml(again))] == [each.url for each in again]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "opml"),
        (b"not xml", "opml"),
        (b"<opml><body></body></opml>", "opml"),
        (b"<opml version='2.0'><body><outline xmlUrl='ftp://a'/></body></opml>", "opml"),
        (b"<!DOCTYPE opml [<!ENTITY a 'b'>]><opml/>", "entities"),
        (b"<opml>" + b" " * 10_000_001, "too-large"),
    ],
)
def test_what_is_no_subscription_list_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(ParseError) as caught:
        read_opml(data)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("https://www.outlet.example/rss", "outlet-example-"),
        ("http://[::1", "feed-"),
        ("https://иран.example/\ud800", "example-"),
    ],
)
def test_ids_are_readable_and_stable(url: str, start: str) -> None:
    assert feed_id(url).startswith(start)
    assert feed_id(url) == feed_id(url)
    assert feed_id(url) != feed_id(url + "2")
