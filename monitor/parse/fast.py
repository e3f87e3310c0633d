"""Well-formed RSS and Atom, read by expat alone: the same entries as feedparser gives, far cheaper.

What this does not know to read exactly as feedparser does it leaves to feedparser, by answering None;
a differential test holds the two together. Declarations of entities never reach it (see ``mending``).
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element, ParseError, XMLParser

from monitor.model import Document, Entry
from monitor.text.dates import read_date

_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_XML = "{http://www.w3.org/XML/1998/namespace}"
_ATOM = "{http://www.w3.org/2005/Atom}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_RSS_1 = "{http://purl.org/rss/1.0/}"

# The fields of an item that are heeded, by the name of their element…
_FIELDS = {
    "title": "title",
    f"{_DC}title": "title",
    f"{_MEDIA}title": "title",
    "link": "link",
    "guid": "guid",
    "description": "summary",
    f"{_DC}description": "summary",
    f"{_MEDIA}description": "summary",
    f"{_CONTENT}encoded": "content",
    "pubDate": "published",
    f"{_TERMS}issued": "published",
    f"{_DC}date": "updated",
    f"{_TERMS}modified": "updated",
    f"{_DC}language": "lang",
    "language": "lang",
    "author": "author",
    f"{_DC}creator": "author",
    f"{_DC}author": "author",
    f"{_ATOM}link": "atom-link",
}
_FIELDS |= {f"{_RSS_1}{name}": what for name, what in _FIELDS.items() if name[0] != "{"}
# …and those that feedparser reads in a way of its own: documents with them are left to it.
_LEFT = frozenset(
    {"body", "summary", "abstract", "content", "updated", "published", "issued", "created", "date"}
    | {"modified", "id", "url", "longdesc", "fullitem", "source", "prodlink", "image", "textInput"}
)
_LEFT_ANYWHERE = frozenset({"group", "encoded", "summary"})
_READ = frozenset(_FIELDS) | _LEFT
_HTML_TYPES = frozenset({"html", "text/html"})
_TEXT_TYPES = frozenset({"text", "text/plain"})
MOST_TEXT = 262_144  # characters of one field of an entry that are carried on


class _NotForUs(Exception):  # noqa: N818 - no error: another parser's turn
    """The document holds something that only feedparser reads right."""


def read_fast(text: str) -> Document | None:
    """The document, or None where feedparser must read it. ``text`` has no document type."""
    try:
        parser = XMLParser()
        parser.feed(text)
        root = parser.close()
    except (ParseError, ValueError, LookupError):
        return None
    reader = _READERS.get(root.tag)
    if reader is None:
        return None
    try:
        return reader(root)
    except _NotForUs:
        return None


# ── RSS 0.9x, 2.0, and 1.0 in RDF ────────────────────────────────────────────────────────────────


def _rss(root: Element) -> Document:
    channel = root.find("channel")
    if channel is None or root.get("version") is None or root.find("item") is not None:
        raise _NotForUs
    return _channel(root, channel, channel.iterfind("item"), "")


def _rdf(root: Element) -> Document:
    channel = root.find(f"{_RSS_1}channel")
    if channel is None or channel.find(f"{_RSS_1}item") is not None:
        raise _NotForUs
    return _channel(root, channel, root.iterfind(f"{_RSS_1}item"), _RSS_1)


def _channel(root: Element, channel: Element, items: Iterator[Element], space: str) -> Document:
    if _has_base(root) or _has_base(channel):
        raise _NotForUs
    lang = root.get(f"{_XML}lang") or channel.get(f"{_XML}lang") or ""
    title = link = ""
    for child in channel:
        name = child.tag
        if name == f"{space}title" and not title:
            title = _plain(child)
        elif name == f"{space}link":
            link = _leaf(child) or link
        elif name in (f"{space}language", f"{_DC}language"):
            lang = _leaf(child) or lang
    entries = tuple(_plain_item(each) or _item(each, lang) for each in items)
    return Document(title=title, link=link, lang=lang, entries=entries)


# What most items consist of, each once and without attributes: by what it is.
_PLAIN = {
    "title": "title",
    "link": "link",
    "guid": "guid",
    "description": "summary",
    f"{_CONTENT}encoded": "content",
    "pubDate": "published",
    "author": "author",
    f"{_DC}creator": "author",
}


def _plain_item(element: Element) -> Entry | None:
    """What ``_item`` makes of an item that holds nothing out of the ordinary; None for any other."""
    if element.attrib:
        return None
    found: dict[str, str] = {}
    for child in element:
        tag, attributes = child.tag, child.attrib
        if len(child):
            return None
        what = _PLAIN.get(tag)
        if what is None:
            if tag not in _KNOWN_TO_SAY_NOTHING:
                return None
        elif what in found or (attributes and what != "guid"):
            return None
        else:
            text = (child.text or "").strip()
            found[what] = text if text.isascii() or what == "author" else _mended(text)
        if attributes and (f"{_XML}base" in attributes or f"{_XML}lang" in attributes):
            return None
    take = found.get
    title, link = take("title", ""), take("link", "")
    if not link:
        return None
    if "<" in title and not _looks_like_html(title):
        title = title.replace("<", "&lt;")
    return _entry(
        guid=take("guid", ""),
        link=link,
        title=title,
        summary=take("summary", "") or take("content", ""),
        published=take("published", ""),
        author=take("author", ""),
        lang="",
    )


@dataclass(slots=True)
class _Item:
    """The fields of an item as they come by."""

    title: str = ""
    title_space: str = ""
    title_is_own: bool = False
    link: str = ""
    has_link: bool = False
    guid: str = ""
    has_guid: bool = False
    guid_is_link: bool = False
    summary: str | None = None
    summaries: int = 0
    content: str = ""
    has_content: bool = False
    dates: dict[str, str] = field(default_factory=dict)
    lang: str = ""
    author: str = ""


def _item(element: Element, lang: str) -> Entry:
    found = _Item(guid=element.get(f"{_RDF}about") or "")
    if _has_base(element):
        raise _NotForUs
    for child in element:
        take = _TAKE.get(child.tag)
        if take is not None:
            take(found, child)
        elif child.tag not in _KNOWN_TO_SAY_NOTHING or len(child):
            _refuse_what_is_read_otherwise(child)
        if child.attrib:
            _refuse(f"{_XML}base" in child.attrib or f"{_XML}lang" in child.attrib)
    if not found.link:
        _refuse(element.find("enclosure") is not None)
        if found.guid_is_link and not found.has_link:
            found.link = found.guid
    own = element.get(f"{_XML}lang") or found.lang
    return _entry(
        guid=found.guid,
        link=found.link,
        title=found.title,
        summary=found.summary or found.content,
        published=found.dates.get("published") or found.dates.get("updated") or "",
        author=found.author,
        lang="" if own == lang else own,
    )


def _take_title(item: _Item, child: Element) -> None:
    if item.title:  # the first counts, if it is the plain one
        _refuse(not item.title_is_own or child.tag.rpartition("}")[0] == item.title_space)
        return
    item.title = _plain(child)
    item.title_space = child.tag.rpartition("}")[0]
    item.title_is_own = item.title_space in ("", _RSS_1[:-1])


def _take_link(item: _Item, child: Element) -> None:
    _refuse(item.has_link or child.get("href") is not None)
    item.link, item.has_link = _leaf(child), True


def _take_guid(item: _Item, child: Element) -> None:
    _refuse(item.has_guid)
    item.guid, item.has_guid = _leaf(child), True
    item.guid_is_link = child.get("isPermaLink", child.get("ispermalink", "true")) == "true"


def _take_summary(item: _Item, child: Element) -> None:
    text = _leaf(child)
    item.summaries += 1
    if item.summary is None:
        item.summary = text
    elif item.has_content or not item.summary or item.summaries > 2:
        raise _NotForUs  # which of several descriptions counts is feedparser's own art


def _take_content(item: _Item, child: Element) -> None:
    _refuse(item.has_content)
    item.content, item.has_content = _leaf(child), True


def _take_date(name: str) -> Callable[[_Item, Element], None]:
    def take(item: _Item, child: Element) -> None:
        _refuse(name in item.dates)
        item.dates[name] = _leaf(child)

    return take


def _take_lang(item: _Item, child: Element) -> None:
    item.lang = _leaf(child)


def _take_author(item: _Item, child: Element) -> None:
    item.author = item.author or "".join(child.itertext()).strip()


def _take_atom_link(item: _Item, child: Element) -> None:
    _refuse(child.get("rel", "alternate") == "alternate")


_TAKERS: dict[str, Callable[[_Item, Element], None]] = {
    "title": _take_title,
    "link": _take_link,
    "guid": _take_guid,
    "summary": _take_summary,
    "content": _take_content,
    "published": _take_date("published"),
    "updated": _take_date("updated"),
    "lang": _take_lang,
    "author": _take_author,
    "atom-link": _take_atom_link,
}
_TAKE = {tag: _TAKERS[what] for tag, what in _FIELDS.items()}
# Elements without children that are seen in most feeds: what the rule below says of them.
_KNOWN_TO_SAY_NOTHING = frozenset(
    {"category", "comments", "enclosure", f"{_DC}subject", f"{_DC}rights", f"{_DC}identifier"}
    | {f"{_MEDIA}{name}" for name in ("content", "thumbnail", "credit", "keywords", "category")}
)


def _refuse_what_is_read_otherwise(element: Element) -> None:
    tag = element.tag
    _refuse(tag in _LEFT or tag.rpartition("}")[2] in _LEFT_ANYWHERE)
    _refuse(len(element) > 0 and any(each.tag in _READ for each in element.iter()))


# ── Atom 1.0 ─────────────────────────────────────────────────────────────────────────────────────


def _atom(root: Element) -> Document:
    if _has_base(root):
        raise _NotForUs
    lang = root.get(f"{_XML}lang") or ""
    title = link = ""
    entries = []
    for child in root:
        if child.tag == f"{_ATOM}entry":
            entries.append(_atom_entry(child, lang))
        elif child.tag == f"{_ATOM}title":
            title = title or _construct(child)
        elif child.tag == f"{_ATOM}link" and _is_alternate(child):
            link = child.get("href", "").strip()
    return Document(title=title, link=link, lang=lang, entries=tuple(entries))


def _atom_entry(element: Element, lang: str) -> Entry:
    title = summary = content = guid = link = author = ""
    dates: dict[str, str] = {}
    _refuse(_has_base(element))
    for child in element:
        tag = child.tag
        if not tag.startswith(_ATOM):
            _refuse(tag in _FIELDS or len(child) > 0)
            continue
        _refuse(_has_base(child))
        match tag[len(_ATOM) :]:
            case "title":
                _refuse(bool(title))
                title = _construct(child)
            case "id":
                guid = _leaf(child)
            case "link":
                if _is_alternate(child):
                    link = child.get("href", "").strip()
            case "summary":
                _refuse(bool(summary or content))
                summary = _construct(child)
            case "content":
                _refuse(bool(content))
                content = _construct(child)
            case "published" | "updated" as name:
                _refuse(name in dates)
                dates[name] = _leaf(child)
            case "author":
                name_of = child.find(f"{_ATOM}name")
                author = author or (_leaf(name_of) if name_of is not None else "")
            case "category" | "rights" | "contributor":
                pass
            case _:
                raise _NotForUs
    _refuse(not link or f"{_XML}lang" in element.attrib)
    own = element.get(f"{_XML}lang") or ""
    return _entry(
        guid=guid,
        link=link,
        title=title,
        summary=summary or content,
        published=dates.get("published") or dates.get("updated") or "",
        author=author,
        lang="" if own == lang else own,
    )


def _is_alternate(element: Element) -> bool:
    kind = element.get("type", "text/html")
    return element.get("rel", "alternate") == "alternate" and kind == "text/html"


def _construct(element: Element) -> str:
    """A text construct as HTML (RFC 4287 §3.1)."""
    kind = element.get("type", "text")
    _refuse(len(element) > 0 or element.get("src") is not None or element.get("mode") is not None)
    text = _leaf(element)
    if kind in _HTML_TYPES:
        return text
    _refuse(kind not in _TEXT_TYPES)
    return text.replace("<", "&lt;")


# ── Both ─────────────────────────────────────────────────────────────────────────────────────────


def _leaf(element: Element) -> str:
    """Its text. Markup that was not escaped is left to feedparser."""
    if len(element):
        raise _NotForUs
    text = (element.text or "").strip()
    return _mended(text) if text and not text.isascii() else text


def _mended(text: str) -> str:
    """UTF-8 that was taken for Latin-1 and encoded again, as feedparser mends it; C1 controls are
    windows-1252."""
    with suppress(UnicodeEncodeError, UnicodeDecodeError):
        text = text.encode("iso-8859-1").decode("utf-8")
    return text.translate(_CP1252) if _C1.search(text) else text


_C1 = re.compile("[\x80-\x9f]")
_CP1252 = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


def _plain(element: Element) -> str:
    """A title of RSS: plain text, unless it looks like HTML."""
    text = _leaf(element)
    if "<" in text and not _looks_like_html(text):
        return text.replace("<", "&lt;")
    return text


def _entry(
    *, guid: str, link: str, title: str, summary: str, published: str, author: str, lang: str
) -> Entry:
    return Entry(
        guid=guid[:2_048],
        link=link[:8_192],
        title=title[:MOST_TEXT],
        summary=summary[:MOST_TEXT],
        published=published[:200],
        published_at=moment(published[:200]),
        author=author[:200],
        lang=lang[:35],
    )


def moment(text: str) -> datetime | None:
    """A date of any form that this product or feedparser knows, in UTC."""
    at = read_date(text)
    if at is not None or not text:
        return at
    from feedparser.datetimes import (  # type: ignore[import-untyped]  # when needed
        _parse_date as odd_date,
    )

    try:
        parsed = odd_date(text)
        at = datetime.fromtimestamp(timegm(parsed), UTC) if parsed else None
        return at if at is not None and _is_said(text, at) else None
    except (ValueError, OverflowError, TypeError, OSError):
        return None


def _is_said(text: str, at: datetime) -> bool:
    """False where a date that is none was carried over: the 45th of the 13th month is no new year.

    Raises ValueError where a month or day is none.
    """
    found = _DAY.match(text.strip())
    if found is None:
        return True
    year, month, day = map(int, found.groups())
    said = datetime(year, month, day, tzinfo=UTC)
    return abs(at - said) < timedelta(days=2)


def _looks_like_html(text: str) -> bool:
    from feedparser.mixin import _FeedParserMixin  # type: ignore[import-untyped]  # when needed

    return bool(_FeedParserMixin.looks_like_html(text))


def _has_base(element: Element) -> bool:
    return f"{_XML}base" in element.attrib


def _refuse(when: bool) -> None:
    if when:
        raise _NotForUs


_READERS: dict[str, Callable[[Element], Document]] = {
    "rss": _rss,
    f"{_RDF}RDF": _rdf,
    f"{_ATOM}feed": _atom,
}
