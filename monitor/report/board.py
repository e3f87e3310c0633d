"""The board as values: heat table, changes, weight of evidence. Pure; ``now`` is passed in."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from monitor.model import (
    LEVELS,
    Assessment,
    Event,
    FeedStatus,
    HypothesisEvidence,
    Indicator,
    Level,
    LevelChange,
    LevelName,
    Status,
    Watch,
)
from monitor.report.feeds import indicators_of, is_problem
from monitor.report.wording import by_group, codes, duration, listed, ordinal, plural

WEEKS = 26
_COUNTED = 64  # sums of evidence whose events are counted once


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearing:
    """What an indicator says about one hypothesis: ``H1+``; ``index`` picks the colour."""

    hypothesis: str
    label: str
    sign: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthHead:
    month: str  # "2026-11"
    label: str  # "Nov"
    note: str  # "’26" in January and the first column, "to 23rd" where the month is not over
    old: bool  # hidden on narrow screens


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    month: str
    label: str
    events: int | None  # None = no coverage
    level: LevelName
    old: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: str
    code: str
    title: str
    bears: tuple[Bearing, ...]
    level: LevelName | None  # None = not assessed yet
    changed_from: LevelName | None
    direction: str  # "up" | "down" | ""
    since_at: datetime | None
    analyst: LevelName | None
    analyst_note: str
    weeks: tuple[int, ...]
    cells: tuple[Cell, ...]
    waiting: int
    weight: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of "since your last visit"."""

    kind: str  # "Level up", "To review", "Coverage"…
    title: str
    note: str
    target: str  # "indicator:ID" | "inbox" | "feeds": the template makes the address
    before: LevelName | None = None
    after: LevelName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """One hypothesis with its sums; ``against_share`` and ``for_share`` are bar lengths, 0–1."""

    id: str
    index: int
    title: str
    against: float
    for_: float
    against_share: float
    for_share: float
    added: str  # "+1.4 for" this month, "" when nothing
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    watch: str
    title: str
    question: str
    rules: str
    as_of: datetime
    heads: tuple[MonthHead, ...]
    groups: tuple[Group, ...]
    changes: tuple[Change, ...]
    since_at: datetime | None
    weighing: tuple[Weighing, ...]
    month: str  # name of the running month
    assessed: bool
    waiting: int


def activity_of(events: Iterable[Event]) -> dict[tuple[str, str], dict[date, int]]:
    """(watch, indicator) → day an event was first seen → events; dismissed pairs left out."""
    found: dict[tuple[str, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for event in events:
        pairs = dict.fromkeys((each.hit.watch, each.hit.indicator) for each in event.hits)
        for pair in pairs:
            if event.reviews.get(pair, "new") != "dismissed":
                found[pair][event.first_seen_at.date()] += 1
    return {pair: dict(days) for pair, days in found.items()}


def waiting_of(events: Iterable[Event], status: Status = "new") -> dict[tuple[str, str], int]:
    """(watch, indicator) → pairs without a verdict, or of another ``status``."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        for pair in dict.fromkeys((each.hit.watch, each.hit.indicator) for each in event.hits):
            if event.reviews.get(pair, "new") == status:
                found[pair] += 1
    return dict(found)


def board_view(
    watch: Watch,
    *,
    assessment: Assessment | None,
    activity: Mapping[tuple[str, str], Mapping[date, int]],
    waiting: Mapping[tuple[str, str], int],
    changes: Sequence[LevelChange],
    feeds: Sequence[FeedStatus],
    now: datetime,
    earlier: Assessment | None = None,
    since_at: datetime | None = None,
    oldest_waiting_at: datetime | None = None,
    second_look: Mapping[tuple[str, str], int] = {},  # read only
    months: int = 12,
) -> BoardView:
    """Everything on the board. ``earlier`` is the assessment as of the start of this month."""
    heads = month_heads(now, months)
    names = codes(watch)
    levels = {each.indicator: each for each in assessment.levels} if assessment else {}
    own = {pair[1]: days for pair, days in activity.items() if pair[0] == watch.id}
    to_review = {pair[1]: n for pair, n in waiting.items() if pair[0] == watch.id}
    again = sum(n for pair, n in second_look.items() if pair[0] == watch.id)

    def row(indicator: Indicator) -> Row:
        return _row(
            indicator,
            watch=watch,
            code=names[indicator.id],
            level=levels.get(indicator.id),
            days=own.get(indicator.id, {}),
            waiting=to_review.get(indicator.id, 0),
            heads=heads,
            now=now,
        )

    groups = tuple(
        Group(title=title, rows=tuple(row(each) for each in found))
        for title, found in by_group(watch)
    )
    return BoardView(
        watch=watch.id,
        title=watch.title,
        question=watch.question,
        rules=watch.rules,
        as_of=now,
        heads=heads,
        groups=groups,
        changes=(
            *_level_changes(watch, levels, changes, names, since_at),
            *_to_review(sum(to_review.values()), again, oldest_waiting_at, now),
            *_coverage(watch, feeds, names),
        ),
        since_at=since_at,
        weighing=_weighings(watch, assessment, earlier),
        month=f"{now:%b}",
        assessed=assessment is not None,
        waiting=sum(to_review.values()),
    )


def month_heads(now: datetime, months: int) -> tuple[MonthHead, ...]:
    """The last ``months`` calendar months, the running one last and named as partial."""
    found: list[MonthHead] = []
    year, month = now.year, now.month
    for back in range(months):
        first = date(year, month, 1)
        note = f"’{first:%y}" if month == 1 or back == months - 1 else ""
        if back == 0:
            note = f"to {ordinal(now.day)}"
        found.append(
            MonthHead(month=f"{first:%Y-%m}", label=f"{first:%b}", note=note, old=back >= 6)
        )
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    return tuple(reversed(found))


def weekly(days: Mapping[date, int], now: datetime, weeks: int = WEEKS) -> tuple[int, ...]:
    """Events per seven days, the last seven ending today, oldest first."""
    found = [0] * weeks
    today = now.date()
    first = today - timedelta(days=7 * weeks)
    for day, count in days.items():
        if first < day <= today:
            back = (today - day).days // 7
            found[weeks - 1 - back] += count
    return tuple(found)


def bearings(indicator: Indicator, watch: Watch) -> tuple[Bearing, ...]:
    """The hypotheses on which an indicator bears, neutral ones left out."""
    signs = {2: "++", 1: "+", -1: "−", -2: "−−"}
    return tuple(
        Bearing(
            hypothesis=each.title,
            label=each.id,
            sign=signs[indicator.ach[each.id]],
            index=index % 3 + 1,
        )
        for index, each in enumerate(watch.hypotheses)
        if indicator.ach.get(each.id)
    )


def rank(level: LevelName | None) -> int:
    """0–4; no coverage and not assessed rank below none."""
    return LEVELS.index(level) if level in LEVELS else -1


def _row(
    indicator: Indicator,
    *,
    watch: Watch,
    code: str,
    level: Level | None,
    days: Mapping[date, int],
    waiting: int,
    heads: Sequence[MonthHead],
    now: datetime,
) -> Row:
    before = level.changed_from if level else None
    direction = ""
    if level and before and before != level.level:
        direction = "up" if rank(level.level) > rank(before) else "down"
    return Row(
        id=indicator.id,
        code=code,
        title=indicator.title,
        bears=bearings(indicator, watch),
        level=level.level if level else None,
        changed_from=before if direction else None,
        direction=direction,
        since_at=level.since_at if level else None,
        analyst=level.analyst if level else None,
        analyst_note=f"{level.analyst_by}: {level.analyst_reason}"
        if level and level.analyst
        else "",
        weeks=weekly(days, now),
        cells=_cells(level, days, heads),
        waiting=waiting,
        weight=indicator.weight,
    )


def _cells(
    level: Level | None, days: Mapping[date, int], heads: Sequence[MonthHead]
) -> tuple[Cell, ...]:
    known = {each.month: each for each in level.months} if level else {}
    counted: dict[str, int] = defaultdict(int)
    for day, count in days.items():
        counted[day.isoformat()[:7]] += count

    def cell(head: MonthHead) -> Cell:
        month = known.get(head.month)
        name: LevelName = month.level if month else "none"
        events = month.events if month else counted[head.month]
        covered = name != "no-coverage" or events > 0
        return Cell(
            month=head.month,
            label=head.label,
            events=events if covered else None,
            level=name,
            old=head.old,
        )

    return tuple(cell(head) for head in heads)


def _level_changes(
    watch: Watch,
    levels: Mapping[str, Level],
    changes: Sequence[LevelChange],
    names: Mapping[str, str],
    since_at: datetime | None,
) -> list[Change]:
    """At most five, the newest of each indicator, rises first."""
    newest: dict[str, LevelChange] = {}
    for change in sorted(changes, key=lambda each: each.at):
        shown = change.watch == watch.id and change.indicator in names
        if shown and (since_at is None or change.at >= since_at):
            # Several changes since the visit are one from the level that was seen then.
            first = newest.get(change.indicator)
            newest[change.indicator] = change if first is None else _joined(first, change)
    moved = [each for each in newest.values() if each.before != each.after]
    moved.sort(key=lambda each: (rank(each.after) <= rank(each.before), -rank(each.after)))
    found = []
    for change in moved[:5]:
        title = watch.indicator(change.indicator).title
        level = levels.get(change.indicator)
        note = change.cause
        if not note and level:
            note = f"{plural(level.events, 'event')} in the window"
            note += f", baseline {level.baseline:.1f}" if level.baseline is not None else ""
        found.append(
            Change(
                kind=_kind(change),
                title=f"{names[change.indicator]} {title}",
                note=note,
                target=f"indicator:{change.indicator}",
                before=change.before,
                after=change.after,
            )
        )
    if len(moved) > 5:
        more = plural(len(moved) - 5, "more level change")
        found.append(Change(kind="Levels", title=more, note="see the table", target="board"))
    return found


def _kind(change: LevelChange) -> str:
    """A level that nobody could see has not moved: quiet and blind never look alike."""
    if change.after == "no-coverage":
        return "Coverage lost"
    if change.before == "no-coverage":
        return "Covered again"
    return "Level up" if rank(change.after) > rank(change.before) else "Level down"


def _joined(first: LevelChange, last: LevelChange) -> LevelChange:
    return LevelChange(
        watch=last.watch,
        indicator=last.indicator,
        at=last.at,
        before=first.before,
        after=last.after,
        cause=last.cause,
        rules=last.rules,
        event_ids=last.event_ids,
    )


def _to_review(
    waiting: int, second_look: int, oldest_at: datetime | None, now: datetime
) -> list[Change]:
    """What has no verdict, and beside it what needs a second look: the inbox lists them apart."""
    found = []
    if waiting:
        note = f"oldest has waited {duration(now - oldest_at)}" if oldest_at else ""
        title = plural(waiting, "event")
        found.append(Change(kind="To review", title=title, note=note, target="inbox"))
    if second_look:
        title = plural(second_look, "event")
        note = "marked for a second look"
        found.append(Change(kind="Look again", title=title, note=note, target="second-look"))
    return found


def _coverage(watch: Watch, feeds: Sequence[FeedStatus], names: Mapping[str, str]) -> list[Change]:
    failing = [each for each in feeds if is_problem(each) and each.state.health == "failing"]
    if not failing:
        return []
    touched = {id for each in failing for id in indicators_of(each.feed, watch)}
    hit = [names[each.id] for each in watch.indicators if each.id in touched]
    note = f"{listed(hit, most=6)} may be undercounted" if hit else ""
    if len(hit) == len(watch.indicators):
        note = "every indicator may be undercounted"
    total = sum(each.feed.enabled for each in feeds)
    title = f"{len(failing)} of {plural(total, 'feed')} failing"
    return [Change(kind="Coverage", title=title, note=note, target="feeds")]


def _weighings(
    watch: Watch, assessment: Assessment | None, earlier: Assessment | None
) -> tuple[Weighing, ...]:
    """Sorted by least against: ACH reasons by elimination."""
    if assessment is None:
        return ()
    titles = {each.id: (index, each.title) for index, each in enumerate(watch.hypotheses)}
    before = {each.hypothesis: each for each in earlier.hypotheses} if earlier else {}
    known = [each for each in assessment.hypotheses if each.hypothesis in titles]
    most = max((max(each.for_, each.against) for each in known), default=0.0) or 1.0
    found = [
        Weighing(
            id=each.hypothesis,
            index=titles[each.hypothesis][0] % 3 + 1,
            title=titles[each.hypothesis][1],
            against=each.against,
            for_=each.for_,
            against_share=each.against / most,
            for_share=each.for_ / most,
            added=_added(each, before.get(each.hypothesis)),
            events=_events_of(each),
        )
        for each in known
    ]
    return tuple(sorted(found, key=lambda each: (each.against, -each.for_)))


_counted: OrderedDict[int, tuple[HypothesisEvidence, int]] = OrderedDict()


def _events_of(evidence: HypothesisEvidence) -> int:
    """Different events: there are tens of thousands, and each look asks for the same ones."""
    known = _counted.get(id(evidence))
    if known is None or known[0] is not evidence:
        numbers = {number for part in evidence.parts for number in part.event_ids}
        known = _counted[id(evidence)] = (evidence, len(numbers))
        while len(_counted) > _COUNTED:
            with suppress(KeyError):  # another thread was faster
                _counted.popitem(last=False)
    return known[1]


def _added(now: HypothesisEvidence, before: HypothesisEvidence | None) -> str:
    """What this month added, the larger of the two sides."""
    if before is None:
        return ""
    for_, against = now.for_ - before.for_, now.against - before.against
    value, side = (for_, "for") if abs(for_) >= abs(against) else (against, "against")
    return f"{value:+.1f} {side}".replace("-", "−") if abs(value) >= 0.05 else "0"


def month_range(month: str) -> tuple[datetime, datetime] | None:
    """``"2026-11"`` → its first instant and that of the next month; None if it is no month."""
    try:
        first = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    except ValueError:
        return None
    return first, (first + timedelta(days=32)).replace(day=1)
