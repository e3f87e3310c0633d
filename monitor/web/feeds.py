"""Feeds: health, problems first, what they feed into; and a try ahead of the schedule."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from monitor.report.feeds import DAYS, feeds_view
from monitor.web.site import TheForm, TheReviewer, TheSite, TheViewer, back_to

router = APIRouter(include_in_schema=False)

SHOWN = 40  # healthy feeds that are listed at once; problems always are


@router.get("/feeds")
def feeds(site: TheSite, viewer: TheViewer, state: str = "", all: int = 0) -> Response:
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
    problems = sum(row.health not in ("ok", "paused") for row in view.rows)
    most = len(view.rows) if all or state else max(SHOWN, problems)
    return site.page(
        "feeds",
        viewer,
        {"feeds": view, "rows": view.rows[:most], "more": len(view.rows) - most, "state": state},
        title="Feeds",
        tab="feeds",
    )


@router.get("/feeds/{id}")
def feed(id: str, site: TheSite, viewer: TheViewer) -> Response:
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
        {"row": view.rows[0], "feed": found[0].feed, "log": site.store.poll_log(id, limit=50)},
        title=view.rows[0].name,
        tab="feeds",
    )


@router.post("/feeds/{id}/retry")
def retry(id: str, site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Makes the feed due at once; the service polls it within seconds."""
    if not site.store.poll_soon(id, now=site.now()):
        raise HTTPException(404)
    site.feeds.drop()
    return RedirectResponse(back_to(site, str(form.get("back", "")), "/feeds"), status_code=303)
