"""What the pipeline asks of its edges. The edges implement these; the stages never see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

from monitor.model import (
    Event,
    Feed,
    FeedState,
    FeedStatus,
    Fetched,
    Hit,
    Item,
    LevelChange,
    OutboxState,
    Outgoing,
    Review,
    Status,
    StoredHit,
    Subscription,
    Validators,
)

How = Literal["poll", "import", "rematch", "manual"]

_NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Items of one poll, told apart by what the store already holds."""

    new: tuple[Item, ...]
    updated: tuple[Item, ...]  # known identity, other text
    duplicate: tuple[Item, ...]  # known, unchanged (or another feed's sighting of a known link)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRecord:
    """One line of a feed's poll log: what coverage, health strip and metrics are made of."""

    feed: str
    at: datetime
    outcome: Literal["ok", "not-modified", "failed"]
    kind: str = ""  # of a failure
    message: str = ""
    http_status: int = 0
    wire_bytes: int = 0
    seconds: float = 0.0
    new: int = 0
    updated: int = 0
    duplicate: int = 0
    dropped: int = 0
    flood: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PollFigures:
    """What polling has brought, for metrics: sums since the beginning, and the polls of lately."""

    sums: Mapping[str, int]  # good, failed, new, updated, duplicate, dropped, wire_bytes
    lately: Mapping[tuple[str, str], int]  # (outcome, kind of failure) → polls
    seconds: tuple[float, ...]  # how long those took that were answered, ascending


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """What grouping decided for new hits: join ``event`` or, where it is None, open a new one."""

    event: int | None
    key: str  # drafts of one batch with equal key are one event
    title: str
    item: str  # item id
    role: str
    of: str = ""
    similarity: float = 1.0
    why: str = ""


class Batch(Protocol):
    """One write transaction: everything in it is committed together or not at all."""

    def expect(self, items: Sequence[Item]) -> None:
        """Says which items will be added, in one or several lists: they are looked up together."""
        ...

    def add_items(
        self, items: Sequence[Item], *, how: How, warm_up: bool = False
    ) -> Recognised: ...

    def recent_events(self, *, since: datetime) -> Sequence[Event]:
        """Events that new hits may join, with their members, oldest first."""
        ...

    def add_hits(
        self, hits: Sequence[Hit], *, how: How, warm_up: bool = False
    ) -> Sequence[StoredHit]:
        """Stores hits that are new for (item, watch, indicator); others are refreshed."""
        ...

    def withdraw_hits(self, item: str, *, keep: Collection[tuple[str, str]]) -> int:
        """Marks hits of an edited item that no longer hold; reviewed ones stay."""
        ...

    def apply_groups(self, drafts: Sequence[EventDraft]) -> int:
        """Puts items into events; returns how many events are new."""
        ...

    def finish_poll(self, record: PollRecord, state: FeedState) -> None:
        """Health, schedule, validators and the poll log, in the same transaction as the items."""
        ...

    def put_part(self, run: str, part: int, value: object) -> None:
        """Keeps what a part of shared work came to, with what it stored."""
        ...


class Store(Protocol):
    """The database. Methods are synchronous and safe to call from any thread."""

    # Feeds
    def sync_feeds(self, feeds: Sequence[Feed], *, now: datetime) -> None: ...
    def add_feed(self, feed: Feed, *, now: datetime) -> None: ...
    def remove_feed(self, id_or_url: str) -> bool: ...
    def feeds(self, *, enabled: bool | None = None) -> Sequence[FeedStatus]: ...
    def claim_due_feeds(
        self,
        *,
        now: datetime,
        holder: str,
        everything: bool = False,
        limit: int | None = None,
        feeds: Collection[str] | None = None,
        lease: timedelta | None = None,
        first: int | None = None,
    ) -> Sequence[FeedStatus]:
        """Leases feeds so that no one else polls them until they are finished or the lease ends."""
        ...

    def release_feeds(self, ids: Collection[str], *, holder: str) -> None: ...

    # Ingest
    def recognise(self, items: Sequence[Item]) -> Recognised: ...
    def batch(self, *, now: datetime, holder: str = "") -> AbstractContextManager[Batch]: ...

    def parts(self, run: str) -> Sequence[Any]:
        """What the parts of shared work came to, in order."""
        ...

    # Reading. ``as_of`` limits every answer to what was known then.
    def items(
        self,
        *,
        ids: Collection[str] | None = None,
        since: datetime | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Iterator[Item]: ...

    def hits(
        self,
        *,
        since: datetime | None = None,
        indicator: str | None = None,
        status: Status | None = None,
        as_of: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[StoredHit]: ...

    def held_hits(self, ids: Collection[str]) -> Mapping[str, set[tuple[str, str]]]:
        """Item id → (watch, indicator) of the hits that hold now."""
        ...

    def events(
        self,
        *,
        since: datetime | None = None,
        indicator: str | None = None,
        status: Status | None = None,
        as_of: datetime | None = None,
        ids: Collection[int] | None = None,
        limit: int | None = None,
    ) -> Sequence[Event]: ...

    def covered_days(
        self,
        *,
        feeds: Collection[str] | None = None,
        since: date,
        until: date,
        as_of: datetime | None = None,
    ) -> Mapping[str, Mapping[date, tuple[int, int]]]:
        """Feed id → day → (good polls, failed polls)."""
        ...

    # Reviews and levels
    def add_review(self, review: Review, *, expected: Status | None = None) -> None: ...
    def reviews(self, *, as_of: datetime | None = None) -> Sequence[Review]: ...
    def add_level_changes(self, changes: Sequence[LevelChange]) -> Sequence[LevelChange]:
        """Stores each change that nobody has stored yet; returns those."""
        ...

    def level_changes(
        self, *, since: datetime | None = None, as_of: datetime | None = None
    ) -> Sequence[LevelChange]: ...

    # Digests and the outbox
    def unsent_hits(
        self, subscription: str, recipient: str, *, as_of: datetime | None = None
    ) -> Sequence[StoredHit]:
        """Hits that no frozen digest of this subscription to this recipient covers yet."""
        ...

    def freeze(self, message: Outgoing) -> Outgoing | None:
        """Stores a message and what it covers in one transaction; None if its slot exists."""
        ...

    def last_slot(self, subscription: Subscription | str, recipient: str) -> str | None: ...
    def claim_outgoing(
        self, *, now: datetime, holder: str, limit: int = 10
    ) -> Sequence[Outgoing]: ...
    def settle_outgoing(
        self,
        number: int,
        state: OutboxState,
        *,
        now: datetime,
        next_try_at: datetime | None = None,
        error: str = "",
        holder: str | None = None,
    ) -> None: ...
    def hand_over(self, number: int, *, holder: str) -> None: ...

    def outgoing(self, *, state: OutboxState | None = None) -> Sequence[Outgoing]: ...

    # Keeping
    def note_rules(self, watch: str, rules: str, text: str, *, now: datetime) -> None: ...
    def counts(self) -> Mapping[str, int]: ...


class Fetcher(Protocol):
    """The one way out to the web."""

    async def fetch(
        self, feed: Feed, *, validators: Validators = _NO_VALIDATORS, now: datetime
    ) -> Fetched: ...


class Mailer(Protocol):
    """Hands one frozen message over. Raises MailError; returns when it was accepted."""

    async def send(
        self, message: Outgoing, *, handing_over: Callable[[], Awaitable[None]] = ...
    ) -> None:
        """``handing_over`` is awaited right before the point from which it may have been accepted; what
        that raises ends the attempt there."""
        ...


class Matcher(Protocol):
    """Item in, hits out: pure, compiled once per set of watches."""

    def match(self, item: Item) -> tuple[Hit, ...]: ...
    def match_many(self, items: Iterable[Item]) -> Iterator[tuple[Item, tuple[Hit, ...]]]: ...
