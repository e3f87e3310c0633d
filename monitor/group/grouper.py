"""New hits in, drafts out: which event each item joins or opens."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.group.fingerprint import Reader
from monitor.group.independence import behind
from monitor.group.likeness import compare, why
from monitor.group.roles import Place, places
from monitor.group.window import Window, partition
from monitor.model import STAGES, Event, Feed, Hit, Item, StoredHit, Watch
from monitor.protocols import EventDraft

WORTH: Mapping[str, float] = {
    "cue": 0.0, "state": 0.7, "group": 0.4, "class": 0.5, "lexicon": 0.4, "office": 0.9,
    "actor": 1.0, "concept": 0.8,
}  # fmt: skip
"""What sharing a concept is worth, by its kind; named things that are rarer are worth ``NAMED``."""
NAMED = 1.3
FIRST = "first report"
_SPLIT = re.compile(r"split from event (\d+)")


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where an item stands in the store."""

    event: int
    place: Place
    why: str


class Grouper:
    """Groups the hits of one set of watches. Holds nothing that it could not work out again.

    ``group`` gives the same whether this object has seen the events before or not; its memory is the
    window's items and ends with them.
    """

    def __init__(self, watches: Sequence[Watch] = (), feeds: Iterable[Feed] = ()) -> None:
        self.feeds = {feed.id: feed for feed in feeds}
        self._reader = Reader(worths(watches))
        self._window = Window()
        self._events: dict[int, Event] = {}
        self._seen: dict[str, _Seen] = {}
        self._fixed: dict[str, int] = {}
        self._items: dict[str, Item] = {}
        self._hits: dict[str, dict[tuple[str, str], Hit]] = {}

    def __len__(self) -> int:
        """Items held."""
        return len(self._window)

    def __call__(
        self, hits: Sequence[StoredHit], events: Sequence[Event], now: datetime
    ) -> tuple[EventDraft, ...]:
        return self.group(hits, events, now=now)

    def group(
        self, hits: Sequence[StoredHit], events: Sequence[Event], *, now: datetime
    ) -> tuple[EventDraft, ...]:
        """Drafts for the items of new ``hits``, and for known items that they bring together.

        ``events`` are all that new hits may join, with members and hits. An item that already stands
        where it belongs gets no draft, so grouping the same again gives nothing.
        """
        self._follow(events)
        return self.extend(hits, now=now)

    def extend(self, hits: Sequence[StoredHit], *, now: datetime) -> tuple[EventDraft, ...]:
        """As ``group``, on what is already in the window; nothing is taken from a store."""
        touched: set[str] = set()
        for stored in hits:
            self._hits.setdefault(stored.item.id, {})[_key(stored.hit)] = stored.hit
            self._items[stored.item.id] = _dated(stored.item, now)
            touched.add(stored.item.id)
        for id in sorted(touched):
            self._read(id)
        drafts: list[EventDraft] = []
        for part in self._window.part(sorted(touched)):
            drafts.extend(self._drafts(part))
        return tuple(sorted(drafts, key=lambda draft: (draft.key, draft.item)))

    # ── What the store holds ─────────────────────────────────────────────────────────────────────

    def _follow(self, events: Sequence[Event]) -> None:
        """Brings the window in line with the events as they are now."""
        given = {event.id: event for event in events}
        known = self._events.get
        changed = [e for e in events if (old := known(e.id)) is not e and old != e]
        for id in self._events.keys() - given.keys():
            for member in self._events[id].members:
                self._forget(member.item.id, id)
        for event in changed:
            before = self._events.get(event.id)
            kept = {member.item.id for member in event.members}
            for member in before.members if before else ():
                if member.item.id not in kept:
                    self._forget(member.item.id, event.id)
        for event in changed:
            self._take(event)
        self._events = given
        self._drop_strays()
        self._fixed = corrected(events)

    def _take(self, event: Event) -> None:
        found: defaultdict[str, dict[tuple[str, str], Hit]] = defaultdict(dict)
        for stored in event.hits:
            found[stored.item.id][_key(stored.hit)] = stored.hit
        for member in event.members:
            id = member.item.id
            self._items[id] = member.item
            self._hits[id] = found.get(id, {})
            self._seen[id] = _Seen(event.id, Place(member.role, member.of), member.why)
            self._read(id)

    def _forget(self, id: str, event: int) -> None:
        seen = self._seen.get(id)
        if seen is not None and seen.event == event:
            self._drop(id)

    def _drop_strays(self) -> None:
        """Items that were new once and that the store then did not keep."""
        for id in [id for id in self._items if id not in self._seen]:
            self._drop(id)

    def _drop(self, id: str) -> None:
        self._seen.pop(id, None)
        self._items.pop(id, None)
        self._hits.pop(id, None)
        if id in self._window:
            self._window.remove(id)

    def _read(self, id: str) -> None:
        hits = list(self._hits[id].values())
        stages = {hit.stage for hit in hits if hit.stage is not None}
        self._window.add(
            self._reader.read(
                self._items[id],
                concepts=sorted({name for hit in hits for name in hit.concepts}),
                indicators={hit.indicator for hit in hits},
                stage=next((stage for stage in ("denied", *STAGES) if stage in stages), None),
                genre=hits[0].genre if hits else "news",
            )
        )

    # ── What is to change ────────────────────────────────────────────────────────────────────────

    def _drafts(self, part: set[str]) -> Iterable[EventDraft]:
        if len(part) == 1 and (draft := self._alone(*part)) is not None:
            yield draft
            return
        groups = partition(self._window, part, self._fixed)
        events = self._assign(groups)
        for group, event in zip(groups, events, strict=True):
            first = group[0]
            found = places(
                self._window, group, {id: behind(self._items[id], self.feeds) for id in group}
            )
            for id in group:
                seen, place = self._seen.get(id), found[id]
                if id in self._fixed and seen is not None:
                    continue
                if seen is not None and seen.event == event and seen.place.same(place):
                    continue
                value, reason = self._reason(id, place, group)
                yield EventDraft(
                    event=event,
                    key=f"event:{event}" if event is not None else f"item:{first}",
                    title=self._items[first].title,
                    item=id,
                    role=place.role,
                    of=place.of,
                    similarity=value,
                    why=reason,
                )

    def _alone(self, id: str) -> EventDraft | None:
        """The draft of a new item that is like no other; most are."""
        if id in self._seen or id in self._fixed:
            return None
        title = self._items[id].title
        return EventDraft(
            event=None, key=f"item:{id}", title=title, item=id, role="origin", why=FIRST
        )

    def _assign(self, groups: Sequence[Sequence[str]]) -> list[int | None]:
        """Each group keeps the event that most of its items are in; an event goes to one group only."""
        claims: list[tuple[bool, int, int, int]] = []
        for number, group in enumerate(groups):
            here = [self._seen[id].event for id in group if id in self._seen]
            for event, count in Counter(here).items():
                fixed = any(self._fixed.get(id) == event for id in group)
                claims.append((not fixed, -count, event, number))
        given: list[int | None] = [None] * len(groups)
        taken: set[int] = set()
        for _, _, event, number in sorted(claims):
            if given[number] is None and event not in taken:
                given[number] = event
                taken.add(event)
        return given

    def _reason(self, id: str, place: Place, group: Sequence[str]) -> tuple[float, str]:
        if place.role == "origin":
            return 1.0, FIRST
        window = self._window
        others = [each for each in group if each != id]
        other = max(others, key=lambda each: (window.like(id, each), each == place.of, each))
        if place.of and place.of in window.links[id]:
            other = place.of
        one, two = window.prints[id], window.prints[other]
        like = compare(one, two)
        text = why(one, two, like, self._items[other].title)
        if place.note:
            text = f"{place.note}; {text}"
        return round(like.value, 3), text


def group(
    hits: Sequence[StoredHit],
    events: Sequence[Event],
    *,
    now: datetime,
    watches: Sequence[Watch] = (),
    feeds: Iterable[Feed] = (),
) -> tuple[EventDraft, ...]:
    """As ``Grouper.group``, from nothing: slower, and the measure of what a Grouper must give."""
    return Grouper(watches, feeds).group(hits, events, now=now)


def worths(watches: Iterable[Watch]) -> dict[str, float]:
    """Concept → what sharing it is worth. Unions of others ("@iran-any") say nothing of their own."""
    found: dict[str, float] = {}
    for watch in watches:
        for id, concept in watch.concepts.items():
            forms = [form for some in concept.forms.values() for form in some]
            union = bool(forms) and all(form.startswith("@") for form in forms)
            worth = WORTH.get(concept.kind, NAMED)
            if worth and not union:
                found[id] = worth
    return found


def corrected(events: Iterable[Event]) -> dict[str, int]:
    """Items that no run may move: pinned, reviewed, split or merged by an analyst."""
    events = list(events)
    apart = {
        int(match[1])
        for event in events
        for member in event.members
        for match in [_SPLIT.match(member.why)]
        if match
    }
    return {
        member.item.id: event.id
        for event in events
        if event.id in apart
        or any(status != "new" for status in event.reviews.values())
        or any(member.pinned for member in event.members)
        for member in event.members
    }


def _key(hit: Hit) -> tuple[str, str]:
    return hit.watch, hit.indicator


def _dated(item: Item, now: datetime) -> Item:
    if item.published_at is not None or item.first_seen_at is not None:
        return item
    return replace(item, first_seen_at=now)
