"""What every template of the report and the pages may call: words, dates, counts."""

from __future__ import annotations

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
    )
    return env


def _visible(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.shown(plain(value))
    return value
