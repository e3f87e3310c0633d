"""A watch folder that is edited while it is in use."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import Problem, WatchError
from monitor.model import Watch
from monitor.watch.loader import load_watch


class WatchFolder:
    """Holds the last good rules of a folder. ``refresh`` takes an edit over whole, or keeps the old.

    Raises WatchError when it is made on a folder that cannot be used: there is nothing to keep then.
    """

    def __init__(self, path: Path, *, base: Path | None = None) -> None:
        self.path = path
        self.base = base if base is not None else path.parent / "base"
        self._seen = self._state()
        self.watch: Watch = load_watch(path, base=self.base)
        self.problems: tuple[Problem, ...] = ()

    def refresh(self) -> bool:
        """Whether new rules were taken over. After a bad edit ``problems`` says why not."""
        state = self._state()
        if state == self._seen:
            return False
        self._seen = state
        try:
            watch = load_watch(self.path, base=self.base)
        except WatchError as error:
            self.problems = error.problems
            return False
        self.problems = ()
        changed = watch != self.watch
        self.watch = watch
        return changed

    def _state(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for folder in (self.path, self.base):
            for file in folder.rglob("*.yaml") if folder.is_dir() else ():
                try:
                    stat = file.stat()
                except OSError:
                    continue  # being replaced by an editor: the next look sees it
                found[str(file)] = (stat.st_mtime_ns, stat.st_size)
        return found
