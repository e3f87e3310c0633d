"""What an operator sees when the database cannot: one clear message, and nothing is lost."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from monitor.errors import ConfigError, StoreError
from monitor.store import engine, open_store


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not a database URL"),
        ("monitor.db", "not a database URL"),
        ("mysql://localhost/monitor", "mysql is not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql+psycopg://localhost", "names no database"),
        ("postgresql+asyncpg://localhost/monitor", "is not supported"),
    ],
)
def test_a_url_that_cannot_be_used(url, says):
    with pytest.raises(ConfigError, match=rf"(?s){says}.*use sqlite:///"):
        open_store(url)


def test_a_password_is_in_no_message():
    with pytest.raises(StoreError) as told:
        open_store("postgresql+psycopg://ana:secret@127.0.0.1:9/monitor")
    assert "secret" not in str(told.value)
    assert "127.0.0.1:9" in str(told.value)
    assert "cannot be reached" in str(told.value)


def test_a_postgresql_database_that_does_not_exist(postgres_server):
    url = make_url(postgres_server).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match=r"(?s)nowhere.*the database does not exist.*create it"):
        open_store(url)


def test_a_postgresql_user_that_does_not_exist(postgres_server):
    url = make_url(postgres_server).set(username="nobody").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="the user does not exist"):
        open_store(url)


class TestFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(StoreError, match=r"(?s)m\.db: there is no database yet.*db upgrade"):
            open_store(f"sqlite:///{tmp_path}/m.db")
        assert list(tmp_path.iterdir()) == []

    def test_in_a_folder_that_cannot_be_made(self, tmp_path, migrations):
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="folder cannot be made"):
            open_store(f"sqlite:///{tmp_path}/file/m.db", migrations=migrations, migrate=True)

    @pytest.mark.parametrize("content", [b"not a database at all" * 99, b"SQLite format 3\0" * 99])
    def test_not_a_database(self, tmp_path, migrations, content):
        (tmp_path / "m.db").write_bytes(content)
        for more in ({}, {"migrations": migrations, "migrate": True}):
            with pytest.raises(StoreError, match=r"damaged|not an SQLite"):
                open_store(f"sqlite:///{tmp_path}/m.db", **more)
        assert (tmp_path / "m.db").read_bytes() == content

    def test_of_something_else(self, tmp_path):
        with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
            connection.execute("CREATE TABLE holiday (photo BLOB)")
        with pytest.raises(StoreError, match="db upgrade"):
            open_store(f"sqlite:///{tmp_path}/m.db")

    @pytest.mark.parametrize("what", ["file", "folder"])
    def test_read_only(self, sqlite_template, make, what):
        """Tried by a user who may not write; root may everything, so the test gives root up."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "m.db")
            path.write_bytes(sqlite_template.read_bytes())
            path.chmod(0o444 if what == "file" else 0o666)
            Path(folder).chmod(0o777 if what == "file" else 0o555)
            said = as_nobody(lambda: open_store(f"sqlite:///{path}").beat("poll", make.now))
            assert said.startswith(f"{path}: ")
            assert "read-only" in said or "cannot be opened" in said
            assert "may this user" in said or "the right to write" in said


def as_nobody(do):
    """What a StoreError said that ``do`` raised in a process of an unprivileged user."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # later Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            do()
            said = "it was allowed"
        except StoreError as error:
            said = str(error)
        except BaseException as error:
            said = f"not a StoreError: {error!r}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


class TestLockedByAnotherProgram:
    def test_is_told_and_what_follows_is_stored(self, sqlite_url, make, monkeypatch):
        monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
        with closing(open_store(sqlite_url)) as store:
            outside = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
            with closing(outside):
                outside.execute("BEGIN IMMEDIATE")
                for _ in range(3):
                    with pytest.raises(StoreError, match="kept it locked"):
                        make.store_event(store, "a")
                assert store.counts()["items"] == 0  # readers do not wait
                outside.execute("ROLLBACK")
            make.store_event(store, "a")
            assert store.counts()["items"] == 1

    def test_a_write_waits_for_a_short_one(self, sqlite_url, make):
        import threading

        with closing(open_store(sqlite_url)) as store:
            outside = sqlite3.connect(
                sqlite_url.removeprefix("sqlite:///"),
                isolation_level=None,
                check_same_thread=False,
            )
            with closing(outside):
                outside.execute("BEGIN IMMEDIATE")
                timer = threading.Timer(0.5, lambda: outside.execute("ROLLBACK"))
                timer.start()
                make.store_event(store, "a")
                timer.join()
            assert store.counts()["items"] == 1


def test_a_full_disk_is_told_and_nothing_half_is_kept(sqlite_store, make):
    make.store_event(sqlite_store, "before")
    with sqlite_store.db.writer.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 4}")
    big = [make.item(f"{n}", summary="x " * 4000) for n in range(50)]
    with (
        pytest.raises(StoreError, match=r"(?s)disk is full.*free some space"),
        sqlite_store.batch(now=make.at(1)) as batch,
    ):
        batch.add_items(big, how="poll")
    assert sqlite_store.counts()["items"] == 1
    assert sqlite_store.check() == []
    with sqlite_store.db.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    with sqlite_store.batch(now=make.at(2)) as batch:
        assert len(batch.add_items(big, how="poll").new) == 50


def test_settings_that_durability_rests_on(sqlite_store):
    asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    for pool in (sqlite_store.db.writer, sqlite_store.db.reader):
        with pool.connect() as connection:
            found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        assert found == ["wal", 2, 1, 5000]


def test_a_reader_cannot_write(store, make):
    from sqlalchemy import text

    with pytest.raises(StoreError), store.db.read() as connection:
        if not store.db.is_sqlite:
            connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("DELETE FROM meta"))


def test_a_restarted_postgresql_server_is_found_again(postgres_url, make):
    from sqlalchemy import text

    with open_store(postgres_url) as store:
        make.store_event(store, "a")
        assert len(store.hits()) == 1
        with store.db.write() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        with (
            pytest.raises(StoreError, match="cannot be reached"),
            store.batch(now=make.at(1)) as batch,
        ):
            batch.add_items([make.item("b")], how="poll")
            with open_store(postgres_url) as other, other.db.write() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
            batch.add_items([make.item("c")], how="poll")
        assert store.counts()["items"] == 1  # half a batch is none
        make.store_event(store, "b", hours=2)
        assert store.counts()["items"] == 2
