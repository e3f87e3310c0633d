"""``demo``: the whole product on sample feeds, in a temporary folder."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import webbrowser
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.common import DONE, Session, colour, command, err_console, out_console, say
from monitor.cli.show import hit_table, print_board
from monitor.errors import ConfigError

if TYPE_CHECKING:
    from monitor.app import App
    from monitor.config import Config
    from monitor.demo import SampleServer
    from monitor.pipeline import Summary

_STEP = timedelta(days=1)
_UNREAD = timedelta(days=2)  # how far back the digest of the demo reaches
_READER = "analyst@example.org"


def register(app: typer.Typer) -> None:
    command(app, "demo")(demo)


def demo(
    session: Session,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the pages in a browser.")
    ] = False,
    exit: Annotated[bool, typer.Option("--exit", help="Stop after the files.")] = False,
    keep: Annotated[
        Path | None, typer.Option("--folder", help="Work here, not in a temporary folder.")
    ] = None,
    bind: Annotated[
        str, typer.Option("--bind", help="Where the pages are served.")
    ] = "127.0.0.1:8080",
) -> int:
    """See the whole product at work on invented feeds served on the loopback.

    Six weeks of sample news are polled day by day, in a temporary folder: hits, report, digest, pages.
    """
    from monitor import log
    from monitor.app import App
    from monitor.demo import SampleServer, sample_feeds

    if not exit:
        _require_free(bind)
    folder = (keep or Path(tempfile.mkdtemp(prefix="monitor-demo-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    ends_at = session.now().replace(second=0, microsecond=0)
    with SampleServer(sample_feeds(), ends_at=ends_at) as samples:
        config = demo_config(samples, folder, bind)
        log.configure(level="error", file=folder / "monitor.log", colour=colour())
        app = App(config, now=None)
        try:
            total = _replay(app, samples)
            _show(app, folder, ends_at, total)
            if exit:
                return DONE
            url = f"http://{bind}/"
            say(f"pages    {url}   (Ctrl-C ends the demo)")
            if not no_browser:
                webbrowser.open(url)
            app.serve("all")
        finally:
            app.close()
    return DONE


def demo_config(samples: SampleServer, folder: Path, bind: str) -> Config:
    """The embedded defaults, with the sample feeds and one daily digest, as a file in ``folder``.

    Nothing of the user's own settings is heeded: a demonstration must not touch an installation.
    """
    from monitor import config as settings

    for name in [name for name in os.environ if name.startswith("MONITOR_")]:
        del os.environ[name]
    file = folder / settings.FILE
    file.write_text(
        "\n".join(
            (
                "# A demonstration: sample feeds on the loopback, mail as files.",
                "[database]",
                f"url = {_quoted(f'sqlite:///{folder}/monitor.db')}",
                "[fetch]",
                'host_interval = "0s"',
                "per_host = 16",
                'allow_networks = ["127.0.0.1/32"]',
                "[mail]",
                'url = "file:outbox/"',
                "[web]",
                f"bind = {_quoted(bind)}",
                "[[digests]]",
                'name = "daily"',
                f"to = [{_quoted(_READER)}]",
                'schedule = "0 0 * * *"',
                *(
                    line
                    for feed in samples.feeds.values()
                    for line in ("[[feeds]]", *_lines(feed.settings(samples.url)))
                ),
            )
        )
        + "\n",
        encoding="utf-8",
    )
    return settings.load(file)


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_quoted(str(value))}" for key, value in table.items()]


def _quoted(text: str) -> str:
    """A TOML string; JSON's are that too."""
    return json.dumps(text, ensure_ascii=False)


def _require_free(bind: str) -> None:
    """Raises ConfigError where the pages could not be served, before anything is done."""
    host, _, port = bind.rpartition(":")
    try:
        with socket.create_server((host.strip("[]"), int(port))):
            pass
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"the pages cannot be served there: {getattr(error, 'strerror', None) or error}".lower(),
            subject=f"--bind {bind}",
            remedy="Give another address, e.g. --bind 127.0.0.1:8090, or end after the files: --exit.",
        ) from None


def _replay(app: App, samples: SampleServer) -> Summary:
    """Polls day by day, from before the oldest item to now."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from monitor.pipeline import Summary

    total = Summary()
    steps = [samples.ends_at]
    while steps[0] > samples.begins_at:
        steps.insert(0, steps[0] - _STEP)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        console=err_console(),
    ) as progress:
        task = progress.add_task("days of news", total=len(steps), words="")
        for at in steps:
            samples.now = at
            summary = app.poll(now=at, everything=True)
            if at <= samples.ends_at - _UNREAD:
                app.note_digests(now=at)
            _sum(total, summary)
            progress.update(
                task,
                advance=1,
                words=f"{total.new} items  {total.hits} hits  {total.events} events",
            )
    return total


def _sum(total: Summary, one: Summary) -> None:
    for name in ("new", "updated", "duplicate", "hits", "events"):
        setattr(total, name, getattr(total, name) + getattr(one, name))
    total.polled, total.failed = one.polled, one.failed
    total.levels.extend(one.levels)


def _show(app: App, folder: Path, now: datetime, total: Summary) -> None:
    """Hits with the words that matched, the board, and where the files are."""
    console = out_console()
    hits = app.store.hits(since=now - timedelta(days=3))
    console.print(hit_table(hits[:40]))
    console.print()
    for watch, assessment in app.assessments(as_of=now):
        print_board(watch, assessment)
    report = folder / "report.html"
    report.write_text(app.report(as_of=now), encoding="utf-8")
    outcome = app.send_digests(now=now, name=None)
    console.print()
    console.print(
        f"{total.new} items, {total.hits} hits in {total.events} events; "
        f"{total.failed} of {total.polled} feeds failed (one is broken on purpose)"
    )
    console.print(f"report   {report}")
    for path in outcome.files:
        console.print(f"digest   {path}")
