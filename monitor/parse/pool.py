"""Parsing in processes of their own, so that no document stalls polling or the pages.

A process that takes too long, grows too large or dies is replaced; the document is reported. They are
started when first needed and end with this one: their pipe closes, whatever ends it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from monitor.errors import ParseError
from monitor.model import Document, Feed, Fetched, Item
from monitor.parse.wire import load, load_items

Normalise = Callable[[Document, Feed, datetime], Sequence[Item]]

_BOOT = (
    "import sys; sys.path[:] = {path!r}\n"
    "from monitor.parse.worker import main\n"
    "{normalise}"
    "main({descriptor}, cpu_seconds={cpu}, memory_bytes={memory}, normalise=normalise)"
)
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
        for worker in workers:
            worker.end()
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
            answer = worker.ask(ask, body, self._wall)
        except BaseException:
            self._discard(worker)
            raise
        if answer.keys() & {"over", "died", "slow"} or worker.served >= _DOCUMENTS_EACH:
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
        worker = _Worker(self._cpu, self._memory, self._normalise)
        with self._lock:
            self._all.add(worker)
        return worker

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
    """One process and the pipe to it."""

    def __init__(self, cpu_seconds: float, memory_bytes: int, normalise: Normalise | None) -> None:
        ours, theirs = socket.socketpair()
        boot = _BOOT.format(
            path=sys.path,
            descriptor=theirs.fileno(),
            cpu=cpu_seconds,
            memory=memory_bytes,
            normalise=_imported(normalise),
        )
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", boot],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={"MALLOC_ARENA_MAX": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C in a terminal is for the parent
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())
        self.served = 0

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, ask: bytes, body: bytes, wall_seconds: float) -> dict[str, Any]:
        self.served += 1
        try:
            self._connection.send_bytes(ask)
            self._connection.send_bytes(body)
            if not self._connection.poll(wall_seconds):
                return {"slow": wall_seconds}
            answer = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            return {"died": self._process.wait(timeout=10)}
        except ValueError:
            return {"died": 0}
        return answer if isinstance(answer, dict) else {"died": 0}

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(timeout=10)
        self._connection.close()


def _imported(normalise: Normalise | None) -> str:
    if normalise is None:
        return "normalise = None\n"
    return f"from {normalise.__module__} import {normalise.__name__} as normalise\n"


def _raise_for(answer: dict[str, Any], feed: Feed) -> None:
    if "document" in answer:
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
