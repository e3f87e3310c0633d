"""``run``: the background service."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from monitor import log
from monitor.cli.common import DONE, Session, colour, command
from monitor.service import Role


def register(app: typer.Typer) -> None:
    command(app, "run")(run)


def run(
    session: Session,
    only: Annotated[
        Literal["scheduler", "worker", "web"] | None,
        typer.Option("--only", help="One role, for installations of several processes."),
    ] = None,
) -> int:
    """Run the service: scheduler, workers and web pages, until SIGTERM."""
    role: Role = only or "all"
    monitor = session.app
    log.configure(
        level="debug" if session.verbose else monitor.config.log.level,
        file=log.log_file(monitor.config.root / monitor.config.log.file),
        colour=colour(),
    )
    monitor.serve(role)
    return DONE
