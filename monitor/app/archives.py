"""An archive taken in on all cores: processes read, clean and match; one, this one, stores.

Pieces are stored in the order of the file, each with a mark of how far it came in the same transaction:
the command, started again after whatever happened, goes on there. Only a few pieces are in memory.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from monitor.app.intake import Intake
from monitor.config import Config
from monitor.errors import StoreError
from monitor.model import Item
from monitor.pipeline import Line, Matched, Summary, match_new, store_items

LINES_A_PIECE = 1_000
READERS = 3  # processes: reading takes about as long as storing, so more would wait for it
LARGE = 30_000_000  # bytes of a file that is worth the start of processes: some 40,000 items
_COUNTED = ("new", "updated", "duplicate", "dropped", "hits", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some lines of a file, read, cleaned and matched."""

    items: list[Item]
    matched: Matched
    dropped: int
    problems: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file is read: all that a process has to know."""

    config: Config
    file: Path
    now: datetime
    seen_at: str
    feed_ids: Mapping[str, str]


def import_archive(
    line: Line, reading: Reading, *, run: str, jobs: int, tell: Callable[[str], None]
) -> Summary:
    """Items of a JSON Lines file into the store; the whole file's counts, also of an earlier start."""
    marks = line.store.parts(run)
    mark = dict(marks[-1]) if marks else {"offset": 0, "lines": 0}
    summary = Summary()
    for name in _COUNTED:
        setattr(summary, name, mark.get(name, 0))
    for length, lines, piece in _pieces(reading, mark["offset"], mark["lines"], jobs):
        mark["offset"] += length
        mark["lines"] += lines
        for problem in piece.problems:
            tell(problem)
        summary.dropped += piece.dropped
        with line.store.batch(now=reading.now) as batch:
            store_items(line, batch, piece.items, piece.matched, now=reading.now, summary=summary)
            mark |= {name: getattr(summary, name) for name in _COUNTED}
            batch.put_part(run, 0, mark)
    return summary


def _pieces(
    reading: Reading, offset: int, lines: int, jobs: int
) -> Iterator[tuple[int, int, Piece]]:
    """(bytes, lines, what was made of them) in order, worked on by ``jobs`` processes."""
    jobs = min(jobs, READERS)
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(reading,)
    )
    waiting: deque[tuple[int, int, Future[Piece]]] = deque()
    try:
        with reading.file.open("rb") as opened:
            opened.seek(offset)
            while some := list(islice(opened, LINES_A_PIECE)):
                waiting.append(
                    (sum(map(len, some)), len(some), pool.submit(_piece, some, lines + 1))
                )
                lines += len(some)
                if len(waiting) > 2 * jobs:
                    yield _done(waiting.popleft())
        while waiting:
            yield _done(waiting.popleft())
    except BrokenProcessPool as error:
        raise StoreError(
            "a process that reads the file has died",
            subject=str(reading.file),
            remedy="is there memory enough? Repeat the command: it goes on where it was.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _done(waiting: tuple[int, int, Future[Piece]]) -> tuple[int, int, Piece]:
    length, lines, future = waiting
    return length, lines, future.result()


# ── In a process ─────────────────────────────────────────────────────────────────────────────────

_WORK: dict[str, Any] = {}


def _begin(reading: Reading) -> None:
    """The rules and the database, once for all pieces. It ends with the process that asked."""
    from monitor.app import App

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when this ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app = App(reading.config, now=reading.now)
    _WORK.update(reading=reading, line=app.line)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _piece(lines: list[bytes], first: int) -> Piece:
    reading: Reading = _WORK["reading"]
    problems: list[str] = []
    intake = Intake(
        now=reading.now,
        seen_at=reading.seen_at,
        feed_ids=reading.feed_ids,
        tell=problems.append,
    )
    text = (line.decode("utf-8", "replace") for line in lines)
    items = list(intake.from_lines(text, name=str(reading.file), first=first))
    return Piece(
        items=items,
        matched=match_new(_WORK["line"], items, reading.now),
        dropped=intake.dropped,
        problems=problems,
    )
