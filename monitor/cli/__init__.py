"""The command line: ``monitor …``, one module a family of commands.

Exit codes: 0 done, 1 failed (database, disk), 2 wrong usage or configuration, 3 done in part.
No traceback reaches a user: what is outside the error hierarchy is one line and the name of the log.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import typer

from monitor import __version__
from monitor.cli import db, demo, feeds, ingest, mail, people, rules, service, setup, show
from monitor.cli.common import DONE, FAILED, WRONG_USE, colour, say
from monitor.errors import MonitorError
from monitor.masking import redact

app = typer.Typer(
    name="monitor",
    help="Watches news feeds for the signposts of an assessment.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"monitor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_show_version, is_eager=True
    ),
) -> None:
    """Watches news feeds for the signposts of an assessment."""


for family in (setup, ingest, rules, show, mail, feeds, db, people, service, demo):
    family.register(app)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; every error ends here."""
    try:
        result = app(args=arguments, prog_name="monitor", standalone_mode=False)
    except MonitorError as error:
        say(redact(f"error: {error}"))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say("stopped")
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"error: {where}{(error.strerror or str(error)).lower()}")
        say("  Mend the file, the disk or the rights to it; nothing that was stored is lost.")
        return FAILED
    except Exception as error:
        if code := _usage(error):
            return code
        return _bug(error)
    return result if isinstance(result, int) else DONE


def main() -> None:
    """The console script."""
    sys.exit(run())


def _usage(error: Exception) -> int:
    """The exit code of a mistake in the command line, shown as typer words it; 0 = another error."""
    show = getattr(error, "format_message", None)
    if show is None:
        return 0
    context = getattr(error, "ctx", None)
    if context is not None:
        say(context.get_usage())
    say(f"error: {show()}")
    return WRONG_USE


def _bug(error: Exception) -> int:
    """What nobody foresaw: the log has the traceback, the user one line."""
    import structlog

    from monitor import log

    file = log.log_file(Path(tempfile.gettempdir()) / "monitor-errors.log")
    log.configure(level="critical", file=file, colour=colour())
    structlog.get_logger(__name__).error("unexpected error", exc_info=error)
    words = (str(error).strip().splitlines() or [""])[0]
    say(redact(f"error: unexpected {type(error).__name__}: {words}".rstrip(": ")))
    say(f"  This is a mistake in the product, not in your use of it. Details: {file}")
    return FAILED
