"""Hypotheses and deadlines."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from monitor.assess import assess
from monitor.model import Assessment, Concept, Deadline


def evidence(assessment: Assessment) -> dict[str, tuple[float, float]]:
    return {each.hypothesis: (each.for_, each.against) for each in assessment.hypotheses}


def test_ratings_times_weights_for_and_against_apart(lab: SimpleNamespace) -> None:
    events = [lab.event(1, status="confirmed"), lab.event(2, status="confirmed", stage="talks")]
    found = assess(lab.watch(), events, now=lab.now, coverage=lab.polls())
    assert evidence(found) == {"H1": (1.5, 0.0), "H2": (0.0, 0.75), "H3": (0.0, 1.5)}
    assert [each.hypothesis for each in found.hypotheses] == ["H1", "H2", "H3"]
    (part,) = found.hypotheses[0].parts
    assert (part.indicator, part.event_ids, part.capped) == ("drones", (1, 2), False)


def test_volume_of_a_low_weight_indicator_cannot_carry_a_hypothesis(lab: SimpleNamespace) -> None:
    rules = lab.watch(
        lab.indicator("low", ach={"H1": -1, "H2": 1, "H3": 1}),
        lab.indicator("high", ach={"H1": 2, "H2": -2, "H3": -2}),
    )
    many = [lab.event(n, indicator="low", status="confirmed") for n in range(1, 500)]
    two = [lab.event(n, indicator="high", status="confirmed") for n in (501, 502)]
    found = assess(rules, [*many, *two], now=lab.now, coverage=lab.polls())
    assert found.hypotheses[0].hypothesis == "H1"
    low = next(part for part in found.hypotheses[0].parts if part.indicator == "low")
    assert low.capped
    assert low.against <= 0.5


def test_dismissed_events_are_no_evidence(lab: SimpleNamespace) -> None:
    found = assess(
        lab.watch(), [lab.event(1, status="dismissed")], now=lab.now, coverage=lab.polls()
    )
    assert all(value == (0.0, 0.0) for value in evidence(found).values())


DUE = 10


@pytest.mark.parametrize(
    ("due", "event", "covered", "wanted"),
    [
        (-5, None, range(60), "pending"),
        (DUE, None, range(60), "missed"),
        (DUE, {"days": 12, "title": "S-400 delivered"}, range(60), "met"),
        (DUE, {"days": 5, "title": "S-400 delivered"}, range(60), "missed"),
        (DUE, {"days": 12, "title": "Su-35 delivered"}, range(60), "missed"),
        (DUE, {"days": 12, "title": "S-400 delivered", "stage": "denied"}, range(60), "missed"),
        (DUE, {"days": 12, "title": "S-400 delivered", "status": "dismissed"}, range(60), "missed"),
        (DUE, None, range(9), "unseen"),
    ],
    ids=[
        "before the date", "nothing came", "came in time", "came too late", "something else came",
        "was denied", "was dismissed", "nobody could see",
    ],
)  # fmt: skip
def test_expected_by_a_date(
    lab: SimpleNamespace, due: int, event: dict[str, Any] | None, covered: Any, wanted: str
) -> None:
    deadline = Deadline(
        id="s400", text="S-400 by then", due_at=lab.now - timedelta(days=due),
        ach={"H1": -2, "H2": 1}, query='"S-400"',
    )  # fmt: skip
    rules = lab.watch(lab.indicator(deadlines=(deadline,)))
    events = [lab.event(1, **event)] if event else []
    found = assess(rules, events, now=lab.now, coverage=lab.polls(days=covered))
    (state,) = found.deadlines
    assert state.state == wanted
    missing = [part for each in found.hypotheses for part in each.parts if part.deadline == "s400"]
    assert bool(missing) == (wanted == "missed")
    if wanted == "missed" and event is None:
        assert evidence(found)["H1"] == (0.0, 1.0)
        assert evidence(found)["H2"] == (0.5, 0.0)


def test_a_deadline_may_ask_by_concept(lab: SimpleNamespace) -> None:
    deadline = Deadline(id="d", text="", due_at=lab.now, ach={}, query="@s400")
    rules = lab.watch(lab.indicator(deadlines=(deadline,)))
    concept = Concept(id="s400", kind="weapon", forms={"en": ("S-400",)})
    object.__setattr__(rules, "concepts", {"s400": concept})
    events = [lab.event(1, title="S-400 battery arrives")]
    (state,) = assess(rules, events, now=lab.now, coverage=lab.polls()).deadlines
    assert (state.state, state.event_ids) == ("met", (1,))
