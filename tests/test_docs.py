"""The README tells every command and option, and nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from monitor.cli import app
from monitor.config import Config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert re.search(rf"`monitor {name}\b", README), f"README.md does not document: monitor {name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_readme(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if getattr(parameter, "hidden", False):  # between our own processes
            continue
        for option in parameter.opts:
            if option.startswith("--") and option != "--help":
                assert option in README, f"README.md does not document: monitor {name} {option}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str) -> None:
    assert (COMMANDS[name].help or "").strip()


def test_the_readme_names_no_command_that_is_not_there() -> None:
    named = set(re.findall(r"`monitor ((?:[a-z]+ ?)+)", README))
    for words in named:
        known = any(
            words.strip() == name or words.startswith(name + " ") or name.startswith(words.strip())
            for name in COMMANDS
        )
        assert known, f"README.md names an unknown command: monitor {words}"


def test_the_first_screen_has_the_two_commands() -> None:
    screen = "\n".join(README.splitlines()[:25])
    assert "make demo" in screen
    assert "make test" in screen
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_setting_is_in_the_file_that_init_writes() -> None:
    text = (ROOT / "templates" / "init" / "monitor.toml").read_text(encoding="utf-8")
    told = text + README
    for name, field in Config.model_fields.items():
        assert re.search(rf"\b{name}\b", text), f"init's monitor.toml lacks {name}"
        kind: Any = field.annotation
        inner = getattr(kind, "__args__", (kind,))[0]
        for key in getattr(inner, "model_fields", {}):
            if (name, key) not in {("feeds", "id"), ("feeds", "homepage"), ("feeds", "kind"),
                                   ("feeds", "topics"), ("feeds", "enabled")}:  # fmt: skip
                assert re.search(rf"\b{key}\b", told), f"no word on [{name}] {key}"


def test_links_in_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), f"README.md links to {target}, which is not there"
