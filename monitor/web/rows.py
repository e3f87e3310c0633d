"""Rows of lists, made once: of what a list shows, hardly anything has changed since it was last shown.

The store gives the same ``InboxRow`` while nothing about its event has changed; by that a row's line and
its HTML are known again.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import jinja2
from markupsafe import Markup

from monitor.desk import InboxRow
from monitor.model import Watch
from monitor.report.events import EventLine, line_of_row, names_of
from monitor.report.wording import ago
from monitor.web.kept import Kept

_T = TypeVar("_T")
MOST = 2000  # rows that are kept
_TEMPLATES = ("pages/rows.html", "pages/parts.html")


class Last(Generic[_T]):
    """The values last made, each good while it is made of the same. Safe to use from any thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, tuple[tuple[Any, ...], _T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, of: tuple[Any, ...], make: Callable[[], _T]) -> _T:
        """The value of ``key``, made anew unless every part of ``of`` is the same or equal."""
        with self._lock:
            found = self._values.get(key)
            if found is not None and all(
                a is b or (isinstance(a, str) and a == b) for a, b in zip(found[0], of, strict=True)
            ):
                self._values.move_to_end(key)
                return found[1]
        value = make()
        with self._lock:
            self._values[key] = (of, value)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


def rules_of(watches: Sequence[Watch]) -> str:
    """Tells the rules in force from any others."""
    return " ".join(f"{watch.id} {watch.rules}" for watch in watches)


class Rows:
    """Lines and HTML of rows."""

    def __init__(self, templates: Callable[[], jinja2.Environment]) -> None:
        self._templates = templates
        self._lines: Last[EventLine] = Last()
        self._bodies: Last[Markup] = Last()
        self._macro = Kept(self._read_macro, seconds=5)

    def lines(self, rows: Sequence[InboxRow], watches: Sequence[Watch]) -> list[EventLine]:
        """What lists show of these rows."""
        rules = rules_of(watches)
        names = names_of(watches)

        def line(row: InboxRow) -> EventLine:
            key = (row.event, row.watch, row.indicator)
            return self._lines.get(key, (row, rules), lambda: line_of_row(row, names))

        return [line(row) for row in rows]

    def body(self, line: EventLine, *, pair: str, to: str, may: bool, now: datetime) -> Markup:
        """A row without its frame, by the macro ``body`` of ``pages/rows.html``."""
        stamp, macro = self._macro.get()

        def make() -> Markup:
            return Markup(macro(line, now, to, may, pair, False))

        key = (line.event, line.watch, line.indicator, may)
        return self._bodies.get(key, (line, pair, to, ago(line.at, now), stamp), make)

    def _read_macro(self) -> tuple[str, Any]:
        """The macro, and what tells an edited template from the one before."""
        env = self._templates()
        assert env.loader is not None
        text = "".join(env.loader.get_source(env, name)[0] for name in _TEMPLATES)
        module = env.get_template(_TEMPLATES[0]).make_module({})
        return hashlib.sha256(text.encode()).hexdigest(), getattr(module, "body", None)
