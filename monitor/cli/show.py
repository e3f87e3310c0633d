"""``hits``, ``events``, ``board``, ``report``, ``status``, ``backtest``: looking at what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from monitor.cli.common import (
    DONE,
    FAILED,
    JsonOption,
    Session,
    command,
    iso,
    optional_time,
    out_console,
    parse_time,
    print_json,
    say,
)
from monitor.errors import ConfigError
from monitor.model import STATUSES, Assessment, Level, Status, StoredHit, Watch
from monitor.shapes import board_shape, event_shape, stored_hit_shape

SinceOption = Annotated[str | None, typer.Option("--since", help="First stored from then on.")]
IndicatorOption = Annotated[str | None, typer.Option("--indicator", help="Only this indicator.")]
StatusOption = Annotated[str | None, typer.Option("--status", help="Only with this status.")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="As it was known at this time.")]
LimitOption = Annotated[int | None, typer.Option("--limit", help="At most so many.", min=1)]

GLYPHS = {
    "none": "·",
    "low": "▁",
    "elevated": "▃",
    "high": "▅",
    "very-high": "▇",
    "no-coverage": "?",
}


def register(app: typer.Typer) -> None:
    command(app, "hits")(hits)
    command(app, "events")(events)
    command(app, "board")(board)
    command(app, "report")(report)
    command(app, "backtest")(backtest)
    command(app, "status")(status)


def hits(
    session: Session,
    since: SinceOption = None,
    indicator: IndicatorOption = None,
    status: StatusOption = None,
    as_of: AsOfOption = None,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> int:
    """List hits: items that are evidence for an indicator, newest first."""
    found = session.app.store.hits(
        since=optional_time(since, option="--since"),
        indicator=_indicator(session, indicator),
        status=_status(status),
        as_of=optional_time(as_of, option="--as-of"),
        limit=limit,
    )
    if json:
        print_json([stored_hit_shape(each, explain=True) for each in found])
        return DONE
    out_console().print(hit_table(found))
    say(f"{len(found)} hits")
    return DONE


def hit_table(found: Sequence[StoredHit]) -> Table:
    """Hits with the words that matched marked."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("first seen", "indicator", "score", "stage", "source"):
        table.add_column(name, no_wrap=True)
    table.add_column("title, with the words that matched", ratio=1, overflow="fold")
    for stored in found:
        hit, item = stored.hit, stored.item
        table.add_row(
            (iso(item.first_seen_at) if item.first_seen_at else "")[:16].replace("T", " "),
            hit.indicator,
            f"{hit.score:.2f}",
            hit.stage or "",
            item.source or item.feed,
            _marked(stored),
        )
    return table


def _marked(stored: StoredHit) -> Text:
    text = Text(stored.item.title)
    for span in stored.hit.spans:
        if span.field == "title":
            text.stylize("bold reverse", span.start, span.end)
    words = [
        stored.item.summary[span.start : span.end]
        for span in stored.hit.spans
        if span.field == "summary"
    ]
    if words:
        text.append("  [" + " · ".join(dict.fromkeys(words)) + "]", style="dim")
    return text


def events(
    session: Session,
    since: SinceOption = None,
    indicator: IndicatorOption = None,
    status: StatusOption = None,
    as_of: AsOfOption = None,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> int:
    """List events: happenings, each a group of items, newest first."""
    found = session.app.store.events(
        since=optional_time(since, option="--since"),
        indicator=_indicator(session, indicator),
        status=_status(status),
        as_of=optional_time(as_of, option="--as-of"),
        limit=limit,
    )
    if json:
        print_json([event_shape(each) for each in found])
        return DONE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("event", "first seen", "items", "origins", "grade", "status", "indicators"):
        table.add_column(name, no_wrap=name != "indicators")
    table.add_column("title", ratio=1, overflow="fold")
    for each in found:
        table.add_row(
            str(each.id),
            iso(each.first_seen_at)[:16].replace("T", " "),
            str(len(each.members)),
            str(each.independent_origins),
            each.grade or "",
            each.status,
            ", ".join(each.indicators),
            each.title,
        )
    out_console().print(table)
    say(f"{len(found)} events")
    return DONE


def board(session: Session, as_of: AsOfOption = None, json: JsonOption = False) -> int:
    """Levels per indicator and evidence per hypothesis, as they were known at a time."""
    at = parse_time(as_of, option="--as-of") if as_of else session.now()
    found = session.app.assessments(as_of=at)
    if json:
        print_json(board_shape((assessment for _, assessment in found), as_of=at))
        return DONE
    for watch, assessment in found:
        print_board(watch, assessment)
    return DONE


def print_board(watch: Watch, assessment: Assessment, months: int = 6) -> None:
    """The board of one watch as a table on stdout."""
    names = [month.month for month in assessment.levels[0].months][-months:]
    table = Table(title=watch.title, box=None, pad_edge=False, title_justify="left")
    table.add_column("indicator", no_wrap=True)
    for name in names:
        table.add_column(name[2:], justify="right")
    table.add_column("now", no_wrap=True)
    for level in assessment.levels:
        counts = [
            "?" if month.level == "no-coverage" else str(month.events) if month.events else "·"
            for month in level.months[-months:]
        ]
        table.add_row(level.indicator, *counts, _now(level))
    console = out_console()
    console.print(table)
    console.print("? no coverage: feeds that could have carried it were not polled", style="dim")
    hypotheses = {each.id: each.title for each in watch.hypotheses}
    console.print("evidence, not a probability; least against first", style="dim")
    for each in assessment.hypotheses:
        title = hypotheses.get(each.hypothesis, "")
        console.print(
            f"{each.hypothesis}  against {each.against:5.1f}  for {each.for_:5.1f}  {title}"
        )


def _now(level: Level) -> str:
    words = f"{GLYPHS[level.level]} {level.level}"
    if level.changed_from:
        words += f" (was {level.changed_from})"
    if level.analyst:
        words += f"; analyst: {level.analyst}"
    return words


def report(
    session: Session,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to.")] = Path("report.html"),
    as_of: AsOfOption = None,
) -> int:
    """Write the report: one self-contained HTML file."""
    at = parse_time(as_of, option="--as-of") if as_of else session.now()
    html = session.app.report(as_of=at)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(html, encoding="utf-8")
    print(output)
    return DONE


def backtest(
    session: Session,
    known: Annotated[
        Path | None,
        typer.Option("--events", help="YAML of known happenings: indicator and date."),
    ] = None,
    since: SinceOption = None,
    until: Annotated[str | None, typer.Option("--until", help="And before then.")] = None,
    json: JsonOption = False,
) -> int:
    """Replay stored items through the present rules: levels over time, lead time, false alarms."""
    outcome = session.app.backtest(
        since=optional_time(since, option="--since"),
        until=optional_time(until, option="--until") or session.now(),
        known=known,
    )
    if json:
        print_json(outcome.as_json())
    else:
        print(outcome.as_text())
    return DONE


def status(session: Session, json: JsonOption = False) -> int:
    """Health of the running installation: last cycle, feeds, undelivered mail, coverage."""
    found = session.app.status(now=session.now())
    if json:
        print_json(found.as_json())
    else:
        print(found.as_text())
    return DONE if found.ok else FAILED


def _indicator(session: Session, id: str | None) -> str | None:
    if id is None:
        return None
    known = [each.id for watch in session.app.watches for each in watch.indicators]
    if id not in known:
        raise ConfigError(
            f"no indicator {id!r}",
            subject="--indicator",
            remedy="Known: " + ", ".join(known),
        )
    return id


def _status(status: str | None) -> Status | None:
    if status is not None and status not in STATUSES:
        raise ConfigError(
            f"no status {status!r}", subject="--status", remedy="Known: " + ", ".join(STATUSES)
        )
    return status
