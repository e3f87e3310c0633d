"""What is to be sent: frozen before the connection, claimed by one mailer at a time, then settled.

Two constraints carry the promise. A slot has one message, whoever builds it first. A hit is covered by
one digest of a subscription to a recipient, so that even two mailers that build *different* slots at
once cannot both announce it: the second finds its freeze refused and builds anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, and_, exists, func, insert, or_, select, update

from monitor.errors import StoreError
from monitor.model import OutboxState, Outgoing, StoredHit, Subscription
from monitor.store.codec import AnyRow
from monitor.store.engine import OUTBOX_LOCK
from monitor.store.hits import hit_query, read_hits
from monitor.store.holders import is_dead
from monitor.store.part import Part, chunks, insert_new, numbers
from monitor.store.tables import (
    ACKNOWLEDGEMENT,
    FEED,
    HIT,
    MESSAGE,
    MESSAGE_HIT,
    POLL,
    SUBSCRIPTION,
)

CUT_OFF = "possibly twice: its mailer was cut off while it sent"
LEASE = timedelta(minutes=5)  # more than one dialogue may take: [mail] timeout is at most 4 minutes
LOST_FIRST = timedelta(minutes=30)  # RFC 5321, 4.5.4.1: at least thirty minutes between attempts
LOST_MOST = timedelta(days=1)


class Outbox(Part):
    """Subscriptions, frozen messages and acknowledgements."""

    def note_subscription(self, name: str, recipient: str, *, now: datetime) -> datetime:
        """Since when this recipient has this subscription: now, if it is new."""
        row = {"name": name, "recipient": recipient, "since_at": now}
        same = (SUBSCRIPTION.c.name == name, SUBSCRIPTION.c.recipient == recipient)
        query = select(SUBSCRIPTION.c.since_at).where(*same)
        with self.db.read() as connection:
            if (known := connection.execute(query).scalar()) is not None:
                return cast(datetime, known)
        with self.db.write() as connection:
            insert_new(connection, SUBSCRIPTION, [row])
            return cast(datetime, connection.execute(query).scalar_one())

    def stop_subscription(self, name: str, recipient: str, *, now: datetime) -> None:
        """Notes that a recipient unsubscribed."""
        with self.db.write() as connection:
            connection.execute(
                update(SUBSCRIPTION)
                .where(SUBSCRIPTION.c.name == name, SUBSCRIPTION.c.recipient == recipient)
                .values(stopped_at=now)
            )

    def resume_subscription(self, name: str, recipient: str, *, now: datetime) -> None:
        """Takes a subscription up again that was ended; it begins now."""
        with self.db.write() as connection:
            connection.execute(
                update(SUBSCRIPTION)
                .where(SUBSCRIPTION.c.name == name, SUBSCRIPTION.c.recipient == recipient)
                .values(stopped_at=None, since_at=now)
            )

    def subscriptions(self) -> dict[tuple[str, str], tuple[datetime, datetime | None]]:
        """(name, recipient) → since when it is known, and when it was ended."""
        with self.db.read() as connection:
            return {
                (row.name, row.recipient): (row.since_at, row.stopped_at)
                for row in connection.execute(select(SUBSCRIPTION))
            }

    def stopped_subscriptions(self) -> Sequence[tuple[str, str]]:
        """(name, recipient) of those who unsubscribed."""
        query = select(SUBSCRIPTION.c.name, SUBSCRIPTION.c.recipient).where(
            SUBSCRIPTION.c.stopped_at.is_not(None)
        )
        with self.db.read() as connection:
            return [(row.name, row.recipient) for row in connection.execute(query)]

    def unsent_hits(
        self,
        subscription: str,
        recipient: str,
        *,
        as_of: datetime | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> Sequence[StoredHit]:
        """Hits that no frozen digest of this subscription to this recipient covers yet, oldest first.

        ``before``: digests frozen then or later do not count, as if they were yet to come.
        """
        covered = exists().where(
            MESSAGE_HIT.c.kind == "digest",
            MESSAGE_HIT.c.subscription == subscription,
            MESSAGE_HIT.c.recipient == recipient,
            MESSAGE_HIT.c.hit == HIT.c.number,
        )
        if before is not None:
            covered = covered.where(
                MESSAGE.c.number == MESSAGE_HIT.c.message, MESSAGE.c.created_at < before
            )
        query = hit_query(as_of).where(~covered).order_by(HIT.c.stored_at, HIT.c.number)
        if since is not None:
            query = query.where(HIT.c.stored_at >= since)
        with self.db.read() as connection:
            return read_hits(connection, query, as_of)

    def freeze(self, message: Outgoing) -> Outgoing | None:
        """Stores a message and what it covers in one transaction.

        None, and nothing stored, if its slot exists or another message of this kind, subscription
        and recipient covers one of its hits: what to send is then to be worked out anew.
        """
        who = (message.kind, message.subscription, message.recipient)
        with self.db.write(lock=OUTBOX_LOCK) as connection:
            if connection.execute(
                select(MESSAGE.c.number).where(_same(MESSAGE, who), MESSAGE.c.slot == message.slot)
            ).first():
                return None
            for some in chunks(message.hits):
                taken = select(MESSAGE_HIT.c.hit).where(
                    _same(MESSAGE_HIT, who), MESSAGE_HIT.c.hit.in_(some)
                )
                if connection.execute(taken.limit(1)).first():
                    return None
            number = numbers(connection, MESSAGE, 1)[0]
            connection.execute(insert(MESSAGE).values(**_columns(message), number=number))
            rows = [
                {
                    "kind": message.kind,
                    "subscription": message.subscription,
                    "recipient": message.recipient,
                    "hit": hit,
                    "message": number,
                }
                for hit in dict.fromkeys(message.hits)
            ]
            if rows:
                connection.execute(insert(MESSAGE_HIT), rows)
            return _load(connection, [number])[0]

    def last_slot(
        self, subscription: Subscription | str, recipient: str, *, kind: str = "digest"
    ) -> str | None:
        """The slot frozen last, in order of freezing; None if there never was one."""
        name = subscription if isinstance(subscription, str) else subscription.name
        query = (
            select(MESSAGE.c.slot)
            .where(_same(MESSAGE, (kind, name, recipient)))
            .order_by(MESSAGE.c.number.desc())
            .limit(1)
        )
        with self.db.read() as connection:
            return connection.execute(query).scalar()

    def frozen_slots(
        self,
        kind: str,
        subscription: str,
        recipient: str,
        *,
        since: datetime | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[tuple[str, datetime]]:
        """(slot, when it was frozen) of messages, without their bytes; the newest first."""
        query = (
            select(MESSAGE.c.slot, MESSAGE.c.created_at)
            .where(_same(MESSAGE, (kind, subscription, recipient)))
            .order_by(MESSAGE.c.number.desc())
            .limit(limit)
        )
        if since is not None:
            query = query.where(MESSAGE.c.created_at >= since)
        if before is not None:
            query = query.where(MESSAGE.c.created_at < before)
        with self.db.read() as connection:
            return [(row.slot, row.created_at) for row in connection.execute(query)]

    def began_at(self) -> datetime | None:
        """When this installation was first used, by its own clock: its first feed, poll or hit."""
        with self.db.read() as connection:
            found = [
                connection.execute(select(func.min(column))).scalar()
                for column in (FEED.c.added_at, POLL.c.at, HIT.c.stored_at)
            ]
        return min((at for at in found if at is not None), default=None)

    def claim_outgoing(
        self, *, now: datetime, holder: str, limit: int = 10, lease: timedelta = LEASE
    ) -> Sequence[Outgoing]:
        """Leases messages whose time has come, oldest first, and counts the attempt.

        A message whose mailer died while sending is noticed at once if the holder is known to be dead,
        else when its lease ends. Before it was handed over whole (``hand_over``) it waits for no one;
        after that it was perhaps accepted, says so (``CUT_OFF``), and waits as after a lost reply.
        """
        with self.db.write(lock=OUTBOX_LOCK) as connection:
            _let_go(connection, now)
            due = or_(
                and_(
                    MESSAGE.c.state == "waiting",
                    or_(MESSAGE.c.next_try_at.is_(None), MESSAGE.c.next_try_at <= now),
                ),
                and_(MESSAGE.c.state == "possibly-sent", MESSAGE.c.next_try_at <= now),
            )
            query = select(MESSAGE.c.number).where(due).order_by(MESSAGE.c.number).limit(limit)
            taken = list(connection.execute(query).scalars())
            if taken:
                connection.execute(
                    update(MESSAGE)
                    .where(MESSAGE.c.number.in_(taken))
                    .values(
                        state="sending",
                        attempts=MESSAGE.c.attempts + 1,
                        lease_holder=holder,
                        lease_until_at=now + lease,
                    )
                )
            return _load(connection, taken)

    def hand_over(self, number: int, *, holder: str) -> None:
        """Notes that a message is about to be handed over whole: from now on it may have been accepted.

        Raises StoreError if ``holder`` has it no longer: its lease has ended and it is another's.
        """
        with self.db.write(lock=OUTBOX_LOCK) as connection:
            done = connection.execute(
                update(MESSAGE)
                .where(
                    MESSAGE.c.number == number,
                    MESSAGE.c.state == "sending",
                    MESSAGE.c.lease_holder == holder,
                )
                .values(error=CUT_OFF)
            )
            if done.rowcount != 1:
                raise StoreError(
                    "its mailer took too long, it is another's now", subject=f"message {number}"
                )

    def settle_outgoing(
        self,
        number: int,
        state: OutboxState,
        *,
        now: datetime,
        next_try_at: datetime | None = None,
        error: str = "",
        holder: str | None = None,
    ) -> None:
        """Notes how an attempt ended. A message that was sent stays sent, whatever comes late; nor does
        a ``holder`` whose lease has ended say anything of it but that it was sent."""
        values: dict[str, Any] = {
            "state": state,
            "next_try_at": next_try_at,
            "error": error,
            "lease_holder": None,
            "lease_until_at": None,
        }
        which = [MESSAGE.c.number == number, MESSAGE.c.state != "sent"]
        if state == "sent":
            values["sent_at"] = now
        elif holder is not None:
            which.append(MESSAGE.c.lease_holder == holder)
        with self.db.write() as connection:
            connection.execute(update(MESSAGE).where(*which).values(**values))

    def outgoing(
        self,
        *,
        state: OutboxState | None = None,
        kind: str | None = None,
        before: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Outgoing]:
        """Messages, oldest first (with ``limit``: the newest of them); frozen ``before`` a time."""
        query = select(MESSAGE.c.number).order_by(MESSAGE.c.number.desc()).limit(limit)
        if state is not None:
            query = query.where(MESSAGE.c.state == state)
        if kind is not None:
            query = query.where(MESSAGE.c.kind == kind)
        if before is not None:
            query = query.where(MESSAGE.c.created_at < before)
        with self.db.read() as connection:
            return _load(connection, sorted(connection.execute(query).scalars()))

    def outgoing_message(self, number: int) -> Outgoing | None:
        """One message with its bytes."""
        with self.db.read() as connection:
            found = _load(connection, [number])
        return found[0] if found else None

    def outbox_counts(self) -> dict[str, int]:
        """How many messages are in each state."""
        query = select(MESSAGE.c.state, func.count()).group_by(MESSAGE.c.state)
        with self.db.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def retry_outgoing(self, number: int, *, now: datetime) -> None:
        """Puts a failed or waiting message to be sent at once. Raises StoreError for any other."""
        with self.db.write() as connection:
            done = connection.execute(
                update(MESSAGE)
                .where(
                    MESSAGE.c.number == number,
                    MESSAGE.c.state.in_(["failed", "waiting", "possibly-sent"]),
                )
                .values(state="waiting", next_try_at=now)
            )
            if done.rowcount != 1:
                raise StoreError(
                    "it is not waiting or failed",
                    subject=f"message {number}",
                    remedy="`monitor outbox list` shows what can be sent again",
                )

    def acknowledge(self, key: str, *, by: str, now: datetime) -> None:
        """Notes that someone has seen an alert; the first one counts."""
        with self.db.write() as connection:
            insert_new(connection, ACKNOWLEDGEMENT, [{"key": key, "by": by, "at": now}])

    def acknowledged(self, key: str) -> bool:
        """Whether someone has."""
        query = select(ACKNOWLEDGEMENT.c.key).where(ACKNOWLEDGEMENT.c.key == key)
        with self.db.read() as connection:
            return connection.execute(query).first() is not None


def _same(table: Any, who: tuple[str, str, str]) -> Any:
    kind, subscription, recipient = who
    return and_(
        table.c.kind == kind,
        table.c.subscription == subscription,
        table.c.recipient == recipient,
    )


def _columns(message: Outgoing) -> dict[str, Any]:
    names = [name for name in Outgoing.__dataclass_fields__ if name not in {"number", "hits"}]
    return {name: getattr(message, name) for name in names}


def _load(connection: Connection, wanted: Sequence[int]) -> list[Outgoing]:
    rows: dict[int, AnyRow] = {}
    hits: dict[int, list[int]] = {number: [] for number in wanted}
    for some in chunks(wanted):
        for row in connection.execute(select(MESSAGE).where(MESSAGE.c.number.in_(some))):
            rows[row.number] = row
        query = select(MESSAGE_HIT.c.message, MESSAGE_HIT.c.hit).where(
            MESSAGE_HIT.c.message.in_(some)
        )
        for row in connection.execute(query.order_by(MESSAGE_HIT.c.hit)):
            hits[row.message].append(row.hit)
    names = [name for name in Outgoing.__dataclass_fields__ if name != "hits"]
    return [
        Outgoing(**{name: rows[number]._mapping[name] for name in names}, hits=tuple(hits[number]))
        for number in wanted
        if number in rows
    ]


def _let_go(connection: Connection, now: datetime) -> None:
    """Takes the messages of mailers that were cut off, and says when each is to be tried again."""
    cut_off = or_(
        MESSAGE.c.lease_until_at <= now, MESSAGE.c.lease_holder.in_(_dead_holders(connection))
    )
    query = select(
        MESSAGE.c.number, MESSAGE.c.error, MESSAGE.c.attempts, MESSAGE.c.lease_until_at
    ).where(MESSAGE.c.state == "sending", cut_off)
    for row in connection.execute(query).all():
        ended = min(now, row.lease_until_at or now)
        twice = row.error.startswith(CUT_OFF.partition(":")[0])
        connection.execute(
            update(MESSAGE)
            .where(MESSAGE.c.number == row.number)
            .values(
                state="possibly-sent" if twice else "waiting",
                next_try_at=ended + lost_wait(row.attempts) if twice else now,
                lease_holder=None,
                lease_until_at=None,
            )
        )


def lost_wait(attempts: int) -> timedelta:
    """How long a message waits that was perhaps accepted, after so many attempts."""
    doublings = min(16, max(0, attempts - 1))
    return min(LOST_FIRST * (1 << doublings), LOST_MOST)


def _dead_holders(connection: Connection) -> list[str]:
    query = select(MESSAGE.c.lease_holder).where(MESSAGE.c.state == "sending").distinct()
    return [holder for holder in connection.execute(query).scalars() if holder and is_dead(holder)]
