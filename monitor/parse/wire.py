"""Documents as JSON between processes: nothing that a parser process says is ever executed."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.model import Document, Entry

_ENTRY = tuple(each.name for each in fields(Entry))
_PLAIN = ("title", "link", "lang", "dropped", "dropped_why", "repaired")


def dump(document: Document) -> bytes:
    data: dict[str, Any] = {name: getattr(document, name) for name in _PLAIN}
    data["ttl"] = document.ttl.total_seconds() if document.ttl is not None else None
    data["skip_hours"] = sorted(document.skip_hours)
    data["entries"] = [_row(each) for each in document.entries]
    return json.dumps({"document": data}).encode("ascii")


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
