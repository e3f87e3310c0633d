"""The present rules on stored items: what a rematch changes, or would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.model import Hit, Item
from monitor.pipeline import BATCH_ITEMS, Line, Pairs, assess_watches, chunks, group_hits

LISTED = 50  # hits of one indicator that are listed as gained, and as lost


@dataclass(slots=True)
class Change:
    """What a rematch changes, or would."""

    items: int = 0
    gained: int = 0
    lost: int = 0
    kept: int = 0
    by_indicator: dict[str, tuple[int, int]] = field(default_factory=dict)
    examples: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    """(indicator, + or −) → (item, title): the first ``LISTED`` of each."""

    def note(self, sign: str, item: str, indicator: str, title: str) -> None:
        gained, lost = self.by_indicator.get(indicator, (0, 0))
        plus = sign == "+"
        self.by_indicator[indicator] = (gained + plus, lost + (not plus))
        self.gained += plus
        self.lost += not plus
        self._list(sign, item, indicator, title)

    def _list(self, sign: str, item: str, indicator: str, title: str) -> None:
        listed = self.examples.setdefault((indicator, sign), [])
        if len(listed) < LISTED:
            listed.append((item, title))

    def add(self, other: Mapping[str, Any]) -> None:
        """Adds what another, as JSON, has counted."""
        self.items += other["items"]
        self.kept += other["kept"]
        self.gained += other["gained"]
        self.lost += other["lost"]
        for indicator, found in other["by_indicator"].items():
            gained, lost = self.by_indicator.get(indicator, (0, 0))
            self.by_indicator[indicator] = (gained + found["gained"], lost + found["lost"])
        for each in other["examples"]:
            self._list(each["change"], each["item"], each["indicator"], each["title"])

    def as_json(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "gained": self.gained,
            "lost": self.lost,
            "kept": self.kept,
            "by_indicator": {
                indicator: {"gained": gained, "lost": lost}
                for indicator, (gained, lost) in sorted(self.by_indicator.items())
            },
            "examples": [
                {"change": sign, "indicator": indicator, "item": item, "title": title}
                for (indicator, sign), listed in sorted(self.examples.items())
                for item, title in listed
            ],
        }


def rematch(
    line: Line, *, now: datetime, since: datetime | None = None, dry_run: bool = False
) -> Change:
    """Applies the present rules to stored items. A dry run only counts."""
    change = rematch_items(line, line.store.items(since=since), now=now, dry_run=dry_run)
    if not dry_run:
        assess_watches(line, now)
    return change


def rematch_items(line: Line, wanted: Iterable[Item], *, now: datetime, dry_run: bool) -> Change:
    """``rematch`` of some items, without looking at levels: what one of many workers does."""
    change = Change()
    for items in chunks(wanted, BATCH_ITEMS):
        held = line.store.held_hits([item.id for item in items])
        pairs: Pairs = [*line.matcher.match_many(items)]
        if line.read is not None:
            pairs = line.read(pairs, now, False)
        found = {item.id: (item, hits) for item, hits in pairs}
        change.items += len(items)
        touched = [id for id in found if _differs(change, *found[id], held.get(id, set()))]
        if dry_run or not (touched or any(found[id][1] for id in found)):
            continue
        with line.store.batch(now=now) as batch:
            for id in touched:
                keep = {(hit.watch, hit.indicator) for hit in found[id][1]}
                batch.withdraw_hits(id, keep=keep)
            fresh = batch.add_hits(
                [hit for _, hits in found.values() for hit in hits], how="rematch"
            )
            group_hits(line, batch, fresh, now)
    return change


def _differs(change: Change, item: Item, hits: Sequence[Hit], held: set[tuple[str, str]]) -> bool:
    now_held = {(hit.watch, hit.indicator) for hit in hits}
    for _, indicator in sorted(now_held - held):
        change.note("+", item.id, indicator, item.title)
    for _, indicator in sorted(held - now_held):
        change.note("−", item.id, indicator, item.title)
    change.kept += len(held & now_held)
    return bool(held - now_held)
