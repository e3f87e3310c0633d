"""A watch that was loaded before is not read again, and never mistaken for another state of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.app import remembered
from monitor.app.remembered import load_remembered
from monitor.errors import WatchError
from monitor.watch import load
from tests.app.conftest import ARMS, NAMES, WATCH


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "watch"
    (folder / "gazetteer").mkdir(parents=True)
    (folder / "watch.yaml").write_text(WATCH, encoding="utf-8")
    (folder / "arms.yaml").write_text(ARMS, encoding="utf-8")
    (folder / "gazetteer" / "names.yaml").write_text(NAMES, encoding="utf-8")
    return folder


def kept(folder: Path) -> list[Path]:
    return list((folder.parent / "cache" / "indicator-monitor").glob("watch-*.json"))


def test_the_second_load_reads_no_yaml(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_remembered(folder)
    assert first == load(folder)
    monkeypatch.setattr(remembered, "load", lambda path: pytest.fail("was read again"))
    assert load_remembered(folder) == first


def test_an_edit_is_seen(folder: Path) -> None:
    load_remembered(folder)
    arms = folder / "arms.yaml"
    arms.write_text(ARMS.replace("@drone", "missile"), encoding="utf-8")
    assert load_remembered(folder) == load(folder)
    assert len(kept(folder)) == 2


def test_an_edit_of_what_is_inherited_is_seen(folder: Path) -> None:
    base = folder.parent / "base"
    base.mkdir()
    concept = "concepts:\n  - {{id: plane, kind: weapon, forms: {{en: [{form}]}}}}\n"
    (base / "more.yaml").write_text(concept.format(form="plane"), encoding="utf-8")
    load_remembered(folder)
    (base / "more.yaml").write_text(concept.format(form="jet"), encoding="utf-8")
    assert load_remembered(folder).concepts["plane"].forms == {"en": ("jet",)}


def test_a_watch_that_does_not_load_is_not_kept(folder: Path) -> None:
    (folder / "arms.yaml").write_text(ARMS.replace("@drone", "@droone"), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(WatchError):
            load_remembered(folder)
    assert kept(folder) == []


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "\x00"])
def test_what_was_kept_and_is_damaged_is_made_anew(folder: Path, text: str) -> None:
    load_remembered(folder)
    (file,) = kept(folder)
    file.write_text(text, encoding="utf-8")
    assert load_remembered(folder) == load(folder)
    assert file.read_text(encoding="utf-8") != text


def test_without_a_place_to_keep_it_the_watch_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "a file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "a file"))
    assert load_remembered(folder) == load(folder)


def test_only_the_newest_few_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_KEPT", 2)
    for number in range(4):
        note = f"# {number}\n"
        (folder / "arms.yaml").write_text(note + ARMS, encoding="utf-8")
        load_remembered(folder)
    assert len(kept(folder)) == 2
