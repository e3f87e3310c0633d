"""Connections and transactions, and what the database's complaints mean in plain words.

SQLite: WAL, ``synchronous=FULL``, foreign keys on, and *two* engines. A write begins with ``BEGIN
IMMEDIATE``, because a deferred transaction that turns into a write ignores the busy timeout; reads are
deferred, so that they never wait for the writer. PostgreSQL: writers READ COMMITTED, readers REPEATABLE
READ, so that one page is drawn from one snapshot.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from monitor.errors import ConfigError, StoreError

BUSY_SECONDS = 5.0
CACHE_KB = 16_384  # of a connection that writes; the system caches the file as well

# The advisory locks that are ours on PostgreSQL: any number does, as long as nobody else's is equal.
INGEST_LOCK = 0x6D6F6E01
SCHEDULER_LOCK = 0x6D6F6E02
UPGRADE_LOCK = 0x6D6F6E03
OUTBOX_LOCK = 0x6D6F6E04
LEVELS_LOCK = 0x6D6F6E05


def read_url(url: str) -> URL:
    """Checks a database URL. Raises ConfigError that says which forms there are."""
    remedy = "use sqlite:///path/to/monitor.db or postgresql+psycopg://user@host/database"
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise ConfigError("this is not a database URL", subject="database", remedy=remedy) from None
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        if not parsed.database:
            raise ConfigError(
                "the URL names no database", subject=parsed.render_as_string(), remedy=remedy
            )
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not parsed.database or parsed.database == ":memory:":
            raise ConfigError(
                "the URL names no file; a database in memory would forget everything",
                subject=parsed.render_as_string(),
                remedy=remedy,
            )
        return parsed.set(drivername="sqlite+pysqlite")
    raise ConfigError(
        f"{parsed.drivername} is not supported", subject=parsed.render_as_string(), remedy=remedy
    )


class Database:
    """One database: two engines, transactions, translated errors. Safe to use from any thread."""

    def __init__(self, url: str) -> None:
        self.url = read_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(str(self.url.database)) if self.is_sqlite else None
        self.name = str(self.path) if self.path else self.url.render_as_string(hide_password=True)
        self._turn = threading.Lock()
        self._mine = threading.local()
        self.writer = self._engine(write=True)
        self.reader = self._engine(write=False)

    def close(self) -> None:
        """Closes every connection; the WAL is folded back by the last one."""
        self.reader.dispose()
        self.writer.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction on one consistent snapshot."""
        with self.translated(), self.reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, lock: int | None = None) -> Iterator[Connection]:
        """A write transaction: all or nothing.

        ``lock`` names an advisory lock that PostgreSQL's writers take to see a window that does not
        move; on SQLite there is only ever one writer.
        """
        if getattr(self._mine, "writing", False):
            raise RuntimeError("a write transaction was begun inside another one of this thread")
        self._mine.writing = True
        try:
            with self._queue(), self.translated(), self.writer.begin() as connection:
                if lock is not None and not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})
                yield connection
        finally:
            self._mine.writing = False

    @contextmanager
    def _queue(self) -> Iterator[None]:
        # SQLite's busy timeout polls and is not fair; threads of one process queue up here instead.
        if not self.is_sqlite:
            yield
            return
        with self._turn:
            yield

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turns what the driver raises for an operator's trouble into StoreError."""
        try:
            yield
        except exc.IntegrityError:
            raise  # a constraint of ours was broken: a bug, never an operator's trouble
        except exc.DBAPIError as error:
            found = explain(error, self.name, self.is_sqlite)
            if found is None:
                raise
            raise found from error
        except exc.TimeoutError as error:
            raise StoreError(
                "no connection became free in time",
                subject=self.name,
                remedy="fewer workers, or look for a query that hangs",
            ) from error

    def _engine(self, *, write: bool) -> Engine:
        if self.is_sqlite:
            return _sqlite_engine(self.url, write=write)
        return _postgres_engine(self.url, write=write)

    def single(self) -> Connection:
        """A connection of its own outside the pools, for a lock that is held for long."""
        engine = create_engine(self.url, poolclass=NullPool, connect_args=CONNECTING)
        with self.translated():
            return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _sqlite_engine(url: URL, *, write: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=4 if write else 16,
        max_overflow=16,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, below
        for pragma in (
            "foreign_keys=ON",
            f"busy_timeout={int(BUSY_SECONDS * 1000)}",
            "synchronous=FULL",
            "temp_store=MEMORY",
            f"cache_size={-CACHE_KB if write else -CACHE_KB // 4}",
            "wal_autocheckpoint=4000",  # pages: a batch of polls touches some hundred, most again
            *(() if write else ("query_only=ON",)),
        ):
            connection.execute(f"PRAGMA {pragma}")
        if write and connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if write:
            _begin_immediate(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_immediate(connection: Connection) -> None:
    """Takes the write lock, asking every few milliseconds until the busy timeout is over.

    SQLite's own waiting asks every 100 ms: beside a process that writes without a pause it can miss
    every gap for 5 s.
    """
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    deadline = time.monotonic() + BUSY_SECONDS
    raw.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < deadline:
            try:
                raw.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    break
            time.sleep(random.uniform(0.001, 0.005))
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises what SQLAlchemy makes of it
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


# A client that was cut off or stands still must not hold a lock for all others: either side notices
# a dead connection within half a minute, the server ends a transaction that does nothing. A lock that
# is never given up must end in a visible error, as on SQLite.
CONNECTING: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "monitor",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
    "options": (
        "-c lock_timeout=30000 -c timezone=UTC -c idle_in_transaction_session_timeout=25000"
        " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    ),
}


def _postgres_engine(url: URL, *, write: bool) -> Engine:
    return create_engine(
        url,
        isolation_level="READ COMMITTED" if write else "REPEATABLE READ",
        pool_size=4,
        max_overflow=16,
        pool_pre_ping=True,
        connect_args=CONNECTING,
    )


_SQLITE_TROUBLE = (
    (
        "database is locked",
        "another program has kept it locked for longer than 5 s",
        "end that program (a copy tool, a database browser, a hung process) and try again; nothing "
        "was lost",
    ),
    (
        "readonly database",
        "it cannot be written: the file or its folder is read-only",
        "give the user that runs monitor the right to write to the file and its folder",
    ),
    (
        "database or disk is full",
        "the disk is full",
        "free some space; what was not stored is fetched again, nothing half is kept",
    ),
    (
        "disk i/o error",
        "the disk reported an error",
        "look at the disk and its free space, then run `monitor db check`",
    ),
    (
        "unable to open database file",
        "the file cannot be opened",
        "does its folder exist, and may this user enter and write it?",
    ),
    (
        "file is not a database",
        "this file is not an SQLite database, or it is damaged",
        "point [database] url at another file, or bring a copy back with `monitor db restore FILE`",
    ),
    (
        "malformed",
        "the database is damaged",
        "stop monitor, keep the file, and bring a copy back with `monitor db restore FILE`",
    ),
)

_POSTGRES_TROUBLE = (
    ("fatal:  database", "the database does not exist", "create it, or mend the URL"),
    ("fatal:  role", "the user does not exist", "create the user, or mend the URL"),
    ("authentication failed", "the login was refused", "mend user and password in the URL"),
    ("no password supplied", "the login needs a password", "add it to the URL or to ~/.pgpass"),
    ("read-only", "it is read-only", "point the URL at the primary server"),
    ("no space left", "the server's disk is full", "free some space there"),
    ("could not extend file", "the server's disk is full", "free some space there"),
    (
        "lock timeout",
        "a lock was not given up for 30 s",
        "look for a hung client in pg_stat_activity",
    ),
    ("too many clients", "it has no connection left", "raise max_connections or run fewer workers"),
    ("remaining connection slots", "it has no connection left", "raise max_connections"),
)


def explain(error: exc.DBAPIError, name: str, is_sqlite: bool) -> StoreError | None:
    """The StoreError for a driver's error; None where it is a bug of ours."""
    said = str(error.orig)
    low = said.lower()
    for sign, problem, remedy in _SQLITE_TROUBLE if is_sqlite else _POSTGRES_TROUBLE:
        if sign in low:
            return StoreError(problem, subject=name, remedy=remedy)
    if "no such table" in low or ("relation" in low and "does not exist" in low):
        return StoreError(
            "the database has no tables of ours", subject=name, remedy="run `monitor db upgrade`"
        )
    if isinstance(error, exc.OperationalError) and not is_sqlite:
        first = said.strip().splitlines()[0] if said.strip() else type(error.orig).__name__
        return StoreError(
            f"the database server cannot be reached ({first})",
            subject=name,
            remedy="is it running, and do host, port and firewall allow the connection?",
        )
    return None
