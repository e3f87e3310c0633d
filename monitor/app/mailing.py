"""Handing frozen messages over: who is the mailer, what an attempt's end means, when to try again.

A message is claimed, sent outside any transaction, then settled. What is not known (the process died or
the reply was lost after the final dot) counts as possibly sent and is said so ever after; it is tried
again as SMTP asks, ever more rarely, with the same bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property

import structlog

from monitor.app.cycles import Cycles
from monitor.app.outcomes import Delivery
from monitor.digest import House, Letter, frozen
from monitor.errors import ConfigError, MailError, MonitorError
from monitor.mail import FolderMailer, LostReplyError, SmtpMailer, mailer_for
from monitor.mail.chat import ChatMailer
from monitor.model import OutboxState, Outgoing
from monitor.protocols import Mailer
from monitor.store import lost_wait, process_holder

_log = structlog.get_logger(__name__)

AT_ONCE = 4  # messages that are handed over at the same time
GIVE_UP = timedelta(days=5)
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
LAST_WORD = 5.0  # seconds that an attempt gets to end when the service stops
TWICE = "possibly twice"


class Mailing(Cycles):
    """The outbox's way out."""

    @cached_property
    def house(self) -> House:
        """What all mail of this installation shares; its identity is made once and kept."""
        sender = self.config.mail.sender
        return House(
            installation=self.store.installation(),
            sender=sender,
            templates=self.template_folders,
            public_url=self.config.web.public_url,
            secret=self.store.secret().hex(),
            name=sender.partition("<")[0].strip().strip('"') or "Monitor",
        )

    @cached_property
    def mailer(self) -> SmtpMailer | FolderMailer:
        mail = self.config.mail
        return mailer_for(
            mail.url,
            password=mail.password.get_secret_value(),
            sender=mail.sender,
            timeout=mail.timeout,
            root=self.config.root,
        )

    @cached_property
    def chat(self) -> ChatMailer:
        urls = [url.get_secret_value() for each in self.config.alerts for url in each.notify]
        return ChatMailer(urls, timeout=self.config.mail.timeout)

    def mailer_of(self, message: Outgoing) -> Mailer:
        return self.chat if ChatMailer.is_for(message) else self.mailer

    @cached_property
    def _mail_holder(self) -> str:
        return process_holder("mail")

    # ── Delivery ─────────────────────────────────────────────────────────────────────────────────

    def deliver(self, now: datetime) -> Delivery:
        """Hands over everything whose time has come; one message's trouble is no other's."""
        return self.finish(self.deliver_due(now))

    async def deliver_due(self, now: datetime) -> Delivery:
        """``deliver`` for who has an event loop: the service."""
        done = Delivery()
        started = time.monotonic()
        while True:
            at = now + timedelta(seconds=time.monotonic() - started)
            claimed = await asyncio.to_thread(
                self.store.claim_outgoing, now=at, holder=self._mail_holder, limit=AT_ONCE
            )
            if not claimed:
                return done
            await self._hand_over_all(claimed, at, done)

    async def _hand_over_all(
        self, claimed: Sequence[Outgoing], at: datetime, done: Delivery
    ) -> None:
        """Each to its end. When the service stops, what is under way gets some seconds to end."""
        work = {asyncio.ensure_future(self._hand_over(each, at, done)) for each in claimed}
        try:
            await asyncio.shield(asyncio.gather(*work))
        except asyncio.CancelledError:
            _, pending = await asyncio.wait(work, timeout=LAST_WORD)
            for task in pending:  # it stays claimed by a dead process: possibly sent, tried again
                task.cancel()
            raise

    async def _hand_over(self, message: Outgoing, at: datetime, done: Delivery) -> None:
        started = time.monotonic()
        problem: Exception | None = None

        async def noting() -> None:
            await asyncio.to_thread(self.store.hand_over, message.number, holder=self._mail_holder)

        try:
            await self.mailer_of(message).send(message, handing_over=noting)
        except Exception as error:
            problem = error
            if not isinstance(error, MonitorError):
                _log.error("mail", message=message.number, exc_info=error)
        at += timedelta(seconds=time.monotonic() - started)
        state, error_text, next_try_at = verdict(message, problem, at)
        await asyncio.to_thread(
            self.store.settle_outgoing,
            message.number,
            state,
            now=at,
            next_try_at=next_try_at,
            error=error_text,
            holder=self._mail_holder,
        )
        self._count(message, state, error_text, done)

    def _count(self, message: Outgoing, state: OutboxState, error: str, done: Delivery) -> None:
        if state == "sent":
            done.sent += 1
            mailer = self.mailer_of(message)
            if isinstance(mailer, FolderMailer):
                done.files.append(mailer.path_of(message))
        elif state == "failed":
            done.failed += 1
        else:
            done.waiting += 1
        if error:
            done.errors.append(f"message {message.number} to {message.recipient}: {error}")
        told = {"message": message.number, "kind": message.kind, "to": message.recipient}
        if state == "sent":
            _log.info("sent", **told)
        else:
            _log.warning("not sent", **told, state=state, problem=error)

    # ── The outbox by hand ───────────────────────────────────────────────────────────────────────

    def outgoing(self, number: int) -> Outgoing:
        """One message with its bytes. Raises ConfigError if there is none of this number."""
        found = self.store.outgoing_message(number)
        if found is None:
            raise ConfigError(
                "there is no such message",
                subject=f"message {number}",
                remedy="See: monitor outbox list",
            )
        return found

    def retry(self, number: int, *, now: datetime) -> Delivery:
        """Tries a message again at once: the same bytes and Message-ID."""
        self.outgoing(number)
        self.store.retry_outgoing(number, now=now)
        return self.deliver(now)

    def mail_test(self, to: str, *, now: datetime) -> str:
        """Sends a message past the outbox; returns what became of it. Raises MailError."""
        if "@" not in to or any(c.isspace() for c in to.strip()):
            raise ConfigError("is not a mail address", subject=to, remedy="name@example.org")
        letter = Letter(
            kind="test",
            subscription="test",
            recipient=to.strip(),
            slot=now.isoformat(),
            subject=f"Test message of {self.house.name}",
            text=(
                "This is a test message: digests, alerts and notices can reach this address.\n\n"
                f"Sent by {self.house.sender} at {now:%Y-%m-%d %H:%M} UTC.\n"
            ),
        )
        message = frozen(letter, self.house, now=now)
        self.finish(self.mailer.send(message))
        if isinstance(self.mailer, FolderMailer):
            return f"written to {self.mailer.path_of(message)}"
        return f"accepted by {self.mailer.settings.place} for {to.strip()}"


# ── What an attempt's end means ──────────────────────────────────────────────────────────────────


def verdict(
    message: Outgoing, problem: Exception | None, at: datetime
) -> tuple[OutboxState, str, datetime | None]:
    """(state, words, when to try again) after an attempt that ended with ``problem`` or well."""
    twice = perhaps_accepted(message)
    if problem is None:
        return "sent", f"{TWICE}: the reply to an earlier attempt was lost" if twice else "", None
    words = in_one_line(problem)
    if isinstance(problem, LostReplyError):
        wait = lost_wait(message.attempts)
        late = at + wait >= message.created_at + GIVE_UP
        again = (
            None if late and twice else at + wait
        )  # the first loss gets another try, however late
        return "possibly-sent", f"{TWICE} if it is tried again: {words}", again
    words = f"{TWICE}: {words}" if twice else words
    permanent = isinstance(problem, MailError) and problem.permanent
    wait = BACK_OFF[min(message.attempts, len(BACK_OFF)) - 1]
    if permanent or at + wait >= message.created_at + GIVE_UP:
        return "failed", words, None
    return ("possibly-sent" if twice else "waiting"), words, at + wait


def perhaps_accepted(message: Outgoing) -> bool:
    """Whether an earlier attempt may have been accepted: its reply was lost, or its process died.

    The store notes the latter when it hands the message to the next mailer.
    """
    return message.error.startswith(TWICE)


def in_one_line(problem: Exception) -> str:
    if isinstance(problem, MonitorError):
        return f"{problem.subject}: {problem.problem}" if problem.subject else problem.problem
    return f"unexpected {type(problem).__name__}"
