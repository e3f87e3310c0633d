"""The only way to the network: an httpx transport that checks each address when it connects.

A name is resolved once for a connection, its addresses are judged, and one of those is dialled; so a
name that answers differently the next time gains nothing. TLS still verifies the name.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, cast

import httpcore
import httpx

from monitor.errors import FetchError
from monitor.fetch.addresses import AddressRule
from monitor.fetch.names import Resolve, resolve

_POOLS_KEPT = 64  # hosts whose connections stay open for the next request
_KEEPALIVE = 5.0  # seconds; polls of one feed are minutes apart, feeds of one host seconds


class RefusedAddressError(Exception):
    """Every address of a host is one that feeds may not be on."""


class UnknownHostError(Exception):
    """A name that does not resolve."""


class SlowNameError(Exception):
    """A name whose servers do not answer in time."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, judges, dials."""

    def __init__(self, rule: AddressRule, resolve: Resolve = resolve) -> None:
        self._rule = rule
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self.permitted(host, port, timeout)
        problem: Exception = httpcore.ConnectError("no address")
        for address in addresses[:4]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def permitted(self, host: str, port: int, seconds: float | None) -> list[str]:
        """Addresses of a host that may be dialled.

        Raises UnknownHostError, RefusedAddressError, SlowNameError after so many seconds.
        """
        host = host.strip("[]")
        try:
            async with asyncio.timeout(seconds):
                found = await self._resolve(host, port)
        except TimeoutError:
            raise SlowNameError(host) from None
        except (OSError, UnicodeError):
            raise UnknownHostError(host) from None
        good = [each for each in found if self._rule.permits(each)]
        if not good:
            raise RefusedAddressError(host)
        return good

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise RefusedAddressError(path)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpcore below httpx, with a small pool of connections for each host.

    One pool for all hosts grows slow with their number, and a pool of five costs least.
    """

    def __init__(
        self,
        *,
        rule: AddressRule,
        per_host: int,
        proxy: str = "",
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._backend = GuardedBackend(rule, resolve)
        self._per_host = per_host
        self._proxy = proxy
        self._tls = tls
        self._pools: OrderedDict[tuple[str, str, int], httpcore.AsyncConnectionPool] = OrderedDict()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises FetchError."""
        host = request.url.host
        try:
            if self._proxy:  # it resolves by itself: the name is judged here at least
                limits = request.extensions.get("timeout", {})
                port = request.url.port or 80
                await self._backend.permitted(host, port, limits.get("connect"))
            answer = await self._pool(request.url).handle_async_request(_to_core(request))
        except Exception as error:
            raise as_fetch_error(error, host) from error
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Stream(cast(AsyncIterable[bytes], answer.stream), host),
            extensions=answer.extensions,
        )

    def _pool(self, url: httpx.URL) -> httpcore.AsyncConnectionPool:
        key = (url.scheme, url.host, url.port or 0)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._new_pool(url.scheme == "https")
        self._pools.move_to_end(key)
        return pool

    def _new_pool(self, secure: bool) -> httpcore.AsyncConnectionPool:
        if secure and self._tls is None:  # reading the certificates takes a moment
            self._tls = httpx.create_ssl_context(trust_env=False)
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            proxy=httpcore.Proxy(self._proxy) if self._proxy else None,
            max_connections=self._per_host,
            keepalive_expiry=_KEEPALIVE,
            network_backend=httpcore.AnyIOBackend() if self._proxy else self._backend,
        )

    async def tidy(self) -> None:
        """Closes the pools that were not used for longest, if they are idle."""
        for key in list(self._pools)[:-_POOLS_KEPT]:
            pool = self._pools[key]
            if all(each.is_idle() or each.is_closed() for each in pool.connections):
                del self._pools[key]
                await pool.aclose()

    async def aclose(self) -> None:
        while self._pools:
            _, pool = self._pools.popitem()
            with suppress(Exception):
                await pool.aclose()


class _Stream(httpx.AsyncByteStream):
    """The body as it comes, with failures in this product's terms."""

    def __init__(self, inner: AsyncIterable[bytes], host: str) -> None:
        self._inner = inner
        self._host = host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                yield chunk
        except httpcore.RemoteProtocolError as error:
            if "closed connection" not in str(error):
                raise as_fetch_error(error, self._host) from error
            raise FetchError(
                f"{self._host} ended its answer before the end ({_words(error)})", kind="truncated"
            ) from error
        except httpcore.ReadError as error:
            raise FetchError(
                f"{self._host} broke the connection in the middle of its answer", kind="truncated"
            ) from error
        except Exception as error:
            raise as_fetch_error(error, self._host) from error

    async def aclose(self) -> None:
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            with suppress(Exception):
                await close()


def _to_core(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def as_fetch_error(error: Exception, host: str) -> Exception:
    """A failure of the network in plain words; what is none is returned as it is."""
    problem = kind = remedy = ""
    match error:
        case FetchError():
            return error
        case RefusedAddressError():
            kind = "forbidden-address"
            problem = f"{host} is not on a public address"
            remedy = "If it is a server of your own, name its network in fetch.allow_networks."
        case UnknownHostError():
            kind, problem = "dns", f"{host} is not known (no address for this name)"
            remedy = "Check the spelling of the address, and that this machine can resolve names."
        case SlowNameError():
            kind, problem = "dns", f"the address of {host} could not be found out in time"
            remedy = "Its name servers do not answer, or this machine cannot reach any."
        case httpcore.ConnectTimeout():
            kind, problem = "timeout", f"{host} did not answer in time"
        case httpcore.ReadTimeout() | httpcore.WriteTimeout() | httpcore.PoolTimeout():
            kind, problem = "timeout", f"{host} stopped sending before its answer was complete"
        case httpcore.ConnectError() if _is_tls(error):
            kind, problem = "tls", f"{host} offers no valid certificate ({_words(error)})"
        case httpcore.ConnectError():
            kind, problem = "connect", f"{host} cannot be reached ({_words(error)})"
        case httpcore.RemoteProtocolError():
            kind, problem = "protocol", f"{host} does not speak HTTP properly ({_words(error)})"
        case httpcore.ReadError() | httpcore.WriteError():
            kind, problem = "connect", f"{host} broke the connection"
        case httpcore.ProxyError():
            kind, problem = "proxy", f"the proxy refused ({_words(error)})"
        case httpcore.LocalProtocolError() | httpcore.UnsupportedProtocol():
            kind, problem = "url", f"{host} cannot be asked ({_words(error)})"
        case _:
            return error
    return FetchError(problem, kind=kind, subject=host, remedy=remedy)


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _words(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return "".join(each if each.isprintable() else " " for each in text)[:200]
