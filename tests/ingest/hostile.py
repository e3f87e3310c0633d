"""A server on the loopback that lies, hangs, floods and cuts: one path for each behaviour.

Answers are written to the socket byte by byte, so that anything can be wrong with them.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
import threading
import zlib
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

    def __init__(self, *, host: str = "127.0.0.1") -> None:
        self.host = host
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
        return f"http://{self.host}:{self.port}/{name.replace(' ', '-')}"

    def __enter__(self) -> Hostile:
        for kind in BOMBS:
            bomb(kind)
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
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, self.host, 0))
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


# ── Formats ──────────────────────────────────────────────────────────────────────────────────────

plain("rss 2", rss())
plain(
    "rss 091",
    rss().replace(b'version="2.0"', b'version="0.91"').replace(b"isPermaLink='false'", b""),
)
plain("atom 1", atom(), items=2)
plain(
    "rdf",
    b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://outlet.example/"><title>Outlet</title><link>https://outlet.example/</link>
<description>News</description></channel>
<item rdf:about="https://outlet.example/1"><title>One</title><link>https://outlet.example/1</link>
<description>Text</description><dc:date>2026-11-25T05:00:00Z</dc:date></item></rdf:RDF>""",
    items=1,
)
plain(
    "json feed",
    json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "Outlet",
            "home_page_url": "https://outlet.example/",
            "items": [
                {"id": 1, "url": "https://outlet.example/1", "content_text": "a < b & c"},
                {"id": "2", "title": "Two", "content_html": "<p>Text</p>"},
                "no item",
            ],
        }
    ).encode(),
    items=2,
    Content_Type="application/feed+json",
)
plain("called html", rss(), Content_Type="text/html; charset=utf-8")
plain("called plain text", rss(), Content_Type="text/plain")
plain("broken media type", rss(), Content_Type="application/rss+xml;;charset=;")
plain("no items yet", rss(""), items=0)
plain(
    "prefixed rss",
    rss().replace(b"<rss ", b"<x:rss xmlns:x='urn:x' ").replace(b"</rss>", b"</x:rss>"),
)

# ── Encodings ────────────────────────────────────────────────────────────────────────────────────

_RU = "<item><guid>1</guid><title>Иран передал России</title></item>"
plain("utf-8 with mark".replace("-", " "), b"\xef\xbb\xbf" + rss())
plain(
    "utf 16 with mark",
    rss(prolog='<?xml version="1.0" encoding="UTF-16"?>').decode().encode("utf-16"),
)
plain("utf 16 without a word", rss(prolog=" ").decode().lstrip().encode("utf-16-le"))
plain(
    "windows 1251 by prolog",
    rss(_RU, prolog='<?xml version="1.0" encoding="windows-1251"?>').decode().encode("cp1251"),
    items=1,
)
plain(
    "windows 1251 by header",
    rss(_RU, prolog='<?xml version="1.0"?>').decode().encode("cp1251"),
    items=1,
    Content_Type="text/xml; charset=windows-1251",
)
plain(
    "windows 1251 by nobody",
    rss(_RU * 9, prolog='<?xml version="1.0"?>').decode().encode("cp1251"),
    items=1,
)
plain(
    "koi8 r",
    rss(_RU, prolog='<?xml version="1.0" encoding="koi8-r"?>').decode().encode("koi8-r"),
    items=1,
)
plain("false prolog", rss(_RU, prolog='<?xml version="1.0" encoding="iso-8859-1"?>'), items=1)
plain("false header", rss(_RU), items=1, Content_Type="text/xml; charset=iso-8859-1")
plain("unknown encoding name", rss(_RU, prolog='<?xml version="1.0" encoding="martian"?>'), items=1)
plain(
    "damaged utf 8",
    rss(_RU + _RU.replace("1", "2") * 3).replace("России".encode(), b"\xd0\xa0\xff\xd0", 1),
    items=2,
)
plain(
    "control characters", rss("<item><title>a\x00b\x08c\x1b</title><guid>1</guid></item>"), items=1
)

# ── Broken XML ───────────────────────────────────────────────────────────────────────────────────

plain("bare ampersand", rss("<item><title>AT&T results</title><guid>1</guid></item>"), items=1)
plain(
    "undeclared entity",
    rss("<item><title>a&nbsp;b &mdash; c</title><guid>1</guid></item>"),
    items=1,
)
plain("blank lines first", b"\n\n  \r\n" + rss())
plain("a notice first", b"<br />\n<b>Notice</b>: Undefined index in feed.php\n" + rss())
plain("a comment last", rss(more="<!-- cached -->\n<!-- served in 0.3 s -->"))
plain("rubbish last", rss(more="<script>track()</script>"))
plain(
    "unclosed element",
    rss("<item><title>One<link>https://outlet.example/1</link></item>" + item(2)),
    items=1,
)
plain(
    "broken beyond feedparser",  # which fails on the second of these with a KeyError
    rss(item(1) + "<item></link><pubDate></rss></item><</link>" + item(2)),
    items=2,
)
plain(
    "undeclared prefix",
    rss("<item><title>One</title><media:title>x</media:title><guid>1</guid></item>"),
    items=1,
)
plain(
    "honest entities",
    rss(
        "<item><title>&org; says &copyright;</title><guid>1</guid></item>",
        prolog='<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY org "Agency">'
        '<!ENTITY copyright "&#169;">]>',
    ),
    items=1,
)
plain(
    "a dtd of long ago",
    rss(prolog='<?xml version="1.0"?><!DOCTYPE rss SYSTEM "http://127.0.0.1:1/rss-0.91.dtd">'),
)
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
plain(
    "billion laughs",
    rss(
        "<item><title>&l9;</title><guid>1</guid></item>",
        prolog=f'<!DOCTYPE rss [<!ENTITY l0 "ha">{_LAUGHS}]>',
    ),
    items=1,
)
plain(
    "quadratic blow up",
    rss(
        f"<item><title>{'&a;' * 50_000}</title><guid>1</guid></item>",
        prolog=f'<!DOCTYPE rss [<!ENTITY a "{"x" * 50_000}">]>',
    ),
    items=1,
)
plain(
    "a local file as entity",
    rss(
        "<item><title>x &f; y</title><guid>1</guid></item>",
        prolog='<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
    ),
    items=1,
)
plain(
    "parameter entities",
    rss(
        "<item><title>One</title><guid>1</guid></item>",
        prolog='<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
    ),
    items=1,
)
plain(
    "deep nesting",
    rss("<item><title>One</title><description>" + "<b>" * 20_000 + "x</description></item>"),
    items=1,
)
plain(
    "one huge attribute",
    rss(f"<item><title>One</title><guid a='{'x' * 2_000_000}'>1</guid></item>"),
    items=1,
)
plain(
    "ten thousand items",
    rss("".join(f"<item><guid>{n}</guid><title>T{n}</title></item>" for n in range(10_000))),
    items=5_000,
)
plain(
    "text of a megabyte",
    rss(f"<item><title>One</title><description>{'word ' * 200_000}</description></item>"),
    items=1,
)
plain(
    "script in a title",
    rss("<item><title>&lt;script&gt;alert(1)&lt;/script&gt;News</title><guid>1</guid></item>"),
    items=1,
)
plain(
    "a javascript link",
    rss("<item><title>One</title><link>javascript:alert(1)</link><guid>1</guid></item>"),
    items=1,
)
plain("the same guid three times", rss(item(1) + item(1) + item(1)), items=1)
plain(
    "entries that say nothing",
    rss("<item></item><item><pubDate>x</pubDate></item>" + item(1)),
    items=1,
)

# ── Packed ───────────────────────────────────────────────────────────────────────────────────────


def deflated(data: bytes, wbits: int = 15) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return packer.compress(data) + packer.flush()


def brotlied(data: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(data, quality=5))


def zstandard(data: bytes) -> bytes:
    from backports import zstd

    return bytes(zstd.compress(data))


plain("gzip", gzip.compress(rss()), Content_Encoding="gzip")
plain(
    "gzip in two members",
    gzip.compress(rss()[:99]) + gzip.compress(rss()[99:]),
    Content_Encoding="gzip",
)
plain("gzip with padding", gzip.compress(rss()) + b"\0" * 64, Content_Encoding="gzip")
plain("gzip unannounced", gzip.compress(rss()))
plain("gzip announced but plain", rss(), Content_Encoding="gzip")
plain("deflate", deflated(rss()), Content_Encoding="deflate")
plain("raw deflate", deflated(rss(), -15), Content_Encoding="deflate")
plain("brotli", brotlied(rss()), Content_Encoding="br")
plain("zstd", zstandard(rss()), Content_Encoding="zstd")
plain("packed twice", brotlied(gzip.compress(rss())), Content_Encoding="gzip, br")
plain("packed thrice", gzip.compress(b"x"), "encoding", Content_Encoding="gzip, gzip, gzip")
plain("packed in an unknown way", rss(), "encoding", Content_Encoding="compress")
plain("gzip cut short", gzip.compress(rss())[:-20], "truncated", Content_Encoding="gzip")
plain("brotli cut short", brotlied(rss())[:-20], "truncated", Content_Encoding="br")
plain("zstd cut short", zstandard(rss())[:-20], "truncated", Content_Encoding="zstd")
plain("gzip damaged", gzip.compress(rss())[:40] + b"\xff" * 40, "encoding", Content_Encoding="gzip")
_ZEROS = b"\0" * 64_000_000
_bombs: dict[str, bytes] = {}
BOMBS = ("gzip", "deflate", "br", "zstd", "gzip, gzip")


def bomb(kind: str) -> bytes:
    """64 MB of nothing, packed; made when first asked for."""
    if kind not in _bombs:
        pack = {"gzip": gzip.compress, "deflate": deflated, "br": brotlied, "zstd": zstandard}
        if kind == "gzip, gzip":
            _bombs[kind] = gzip.compress(bomb("gzip"))
        else:
            _bombs[kind] = pack[kind](_ZEROS)
    return _bombs[kind]


def _bomb_behaviour(kind: str) -> None:
    async def respond(peer: Peer) -> None:
        await peer.reply(bomb(kind), Content_Encoding=kind)

    BEHAVIOURS[f"bomb in {kind}".replace(",", " and")] = Behaviour(respond, "too-large")


for _kind in BOMBS:
    _bomb_behaviour(_kind)


# ── Bodies that are too long, too short, or none ─────────────────────────────────────────────────


@behaviour("truncated")
async def shorter_than_announced(peer: Peer) -> None:
    await peer.reply(rss()[:200], Content_Length=str(len(rss())))


@behaviour("truncated")
async def cut_without_a_length(peer: Peer) -> None:
    await peer.head(Content_Type="text/xml")
    await peer.send(rss()[:-40])


@behaviour("truncated")
async def cut_in_a_chunk(peer: Peer) -> None:
    await peer.chunks(rss()[:150], end=False)


@behaviour("truncated")
async def reset_in_the_middle(peer: Peer) -> None:
    await peer.reply(rss()[:200], Content_Length=str(len(rss())))
    await asyncio.sleep(0.02)
    peer.reset()


@behaviour("truncated")
async def cut_json(peer: Peer) -> None:
    await peer.reply(b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1"')


@behaviour("truncated")
async def length_that_cuts(peer: Peer) -> None:
    await peer.reply(rss(), Content_Length=str(len(rss()) - 60))


@behaviour("ok")
async def a_line_too_many(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(rss()))
    await peer.send(rss() + b"\r\n")


@behaviour("ok")
async def in_chunks(peer: Peer) -> None:
    await peer.chunks(*(rss()[n : n + 7] for n in range(0, len(rss()), 7)))


@behaviour("ok")
async def until_it_closes(peer: Peer) -> None:
    await peer.head(Content_Type="text/xml")
    await peer.send(rss())


@behaviour("too-large")
async def announced_as_huge(peer: Peer) -> None:
    await peer.head(Content_Length="900000000000")
    await peer.forever(b"x" * 65_536)


@behaviour("too-large")
async def without_an_end(peer: Peer) -> None:
    await peer.head(Transfer_Encoding="chunked")
    await peer.forever(b"10000\r\n" + b"<" * 65_536 + b"\r\n")


plain("empty", b"", "empty")
plain("only blanks", b" \n\t\r\n  ", "empty")
status("no content", "204 No Content", "http")
plain(
    "a web page",
    b"<!DOCTYPE html><html><head><title>Hello</title></head><body>Hi</body></html>",
    "html",
)
plain(
    "a web page as a feed",
    b"\n<html lang='en'><body>Log in</body></html>",
    "html",
    Content_Type="application/rss+xml",
)
plain(
    "some other xml",
    b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'></svg>",
    "not-a-feed",
)
plain(
    "a sitemap",
    b"<?xml version='1.0'?><urlset><url><loc>https://a.example/</loc></url></urlset>",
    "not-a-feed",
)
plain("some other json", b'{"error": "no such thing"}', "not-a-feed")
plain(
    "json nested too deeply", b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not-a-feed"
)
plain("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "not-a-feed")
plain("plain words", b"Service temporarily unavailable", "not-a-feed")

# ── Slow ─────────────────────────────────────────────────────────────────────────────────────────


@behaviour("timeout")
async def no_answer_at_all(peer: Peer) -> None:
    await peer.hang()


@behaviour("timeout")
async def head_and_then_nothing(peer: Peer) -> None:
    await peer.head(Content_Length="1000")
    await peer.hang()


@behaviour("timeout")
async def head_in_drops(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\n")
    await peer.forever(b"X-Drop: 1\r\n", every=0.05)


@behaviour("timeout")
async def body_in_drops(peer: Peer) -> None:
    await peer.head(Content_Length="100000")
    await peer.forever(b"<", every=0.05)


@behaviour("timeout")
async def redirects_in_drops(peer: Peer) -> None:
    await asyncio.sleep(0.3)
    await peer.reply(b"", "302 Found", Location=f"/redirects-in-drops?{peer.server.asked.total()}")


@behaviour("ok")
async def slow_but_sure(peer: Peer) -> None:
    body = rss()
    await peer.head(Content_Length=str(len(body)))
    for start in range(0, len(body), 300):
        await peer.send(body[start : start + 300])
        await asyncio.sleep(0.01)


# ── Not HTTP ─────────────────────────────────────────────────────────────────────────────────────


@behaviour("protocol")
async def closes_at_once(peer: Peer) -> None:
    peer.writer.close()


@behaviour("connect")
async def resets_at_once(peer: Peer) -> None:
    peer.reset()


@behaviour("protocol")
async def speaks_something_else(peer: Peer) -> None:
    await peer.send(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


@behaviour("protocol")
async def a_header_of_a_megabyte(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000 + b"\r\n\r\n")


@behaviour("protocol")
async def headers_without_end(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\n")
    await peer.forever(b"X-Header: value\r\n" * 1_000)


@behaviour("protocol")
async def two_lengths(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456")


@behaviour("protocol")
async def a_length_below_nothing(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")


@behaviour("protocol")
async def a_chunk_that_is_none(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")


# ── Statuses ─────────────────────────────────────────────────────────────────────────────────────

status("unauthorised", "401 Unauthorized", "unauthorised")
status("forbidden", "403 Forbidden", "forbidden")
status("not found", "404 Not Found", "not-found", b"<html>Not found</html>")
status("gone", "410 Gone", "gone")
status("legal reasons", "451 Unavailable For Legal Reasons", "http")
status("server error", "500 Internal Server Error", "server", rss())
status("bad gateway", "502 Bad Gateway", "server")
status("out of service", "503 Service Unavailable", "server", Retry_After="120")
status("a teapot", "418 I'm a teapot", "http")
status("an odd status", "999 No", "server")
status("partial content", "206 Partial Content", "http", rss())
status("accepted", "202 Accepted", "http", b"<html>wait</html>")
status("multiple choices", "300 Multiple Choices", "http")
status("too many requests in seconds", "429 Too Many Requests", "rate-limited", Retry_After="3600")
status(
    "too many requests with a date",
    "429 Too Many Requests",
    "rate-limited",
    Date=format_datetime(NOW, usegmt=True),
    Retry_After=format_datetime(NOW + timedelta(hours=2), usegmt=True),
)
status("unchanged although unasked", "304 Not Modified", "not-modified")
status(
    "challenge of a front server",
    "403 Forbidden",
    "challenge",
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>",
    Server="cloudflare",
    cf_mitigated="challenge",
)
status(
    "challenge that says ok",
    "200 OK",
    "challenge",
    b"<html><head><title>Attention Required! | Cloudflare</title></head></html>",
)
status(
    "consent page",
    "200 OK",
    "consent",
    b"<!doctype html><html><head><title>Before you continue</title></head></html>",
)

# ── Redirects ────────────────────────────────────────────────────────────────────────────────────


def redirect(name: str, target: str, expect: str, *, line: str = "302 Found") -> None:
    """``{base}`` in the target is this server."""

    async def respond(peer: Peer) -> None:
        base = f"http://{peer.server.host}:{peer.server.port}"
        await peer.reply(b"", line, Location=target.format(base=base, port=peer.server.port))

    BEHAVIOURS[name] = Behaviour(respond, expect)


redirect("moved for good", "{base}/rss-2", "ok", line="301 Moved Permanently")
redirect("moved for good 308", "/rss-2", "ok", line="308 Permanent Redirect")
redirect("moved for now", "/rss-2", "ok")
redirect("moved for now 307", "rss-2", "ok", line="307 Temporary Redirect")
redirect("see other", "//127.0.0.1:{port}/rss-2", "ok", line="303 See Other")
redirect("to itself", "/to-itself", "redirect-loop")
redirect("ping", "/pong", "redirect-loop")
redirect("pong", "/ping", "redirect-loop")
redirect("to nowhere", "", "redirect")
redirect("to a bad address", "http://[::1", "redirect")
redirect("to a file", "file:///etc/passwd", "url")
redirect("to ftp", "ftp://127.0.0.1/x", "url")
redirect("to gopher", "gopher://127.0.0.1:25/x", "url")
redirect("to data", "data:text/xml,<rss/>", "url")
redirect("to javascript", "javascript:alert(1)", "url")
redirect("to a login page", "/a-web-page", "html", line="301 Moved Permanently")

# Spellings of an address that are no URL by the standard: refused before anything is resolved.
ODD_SPELLINGS = {"0177.0.0.2": "redirect", "127.2": "url", "127.1.1": "url", "2130706434": "url"}
PRIVATE = (
    "127.0.0.2", "127.2", "127.1.1", "2130706434", "0x7f000002", "0177.0.0.2", "10.0.0.1", "172.16.0.1",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "192.0.0.8", "198.18.0.1",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "[::1]", "[::]", "[::ffff:127.0.0.2]",
    "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fc00::1]", "[fd12:3456::1]",
    "[fec0::1]", "[ff02::1]", "[64:ff9b::7f00:2]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]",
    "[2002:7f00:2::1]", "[2002:a00:1::]", "[2001:0:7f00:2::]", "[2001:db8::1]", "[::7f00:2]",
    "user@127.0.0.2", "outlet.example@127.0.0.2",
)  # fmt: skip
for _address in PRIVATE:
    redirect(
        f"into {_address}",
        f"http://{_address}:{{port}}/canary",
        ODD_SPELLINGS.get(_address, "forbidden-address"),
    )


@behaviour("redirect")
async def six_times(peer: Peer) -> None:
    number = int(peer.path.partition("?")[2] or 0)
    await peer.reply(b"", "302 Found", Location=f"/six-times?{number + 1}")


@behaviour("ok")
async def five_times(peer: Peer) -> None:
    number = int(peer.path.partition("?")[2] or 0)
    target = "/rss-2" if number == 4 else f"/five-times?{number + 1}"
    await peer.reply(b"", "302 Found", Location=target)


@behaviour("ok")
async def asks_for_a_cookie(peer: Peer) -> None:
    if "seen=1" in peer.headers.get("cookie", ""):
        await peer.reply(rss())
    else:
        await peer.reply(b"", "302 Found", Location=peer.path, Set_Cookie="seen=1; Path=/")
