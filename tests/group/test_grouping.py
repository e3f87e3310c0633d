"""Which items are one event, and what each is in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.group import Grouper, group
from monitor.model import Feed, StoredHit

STORY = "Iran ships two hundred attack drones to Russia across the Caspian, Kyiv officials say"


def stories(lab: SimpleNamespace) -> list[StoredHit]:
    """Three happenings in five languages, a copy, a denial a day later, and a lone one."""
    item, hit = lab.item, lab.hit
    cameras = ("iran", "iaea")
    strike = ("israel", "strike", "damascus", "iran")
    return [
        hit(item("cam-en", "Iran removes 14 IAEA cameras at Isfahan after censure vote"), *cameras),
        hit(item("cam-ru", "Иран отключил 14 камер МАГАТЭ в Исфахане", hours=2, lang="ru"), *cameras),
        hit(item("cam-fa", "چهارده دوربین آژانس در اصفهان خاموش شد", hours=1, lang="fa"), *cameras),
        hit(item("str-en", "Israeli strike on Damascus kills seven Guards", hours=3), *strike),
        hit(
            item("str-ar", "غارة إسرائيلية على دمشق: سبعة قتلى من الحرس الثوري", hours=4, lang="ar"),
            *strike,
        ),
        hit(
            item("str-ru", "Удар Израиля по Дамаску: семь погибших, по данным ТАСС", hours=5, lang="ru"),
            *strike,
        ),
        hit(item("dr-1", STORY, hours=6), "iran", "russia", "drone", "supply", "ukraine"),
        hit(
            item("dr-2", STORY.replace("across", "via"), hours=7),
            "iran", "russia", "drone", "supply", "ukraine",
        ),
        hit(
            item("dr-3", "Tehran denies shipping 200 attack drones to Russia via Caspian", hours=20),
            "iran", "russia", "drone", "supply", stage="denied",
        ),
        hit(item("lone", "OPEC ministers to meet in Vienna on output quotas", hours=6), "russia"),
    ]  # fmt: skip


WANTED = {
    frozenset({"cam-en", "cam-ru", "cam-fa"}),
    frozenset({"str-en", "str-ar", "str-ru"}),
    frozenset({"dr-1", "dr-2", "dr-3"}),
    frozenset({"lone"}),
}


def test_reports_in_several_languages_are_one_event(lab: SimpleNamespace) -> None:
    shelf = lab.run(Grouper([lab.watch]), [stories(lab)])
    assert shelf.partition() == WANTED


def test_the_roles_are_told_apart_and_say_why(lab: SimpleNamespace) -> None:
    hits = stories(lab)
    drafts = {draft.item: draft for draft in group(hits, [], now=lab.start, watches=[lab.watch])}
    roles = {id: (draft.role, draft.of) for id, draft in drafts.items()}
    assert roles["cam-en"] == ("origin", "")
    assert roles["cam-ru"][0] == "independent"
    assert roles["str-ru"][0] == "copy"
    assert "names tass as its source" in drafts["str-ru"].why
    assert roles["dr-2"] == ("copy", "dr-1")
    assert "text overlap with" in drafts["dr-2"].why
    assert roles["dr-3"] == ("denial", "dr-1")
    assert "@iaea" in drafts["cam-ru"].why
    assert "the number 14" in drafts["cam-ru"].why
    assert "same day" in drafts["cam-ru"].why


def test_outlets_of_one_state_are_one_origin(lab: SimpleNamespace) -> None:
    hits = [hit for hit in stories(lab) if hit.item.id.startswith("cam")]
    feeds = [Feed(id=f"feed-{id}", url="", state="ir") for id in ("cam-en", "cam-fa")]
    drafts = {d.item: d for d in group(hits, [], now=lab.start, watches=[lab.watch], feeds=feeds)}
    assert (drafts["cam-fa"].role, drafts["cam-fa"].of) == ("copy", "cam-en")
    assert "same origin (state:ir)" in drafts["cam-fa"].why
    assert drafts["cam-ru"].role == "independent"


def test_grouping_the_same_again_gives_nothing(lab: SimpleNamespace) -> None:
    hits = stories(lab)
    grouper = Grouper([lab.watch])
    shelf = lab.run(grouper, [hits])
    assert grouper(hits, shelf.events(), lab.start) == ()
    assert group(hits, shelf.events(), now=lab.start, watches=[lab.watch]) == ()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (
            "Russia-Ukraine war at a glance: what we know on day 190",
            "Russia-Ukraine war at a glance: what we know on day 191",
        ),
        (
            "Iran executes protester in Mashhad over unrest",
            "Iran wins wrestling gold at Asian games in Hangzhou",
        ),
        (
            "EU sanctions eight Iranian firms over drones",
            "Zelensky addresses parliament in Ottawa on grain",
        ),
    ],
    ids=["a series of days", "two things of one country", "two things of one day"],
)  # fmt: skip
def test_what_is_not_one_event_stays_apart(lab: SimpleNamespace, one: str, two: str) -> None:
    a, b = lab.item("a", one), lab.item("b", two, hours=20)
    shelf = lab.run(Grouper([lab.watch]), [[lab.hit(a, "iran"), lab.hit(b, "iran")]])
    assert shelf.partition() == {frozenset({"a"}), frozenset({"b"})}


def test_a_split_by_an_analyst_is_not_undone(lab: SimpleNamespace) -> None:
    hits = stories(lab)
    grouper = Grouper([lab.watch])
    shelf = lab.run(grouper, [[hit for hit in hits if hit.item.id != "cam-fa"]])
    old = shelf.of["cam-en"]
    shelf.put(99, "cam-ru", why=f"split from event {old} by ana", pinned=True)
    late = [hit for hit in hits if hit.item.id == "cam-fa"]
    shelf.apply(late, grouper(late, shelf.events(), lab.start))
    assert shelf.of["cam-ru"] == 99
    assert shelf.of["cam-en"] == old
    assert shelf.of["cam-fa"] in (99, old)
    shelf.apply([], grouper(hits, shelf.events(), lab.start))
    assert (shelf.of["cam-en"], shelf.of["cam-ru"]) == (old, 99)


def test_a_merge_by_an_analyst_is_not_undone(lab: SimpleNamespace) -> None:
    hits = stories(lab)
    grouper = Grouper([lab.watch])
    shelf = lab.run(grouper, [hits])
    into = shelf.of["cam-en"]
    shelf.put(into, "lone", why="merged from event 7 by ana", pinned=True)
    shelf.apply([], grouper(hits, shelf.events(), lab.start))
    assert shelf.of["lone"] == into


def test_a_reviewed_event_keeps_its_items_and_takes_new_ones(lab: SimpleNamespace) -> None:
    hits = stories(lab)
    grouper = Grouper([lab.watch])
    shelf = lab.run(grouper, [[hit for hit in hits if hit.item.id in ("cam-en", "cam-ru")]])
    event = shelf.of["cam-en"]
    shelf.reviews[event] = {("w", "i"): "confirmed"}
    late = [hit for hit in hits if hit.item.id == "cam-fa"]
    shelf.apply(late, grouper(late, shelf.events(), lab.start))
    assert shelf.partition() == {frozenset({"cam-en", "cam-ru", "cam-fa"})}
    assert shelf.of["cam-fa"] == event


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(10)), cuts=st.sets(st.integers(1, 9), max_size=4))
def test_the_order_of_arrival_does_not_matter(
    lab: SimpleNamespace, order: list[int], cuts: set[int]
) -> None:
    hits = stories(lab)
    shuffled = [hits[number] for number in order]
    edges = [0, *sorted(cuts), len(hits)]
    batches = [shuffled[a:b] for a, b in pairwise(edges)]
    shelf = lab.run(Grouper([lab.watch]), batches)
    assert shelf.partition() == WANTED
    assert shelf.roles() == lab.run(Grouper([lab.watch]), [hits]).roles()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(10)), cut=st.integers(1, 9))
def test_a_grouper_remembers_nothing_that_a_new_one_would_not_find(
    lab: SimpleNamespace, order: list[int], cut: int
) -> None:
    hits = stories(lab)
    shuffled = [hits[number] for number in order]
    grouper = Grouper([lab.watch])
    shelf = lab.run(grouper, [shuffled[:cut]])
    events = shelf.events()
    assert grouper(shuffled[cut:], events, lab.start) == group(
        shuffled[cut:], events, now=lab.start, watches=[lab.watch]
    )


def test_memory_ends_with_the_window(lab: SimpleNamespace) -> None:
    grouper = Grouper([lab.watch])
    shelf = lab.run(grouper, [stories(lab)])
    assert len(grouper) == 10
    grouper([], shelf.events()[:1], lab.start)
    assert len(grouper) == len(shelf.events()[0].members)
    grouper([], [], lab.start)
    assert len(grouper) == 0


def test_a_live_page_brings_no_two_happenings_together(lab: SimpleNamespace) -> None:
    """It tells both: as plain news it would be the bridge between them."""
    one = lab.item("one", "Iran ships Mohajer drones to Russia through Astrakhan harbour")
    two = lab.item("two", "Israel strikes Damascus airport runway, Syria says")
    page = lab.item(
        "page",
        "Iran ships Mohajer drones through Astrakhan; Israel strikes Damascus airport runway",
        hours=1,
    )
    hits = [
        lab.hit(one, "iran", "russia", "drone"),
        lab.hit(two, "israel", "damascus", "strike"),
        lab.hit(page, "iran", "drone", "israel", "damascus", "strike"),
    ]
    live = replace(hits[2], hit=replace(hits[2].hit, genre="live-blog"))
    shelf = lab.run(Grouper([lab.watch]), [[hits[0], live, hits[1]]])
    groups = {frozenset(some) for some in shelf.partition()}
    assert not any({"one", "two"} <= some for some in groups)
