"""One feed's answer, read to its end within every limit, or a FetchError that says why not."""

from __future__ import annotations

import asyncio
import ssl
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_to_bytes

import httpx

from monitor import __version__
from monitor.errors import FetchError
from monitor.fetch.addresses import AddressRule
from monitor.fetch.answers import retry_after, standing_in, status_error
from monitor.fetch.decoding import ACCEPTED, Body
from monitor.fetch.light import LightTransport
from monitor.fetch.names import Resolve, resolve
from monitor.fetch.politeness import Politeness
from monitor.fetch.settings import FetchSettings
from monitor.fetch.transport import GuardedTransport
from monitor.model import Feed, Fetched, Validators

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_KEPT_HEADERS = frozenset({"cache-control", "expires", "age", "date", "retry-after"})
_ERROR_BODY = 65_536  # bytes of an error page that are looked at
_ASKED_TOO_OFTEN = 60.0  # seconds that a host is left alone after a 429 that names no time
_NO_VALIDATORS = Validators()

May = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One response, redirects not followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int


@dataclass(slots=True)
class _Edge:
    """What belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    transport: GuardedTransport | LightTransport
    politeness: Politeness


class HttpFetcher:
    """See ``monitor.protocols.Fetcher``. Safe for any number of fetches at once."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._tls = tls  # None = the authorities that this machine trusts
        self._resolve = resolve
        self._agent = settings.agent(__version__)
        self._edge: _Edge | None = None
        self._held: dict[str, float] = {}  # host → until when on the monotonic clock

    async def fetch(
        self,
        feed: Feed,
        *,
        validators: Validators = _NO_VALIDATORS,
        now: datetime,
        may: May | None = None,
    ) -> Fetched:
        """The feed's document, or that it is unchanged. Raises FetchError.

        Waiting for the host's turn does not count against the time limit. ``may`` is awaited with the
        address of every redirect before that is asked, and raises where it must not be.
        """
        chain = _Chain(self, feed, validators, now, may)
        try:
            fetched = await chain.follow()
        except FetchError as error:
            error.subject = error.subject or feed.id
            raise
        return fetched

    def hold(self, url: str, seconds: float) -> None:
        """Leaves the host of a URL alone for so long: known from an earlier run."""
        host = httpx.URL(url).host
        self._held[host] = max(self._held.get(host, 0.0), time.monotonic() + seconds)
        if self._edge is not None:
            self._edge.politeness.block(host, seconds)

    def blocked(self) -> dict[str, float]:
        """Hosts that asked to be left alone → seconds that are left of it."""
        return self._edge.politeness.blocked() if self._edge is not None else {}

    def waits(self, url: str) -> float:
        """Seconds that the host of a URL still wants to be left alone; 0 = none."""
        return self._bound().politeness.blocked_for(httpx.URL(url).host)

    async def aclose(self) -> None:
        edge, self._edge = self._edge, None
        if edge is not None and edge.loop is asyncio.get_running_loop():
            await edge.transport.aclose()

    def _bound(self) -> _Edge:
        """Connections and turns of the running loop; one-shot commands have several loops."""
        loop = asyncio.get_running_loop()
        if self._edge is None or self._edge.loop is not loop:
            settings = self._settings
            self._edge = _Edge(
                loop,
                self._new_transport(),
                Politeness(
                    concurrency=settings.concurrency,
                    per_host=settings.per_host,
                    interval=settings.host_interval.total_seconds(),
                ),
            )
            for host, until in self._held.items():
                self._edge.politeness.block(host, until - time.monotonic())
        return self._edge

    def _new_transport(self) -> GuardedTransport | LightTransport:
        """aiohttp costs least; what goes through a proxy goes by httpcore."""
        settings, rule = self._settings, AddressRule(self._settings.allow_networks)
        if settings.proxy:
            return GuardedTransport(
                rule=rule,
                per_host=settings.per_host,
                proxy=settings.proxy,
                resolve=self._resolve,
                tls=self._tls,
            )
        return LightTransport(
            rule=rule,
            per_host=settings.per_host,
            connect_timeout=settings.connect_timeout.total_seconds(),
            resolve=self._resolve,
            tls=self._tls,
        )


class _Chain:
    """One fetch: a request and the redirects that it leads to."""

    def __init__(
        self,
        fetcher: HttpFetcher,
        feed: Feed,
        validators: Validators,
        now: datetime,
        may: May | None = None,
    ) -> None:
        self._may = may
        self._settings = fetcher._settings
        self._agent = fetcher._agent
        self._edge = fetcher._bound()
        self._feed = feed
        self._validators = validators
        self._now = now
        self._left = self._settings.timeout.total_seconds()
        self._wire_bytes = 0
        self._cookies = httpx.Cookies()

    async def follow(self) -> Fetched:
        url = first = web_url(self._feed.url)
        seen: set[str] = set()
        moved, holding = "", True  # where the unbroken run of permanent redirects leads
        for _ in range(self._settings.max_redirects + 1):
            answer = await self._ask(url, home=_origin(url) == _origin(first))
            if answer.status not in _REDIRECTS:
                return self._fetched(url, answer, moved)
            target = self._target(url, answer)
            holding = holding and answer.status in _PERMANENT
            moved = str(target) if holding else moved
            if str(target) in seen and "set-cookie" not in answer.headers:
                raise FetchError(
                    f"{url.host} sends us round in a circle",
                    kind="redirect-loop",
                    status=answer.status,
                )
            seen.add(str(target))
            if self._may is not None:
                await self._may(str(target))
            url = target
        raise FetchError(
            f"{first.host} redirects more than {self._settings.max_redirects} times",
            kind="redirect",
            remedy="Open the address in a browser and subscribe to where it ends.",
        )

    async def _ask(self, url: httpx.URL, *, home: bool) -> _Answer:
        """One request in its host's turn, within what is left of the time."""
        request = self._request(url, home=home)
        async with self._edge.politeness.turn(url.host):
            started = time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, self._left)):
                    answer = await self._read(request)
            except TimeoutError:
                raise FetchError(
                    f"{url.host} took longer than {self._settings.timeout.total_seconds():g} s "
                    "for its whole answer",
                    kind="timeout",
                    wire_bytes=self._wire_bytes,
                ) from None
            finally:
                self._left -= time.monotonic() - started
        self._wire_bytes += answer.wire_bytes
        if answer.status in (429, 503):
            asked = retry_after(answer.headers, self._now)
            if asked is not None:
                self._edge.politeness.block(url.host, asked.total_seconds())
            elif answer.status == 429:
                self._edge.politeness.block(url.host, _ASKED_TOO_OFTEN)
        await self._edge.transport.tidy()
        return answer

    async def _read(self, request: httpx.Request) -> _Answer:
        response = await self._edge.transport.handle_async_request(request)
        try:
            headers = _plain(response.headers.raw)
            whole = response.status_code in (200, 203)
            body = Body(
                headers.get("content-encoding", ""),
                max_bytes=self._settings.max_bytes if whole else _ERROR_BODY,
                host=request.url.host,
            )
            content = b""
            if whole:
                content = await _collect(response, body)
            elif response.status_code != 304:
                with suppress(FetchError):  # only looked at for what it says
                    content = await _collect(response, body)
            if "set-cookie" in headers:
                response.request = request
                self._cookies.extract_cookies(response)
            return _Answer(
                status=response.status_code,
                headers=headers,
                body=content,
                wire_bytes=body.wire_bytes,
            )
        finally:
            await response.aclose()

    def _request(self, url: httpx.URL, *, home: bool) -> httpx.Request:
        headers = {
            "user-agent": self._agent,
            "accept": _ACCEPT,
            "accept-encoding": ACCEPTED,
        }
        if self._validators.etag:
            headers["if-none-match"] = self._validators.etag
        if self._validators.last_modified:
            headers["if-modified-since"] = self._validators.last_modified
        if home:  # what is meant for one site is told to no other
            headers |= {key.lower(): value for key, value in self._feed.headers.items()}
            if given := web_url(self._feed.url).userinfo:
                login = b64encode(unquote_to_bytes(given)).decode()
                headers.setdefault("authorization", f"Basic {login}")
        settings = self._settings
        request = httpx.Request(
            "GET",
            url.copy_with(userinfo=b""),
            headers=[(key.encode("latin-1"), _header(value)) for key, value in headers.items()],
            extensions={
                "timeout": {
                    "connect": settings.connect_timeout.total_seconds(),
                    "read": settings.read_timeout.total_seconds(),
                    "write": settings.read_timeout.total_seconds(),
                    "pool": None,
                }
            },
        )
        if self._cookies.jar:
            self._cookies.set_cookie_header(request)
        return request

    def _target(self, url: httpx.URL, answer: _Answer) -> httpx.URL:
        location = answer.headers.get("location", "").strip()
        if not location:
            raise FetchError(
                f"{url.host} redirects to nowhere ({answer.status} without Location)",
                kind="redirect",
                status=answer.status,
            )
        try:
            target = url.join(location.encode("latin-1", "replace").decode("utf-8", "replace"))
        except (httpx.InvalidURL, ValueError):
            raise FetchError(
                f"{url.host} redirects to an address that is none", kind="redirect"
            ) from None
        # a login that a site writes into an address is no business of ours, and would be shown
        return web_url(str(target.copy_with(fragment=None, userinfo=b"")))

    def _fetched(self, url: httpx.URL, answer: _Answer, moved: str) -> Fetched:
        host = url.host
        sent = self._validators.etag or self._validators.last_modified
        if answer.status == 304 and not sent:
            raise FetchError(
                f"{host} says that nothing changed although it was asked for everything",
                kind="not-modified",
                status=304,
            )
        problem = standing_in(answer.body, answer.headers, host)
        if problem is None and answer.status not in (200, 203, 304):
            problem = status_error(answer.status, answer.headers, host, self._now)
        if problem is not None:
            problem.status = answer.status
            problem.wire_bytes = self._wire_bytes
            if problem.retry_after is None:
                problem.retry_after = retry_after(answer.headers, self._now)
            raise problem
        unchanged = answer.status == 304
        if not unchanged and not answer.body.strip():
            raise FetchError(
                f"{host} answered with an empty document",
                kind="empty",
                status=answer.status,
                wire_bytes=self._wire_bytes,
            )
        kept = self._validators if unchanged else _NO_VALIDATORS
        return Fetched(
            url=self._feed.url,
            final_url=str(url),
            status=304 if unchanged else 200,
            body=answer.body,
            content_type=answer.headers.get("content-type", ""),
            validators=Validators(
                etag=answer.headers.get("etag") or kept.etag,
                last_modified=answer.headers.get("last-modified") or kept.last_modified,
            ),
            headers={key: value for key, value in answer.headers.items() if key in _KEPT_HEADERS},
            moved_permanently_to=moved,
            wire_bytes=self._wire_bytes,
            seconds=self._settings.timeout.total_seconds() - self._left,
        )


async def _collect(response: httpx.Response, body: Body) -> bytes:
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    async for chunk in stream:
        body.add(chunk)
    return body.finish()


def web_url(text: str) -> httpx.URL:
    """An http or https URL. Raises FetchError for anything else."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError):
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host:
        shown = "".join(each if each.isprintable() else " " for each in text)[:120]
        raise FetchError(
            f"{shown!r} is not a web address",
            kind="url",
            remedy="Feeds are fetched from http:// and https:// addresses only.",
        )
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _plain(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by lower-case name; bytes keep their value, so that an ETag goes back as it came."""
    found: dict[str, str] = {}
    for key, value in raw:
        name, text = key.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _header(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8")
