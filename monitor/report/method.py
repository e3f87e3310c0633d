"""The method as values: where each indicator comes from, what counts, how it has done. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.model import Branch, Event, Hit, Hypothesis, Indicator, Span, Watch
from monitor.report.board import Bearing, bearings
from monitor.report.wording import RATING_WORDS, by_group, codes, duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How an indicator has done in review; precision is None before five verdicts."""

    confirmed: int = 0
    dismissed: int = 0
    waiting: int = 0
    terms: tuple[tuple[str, int, int], ...] = ()  # term, false alarms, confirmed with it

    @property
    def precision(self) -> float | None:
        decided = self.confirmed + self.dismissed
        return self.confirmed / decided if decided >= 5 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRow:
    id: str
    code: str
    title: str
    section: str
    paraphrase: str
    quote: str
    counts: str
    does_not_count: str
    note: str
    bears: tuple[Bearing, ...]
    ratings: tuple[tuple[str, str, str], ...]  # id, title, words
    diagnosticity: int
    weight: str
    branches: tuple[Branch, ...]
    exclude: str
    thresholds: str
    prose_levels: tuple[tuple[str, str], ...]
    deadlines: tuple[tuple[str, str], ...]  # date, text
    examples: int
    near_misses: int
    record: Record
    suggestion: str  # an exclusion to try, "" when there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    watch: str
    title: str
    question: str
    source: str
    rules: str
    hypotheses: tuple[Hypothesis, ...]
    groups: tuple[tuple[str, tuple[MethodRow, ...]], ...]


def method_view(watch: Watch, records: Mapping[tuple[str, str], Record] = {}) -> MethodView:
    """``records`` by (watch, indicator); read only."""
    names = codes(watch)

    def row(each: Indicator) -> MethodRow:
        record = records.get((watch.id, each.id), Record())
        return _row(each, watch, names[each.id], record)

    return MethodView(
        watch=watch.id,
        title=watch.title,
        question=watch.question,
        source=watch.source,
        rules=watch.rules,
        hypotheses=watch.hypotheses,
        groups=tuple((title, tuple(row(i) for i in found)) for title, found in by_group(watch)),
    )


def _row(each: Indicator, watch: Watch, code: str, record: Record) -> MethodRow:
    limits = each.thresholds
    window = duration(limits.window).replace(" ", "\u00a0")
    return MethodRow(
        id=each.id,
        code=code,
        title=each.title,
        section=each.anchor.section,
        paraphrase=each.anchor.paraphrase,
        quote=each.anchor.quote,
        counts=each.counts,
        does_not_count=each.does_not_count,
        note=each.note,
        bears=bearings(each, watch),
        ratings=tuple(
            (h.id, h.title, RATING_WORDS[each.ach.get(h.id, 0)]) for h in watch.hypotheses
        ),
        diagnosticity=each.diagnosticity,
        weight=each.weight,
        branches=each.branches,
        exclude=each.exclude,
        thresholds=(
            f"low from {limits.low:g}, elevated from {limits.elevated:g}, high from "
            f"{limits.high:g}, very high from {limits.very_high:g} weighted events in "
            f"{window}"
        ),
        prose_levels=tuple(each.prose_levels.items()),
        deadlines=tuple((f"{d.due_at:%-d %b %Y}", d.text) for d in each.deadlines),
        examples=len(each.positive),
        near_misses=len(each.negative),
        record=record,
        suggestion=suggestion(record),
    )


def suggestion(record: Record) -> str:
    """A term that is mostly in false alarms, three of them at least, and in hardly anything else.

    What is in more than a tenth of the confirmed events is part of what is looked for.
    """
    for term, alarms, confirmed in record.terms:
        rare = 10 * confirmed <= record.confirmed
        if rare and alarms >= 3 and alarms >= 3 * max(1, confirmed):
            return term
    return ""


def false_alarm_terms(
    dismissed: Iterable[Sequence[Span]], confirmed: Iterable[Sequence[Span]], *, most: int = 5
) -> tuple[tuple[str, int, int], ...]:
    """Terms in dismissed hits' evidence, with the confirmed ones beside.

    First those that are in more dismissed hits than their share of the confirmed ones explains: what
    every hit of an indicator has, its country say, is nobody's false alarm.
    """
    dismissed, confirmed = list(dismissed), list(confirmed)
    bad = Counter(term for spans in dismissed for term in _terms(spans))
    good = Counter(term for spans in confirmed for term in _terms(spans))
    times = len(dismissed) / len(confirmed) if confirmed else 0.0

    def order(term: str) -> tuple[bool, float, int, str]:
        return bad[term] < 2, good[term] * times - bad[term], -bad[term], term

    return tuple((term, bad[term], good[term]) for term in sorted(bad, key=order)[:most])


def _terms(spans: Sequence[Span]) -> set[str]:
    return {each.term.casefold() for each in spans}


def records_of(events: Iterable[Event]) -> dict[tuple[str, str], Record]:
    """Each indicator's record, from events with their reviews."""
    hits: dict[tuple[str, str], dict[str, list[Sequence[Span]]]] = {}
    for event in events:
        lead: dict[tuple[str, str], Hit] = {}
        for stored in event.hits:
            lead.setdefault((stored.hit.watch, stored.hit.indicator), stored.hit)
        for pair, hit in lead.items():
            status = event.reviews.get(pair, "new")
            hits.setdefault(pair, {}).setdefault(status, []).append(hit.spans)
    return {
        pair: Record(
            confirmed=len(found.get("confirmed", ())),
            dismissed=len(found.get("dismissed", ())),
            waiting=len(found.get("new", ())) + len(found.get("second-look", ())),
            terms=false_alarm_terms(found.get("dismissed", ()), found.get("confirmed", ())),
        )
        for pair, found in hits.items()
    }
