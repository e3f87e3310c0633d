"""What every command shares: its settings, its clock, and how it speaks.

Data goes to stdout, everything said to a person to stderr. A command is a function whose first
argument is a Session; ``--config``, ``--now`` and ``--verbose`` are added to each. What only some
commands need (database, pages, tables) is imported where it is used: half of a short command's time
would be imports.
"""

from __future__ import annotations

import functools
import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.app import App
    from monitor.config import Config

DONE, FAILED, WRONG_USE, IN_PART = 0, 1, 2, 3

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The monitor.toml to use (else MONITOR_CONFIG, else ./)."),
]
NowOption = Annotated[
    str | None,
    typer.Option("--now", help="Take this time (ISO 8601) for the clock's; for replays."),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Say more on stderr.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@dataclass(slots=True)
class Told:
    """Says what is wrong with the input, line by line; past twenty lines it only counts."""

    lines: int = 0

    def __call__(self, words: str) -> None:
        self.lines += 1
        if self.lines <= _TOLD:
            say(words)

    def end(self) -> None:
        if self.lines > _TOLD:
            say(f"…and {self.lines - _TOLD} more like these")


_TOLD = 20


@dataclass(slots=True)
class Session:
    """One run of a command."""

    config_path: Path | None = None
    fixed_now: datetime | None = None
    verbose: bool = False
    told: Told = field(default_factory=Told)
    _config: Config | None = None
    _app: App | None = None

    @property
    def config(self) -> Config:
        if self._config is None:
            from monitor import config as settings

            self._config = settings.load(self.config_path)
        return self._config

    @property
    def app(self) -> App:
        if self._app is None:
            from monitor import log
            from monitor.app import App

            self._app = App(self.config, now=self.fixed_now, tell=self.told)
            log.configure(
                level="debug" if self.verbose else "warning",
                file=log.log_file(self.config.root / self.config.log.file),
                colour=colour(),
                people=True,
            )
        return self._app

    def now(self) -> datetime:
        return self.fixed_now or datetime.now(UTC)

    def close(self) -> None:
        self.told.end()
        if self._app is not None:
            self._app.close()
            self._app = None


def colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def out_console() -> Console:
    """For tables on stdout; plain, and wide enough for any line, where stdout is no terminal."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(
        no_color=not colour(), highlight=False, soft_wrap=piped, width=_WIDE if piped else None
    )


_WIDE = 250


def err_console() -> Console:
    from rich.console import Console

    return Console(stderr=True, no_color=not colour(), highlight=False)


def say(text: str) -> None:
    """A line for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def print_json_line(value: Any) -> None:
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)
    print(line, flush=True)  # whoever reads the pipe need not wait for the next


def plain(value: Any) -> Any:
    """What json does not know: times as ISO 8601 UTC with Z, durations in seconds."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_time(text: str, *, option: str) -> datetime:
    """ISO 8601; a date is its midnight, and what has no zone is UTC."""
    try:
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ConfigError(
            f"{text!r} is not a time",
            subject=option,
            remedy='Write ISO 8601, e.g. "2022-10-01T06:00:00Z" or "2022-10-01".',
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def optional_time(text: str | None, *, option: str) -> datetime | None:
    return None if text is None else parse_time(text, option=option)


def command(
    app: typer.Typer, name: str, **options: Any
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Registers ``function(session, …)`` as a command; what it returns is the exit code."""

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @functools.wraps(function)
        def run(
            *,
            config: Path | None = None,
            now: str | None = None,
            verbose: bool = False,
            **given: Any,
        ) -> None:
            now = now or os.environ.get("MONITOR_NOW") or None
            session = Session(config, optional_time(now, option="--now"), verbose)
            try:
                code = function(session, **given)
            finally:
                session.close()
            raise typer.Exit(code or DONE)

        shared = [
            _keyword("config", ConfigOption, None),
            _keyword("now", NowOption, None),
            _keyword("verbose", VerboseOption, False),
        ]
        whole = [
            parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in parameters
        ] + shared
        run.__signature__ = inspect.Signature(whole)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in whole}
        del run.__wrapped__  # typer would look behind it
        app.command(name, **options)(run)
        return function

    return register


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def group(help: str) -> typer.Typer:
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None)


def read_lines(name: str) -> Iterable[str]:
    """Lines of a file, or of stdin for ``-``. Raises ConfigError where it cannot be read.

    A byte that is no UTF-8 becomes U+FFFD: it spoils its line at most.
    """
    if name == "-":
        yield from io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
        return
    try:
        with Path(name).open(encoding="utf-8", errors="replace") as lines:
            yield from lines
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {(error.strerror or str(error)).lower()}",
            subject=name,
            remedy="Name a readable file, or - for standard input.",
        ) from None
