"""One scheduler of several: the lock is taken, lost, given up and, from one that hangs, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from monitor.app.working import Election
from monitor.store import SqlStore, open_store


def _candidate(store: SqlStore) -> Election:
    return Election(
        lambda: store.hold_run_lock("scheduler", "monitor run", now=datetime.now(UTC)),
        renew=store.renew_run_lock,
        end_silent=store.end_silent_scheduler,
    )


@pytest.fixture
def candidates(shared: SqlStore, postgres_url: str) -> Iterator[tuple[Election, Election]]:
    with ExitStack() as stack:
        other = stack.enter_context(open_store(postgres_url))
        made = (_candidate(shared), _candidate(other))
        for each in made:
            stack.callback(each.resign)
        yield made


def test_one_schedules_and_the_other_stands_by(candidates: tuple[Election, Election]) -> None:
    first, second = candidates
    assert [first.look(), second.look(), first.look()] == [True, False, True]
    assert (first.won, second.won) == (True, False)


def test_who_resigns_is_followed(candidates: tuple[Election, Election]) -> None:
    first, second = candidates
    first.look()
    first.resign()
    assert second.look()
    assert not first.look()


def test_one_that_was_cut_off_is_followed_and_notices(
    candidates: tuple[Election, Election], shared: SqlStore
) -> None:
    first, second = candidates
    first.look()
    with shared.db.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND granted"
            )
        )
    assert second.look()
    assert not first.look()
    assert not first.won


def test_one_that_hangs_loses_its_lock(
    candidates: tuple[Election, Election], shared: SqlStore
) -> None:
    first, second = candidates
    first.look()
    with shared.db.write() as connection:
        connection.execute(
            text("UPDATE meta SET at = now() - interval '2 minutes' WHERE key = 'scheduler'")
        )
    assert not second.look(), "it takes the lock away, and has it the next time it looks"
    assert second.look()
    assert not first.look()
