"""Copies, their return, moving house, checks and retention."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import text

from monitor.errors import BusyError, ConfigError, StoreError
from monitor.store import copy_database, open_store, restore
from monitor.store import moving as moving_module


@pytest.fixture
def filled(sqlite_store, make):
    """An SQLite store with something in every table that has rows in daily life."""
    return fill(sqlite_store, make)


def fill(store, make):
    store.sync_feeds([make.feed("bbc", declared_in="feeds.yaml", reliability="B")], now=make.now)
    event = make.store_event(store, "a", "b", "c")
    other = make.store_event(store, "d", hours=1)
    with store.batch(now=make.at(2)) as batch:
        batch.add_items([make.item("a", title="Edited \0 ❤"), make.item("e")], how="poll")
        batch.add_hits([make.hit("bbc-a", rules="r2")], how="rematch")
        batch.finish_poll(make.poll(hours=2), store_state())
    store.add_review(make.review(event, hours=3))
    store.merge_events(event, other, by="ana", at=make.at(4))
    store.split_event(other, ["bbc-b"], by="ana", at=make.at(5))
    hits = store.unsent_hits("daily", "ana@example.org")
    store.freeze(make.message(hits=[hit.number for hit in hits]))
    store.note_rules("w", "r1", "text", now=make.now)
    store.beat("poll", make.now, {"items": 4})
    store.secret()
    return store


def store_state():
    from monitor.model import FeedState, Validators

    return FeedState(validators=Validators(etag='"1"'), polls=1)


def everything(store):
    """What a reader can see of a store."""
    return (
        store.feeds(),
        list(store.items()),
        store.hits(),
        store.events(),
        store.reviews(),
        store.outgoing(),
        store.audit_log(),
        store.counts(),
        store.beats(),
        store.secret(),
    )


class TestBackup:
    def test_is_a_whole_copy_while_the_store_is_written(self, filled, make, tmp_path):
        copy = tmp_path / "copy.db"
        with filled.batch(now=make.at(9)) as batch:
            batch.add_items([make.item("not yet")], how="poll")
            before = everything(filled)
            filled.backup(copy)
        with open_store(f"sqlite:///{copy}") as copied:
            assert everything(copied) == before

    def test_never_overwrites(self, filled, tmp_path):
        copy = tmp_path / "copy.db"
        copy.write_text("precious")
        with pytest.raises(StoreError, match="exists"):
            filled.backup(copy)
        assert copy.read_text() == "precious"

    def test_that_fails_leaves_nothing_behind(self, filled, tmp_path):
        with pytest.raises(StoreError, match="could not be written"):
            filled.backup(tmp_path / "no such folder" / "copy.db")
        assert not list(tmp_path.glob("**/*partial*"))

    def test_of_postgresql_comes_back_into_an_empty_database(
        self, postgres_url, empty_postgres_url, make, tmp_path
    ):
        with open_store(postgres_url) as store:
            before = everything(fill(store, make))
            store.backup(tmp_path / "copy.dump")
        assert restore(empty_postgres_url, tmp_path / "copy.dump", now=make.now) is None
        with open_store(empty_postgres_url) as restored:
            assert everything(restored) == before
            assert restored.check() == []
        with pytest.raises(StoreError, match="not empty"):
            restore(empty_postgres_url, tmp_path / "copy.dump", now=make.now)


class TestRestore:
    def test_brings_the_copy_back_and_keeps_what_was_there(
        self, filled, make, sqlite_url, tmp_path
    ):
        filled.backup(tmp_path / "copy.db")
        before = everything(filled)
        make.store_event(filled, "later", hours=6)
        after = everything(filled)
        filled.close()
        kept = restore(sqlite_url, tmp_path / "copy.db", now=make.at(7))
        with open_store(sqlite_url) as restored, open_store(f"sqlite:///{kept}") as old:
            assert everything(restored) == before
            assert everything(old) == after
        assert restore(sqlite_url, tmp_path / "copy.db", now=make.at(7)) != kept

    def test_into_nothing_makes_the_database(self, filled, make, tmp_path):
        filled.backup(tmp_path / "copy.db")
        assert restore(f"sqlite:///{tmp_path}/new.db", tmp_path / "copy.db", now=make.now) is None
        with open_store(f"sqlite:///{tmp_path}/new.db") as restored:
            assert everything(restored) == everything(filled)

    def test_over_a_damaged_database_works(self, filled, make, sqlite_url, tmp_path):
        filled.backup(tmp_path / "copy.db")
        before = everything(filled)
        filled.close()
        Path(sqlite_url.removeprefix("sqlite:///")).write_bytes(b"noise" * 5000)
        kept = restore(sqlite_url, tmp_path / "copy.db", now=make.now)
        assert kept.read_bytes() == b"noise" * 5000
        with open_store(sqlite_url) as restored:
            assert everything(restored) == before

    @pytest.mark.parametrize("what", ["noise", "cut off", "flipped", "not ours", "missing"])
    def test_of_a_bad_copy_touches_nothing(self, filled, make, sqlite_url, tmp_path, what):
        copy = tmp_path / "copy.db"
        filled.backup(copy)
        data = bytearray(copy.read_bytes())
        if what == "noise":
            copy.write_bytes(b"noise" * 5000)
        elif what == "cut off":
            copy.write_bytes(data[: len(data) // 2])
        elif what == "flipped":
            data[4096 * 3 : 4096 * 6] = b"\xa5" * (4096 * 3)
            copy.write_bytes(data)
        elif what == "not ours":
            copy.unlink()
            with sqlite3.connect(copy) as connection:
                connection.execute("CREATE TABLE holiday (photo BLOB)")
            connection.close()
        else:
            copy.unlink()
        before = everything(filled)
        filled.close()
        with pytest.raises(StoreError):
            restore(sqlite_url, copy, now=make.now)
        with open_store(sqlite_url) as still:
            assert everything(still) == before

    def test_is_refused_while_a_run_uses_the_database(self, filled, make, sqlite_url, tmp_path):
        filled.backup(tmp_path / "copy.db")
        with (
            filled.hold_run_lock("web", now=make.now),
            pytest.raises(BusyError, match="another `monitor run`"),
        ):
            restore(sqlite_url, tmp_path / "copy.db", now=make.now)


class TestCopyToPostgres:
    @pytest.fixture
    def copy(self, sqlite_url, empty_postgres_url, migrations, make):
        return lambda **more: copy_database(
            sqlite_url, empty_postgres_url, migrations=migrations, now=make.now, **more
        )

    def test_has_every_row_and_goes_on_from_there(self, filled, make, copy, empty_postgres_url):
        seen = []
        rows = copy(progress=lambda *step: seen.append(step))
        assert (rows["item"], rows["hit_past"], seen[-1][1]) == (5, 1, seen[-1][2])
        with open_store(empty_postgres_url) as copied:
            assert everything(copied) == everything(filled)
            assert copied.search("edited").found == filled.search("edited").found
            assert copied.check() == []
            new = make.store_event(copied, "new", hours=10)
            assert new > max(event.id for event in filled.events())

    def test_that_was_cut_off_goes_on(self, filled, copy, empty_postgres_url, monkeypatch):
        monkeypatch.setattr(moving_module, "PAGE", 2)

        class CutOffError(Exception):
            pass

        def cut(table, done, total):
            if (table, done) == ("item", 4):
                raise CutOffError

        with pytest.raises(CutOffError):
            copy(progress=cut)
        starts = {}
        copy(progress=lambda table, done, total: starts.setdefault(table, done))
        assert starts["item"] == 4
        with open_store(empty_postgres_url) as copied:
            assert everything(copied) == everything(filled)

    def test_finds_a_row_that_differs(self, filled, copy, empty_postgres_url, monkeypatch):
        def cut(table, done, total):
            if table == "hit" and done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            copy(progress=cut)
        with filled.db.write() as connection:
            connection.execute(text("UPDATE item SET title = 'other' WHERE number = 1"))
        with pytest.raises(StoreError, match="differs from the source in table item"):
            copy()

    def test_into_a_database_with_rows_is_refused(
        self, filled, make, copy, empty_postgres_url, migrations
    ):
        with open_store(empty_postgres_url, migrations=migrations, migrate=True) as other:
            make.store_event(other, "mine")
        with pytest.raises(StoreError, match="not empty"):
            copy()

    def test_goes_one_way_only(self, sqlite_url, tmp_path, migrations, make):
        with pytest.raises(ConfigError, match="from SQLite to PostgreSQL"):
            copy_database(
                sqlite_url, f"sqlite:///{tmp_path}/x.db", migrations=migrations, now=make.now
            )


class TestRetention:
    def test_items_without_hits_go_and_evidence_never(self, store, make):
        make.store_event(store, "evidence")
        with store.batch(now=make.at(0)) as batch:
            batch.add_items([make.item(f"old {n}") for n in range(5)], how="poll")
            batch.add_items([make.item("withdrawn")], how="poll")
            batch.add_hits([make.hit("bbc-withdrawn")], how="poll")
        with store.batch(now=make.at(1)) as batch:
            batch.add_items([make.item("old 0", title="Edited")], how="poll")
            batch.withdraw_hits("bbc-withdrawn", keep=[])
        with store.batch(now=make.at(10)) as batch:
            batch.add_items([make.item("young")], how="poll")
        assert store.expire(items_before=make.at(5), now=make.at(10), limit=2) == 2
        assert store.expire(items_before=make.at(5), now=make.at(10)) == 3
        left = {item.id for item in store.items()}
        assert left == {"bbc-evidence", "bbc-withdrawn", "bbc-young"}
        assert store.search("old").found == ()
        assert store.check() == []

    def test_numbers_of_deleted_items_are_not_given_again(self, store, make):
        def add(name, hours):
            with store.batch(now=make.at(hours)) as batch:
                batch.add_items([make.item(name)], how="poll")
            return max(number for number, _ in store.numbered_items())

        first = add("a", 0)
        store.expire(items_before=make.at(1), now=make.at(1))
        assert add("b", 2) > first


class TestChecks:
    SPOILT: ClassVar = {
        "UPDATE message SET state = 'sent', sent_at = NULL": "sent without a time",
        "UPDATE pair SET origins = 9": "inbox's row",
        "DELETE FROM pair": "inbox's row",
        "DELETE FROM item_search": "found by its words",
        "UPDATE hit SET withdrawn_at = '2001-01-01 00:00:00'": "withdrawn before it was stored",
        "DELETE FROM feed_day": "fewer than the log",
        "DELETE FROM sighting": "never seen",
    }

    def test_a_sound_store_has_no_findings(self, store, make):
        assert fill(store, make).check() == []

    @pytest.mark.parametrize(("statement", "finding"), SPOILT.items(), ids=SPOILT.values())
    def test_what_does_not_add_up_is_found(self, store, make, statement, finding):
        fill(store, make)
        with store.db.write() as connection:
            connection.execute(text(statement))
        assert finding in "\n".join(store.check())

    def test_a_reference_to_nothing_is_found_on_sqlite(self, filled, sqlite_url):
        connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
        connection.execute("DELETE FROM item WHERE number = 1")
        connection.commit()
        connection.close()
        assert "refers to a item that is not there" in "\n".join(filled.check())

    def test_a_damaged_file_is_found(self, filled, sqlite_url, tmp_path):
        filled.close()
        copy = tmp_path / "spoilt.db"
        shutil.copy(sqlite_url.removeprefix("sqlite:///"), copy)
        data = bytearray(copy.read_bytes())
        data[4096 * 3 : 4096 * 6] = b"\xa5" * (4096 * 3)
        copy.write_bytes(data)
        with pytest.raises(StoreError), open_store(f"sqlite:///{copy}") as store:
            if found := store.check():
                raise StoreError("\n".join(found))
