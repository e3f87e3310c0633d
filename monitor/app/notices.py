"""The operator's mail and the heartbeat: how the installation makes itself heard when it is unwell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import structlog

from monitor import resources
from monitor.app.mailing import Mailing
from monitor.app.standing import standing_since
from monitor.digest.letters import Letter, frozen
from monitor.digest.notices import Standing, Trouble, notice, notice_letter, utc
from monitor.digest.sample import check
from monitor.digest.values import House
from monitor.errors import MailError, MonitorError, StoreError
from monitor.mail.heartbeat import call
from monitor.model import FeedStatus, OutboxState, Outgoing

_log = structlog.get_logger(__name__)

_META = "operator-told"
_WRITABLE = "operator-writable"  # written when the store had been in trouble: can it be?
_TEMPLATE = "operator-template"
_UNMADE = "digests-unmade"
_CALLED = "heartbeat-called-for"
_STALE = timedelta(hours=1)  # a feed due for so long, and nobody polls
_FAILED_LONG = timedelta(hours=24)  # of a feed: an outlet's bad hour is not the operator's business
_OVERDUE = timedelta(hours=2)  # a message that still waits so long after it was frozen
_SETTLED = timedelta(minutes=30)  # a start after downtime is no loss of coverage
_MOST = 30  # feeds, or messages, that are named one by one; beyond, it is not each of them


class Notices(Mailing):
    """What the operator is told."""

    @cached_property
    def _unwell(self) -> dict[str, str]:
        """Trouble with the store itself, kept in memory: it cannot be kept there."""
        return {}

    @cached_property
    def unmade_digests(self) -> dict[tuple[str, str], tuple[str, datetime]]:
        """(subscription, recipient) → why its digest cannot be made, and since when.

        Kept in the store too: the next command of a crontab is another process.
        """
        try:
            rows = json.loads(self.store.get_meta(_UNMADE) or "[]")
            return {(name, to): (why, datetime.fromisoformat(at)) for name, to, why, at in rows}
        except (ValueError, TypeError):
            return {}

    def keep_unmade_digests(self, now: datetime) -> None:
        """Writes ``unmade_digests`` down, if it is not what stands there."""
        rows = [[*key, why, at.isoformat()] for key, (why, at) in self.unmade_digests.items()]
        text = json.dumps(rows, ensure_ascii=False) if rows else ""
        if text != (self.store.get_meta(_UNMADE) or ""):
            self.store.set_meta(_UNMADE, text, now=now)

    def freeze_notices(self, now: datetime) -> int:
        """Tells the operator of what is newly wrong and newly mended; returns how many messages.

        Where the store itself is in trouble, the message goes past the outbox, once.
        """
        if not self.config.operator.to:
            return 0
        try:
            return self._freeze_notices(now)
        except StoreError as error:
            self._cry(error, now)
            raise

    def _freeze_notices(self, now: datetime) -> int:
        troubles = list(self._troubles(now))
        before = Standing.read(self.store.get_meta(_META))
        if "store" in self._unwell:
            self.store.set_meta(_WRITABLE, utc(now), now=now)  # reading alone would prove nothing
            self._mended(now)  # it answers again: told past the outbox, as before
        said = notice(before, troubles, self.house)
        if said is None:
            return 0
        count = 0
        for recipient in self.config.operator.to:
            letter, _ = notice_letter(said, before, recipient, self.house)
            count += self.store.freeze(frozen(letter, self.house, now=now)) is not None
        self.store.set_meta(_META, before.next(troubles).text(), now=now)
        return count

    def note_broken_template(self, error: MonitorError, now: datetime) -> None:
        """A template of the user could not be used: the operator is told with the next notice."""
        _log.error("template", problem=str(error), used="the shipped one")
        text = str(error).splitlines()[0]
        if self.store.get_meta(_TEMPLATE) != text:
            self.store.set_meta(_TEMPLATE, text, now=now)

    # ── What is wrong ────────────────────────────────────────────────────────────────────────────

    def _troubles(self, now: datetime) -> Iterator[Trouble]:
        feeds = self.store.feeds(enabled=True)
        yield from self._feeds_in_trouble(feeds, now)
        yield from self._polling(feeds, now)
        yield from self._undelivered(now)
        yield from self._coverage(feeds, now)
        yield from self._templates()
        for (name, recipient), (why, since) in self.unmade_digests.items():
            yield Trouble(
                key=f"digest/{name}/{recipient}",
                words=f"The digest {name} to {recipient} could not be made: {why}",
                since=utc(since),
                remedy="It is tried again by itself; monitor.log has the details.",
            )
        if self.rules_problem:
            yield Trouble(
                key="rules",
                words=f"An edited watch is not in force: {self.rules_problem.splitlines()[0]}",
                since=utc(now),
                remedy="The old rules stay in force. Mend the file; see: monitor check",
            )

    def _feeds_in_trouble(self, feeds: Sequence[FeedStatus], now: datetime) -> Iterator[Trouble]:
        """Those that have failed for long; at once where so many fail that it is none of them."""
        failing = [each for each in feeds if each.state.health == "failing"]
        if len(failing) > _MOST:
            yield Trouble(
                key="feeds",
                words=f"{len(failing)} of {len(feeds)} feeds fail",
                since=utc(
                    min((s.state.since_at for s in failing if s.state.since_at), default=None)
                ),
                remedy="So many at once: look at this machine's network. monitor feeds list",
                covers="feed/",
            )
            return
        for each in failing:
            if each.state.since_at is None or now - each.state.since_at < _FAILED_LONG:
                continue
            name = each.feed.name or each.feed.id
            yield Trouble(
                key=f"feed/{each.feed.id}",
                words=f"Feed {name} fails: {each.state.cause or 'no reason noted'}",
                since=utc(each.state.since_at),
                remedy=f"{each.feed.url} is tried again by itself, ever more rarely.",
            )

    def _polling(self, feeds: Sequence[FeedStatus], now: datetime) -> Iterator[Trouble]:
        polled = [each.state.last_polled_at for each in feeds if each.state.last_polled_at]
        last = max(polled, default=None)
        since = standing_since(feeds, last, now=now, late=_STALE)
        if since is not None:
            yield Trouble(
                key="polling",
                words="No feed is polled any more",
                since=utc(since),
                remedy="See: monitor status, and monitor.log",
            )

    def _undelivered(self, now: datetime) -> Iterator[Trouble]:
        failed = self._to_readers("failed")
        given_up = [each for each in self._to_readers("possibly-sent") if each.next_try_at is None]
        if len(failed) > _MOST:
            yield Trouble(
                key="messages",
                words=f"More than {_MOST} digests and alerts could not be delivered; "
                f"the newest: {failed[-1].error}",
                since=utc(failed[0].created_at),
                remedy="See: monitor outbox list",
                covers="message/",
            )
            failed = []
        for each in failed:
            yield Trouble(
                key=f"message/{each.number}",
                words=f"The {each.kind} “{each.subject}” to {each.recipient} could not be "
                f"delivered: {each.error}",
                since=utc(each.created_at),
                remedy=f"When the cause is mended: monitor outbox retry {each.number}",
            )
        for each in given_up:
            yield Trouble(
                key=f"message/{each.number}",
                words=f"The {each.kind} “{each.subject}” to {each.recipient} was possibly sent, "
                "and is not tried again: its replies were lost for five days",
                since=utc(each.created_at),
                remedy=f"Ask whether it came; if not: monitor outbox retry {each.number}",
            )
        states: tuple[OutboxState, ...] = ("waiting", "possibly-sent")
        overdue = now - _OVERDUE
        waiting = [
            each
            for state in states
            for each in self._to_readers(state, before=overdue)
            if each.attempts and each.next_try_at is not None
        ]
        if waiting:
            first = min(waiting, key=lambda each: each.created_at)
            yield Trouble(
                key="outbox",
                words=f"Mail has been waiting for hours: {first.error}",
                since=utc(first.created_at),
                remedy="It is tried again by itself. See: monitor outbox list",
            )

    def _to_readers(
        self, state: OutboxState, *, before: datetime | None = None
    ) -> Sequence[Outgoing]:
        """Digests and alerts in a state, oldest first: the newest, and one more than are named."""
        found = [
            each
            for kind in ("digest", "alert")
            for each in self.store.outgoing(state=state, kind=kind, before=before, limit=_MOST + 1)
        ]
        return sorted(found, key=lambda each: each.number)

    def _coverage(self, feeds: Sequence[FeedStatus], now: datetime) -> Iterator[Trouble]:
        """By the stored changes: an assessment of its own would be much work every minute."""
        newest = {
            (change.watch, change.indicator): change
            for change in self.store.level_changes(as_of=now)
        }
        known = {(watch.id, each.id) for watch in self.watches for each in watch.indicators}
        if not any(each.state.polls for each in feeds):
            return
        for key, change in newest.items():
            if change.after == "no-coverage" and key in known and now - change.at >= _SETTLED:
                yield Trouble(
                    key=f"coverage/{change.watch}/{change.indicator}",
                    words=f"Indicator {change.indicator} has no coverage: {change.cause}",
                    since=utc(change.at),
                    remedy="None of the feeds that could tell of it is read: monitor feeds list",
                )

    def _templates(self) -> Iterator[Trouble]:
        own = self.template_folders[0]
        noted = self.store.get_meta(_TEMPLATE)
        if noted and any(check(own, resources.path("templates"))):
            yield Trouble(
                key=f"template/{noted}",
                words=f"A mail template cannot be used, the shipped one is: {noted}",
                since="the last message",
                remedy="See: monitor check",
            )

    # ── Past the outbox ──────────────────────────────────────────────────────────────────────────

    def _cry(self, error: StoreError, now: datetime) -> None:
        if "store" in self._unwell:
            return
        words = str(error)
        self._unwell["store"] = utc(now)
        self._send_past_the_outbox(
            "The database is in trouble", f"{words}\n\nSince {utc(now)}.", now
        )

    def _mended(self, now: datetime) -> None:
        since = self._unwell.pop("store")
        self._send_past_the_outbox(
            "Mended: the database is in trouble",
            f"It answers again. It had not since {since}.",
            now,
        )

    def _send_past_the_outbox(self, subject: str, text: str, now: datetime) -> None:
        sender = self.config.mail.sender
        house = House(
            installation="past-the-outbox", sender=sender, templates=self.template_folders
        )
        for recipient in self.config.operator.to:
            letter = Letter(
                kind="operator",
                subscription="operator",
                recipient=recipient,
                slot=f"{subject} {now.isoformat()}",
                subject=f"Monitor operator: {subject}",
                text=text + "\n",
            )
            try:
                asyncio.run(self.mailer.send(frozen(letter, house, now=now)))
            except MailError as error:
                _log.error("notice", to=recipient, problem=str(error))

    # ── Heartbeat ────────────────────────────────────────────────────────────────────────────────

    async def heartbeat_due(self, now: datetime) -> None:
        """Calls the watchdog after each good cycle: feeds were read since the last call, and every
        digest could be made. Once, whichever process is the first to look. Raises MailError."""
        url = self.config.operator.heartbeat_url
        if not url:
            return
        feeds = await asyncio.to_thread(self.store.feeds, enabled=True)
        good = max(
            (each.state.last_good_at for each in feeds if each.state.last_good_at), default=None
        )
        if good is None or await asyncio.to_thread(lambda: bool(self.unmade_digests)):
            return
        if await asyncio.to_thread(self.store.get_meta, _CALLED) == good.isoformat():
            return
        await call(url)
        await asyncio.to_thread(self.store.set_meta, _CALLED, good.isoformat(), now=now)
