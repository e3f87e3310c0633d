"""Entries as items."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from monitor.model import Document, Entry, Feed, Item
from monitor.normalise.links import absolute, link_key
from monitor.normalise.markup import to_text
from monitor.text.dates import read_date
from monitor.text.language import detect_language

ID_RULE = 1  # version of how identities and ids are made; a change must not make old items new
_TELLING = 400  # characters of a summary that tell its language
MOST_TITLE = 1_000  # characters
MOST_SUMMARY_BYTES = 65_536
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before the web: a made-up date
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_LANG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9-]+)?$")
_OLD_CODES = {"iw": "he", "per": "fa", "fas": "fa", "rus": "ru", "eng": "en", "ara": "ar"}
_SCRIPTS = {"ru": "cyrillic", "uk": "cyrillic", "fa": "arabic", "ar": "arabic", "he": "hebrew"}


def normalise(document: Document, feed: Feed, now: datetime) -> tuple[Item, ...]:
    """The items of a document, in its order, each identity once; entries that say nothing are none."""
    base = absolute(document.link, base=feed.url) or feed.url
    source = to_text(feed.name or document.title, most=200)
    made = [_item(each, document, feed, base, source, now) for each in document.entries]
    home = link_key(base) if document.link else ""
    return tuple(_distinct(_with_own_links([each for each in made if each is not None], home)))


def _item(
    entry: Entry, document: Document, feed: Feed, base: str, source: str, now: datetime
) -> Item | None:
    title = to_text(entry.title, most=MOST_TITLE)
    summary = _cut(to_text(entry.summary, most=MOST_SUMMARY_BYTES), MOST_SUMMARY_BYTES)
    if not title and not summary:
        return None
    guid = to_text(entry.guid, most=2_048) if entry.guid else ""
    link = absolute(entry.link, base=base)
    if not link and guid.lower().startswith(("http://", "https://")):
        link = absolute(guid, base="")
    key, content = link_key(link), content_hash(title, summary)
    identity = _identity(guid, key, content)
    return Item(
        id=_id(feed.id, identity, key, content),
        identity=identity,
        feed=feed.id,
        title=title or _first_words(summary),
        summary=summary,
        link=link,
        link_key=key,
        content_hash=content,
        lang=_language(entry, document, feed, title, summary),
        source=source,
        published_at=_published_at(entry, now),
        first_seen_at=None,
    )


def _published_at(entry: Entry, now: datetime) -> datetime | None:
    """When it says it was published: never later than ``now``, None where it cannot be."""
    at = entry.published_at or read_date(entry.published)
    if at is None or at < _EARLIEST:
        return None
    return min(at, now)


def content_hash(title: str, summary: str) -> str:
    """Of what a reader sees: case, spacing and punctuation at the ends are no edit."""
    return _digest(f"{title.strip(' .…').casefold()}\n{summary.strip(' .…').casefold()}")


def _identity(guid: str, key: str, content: str) -> str:
    if guid:
        return f"guid:{guid}" if len(guid) <= 400 else f"guid:{_digest(guid)}"
    if key:
        return f"link:{key}" if len(key) <= 400 else f"link:{_digest(key)}"
    return f"hash:{content}"


def _id(feed: str, identity: str, key: str, content: str) -> str:
    """Public id. Of an item without a link it follows the text, so that a feed which makes up new
    guids at every poll does not make it new."""
    if not key and identity.startswith("guid:"):
        identity = f"hash:{content}"
    return _digest(f"{feed}\n{identity}")[:20]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _distinct(items: Sequence[Item]) -> list[Item]:
    """Each item once: feeds repeat entries, also with and without edits; the first one counts."""
    if len({each.identity for each in items}) == len(items):
        return list(items)
    found: dict[tuple[str, str], Item] = {}
    for each in items:
        found.setdefault((each.identity, each.link_key), each)
    return list(found.values())


def _with_own_links(items: Sequence[Item], home: str) -> list[Item]:
    """A link that several different entries share (a home page, a live page) identifies none of them."""
    keys = [each.link_key for each in items if each.link_key]
    if len({*keys, home}) == len(keys) + 1:  # as nearly always
        return list(items)
    sharing: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for each in items:
        if each.link_key:
            by_guid = each.identity.startswith("guid:")
            token = each.identity if by_guid else each.content_hash
            sharing[each.link_key].add((token, each.content_hash))
    answer = []
    for each in items:
        key = each.link_key
        shared = all(len(set(some)) > 1 for some in zip(*sharing[key], strict=True))
        if key and (shared or key == home):
            part = each.link.partition("#")[2]
            own = f"{key}#{part}" if part else ""
            identity = each.identity
            if identity.startswith("link:"):
                identity = _identity("", own, each.content_hash)
            each = replace(
                each,
                link_key=own,
                identity=identity,
                id=_id(each.feed, identity, own, each.content_hash),
            )
        answer.append(each)
    return answer


def _language(entry: Entry, document: Document, feed: Feed, title: str, summary: str) -> str:
    """What the entry, else the feed's owner says, unless the letters say otherwise; else the letters."""
    claimed = language_code(entry.lang) or language_code(feed.lang or "")
    if claimed and _plausible(claimed, title or summary):
        return claimed
    return (
        detect_language(f"{title} {summary[:_TELLING]}") or claimed or language_code(document.lang)
    )


@lru_cache(maxsize=1_024)  # a feed has one or two
def language_code(text: str) -> str:
    """Two letters where there are two: ``en`` of ``en-US``, ``he`` of ``iw``."""
    found = _LANG.match(text.strip())
    if found is None:
        return ""
    code = found[1].lower()
    return _OLD_CODES.get(code, code)


def _plausible(lang: str, text: str) -> bool:
    return not (lang in _SCRIPTS and text.isascii()) and not (lang == "en" and _not_latin(text))


def _not_latin(text: str) -> bool:
    return not _LATIN.search(text, 0, 200) and any(each.isalpha() for each in text[:200])


def _cut(text: str, most_bytes: int) -> str:
    """At most so many bytes of UTF-8, no character broken."""
    if len(text) * 4 <= most_bytes:
        return text
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= most_bytes else raw[:most_bytes].decode("utf-8", "ignore").rstrip()


def _first_words(text: str, most: int = 120) -> str:
    """A title for an entry that has none."""
    if len(text) <= most:
        return text
    return text[:most].rsplit(" ", 1)[0].rstrip(" ,;:") + " …"
