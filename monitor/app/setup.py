"""``init`` and ``check``: a folder to start in, and whether what stands there can be used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from monitor import config as settings
from monitor import render, resources
from monitor.app.declared import declared_feeds, folder, mail_folder, subscribed
from monitor.config import Config
from monitor.errors import ConfigError, MonitorError, Problem, WatchError
from monitor.model import Watch
from monitor.report import prepare

_TEMPLATES = {".html", ".txt", ".atom", ".css", ".js"}
_COPIES = {
    "indicators": "indicators",
    "templates/email": "templates/email",
    "templates/report": "templates/report",
}


def init(target: Path) -> tuple[list[Path], list[Path]]:
    """Writes monitor.toml and copies watch and templates. Returns (written, kept as they were)."""
    written: list[Path] = []
    kept: list[Path] = []
    _copy(resources.path("templates/init/monitor.toml"), target / settings.FILE, written, kept)
    for source, name in _COPIES.items():
        shipped = resources.path(source)
        for file in sorted(shipped.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                _copy(file, target / name / file.relative_to(shipped), written, kept)
    return written, kept


def _copy(source: Path, target: Path, written: list[Path], kept: list[Path]) -> None:
    if target.exists():
        kept.append(target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    written.append(target)


def check(config_path: Path | None) -> tuple[Problem, ...]:
    """Everything that is wrong with the configuration and what it names; no network, no database."""
    try:
        config = settings.load(config_path)
    except ConfigError as error:
        return error.problems or (_problem(error, str(config_path or settings.FILE)),)
    return tuple(_check(config))


def _check(config: Config) -> Iterator[Problem]:
    from monitor.app.rules import check_watch, load_watch

    file = str(config.file or "configuration")
    watches: list[Watch] = []
    for name in config.watches:
        try:
            watch = load_watch(config, name)
        except WatchError as error:
            yield from error.problems
        except MonitorError as error:
            yield _problem(error, file)
        else:
            watches.append(watch)
            yield from check_watch(watch, folder(config, name))
    try:
        declared_feeds(config)
    except WatchError as error:
        yield from error.problems
    except MonitorError as error:
        yield _problem(error, file)
    if len(watches) == len(config.watches):
        yield from subscribed(config, watches)
    yield from mail_folder(config)
    yield from _templates(config)


def _templates(config: Config) -> Iterator[Problem]:
    from monitor.app.post import check_templates

    yield from check_templates(config)
    own = config.root / config.templates
    env = prepare(render.environment(own, resources.path("templates")))
    for part in ("report", "pages"):
        for file in sorted((own / part).rglob("*")):
            if file.is_file() and file.suffix in _TEMPLATES:
                yield from render.mistakes(env, str(file.relative_to(own)))


def _problem(error: MonitorError, path: str) -> Problem:
    return Problem(
        path=error.subject or path, line=0, column=0, message=error.problem, hint=error.remedy
    )
