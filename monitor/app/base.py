"""What all parts of the application share: settings, clock, database, rules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import structlog

from monitor import resources
from monitor.app.declared import declared_feeds, subscribed
from monitor.app.rules import Rules, load_rules
from monitor.config import Config
from monitor.errors import ConfigError, MonitorError, WatchError
from monitor.model import Feed, Watch
from monitor.store import SqlStore, open_store, process_holder
from monitor.watch.versions import rules_text

_log = structlog.get_logger(__name__)


def _log_line(words: str) -> None:
    _log.warning("input", problem=words)


class Base:
    """Settings in, real edges out; what is expensive is made when it is first asked for."""

    def __init__(
        self,
        config: Config,
        *,
        now: datetime | None = None,
        tell: Callable[[str], None] = _log_line,
    ) -> None:
        self.config = config
        self.tell = tell  # gets what a person at the command line should read, line by line
        self._fixed_now = now
        self._opening = threading.RLock()
        self._rules: Rules | None = None
        self._store: SqlStore | None = None
        self._noted: dict[str, str] = {}  # watch → version that the store knows to be in force
        self.feeds_problem: MonitorError | None = None
        self.rules_problem = ""  # why the last edit of a watch was not taken over

    def clock(self) -> datetime:
        return self._fixed_now or datetime.now(UTC)

    @property
    def store(self) -> SqlStore:
        """The database, with the declared feeds in it.

        A mistake in a feed file does not keep anybody from looking at what is stored, or from copying
        it: it waits in ``feeds_problem`` for who needs the feeds.
        """
        with self._opening:
            if self._store is None:
                store = self._open()
                try:
                    store.sync_feeds(self.declared, now=self.clock())
                except (ConfigError, WatchError) as error:
                    self.feeds_problem = error
                except BaseException:
                    store.close()
                    raise
                self._store = store
            return self._store

    def require_feeds(self) -> None:
        """Raises what is wrong with the files that declare feeds."""
        _ = self.store
        if self.feeds_problem is not None:
            raise self.feeds_problem

    def _open(self) -> SqlStore:
        """SQLite is made and upgraded on the way; PostgreSQL only by ``db upgrade``."""
        url = self.config.database_url()
        migrations = resources.path("migrations")
        return open_store(url, migrations=migrations, migrate=url.startswith("sqlite"))

    @cached_property
    def declared(self) -> tuple[Feed, ...]:
        return declared_feeds(self.config)

    @cached_property
    def holder(self) -> str:
        return process_holder("poll")

    @property
    def rules(self) -> Rules:
        """The watches and their matcher: always a pair, swapped whole."""
        with self._opening:
            if self._rules is None:
                found = load_rules(self.config)
                if problems := tuple(subscribed(self.config, found.watches)):
                    raise ConfigError("\n".join(map(str, problems)), problems=problems)
                self._rules = found
            return self._rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        with self._opening:
            self._rules = rules

    def note_rules(self, now: datetime) -> None:
        """Notes in the store which rules are in force from now on; cheap when they are noted."""
        for watch in self.watches:
            if self._noted.get(watch.id) != watch.rules:
                self.store.note_rules(watch.id, watch.rules, rules_text(watch), now=now)
                self._noted[watch.id] = watch.rules

    @property
    def watches(self) -> Sequence[Watch]:
        return self.rules.watches

    @property
    def template_folders(self) -> tuple[Path, Path]:
        """The user's own folder of templates, which goes first, and the shipped one."""
        return self.config.root / self.config.templates, resources.path("templates")

    def close(self) -> None:
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None
