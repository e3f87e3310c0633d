"""The queue that many machines share: procrastinate's, in the PostgreSQL that holds the news.

A job is a name and JSON. Whoever defers it commits it with the database; a worker that is alive takes
it; one that dies, hangs or is cut off loses it to another (``JobQueue.reap``). A job may therefore run
twice: its work must be the same done once or twice.
"""

from __future__ import annotations

from monitor.jobs.queue import JobQueue, NewJob, Task

__all__ = ["JobQueue", "NewJob", "Task"]
