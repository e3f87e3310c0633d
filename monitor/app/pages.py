"""What people look at: the report file, the pages, and who may log in to them."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast

import jinja2

from monitor import render
from monitor.app.handwork import Handwork
from monitor.desk import User
from monitor.errors import ConfigError
from monitor.report import CHANGES, SPAN, prepare, report
from monitor.web.installation import Installation, WebSettings

if TYPE_CHECKING:
    from monitor.web.gate import Gate

_NAME = re.compile(r"[\w.@-]{1,64}")


class Pages(Handwork):
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

    def web_app(self) -> Gate:
        """The ASGI application of the pages."""
        from monitor.web.application import create_app  # a second of start-up, for who serves pages

        web = self.config.web
        settings = WebSettings(host=web.host, port=web.port, public_url=web.public_url)
        return create_app(cast(Installation, self), settings)

    # ── Users ────────────────────────────────────────────────────────────────────────────────────

    def add_user(
        self, name: str, password: str, *, role: Literal["reader", "reviewer"], now: datetime
    ) -> None:
        """Adds a user, or gives one a new password, role and token; their sessions end."""
        from monitor.web.access import hash_password

        if not _NAME.fullmatch(name):
            raise ConfigError(
                "a name has 1 to 64 letters, digits, dots, dashes, underscores or @",
                subject=name or "user",
            )
        user = User(
            name=name,
            role=role,
            password=hash_password(name, password),
            created_at=now,
            token=secrets.token_urlsafe(32),
        )
        self.store.remove_user(name)
        self.store.add_user(user)

    def users(self) -> list[tuple[str, str]]:
        """(name, role) of everyone who may log in."""
        return [(user.name, user.role) for user in self.store.users()]

    def remove_user(self, name: str, *, now: datetime) -> None:
        """Ends a user's sessions and token; what they decided stays. Raises ConfigError."""
        if not self.store.remove_user(name):
            known = ", ".join(user.name for user in self.store.users()) or "there are none"
            raise ConfigError("there is no such user", subject=name, remedy=f"Known: {known}")
