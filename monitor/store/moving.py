"""Moving an installation from SQLite to PostgreSQL: copied in pages, resumable, checked row by row.

The source is read in one snapshot under the run locks, so the service is stopped. How far each table
has come is kept in the target, in the transaction of the rows themselves; a copy that was cut off goes
on from there. At the end every row of the source is compared with the target's, and the numbering goes
on behind the highest number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    update,
)

from monitor.errors import ConfigError, StoreError
from monitor.store import schema
from monitor.store.engine import Database
from monitor.store.lock import holding_all
from monitor.store.part import insert_new, upsert
from monitor.store.tables import EVENT, META, Row

PAGE = 2000
_MARK = "copy of "
Progress = Callable[[str, int, int], None]
"""Called with a table's name, the rows done and the rows there are."""


def copy_database(
    source_url: str,
    target_url: str,
    *,
    migrations: Path,
    now: datetime,
    progress: Progress = lambda table, done, total: None,
) -> Mapping[str, int]:
    """Copies everything into an empty PostgreSQL database and verifies it; rows by table.

    Called again after a failure it goes on. Raises StoreError if the target holds anything else, or
    if a row differs at the end (the source was changed between two goes).
    """
    source, target = Database(source_url), Database(target_url)
    try:
        if source.path is None or target.path is not None:
            raise ConfigError(
                "a copy goes from SQLite to PostgreSQL",
                subject=target.name,
                remedy="name the URL of an empty PostgreSQL database; for a file use `db backup`",
            )
        schema.require_current(source)
        schema.upgrade(target, migrations)
        _require_empty(target, source)
        with holding_all(source.path, now), source.read() as reading:
            return _copy(reading, target, now, progress, _MARK + str(source.path.resolve()))
    finally:
        source.close()
        target.close()


def _require_empty(target: Database, source: Database) -> None:
    mark = _MARK + str(source.path.resolve() if source.path else "")
    with target.read() as connection:
        if connection.execute(select(META.c.key).where(META.c.key.startswith(mark))).first():
            return
        for table in Row.metadata.sorted_tables:
            if connection.execute(select(table).limit(1)).first():
                raise StoreError(
                    f"the database is not empty: there are rows in {table.name}",
                    subject=target.name,
                    remedy="create a new database for the copy",
                )


def _copy(
    reading: Connection, target: Database, now: datetime, progress: Progress, mark: str
) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for table in Row.metadata.sorted_tables:
        total = int(reading.execute(select(func.count()).select_from(table)).scalar_one())
        _copy_table(reading, target, table, now, mark, total, progress)
        counts[table.name] = total
    _link_merged(reading, target)
    for table in Row.metadata.sorted_tables:
        _verify(reading, target, table, counts[table.name])
    with target.write() as connection:
        for table in Row.metadata.sorted_tables:
            if "number" in table.c:
                _go_on_numbering(reading, connection, table)
        connection.execute(META.delete().where(META.c.key.startswith(mark)))
    return counts


def _pages(reading: Connection, table: Table, after: int = 0) -> Any:
    rowid: ColumnElement[int] = literal_column("rowid", Integer)
    while True:
        query = select(rowid.label("rowid_"), *table.c).select_from(table).where(rowid > after)
        rows = reading.execute(query.order_by(rowid).limit(PAGE)).all()
        if not rows:
            return
        yield rows
        after = rows[-1].rowid_


def _copy_table(
    reading: Connection,
    target: Database,
    table: Table,
    now: datetime,
    mark: str,
    total: int,
    progress: Progress,
) -> None:
    key = f"{mark} {table.name}"
    with target.read() as connection:
        reached = (
            connection.execute(select(META.c.value).where(META.c.key == key)).scalar() or "0 0"
        )
    after, done = (int(each) for each in reached.split())
    progress(table.name, done, total)
    for rows in _pages(reading, table, after):
        values = [{column.name: row._mapping[column] for column in table.c} for row in rows]
        if table is EVENT:
            values = [value | {"merged_into": None} for value in values]  # may point forward
        done += len(rows)
        with target.write() as connection:
            if table is META:  # where the marks of this copy stand, too
                insert_new(connection, table, values)
            else:
                connection.execute(insert(table), values)
            note = {"key": key, "value": f"{rows[-1].rowid_} {done}", "at": now}
            upsert(connection, META, note, key=["key"])
        progress(table.name, done, total)


def _link_merged(reading: Connection, target: Database) -> None:
    merged = reading.execute(
        select(EVENT.c.number, EVENT.c.merged_into).where(EVENT.c.merged_into.is_not(None))
    ).all()
    with target.write() as connection:
        for row in merged:
            connection.execute(
                update(EVENT)
                .where(EVENT.c.number == row.number)
                .values(merged_into=row.merged_into)
            )


def _verify(reading: Connection, target: Database, table: Table, total: int) -> None:
    """Every row of the source is in the target, value for value, and no other."""
    keys = list(table.primary_key.columns)
    with target.read() as connection:
        for rows in _pages(reading, table):
            wanted = {tuple(row._mapping[key] for key in keys): row for row in rows}
            query = select(table).where(tuple_(*keys).in_(list(wanted)))
            found = {
                tuple(row._mapping[key] for key in keys): row for row in connection.execute(query)
            }
            for key, row in wanted.items():
                there = found.get(key)
                if there is None or any(row._mapping[c] != there._mapping[c] for c in table.c):
                    raise _differs(target, table, str(key))
        count = select(func.count()).select_from(table)
        if table is META:
            count = count.where(~META.c.key.startswith(_MARK))
        if connection.execute(count).scalar_one() != total:
            raise _differs(target, table, "rows that the source does not have")


def _differs(target: Database, table: Table, what: str) -> StoreError:
    return StoreError(
        f"the copy differs from the source in table {table.name}: {what}",
        subject=target.name,
        remedy="the source was changed meanwhile: stop everything that writes to it, create a new "
        "database and copy again",
    )


def _go_on_numbering(reading: Connection, connection: Connection, table: Table) -> None:
    last = reading.execute(
        text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
    ).scalar()
    if last:
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, 'number'), :last)"),
            {"name": table.name, "last": int(last)},
        )
