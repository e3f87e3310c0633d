"""Logging: for people on a terminal, JSON lines anywhere else; secrets never.

Modules log with ``structlog.get_logger()``: a short event name and key=value pairs. What third
parties log through the standard library comes out in the same form.
"""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from monitor.masking import MASK, redact

_SECRET_KEYS = re.compile(
    r"(password|passwd|secret|token|authorization|cookie|api_?key)", re.IGNORECASE
)
_QUIET = ("httpx", "httpcore", "apscheduler", "uvicorn.access", "alembic", "watchfiles", "asyncio")


def mask_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor: values under telling keys, and logins in URLs, never reach a log."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key) and value:
            event[key] = MASK
        elif isinstance(value, str):
            event[key] = redact(value)
    return event


def configure(
    *,
    level: str = "info",
    stream: TextIO | None = None,
    file: Path | None = None,
    colour: bool = True,
    people: bool = False,
) -> None:
    """Sends logs to ``stream`` (stderr) and, at every level from warning up, to ``file``.

    They are lines for people on a terminal, or with ``people`` anywhere, else JSON.
    """
    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        mask_secrets,
    ]
    to_stream = logging.StreamHandler(stream)
    to_stream.setLevel(level.upper())
    to_stream.setFormatter(
        _formatter(
            shared,
            _people(colour=colour and stream.isatty()) if people or stream.isatty() else _json(),
            traceback=False,
        )
    )
    handlers: list[logging.Handler] = [to_stream]
    if file is not None:
        handlers.append(_file_handler(file, _formatter(shared, _json(), traceback=True)))
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(min(logging.INFO, logging.getLevelName(level.upper())))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # A tick that finds the one before still at work is skipped: as meant, and no news.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def log_file(wanted: Path) -> Path:
    """``wanted`` if it can be written, else a file of that name in the temporary folder."""
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        with wanted.open("a", encoding="utf-8"):
            pass
    except OSError:
        return Path(tempfile.gettempdir()) / wanted.name
    return wanted


def _file_handler(file: Path, formatter: logging.Formatter) -> logging.Handler:
    handler = logging.handlers.RotatingFileHandler(
        file, maxBytes=5_000_000, backupCount=3, encoding="utf-8", delay=True
    )
    handler.setLevel(logging.WARNING)
    handler.setFormatter(formatter)
    return handler


def _formatter(shared: list[Any], renderer: Any, *, traceback: bool) -> logging.Formatter:
    show = structlog.processors.format_exc_info if traceback else _name_exception
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            show,
            renderer,
        ],
    )


def _name_exception(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """On the terminal an exception is its name and message; the file holds the traceback."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"] = redact(f"{type(error).__name__}: {error}".splitlines()[0])
    return event


def _json() -> Any:
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _people(*, colour: bool) -> Any:
    def render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        at = str(event.pop("timestamp", ""))[11:19]
        level, name = str(event.pop("level", "")), str(event.pop("event", ""))
        event.pop("logger", None)
        rest = "  ".join(f"{key}={value}" for key, value in event.items())
        mark = "" if level in ("info", "debug") else f"{level}: "
        line = f"{at}  {mark}{name:<8} {rest}".rstrip()
        if colour and level in ("warning", "error", "critical"):
            line = f"\x1b[{'33' if level == 'warning' else '31'}m{line}\x1b[0m"
        return line

    return render
