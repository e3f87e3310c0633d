"""One feed document, in whatever state it came, as entries in their published form."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from monitor.errors import ParseError
from monitor.model import Document, Entry
from monitor.parse.encoding import decode
from monitor.parse.fast import MOST_TEXT, moment, read_fast
from monitor.parse.jsonfeed import parse_json_feed
from monitor.parse.mending import cut_to_newest, entries_apart, entries_in, mend
from monitor.text.webpage import is_web_page

MOST_ENTRIES = 5_000
_SINGLES = 500  # entries of a broken document that are read one by one
_UNITS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
}


def parse(body: bytes, *, url: str, content_type: str, now: datetime) -> Document:
    """A feed's entries, newest 5,000 at most. Raises ParseError where it is none, or not whole."""
    if not body.strip():
        raise ParseError("the document is empty", kind="empty")
    text, repaired = decode(body, content_type)
    text = text.lstrip()
    if text.startswith("{"):
        return _capped(parse_json_feed(text, url=url), repaired)
    if is_web_page(text[:4_096]):
        raise ParseError(
            "it is a web page, not a feed",
            kind="html",
            remedy="Give the address of the page to: monitor feeds add; it looks for its feed.",
        )
    text, more = mend(text)
    text, dropped = cut_to_newest(text, most=MOST_ENTRIES)
    document = read_fast(text) or _with_feedparser(text)
    if document.repaired and sum(1 for _ in _usable(document.entries)) < entries_in(text):
        document = _one_by_one(document, text)
    document = replace(document, **_hints(text))
    if dropped:
        document = replace(
            document,
            dropped=document.dropped + dropped,
            dropped_why=f"only the newest {MOST_ENTRIES:,} entries are read",
        )
    return _capped(document, repaired or more)


def _with_feedparser(text: str) -> Document:
    """Given an open stream: bytes or text it would also try as the name of a file or address."""
    import feedparser  # type: ignore[import-untyped]  # when needed: most documents do without

    try:
        found = feedparser.parse(
            io.BytesIO(text.encode("utf-8")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # its own bugs, met by documents that are broken enough
        raise ParseError(
            f"it is too broken to be read ({type(error).__name__})", kind="not-a-feed"
        ) from error
    if not found.get("version") and not found.entries:
        raise ParseError(
            "it is no feed that is known (RSS, Atom, RDF or JSON Feed)",
            kind="not-a-feed",
            remedy="Open the address in a browser to see what it is.",
        )
    lang = str(found.feed.get("language") or "")
    repaired = ""
    if found.bozo and not isinstance(
        found.get("bozo_exception"), feedparser.CharacterEncodingOverride
    ):
        repaired = "it is not well-formed XML"
    return Document(
        title=_text(found.feed, "title"),
        link=str(found.feed.get("link") or ""),
        lang=lang,
        entries=tuple(_entry(each, lang) for each in found.entries),
        repaired=repaired,
    )


def _one_by_one(document: Document, text: str) -> Document:
    """Entries read each for itself where one that is broken swallows those after it."""
    found: list[Entry] = []
    head = document
    for single in entries_apart(text, most=_SINGLES):
        try:
            alone = _with_feedparser(single)
        except ParseError:
            continue
        if usable := list(_usable(alone.entries)):
            head = alone
            found += usable
    return replace(
        document,
        title=head.title,
        link=head.link,
        entries=tuple(found),
        dropped=max(0, entries_in(text) - len(found)),
        dropped_why="entries too broken to be read",
    )


def _entry(raw: Mapping[str, Any], feed_lang: str) -> Entry:
    title = raw.get("title_detail") or {}
    lang = str(raw.get("language") or title.get("language") or "")
    published = str(raw.get("published") or raw.get("updated") or "")[:200]
    summary, content = _text(raw, "summary"), _content(raw)
    return Entry(
        guid=str(raw.get("id") or "")[:2_048],
        link=_link(raw)[:8_192],
        title=_text(raw, "title"),
        summary=summary or content or _media(raw),
        published=published,
        published_at=moment(published),
        author=str(raw.get("author") or "")[:200],
        lang="" if lang == feed_lang else lang[:35],
    )


def _text(raw: Mapping[str, Any], name: str) -> str:
    """A text field as HTML: what is plain text is told apart by having no tags."""
    value = str(raw.get(name) or "")[:MOST_TEXT]
    kind = (raw.get(f"{name}_detail") or {}).get("type", "")
    return value.replace("<", "&lt;") if kind == "text/plain" else value


def _content(raw: Mapping[str, Any]) -> str:
    contents: Sequence[Mapping[str, Any]] = raw.get("content") or ()
    for each in contents:
        value = str(each.get("value") or "")[:MOST_TEXT]
        if value:
            return value.replace("<", "&lt;") if each.get("type") == "text/plain" else value
    return ""


def _media(raw: Mapping[str, Any]) -> str:
    return str(raw.get("media_description") or "")[:MOST_TEXT]


def _link(raw: Mapping[str, Any]) -> str:
    if raw.get("link"):
        return str(raw["link"])
    for each in raw.get("links") or ():
        if each.get("href") and each.get("rel") in ("alternate", None):
            return str(each["href"])
    for each in raw.get("enclosures") or ():
        if each.get("href"):
            return str(each["href"])
    return ""


# ── What a feed says of its own rhythm ───────────────────────────────────────────────────────────

_HEAD = 65_536
_TTL = re.compile(r"<ttl>\s*(\d{1,6})\s*</ttl>", re.I)
_SKIP_HOURS = re.compile(r"<skipHours>(.*?)</skipHours>", re.I | re.S)
_HOUR = re.compile(r"<hour>\s*(\d{1,2})\s*</hour>", re.I)
_PERIOD = re.compile(r"<\w+:updatePeriod>\s*(\w+)\s*</", re.I)
_FREQUENCY = re.compile(r"<\w+:updateFrequency>\s*(\d{1,4})\s*</", re.I)


def _hints(text: str) -> dict[str, Any]:
    """``ttl``, ``skipHours`` and the syndication module, from the part before the entries."""
    start = re.search(r"<(?:\w+:)?(?:item|entry)[\s>]", text[:_HEAD])
    head = text[: start.start() if start else _HEAD]
    hints: dict[str, Any] = {}
    if ttl := _TTL.search(head):
        hints["ttl"] = timedelta(minutes=int(ttl[1]))
    elif (period := _PERIOD.search(head)) and period[1].lower() in _UNITS:
        times = _FREQUENCY.search(head)
        hints["ttl"] = _UNITS[period[1].lower()] / max(1, int(times[1]) if times else 1)
    if skip := _SKIP_HOURS.search(head):
        hints["skip_hours"] = frozenset(int(each) % 24 for each in _HOUR.findall(skip[1]))
    return {key: value for key, value in hints.items() if value}


def _capped(document: Document, repaired: str) -> Document:
    """At most so many entries; those that say nothing are dropped and counted."""
    usable = tuple(_usable(document.entries))
    entries = usable[:MOST_ENTRIES]
    dropped = len(document.entries) - len(entries)
    why = document.dropped_why
    if len(usable) > MOST_ENTRIES:
        why = why or f"only the newest {MOST_ENTRIES:,} entries are read"
    elif dropped:
        why = why or "entries without title, text and link"
    return replace(
        document,
        entries=entries,
        dropped=document.dropped + dropped,
        dropped_why=why,
        repaired=document.repaired or repaired,
    )


def _usable(entries: Sequence[Entry]) -> Iterator[Entry]:
    for each in entries:
        if each.title.strip() or each.summary.strip() or each.link.strip():
            yield each
