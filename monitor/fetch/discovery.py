"""Which feeds a web page names. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser

from monitor.fetch.opml import feed_id
from monitor.model import Feed

_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rdf+xml",
        "application/json",
        "application/xml",
        "text/xml",
    }
)
_WORDS = ("rss", "atom", "feed", ".xml", ".rdf")
_USUAL = ("/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml")
_MOST = 8


def feeds_named_in(page: bytes, *, url: str) -> tuple[Feed, ...]:
    """Feeds of a page: those it declares, else those it links to, else the usual addresses."""
    tree = LexborHTMLParser(page.decode("utf-8", "replace"))
    base = url
    for node in tree.css("base[href]"):
        base = urljoin(url, node.attributes.get("href") or "")
        break
    found = dict(_declared(tree, base)) or dict(_linked(tree, base)) or dict(_usual(url))
    ordered = sorted(found, key=lambda each: "comment" in (each + found[each]).lower())
    return tuple(
        Feed(id=feed_id(each), url=each, name=found[each], homepage=url)
        for each in ordered[:_MOST]
        if each != url
    )


def _declared(tree: LexborHTMLParser, base: str) -> Iterator[tuple[str, str]]:
    for node in tree.css("link[rel][href]"):
        fields = node.attributes
        kind = (fields.get("type") or "").split(";")[0].strip().lower()
        rel = (fields.get("rel") or "").lower().split()
        if ("alternate" in rel and kind in _TYPES) or "feed" in rel:
            yield from _web(base, fields.get("href") or "", fields.get("title") or "")


def _linked(tree: LexborHTMLParser, base: str) -> Iterator[tuple[str, str]]:
    for node in tree.css("a[href]"):
        address = node.attributes.get("href") or ""
        if any(word in address.lower() for word in _WORDS):
            yield from _web(base, address, node.text(strip=True)[:100])


def _usual(url: str) -> Iterator[tuple[str, str]]:
    for path in _USUAL:
        yield from _web(url, path, "")


def _web(base: str, address: str, title: str) -> Iterator[tuple[str, str]]:
    try:
        found = urljoin(base, address.strip())
        if urlsplit(found).scheme in ("http", "https"):
            yield found, " ".join(title.split())
    except ValueError:
        return
