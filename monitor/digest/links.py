"""Links that end a subscription or stop an alert: signed, for one of them, holding nothing secret.

A token holds a digest of whom it is for, not the address itself, so that a link in a log or a forwarded
mail says nothing. Who verifies it knows the subscriptions and finds the one that fits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import quote

_LENGTH = 18  # bytes: 144 bits


def unsubscribe_token(secret: str, subscription: str, recipient: str) -> str:
    """The token in the link of this recipient's digests; the same every time."""
    text = f"unsubscribe\0{subscription}\0{recipient.casefold()}".encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_LENGTH]).decode("ascii").rstrip("=")


def verify(token: str, secret: str, known: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The (subscription, recipient) of ``known`` that the token is for; None where there is none."""
    found = None
    for name, recipient in known:  # all of them: the time says nothing
        if hmac.compare_digest(token.encode(), unsubscribe_token(secret, name, recipient).encode()):
            found = (name, recipient)
    return found


def unsubscribe_link(public_url: str, token: str) -> str:
    """Where the pages take the token: GET asks, POST does."""
    return f"{public_url.rstrip('/')}/unsubscribe/{quote(token)}" if public_url else ""


def acknowledge_token(secret: str, key: str) -> str:
    """The token by which an alert is acknowledged; the key itself is no secret and goes with it."""
    digest = hmac.new(secret.encode(), f"acknowledge\0{key}".encode(), hashlib.sha256).digest()
    name = base64.urlsafe_b64encode(key.encode()).decode("ascii").rstrip("=")
    return f"{name}.{base64.urlsafe_b64encode(digest[:_LENGTH]).decode('ascii').rstrip('=')}"


def acknowledged_key(token: str, secret: str) -> str | None:
    """The key of an alert's token; None for a token that is none of ours."""
    name, _, _ = token.partition(".")
    try:
        key = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except ValueError:
        return None
    good = hmac.compare_digest(token.encode(), acknowledge_token(secret, key).encode())
    return key if good else None


def acknowledge_link(public_url: str, token: str) -> str:
    """Where the pages take the token: GET asks, POST does."""
    return f"{public_url.rstrip('/')}/acknowledge/{quote(token)}" if public_url else ""
