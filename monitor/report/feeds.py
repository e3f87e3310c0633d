"""Feed health as values: problems first, cause in plain words, which indicators are touched. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from monitor.model import Feed, FeedStatus, HealthState, Watch
from monitor.polling import at_its_address
from monitor.report.wording import codes, duration, listed, plural, short_moment
from monitor.text.logins import without_login

Shown = HealthState | Literal["unpolled"]  # nobody has looked yet: that is not "ok"
ORDER: tuple[Shown, ...] = ("failing", "degraded", "quiet", "ok", "unpolled", "paused")
DAYS = 14
PERSISTENT = 3  # failures in a row before a feed counts as a problem in the navigation

Coverage = Mapping[str, Mapping[date, tuple[int, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRow:
    id: str
    name: str
    host: str
    url: str
    asked_at: str  # where it has moved; "" = at its own address
    reliability: str
    reliability_reason: str
    health: Shown
    cause: str
    since: str  # "since 20 Nov 04:00, 38 polls"
    last_good: str
    next: str
    week: int | None
    usual: int | None
    days: tuple[tuple[date, str], ...]  # "ok" | "failed" | "partly" | "none"
    into: str  # codes of the indicators it can carry, "all" for every one
    enabled: bool
    declared_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedsView:
    counts: tuple[tuple[Shown, int], ...]
    rows: tuple[FeedRow, ...]
    total: int
    share: int | None  # percent of polls in the last two days that succeeded
    worst: str
    last_poll: str


def health_of(status: FeedStatus) -> HealthState:
    return "paused" if not status.feed.enabled else status.state.health


def shown_state(status: FeedStatus) -> Shown:
    """The health, or that there was no poll yet to tell it by."""
    health = health_of(status)
    return "unpolled" if health == "ok" and not status.state.polls else health


def is_problem(status: FeedStatus) -> bool:
    """Failing for good reason to look: three failures in a row, or never a good poll."""
    state = status.state
    return health_of(status) == "failing" and (
        state.failures >= PERSISTENT or state.last_good_at is None
    )


def indicators_of(feed: Feed, watch: Watch) -> tuple[str, ...]:
    """Which indicators a feed can carry: its topics and language meet the indicator's."""
    return tuple(
        each.id
        for each in watch.indicators
        if (not each.topics or not feed.topics or set(each.topics) & set(feed.topics))
        and (not each.languages or not feed.lang or feed.lang in each.languages)
    )


def feeds_view(
    feeds: Sequence[FeedStatus],
    *,
    watches: Sequence[Watch],
    now: datetime,
    coverage: Coverage | None = None,
    week: Mapping[str, int] | None = None,
    only: str = "",
) -> FeedsView:
    """``only`` keeps one health state; the counts are of all."""
    states = [shown_state(each) for each in feeds]
    shown = [each for each in feeds if not only or shown_state(each) == only]
    shown.sort(key=lambda s: (ORDER.index(shown_state(s)), s.feed.reliability, s.feed.name.lower()))
    share, worst = _success(coverage or {}, feeds, now)
    polled = max((s.state.last_polled_at for s in feeds if s.state.last_polled_at), default=None)
    return FeedsView(
        counts=tuple(
            (state, states.count(state))
            for state in ORDER
            if state != "unpolled" or state in states
        ),
        rows=tuple(_row(each, watches, now, coverage or {}, week) for each in shown),
        total=len(feeds),
        share=share,
        worst=worst,
        last_poll=short_moment(polled, now),
    )


def _row(
    status: FeedStatus,
    watches: Sequence[Watch],
    now: datetime,
    coverage: Coverage,
    week: Mapping[str, int] | None,
) -> FeedRow:
    feed, state = status.feed, status.state
    host = urlsplit(feed.url).hostname or feed.url
    asked = at_its_address(feed, state).url
    gap = state.usual_gap
    usual = round(timedelta(days=7) / gap) if gap else None
    return FeedRow(
        id=feed.id,
        name=feed.name or host,
        host=host,
        url=without_login(feed.url),
        asked_at="" if asked == feed.url else without_login(asked),
        reliability=feed.reliability,
        reliability_reason=feed.reliability_reason,
        health=shown_state(status),
        cause=_cause(status, now),
        since=_since(status, now),
        last_good=short_moment(state.last_good_at, now),
        next=_next(status, now),
        week=None if week is None else week.get(feed.id, 0),
        usual=usual,
        days=_strip(coverage.get(feed.id, {}), now),
        into=_into(feed, watches),
        enabled=feed.enabled,
        declared_in=feed.declared_in,
    )


def _cause(status: FeedStatus, now: datetime) -> str:
    if status.state.cause:
        return status.state.cause
    if health_of(status) == "quiet" and status.state.usual_gap:
        usual = duration(status.state.usual_gap)
        return f"Loads, but has no new items. The usual gap is {usual}."
    return ""


def _since(status: FeedStatus, now: datetime) -> str:
    state = status.state
    if health_of(status) == "ok" or state.since_at is None:
        return ""
    text = f"since {short_moment(state.since_at, now)}"
    return f"{text}, {plural(state.failures, 'poll')}" if state.failures else text


def _next(status: FeedStatus, now: datetime) -> str:
    due = status.state.next_due_at
    if not status.feed.enabled:
        return "–"
    return "now" if due is None or due <= now else f"in {duration(due - now)}"


def _strip(days: Mapping[date, tuple[int, int]], now: datetime) -> tuple[tuple[date, str], ...]:
    found = []
    for back in range(DAYS - 1, -1, -1):
        day = now.date() - timedelta(days=back)
        good, failed = days.get(day, (0, 0))
        if not good and not failed:
            word = "none"
        elif not good:
            word = "failed"
        else:
            word = "partly" if failed > good / 4 else "ok"
        found.append((day, word))
    return tuple(found)


def _into(feed: Feed, watches: Sequence[Watch]) -> str:
    found: list[str] = []
    everything = True
    for watch in watches:
        ids = set(indicators_of(feed, watch))
        everything = everything and len(ids) == len(watch.indicators)
        names = codes(watch)
        found += [names[each.id] for each in watch.indicators if each.id in ids]
    return "all" if everything else listed(found, most=6) or "none"


def _success(
    coverage: Coverage, feeds: Sequence[FeedStatus], now: datetime
) -> tuple[int | None, str]:
    """Share of good polls of yesterday and today, and the feed with the worst share."""
    names = {each.feed.id: each.feed.name or each.feed.id for each in feeds}
    days = {now.date(), now.date() - timedelta(days=1)}
    good = failed = 0
    worst: tuple[float, str] = (1.0, "")
    for id, found in coverage.items():
        if id not in names:
            continue
        g = sum(found[day][0] for day in days if day in found)
        f = sum(found[day][1] for day in days if day in found)
        good, failed = good + g, failed + f
        if g + f and g / (g + f) < worst[0]:
            worst = (g / (g + f), names[id])
    if not good + failed:
        return None, ""
    text = f"Worst: {worst[1]}, {100 * worst[0]:.0f} %" if worst[1] else ""
    return round(100 * good / (good + failed)), text
