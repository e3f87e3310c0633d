"""From values to text and HTML by templates: the user's own where there is one and it works, else ours.

A broken template of the user never costs a message: the shipped one takes its place, and the result
carries a note that says which file and line is wrong.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from unicodedata import bidirectional

import css_inline
import jinja2

from monitor.digest import wording
from monitor.model import Month
from monitor.render import BrokenTemplateError, environment, isolate, render

WIDTH = 72
_CLASSES = {"none": "lv0", "low": "lv1", "elevated": "lv2", "high": "lv3", "very-high": "lv4"}

_TURNING = {"R", "AL", "AN"}
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False, minify_css=True)


@dataclass(frozen=True, slots=True)
class Form:
    """A message in both forms; ``broken`` tells of a user's template that could not be used."""

    text: str
    html: str
    broken: BrokenTemplateError | None = None


def form(folders: tuple[Path, Path], name: str, values: Callable[[str], Mapping[str, Any]]) -> Form:
    """Renders ``email/<name>.txt`` and ``.html``.

    ``values`` gets a note for the reader, which is empty unless the user's template is broken. Raises
    BrokenTemplateError only where the shipped template itself fails.
    """
    own, shipped = folders
    try:
        return _both(templates(own, shipped), name, values(""))
    except BrokenTemplateError as error:
        if not (own / "email").is_dir():
            raise
        broken = error
    where = f"{broken.detail.path}, line {broken.detail.line}" if broken.detail.line else ""
    note = (
        f"Your template {where or broken.detail.path} cannot be used, so this is the shipped one."
    )
    found = _both(templates(shipped), name, values(note))
    return Form(found.text, found.html, broken)


def _both(env: jinja2.Environment, name: str, values: Mapping[str, Any]) -> Form:
    text = render(env, f"email/{name}.txt", values)
    html = render(env, f"email/{name}.html", values)
    return Form(text.strip("\n") + "\n", inlined(html))


def inlined(html: str) -> str:
    """``html`` with its styles as attributes; what is conditional stays in a style element."""
    return str(_INLINER.inline(html))


@lru_cache(maxsize=8)
def templates(*folders: Path) -> jinja2.Environment:
    """The environment of mail: that of all templates, and what mail needs besides."""
    env = environment(*folders)
    env.filters.update(
        wrap=wrapped,
        isolate=isolated,
        count=wording.count,
        level=lambda name: wording.LEVEL_WORDS.get(name, name),
        level_class=lambda name: _CLASSES.get(name, "lvx"),
        months=_months,
        counts=_counts,
        short=wording.cut,
        sentence=wording.sentence,
        names=wording.names,
    )
    env.tests["rtl"] = right_to_left
    return env


def wrapped(text: str, indent: str = "", later: str | None = None) -> str:
    """``text`` in lines of at most 72 characters, where its words allow it."""
    lines = textwrap.wrap(
        " ".join(str(text).split()),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if later is None else later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def isolated(text: str) -> str:
    """``text`` with its direction kept apart where it has one of its own; else as it is."""
    apart = isolate(text)
    return apart if any(bidirectional(c) in _TURNING for c in apart[1:-1]) else apart[1:-1]


def right_to_left(text: str) -> bool:
    """Whether the first letter with a direction runs to the left, as ``dir="auto"`` decides.

    Said outright in HTML: mail programs know ``dir="rtl"``, and not all of them ``auto``.
    """
    for letter in text:
        if (direction := bidirectional(letter)) in ("L", "R", "AL"):
            return direction != "L"
    return False


def _months(months: Sequence[Month]) -> str:
    return wording.months_label([each.month for each in months])


def _counts(months: Sequence[Month]) -> str:
    return " ".join("-" if each.level == "no-coverage" else str(each.events) for each in months)
