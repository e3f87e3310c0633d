"""Logins: kept out of web addresses, which are shown and stored, and put into headers, which are not."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked(text: str) -> str:
    """``text`` with the logins of all web addresses in it made unreadable, as long as it was."""
    return _LOGIN.sub(lambda found: "•" * len(found[0]), text)


def has_login(url: str) -> bool:
    """True for ``http://user:password@host/`` and its likes."""
    try:
        return "@" in urlsplit(url).netloc
    except ValueError:
        return False


def without_login(url: str) -> str:
    """The address alone."""
    if not has_login(url):
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def login_headers(headers: Mapping[str, str], user: str, password: str) -> dict[str, str]:
    """A feed's own headers, with its login as Basic authentication (RFC 7617) if it has one."""
    found = dict(headers)
    if user:
        found["Authorization"] = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    return found
