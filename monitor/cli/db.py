"""``db``: keeping the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.common import DONE, FAILED, JsonOption, Session, command, group, print_json, say


def register(app: typer.Typer) -> None:
    db = group("Migrations, copies and checks of the database.")
    command(db, "upgrade")(upgrade)
    command(db, "backup")(backup)
    command(db, "restore")(restore)
    command(db, "check")(check)
    command(db, "copy")(copy)
    app.add_typer(db, name="db")


def upgrade(session: Session) -> int:
    """Bring the tables to this version; SQLite is backed up first."""
    applied = session.app.upgrade_database()
    for revision in applied:
        say(f"applied {revision}")
    say("the database is up to date")
    return DONE


def backup(session: Session, file: Annotated[Path, typer.Argument(help="Where to.")]) -> int:
    """Write a consistent copy while the service runs."""
    session.app.backup(file)
    print(file)
    return DONE


def restore(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A backup.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Replace the database without asking.")
    ] = False,
) -> int:
    """Put a backup in the place of the database. The service must be stopped."""
    if not yes and not typer.confirm("Replace the present database?", err=True):
        say("nothing was changed")
        return FAILED
    session.app.restore(file)
    say(f"restored from {file}")
    return DONE


def check(session: Session, json: JsonOption = False) -> int:
    """Check the database's integrity."""
    problems = session.app.check_database()
    if json:
        print_json({"ok": not problems, "problems": list(problems)})
    else:
        for problem in problems:
            say(problem)
        say("the database is sound" if not problems else f"{len(problems)} problems")
    return FAILED if problems else DONE


def copy(
    session: Session, url: Annotated[str, typer.Argument(help="Of an empty database.")]
) -> int:
    """Copy everything to another database, verified row by row (SQLite → PostgreSQL)."""
    for words in session.app.copy_database(url):
        say(words)
    return DONE
