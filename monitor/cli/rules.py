"""``evaluate``, ``explain``, ``train``: how good the rules are, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.common import DONE, IN_PART, JsonOption, Session, command, print_json, read_lines


def register(app: typer.Typer) -> None:
    command(app, "evaluate")(evaluate)
    command(app, "explain")(explain)
    command(app, "train")(train)


def evaluate(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Labelled items, JSON Lines.")],
    errors: Annotated[bool, typer.Option("--errors", help="List misses and false alarms.")] = False,
    json: JsonOption = False,
) -> int:
    """Precision, recall and F1 on labelled items, per indicator, micro, macro and weighted."""
    outcome = session.app.evaluate(read_lines(file), name=file, errors=errors)
    if json:
        print_json(outcome.as_json())
    else:
        print(outcome.as_text())
    return DONE


def explain(
    session: Session,
    file: Annotated[
        str, typer.Argument(metavar="FILE|-|ITEM", help="Items, JSON Lines; or a stored item's id.")
    ],
    indicator: Annotated[str, typer.Option("--indicator", help="Which indicator.")],
) -> int:
    """For each item: which clause of the indicator held, which failed."""
    if file == "-" or Path(file).exists():
        told = session.app.explain(read_lines(file), name=file, indicator=indicator)
    else:
        told = session.app.explain_stored(file, indicator=indicator)
    for words in told:
        print(words)
    return IN_PART if session.told.lines else DONE


def train(
    session: Session,
    labels: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Labelled items beside the analysts' reviews."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write it even if it does worse.")] = False,
) -> int:
    """Fit the relevance model of a watch from labels and reviews; prints what changes.

    Without files the reviews correct the model that is there. One that does worse on what it has not
    seen is not written; the exit code is then 3.
    """
    told = session.app.train(labels or [], now=session.now(), dry_run=dry_run, force=force)
    print(told)
    return IN_PART if told.kept_back else DONE
