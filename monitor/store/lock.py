"""One ``run`` at a time: a lock of the operating system on SQLite, an advisory lock on PostgreSQL.

Both end with the process that holds them, however it ends. Beside an SQLite file there is one lock file
a role; ``run`` without ``--only`` holds all roles. On PostgreSQL only the scheduler is elected.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, exc, select, text

from monitor.errors import BusyError, ConfigError, StoreError
from monitor.store.engine import SCHEDULER_LOCK, Database
from monitor.store.part import Part, upsert
from monitor.store.tables import META

ROLES = ("scheduler", "worker", "web")


class RunLock:
    """A lock that is held. ``holds()`` is false once a PostgreSQL connection was lost."""

    def __init__(self, role: str, connection: Connection | None = None) -> None:
        self.role = role
        self._connection = connection

    def holds(self) -> bool:
        """Whether it is still ours; a scheduler asks before each round."""
        if self._connection is None:
            return True
        try:
            self._connection.execute(text("SELECT 1"))
        except exc.SQLAlchemyError:
            return False
        return not self._connection.invalidated


class Locks(Part):
    """Locks of a store."""

    @contextmanager
    def hold_run_lock(self, role: str, what: str = "", *, now: datetime) -> Iterator[RunLock]:
        """Holds the lock of a role ("all", "scheduler", "worker", "web") until the block ends.

        Raises BusyError that says which process holds it, where and since when. On PostgreSQL only
        "all" and "scheduler" exclude one another; workers and pages may be many.
        """
        if role != "all" and role not in ROLES:
            raise ConfigError(
                f"there is no role {role!r}", remedy=f"one of all, {', '.join(ROLES)}"
            )
        note = _note(role, what, now)
        with ExitStack() as stack:
            if self.db.path is not None:
                for each in ROLES if role == "all" else (role,):
                    stack.enter_context(_file_lock(self.db.path, each, note))
                yield RunLock(role)
            elif role in {"all", "scheduler"}:
                yield stack.enter_context(_advisory_lock(self.db, role, note, now))
            else:
                yield RunLock(role)

    def renew_run_lock(self) -> None:
        """Says on PostgreSQL, by the server's clock, that the scheduler is still at work."""
        if self.db.path is None:
            with self.db.write() as connection:
                connection.execute(text("UPDATE meta SET at = now() WHERE key = 'scheduler'"))

    def end_silent_scheduler(self, silent: timedelta) -> bool:
        """Takes the lock from a scheduler that has not renewed it for so long: it hangs.

        Its connection is ended by the server; when it wakes it finds that it holds nothing.
        """
        if self.db.path is not None:
            return False
        with self.db.write() as connection:
            values = {"key": SCHEDULER_LOCK, "seconds": silent.total_seconds()}
            return connection.execute(_END_SILENT, values).first() is not None

    def run_lock_holder(self, role: str = "scheduler") -> str | None:
        """Who holds the lock of a role, in words; None if nobody does."""
        if self.db.path is None:
            return _advisory_holder(self.db)
        path = _lock_path(self.db.path, role)
        try:
            with path.open("r+", encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return _in_words(file.read())
        except OSError:
            return None
        return None


@contextmanager
def holding_all(database: Path, now: datetime) -> Iterator[None]:
    """Keeps every ``run`` away from an SQLite file while it is exchanged."""
    with ExitStack() as stack:
        for role in ROLES:
            stack.enter_context(_file_lock(database, role, _note("all", "db restore", now)))
        yield


def _note(role: str, what: str, now: datetime) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": now.isoformat(timespec="seconds"),
        "role": role,
        "what": what,
    }


def _lock_path(database: Path, role: str) -> Path:
    return database.with_name(f"{database.name}.{role}.lock")


@contextmanager
def _file_lock(database: Path, role: str, note: dict[str, object]) -> Iterator[None]:
    path = _lock_path(database, role)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(
            f"the lock file cannot be opened ({error.strerror})",
            subject=str(path),
            remedy="may this user write to the folder of the database?",
        ) from error
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _busy(str(database), _in_words(file.read())) from None
        file.truncate(0)
        file.seek(0)
        json.dump(note, file)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)  # the file stays: to delete it would let two hold "the same" lock


@contextmanager
def _advisory_lock(
    database: Database, role: str, note: dict[str, object], now: datetime
) -> Iterator[RunLock]:
    connection = database.single()
    try:
        got = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": SCHEDULER_LOCK})
        if not got.scalar():
            raise _busy(database.name, _advisory_holder(database) or "another scheduler")
        with database.write() as writing:
            row = {"key": "scheduler", "value": json.dumps(note), "at": now}
            upsert(writing, META, row, key=["key"])
        yield RunLock(role, connection)
    finally:
        connection.close()
        connection.engine.dispose()


_END_SILENT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND objid = :key AND database = (SELECT oid FROM pg_database"
    " WHERE datname = current_database()) AND EXISTS (SELECT 1 FROM meta"
    " WHERE meta.key = 'scheduler' AND meta.at < now() - make_interval(secs => :seconds))"
)


def _advisory_holder(database: Database) -> str | None:
    held = text(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = :key"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with database.read() as connection:
        if connection.execute(held, {"key": SCHEDULER_LOCK}).first() is None:
            return None
        note = connection.execute(select(META.c.value).where(META.c.key == "scheduler")).scalar()
        return _in_words(note or "")


def _busy(subject: str, who: str) -> BusyError:
    return BusyError(
        f"another `monitor run` is using this database: {who}",
        subject=subject,
        remedy="stop it first; commands such as `monitor poll` or `monitor status` may run beside it",
    )


def _in_words(note: str) -> str:
    try:
        found = json.loads(note)
        what = f" ({found['what']})" if found.get("what") else ""
        return f"process {found['pid']} on {found['host']}{what}, since {found['since']}"
    except (ValueError, KeyError, TypeError):
        return "a process that did not say which"
