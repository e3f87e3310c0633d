"""The inbox's filters as they stand in the address, and the addresses that change one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from monitor.desk import SORTS, Facets, InboxFilter, InboxSort
from monitor.model import STAGES, STATUSES
from monitor.report.board import month_range
from monitor.report.wording import LANGUAGE_NAMES, STAGE_WORDS, STATUS_WORDS, codes
from monitor.web.site import Site, parse_day

ORIGIN_WORDS = {"3+": "3 or more", "2": "2", "1": "1 only"}
GRADE_WORDS = {"A-B": "A–B", "C-D": "C–D", "E-F": "E–F"}
SORT_WORDS = {"independent": "Independent origins", "newest": "Newest", "oldest": "Oldest waiting"}
SHOWN = 7  # values of a facet before "more"
EVERY = "all"  # status=all: whatever was decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The query string of a list, as given; unknown values count as not given."""

    path: str
    status: str = ""
    watch: str = ""
    indicator: str = ""
    origins: str = ""
    grade: str = ""
    lang: str = ""
    stage: str = ""
    feed: str = ""
    since: str = ""
    until: str = ""
    month: str = ""
    q: str = ""
    sort: str = ""
    after: str = ""
    open: str = ""  # the pair that the detail shows
    default_status: str = "new"

    def link(self, site: Site, **changes: str) -> str:
        """This list with other filters; a page further on belongs to the old ones and goes."""
        changed = replace(self, **{"after": "", "open": "", **changes})
        values = {name: getattr(changed, name) for name in NAMES}
        return site.at(self.path, **values)

    def filter(self, now: datetime, *, second_opinion_of: str | None = None) -> InboxFilter:
        """What the store is asked for."""
        status = self.status or self.default_status
        since, until = parse_day(self.since, now), parse_day(self.until, now)
        if months := month_range(self.month):
            since, until = months
        return InboxFilter(
            status=status if status in STATUSES else None,
            watch=self.watch or None,
            indicator=self.indicator or None,
            origins=self.origins if self.origins in ORIGIN_WORDS else None,  # type: ignore[arg-type]
            grade=self.grade if self.grade in GRADE_WORDS else None,  # type: ignore[arg-type]
            lang=self.lang or None,
            stage=self.stage if self.stage in STAGES else None,
            feed=self.feed or None,
            since=since,
            until=until,
            text=self.q,
            second_opinion_of=second_opinion_of,
        )

    @property
    def order(self) -> InboxSort:
        default: InboxSort = "independent" if self.default_status == "new" else "newest"
        return self.sort if self.sort in SORTS else default


NAMES = tuple(f.name for f in fields(Asked) if f.name not in ("path", "default_status"))


def asked(path: str, query: Mapping[str, str], *, default_status: str = "new") -> Asked:
    """From a request's query; each value is cut to what an address may hold."""
    given = {name: query.get(name, "")[:300] for name in NAMES if query.get(name)}
    return Asked(path=path, default_status=default_status, **given)


# ── What the template shows ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One choice of a facet."""

    word: str
    count: int
    link: str
    chosen: bool
    lang: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    title: str
    values: tuple[Value, ...]
    more: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter that is on, and the address without it."""

    word: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    facets: tuple[Facet, ...]
    chips: tuple[Chip, ...]
    sorts: tuple[Value, ...]
    hidden: Mapping[str, str] = field(default_factory=dict)  # for the form of dates


def choices(site: Site, asked: Asked, facets: Facets) -> Choices:
    """Facets with counts, the filters that are on, and the orders."""
    indicators = _indicators(site.watches)
    feeds = {s.feed.id: s.feed.name or s.feed.id for s in site.feeds.get()}

    def made(name: str, title: str, words: Mapping[str, str], *, fixed: bool = False) -> Facet:
        counts = facets.counts.get(name, {})
        order = list(words) if fixed else list(counts)
        now = getattr(asked, name) or (asked.default_status if name == "status" else "")
        if now and now not in order and now != EVERY:
            order.append(now)
        values = [
            Value(
                word=words.get(each, each),
                count=counts.get(each, 0),
                link=asked.link(
                    site, **{name: (EVERY if name == "status" else "") if each == now else each}
                ),
                chosen=each == now,
                lang=each if name == "lang" else "",
            )
            for each in order
            if counts.get(each) or each == now or name == "status"
        ]
        shown = values if fixed else values[:SHOWN]
        rest = () if fixed else tuple(values[SHOWN:])
        chosen = [each for each in rest if each.chosen]
        return Facet(title=title, values=(*shown, *chosen), more=rest)

    found = (
        made("status", "Status", STATUS_WORDS, fixed=True),
        made("indicator", "Indicator", indicators),
        made("origins", "Independent origins", ORIGIN_WORDS, fixed=True),
        made("grade", "Source reliability", GRADE_WORDS, fixed=True),
        made("lang", "Language", LANGUAGE_NAMES),
        made("stage", "Stage", STAGE_WORDS),
        made("feed", "Feed", feeds),
    )
    return Choices(
        facets=tuple(each for each in found if each.values),
        chips=_chips(site, asked, indicators, feeds),
        sorts=tuple(
            Value(word=w, count=0, link=asked.link(site, sort=n), chosen=asked.order == n)
            for n, w in SORT_WORDS.items()
        ),
        hidden={
            name: getattr(asked, name)
            for name in NAMES
            if name not in ("since", "until", "month", "after", "open") and getattr(asked, name)
        },
    )


def _indicators(watches: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for watch in watches:
        names = codes(watch)
        for each in watch.indicators:
            found.setdefault(each.id, f"{names[each.id]} {each.title}")
    return found


def _chips(
    site: Site, asked: Asked, indicators: Mapping[str, str], feeds: Mapping[str, str]
) -> tuple[Chip, ...]:
    words: dict[str, Mapping[str, str]] = {
        "status": STATUS_WORDS,
        "indicator": indicators,
        "lang": LANGUAGE_NAMES,
        "stage": STAGE_WORDS,
        "feed": feeds,
        "origins": ORIGIN_WORDS,
    }
    found = []
    for name in NAMES:
        value = getattr(asked, name)
        if name == "status":
            value = value or asked.default_status
        if not value or name in ("sort", "after", "open") or value == EVERY:
            continue
        word = words.get(name, {}).get(value, value)
        off = {name: EVERY if name == "status" else ""}
        label = {"q": "words", "lang": "language", "grade": "reliability"}.get(name, name)
        found.append(Chip(word=f"{label}: {word}", link=asked.link(site, **off)))
    return tuple(found)
