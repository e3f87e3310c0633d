"""SMTP: one message, one connection, one deadline around all of it.

STARTTLS is used wherever it is offered. With a login it is required and the certificate must be right;
without one, encryption without a certificate is still better than none. Nothing is ever sent in the
clear after a login was configured, whatever the server says.

The final dot is what counts: before it, a failure means that nothing was accepted; after it, a missing
reply means that nobody knows (RFC 5321, 4.2.5 and 4.5.4.1: the sender tries again).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from monitor.errors import MailError
from monitor.mail.handing import LostReplyError, nothing
from monitor.model import Outgoing

_QUIT_WITHIN = 2.0  # seconds; the message is accepted by then, goodbye is a courtesy
_LINE_END = re.compile(rb"\r\n|\n|\r")
_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """A server and how to speak to it."""

    host: str
    port: int
    sender: str  # bare address: the envelope's
    implicit_tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 120.0  # seconds for everything together
    tls: ssl.SSLContext | None = None  # None = the system's certificates

    @classmethod
    def from_url(cls, url: str, *, password: str, sender: str, timeout: timedelta) -> SmtpSettings:
        """``smtp://user@host:587``, ``smtps://user@host``."""
        parts = urlsplit(url)
        user = unquote(parts.username or "")
        secure = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or (465 if secure else 587 if user else 25),
            sender=parseaddr(sender)[1],
            implicit_tls=secure,
            user=user,
            password=password or unquote(parts.password or ""),
            timeout=timeout.total_seconds(),
        )

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


class SmtpMailer:
    """Hands messages to one server."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings

    async def send(
        self, message: Outgoing, *, handing_over: Callable[[], Awaitable[None]] = nothing
    ) -> None:
        """Returns when the server has accepted it; ``handing_over`` is awaited before the final dot.

        Raises LostReplyError where that is unknown, MailError (permanent or not) where it did not.
        """
        dialogue = _Dialogue(self.settings)
        try:
            async with asyncio.timeout(self.settings.timeout):
                await dialogue.send(message, handing_over)
        except TimeoutError as error:
            whole = f"no answer within {self.settings.timeout:.0f} s"
            raise self._unfinished(whole, dialogue) from error
        except aiosmtplib.SMTPResponseException as error:
            raise self._refused(error, dialogue) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise self._unfinished(_plain_words(reason), dialogue) from error
        finally:
            await dialogue.close()

    def _unfinished(self, problem: str, dialogue: _Dialogue) -> MailError:
        if dialogue.dotted:
            return LostReplyError(
                f"the reply was lost after the whole message had been sent ({problem})",
                subject=self.settings.place,
                remedy="It was possibly sent. It is tried again with the same Message-ID.",
            )
        return MailError(
            f"{dialogue.step}: {problem}",
            subject=self.settings.place,
            remedy="Check [mail] url and the server; try: monitor mail test ADDRESS",
        )

    def _refused(self, error: aiosmtplib.SMTPResponseException, dialogue: _Dialogue) -> MailError:
        if dialogue.dotted and not 400 <= error.code < 600:  # no reply that one could read
            return self._unfinished(f"unreadable reply: {error.message}", dialogue)
        words = " ".join(str(error.message).split())[:300]
        # a refused login or sender is our own configuration: the message is fine and waits
        permanent = 500 <= error.code < 600 and dialogue.at_message
        return MailError(
            f"{dialogue.step}: refused: {error.code} {words}",
            permanent=permanent,
            subject=self.settings.place,
            remedy=""
            if permanent
            else "Check [mail] url, its login and sender, or wait: it may pass.",
        )


class _Dialogue:
    """One connection, and how far it has come."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self.step = "connecting"
        self.at_message = False  # a refusal from now on is about this recipient or message
        self.dotted = False  # the whole message is with the system's network stack
        self._client: aiosmtplib.SMTP | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._transports: list[asyncio.WriteTransport] = []

    async def send(self, message: Outgoing, handing_over: Callable[[], Awaitable[None]]) -> None:
        settings = self.settings
        self._client = client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout,
            use_tls=settings.implicit_tls,
            start_tls=False,
            tls_context=settings.tls or _verified(),
            local_hostname=_own_name(settings.sender),
        )
        await client.connect()
        if isinstance(client.transport, asyncio.WriteTransport):
            self._transports.append(client.transport)  # STARTTLS puts another in its place
        await client.ehlo()
        await self._secure(client)
        if settings.user:
            self.step = "logging in"
            await client.login(settings.user, settings.password)
        self.step = f"sender {settings.sender}"
        recipient = envelope(message.recipient)
        options = [] if recipient.isascii() else ["SMTPUTF8"]
        encoding = "ascii" if recipient.isascii() else "utf-8"
        if options and not client.supports_extension("smtputf8"):
            raise MailError(
                "the server takes no addresses beyond ASCII",
                permanent=True,
                subject=message.recipient,
            )
        await client.mail(settings.sender, options=options, encoding=encoding)
        self.step, self.at_message = f"message to {message.recipient}", True
        await client.rcpt(recipient, encoding=encoding)
        await self._data(client, message.body, handing_over)
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            await client.quit(timeout=_QUIT_WITHIN)

    async def _secure(self, client: aiosmtplib.SMTP) -> None:
        settings = self.settings
        if settings.implicit_tls:
            return
        if client.supports_extension("starttls"):
            self.step = "STARTTLS"
            context = settings.tls or (_verified() if settings.user else _unverified())
            await client.starttls(tls_context=context)
            await client.ehlo()
        elif settings.user:
            raise MailError(
                "the server offers no STARTTLS; login and message are not sent in the clear",
                subject=settings.place,
                remedy="Use smtps:// or a server with STARTTLS, or remove the login from [mail] url.",
            )
        self.step = "connecting"

    async def _data(
        self, client: aiosmtplib.SMTP, body: bytes, handing_over: Callable[[], Awaitable[None]]
    ) -> None:
        """DATA in two halves, so that it is known whether the dot went out."""
        reply = await client.execute_command(b"DATA")
        if reply.code != 354:
            raise aiosmtplib.SMTPDataError(reply.code, reply.message)
        protocol, transport = client.protocol, client.transport
        if protocol is None or transport is None or not isinstance(transport, asyncio.Transport):
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        transport.set_write_buffer_limits(0)  # drain() then waits until all is with the system
        loop = asyncio.get_running_loop()
        self._writer = writer = asyncio.StreamWriter(transport, protocol, None, loop)
        text = _DOT.sub(b"..", _LINE_END.sub(b"\r\n", body))
        writer.write(text if text.endswith(b"\r\n") else text + b"\r\n")
        await writer.drain()
        if transport.is_closing():
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        await handing_over()
        if transport.is_closing():
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        self.dotted = True
        writer.write(b".\r\n")
        reply = await protocol.read_response(timeout=self.settings.timeout)
        if not 200 <= reply.code < 300:
            raise aiosmtplib.SMTPDataError(reply.code, reply.message)

    async def close(self) -> None:
        """Lets go of the connection, whatever state it is in; what was to be said has been said."""
        if self._client is not None:
            self._client.close()
        for transport in self._transports:
            transport.abort()
        await asyncio.sleep(0)  # the loop may end with us: sockets are closed by its next round


def envelope(address: str) -> str:
    """An address as SMTP wants it: a domain beyond ASCII in its IDNA form."""
    local, _, domain = parseaddr(address)[1].rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return f"{local}@{domain}"


def _own_name(sender: str) -> str:
    """What we greet with: the sender's domain, as a container's own name says nothing."""
    domain = envelope(sender).rpartition("@")[2]
    return domain if re.fullmatch(r"[A-Za-z0-9.-]+", domain) else "localhost"


def _verified() -> ssl.SSLContext:
    return ssl.create_default_context()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _plain_words(reason: str) -> str:
    return reason[:1].lower() + reason[1:300]
