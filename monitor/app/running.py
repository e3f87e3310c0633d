"""The background service: what runs how often, and who may run it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property

import structlog

from monitor.apart import PagesApart, end_with
from monitor.app.cycles import TICK
from monitor.app.keeping import Keeping
from monitor.app.pages import Pages
from monitor.app.standing import CLOCK_BEAT
from monitor.app.working import Working
from monitor.errors import MonitorError
from monitor.service import Beat, Job, Role, Service, check_bind

_log = structlog.get_logger(__name__)

_WORKERS: frozenset[Role] = frozenset({"all", "worker"})
_SCHEDULERS: frozenset[Role] = frozenset({"all", "scheduler"})
_EVERYONE: frozenset[Role] = frozenset({"all", "scheduler", "worker", "web"})


class Running(Pages, Working, Keeping):
    """``monitor run``."""

    @cached_property
    def _beaten(self) -> dict[str, tuple[datetime, str]]:
        return {}

    def serve(self, role: Role = "all", *, apart: Sequence[str] = ()) -> None:
        """Runs until SIGTERM. Raises BusyError where another process has the role, ConfigError for
        pages that anybody could reach.

        ``apart`` are the arguments of a ``monitor`` that serves the pages in a process of its own
        (``serve_pages``); without them this one serves them too.
        """
        now = self.clock()
        self.require_feeds()
        web = self.config.web
        if role in ("all", "web"):
            check_bind(web.host, users=len(self.store.users()))
        self.stop_work()  # connections of this thread's loop: the service has a loop of its own
        with self._holding(role, now), self.set_aside():
            service = Service(
                jobs=tuple(self.jobs()),
                clock=self.clock,
                web=self.web_app() if role in ("all", "web") and not apart else None,
                pages=PagesApart(arguments=apart, host=web.host, port=web.port) if apart else None,
                host=web.host,
                port=web.port,
                on_beat=self._beat,
                on_clock_jump=self._note_jump,
                on_stop=self._hang_up,
            )
            _log.info("running", role=role, feeds=len(self.store.feeds()))
            service.serve(role)

    def serve_pages(self, listener: socket.socket, *, parent: int) -> None:
        """The pages of a service that runs beside, on its socket, until the pipe ``parent`` ends."""
        service = Service(
            jobs=tuple(job for job in self.jobs() if "web" in job.roles),
            clock=self.clock,
            web=self.web_app(),
            sockets=(listener,),
        )
        end_with(parent, service.stop)
        with self.set_aside():
            service.serve("web")

    async def _hang_up(self) -> None:
        """Closes the connections to outlets on the loop that opened them."""
        fetcher = self.__dict__.pop("fetcher", None)
        if fetcher is not None:
            await fetcher.aclose()

    @contextmanager
    def _holding(self, role: Role, now: datetime) -> Iterator[None]:
        """On SQLite one process a role; on PostgreSQL any number, of which one schedules."""
        if not self.is_shared:
            with self.store.hold_run_lock(role, "monitor run", now=now):
                yield
            return
        try:
            yield
        finally:
            self.election.resign()

    def jobs(self) -> Iterator[Job]:
        """What this installation's service does: by itself, or in the queue with others."""
        if self.is_shared:
            return self.shared_jobs([job for job in self._own_jobs() if job.name not in self.tasks])
        return self._own_jobs()

    def _own_jobs(self) -> Iterator[Job]:
        yield Job(
            name="poll",
            every=TICK,
            run=self.poll_due,
            overlap=8,
            roles=_WORKERS,
        )
        yield Job(name="rules", every=timedelta(seconds=5), run=self.refresh_rules, roles=_EVERYONE)
        yield Job(name="levels", every=timedelta(minutes=10), run=self.reassess, roles=_SCHEDULERS)
        yield Job(name="moves", every=timedelta(hours=1), run=self.adopt_moves, roles=_SCHEDULERS)
        yield Job(name="clock", every=timedelta(minutes=1), run=self.mend_clock, roles=_SCHEDULERS)
        yield Job(name="keep", every=timedelta(hours=6), run=self.expire, roles=_SCHEDULERS)
        yield from self.mail_jobs()

    def mend_clock(self, now: datetime) -> None:
        """After the clock was set back nobody waits for the time that it showed before."""
        mended = self.store.mend_future(now=now, interval=self.config.fetch.interval)
        if mended:
            _log.warning("clock", problem="it was ahead", appointments_taken_back=mended)

    def _note_jump(self, seconds: float) -> None:
        """Shown by status and healthz for an hour: what was dated meanwhile may be dated wrongly."""
        try:
            self.store.beat(CLOCK_BEAT, self.clock(), {"seconds": round(seconds)})
        except MonitorError as error:
            _log.debug("beat", problem=str(error))

    def _beat(self, name: str, beat: Beat) -> None:
        """Heartbeats into the store, not oftener than anybody looks."""
        if beat.at is None:
            return
        last = self._beaten.get(name)
        if beat.error == (last[1] if last else "") and last and beat.at - last[0] < _BEAT_EVERY:
            return
        self._beaten[name] = (beat.at, beat.error)
        detail = {"runs": beat.runs, "failures": beat.failures, "error": beat.error}
        try:
            self.store.beat(name, beat.at, detail)
        except MonitorError as error:
            _log.debug("beat", problem=str(error))


_BEAT_EVERY = timedelta(seconds=30)
