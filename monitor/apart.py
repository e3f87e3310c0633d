"""The pages in a process of their own, so that no reader waits for polling, matching or assessing.

The service opens the socket and hands it on: an address in use is told at once, and nobody is refused
while the pages begin or begin again. The child's standard input is a pipe from the service; when that
ends, however it ended, the pages end too.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from monitor.errors import BusyError

_log = structlog.get_logger(__name__)

BACKLOG = 2048
_LAST_WORD = 5.0  # seconds that the pages get to end
_WAITS = (1.0, 5.0, 15.0, 60.0)  # seconds before they are begun again
_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # it hears of the service alone
_STEADY = 300.0  # seconds after which an end is no longer one of a row


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises BusyError where the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise BusyError(
            "the address is in use or cannot be bound",
            subject=f"{host}:{port}",
            remedy="Stop what listens there, or set [web] bind to another port.",
        ) from error
    return listener


@dataclass(slots=True, kw_only=True)
class PagesApart:
    """``monitor`` with ``arguments`` and ``--socket N``, kept alive while ``watch`` runs."""

    arguments: Sequence[str]
    host: str
    port: int
    process: subprocess.Popen[bytes] | None = None
    _ended: list[float] = field(default_factory=list)

    def watch(self, stop: threading.Event, *, ready: Callable[[], None]) -> None:
        """Serves until ``stop``; pages that end of themselves are begun again, ever more slowly."""
        with listen(self.host, self.port) as listener:
            try:
                self._begin(listener)
                ready()
                while not stop.wait(0.5):
                    self._look(listener, stop)
            finally:
                self._end()

    def _begin(self, listener: socket.socket) -> None:
        home = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
        # -P: a folder named "monitor" where the service was started is not this program
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "monitor", *self.arguments, "--socket",
             str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=(listener.fileno(),),
            env={k: v for k, v in os.environ.items() if k not in _SYSTEMD} | {"PYTHONPATH": path},
        )  # fmt: skip

    def _look(self, listener: socket.socket, stop: threading.Event) -> None:
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        self._ended = [at for at in self._ended if now - at < _STEADY]
        wait = _WAITS[min(len(self._ended), len(_WAITS) - 1)]
        self._ended.append(now)
        _log.error("pages", problem="they ended", code=self.process.returncode, again_in=wait)
        if not stop.wait(wait):
            self._begin(listener)

    def _end(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_LAST_WORD)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def end_with(parent: int, stop: Callable[[], None]) -> None:
    """Calls ``stop`` when the other end of the pipe ``parent`` is gone; returns at once."""

    def wait() -> None:
        while os.read(parent, 1):
            pass
        stop()

    threading.Thread(target=wait, name="parent", daemon=True).start()
