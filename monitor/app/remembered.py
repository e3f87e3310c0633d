"""Watches that were loaded before, kept as JSON: reading a large folder of YAML takes seconds.

What is kept is named by a hash of every file that was read and of the program's version, so that it can
never be of another state of them. It is a cache of the user's (``XDG_CACHE_HOME``); where none can be
written, nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from monitor import __version__
from monitor.errors import StoreError
from monitor.model import Watch
from monitor.watch import load
from monitor.watch.versions import rules_of, rules_text

_KEPT = 20  # files


def load_remembered(path: Path) -> Watch:
    """The watch in a folder, from the cache if it was loaded before. Raises WatchError."""
    place = _place(path)
    if place is None:
        return load(path)
    with contextlib.suppress(OSError, StoreError, UnicodeDecodeError):
        return rules_of(place.read_text(encoding="utf-8"))
    watch = load(path)
    _keep(place, watch)
    return watch


def _place(path: Path) -> Path | None:
    """Where the watch would be kept, as its files are now; None where there is no place for it."""
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = Path(given) if given else Path.home() / ".cache"
        digest = hashlib.sha256(f"{__version__}\0{path.resolve()}\0".encode())
        for file in _files(path):
            digest.update(f"{file.relative_to(path.parent)}\0".encode())
            digest.update(file.read_bytes() + b"\0")
    except (OSError, RuntimeError):
        return None
    return folder / "indicator-monitor" / f"watch-{digest.hexdigest()[:32]}.json"


def _files(path: Path) -> list[Path]:
    found = [*path.rglob("*.yaml")]
    base = path.parent / "base"
    if base.is_dir():
        found += base.rglob("*.yaml")
    return sorted(found)


def _keep(place: Path, watch: Watch) -> None:
    """Whole or not at all, and only the newest few; a full or closed disk is no matter."""
    fresh = place.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_text(rules_text(watch), encoding="utf-8")
        fresh.replace(place)
        kept = sorted(place.parent.glob("watch-*.json"), key=lambda each: -each.stat().st_mtime)
        for old in kept[_KEPT:]:
            old.unlink(missing_ok=True)
