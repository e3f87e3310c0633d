"""Mail as ``.eml`` files in a folder: what every mail program opens, and no server is needed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from monitor.errors import MailError
from monitor.mail.handing import nothing
from monitor.model import Outgoing

_ODD = re.compile(r"[^\w@.-]+", re.ASCII)


class FolderMailer:
    """Writes each message whole or not at all; the same message again is the same file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def send(
        self, message: Outgoing, *, handing_over: Callable[[], Awaitable[None]] = nothing
    ) -> None:
        """Raises MailError where the folder cannot be written to.

        The same file twice is one: there is no point from which one could not know.
        """
        await asyncio.to_thread(self.write, message)

    def path_of(self, message: Outgoing) -> Path:
        """Where a message goes: its slot, subscription and recipient, readable and distinct."""
        words = f"{message.slot.partition(' ')[0]}-{message.subscription}-{message.recipient}"
        name = _ODD.sub("-", words.replace(":", "")).strip("-.")[:120]
        digest = hashlib.sha256(message.message_id.encode()).hexdigest()[:8]
        return self.folder / f"{name}-{digest}.eml"

    def write(self, message: Outgoing) -> Path:
        path = self.path_of(message)
        # one's own name while it is written: two processes may write the same message
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(message.body)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            raise MailError(
                f"the message cannot be written: {(error.strerror or str(error)).lower()}",
                subject=str(self.folder),
                remedy="Make the folder writable, or name another in [mail] url.",
            ) from error
        return path
