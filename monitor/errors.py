"""The one error hierarchy.

Every error carries its subject (the file, feed, host, table…) and says what to do. What is raised
outside this hierarchy is a bug: it is logged with its traceback and never swallowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


class MonitorError(Exception):
    """Something a user or operator can mend.

    ``subject`` is what it is about, ``problem`` what is wrong, ``remedy`` what to do.
    ``exit_code`` is what a command ends with when the error reaches it.
    """

    exit_code = 1

    def __init__(self, problem: str, *, subject: str = "", remedy: str = "") -> None:
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
        super().__init__(problem)

    def __str__(self) -> str:
        head = f"{self.subject}: {self.problem}" if self.subject else self.problem
        return f"{head}\n  {self.remedy}" if self.remedy else head


class ConfigError(MonitorError):
    """The configuration, or a command line, cannot be used; ``problems`` holds what was located."""

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        subject: str = "",
        remedy: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> None:
        self.problems = problems
        super().__init__(problem, subject=subject, remedy=remedy)


class WatchError(MonitorError):
    """A watch folder cannot be used; ``problems`` holds every one that was found."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...], *, subject: str = "") -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems), subject=subject)

    def __str__(self) -> str:
        return self.problem


class QueryError(MonitorError):
    """A query does not compile. ``start``/``end`` are code-point offsets into ``text``."""

    exit_code = 2

    def __init__(
        self, problem: str, *, text: str, start: int, end: int | None = None, remedy: str = ""
    ) -> None:
        self.text = text
        self.start = start
        self.end = start + 1 if end is None else end
        super().__init__(problem, remedy=remedy)


class TemplateError(MonitorError):
    """A template is missing or broken; names file, line and column."""

    exit_code = 2


class FetchError(MonitorError):
    """A feed could not be fetched. ``kind`` is a stable word for health and metrics.

    ``status`` is the HTTP status if there was an answer, ``retry_after`` what the server asked for,
    ``wire_bytes`` what was read before it failed.
    """

    def __init__(
        self,
        problem: str,
        *,
        kind: str,
        subject: str = "",
        remedy: str = "",
        status: int = 0,
        retry_after: timedelta | None = None,
        wire_bytes: int = 0,
    ) -> None:
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.wire_bytes = wire_bytes
        super().__init__(problem, subject=subject, remedy=remedy)


class ParseError(MonitorError):
    """A document is not a usable feed. ``kind`` is a stable word for health and metrics."""

    def __init__(self, problem: str, *, kind: str, subject: str = "", remedy: str = "") -> None:
        self.kind = kind
        super().__init__(problem, subject=subject, remedy=remedy)


class StoreError(MonitorError):
    """The database refused: unreachable, locked, full, read-only, damaged or of another version."""


class BusyError(StoreError):
    """Another process holds what this one needs; the message says which."""

    exit_code = 2


class MailError(MonitorError):
    """A message could not be handed over. ``permanent`` tells a refusal from a delay."""

    exit_code = 3

    def __init__(
        self, problem: str, *, permanent: bool = False, subject: str = "", remedy: str = ""
    ) -> None:
        self.permanent = permanent
        super().__init__(problem, subject=subject, remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding about a file: shown as ``path:line:column``, the line itself and a caret."""

    path: str
    line: int  # 1-based; 0 = the file as a whole
    column: int  # 1-based; 0 = the line as a whole
    message: str
    source: str = ""  # the text of that line
    hint: str = ""
    severity: str = "error"  # "error" | "warning"
    width: int = 1  # how many characters the caret underlines

    def __str__(self) -> str:
        place = self.path
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        rows = [f"{place}: {self.severity}: {self.message}"]
        if self.source:
            rows.append(f"  {self.source}")
            if self.column:
                lead = "".join("\t" if c == "\t" else " " for c in self.source[: self.column - 1])
                rows.append(f"  {lead}{'^' * max(1, self.width)}")
        if self.hint:
            rows.append(f"  {self.hint}")
        return "\n".join(rows)
