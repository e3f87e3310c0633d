"""Made-up items and hits, and a store in memory that applies drafts as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from monitor.model import Concept, Event, Hit, Item, Member, Stage, StoredHit, Watch
from monitor.protocols import EventDraft

START = datetime(2026, 3, 2, 8, tzinfo=UTC)

CONCEPTS = {
    id: Concept(id=id, kind=kind, forms={"en": (id,)})
    for id, kind in {
        "iran": "state", "russia": "state", "israel": "state", "ukraine": "state", "drone": "class",
        "iaea": "org", "supply": "lexicon", "strike": "lexicon", "damascus": "place", "su35": "weapon",
    }.items()
}  # fmt: skip
WATCH = Watch(
    id="w", title="", question="", source="", hypotheses=(), indicators=(), concepts=CONCEPTS
)


def make_item(
    id: str, title: str, *, hours: float = 0, lang: str = "en", feed: str = "", summary: str = ""
) -> Item:
    at = START + timedelta(hours=hours)
    return Item(
        id=id, identity=id, feed=feed or f"feed-{id}", title=title, summary=summary, link="",
        lang=lang, source="", published_at=at, first_seen_at=at,
    )  # fmt: skip


def make_hit(
    item: Item,
    *concepts: str,
    stage: Stage | None = "act",
    indicator: str = "i",
    score: float = 0.8,
) -> StoredHit:
    hit = Hit(
        watch="w", indicator=indicator, item=item.id, rules="r", score=score, stage=stage, spans=(),
        branch="b", query="q", concepts=concepts,
    )  # fmt: skip
    assert item.first_seen_at is not None
    return StoredHit(number=0, hit=hit, item=item, event=None, stored_at=item.first_seen_at)


class Shelf:
    """Events by number; what the real store does with drafts, without a database."""

    def __init__(self) -> None:
        self.members: dict[int, dict[str, Member]] = {}
        self.hits: dict[str, list[StoredHit]] = {}
        self.of: dict[str, int] = {}
        self.reviews: dict[int, dict[tuple[str, str], str]] = {}

    def events(self) -> list[Event]:
        found = []
        for number, members in sorted(self.members.items()):
            some = tuple(members.values())
            if some:
                seen = [each.item.first_seen_at or START for each in some]
                found.append(
                    Event(
                        id=number,
                        title=some[0].item.title,
                        first_seen_at=min(seen),
                        last_seen_at=max(seen),
                        members=some,
                        hits=tuple(hit for each in some for hit in self.hits[each.item.id]),
                        reviews=self.reviews.get(number, {}),  # type: ignore[arg-type]
                    )
                )
        return found

    def apply(self, hits: Iterable[StoredHit], drafts: Iterable[EventDraft]) -> None:
        items = {}
        for stored in hits:
            self.hits.setdefault(stored.item.id, []).append(stored)
            items[stored.item.id] = stored.item
        keys: dict[str, int] = {}
        for draft in drafts:
            event = draft.event
            if event is None:
                event = keys.setdefault(draft.key, 1 + max([0, *self.members, *keys.values()]))
            before = self.of.get(draft.item)
            if before is not None and before != event:
                del self.members[before][draft.item]
            self.of[draft.item] = event
            item = self.hits[draft.item][0].item
            self.members.setdefault(event, {})[draft.item] = Member(
                item=item,
                role=draft.role,
                of=draft.of,
                why=draft.why,  # type: ignore[arg-type]
            )

    def put(self, event: int, item: str, *, why: str, pinned: bool) -> None:
        """As an analyst would: takes an item elsewhere."""
        member = self.members[self.of[item]].pop(item)
        self.members.setdefault(event, {})[item] = replace(member, why=why, pinned=pinned)
        self.of[item] = event

    def partition(self) -> set[frozenset[str]]:
        return {frozenset(some) for some in self.members.values() if some}

    def roles(self) -> dict[str, tuple[str, str]]:
        return {
            id: (member.role, member.of)
            for some in self.members.values()
            for id, member in some.items()
        }


@pytest.fixture
def lab() -> SimpleNamespace:
    def run(
        grouper: Callable[..., Sequence[EventDraft]], batches: Iterable[list[StoredHit]]
    ) -> Shelf:
        shelf = Shelf()
        for batch in batches:
            drafts = grouper(batch, shelf.events(), START + timedelta(days=3))
            shelf.apply(batch, drafts)
        return shelf

    return SimpleNamespace(
        item=make_item, hit=make_hit, Shelf=Shelf, run=run, watch=WATCH, start=START
    )
