"""Migrations: up on both databases, equal to the tables, whole or not at all, and never down."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from monitor.errors import StoreError
from monitor.store import open_store, schema
from monitor.store.tables import Row


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/a folder/monitor.db"
    return request.getfixturevalue("empty_postgres_url")


BROKEN = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{next}", "{now}", None, None

def upgrade():
    op.create_table("half_done", sa.Column("n", sa.Integer()))
    op.execute("INSERT INTO half_done VALUES (1)")
    {rest}
"""


NOW = schema.VERSION
NEXT = f"{int(NOW) + 1:04}"


@pytest.fixture
def next_version(migrations, tmp_path, monkeypatch):
    """The migrations with one more script, for a program that is one version on."""

    def make(rest):
        folder = tmp_path / "migrations"
        shutil.copytree(migrations, folder)
        script = BROKEN.format(rest=rest, now=NOW, next=NEXT)
        (folder / "versions" / f"{NEXT}_next.py").write_text(script)
        monkeypatch.setattr(schema, "VERSION", NEXT)
        return folder

    return make


def test_an_empty_database_is_brought_up_and_a_second_time_nothing_is_done(empty_url, migrations):
    with open_store(empty_url, migrations=migrations, migrate=True) as store:
        assert store.counts()["items"] == 0
        assert store.check() == []
        assert store.upgrade() == ()


def test_the_migrations_make_exactly_the_tables(store):
    own = {
        "item_fts",
        "evidence_fts",
        "alembic_version",
    }  # what a Table cannot say, and Alembic's own

    def ours(thing, name, kind, reflected, other):
        shadow = kind == "table" and (
            name in own or name.startswith(("item_fts_", "evidence_fts_", "procrastinate_"))
        )
        return not shadow and name != "ix_item_search_words"

    with store.db.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": True}
        )
        assert compare_metadata(context, Row.metadata) == []


def test_every_numbered_table_never_gives_a_number_twice(sqlite_store):
    with sqlite_store.db.read() as connection:
        sql = dict(connection.execute(text("SELECT name, sql FROM sqlite_master")).all())
    numbered = [name for name, table in Row.metadata.tables.items() if "number" in table.c]
    assert [name for name in numbered if "AUTOINCREMENT" not in sql[name]] == []


def test_the_newest_script_is_the_version_of_the_program(migrations):
    scripts = sorted(path.name.split("_")[0] for path in (migrations / "versions").glob("0*.py"))
    assert scripts == [f"{n:04}" for n in range(1, int(schema.VERSION) + 1)]


def test_a_migration_that_fails_changes_nothing(store_url, next_version):
    folder = next_version("raise RuntimeError('killed here')")
    with pytest.raises(RuntimeError, match="killed here"):
        open_store(store_url, migrations=folder, migrate=True)
    schema.VERSION = NOW  # the old program still works on it
    with open_store(store_url) as store, store.db.read() as connection:
        assert not inspect(connection).has_table("half_done")


def test_a_migration_keeps_a_copy_of_an_sqlite_file(sqlite_url, next_version, make, tmp_path):
    with open_store(sqlite_url) as store:
        make.store_event(store, "a")
    with open_store(sqlite_url, migrations=next_version("pass"), migrate=True) as store:
        assert store.counts()["items"] == 1
    (copy,) = tmp_path.glob(f"monitor.db.before-{NOW}-to-{NEXT}")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (1,)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (NOW,)


def test_an_older_database_is_refused_until_it_is_upgraded(store_url, next_version):
    next_version("pass")
    with pytest.raises(
        StoreError, match=rf"(?s)schema is {NOW}, this program's {NEXT}.*db upgrade"
    ):
        open_store(store_url)


def test_a_newer_database_is_refused_whatever_is_asked(store_url, migrations):
    with open_store(store_url) as store, store.db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    try:
        for more in ({}, {"migrations": migrations, "migrate": True}):
            with pytest.raises(StoreError, match="newer than this program"):
                open_store(store_url, **more)
    finally:
        from monitor.store.engine import Database

        database = Database(store_url)
        with database.write() as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :v"), {"v": schema.VERSION}
            )
        database.close()


def test_without_scripts_the_message_says_so(tmp_path):
    with pytest.raises(StoreError, match="migration scripts are missing"):
        open_store(f"sqlite:///{tmp_path}/m.db", migrations=tmp_path / "none", migrate=True)


class TestNewOnly:
    """``migrate="new"``: the embedded default makes its file, and upgrades nothing unasked."""

    def test_a_missing_sqlite_file_is_made(self, tmp_path, migrations):
        url = f"sqlite:///{tmp_path}/m.db"
        with open_store(url, migrations=migrations, migrate="new") as store:
            assert store.counts()["items"] == 0
        with open_store(url, migrations=migrations, migrate="new"):
            pass

    def test_an_empty_postgresql_database_is_not(self, empty_postgres_url, migrations):
        with pytest.raises(StoreError, match=r"(?s)it is empty.*db upgrade"):
            open_store(empty_postgres_url, migrations=migrations, migrate="new")

    def test_an_older_file_is_not_upgraded(self, sqlite_url, next_version):
        folder = next_version("pass")
        with pytest.raises(StoreError, match=NOW):
            open_store(sqlite_url, migrations=folder, migrate="new")
