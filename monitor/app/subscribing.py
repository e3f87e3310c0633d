"""Who reads what: the subscriptions of the configuration, who ended one, and who came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from monitor.app.alerting import Alerting
from monitor.app.declared import subscriptions
from monitor.digest import unsubscribe_verify, upcoming
from monitor.digest.letters import bare
from monitor.errors import ConfigError
from monitor.model import Subscription

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One recipient of one subscription, and how it stands."""

    digest: str
    recipient: str  # the bare address
    since_at: datetime | None  # None = the service has not seen it yet
    stopped_at: datetime | None  # None = it is sent
    last_slot: str  # of the digest made last; "" = none yet
    next_at: datetime | None


class Subscribing(Alerting):
    """From the ``[[digests]]`` tables to who is sent what."""

    def readers(self, name: str | None = None) -> Iterator[tuple[Subscription, str]]:
        """(subscription, recipient) of everyone who has not unsubscribed.

        Raises ConfigError for a ``name`` that no digest has.
        """
        declared = subscriptions(self.config)
        if name is not None and name not in {each.name for each in declared}:
            known = ", ".join(each.name for each in declared) or "none is configured"
            raise ConfigError("there is no such digest", subject=name, remedy=f"Known: {known}")
        stopped = set(self.store.stopped_subscriptions()) if declared else set()
        for subscription in declared:
            if name is None or subscription.name == name:
                for recipient in subscription.to:
                    if (subscription.name, bare(recipient)) not in stopped:
                        yield subscription, recipient

    def listed_readers(self, *, now: datetime) -> list[Reader]:
        """Everyone that the configuration names, with those who unsubscribed."""
        known = self.store.subscriptions()
        found = []
        for each in subscriptions(self.config):
            after = upcoming(each.schedule, each.timezone, now=now)
            for recipient in map(bare, each.to):
                since, stopped = known.get((each.name, recipient), (None, None))
                found.append(
                    Reader(
                        digest=each.name,
                        recipient=recipient,
                        since_at=since,
                        stopped_at=stopped,
                        last_slot=self.store.last_slot(each, recipient) or "",
                        next_at=after.at if after is not None and stopped is None else None,
                    )
                )
        return found

    def stop_reader(self, name: str, address: str, *, now: datetime) -> Reader:
        """Ends a subscription as the link in its mail does. Raises ConfigError for no such reader."""
        found = self._reader(name, address, now)
        self.store.note_subscription(found.digest, found.recipient, now=now)
        self.store.stop_subscription(found.digest, found.recipient, now=now)
        _log.info("unsubscribed", name=found.digest, to=found.recipient)
        return self._reader(name, address, now)

    def resume_reader(self, name: str, address: str, *, now: datetime) -> Reader:
        """Takes a subscription up again from now on. Raises ConfigError for no such reader.

        What came while it was ended, and had not been told before, is told no more.
        """
        found = self._reader(name, address, now)
        if found.stopped_at is not None:
            key = _resumed(found.digest, found.recipient)
            self.store.set_meta(key, now.isoformat(), now=now)
            self.store.resume_subscription(found.digest, found.recipient, now=now)
            _log.info("subscribed again", name=found.digest, to=found.recipient)
        return self._reader(name, address, now)

    def resumed_at(self, name: str, recipient: str, *, as_of: datetime) -> datetime | None:
        """When this reader came back, if ever before ``as_of``: nothing older is news."""
        noted = self.store.get_meta(_resumed(name, recipient))
        found = datetime.fromisoformat(noted) if noted else None
        return found if found is not None and found <= as_of else None

    def _reader(self, name: str, address: str, now: datetime) -> Reader:
        everyone = self.listed_readers(now=now)
        for each in everyone:
            same = each.recipient.casefold() == bare(address).casefold()
            if each.digest == name and same:
                return each
        known = "; ".join(f"{each.digest} {each.recipient}" for each in everyone)
        raise ConfigError(
            "there is no such subscription in [[digests]]",
            subject=f"{name} {address}",
            remedy=f"Known: {known or 'none is configured'}",
        )

    # ── By the link in a mail ────────────────────────────────────────────────────────────────────

    def unsubscribe(self, token: str, *, now: datetime) -> tuple[str, str] | None:
        """Ends the subscription that a link's token is for; (name, recipient), or None for no token
        of ours. Doing it twice is doing it once."""
        found = self.subscription_of(token)
        if found is not None:
            name, recipient = found
            self.store.note_subscription(name, recipient, now=now)
            self.store.stop_subscription(name, recipient, now=now)
            _log.info("unsubscribed", name=name, to=recipient)
        return found

    def subscription_of(self, token: str) -> tuple[str, str] | None:
        """Whom a link's token is for; changes nothing."""
        known = [
            (each.name, bare(recipient))
            for each in subscriptions(self.config)
            for recipient in each.to
        ]
        return unsubscribe_verify(token, self.house.secret, known)


def _resumed(name: str, recipient: str) -> str:
    return f"digest-resumed/{name}/{recipient}"
