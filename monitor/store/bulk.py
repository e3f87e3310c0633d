"""Many rows at once, and long lists in a condition: the two things that the hot path consists of.

SQLAlchemy's own executemany looks at every value of every row; here each *column* is prepared as a
whole (a batch of clean ASCII is seen to be clean in one look), and the driver gets plain tuples. It is
a third of the time of the rest, for the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    any_,
    bindparam,
    exc,
    func,
    select,
)

from monitor.store.columns import CleanText, JsonText, UtcTime, clean

Prepare = Callable[[list[Any]], Iterable[Any]]


def bulk_insert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    skip_known: bool = False,
) -> None:
    """Inserts rows that all have the same columns; with ``skip_known`` those that are new."""
    if not rows:
        return
    names = tuple(rows[0])
    columns = [_prepared(connection, table.c[name], [row[name] for row in rows]) for name in names]
    data = zip(*columns, strict=True)
    if connection.dialect.name == "postgresql" and not skip_known:
        _copy_in(connection, table, names, data)
        return
    statement = _statement(connection.dialect.name, table, names, skip_known)
    connection.exec_driver_sql(statement, list(data))


def among(connection: Connection, column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """The condition ``column IN values`` with one parameter, however many values there are."""
    if connection.dialect.name == "sqlite":
        listed = func.json_each(json.dumps(list(values))).table_valued("value")
        found: ColumnElement[bool] = column.in_(select(listed.c.value))
        return found
    kind = Text() if isinstance(column.type, CleanText) else column.type
    matched: ColumnElement[bool] = column == any_(bindparam(None, list(values), ARRAY(kind)))
    return matched


def listed_pairs(connection: Connection, pairs: Sequence[tuple[str, str]]) -> Any:
    """A table of two columns, ``a`` and ``b``, of these pairs: one or two parameters in all."""
    if connection.dialect.name == "sqlite":
        listed = func.json_each(json.dumps(pairs)).table_valued("value")
        columns = (func.json_extract(listed.c.value, path) for path in ("$[0]", "$[1]"))
        return select(*(c.label(name) for c, name in zip(columns, "ab", strict=True))).subquery()
    first, second = (bindparam(None, [pair[n] for pair in pairs], ARRAY(Text())) for n in (0, 1))
    return func.unnest(first, second).table_valued("a", "b").render_derived()


def _copy_in(
    connection: Connection, table: Table, names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]
) -> None:
    """PostgreSQL's COPY, which is several times as fast as INSERT."""
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f'COPY "{table.name}" ({columns}) FROM STDIN'
    raw: Any = connection.connection.driver_connection
    errors: Any = connection.dialect.dbapi
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except errors.Error as error:  # as SQLAlchemy would have raised it
        raise exc.DBAPIError.instance(
            statement, None, error, errors.Error, dialect=connection.dialect
        ) from error


@lru_cache(maxsize=64)
def _statement(dialect: str, table: Table, names: tuple[str, ...], skip_known: bool) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    columns = ", ".join(f'"{name}"' for name in names)
    ending = " ON CONFLICT DO NOTHING" if skip_known else ""
    return (
        f'INSERT INTO "{table.name}" ({columns}) VALUES ({", ".join([mark] * len(names))}){ending}'
    )


def _prepared(connection: Connection, column: Column[Any], values: list[Any]) -> Iterable[Any]:
    kind = column.type
    if isinstance(kind, CleanText):
        return _texts(values)
    if isinstance(kind, UtcTime):
        return _times(kind, connection, values)
    if isinstance(kind, JsonText):
        return _texts([json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values])
    return values


def _texts(values: list[Any]) -> Iterable[Any]:
    """The values themselves if all are clean, as nearly always."""
    joined = "".join(filter(None, values))
    if "\0" not in joined:
        try:
            joined.encode()
        except UnicodeEncodeError:
            pass
        else:
            return values
    return [value if value is None else clean(value) for value in values]


def _times(kind: UtcTime, connection: Connection, values: list[Any]) -> Iterable[Any]:
    known: dict[Any, Any] = {}
    for value in set(values):
        utc: Any = kind.process_bind_param(value, connection.dialect)
        if utc is not None and connection.dialect.name == "sqlite":
            utc = utc.isoformat(sep=" ", timespec="microseconds")
        known[value] = utc
    return [known[value] for value in values]
