"""What every page needs: who asks, how addresses and pages are made, values kept between requests."""

from __future__ import annotations

import gc
import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache, partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from monitor.desk import InboxFilter, LevelOverride, User
from monitor.model import Assessment, Event, FeedStatus, Level, LevelChange, Status, Watch
from monitor.render import render
from monitor.report import style_of
from monitor.report.events import EventView, Names, names_of
from monitor.report.feeds import is_problem
from monitor.report.method import Record
from monitor.shapes import board_shape
from monitor.web.access import (
    LOCAL,
    SESSION_COOKIE,
    Sessions,
    Throttle,
    Viewer,
    is_open,
    keep,
    user_of_token,
)
from monitor.web.gate import prefix_of
from monitor.web.installation import Installation, WebSettings
from monitor.web.kept import Kept
from monitor.web.records import kept_records
from monitor.web.rows import Last, Rows

FLASH_COOKIE = "monitor_flash"
_LARGE = 5.0  # seconds of a first assessment: tens of thousands of events
ACTIVITY = timedelta(days=2 * 366)  # the longest table of months


class LoginNeededError(Exception):
    """Nobody is logged in, and somebody must be."""


class NotAllowedError(Exception):
    """The viewer may look, but not do this; or the form is from another session."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the board is made of, as of one moment."""

    at: datetime
    assessed: Mapping[str, Assessment]
    activity: Mapping[tuple[str, str], Mapping[date, int]]
    changes: Sequence[LevelChange]
    oldest_waiting_at: datetime | None


class Site:
    """The pages of one installation."""

    def __init__(self, installation: Installation, settings: WebSettings) -> None:
        self.installation = installation
        self.settings = settings
        self.prefix = prefix_of(settings)
        self._settled = False
        self.rows = Rows(lambda: installation.templates)
        self.views: Last[EventView] = Last(most=20)
        self._board_json: tuple[Snapshot, tuple[LevelOverride, ...], bytes] | None = None
        self.snapshot = Kept(
            self._snapshot, seconds=30, patience=2.0, meanwhile=self._not_assessed_yet
        )
        self.feeds = Kept(self._feeds, seconds=30)
        self.earlier: Kept[Mapping[str, Assessment]] = Kept(
            self._earlier, seconds=3600, patience=0.5, meanwhile=dict
        )
        self.records = Kept(self._records, seconds=120)
        self.week = Kept(self._week, seconds=60)
        self.health = Kept(lambda: installation.status(now=self.now()), seconds=5)
        self.measures = Kept(lambda: installation.measures(now=self.now()), seconds=5)
        self._assets = {
            name: Kept(partial(self._asset, name), seconds=5)
            for name in ("style.css", "monitor.js")
        }

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.installation.store.secret())

    @cached_property
    def throttle(self) -> Throttle:
        return Throttle(self.store, self.store.secret(), self.now)

    @property
    def store(self) -> Any:
        return self.installation.store

    @property
    def watches(self) -> Sequence[Watch]:
        return self.installation.watches

    @property
    def names(self) -> Names:
        return names_of(self.watches)

    def now(self) -> datetime:
        return self.installation.clock()

    def changed(self) -> None:
        """Somebody decided something: what is kept is looked at again."""
        self.snapshot.drop()
        self.records.drop()

    # ── Who ──────────────────────────────────────────────────────────────────────────────────────

    def viewer(self, request: Request) -> Viewer:
        """Who is asking. Raises LoginNeededError."""
        users = self.store.users()
        found = self.sessions.read(request.cookies.get(SESSION_COOKIE), users)
        if is_open(self.settings, users):
            fresh = "" if found else self.sessions.new(None)
            session = (found or self.sessions.read(fresh, users) or ("", None))[0]
            csrf = self.sessions.csrf(session)
            return Viewer(name=LOCAL, role="reviewer", session=session, csrf=csrf, fresh=fresh)
        if found is not None and found[1] is not None:
            return self._logged_in(found[1], found[0])
        raise LoginNeededError

    def _logged_in(self, user: User, session: str) -> Viewer:
        return Viewer(
            name=user.name,
            role=user.role,
            session=session,
            csrf=self.sessions.csrf(session),
            logged_in=True,
            token=user.token,
        )

    def reader(self, request: Request) -> Viewer:
        """Who is asking, by session or by a reading token. Raises LoginNeededError."""
        token = bearer(request) or request.query_params.get("token", "")
        if token:
            user = user_of_token(token, self.store.users())
            if user is None:
                raise LoginNeededError
            return Viewer(name=user.name, role="reader", session="", csrf="", logged_in=True)
        return self.viewer(request)

    # ── Addresses and pages ──────────────────────────────────────────────────────────────────────

    def at(self, path: str, **query: Any) -> str:
        """The address of one of our pages; empty values are left out."""
        given = tuple((key, str(value)) for key, value in query.items() if value not in (None, ""))
        return self.prefix + address(path, given)

    def page(
        self,
        name: str,
        viewer: Viewer | None,
        values: Mapping[str, Any],
        *,
        title: str,
        tab: str = "",
        status: int = 200,
        request: Request | None = None,
    ) -> HTMLResponse:
        """One page with the frame around it; with ``request`` it tells what was done before."""
        flash = self._flash(request) if request is not None else None
        text = render(
            self.installation.templates,
            f"pages/{name}.html",
            {
                "at": self.at,
                "asset": self.asset,
                "viewer": viewer,
                "tab": tab,
                "title": title,
                "brand": self.watches[0].title if len(self.watches) == 1 else "Indicator monitor",
                "indicators": sum(len(watch.indicators) for watch in self.watches),
                "to_review": self.to_review() if viewer else 0,
                "failing": self.failing() if viewer else 0,
                "rules": ", ".join(watch.rules for watch in self.watches),
                "rules_problem": self.installation.rules_problem if viewer else "",
                "now": self.now(),
                "flash": flash,
                **values,
            },
        )
        answer = HTMLResponse(text, status_code=status)
        if viewer is not None and viewer.fresh:
            keep(answer, viewer.fresh, self.settings)
        if flash is not None:
            answer.delete_cookie(FLASH_COOKIE, path=self.prefix or "/")
        return answer

    def fragment(self, name: str, viewer: Viewer, values: Mapping[str, Any]) -> HTMLResponse:
        """A part of a page, for our script."""
        given = {"at": self.at, "viewer": viewer, "now": self.now(), **values}
        return HTMLResponse(render(self.installation.templates, f"pages/{name}.html", given))

    def redirect(self, to: str, *, words: str = "", undo: str = "") -> Response:
        """On to another page after a POST; the next page says what was done."""
        answer = RedirectResponse(to, status_code=303)
        if words:
            value = self._flashes.dumps({"words": words, "undo": undo, "back": to})
            if len(value) > 3800:  # browsers drop longer cookies
                value = self._flashes.dumps({"words": words, "undo": "", "back": to})
            answer.set_cookie(
                FLASH_COOKIE,
                value,
                max_age=60,
                path=self.prefix or "/",
                httponly=True,
                samesite="lax",
                secure=self.settings.public_url.startswith("https://"),
            )
        return answer

    @cached_property
    def _flashes(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.store.secret(), salt="flash")

    def _flash(self, request: Request) -> Mapping[str, str] | None:
        try:
            found = self._flashes.loads(request.cookies.get(FLASH_COOKIE, ""), max_age=120)
        except BadSignature:
            return None
        return found if isinstance(found, dict) else None

    # ── Small questions ──────────────────────────────────────────────────────────────────────────

    def event(self, id: int) -> Event:
        """An event, or what it was merged into. Raises HTTPException 404."""
        found = self.store.events(ids=[id]) if 0 < id < 2**53 else []
        if not found:
            raise HTTPException(404)
        event: Event = found[0]
        return event

    def standing(self, event: int, watch: str, indicator: str) -> Status:
        """The verdict that stands."""
        return self.event(event).reviews.get((watch, indicator), "new")

    def grades(self) -> Mapping[str, str]:
        """Feed → reliability A–F."""
        return {status.feed.id: status.feed.reliability for status in self.feeds.get()}

    def to_review(self) -> int:
        known = {(w.id, each.id) for w in self.watches for each in w.indicators}
        return sum(
            counts.get("new", 0) for pair, counts in self.store.waiting().items() if pair in known
        )

    def failing(self) -> int:
        return sum(is_problem(each) for each in self.feeds.get())

    def asset(self, name: str) -> str:
        """The address of a static file, which changes within seconds when the file does."""
        return self._assets[name].get()

    def _asset(self, name: str) -> str:
        digest = hashlib.sha256(self.asset_text(name).encode()).hexdigest()[:12]
        return self.at(f"/static/{name}", v=digest)

    def asset_text(self, name: str) -> str:
        if name == "style.css":
            return style_of(self.installation.templates)
        loader = self.installation.templates.loader
        assert loader is not None
        return loader.get_source(self.installation.templates, f"pages/{name}")[0]

    # ── Kept ─────────────────────────────────────────────────────────────────────────────────────

    def _snapshot(self) -> Snapshot:
        now, began = self.now(), time.monotonic()
        assessed = {w.id: self.installation.lately(w, now) for w in self.watches}
        if time.monotonic() - began > _LARGE and not self._settled:
            self._settled = True
            gc.collect()
            gc.freeze()  # what was read stays: no later collection need go through all of it
        return self._seen(now, assessed)

    def _not_assessed_yet(self) -> Snapshot:
        """For the first minute of a large installation: counts without levels."""
        return self._seen(self.now(), {})

    def _seen(self, now: datetime, assessed: Mapping[str, Assessment]) -> Snapshot:
        store = self.store
        oldest = store.inbox(InboxFilter(status="new"), sort="oldest", limit=1).rows
        return Snapshot(
            at=now,
            assessed=assessed,
            activity=store.activity(since=now - ACTIVITY),
            changes=store.level_changes(since=now - timedelta(days=92)),
            oldest_waiting_at=oldest[0].first_seen_at if oldest else None,
        )

    def board_json(self) -> bytes:
        """The board in its public shape: a megabyte where there are many events, so written once."""
        kept, own = self.snapshot.get(), tuple(self.store.level_overrides())
        known = self._board_json
        if known is None or known[0] is not kept or known[1] != own:
            shape = board_shape(self._beside(kept.assessed, own).values(), as_of=kept.at)
            text = json.dumps(shape, ensure_ascii=False, separators=(",", ":"))
            known = self._board_json = (kept, own, text.encode())
        return known[2]

    def assessed(self) -> Mapping[str, Assessment]:
        """The kept assessments with the analysts' levels of this moment beside the machine's."""
        return self._beside(self.snapshot.get().assessed, self.store.level_overrides())

    def _beside(
        self, assessed: Mapping[str, Assessment], overrides: Iterable[LevelOverride]
    ) -> Mapping[str, Assessment]:
        own = {(each.watch, each.indicator): each for each in overrides}

        def level(found: Level) -> Level:
            said = own.get((found.watch, found.indicator))
            return replace(
                found,
                analyst=said.level if said else None,
                analyst_by=said.by if said else "",
                analyst_reason=said.reason if said else "",
            )

        return {
            watch: replace(found, levels=tuple(level(each) for each in found.levels))
            for watch, found in assessed.items()
        }

    def _feeds(self) -> Sequence[FeedStatus]:
        found: Sequence[FeedStatus] = self.store.feeds()
        return found

    def _earlier(self) -> Mapping[str, Assessment]:
        """The assessments as of the start of this month: what "added this month" is counted from."""
        first = self.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return {watch.id: found for watch, found in self.installation.assessments(as_of=first)}

    def _week(self) -> Mapping[str, int]:
        """Feed → items first seen in the last seven days."""
        found: Mapping[str, int] = self.store.new_items_by_feed(
            since=self.now() - timedelta(days=7)
        )
        return found

    def _records(self) -> Mapping[tuple[str, str], Record]:
        return kept_records(self.store)


# ── What routes depend on ────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=8192)  # a board has hundreds, the same each time
def address(path: str, query: tuple[tuple[str, str], ...]) -> str:
    """``path`` with its query, quoted."""
    return quote(path) + (f"?{urlencode(query)}" if query else "")


def site_of(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


TheSite = Annotated[Site, Depends(site_of)]


def viewing(request: Request, site: TheSite) -> Viewer:
    return site.viewer(request)


def reading(request: Request, site: TheSite) -> Viewer:
    return site.reader(request)


TheViewer = Annotated[Viewer, Depends(viewing)]
TheReader = Annotated[Viewer, Depends(reading)]


async def form_of(request: Request) -> FormData:
    """The form of a POST; JSON objects count as forms, so that scripts and pages share routes."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            found = json.loads(await request.body() or b"{}")
        except ValueError:
            found = {}
        rows: list[tuple[str, Any]] = []
        for key, value in found.items() if isinstance(found, dict) else ():
            rows += [(key, str(each)) for each in (value if isinstance(value, list) else [value])]
        return FormData(rows)
    return await request.form(max_files=0, max_fields=2000)


TheForm = Annotated[FormData, Depends(form_of)]


def deciding(request: Request, site: TheSite, form: TheForm) -> Viewer:
    """A reviewer with a form of this very session: what every changing route depends on."""
    viewer = site.viewer(request)
    scripted = not viewer.logged_in and "cookie" not in request.headers
    if not scripted:  # on the loopback without users a script needs no session
        given = request.headers.get("x-csrf-token") or str(form.get("csrf", ""))
        if not viewer.session or not site.sessions.is_csrf(viewer.session, given):
            raise NotAllowedError("This form is too old: open the page again and retry there.")
    if not viewer.may_decide:
        raise NotAllowedError("You may read here. Deciding needs the role of a reviewer.")
    return viewer


TheReviewer = Annotated[Viewer, Depends(deciding)]


def bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def back_to(site: Site, given: str, default: str = "/inbox") -> str:
    """A path of ours to go back to: never another host."""
    plain = given.startswith("/") and not given.startswith("//") and "\\" not in given
    clean = plain and not any(ord(c) < 33 or ord(c) == 127 for c in given)
    return given if clean else site.at(default)


def parse_day(text: str, now: datetime) -> datetime | None:
    """``2026-11-01``, ``2026-11-01T06:00:00Z`` or ``7d`` (ago); None for anything else."""
    if text[:-1].isdigit() and text.endswith("d") and len(text) < 6:
        return now - timedelta(days=int(text[:-1]))
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
