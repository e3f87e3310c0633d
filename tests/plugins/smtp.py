"""A real mail server on the loopback that behaves as badly as a test asks for.

Not a conftest, so that several folders can share it: a ``conftest.py`` loads this file by its path.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# What a connection may meet:
#   accept        250 to everything
#   refuse        550 to the recipient
#   defer         451 to the message
#   stall         no answer to the message, ever
#   drop-before   the connection is cut before the message
#   drop-middle   the connection is cut within the message; its sender may have sent all of it by then
#   drop-after    the message is accepted, then the connection is cut before the reply
#   drop-unread   the connection is cut after the final dot, and the message was not accepted
BEHAVIOURS = (
    *("accept", "refuse", "defer", "stall"),
    *("drop-before", "drop-middle", "drop-after", "drop-unread"),
)


@dataclass
class Accepted:
    """A message that the server took upon itself; ``replied``: and the sender could know."""

    recipient: str
    raw: bytes
    replied: bool

    @cached_property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)  # type: ignore[return-value]

    @property
    def id(self) -> str:
        return str(self.message["Message-ID"])


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class PostOffice:
    """The server's state; ``behave`` is asked once for each message."""

    behave: Callable[[], str] = lambda: "accept"
    delay: Callable[[], float] = lambda: 0.0  # seconds between the message and its reply
    accepted: list[Accepted] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # the behaviours, in order
    refuse: dict[str, str] = field(default_factory=dict)  # recipient → reply
    port: int = 0
    secured: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    idle: threading.Event = field(default_factory=_set)  # nobody is connected
    arrived: threading.Event = field(default_factory=threading.Event)  # a message has been read
    _open: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, recipient: str) -> list[Accepted]:
        return [each for each in self.accepted if each.recipient == recipient]

    def connected(self, more: int) -> None:
        self._open += more
        if self._open:
            self.idle.clear()
        else:
            self.idle.set()

    # ── What aiosmtpd calls ──────────────────────────────────────────────────────────────────────

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        envelope.behaviour = self.behave()
        self.seen.append(envelope.behaviour)
        if address in self.refuse:
            return self.refuse[address]
        if envelope.behaviour == "refuse":
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.secured.append(session.ssl is not None)
        behaviour = envelope.behaviour
        self.arrived.set()
        if behaviour == "defer":
            return "451 4.7.1 try later"
        if behaviour == "stall":
            await asyncio.Event().wait()
        if behaviour == "drop-unread":
            server.transport.abort()
            await asyncio.Event().wait()
        taken = [Accepted(each, envelope.content, False) for each in envelope.rcpt_tos]
        self.accepted += taken
        await asyncio.sleep(self.delay())
        if behaviour == "drop-after":
            server.transport.abort()
            await asyncio.Event().wait()
        for each in taken:
            each.replied = True
        return "250 2.0.0 accepted"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        login = (data.login.decode(), data.password.decode())
        self.logins.append(login)
        return AuthResult(success=login == ("user", "right"))


class _Server(SMTP):
    """aiosmtpd that can hang up in the middle of a message, and tells when nobody is connected."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.connected(1)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.event_handler.connected(-1)

    async def smtp_DATA(self, arg: str) -> None:
        behaviour = getattr(self.envelope, "behaviour", "")
        if behaviour in ("drop-before", "drop-middle"):
            if behaviour == "drop-middle":
                await self.push("354 go on")
                await self._reader.readline()
            assert self.transport is not None
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, **self.SMTP_kwargs)


def serve(
    office: PostOffice,
    *,
    tls: ssl.SSLContext | None = None,
    login: bool = False,
    smtps: bool = False,
) -> Iterator[PostOffice]:
    """Runs a server for ``office`` while the generator is open."""
    more: dict[str, Any] = {}
    if login:
        more |= {"authenticator": office.authenticate, "auth_require_tls": False}
    if tls is not None and not smtps:
        more |= {"tls_context": tls}
    controller = _Controller(
        office,
        hostname="127.0.0.1",
        port=_free_port(),
        server_hostname="mail.test",
        ssl_context=tls if smtps else None,
        **more,
    )
    office.port = controller.port
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
