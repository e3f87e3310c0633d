"""The board: what changed since the last visit, levels by month, evidence; and the matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from monitor.model import Assessment, Watch
from monitor.report.board import BoardView, board_view
from monitor.report.wording import RATING_SIGNS, RATING_WORDS, by_group, codes
from monitor.web.site import Site, TheSite, TheViewer, parse_day

router = APIRouter(include_in_schema=False)

MONTHS = (6, 12, 24)
VISIT_COOKIE = "monitor_visit"
_AWAY = timedelta(minutes=30)  # without a look for so long, a visit has ended


@router.get("/")
def board(request: Request, site: TheSite, viewer: TheViewer, months: int = 12) -> Response:
    """What changed since the last visit, and how everything stands."""
    now = site.now()
    before, cookie = visit(request.cookies.get(VISIT_COOKIE, ""), now)
    found = views(site, months=months if months in MONTHS else 12, since_at=before)
    answer = site.page(
        "board",
        viewer,
        {"boards": found, "months": months, "choices": MONTHS, "links": links(site)},
        title="Board",
        tab="board",
    )
    answer.set_cookie(
        VISIT_COOKIE,
        cookie,
        max_age=366 * 86400,
        path=site.prefix or "/",
        httponly=True,
        samesite="lax",
        secure=site.settings.public_url.startswith("https://"),
    )
    return answer


def views(site: Site, *, months: int = 12, since_at: datetime | None = None) -> list[BoardView]:
    """A board for each watch, of what is kept."""
    kept, assessed = site.snapshot.get(), site.assessed()
    earlier = site.earlier.get()
    counted = site.store.waiting()
    waiting = {pair: counts.get("new", 0) for pair, counts in counted.items()}
    second = {pair: counts.get("second-look", 0) for pair, counts in counted.items()}
    return [
        board_view(
            watch,
            assessment=assessed.get(watch.id),
            activity=kept.activity,
            waiting=waiting,
            second_look=second,
            changes=kept.changes,
            feeds=site.feeds.get(),
            now=kept.at,
            earlier=earlier.get(watch.id),
            since_at=since_at,
            oldest_waiting_at=kept.oldest_waiting_at,
            months=months,
        )
        for watch in site.watches
    ]


def visit(cookie: str, now: datetime) -> tuple[datetime | None, str]:
    """When the visit before this one ended, and the cookie that remembers both.

    The cookie is ``end of the last visit~last look of this one``; it is no secret and signs nothing.
    """
    before_text, _, last_text = cookie.partition("~")
    before, last = parse_day(before_text, now), parse_day(last_text, now)
    if last is not None and last <= now and now - last > _AWAY:
        before = last
    if before is not None and before > now:
        before = None
    return before, f"{_text(before)}~{_text(now)}"


def _text(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def links(site: Site) -> Any:
    """Addresses that the board's cells, rows and changes lead to."""

    class Links:
        @staticmethod
        def cell(watch: str) -> Any:
            return lambda row, cell: site.at(
                "/events", watch=watch, indicator=row.id, month=cell.month
            )

        @staticmethod
        def row(watch: str) -> Any:
            return lambda row: site.at("/events", watch=watch, indicator=row.id)

        @staticmethod
        def review(watch: str) -> Any:
            return lambda row: site.at("/inbox", watch=watch, indicator=row.id)

        @staticmethod
        def change(target: str) -> str:
            kind, _, id = target.partition(":")
            return {
                "indicator": site.at("/events", indicator=id),
                "inbox": site.at("/inbox"),
                "second-look": site.at("/inbox", status="second-look"),
                "feeds": site.at("/feeds", state="failing"),
            }.get(kind, "")

    return Links


# ── Matrix ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """How an indicator bears on a hypothesis, and what it has contributed."""

    rating: int
    sign: str
    words: str
    for_: float
    against: float
    events: tuple[int, ...]
    capped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    id: str
    code: str
    title: str
    diagnosticity: int
    cells: tuple[MatrixCell, ...]


@router.get("/matrix")
def matrix(site: TheSite, viewer: TheViewer, sort: str = "") -> Response:
    """Hypotheses by indicators: rating, contribution, events."""
    kept = site.snapshot.get()
    tables = [
        (
            watch,
            matrix_of(watch, kept.assessed.get(watch.id), by_diagnosticity=sort == "diagnostic"),
        )
        for watch in site.watches
    ]
    totals = {
        (watch.id, each.hypothesis): each
        for watch in site.watches
        if (found := kept.assessed.get(watch.id))
        for each in found.hypotheses
    }
    return site.page(
        "matrix",
        viewer,
        {"tables": tables, "totals": totals, "sort": sort, "as_of": kept.at},
        title="Matrix",
        tab="board",
    )


def matrix_of(
    watch: Watch, assessment: Assessment | None, *, by_diagnosticity: bool = False
) -> Sequence[tuple[str, Sequence[MatrixRow]]]:
    """Rows under their groups; by diagnosticity in one group, the most telling first."""
    parts = {
        (each.hypothesis, part.indicator): part
        for each in (assessment.hypotheses if assessment else ())
        for part in each.parts
        if not part.deadline
    }
    names = codes(watch)
    groups = []
    for title, indicators in by_group(watch):
        rows = []
        for indicator in indicators:
            cells = []
            for hypothesis in watch.hypotheses:
                rating = indicator.ach.get(hypothesis.id, 0)
                part = parts.get((hypothesis.id, indicator.id))
                cells.append(
                    MatrixCell(
                        rating=rating,
                        sign=RATING_SIGNS[rating],
                        words=RATING_WORDS[rating],
                        for_=part.for_ if part else 0.0,
                        against=part.against if part else 0.0,
                        events=part.event_ids if part else (),
                        capped=bool(part and part.capped),
                    )
                )
            rows.append(
                MatrixRow(
                    id=indicator.id,
                    code=names[indicator.id],
                    title=indicator.title,
                    diagnosticity=indicator.diagnosticity,
                    cells=tuple(cells),
                )
            )
        groups.append((title, rows))
    if not by_diagnosticity:
        return groups
    rows = [row for _, found in groups for row in found]
    rows.sort(key=lambda row: -row.diagnosticity)
    return [("Most diagnostic first", rows)]
