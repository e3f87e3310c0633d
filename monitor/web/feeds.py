"""Feeds: health, problems first, what they feed into; adding, pausing, and a try ahead of time."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from monitor.errors import MonitorError
from monitor.model import LANGUAGES
from monitor.report.feeds import DAYS, feeds_view
from monitor.web.site import TheForm, TheReviewer, TheSite, TheViewer, back_to

router = APIRouter(include_in_schema=False)

SHOWN = 40  # healthy feeds that are listed at once; problems always are


@router.get("/feeds")
def feeds(
    request: Request, site: TheSite, viewer: TheViewer, state: str = "", all: int = 0
) -> Response:
    """Every feed's health in plain words."""
    now = site.now()
    found = site.store.feeds()
    view = feeds_view(
        found,
        watches=site.watches,
        now=now,
        coverage=site.store.covered_days(
            since=(now - timedelta(days=DAYS)).date(), until=now.date()
        ),
        week=site.week.get(),
        only=state,
    )
    problems = sum(row.health not in ("ok", "unpolled", "paused") for row in view.rows)
    most = len(view.rows) if all or state else max(SHOWN, problems)
    return site.page(
        "feeds",
        viewer,
        {
            "feeds": view,
            "rows": view.rows[:most],
            "more": len(view.rows) - most,
            "state": state,
            "langs": LANGUAGES,
        },
        title="Feeds",
        tab="feeds",
        request=request,
    )


@router.post("/feeds")
def add(site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Subscribes to a feed, or to the one that a page names."""
    url, name, lang = (str(form.get(each, "")).strip() for each in ("url", "name", "lang"))
    try:
        added = site.installation.subscribe(
            url[:2000],
            name=name[:200],
            lang=lang if lang in LANGUAGES else None,
            by=viewer.name,
            now=site.now(),
        )
    except MonitorError as error:
        words = f"It was not added: {error.problem}. {error.remedy}".strip()
        return site.redirect(site.at("/feeds"), words=words)
    site.feeds.drop()
    words = f"Added {added.name or added.url}: it is polled in a minute."
    return site.redirect(site.at(f"/feeds/{added.id}"), words=words)


@router.get("/feeds/{id}")
def feed(id: str, request: Request, site: TheSite, viewer: TheViewer) -> Response:
    """One feed: its row and the log of its polls."""
    now = site.now()
    found = [each for each in site.store.feeds() if each.feed.id == id]
    if not found:
        raise HTTPException(404)
    coverage = site.store.covered_days(
        feeds=[id], since=(now - timedelta(days=DAYS)).date(), until=now.date()
    )
    view = feeds_view(found, watches=site.watches, now=now, coverage=coverage, week=site.week.get())
    return site.page(
        "feed",
        viewer,
        {
            "row": view.rows[0],
            "feed": found[0].feed,
            "log": site.store.poll_log(id, limit=50),
            "history": site.store.audit_log(subject=f"feed/{id}", limit=20),
        },
        title=view.rows[0].name,
        tab="feeds",
        request=request,
    )


@router.post("/feeds/{id}/pause")
def pause(id: str, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Pauses a feed, or polls it again; its items stay."""
    paused = form.get("paused") == "1"
    if not site.store.set_feed_paused(id, paused, by=viewer.name, at=site.now()):
        raise HTTPException(404)
    site.feeds.drop()
    words = "Paused: it is not polled." if paused else "Resumed: it is polled within a minute."
    return site.redirect(site.at(f"/feeds/{id}"), words=words)


@router.post("/feeds/{id}/retry")
def retry(id: str, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Makes the feed due at once; the service polls it within seconds."""
    if not site.store.poll_soon(id, now=site.now()):
        raise HTTPException(404)
    site.feeds.drop()
    return RedirectResponse(back_to(site, str(form.get("back", "")), "/feeds"), status_code=303)
