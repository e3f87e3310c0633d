"""Before any route: path prefix, Host allow-list, same-origin check, body cap, security headers.

A pure ASGI wrapper, so that nothing that answers (routes, errors, static files) goes around it.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from monitor.web.installation import WebSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 1_000_000  # bytes of a form or a JSON body
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Mail programs end a subscription by POST without a browser's headers (RFC 8058); the token is the key.
BY_TOKEN = re.compile(r"/(unsubscribe|acknowledge)/[^/]+")

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # no-referrer would make browsers send "Origin: null" with our own forms
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class Gate:
    """``app`` behind the checks."""

    def __init__(self, app: App, settings: WebSettings) -> None:
        self._app = app
        self._prefix = prefix_of(settings)
        self._hosts = allowed_hosts(settings)
        self._https = settings.public_url.startswith("https://")
        self._public = _origin_of(settings.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refused = self._refused(scope, headers)
        if refused is not None:
            await _answer(send, *refused)
            return
        inner = self._without_prefix(scope)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            await _answer(send, 413, "This is too long.")
            return
        if (
            scope["method"] == "HEAD"
        ):  # as any watchdog may ask: what GET would say, without saying it
            inner, send = {**inner, "method": "GET"}, _silent(send)
        await self._app(inner, _capped(receive), self._with_headers(send))

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._host_is_ours(host):
            return 421, (
                "These pages do not answer to that name. Set [web] public_url to the address by "
                "which they are reached."
            )
        if scope["method"] in SAFE or BY_TOKEN.fullmatch(self._without_prefix(scope)["path"]):
            return None
        if not self._same_origin(headers, host):
            return 403, "This did not come from these pages: open the page again and retry there."
        return None

    def _host_is_ours(self, host: str) -> bool:
        """Names of the list; and addresses, since rebinding a name to us needs a name."""
        name = host_name(host)
        return name in self._hosts or _is_address(name)

    def _same_origin(self, headers: dict[str, str], host: str) -> bool:
        """Browsers send Origin with every POST; who sends neither header is no browser."""
        site = headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        origin = headers.get("origin") or headers.get("referer")
        if origin is None:
            return site is not None or "cookie" not in headers
        found = _origin_of(origin)
        if found is None:
            return False
        return found == self._public or found[1] == host.lower()

    def _without_prefix(self, scope: Scope) -> Scope:
        """Proxies forward the prefix, or take it away: both work."""
        path = scope["path"]
        if self._prefix and (path == self._prefix or path.startswith(self._prefix + "/")):
            return {**scope, "path": path[len(self._prefix) :] or "/"}
        return scope

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                extra = [each for each in HEADERS if each[0] not in given]
                if self._https:
                    extra.append((b"strict-transport-security", b"max-age=31536000"))
                if b"cache-control" not in given:
                    extra.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        return sending


def _silent(send: Send) -> Send:
    """Headers alone."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending


def prefix_of(settings: WebSettings) -> str:
    """The path below which the pages are: ``"/monitor"`` or ``""``."""
    return urlsplit(settings.public_url).path.rstrip("/") if settings.public_url else ""


def allowed_hosts(settings: WebSettings) -> frozenset[str]:
    """Names by which the pages may be asked for."""
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    own = {"localhost", settings.host.lower(), socket.gethostname().lower()}
    return frozenset(own | set(settings.hosts) | ({public.lower()} if public else set()))


def host_name(host: str) -> str:
    """``[::1]:8080`` → ``::1``, ``Example.org:80`` → ``example.org``; ``""`` where it is no host."""
    if re.search(r"[\s/@\\]", host):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _origin_of(url: str) -> tuple[str, str] | None:
    """(scheme, host with port), lower case; None for ``null`` and other nonsense."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return parts.scheme, parts.netloc.lower()


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in scope["headers"]}


def _capped(receive: Receive) -> Receive:
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            return {"type": "http.disconnect"}
        return message

    return receiving


async def _answer(send: Send, status: int, words: str) -> None:
    body = words.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
