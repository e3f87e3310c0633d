"""The mail edge: one frozen message is handed to a server or written into a folder.

``mailer_for`` gives what the configuration names. Whatever goes wrong is a MailError that says whether
trying again can help; a reply that was lost after the whole message had been handed over is a
LostReplyError, as nobody can know whether it was accepted.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from monitor.mail.folder import FolderMailer
from monitor.mail.handing import LostReplyError
from monitor.mail.smtp import SmtpMailer, SmtpSettings

__all__ = ["FolderMailer", "LostReplyError", "SmtpMailer", "SmtpSettings", "mailer_for"]


def mailer_for(
    url: str, *, password: str, sender: str, timeout: timedelta, root: Path
) -> SmtpMailer | FolderMailer:
    """The mailer for ``smtp://user@host:port``, ``smtps://…`` or ``file:folder`` (below ``root``)."""
    if url.startswith("file:"):
        return FolderMailer(root / url.removeprefix("file:").removeprefix("//"))
    return SmtpMailer(SmtpSettings.from_url(url, password=password, sender=sender, timeout=timeout))
