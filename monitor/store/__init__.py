"""The database edge: the one place that knows tables, transactions and SQL.

``open_store`` gives a ``SqlStore``, which implements ``monitor.protocols.Store`` on SQLite and
PostgreSQL alike. Values of ``monitor.model`` go in and come out; rows never leave.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from monitor.desk import Desk
from monitor.errors import StoreError
from monitor.protocols import Batch
from monitor.store import schema
from monitor.store.audit import Audit
from monitor.store.engine import Database
from monitor.store.feeds import Feeds
from monitor.store.glance import Glances
from monitor.store.grouping import Corrections
from monitor.store.holders import process_holder
from monitor.store.inbox import Inbox
from monitor.store.ingest import Ingest, StoreBatch
from monitor.store.keeping import Keeping, restore
from monitor.store.known import Known
from monitor.store.levels import Levels, RulesInForce
from monitor.store.lock import Locks, RunLock
from monitor.store.moving import copy_database
from monitor.store.outbox import Outbox, lost_wait
from monitor.store.people import Beat, People
from monitor.store.reading import Reading
from monitor.store.readings import Readings
from monitor.store.recent import Current, RecentEvents
from monitor.store.reviews import Decided, Reviews
from monitor.store.search import Search
from monitor.store.tally import Tally
from monitor.store.work import Work, hit_as_json, hit_of_json

__all__ = [
    "Beat",
    "RulesInForce",
    "RunLock",
    "SqlStore",
    "StoreBatch",
    "copy_database",
    "hit_as_json",
    "hit_of_json",
    "lost_wait",
    "open_store",
    "process_holder",
    "restore",
    "upgrade",
]


class SqlStore(
    Feeds,
    Ingest,
    Reading,
    Current,
    Inbox,
    Glances,
    Search,
    Reviews,
    Corrections,
    Levels,
    Audit,
    Outbox,
    People,
    Locks,
    Keeping,
    Work,
    Readings,
):
    """The store on SQLite or PostgreSQL. Safe to use from any thread; one for each process."""

    def __init__(self, database: Database, migrations: Path | None = None) -> None:
        self.db = database
        self._migrations = migrations
        self._headers = {}
        self._recent = RecentEvents()
        self._current = RecentEvents()
        self._current_turn = threading.Lock()
        self._tally = Tally()
        self._rows = Known(4000)
        self._glances = Known(64)
        self._wholes = Known(10_000, weight=lambda e: 1 + len(e.members) + len(e.hits))
        self._decided = Decided()

    def upgrade(self) -> Sequence[str]:
        """Applies missing migrations and returns them; a copy of an SQLite file is made before."""
        if self._migrations is None:
            raise StoreError("no migration scripts were given", subject=self.db.name)
        return schema.upgrade(self.db, self._migrations)

    def close(self) -> None:
        """Closes every connection."""
        self.db.close()

    def __enter__(self) -> SqlStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


if TYPE_CHECKING:  # what mypy holds us to

    def _fulfils(store: SqlStore, batch: StoreBatch) -> tuple[Desk, Batch]:
        return store, batch


def open_store(
    url: str, *, migrations: Path | None = None, migrate: bool | Literal["new"] = False
) -> SqlStore:
    """Opens the database at ``url``: ``sqlite:///path`` or ``postgresql+psycopg://…``.

    With ``migrate`` the schema is made or upgraded by the scripts in the folder ``migrations``; with
    ``"new"`` only an SQLite database that is not there yet is made; without, an old or missing one is
    refused. Raises ConfigError for a URL that cannot be used and
    StoreError for a database that is unreachable, read-only, damaged, old or newer than the program.
    """
    database = Database(url)
    store = SqlStore(database, migrations)
    try:
        if database.path is not None:
            if migrate == "new" and _is_there(database.path):
                migrate = False
            _prepare_file(database.path, create=bool(migrate))
        elif migrate == "new":
            migrate = False
        if migrate:
            store.upgrade()
        schema.require_current(database)
    except BaseException:
        store.close()
        raise
    return store


def upgrade(url: str, *, migrations: Path) -> Sequence[str]:
    """Makes the database or applies missing migrations; returns the applied ones, oldest first."""
    database = Database(url)
    try:
        if database.path is not None:
            _prepare_file(database.path, create=True)
        return schema.upgrade(database, migrations)
    finally:
        database.close()


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _prepare_file(path: Path, *, create: bool) -> None:
    """Makes the folder of a new file; a missing file is refused where nothing is to be created."""
    if path.exists():
        return
    if not create:
        raise StoreError(
            "there is no database yet", subject=str(path), remedy="run `monitor db upgrade`"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"its folder cannot be made ({error.strerror})",
            subject=str(path),
            remedy="name another path in [database] url, or make the folder",
        ) from error
