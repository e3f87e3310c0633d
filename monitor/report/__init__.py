"""The report: board, events by indicator, feeds and method in one HTML file that opens from disk.

No script, no style attribute, no request to anywhere: a CSP in the file forbids them. What it lists is
capped, so that a year of hits stays below ``LIMIT`` bytes, and says what it left out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import jinja2
from markupsafe import Markup

from monitor.model import Assessment, Event, FeedStatus, LevelChange, LevelName, Watch
from monitor.render import broken, render
from monitor.report.board import BoardView, activity_of, board_view, waiting_of
from monitor.report.events import EventLine, Names, lines_of_event, names_of
from monitor.report.feeds import Coverage, feeds_view
from monitor.report.method import MethodView, method_view, records_of
from monitor.report.wording import moment, shown
from monitor.report.words import prepare

__all__ = ["CHANGES", "LIMIT", "SPAN", "prepare", "report", "style_of"]

LIMIT = 2_000_000  # bytes of the file
SPAN = timedelta(days=366)  # of events that the file is about
CHANGES = timedelta(days=30)  # how far back "the last days" go
_STYLE = "pages/style.css"
_CAPS = (60, 40, 25, 15, 8, 4, 1)  # events listed for each indicator, the first that fits


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine(EventLine):
    """One (event, indicator) and the query that found it."""

    how: str  # "branch “supply”"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorEvents:
    """What is listed of one indicator."""

    anchor: str
    code: str
    title: str
    level: LevelName | None
    lines: tuple[ReportLine, ...]
    total: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One watch of the report."""

    board: BoardView
    events: tuple[IndicatorEvents, ...]
    method: MethodView
    row_link: Callable[[Any], str]
    cell_link: Callable[[Any, Any], str]


def report(
    env: jinja2.Environment,
    assessments: Sequence[tuple[Watch, Assessment | None]],
    *,
    events: Sequence[Event],
    changes: Sequence[LevelChange],
    feeds: Sequence[FeedStatus],
    coverage: Coverage,
    now: datetime,
    earlier: Mapping[str, Assessment] | None = None,
) -> str:
    """The file's text. ``events``: those of the last ``SPAN`` as known at ``now``, members included.

    ``changes``: level changes of the last ``CHANGES``; ``earlier``: watch id → assessment as of the
    start of this month. Raises TemplateError for a template that a user broke.
    """
    watches = [watch for watch, _ in assessments]
    lines = _lines(events, names_of(watches), {s.feed.id: s.feed.reliability for s in feeds})
    activity, waiting = activity_of(events), waiting_of(events)
    second_look = waiting_of(events, "second-look")
    records = records_of(events)
    boards = {
        watch.id: board_view(
            watch,
            assessment=assessment,
            activity=activity,
            waiting=waiting,
            second_look=second_look,
            changes=changes,
            feeds=feeds,
            now=now,
            earlier=(earlier or {}).get(watch.id),
            since_at=now - CHANGES,
            oldest_waiting_at=_oldest(events),
        )
        for watch, assessment in assessments
    }
    methods = {watch.id: method_view(watch, records) for watch in watches}
    feed_rows = feeds_view(feeds, watches=watches, now=now, coverage=coverage)
    title = " · ".join(watch.title for watch in watches) or "Report"
    style = style_of(env) + paper_style(f"{title} · as of {moment(now)}")
    for cap in _CAPS:
        parts = [_part(boards[w.id], methods[w.id], lines, cap) for w in watches]
        text = render(
            env,
            "report/report.html",
            {
                "title": title,
                "now": now,
                "days": CHANGES.days,
                "parts": parts,
                "left_out": sum(group.left_out for part in parts for group in part.events),
                "feeds": feed_rows,
                "problem_feeds": [r for r in feed_rows.rows if r.health not in ("ok", "paused")],
                "style": Markup(style),  # ours, or the user's own file; titles in it are escaped
                "style_hash": style_hash(style),
            },
        )
        if len(text.encode()) <= LIMIT:
            break
    return text


def style_of(env: jinja2.Environment) -> str:
    """The one style sheet of report and pages: the user's own file, or ours."""
    if env.loader is None:
        return ""
    try:
        return env.loader.get_source(env, _STYLE)[0]
    except jinja2.TemplateError as error:
        raise broken(env, _STYLE, error) from error


def paper_style(words: str) -> str:
    """Prints ``words`` and the number of the page at the foot of every sheet."""
    plain = "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in shown(words))
    return (
        '@page { @bottom-left { content: "' + plain + '"; font: 8pt sans-serif; color: #4a535e }'
        ' @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif;'
        " color: #4a535e } }"
    )


def style_hash(style: str) -> str:
    """What a CSP names an inline style by."""
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _lines(
    events: Sequence[Event], names: Names, grades: Mapping[str, str]
) -> dict[tuple[str, str], list[ReportLine]]:
    """(watch, indicator) → lines of events that are not dismissed, newest first."""
    found: dict[tuple[str, str], list[ReportLine]] = {}
    for event in sorted(events, key=lambda each: (each.first_seen_at, each.id), reverse=True):
        branches = {(s.hit.watch, s.hit.indicator): s.hit.branch for s in reversed(event.hits)}
        for line in lines_of_event(event, names, grades):
            if line.status == "dismissed":
                continue
            pair = (line.watch, line.indicator)
            values = {f.name: getattr(line, f.name) for f in fields(EventLine)}
            how = f"query “{branches[pair]}”" if branches[pair] else "hand"
            found.setdefault(pair, []).append(ReportLine(**values, how=how))
    return found


def _oldest(events: Sequence[Event]) -> datetime | None:
    waiting = [e.first_seen_at for e in events if e.status == "new"]
    return min(waiting, default=None)


def _part(
    board: BoardView,
    method: MethodView,
    lines: Mapping[tuple[str, str], Sequence[ReportLine]],
    cap: int,
) -> Part:
    groups = tuple(
        IndicatorEvents(
            anchor=_anchor(board.watch, row.id),
            code=row.code,
            title=row.title,
            level=row.level,
            lines=tuple(lines[board.watch, row.id][:cap]),
            total=len(lines[board.watch, row.id]),
        )
        for group in board.groups
        for row in group.rows
        if lines.get((board.watch, row.id))
    )
    listed = {group.anchor for group in groups}

    def link(row: Any) -> str:
        anchor = _anchor(board.watch, row.id)
        return f"#{anchor}" if anchor in listed else f"#{row.id}"

    return Part(
        board=board,
        events=groups,
        method=method,
        row_link=link,
        cell_link=lambda row, _cell: link(row),
    )


def _anchor(watch: str, indicator: str) -> str:
    return f"events-{watch}-{indicator}"
