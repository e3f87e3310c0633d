"""The table of what the second reader said."""

from __future__ import annotations

from datetime import datetime

from monitor.store.tables.base import Row, moment, string


class ReadingRow(Row, table=True):
    """One verdict, by what was asked: text, indicator, rules and model in one hash."""

    __tablename__ = "reading"

    key: str = string(key=True)
    verdict: str = string()
    at: datetime = moment(index=True)
