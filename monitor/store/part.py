"""What the parts of the store share: the database, chunked lists, upserts, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, case, literal, text
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.engine import Database

T = TypeVar("T")

CHUNK = 900  # values in one IN list; SQLite's own limit is 32,766, long lists only plan slower


class Part:
    """A part of the store: one concern, on one database."""

    db: Database


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most ``size``."""
    source = iter(values)
    while chunk := list(islice(source, size)):
        yield chunk


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows; those that a constraint already holds are left as they are."""
    if rows:
        connection.execute(
            inserting(connection, table).on_conflict_do_nothing(), [dict(row) for row in rows]
        )


def upsert(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Inserts a row, or sets every column but ``key`` and ``keep`` of the one with that key."""
    statement = inserting(connection, table).values(**row)
    changed = {
        name: statement.excluded[name] for name in row if name not in key and name not in keep
    }
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))


def inserting(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def not_before(began: ColumnElement[datetime], now: datetime) -> ColumnElement[datetime]:
    """``now``, or when the thing began if that is later.

    The clock may have been set back, and of two machines one may be a little behind.
    """
    return case((began > now, began), else_=literal(now, began.type))


def numbers(connection: Connection, table: Table, count: int) -> range | list[int]:
    """The next ``count`` numbers of a table; never given twice, even after a deletion.

    Within a write transaction only: on SQLite that is what makes them ours.
    """
    if not count:
        return []
    if connection.dialect.name == "sqlite":
        last = connection.execute(
            text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
        ).scalar()
        first = int(last or 0) + 1
        return range(first, first + count)
    found = connection.execute(
        text(
            "SELECT nextval(pg_get_serial_sequence(:name, 'number')) FROM generate_series(1, :count)"
        ),
        {"name": table.name, "count": count},
    )
    return [int(number) for number in found.scalars()]
