"""What the review pages ask of the store: rows, pages, facets, audit, search, users.

Values and one protocol; nothing here does I/O. An inbox row is one (event, indicator) pair, since
that is what a verdict is about. Pages are cut by key, never by offset, so that page 900 costs what
page 1 costs and a row that arrives meanwhile moves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from monitor.errors import StoreError
from monitor.model import Item, LevelName, Review, Span, Stage, Status, StoredHit
from monitor.protocols import PollRecord, Store

InboxSort = Literal["independent", "newest", "oldest"]
SORTS: tuple[InboxSort, ...] = ("independent", "newest", "oldest")


class ConflictError(StoreError):
    """Somebody else changed it first; ``current`` is what stands now."""

    exit_code = 1

    def __init__(self, problem: str, *, current: str = "", by: str = "", subject: str = "") -> None:
        self.current = current
        self.by = by
        super().__init__(problem, subject=subject, remedy="Look at it again, then decide.")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxFilter:
    """Everything that narrows the inbox; each field is one facet in the URL."""

    status: Status | None = "new"
    watch: str | None = None
    indicator: str | None = None
    origins: Literal["1", "2", "3+"] | None = None
    grade: Literal["A-B", "C-D", "E-F"] | None = None  # of the best source in the event
    lang: str | None = None
    stage: Stage | None = None
    feed: str | None = None
    since: datetime | None = None  # first seen at or after
    until: datetime | None = None  # and before
    text: str = ""  # full text over the event's items, every language folded
    second_opinion_of: str | None = None  # pairs that this reviewer has not judged, others have


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One (event, indicator) with what a row shows; the lead hit is the best-scored one."""

    event: int
    watch: str
    indicator: str
    status: Status
    title: str
    lang: str
    first_seen_at: datetime
    last_seen_at: datetime
    items: int
    outlets: int
    origins: int  # independent
    denials: int
    source: str  # of the lead item, as shown
    source_grade: str  # A–F
    lead: StoredHit
    stage: Stage | None = None
    grade: str | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What of an event's items has one role and is of one source."""

    role: str  # as of ``Member``
    feed: str
    source: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One (event, indicator) with what is looked at before a verdict; ``spans`` are of all its hits."""

    event: int
    watch: str
    indicator: str
    status: Status
    title: str
    lang: str
    first_seen_at: datetime
    items: int
    outlets: int
    origins: int  # independent
    lead: StoredHit
    hits: int
    spans: tuple[Span, ...]
    voices: tuple[Voice, ...]  # first heard first


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    rows: tuple[InboxRow, ...]
    after: str | None = None  # opaque key of the next page; None = this is the last


FacetName = Literal["status", "indicator", "origins", "grade", "lang", "stage", "feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """Counts by facet value; each facet is counted under all filters but its own."""

    counts: Mapping[str, Mapping[str, int]]  # FacetName → value → rows, most first
    total: int


AuditAction = Literal[
    "created", "reviewed", "note", "graded", "split", "merged", "pinned", "unpinned", "item-added",
    "missed", "added", "paused", "resumed",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of an event's history; append-only."""

    at: datetime
    by: str  # "" = the system
    action: str
    before: str = ""
    after: str = ""
    detail: str = ""
    watch: str = ""
    indicator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One item of a full-text search and where it stands."""

    item: Item
    events: tuple[int, ...] = ()
    indicators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    found: tuple[Found, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """An item that an analyst says was evidence and was not found (or filed elsewhere)."""

    item: str
    watch: str
    indicator: str
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelOverride:
    """An analyst's level beside the machine's; the newest counts, None takes it back."""

    watch: str
    indicator: str
    level: LevelName | None
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A reviewer or reader of the pages. ``password`` is the argon2 hash, never the word itself."""

    name: str
    role: Literal["reader", "reviewer"]
    password: str = field(repr=False)
    created_at: datetime
    token: str = field(default="", repr=False)  # for /hits.atom, exports and the API


class Desk(Store, Protocol):
    """The store as the review pages see it."""

    # Inbox and events
    def inbox(
        self,
        filter: InboxFilter,
        *,
        sort: InboxSort = "independent",
        after: str | None = None,
        limit: int = 50,
    ) -> InboxPage: ...

    def facets(self, filter: InboxFilter) -> Facets: ...

    def glance(self, event: int, watch: str, indicator: str) -> Glance | None:
        """What the pane shows of a pair; of a merged event, in what it went into."""
        ...

    def lead_spans(
        self, *, status: Status, limit: int
    ) -> Sequence[tuple[tuple[str, str], tuple[Span, ...]]]:
        """((watch, indicator), evidence of the lead hit) of the pairs of a status, last seen first."""
        ...

    def waiting(self) -> Mapping[tuple[str, str], Mapping[Status, int]]:
        """(watch, indicator) → status → pairs; what the board and the navigation count."""
        ...

    def activity(
        self, *, since: datetime, as_of: datetime | None = None
    ) -> Mapping[tuple[str, str], Mapping[date, int]]:
        """(watch, indicator) → day an event was first seen → events, dismissed ones left out."""
        ...

    def audit(self, event: int) -> Sequence[AuditEntry]:
        """Newest first."""
        ...

    def related(self, event: int, *, limit: int = 5) -> Sequence[InboxRow]:
        """Other recent events of the same indicators, nearest in time first."""
        ...

    def add_reviews(
        self, reviews: Sequence[Review], *, expected: Sequence[Status | None]
    ) -> Sequence[ConflictError | None]:
        """In one transaction; a pair whose status is not as expected is left and reported."""
        ...

    def add_note(self, event: int, text: str, *, by: str, at: datetime) -> None: ...
    def set_grade(
        self, event: int, grade: str | None, *, expected: str | None, by: str, at: datetime
    ) -> None: ...
    def split_event(self, event: int, items: Collection[str], *, by: str, at: datetime) -> int: ...
    def merge_events(self, source: int, into: int, *, by: str, at: datetime) -> None: ...
    def set_pinned(self, event: int, pinned: bool, *, by: str, at: datetime) -> None:
        """A pinned event's items are never regrouped by the machine."""
        ...

    def override_level(self, override: LevelOverride) -> None: ...
    def level_overrides(self, *, as_of: datetime | None = None) -> Sequence[LevelOverride]: ...

    # Search and what the machine missed
    def search(
        self,
        text: str,
        *,
        lang: str | None = None,
        feed: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> FoundPage:
        """Full text over every stored item; all words must occur; newest first."""
        ...

    def newest_items(self, *, limit: int) -> Sequence[Item]: ...
    def add_miss(self, miss: Miss) -> None: ...
    def opinions(self, *, mark: str) -> Sequence[Review]:
        """The verdicts, oldest first, of the pairs with one whose note begins with ``mark``."""
        ...

    def decided_since(self, at: datetime) -> int:
        """How many pairs were confirmed or dismissed since, each once."""
        ...

    def misses(self) -> Sequence[Miss]: ...

    # Feeds
    def poll_log(self, feed: str, *, limit: int = 50) -> Sequence[PollRecord]: ...
    def new_items_by_feed(self, *, since: datetime) -> Mapping[str, int]: ...
    def poll_soon(self, feed: str, *, now: datetime) -> bool: ...
    def set_feed_paused(self, feed: str, paused: bool, *, by: str, at: datetime) -> bool: ...
    def audit_log(
        self, *, subject: str | None = None, limit: int | None = None
    ) -> Sequence[AuditEntry]:
        """What was done to ``event/12``, ``feed/wire``…, newest first."""
        ...

    # Users
    def add_user(self, user: User) -> None: ...
    def users(self) -> Sequence[User]: ...
    def remove_user(self, name: str) -> bool: ...
    def login_failures(self, keys: Collection[str]) -> Mapping[str, tuple[int, datetime]]:
        """Key → how often it has failed, and when the last time."""
        ...

    def note_login_failure(
        self, keys: Collection[str], *, now: datetime, forget: datetime, most: int
    ) -> None:
        """Counts a failed login; counts from before ``forget`` begin anew, ``most`` are kept."""
        ...

    def forget_login_failures(self, key: str) -> None: ...
    def secret(self) -> bytes:
        """32 random bytes made once and kept: signs sessions, the same for all workers."""
        ...
