"""The method page, the analyst's own levels, and trying an edited query before it is in force."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from monitor.desk import LevelOverride
from monitor.errors import ConfigError, QueryError
from monitor.model import LEVELS, Hit, Indicator, Item, Watch
from monitor.report.board import bearings
from monitor.report.marks import pieces, snippet
from monitor.report.method import method_view
from monitor.report.wording import LEVEL_WORDS, codes, http_link, source_name
from monitor.web.evidence import indicator_choices, pair_named
from monitor.web.site import Site, TheForm, TheReviewer, TheSite, TheViewer

router = APIRouter(include_in_schema=False)

NEWEST = (500, 2000, 5000)  # stored items that a query is tried on
_LONGEST = 4000  # characters of a query
_LISTED = 50  # gained and lost items that are shown


@router.get("/method")
def method(site: TheSite, viewer: TheViewer) -> Response:
    """Every indicator: where it comes from, what counts, how it has done."""
    records = site.records.get()
    found = [method_view(watch, records) for watch in site.watches]

    def links(watch: str) -> Any:
        return lambda row: [
            (site.at(f"/indicators/{watch}/{row.id}"), "level and history"),
            (site.at("/events", watch=watch, indicator=row.id), "events"),
            (site.at("/try", indicator=f"{watch}:{row.id}"), "try a query"),
        ]

    return site.page(
        "method", viewer, {"methods": found, "links": links}, title="Method", tab="method"
    )


# ── One indicator and the analyst's level ────────────────────────────────────────────────────────


@router.get("/indicators/{watch}/{indicator}")
def indicator(
    watch: str, indicator: str, request: Request, site: TheSite, viewer: TheViewer
) -> Response:
    """The machine's level, the analyst's beside it, and every change of either."""
    found = _watch(site, watch)
    _indicator(found, indicator)
    kept, assessed = site.snapshot.get(), site.assessed()
    level = next(
        (e for e in assessed[watch].levels if e.indicator == indicator)
        if watch in assessed
        else iter(()),
        None,
    )
    overrides = [
        each
        for each in site.store.level_overrides(history=True)
        if (each.watch, each.indicator) == (watch, indicator)
    ]
    changes = [
        each for each in site.store.level_changes(watch=watch) if each.indicator == indicator
    ]
    row = next(
        row
        for _, rows in method_view(found, site.records.get()).groups
        for row in rows
        if row.id == indicator
    )
    return site.page(
        "indicator",
        viewer,
        {
            "row": row,
            "watch": found,
            "level": level,
            "overrides": overrides[::-1],
            "changes": changes[::-1][:100],
            "levels": [(name, LEVEL_WORDS[name]) for name in LEVELS],
            "as_of": kept.at,
            "bears": bearings(_indicator(found, indicator), found),
        },
        title=row.title,
        tab="board",
        request=request,
    )


@router.post("/levels")
def set_level(site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """An analyst's level beside the machine's; an empty one takes it back. The reason is required."""
    watch, indicator = pair_named(site, str(form.get("indicator", "")))
    level = str(form.get("level", ""))
    reason = str(form.get("reason", "")).strip()[:1000]
    if level and level not in LEVELS:
        raise ConfigError("there is no such level", subject=level[:40])
    if level and not reason:
        raise ConfigError("a level of your own needs a reason", subject=indicator)
    site.store.override_level(
        LevelOverride(
            watch=watch,
            indicator=indicator,
            level=level or None,
            by=viewer.name,
            at=site.now(),
            reason=reason,
        )
    )
    site.changed()
    words = f"Your level: {LEVEL_WORDS[level]}." if level else "Your level was taken back."
    return site.redirect(site.at(f"/indicators/{watch}/{indicator}"), words=words)


def _watch(site: Site, id: str) -> Watch:
    for watch in site.watches:
        if watch.id == id:
            return watch
    raise HTTPException(404)


def _indicator(watch: Watch, id: str) -> Indicator:
    for each in watch.indicators:
        if each.id == id:
            return each
    raise HTTPException(404)


# ── Query try-out ────────────────────────────────────────────────────────────────────────────────


@router.get("/try")
def try_out(
    site: TheSite,
    viewer: TheViewer,
    indicator: str = "",
    branch: str = "",
    query: str = "",
    exclude: str = "",
    newest: int = 2000,
    run: str = "",
) -> Response:
    """An edited query over the newest stored items: what it would gain and lose. Changes nothing."""
    if not indicator and site.watches:
        indicator = f"{site.watches[0].id}:{site.watches[0].indicators[0].id}"
    watch_id, id = pair_named(site, indicator)
    watch = _watch(site, watch_id)
    found = _indicator(watch, id)
    chosen = next((b for b in found.branches if b.name == branch), found.branches[0])
    if not run:
        query, exclude = chosen.query, found.exclude
    newest = newest if newest in NEWEST else 2000
    values: dict[str, Any] = {
        "indicators_of": indicator_choices(site),
        "indicator": indicator,
        "found": found,
        "code": codes(watch)[id],
        "branch": chosen.name,
        "query": query[:_LONGEST],
        "exclude": exclude[:_LONGEST],
        "newest": newest,
        "choices": NEWEST,
        "trial": None,
        "error": None,
        "watch": watch,
    }
    if run:
        trial = site.installation.try_query(
            watch_id,
            id,
            chosen.name,
            query[:_LONGEST],
            exclude=exclude[:_LONGEST],
            newest=newest,
        )
        values |= {
            "trial": trial if trial.error is None else None,
            "error": shown_error(trial.error) if trial.error else None,
            "gained": [shown_item(*each) for each in trial.gained[:_LISTED]],
            "lost": [shown_item(*each) for each in trial.lost[:_LISTED]],
        }
    return site.page("try", viewer, values, title="Try a query", tab="method")


def shown_error(error: Exception) -> dict[str, Any]:
    """What is wrong, the line that has it, and a caret below the place."""
    if not isinstance(error, QueryError):
        return {"problem": str(error), "line": "", "caret": "", "place": "", "remedy": ""}
    start = min(error.start, len(error.text))
    before = error.text[:start]
    line_number = before.count("\n") + 1
    column = start - (before.rfind("\n") + 1)
    line = error.text.split("\n")[line_number - 1]
    width = max(1, min(error.end, len(error.text)) - start)
    return {
        "problem": error.problem,
        "line": line,
        "caret": " " * column + "^" * min(width, max(1, len(line) - column)),
        "place": f"line {line_number}, column {column + 1}",
        "remedy": error.remedy,
    }


def shown_item(item: Item, hit: Hit) -> dict[str, Any]:
    return {
        "title": pieces(item.title, hit.spans, "title"),
        "snippet": snippet(item.summary, hit.spans, "summary"),
        "lang": item.lang,
        "link": http_link(item.link),
        "source": source_name(item),
        "at": item.first_seen_at,
        "score": hit.score,
    }
