"""Documents and items as JSON between processes: what a parser process says is never executed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from monitor.model import Document, Entry, Item
from monitor.parse.page import Page

_ENTRY = tuple(each.name for each in fields(Entry))
_PLAIN = ("title", "link", "lang", "dropped", "dropped_why", "repaired")


_ITEM = tuple(
    each.name for each in fields(Item) if each.name not in ("feed", "source", "first_seen_at")
)
_item_values = attrgetter(*_ITEM)
_AT = _ITEM.index("published_at")


def dump(document: Document) -> bytes:
    data = _frame(document) | {"entries": [_row(each) for each in document.entries]}
    return json.dumps({"document": data}).encode("ascii")


def dump_page(page: Page) -> bytes:
    return json.dumps({"page": [page.title, page.text, page.feeds]}).encode("ascii")


def load_page(answer: dict[str, Any]) -> Page:
    title, text, feeds = answer["page"]
    return Page(title=title, text=text, feeds=tuple((url, name) for url, name in feeds))


def dump_items(document: Document, items: Sequence[Item]) -> bytes:
    """The document without its entries, and its items, which are of one feed and source."""
    data = {
        "document": _frame(document) | {"entries": []},
        "source": items[0].source if items else "",
        "items": [_item_row(each) for each in items],
    }
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _frame(document: Document) -> dict[str, Any]:
    data: dict[str, Any] = {name: getattr(document, name) for name in _PLAIN}
    data["ttl"] = document.ttl.total_seconds() if document.ttl is not None else None
    data["skip_hours"] = sorted(document.skip_hours)
    return data


def _item_row(item: Item) -> list[Any]:
    row = list(_item_values(item))
    at = item.published_at
    row[_AT] = at.timestamp() if at else None
    return row


def _row(entry: Entry) -> list[Any]:
    row = [getattr(entry, name) for name in _ENTRY]
    at = entry.published_at
    row[_ENTRY.index("published_at")] = at.timestamp() if at else None
    return row


def load(answer: dict[str, Any]) -> Document:
    data = answer["document"]
    return Document(
        ttl=timedelta(seconds=data["ttl"]) if data["ttl"] is not None else None,
        skip_hours=frozenset(data["skip_hours"]),
        entries=tuple(_entry(row) for row in data["entries"]),
        **{name: data[name] for name in _PLAIN},
    )


def _entry(row: list[Any]) -> Entry:
    values = dict(zip(_ENTRY, row, strict=True))
    at = values["published_at"]
    values["published_at"] = datetime.fromtimestamp(at, UTC) if at is not None else None
    return Entry(**values)


def load_items(answer: dict[str, Any], feed: str) -> tuple[Item, ...]:
    source = answer["source"]
    return tuple(_item(row, feed, source) for row in answer["items"])


def _item(row: list[Any], feed: str, source: str) -> Item:
    at = row[_AT]
    row[_AT] = datetime.fromtimestamp(at, UTC) if at is not None else None
    return Item(feed=feed, source=source, **dict(zip(_ITEM, row, strict=True)))
