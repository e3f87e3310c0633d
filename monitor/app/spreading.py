"""Long work in parts that many workers do: import, rematch, backtest.

A run has a name that its content gives it, so that the command, started again after whatever happened,
goes on with it. What a part came to is kept until all parts are there; a part done twice counts once.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import time
from asyncio import to_thread
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from monitor.app.archives import LARGE, Reading, import_archive
from monitor.app.intake import Intake, is_lines
from monitor.app.ruling import Ruling
from monitor.errors import StoreError
from monitor.model import Hit, Item
from monitor.pipeline import Summary, assess_watches, import_items
from monitor.protocols import Matcher
from monitor.rematch import Change, rematch_items
from monitor.store import hit_as_json, hit_of_json

if TYPE_CHECKING:
    from monitor.jobs import JobQueue

_log = structlog.get_logger(__name__)

CORES = os.cpu_count() or 1
LINES_A_PART = 500
ITEMS_A_PART = 2_000
WAITING_PARTS = 200  # of an import, in the queue at most
_COUNTED = ("new", "updated", "duplicate", "dropped", "hits", "events")


@dataclass(frozen=True, slots=True)
class Matched:
    """A matcher that was there before: hits by item, found by the workers."""

    hits: dict[str, tuple[Hit, ...]]

    def match(self, item: Item) -> tuple[Hit, ...]:
        return self.hits.get(item.id, ())

    def match_many(self, items: Iterable[Item]) -> Iterator[tuple[Item, tuple[Hit, ...]]]:
        return ((item, self.match(item)) for item in items)


class Spreading(Ruling):
    """Runs of parts, and what a worker does with one."""

    @property
    def is_shared(self) -> bool:
        """Whether the database is one that several machines can use."""
        return self.config.database_url().startswith("postgresql")

    @cached_property
    def tasks(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        return {
            "import": self.import_part,
            "rematch": self.rematch_part,
            "backtest": self.backtest_part,
        }

    @cached_property
    def queue(self) -> JobQueue:
        """The queue in the database. Raises ConfigError without the extra packages."""
        from monitor.jobs import JobQueue

        return JobQueue(self.store.db, self.tasks, at_once=self.config.fetch.concurrency)

    def has_workers(self) -> bool:
        """Whether long work is worth spreading: other processes are there to take it."""
        return self.is_shared and self.queue.workers() > 0

    # ── The commands ─────────────────────────────────────────────────────────────────────────────

    def import_files(self, files: Sequence[Path], *, now: datetime, seen_at: str) -> Summary:
        """Items of files into the store: by all workers, if there are any; long files on all cores."""
        spread = self.has_workers()
        long = {file for file in files if is_lines(file) and (spread or self._is_long(file))}
        if not long:
            return super().import_files(files, now=now, seen_at=seen_at)
        self.forget_days()
        total = Summary()
        for file in files:
            if file not in long:
                found = super().import_files([file], now=now, seen_at=seen_at)
            elif spread:
                found = self.spread_import(file, now=now, seen_at=seen_at)
            else:
                found = self.import_archive(file, now=now, seen_at=seen_at)
            total.add(found)
        return total

    def _is_long(self, file: Path) -> bool:
        """Whether several processes are worth their start. A second reader is asked by one."""
        return CORES > 1 and file.stat().st_size >= LARGE and self.line.read is None

    def import_archive(self, file: Path, *, now: datetime, seen_at: str) -> Summary:
        """Items of a JSON Lines file on all cores of this machine. Goes on where it was broken off."""
        started = time.monotonic()
        run = _import_name(file, seen_at)
        reading = Reading(
            config=self.config,
            file=file,
            now=now,
            seen_at=seen_at,
            feed_ids={status.feed.url: status.feed.id for status in self.store.feeds()},
        )
        summary = import_archive(self.line, reading, run=run, jobs=CORES, tell=self.tell)
        summary.levels = assess_watches(self.line, now)
        self.store.drop_run(run)
        summary.seconds = time.monotonic() - started
        return summary

    def rematch(
        self, *, now: datetime, since: datetime | None = None, dry_run: bool = False
    ) -> Change:
        if self.has_workers():
            return self.spread_rematch(now=now, since=since, dry_run=dry_run)
        return super().rematch(now=now, since=since, dry_run=dry_run)

    def matcher_for(self, since: datetime | None) -> Matcher:
        return self.spread_matching(since=since) if self.has_workers() else self.rules.matcher

    # ── Import ───────────────────────────────────────────────────────────────────────────────────

    def spread_import(self, file: Path, *, now: datetime, seen_at: str) -> Summary:
        """Items of a JSON Lines file, taken in by all workers. Goes on where it was broken off."""
        started = time.monotonic()
        run = _import_name(file, seen_at)
        mark = json.loads(self.store.get_meta(run) or "null") or {
            "offset": 0,
            "parts": 0,
            "at": now.isoformat(),
        }
        if mark["offset"]:
            _log.info("import", note="going on", file=str(file), done=mark["offset"])
        with file.open("rb") as opened:
            opened.seek(mark["offset"])
            while lines := list(itertools.islice(opened, LINES_A_PART)):
                self._wait_for_room()
                text = [line.decode("utf-8", "replace") for line in lines]
                arguments = {"lines": text, "at": mark["at"], "seen_at": seen_at}
                self._defer(run, mark["parts"], "import", arguments)
                mark["parts"] += 1
                mark["offset"] += sum(map(len, lines))
                self.store.set_meta(run, json.dumps(mark), now=now)
        summary = Summary()
        for value in self._finished(run, mark["parts"], "import"):
            summary.add(Summary(**value))
        summary.levels = assess_watches(self.line, now)
        self.store.drop_run(run)
        summary.seconds = time.monotonic() - started
        return summary

    async def import_part(
        self, run: str, part: int, lines: Sequence[str], at: str, seen_at: str
    ) -> None:
        await to_thread(self._import_part, run, part, lines, at, seen_at)

    def _import_part(
        self, run: str, part: int, lines: Sequence[str], at: str, seen_at: str
    ) -> None:
        if self.store.has_part(run, part):
            return
        known = {status.feed.url: status.feed.id for status in self.store.feeds()}
        intake = Intake(now=datetime.fromisoformat(at), seen_at=seen_at, feed_ids=known)
        items = list(intake.from_lines(lines, name=f"part {part}"))
        import_items(
            self.line,
            items,
            now=intake.now,
            chunk=max(1, len(items)),
            then=lambda batch, done: batch.put_part(
                run,
                part,
                {name: getattr(done, name) for name in _COUNTED} | {"dropped": intake.dropped},
            ),
            assessing=False,
        )

    def _wait_for_room(self) -> None:
        while self.queue.counts().get(("import", "todo"), 0) >= WAITING_PARTS:
            time.sleep(0.2)

    # ── Rematch ──────────────────────────────────────────────────────────────────────────────────

    def spread_rematch(self, *, now: datetime, since: datetime | None, dry_run: bool) -> Change:
        """The present rules on stored items, by all workers."""
        rules = [watch.rules for watch in self.watches]
        run = _run_name("rematch", rules, since, dry_run, now)
        parts = self.store.item_parts(ITEMS_A_PART, since=since)
        for part, (after, last) in enumerate(parts):
            arguments = {
                "after": after,
                "last": last,
                "since": since.isoformat() if since else None,
                "at": now.isoformat(),
                "dry_run": dry_run,
                "rules": rules,
            }
            self._defer(run, part, "rematch", arguments)
        change = Change()
        for value in self._finished(run, len(parts), "rematch"):
            change.add(value)
        if not dry_run:
            assess_watches(self.line, now)
        self.store.drop_run(run)
        return change

    async def rematch_part(
        self,
        run: str,
        part: int,
        after: int,
        last: int,
        since: str | None,
        at: str,
        dry_run: bool,
        rules: list[str],
    ) -> None:
        self._require(rules)
        items = self._items(after, last, datetime.fromisoformat(since) if since else None)
        now = datetime.fromisoformat(at)
        change = await to_thread(rematch_items, self.line, items, now=now, dry_run=dry_run)
        await to_thread(self.store.put_part, run, part, change.as_json())

    # ── Backtest ─────────────────────────────────────────────────────────────────────────────────

    def spread_matching(self, *, since: datetime | None) -> Matched:
        """Hits of all stored items by the present rules, found by all workers."""
        rules = [watch.rules for watch in self.watches]
        run = _run_name("backtest", rules, since)
        parts = self.store.item_parts(ITEMS_A_PART, since=since)
        for part, (after, last) in enumerate(parts):
            arguments = {
                "after": after,
                "last": last,
                "since": since.isoformat() if since else None,
                "rules": rules,
            }
            self._defer(run, part, "backtest", arguments)
        hits: dict[str, tuple[Hit, ...]] = {}
        for value in self._finished(run, len(parts), "backtest"):
            hits |= {id: tuple(map(hit_of_json, rows)) for id, rows in value.items()}
        self.store.drop_run(run)
        return Matched(hits)

    async def backtest_part(
        self, run: str, part: int, after: int, last: int, since: str | None, rules: list[str]
    ) -> None:
        self._require(rules)
        items = self._items(after, last, datetime.fromisoformat(since) if since else None)

        def matched() -> dict[str, list[dict[str, Any]]]:
            found = self.rules.matcher.match_many(items)
            return {item.id: [hit_as_json(hit) for hit in hits] for item, hits in found if hits}

        await to_thread(self.store.put_part, run, part, await to_thread(matched))

    # ── Parts ────────────────────────────────────────────────────────────────────────────────────

    def _defer(self, run: str, part: int, task: str, arguments: dict[str, Any]) -> None:
        from monitor.jobs import NewJob

        given = {"run": run, "part": part, **arguments}
        self.queue.defer([NewJob(task=task, arguments=given, once=f"{run}/{part}")])

    def _finished(self, run: str, parts: int, task: str) -> Sequence[Any]:
        """What all parts came to. Raises StoreError for a part that was given up."""
        looked = time.monotonic()
        while self.store.parts_done(run) < parts:
            if time.monotonic() - looked > 5:
                looked = time.monotonic()
                self.queue.reap()
                if self.queue.failed(run):
                    raise StoreError(
                        "a part of the work was given up",
                        subject=run,
                        remedy="the log of the workers says why; the command goes on when repeated",
                    )
                if not self.queue.workers():
                    _log.warning(task, problem="no worker is alive; waiting for one")
            time.sleep(0.1)
        return self.store.parts(run)

    def _items(self, after: int, last: int, since: datetime | None) -> Iterator[Item]:
        for number, item in self.store.numbered_items(since=since, after=after):
            if number > last:
                return
            yield item

    def _require(self, rules: list[str]) -> None:
        """All workers must judge alike: one with other rules leaves the part to another, or later."""
        self.refresh_rules(self.clock())
        if [watch.rules for watch in self.watches] != rules:
            raise StoreError(
                "this worker has other rules than who asked",
                subject=", ".join(watch.rules for watch in self.watches),
                remedy="give all machines the same watch folders",
            )


def _import_name(file: Path, seen_at: str) -> str:
    stat = file.stat()
    return _run_name("import", file.resolve(), stat.st_size, stat.st_mtime_ns, seen_at)


def _run_name(task: str, *parts: object) -> str:
    """The same for the same work."""
    digest = hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()
    return f"{task}/{digest[:20]}"
