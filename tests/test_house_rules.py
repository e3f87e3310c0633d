"""House rules that no linter knows: who may read the clock and the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "monitor"

# Where the clock or the environment is read, and why.
ALLOWED = {
    "app": "the composition root",
    "cli": "the command line",
    "config": "the settings",
    "service": "the scheduler library counts by the wall clock, which is watched here",
}

FORBIDDEN = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("os", "environ"),
    ("os", "getenv"),
}


SOURCES = sorted(PACKAGE.rglob("*.py"))


# These hand the environment on, and read nothing from it.
HANDED_ON = {
    "monitor/apart.py": "the process of the pages gets what the service got",
    "monitor/store/keeping.py": "pg_dump and pg_restore run as the operator would run them",
}


def _readings(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if (owner, node.attr) in FORBIDDEN:
                yield f"{source.relative_to(PACKAGE.parent)}:{node.lineno}: {owner}.{node.attr}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_outermost_layers_read_clock_and_environment(source: Path) -> None:
    part = source.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part in ALLOWED or str(source.relative_to(PACKAGE.parent)) in HANDED_ON:
        return
    assert not list(_readings(source)), "pass `now` or the value in"


def test_the_rule_finds_what_it_forbids() -> None:
    assert any("datetime.now" in each for each in _readings(PACKAGE / "service.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_called_by_a_word_that_says_nothing(source: Path) -> None:
    assert not {"utils", "util", "helpers", "helper", "manager", "misc"} & {
        part.removesuffix(".py") for part in source.relative_to(PACKAGE).parts
    }
