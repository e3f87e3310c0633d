"""JSON Feed 1.0 and 1.1 (jsonfeed.org)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from monitor.errors import ParseError
from monitor.model import Document, Entry

_MOST = 20_000  # entries that are looked at


def parse_json_feed(text: str, *, url: str) -> Document:
    """Raises ParseError where it is no JSON, or JSON of something else."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ParseError("its JSON is nested too deeply", kind="not-a-feed") from None
    except ValueError as error:
        cut = "Expecting" in str(error) or "Unterminated" in str(error)
        raise ParseError(
            f"its JSON cannot be read ({error})"[:300], kind="truncated" if cut else "not-a-feed"
        ) from None
    items = data.get("items") if isinstance(data, dict) else None
    version = str(data.get("version", "")) if isinstance(data, dict) else ""
    if not isinstance(items, list) or not (
        "jsonfeed.org" in version or all(isinstance(each, dict) for each in items)
    ):
        raise ParseError(
            "it is JSON, but no JSON Feed",
            kind="not-a-feed",
            remedy="A JSON Feed has a version and a list called items.",
        )
    good = [each for each in items[:_MOST] if isinstance(each, dict)]
    return Document(
        title=escape(_string(data.get("title")), quote=False),
        link=_string(data.get("home_page_url")) or url,
        lang=_string(data.get("language")),
        entries=tuple(_entry(each) for each in good),
        dropped=len(items) - len(good),
        dropped_why="" if len(items) == len(good) else "entries that are no objects",
    )


def _entry(raw: Mapping[str, Any]) -> Entry:
    text = _string(raw.get("summary")) or _string(raw.get("content_text"))
    return Entry(
        guid=_string(raw.get("id"))[:2_048],
        link=(_string(raw.get("url")) or _string(raw.get("external_url")))[:8_192],
        title=escape(_string(raw.get("title")), quote=False),
        summary=escape(text, quote=False) if text else _string(raw.get("content_html")),
        published=(_string(raw.get("date_published")) or _string(raw.get("date_modified")))[:200],
        author=_author(raw),
        lang=_string(raw.get("language"))[:35],
    )


def _author(raw: Mapping[str, Any]) -> str:
    authors = raw.get("authors")
    if not isinstance(authors, list):
        authors = [raw.get("author")]
    names = [_string(each.get("name")) for each in authors if isinstance(each, dict)]
    return ", ".join(name for name in names if name)[:200]


def _string(value: Any) -> str:
    """Text of a field; numbers are taken for ids, anything else for nothing."""
    if isinstance(value, str):
        return value.encode("utf-8", "ignore").decode("utf-8")[:262_144]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
