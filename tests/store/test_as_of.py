"""What was known at T: whatever happens later, reading as of T gives what was read at T."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace

import pytest

from monitor.desk import LevelOverride
from monitor.errors import StoreError
from monitor.model import FeedState, LevelChange

NAMES = [f"{n}" for n in range(12)]


class Life:
    """A random but repeatable life of a store; each step is one hour."""

    def __init__(self, store, make, seed):
        self.store, self.make, self.chance = store, make, random.Random(seed)
        self.hours = 0
        store.sync_feeds([make.feed("bbc", declared_in="f")], now=make.now)

    @property
    def now(self):
        return self.make.at(self.hours)

    def step(self):
        self.hours += 1
        polls = [self.poll] * 3
        machine = [self.withdraw, self.rematch, self.regroup, self.level, self.rules]
        analyst = [self.review, self.grade, self.split, self.merge, self.pin, self.override]
        do = self.chance.choice([*polls, *machine, *analyst])
        # A split of one item, a merge with itself: refused, and nothing happened.
        with contextlib.suppress(StoreError):
            do()

    def poll(self):
        names = self.chance.sample(NAMES, 3)
        title = self.chance.choice(["Title", "Other title"])
        items = [self.make.item(name, title=f"{title} of {name}") for name in names]
        with self.store.batch(now=self.now) as batch:
            told = batch.add_items(items, how="poll")
            found = [*told.new, *told.updated]
            batch.add_hits([self.hit(item.id) for item in found], how="poll")
            known = [event.id for event in batch.recent_events(since=self.make.at(-1))]
            drafts = [
                self.make.draft(item.id, key=item.id, event=self.chance.choice([None, *known]))
                for item in told.new
            ]
            batch.apply_groups(drafts)
            batch.finish_poll(self.make.poll(hours=self.hours), FeedState())

    def hit(self, item):
        return self.make.hit(
            item,
            self.chance.choice(["X1", "X2"]),
            score=self.chance.choice([0.25, 0.5, 0.75]),
            rules=f"r{self.hours}",
        )

    def stored(self):
        return self.chance.choice([item.id for item in self.store.items()] or ["bbc-0"])

    def event(self):
        return self.chance.choice([event.id for event in self.store.events()] or [1])

    def withdraw(self):
        if self.store.counts()["items"]:
            with self.store.batch(now=self.now) as batch:
                batch.withdraw_hits(self.stored(), keep=[("w", "X2")])

    def rematch(self):
        if self.store.counts()["items"]:
            with self.store.batch(now=self.now) as batch:
                batch.add_hits([self.hit(self.stored())], how="rematch")

    def regroup(self):
        if self.store.counts()["items"]:
            item = self.stored()
            with self.store.batch(now=self.now) as batch:
                batch.apply_groups([self.make.draft(item, key=f"again {self.hours}")])

    def review(self):
        status = self.chance.choice(["confirmed", "dismissed", "second-look", "new"])
        self.store.add_review(self.make.review(self.event(), status, hours=self.hours))

    def grade(self):
        event = self.event()
        now = next((e.grade for e in self.store.events(ids=[event])), None)
        grade = self.chance.choice(["B2", None])
        self.store.set_grade(event, grade, expected=now, by="ana", at=self.now)

    def split(self):
        event = self.event()
        (found,) = self.store.events(ids=[event]) or [None]
        if found is not None:
            item = self.chance.choice(found.members).item.id
            self.store.split_event(event, [item], by="ana", at=self.now)

    def merge(self):
        self.store.merge_events(self.event(), self.event(), by="ana", at=self.now)

    def pin(self):
        self.store.set_pinned(self.event(), self.chance.random() < 0.7, by="ana", at=self.now)

    def level(self):
        change = LevelChange(
            watch="w",
            indicator="X1",
            at=self.now,
            before="none",
            after="low",
            cause="random",
            rules="r",
        )
        self.store.add_level_changes([change])

    def override(self):
        level = self.chance.choice(["high", None])
        override = LevelOverride(watch="w", indicator="X1", level=level, by="ana", at=self.now)
        self.store.override_level(override)

    def rules(self):
        self.store.note_rules("w", self.chance.choice(["r1", "r2"]), "text", now=self.now)

    def known(self, as_of=None):
        """Everything that can be read as of a time."""
        when = {} if as_of is None else {"as_of": as_of}
        day = self.make.now.date()
        events = self.store.events(**when)
        return {
            "hits": self.store.hits(**when),
            "events": [replace(event, updated_at=None) for event in events],
            "confirmed": [event.id for event in self.store.events(status="confirmed", **when)],
            "reviews": self.store.reviews(**when),
            "changes": self.store.level_changes(**when),
            "overrides": self.store.level_overrides(**when),
            "rules": self.store.rules("w", **when),
            "days": self.store.covered_days(since=day, until=self.now.date(), **when),
            "unsent": self.store.unsent_hits("daily", "ana", **when),
        }


@pytest.mark.parametrize("seed", range(4))
def test_the_past_reads_as_it_was(store, make, seed):
    life = Life(store, make, seed)
    known = {}
    for _ in range(40):
        life.step()
        known[life.now] = life.known()
    assert store.check() == []
    assert len(store.events()) > 1
    for at, then in known.items():
        for name, value in life.known(as_of=at).items():
            assert value == then[name], f"{name} as of {at}"
