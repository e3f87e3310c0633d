"""Subscription lists of other readers: in and out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import urlsplit
from xml.etree import ElementTree

from monitor.errors import ParseError
from monitor.model import Feed
from monitor.text.logins import without_login

_MOST_BYTES = 10_000_000
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def feed_id(url: str) -> str:
    """A stable, readable id: the host and six characters that tell its feeds apart."""
    try:
        host = urlsplit(url).hostname or "feed"
    except ValueError:
        host = "feed"
    digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    name = re.sub(r"[^a-z0-9]+", "-", host.removeprefix("www.").lower()).strip("-")
    return f"{name or 'feed'}-{digest}"


def read_opml(data: bytes) -> tuple[Feed, ...]:
    """The feeds of an OPML file, each URL once, without logins. Folders become topics.

    Raises ParseError where it is no subscription list, or one without a web feed.
    """
    if len(data) > _MOST_BYTES:
        raise ParseError("it is larger than any subscription list", kind="too-large")
    if b"<!ENTITY" in data:
        raise ParseError("it declares entities, which no subscription list needs", kind="entities")
    import listparser  # it brings an HTTP client of its own; few commands read OPML

    try:
        found = listparser.parse(data)
    except (ValueError, LookupError) as error:  # bytes that are no text, encodings that are none
        raise ParseError(
            f"it cannot be read: {error}", kind="opml", remedy="Save it as OPML in UTF-8."
        ) from None
    feeds: dict[str, Feed] = {}
    for each in found.feeds:
        url = without_login(str(each.url or "").strip())
        if not url.lower().startswith(("http://", "https://")) or url in feeds:
            continue
        topics = [str(tag) for tag in each.tags or ()]
        topics += [str(part) for path in each.categories or () for part in path if part]
        feeds[url] = Feed(
            id=feed_id(url),
            url=url,
            name=str(each.title or "").strip(),
            topics=tuple(dict.fromkeys(topics)),
        )
    if not feeds:
        raise ParseError(
            "there is no feed in it",
            kind="opml",
            remedy="It must be an OPML file with an xmlUrl for each feed.",
        )
    return tuple(feeds.values())


def write_opml(feeds: Sequence[Feed]) -> bytes:
    """An OPML 2.0 document that other readers import."""
    root = ElementTree.Element("opml", version="2.0")
    ElementTree.SubElement(ElementTree.SubElement(root, "head"), "title").text = "Feeds"
    body = ElementTree.SubElement(root, "body")
    for feed in feeds:
        fields = {
            "type": "rss",
            "text": feed.name or feed.id,
            "title": feed.name,
            "xmlUrl": without_login(feed.url),
            "htmlUrl": feed.homepage,
            "language": feed.lang or "",
            "category": ",".join(each.replace(",", " ") for each in feed.topics),
        }
        clean = {key: _CONTROL.sub("", value) for key, value in fields.items() if value}
        ElementTree.SubElement(body, "outline", clean)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
