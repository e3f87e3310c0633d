"""What all tables share.

Rules that hold for all: a ``number`` is a key of ours that is never given twice; what an analyst or the
machine decided is appended, never altered; uniqueness that the product promises is a constraint here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Integer,
    MetaData,
    Table,
)
from sqlmodel import Field, SQLModel

from monitor.store.columns import CleanText, JsonText, Seconds, UtcTime

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """The base of all rows, with a catalogue of its own."""

    metadata = MetaData(naming_convention=NAMES)


# SQLite numbers rows itself only where the column's type is exactly INTEGER.
BIG: Any = BigInteger().with_variant(Integer, "sqlite")


def number() -> Any:
    return Field(default=None, sa_type=BIG, primary_key=True)


def string(default: Any = "", *, key: bool = False, index: bool = False) -> Any:
    return Field(default=default, sa_type=CleanText, primary_key=key, index=index)


def maybe_string(*, index: bool = False) -> Any:
    return Field(default=None, sa_type=CleanText, nullable=True, index=index)


def moment(*, index: bool = False) -> Any:
    return Field(sa_type=UtcTime, nullable=False, index=index)


def maybe_moment(*, index: bool = False) -> Any:
    return Field(default=None, sa_type=UtcTime, nullable=True, index=index)


def json(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_type=JsonText, nullable=nullable)


def seconds() -> Any:
    return Field(default=None, sa_type=Seconds, nullable=True)


def refers_to(target: str, *, index: bool = True, nullable: bool = False) -> Any:
    return Field(sa_type=BIG, sa_column_args=[ForeignKey(target)], index=index, nullable=nullable)


NUMBERED = {"sqlite_autoincrement": True}


def table(row: type[Row]) -> Table:
    """The Core table of a row class: what all statements are written against."""
    return Row.metadata.tables[str(row.__tablename__)]
