"""Many machines on one PostgreSQL: who schedules, and the work that any worker may take.

The scheduler, one of however many are started, looks at what is due and defers jobs; workers do them.
A poll job is the feeds of one host, and only one job a host runs at a time: spacing, connections and
Retry-After hold for all workers together. The lease on each feed's row stays the guard that no feed is
polled twice at once, whatever becomes of the queue.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from monitor import __version__
from monitor.app.outcomes import Finding
from monitor.app.post import Post
from monitor.app.spreading import Spreading
from monitor.app.standing import CLOCK_BEAT, Standing
from monitor.errors import BusyError, MonitorError
from monitor.metrics import JobMeasure, Measures
from monitor.pipeline import run_cycle
from monitor.service import Job, Role
from monitor.store import RunLock

if TYPE_CHECKING:
    from monitor.jobs import NewJob

_log = structlog.get_logger(__name__)

FEEDS_A_JOB = 20  # of one host
LOOKED_AT = 5_000  # due feeds that one round of the scheduler looks at
LEASE = timedelta(
    seconds=90
)  # of a feed; short, because nobody sees a process of another machine die
RENEWED = timedelta(seconds=20)  # while it is polled
SHORT_WAIT = 5.0  # seconds that a worker waits for a host rather than give the job back
KEPT_FAILED = timedelta(days=7)
SILENT_SCHEDULER = timedelta(seconds=60)  # it renews its lock every 3 s

_WORKERS: frozenset[Role] = frozenset({"all", "worker"})
_SCHEDULERS: frozenset[Role] = frozenset({"all", "scheduler"})


class Election:
    """One scheduler among those that run: whoever holds the database's lock, while it holds."""

    def __init__(
        self,
        take: Callable[[], Any],
        *,
        renew: Callable[[], None],
        end_silent: Callable[[timedelta], bool],
    ) -> None:
        self._take, self._renew, self._end_silent = take, renew, end_silent
        self._held: tuple[RunLock, ExitStack] | None = None
        self._turn = threading.Lock()

    @property
    def won(self) -> bool:
        return self._held is not None

    def look(self) -> bool:
        """Takes the lock if it is free, gives up what was lost; whether it is ours now."""
        with self._turn:
            if self._held is not None and not self._held[0].holds():
                _log.warning("scheduler", problem="the lock was lost: another may schedule now")
                self._let_go()
            if self._held is None:
                stack = ExitStack()
                try:
                    lock = stack.enter_context(self._take())
                except BusyError:
                    if self._end_silent(SILENT_SCHEDULER):
                        _log.warning("scheduler", problem="the other one hangs: its lock is taken")
                    return False
                self._held = (lock, stack)
                _log.info("scheduler", note="this process schedules from now on")
            self._renew()
            return True

    def resign(self) -> None:
        with self._turn:
            self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            try:
                held[1].close()
            except Exception as error:  # the connection is gone, and the lock with it
                _log.debug("scheduler", problem=str(error))


class Working(Spreading, Post, Standing):
    """The service on PostgreSQL; on SQLite none of this is used."""

    @cached_property
    def election(self) -> Election:
        return Election(
            lambda: self.store.hold_run_lock("scheduler", "monitor run", now=datetime.now(UTC)),
            renew=self.store.renew_run_lock,
            end_silent=self.store.end_silent_scheduler,
        )

    @cached_property
    def tasks(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """What any worker can do, by the name that jobs bear."""
        return {
            "poll": self.poll_host,
            "mail": self.deliver_waiting,
            "import": self.import_part,
            "rematch": self.rematch_part,
            "backtest": self.backtest_part,
        }

    # ── What the service runs ────────────────────────────────────────────────────────────────────

    def shared_jobs(self, others: Sequence[Job]) -> Iterator[Job]:
        """The service's jobs where the database is PostgreSQL; ``others`` run where they would.

        Those of schedulers run only in the one that is elected.
        """
        yield Job(name="elect", every=timedelta(seconds=3), run=self._elect, roles=_SCHEDULERS)
        yield self._elected(
            Job(name="schedule", every=timedelta(seconds=1), run=self.schedule, roles=_SCHEDULERS)
        )
        yield self._elected(
            Job(name="reap", every=timedelta(seconds=5), run=self.reap, roles=_SCHEDULERS)
        )
        yield Job(name="work", every=timedelta(seconds=1), run=self._work, roles=_WORKERS)
        yield Job(name="leases", every=RENEWED, run=self.renew_leases, roles=_WORKERS)
        for job in others:
            yield self._elected(job) if job.roles == _SCHEDULERS else job

    def _elected(self, job: Job) -> Job:
        run = job.run
        if asyncio.iscoroutinefunction(run):

            async def only_one(now: datetime) -> None:
                if self.election.won:
                    await run(now)

            return replace(job, run=only_one)

        def only_one_plain(now: datetime) -> None:
            if self.election.won:
                run(now)

        return replace(job, run=only_one_plain)

    def _elect(self, now: datetime) -> None:
        self.election.look()

    async def _work(self, now: datetime) -> None:
        """Works until the service stops or the database is lost; the next tick begins anew."""
        await asyncio.to_thread(self._let_go_of_leases)
        await self.queue.work()

    # ── The scheduler ────────────────────────────────────────────────────────────────────────────

    def schedule(self, now: datetime) -> int:
        """Defers a job for each host that has feeds due; returns how many jobs."""
        jobs = list(self._poll_jobs(now))
        if self.store.mail_waits(now=now):
            from monitor.jobs import NewJob

            jobs.append(NewJob(task="mail", lock="mail", once="mail", priority=2))
        return self.queue.defer(jobs) if jobs else 0

    def _poll_jobs(self, now: datetime) -> Iterator[NewJob]:
        from monitor.jobs import NewJob

        hosts: dict[str, list[str]] = {}
        for id, url in self.store.waiting_feeds(now=now, limit=LOOKED_AT):
            hosts.setdefault(host_of(url), []).append(id)
        if not hosts:
            return
        busy = self.queue.locked()
        waits = self.store.host_waits(hosts, now=now)
        for host, feeds in hosts.items():
            lock = f"host {host}"
            if lock in busy or waits.get(host, 0.0) > SHORT_WAIT:
                continue
            yield NewJob(
                task="poll",
                arguments={"host": host, "feeds": feeds[:FEEDS_A_JOB]},
                lock=lock,
                once=lock,
                priority=1,
            )

    def reap(self, now: datetime) -> None:
        """Gives the jobs of workers that are gone, hang or were cut off to others."""
        self.queue.reap()
        self.queue.forget_failed(KEPT_FAILED)

    # ── Work ─────────────────────────────────────────────────────────────────────────────────────

    async def poll_host(self, host: str, feeds: list[str]) -> None:
        """Polls feeds of one host, each fetch to store in one transaction. Safe to do twice."""
        wait = (await asyncio.to_thread(self.store.host_waits, [host], now=self.clock())).get(host)
        if wait is not None and wait > SHORT_WAIT:
            return  # they stay due; the scheduler asks again when the host may be asked
        if wait is not None:
            await asyncio.sleep(wait)
        await asyncio.to_thread(self._let_go_of_leases)
        self._in_hand.update(feeds)
        left = set(feeds)
        try:
            summary = await run_cycle(
                self.line, now=self.clock(), feeds=feeds, assessing=False, lease=LEASE
            )
            left.clear()
        except MonitorError as error:
            # What was not stored is still due, so nothing has to be done again by the queue.
            _log.warning("poll", host=host, problem=str(error))
            return
        finally:  # also when cancelled because the database went away
            self._in_hand.difference_update(feeds)
            self._leased.update(left)
        await self._note_host(host)
        if summary.polled:
            _log.info("poll", host=host, feeds=summary.polled, new=summary.new, hits=summary.hits)

    @cached_property
    def _leased(self) -> set[str]:
        """Feeds whose leases were perhaps not given back because the database was away."""
        return set()

    @cached_property
    def _in_hand(self) -> set[str]:
        """Feeds that this process polls just now."""
        return set()

    def _let_go_of_leases(self) -> None:
        left = self._leased - self._in_hand
        if left:
            self.store.release_feeds(left, holder=self.holder)
            self._leased.difference_update(left)

    async def renew_leases(self, now: datetime) -> None:
        """Keeps the feeds that are polled just now.

        On the loop that polls: a process whose loop hangs loses them.
        """
        if held := set(self._in_hand):
            await asyncio.to_thread(
                self.store.renew_leases, held, holder=self.holder, until=now + LEASE
            )

    async def _note_host(self, host: str) -> None:
        now = self.clock()
        blocked = self.fetcher.waits(f"http://{host}/")
        await asyncio.to_thread(
            self.store.note_host,
            host,
            next_start_at=now + self.config.fetch.host_interval,
            blocked_until_at=now + timedelta(seconds=blocked) if blocked else None,
        )

    async def deliver_waiting(self) -> None:
        """Hands over what waits in the outbox; each message is leased, so twice is once."""
        await self.deliver_due(self.clock())

    # ── doctor ───────────────────────────────────────────────────────────────────────────────────

    def _findings(self, now: datetime) -> Iterator[Finding]:
        yield from super()._findings(now)
        if self.is_shared:
            yield self._workers_found()

    def _workers_found(self) -> Finding:
        """Whether somebody does the jobs that wait, and whether some were given up."""
        try:
            workers, counts = self.queue.workers(), self.queue.counts()
        except MonitorError as error:
            return Finding(what="workers", ok=False, words=str(error))
        waiting = sum(count for (_, status), count in counts.items() if status == "todo")
        failed = sum(count for (_, status), count in counts.items() if status == "failed")
        words = f"{workers} alive, {waiting} jobs wait, {failed} were given up"
        if waiting and not workers:
            words += "; start one: monitor run --only worker"
        if failed:
            words += "; the log of the workers says why"
        return Finding(what="workers", ok=not failed and bool(workers or not waiting), words=words)

    # ── Figures ──────────────────────────────────────────────────────────────────────────────────

    def measures(self, *, now: datetime) -> Measures:
        """What ``/metrics`` shows."""
        found = self.status(now=now)
        jobs = {
            name: JobMeasure(
                last_run_at=beat.at, failures=int((beat.detail or {}).get("failures", 0))
            )
            for name, beat in self.store.beats().items()
            if name != CLOCK_BEAT
        }
        polling = self.store.poll_figures(since=now - timedelta(hours=1))
        oldest = {
            "feeds": self.store.oldest_due_feed(),
            "mail": self.store.oldest_waiting_message(),
            "jobs": self.queue.oldest_waiting() if self.is_shared else None,
        }
        return Measures(
            version=__version__,
            healthy=found.ok,
            last_cycle_at=found.last_cycle_at,
            feeds=found.feeds,
            overdue_feeds=self.store.overdue_feeds(before=now - 2 * self.config.fetch.interval),
            polls={name: polling.sums[name] for name in ("good", "failed")},
            polled_bytes=polling.sums["wire_bytes"],
            items={name: polling.sums[name] for name in ("new", "updated", "duplicate", "dropped")},
            recent_polls=polling.lately,
            poll_seconds=polling.seconds,
            waits={
                queue: max(0.0, (now - at).total_seconds()) if at else 0.0
                for queue, at in oldest.items()
            },
            stored=found.counts,
            outbox=found.outbox,
            levels=self.levels(now),
            jobs=jobs,
            queue=self.queue.counts() if self.is_shared else {},
            workers=self.queue.workers() if self.is_shared else int(bool(found.running)),
            database_bytes=self.store.database_bytes(),
            disk_free_bytes=shutil.disk_usage(self.config.root).free,
        )


def host_of(url: str) -> str:
    """The host that a feed's URL asks."""
    return (urlsplit(url).hostname or "").lower()
