"""The schema's version: which one a database has, and the way up.

Migrations are Alembic scripts numbered ``0001``, ``0002``…; the folder is a path that the caller found.
An upgrade is one transaction, on SQLite with a copy of the file made before. Killed at any point, the
database is as it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from monitor.errors import StoreError
from monitor.store.engine import UPGRADE_LOCK, Database

VERSION = "0006"  # what this program's tables are; the newest script has the same


def version_of(connection: Connection) -> str | None:
    """The version that the database has; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def require_current(database: Database) -> None:
    """Raises StoreError unless the schema is exactly the one this program was made for."""
    with database.read() as connection:
        found = version_of(connection)
    refuse_newer(database, found)
    if found != VERSION:
        state = (
            "it is empty" if found is None else f"its schema is {found}, this program's {VERSION}"
        )
        raise StoreError(state, subject=database.name, remedy="run `monitor db upgrade`")


def refuse_newer(database: Database, found: str | None) -> None:
    """Raises StoreError for a database that a newer program has already changed."""
    if found is not None and found > VERSION:
        raise StoreError(
            f"the database is newer than this program: its schema is {found}, this program's {VERSION}",
            subject=database.name,
            remedy="install the version of monitor that upgraded it, or bring back a copy from before",
        )


def upgrade(database: Database, migrations: Path) -> Sequence[str]:
    """Applies what is missing and returns it, oldest first; nothing when all is there."""
    with database.read() as connection:
        found = version_of(connection)
    refuse_newer(database, found)
    if found == VERSION:
        return ()
    if not (migrations / "env.py").is_file():
        raise StoreError(
            "the migration scripts are missing",
            subject=str(migrations),
            remedy="install the package again",
        )
    if found is not None:
        copy_before(database, found)
    with database.write(lock=UPGRADE_LOCK) as connection:
        before = version_of(connection)  # another process may have been first
        if before == VERSION:
            return ()
        _run(connection, migrations)
        after = version_of(connection)
    if after != VERSION:
        raise StoreError(
            f"the migration scripts end at {after}, this program needs {VERSION}",
            subject=str(migrations),
            remedy="install the package again",
        )
    return [f"{number:04}" for number in range(int(before or 0) + 1, int(VERSION) + 1)]


def copy_before(database: Database, version: str) -> Path | None:
    """A copy of an SQLite file beside it, named for the version it has; None on PostgreSQL."""
    if database.path is None:
        return None
    target = database.path.with_name(f"{database.path.name}.before-{version}-to-{VERSION}")
    number = 0
    while target.exists():
        number += 1
        target = target.with_name(f"{database.path.name}.before-{version}-to-{VERSION}.{number}")
    with (
        database.translated(),
        closing(sqlite3.connect(database.path)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return target


def _run(connection: Connection, migrations: Path) -> None:
    from alembic import command  # takes a third of a second to import; most starts need none of it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
