"""Bodies that are too long, too short, slow or none, and answers that are no HTTP."""

from __future__ import annotations

import asyncio

from tests.ingest.hostile.server import (
    Peer,
    behaviour,
    plain,
    rss,
    status,
)

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
