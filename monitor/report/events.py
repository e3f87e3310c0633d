"""Events as values: one line for lists, the whole picture for the event page. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from monitor.desk import Glance, InboxRow
from monitor.model import Event, Hit, Item, Member, Span, Stage, Status, StoredHit, Watch
from monitor.report.marks import Piece, merged, pieces, snippet, terms
from monitor.report.wording import (
    RATING_SIGNS,
    RATING_WORDS,
    codes,
    http_link,
    outlet_name,
    plural,
    short_moment,
    shown,
    source_name,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Titles and codes of every indicator by (watch, indicator)."""

    codes: Mapping[tuple[str, str], str]
    titles: Mapping[tuple[str, str], str]

    def code(self, watch: str, indicator: str) -> str:
        return self.codes.get((watch, indicator), indicator)

    def title(self, watch: str, indicator: str) -> str:
        return self.titles.get((watch, indicator), indicator)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """One (event, indicator) in a list."""

    event: int
    watch: str
    indicator: str
    code: str
    indicator_title: str
    title: tuple[Piece, ...]
    lang: str
    link: str  # of the lead item; "" unless http(s)
    source: str
    source_grade: str
    at: datetime
    snippet: tuple[Piece, ...]
    corroboration: str  # "5 items · 4 outlets"
    independent: str  # "3 independent" | "1 origin only"
    single: bool
    denials: int
    terms: tuple[str, ...]  # the words of the text that matched
    status: Status
    stage: Stage | None
    grade: str | None
    score: float
    decided_by: str
    decided_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item on the timeline; identical copies are folded into ``same``."""

    item: str
    at: datetime
    source: str
    source_grade: str
    kind: str  # "independent" | "copy" | "followup" | "denial"
    word: str  # "Independent", "Copy 94 %"…
    title: tuple[Piece, ...]
    summary: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]  # the summary, or of a long one what surrounds its marks
    lang: str
    link: str
    why: str
    same: tuple[str, ...] = ()  # further outlets with the same text


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    x: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Positions in a drawing 780 wide; ``label`` says the same in words."""

    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why one indicator was matched, everything that decided it."""

    watch: str
    indicator: str
    code: str
    title: str
    status: Status
    branch: str
    query: str
    rules: str
    found: tuple[tuple[str, int], ...]
    score: float
    stage: Stage | None
    genre: str
    parts: tuple[tuple[str, str, str], ...]  # name, signed value, why
    hits: int
    ratings: tuple[tuple[str, int, str, str], ...]  # hypothesis, colour index, words, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    id: int
    title: str
    lang: str
    status: Status
    grade: str | None
    grade_by: str
    stage: Stage | None
    items: int
    outlets: int
    independent: int
    denials: int
    first_seen_at: datetime
    entries: tuple[Entry, ...]
    axis: Axis | None
    why: tuple[Why, ...]


EXCERPT = 360  # characters of a text on the timeline; the whole is folded below it
_ORIGIN = re.compile(r"same origin \(feed:([^\s)]+)\)")
_POSSESSIVE = re.compile("['’]s$")
_NAMED = re.compile(r"(^|[\s“])@(?=[\w-])")


def names_of(watches: Sequence[Watch]) -> Names:
    titles = {(w.id, each.id): each.title for w in watches for each in w.indicators}
    short = {(w.id, id): code for w in watches for id, code in codes(w).items()}
    return Names(codes=short, titles=titles)


def line_of_row(row: InboxRow, names: Names) -> EventLine:
    """From what the store lists."""
    hit = row.lead.hit
    return _line(
        row.lead,
        names,
        event=row.event,
        status=row.status,
        items=row.items,
        outlets=row.outlets,
        origins=row.origins,
        denials=row.denials,
        source=source_name(row.lead.item),
        source_grade=row.source_grade,
        at=row.first_seen_at,
        grade=row.grade,
        stage=row.stage or hit.stage,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
    )


def lines_of_event(event: Event, names: Names, grades: Mapping[str, str]) -> tuple[EventLine, ...]:
    """One line per (watch, indicator) of an event, each with its best-scored hit."""
    best: dict[tuple[str, str], StoredHit] = {}
    for stored in event.hits:
        pair = (stored.hit.watch, stored.hit.indicator)
        if pair not in best or stored.hit.score > best[pair].hit.score:
            best[pair] = stored
    denials = sum(each.role == "denial" for each in event.members)
    return tuple(
        _line(
            stored,
            names,
            event=event.id,
            status=event.reviews.get(pair, "new"),
            items=max(1, len(event.members)),
            outlets=max(1, len(event.sources)),
            origins=event.independent_origins,
            denials=denials,
            source=source_name(stored.item),
            source_grade=grades.get(stored.item.feed, "F"),
            at=event.first_seen_at,
            grade=event.grade,
            stage=stored.hit.stage or event.stage,
        )
        for pair, stored in best.items()
    )


def _line(
    lead: StoredHit,
    names: Names,
    *,
    event: int,
    status: Status,
    items: int,
    outlets: int,
    origins: int,
    denials: int,
    source: str,
    source_grade: str,
    at: datetime,
    grade: str | None,
    stage: Stage | None,
    decided_by: str = "",
    decided_at: datetime | None = None,
    reason: str = "",
) -> EventLine:
    hit, item = lead.hit, lead.item
    return EventLine(
        event=event,
        watch=hit.watch,
        indicator=hit.indicator,
        code=names.code(hit.watch, hit.indicator),
        indicator_title=names.title(hit.watch, hit.indicator),
        title=_title(item.title, hit.spans),
        lang=item.lang,
        link=http_link(item.link),
        source=source,
        source_grade=source_grade,
        at=at,
        snippet=_snippet(item.summary, hit.spans),
        corroboration=f"{plural(items, 'item')} · {plural(outlets, 'outlet')}",
        independent=f"{origins} independent" if origins > 1 else "1 origin only",
        single=origins <= 1,
        denials=denials,
        terms=words_found(item.title, item.summary, hit.spans)[:6],
        status=status,
        stage=stage,
        grade=grade,
        score=hit.score,
        decided_by=decided_by,
        decided_at=decided_at,
        reason=reason,
    )


@lru_cache(maxsize=2048)  # the rows that lists show again and again
def words_found(title: str, summary: str, spans: tuple[Span, ...]) -> tuple[str, ...]:
    """What matched, in the text's own words as they are marked: each once, as first written."""
    found: dict[str, str] = {}
    for name, text in (("title", title), ("summary", summary)):
        for start, end in merged(spans, name, len(text)):
            words = " ".join(text[start:end].split())
            if words:
                found.setdefault(_POSSESSIVE.sub("", words.casefold()), shown(words))
    return tuple(found.values())


@lru_cache(maxsize=2048)
def _title(text: str, spans: tuple[Span, ...]) -> tuple[Piece, ...]:
    return pieces(text, spans, "title")


@lru_cache(maxsize=2048)
def _snippet(text: str, spans: tuple[Span, ...]) -> tuple[Piece, ...]:
    return snippet(text, spans, "summary")


def event_view(
    event: Event, *, watches: Sequence[Watch], grades: Mapping[str, str], now: datetime
) -> EventView:
    """Timeline, reasons and ratings of one event. ``grades``: feed id → reliability A–F."""
    names = names_of(watches)
    spans = {each.item.id: each.hit for each in event.hits}
    members = sorted(event.members, key=lambda each: (_seen(each.item, event), each.item.id))
    entries = _folded([_entry(each, spans.get(each.item.id), event, grades) for each in members])
    return EventView(
        id=event.id,
        title=event.title,
        lang=event.lang,
        status=event.status,
        grade=event.grade,
        grade_by=event.grade_by,
        stage=event.stage,
        items=len(event.members),
        outlets=len(event.sources),
        independent=event.independent_origins,
        denials=sum(each.role == "denial" for each in event.members),
        first_seen_at=event.first_seen_at,
        entries=entries,
        axis=_axis(entries),
        why=_whys(event, watches, names),
    )


def _seen(item: Item, event: Event) -> datetime:
    return item.first_seen_at or item.published_at or event.first_seen_at


def _entry(member: Member, hit: Hit | None, event: Event, grades: Mapping[str, str]) -> Entry:
    item = member.item
    kind = "independent" if member.role == "origin" else member.role
    word = {
        "origin": "First report",
        "independent": "Independent",
        "followup": "Follow-up",
        "denial": "Denial",
    }.get(member.role, f"Copy {member.similarity:.0%}")
    marks = hit.spans if hit else ()
    return Entry(
        item=item.id,
        at=_seen(item, event),
        source=source_name(item),
        source_grade=grades.get(item.feed, "F"),
        kind=kind,
        word=word,
        title=pieces(item.title, marks, "title"),
        summary=pieces(item.summary, marks, "summary"),
        excerpt=snippet(item.summary, marks, "summary", width=EXCERPT),
        lang=item.lang,
        link=http_link(item.link),
        why=grouping(member.why),
    )


def grouping(why: str) -> str:
    """Why an item was put with others, as the grouper wrote it, without the marks of its own names."""
    text = _ORIGIN.sub(lambda found: f"same origin ({outlet_name(found[1])})", why)
    return _NAMED.sub(r"\1", text)


def _folded(entries: list[Entry]) -> tuple[Entry, ...]:
    """Copies with the very text of one already listed are named on its entry."""
    found: dict[tuple[str, tuple[Piece, ...], tuple[Piece, ...]], Entry] = {}
    order: list[tuple[str, tuple[Piece, ...], tuple[Piece, ...]] | Entry] = []
    for entry in entries:
        key = (entry.kind, entry.title, entry.summary)
        if entry.kind == "copy" and key in found:
            first = found[key]
            found[key] = _with_same(first, (*first.same, entry.source))
            continue
        if entry.kind == "copy":
            found[key] = entry
            order.append(key)
        else:
            order.append(entry)
    return tuple(each if isinstance(each, Entry) else found[each] for each in order)


def _with_same(entry: Entry, same: tuple[str, ...]) -> Entry:
    return replace(entry, same=same)


_STEPS = (
    timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6),
    timedelta(days=1), timedelta(days=2), timedelta(days=7), timedelta(days=30),
)  # fmt: skip


def _axis(entries: Sequence[Entry]) -> Axis | None:
    """Round ticks, at most seven, around the first and last item; None for a single moment."""
    if len(entries) < 2 or entries[0].at == entries[-1].at:
        return None
    first, last = entries[0].at, entries[-1].at
    length = last - first
    step = next((each for each in _STEPS if length / each <= 5), length / 5)
    epoch = first.replace(hour=0, minute=0, second=0, microsecond=0)
    start = epoch + step * ((first - epoch) // step)
    stop = start + step * (-(-(last - start) // step) or 1)

    def x(at: datetime) -> float:
        return round(24 + 732 * ((at - start) / (stop - start)), 1)

    count = round((stop - start) / step)
    labels = "%H:%M" if step < timedelta(days=1) else "%-d %b"
    return Axis(
        dots=tuple(Dot(x=x(each.at), kind=each.kind) for each in entries),
        ticks=tuple(
            Tick(x=x(start + step * n), label=f"{start + step * n:{labels}}")
            for n in range(count + 1)
        ),
        label=f"{plural(len(entries), 'entry', 'entries')} between "
        f"{short_moment(first, last)} and {short_moment(last, last)} UTC",
    )


def _whys(event: Event, watches: Sequence[Watch], names: Names) -> tuple[Why, ...]:
    by_pair: dict[tuple[str, str], list[StoredHit]] = {}
    for stored in event.hits:
        by_pair.setdefault((stored.hit.watch, stored.hit.indicator), []).append(stored)
    known = {each.id: each for each in watches}
    return tuple(
        _why(
            max(found, key=lambda each: each.hit.score).hit,
            [span for each in found for span in each.hit.spans],
            event.reviews.get(pair, "new"),
            known.get(pair[0]),
            names,
            hits=len(found),
        )
        for pair, found in by_pair.items()
    )


def why_of(glance: Glance, watches: Sequence[Watch]) -> Why:
    """Why the pair that is looked at was matched."""
    watch = next((each for each in watches if each.id == glance.watch), None)
    names = names_of(watches)
    return _why(glance.lead.hit, glance.spans, glance.status, watch, names, hits=glance.hits)


def _why(
    lead: Hit,
    spans: Iterable[Span],
    status: Status,
    watch: Watch | None,
    names: Names,
    *,
    hits: int,
) -> Why:
    pair = (lead.watch, lead.indicator)
    return Why(
        watch=pair[0],
        indicator=pair[1],
        code=names.code(*pair),
        title=names.title(*pair),
        status=status,
        branch=lead.branch,
        query=lead.query,
        rules=lead.rules,
        found=terms(spans),
        score=lead.score,
        stage=lead.stage,
        genre=lead.genre,
        parts=tuple((p.name, f"{p.value:+.2f}".replace("-", "−"), p.why) for p in lead.parts),
        hits=hits,
        ratings=_ratings(watch, pair[1]),
    )


def _ratings(watch: Watch | None, indicator: str) -> tuple[tuple[str, int, str, str], ...]:
    found = next((i for i in watch.indicators if i.id == indicator), None) if watch else None
    if watch is None or found is None:
        return ()
    return tuple(
        (
            each.id,
            index % 3 + 1,
            f"{each.title}: {RATING_WORDS[found.ach.get(each.id, 0)].lower()}",
            RATING_SIGNS[found.ach.get(each.id, 0)],
        )
        for index, each in enumerate(watch.hypotheses)
    )
