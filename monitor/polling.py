"""What a poll means for its feed: health in plain words, and when it is asked again. Pure.

interval   the feed's own, else the installation's; a feed that changes seldom is asked less often,
           up to ``slowest`` times the interval; ttl, Cache-Control and skipHours are heeded up to
           ``longest_hint``. An interval that is set for a feed is kept to as it is.
failures   twice as long each time, up to a day, and never given up
jitter     ± 10 %, from the feed's id and the number of the poll: feeds do not fail in step
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from monitor.errors import MonitorError, ParseError
from monitor.model import Document, Feed, FeedState, Fetched, HealthState, Item, Validators
from monitor.protocols import PollRecord, Recognised

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingPolicy:
    """The rules of one installation."""

    interval: timedelta = timedelta(minutes=15)
    slowest: float = 8.0  # times the interval, for a feed that changes seldom
    longest: timedelta = timedelta(hours=6)  # between two polls of a feed that works
    longest_hint: timedelta = timedelta(hours=1)  # what ttl and Cache-Control may ask for
    longest_backoff: timedelta = _DAY
    jitter: float = 0.1
    unconditional_every: timedelta = timedelta(days=7)
    failing_after: int = 2  # failures in a row
    quiet_factor: float = 5.0  # times the usual gap between new items
    quiet_least: timedelta = _DAY
    moved_times: int = 3  # equal permanent redirects…
    moved_for: timedelta = timedelta(days=3)  # …over so long, before the new address is taken over
    flood_least: int = 10  # new items below which nothing is a flood
    flood_old: timedelta = timedelta(
        days=7
    )  # before the last good poll: an archive, not a late item
    flood_old_least: int = 4  # new items, all as old as that, which are a flood of a small feed
    flood_factor: float = 5.0  # times what was to be expected


_DEFAULT = PollingPolicy()


def settle(
    *,
    feed: Feed,
    state: FeedState,
    fetched: Fetched | None,
    document: Document | None,
    error: MonitorError | None,
    recognised: Recognised,
    seconds: float,
    now: datetime,
    policy: PollingPolicy = _DEFAULT,
) -> tuple[PollRecord, FeedState]:
    """The poll's line in the log, and the feed's next state. Given the state before the poll."""
    error = error or _surprise(state, fetched, document, recognised)
    polled = replace(state, polls=state.polls + 1, last_polled_at=now)
    record = PollRecord(
        feed=feed.id,
        at=now,
        outcome="ok",
        http_status=fetched.status if fetched else getattr(error, "status", 0),
        wire_bytes=fetched.wire_bytes if fetched else getattr(error, "wire_bytes", 0),
        seconds=seconds,
    )
    if error is not None:
        failed = replace(
            record, outcome="failed", kind=kind_of(error), message=_one_line(error.problem)
        )
        return failed, _after_failure(feed, polled, error, now, policy)
    assert fetched is not None
    if fetched.not_modified:
        unchanged = replace(record, outcome="not-modified")
        return unchanged, _after_unchanged(feed, polled, fetched, now, policy)
    flood = is_flood(state, recognised, now, policy)
    good = replace(
        record,
        new=len(recognised.new),
        updated=len(recognised.updated),
        duplicate=len(recognised.duplicate),
        dropped=document.dropped if document else 0,
        flood=flood,
    )
    return good, _after_items(feed, polled, fetched, document, recognised, flood, now, policy)


def kind_of(error: MonitorError) -> str:
    """The stable word for what went wrong."""
    return str(getattr(error, "kind", "")) or "error"


def adopts(state: FeedState, *, policy: PollingPolicy = _DEFAULT) -> str:
    """The address that a permanent redirect has pointed to for long enough, or "".

    A captive portal also says 301, for an hour or a day; a site that moved says so for good.
    """
    if not state.moved_to or state.moved_since_at is None or state.last_good_at is None:
        return ""
    held = state.last_good_at - state.moved_since_at
    return (
        state.moved_to
        if state.moved_seen >= policy.moved_times and held >= policy.moved_for
        else ""
    )


def at_its_address(feed: Feed, state: FeedState, *, policy: PollingPolicy = _DEFAULT) -> Feed:
    """The feed as it is to be asked: one that a file declares stays in its file as it is written there,
    and is asked where it has moved. What is sent for a login stays with its site.
    """
    address = adopts(state, policy=policy)
    if not address or address == feed.url:
        return feed
    old, new = urlsplit(feed.url), urlsplit(address)
    same = old.hostname == new.hostname and (old.scheme == new.scheme or new.scheme == "https")
    return replace(feed, url=address, headers=feed.headers if same else {})


# ── The next state ───────────────────────────────────────────────────────────────────────────────


def _after_failure(
    feed: Feed, state: FeedState, error: MonitorError, now: datetime, policy: PollingPolicy
) -> FeedState:
    kind = kind_of(error)
    waiting = kind == "host-waiting"  # the host asked for quiet: no failure of this feed
    failures = state.failures + (0 if waiting else 1)
    health: HealthState = "degraded"
    if failures >= policy.failing_after or kind == "gone" or state.last_good_at is None:
        health = "failing"
    if waiting and state.health in ("ok", "quiet", "degraded") and state.last_good_at is not None:
        health = "degraded"
    asked = getattr(error, "retry_after", None)
    if failures >= policy.failing_after and adopts(state, policy=policy):
        state = _without_move(state)  # where it was declared may do again
    return replace(
        _with_health(state, health, _one_line(error.problem), kind, now),
        failures=failures,
        next_due_at=now + backoff(feed, state, failures, kind, asked, policy),
    )


def backoff(
    feed: Feed,
    state: FeedState,
    failures: int,
    kind: str,
    asked: timedelta | None,
    policy: PollingPolicy,
) -> timedelta:
    """How long to wait after a failure: never shorter than the server asked for, a day at most."""
    jitter = 1 + policy.jitter * spread(feed, state.polls)
    if kind == "gone":
        return policy.longest_backoff
    if kind == "host-waiting" and asked is not None:
        late = 1 + policy.jitter * abs(spread(feed, state.polls))
        return min(asked * late, policy.longest_backoff)
    base = feed.interval or policy.interval
    doubled: timedelta = base * 2 ** min(max(failures - 1, 0), 16)
    wait = min(doubled * jitter, policy.longest_backoff)
    return max(wait, min(asked, policy.longest_backoff)) if asked else wait


def _after_unchanged(
    feed: Feed, state: FeedState, fetched: Fetched, now: datetime, policy: PollingPolicy
) -> FeedState:
    full_at = state.last_unconditional_at
    ask_all = full_at is None or now - full_at >= policy.unconditional_every
    calm = replace(
        _with_move(feed, state, fetched, now),
        failures=0,
        last_good_at=now,
        # a server that answers 304 for ever is asked for everything now and then
        validators=Validators() if ask_all else fetched.validators,
        interval=_adapted(feed, state, 0, policy),
    )
    calm = _with_calm_health(calm, "", "", now, policy)
    return replace(calm, next_due_at=_next_due(feed, calm, fetched, now, policy))


def _after_items(
    feed: Feed,
    state: FeedState,
    fetched: Fetched,
    document: Document | None,
    recognised: Recognised,
    flood: bool,
    now: datetime,
    policy: PollingPolicy,
) -> FeedState:
    new = len(recognised.new)
    known = any((recognised.new, recognised.updated, recognised.duplicate))
    first = state.last_good_at is None
    newest = _newest(recognised, now) if first else now
    good = replace(
        _with_move(feed, state, fetched, now),
        failures=0,
        last_good_at=now if known else state.last_good_at,
        last_new_at=newest if new else state.last_new_at,
        last_unconditional_at=now,
        validators=fetched.validators if known else Validators(),
        items=state.items + new,
        usual_gap=_usual_gap(state, recognised, now, flood),
        ttl=document.ttl if document else None,
        skip_hours=tuple(sorted(document.skip_hours)) if document else (),
    )
    good = replace(good, interval=_adapted(feed, good, new, policy))
    cause, kind = _remark(document, recognised, flood, known)
    if kind in ("flood", "dropped"):
        good = _with_health(good, "degraded", cause, kind, now)
    else:
        good = _with_calm_health(good, cause, kind, now, policy)
    return replace(good, next_due_at=_next_due(feed, good, fetched, now, policy))


def _surprise(
    state: FeedState, fetched: Fetched | None, document: Document | None, recognised: Recognised
) -> MonitorError | None:
    """A feed that had items and now shows none has lost them by mistake, as a rule."""
    if document is None or fetched is None or fetched.not_modified or not state.items:
        return None
    if recognised.new or recognised.updated or recognised.duplicate:
        return None
    return ParseError(
        "the feed has no items although it had some before",
        kind="no-items",
        remedy="Open it in a browser; if it stays empty, look for another address of it.",
    )


def _remark(
    document: Document | None, recognised: Recognised, flood: bool, known: bool
) -> tuple[str, str]:
    if flood:
        total = sum(map(len, (recognised.new, recognised.updated, recognised.duplicate)))
        return (
            f"{len(recognised.new)} of {total} items were new at once; they are kept and marked",
            "flood",
        )
    if document is None:
        return "", ""
    if document.dropped:
        why = f": {document.dropped_why}" if document.dropped_why else ""
        return f"{document.dropped} entries were left out{why}", "dropped"
    if not known:
        return "the feed has no items yet", "no-items"
    if document.repaired:
        return f"read all the same: {document.repaired}", "repaired"
    return "", ""


# ── Health ───────────────────────────────────────────────────────────────────────────────────────


def _with_health(
    state: FeedState, health: HealthState, cause: str, kind: str, now: datetime
) -> FeedState:
    since = state.since_at if state.health == health and state.since_at else now
    return replace(state, health=health, cause=cause, cause_kind=kind, since_at=since)


def _with_calm_health(
    state: FeedState, cause: str, kind: str, now: datetime, policy: PollingPolicy
) -> FeedState:
    silent = silent_for(state, now, policy)
    if silent is None:
        return _with_health(state, "ok", cause, kind, now)
    usual = state.usual_gap or timedelta(0)
    words = (
        f"nothing new for {in_words(silent)}; usually there is something every {in_words(usual)}"
    )
    return _with_health(state, "quiet", words, "quiet", now)


def silent_for(
    state: FeedState, now: datetime, policy: PollingPolicy = _DEFAULT
) -> timedelta | None:
    """How long nothing new has come, if that is longer than usual for this feed."""
    if state.last_new_at is None or state.usual_gap is None:
        return None
    silent = now - state.last_new_at
    usual = max(state.usual_gap * policy.quiet_factor, policy.quiet_least)
    return silent if silent > usual else None


def in_words(span: timedelta) -> str:
    """``40 minutes``, ``5 hours``, ``3 days``."""
    seconds = span.total_seconds()
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size or word == "minute":
            count = max(1, round(seconds / size))
            return f"{count} {word}" + ("s" if count != 1 else "")
    return ""


def is_flood(
    state: FeedState, recognised: Recognised, now: datetime, policy: PollingPolicy = _DEFAULT
) -> bool:
    """True where more than half of a known feed's items are new at once, and nothing explains it.

    Explained is what the feed's own pace brings in the time since the last good poll, and what is dated
    since then: a wire that shows its last 20 items is all new after a night. Old or undated items in
    such number are an archive that was published again.
    """
    new = len(recognised.new)
    total = new + len(recognised.updated) + len(recognised.duplicate)
    if state.last_good_at is None or not state.items:
        return False
    if new * 2 <= total:
        return False
    elapsed = now - state.last_good_at
    if new < policy.flood_least:
        # Of a small feed: only what is an archive without doubt.
        old = state.last_good_at - policy.flood_old
        dated = [each.published_at for each in recognised.new]
        return new >= policy.flood_old_least and all(at is not None and at < old for at in dated)
    if state.usual_gap:
        expected = elapsed / state.usual_gap
        if new > policy.flood_factor * expected + policy.flood_least:
            return True
    since = state.last_good_at - timedelta(hours=2)
    recent = sum(1 for each in recognised.new if each.published_at and each.published_at >= since)
    undated = sum(1 for each in recognised.new if each.published_at is None)
    if undated * 2 > new:
        return elapsed < timedelta(hours=12)
    return recent * 2 < new


def _usual_gap(
    state: FeedState, recognised: Recognised, now: datetime, flood: bool
) -> timedelta | None:
    """Time between two new items: from their dates at first, then from what polls bring."""
    new = len(recognised.new)
    if not new or flood:
        return state.usual_gap
    if state.last_good_at is None or state.usual_gap is None:
        return _dated_gap((*recognised.new, *recognised.duplicate)) or state.usual_gap
    since = state.last_new_at or state.last_good_at
    sample = max((now - since) / new, timedelta(seconds=1))
    return state.usual_gap * 0.8 + sample * 0.2


def _dated_gap(items: Sequence[Item]) -> timedelta | None:
    dates = sorted(each.published_at for each in items if each.published_at)
    if len(dates) < 3 or dates[-1] == dates[0]:
        return None
    return (dates[-1] - dates[0]) / (len(dates) - 1)


def _newest(recognised: Recognised, now: datetime) -> datetime:
    dates = [each.published_at for each in recognised.new if each.published_at]
    return min(max(dates, default=now), now)


# ── The schedule ─────────────────────────────────────────────────────────────────────────────────


def spread(feed: Feed, count: int) -> float:
    """−1…1, the same for the same feed and poll, evenly over feeds."""
    digest = hashlib.blake2b(f"{feed.id}\n{count}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 0x7FFFFFFF - 1


def _adapted(feed: Feed, state: FeedState, new: int, policy: PollingPolicy) -> timedelta:
    """A quarter of the usual gap between new items, within bounds, approached step by step."""
    base = feed.interval or policy.interval
    if feed.interval is not None:
        return base
    slowest = max(base, min(base * policy.slowest, policy.longest))
    before = min(max(state.interval or base, base), slowest)
    if new:
        wanted = (state.usual_gap or base) / 4
        return min(max(min(wanted, before), base), slowest)
    wanted = (state.usual_gap or base) / 4
    return min(max(min(before * 1.25, max(wanted, base)), base), slowest)


def _next_due(
    feed: Feed,
    state: FeedState,
    fetched: Fetched,
    now: datetime,
    policy: PollingPolicy,
) -> datetime:
    interval = state.interval or feed.interval or policy.interval
    if feed.interval is None:
        interval = max(interval, min(_hint(fetched, state), policy.longest_hint))
    factor = 1 + policy.jitter * spread(feed, state.polls)
    if state.polls <= 1:  # feeds that were added together part company
        factor = 0.75 + 0.25 * spread(feed, state.polls)
    due = now + interval * factor
    return _past_skipped_hours(due, frozenset(state.skip_hours))


def _hint(fetched: Fetched, state: FeedState) -> timedelta:
    """The longest time that feed or server say their answer stays good for."""
    return max(max_age(fetched) or timedelta(0), state.ttl or timedelta(0))


def max_age(fetched: Fetched) -> timedelta | None:
    """From Cache-Control, else Expires (RFC 9111 §4.2.1); None = nothing said."""
    control = fetched.headers.get("cache-control", "").lower()
    if re.search(r"\bno-(?:cache|store)\b", control):
        return None
    found = re.search(r"\bmax-age\s*=\s*\"?(\d{1,9})", control)
    if found:
        age = fetched.headers.get("age", "")
        spent = int(age) if age.isdigit() and len(age) < 10 else 0
        return timedelta(seconds=max(0, int(found[1]) - spent))
    try:
        until = parsedate_to_datetime(fetched.headers["expires"])
        since = parsedate_to_datetime(fetched.headers["date"])
        return max(until - since, timedelta(0))
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None


def _past_skipped_hours(due: datetime, skipped: frozenset[int]) -> datetime:
    """The first moment from ``due`` in an hour (UTC) that the feed does not ask to be spared."""
    if len(skipped) >= 24:
        return due
    for _ in range(24):
        if due.astimezone(UTC).hour not in skipped:
            return due
        start = due.replace(minute=0, second=0, microsecond=0)
        due = start + timedelta(hours=1, seconds=(due - start).total_seconds() / 12)
    return due


def _with_move(feed: Feed, state: FeedState, fetched: Fetched, now: datetime) -> FeedState:
    """Notes a permanent redirect, how often it was seen the same, and since when."""
    target = fetched.moved_permanently_to
    if not target and fetched.url == state.moved_to != feed.url:
        return state  # it was asked where it has moved, and is there
    if not target or target == fetched.url:
        return _without_move(state)
    if target != state.moved_to:
        return replace(state, moved_to=target, moved_since_at=now, moved_seen=1)
    return replace(state, moved_seen=state.moved_seen + 1)


def _without_move(state: FeedState) -> FeedState:
    return replace(state, moved_to="", moved_since_at=None, moved_seen=0)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


__all__ = [
    "PollingPolicy",
    "adopts",
    "at_its_address",
    "in_words",
    "is_flood",
    "kind_of",
    "max_age",
    "settle",
    "silent_for",
]
