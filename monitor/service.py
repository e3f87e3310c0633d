"""When to run: one process that polls, mails and serves pages until it is told to stop.

APScheduler, in memory, fires short ticks; what is due is decided in the store, so a late, missed or
doubled tick is harmless. Polling and mailing run on an event loop in a thread of their own: a
slow feed, mail server or page never delays the other two; the pages have a process of their own where
the caller gives one (``pages``). Ticks follow the monotonic clock: when the
wall clock is moved, all of them are set anew at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any, Literal

import structlog
import uvicorn
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor.apart import PagesApart
from monitor.errors import BusyError, ConfigError, MonitorError
from monitor.systemd import notify, watchdog_seconds

_log = structlog.get_logger(__name__)

Role = Literal["all", "scheduler", "worker", "web"]
Clock = Callable[[], datetime]

STOP_WITHIN = 8.0  # seconds for what is under way when SIGTERM comes; 10 are promised
CLOCK_JUMP = 20.0  # seconds by which wall and monotonic clock may drift apart between two looks
SWITCH = (
    0.0005  # seconds that work holds the interpreter while a page waits for it; Python's own: 5 ms
)
GARBAGE = (20_000, 20, 20)  # objects made between two collections; Python's own 700 for a big heap
BEHIND = 5  # steps of "nice" by which work stands behind pages
OVERLAP = 8  # runs of one async job at once: a hanging feed must not hold up the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something done again and again. ``run`` gets the time and is async or plain."""

    name: str
    every: timedelta
    run: Callable[[datetime], Awaitable[Any] | Any]
    overlap: int = 1
    roles: frozenset[Role] = frozenset({"all", "worker", "scheduler"})


@dataclass(slots=True)
class Beat:
    """The last run of a job: what status and healthz show."""

    at: datetime | None = None
    ok_at: datetime | None = None
    error: str = ""
    runs: int = 0
    failures: int = 0  # in a row


@dataclass(slots=True)
class Service:
    """The running service. ``serve`` returns when it has been stopped and all is tidy."""

    jobs: tuple[Job, ...]
    clock: Clock
    web: Any = None  # an ASGI application, served by this process
    pages: PagesApart | None = None  # or one of another process
    sockets: Sequence[socket.socket] | None = None  # that listen already, for ``web``
    host: str = "127.0.0.1"
    port: int = 8080
    on_beat: Callable[[str, Beat], None] | None = None
    on_clock_jump: Callable[[float], None] | None = None
    on_stop: Callable[[], Awaitable[None]] | None = None  # on the loop, when all work has let go
    beats: dict[str, Beat] = field(default_factory=dict)
    ready: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _tasks: dict[str, set[Future[Any]]] = field(default_factory=dict)
    _server: uvicorn.Server | None = None

    def stop(self) -> None:
        """Asks the service to end; may be called from a signal handler or any thread."""
        self._stop.set()
        if self._server is not None:
            self._server.should_exit = True

    def serve(self, role: Role = "all") -> None:
        """Runs until ``stop`` or SIGTERM."""
        jobs = [job for job in self.jobs if role in job.roles]
        with self._signals(), self._working(jobs), self._told_to_systemd():
            if self.web is not None and role in ("all", "web"):
                self._serve_pages()
            elif self.pages is not None:
                self.pages.watch(self._stop, ready=self.ready.set)
            else:
                self.ready.set()
                while not self._stop.wait(0.5):
                    pass
        _log.info("stopped", role=role)

    # ── Work ─────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _working(self, jobs: list[Job]) -> Iterator[None]:
        if not jobs:
            yield
            return
        gc.set_threshold(*GARBAGE)
        loop = asyncio.new_event_loop()
        self._loop = loop
        thread = threading.Thread(target=_work, args=(loop,), name="work", daemon=True)
        thread.start()
        scheduler = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(max(4, len(jobs)))}
        )
        for job in jobs:
            self._tasks[job.name] = set()
            self.beats[job.name] = Beat()
            scheduler.add_job(
                self._tick,
                _Every(job.every),
                args=(job,),
                id=job.name,
                next_run_time=datetime.now(UTC),
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        watcher = threading.Thread(
            target=self._watch_clock, args=(scheduler,), name="clock", daemon=True
        )
        scheduler.start()
        watcher.start()
        try:
            yield
        finally:
            self._stop.set()
            scheduler.shutdown(wait=False)
            self._finish(loop)
            thread.join(timeout=1)
            watcher.join(timeout=3)
            if not thread.is_alive():
                loop.close()

    def _tick(self, job: Job) -> None:
        """On a thread of the scheduler: starts an async job, runs a plain one."""
        if self._stop.is_set():
            return
        give_way()
        if not asyncio.iscoroutinefunction(job.run):
            self._noted(job, lambda: job.run(self.clock()))
            return
        running = self._tasks[job.name]
        if len(running) >= job.overlap or self._loop is None:
            return
        future = asyncio.run_coroutine_threadsafe(self._run(job), self._loop)
        running.add(future)
        future.add_done_callback(running.discard)

    async def _run(self, job: Job) -> None:
        beat = self._begin(job)
        try:
            await job.run(self.clock())
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._failed(job, beat, error)
        else:
            self._good(job, beat)

    def _noted(self, job: Job, run: Callable[[], Any]) -> None:
        beat = self._begin(job)
        try:
            run()
        except Exception as error:
            self._failed(job, beat, error)
        else:
            self._good(job, beat)

    def _begin(self, job: Job) -> Beat:
        beat = self.beats[job.name]
        beat.at = self.clock()
        beat.runs += 1
        return beat

    def _good(self, job: Job, beat: Beat) -> None:
        if beat.failures:
            _log.info("recovered", job=job.name, after=beat.failures)
        beat.ok_at, beat.error, beat.failures = self.clock(), "", 0
        self._show(job.name, beat)

    def _failed(self, job: Job, beat: Beat, error: Exception) -> None:
        """An error ends a run, never the service; the next tick tries again."""
        beat.failures += 1
        beat.error = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, MonitorError):
            if beat.failures in (1, 10) or beat.failures % 100 == 0:  # not a line a second
                _log.warning(job.name, problem=str(error), failures=beat.failures)
        else:
            _log.error(job.name, exc_info=error)
        self._show(job.name, beat)

    def _show(self, name: str, beat: Beat) -> None:
        if self.on_beat is None:
            return
        try:
            self.on_beat(name, beat)
        except MonitorError as error:  # the store is in trouble: the next beat will tell
            _log.debug("beat", problem=str(error))

    def _finish(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancels what is under way and waits until it has let go: transactions end, leases go."""
        deadline = time.monotonic() + STOP_WITHIN
        while time.monotonic() < deadline:
            for future in [each for futures in self._tasks.values() for each in set(futures)]:
                future.cancel()  # each time: a tick may have begun one as we came here
            done = asyncio.run_coroutine_threadsafe(_others_done(), loop)
            if done.result(timeout=5):
                break
            time.sleep(0.05)
        else:
            _log.warning("stopped late", running=sum(map(len, self._tasks.values())))
        if self.on_stop is not None:
            with contextlib.suppress(TimeoutError, MonitorError):
                asyncio.run_coroutine_threadsafe(_awaited(self.on_stop), loop).result(timeout=1)
        with contextlib.suppress(TimeoutError):
            closing = asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop)
            closing.result(timeout=1)
        loop.call_soon_threadsafe(loop.stop)

    # ── Clock ────────────────────────────────────────────────────────────────────────────────────

    def _watch_clock(self, scheduler: BackgroundScheduler) -> None:
        """APScheduler counts by the wall clock: when that is moved, every tick is set to now."""
        before = time.time() - time.monotonic()
        while not self._stop.wait(1.0):
            offset = time.time() - time.monotonic()
            if abs(offset - before) > CLOCK_JUMP:
                jumped = offset - before
                _log.warning("clock", problem="the clock was moved", seconds=round(jumped))
                for job in scheduler.get_jobs():
                    with contextlib.suppress(Exception):
                        job.modify(next_run_time=datetime.now(UTC))
                if self.on_clock_jump is not None:
                    self.on_clock_jump(jumped)
            before = offset

    # ── systemd ──────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _told_to_systemd(self) -> Iterator[None]:
        """Says ready, alive and stopping to a systemd that waits for it (``Type=notify``)."""
        teller = threading.Thread(target=self._tell_systemd, name="systemd", daemon=True)
        if "NOTIFY_SOCKET" in os.environ:
            teller.start()
        try:
            yield
        finally:
            notify("STOPPING=1", os.environ)

    def _tell_systemd(self) -> None:
        """Alive is only who works: the loop that polls and mails has to answer first."""
        while not self.ready.wait(0.2):
            if self._stop.is_set():
                return
        notify("READY=1", os.environ)
        every = watchdog_seconds(os.environ, os.getpid())
        while every and not self._stop.wait(every / 3):
            if self._loop_answers(within=every / 3):
                notify("WATCHDOG=1", os.environ)

    def _loop_answers(self, within: float) -> bool:
        if self._loop is None or not self._loop.is_running():
            return self._loop is None
        answer = threading.Event()
        self._loop.call_soon_threadsafe(answer.set)
        return answer.wait(within)

    # ── Pages and signals ────────────────────────────────────────────────────────────────────────

    def _serve_pages(self) -> None:
        for_pages()
        config = uvicorn.Config(
            self.web,
            host=self.host,
            port=self.port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="auto",
            timeout_graceful_shutdown=3,
            proxy_headers=False,
        )
        self._server = _Server(config, self.ready, self._stop)
        try:
            self._server.run(list(self.sockets) if self.sockets else None)
        except SystemExit as error:
            raise BusyError(
                "the address is in use or cannot be bound",
                subject=f"{self.host}:{self.port}",
                remedy="Stop what listens there, or set [web] bind to another port.",
            ) from error

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop the service; a second one is left to Python."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_signal(number: int, _frame: FrameType | None) -> None:
            _log.info("stopping", signal=signal.Signals(number).name)
            self.stop()

        before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def for_pages() -> None:
    """Sets the interpreter up for a process that serves pages."""
    # A page gives the interpreter up at every look into the database, some dozens of times.
    sys.setswitchinterval(SWITCH)
    gc.set_threshold(*GARBAGE)


def give_way() -> None:
    """Puts this thread, and the threads and processes that it starts, behind whoever serves pages.

    Linux alone knows the priority of a thread; elsewhere nothing is done.
    """
    if sys.platform == "linux" and threading.current_thread() is not threading.main_thread():
        behind = min(19, os.getpriority(os.PRIO_PROCESS, os.getpid()) + BEHIND)
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), behind)


def _work(loop: asyncio.AbstractEventLoop) -> None:
    give_way()
    loop.run_forever()


class _Every(BaseTrigger):  # type: ignore[misc]  # the library carries no types
    """Again after an interval. What was missed is not counted up one by one, as the library's own
    interval does: a clock that is moved by a month would keep it busy for minutes."""

    def __init__(self, every: timedelta) -> None:
        self._every = every

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None:
            return now
        following = previous + self._every
        return following if following > now else now + self._every


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the service and says when it listens."""

    def __init__(
        self, config: uvicorn.Config, ready: threading.Event, stop: threading.Event
    ) -> None:
        super().__init__(config)
        self._ready, self._stop = ready, stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready.set()
        if self._stop.is_set():
            self.should_exit = True


async def _awaited(function: Callable[[], Awaitable[None]]) -> None:
    await function()


async def _others_done() -> bool:
    return all(task.done() for task in asyncio.all_tasks() if task is not asyncio.current_task())


def check_bind(host: str, *, users: int) -> None:
    """Pages beyond the loopback need someone to log in. Raises ConfigError."""
    if host in ("127.0.0.1", "localhost", "::1") or users:
        return
    raise ConfigError(
        "pages that others can reach need users, and there are none",
        subject=f"[web] bind = {host}",
        remedy="Add one with: monitor user add NAME — or bind 127.0.0.1.",
    )
