"""``poll``, ``import``, ``match``, ``rematch``: items in, hits out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from monitor.cli.common import (
    DONE,
    IN_PART,
    JsonOption,
    Session,
    command,
    optional_time,
    print_json,
    print_json_line,
    read_lines,
    say,
)

if TYPE_CHECKING:
    from monitor.pipeline import Summary
    from monitor.rematch import Change


def register(app: typer.Typer) -> None:
    command(app, "poll")(poll)
    command(app, "import")(import_)
    command(app, "match")(match)
    command(app, "rematch")(rematch)


def poll(
    session: Session,
    everything: Annotated[bool, typer.Option("--all", help="Also feeds that are not due.")] = False,
    json: JsonOption = False,
) -> int:
    """Run one cycle: fetch the feeds that are due, parse, match, group and store.

    Alerts, the operator's notices and the heartbeat follow, unless the service runs and sees to them.
    """
    summary = session.app.poll(now=session.now(), everything=everything)
    _print(summary, json, "no feed is due; with --all every feed is polled")
    told = session.app.speak_up(now=session.now())
    if told.frozen or told.sent or told.errors:
        say(told.as_text())
    return IN_PART if summary.failed or told.failed or told.waiting else DONE


def import_(
    session: Session,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="JSON Lines, or a feed.")],
    seen_at: Annotated[
        Literal["now", "published"],
        typer.Option("--seen-at", help="Date the first sight of each item by this."),
    ] = "now",
    json: JsonOption = False,
) -> int:
    """Take in items from JSON Lines or a saved feed file, as if polled. Never alerts."""
    summary = session.app.import_files(files, now=session.now(), seen_at=seen_at)
    _print(summary, json, "no item was found")
    return IN_PART if summary.dropped else DONE


def match(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="JSON Lines of items.")] = "-",
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Processes to use; 0 = one a core.", min=0)
    ] = 1,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, for each hit.")] = False,
) -> int:
    """Match items without a database: one JSON line out for each item in.

    A line that is no item is told on stderr and left out; the exit code is then 3.
    """
    from monitor.app.rules import match_lines

    rows = match_lines(
        session.config,
        read_lines(file),
        name=file,
        now=session.now(),
        jobs=jobs,
        explain=explain,
        tell=session.told,
    )
    for row in rows:
        print_json_line(row)
    return IN_PART if session.told.lines else DONE


def rematch(
    session: Session,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count and list what would change.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="Items first seen from then.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Apply changed indicators to stored items. Reviews that were made are kept."""
    change = session.app.rematch(
        now=session.now(), since=optional_time(since, option="--since"), dry_run=dry_run
    )
    if json:
        print_json(change.as_json())
        return DONE
    would = "would be " if dry_run else ""
    for indicator, (gained, lost) in sorted(change.by_indicator.items()):
        if dry_run:
            _list_changes(change, indicator)
        say(f"{indicator:<34} +{gained} −{lost}")
    say(
        f"{change.items} items: {change.gained} hits {would}gained, {change.lost} {would}lost, "
        f"{change.kept} kept"
    )
    return DONE


def _list_changes(change: Change, indicator: str) -> None:
    """On stdout: what an indicator would gain (+) and lose (−), one hit a line."""
    gained, lost = change.by_indicator[indicator]
    for sign, number in (("+", gained), ("−", lost)):
        listed = change.examples.get((indicator, sign), [])
        for item, title in listed:
            print(f"{sign} {indicator:<34} {item}  {title}")
        if number > len(listed):
            print(f"{sign} {indicator:<34} …and {number - len(listed)} more")


def _print(summary: Summary, json: bool, nothing: str) -> None:
    if json:
        print_json(summary.as_json())
        return
    if not (summary.polled or summary.new or summary.updated or summary.duplicate):
        say(nothing)
    else:
        say(summary.as_text())
