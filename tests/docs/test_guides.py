"""The guides on copy, restore, upgrade and moving are carried out as they are written."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitor import resources
from monitor.store import open_store, schema

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operator" / "keeping.md").read_text("utf-8")


def _load(name: str, *path: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT.joinpath("tests", *path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


installation = _load("monitor_app_fixtures_of_guides", "app", "conftest.py").installation
_NEXT = _load("monitor_next_version_of_guides", "plugins", "next_version.py")


def steps(title: str) -> list[str]:
    """The commands of a section; those of the system and of pip are somebody else's."""
    section = GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = re.findall(r"^    monitor (.+)$", section, re.MULTILINE)
    assert found, f"no commands under {title}"
    return found


class Operator:
    """Does what the guide says."""

    def __init__(self, installation: Any, now: datetime) -> None:
        self.installation, self.now = installation, now
        self.backups = installation.folder / "backup"
        self.backups.mkdir()

    def do(self, step: str, *, postgres: str = "") -> Any:
        words = [
            word.replace("/backup", str(self.backups))
            if word.startswith("/backup")
            else postgres
            if word.startswith("postgresql")
            else word
            for word in step.split("#")[0].split()
        ]
        return self.installation.run(*words, now=self.now)

    def bring_in(self, *names: str) -> None:
        rows = [
            {
                "id": name,
                "title": f"Iran sends drones to Russia, {name}",
                "link": f"https://o.example/{name}",
                "published_at": "2026-11-20T06:00:00Z",
            }
            for name in names
        ]
        file = self.installation.folder / "news.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        assert self.installation.run("import", str(file), now=self.now).code == 0

    def titles(self, url: str = "") -> list[str]:
        url = url or f"sqlite:///{self.installation.folder}/db/monitor.db"
        with closing(open_store(url)) as store:
            return sorted(item.title.rpartition(" ")[2] for item in store.items())


@pytest.fixture
def operator(installation: Any, now: datetime) -> Operator:
    return Operator(installation, now)


def test_what_was_lost_after_a_copy_is_as_it_was_at_the_copy(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))  # it asks before it replaces anything
    operator.bring_in("a", "b")
    for step in steps("A copy while it runs"):
        assert operator.do(step).code == 0
    operator.bring_in("c")
    assert operator.titles() == ["a", "b", "c"]
    for step in steps("Restore"):
        done = operator.do(step)
        assert done.code == 0, (step, done.err)
    assert operator.titles() == ["a", "b"]
    aside = [path.name for path in (operator.installation.folder / "db").glob("monitor.db.*")]
    assert any("before" in name or "aside" in name or "replaced" in name for name in aside), aside


def test_an_installation_of_this_version_is_upgraded_to_the_next(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = steps("Upgrade")
    operator.bring_in("a")
    assert operator.do(first).code == 0
    migrations, shipped = _NEXT.migrations_of_next(tmp_path), resources.path
    monkeypatch.setattr(schema, "VERSION", _NEXT.NEXT)
    monkeypatch.setattr(
        resources, "path", lambda name: migrations if name == "migrations" else shipped(name)
    )
    for step in others:
        done = operator.do(step)
        assert "Traceback" not in done.err
        if step.startswith("db upgrade"):
            assert done.code == 0
            assert _NEXT.NEXT in done.out + done.err
        if step.startswith("doctor"):
            assert "sound: 1 items, 1 hits" in done.out + done.err
    assert operator.titles() == ["a"]


def test_an_installation_is_moved_to_postgresql(
    operator: Operator, empty_postgres_url: str
) -> None:
    operator.bring_in("a", "b")
    for step in steps("From SQLite to PostgreSQL"):
        done = operator.do(step, postgres=empty_postgres_url)
        assert done.code == 0, done.err
        assert "verified" in done.out + done.err
    assert operator.titles(empty_postgres_url) == ["a", "b"] == operator.titles()
