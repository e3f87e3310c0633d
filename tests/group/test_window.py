"""Which items are one event where it is not plain: chains, groups that meet, corrections."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.group import Grouper
from monitor.group.fingerprint import Reader
from monitor.group.likeness import Likeness
from monitor.group.window import Window, partition
from monitor.model import StoredHit

PLACES = ("Astrakhan", "Isfahan", "Rostov", "Kashan")
DOINGS = ("ships", "sells", "repairs", "parades")
THINGS = ("drones", "engines", "rockets", "helicopters")
CONCEPTS = ("iran", "russia", "drone", "supply", "israel", "strike", "iaea")


def vague(lab: SimpleNamespace, seed: int, size: int = 12) -> list[StoredHit]:
    """Reports that resemble each other by halves, so that much depends on how they are compared."""
    rng = random.Random(seed)
    hits = []
    for number in range(size):
        title = " ".join(
            ["Tehran", rng.choice(DOINGS), rng.choice(THINGS), "at", rng.choice(PLACES), "yard"]
        )
        hours = rng.choice([0, 1, 5, 14, 30, 60])
        item = lab.item(f"i{number}", title, hours=hours, feed=f"f{rng.randrange(4)}")
        stage = rng.choice(["act", "act", "denied"])
        hits.append(lab.hit(item, *rng.sample(CONCEPTS, 4), stage=stage))
    return hits


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10_000),
    order=st.permutations(range(12)),
    cuts=st.sets(st.integers(1, 11), max_size=4),
)
def test_the_order_of_arrival_does_not_matter_where_reports_are_vague(
    lab: SimpleNamespace, seed: int, order: list[int], cuts: set[int]
) -> None:
    hits = vague(lab, seed)
    shuffled = [hits[number] for number in order]
    batches = [shuffled[a:b] for a, b in pairwise([0, *sorted(cuts), len(hits)])]
    shelf, at_once = (lab.run(Grouper([lab.watch]), some) for some in (batches, [hits]))
    assert shelf.partition() == at_once.partition()
    assert shelf.roles() == at_once.roles()


def linked(lab: SimpleNamespace, links: Mapping[str, float]) -> Window:
    """A window of items a, b, c… an hour apart with the given likenesses ("ab": 0.4)."""
    window, reader = Window(), Reader({})
    for number, id in enumerate(sorted({id for pair in links for id in pair})):
        window.add(reader.read(lab.item(id, f"Nothing {id * 9} shared", hours=number)))
    for (one, two), value in ((tuple(pair), value) for pair, value in links.items()):
        window.links[one][two] = window.links[two][one] = Likeness(value, False, 0.0)
    return window


@pytest.mark.parametrize(
    ("links", "groups"),
    [
        ({"ab": 0.6}, ["ab"]),
        ({"ab": 0.4}, ["a", "b"]),
        ({"ab": 0.6, "bc": 0.6}, ["ab", "c"]),
        ({"ab": 0.45, "ac": 0.9, "bc": 0.55, "bd": 0.95, "ad": 0.5, "cd": 0.6}, ["abcd"]),
        ({"ab": 0.36, "ac": 0.9, "bc": 0.36, "bd": 0.95, "ad": 0.36, "cd": 0.36}, ["ac", "bd"]),
    ],
    ids=[
        "alike", "not alike enough", "a chain ends where it no longer resembles the rest",
        "two groups that began apart and turn out to be one", "two groups that stay two",
    ],
)  # fmt: skip
def test_who_is_together(lab: SimpleNamespace, links: dict[str, float], groups: list[str]) -> None:
    window = linked(lab, links)
    found = partition(window, set(window.prints), {})
    assert sorted("".join(sorted(group)) for group in found) == groups


def test_what_an_analyst_split_stays_apart_whatever_the_likeness(lab: SimpleNamespace) -> None:
    window = linked(lab, {"ab": 0.9, "ac": 0.9, "bc": 0.9})
    found = partition(window, {"a", "b", "c"}, {"a": 1, "b": 2})
    assert sorted(map(len, found)) == [1, 2]
    assert not any({"a", "b"} <= set(group) for group in found)


def test_what_an_analyst_merged_stays_together_without_any_likeness(lab: SimpleNamespace) -> None:
    window = linked(lab, {"ab": 0.36, "cb": 0.36})
    found = partition(window, {"a", "b", "c"}, {"a": 1, "c": 1})
    assert {"a", "c"} in [set(group) for group in found]


def test_copies_are_found_by_their_text_alone(lab: SimpleNamespace) -> None:
    """No concept, notion, name or number is shared; an edited word does not hide it."""
    text = "quiet morning over the bay as gulls circle above nets left to dry near old wooden piers"
    one = lab.item("one", text)
    two = lab.item("two", text.replace("gulls", "terns"), hours=3)
    other = lab.item("other", "nobody knows why bells rang across hills while snow kept falling")
    shelf = lab.run(Grouper([lab.watch]), [[lab.hit(each) for each in (two, other, one)]])
    assert shelf.partition() == {frozenset({"one", "two"}), frozenset({"other"})}
    assert shelf.roles()["two"] == ("copy", "one")


def test_an_event_that_was_judged_keeps_even_what_grouping_would_put_elsewhere(
    lab: SimpleNamespace,
) -> None:
    title = "Tehran ships drones at Astrakhan yard, says Kyiv"
    hits = [
        lab.hit(lab.item("other", "Ministers discuss wheat in Vienna"), "russia"),
        lab.hit(lab.item("first", title, hours=1), "iran", "drone"),
        lab.hit(lab.item("again", title, hours=2), "iran", "drone"),
    ]
    grouper = Grouper([lab.watch])
    shelf = lab.run(grouper, [hits])
    assert shelf.of["first"] == shelf.of["again"]
    judged = shelf.of["other"]
    shelf.put(judged, "again", why="", pinned=False)
    shelf.reviews[judged] = {("w", "i"): "confirmed"}
    shelf.apply([], grouper(hits, shelf.events(), lab.start))
    assert (shelf.of["other"], shelf.of["again"]) == (judged, judged)
