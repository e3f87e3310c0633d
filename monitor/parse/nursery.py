"""Where parser processes come from: one process that has all modules loaded and forks one when asked.

Starting Python and importing the parsers costs as much computing as reading some fifty feeds; here it is
paid for once, and the processes share what was loaded. It asks and answers over one socket, ends when
its parent does, and buries its children only when asked for their fate, so that no number is reused
before.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

from monitor.parse.pipe import receive, send

_BOOT = (
    "import sys; sys.path[:] = {path!r}\n"
    "from monitor.parse.worker import main\n"
    "{normalise}"
    "main({descriptor}, cpu_seconds={cpu}, memory_bytes={memory}, normalise=normalise)"
)


class NurseryLostError(Exception):
    """The process that forks the others has died."""


class Nursery:
    """The parent's end. ``fork`` and ``bury`` are safe from any thread."""

    def __init__(self, *, cpu_seconds: float, memory_bytes: int, normalise: str) -> None:
        """``normalise``: a line that imports it by that name."""
        self._turn = threading.Lock()
        self._socket, theirs = socket.socketpair()
        boot = _BOOT.format(
            path=sys.path,
            descriptor=theirs.fileno(),
            cpu=cpu_seconds,
            memory=memory_bytes,
            normalise=normalise,
        )
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-S",
                    "-c",
                    boot,
                ],  # what site would find is in the path it is given
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={"MALLOC_ARENA_MAX": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C in a terminal is for the parent
            )
        except BaseException:
            self._socket.close()
            raise
        finally:
            theirs.close()

    def fork(self) -> tuple[int, int]:
        """(number of a new process, our end of the socket to it). Raises NurseryLostError."""
        ours, theirs = socket.socketpair()
        try:
            with self._turn:
                socket.send_fds(self._socket, [b"fork"], [theirs.fileno()])
                return int(receive(self._socket.fileno())[0]), ours.detach()
        except (EOFError, OSError, ValueError) as error:
            ours.close()
            raise NurseryLostError from error
        finally:
            theirs.close()

    def bury(self, process: int, *, kill: bool) -> int:
        """How a process ended, as ``Popen.returncode`` says it; with ``kill`` it is ended first."""
        try:
            with self._turn:
                self._socket.sendall(b"kill" if kill else b"wait")
                send(self._socket.fileno(), str(process).encode())
                return int(receive(self._socket.fileno())[0])
        except (EOFError, OSError, ValueError):
            return -signal.SIGKILL

    def close(self) -> None:
        """Ends the process; those that it forked end as their sockets close."""
        self._socket.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=10)
