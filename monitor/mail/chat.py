"""Alerts to chats and webhooks, through apprise: the same frozen messages, the same outbox.

A chat's address holds its secret. The outbox therefore names it by scheme and fingerprint, and the
address is looked up in the configuration when the message is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Literal

from monitor.errors import MailError
from monitor.mail.handing import LostReplyError, nothing
from monitor.model import Outgoing

_PREFIX = "chat:"
# requests' and urllib3's words for a connection that never was: nothing was posted then
_NEVER_THERE = re.compile(
    r"NewConnectionError|ConnectTimeout|NameResolutionError|Failed to establish|timed out\. \(connect"
    r"|Failed to resolve|SSLError|ProxyError"
)


def chat_name(url: str) -> str:
    """What the outbox calls a chat: ``chat:slack:1a2b3c4d``."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    return f"{_PREFIX}{url.partition('://')[0].lower()}:{digest}"


class ChatMailer:
    """Hands a message's text to the chat it is for."""

    def __init__(self, urls: Iterable[str], *, timeout: timedelta) -> None:
        self.urls = {chat_name(url): url for url in urls}
        self.timeout = timeout.total_seconds()

    @staticmethod
    def is_for(message: Outgoing) -> bool:
        return message.recipient.startswith(_PREFIX)

    async def send(
        self, message: Outgoing, *, handing_over: Callable[[], Awaitable[None]] = nothing
    ) -> None:
        """Raises LostReplyError where nobody knows whether the chat took it, MailError where it did not
        or is configured no longer."""
        url = self.urls.get(message.recipient)
        if url is None:
            raise MailError(
                "this chat is not in the configuration any more",
                permanent=True,
                subject=message.recipient,
            )
        title, body = _words(message)
        await handing_over()
        try:
            async with asyncio.timeout(self.timeout):
                outcome = await asyncio.to_thread(_notify, url, title, body)
        except TimeoutError as error:  # the thread goes on, and may yet post it
            raise self._lost(message, f"no answer within {self.timeout:.0f} s") from error
        if outcome == "lost":
            raise self._lost(message, "the connection was lost")
        if outcome == "refused":
            raise MailError(
                "the chat did not take the message",
                subject=message.recipient,
                remedy="Check its address in [[alerts]] notify.",
            )

    @staticmethod
    def _lost(message: Outgoing, problem: str) -> LostReplyError:
        return LostReplyError(
            f"the chat's answer was lost after the message had been sent ({problem})",
            subject=message.recipient,
            remedy="It was possibly posted. It is tried again.",
        )


def _words(message: Outgoing) -> tuple[str, str]:
    parsed = message_from_bytes(message.body, policy=default)
    part = parsed.get_body(("plain",))
    return message.subject, part.get_content().strip() if part is not None else ""


def _notify(url: str, title: str, body: str) -> Literal["taken", "refused", "lost"]:
    """Posts it. That a connection broke is told by the library in its log alone."""
    import apprise  # half a second and 20 MB that most installations never need

    _listen_to(logging.getLogger("apprise"))
    notifier = apprise.Apprise()
    if not notifier.add(url):
        return "refused"
    result = notifier.notify(
        title=title, body=body, body_format=apprise.NotifyFormat.TEXT, log_level=logging.DEBUG
    )
    if result:
        return "taken"
    broken = [each.message for each in result.logs() if "Socket Exception" in each.message]
    return "lost" if any(not _NEVER_THERE.search(each) for each in broken) else "refused"


def _listen_to(log: logging.Logger) -> None:
    """Lets the library say why, to its caller alone: what it says may hold an address's secret."""
    if log.propagate:
        log.setLevel(logging.DEBUG)
        log.addHandler(logging.NullHandler())
        log.propagate = False
