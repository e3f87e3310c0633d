"""An installation with a small watch, a real store, and its pages: by test client and by browser."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from monitor.app import App
from monitor.app.rules import Rules, load_rules
from monitor.config import Config
from monitor.desk import User
from monitor.model import Feed, FeedState, Item
from monitor.protocols import EventDraft, PollRecord
from monitor.web.access import hash_password
from monitor.web.application import create_app, routes_app
from monitor.web.installation import WebSettings

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)

WATCH = """\
id: deals
title: Drones and deals
question: Do they deal?
source: A paper
hypotheses:
  - {id: H1, title: They do, paraphrase: They trade., anchor: Summary}
  - {id: H2, title: They do not}
groups: {arms: Arms, meetings: Meetings}
"""

ARMS = """\
group: arms
indicators:
  - id: drones
    title: Drones for Russia
    paper: {section: Introduction, paraphrase: Drones go to Russia.}
    counts: Iran gives Russia drones.
    does_not_count: Drones that fly.
    ach: {H1: "++", H2: "-"}
    thresholds: {window: 30d, low: 0.5, elevated: 1, high: 3, very_high: 6}
    queries:
      - name: given
        query: |
          @iran AND @russia AND @drone
    examples:
      positive:
        - {lang: en, title: Iran sends drones to Russia}
      near_misses:
        - {lang: en, title: Iran shows a drone in a museum, why: not Russia}
"""

MEETINGS = """\
group: meetings
indicators:
  - id: visits
    title: Visits
    paper: {section: Introduction, paraphrase: They meet.}
    counts: They meet.
    does_not_count: They telephone.
    ach: {H1: "+", H2: "-"}
    thresholds: {window: 30d, low: 0.5, elevated: 2, high: 4, very_high: 8}
    queries:
      - name: meets
        query: |
          @iran AND @russia AND visit*
    examples:
      positive:
        - {lang: en, title: Minister of Iran visits Russia}
      near_misses:
        - {lang: en, title: Minister of Iran visits Oman, why: not Russia}
"""

NAMES = """\
concepts:
  - {id: iran, kind: state, forms: {en: [Iran, Tehran], ru: [Иран*], fa: [ایران]}}
  - {id: russia, kind: state, forms: {en: [Russia, Moscow], ru: [Росси*], fa: [روسیه]}}
  - {id: drone, kind: weapon, forms: {en: [drone*], ru: [беспилотник*], fa: [پهپاد*]}}
"""

FEEDS = (
    Feed(id="wire", url="https://wire.example/rss", name="The Wire", lang="en", reliability="A"),
    Feed(id="vesti", url="https://vesti.example/rss", name="Вести", lang="ru", reliability="C"),
    Feed(id="khabar", url="https://khabar.example/rss", name="خبر", lang="fa", reliability="C"),
    Feed(id="blog", url="https://blog.example/rss", name="A blog", lang="en", reliability="E"),
)

TOWNS = [
    "Kazan", "Tula", "Perm", "Omsk", "Ufa", "Orsk",
    "Kursk", "Bryansk", "Samara", "Penza", "Ryazan", "Tomsk",
    "Chita", "Sochi", "Yelets", "Murmansk", "Vologda", "Izhevsk",
    "Saratov", "Syktyvkar", "Norilsk", "Magadan", "Anadyr", "Elista",
    "Grozny", "Vladimir", "Kostroma", "Pskov", "Tambov", "Lipetsk",
]  # fmt: skip


def item(name: str, title: str, summary: str = "", *, feed: str = "wire", **more: Any) -> Item:
    known = {
        "id": f"{feed}-{name}",
        "identity": f"guid:{name}",
        "feed": feed,
        "title": title,
        "summary": summary,
        "link": f"https://{feed}.example/{name}",
        "link_key": f"{feed}.example/{name}",
        "content_hash": f"{title}|{summary}",
        "lang": {"vesti": "ru", "khabar": "fa"}.get(feed, "en"),
        "source": next((each.name for each in FEEDS if each.id == feed), feed),
    }
    return Item(**known | more)


@pytest.fixture(scope="session")
def watch_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installation")
    (folder / "watch" / "gazetteer").mkdir(parents=True)
    for name, text in (
        ("watch.yaml", WATCH),
        ("arms.yaml", ARMS),
        ("meetings.yaml", MEETINGS),
        ("gazetteer/names.yaml", NAMES),
    ):
        (folder / "watch" / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def web_rules(watch_folder: Path) -> Rules:
    """Compiled once: they never change here."""
    return load_rules(_config(watch_folder, "sqlite:///none.db"))


def _config(folder: Path, url: str, allow: Sequence[str] = (), **web: str) -> Config:
    fetch = {"allow_networks": list(allow), "host_interval": "0s", "timeout": "10s"}
    flags = {"watches": ["watch"], "database": {"url": url}, "web": web, "fetch": fetch}
    config = Config(_flags=flags)  # type: ignore[call-arg]
    object.__setattr__(config, "_root", folder)
    return config


class Clocked(App):
    """An App whose clock the test moves."""

    at = NOW

    def clock(self) -> datetime:
        return self.at


@dataclass
class Place:
    """The installation of one test."""

    app: Clocked
    settings: WebSettings
    clients: list[Client] = field(default_factory=list)

    @property
    def store(self) -> Any:
        return self.app.store

    def take_in(self, *items: Item, at: datetime | None = None, roles: Sequence[str] = ()) -> int:
        """Items through the matcher into the store as one event, which a poll might have grouped;
        its number, 0 where nothing matched. ``roles``: of each; the first is the origin."""
        at = at or self.app.at
        with self.store.batch(now=at) as batch:
            batch.add_items(items, how="poll")
            hits = [hit for each in items for hit in self.app.rules.matcher.match(each)]
            batch.add_hits(hits, how="poll")
            matched = {hit.item for hit in hits}
            drafts = [
                EventDraft(
                    event=None,
                    key=items[0].id,
                    title=items[0].title,
                    item=each.id,
                    role=role,
                    of="" if number == 0 else items[0].id,
                    similarity=0.94,
                    why="the same words" if number else "first report",
                )
                for number, (each, role) in enumerate(
                    zip(items, ("origin", *roles, *["copy"] * len(items)), strict=False)
                )
                if each.id in matched or number
            ]
            batch.apply_groups(drafts if items[0].id in matched else [])
        return int(batch.events_by_key.get(items[0].id, 0))

    def fill(self, count: int = 6) -> list[int]:
        """One event a town, the newest last; their numbers."""
        found = []
        for number, town in enumerate(TOWNS[:count]):
            at = self.app.at - timedelta(hours=3 * (count - number))
            title = f"Iran delivers {number + 3} drones to Russia at {town}"
            text = f"A depot near {town} took the drones from Iran, Russia said in {town}."
            found.append(self.take_in(item(town.lower(), title, text), at=at))
        return found

    def poll(self, feed: str, outcome: str = "ok", **state: Any) -> None:
        known = {
            "last_polled_at": self.app.at,
            "last_good_at": self.app.at if outcome == "ok" else None,
            "next_due_at": self.app.at + timedelta(minutes=15),
            "polls": 4,
        }
        record = PollRecord(feed=feed, at=self.app.at, outcome=outcome)  # type: ignore[arg-type]
        with self.store.batch(now=self.app.at) as batch:
            batch.finish_poll(record, FeedState(**known | state))

    def client(self, **more: Any) -> Client:
        self.clients.append(Client(self, **more))
        return self.clients[-1]


class Client:
    """A browser without script: keeps cookies, sends Origin, fills in the CSRF token of a page."""

    def __init__(self, place: Place, *, base_url: str = "http://localhost:8080") -> None:
        self.place = place
        self.origin = base_url
        app = create_app(place.app, place.settings)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
        self.site: Any = app._app.state.site  # type: ignore[attr-defined]
        self._client = httpx.AsyncClient(transport=transport, base_url=base_url)
        self._runner = asyncio.Runner()

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def csrf(self, page: str = "/account") -> str:
        found = re.search(r'(?:name="csrf" value|data-csrf)="([^"]*)"', self.get(page).text)
        assert found, f"no CSRF token on {page}"
        return found[1]

    def send(self, path: str, *, csrf: str | None = None, **fields: Any) -> Any:
        """Posts a form as the page would."""
        token = self.csrf() if csrf is None else csrf
        data = {"csrf": token, **fields}
        return self.post(path, data=data, headers={"Origin": self.origin})

    def login(self, name: str, password: str) -> Any:
        return self.send("/login", csrf=self.csrf("/login"), name=name, password=password)


PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def hashed_password() -> str:
    """Hashing is slow on purpose: once is enough."""
    return hash_password("somebody", PASSWORD)


@pytest.fixture
def make_place(
    sqlite_url: str, watch_folder: Path, web_rules: Rules, hashed_password: str
) -> Iterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(
        *,
        users: Sequence[tuple[str, str]] = (),
        allow: Sequence[str] = (),
        url: str = sqlite_url,
        **web: str,
    ) -> Place:
        app = Clocked(_config(watch_folder, url, allow, **web))
        app.rules = web_rules
        app.store.sync_feeds(
            [Feed(**{n: getattr(f, n) for n in f.__dataclass_fields__} | {"declared_in": "test"})
             for f in FEEDS],
            now=NOW,
        )  # fmt: skip
        for name, role in users:
            app.store.add_user(
                User(
                    name=name,
                    role=role,  # type: ignore[arg-type]
                    password=hashed_password,
                    created_at=NOW,
                    token=f"token-of-{name}",
                )
            )
        web_config = app.config.web
        settings = WebSettings(
            host=web_config.host, port=web_config.port, public_url=web_config.public_url
        )
        made.append(Place(app, settings))
        return made[-1]

    yield make
    for place in made:
        for client in place.clients:
            client.close()
        place.app.close()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    """On the loopback without users: nobody logs in."""
    return make_place()


@pytest.fixture
def guarded(make_place: Callable[..., Place]) -> Place:
    """With two reviewers and a reader."""
    return make_place(users=[("ana", "reviewer"), ("ben", "reviewer"), ("rea", "reader")])


@pytest.fixture(scope="session")
def every_route(web_rules: Rules) -> list[tuple[str, str]]:
    """(method, path pattern) of every route that there is."""

    class Nothing:
        pass

    app = routes_app(Nothing(), WebSettings())  # type: ignore[arg-type]
    return sorted(_routes(app.routes))


def _routes(routes: Any) -> Iterator[tuple[str, str]]:
    for route in routes:
        if (inner := getattr(route, "original_router", None)) is not None:
            yield from _routes(inner.routes)
            continue
        for method in set(route.methods) - {"HEAD"}:
            yield method, route.path


# ── A browser ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def serve() -> Iterator[Callable[[Place], str]]:
    """Serves a place on a free port of the loopback; its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(place: Place) -> str:
        config = uvicorn.Config(
            create_app(place.app, place.settings),
            host="127.0.0.1",
            port=0,
            log_config=None,
            access_log=False,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()
