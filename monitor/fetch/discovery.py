"""Which feeds a web page leads to. Pure."""

from __future__ import annotations

from urllib.parse import urljoin

from monitor.fetch.opml import feed_id
from monitor.model import Feed
from monitor.parse.page import Page
from monitor.text.logins import without_login

_USUAL = ("/feed", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml")
_MOST = 8


def feeds_of(page: Page, *, url: str) -> tuple[Feed, ...]:
    """Feeds that a page names, else the usual addresses; the likeliest first, those of comments last."""
    named = {without_login(address): name for address, name in page.feeds}
    found = named or {urljoin(url, path): "" for path in _USUAL}
    ordered = sorted(found, key=lambda each: "comment" in (each + found[each]).lower())
    return tuple(
        Feed(id=feed_id(each), url=each, name=found[each], homepage=url)
        for each in ordered[:_MOST]
        if each != url
    )
