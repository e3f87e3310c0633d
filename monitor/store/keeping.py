"""Keeping a store for years: copies while running, their return, checks, what may go."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select, union
from sqlalchemy.engine import URL

from monitor.errors import StoreError
from monitor.store import schema
from monitor.store.books import damage, imbalances
from monitor.store.engine import INGEST_LOCK, Database
from monitor.store.lock import holding_all
from monitor.store.part import Part, chunks
from monitor.store.poll_log import trim_poll_log
from monitor.store.search import unindex_items
from monitor.store.tables import EVENT_ITEM, HIT, ITEM, ITEM_PAST, MISS, SIGHTING


class Keeping(Part):
    """Copies, checks and retention."""

    def backup(self, path: Path) -> None:
        """Writes a consistent copy to a new file while the store is in use.

        SQLite's is a database file, checked; PostgreSQL's a custom-format dump by ``pg_dump``.
        Raises StoreError, and leaves no file, if the copy cannot be made or is not sound.
        """
        if path.exists():
            raise StoreError("this file exists", subject=str(path), remedy="name a new file")
        with _new_file(path) as partial:
            if self.db.path is None:
                _postgres_tool("pg_dump", self.db.url, "--format=custom", f"--file={partial}")
                _postgres_tool("pg_restore", None, "--list", str(partial))
            else:
                with self.db.translated():
                    copy_sqlite(self.db.path, partial)
                if found := damage(partial):
                    raise StoreError(f"the copy is damaged: {found[0]}", subject=str(path))

    def check(self) -> Sequence[str]:
        """What is wrong with the database, in words; empty when all is well.

        SQLite's own integrity and foreign keys, then our books: what must add up does.
        """
        if self.db.path is not None and (found := damage(self.db.path)):
            return found
        with self.db.read() as connection:
            return imbalances(connection)

    def expire(self, *, items_before: datetime, now: datetime, limit: int | None = None) -> int:
        """Deletes items without hits that were first seen before; evidence never goes.

        Their sightings go too: such an item, published once more, is new again.
        """
        evidence = union(*(select(table.c.item) for table in (HIT, EVENT_ITEM, MISS)))
        query = (
            select(ITEM.c.number)
            .where(ITEM.c.first_seen_at < items_before, ITEM.c.number.not_in(evidence))
            .order_by(ITEM.c.number)
        )
        with self.db.write() as connection:
            trim_poll_log(connection, now=now)
        deleted = 0
        while limit is None or deleted < limit:
            size = 2000 if limit is None else min(2000, limit - deleted)
            with self.db.write(lock=INGEST_LOCK) as connection:
                some = list(connection.execute(query.limit(size)).scalars())
                for chunk in chunks(some):
                    unindex_items(connection, chunk)
                    for table in (SIGHTING, ITEM_PAST):
                        connection.execute(delete(table).where(table.c.item.in_(chunk)))
                    connection.execute(delete(ITEM).where(ITEM.c.number.in_(chunk)))
            deleted += len(some)
            if len(some) < size:
                break
        return deleted


def restore(url: str, path: Path, *, now: datetime) -> Path | None:
    """Puts a copy made by ``backup`` in the place of the database; returns where the old one went.

    The copy is checked before anything is touched. Nothing is overwritten: an SQLite file is renamed,
    and a PostgreSQL database must be empty. Raises BusyError while a ``monitor run`` uses it.
    """
    if not path.is_file():
        raise StoreError("there is no such file", subject=str(path))
    database = Database(url)
    try:
        if database.path is None:
            _restore_postgres(database, path)
            return None
        return _restore_sqlite(database, database.path, path, now)
    finally:
        database.close()


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a database in use, as one file that needs no other."""
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")


def _restore_sqlite(database: Database, place: Path, copy: Path, now: datetime) -> Path | None:
    with copy.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise StoreError(
                "this is not a copy of an SQLite database",
                subject=str(copy),
                remedy="a copy made by `pg_dump` goes back into PostgreSQL",
            )
    if found := damage(copy):
        raise StoreError(f"the copy is damaged: {found[0]}", subject=str(copy))
    with closing(sqlite3.connect(copy)) as connection:
        version = _version(connection, copy)
    schema.refuse_newer(database, version)
    with holding_all(place, now), _new_file(place.with_name(f"{place.name}.restored")) as partial:
        copy_sqlite(copy, partial)
        kept = _set_aside(place, now) if place.exists() else None
        partial.rename(place)
    return kept


def _version(connection: sqlite3.Connection, copy: Path) -> str:
    try:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        raise StoreError("this is not a database of monitor", subject=str(copy)) from None


def _set_aside(place: Path, now: datetime) -> Path:
    """Renames a database and what belongs to it; a WAL that stayed would spoil the new one."""
    # A damaged file is what a restore is for: it is kept with its WAL, as it is.
    with closing(sqlite3.connect(place)) as connection, suppress(sqlite3.DatabaseError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stem = f"{place.name}.replaced-{now:%Y%m%dT%H%M%S}"
    number = 0
    while (kept := place.with_name(stem + (f".{number}" if number else ""))).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        beside = place.with_name(place.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))
    place.rename(kept)
    return kept


def _restore_postgres(database: Database, path: Path) -> None:
    with database.read() as connection:
        if schema.version_of(connection) is not None:
            raise StoreError(
                "the database is not empty, and nothing is ever overwritten",
                subject=database.name,
                remedy="create a new database, restore into it, and point [database] url at it",
            )
    _postgres_tool("pg_restore", None, "--list", str(path))
    arguments = ("--single-transaction", "--exit-on-error", "--no-owner", str(path))
    _postgres_tool("pg_restore", database.url, *arguments)


def _postgres_tool(tool: str, url: URL | None, *arguments: str) -> None:
    """Runs one of PostgreSQL's own tools; the password goes by environment, not by arguments."""
    found = _newest(tool)
    if found is None:
        raise StoreError(
            f"PostgreSQL's {tool} is not installed",
            subject=tool,
            remedy="install the postgresql-client package of the server's version",
        )
    environment = dict(os.environ)
    if url is not None:
        plain = url.set(drivername="postgresql", password=None)
        arguments = (f"--dbname={plain.render_as_string(hide_password=False)}", *arguments)
        if url.password:
            environment["PGPASSWORD"] = str(url.password)
    done = subprocess.run(
        [found, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise StoreError(f"{tool} failed: {said[-1]}", subject=str(arguments[-1]))


def _newest(tool: str) -> Path | None:
    """The newest of the tools that are installed: an old pg_dump refuses a newer server."""
    places = [Path(found).parent] if (found := shutil.which(tool)) else []
    places += Path("/usr/lib/postgresql").glob("*/bin")
    spec = importlib.util.find_spec("pgserver")  # the development environment's own server
    if spec is not None and spec.origin:
        places.append(Path(spec.origin).parent / "pginstall" / "bin")
    tools = [place / tool for place in places if (place / tool).exists()]
    return max(tools, key=_tool_version, default=None)


def _tool_version(tool: Path) -> int:
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    number = re.search(r"(\d+)", done.stdout)
    return int(number[1]) if number else 0


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """A name to write to that becomes ``path`` at the end, or is gone if something failed."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        yield partial
        if partial.exists():
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.rename(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"the copy could not be written ({error})",
            subject=str(path),
            remedy="is there space, and may this user write there?",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
