"""The service: ticks go on whatever happens, and it ends tidily and in time."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine

from monitor.errors import BusyError, ConfigError, StoreError
from monitor.service import BEHIND, Job, Service, check_bind, give_way

SOON = timedelta(seconds=0.05)


def _clock() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _running(service: Service, role: Any = "all") -> Iterator[threading.Thread]:
    thread = threading.Thread(target=service.serve, args=(role,))
    thread.start()
    try:
        assert service.ready.wait(5)
        yield thread
    finally:
        service.stop()
        thread.join(10)
        assert not thread.is_alive()


def _until(condition: Callable[[], Any], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_jobs_run_again_and_again_each_with_the_time() -> None:
    seen: list[datetime] = []

    async def work(now: datetime) -> None:
        seen.append(now)

    with _running(Service(jobs=(Job(name="poll", every=SOON, run=work),), clock=_clock)):
        _until(lambda: len(seen) >= 3)
    assert all(at.tzinfo is UTC for at in seen)


def test_a_failing_job_is_tried_again_and_its_beat_says_why() -> None:
    calls = []

    async def work(now: datetime) -> None:
        calls.append(now)
        if len(calls) < 3:
            raise StoreError("the disk is full", subject="db/monitor.db")

    service = Service(jobs=(Job(name="poll", every=SOON, run=work),), clock=_clock)
    errors: list[str] = []
    service.on_beat = lambda name, beat: errors.append(beat.error)
    with _running(service):
        _until(lambda: len(calls) >= 4)
    assert "the disk is full" in errors[0]
    assert errors[-1] == ""
    assert service.beats["poll"].failures == 0


def test_a_bug_in_a_job_does_not_end_the_service() -> None:
    calls = []

    def work(now: datetime) -> None:
        calls.append(now)
        raise KeyError("unforeseen")

    with _running(Service(jobs=(Job(name="watch", every=SOON, run=work),), clock=_clock)):
        _until(lambda: len(calls) >= 3)


def test_a_hanging_run_holds_up_neither_later_runs_nor_other_jobs() -> None:
    hung, others, mails = threading.Event(), [], []

    async def poll(now: datetime) -> None:
        if not hung.is_set():
            hung.set()
            await asyncio.sleep(60)
        others.append(now)

    async def mail(now: datetime) -> None:
        mails.append(now)

    jobs = (
        Job(name="poll", every=SOON, run=poll, overlap=3),
        Job(name="mail", every=SOON, run=mail),
    )
    with _running(Service(jobs=jobs, clock=_clock)):
        _until(lambda: len(others) >= 3 and len(mails) >= 3)


def test_one_run_at_a_time_where_no_overlap_is_allowed() -> None:
    running, most = [0], [0]

    async def work(now: datetime) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.2)
        running[0] -= 1

    with _running(Service(jobs=(Job(name="mail", every=SOON, run=work),), clock=_clock)):
        time.sleep(0.5)
    assert most[0] == 1


def test_stopping_lets_a_transaction_end_and_cancels_the_waiting() -> None:
    events: list[str] = []

    async def work(now: datetime) -> None:
        try:
            events.append("begun")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.to_thread(time.sleep, 0.3)  # what a transaction under way takes
            events.append("committed")
            raise

    service = Service(jobs=(Job(name="poll", every=timedelta(hours=1), run=work),), clock=_clock)
    started = time.monotonic()
    with _running(service):
        _until(lambda: events == ["begun"])
    assert events == ["begun", "committed"]
    assert time.monotonic() - started < 5


def test_a_run_that_begins_as_the_service_stops_is_cancelled_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tick has started its run on the loop, and has not yet noted it when the stop comes."""
    ended: list[str] = []
    begun = threading.Event()

    async def work(now: datetime) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    service = Service(jobs=(Job(name="poll", every=timedelta(hours=1), run=work),), clock=_clock)
    start = asyncio.run_coroutine_threadsafe

    def start_and_dawdle(coroutine: Any, loop: asyncio.AbstractEventLoop) -> Any:
        future = start(coroutine, loop)
        if coroutine.__name__ == "_run":
            service._stop.wait(5)
            time.sleep(0.2)
        return future

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", start_and_dawdle)
    with _running(service):
        assert begun.wait(5)
        stopped_at = time.monotonic()
    assert ended == ["cancelled"]
    assert time.monotonic() - stopped_at < 5


def test_a_role_runs_only_its_jobs() -> None:
    ran: list[str] = []
    jobs = (
        Job(
            name="poll", every=SOON, run=lambda now: ran.append("poll"), roles=frozenset({"worker"})
        ),
        Job(
            name="due",
            every=SOON,
            run=lambda now: ran.append("due"),
            roles=frozenset({"scheduler"}),
        ),
    )
    with _running(Service(jobs=jobs, clock=_clock), role="worker"):
        _until(lambda: len(ran) >= 2)
    assert set(ran) == {"poll"}


async def _hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_pages_are_served_while_jobs_run() -> None:
    port = _free_port()
    service = Service(jobs=(), clock=_clock, web=_hello, port=port)
    with _running(service):
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text == "hello"


def test_an_address_in_use_is_one_clear_message() -> None:
    port = _free_port()
    with (
        _running(Service(jobs=(), clock=_clock, web=_hello, port=port)),
        pytest.raises(BusyError, match=f"127.0.0.1:{port}"),
    ):
        Service(jobs=(), clock=_clock, web=_hello, port=port).serve()


@pytest.mark.parametrize("days", [-1, 1], ids=["back", "forward"])
def test_ticks_go_on_when_the_clock_is_moved_by_a_day(days: int) -> None:
    jumps: list[float] = []
    calls: list[datetime] = []
    service = Service(
        jobs=(Job(name="poll", every=SOON, run=calls.append),),
        clock=_clock,
        on_clock_jump=jumps.append,
    )
    with _running(service):
        _until(lambda: calls)
        with time_machine.travel(_clock() + timedelta(days=days), tick=True):
            _until(lambda: jumps)
            before = len(calls)
            _until(lambda: len(calls) > before + 3)
            assert len(calls) < before + 100, "missed ticks must not be made up for one by one"
    assert round(jumps[0] / 86_400) == days


def test_pages_beyond_the_loopback_need_users() -> None:
    check_bind("127.0.0.1", users=0)
    check_bind("0.0.0.0", users=1)
    with pytest.raises(ConfigError, match="monitor user add"):
        check_bind("0.0.0.0", users=0)


def test_work_stands_behind_pages_and_so_does_what_it_starts():
    found: list[int] = []

    def look() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def work() -> None:
        give_way()
        look()
        started = threading.Thread(target=look)
        started.start()
        started.join()

    give_way()  # the main thread, which serves, is left as it is
    before = os.getpriority(os.PRIO_PROCESS, os.getpid())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    behind = min(19, before + BEHIND) if sys.platform == "linux" else before
    assert found == [behind, behind]
    assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == before
