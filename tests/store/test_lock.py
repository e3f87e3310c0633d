"""One run at a time: across threads, processes, and the sudden death of the holder."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from monitor.errors import BusyError, ConfigError
from monitor.store import open_store

HOLD = """
import sys, time
from datetime import UTC, datetime
from monitor.store import open_store
store = open_store(sys.argv[1])
with store.hold_run_lock("all", "monitor run", now=datetime.now(UTC)):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("all", "all", False),
        ("all", "scheduler", False),
        ("web", "all", False),
        ("web", "web", False),
        ("scheduler", "scheduler", False),
        ("scheduler", "worker", True),
        ("worker", "web", True),
    ],
)
def test_roles_on_sqlite(sqlite_url, make, first, second, both):
    with open_store(sqlite_url) as one, open_store(sqlite_url) as two:
        with one.hold_run_lock(first, now=make.now):
            if both:
                with two.hold_run_lock(second, now=make.now):
                    pass
            else:
                with (
                    pytest.raises(BusyError, match="another `monitor run`"),
                    two.hold_run_lock(second, now=make.now),
                ):
                    pass
        with two.hold_run_lock(second, now=make.now):
            pass


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("all", "scheduler", False),
        ("scheduler", "scheduler", False),
        ("worker", "worker", True),
        ("scheduler", "worker", True),
        ("web", "web", True),
    ],
)
def test_roles_on_postgresql(postgres_url, make, first, second, both):
    with open_store(postgres_url) as one, open_store(postgres_url) as two:
        with one.hold_run_lock(first, now=make.now) as lock:
            assert lock.holds()
            if both:
                with two.hold_run_lock(second, now=make.now):
                    pass
            else:
                with (
                    pytest.raises(BusyError, match="another `monitor run`"),
                    two.hold_run_lock(second, now=make.now),
                ):
                    pass
        with two.hold_run_lock(second, now=make.now):
            pass


def test_says_who_holds_it_and_outlives_no_killed_process(store_url, store, make):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, store_url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError) as told, store.hold_run_lock("all", now=make.now):
            pass
        message = str(told.value)
        assert f"process {holder.pid} on " in message
        assert "(monitor run), since 20" in message
        assert store.run_lock_holder() in message
        make.store_event(store, "one-shot commands go on beside it")
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    deadline = time.monotonic() + 5
    while store.run_lock_holder() is not None and time.monotonic() < deadline:
        time.sleep(0.05)  # a PostgreSQL server notices a moment later
    assert store.run_lock_holder() is None
    with store.hold_run_lock("all", now=make.now) as lock:
        assert lock.holds()


def test_a_lost_connection_to_postgresql_is_noticed(postgres_url, make):
    from sqlalchemy import text

    with open_store(postgres_url) as store, store.hold_run_lock("all", now=make.now) as lock:
        with store.db.write() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    " AND pid <> pg_backend_pid()"
                )
            )
        assert not lock.holds()
        assert store.counts()["items"] == 0  # the store itself goes on


def test_an_unknown_role_is_refused(sqlite_store, make):
    with pytest.raises(ConfigError), sqlite_store.hold_run_lock("king", now=make.now):
        pass
