"""What flows between the stages: frozen values in the product's standard terms.

All datetimes are aware and in UTC; names end in ``_at``. Offsets are code points into the cleaned
text of a field. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Stage = Literal["act", "decision", "official-claim", "talks", "threat", "denied"]
STAGES: tuple[Stage, ...] = ("act", "decision", "official-claim", "talks", "threat", "denied")

LevelName = Literal["none", "low", "elevated", "high", "very-high", "no-coverage"]
LEVELS: tuple[LevelName, ...] = ("none", "low", "elevated", "high", "very-high")

Status = Literal["new", "confirmed", "dismissed", "second-look"]
STATUSES: tuple[Status, ...] = ("new", "confirmed", "dismissed", "second-look")

FieldName = Literal["title", "summary"]
HealthState = Literal["ok", "quiet", "degraded", "failing", "paused"]
LANGUAGES = ("en", "ru", "fa", "ar", "uk", "he")


# ── Feeds ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A subscribed URL and what is known of who stands behind it."""

    id: str
    url: str
    name: str = ""
    homepage: str = ""
    lang: str | None = None
    kind: str = ""  # wire, newspaper, broadcaster, government, think-tank…
    state: str | None = None  # the state that controls it, if one does
    origin: str = ""  # who owns whom: outlets of one origin count once
    reliability: str = "F"  # Admiralty source grade A–F; F = cannot be judged
    reliability_reason: str = ""
    topics: tuple[str, ...] = ()
    interval: timedelta | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    full_text: bool = False
    enabled: bool = True
    declared_in: str = ""  # the file that declares it; "" = added by command, kept in the store


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server gave to make the next request conditional; stored only with its items."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What the store remembers of polling one feed."""

    validators: Validators = Validators()
    next_due_at: datetime | None = None  # None = never polled
    last_polled_at: datetime | None = None
    last_good_at: datetime | None = None  # the last 200 with items, or 304
    last_new_at: datetime | None = None
    last_unconditional_at: datetime | None = None
    failures: int = 0  # in a row
    health: HealthState = "ok"
    cause: str = ""  # plain words
    cause_kind: str = ""  # stable word
    since_at: datetime | None = None  # since when the health is as it is
    polls: int = 0
    items: int = 0
    interval: timedelta | None = None  # what the schedule has adapted to
    usual_gap: timedelta | None = None  # between new items, as this feed goes
    moved_to: str = ""  # where a permanent redirect points; asked there once it has held (polling)
    moved_since_at: datetime | None = None
    moved_seen: int = 0
    ttl: timedelta | None = None  # how long its last document said that it stays good
    skip_hours: tuple[int, ...] = ()  # hours (UTC) in which it asked to be spared


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """A feed and its state, as the store lists them."""

    feed: Feed
    state: FeedState


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One response, read to its end within the limits."""

    url: str  # asked for
    final_url: str  # after redirects
    status: int  # 200 or 304
    body: bytes  # decoded; empty when not modified
    content_type: str
    validators: Validators
    headers: Mapping[str, str]
    moved_permanently_to: str = ""
    wire_bytes: int = 0
    seconds: float = 0.0

    @property
    def not_modified(self) -> bool:
        return self.status == 304


# ── Entries and items ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """As published: markup, relative links and odd dates included."""

    guid: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    published: str = ""
    published_at: datetime | None = None  # when the parser could read it
    author: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed feed document."""

    title: str = ""
    link: str = ""
    lang: str = ""
    entries: tuple[Entry, ...] = ()
    dropped: int = 0  # entries past the cap, or unusable
    dropped_why: str = ""
    ttl: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    repaired: str = ""  # what was wrong with the document, if it could be read all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Normalised: plain text, absolute http(s) link, UTC dates, stable identity."""

    id: str  # public id: the given one for imports, else derived from the identity
    identity: str  # "guid:…" | "link:…" | "hash:…"; unique within its feed
    feed: str  # feed id
    title: str
    summary: str
    link: str  # as published, absolute; "" where there is none
    link_key: str = ""  # canonical form, the same in every feed; "" = does not identify
    content_hash: str = ""  # of title and summary: tells an edit
    lang: str = ""
    source: str = ""  # name shown to readers
    published_at: datetime | None = None
    first_seen_at: datetime | None = None


# ── Watches ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    id: str
    title: str
    paraphrase: str = ""
    quote: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where in the paper an indicator comes from."""

    section: str
    paraphrase: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One named query of an indicator; any branch that holds makes the hit."""

    name: str
    query: str  # its text
    weight: float = 1.0  # how much an event found by this branch counts
    stage: Stage | None = None  # what a match by this branch says about the stage, if it does
    prior: float = (
        1.0  # log-odds that its matches are right, before all else; < 0: only a model lifts it
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    lang: str
    title: str
    summary: str = ""
    basis: str = ""  # "true-event" | "plausible"
    why: str = ""
    also: tuple[str, ...] = ()  # other indicators that hold
    label: tuple[str, ...] = ()  # for a near miss: where it belongs instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Counts of weighted events within ``window`` from which each level holds."""

    window: timedelta = timedelta(days=30)
    low: float = 0.5
    elevated: float = 1.0
    high: float = 3.0
    very_high: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Something expected by a date, whose absence is evidence."""

    id: str
    text: str
    due_at: datetime
    ach: Mapping[str, int] = field(default_factory=dict)  # what its *absence* says
    query: str = ""  # which hits of the indicator fulfil it; "" = any


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    id: str
    title: str
    group: str
    watch: str
    anchor: Anchor
    counts: str
    does_not_count: str
    ach: Mapping[str, int]  # hypothesis id → −2…+2
    branches: tuple[Branch, ...]
    exclude: str = ""  # a query that vetoes every branch
    note: str = ""
    thresholds: Thresholds = Thresholds()
    prose_levels: Mapping[str, str] = field(default_factory=dict)
    topics: tuple[str, ...] = ()  # which feeds can carry it
    languages: tuple[str, ...] = ()
    positive: tuple[Example, ...] = ()
    negative: tuple[Example, ...] = ()
    deadlines: tuple[Deadline, ...] = ()

    @property
    def diagnosticity(self) -> int:
        """Spread of the ACH ratings, 0–4 (codebook §1)."""
        return max(self.ach.values()) - min(self.ach.values()) if self.ach else 0

    @property
    def weight(self) -> str:
        return {4: "high", 3: "medium"}.get(self.diagnosticity, "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """A gazetteer or lexicon entry: what ``@id`` stands for, by language."""

    id: str
    kind: str  # state, org, person, office, weapon, place, lexicon…
    forms: Mapping[str, tuple[str, ...]]  # language → terms, "~lemma", "stem*", "@other"
    nouns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # of an action: the forms that are nouns ("delivery", "поставка"), read by other role rules
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A question with its hypotheses, indicators and gazetteer: one folder under ``indicators/``."""

    id: str
    title: str
    question: str
    source: str  # the paper
    hypotheses: tuple[Hypothesis, ...]
    indicators: tuple[Indicator, ...]
    concepts: Mapping[str, Concept]
    groups: Mapping[str, str] = field(default_factory=dict)  # id → title
    rules: str = ""  # version: a hash of everything that decides a hit or a level
    min_score: float = 0.5

    def indicator(self, id: str) -> Indicator:
        return next(each for each in self.indicators if each.id == id)


# ── Hits ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Evidence: code points ``start``–``end`` of the cleaned field; ``term`` is the form or @name."""

    field: FieldName
    start: int
    end: int
    term: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePart:
    """What one part contributed to a score, in log-odds, and why in a few words."""

    name: str  # "query", "closeness", "stage", "genre", "relevance", "reader"…
    value: float
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An item is evidence for an indicator: where, why and how sure."""

    watch: str
    indicator: str
    item: str
    rules: str
    score: float  # 0–1, calibrated
    stage: Stage | None
    spans: tuple[Span, ...]
    branch: str  # name of the branch that fired
    query: str  # its text
    genre: str = "news"  # news | opinion | explainer | retrospective | live-blog | quiz | digest
    parts: tuple[ScorePart, ...] = ()
    weight: float = 1.0  # of the branch
    concepts: tuple[str, ...] = ()  # gazetteer concepts found, for grouping


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHit:
    """A hit with what the store knows of it."""

    number: int
    hit: Hit
    item: Item
    event: int | None
    stored_at: datetime
    how: Literal["poll", "import", "rematch", "manual"] = "poll"
    status: Status = "new"
    withdrawn_at: datetime | None = None
    warm_up: bool = False  # from the first poll of its feed: no news


# ── Events ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An item's place in an event."""

    item: Item
    role: Literal["origin", "independent", "copy", "followup", "denial"]
    of: str = ""  # the item it copies or follows
    similarity: float = 1.0
    why: str = ""  # "shares @iran, @supply, 3 numbers; 0.82 text overlap with …"
    added_at: datetime | None = None
    pinned: bool = False  # an analyst put it there: no run moves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One real-world happening: a group of items."""

    id: int
    title: str
    first_seen_at: datetime
    last_seen_at: datetime
    members: tuple[Member, ...]
    hits: tuple[StoredHit, ...]
    reviews: Mapping[tuple[str, str], Status] = field(default_factory=dict)  # (watch, indicator) →
    grade: str | None = None  # Admiralty, e.g. "B2"; the analyst's if given, else suggested
    grade_by: str = ""  # "" = suggested
    independent_origins: int = 1
    stage: Stage | None = None
    lang: str = ""
    updated_at: datetime | None = None

    @property
    def indicators(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(stored.hit.indicator for stored in self.hits))

    @property
    def status(self) -> Status:
        """Derived from the reviews: new while any is new, confirmed if any is, else as they agree."""
        found = set(self.reviews.values())
        for status in ("second-look", "new", "confirmed", "dismissed"):
            if status in found:
                return status
        return "new"

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.item.source or each.item.feed for each in self.members))


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What an analyst decided on (event, indicator); append-only, the newest counts."""

    event: int
    watch: str
    indicator: str
    status: Status
    by: str
    at: datetime
    reason: str = ""
    note: str = ""


# ── Assessment ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    month: str  # "2022-10"
    events: int
    level: LevelName


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """An indicator's level as the machine sees it."""

    watch: str
    indicator: str
    level: LevelName
    weighted: float  # decayed, weighted events within the window
    events: int  # distinct events within the window
    baseline: float | None  # expected in the window; None = fewer than 90 covered days
    since_at: datetime | None
    changed_from: LevelName | None = None
    cause: str = ""
    by_threshold: LevelName = "none"
    by_baseline: LevelName | None = None
    event_ids: tuple[int, ...] = ()
    months: tuple[Month, ...] = ()
    analyst: LevelName | None = None  # an analyst's level beside the machine's
    analyst_reason: str = ""
    analyst_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChange:
    """Stored once, never altered."""

    watch: str
    indicator: str
    at: datetime
    before: LevelName
    after: LevelName
    cause: str
    rules: str
    event_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one indicator contributes to one hypothesis; not a probability."""

    hypothesis: str
    indicator: str
    for_: float
    against: float
    capped: bool = False
    event_ids: tuple[int, ...] = ()
    deadline: str = ""  # set where it is the missing of something expected
    diagnosticity: int = 0  # spread of the indicator's (or deadline's) ratings, 0–4


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineState:
    """Something expected by a date, as it stands; "unseen" = the feeds that would tell were down."""

    watch: str
    indicator: str
    deadline: str
    text: str
    due_at: datetime
    state: Literal["pending", "met", "missed", "unseen"]
    event_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisEvidence:
    hypothesis: str
    for_: float
    against: float
    parts: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The machine's: levels and evidence of one watch, as known at ``as_of``."""

    watch: str
    rules: str
    as_of: datetime
    levels: tuple[Level, ...]
    hypotheses: tuple[HypothesisEvidence, ...]
    deadlines: tuple[DeadlineState, ...] = ()


# ── Mail ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who gets which digest when."""

    name: str
    to: tuple[str, ...]
    schedule: str  # cron
    timezone: str
    indicators: tuple[str, ...] = ("*",)  # ids or groups
    min_level: str = "any"
    languages: tuple[str, ...] = ()
    when_empty: Literal["send", "skip"] = "send"
    max_events: int = 25


OutboxState = Literal["waiting", "sending", "sent", "possibly-sent", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A frozen message: a retry sends these bytes and this Message-ID again."""

    number: int = 0
    kind: Literal["digest", "alert", "operator", "test"]
    subscription: str
    recipient: str
    slot: str  # unique with (kind, subscription, recipient): "2026-11-25T07:00 Europe/Brussels"
    message_id: str
    subject: str
    body: bytes
    created_at: datetime
    state: OutboxState = "waiting"
    attempts: int = 0
    next_try_at: datetime | None = None
    sent_at: datetime | None = None
    error: str = ""
    hits: tuple[int, ...] = ()  # numbers of the stored hits that it covers
