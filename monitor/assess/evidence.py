"""What the events say about the hypotheses: for and against, listed apart, never a probability.

Each indicator gives a hypothesis |rating|/2 × its weights' sum, capped, × how well it tells hypotheses
apart. So a hundred events of an indicator that fits every hypothesis cannot outweigh two of one
that fits one alone (ACH: Heuer, Psychology of Intelligence Analysis, 1999, ch. 8: rank by least
against).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.assess.weights import Weighed
from monitor.model import Evidence, HypothesisEvidence, Indicator, Watch

PERIOD = timedelta(days=365)
CAP = 4.0
"""Weighted events of one indicator beyond which more of the same says no more."""
TELLING: Mapping[int, float] = {4: 1.0, 3: 0.75, 2: 0.25, 1: 0.1, 0: 0.0}
"""By diagnosticity (codebook §1): high, medium, low, hardly, not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Something expected that did not come: evidence by its deadline's own ratings."""

    indicator: Indicator
    deadline: str
    ach: Mapping[str, int]


def hypotheses(
    watch: Watch,
    weighed: Mapping[str, Sequence[Weighed]],
    absences: Sequence[Absence] = (),
    *,
    now: datetime,
) -> tuple[HypothesisEvidence, ...]:
    """Sorted by least against; of equals the one with more for it, then in the watch's order."""
    found = []
    for hypothesis in watch.hypotheses:
        parts = [
            part
            for indicator in watch.indicators
            if (part := _part(hypothesis.id, indicator, weighed.get(indicator.id, ()), now))
        ]
        parts += [_missing(hypothesis.id, each) for each in absences if each.ach.get(hypothesis.id)]
        found.append(
            HypothesisEvidence(
                hypothesis=hypothesis.id,
                for_=round(sum(part.for_ for part in parts), 4),
                against=round(sum(part.against for part in parts), 4),
                parts=tuple(parts),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.against, -each.for_)))


def _part(
    hypothesis: str, indicator: Indicator, events: Sequence[Weighed], now: datetime
) -> Evidence | None:
    here = [each for each in events if now - PERIOD <= each.at <= now and each.weight > 0]
    rating = indicator.ach.get(hypothesis, 0)
    if not here or not rating:
        return None
    volume = sum(each.weight for each in here)
    value = abs(rating) / 2 * min(volume, CAP) * TELLING[indicator.diagnosticity]
    return Evidence(
        hypothesis=hypothesis,
        indicator=indicator.id,
        for_=round(value, 4) if rating > 0 else 0.0,
        against=round(value, 4) if rating < 0 else 0.0,
        capped=volume > CAP,
        event_ids=tuple(
            each.event for each in sorted(here, key=lambda each: (-each.weight, each.event))
        ),
        diagnosticity=indicator.diagnosticity,
    )


def _missing(hypothesis: str, absence: Absence) -> Evidence:
    rating = absence.ach[hypothesis]
    value = abs(rating) / 2
    return Evidence(
        hypothesis=hypothesis,
        indicator=absence.indicator.id,
        for_=value if rating > 0 else 0.0,
        against=value if rating < 0 else 0.0,
        deadline=absence.deadline,
        diagnosticity=max(absence.ach.values()) - min(absence.ach.values()),
    )
