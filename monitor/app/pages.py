"""What people look at: the report file, the pages, and who may log in to them."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

import jinja2

from monitor import render
from monitor.app.assessing import Assessing
from monitor.report import CHANGES, SPAN, prepare, report


class Pages(Assessing):
    """The report and the pages of an installation."""

    @cached_property
    def templates(self) -> jinja2.Environment:
        """The user's templates before ours, with the words that all of them may call."""
        return prepare(render.environment(*self.template_folders))

    def report(self, *, as_of: datetime) -> str:
        """The report as it was known at ``as_of``: one HTML file. Raises TemplateError."""
        first = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return report(
            self.templates,
            self.assessments(as_of=as_of),
            events=self.store.events(since=as_of - SPAN, as_of=as_of),
            changes=self.store.level_changes(since=as_of - CHANGES, as_of=as_of),
            feeds=self.store.feeds(),
            coverage=self.store.covered_days(
                since=(as_of - CHANGES).date(), until=as_of.date(), as_of=as_of
            ),
            now=as_of,
            earlier={watch.id: found for watch, found in self.assessments(as_of=first)},
        )
