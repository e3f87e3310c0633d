"""Stores for tests: SQLite files and a real PostgreSQL, each test with a fresh database.

Not a conftest: ``tests/conftest.py`` registers this file, once for all folders. PostgreSQL is the
server at ``MONITOR_TEST_POSTGRES`` (a URL with the right to create databases), else one that
``pgserver`` starts for the session.
"""

from __future__ import annotations

import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from monitor.store import SqlStore, open_store

MIGRATIONS = Path(__file__).parents[2] / "db" / "migrations"


@pytest.fixture(scope="session")
def migrations() -> Path:
    """The folder of the migration scripts."""
    return MIGRATIONS


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running PostgreSQL's maintenance database."""
    given = os.environ.get("MONITOR_TEST_POSTGRES")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR on import
        import pgserver
    folder = tmp_path_factory.mktemp("postgres")
    server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        text_url = url.render_as_string(hide_password=False)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            _maintain(text_url, f"ALTER SYSTEM SET {setting} = off")  # it dies with the session
        _maintain(text_url, "SELECT pg_reload_conf()")
        yield text_url
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres_server: str) -> Iterator[str]:
    """A migrated database that the session's tests use one after another."""
    name = f"monitor_{uuid.uuid4().hex[:12]}"
    _maintain(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    url = _named(postgres_server, name)
    open_store(url, migrations=MIGRATIONS, migrate=True).close()
    yield url
    _maintain(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


# Ten times as fast as a new database, and as clean: every row goes, every sequence begins anew.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', name); END LOOP;
END $$
"""


@pytest.fixture
def postgres_url(migrated_postgres_url: str) -> str:
    """An empty, migrated PostgreSQL database."""
    _maintain(migrated_postgres_url, _EMPTY)
    return migrated_postgres_url


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database without any tables."""
    name = f"monitor_{uuid.uuid4().hex[:12]}"
    _maintain(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield _named(postgres_server, name)
    _maintain(postgres_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that the tests' files are copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    open_store(f"sqlite:///{path}", migrations=MIGRATIONS, migrate=True).close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite file."""
    path = tmp_path / "monitor.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database of each kind in turn."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def store(store_url: str) -> Iterator[SqlStore]:
    """A store on each kind of database in turn."""
    with closing(open_store(store_url)) as opened:
        yield opened


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[SqlStore]:
    """A store on an SQLite file, for tests that are not about the database."""
    with closing(open_store(sqlite_url)) as opened:
        yield opened


@pytest.fixture
def open_again(store_url: str) -> Iterator[Callable[[], SqlStore]]:
    """Opens the same database once more, as another process would."""
    opened: list[SqlStore] = []

    def again() -> SqlStore:
        opened.append(open_store(store_url))
        return opened[-1]

    yield again
    for each in opened:
        each.close()


def _maintain(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def _named(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)
