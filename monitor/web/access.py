"""Who is asking: sessions, roles, CSRF tokens, passwords, the throttle of the login.

Without users the pages are open on the loopback, by choice of who installed them; anywhere else nobody
gets in until there is a user. A session is a signed cookie that names the user and a fingerprint of the
password, so that removing the user or changing the password ends it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Literal, Protocol
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.responses import Response

from monitor.desk import User
from monitor.errors import ConfigError
from monitor.web.installation import WebSettings

Role = Literal["reader", "reviewer"]

SESSION_COOKIE = "monitor_session"
SESSION_SECONDS = 14 * 24 * 3600
LOCAL = "local"  # who decides where nobody logs in
_MOST_PASSWORD = 1024  # characters; more would be work for us alone
_LEAST_PASSWORD = 10
_HASHER = PasswordHasher()  # argon2id with the library's parameters (RFC 9106, low memory)
_HASHING = threading.BoundedSemaphore(2)  # 64 MiB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who is asking. ``session`` is what the CSRF token hangs on."""

    name: str
    role: Role
    session: str
    csrf: str
    logged_in: bool = False
    token: str = field(default="", repr=False)
    fresh: str = field(default="", repr=False)  # a session cookie that is still to be set

    @property
    def may_decide(self) -> bool:
        return self.role == "reviewer"


class Sessions:
    """Signed cookies. The key is the store's, so that every process and restart knows them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._signer = URLSafeTimedSerializer(secret, salt="session")

    def new(self, user: User | None) -> str:
        return self._signer.dumps(
            {
                "id": secrets.token_urlsafe(16),
                "user": user.name if user else "",
                "mark": self._mark(user) if user else "",
            }
        )

    def read(self, cookie: str | None, users: Sequence[User]) -> tuple[str, User | None] | None:
        """(session id, user or None); None for a cookie that is none of ours, or has ended."""
        if not cookie or len(cookie) > 2000:
            return None
        try:
            found = self._signer.loads(cookie, max_age=SESSION_SECONDS)
            id, name, mark = found["id"], found["user"], found["mark"]
        except (BadSignature, KeyError, TypeError):
            return None
        user = next((each for each in users if each.name == name), None)
        if name and (user is None or not hmac.compare_digest(self._mark(user), mark)):
            return None
        return id, user

    def csrf(self, session: str) -> str:
        digest = hmac.new(self._secret, f"csrf\0{session}".encode(), hashlib.sha256)
        return digest.hexdigest()[:40]

    def is_csrf(self, session: str, given: str) -> bool:
        return hmac.compare_digest(self.csrf(session).encode(), given.encode())

    def _mark(self, user: User) -> str:
        text = f"mark\0{user.name}\0{user.role}\0{user.password}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:24]


def keep(answer: Response, cookie: str, settings: WebSettings) -> None:
    """Sets the session cookie: not for scripts, not for other sites, below our path only."""
    answer.set_cookie(
        SESSION_COOKIE,
        cookie,
        max_age=SESSION_SECONDS,
        path=urlsplit(settings.public_url).path.rstrip("/") or "/",
        httponly=True,
        samesite="lax",
        secure=settings.public_url.startswith("https://"),
    )


def user_of_token(token: str, users: Sequence[User]) -> User | None:
    """Whose reading token it is."""
    found = None
    for user in users:  # all of them: the time says nothing
        if user.token and hmac.compare_digest(user.token.encode(), token.encode()):
            found = user
    return found


def is_loopback(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", "::1")


def is_open(settings: WebSettings, users: Sequence[User]) -> bool:
    """Whether nobody has to log in: there is no user, and only this machine reaches us."""
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    return not users and is_loopback(settings.host) and (public is None or is_loopback(public))


# ── Passwords ────────────────────────────────────────────────────────────────────────────────────


def hash_password(name: str, password: str) -> str:
    """argon2id. Raises ConfigError for a password that is no protection."""
    if not _LEAST_PASSWORD <= len(password) <= _MOST_PASSWORD or password == name:
        raise ConfigError(
            f"a password has {_LEAST_PASSWORD} to {_MOST_PASSWORD} characters and is not the name",
            subject=name,
            remedy="Choose a longer one: a few words do well.",
        )
    return _HASHER.hash(password)


@cache
def _nobody() -> str:
    """The hash that a name nobody has is checked against; made when it is first needed."""
    return _HASHER.hash(secrets.token_hex(16))


def verified(user: User | None, password: str) -> bool:
    """Whether it is the user's password; takes as long for a name that nobody has."""
    with _HASHING:
        try:
            _HASHER.verify(user.password if user else _nobody(), password[:_MOST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False
    return user is not None


class Failures(Protocol):
    """Where failed logins are counted: the store, so that all processes and restarts know of them."""

    def login_failures(self, keys: Collection[str]) -> Mapping[str, tuple[int, datetime]]: ...
    def note_login_failure(
        self, keys: Collection[str], *, now: datetime, forget: datetime, most: int
    ) -> None: ...
    def forget_login_failures(self, key: str) -> None: ...


class Throttle:
    """Delays after failed logins: by name and by address, doubling, a quarter of an hour at most.

    What is counted is a digest: people type passwords into the wrong field.
    """

    FREE = 5
    LONGEST = timedelta(minutes=15)
    MOST = 10_000  # keys remembered

    def __init__(self, failures: Failures, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._failures = failures
        self._secret = secret
        self._clock = clock

    def wait(self, *keys: str) -> float:
        """Seconds until the next try is looked at; 0 = now."""
        now = self._clock()
        found = self._failures.login_failures([self._digest(key) for key in keys])
        return max([0.0, *(self._until(count, at, now) for count, at in found.values())])

    def failed(self, *keys: str) -> None:
        now = self._clock()
        self._failures.note_login_failure(
            [self._digest(key) for key in keys],
            now=now,
            forget=now - 2 * self.LONGEST,
            most=self.MOST,
        )

    def succeeded(self, key: str) -> None:
        if self._failures.login_failures([self._digest(key)]):
            self._failures.forget_login_failures(self._digest(key))

    def _digest(self, key: str) -> str:
        digest = hmac.new(self._secret, f"login\0{key}".encode(), hashlib.sha256)
        return digest.hexdigest()[:32]

    def _until(self, count: int, at: datetime, now: datetime) -> float:
        if count < self.FREE or now - at > 2 * self.LONGEST:
            return 0.0
        delay = min(self.LONGEST.total_seconds(), float(2 ** min(20, count - self.FREE)))
        return min(delay, (at - now).total_seconds() + delay)  # the clock may have been set back
