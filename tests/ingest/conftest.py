"""The hostile server, and what reads it with limits small enough for a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.errors import MonitorError
from monitor.fetch.fetcher import HttpFetcher
from monitor.fetch.settings import FetchSettings
from monitor.model import Document, Feed, Fetched, Item, Validators
from monitor.normalise import normalise
from monitor.parse import ParserPool
from tests.ingest.hostile import NOW, Hostile

SETTINGS = FetchSettings(
    timeout=timedelta(seconds=1.5),
    connect_timeout=timedelta(seconds=1),
    read_timeout=timedelta(seconds=0.6),
    host_interval=timedelta(0),
    allow_networks=("127.0.0.1/32",),
    contact="ops@example.org",
)


NOTHING = Validators()


@dataclass(frozen=True)
class Outcome:
    """What came of reading one address."""

    fetched: Fetched | None = None
    document: Document | None = None
    items: tuple[Item, ...] = ()
    error: MonitorError | None = None

    @property
    def kind(self) -> str:
        return "ok" if self.error is None else str(getattr(self.error, "kind", ""))


Read = Callable[..., Outcome]


@pytest.fixture(scope="session")
def hostile() -> Iterator[Hostile]:
    with Hostile() as server:
        yield server


@pytest.fixture(scope="session")
def parsers() -> Iterator[ParserPool]:
    pool = ParserPool(normalise=normalise, workers=1)
    yield pool
    pool.close()


@pytest.fixture
def read(parsers: ParserPool) -> Read:
    """``read(url)``: fetch, parse and normalise, with a fetcher of its own."""

    def run(
        url: str,
        *,
        settings: FetchSettings = SETTINGS,
        validators: Validators = NOTHING,
        headers: dict[str, str] | None = None,
        now: datetime = NOW,
        **more: Any,
    ) -> Outcome:
        feed = Feed(id="feed", url=url, headers=headers or {})

        async def work() -> Outcome:
            fetcher = HttpFetcher(replace(settings), **more)
            fetched = document = None
            try:
                fetched = await fetcher.fetch(feed, validators=validators, now=now)
                if fetched.not_modified:
                    return Outcome(fetched)
                document, items = await parsers.items(fetched, feed, now)
                return Outcome(fetched, document, items)
            except MonitorError as error:
                return Outcome(fetched, document, error=error)
            finally:
                await fetcher.aclose()

        return asyncio.run(work())

    return run


@pytest.fixture
def fetching() -> Callable[..., Any]:
    """``fetching(work, settings=…)``: runs ``await work(fetcher)`` and closes the fetcher."""

    def run(
        work: Callable[[HttpFetcher], Awaitable[Any]],
        *,
        settings: FetchSettings = SETTINGS,
        **more: Any,
    ) -> Any:
        async def inside() -> Any:
            fetcher = HttpFetcher(settings, **more)
            try:
                return await work(fetcher)
            finally:
                await fetcher.aclose()

        return asyncio.run(inside())

    return run
