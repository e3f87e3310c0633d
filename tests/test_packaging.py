"""The wheel: one package, everything it needs, and it works where the checkout is not."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ("uv", "build", "--wheel", "--quiet", "--no-build-isolation")
    _run(*build, "--python", sys.executable, "--out-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


def _run(*command: str, cwd: Path | None = None, code: int = 0) -> str:
    foreign = ("MONITOR_", "PYTHONPATH")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    bin = Path(sys.executable).parent
    done = subprocess.run(
        [str(bin / command[0]) if (bin / command[0]).exists() else command[0], *command[1:]],
        cwd=cwd,
        env={**clean, "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_the_wheel_contains_only_the_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"monitor"}


def test_the_wheel_carries_what_the_product_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "monitor/_data/indicators/russia-iran/watch.yaml",
        "monitor/_data/indicators/russia-iran/feeds.yaml",
        "monitor/_data/templates/init/monitor.toml",
        "monitor/_data/migrations/env.py",
        "monitor/demo/content/meridian-wire.yaml",
    ):
        assert needed in names
    assert not [name for name in names if name.endswith((".db", ".pyc"))]


def test_the_wheel_names_its_licence(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
    metadata = Parser().parsestr(archive.read(name).decode())
    assert metadata["License-Expression"] == "Apache-2.0"


@pytest.mark.slow
def test_the_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    """Dependencies come from this environment; the package itself only from the wheel."""
    place = tmp_path / "fresh"
    _run(sys.executable, "-m", "venv", "--without-pip", str(place))
    python = str(place / "bin" / "python")
    _run("uv", "pip", "install", "--quiet", "--no-deps", "--python", python, str(wheel))
    site = next((place / "lib").glob("python3*/site-packages"))
    here = next(path for path in map(Path, sys.path) if (path / "typer").exists())
    # A .pth line adds our dependencies; the checkout's own editable hook is not run from there.
    (site / "dependencies.pth").write_text(f"{here}\n")
    monitor = str(place / "bin" / "monitor")
    where = _run(python, "-c", "import monitor; print(monitor.__file__)", cwd=tmp_path)
    assert str(site) in where
    work = tmp_path / "work"
    _run(monitor, "init", str(work), cwd=tmp_path)
    assert (work / "indicators" / "russia-iran" / "watch.yaml").exists()
    assert "no errors" in (found := _run(monitor, "check", cwd=work)) or "all is well" in found
    _run(monitor, "db", "upgrade", cwd=work)
    assert (work / "db" / "monitor.db").exists()
