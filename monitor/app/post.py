"""Mail of an installation: digests that are due, alerts, the operator's notices, their delivery.

Freezing and sending are two steps with the store between them. Freezing decides what is said and to
whom, once; sending repeats bytes until they are accepted. Whatever fails while a digest is made (an
assessment, a template, the report), the digest goes out without it and says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import structlog

from monitor import resources
from monitor.app.outcomes import Delivery
from monitor.app.subscribing import Subscribing
from monitor.config import Config
from monitor.digest import (
    Attachment,
    Flood,
    Known,
    Slot,
    digest_message,
    due,
    newest,
    upcoming,
)
from monitor.digest.compose import Composed
from monitor.digest.letters import Letter, bare, frozen
from monitor.digest.report import packed
from monitor.digest.sample import check as check_folder
from monitor.errors import MailError, Problem, StoreError
from monitor.mail import FolderMailer
from monitor.model import Assessment, Event, FeedStatus, StoredHit, Subscription
from monitor.service import Job, Role

_log = structlog.get_logger(__name__)

FIRST_LOOK = timedelta(days=92)  # how far back the first digest of a subscription reaches
_NEW_GAP = timedelta(days=1)  # a gap so young is told even to who wants no empty digests
_TRIES = 5  # two mailers at once: who comes second works out anew what is left

_SENDERS: frozenset[Role] = frozenset({"all", "worker"})
_DECIDERS: frozenset[Role] = frozenset({"all", "scheduler"})


class Post(Subscribing, ABC):
    """Everything that leaves by mail or chat."""

    # ── Digests ──────────────────────────────────────────────────────────────────────────────────

    def send_digests(self, *, now: datetime, name: str | None = None) -> Delivery:
        """Freezes the digests that are due and hands over whatever waits."""
        _ = (
            self.rules
        )  # a digest for an indicator that there is not is a mistake, not an empty digest
        unmade: list[str] = []
        frozen = self.freeze_due(now, name, at_once=True, unmade=unmade)
        done = self.deliver(now)
        done.frozen = frozen
        done.failed += len(unmade)
        done.errors += unmade
        if not self._is_served() and self.freeze_notices(now):
            done.add(self.deliver(now))
        return done

    def speak_up(self, *, now: datetime) -> Delivery:
        """What the service does beside polling, for who polls by a crontab: alerts, the operator's
        notices and the heartbeat, where they are configured. A service that runs does it itself."""
        done = Delivery()
        if self._is_served():
            return done
        if self.config.alerts or self.config.operator.to:
            done.frozen = self.freeze_alerts(now) + self.freeze_notices(now)
            done.add(self.deliver(now))
        try:
            self.finish(self.heartbeat_due(now))
        except MailError as error:
            done.failed += 1
            done.errors.append(str(error))
        return done

    def _is_served(self) -> bool:
        return self.store.run_lock_holder() is not None

    def freeze_due(
        self,
        now: datetime,
        name: str | None = None,
        *,
        at_once: bool = False,
        unmade: list[str] | None = None,
    ) -> int:
        """Freezes every digest whose slot has come; returns how many. ``unmade`` gets why any was not.

        ``at_once``: a subscription that is new gets the slot that has passed since the installation
        began; otherwise, and where it was taken up again, it waits for the first slot after that.
        """
        views = _Views(self, now)
        frozen = 0
        for subscription, recipient in self.readers(name):
            since = self.store.note_subscription(subscription.name, bare(recipient), now=now)
            try:
                back = self.resumed_at(subscription.name, bare(recipient), as_of=now)
                if back is not None:
                    start = back + timedelta.resolution  # a slot of that very moment has passed
                else:
                    start = (self.store.began_at() or now) if at_once else since
                slot = self._due(subscription, bare(recipient), now, start)
                if slot is not None:
                    frozen += self._freeze(subscription, recipient, slot, since, views)
                self.unmade_digests.pop((subscription.name, bare(recipient)), None)
            except StoreError:
                raise
            except Exception as error:  # the others' digests do not wait for this one
                _log.error("digest", name=subscription.name, to=recipient, exc_info=error)
                key = (subscription.name, bare(recipient))
                self.unmade_digests.setdefault(
                    key, (f"{type(error).__name__}: {error}".splitlines()[0], now)
                )
                if unmade is not None:
                    unmade.append(f"digest {subscription.name} to {recipient}: {error}")
        if name is None:  # of who is no reader any more nobody waits for one
            there = {(each.name, bare(to)) for each, to in self.readers()}
            for key in self.unmade_digests.keys() - there:
                del self.unmade_digests[key]
        self.keep_unmade_digests(now)
        return frozen

    def _due(
        self, subscription: Subscription, recipient: str, now: datetime, start: datetime
    ) -> Slot | None:
        """The newest slot that has come, unless it had its digest."""
        name = subscription.name

        def taken(slot: str) -> bool:
            return slot in {each for each, _ in self.store.frozen_slots("digest", name, recipient)}

        slot = due(
            subscription.schedule,
            subscription.timezone,
            now=now,
            start=start,
            last=self.store.last_slot(subscription, recipient),
            taken=taken,
        )
        if slot is not None and self.store.get_meta(_looked(subscription, recipient)) == slot.name:
            return None
        return slot

    def _freeze(
        self,
        subscription: Subscription,
        recipient: str,
        slot: Slot,
        since: datetime,
        views: _Views,
    ) -> int:
        for _ in range(_TRIES):
            made = self._compose(subscription, recipient, slot, since, views)
            empty = made.content.empty and not _alarming(made, views.now)
            if subscription.when_empty == "skip" and empty:
                key = _looked(subscription, bare(recipient))
                self.store.set_meta(key, slot.name, now=views.now)
                return 0
            if made.broken is not None:
                self.note_broken_template(made.broken, views.now)
            if self.store.freeze(made.message) is not None:
                return 1
            taken = self.store.frozen_slots("digest", subscription.name, bare(recipient), limit=50)
            if slot.name in {name for name, _ in taken}:
                return 0
        return 0  # others are at it: the next round looks again

    def _compose(
        self,
        subscription: Subscription,
        recipient: str,
        slot: Slot,
        since: datetime,
        views: _Views,
    ) -> Composed:
        now, address = views.now, bare(recipient)
        before = now if views.looking else None
        earlier = self.store.frozen_slots(
            "digest", subscription.name, address, before=before, limit=1
        )
        back = self.resumed_at(subscription.name, address, as_of=now)
        previous_at = max((at for at in (earlier and earlier[0][1], back) if at), default=None)
        reach = self._reach(subscription, since, now)
        hits = self.store.unsent_hits(
            subscription.name,
            address,
            as_of=now,
            since=max(reach, back) if back else reach,
            before=before,
        )
        after = upcoming(subscription.schedule, subscription.timezone, now=max(now, slot.at))
        looked_from = previous_at or since - FIRST_LOOK
        known = Known(
            hits=hits,
            events=self._events_of(hits, now),
            watches=self.watches,
            assessments=views.assessments,
            changes=[
                change
                for change in self.store.level_changes(since=looked_from, as_of=now)
                if change.at > looked_from
            ],
            feeds=views.feeds,
            floods=self._floods(looked_from, views),
            as_of=now,
            slot=slot.name,
            previous_at=previous_at,
            next_at=after.at if after else None,
            run=views.run,
            note=views.note,
        )
        return digest_message(
            known, subscription, recipient, self.house, now=now, report=views.report
        )

    def _reach(self, subscription: Subscription, since: datetime, now: datetime) -> datetime:
        """How far back news may lie that this reader has not been told.

        Under a least level much may never be told: it is looked at as long as it counts for a level.
        """
        first = since - FIRST_LOOK
        if subscription.min_level in ("any", "none"):
            return first
        windows = [each.thresholds.window for watch in self.watches for each in watch.indicators]
        return max(first, now - max(windows, default=FIRST_LOOK))

    def _events_of(self, hits: Sequence[StoredHit], now: datetime) -> Sequence[Event]:
        numbers = {stored.event for stored in hits if stored.event is not None}
        return self.store.events(ids=numbers, as_of=now) if numbers else ()

    def _floods(self, since: datetime, views: _Views) -> list[Flood]:
        names = {each.feed.id: each.feed.name or each.feed.id for each in views.feeds}
        return [
            Flood(feed=poll.feed, name=names.get(poll.feed, poll.feed), items=poll.new, at=poll.at)
            for poll in self.store.floods(since=since, as_of=views.now)
        ]

    # ── Looking without touching ─────────────────────────────────────────────────────────────────

    def preview_digests(self, *, as_of: datetime, name: str | None = None) -> list[Path]:
        """The digests as they would go out at ``as_of``, as files; nothing in the store changes."""
        views = _Views(self, as_of, looking=True)
        folder = FolderMailer(self.config.root / "preview")
        paths = []
        for subscription, recipient in self.readers(name):
            slot = newest(subscription.schedule, subscription.timezone, now=as_of)
            if slot is not None:
                made = self._compose(subscription, recipient, slot, as_of, views)
                if made.broken is not None:
                    _log.warning("template", problem=str(made.broken), used="the shipped one")
                paths.append(folder.write(made.message))
        return paths

    def note_digests(self, *, now: datetime) -> None:
        """Marks the digests that are due as sent, without sending: for a replay of the past."""
        for subscription, recipient in self.readers():
            address = bare(recipient)
            since = self.store.note_subscription(subscription.name, address, now=now)
            slot = self._due(subscription, address, now, since)
            if slot is None:
                continue
            hits = self.store.unsent_hits(subscription.name, address, as_of=now)
            letter = Letter(
                kind="digest",
                subscription=subscription.name,
                recipient=recipient,
                slot=slot.name,
                subject=f"{subscription.name} digest, replayed and not sent",
                text="This digest belongs to a replay of the past. It was not sent.\n",
                hits=tuple(stored.number for stored in hits),
            )
            message = frozen(letter, self.house, now=now)
            self.store.freeze(replace(message, state="sent", sent_at=now))

    @abstractmethod
    def report(self, *, as_of: datetime) -> str:
        """The report as one HTML text; the pages know how."""

    # ── The service ──────────────────────────────────────────────────────────────────────────────

    def mail_jobs(self) -> tuple[Job, ...]:
        """What the service does again and again for mail; safe in several processes at once."""
        return (
            Job(
                name="digests",
                every=timedelta(seconds=20),
                run=self.freeze_due,
                roles=_DECIDERS,
            ),
            Job(
                name="alerts",
                every=timedelta(seconds=10),
                run=self.freeze_alerts,
                roles=_DECIDERS,
            ),
            Job(
                name="notices",
                every=timedelta(seconds=60),
                run=self.freeze_notices,
                roles=_DECIDERS,
            ),
            Job(
                name="mail",
                every=timedelta(seconds=3),
                run=self.deliver_due,
                overlap=2,
                roles=_SENDERS,
            ),
            Job(
                name="heartbeat",
                every=timedelta(seconds=30),
                run=self.heartbeat_due,
                roles=_DECIDERS,
            ),
        )


class _Views:
    """What all digests of one round share, worked out when the first of them needs it."""

    def __init__(self, post: Post, now: datetime, *, looking: bool = False) -> None:
        self.post = post
        self.looking = (
            looking  # at what would have been sent then: what was sent since is not there
        )
        self.now = now
        self.note = ""

    @cached_property
    def assessments(self) -> dict[str, Assessment]:
        """By watch; none, and a note, where assessing fails: the hits alone are news too."""
        try:
            found = self.post.assessments(as_of=self.now)
        except Exception as error:
            _log.error("digest", exc_info=error, sent="without levels")
            self.note = "Levels and evidence could not be worked out this time and are left out."
            return {}
        return {watch.id: assessment for watch, assessment in found}

    @cached_property
    def feeds(self) -> Sequence[FeedStatus]:
        return self.post.store.feeds()

    @cached_property
    def run(self) -> str:
        """The newest poll that was stored: how far the collection had come."""
        number = self.post.store.newest_poll(as_of=self.now)
        return f"poll {number:,}" if number else ""

    @cached_property
    def _report(self) -> Attachment | None:
        try:
            return packed(self.post.report(as_of=self.now), self.now)
        except Exception as error:
            _log.error("digest", exc_info=error, sent="without the report")
            return None

    def report(self) -> Attachment | None:
        return self._report


def check_templates(config: Config) -> Iterator[Problem]:
    """Renders the user's own mail templates with sample data; yields every mistake."""
    own = config.root / config.templates
    yield from check_folder(own, resources.path("templates"))


def _looked(subscription: Subscription, recipient: str) -> str:
    return f"digest-skipped/{subscription.name}/{recipient}"


def _alarming(made: Composed, now: datetime) -> bool:
    """Whether an empty digest has news all the same: coverage that was lost of late."""
    gap = made.content.gap
    return gap is not None and gap.since_at is not None and now - gap.since_at < _NEW_GAP
