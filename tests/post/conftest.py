"""An installation with a small watch, on each kind of database, and a mail server of its own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from monitor.app import App
from monitor.config import Config
from monitor.model import Feed, Hit, Item, Span
from monitor.protocols import EventDraft, PollRecord

PLUGINS = Path(__file__).parents[1] / "plugins"


def plugin(name: str) -> ModuleType:
    """The plugin file of this name, loaded once."""
    known = f"monitor_plugin_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, PLUGINS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


_SMTP = plugin("smtp")

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)

WATCH = {
    "watch.yaml": """\
id: deals
title: Drones and deals
question: Do they deal?
source: A paper
hypotheses:
  - {id: H1, title: They do}
  - {id: H2, title: They do not}
groups:
  arms: Arms
""",
    "arms.yaml": """\
group: arms
indicators:
  - id: drones
    title: Drones for Russia
    paper: {section: Introduction}
    counts: Iran gives Russia drones.
    does_not_count: Drones that fly.
    ach: {H1: "++", H2: "-"}
    thresholds: {window: 30d, low: 0.5, elevated: 1, high: 3, very_high: 6}
    queries:
      - name: given
        query: |
          @iran AND @russia AND drone*
    examples:
      positive:
        - {lang: en, title: Iran sends drones to Russia}
      near_misses:
        - {lang: en, title: Iran shows a drone in a museum, why: not Russia}
""",
    "gazetteer/names.yaml": """\
concepts:
  - {id: iran, kind: state, forms: {en: [Iran, Tehran]}}
  - {id: russia, kind: state, forms: {en: [Russia, Moscow]}}
""",
}


def write_watch(folder: Path) -> None:
    for name, text in WATCH.items():
        path = folder / "watch" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@dataclass
class Installation:
    """Settings, an App for any time, and a way to put news into the store."""

    folder: Path
    url: str
    settings: dict[str, Any] = field(default_factory=dict)
    opened: list[App] = field(default_factory=list)

    def app(self, now: datetime = NOW, **more: Any) -> App:
        """An App whose clock stands at ``now``."""
        settings: dict[str, Any] = {
            "watches": ["watch"],
            "database": {"url": self.url},
            "mail": {"url": "file:outbox/", "sender": "Monitor <monitor@example.org>"},
            "digests": [{"name": "daily", "to": ["ana@example.org"], "schedule": "0 7 * * *"}],
        }
        config = Config(_flags=settings | self.settings | more)  # type: ignore[call-arg]
        object.__setattr__(config, "_root", self.folder)
        self.opened.append(App(config, now=now))
        return self.opened[-1]

    @property
    def outbox(self) -> list[Path]:
        return sorted((self.folder / "outbox").glob("*.eml"))

    def news(
        self,
        app: App,
        *names: str,
        at: datetime = NOW,
        how: str = "poll",
        warm_up: bool = False,
        event: int | None = None,
        role: str = "origin",
        feed: str = "bulletin",
    ) -> int:
        """Stores items with a hit each, in one event; returns its number."""
        items = [
            Item(
                id=name,
                identity=f"guid:{name}",
                feed=feed,
                title=f"Iran sends drones to Russia, lot {name}",
                summary="Two hundred of them.",
                link=f"https://news.example/{name}",
                link_key=f"news.example/{name}",
                content_hash=name,
                lang="en",
                source=feed.title(),
            )
            for name in names
        ]
        hits = [
            Hit(
                watch="deals",
                indicator="drones",
                item=item.id,
                rules="r",
                score=0.9,
                stage="act",
                spans=(Span(field="title", start=0, end=4, term="Iran"),),
                branch="given",
                query="drone*",
            )
            for item in items
        ]
        with app.store.batch(now=at) as batch:
            batch.add_items(items, how=how, warm_up=warm_up)  # type: ignore[arg-type]
            batch.add_hits(hits, how=how, warm_up=warm_up)  # type: ignore[arg-type]
            batch.apply_groups(
                [
                    EventDraft(event=event, key=names[0], title=item.title, item=item.id, role=role)
                    for item in items
                ]
            )
        with app.store.batch(now=at) as batch:
            state = next(each.state for each in app.store.feeds() if each.feed.id == feed)
            state = replace(state, last_polled_at=at, last_good_at=at, polls=state.polls + 1)
            batch.finish_poll(PollRecord(feed=feed, at=at, outcome="ok", new=len(names)), state)
        numbers = {
            stored.event for stored in app.store.hits() if stored.item.id in names and stored.event
        }
        return numbers.pop()


@pytest.fixture
def installation(tmp_path: Path, store_url: str) -> Iterator[Installation]:
    """One with a feed, which began two days ago; nothing has been found yet."""
    write_watch(tmp_path)
    made = Installation(tmp_path, store_url)
    began = NOW - timedelta(days=2)
    app = made.app(began)
    for id in ("bulletin", "gulf"):
        feed = Feed(id=id, url=f"https://{id}.example/rss", name=id.title(), reliability="B")
        app.store.add_feed(feed, now=began)
    yield made
    for each in made.opened:
        each.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """``serve(behaviour)`` starts a mail server and gives its post office."""
    with ExitStack() as stack:

        def start(behaviour: str | Callable[[], str] = "accept", **more: Any) -> Any:
            behave = behaviour if callable(behaviour) else lambda: behaviour
            office = _SMTP.PostOffice(behave=behave)
            return stack.enter_context(contextmanager(_SMTP.serve)(office, **more))

        yield start
