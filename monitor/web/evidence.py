"""Search over every stored item; evidence that no feed carried; items that were missed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response

from monitor.errors import ConfigError, MonitorError
from monitor.model import LANGUAGES
from monitor.report.marks import Piece
from monitor.report.wording import codes, http_link, source_name
from monitor.text import fold
from monitor.web.access import Viewer
from monitor.web.installation import Evidence, Filed, known_pairs
from monitor.web.site import Site, TheForm, TheReviewer, TheSite, TheViewer, parse_day

router = APIRouter(include_in_schema=False)

PAGE = 50
_WORDS = re.compile(r"""([\s.,;:!?()\[\]«»“”„"'‘’،؛؟/–—-]+)""")


@router.get("/search")
def search(
    request: Request,
    site: TheSite,
    viewer: TheViewer,
    q: str = "",
    lang: str = "",
    feed: str = "",
    after: str = "",
) -> Response:
    """Items with all the words, whatever the language, and where each stands."""
    q = q.strip()[:300]
    page = site.store.search(
        q, lang=lang or None, feed=feed or None, after=after or None, limit=PAGE
    )
    words = words_of(q)
    choices = indicator_choices(site)
    titles = {key.partition(":")[2]: title for key, title in choices}
    rows = [
        {
            "item": found.item,
            "source": source_name(found.item),
            "title": marked(found.item.title, words),
            "text": marked(found.item.summary, words, most=320),
            "link": http_link(found.item.link),
            "events": found.events,
            "indicators": [titles.get(each, each) for each in found.indicators],
        }
        for found in page.found
    ]
    return site.page(
        "search",
        viewer,
        {
            "q": q,
            "lang": lang,
            "langs": LANGUAGES,
            "rows": rows,
            "next": site.at("/search", q=q, lang=lang, feed=feed, after=page.after)
            if page.after
            else "",
            "indicators_of": choices,
            "here": site.at("/search", q=q, lang=lang, feed=feed, after=after),
        },
        title=f"Search: {q}" if q else "Search",
        tab="search",
        request=request,
    )


def words_of(text: str) -> frozenset[str]:
    return frozenset(each for each in _WORDS.split(fold(text).text.casefold()) if each.strip())


def marked(text: str, words: frozenset[str], *, most: int = 0) -> tuple[Piece, ...]:
    """``text`` with the words that were searched for marked; cut to ``most`` characters."""
    cut = text if not most or len(text) <= most else text[:most].rsplit(" ", 1)[0] + "…"
    found: list[Piece] = []
    plain: list[str] = []  # what stands between two marks is one piece
    for word in _WORDS.split(cut):  # words and, at odd places, what stands between them
        if _core(word) in words:
            found += [Piece("".join(plain)), Piece(word, marked=True)]
            plain = []
        else:
            plain.append(word)
    found.append(Piece("".join(plain)))
    return tuple(each for each in found if each.text)


@lru_cache(maxsize=8192)
def _core(word: str) -> str:
    return fold(word).text.casefold()


def indicator_choices(site: Site) -> Sequence[tuple[str, str]]:
    """(``watch:indicator``, words) of every indicator, for a select."""
    found = []
    for watch in site.watches:
        names = codes(watch)
        for each in watch.indicators:
            title = f"{names[each.id]} {each.title}"
            many = len(site.watches) > 1
            found.append((f"{watch.id}:{each.id}", f"{watch.title}: {title}" if many else title))
    return found


# ── By hand ──────────────────────────────────────────────────────────────────────────────────────


@router.get("/evidence")
def evidence_form(
    site: TheSite, request: Request, viewer: TheViewer, indicator: str = ""
) -> Response:
    return _form(site, viewer, {"indicator": indicator}, request=request)


@router.post("/evidence")
def add_evidence(site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """Stores an item that no feed carried; the rules look at it, or it is filed as chosen.

    Of a link alone the page is read; where that fails, the analyst pastes what it says.
    """
    given = {name: str(form.get(name, "")).strip() for name in _FIELDS}
    if given["link"] and not (given["title"] and (given["text"] or given["unread"])):
        try:
            title, text = site.installation.read_page(_link(given["link"]), now=site.now())
        except MonitorError as error:
            words = f"The page could not be read: {error.problem}. Paste its title and text."
            return _form(site, viewer, given | {"unread": "1"}, error=words, status=422)
        given |= {"title": given["title"] or title, "text": given["text"] or text}
    try:
        watch, indicator = pair_named(site, given["indicator"]) if given["indicator"] else ("", "")
        found = site.installation.add_evidence(
            Evidence(
                title=given["title"][:1000],
                text=given["text"][:100_000],
                link=_link(given["link"]),
                lang=given["lang"] if given["lang"] in LANGUAGES else "",
                source=(given["source"] or urlsplit(given["link"]).hostname or "")[:200],
                published_at=_published(given["published_at"], site),
                watch=watch,
                indicator=indicator,
                note=given["note"][:4000],
            ),
            by=viewer.name,
            now=site.now(),
        )
    except ConfigError as error:
        return _form(site, viewer, given, error=error.problem, status=422)
    return _filed(site, found)


@router.post("/missed")
def missed(site: TheSite, viewer: TheReviewer, form: TheForm) -> Response:
    """“This was missed”: a label that the rules are measured by, and evidence from now on."""
    watch, indicator = pair_named(site, str(form.get("indicator", "")))
    found = site.installation.file_missed(
        str(form.get("item", "")),
        watch,
        indicator,
        by=viewer.name,
        now=site.now(),
        note=str(form.get("note", "")).strip()[:4000],
    )
    return _filed(site, found)


_FIELDS = (
    "title", "text", "link", "lang", "source", "published_at", "indicator", "note",
    "unread",
)  # fmt: skip


def _filed(site: Site, found: Filed) -> Response:
    site.changed()
    if not found.events:
        words = "Stored. No indicator’s rules match it: choose one to file it under."
        return site.redirect(site.at("/evidence"), words=words)
    known = "It was stored before. " if found.known else ""
    words = f"{known}Filed under {', '.join(found.indicators)}."
    return site.redirect(site.at(f"/events/{found.events[0]}"), words=words)


def pair_named(site: Site, text: str) -> tuple[str, str]:
    """From ``watch:indicator``. Raises ConfigError."""
    watch, _, indicator = text.partition(":")
    if (watch, indicator) not in known_pairs(site.watches):
        raise ConfigError("choose an indicator", subject=text[:80])
    return watch, indicator


def _link(text: str) -> str:
    if text and not http_link(text):
        raise ConfigError("a link begins with http:// or https://", subject=text[:80])
    return text


def _published(text: str, site: Site) -> datetime | None:
    if not text:
        return None
    at = parse_day(text, site.now())
    if at is None or at > site.now():
        raise ConfigError("this is no date up to now", subject=text[:40])
    return at


def _form(
    site: Site,
    viewer: Viewer,
    given: Mapping[str, str],
    *,
    error: str = "",
    status: int = 200,
    request: Request | None = None,
) -> Response:
    values = {
        "given": dict.fromkeys(_FIELDS, "") | dict(given),
        "indicators_of": indicator_choices(site),
        "langs": LANGUAGES,
        "error": error,
    }
    return site.page(
        "evidence",
        viewer,
        values,
        title="Add evidence",
        tab="inbox",
        status=status,
        request=request,
    )
