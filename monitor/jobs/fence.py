"""A worker that was cut off and comes back must not settle a job that another has taken over."""

from __future__ import annotations

from datetime import datetime

import structlog
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

_log = structlog.get_logger(__name__)

_OURS = "SELECT worker_id FROM procrastinate_jobs WHERE id = %(job)s AND status = 'doing'"


class FencedJobs(JobManager):
    """procrastinate settles by the job's id alone; here only the worker that holds a job settles it."""

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        if await self._is_ours(job):
            await super().finish_job(job, status, delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        if await self._is_ours(job):
            await super().retry_job(
                job, retry_at=retry_at, priority=priority, queue=queue, lock=lock
            )

    async def _is_ours(self, job: Job) -> bool:
        rows = await self.connector.execute_query_all_async(_OURS, job=job.id)
        ours = [row for row in rows if row["worker_id"] == job.worker_id]
        if not ours:
            _log.warning("job", problem="another worker has it now", task=job.task_name, job=job.id)
        return bool(ours)
