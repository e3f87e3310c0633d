"""Tables of work that several processes share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field

from monitor.store.tables.base import BIG, Row, json, maybe_moment, string


class HostRow(Row, table=True):
    """When a host may be asked again, for all workers: spacing, and what it asked for itself."""

    __tablename__ = "host"

    name: str = string(key=True)
    next_start_at: datetime | None = maybe_moment()
    blocked_until_at: datetime | None = maybe_moment()


class WorkPartRow(Row, table=True):
    """What a finished part of a long piece of work came to; kept until all parts are there."""

    __tablename__ = "work_part"

    run: str = string(key=True)
    part: int = Field(sa_type=BIG, primary_key=True)
    value: Any = json()
