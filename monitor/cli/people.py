"""``user``: who may log in to the pages."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from monitor.cli.common import DONE, JsonOption, Session, command, group, print_json, say


def register(app: typer.Typer) -> None:
    user = group("Reviewers of the web pages.")
    command(user, "add")(add)
    command(user, "list")(list_)
    command(user, "remove")(remove)
    app.add_typer(user, name="user")


def add(
    session: Session,
    name: Annotated[str, typer.Argument(help="The name to log in with.")],
    role: Annotated[
        Literal["reader", "reviewer"], typer.Option("--role", help="What they may do.")
    ] = "reviewer",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
) -> int:
    """Add a user, or give one a new password; it is asked for, never an argument."""
    if password_stdin:
        password = typer.get_text_stream("stdin").readline().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    session.app.add_user(name, password, role=role, now=session.now())
    say(f"{name} may log in as {role}")
    return DONE


def list_(session: Session, json: JsonOption = False) -> int:
    """List users."""
    found = session.app.users()
    if json:
        print_json([{"name": name, "role": role} for name, role in found])
    else:
        for name, role in found:
            print(f"{name}\t{role}")
    return DONE


def remove(session: Session, name: Annotated[str, typer.Argument(help="Who.")]) -> int:
    """Remove a user and end their sessions; their reviews stay."""
    session.app.remove_user(name, now=session.now())
    say(f"removed {name}")
    return DONE
