"""Exports: the report, CSV, JSON, an Atom feed of hits, STIX 2.1, OPML."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import quoteattr

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from monitor.model import StoredHit
from monitor.render import plain, render
from monitor.report.events import names_of
from monitor.report.wording import http_link, iso
from monitor.shapes import stored_hit_shape
from monitor.text.logins import without_login
from monitor.web import stix
from monitor.web.site import Site, TheReader, TheSite, TheViewer, parse_day

router = APIRouter(include_in_schema=False)

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # full-width ones too
MOST = 20_000  # hits in one file
ATOM = 100

_COLUMNS = (
    "number", "stored_at", "watch", "indicator", "status", "score", "stage", "event", "title",
    "summary", "matched", "link", "source", "feed", "lang", "published_at", "first_seen_at",
    "query", "rules", "how",
)  # fmt: skip


@router.get("/exports")
def exports(site: TheSite, viewer: TheViewer) -> Response:
    """What can be taken away, and how."""
    base = site.settings.public_url or site.prefix
    values = {"base": base, "most": MOST, "watches": site.watches}
    return site.page("exports", viewer, values, title="Exports")


@router.get("/report")
def report(site: TheSite, viewer: TheReader, as_of: str = "") -> Response:
    """The report file, as of now or then."""
    now = site.now()
    at = parse_day(as_of, now) if as_of else None
    text = site.installation.report(as_of=min(at or now, now))
    answer = HTMLResponse(text)
    # its own CSP is in the file: ours would forbid its inline style
    answer.headers["content-security-policy"] = "frame-ancestors 'none'; form-action 'none'"
    return answer


def hits_asked(
    site: Site, *, since: str, indicator: str, status: str, limit: int = MOST
) -> Sequence[StoredHit]:
    """Hits by the filters of an export, newest first."""
    found: Sequence[StoredHit] = site.store.hits(
        since=parse_day(since, site.now()) if since else None,
        indicator=indicator or None,
        status=status or None,
        limit=min(limit, MOST),
    )
    return found


@router.get("/export.csv")
def export_csv(
    site: TheSite, viewer: TheReader, since: str = "", indicator: str = "", status: str = ""
) -> Response:
    """One line a hit; what a spreadsheet would take for a formula is made text."""
    found = hits_asked(site, since=since, indicator=indicator, status=status)
    return StreamingResponse(
        csv_lines(found),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="hits.csv"'},
    )


def csv_lines(hits: Sequence[StoredHit]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_COLUMNS)
    for stored in hits:
        shape = stored_hit_shape(stored)
        shape["matched"] = " + ".join(dict.fromkeys(span.term for span in stored.hit.spans))
        writer.writerow([harmless(shape.get(name)) for name in _COLUMNS])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    if not isinstance(value, str):
        return "" if value is None else value
    text = plain(value).replace("\n", " ").replace("\t", " ")
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) else text


@router.get("/export.json")
def export_json(
    site: TheSite, viewer: TheReader, since: str = "", indicator: str = "", status: str = ""
) -> Response:
    found = hits_asked(site, since=since, indicator=indicator, status=status)
    return JSONResponse(
        [stored_hit_shape(each) for each in found],
        headers={"content-disposition": 'attachment; filename="hits.json"'},
    )


@router.get("/hits.atom")
def atom(site: TheSite, viewer: TheReader, indicator: str = "") -> Response:
    """The newest hits for a feed reader; with users it asks for a token of one."""
    found = hits_asked(site, since="", indicator=indicator, status="", limit=ATOM)
    names = names_of(site.watches)
    entries = [
        {
            "hit": stored,
            "title": f"{names.code(stored.hit.watch, stored.hit.indicator)}: {stored.item.title}",
            "category": names.title(stored.hit.watch, stored.hit.indicator),
            "link": http_link(stored.item.link),
            "event": f"{site.settings.public_url or site.prefix}/events/{stored.event}",
        }
        for stored in found
        if stored.status != "dismissed"
    ]
    updated = found[0].stored_at if found else site.now()
    text = render(
        site.installation.templates,
        "pages/hits.atom",
        {
            "id": site.store.installation(),
            "entries": entries,
            "updated": updated,
            "brand": " · ".join(watch.title for watch in site.watches),
            "home": site.settings.public_url or site.at("/"),
        },
    )
    return Response(text, media_type="application/atom+xml; charset=utf-8")


@router.get("/export.stix.json")
def export_stix(site: TheSite, viewer: TheReader, since: str = "", status: str = "") -> Response:
    """Events of the last year (or since) as a STIX 2.1 bundle."""
    now = site.now()
    start = parse_day(since, now) if since else now - timedelta(days=366)
    events = site.store.events(since=start, status=status or None, limit=stix.MOST)
    text = stix.bundle(events, site.watches, installation=site.store.installation(), now=now)
    return Response(
        text,
        media_type="application/stix+json;version=2.1",
        headers={"content-disposition": 'attachment; filename="events.stix.json"'},
    )


@router.get("/feeds.opml")
def opml(site: TheSite, viewer: TheReader) -> Response:
    """The subscriptions, for any feed reader."""
    return Response(
        opml_text(site.store.feeds(), site.now()),
        media_type="text/x-opml; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="feeds.opml"'},
    )


def opml_text(feeds: Any, now: datetime) -> str:
    rows = [
        f'<outline type="rss" text={quoteattr(plain(s.feed.name or s.feed.id))} '
        f"xmlUrl={quoteattr(plain(without_login(s.feed.url)))}/>"
        for s in feeds
    ]
    body = "\n".join(rows)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0"><head><title>Feeds</title>'
        f"<dateCreated>{iso(now)}</dateCreated></head><body>\n{body}\n</body></opml>\n"
    )
