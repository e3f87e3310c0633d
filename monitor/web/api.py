"""The JSON API: the same data as the pages, in the public shapes. Documented at /api/openapi.json.

Reading takes a session or ``Authorization: Bearer TOKEN``; deciding takes a reviewer's session with its
CSRF token in ``X-CSRF-Token`` (from ``/api/me``), or on the open loopback nothing.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from monitor.desk import InboxRow
from monitor.errors import ConfigError
from monitor.model import STATUSES
from monitor.report.feeds import health_of
from monitor.shapes import board_shape, event_shape, iso, item_shape, stored_hit_shape
from monitor.text.logins import without_login
from monitor.web.asking import asked
from monitor.web.deciding import MOST, REASONS, decide, parse_pair, undo
from monitor.web.events import suggestion
from monitor.web.exports import hits_asked
from monitor.web.site import TheReader, TheReviewer, TheSite, parse_day

router = APIRouter(prefix="/api", tags=["monitor"])

Limit = Annotated[int, Query(ge=1, le=500)]


class Loose(BaseModel):
    """Fields named here are fixed; more may come."""

    model_config = ConfigDict(extra="allow")


class SpanShape(Loose):
    field: str
    start: int
    end: int
    term: str


class HitShape(Loose):
    indicator: str
    watch: str
    item: str
    rules: str
    score: float = Field(ge=0, le=1)
    stage: str | None
    spans: list[SpanShape]
    query: str


class EventShape(Loose):
    id: int
    title: str
    first_seen_at: str
    last_seen_at: str
    indicators: list[str]
    items: list[str]
    sources: list[str]
    independent_origins: int
    status: str
    grade: str | None = None


class BoardShape(Loose):
    as_of: str
    watches: list[dict[str, Any]]


class InboxShape(Loose):
    rows: list[dict[str, Any]]
    after: str | None


class VerdictsShape(Loose):
    done: list[str]
    conflicts: list[dict[str, str]]
    undo: str


class Verdicts(BaseModel):
    """``pairs`` are ``event:watch:indicator:status``, the status as it was seen."""

    pairs: list[str] = Field(min_length=1, max_length=MOST)
    status: str
    reason: str = ""
    note: str = ""


class Undo(BaseModel):
    undo: str


def _says(model: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model}}


@router.get("/me", summary="Who is asking, and the token that deciding needs")
def me(site: TheSite, viewer: TheReader) -> JSONResponse:
    shape = {"name": viewer.name, "role": viewer.role, "csrf": viewer.csrf}
    return JSONResponse(shape)


@router.get("/board", responses=_says(BoardShape), summary="Levels and evidence, now or then")
def board(site: TheSite, viewer: TheReader, as_of: str = "") -> Response:
    now = site.now()
    if as_of:
        at = parse_day(as_of, now)
        if at is None:
            raise ConfigError("this is no time", subject=as_of[:40])
        found = [each for _, each in site.installation.assessments(as_of=min(at, now))]
        return JSONResponse(board_shape(found, as_of=min(at, now)))
    return Response(site.board_json(), media_type="application/json")


@router.get("/hits", responses=_says(list[HitShape]), summary="Hits, newest first")
def hits(
    site: TheSite,
    viewer: TheReader,
    since: str = "",
    indicator: str = "",
    status: str = "",
    limit: Limit = 100,
) -> JSONResponse:
    found = hits_asked(site, since=since, indicator=indicator, status=status, limit=limit)
    return JSONResponse([stored_hit_shape(each) for each in found])


@router.get("/events", responses=_says(list[EventShape]), summary="Events, last seen first")
def events(
    site: TheSite,
    viewer: TheReader,
    since: str = "",
    indicator: str = "",
    status: str = "",
    limit: Limit = 50,
) -> JSONResponse:
    found = site.store.events(
        since=parse_day(since, site.now()) if since else None,
        indicator=indicator or None,
        status=status or None,
        limit=limit,
    )
    return JSONResponse([event_shape(each) for each in found])


@router.get("/events/{id}", responses=_says(EventShape), summary="One event with its history")
def event(id: int, site: TheSite, viewer: TheReader) -> JSONResponse:
    found = site.event(id)
    shape = event_shape(found)
    shape["suggested_grade"] = suggestion(site, found)
    shape["hits"] = [stored_hit_shape(each, explain=True) for each in found.hits]
    shape["history"] = [
        {
            "at": iso(each.at),
            "by": each.by,
            "action": each.action,
            "before": each.before,
            "after": each.after,
            "detail": each.detail,
            "watch": each.watch,
            "indicator": each.indicator,
        }
        for each in site.store.audit(found.id)
    ]
    return JSONResponse(shape)


@router.get("/inbox", responses=_says(InboxShape), summary="Pairs of event and indicator, by facet")
def inbox(
    request: Request, site: TheSite, viewer: TheReader, after: str = "", limit: Limit = 50
) -> JSONResponse:
    """The query string is that of the page: status, indicator, origins, grade, lang, stage, feed,
    since, until, month, q, sort."""
    given = asked("/inbox", request.query_params)
    page = site.store.inbox(
        given.filter(site.now()), sort=given.order, after=after or None, limit=limit
    )
    return JSONResponse({"rows": [_row(each) for each in page.rows], "after": page.after})


@router.get("/facets", summary="Counts by facet under the filters of the inbox")
def facets(request: Request, site: TheSite, viewer: TheReader) -> JSONResponse:
    found = site.store.facets(asked("/inbox", request.query_params).filter(site.now()))
    counts = {name: dict(values) for name, values in found.counts.items()}
    return JSONResponse({"total": found.total, "counts": counts})


@router.get("/search", summary="Items with all words, newest first")
def search(
    site: TheSite, viewer: TheReader, q: str, lang: str = "", after: str = "", limit: Limit = 50
) -> JSONResponse:
    page = site.store.search(q[:300], lang=lang or None, after=after or None, limit=limit)
    rows = [
        item_shape(found.item) | {"events": found.events, "indicators": found.indicators}
        for found in page.found
    ]
    return JSONResponse({"items": rows, "after": page.after})


@router.get("/feeds", summary="Feeds and their health")
def feeds(site: TheSite, viewer: TheReader) -> JSONResponse:
    return JSONResponse(
        [
            {
                "id": each.feed.id,
                "url": without_login(each.feed.url),
                "name": each.feed.name,
                "reliability": each.feed.reliability,
                "health": health_of(each),
                "cause": each.state.cause,
                "since": iso(each.state.since_at),
                "last_good_at": iso(each.state.last_good_at),
                "next_due_at": iso(each.state.next_due_at),
                "failures": each.state.failures,
            }
            for each in site.store.feeds()
        ]
    )


@router.get("/status", summary="Health of the running installation")
def status(site: TheSite, viewer: TheReader) -> JSONResponse:
    found = site.health.get().as_json()
    found["beats"] = {
        name: {k: iso(v) if hasattr(v, "isoformat") else v for k, v in beat.items()}
        for name, beat in found.get("beats", {}).items()
    }
    return JSONResponse(found)


@router.post("/reviews", responses=_says(VerdictsShape), summary="Verdicts on pairs")
def reviews(body: Verdicts, site: TheSite, viewer: TheReviewer) -> JSONResponse:
    """What somebody else decided meanwhile is left as it is and told in ``conflicts``."""
    if body.status not in STATUSES:
        raise ConfigError("there is no such verdict", subject=body.status[:40])
    if body.status == "dismissed" and not body.reason:
        raise ConfigError("a dismissal needs a reason", remedy="; ".join(REASONS))
    found = decide(
        site,
        [parse_pair(each, site) for each in body.pairs],
        body.status,
        by=viewer.name,
        now=site.now(),
        reason=body.reason[:200] if body.status == "dismissed" else "",
        note=body.note[:4000],
    )
    return JSONResponse(_verdicts(found), status_code=200 if found.done else 409)


@router.post("/reviews/undo", responses=_says(VerdictsShape), summary="Takes verdicts back")
def undo_reviews(body: Undo, site: TheSite, viewer: TheReviewer) -> JSONResponse:
    found = undo(site, body.undo, by=viewer.name, now=site.now())
    return JSONResponse(_verdicts(found))


def _verdicts(found: Any) -> dict[str, Any]:
    return {
        "done": [str(pair) for pair in found.done],
        "conflicts": [
            {"pair": str(pair), "current": e.current, "by": e.by, "words": e.problem}
            for pair, e in found.conflicts
        ],
        "undo": found.undo,
    }


def _row(row: InboxRow) -> dict[str, Any]:
    return {
        "event": row.event,
        "watch": row.watch,
        "indicator": row.indicator,
        "status": row.status,
        "title": row.title,
        "lang": row.lang,
        "first_seen_at": iso(row.first_seen_at),
        "last_seen_at": iso(row.last_seen_at),
        "items": row.items,
        "outlets": row.outlets,
        "independent_origins": row.origins,
        "denials": row.denials,
        "source": row.source,
        "source_grade": row.source_grade,
        "stage": row.stage,
        "grade": row.grade,
        "decided_by": row.decided_by,
        "decided_at": iso(row.decided_at),
        "reason": row.reason,
        "hit": stored_hit_shape(row.lead),
    }
