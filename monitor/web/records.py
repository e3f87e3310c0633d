"""How each indicator has done in review: counts from the store's tally, terms of the newest hits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.model import Hit
from monitor.report.method import Record, false_alarm_terms

NEWEST = 2000  # decided hits whose terms are counted


def kept_records(store: Any) -> Mapping[tuple[str, str], Record]:
    """(watch, indicator) → its record."""
    decided: dict[str, dict[tuple[str, str], list[Hit]]] = {"confirmed": {}, "dismissed": {}}
    for status, by_pair in decided.items():
        for stored in store.hits(status=status, limit=NEWEST):
            by_pair.setdefault((stored.hit.watch, stored.hit.indicator), []).append(stored.hit)
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
