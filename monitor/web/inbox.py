"""The inbox, the list of events, and second opinions: one list with facets, three ways in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from monitor.desk import Glance, InboxRow
from monitor.model import Review
from monitor.report.events import EventLine, Why, why_of
from monitor.report.marks import Piece, pieces
from monitor.report.wording import http_link, listed, outlet_name, source_name
from monitor.web.access import Viewer
from monitor.web.asking import Asked, asked, choices
from monitor.web.deciding import ASK_ABOVE, REASONS, SECOND, Pair
from monitor.web.rows import Rows
from monitor.web.site import Site, TheSite, TheViewer

router = APIRouter(include_in_schema=False)

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line with the keys that a verdict on it needs."""

    line: EventLine
    pair: str
    open_link: str
    rows: Rows

    @property
    def number(self) -> str:
        return f"r{self.line.event}-{self.line.indicator}"

    def body(self, to: str, may: bool, now: datetime) -> Markup:
        """What the list shows of it, as it was shown last if nothing has changed."""
        return self.rows.body(self.line, pair=self.pair, to=to, may=may, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadText:
    """The text to judge by."""

    source: str
    source_grade: str
    title: tuple[Piece, ...]
    summary: tuple[Piece, ...]
    lang: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """The pane beside the list: everything about one pair."""

    view: Glance
    why: Why
    pair: str
    lead: LeadText  # of the best-scored hit
    renamed: bool  # whether the event goes by another title
    independent: str
    copies: int
    denials: tuple[str, ...]


@router.get("/inbox")
def inbox(request: Request, site: TheSite, viewer: TheViewer) -> Response:
    """What waits for a verdict. Looking changes nothing."""
    return _list(request, site, viewer, asked("/inbox", request.query_params), title="Inbox")


@router.get("/events")
def events(request: Request, site: TheSite, viewer: TheViewer) -> Response:
    """Every event, whatever was decided."""
    given = asked("/events", request.query_params, default_status="all")
    return _list(request, site, viewer, given, title="Events")


@router.get("/inbox/detail")
def detail(
    request: Request, site: TheSite, viewer: TheViewer, open: str = "", blind: bool = False
) -> Response:
    """The pane alone, for our script."""
    given = asked("/inbox", request.query_params)
    found = detail_of(site, open, blind=blind)
    values = {"detail": found, "reasons": REASONS, "here": given.link(site), "blind": blind}
    return site.fragment("detail", viewer, values)


def _list(request: Request, site: Site, viewer: Viewer, given: Asked, *, title: str) -> Response:
    filter = given.filter(site.now())
    page = site.store.inbox(filter, sort=given.order, after=given.after or None, limit=PAGE)
    facets = site.store.facets(filter)
    rows = rows_of(site, given, page.rows)
    chosen = given.open or (rows[0].pair if rows else "")
    waiting: Counter[str] = Counter()
    for counts in site.store.waiting().values():
        waiting.update(counts)
    return site.page(
        "inbox",
        viewer,
        {
            "asked": given,
            "rows": rows,
            "total": facets.total,
            "choices": choices(site, given, facets),
            "next": given.link(site, after=page.after) if page.after else "",
            "first": given.link(site) if given.after else "",
            "again": given.link(site),
            "detail": detail_of(site, chosen),
            "chosen": chosen,
            "here": given.link(site, after=given.after),
            "waiting": waiting,
            "done_today": site.store.decided_since(_midnight(site.now())),
            "reasons": REASONS,
            "ask_above": ASK_ABOVE,
            "q": given.q,
            "blind": False,
            "heading": title,
        },
        title=title,
        tab=given.path.strip("/"),
        request=request,
    )


def _midnight(now: datetime) -> datetime:
    """The day is that of the pages: UTC."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def rows_of(
    site: Site, given: Asked, rows: Sequence[InboxRow], *, blind: bool = False
) -> list[Row]:
    """``blind``: what was decided is neither shown nor in any address."""
    found = []
    for row, line in zip(rows, site.rows.lines(rows, site.watches), strict=True):
        pair = Pair(
            event=row.event,
            watch=row.watch,
            indicator=row.indicator,
            seen="new" if blind else row.status,
        )
        found.append(
            Row(
                line=line,
                pair=str(pair),
                open_link=given.link(site, open=str(pair), after=given.after),
                rows=site.rows,
            )
        )
    return found


def detail_of(site: Site, pair: str, *, blind: bool = False) -> Detail | None:
    """The pane of ``event:watch:indicator[:status]``; None where there is no such pair."""
    parts = pair.split(":")
    if len(parts) < 3 or not parts[0].isdigit() or len(parts[0]) > 15:
        return None
    found: Glance | None = site.store.glance(int(parts[0]), parts[1], parts[2])
    if found is None:
        return None
    grades = site.grades()
    heard = [
        f"{outlet_name(each.source)} ({grades.get(each.feed, 'F')})"
        for each in found.voices
        if each.role in ("origin", "independent")
    ]
    own = Pair(
        event=found.event,
        watch=found.watch,
        indicator=found.indicator,
        seen="new" if blind else found.status,
    )
    return Detail(
        view=found,
        why=why_of(found, site.watches),
        pair=str(own),
        lead=_lead(found, grades),
        renamed=found.title != found.lead.item.title,
        independent=listed(list(dict.fromkeys(heard))),
        copies=sum(each.items for each in found.voices if each.role in ("copy", "followup")),
        denials=tuple(
            name
            for each in found.voices
            if each.role == "denial"
            for name in [outlet_name(each.source)] * each.items
        ),
    )


def _lead(found: Glance, grades: Mapping[str, str]) -> LeadText:
    item, spans = found.lead.item, found.lead.hit.spans
    return LeadText(
        source=source_name(item),
        source_grade=grades.get(item.feed, "F"),
        title=pieces(item.title, spans, "title"),
        summary=pieces(item.summary, spans, "summary"),
        lang=item.lang,
        link=http_link(item.link),
    )


# ── Second opinions ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How two reviewers judged the same pairs, the second one unseen."""

    first: str
    second: str
    both: int
    agreed: int
    kappa: float | None  # Cohen's; None where one verdict was all there was

    @property
    def share(self) -> float:
        return self.agreed / self.both


@router.get("/second")
def second(request: Request, site: TheSite, viewer: TheViewer) -> Response:
    """Pairs that others have judged and the viewer has not, without their verdicts."""
    given = asked("/second", request.query_params, default_status="all")
    filter = given.filter(site.now(), second_opinion_of=viewer.name)
    page = site.store.inbox(filter, sort=given.order, after=given.after or None, limit=PAGE)
    rows = rows_of(site, given, page.rows, blind=True)
    chosen = given.open or (rows[0].pair if rows else "")
    return site.page(
        "second",
        viewer,
        {
            "asked": given,
            "rows": rows,
            "next": given.link(site, after=page.after) if page.after else "",
            "detail": detail_of(site, chosen, blind=True),
            "chosen": chosen,
            "here": given.link(site, after=given.after),
            "reasons": REASONS,
            "agreements": agreements(site.store.opinions(mark=SECOND)),
            "blind": True,
        },
        title="Second opinion",
        tab="inbox",
        request=request,
    )


def agreements(reviews: Sequence[Review]) -> list[Agreement]:
    """For every two reviewers: pairs with a first verdict of the one and an unseen one of the other."""
    firsts: dict[tuple[int, str, str], Review] = {}
    judged: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for review in reviews:
        if review.status not in ("confirmed", "dismissed"):
            continue
        key = (review.event, review.watch, review.indicator)
        first = firsts.setdefault(key, review)
        if review.note.startswith(SECOND) and first.by != review.by:
            judged.setdefault((first.by, review.by), []).append((first.status, review.status))
    return [
        Agreement(
            first=first,
            second=second,
            both=len(found),
            agreed=sum(one == two for one, two in found),
            kappa=kappa(found),
        )
        for (first, second), found in sorted(judged.items())
    ]


def kappa(judged: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa (1960): agreement beyond what the two shares of verdicts give by chance."""
    count = len(judged)
    ones: Mapping[str, int] = Counter(one for one, _ in judged)
    twos: Mapping[str, int] = Counter(two for _, two in judged)
    agreed = sum(one == two for one, two in judged) / count
    chance = sum(ones[each] * twos.get(each, 0) for each in ones) / count**2
    return None if chance == 1 else (agreed - chance) / (1 - chance)
