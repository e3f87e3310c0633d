"""The sample feeds and the server that publishes them as time goes by.

An item has an age in days; it appears in its feed once the server's clock has come within that age
of ``ends_at``. So a monitor that polls sees each feed grow as its readers would have.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import yaml

_CONTENT = Path(__file__).parent / "content"
_TYPES = {
    "rss": "application/rss+xml; charset=utf-8",
    "truncated": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleItem:
    age: timedelta
    number: int
    title: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFeed:
    """One invented outlet."""

    id: str
    name: str
    lang: str
    kind: str
    reliability: str
    origin: str
    format: str  # rss | atom | json | truncated
    items: tuple[SampleItem, ...]
    state: str | None = None

    def settings(self, base: str) -> dict[str, Any]:
        """The feed as a ``[[feeds]]`` table of monitor.toml."""
        table = {
            "url": f"{base}/{self.id}",
            "id": self.id,
            "name": self.name,
            "lang": self.lang,
            "kind": self.kind,
            "reliability": self.reliability,
            "origin": self.origin,
        }
        return table | ({"state": self.state} if self.state else {})


def sample_feeds() -> tuple[SampleFeed, ...]:
    """Every sample feed that ships, by name of its file."""
    return tuple(
        _feed(file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
        for file in sorted(_CONTENT.glob("*.yaml"))
    )


def _feed(id: str, data: dict[str, Any]) -> SampleFeed:
    rows = data.pop("items")
    items = tuple(
        SampleItem(age=timedelta(days=float(age)), number=number, title=title, summary=summary)
        for number, (age, title, summary) in enumerate(rows, start=1)
    )
    return SampleFeed(id=id, items=items, **data)


class SampleServer:
    """Serves the feeds on the loopback while it is open; ``now`` is its clock, yours to move."""

    def __init__(self, feeds: tuple[SampleFeed, ...], *, ends_at: datetime) -> None:
        self.feeds = {feed.id: feed for feed in feeds}
        self.ends_at = ends_at
        self.now = ends_at
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def begins_at(self) -> datetime:
        """When the oldest item was published."""
        return self.ends_at - max(item.age for feed in self.feeds.values() for item in feed.items)

    def __enter__(self) -> SampleServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def published(self, feed: SampleFeed) -> list[tuple[datetime, SampleItem]]:
        """What the feed shows at ``now``, newest first."""
        dated = [(self.ends_at - item.age, item) for item in feed.items]
        return sorted(
            ((at, item) for at, item in dated if at <= self.now),
            key=lambda pair: pair[0],
            reverse=True,
        )

    def document(self, feed: SampleFeed) -> bytes:
        """The feed's document at ``now``."""
        return _WRITERS[feed.format](feed, self.published(feed), f"{self.url}/{feed.id}").encode()


Rows = list[tuple[datetime, SampleItem]]


def _rss(feed: SampleFeed, rows: Rows, base: str) -> str:
    items = "\n".join(
        f"<item><title>{escape(item.title)}</title><link>{base}/{item.number}</link>"
        f'<guid isPermaLink="false">{feed.id}-{item.number}</guid>'
        f"<pubDate>{format_datetime(at)}</pubDate>"
        f"<description>&lt;p&gt;{escape(escape(item.summary))}&lt;/p&gt;</description></item>"
        for at, item in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{escape(feed.name)}</title><link>{base}</link><description/>"
        f"<language>{feed.lang}</language>\n{items}\n</channel></rss>"
    )


def _truncated(feed: SampleFeed, rows: Rows, base: str) -> str:
    """A server that breaks off before the document ends."""
    return _rss(feed, rows, base)[:-40]


def _atom(feed: SampleFeed, rows: Rows, base: str) -> str:
    entries = "\n".join(
        f"<entry><id>{base}/{item.number}</id><title>{escape(item.title)}</title>"
        f'<link href="{base}/{item.number}"/><updated>{at.isoformat()}</updated>'
        f"<summary>{escape(item.summary)}</summary></entry>"
        for at, item in rows
    )
    latest = rows[0][0].isoformat() if rows else "2000-01-01T00:00:00Z"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{feed.lang}"><id>{base}</id>'
        f"<title>{escape(feed.name)}</title><updated>{latest}</updated>\n{entries}\n</feed>"
    )


def _json(feed: SampleFeed, rows: Rows, base: str) -> str:
    items = [
        {
            "id": f"{feed.id}-{item.number}",
            "url": f"{base}/{item.number}",
            "title": item.title,
            "content_text": item.summary,
            "date_published": at.isoformat(),
        }
        for at, item in rows
    ]
    return json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed.name,
            "home_page_url": base,
            "language": feed.lang,
            "items": items,
        },
        ensure_ascii=False,
    )


_WRITERS: dict[str, Callable[[SampleFeed, Rows, str], str]] = {
    "rss": _rss,
    "atom": _atom,
    "json": _json,
    "truncated": _truncated,
}


def _handler(samples: SampleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            id, _, rest = urlsplit(self.path).path.strip("/").partition("/")
            feed = samples.feeds.get(id)
            if feed is None:
                self._reply(404, b"no such feed", "text/plain")
            elif rest:
                self._reply(200, _page(feed, rest).encode(), "text/html; charset=utf-8")
            else:
                self._feed(feed)

        def _feed(self, feed: SampleFeed) -> None:
            body = samples.document(feed)
            etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
            if self.headers.get("If-None-Match") == etag:
                self._reply(304, b"", "", etag)
            else:
                self._reply(200, body, _TYPES[feed.format], etag)

        def _reply(self, status: int, body: bytes, kind: str, etag: str = "") -> None:
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            if etag:
                self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the demo's own output is what counts."""

    return Handler


def _page(feed: SampleFeed, number: str) -> str:
    """The invented article behind an item's link."""
    item = next((each for each in feed.items if str(each.number) == number), None)
    title, text = (item.title, item.summary) if item else ("Not found", "")
    return (
        f'<!doctype html><html lang="{feed.lang}"><meta charset="utf-8">'
        f"<title>{escape(title)}</title><h1 dir=auto>{escape(title)}</h1>"
        f"<p dir=auto>{escape(text)}</p><p><small>{escape(feed.name)}: an invented outlet of the "
        "sample feeds.</small></p></html>"
    )
