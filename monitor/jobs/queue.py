"""procrastinate as we use it: defer, work until cancelled, find what was left behind."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import text

from monitor.errors import ConfigError, StoreError
from monitor.store.engine import CONNECTING, Database

_log = structlog.get_logger(__name__)

QUEUE = "monitor"
HEARTBEAT = timedelta(seconds=5)
SILENT = timedelta(seconds=30)  # without a heartbeat for so long a worker counts as gone
STOP_WITHIN = 6.0  # seconds for jobs under way when the service stops
RETRIES = 12  # of a job that fails; waits double from 2 s

Task = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to defer. No two with an equal ``lock`` run at once, nor wait with an equal ``once``."""

    task: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    lock: str | None = None
    once: str | None = None
    priority: int = 0


class JobQueue:
    """Jobs in one PostgreSQL. Synchronous but for ``work``; safe to use from any thread."""

    def __init__(self, database: Database, tasks: Mapping[str, Task], *, at_once: int = 32) -> None:
        self._database = database
        self._tasks = tasks
        self._at_once = at_once

    # ── Deferring ────────────────────────────────────────────────────────────────────────────────

    def defer(self, jobs: Sequence[NewJob]) -> int:
        """Puts jobs into the queue; returns how many. One whose twin waits already is left out."""
        count = 0
        with self._database.write() as connection:
            waiting = _waiting(connection, [job.once for job in jobs if job.once])
            for job in jobs:
                if job.once is not None and job.once in waiting:
                    continue
                if job.once is not None:
                    waiting.add(job.once)
                count += connection.execute(_DEFER, _row(job)).rowcount
        return count

    def locked(self) -> set[str]:
        """The locks of all jobs that wait or run."""
        query = text(
            "SELECT DISTINCT lock FROM procrastinate_jobs"
            " WHERE status IN ('todo', 'doing') AND lock IS NOT NULL"
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    # ── Looking ──────────────────────────────────────────────────────────────────────────────────

    def counts(self) -> Mapping[tuple[str, str], int]:
        """(task, status) → jobs; what is done is not kept."""
        query = text(
            "SELECT task_name, status::text, count(*) FROM procrastinate_jobs GROUP BY 1, 2"
        )
        with self._database.read() as connection:
            return {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}

    def oldest_waiting(self) -> datetime | None:
        """When the job that waits longest was put into the queue, of those that could run."""
        query = text(
            "SELECT min(event.at) FROM procrastinate_jobs AS job"
            " JOIN procrastinate_events AS event ON event.job_id = job.id AND event.type = 'deferred'"
            " WHERE job.status = 'todo' AND (job.scheduled_at IS NULL OR job.scheduled_at <= now())"
        )
        with self._database.read() as connection:
            return cast("datetime | None", connection.execute(query).scalar())

    def workers(self) -> int:
        """Worker processes that were heard of lately."""
        query = text(
            "SELECT count(*) FROM procrastinate_workers"
            " WHERE last_heartbeat > now() - make_interval(secs => :seconds)"
        )
        with self._database.read() as connection:
            found = connection.execute(query, {"seconds": SILENT.total_seconds()})
            return int(found.scalar_one())

    def failed(self, run: str) -> int:
        """How many parts of a run were given up."""
        query = text(
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed' AND args->>'run' = :run"
        )
        with self._database.read() as connection:
            return int(connection.execute(query, {"run": run}).scalar_one())

    # ── Keeping ──────────────────────────────────────────────────────────────────────────────────

    def reap(self, silent: timedelta = SILENT) -> int:
        """Puts jobs back whose worker is gone, hangs or was cut off; returns how many.

        One whose twin waits already is deleted: its work will be done by the twin.
        """
        with self._database.write() as connection:
            left = connection.execute(_LEFT_BEHIND, {"seconds": silent.total_seconds()}).all()
            for row in left:
                if row.queueing_lock and _waiting(connection, [row.queueing_lock]):
                    connection.execute(
                        text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": row.id}
                    )
                    continue
                connection.execute(
                    text("SELECT procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)"),
                    {"id": row.id},
                )
        for row in left:
            _log.warning("job", problem="its worker is gone", task=row.task_name, job=row.id)
        return len(left)

    def forget_failed(self, older_than: timedelta) -> int:
        """Deletes jobs that were given up long ago."""
        query = text(
            "DELETE FROM procrastinate_jobs AS job WHERE job.status IN ('failed', 'aborted',"
            " 'cancelled') AND NOT EXISTS (SELECT 1 FROM procrastinate_events AS event WHERE"
            " event.job_id = job.id AND event.at > now() - make_interval(secs => :seconds))"
        )
        with self._database.write() as connection:
            done = connection.execute(query, {"seconds": older_than.total_seconds()})
            return done.rowcount

    # ── Working ──────────────────────────────────────────────────────────────────────────────────

    async def work(self, *, until_empty: bool = False) -> None:
        """Takes jobs and does them, until cancelled (or, ``until_empty``, until none is left).

        Raises StoreError when the database cannot be reached; call it again then.
        """
        procrastinate = _library()
        from monitor.jobs.fence import FencedJobs

        _quiet()
        app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=self._conninfo(),
                kwargs=dict(CONNECTING),
                min_size=1,
                max_size=4,
                timeout=10,
            )
        )
        app.job_manager = FencedJobs(app.connector)
        retry = procrastinate.RetryStrategy(max_attempts=RETRIES, exponential_wait=2)
        for name, run in self._tasks.items():
            app.task(name=name, queue=QUEUE, retry=retry)(run)
        try:
            await self._knock()
            async with app.open_async():
                await app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self._at_once,
                    wait=not until_empty,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    fetch_job_polling_interval=2.0,
                    shutdown_graceful_timeout=STOP_WITHIN,
                    update_heartbeat_interval=HEARTBEAT.total_seconds(),
                    stalled_worker_timeout=SILENT.total_seconds(),
                )
        except Exception as error:
            if not _is_trouble(error):
                raise
            raise StoreError(
                "the queue cannot be reached",
                subject=self._database.name,
                remedy="is PostgreSQL running, and does the network let us through? Trying again.",
            ) from error

    async def _knock(self) -> None:
        """Fails at once where the pool would try for half a minute."""
        import psycopg

        connection = await psycopg.AsyncConnection.connect(self._conninfo(), **CONNECTING)
        await connection.close()

    def _conninfo(self) -> str:
        url = self._database.url.set(drivername="postgresql")
        return url.render_as_string(hide_password=False)


_DEFER = text(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)"
    " VALUES (:queue, :task, :priority, :lock, :once, CAST(:arguments AS jsonb))"
    " ON CONFLICT DO NOTHING"
)

# A worker that is gone left no row, one that hangs or was cut off an old heartbeat. Jobs whose worker
# was pruned have no worker at all: procrastinate's own search misses none of them here.
_LEFT_BEHIND = text(
    "SELECT job.id, job.task_name, job.queueing_lock FROM procrastinate_jobs AS job"
    " LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id"
    " WHERE job.status = 'doing' AND (worker.id IS NULL"
    " OR worker.last_heartbeat < now() - make_interval(secs => :seconds))"
    " ORDER BY job.id FOR UPDATE OF job SKIP LOCKED"
)


def _row(job: NewJob) -> dict[str, Any]:
    return {
        "queue": QUEUE,
        "task": job.task,
        "priority": job.priority,
        "lock": job.lock,
        "once": job.once,
        "arguments": json.dumps(job.arguments),
    }


def _waiting(connection: Any, once: Collection[str | None]) -> set[str]:
    if not once:
        return set()
    query = text(
        "SELECT queueing_lock FROM procrastinate_jobs"
        " WHERE status = 'todo' AND queueing_lock = ANY(:once)"
    )
    return set(connection.execute(query, {"once": list(once)}).scalars())


def _library() -> Any:
    try:
        import procrastinate
    except ImportError:
        raise ConfigError(
            "several machines need the extra packages for PostgreSQL",
            remedy="pip install 'indicator-monitor[postgres]'",
        ) from None
    return procrastinate


def _is_trouble(error: BaseException) -> bool:
    """Whether it is the connection, at whatever depth, and not a bug."""
    import psycopg
    import psycopg_pool
    from procrastinate import exceptions

    kinds = (exceptions.ConnectorException, psycopg.Error, psycopg_pool.PoolTimeout, OSError)
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, kinds):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _quiet() -> None:
    """Each job is logged by whom it concerns; of the library's own lines only errors."""
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.ERROR)
