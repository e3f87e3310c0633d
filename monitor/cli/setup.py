"""``init``, ``check``, ``doctor``: from an empty folder to a configuration that holds."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from monitor import app as composition
from monitor.cli.common import (
    DONE,
    FAILED,
    WRONG_USE,
    JsonOption,
    Session,
    command,
    print_json,
    say,
)
from monitor.errors import MonitorError


def register(app: typer.Typer) -> None:
    command(app, "init")(init)
    command(app, "check")(check)
    command(app, "doctor")(doctor)


def init(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to.")] = Path(),
) -> int:
    """Write a commented monitor.toml and copy the shipped watch and templates for editing.

    Never overwrites: what is there already is left as it is, and named.
    """
    written, kept = composition.init(folder)
    for path in written:
        say(f"wrote  {path}")
    for path in kept:
        say(f"kept   {path} (it was there already)")
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    say(f"Next: edit {folder / 'monitor.toml'}, then: {there}monitor check && monitor run")
    return DONE


def check(session: Session, json: JsonOption = False) -> int:
    """Validate configuration, watches, queries and templates, without network.

    Every problem is shown with file, line, column and a caret.
    """
    problems = composition.check(session.config_path)
    errors = [problem for problem in problems if problem.severity == "error"]
    if json:
        print_json({"ok": not errors, "problems": [asdict(problem) for problem in problems]})
    else:
        for problem in problems:
            say(str(problem))
        warnings = len(problems) - len(errors)
        if errors:
            say(f"{len(errors)} errors, {warnings} warnings")
        else:
            say("all is well" if not warnings else f"no errors, {warnings} warnings")
    return WRONG_USE if errors else DONE


def doctor(session: Session, json: JsonOption = False) -> int:
    """Look at configuration, database, disk, feeds, mail and clock, and say what to mend."""
    try:
        findings = session.app.doctor(now=session.now())
    except MonitorError as error:
        findings = (composition.Finding(what="start", ok=False, words=str(error)),)
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{'ok ' if finding.ok else 'MEND'}  {finding.what:<14} {finding.words}")
    return DONE if all(finding.ok for finding in findings) else FAILED
