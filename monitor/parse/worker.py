"""The parser processes: one document at a time each, with limits of CPU and memory.

It holds no secrets (its environment is empty), opens nothing, and ends when its parent does.
"""

from __future__ import annotations

import gc
import json
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from monitor.errors import ParseError
from monitor.model import Document, Feed, Item
from monitor.parse.document import parse
from monitor.parse.forking import serve
from monitor.parse.page import read_page
from monitor.parse.pipe import receive, send
from monitor.parse.wire import dump, dump_items, dump_page

Normalise = Callable[[Document, Feed, datetime], Sequence[Item]]

GROWN_BYTES = 64 * 1024 * 1024  # a process that has more is replaced: large documents leave holes
_OBJECTS = (
    50_000  # between two rounds of the garbage collector; a usual document makes some thousand
)


def main(
    descriptor: int,
    *,
    cpu_seconds: float,
    memory_bytes: int,
    normalise: Normalise | None = None,
) -> None:
    """The process that forks the parsers, until its parent is gone."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the parent decides when this ends

    def work(given: int) -> None:
        _limit(memory_bytes)
        _serve(given, cpu_seconds, normalise)

    gc.collect()
    gc.freeze()  # so that pages stay shared
    serve(descriptor, work)


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    gc.set_threshold(_OBJECTS)


def _serve(descriptor: int, cpu_seconds: float, normalise: Normalise | None) -> None:
    """Answers until the other end closes, or it has grown: that answer says that it is the last."""
    last = b""
    while not last:
        try:
            asked, body = receive(descriptor)
            ask = json.loads(asked)
            _allow(min(cpu_seconds, ask.get("cpu_seconds", cpu_seconds)))
            answer = _answer(ask, body, normalise)
            last = b"last" if _resident_bytes() > GROWN_BYTES else b""
            send(descriptor, answer, last)
        except (EOFError, OSError):
            return


def _resident_bytes() -> int:
    """What this process has of memory; 0 where the system does not tell in the way of Linux."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _allow(cpu_seconds: float) -> None:
    """Moves the soft limit on; passing it ends the process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = ceil(used.ru_utime + used.ru_stime + cpu_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _answer(ask: dict[str, Any], body: bytes, normalise: Normalise | None) -> bytes:
    now = datetime.fromisoformat(ask["now"])
    try:
        if ask.get("page"):
            return dump_page(read_page(body, url=ask["url"], content_type=ask["content_type"]))
        document = parse(body, url=ask["url"], content_type=ask["content_type"], now=now)
        if normalise is None or "feed" not in ask:
            return dump(document)
        return dump_items(document, normalise(document, Feed(**ask["feed"]), now))
    except ParseError as error:
        said = {"kind": error.kind, "problem": error.problem, "remedy": error.remedy}
        return json.dumps({"error": said}).encode("ascii")
    except (MemoryError, RecursionError) as error:
        return json.dumps({"over": type(error).__name__}).encode("ascii")
    except Exception:
        return json.dumps({"bug": traceback.format_exc()[-8_000:]}).encode("ascii")
