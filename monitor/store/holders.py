"""Who holds a lease: a process on a host, so that the lease of a dead one can be told."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path


def process_holder(label: str = "") -> str:
    """``host/pid/start/label``: the start tells a process from a later one with the same pid."""
    pid = os.getpid()
    return f"{_place()}/{pid}/{_start(pid) or 0}/{label}"


def is_dead(holder: str) -> bool:
    """True where the holder is a process of this host that is no more; False where nobody knows."""
    parts = holder.split("/", 3)
    if len(parts) < 3 or parts[0] != _place() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    if _state(pid) == "Z":  # ended, and its parent has not asked how: it holds nothing any more
        return True
    started = _start(pid)
    return started is not None and parts[2] not in {"0", started}


@lru_cache(maxsize=1)
def _place() -> str:
    """The host, and where its processes are counted: containers may share a host's name."""
    try:
        space = "".join(filter(str.isdigit, str(Path("/proc/self/ns/pid").readlink())))
    except OSError:
        space = ""
    return f"{socket.gethostname()}:{space}"


def _start(pid: int) -> str | None:
    """When a process began, in ticks since the host did; None where the system does not tell."""
    fields = _stat(pid)
    return fields[19] if fields else None


def _state(pid: int) -> str | None:
    """``R``, ``S``, ``Z``…; None where the system does not tell."""
    fields = _stat(pid)
    return fields[0] if fields else None


def _stat(pid: int) -> list[str]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return stat.rpartition(")")[2].split()
