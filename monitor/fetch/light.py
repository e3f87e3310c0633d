"""The same way out by aiohttp below httpx's interface: a quarter of the computing time a request.

The guard is the same. A name's addresses are judged when it is resolved; and whatever is about to be
dialled is judged once more where its socket is made, which no literal address can pass by.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from monitor.errors import FetchError
from monitor.fetch.addresses import AddressRule
from monitor.fetch.names import Resolve, resolve
from monitor.fetch.transport import (
    GuardedBackend,
    RefusedAddressError,
    SlowNameError,
    UnknownHostError,
    as_fetch_error,
)

_KEEPALIVE = 5.0  # seconds
_LINE = 16_384  # bytes of one header line


class LightTransport(httpx.AsyncBaseTransport):
    """One session of aiohttp. Belongs to the event loop in which it is first used."""

    def __init__(
        self,
        *,
        rule: AddressRule,
        per_host: int,
        connect_timeout: float,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._rule = rule
        self._names = GuardedBackend(rule, resolve)
        self._per_host = per_host
        self._connect_timeout = connect_timeout
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises FetchError."""
        host = request.url.host
        limits = request.extensions.get("timeout", {})
        headers = CIMultiDict(
            (key.decode("latin-1"), value.decode("latin-1"))
            for key, value in request.headers.raw
            if key.lower() != b"connection"
        )
        secure = request.url.scheme == "https"
        try:
            answer = await self._open().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                allow_redirects=False,
                ssl=self._trusted() if secure else True,
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=limits.get("connect"), sock_read=limits.get("read")
                ),
            )
        except Exception as error:
            raise _in_our_words(error, host) from error
        return httpx.Response(
            status_code=answer.status,
            headers=list(answer.raw_headers),
            stream=_Stream(answer, host),
        )

    def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:  # reading the certificates takes a moment
            self._tls = httpx.create_ssl_context(trust_env=False)
        return self._tls

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                limit=0,  # the turns of hosts are the limit
                limit_per_host=self._per_host,
                resolver=_Resolver(self._names, self._connect_timeout),
                socket_factory=self._socket,
                use_dns_cache=False,
                keepalive_timeout=_KEEPALIVE,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                max_line_size=_LINE,
                max_field_size=_LINE,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            )
        return self._session

    def _socket(self, info: Any) -> socket.socket:
        """A socket for an address, if that may be dialled."""
        family, kind, protocol, _, address = info
        if not self._rule.permits(str(address[0])):
            raise RefusedAddressError(str(address[0]))
        return socket.socket(family, kind, protocol)

    async def tidy(self) -> None:
        """aiohttp closes idle connections by itself."""

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(
                0
            )  # aiohttp, "Graceful Shutdown": the sockets close in the next round


class _Resolver(AbstractResolver):
    def __init__(self, names: GuardedBackend, seconds: float) -> None:
        self._names = names
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._names.permitted(host, port, self._seconds)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class _Stream(httpx.AsyncByteStream):
    """The body as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse, host: str) -> None:
        self._answer = answer
        self._host = host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except Exception as error:
            raise _in_our_words(error, self._host, reading=True) from error

    async def aclose(self) -> None:
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


def _in_our_words(error: Exception, host: str, *, reading: bool = False) -> Exception:
    """A failure of aiohttp in this product's terms; what is none is returned as it is."""
    problem = kind = ""
    match error:
        case FetchError() | RefusedAddressError() | UnknownHostError() | SlowNameError():
            return as_fetch_error(error, host)
        case aiohttp.ClientConnectorDNSError():
            return as_fetch_error(UnknownHostError(host), host)
        case aiohttp.ServerTimeoutError() | TimeoutError():
            kind = "timeout"
            problem = f"{host} " + (
                "stopped sending before its answer was complete" if reading else "did not answer"
            )
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            kind, problem = "tls", f"{host} offers no valid certificate ({_objection(error)})"
        case aiohttp.ClientConnectorError():
            kind, problem = "connect", f"{host} cannot be reached ({_words(error)})"
        case _ if "Data after" in _words(error):
            kind, problem = "truncated", f"{host} sent more than the length it gave"
        case aiohttp.ClientPayloadError() if _is_bad_chunk(_words(error)):
            kind, problem = "protocol", f"{host} does not speak HTTP properly ({_words(error)})"
        case aiohttp.ClientPayloadError():
            kind, problem = "truncated", f"{host} ended its answer before the end"
        case aiohttp.ServerDisconnectedError() if not reading:
            kind, problem = "protocol", f"{host} closed the connection without an answer"
        case aiohttp.ClientOSError() | aiohttp.ServerDisconnectedError() | OSError():
            kind = "truncated" if reading else "connect"
            problem = f"{host} broke the connection"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            kind, problem = "url", f"{host} cannot be asked ({_words(error)})"
        case aiohttp.ClientError() | aiohttp.http_exceptions.HttpProcessingError():
            kind, problem = "protocol", f"{host} does not speak HTTP properly ({_words(error)})"
        case _:
            return error
    return FetchError(problem, kind=kind, subject=host)


def _is_bad_chunk(words: str) -> bool:
    return "TransferEncodingError" in words and "Not enough data" not in words


def _objection(error: BaseException) -> str:
    """What is wrong with a certificate, in the words of the library that looked at it."""
    cause: BaseException | None = error
    while cause is not None:
        for each in (cause, getattr(cause, "certificate_error", None)):
            if said := getattr(each, "verify_message", ""):
                return str(said).rstrip(".")
        cause = cause.__cause__
    return _words(error)


def _words(error: BaseException) -> str:
    causes = [str(error), str(error.__cause__ or "")]
    text = " ".join(dict.fromkeys(each.strip() for each in causes if each.strip()))
    text = text or type(error).__name__
    return "".join(each if each.isprintable() else " " for each in text)[:200]
