"""Web pages: the article on one, what it is called, and the feeds that it names. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.parse.encoding import decode_page

MOST_BYTES = 65_536  # of text that is kept
_LEAST = 300  # characters below which a page gave no article
_MOST_DAMAGE = 0.01  # share of characters lost in decoding above which the text is none
_ASIDE = "script,style,noscript,template,nav,aside,footer,form,iframe,figure,button,svg"
_TITLES = (("meta[property='og:title']", "content"), ("h1", ""), ("title", ""))
_LONGEST_TITLE = 1000
_BODIES = ("[itemprop~=articleBody]", "article", "main", "body")
_MOST_BODIES = 50  # that are looked through for the longest

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
_MOST_FEEDS = 100
_LONGEST_LINK = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is taken from a web page."""

    title: str = ""
    text: str = ""  # of its article; "" = none was found
    feeds: tuple[
        tuple[str, str], ...
    ] = ()  # (URL, name): those it declares, else those it links to


def read_page(body: bytes, *, url: str, content_type: str) -> Page:
    """Title, article and feeds of a page in whatever encoding and state."""
    tree = LexborHTMLParser(decode_page(body, content_type))
    feeds, title, text = _feeds(tree, url), _title(tree), _article(tree)
    spoilt = text.count("\ufffd") > len(text) * _MOST_DAMAGE
    return Page(title=title, text="" if spoilt else text, feeds=feeds)


# ── The article ──────────────────────────────────────────────────────────────────────────────────


def _article(tree: LexborHTMLParser) -> str:
    """The running text of the article, or "" where none is found. Changes the tree."""
    for node in list(_outermost(tree, _ASIDE)):  # what is in them goes with them
        node.decompose()
    for selector in _BODIES:
        bodies = islice(_outermost(tree, selector), _MOST_BODIES)
        found = max(map(_paragraphs, bodies), key=len, default="")
        if len(found) >= _LEAST:
            return found.encode("utf-8", "replace")[:MOST_BYTES].decode("utf-8", "ignore")
    return ""


def _outermost(tree: LexborHTMLParser, selector: str) -> Iterator[LexborNode]:
    """The matches that are in no other: one within another has nothing that the other has not."""
    found: set[int] = set()
    for node in tree.css(selector):
        above = node.parent
        while above is not None and above.mem_id not in found:
            above = above.parent
        if above is None:
            yield node
        found.add(node.mem_id)


def _paragraphs(node: LexborNode) -> str:
    texts = (" ".join(each.text(deep=True).split()) for each in node.css("p"))
    return " ".join(text for text in texts if len(text) > 40)


def _title(tree: LexborHTMLParser) -> str:
    for selector, attribute in _TITLES:
        node = tree.css_first(selector)
        found = (node.attributes.get(attribute) if attribute else node.text()) if node else ""
        if found and (words := " ".join(found.split())):
            return words[:_LONGEST_TITLE]
    return ""


# ── The feeds ────────────────────────────────────────────────────────────────────────────────────


def _feeds(tree: LexborHTMLParser, url: str) -> tuple[tuple[str, str], ...]:
    base = url
    for node in tree.css("base[href]"):
        base = next(
            (address for address, _ in _web(url, node.attributes.get("href") or "", "")), url
        )
        break
    found: dict[str, str] = {}
    for some in (_declared, _linked):
        for address, name in some(tree, base):
            found[address] = name
            if len(found) >= _MOST_FEEDS:
                break
        if found:
            break
    return tuple(found.items())


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


def _web(base: str, address: str, title: str) -> Iterator[tuple[str, str]]:
    try:
        found = urljoin(base, address.strip())
        if urlsplit(found).scheme in ("http", "https") and len(found) <= _LONGEST_LINK:
            yield found, " ".join(title.split())[:_LONGEST_TITLE]
    except ValueError:
        return
