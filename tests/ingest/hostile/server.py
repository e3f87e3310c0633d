"""A server on the loopback that lies, hangs, floods and cuts: one path for each behaviour.

Answers are written to the socket byte by byte, so that anything can be wrong with them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import TracebackType

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
CANARIES = ("127.0.0.2", "::1")
ITEM = (
    "<item><guid isPermaLink='false'>{n}</guid><title>Title {n}</title>"
    "<link>https://outlet.example/{n}</link><description>Text {n}</description>"
    "<pubDate>{date}</pubDate></item>"
)


def item(number: int) -> str:
    return ITEM.format(n=number, date=format_datetime(NOW - timedelta(hours=number)))


def rss(items: str | None = None, *, head: str = "", prolog: str = "", more: str = "") -> bytes:
    """Three items in RSS 2.0, or those given."""
    inner = items if items is not None else "".join(item(number) for number in (1, 2, 3))
    prolog = prolog or '<?xml version="1.0" encoding="UTF-8"?>\n'
    return (
        f'{prolog}<rss version="2.0"><channel><title>Outlet</title>'
        f"<link>https://outlet.example/</link><description>News</description>{head}{inner}"
        f"</channel></rss>{more}"
    ).encode()


def atom() -> bytes:
    return f"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">
<title>Outlet</title><link href="https://outlet.example/"/><id>urn:outlet</id>
<updated>{NOW:%Y-%m-%dT%H:%M:%SZ}</updated>
<entry><id>urn:1</id><title type="html">One &lt;i&gt;two&lt;/i&gt;</title>
<link href="/1"/><updated>2026-11-25T05:00:00Z</updated><summary>Text</summary></entry>
<entry><id>urn:2</id><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Three <b>four</b>
</div></title><link rel="alternate" href="https://outlet.example/2"/><updated>2026-11-25T04:00:00+03:00</updated>
<content type="html">&lt;p&gt;Text&lt;/p&gt;</content></entry></feed>""".encode()


@dataclass
class Peer:
    """One request and the way back."""

    server: Hostile
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    path: str
    headers: dict[str, str]
    count: int  # how often this path was asked, this time included

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: str = "200 OK", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def reply(self, body: bytes = b"", status: str = "200 OK", **headers: str) -> None:
        headers.setdefault("Content_Length", str(len(body)))
        headers.setdefault("Content_Type", "application/rss+xml")
        await self.head(status, **headers)
        await self.send(body)

    async def chunks(self, *pieces: bytes, end: bool = True, **headers: str) -> None:
        await self.head(Transfer_Encoding="chunked", **headers)
        for piece in pieces:
            await self.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if end:
            await self.send(b"0\r\n\r\n")

    async def forever(self, piece: bytes, every: float = 0.0) -> None:
        """Sends until the other side has had enough."""
        while not self.writer.is_closing():
            await self.send(piece)
            await asyncio.sleep(every)

    async def hang(self) -> None:
        """Says nothing until the other side goes."""
        await self.reader.read()

    def reset(self) -> None:
        """Cuts the connection as a crash does (RST)."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Respond = Callable[[Peer], Awaitable[None]]


@dataclass(frozen=True)
class Behaviour:
    """What one path does, and what is to come of it."""

    respond: Respond
    expect: str  # "ok", or the kind of the error
    items: int = 3
    words: str = ""  # that the error must say
    more: dict[str, object] = field(default_factory=dict)


BEHAVIOURS: dict[str, Behaviour] = {}
BEFOREHAND: list[Callable[[], object]] = []  # what takes a while and is made before anybody asks


def behaviour(
    expect: str, *, items: int = 3, words: str = "", **more: object
) -> Callable[[Respond], Respond]:
    """Registers a function under its name: underscores become spaces."""

    def register(respond: Respond) -> Respond:
        name = getattr(respond, "__name__", "").replace("_", " ").strip()
        assert name not in BEHAVIOURS
        BEHAVIOURS[name] = Behaviour(respond, expect, items, words, more)
        return respond

    return register


def plain(name: str, body: bytes, expect: str = "ok", *, items: int = 3, **headers: str) -> None:
    """A behaviour that is an ordinary answer with this body."""

    async def respond(peer: Peer) -> None:
        await peer.reply(body, **headers)

    assert name not in BEHAVIOURS
    BEHAVIOURS[name] = Behaviour(respond, expect, items)


def status(name: str, line: str, expect: str, body: bytes = b"", **headers: str) -> None:
    async def respond(peer: Peer) -> None:
        await peer.reply(body, line, **headers)

    BEHAVIOURS[name] = Behaviour(respond, expect)


class Hostile:
    """The server, in a thread of its own. ``url(name)`` is the address of a behaviour."""

    def __init__(self, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self.tls = tls
        self.port = 0
        self.asked: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.routes: dict[str, Respond] = {}
        self.most_at_once = 0
        self.canary = 0  # connections to addresses that nobody may connect to
        self._now = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def url(self, name: str) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}:{self.port}/{name.replace(' ', '-')}"

    def __enter__(self) -> Hostile:
        for prepare in BEFOREHAND:
            prepare()
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, self.host, 0, ssl=self.tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        canaries = []
        for address in CANARIES:
            with suppress(OSError):
                canary = asyncio.start_server(self._sing, address, self.port)
                canaries.append(self._loop.run_until_complete(canary))
        self._ready.set()
        self._loop.run_forever()
        for each in (server, *canaries):
            each.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with suppress(Exception):
            self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _sing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.canary += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            self.asked[path] += 1
            self.seen.append((path, headers))
            name = path.partition("?")[0].lstrip("/").replace("-", " ")
            respond = self.routes.get(name) or BEHAVIOURS[name].respond
            await respond(Peer(self, reader, writer, path, headers, self.asked[path]))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, RuntimeError):
            pass
        finally:
            self._now -= 1
            with suppress(Exception):
                writer.close()
