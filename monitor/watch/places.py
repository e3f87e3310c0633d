"""YAML that remembers where everything stands, so that a problem can point at it.

Safe scalars only, no aliases, at most 1 MB a file: a watch is data that people send one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from monitor.errors import Problem
from monitor.text.logins import masked

MAX_BYTES = 1_000_000
MAX_DEPTH = 12
# libyaml's is some twelve times as fast, and every command reads the watch; without it all works too.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Key: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: 1-based line and column; ``block`` marks a block scalar."""

    line: int
    column: int
    block: bool = False


@dataclass(slots=True)
class SourceFile:
    """A file's values and the place of each, by path of keys and numbers."""

    path: Path
    name: str  # as shown in problems
    lines: list[str] = field(default_factory=list)
    data: Any = None
    values: dict[tuple[Key, ...], Place] = field(default_factory=dict)
    keys: dict[tuple[Key, ...], Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(
        self,
        message: str,
        at: Sequence[Key] = (),
        *,
        key: bool = False,
        hint: str = "",
        severity: str = "error",
        width: int = 1,
    ) -> Problem:
        """A problem at the value (or the key) at a path, or at the nearest thing above it."""
        place = self.place(tuple(at), key=key)
        return self._at(place.line, place.column, message, hint, severity, width)

    def place(self, at: tuple[Key, ...], *, key: bool = False) -> Place:
        tables = (self.keys, self.values) if key else (self.values, self.keys)
        for table in tables:
            if at in table:
                return table[at]
        return self.place(at[:-1]) if at else Place(1 if self.lines else 0, 0)

    def in_text(
        self, at: Sequence[Key], start: int, end: int, text: str, message: str, hint: str = ""
    ) -> Problem:
        """A problem at an offset of the scalar at a path, as it stands in the file."""
        place = self.place(tuple(at))
        if place.block:
            line, column = _in_block(self.lines, place, text, start)
        else:
            shown = self.lines[place.line - 1] if place.line else ""
            opening = shown[place.column - 1 : place.column] in ("'", '"')
            column = place.column + start + (1 if opening else 0)
            line = place.line
            if column > len(shown):  # a scalar over several lines, or with escapes
                column = place.column
        return self._at(line, column, message, hint, "error", max(1, end - start))

    def _at(
        self, line: int, column: int, message: str, hint: str, severity: str, width: int
    ) -> Problem:
        source = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        room = max(1, len(source) - column + 1)
        return Problem(
            path=self.name,
            line=line,
            column=column,
            message=masked(message),
            source=masked(source),
            hint=hint,
            severity=severity,
            width=min(width, room),
        )


def _in_block(lines: list[str], place: Place, text: str, start: int) -> tuple[int, int]:
    """Line and column of an offset into a literal block scalar: its lines stand below its mark."""
    before = text[:start]
    row = before.count("\n")
    first = place.line  # 0-based number of the line after the mark
    while first < len(lines) and not lines[first].strip():
        first += 1
    line = first + row
    if line >= len(lines):
        return place.line, place.column
    indent = len(lines[first]) - len(lines[first].lstrip(" "))
    return line + 1, indent + start - (before.rfind("\n") + 1) + 1


def read(path: Path, *, name: str = "") -> SourceFile:
    """The file's values and places; what is wrong with it as YAML stands in ``problems``."""
    file = SourceFile(path=path, name=name or str(path))
    try:
        if path.stat().st_size > MAX_BYTES:
            return _refused(file, "is larger than 1 MB", "Split it into several files.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return _refused(file, f"is not UTF-8 (byte {error.start})", "Save it as UTF-8.")
    except OSError as error:
        return _refused(file, f"cannot be read: {(error.strerror or str(error)).lower()}", "")
    file.lines = text.splitlines()
    try:
        if refused := _unwanted(file, text):
            file.problems.append(refused)
            return file
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        said = " ".join(str(error.problem or error.context or "cannot be read as YAML").split())
        hint = "Check indentation, colons and quotes on this line and the one above."
        file.problems.append(file._at(line, column, f"not valid YAML: {said}", hint, "error", 1))
        return file
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode("utf-8", "ignore")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        said = f"not valid YAML: the character U+{_code(error):04X} cannot stand in a text"
        file.problems.append(file._at(line, column, said, "Remove it.", "error", 1))
        return file
    except (yaml.YAMLError, RecursionError) as error:
        return _refused(file, f"not valid YAML: {' '.join(str(error).split())}", "")
    if root is not None:
        file.data = _value(file, root, (), 0)
    return file


def _unwanted(file: SourceFile, text: str) -> Problem | None:
    """An alias, or nesting that no watch needs: seen in the events, before anything is built of them."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        if isinstance(event, AliasEvent):
            hint = "Write the value out: aliases can make a small file grow without bound."
            return file._at(line, column, "aliases (*) are not allowed", hint, "error", 1)
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            return file._at(line, column, "is nested too deeply", "", "error", 1)
    return None


def _code(error: yaml.reader.ReaderError) -> int:
    return error.character if isinstance(error.character, int) else ord(error.character)


def _refused(file: SourceFile, message: str, hint: str) -> SourceFile:
    file.problems.append(Problem(path=file.name, line=0, column=0, message=message, hint=hint))
    return file


def _value(file: SourceFile, node: Node, at: tuple[Key, ...], depth: int) -> Any:
    mark = node.start_mark
    block = isinstance(node, ScalarNode) and node.style in ("|", ">")
    file.values[at] = Place(mark.line + 1, mark.column + 1, block)
    if depth > MAX_DEPTH:
        file.problems.append(file.problem("is nested too deeply", at))
        return None
    if isinstance(node, MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = key_node.start_mark
            spot = (*at, key)
            if key in found:
                file.keys[spot] = Place(place.line + 1, place.column + 1)
                file.problems.append(
                    file.problem(f"{key!r} stands twice", spot, key=True, width=len(key))
                )
                continue
            file.keys[spot] = Place(place.line + 1, place.column + 1)
            found[key] = _value(file, value_node, spot, depth + 1)
        return found
    if isinstance(node, SequenceNode):
        return [_value(file, each, (*at, n), depth + 1) for n, each in enumerate(node.value)]
    return _scalar(node) if isinstance(node, ScalarNode) else None


def _scalar(node: ScalarNode) -> Any:
    """Texts stay as written: "no" is the language or word, not False, unless a switch asks for it."""
    text = node.value
    if node.style:
        return text
    tag = str(node.tag)
    if tag.endswith(":null"):
        return None
    if tag.endswith(":bool") and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if tag.endswith((":int", ":float")):
        try:
            return int(text) if tag.endswith(":int") else float(text)
        except ValueError:
            return text
    return text


def suggestion(word: str, known: Iterator[str] | Sequence[str]) -> str:
    """ "Did you mean …?", or "" where nothing is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else ""
