"""The documentation builds without a warning and names only what exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from monitor.cli import app
from monitor.metrics import Measures, exposition

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md"))
OURS = [page for page in PAGES if page.parent.name != "decisions"]


def _id(page: Path) -> str:
    return str(page.relative_to(DOCS))


def test_the_site_builds_and_no_link_or_anchor_is_broken(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "properdocs", "build", "--strict", "--quiet"),
            *("--config-file", str(ROOT / "properdocs.yml"), "--site-dir", str(tmp_path / "site")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "operator" / "several-machines" / "index.html").exists()


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────


def _named_commands(page: Path) -> Iterator[str]:
    """What stands behind ``monitor`` at the start of code: in backquotes or in an indented line."""
    text = page.read_text("utf-8")
    for code in re.findall(r"`([^`\n]+)`", text) + re.findall(r"^    (.+)$", text, re.MULTILINE):
        for found in re.finditer(r"^(?:\S*/bin/)?monitor ((?:[a-z-]|--)\S*(?: \S+)*)", code):
            yield found[1]


def _problem(words: str) -> str:
    command: Any = typer.main.get_command(app)
    parts = words.split("#")[0].split()
    while parts and hasattr(command, "commands"):
        if parts[0] not in command.commands:
            return f"no such command: {parts[0]}"
        command = command.commands[parts.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    unknown = [
        part for part in parts if part.startswith("-") and part != "-" and part not in options
    ]
    return f"no such option: {unknown}" if unknown else ""


@pytest.mark.parametrize("page", OURS, ids=_id)
def test_every_command_in_the_documentation_exists(page: Path) -> None:
    wrong = {words: why for words in _named_commands(page) if (why := _problem(words))}
    assert not wrong


def test_the_check_of_commands_finds_them_and_knows_a_wrong_one() -> None:
    found = [words for page in OURS for words in _named_commands(page)]
    assert len(found) > 30
    assert _problem("run --only worker") == ""
    assert _problem("fly") == "no such command: fly"
    assert "no such option" in _problem("run --fast")


# ── Metrics, files, settings ─────────────────────────────────────────────────────────────────────


def test_every_metric_is_described() -> None:
    text = (DOCS / "operator" / "metrics.md").read_text("utf-8")
    for name in re.findall(r"^# HELP (monitor_\w+)", exposition(Measures()).decode(), re.MULTILINE):
        assert f"`{name}" in text, name


@pytest.mark.parametrize("page", OURS, ids=_id)
def test_every_file_that_is_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    named = re.findall(
        r"`((?:monitor|deploy|db|tests|docs|templates|benchmarks|indicators)/[\w./@-]+)`", text
    )
    examples = {"monitor/translate/__init__.py", "tests/translate/", "indicators/canal/"}
    missing = [name for name in named if name not in examples and not (ROOT / name).exists()]
    assert not missing


def test_every_page_is_in_the_navigation() -> None:
    loaded = yaml.safe_load((ROOT / "properdocs.yml").read_text("utf-8"))

    def pages(entries: list[Any]) -> Iterator[str]:
        for entry in entries:
            for target in entry.values():
                if isinstance(target, str):
                    yield target
                else:
                    yield from pages(target)

    assert set(pages(loaded["nav"])) == {_id(page) for page in OURS}


# ── Migrations that running processes of the version before survive ──────────────────────────────

ADDING = {
    "create_table",
    "create_index",
    "add_column",
    "f",
    "get_bind",
    "get_context",
    "execute",
    "batch_alter_table",
}
SCRIPTS = sorted((ROOT / "db" / "migrations" / "versions").glob("*.py"))[1:]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_migration_only_adds(script: Path) -> None:
    tree = ast.parse(script.read_text("utf-8"))
    if (ast.get_docstring(tree) or "").startswith("Drop"):
        return
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "op"
    }
    assert called <= ADDING
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "add_column"
        ):
            written = ast.unparse(node)
            assert "nullable=True" in written or "server_default" in written, written
