"""One cycle, as one straight line:

    claim due feeds → fetch → parse → normalise → recognise → match → store → assess → level changes
                      (concurrent, one bad feed stops nobody)         (one transaction a batch)

Everything that decides is pure and gets ``now``; everything that touches the world is in ``Line``
and composed by ``monitor.app``. Items, hits, events, feed state and validators of a batch commit
together or not at all, so a process that dies anywhere loses nothing and repeats nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any
from urllib.parse import urlsplit

import structlog

from monitor.errors import MonitorError, ParseError
from monitor.model import (
    Assessment,
    Document,
    Event,
    Feed,
    FeedState,
    FeedStatus,
    Fetched,
    Hit,
    Item,
    LevelChange,
    StoredHit,
    Watch,
)
from monitor.polling import at_its_address
from monitor.protocols import (
    Batch,
    EventDraft,
    Fetcher,
    How,
    Matcher,
    PollRecord,
    Recognised,
    Store,
)

_log = structlog.get_logger(__name__)

BATCH_POLLS = 64  # polls in one transaction at most: bounds how long the write lock is held
BATCH_ITEMS = 2_000
BATCH_WAIT = (
    0.5  # seconds that a poll waits for others to be stored with: a transaction has its price
)
POLLS_IN_HAND = 128  # fetched and not yet stored: bounds memory, whatever the number of feeds
JOIN_WINDOW = timedelta(days=10)  # how far back a new hit may find its event


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What came of fetching, parsing and normalising one feed."""

    status: FeedStatus
    fetched: Fetched | None = None
    document: Document | None = None
    items: tuple[Item, ...] = ()
    error: MonitorError | None = None
    seconds: float = 0.0

    @property
    def feed(self) -> Feed:
        return self.status.feed

    @property
    def warm_up(self) -> bool:
        """The first good poll of a feed: everything in it is new to us and nothing is news."""
        return self.status.state.last_good_at is None


Complete = Callable[[Sequence[Item], Feed, datetime], Awaitable[Sequence[Item]]]
Settle = Callable[[Poll, Recognised, datetime], tuple[PollRecord, FeedState]]
Group = Callable[[Sequence[StoredHit], Sequence[Event], datetime], Sequence[EventDraft]]
Pairs = Sequence[tuple[Item, tuple[Hit, ...]]]
Matched = Mapping[tuple[str, str, str], tuple[Hit, ...]]  # by ``matched_key``
Read = Callable[[Pairs, datetime, bool], Pairs]  # (items with hits, now, whether to ask anew)
Assess = Callable[[Watch, datetime], tuple[Assessment, Sequence[LevelChange]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The stages and edges of one installation, composed in ``monitor.app``."""

    store: Store
    watches: tuple[Watch, ...]
    matcher: Matcher
    fetcher: Fetcher
    items: Callable[[Fetched, Feed, datetime], Awaitable[tuple[Document, Sequence[Item]]]]
    # parse and normalise: the document, without its entries, and its items
    settle: Settle  # poll → its log line and the feed's next state
    group: Group
    assess: Assess
    holder: str
    complete: Complete | None = None  # new items of a feed that gives only teasers, with their text
    meanwhile: Callable[[], Awaitable[None]] | None = None  # done between two transactions
    read: Read | None = None  # a second reader of what was matched, where one is configured


@dataclass(slots=True)
class Summary:
    """What a cycle or an import did."""

    polled: int = 0
    not_modified: int = 0
    failed: int = 0
    new: int = 0
    updated: int = 0
    duplicate: int = 0
    dropped: int = 0
    hits: int = 0
    events: int = 0
    seconds: float = 0.0
    levels: list[LevelChange] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "feeds": {
                "polled": self.polled,
                "not_modified": self.not_modified,
                "failed": self.failed,
            },
            "items": {
                "new": self.new,
                "updated": self.updated,
                "duplicate": self.duplicate,
                "dropped": self.dropped,
            },
            "hits": self.hits,
            "events": self.events,
            "seconds": round(self.seconds, 3),
        }

    def as_text(self) -> str:
        rows = []
        if self.polled:
            rows.append(
                f"poll    {self.polled:>4} feeds  {self.polled - self.failed:>4} ok  "
                f"{self.failed} failed  {self.not_modified} unchanged  {self.seconds:.1f} s"
            )
        rows.append(
            f"items   {self.new:>4} new    {self.updated:>4} updated  {self.duplicate} duplicate  "
            f"{self.dropped} dropped"
        )
        rows.append(f"match   {self.hits:>4} hits   {self.events:>4} new events")
        rows.extend(
            f"level   {change.indicator}: {change.before} → {change.after}"
            for change in self.levels
        )
        return "\n".join(rows)

    def add(self, other: Summary) -> None:
        """Adds what another has counted."""
        _add(self, other)
        self.levels += other.levels
        self.seconds += other.seconds

    def count(self, recognised: Recognised, stored: Stored) -> None:
        self.new += len(recognised.new)
        self.updated += len(recognised.updated)
        self.duplicate += len(recognised.duplicate)
        self.hits += stored.hits
        self.events += stored.events


@dataclass(frozen=True, slots=True)
class Stored:
    """What one transaction added."""

    hits: int
    events: int


# ── The line ─────────────────────────────────────────────────────────────────────────────────────


async def run_cycle(
    line: Line,
    *,
    now: datetime,
    everything: bool = False,
    limit: int | None = None,
    feeds: Collection[str] | None = None,
    assessing: bool = True,
    lease: timedelta | None = None,
    first: int | None = None,
) -> Summary:
    """Polls the feeds that are due (or all, or those of ``feeds``) and stores what they brought.

    ``first``: how many at most that were never polled before.
    Without ``assessing`` levels are left to somebody else: one of many workers does not look at all.
    """
    started, summary = time.monotonic(), Summary()
    claimed = await asyncio.to_thread(
        line.store.claim_due_feeds,
        now=now,
        holder=line.holder,
        everything=everything,
        limit=limit,
        feeds=feeds,
        lease=lease,
        first=first,
    )
    if not claimed:
        return summary
    done: asyncio.Queue[Poll] = asyncio.Queue()
    room = asyncio.Semaphore(POLLS_IN_HAND)

    turns = iter(by_turns(claimed))

    async def poll_into_queue() -> None:
        for status in turns:
            await room.acquire()
            await done.put(await poll_feed(line, status, now))

    polling = [
        asyncio.create_task(poll_into_queue()) for _ in range(min(POLLS_IN_HAND, len(claimed)))
    ]
    waiting = {status.feed.id for status in claimed}
    try:
        while waiting:
            polls = await _take(done, len(waiting))
            await _to_the_end(store_polls, line, polls, now, summary)
            waiting -= {poll.feed.id for poll in polls}
            for _ in polls:
                room.release()
            if line.meanwhile is not None:
                await line.meanwhile()
    finally:
        for task in polling:
            task.cancel()
        await asyncio.gather(*polling, return_exceptions=True)
        if waiting:  # stopped in the middle: the next cycle begins with these
            await asyncio.to_thread(line.store.release_feeds, waiting, holder=line.holder)
    if assessing:
        summary.levels = await asyncio.to_thread(assess_watches, line, now)
    summary.seconds = time.monotonic() - started
    return summary


def by_turns(statuses: Sequence[FeedStatus]) -> list[FeedStatus]:
    """Host after host, one feed each: a host with many feeds, which has to be asked slowly, does not
    keep the others waiting."""
    hosts: dict[str, list[FeedStatus]] = {}
    for status in statuses:
        asked = at_its_address(status.feed, status.state)
        hosts.setdefault(urlsplit(asked.url).netloc, []).append(status)
    rounds = zip_longest(*hosts.values())
    return [status for some in rounds for status in some if status is not None]


async def poll_feed(line: Line, status: FeedStatus, now: datetime) -> Poll:
    """Fetch → parse → normalise of one feed. Whatever goes wrong is in the Poll, never raised."""
    feed, started = status.feed, time.monotonic()
    fetched: Fetched | None = None
    try:
        asked = at_its_address(feed, status.state)
        fetched = await line.fetcher.fetch(asked, validators=status.state.validators, now=now)
        if fetched.not_modified:
            return Poll(status=status, fetched=fetched, seconds=fetched.seconds)
        document, made = await line.items(fetched, feed, now)
        items = tuple(made)
        if feed.full_text and line.complete is not None:
            items = await _completed(line, line.complete, items, feed, now)
        return Poll(
            status=status,
            fetched=fetched,
            document=document,
            items=items,
            seconds=time.monotonic() - started,
        )
    except MonitorError as error:
        problem = error
    except Exception as error:
        # A bug: logged with its traceback, and on the feed's health so that somebody sees it.
        _log.error("poll", feed=feed.id, exc_info=error)
        problem = ParseError(
            f"unexpected {type(error).__name__} while reading the feed",
            kind="bug",
            subject=feed.id,
            remedy="The log has the details; please report it.",
        )
    return Poll(status=status, fetched=fetched, error=problem, seconds=time.monotonic() - started)


async def _completed(
    line: Line, complete: Complete, items: tuple[Item, ...], feed: Feed, now: datetime
) -> tuple[Item, ...]:
    """The items, those that the store does not hold as they are with the text of their pages."""
    recognised = await asyncio.to_thread(line.store.recognise, items)
    wanted = {each.identity for each in (*recognised.new, *recognised.updated)}
    fresh = [each for each in items if each.identity in wanted]
    full = {each.identity: each for each in await complete(fresh, feed, now)}
    return tuple(full.get(each.identity, each) for each in items)


def store_polls(line: Line, polls: Sequence[Poll], now: datetime, summary: Summary) -> None:
    """Recognise → match → store, for several polls in one transaction.

    A batch that the database refuses because of its content is retried feed by feed, so that one
    feed's data cannot hold up the others'.
    """
    try:
        _store_polls(line, polls, now, summary)
    except MonitorError:
        raise
    except Exception as error:
        if len(polls) > 1:
            for poll in polls:
                store_polls(line, [poll], now, summary)
            return
        _log.error("store", feed=polls[0].feed.id, exc_info=error)
        problem = ParseError(
            f"unexpected {type(error).__name__} while storing the feed's items",
            kind="bug",
            subject=polls[0].feed.id,
        )
        failed = replace(polls[0], error=problem, items=(), document=None)
        _store_polls(line, [failed], now, summary)


def _store_polls(line: Line, polls: Sequence[Poll], now: datetime, summary: Summary) -> None:
    items = [item for poll in polls for item in poll.items]
    begun = [item for poll in polls if poll.warm_up for item in poll.items]
    known = [item for poll in polls if not poll.warm_up for item in poll.items]
    matched = match_new(line, known, now, new=begun)
    counted = Summary()
    with line.store.batch(now=now, holder=line.holder) as batch:
        batch.expect(items)
        fresh: list[StoredHit] = []
        for poll in polls:
            recognised = batch.add_items(poll.items, how="poll", warm_up=poll.warm_up)
            record, state = line.settle(poll, recognised, now)
            stale = poll.warm_up or record.flood  # kept, and no news
            hits = store_hits(line, batch, recognised, matched, how="poll", warm_up=stale)
            batch.finish_poll(record, state)
            _log_poll(poll.feed, record)
            counted.count(recognised, Stored(len(hits), 0))
            _count_poll(counted, poll)
            fresh.extend(hits)
        counted.events += group_hits(line, batch, fresh, now)
    _add(summary, counted)


def _log_poll(feed: Feed, record: PollRecord) -> None:
    """One line a poll; what was not modified is of interest to who debugs only."""
    words: dict[str, Any] = {
        "feed": feed.id,
        "host": urlsplit(feed.url).hostname,
        "outcome": record.outcome,
        "status": record.http_status,
        "bytes": record.wire_bytes,
        "seconds": round(record.seconds, 3),
    }
    if record.outcome == "failed":
        _log.info("poll", kind=record.kind, problem=record.message, **words)
    elif record.outcome == "not-modified":
        _log.debug("poll", **words)
    else:
        counts = {name: getattr(record, name) for name in ("new", "updated", "dropped", "flood")}
        _log.info("poll", **words, **counts)


def match_new(
    line: Line, items: Sequence[Item], now: datetime, *, new: Sequence[Item] = ()
) -> Matched:
    """Hits of the items that the store does not hold as they are.

    Done before the transaction: matching, and a second reader, are the long part and need no lock.
    ``new``: items that are hardly ever held, as those of a feed's first poll: matching the few in vain
    costs less than looking all of them up. A second reader is not asked in vain.
    """
    if line.read is not None:
        items, new = [*items, *new], ()
    recognised = line.store.recognise(items)
    wanted = [*recognised.new, *recognised.updated, *new]
    pairs: Pairs = [*line.matcher.match_many(wanted)]
    if line.read is not None:
        pairs = line.read(pairs, now, True)
    return {matched_key(item): hits for item, hits in pairs}


def matched_key(item: Item) -> tuple[str, str, str]:
    """Tells items of one batch apart, also those to which a feed gives one guid."""
    return item.feed, item.identity, item.link_key


def store_hits(
    line: Line,
    batch: Batch,
    recognised: Recognised,
    matched: Matched,
    *,
    how: How,
    warm_up: bool = False,
) -> list[StoredHit]:
    """Stores the hits of new and edited items; withdraws what an edit made untrue."""
    wanted: list[Hit] = []
    for item in (*recognised.new, *recognised.updated):
        hits = matched.get(matched_key(item))
        if hits is None:  # became new between recognising and storing
            hits = line.matcher.match(item)
        wanted.extend(hit if hit.item == item.id else replace(hit, item=item.id) for hit in hits)
    for item in recognised.updated:
        keep = {(hit.watch, hit.indicator) for hit in wanted if hit.item == item.id}
        batch.withdraw_hits(item.id, keep=keep)
    return list(batch.add_hits(wanted, how=how, warm_up=warm_up))


def group_hits(line: Line, batch: Batch, hits: Sequence[StoredHit], now: datetime) -> int:
    """Puts new hits into events; returns how many events are new."""
    if not hits:
        return 0
    first = min((hit.item.first_seen_at or now for hit in hits), default=now)
    events = batch.recent_events(since=min(first, now) - JOIN_WINDOW)
    return batch.apply_groups(line.group(hits, events, now))


def assess_watches(line: Line, now: datetime) -> list[LevelChange]:
    """Levels as they are now; what rose or fell is stored once."""
    changes: list[LevelChange] = []
    for watch in line.watches:
        _, changed = line.assess(watch, now)
        if changed:
            changes.extend(line.store.add_level_changes(changed))
    return changes


# ── The same line for items that no poll brought ─────────────────────────────────────────────────


def import_items(
    line: Line,
    items: Iterable[Item],
    *,
    now: datetime,
    chunk: int = BATCH_ITEMS,
    then: Callable[[Batch, Summary], None] | None = None,
    assessing: bool = True,
) -> Summary:
    """Recognise → match → store → assess for items from files. Idempotent; never alerts.

    An item whose ``first_seen_at`` is set keeps it, else it is first seen ``now``. ``then`` is called
    with what came of it within the transaction of each chunk.
    """
    started, summary = time.monotonic(), Summary()
    for some in chunks(items, chunk):
        matched = match_new(line, some, now)
        with line.store.batch(now=now) as batch:
            store_items(line, batch, some, matched, now=now, summary=summary)
            if then is not None:
                then(batch, summary)
    if assessing:
        summary.levels = assess_watches(line, now)
    summary.seconds = time.monotonic() - started
    return summary


def store_items(
    line: Line,
    batch: Batch,
    items: Sequence[Item],
    matched: Matched,
    *,
    now: datetime,
    summary: Summary,
) -> None:
    """Stores matched items of a file within a transaction, and counts them."""
    recognised = batch.add_items(items, how="import", warm_up=False)
    hits = store_hits(line, batch, recognised, matched, how="import")
    events = group_hits(line, batch, hits, now)
    summary.count(recognised, Stored(len(hits), events))


# ── Small parts ──────────────────────────────────────────────────────────────────────────────────


async def _to_the_end(function: Callable[..., None], *arguments: Any) -> None:
    """Runs in a thread and, when cancelled, waits for it: a transaction is not left behind."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


async def _take(done: asyncio.Queue[Poll], expected: int) -> list[Poll]:
    """At least one finished poll of those that are expected, and what others finish meanwhile."""
    polls = [await done.get()]
    items = len(polls[0].items)
    with suppress(TimeoutError):
        async with asyncio.timeout(BATCH_WAIT):
            while len(polls) < min(BATCH_POLLS, expected) and items < BATCH_ITEMS:
                polls.append(await done.get())
                items += len(polls[-1].items)
    return polls


def _count_poll(summary: Summary, poll: Poll) -> None:
    summary.polled += 1
    summary.failed += poll.error is not None
    summary.not_modified += bool(poll.fetched and poll.fetched.not_modified)
    summary.dropped += poll.document.dropped if poll.document else 0


def _add(summary: Summary, counted: Summary) -> None:
    for name in (
        "polled", "not_modified", "failed", "new", "updated", "duplicate", "dropped", "hits", "events",
    ):  # fmt: skip
        setattr(summary, name, getattr(summary, name) + getattr(counted, name))


def chunks(values: Iterable[Any], size: int) -> Iterable[list[Any]]:
    """Lists of at most ``size`` values, in order."""
    some: list[Any] = []
    for value in values:
        some.append(value)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
