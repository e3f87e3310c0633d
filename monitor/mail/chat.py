"""Alerts to chats and webhooks, through apprise: the same frozen messages, the same outbox.

A chat's address holds its secret. The outbox therefore names it by scheme and fingerprint, and the
address is looked up in the configuration when the message is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

from monitor.errors import MailError
from monitor.model import Outgoing

_PREFIX = "chat:"


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

    async def send(self, message: Outgoing) -> None:
        """Raises MailError where the chat took it not, or is configured no longer."""
        url = self.urls.get(message.recipient)
        if url is None:
            raise MailError(
                "this chat is not in the configuration any more",
                permanent=True,
                subject=message.recipient,
            )
        title, body = _words(message)
        try:
            async with asyncio.timeout(self.timeout):
                taken = await asyncio.to_thread(_notify, url, title, body)
        except TimeoutError as error:
            raise MailError(
                f"no answer within {self.timeout:.0f} s", subject=message.recipient
            ) from error
        if not taken:
            raise MailError(
                "the chat did not take the message",
                subject=message.recipient,
                remedy="Check its address in [[alerts]] notify.",
            )


def _words(message: Outgoing) -> tuple[str, str]:
    parsed = message_from_bytes(message.body, policy=default)
    part = parsed.get_body(("plain",))
    return message.subject, part.get_content().strip() if part is not None else ""


def _notify(url: str, title: str, body: str) -> bool:
    import apprise  # half a second and 20 MB that most installations never need

    notifier = apprise.Apprise()
    if not notifier.add(url):
        return False
    return bool(notifier.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))
