"""How each indicator has done in review: counts from the store's tally, terms of the newest verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.model import Span
from monitor.report.method import Record, false_alarm_terms

NEWEST = 2000  # decided pairs whose terms are counted


def kept_records(store: Any) -> Mapping[tuple[str, str], Record]:
    """(watch, indicator) → its record."""
    decided: dict[str, dict[tuple[str, str], list[Sequence[Span]]]] = {
        "confirmed": {},
        "dismissed": {},
    }
    for status, by_pair in decided.items():
        for pair, spans in store.lead_spans(status=status, limit=NEWEST):
            by_pair.setdefault(pair, []).append(spans)
    return {
        pair: Record(
            confirmed=counts.get("confirmed", 0),
            dismissed=counts.get("dismissed", 0),
            waiting=counts.get("new", 0) + counts.get("second-look", 0),
            terms=false_alarm_terms(
                decided["dismissed"].get(pair, ()), decided["confirmed"].get(pair, ())
            ),
        )
        for pair, counts in store.waiting().items()
    }
