"""Parsing in processes of their own, so that no document stalls polling or the pages.

A process that takes too long, grows too large or dies is replaced; the document is reported. They are
started when first needed and end with this one: their pipe closes, whatever ends it.
"""

from __future__ import annotations

import asyncio
import json
import select
import signal
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from monitor.errors import ParseError
from monitor.model import Document, Feed, Fetched, Item
from monitor.parse.nursery import Nursery, NurseryLostError
from monitor.parse.page import Page
from monitor.parse.pipe import receive, send
from monitor.parse.wire import load, load_items, load_page

Normalise = Callable[[Document, Feed, datetime], Sequence[Item]]

_PAGE_SECONDS = 3.0  # of computing time for a web page; they are many, and nothing depends on one
_NO_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)  # where no date is read
_DOCUMENTS_EACH = 2_000  # after which a process is replaced, so that nothing can pile up in it


class ParserPool:
    """Worker processes for parsing. Safe from any event loop and thread.

    ``normalise`` is what makes items of a document there; the processes import it by its name.
    """

    def __init__(
        self,
        *,
        normalise: Normalise | None = None,
        workers: int = 2,
        cpu_seconds: float = 10.0,
        memory_bytes: int = 512 * 1024 * 1024,
        wall_seconds: float | None = None,
    ) -> None:
        self._normalise = normalise
        self._workers = workers
        self._cpu = cpu_seconds
        self._memory = memory_bytes
        self._wall = wall_seconds if wall_seconds is not None else max(30.0, 3 * cpu_seconds)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._nursery: Nursery | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def parse(self, fetched: Fetched, feed: Feed, now: datetime) -> Document:
        """Raises ParseError, also for a document that needs too much time or memory."""
        return load(await self._answer(fetched, feed, now, {}))

    async def items(
        self, fetched: Fetched, feed: Feed, now: datetime
    ) -> tuple[Document, tuple[Item, ...]]:
        """The document without its entries, and the items that they are. Raises ParseError."""
        if self._normalise is None:
            raise TypeError("this pool was not told how to make items")
        about = {"id": feed.id, "url": feed.url, "name": feed.name, "lang": feed.lang}
        answer = await self._answer(fetched, feed, now, {"feed": about})
        return load(answer), load_items(answer, feed.id)

    async def page(self, fetched: Fetched, feed: Feed) -> Page:
        """A web page's title, article and feeds. Raises ParseError for one that is too much."""
        more = {"page": True, "cpu_seconds": _PAGE_SECONDS}
        return load_page(await self._answer(fetched, feed, _NO_MOMENT, more))

    async def _answer(
        self, fetched: Fetched, feed: Feed, now: datetime, more: dict[str, Any]
    ) -> dict[str, Any]:
        ask = {
            "url": fetched.final_url,
            "content_type": fetched.content_type,
            "now": now.isoformat(),
        }
        loop = asyncio.get_running_loop()
        said = json.dumps(ask | more).encode("ascii")
        answer = await loop.run_in_executor(self._executor(), self._ask, said, fetched.body)
        _raise_for(answer, feed)
        return answer

    def close(self) -> None:
        """Ends the processes, busy or not; the next parse starts new ones."""
        with self._lock:
            threads, self._threads = self._threads, None
            workers, self._all, self._idle = self._all, set(), []
            nursery, self._nursery = self._nursery, None
        for worker in workers:
            worker.end()
        if nursery is not None:
            nursery.close()
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)

    def _executor(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="parse")
            return self._threads

    def _ask(self, ask: bytes, body: bytes) -> dict[str, Any]:
        """In a thread: hands one document to a process and waits for what it says."""
        worker = self._take()
        try:
            answer = worker.ask(ask, body)
        except BaseException:
            self._discard(worker)
            raise
        if answer.keys() & {"over", "died", "slow"} or worker.spent:
            self._discard(worker)
        else:
            self._give_back(worker)
        return answer

    def _take(self) -> _Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                self._all.discard(worker)
                worker.end()
        worker = self._new_worker()
        with self._lock:
            self._all.add(worker)
        return worker

    def _new_worker(self) -> _Worker:
        """A new process; the nursery too is made anew if it is gone."""
        nursery = self._raised()
        try:
            return _Worker(nursery, self._wall)
        except NurseryLostError:
            with self._lock:
                if self._nursery is nursery:
                    self._nursery = None
            nursery.close()
            return _Worker(self._raised(), self._wall)

    def _raised(self) -> Nursery:
        with self._lock:
            if self._nursery is None:
                self._nursery = Nursery(
                    cpu_seconds=self._cpu,
                    memory_bytes=self._memory,
                    normalise=_imported(self._normalise),
                )
            return self._nursery

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker in self._all:
                self._idle.append(worker)
                return
        worker.end()  # the pool was closed meanwhile

    def _discard(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()


class _Worker:
    """One process and the socket to it."""

    def __init__(self, nursery: Nursery, wall_seconds: float) -> None:
        """Raises NurseryLostError."""
        self._nursery = nursery
        self.process, descriptor = nursery.fork()
        self._socket = socket.socket(fileno=descriptor)
        seconds, rest = divmod(wall_seconds, 1)
        limit = struct.pack("ll", int(seconds), int(rest * 1_000_000))
        for way in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, way, limit)
        self._wall = wall_seconds
        self.served = 0
        self.spent = False  # it asks to be replaced, or has served long enough

    @property
    def alive(self) -> bool:
        """Whether nothing has come from it unasked, as its end would."""
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        return not ready.poll(0)

    def ask(self, ask: bytes, body: bytes) -> dict[str, Any]:
        self.served += 1
        try:
            send(self._socket.fileno(), ask, body)
            said, last = receive(self._socket.fileno())
            self.spent = bool(last) or self.served >= _DOCUMENTS_EACH
            answer = json.loads(said)
        except BlockingIOError:
            return {"slow": self._wall}
        except (EOFError, OSError):
            return {"died": self._nursery.bury(self.process, kill=False)}
        except ValueError:
            return {"died": 0}
        return answer if isinstance(answer, dict) else {"died": 0}

    def end(self) -> None:
        self._nursery.bury(self.process, kill=True)
        self._socket.close()


def _imported(normalise: Normalise | None) -> str:
    if normalise is None:
        return "normalise = None\n"
    return f"from {normalise.__module__} import {normalise.__name__} as normalise\n"


def _raise_for(answer: dict[str, Any], feed: Feed) -> None:
    if "document" in answer or "page" in answer:
        return
    if "error" in answer:
        said = answer["error"]
        raise ParseError(said["problem"], kind=said["kind"], subject=feed.id, remedy=said["remedy"])
    if "bug" in answer:
        raise RuntimeError(f"the parser failed on {feed.url}\n{answer['bug']}")
    if "slow" in answer or answer.get("died") == -signal.SIGXCPU:
        raise ParseError(
            "reading it takes too much computing time",
            kind="too-slow",
            subject=feed.id,
            remedy="The document is built to stall readers, or far too large.",
        )
    raise ParseError(
        "reading it takes too much memory" if "over" in answer else "the parser died of it",
        kind="too-much-memory" if "over" in answer else "crash",
        subject=feed.id,
        remedy="The document is built to break readers, or far too large.",
    )
