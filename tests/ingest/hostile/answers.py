"""Statuses, and redirects into places where nobody may go."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

from tests.ingest.hostile.server import (
    BEHAVIOURS,
    NOW,
    Behaviour,
    Peer,
    behaviour,
    rss,
    status,
)

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
status(
    "too many requests until the end of time",
    "429 Too Many Requests",
    "rate-limited",
    Retry_After="Fri, 31 Dec 9999 23:59:59 -0100",
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
