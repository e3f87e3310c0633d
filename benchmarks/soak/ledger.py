"""The books at the end: what was published, served, stored, matched and mailed; what does not fit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import text

from benchmarks.soak.site import Site

MUST_BE_NONE = (
    "published but not served",
    "served but not stored",
    "stored but not served",
    "stored more than once",
    "missing hits",
    "hits too many",
    "hits in no digest",
    "hits in two digests",
    "messages not delivered",
    "sent but never accepted",
    "accepted twice and not said to be",
    "integrity",
    "jobs failed",
)


def ledger(site: Site) -> dict[str, Any]:
    """All books, in the order in which news goes through them."""
    return (
        {"requests": site.world.polls}
        | _news(site)
        | _hits(site)
        | _digests(site)
        | _mail(site)
        | {
            "integrity": site.store.check(),
            "jobs failed": sum(n for (_, s), n in site.queue.counts().items() if s == "failed"),
        }
    )


def _news(site: Site) -> dict[str, Any]:
    served = {link for links in site.world.served.values() for link in links}
    published = {link for links in site.world.published().values() for link in links}
    stored = [row[0] for row in _rows(site, "SELECT link FROM item")]
    return {
        "published": len(published),
        "published but not served": len(published - served),
    } | compared(served, stored)


def compared(served: Iterable[str], stored: Iterable[str]) -> dict[str, Any]:
    """Links that were served beside those of the stored items.

    A page under which several different links were served (a live page: ``…#entry``) may be as many
    items; any other is one.
    """
    pages: dict[str, set[str]] = defaultdict(set)
    for link in served:
        pages[identity(link)].add(link)
    found = Counter(map(identity, stored))
    lost, strange = pages.keys() - found.keys(), found.keys() - pages.keys()
    twice = {page for page, count in found.items() if page in pages and count > len(pages[page])}
    return {
        "served": len(pages),
        "stored": len(found),
        "served but not stored": len(lost),
        "stored but not served": len(strange),
        "stored more than once": len(twice),
        "do not fit": sorted(lost | strange | twice)[:9],
    }


def _hits(site: Site) -> dict[str, Any]:
    from monitor import config as settings
    from monitor.app import App

    app = App(settings.load(site.config), now=site.now)
    try:
        anew = {
            (item.id, hit.indicator)
            for item, hits in app.rules.matcher.match_many(site.store.items())
            for hit in hits
        }
    finally:
        app.close()
    held = Counter((each.item.id, each.hit.indicator) for each in site.store.hits())
    return {
        "matched anew": len(anew),
        "hits": sum(held.values()),
        "missing hits": len(anew - set(held)),
        "hits too many": len(set(held) - anew) + sum(n > 1 for n in held.values()),
    }


def _digests(site: Site) -> dict[str, Any]:
    covered = Counter(
        row[0] for row in _rows(site, "SELECT hit FROM message_hit WHERE kind = 'digest'")
    )
    last = _rows(site, "SELECT max(created_at) FROM message WHERE kind = 'digest'")[0][0]
    query = f"SELECT number FROM hit WHERE stored_at <= '{last or site.now}'"
    due = {row[0] for row in _rows(site, query)}
    return {
        "hits in digests": len(covered),
        "hits in no digest": len(due - set(covered)),
        "hits in two digests": sum(n > 1 for n in covered.values()),
    }


def _mail(site: Site) -> dict[str, Any]:
    rows = _rows(site, "SELECT message_id, error FROM message WHERE state = 'sent'")
    sent = {row.message_id for row in rows}
    said = {row.message_id for row in rows if "twice" in row.error}
    undelivered = _rows(site, "SELECT count(*) FROM message WHERE state <> 'sent'")[0][0]
    accepted = site.post.accepted
    return {
        "messages sent": len(sent),
        "messages not delivered": undelivered,
        "sent but never accepted": len(sent - set(accepted)),
        "accepted twice": sum(n - 1 for n in accepted.values() if n > 1),
        "accepted twice and not said to be": sum(
            n > 1 and id not in said for id, n in accepted.items()
        ),
    }


def identity(link: str) -> str:
    """What a link identifies an item by; a link that identifies none (a front page) is itself."""
    from monitor.normalise.links import absolute, link_key

    return link_key(link) or absolute(link, base="") or link


def _rows(site: Site, query: str) -> list[Any]:
    with site.store.db.read() as connection:
        return list(connection.execute(text(query)))


def slope(values: list[float]) -> float:
    """MB a day over the second half, by least squares."""
    some = values[len(values) // 2 :]
    if len(some) < 3:
        return 0.0
    middle, mean = (len(some) - 1) / 2, sum(some) / len(some)
    above = sum((n - middle) * (value - mean) for n, value in enumerate(some))
    return above / sum((n - middle) ** 2 for n in range(len(some)))
