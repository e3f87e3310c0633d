"""Replays: levels over time, lead time, false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from monitor.backtest import Known, backtest, known_events, score
from monitor.errors import ConfigError
from monitor.model import Anchor, Branch, Hit, Hypothesis, Indicator, Item, LevelChange, Watch

START = date(2026, 1, 1)
WATCH = Watch(
    id="w",
    title="",
    question="",
    source="",
    concepts={},
    rules="r",
    hypotheses=(Hypothesis(id="H1", title=""),),
    indicators=(
        Indicator(
            id="drones", title="", group="g", watch="w", anchor=Anchor(section=""), counts="",
            does_not_count="", ach={"H1": 2}, branches=(Branch(name="b", query="drone"),),
        ),
    ),
)  # fmt: skip


class Finder:
    """Finds "drone" in titles."""

    def match(self, item: Item) -> tuple[Hit, ...]:
        if "drone" not in item.title:
            return ()
        return (
            Hit(
                watch="w", indicator="drones", item=item.id, rules="r", score=1.0, stage="act",
                spans=(), branch="b", query="drone",
            ),
        )  # fmt: skip

    def match_many(self, items: Iterable[Item]) -> Iterator[tuple[Item, tuple[Hit, ...]]]:
        for item in items:
            yield item, self.match(item)


def item(day: int, title: str, number: int = 0) -> Item:
    at = datetime.combine(START, datetime.min.time(), UTC) + timedelta(days=day, hours=number + 1)
    return Item(
        id=f"{day}-{number}", identity="", feed=f"f{number}", title=title, summary="", link="",
        lang="en", published_at=at,
    )  # fmt: skip


def archive() -> list[Item]:
    """Forty days of other news; three different drone stories on day 20, one of them in two feeds."""
    news = [item(day, f"Weather report number {day} for the coast") for day in range(40)]
    return [
        *news,
        item(20, "Cargo drones land in Astrakhan harbour, officials admit", 1),
        item(20, "Cargo drones land in Astrakhan harbour, officials admit", 2),
        item(20, "Parliament debates budget for drone factory near Kazan", 3),
        item(20, "Court seizes shipment of drone engines at Helsinki airport", 4),
    ]


def test_levels_rise_on_the_day_and_fall_when_it_is_over() -> None:
    found = backtest(WATCH, Finder(), archive())
    assert (found.items, found.hits, found.events) == (44, 4, 3)
    assert found.first_rise == {"drones": START + timedelta(days=20)}
    assert found.changes[0].after in ("low", "elevated")
    assert [each.after for each in found.changes][-1] != "high"
    assert not any(each.at.date() < START + timedelta(days=20) for each in found.changes)


def test_a_replay_knows_no_later_day() -> None:
    items = archive()
    short = [
        each
        for each in items
        if each.published_at and each.published_at.day <= 25 and each.published_at.month == 1
    ]
    whole, part = backtest(WATCH, Finder(), items), backtest(WATCH, Finder(), short)
    until = part.changes[-1].at
    assert part.changes == tuple(each for each in whole.changes if each.at <= until)


def test_the_order_of_items_does_not_matter() -> None:
    assert backtest(WATCH, Finder(), reversed(archive())) == backtest(WATCH, Finder(), archive())


def change(day: int, before: str, after: str) -> LevelChange:
    at = datetime.combine(START + timedelta(days=day), datetime.max.time(), UTC)
    return LevelChange(
        watch="w", indicator="drones", at=at, before=before, after=after, cause="", rules="r",  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "lead"),
    [(30, 10), (20, 0), (10, -10), (90, None), (1, None)],
    ids=["ten days ahead", "the same day", "ten days behind", "far too early", "far too late"],
)
def test_lead_time(day: int, lead: int | None) -> None:
    rises = [change(20, "none", "elevated")]
    leads, _ = score(rises, [Known(indicator="drones", at=START + timedelta(days=day))], START)
    assert leads[0].days == lead


def test_false_alarms_are_loud_rises_near_no_known_event() -> None:
    changes = [
        change(20, "none", "elevated"),
        change(100, "none", "high"),
        change(150, "none", "low"),
        change(200, "none", "no-coverage"),
        change(201, "no-coverage", "elevated"),
        change(202, "elevated", "none"),
    ]
    known = [Known(indicator="drones", at=START + timedelta(days=25))]
    _, false = score(changes, known, START + timedelta(days=250))
    assert false == {"drones": 2}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"indicator": "drones"}, "needs indicator and date"),
        ({"indicator": "other", "date": "2026-01-01"}, "no indicator 'other'"),
        ({"indicator": "drones", "date": "soon"}, "not a date"),
        ("drones", "needs indicator and date"),
    ],
)
def test_known_events_say_what_is_wrong(row: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        known_events([row], WATCH)


def test_known_events_are_read() -> None:
    rows = [
        {"indicator": "drones", "date": date(2026, 1, 2)},
        {"indicator": "drones", "date": "2026-01-01", "title": "x"},
    ]
    assert [each.at.day for each in known_events(rows, WATCH)] == [1, 2]


def test_no_items_is_told() -> None:
    with pytest.raises(ConfigError, match="no item has a date"):
        backtest(WATCH, Finder(), [])
