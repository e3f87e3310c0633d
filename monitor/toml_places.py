"""TOML with places: where in the text a key stands, so that an error can show its line.

``tomllib`` tells where a document cannot be read but not where a value came from. This finds the
line of a path such as ``("digests", 0, "timezone")`` by the table headers and keys of the text.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from monitor.errors import Problem

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")

Path = tuple[str | int, ...]


class TomlError(Exception):
    """The text is not TOML."""

    def __init__(self, message: str, line: int, column: int, source: str) -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.source = message, line, column, source

    def problem(self, path: str) -> Problem:
        return Problem(
            path=path,
            line=self.line,
            column=self.column,
            message=self.message,
            source=self.source,
            hint="Text stands in double quotes; a table begins with [name]. See https://toml.io.",
        )


def read_toml(text: str) -> dict[str, Any]:
    """The document as nested values. Raises TomlError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.search(str(error))
        rows = text.splitlines() or [""]
        line = int(found[1]) if found and found[1] else len(rows)
        column = int(found[2]) if found and found[2] else len(rows[-1]) + 1
        message = _AT.sub("", str(error))
        row = rows[min(line, len(rows)) - 1]
        raise TomlError(message[:1].lower() + message[1:], line, column, row) from None


class Places:
    """Line and column of every key of a TOML text."""

    def __init__(self, text: str) -> None:
        self._rows = text.splitlines()
        self._at: dict[Path, tuple[int, int, int]] = {}
        self._scan()

    def find(self, path: Path) -> tuple[int, int, str, int]:
        """(line, column, the line, width) of the longest known beginning of ``path``; 0 = none."""
        for end in range(len(path), 0, -1):
            if path[:end] in self._at:
                line, column, width = self._at[path[:end]]
                return line, column, self._rows[line - 1], width
        return 0, 0, "", 1

    def _scan(self) -> None:
        counts: dict[tuple[str, ...], int] = {}
        table: Path = ()
        closing = ""
        for number, row in enumerate(self._rows, start=1):
            if closing:  # inside a value of several lines
                closing = "" if _closes(row, closing) else closing
                continue
            if header := _HEADER.match(row):
                names = _names(header[2])
                if header[1] == "[[":
                    counts[names] = counts.get(names, -1) + 1
                table = _with_numbers(names, counts)
                self._at[table] = (number, row.index("[") + 1, len(row.strip()))
            elif key := _KEY.match(row):
                path = (*table, *_names(key[1]))
                self._at[path] = (number, key.start(1) + 1, len(key[1]))
                closing = _opens(row[key.end() :])


def _names(text: str) -> tuple[str, ...]:
    return tuple(
        part.strip().strip("\"'") for part in re.split(r"\.(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text)
    )


def _with_numbers(names: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> Path:
    path: Path = ()
    for end, name in enumerate(names, start=1):
        path = (*path, name)
        if names[:end] in counts:
            path = (*path, counts[names[:end]])
    return path


def _opens(value: str) -> str:
    """What ends a value that does not end on its own line."""
    for quotes in ('"""', "'''"):
        if value.count(quotes) == 1:
            return quotes
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", value)
    return "]" if bare.count("[") > bare.count("]") else ""


def _closes(row: str, closing: str) -> bool:
    return closing in (row if closing != "]" else re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", row))
