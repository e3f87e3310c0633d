"""What an answer means: statuses, headers and pages that stand in for a feed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from monitor.errors import FetchError
from monitor.text.webpage import is_web_page

LONGEST_RETRY = timedelta(days=1)

_KINDS = {401: "unauthorised", 403: "forbidden", 404: "not-found", 410: "gone", 429: "rate-limited"}
_MEANING = {
    400: "it does not understand the request",
    401: "it wants a login",
    402: "it wants payment",
    403: "it refuses us",
    404: "there is nothing at this address",
    406: "it has nothing that we accept",
    408: "it waited too long",
    410: "the feed is gone for good",
    418: "it refuses us",
    429: "it was asked too often",
    451: "it is blocked for legal reasons",
    500: "it has an error of its own",
    502: "its gateway fails",
    503: "it is out of service",
    504: "its gateway waits in vain",
    522: "its front server cannot reach it",
}
_REMEDY = {
    401: "Give the feed user and password, or headers, in its configuration.",
    403: "Open the address in a browser; the site may refuse programs.",
    404: "Open the site and look for its feed: monitor feeds add with the address of its home page.",
    410: "It is tried once a day; remove the feed if it stays gone.",
}

# Pages that stand between a reader and the site. What they say is more stable than how they look.
_CHALLENGE = re.compile(
    rb"cf-chl|cf_chl_|challenge-platform|<title>\s*(?:Just a moment|Attention Required|"
    rb"Access denied|DDoS-Guard|Checking your browser)|_Incapsula_Resource|"
    rb"captcha-delivery|px-captcha|/\.well-known/sgcaptcha|ddos-guard/js-challenge|"
    rb"sucuri_cloudproxy",
    re.I,
)
_CONSENT = re.compile(
    rb"consent\.(?:google|yahoo|youtube)|cmp-consent|privacy-mgmt\.com|"
    rb"<title>[^<]{0,80}(?:consent|cookie|datenschutz|Before you continue)|guce\.",
    re.I,
)
_LOOKED_AT = 65_536
_BEGINNING = 2_048  # bytes by which a web page is told


def is_html(body: bytes) -> bool:
    """True for a web page, whatever the header calls it."""
    return is_web_page(body[:_BEGINNING].removeprefix(b"\xef\xbb\xbf").decode("latin-1"))


def standing_in(body: bytes, headers: Mapping[str, str], host: str) -> FetchError | None:
    """The error for a page that asks for something before it shows the site, if this is one."""
    start = body[:_LOOKED_AT]
    if headers.get("cf-mitigated") == "challenge" or (is_html(start) and _CHALLENGE.search(start)):
        return FetchError(
            f"{host} wants proof that we are a person before it gives its feed",
            kind="challenge",
            subject=host,
            remedy="Ask the site to let feed readers in, or look for another address of this feed.",
        )
    if is_html(start) and _CONSENT.search(start):
        return FetchError(
            f"{host} asks for consent to cookies instead of giving its feed",
            kind="consent",
            subject=host,
            remedy="Look for another address of this feed.",
        )
    return None


def status_error(status: int, headers: Mapping[str, str], host: str, now: datetime) -> FetchError:
    """The error for an answer that is neither 200 nor 304."""
    kind = _KINDS.get(status, "server" if status >= 500 else "http")
    meaning = _MEANING.get(status, "no feed with it")
    return FetchError(
        f"{host} answered {status}: {meaning}",
        kind=kind,
        subject=host,
        remedy=_REMEDY.get(status, ""),
        status=status,
        retry_after=retry_after(headers, now) if status in (403, 429) or status >= 500 else None,
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """What ``Retry-After`` asks for, in either form (RFC 9110 §10.2.3), a day at most.

    A date is counted from the server's own ``Date``, so that its clock need not be ours.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}(?:\.\d+)?", text):
        return min(timedelta(seconds=float(text)), LONGEST_RETRY)
    until = http_date(text)
    if until is None:
        return None
    wait = until - (http_date(headers.get("date", "")) or now)
    return min(max(wait, timedelta(0)), LONGEST_RETRY)


def http_date(text: str) -> datetime | None:
    """Aware, with the offset it came with: what lies at an end of the calendar has no form in UTC."""
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
