"""The service tells systemd when it is ready, alive and stopping."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.service import Job, Service
from monitor.systemd import notify, watchdog_seconds


@pytest.fixture
def told(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket as systemd has one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


def _address(told: socket.socket) -> str:
    return str(told.getsockname())


def test_a_state_reaches_systemd(told: socket.socket) -> None:
    assert notify("READY=1", {"NOTIFY_SOCKET": _address(told)})
    assert told.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_without_systemd_nothing_is_said(address: str) -> None:
    assert not notify("READY=1", {"NOTIFY_SOCKET": address} if address else {})


def test_an_abstract_socket_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0monitor-test-notify")
        listening.settimeout(20)
        assert notify("WATCHDOG=1", {"NOTIFY_SOCKET": "@monitor-test-notify"})
        assert listening.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_seconds(environment, pid=7) == seconds


def _service(seen: threading.Event) -> Service:
    async def work(now: datetime) -> None:
        seen.set()
        await asyncio.sleep(0)

    job = Job(name="poll", every=timedelta(seconds=0.05), run=work)
    return Service(jobs=(job,), clock=lambda: datetime.now(UTC))


def test_the_service_says_ready_alive_and_stopping(
    told: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", _address(told))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    service = _service(threading.Event())
    thread = threading.Thread(target=service.serve)
    thread.start()
    try:
        assert told.recv(100) == b"READY=1"
        assert told.recv(100) == b"WATCHDOG=1"
    finally:
        service.stop()
        thread.join(timeout=20)
    said = [told.recv(100)]
    while said[-1] != b"STOPPING=1":
        said.append(told.recv(100))


def test_a_loop_that_hangs_is_not_alive(
    told: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", _address(told))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    hangs, let_go = threading.Event(), threading.Event()

    async def work(now: datetime) -> None:
        hangs.set()
        let_go.wait(20)  # on the loop's own thread: nothing else runs there meanwhile

    job = Job(name="poll", every=timedelta(hours=1), run=work)
    service = Service(jobs=(job,), clock=lambda: datetime.now(UTC))
    thread = threading.Thread(target=service.serve)
    thread.start()
    try:
        assert hangs.wait(20)
        while told.recv(100) != b"READY=1":
            pass
        told.settimeout(1.0)
        with pytest.raises(TimeoutError):
            while told.recv(100) == b"WATCHDOG=1":
                told.settimeout(1.0)
    finally:
        let_go.set()
        service.stop()
        thread.join(timeout=20)
