"""The other end of ``nursery``: in the process that forks the parsers."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable

from monitor.parse.pipe import receive, send

Work = Callable[[int], None]  # answers on a descriptor until the other end closes

_PATIENCE = 200  # hundredths of a second


def serve(descriptor: int, work: Work) -> None:
    """Forks and buries as it is asked to. Returns when the parent is gone."""
    with socket.socket(fileno=descriptor) as asked:
        while True:
            try:
                what, given, _, _ = socket.recv_fds(asked, 4, 1)
                if what == b"fork":
                    answer = _fork(descriptor, given[0], work)
                elif what in (b"kill", b"wait"):
                    answer = _bury(int(receive(descriptor)[0]), kill=what == b"kill")
                else:
                    return
                send(descriptor, str(answer).encode())
            except (EOFError, OSError):
                return


def _fork(ours: int, given: int, work: Work) -> int:
    process = os.fork()
    if process:
        os.close(given)
        return process
    try:
        os.close(ours)
        work(given)
    finally:  # whatever came of it: what follows is the nursery's own
        os._exit(0)


def _bury(process: int, *, kill: bool) -> int:
    """Waits for a child's end; one that only seems to be ending is ended after a while."""
    try:
        for _ in range(_PATIENCE):
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                return os.waitstatus_to_exitcode(status)
            if kill:
                break
            time.sleep(0.01)
        os.kill(process, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    except (ChildProcessError, ProcessLookupError):
        return -signal.SIGKILL
