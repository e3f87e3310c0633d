"""Work that several processes share: which feeds wait, when a host may be asked, finished parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update

from monitor.model import Hit
from monitor.store.codec import hit_from, hit_to_columns
from monitor.store.part import Part, chunks, upsert
from monitor.store.tables import FEED, HIT, HOST, ITEM, MESSAGE, META, WORK_PART

AHEAD = timedelta(hours=2)  # beyond any lease, spacing of a host, or second try of mail


class Work(Part):
    """What a scheduler looks at and what workers leave behind."""

    def waiting_feeds(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """(id, URL) of feeds that are due and that nobody has leased, the longest overdue first.

        Two queries, each a range of the index: in one, "never polled or due" reads every feed.
        """
        free = or_(
            FEED.c.lease_holder.is_(None),
            FEED.c.lease_until_at.is_(None),
            FEED.c.lease_until_at <= now,
        )
        query = (
            select(FEED.c.id, FEED.c.url)
            .where(FEED.c.enabled, FEED.c.retired_at.is_(None), free)
            .order_by(FEED.c.next_due_at, FEED.c.id)
        )
        found: list[tuple[str, str]] = []
        with self.db.read() as connection:
            for due in (FEED.c.next_due_at.is_(None), FEED.c.next_due_at <= now):
                some = query.where(due).limit(limit - len(found))
                found += [(row.id, row.url) for row in connection.execute(some)]
        return found

    def overdue_feeds(self, *, before: datetime) -> int:
        """How many enabled feeds were due before a time and still are."""
        query = select(func.count()).where(
            FEED.c.enabled, FEED.c.retired_at.is_(None), FEED.c.next_due_at < before
        )
        with self.db.read() as connection:
            return int(connection.execute(query).scalar_one())

    def oldest_due_feed(self) -> datetime | None:
        """Since when the feed that waits longest is due; None where nobody polls anything."""
        query = select(func.min(FEED.c.next_due_at)).where(
            FEED.c.enabled, FEED.c.retired_at.is_(None)
        )
        with self.db.read() as connection:
            return connection.execute(query).scalar()

    def oldest_waiting_message(self) -> datetime | None:
        """When the message that waits longest for its delivery was made."""
        query = select(func.min(MESSAGE.c.created_at)).where(
            MESSAGE.c.state.in_(("waiting", "sending"))
        )
        with self.db.read() as connection:
            return connection.execute(query).scalar()

    def mail_waits(self, *, now: datetime) -> bool:
        """Whether a message is to be handed over now, or was left behind by a mailer that died."""
        due = or_(
            (MESSAGE.c.state == "waiting")
            & or_(MESSAGE.c.next_try_at.is_(None), MESSAGE.c.next_try_at <= now),
            (MESSAGE.c.state == "possibly-sent") & (MESSAGE.c.next_try_at <= now),
            (MESSAGE.c.state == "sending") & (MESSAGE.c.lease_until_at <= now),
        )
        with self.db.read() as connection:
            return (
                connection.execute(select(MESSAGE.c.number).where(due).limit(1)).first() is not None
            )

    # ── Hosts ────────────────────────────────────────────────────────────────────────────────────

    def host_waits(self, names: Collection[str], *, now: datetime) -> Mapping[str, float]:
        """Seconds until each of the hosts may be asked again; those that may be are left out."""
        waits: dict[str, float] = {}
        with self.db.read() as connection:
            for some in chunks(names):
                for row in connection.execute(select(HOST).where(HOST.c.name.in_(some))):
                    until = max(
                        (at for at in (row.next_start_at, row.blocked_until_at) if at), default=now
                    )
                    if until > now:
                        waits[row.name] = (until - now).total_seconds()
        return waits

    def note_host(
        self, name: str, *, next_start_at: datetime, blocked_until_at: datetime | None
    ) -> None:
        """Notes when a host may be asked again."""
        row = {
            "name": name,
            "next_start_at": next_start_at,
            "blocked_until_at": blocked_until_at,
        }
        with self.db.write() as connection:
            upsert(connection, HOST, row, key=["name"])

    # ── A clock that was ahead ───────────────────────────────────────────────────────────────────

    def mend_future(self, *, now: datetime, interval: timedelta) -> int:
        """Takes back appointments that were made while the clock was ahead; returns how many.

        They cannot be told from right ones by their time alone, but by what was noted with them. Feeds
        are due within ``interval``, not at once: were it another machine's clock that is ahead, each
        of its polls would bring on the next.
        """
        ahead = now + AHEAD
        late = FEED.c.next_due_at > now + interval
        feeds = update(FEED).where(FEED.c.last_polled_at > ahead, late)
        leases = update(FEED).where(FEED.c.lease_holder.is_not(None), FEED.c.lease_until_at > ahead)
        hosts = update(HOST).where(HOST.c.next_start_at > ahead)
        mail = update(MESSAGE).where(MESSAGE.c.state == "waiting", MESSAGE.c.next_try_at > ahead)
        with self.db.write() as connection:
            return sum(
                connection.execute(each).rowcount
                for each in (
                    feeds.values(next_due_at=now + interval),
                    leases.values(lease_until_at=now),
                    hosts.values(next_start_at=None, blocked_until_at=None),
                    mail.values(next_try_at=now),
                )
            )

    # ── Parts ────────────────────────────────────────────────────────────────────────────────────

    def item_parts(self, size: int, *, since: datetime | None = None) -> Sequence[tuple[int, int]]:
        """(after, last) numbers of items in parts of ``size`` numbers, the oldest first."""
        ends = [select(end(ITEM.c.number)) for end in (func.min, func.max)]
        if since is not None:
            ends = [end.where(ITEM.c.first_seen_at >= since) for end in ends]
        with self.db.read() as connection:
            # Each by itself is one look at an end of the index; together they would read all of it.
            first, last = (connection.execute(end).scalar() for end in ends)
        if first is None or last is None:
            return []
        return [(start - 1, min(start + size - 1, last)) for start in range(first, last + 1, size)]

    def held_hits(self, ids: Collection[str]) -> Mapping[str, set[tuple[str, str]]]:
        """Item id → (watch, indicator) of the hits that hold."""
        held: dict[str, set[tuple[str, str]]] = {}
        with self.db.read() as connection:
            for some in chunks(ids):
                query = (
                    select(ITEM.c.id, HIT.c.watch, HIT.c.indicator)
                    .join(ITEM, ITEM.c.number == HIT.c.item)
                    .where(ITEM.c.id.in_(some), HIT.c.withdrawn_at.is_(None))
                )
                for row in connection.execute(query):
                    held.setdefault(row.id, set()).add((row.watch, row.indicator))
        return held

    def put_part(self, run: str, part: int, value: Any) -> None:
        """Keeps what a part came to; done twice it is kept once."""
        with self.db.write() as connection:
            row = {"run": run, "part": part, "value": value}
            upsert(connection, WORK_PART, row, key=["run", "part"])

    def parts_done(self, run: str) -> int:
        query = select(func.count()).where(WORK_PART.c.run == run)
        with self.db.read() as connection:
            return int(connection.execute(query).scalar_one())

    def has_part(self, run: str, part: int) -> bool:
        query = select(WORK_PART.c.part).where(WORK_PART.c.run == run, WORK_PART.c.part == part)
        with self.db.read() as connection:
            return connection.execute(query).first() is not None

    def parts(self, run: str) -> Sequence[Any]:
        """What the parts came to, in order."""
        query = select(WORK_PART.c.value).where(WORK_PART.c.run == run).order_by(WORK_PART.c.part)
        with self.db.read() as connection:
            return list(connection.execute(query).scalars())

    def drop_run(self, run: str) -> None:
        """Forgets a piece of work that is done."""
        with self.db.write() as connection:
            connection.execute(delete(WORK_PART).where(WORK_PART.c.run == run))
            connection.execute(delete(META).where(META.c.key == run))

    def database_bytes(self) -> int:
        """How large the database is."""
        if self.db.path is not None:
            return self.db.path.stat().st_size
        with self.db.read() as connection:
            size = text("SELECT pg_database_size(current_database())")
            return int(connection.execute(size).scalar_one())


def hit_as_json(hit: Hit) -> dict[str, Any]:
    """A hit as a part's value."""
    row = hit_to_columns(hit)
    return row | {"item": hit.item, "watch": hit.watch, "indicator": hit.indicator}


def hit_of_json(row: Mapping[str, Any]) -> Hit:
    return hit_from(row, item=row["item"], watch=row["watch"], indicator=row["indicator"])
