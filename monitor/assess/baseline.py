"""How unusual a count is for this indicator: a negative binomial that stands small numbers.

The events of the trailing year before the window give a gamma posterior for the daily rate (Jeffreys'
prior), and with it a negative binomial for the count in the window (Gelman et al., Bayesian Data
Analysis, 3rd ed. 2013, §2.6). What the weeks vary beyond Poisson widens it, as in the quasi-Poisson
model of Farrington et al. (J. R. Stat. Soc. A 159, 1996) and with the negative binomial quantiles of
Noufaily et al. (Stat. Med. 32, 2013). Past surges are weighed down, as there, so that one crisis does
not hide the next. Like EARS (Fricker et al., Stat. Med. 27, 2008) only covered days are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp, lgamma, log, sqrt

from monitor.model import LevelName

YEAR = 365
LEAST_DAYS = 90
"""Covered days in the trailing year before a baseline means anything."""
BANDS: tuple[tuple[float, int, LevelName], ...] = (
    (0.0005, 5, "very-high"),
    (0.005, 3, "high"),
    (0.05, 2, "elevated"),
)
"""Chance of so many or more, the least count, the level. Farrington also asks for a least count."""
EASE = 3.0
"""A level by baseline is held until the chance is this much greater than what raised it."""
SURGE = 2.58
"""Weeks beyond this many standard deviations count at that height only."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual in a window of an indicator."""

    expected: float
    size: float  # of the negative binomial; smaller = wider

    def chance(self, count: int) -> float:
        """P(so many or more)."""
        return tail(count, self.expected, self.size)

    def level(self, count: int, *, ease: float = 1.0) -> LevelName:
        chance = self.chance(count)
        for limit, least, name in BANDS:
            if count >= least and chance < limit * ease:
                return name
        return "none"


def baseline(
    counts: Mapping[date, int], covered: Sequence[date], *, window: int, today: date
) -> Baseline | None:
    """From the covered days of the year before ``today`` without the last ``window`` days.

    ``counts``: day → events first seen. None with fewer than ``LEAST_DAYS`` covered days in the year.
    """
    first, edge = today - timedelta(days=YEAR), today - timedelta(days=window)
    year = [day for day in covered if first < day <= today]
    before = [day for day in year if day <= edge]
    if len(year) < LEAST_DAYS or not before:
        return None
    weeks: dict[int, tuple[int, int]] = {}
    for day in before:
        week = (edge - day).days // 7
        days, events = weeks.get(week, (0, 0))
        weeks[week] = days + 1, events + counts.get(day, 0)
    total, spread = _tempered(list(weeks.values()))
    exposure = len(before) / spread
    shape = (total + 0.5) / spread
    seen = sum(edge < day for day in year)
    expected = shape / exposure * max(seen, 1)
    return Baseline(expected, shape)


def _tempered(weeks: list[tuple[int, int]]) -> tuple[float, float]:
    """Events in all, surges cut, and the dispersion (variance of weeks over what Poisson gives, ≥ 1)."""
    days, events = sum(days for days, _ in weeks), float(sum(events for _, events in weeks))
    values = [(each, float(found)) for each, found in weeks]
    for _ in range(2):
        rate = (events + 0.5) / days
        spread = _dispersion(values, rate)
        values = [
            (each, min(found, each * rate + SURGE * sqrt(spread * each * rate) + 1))
            for each, found in values
        ]
        events = sum(found for _, found in values)
    return events, _dispersion(values, (events + 0.5) / days)


def _dispersion(weeks: list[tuple[int, float]], rate: float) -> float:
    if len(weeks) < 4:
        return 1.0
    chi = sum((found - days * rate) ** 2 / (days * rate) for days, found in weeks)
    return max(1.0, chi / (len(weeks) - 1))


def tail(count: int, mean: float, size: float) -> float:
    """P(X ≥ count) of the negative binomial with this mean and size."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    log_p, log_q = log(size / (size + mean)), log(mean / (size + mean))
    below = sum(
        exp(lgamma(k + size) - lgamma(size) - lgamma(k + 1) + size * log_p + k * log_q)
        for k in range(count)
    )
    return min(1.0, max(0.0, 1.0 - below))
