"""Jobs on a real PostgreSQL: once, one at a time, and again when their worker is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import procrastinate
import pytest
from sqlalchemy import text

from monitor.errors import StoreError
from monitor.jobs import JobQueue, NewJob
from monitor.store import SqlStore

KNOWN = "03.04.00_50_post_add_retry_failed_job_procedure.sql"


def _queue(store: SqlStore, **tasks: Callable[..., Awaitable[Any]]) -> JobQueue:
    return JobQueue(store.db, tasks, at_once=8)


def _work(queue: JobQueue) -> None:
    asyncio.run(asyncio.wait_for(queue.work(until_empty=True), timeout=60))


def _execute(store: SqlStore, statement: str, **values: Any) -> Any:
    with store.db.write() as connection:
        return connection.execute(text(statement), values)


def _left_behind(store: SqlStore, *, silent: float | None) -> None:
    """All waiting jobs are as a worker left them; ``silent``: seconds since its last heartbeat."""
    _execute(store, "DELETE FROM procrastinate_workers")
    if silent is not None:
        _execute(
            store,
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now() - make_interval(secs => :silent))",
            silent=silent,
        )
    _execute(
        store,
        "UPDATE procrastinate_jobs SET status = 'doing',"
        " worker_id = (SELECT max(id) FROM procrastinate_workers)",
    )


def test_the_schema_is_that_of_the_installed_library() -> None:
    scripts = (Path(procrastinate.__file__).parent / "sql" / "migrations").glob("*.sql")
    newest = max(path.name for path in scripts)
    assert newest == KNOWN, "procrastinate has new migrations: apply them in a script of ours"


def test_each_job_is_done_once_and_forgotten(shared: SqlStore) -> None:
    done: Counter[int] = Counter()

    async def add(number: int) -> None:
        done[number] += 1

    queue = _queue(shared, add=add)
    assert queue.defer([NewJob(task="add", arguments={"number": n}) for n in range(50)]) == 50
    assert queue.counts() == {("add", "todo"): 50}
    _work(queue)
    assert done == Counter(range(50))
    assert queue.counts() == {}


def test_jobs_of_one_lock_never_run_at_once_and_others_do(shared: SqlStore) -> None:
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    both = asyncio.Event()

    async def ask(host: str) -> None:
        running[host] += 1
        most[host] = max(most[host], running[host])
        if len([each for each, count in running.items() if count]) > 1:
            both.set()
        await asyncio.wait_for(both.wait(), timeout=30)
        await asyncio.sleep(0.01)
        running[host] -= 1

    queue = _queue(shared, ask=ask)
    jobs = [
        NewJob(task="ask", arguments={"host": host}, lock=host) for _ in range(8) for host in "ab"
    ]
    queue.defer(jobs)
    assert queue.locked() == {"a", "b"}
    _work(queue)
    assert most == {"a": 1, "b": 1}
    assert both.is_set()


def test_what_waits_already_is_not_deferred_again(shared: SqlStore) -> None:
    queue = _queue(shared)
    job = NewJob(task="mail", once="mail")
    assert queue.defer([job, job]) == 1
    assert queue.defer([job]) == 0


@pytest.mark.parametrize("silent", [None, 40.0], ids=["gone", "hangs or is cut off"])
def test_the_job_of_a_lost_worker_is_done_by_another(
    shared: SqlStore, silent: float | None
) -> None:
    done: list[int] = []

    async def add(number: int) -> None:
        done.append(number)

    queue = _queue(shared, add=add)
    queue.defer([NewJob(task="add", arguments={"number": 1}, lock="x", once="x")])
    _left_behind(shared, silent=silent)
    assert queue.reap() == 1
    _work(queue)
    assert done == [1]
    assert queue.counts() == {}


def test_the_job_of_a_worker_that_lives_is_left_to_it(shared: SqlStore) -> None:
    queue = _queue(shared)
    queue.defer([NewJob(task="add")])
    _left_behind(shared, silent=3)
    assert queue.reap() == 0
    assert queue.counts() == {("add", "doing"): 1}
    assert queue.workers() == 1


def test_a_lost_job_whose_twin_waits_is_left_to_the_twin(shared: SqlStore) -> None:
    queue = _queue(shared)
    queue.defer([NewJob(task="mail", once="mail")])
    _left_behind(shared, silent=None)
    queue.defer([NewJob(task="mail", once="mail")])
    assert queue.reap() == 1
    assert queue.counts() == {("mail", "todo"): 1}


def test_a_worker_that_comes_back_does_not_settle_what_another_has_taken_over(
    shared: SqlStore,
) -> None:
    async def slow() -> None:
        await asyncio.to_thread(
            _execute,
            shared,
            "WITH other AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)"
            " UPDATE procrastinate_jobs SET worker_id = (SELECT id FROM other)",
        )

    queue = _queue(shared, slow=slow)
    queue.defer([NewJob(task="slow")])
    _work(queue)
    assert queue.counts() == {("slow", "doing"): 1}


def test_a_job_that_fails_is_tried_again_later(shared: SqlStore) -> None:
    async def fail() -> None:
        raise StoreError("the disk is full")

    queue = _queue(shared, fail=fail)
    queue.defer([NewJob(task="fail", arguments={})])
    _work(queue)
    assert queue.counts() == {("fail", "todo"): 1}
    waits = _execute(shared, "SELECT attempts, scheduled_at > now() FROM procrastinate_jobs").one()
    assert tuple(waits) == (1, True)


def test_jobs_that_were_given_up_long_ago_are_forgotten(shared: SqlStore) -> None:
    queue = _queue(shared)
    queue.defer([NewJob(task="import", arguments={"run": "r", "part": 0})])
    _execute(shared, "UPDATE procrastinate_jobs SET status = 'failed'")
    assert queue.failed("r") == 1
    assert queue.forget_failed(timedelta(days=1)) == 0
    _execute(shared, "UPDATE procrastinate_events SET at = at - interval '2 days'")
    assert queue.forget_failed(timedelta(days=1)) == 1


def test_a_database_that_is_away_is_one_clear_error(shared: SqlStore, proxy: Any) -> None:
    from monitor.store import open_store

    with open_store(proxy.url) as store:
        queue = _queue(store)
        proxy.cut()
        with pytest.raises(StoreError, match="queue cannot be reached"):
            _work(queue)
        proxy.mend()
        _work(queue)
