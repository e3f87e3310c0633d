"""What the longer commands give back: values that say themselves as JSON and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.match.evaluation import Evaluation, Score
from monitor.model import Feed
from monitor.shapes import iso
from monitor.text.logins import without_login


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that ``doctor`` looked at."""

    what: str
    ok: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCheck:
    """What came back when a feed was tried."""

    feed: Feed
    ok: bool
    entries: int
    seconds: float
    words: str

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.feed.id,
            "url": without_login(self.feed.url),
            "ok": self.ok,
            "items": self.entries,
            "seconds": round(self.seconds, 3),
            "words": self.words,
        }


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What became of the messages of one round."""

    frozen: int = 0
    sent: int = 0
    waiting: int = 0  # to be tried again
    failed: int = 0
    files: list[Path] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, other: Delivery) -> None:
        """What became of further messages."""
        self.frozen += other.frozen
        self.sent += other.sent
        self.waiting += other.waiting
        self.failed += other.failed
        self.files += other.files
        self.errors += other.errors

    def as_json(self) -> dict[str, Any]:
        return {
            "frozen": self.frozen,
            "sent": self.sent,
            "waiting": self.waiting,
            "failed": self.failed,
            "files": [str(path) for path in self.files],
            "errors": self.errors,
        }

    def as_text(self) -> str:
        if not (self.frozen or self.sent or self.failed or self.waiting):
            return "nothing is due"
        rows = [f"{self.sent} sent, {self.waiting} to be tried again, {self.failed} failed"]
        return "\n".join([*rows, *self.errors])


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationStatus:
    """Health of the running installation."""

    at: datetime
    ok: bool
    reasons: tuple[str, ...]
    running: str  # who holds the run lock; "" = nobody
    last_cycle_at: datetime | None
    feeds: Mapping[str, int]  # by state
    outbox: Mapping[str, int]
    counts: Mapping[str, int]
    blind: tuple[str, ...]  # indicators without coverage
    beats: Mapping[str, Mapping[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {
            "at": iso(self.at),
            "ok": self.ok,
            "reasons": list(self.reasons),
            "running": self.running or None,
            "last_cycle_at": iso(self.last_cycle_at),
            "feeds": dict(self.feeds),
            "undelivered": sum(count for state, count in self.outbox.items() if state != "sent"),
            "outbox": dict(self.outbox),
            "counts": dict(self.counts),
            "no_coverage": list(self.blind),
            "beats": {name: dict(beat) for name, beat in self.beats.items()},
        }

    def as_text(self) -> str:
        feeds = "  ".join(f"{count} {state}" for state, count in self.feeds.items()) or "none"
        mail = "  ".join(f"{count} {state}" for state, count in self.outbox.items()) or "none yet"
        rows = [
            f"service   {self.running or 'not running'}",
            f"cycle     {iso(self.last_cycle_at) or 'never'}",
            f"feeds     {feeds}",
            f"mail      {mail}",
            f"stored    {self.counts.get('items', 0)} items  {self.counts.get('hits', 0)} hits  "
            f"{self.counts.get('events', 0)} events",
        ]
        if self.blind:
            rows.append(f"blind     {', '.join(self.blind)}: no coverage")
        rows += [f"problem   {reason}" for reason in self.reasons]
        return "\n".join(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """``monitor evaluate`` in figures."""

    result: Evaluation
    errors: bool

    def as_json(self) -> dict[str, Any]:
        result = self.result
        shape: dict[str, Any] = {
            "items": result.items,
            "micro": _score(result.micro) | {"interval": [round(v, 4) for v in result.interval]},
            "macro": {"f1": round(result.macro_f1, 4), "indicators": result.macro_indicators},
            "weighted": _score(result.weighted),
            "background": {
                "items": result.background_items,
                "false": result.background_false,
                "rate": round(result.background_rate, 5),
            },
            "indicators": {
                id: _score(score) | {"weighted_f1": round(result.weighted_by_indicator[id].f1, 4)}
                for id, score in result.by_indicator.items()
            },
            "languages": {lang: _score(score) for lang, score in result.by_language.items()},
            "strata": {name: _score(score) for name, score in result.by_stratum.items()},
        }
        if self.errors:
            shape["errors"] = [
                {
                    "kind": each.kind,
                    "indicator": each.indicator,
                    "item": each.item.id,
                    "title": each.item.title,
                    "labels": sorted(each.labels),
                    "why": each.why,
                }
                for each in result.mistakes
            ]
        return shape

    def as_text(self) -> str:
        result = self.result
        rows = [
            f"{'indicator':<34} precision  recall      F1   right  false missed  F1 weighted",
            *(
                f"{_row(id, score)}       {result.weighted_by_indicator[id].f1:.3f}"
                for id, score in result.by_indicator.items()
            ),
        ]
        if not result.items:
            rows.append("no labelled items: there is nothing to measure")
        elif not result.by_indicator:
            rows.append("no label is of an indicator of these watches, and there are no hits")
        rows.append(_row("all (micro)", result.micro))
        rows.append(_row("all, weighted", result.weighted))
        low, high = result.interval
        rows.append(f"micro F1 95 % interval {low:.3f}–{high:.3f}")
        rows.append(f"macro F1 {result.macro_f1:.3f} over {result.macro_indicators} indicators")
        if result.background_items:
            rows.append(
                f"background: {result.background_false} of {result.background_items} items with a "
                f"hit ({result.background_rate:.2%})"
            )
        rows += [_row(f"language {lang}", score) for lang, score in result.by_language.items()]
        if len(result.by_stratum) > 1:
            rows += [_row(f"stratum {name}", score) for name, score in result.by_stratum.items()]
        if self.errors:
            rows += [""] + [
                f"{each.kind}: {each.indicator}: {each.item.title}  [{each.item.id}]\n    {each.why}"
                for each in result.mistakes
            ]
        return "\n".join(rows)


def _score(score: Score) -> dict[str, float]:
    return {
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "f1": round(score.f1, 4),
        "right": round(score.right, 2),
        "false": round(score.false, 2),
        "missed": round(score.missed, 2),
    }


def _row(name: str, score: Score) -> str:
    return (
        f"{name:<34} {score.precision:>9.3f} {score.recall:>7.3f} {score.f1:>7.3f} "
        f"{score.right:>7.0f} {score.false:>6.0f} {score.missed:>6.0f}"
    )


def in_words(names: Sequence[str], most: int = 6) -> str:
    """``a, b, c and 4 more``."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
