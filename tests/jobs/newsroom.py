"""Outlets that publish at every poll and remember what they gave to whom; hosts are 127.0.0.1 to .9."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ITEM = (
    "<item><guid isPermaLink='false'>{guid}</guid><title>{title}</title>"
    "<link>https://outlet.example/{guid}</link>"
    "<pubDate>{at}</pubDate><description>{guid}</description></item>"
)
FEED = (
    "<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel><title>{name}</title>"
    "<link>https://outlet.example/</link><description>News</description>{items}</channel></rss>"
)


class Newsroom:
    """The books of what was published, and what was seen of whoever asked."""

    def __init__(self, *, fresh: int = 3, delay: float = 0.05) -> None:
        self.published: dict[str, list[str]] = defaultdict(list)  # path → guids, oldest first
        self.polls: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()  # path → most requests for it at the same time
        self.starts: dict[str, list[float]] = defaultdict(list)  # host → when it was asked
        self.publishing = True
        self._fresh, self._delay = fresh, delay
        self._active: Counter[str] = Counter()
        self._turn = threading.Lock()
        self.server = ThreadingHTTPServer(("0.0.0.0", 0), _handler(self))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, host: int, feed: int) -> str:
        return f"http://127.0.0.{host}:{self.port}/{host}-{feed}.xml"

    @property
    def active(self) -> int:
        return sum(self._active.values())

    @contextmanager
    def asked(self, host: str, path: str) -> Iterator[bytes]:
        """One request, from its start to its answer."""
        with self._turn:
            self.starts[host].append(time.monotonic())
            self._active[path] += 1
            self.at_once[path] = max(self.at_once[path], self._active[path])
            self.polls[path] += 1
            if self.publishing:
                given = self.published[path]
                stem = path.strip("/").removesuffix(".xml")
                given += [f"{stem}-{len(given) + n}" for n in range(self._fresh)]
            body = self._document(path)
        time.sleep(self._delay)
        try:
            yield body
        finally:
            with self._turn:
                self._active[path] -= 1

    def is_hit(self, guid: str) -> bool:
        return int(guid.rpartition("-")[2]) % 3 == 0

    def _document(self, path: str) -> bytes:
        rows = [
            ITEM.format(
                guid=guid,
                title=f"Iran sends drones to Russia, lot {guid}" if self.is_hit(guid) else guid,
                at="Wed, 25 Nov 2026 06:00:00 GMT",
            )
            for guid in reversed(self.published[path])
        ]
        return FEED.format(name=path, items="".join(rows)).encode()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _handler(newsroom: Newsroom) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers["Host"].partition(":")[0]
            with newsroom.asked(host, self.path) as body:
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/rss+xml")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked is gone

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
