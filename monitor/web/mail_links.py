"""The links in mail: ending a subscription, acknowledging an alert. GET asks, POST does."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from monitor.web.site import Site, TheSite

router = APIRouter(include_in_schema=False)


@router.get("/unsubscribe/{token}")
def ask_unsubscribe(token: str, site: TheSite) -> Response:
    found = site.installation.subscription_of(token)
    if found is None:
        return _gone(site)
    words = f"End the digest “{found[0]}” to {found[1]}?"
    return _ask(site, f"/unsubscribe/{token}", words, "End it")


@router.post("/unsubscribe/{token}")
def unsubscribe(token: str, site: TheSite) -> Response:
    """One-Click of RFC 8058 too: the token is the key, and doing it twice is doing it once."""
    found = site.installation.unsubscribe(token, now=site.now())
    if found is None:
        return _gone(site)
    return _done(site, f"The digest “{found[0]}” to {found[1]} has ended.")


@router.get("/acknowledge/{token}")
def ask_acknowledge(token: str, site: TheSite) -> Response:
    if site.installation.alert_of(token) is None:
        return _gone(site)
    return _ask(site, f"/acknowledge/{token}", "Stop the repeats of this alert?", "Acknowledge")


@router.post("/acknowledge/{token}")
def acknowledge(token: str, site: TheSite) -> Response:
    if site.installation.acknowledge(token, by="link in the mail", now=site.now()) is None:
        return _gone(site)
    return _done(site, "Acknowledged: the alert will not be repeated.")


def _ask(site: Site, path: str, words: str, button: str) -> Response:
    values = {"words": words, "action": site.at(path), "button": button}
    return site.page("mail-link", None, values, title=words)


def _done(site: Site, words: str) -> Response:
    return site.page("mail-link", None, {"words": words, "action": "", "button": ""}, title=words)


def _gone(site: Site) -> Response:
    words = "This link is not one of ours, or no longer holds."
    values = {"words": words, "action": "", "button": ""}
    return site.page("mail-link", None, values, title=words, status=404)
