"""``run``: the background service."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from monitor.cli.common import DONE, Session, colour, command

if TYPE_CHECKING:
    from monitor.service import Role


def register(app: typer.Typer) -> None:
    command(app, "run")(run)


def run(
    session: Session,
    only: Annotated[
        Literal["scheduler", "worker", "web"] | None,
        typer.Option("--only", help="One role, for installations of several processes."),
    ] = None,
    listener: Annotated[
        int | None, typer.Option("--socket", hidden=True, help="Serve pages on a socket given.")
    ] = None,
) -> int:
    """Run the service: scheduler, workers and web pages, until SIGTERM."""
    from monitor import log

    role: Role = only or "all"
    monitor = session.app
    log.configure(
        level="debug" if session.verbose else monitor.config.log.level,
        file=log.log_file(_own_log(monitor.config.root / monitor.config.log.file, role)),
        colour=colour(),
    )
    if listener is not None:
        monitor.serve_pages(socket.socket(fileno=listener), parent=sys.stdin.fileno())
    else:
        monitor.serve(role, apart=_pages(session) if role == "all" else ())
    return DONE


def _own_log(file: Path, role: Role) -> Path:
    """Each role's own: two processes cannot turn over one file."""
    return file if role == "all" else file.with_stem(f"{file.stem}-{role}")


def _pages(session: Session) -> list[str]:
    """The arguments of the process that serves the pages of this one."""
    arguments = ["run", "--only", "web"]
    if session.config.file is not None:
        arguments += ["--config", str(session.config.file)]
    if session.fixed_now is not None:
        arguments += ["--now", session.fixed_now.isoformat()]
    return arguments + (["--verbose"] if session.verbose else [])
