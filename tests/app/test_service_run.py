"""``monitor run`` as a process: one holder, pages, SIGTERM, and one-shot commands beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("MONITOR_")}


@contextmanager
def running(installation: Any, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "run", "--config", str(installation.config), *arguments],
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def _wait_for(url: str, process: subprocess.Popen[str], seconds: float = 150) -> httpx.Response:
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, process.communicate()[0]
        try:
            return httpx.get(url, timeout=5)
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the pages never came up"
            time.sleep(0.1)


@pytest.fixture
def service(installation: Any, loopback: Any, rss: Any) -> Any:
    installation.port = _free_port()
    installation.more = f'\n[web]\nbind = "127.0.0.1:{installation.port}"\n'
    installation.feeds = [loopback.give("/a.xml", rss(("1", "Iran sends drones to Russia", "")))]
    installation.write()
    return installation


@pytest.mark.slow
def test_the_service_polls_serves_pages_and_ends_on_sigterm(service: Any) -> None:
    url = f"http://127.0.0.1:{service.port}"
    with running(service) as process:
        _wait_for(url + "/healthz", process)
        deadline = time.monotonic() + 90
        while not (hits := service.run("hits", "--json").json):
            assert time.monotonic() < deadline, "no feed was polled"
            time.sleep(0.2)
        assert hits[0]["indicator"] == "drones"
        assert httpx.get(url + "/healthz").status_code == 200
        assert "Drones for Russia" in httpx.get(url + "/").text
        assert "Outlet 0" in httpx.get(url + "/feeds").text

        second = service.run("run")
        assert second.code == 2
        assert str(process.pid) in second.err

        status = service.run("status", "--json").json
        assert str(process.pid) in status["running"]

        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - started < 10
        assert process.stdout is not None
        assert "Unclosed" not in process.stdout.read(), "connections are closed before the end"
    assert service.run("db", "check").code == 0


@pytest.mark.slow
def test_the_service_takes_an_edited_watch_over_and_keeps_the_old_one_after_a_bad_edit(
    service: Any,
) -> None:
    arms = service.folder / "watch" / "arms.yaml"
    good = arms.read_text(encoding="utf-8")
    url = f"http://127.0.0.1:{service.port}/method"
    with running(service) as process:
        _wait_for(url, process)
        arms.write_text(good.replace("title: Visits", "title: Journeys"), encoding="utf-8")
        _until(lambda: "Journeys" in httpx.get(url, timeout=10).text)
        arms.write_text(good.replace("@drone", "@dron"), encoding="utf-8")
        _until(lambda: _told(service))
        assert "Journeys" in httpx.get(url, timeout=10).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def _told(service: Any) -> bool:
    log = service.folder / "monitor.log"
    return log.exists() and "@dron" in log.read_text(encoding="utf-8")


def _until(condition: Any, seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def _children(pid: int) -> set[int]:
    """Processes whose parent is ``pid``."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return {int(each) for each in found.stdout.split()}


def _pages_of(pid: int) -> int | None:
    """The child of a service that serves its pages: its command line names the socket."""
    for child in _children(pid):
        found = subprocess.run(
            ["ps", "-o", "args=", "-p", str(child)], capture_output=True, text=True, check=False
        )
        if "--socket" in found.stdout:
            return child
    return None


def _gone(pid: int) -> bool:
    found = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return not found.stdout.strip() or found.stdout.strip().startswith("Z")


@pytest.mark.slow
def test_the_pages_have_a_process_of_their_own_that_comes_back_and_never_outlives_the_service(
    service: Any,
) -> None:
    url = f"http://127.0.0.1:{service.port}/healthz"
    with running(service) as process:
        _wait_for(url, process)
        first = _pages_of(process.pid)
        assert first is not None, "the pages are served by the process that polls"

        os.kill(first, signal.SIGKILL)
        _until(lambda: _pages_of(process.pid) not in (None, first))
        assert httpx.get(url, timeout=60).status_code in (200, 503)
        assert process.poll() is None, "the service ended with its pages"

        second = _pages_of(process.pid)
        assert second is not None
        process.kill()
        process.wait(timeout=20)
        _until(lambda: _gone(second))
    assert service.run("db", "check").code == 0


def test_an_address_in_use_is_told_before_anything_is_polled(service: Any, loopback: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", service.port))
        other.listen()
        outcome = service.run("run")
    assert outcome.code == 2
    assert f"127.0.0.1:{service.port}: the address is in use" in outcome.err
