"""Names to addresses, in threads of their own: a name server that hangs holds up nobody else.

A thread that waits in ``getaddrinfo`` cannot be called back. So these threads are not those of the
event loop, which also store what came; a name that is being asked for is not asked for twice; and
they do not keep the process from ending.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_MOST_THREADS = 64  # so many names may hang before others have to wait for them


class Lookups:
    """Questions to the system's resolver. Safe from any event loop and thread."""

    def __init__(self, threads: int = _MOST_THREADS) -> None:
        self._threads = threads
        self._running = 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[tuple[str, int], Future[list[str]]]] = deque()
        self._asked: dict[tuple[str, int], Future[list[str]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Numeric addresses of a host, as the system orders them. Raises OSError, UnicodeError."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def tell(found: Future[list[str]]) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_hand_over, found, answer)

        self._ask(host, port).add_done_callback(tell)
        return await answer

    def _ask(self, host: str, port: int) -> Future[list[str]]:
        key = (host, port)
        with self._lock:
            found = self._asked.get(key)
            if found is not None:
                return found
            found = self._asked[key] = Future()
            self._waiting.append((key, found))
            if self._running < self._threads:
                self._running += 1
                threading.Thread(target=self._work, name="names", daemon=True).start()
            return found

    def _work(self) -> None:
        """In a thread: answers until nothing waits."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                (host, port), found = self._waiting.popleft()
            try:
                rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(each[4][0]) for each in rows))
            except Exception as error:
                self._forget(host, port)
                found.set_exception(error)
            else:
                self._forget(host, port)
                found.set_result(addresses)

    def _forget(self, host: str, port: int) -> None:
        with self._lock:
            del self._asked[host, port]


def _hand_over(found: Future[list[str]], answer: asyncio.Future[list[str]]) -> None:
    if answer.done():  # who asked has given up
        return
    error = found.exception()
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(found.result())


resolve: Resolve = Lookups().resolve
