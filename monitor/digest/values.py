"""What a digest says, before it has a form: frozen values that the templates read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from monitor.model import LevelName, Month, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all mail of one installation shares."""

    installation: str  # random once, then kept: part of every Message-ID
    sender: str  # "Monitor <monitor@example.org>"
    templates: tuple[Path, Path]  # the user's folder, then the shipped one; both hold email/
    public_url: str = ""  # how readers reach the pages; "" = they cannot
    secret: str = ""  # signs the links that unsubscribe
    name: str = "Monitor"  # of the product towards readers

    @property
    def address(self) -> str:
        """The bare address of the sender."""
        return self.sender.rpartition("<")[2].rstrip("> ").strip()

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2] or "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageGap:
    """Feeds that failed since the last digest, and which indicators may be undercounted."""

    failing: tuple[str, ...]  # names
    feeds: int  # how many are enabled
    since_at: datetime | None
    indicators: tuple[str, ...]  # ids: may be undercounted
    blind: tuple[str, ...]  # ids: no coverage at all
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLine:
    """An indicator whose level changed, with its last twelve months."""

    indicator: str
    title: str
    name: str  # "A2 Drone co-production"
    before: LevelName
    after: LevelName
    at: datetime
    cause: str
    events: int
    baseline: float | None
    months: tuple[Month, ...]
    analyst: LevelName | None = None
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """One event to review."""

    number: int
    title: str
    lang: str
    snippet: str
    indicators: tuple[str, ...]  # ids
    labels: tuple[str, ...]  # what readers call them
    terms: tuple[str, ...]  # the words that matched, as published
    source: str
    grade: str  # of the source, A–F
    event_grade: str  # of the event, "" = none given by an analyst
    stage: str
    items: int
    origins: int
    denials: int
    at: datetime
    date: str  # in the reader's zone
    status: Status
    link: str  # to the event's page; "" without a public address
    source_link: str  # to the article
    grown: int = 0  # items that are new since this reader last saw it; 0 = wholly new
    corroboration: str = ""  # "5 items, 3 independent, 1 denial"
    score: float = 0.0

    @property
    def is_update(self) -> bool:
        return self.grown > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLine:
    """One hypothesis: sums of weights, not probabilities."""

    hypothesis: str
    title: str
    for_: float
    against: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RestLine:
    """Events that are not shown in full, of one indicator."""

    indicator: str
    title: str
    name: str
    events: int
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContent:
    """Everything one digest says to one recipient."""

    name: str  # of the subscription
    house: str  # name of the installation towards readers
    recipient: str
    zone: str
    as_of: datetime
    slot: str
    period: str  # "24–25 November 2026"
    heading: str
    sentence: str
    preheader: str
    subject: str
    first: bool  # the first digest of this reader
    gap: CoverageGap | None
    levels: tuple[LevelLine, ...]  # with their months
    more_levels: tuple[LevelLine, ...]  # changed too; there is no room for their months
    events: tuple[EventLine, ...]
    updates: int  # how many of all events are updates
    total: int  # events in all, those in ``rest`` too
    to_review: int  # of these, not decided yet
    rest: tuple[RestLine, ...]
    evidence: tuple[EvidenceLine, ...]
    quiet: tuple[str, ...]  # short names
    imported: str  # one line, or ""
    flood: str  # one line, or ""
    rules: Mapping[str, str] = field(default_factory=dict)  # watch → version
    run: str = ""
    as_of_words: str = ""
    next_words: str = ""
    inbox_link: str = ""
    feeds_link: str = ""
    board_link: str = ""
    attached: str = ""  # name of the attached report
    other_levels: int = 0  # changed too; not even named
    other_evidence: int = 0  # hypotheses that are not listed
    note: str = ""  # "Your template email/digest.html is broken…"

    @property
    def empty(self) -> bool:
        """Nothing that a reader must look at."""
        return not (self.events or self.rest or self.levels or self.imported or self.flood)

    @property
    def one_line(self) -> bool:
        """Nothing new, and nothing that is wrong: the sentence says it all."""
        return self.empty and self.gap is None and not self.note


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """A feed whose items were suddenly all new: not worth believing one by one."""

    feed: str
    name: str
    items: int
    at: datetime
