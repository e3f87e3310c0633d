"""The moment from which a message may have been accepted, and who wants to know of it."""

from __future__ import annotations

from monitor.errors import MailError


class LostReplyError(MailError):
    """The message was handed over whole, then the reply was lost: perhaps sent, perhaps not."""


async def nothing() -> None:
    """Nobody wants to know."""
