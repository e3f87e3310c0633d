"""Alerts: what the store says has changed, told at once to whom the configuration names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from monitor.app.notices import Notices
from monitor.app.outcomes import Delivery
from monitor.digest.alerts import (
    AlertRule,
    Trigger,
    alert_letter,
    pending,
    rises,
    second_origins,
)
from monitor.digest.letters import bare, frozen
from monitor.digest.links import acknowledged_key
from monitor.errors import MonitorError
from monitor.mail.chat import chat_name
from monitor.model import LevelChange, Subscription

_log = structlog.get_logger(__name__)

LATE = timedelta(hours=48)  # what is older is no alert any more; the digest tells it
_REMEMBERED = timedelta(days=90)


class Alerting(Notices):
    """From level changes and events to frozen alerts."""

    def alert_rules(self) -> tuple[AlertRule, ...]:
        """The ``[[alerts]]`` tables as values."""
        return tuple(
            AlertRule(
                name=each.name,
                recipients=(
                    *each.to,
                    *(chat_name(url.get_secret_value()) for url in each.notify),
                ),
                scope=Subscription(
                    name=each.name,
                    to=each.to,
                    schedule="",
                    timezone=each.timezone,
                    indicators=each.indicators,
                ),
                min_level=each.min_level,
                timezone=each.timezone,
                quiet_hours=each.quiet_hours,
                per_hour=each.per_hour,
                repeat=each.repeat if each.repeat and self.config.web.public_url else None,
            )
            for each in self.config.alerts
        )

    def send_alerts(
        self, *, now: datetime, changes: Iterable[LevelChange] | None = None
    ) -> Delivery:
        """Freezes what is worth an alert and hands over whatever waits."""
        count = self.freeze_alerts(now, changes=changes)
        done = self.deliver(now)
        done.frozen = count
        return done

    def freeze_alerts(self, now: datetime, *, changes: Iterable[LevelChange] | None = None) -> int:
        """Freezes an alert for everyone who is to be told something now; returns how many.

        ``changes``: only these, not all of the last 48 hours.
        """
        rules = self.alert_rules()
        if not rules:
            return 0
        since = now - LATE
        stored = list(self.store.level_changes(since=since, as_of=now))
        if changes is not None:
            wanted = {(each.watch, each.indicator, each.at) for each in changes}
            stored = [each for each in stored if (each.watch, each.indicator, each.at) in wanted]
        count = 0
        for rule in rules:
            triggers = list(self._triggers(rule, stored, since, now))
            for recipient in rule.recipients if triggers else ():
                try:
                    count += self._freeze_alert(rule, recipient, triggers, now)
                except MonitorError as error:
                    _log.error("alert", name=rule.name, to=bare(recipient), problem=str(error))
        return count

    def _triggers(
        self, rule: AlertRule, changes: Sequence[LevelChange], since: datetime, now: datetime
    ) -> Iterator[Trigger]:
        numbers = {id for change in changes for id in change.event_ids}
        events = {each.id: each for each in self.store.events(ids=numbers)} if numbers else {}
        yield from rises(rule, self.watches, changes, events)
        if any(counts.get("second-look") for counts in self.store.waiting().values()):
            watched = self.store.events(since=since, status="second-look")
            reviews = self.store.reviews(as_of=now)
            found = second_origins(rule, self.watches, watched, reviews)
            yield from (each for each in found if each.at >= since)

    def _freeze_alert(
        self, rule: AlertRule, recipient: str, triggers: Sequence[Trigger], now: datetime
    ) -> int:
        earlier = self.store.frozen_slots(
            "alert", rule.name, bare(recipient), since=now - _REMEMBERED
        )
        acknowledged = (
            {each.key: self.store.acknowledged(each.key) for each in triggers}
            if rule.repeat
            else {}
        )
        due = pending(triggers, earlier, rule=rule, acknowledged=acknowledged, now=now)
        if not due:
            return 0
        letter, broken = alert_letter(due, rule, recipient, self.house)
        if broken is not None:
            self.note_broken_template(broken, now)
        return int(self.store.freeze(frozen(letter, self.house, now=now)) is not None)

    # ── Acknowledging ────────────────────────────────────────────────────────────────────────────

    def alert_of(self, token: str) -> str | None:
        """The key of the alert that a link's token is for; changes nothing."""
        return acknowledged_key(token, self.house.secret)

    def acknowledge(self, token: str, *, by: str, now: datetime) -> str | None:
        """Stops the repeats of an alert; its key, or None for no token of ours."""
        key = self.alert_of(token)
        if key is not None:
            self.store.acknowledge(key, by=by, now=now)
        return key
