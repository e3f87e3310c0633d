"""What the installation sees of the world: outlets that publish real news, and a mail server."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import datetime
from email import message_from_bytes
from email.utils import format_datetime
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aiosmtpd.controller import Controller

WINDOW = 120  # items that a feed shows


class World:
    """The archive as live feeds. ``now`` is when it is there, whatever the installation's clock says."""

    def __init__(self, archive: Path, now: datetime) -> None:
        self.began = self.now = now
        self.feeds: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.served: dict[str, set[str]] = defaultdict(set)  # feed → links in its 200s
        self.polls = 0
        opener = gzip.open if archive.suffix == ".gz" else open
        with opener(archive, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                row["at"] = datetime.fromisoformat(row["published_at"].replace("Z", "+00:00"))
                self.feeds[row["feed"]].append(row)
        self.names = sorted(self.feeds)
        for rows in self.feeds.values():
            rows.sort(key=lambda row: row["at"])
        self.times = {name: [row["at"] for row in rows] for name, rows in self.feeds.items()}
        self.server = ThreadingHTTPServer(("0.0.0.0", 0), _handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def shown(self, name: str) -> list[dict[str, Any]]:
        """What an outlet's feed shows now, the newest first."""
        upto = bisect_right(self.times[name], self.now)
        return self.feeds[name][max(0, upto - WINDOW) : upto][::-1]

    def published(self) -> dict[str, set[str]]:
        """Feed → links of what it has shown since the beginning."""
        found = {}
        for name, times in self.times.items():
            first = max(0, bisect_right(times, self.began) - WINDOW)
            rows = self.feeds[name][first : bisect_right(times, self.now)]
            found[name] = {row["link"] for row in rows}
        return found

    def urls(self) -> list[str]:
        port = self.server.server_address[1]
        return [f"http://127.0.0.{2 + n}:{port}/{n}.xml" for n in range(len(self.names))]

    def document(self, number: int) -> tuple[bytes, set[str]]:
        name = self.names[number]
        shown = self.shown(name)
        items = "".join(
            f"<item><title>{_xml(row['title'])}</title><link>{_xml(row['link'])}</link>"
            f"<guid isPermaLink='true'>{_xml(row['link'])}</guid>"
            f"<pubDate>{format_datetime(row['at'])}</pubDate>"
            f"<description>{_xml(row['summary'])}</description></item>"
            for row in shown
        )
        head = (
            f"<title>{_xml(name)}</title><link>{_xml(name)}</link><description>Replay</description>"
        )
        feed = f"<rss version='2.0'><channel>{head}{items}</channel></rss>"
        return f"<?xml version='1.0' encoding='UTF-8'?>{feed}".encode(), {
            row["link"] for row in shown
        }


def _xml(words: str) -> str:
    return escape("".join(c for c in words if c >= " " or c in "\t\n"))


def _handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = int(self.path.strip("/").removesuffix(".xml"))
            body, links = world.document(number)
            etag = f'"{sha1(body).hexdigest()}"'
            world.polls += 1
            same = self.headers.get("If-None-Match") == etag
            fresh = set() if same else links - world.served[world.names[number]]
            world.served[world.names[number]] |= fresh
            try:
                self.send_response(304 if same else 200)
                self.send_header("ETag", etag)
                if not same:
                    self.send_header("Content-Type", "application/rss+xml")
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if not same:
                    self.wfile.write(body)
            except OSError:  # whoever asked is gone, and has nothing
                world.served[world.names[number]] -= fresh

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class Post:
    """A mail server that can be down, and the letters it accepted."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()  # by Message-ID
        self.port = _free_port()
        self._controller: Controller | None = None
        self.up()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.accepted[str(message_from_bytes(envelope.content)["Message-ID"])] += 1
        return "250 accepted"

    def up(self) -> None:
        if self._controller is None:
            self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
            self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
