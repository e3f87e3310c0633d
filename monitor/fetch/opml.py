"""Subscription lists of other readers: in and out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.parsers import expat

from monitor.errors import ParseError
from monitor.model import Feed
from monitor.text.logins import without_login

_MOST_BYTES = 10_000_000
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_]|$)")
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
    more = _more(data)
    import listparser  # it brings an HTTP client of its own; few commands read OPML

    try:
        found = listparser.parse(data)
    except (ValueError, LookupError) as error:  # bytes that are no text, encodings that are none
        raise ParseError(
            f"it cannot be read: {error}", kind="opml", remedy="Save it as OPML in UTF-8."
        ) from None
    feeds: dict[str, Feed] = {}
    for each in found.feeds:
        address = str(each.url or "").strip()
        url = without_login(address)
        if not url.lower().startswith(("http://", "https://")) or url in feeds:
            continue
        topics = [str(tag) for tag in each.tags or ()]
        topics += [str(part) for path in each.categories or () for part in path if part]
        feeds[url] = Feed(
            id=feed_id(url),
            url=url,
            name=str(each.title or "").strip(),
            topics=tuple(dict.fromkeys(topics)),
            **more.get(address, {}),
        )
    if not feeds:
        raise ParseError(
            "there is no feed in it",
            kind="opml",
            remedy="It must be an OPML file with an xmlUrl for each feed.",
        )
    return tuple(feeds.values())


def _more(data: bytes) -> dict[str, dict[str, Any]]:
    """URL → home page, language and whether it is enabled, of a list that is well formed.

    ``isComment`` is how OPML says that an outline and those in it are for the time being not meant.
    """
    found: dict[str, dict[str, Any]] = {}
    off: list[bool] = []  # of the elements that are open, whether they or one around them is

    def begin(name: str, attributes: dict[str, str]) -> None:
        fields = {key.lower(): value.strip() for key, value in attributes.items()}
        off.append(fields.get("iscomment", "").lower() == "true" or (bool(off) and off[-1]))
        if name.lower() == "outline" and fields.get("xmlurl"):
            language = _LANGUAGE.match(fields.get("language", "").lower())
            home = without_login(fields.get("htmlurl", ""))
            found.setdefault(
                fields["xmlurl"],
                {
                    "homepage": home if home.startswith(("http://", "https://")) else "",
                    "lang": language[1] if language else None,
                    "enabled": not off[-1],
                },
            )

    def end(_name: str) -> None:
        off.pop()

    def refuse(*_declared: object) -> None:
        raise ParseError("it declares entities, which no subscription list needs", kind="entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.EntityDeclHandler = refuse
    with suppress(expat.ExpatError, ValueError, LookupError):
        parser.Parse(data, True)
    return found


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
            "isComment": "" if feed.enabled else "true",
            "category": ",".join(each.replace(",", " ") for each in feed.topics),
        }
        clean = {key: _CONTROL.sub("", value) for key, value in fields.items() if value}
        ElementTree.SubElement(body, "outline", clean)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
