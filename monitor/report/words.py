"""What every template of the report and the pages may call: words, dates, counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jinja2
from markupsafe import Markup

from monitor.render import plain
from monitor.report import wording
from monitor.report.board import rank


def prepare(env: jinja2.Environment) -> jinja2.Environment:
    """Makes the words known to the templates of ``env``, imported ones too; returns it.

    Marks that turn or hide the text around them are left out of whatever is shown.
    """
    env.finalize = _visible
    env.globals.update(
        level_words=wording.LEVEL_WORDS,
        status_words=wording.STATUS_WORDS,
        stage_words=wording.STAGE_WORDS,
        health_words=wording.HEALTH_WORDS,
        reliability_words=wording.RELIABILITY_WORDS,
        language_names=wording.LANGUAGE_NAMES,
        grade_words=wording.grade_words,
        rank=rank,
        number=wording.number,
        plural=wording.plural,
        moment=wording.moment,
        short_moment=wording.short_moment,
        ago=wording.ago,
        iso=wording.iso,
        bars=bars,
    )
    return env


def _visible(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if value.isascii() and value.isprintable():  # nearly everything: nothing to look for
        return value
    return _cleaned(value)


@lru_cache(maxsize=4096)  # headlines, which lists show again and again
def _cleaned(text: str) -> str:
    return wording.shown(plain(text))


def bars(counts: Sequence[int], first: int, last: int) -> str:
    """The path of a bar for each count from ``first`` up to ``last``, 22 high, 3.7 apart."""
    most = max(1, *counts)
    found = []
    for n, count in enumerate(counts[first:last], start=first):
        tall = 3 + 19 * count / most if count else 1.0
        found.append(f"M{n * 3.7:.1f} 22v-{tall:.1f}h2.7v{tall:.1f}z")
    return "".join(found)
