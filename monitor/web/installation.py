"""What the pages ask of the installation; the application implements it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import jinja2

from monitor.desk import Desk
from monitor.errors import MonitorError
from monitor.metrics import Measures
from monitor.model import Assessment, Feed, Item, Watch


class Health(Protocol):
    """How the installation is doing: an ``InstallationStatus``."""

    @property
    def ok(self) -> bool: ...
    @property
    def reasons(self) -> tuple[str, ...]: ...
    @property
    def counts(self) -> Any: ...
    @property
    def outbox(self) -> Any: ...
    @property
    def feeds(self) -> Any: ...
    @property
    def last_cycle_at(self) -> datetime | None: ...
    def as_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An item that an analyst adds by hand; without ``indicator`` the rules decide."""

    title: str
    text: str = ""
    link: str = ""
    lang: str = ""
    source: str = ""
    published_at: datetime | None = None
    watch: str = ""
    indicator: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """Where an item went: its events, and the indicators that it is evidence for."""

    item: str
    events: tuple[int, ...]
    indicators: tuple[str, ...]
    known: bool = False  # it was stored before


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What an edited query would change on stored items; ``error`` where it does not compile."""

    items: int = 0
    before: int = 0
    after: int = 0
    gained: tuple[tuple[Item, Any], ...] = ()  # with the Hit it would be
    lost: tuple[tuple[Item, Any], ...] = ()  # with the Hit it was
    error: MonitorError | None = None
    seconds: float = 0.0


class Installation(Protocol):
    """Store, rules, clock and the few things that only the application can do."""

    @property
    def store(self) -> Desk: ...
    @property
    def watches(self) -> Sequence[Watch]: ...
    @property
    def templates(self) -> jinja2.Environment: ...
    @property
    def rules_problem(self) -> str: ...

    def clock(self) -> datetime: ...
    def lately(self, watch: Watch, now: datetime) -> Assessment: ...
    def assessments(self, *, as_of: datetime) -> list[tuple[Watch, Assessment]]: ...
    def status(self, *, now: datetime) -> Health: ...
    def reasons(self, *, now: datetime) -> tuple[str, ...]: ...
    def measures(self, *, now: datetime) -> Measures: ...
    def report(self, *, as_of: datetime) -> str: ...

    def read_page(self, link: str, *, now: datetime) -> tuple[str, str]: ...
    def subscribe(
        self, url: str, *, name: str, lang: str | None, by: str, now: datetime
    ) -> Feed: ...
    def add_evidence(self, evidence: Evidence, *, by: str, now: datetime) -> Filed: ...
    def file_missed(
        self, item: str, watch: str, indicator: str, *, by: str, now: datetime, note: str = ""
    ) -> Filed: ...
    def try_query(
        self, watch: str, indicator: str, branch: str, query: str, *, exclude: str, newest: int
    ) -> Trial: ...

    def unsubscribe(self, token: str, *, now: datetime) -> tuple[str, str] | None: ...
    def subscription_of(self, token: str) -> tuple[str, str] | None: ...
    def acknowledge(self, token: str, *, by: str, now: datetime) -> str | None: ...
    def alert_of(self, token: str) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where the pages are and who reaches them."""

    host: str = "127.0.0.1"  # bound to
    port: int = 8080
    public_url: str = ""  # as others see it, path prefix included
    hosts: frozenset[str] = field(default_factory=frozenset)  # further names in Host

    def __post_init__(self) -> None:
        if self.public_url.endswith("/"):
            object.__setattr__(self, "public_url", self.public_url.rstrip("/"))


def known_pairs(watches: Iterable[Watch]) -> frozenset[tuple[str, str]]:
    """Every (watch, indicator) of the rules in force."""
    return frozenset((w.id, each.id) for w in watches for each in w.indicators)
