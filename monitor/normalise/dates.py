"""Dates as feeds write them, in UTC. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before the web: a made-up date
_NUMERIC = re.compile(r"\d{4}-\d{2}-\d{2}")


def moment(text: str, parsed: datetime | None, *, now: datetime) -> datetime | None:
    """When it says it was published: never later than ``now``, None where it cannot be."""
    found = parsed or read_date(text)
    if found is None:
        return None
    try:
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        return None
    if found < _EARLIEST:
        return None
    return min(found, now.astimezone(UTC))


def read_date(text: str) -> datetime | None:
    """ISO 8601 or RFC 5322; a date without a zone is taken for UTC."""
    text = text.strip()
    if not text:
        return None
    try:
        if _NUMERIC.match(text):
            return _aware(datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "")))
        return _aware(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
