"""Feeds: declared and added, their state, leases, coverage and the poll log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

from sqlalchemy import Connection, case, delete, func, or_, select, update

from monitor.errors import StoreError
from monitor.model import Feed, FeedState, FeedStatus
from monitor.protocols import PollFigures, PollRecord
from monitor.store import audit
from monitor.store.bulk import bulk_update
from monitor.store.codec import (
    AnyRow,
    feed_from_json,
    state_from_row,
    state_to_columns,
)
from monitor.store.declaring import declared_rows, differing, new_feed, redeclare, regrade
from monitor.store.engine import INGEST_LOCK
from monitor.store.holders import is_dead
from monitor.store.part import Part, chunks
from monitor.store.poll_log import by_first, partial_day
from monitor.store.tables import FEED, FEED_DAY, META, POLL

LEASE = timedelta(minutes=10)

_PAUSED = "paused feed "  # before the id: what somebody has paused, and who


class Feeds(Part):
    """Feeds of a store."""

    _headers: dict[str, Mapping[str, str]]  # of declared feeds, by id; in memory only

    def sync_feeds(self, feeds: Sequence[Feed], *, now: datetime) -> None:
        """Makes the declared feeds those given; the state of one that was known is kept.

        A declared feed that is no longer given is retired: not polled or listed, its history kept.
        """
        self._headers = {feed.id: feed.headers for feed in feeds if feed.headers}
        with self.db.read() as connection:
            paused = _paused(connection)
            feeds = [replace(f, enabled=f.enabled and f.id not in paused) for f in feeds]
            if not differing(feeds, declared_rows(connection)):
                return  # as at nearly every start: nobody need wait for the write lock
        with self.db.write(lock=INGEST_LOCK) as connection:
            known = declared_rows(connection)
            for id in differing(feeds, known):
                feed = next((each for each in feeds if each.id == id), None)
                if feed is None:
                    retired = update(FEED).where(FEED.c.id == id)
                    connection.execute(retired.values(retired_at=now, lease_holder=None))
                elif id in known:
                    redeclare(connection, feed, moved=known[id].url != feed.url)
                else:
                    connection.execute(FEED.insert().values(new_feed(feed, now)))
            regraded = [
                feed.id
                for feed in feeds
                if feed.id in known and known[feed.id].reliability != feed.reliability
            ]
            regrade(connection, regraded, now)

    def add_feed(
        self, feed: Feed, *, now: datetime, by: str = "", due_at: datetime | None = None
    ) -> None:
        """Adds a feed by command or page, to be polled from ``due_at`` (at once if there is none).

        Raises StoreError if its id or URL is there already.
        """
        with self.db.write() as connection:
            same = select(FEED.c.id, FEED.c.url, FEED.c.declared_in, FEED.c.retired_at).where(
                or_(FEED.c.id == feed.id, FEED.c.url == feed.url)
            )
            for row in connection.execute(same):
                if row.retired_at is None:
                    where = f"declared in {row.declared_in}" if row.declared_in else "added before"
                    raise StoreError(
                        f"this feed is there already as “{row.id}” ({where})",
                        subject=feed.url,
                        remedy="`monitor feeds list` shows it",
                    )
            audit.note(connection, "added", f"feed/{feed.id}", by=by, at=now, after=feed.url)
            if connection.execute(select(FEED.c.id).where(FEED.c.id == feed.id)).first():
                redeclare(connection, feed, moved=True)
            else:
                connection.execute(FEED.insert().values(new_feed(feed, now)))
            if due_at is not None:
                connection.execute(
                    update(FEED).where(FEED.c.id == feed.id).values(next_due_at=due_at)
                )

    def remove_feed(self, id_or_url: str) -> bool:
        """Retires a feed that was added by command; False if there is none.

        Raises StoreError for one that a file declares: it would be back at the next start.
        """
        with self.db.write() as connection:
            row = connection.execute(
                select(FEED.c.id, FEED.c.declared_in, FEED.c.last_polled_at).where(
                    or_(FEED.c.id == id_or_url, FEED.c.url == id_or_url),
                    FEED.c.retired_at.is_(None),
                )
            ).first()
            if row is None:
                return False
            if row.declared_in:
                raise StoreError(
                    "this feed is declared in a file",
                    subject=row.id,
                    remedy=f"remove it, or set enabled: false, in {row.declared_in}",
                )
            connection.execute(
                update(FEED)
                .where(FEED.c.id == row.id)
                .values(retired_at=func.coalesce(FEED.c.last_polled_at, FEED.c.added_at))
            )
            return True

    def feeds(self, *, enabled: bool | None = None) -> Sequence[FeedStatus]:
        """All feeds that are not retired, by id."""
        query = select(FEED).where(FEED.c.retired_at.is_(None)).order_by(FEED.c.id)
        if enabled is not None:
            query = query.where(FEED.c.enabled.is_(enabled))
        with self.db.read() as connection:
            return [self._status(row) for row in connection.execute(query)]

    def count_enabled(self) -> int:
        """How many feeds are polled."""
        query = select(func.count()).where(FEED.c.enabled, FEED.c.retired_at.is_(None))
        with self.db.read() as connection:
            return int(connection.execute(query.select_from(FEED)).scalar_one())

    def claim_due_feeds(
        self,
        *,
        now: datetime,
        holder: str,
        everything: bool = False,
        limit: int | None = None,
        lease: timedelta | None = None,
        feeds: Collection[str] | None = None,
        first: int | None = None,
    ) -> Sequence[FeedStatus]:
        """Leases enabled feeds that are due, the longest overdue first.

        ``first``: of those that were never polled, so many at most.

        A lease ends with ``finish_poll``, ``release_feeds``, its time, or the death of its holder
        (see ``process_holder``). No two holders ever get the same feed. ``feeds``: only these.
        """
        due = or_(FEED.c.next_due_at.is_(None), FEED.c.next_due_at <= now)
        query = select(FEED).where(FEED.c.enabled, FEED.c.retired_at.is_(None))
        if not everything:
            query = query.where(due)
        if feeds is not None:
            query = query.where(FEED.c.id.in_(list(feeds)))
        order = (case((FEED.c.next_due_at.is_(None), 0), else_=1), FEED.c.next_due_at, FEED.c.id)
        with self.db.write() as connection:
            free = or_(
                FEED.c.lease_holder.is_(None),
                FEED.c.lease_until_at.is_(None),
                FEED.c.lease_until_at <= now,
                FEED.c.lease_holder.in_(_dead_holders(connection)),
            )
            if first is not None and not everything:
                never = FEED.c.next_due_at.is_(None)
                new = query.where(free, never).order_by(FEED.c.id).limit(first)
                begun = list(connection.execute(new.with_only_columns(FEED.c.id)).scalars())
                query = query.where(or_(~never, FEED.c.id.in_(begun)))
            query = query.where(free).order_by(*order).limit(limit)
            rows = list(connection.execute(query.with_for_update(skip_locked=True)))
            for some in chunks([row.id for row in rows]):
                connection.execute(
                    update(FEED)
                    .where(FEED.c.id.in_(some))
                    .values(lease_holder=holder, lease_until_at=now + (lease or LEASE))
                )
            return [self._status(row) for row in rows]

    def release_feeds(self, ids: Collection[str], *, holder: str) -> None:
        """Gives feeds back unpolled; they are due as before."""
        if not ids:
            return
        with self.db.write() as connection:
            for some in chunks(ids):
                connection.execute(
                    update(FEED)
                    .where(FEED.c.id.in_(some), FEED.c.lease_holder == holder)
                    .values(lease_holder=None, lease_until_at=None)
                )

    def renew_leases(self, ids: Collection[str], *, holder: str, until: datetime) -> int:
        """Prolongs the leases that a holder still has; returns how many feeds that are."""
        held = update(FEED).where(FEED.c.id.in_(sorted(ids)), FEED.c.lease_holder == holder)
        with self.db.write() as connection:
            return connection.execute(held.values(lease_until_at=until)).rowcount

    def set_feed_state(self, feed: str, state: FeedState) -> None:
        """Replaces a feed's state outside a poll (a button: try again now)."""
        with self.db.write() as connection:
            connection.execute(
                update(FEED).where(FEED.c.id == feed).values(**state_to_columns(state))
            )

    def poll_soon(self, feed: str, *, now: datetime) -> bool:
        """Makes a feed due at once; False if there is no such feed."""
        with self.db.write() as connection:
            due = update(FEED).where(FEED.c.id == feed, FEED.c.retired_at.is_(None))
            return connection.execute(due.values(next_due_at=now)).rowcount > 0

    def set_feed_paused(self, feed: str, paused: bool, *, by: str, at: datetime) -> bool:
        """Pauses a feed, or polls it again at once; False if there is no such feed.

        It holds whatever the feed's file says. Raises StoreError for one that its file switches off.
        """
        with self.db.write() as connection:
            row = connection.execute(
                select(FEED.c.enabled, FEED.c.declared_in).where(
                    FEED.c.id == feed, FEED.c.retired_at.is_(None)
                )
            ).first()
            if row is None:
                return False
            if row.enabled is not paused:
                return True
            if not paused and feed not in _paused(connection):
                raise StoreError(
                    "this feed is switched off in its file",
                    subject=feed,
                    remedy=f"set enabled: true in {row.declared_in or 'the file that added it'}",
                )
            key = _PAUSED + feed
            connection.execute(delete(META).where(META.c.key == key))
            if paused:
                connection.execute(META.insert().values(key=key, value=by, at=at))
            values = {"enabled": not paused} | ({} if paused else {"next_due_at": at})
            connection.execute(update(FEED).where(FEED.c.id == feed).values(**values))
            action = "paused" if paused else "resumed"
            audit.note(connection, action, f"feed/{feed}", by=by, at=at)
            return True

    def set_feed_url(self, feed: str, url: str) -> None:
        """Adopts a permanent redirect for a feed that was added by command."""
        with self.db.write() as connection:
            connection.execute(update(FEED).where(FEED.c.id == feed).values(url=url))

    def covered_days(
        self,
        *,
        feeds: Collection[str] | None = None,
        since: date,
        until: date,
        as_of: datetime | None = None,
    ) -> Mapping[str, Mapping[date, tuple[int, int]]]:
        """Feed id → UTC day → (good polls, failed polls), ``since`` to ``until`` inclusive.

        A day on which an archive's items were first seen counts as one good poll. For the day of
        ``as_of`` only polls up to it count: exactly while the poll log reaches back, else as one
        good and one failed poll at most.
        """
        last = until if as_of is None else min(until, as_of.astimezone(UTC).date())
        query = select(FEED_DAY).where(FEED_DAY.c.day >= since, FEED_DAY.c.day <= last)
        if feeds is not None:
            query = query.where(FEED_DAY.c.feed.in_(list(feeds)))
        answer: dict[str, dict[date, tuple[int, int]]] = {}
        with self.db.read() as connection:
            partial = partial_day(connection, as_of)
            for row in connection.execute(query):
                good = max(row.good, 1 if row.imported else 0)
                failed = row.failed
                if as_of is not None and row.day == as_of.astimezone(UTC).date():
                    good, failed = partial.get(row.feed) or by_first(row, as_of)
                if good or failed:
                    answer.setdefault(row.feed, {})[row.day] = (good, failed)
        return answer

    def poll_log(self, feed: str | None = None, *, limit: int = 50) -> Sequence[PollRecord]:
        """The newest polls first."""
        query = select(POLL).order_by(POLL.c.at.desc(), POLL.c.number.desc()).limit(limit)
        if feed is not None:
            query = query.where(POLL.c.feed == feed)
        names = [name for name in PollRecord.__dataclass_fields__ if name != "feed"]
        with self.db.read() as connection:
            return [
                PollRecord(feed=row.feed, **{name: row._mapping[name] for name in names})
                for row in connection.execute(query)
            ]

    def poll_figures(self, *, since: datetime) -> PollFigures:
        """Sums of all days; outcomes and times of the newest 5,000 polls after ``since``."""
        names = ("good", "failed", "new", "updated", "duplicate", "dropped", "wire_bytes")
        summed = select(*(func.sum(FEED_DAY.c[name]).label(name) for name in names))
        newest = (
            select(POLL.c.outcome, POLL.c.kind, POLL.c.seconds)
            .where(POLL.c.at > since)
            .order_by(POLL.c.at.desc())
            .limit(5_000)
        )
        with self.db.read() as connection:
            row = connection.execute(summed).one()
            polls = connection.execute(newest).all()
        return PollFigures(
            sums={name: int(row._mapping[name] or 0) for name in names},
            lately=Counter((poll.outcome, poll.kind) for poll in polls),
            seconds=tuple(sorted(poll.seconds for poll in polls if poll.outcome != "failed")),
        )

    def newest_poll(self, *, as_of: datetime | None = None) -> int | None:
        """The number of the newest poll: it tells how far the collection had come."""
        query = select(func.max(POLL.c.number))
        if as_of is not None:
            query = query.where(POLL.c.at <= as_of)
        with self.db.read() as connection:
            return cast("int | None", connection.execute(query).scalar())

    def floods(self, *, since: datetime, as_of: datetime | None = None) -> Sequence[PollRecord]:
        """Polls after ``since`` in which a known feed was suddenly all new, oldest first."""
        query = select(POLL).where(POLL.c.flood, POLL.c.at > since).order_by(POLL.c.at)
        if as_of is not None:
            query = query.where(POLL.c.at <= as_of)
        names = list(PollRecord.__dataclass_fields__)
        with self.db.read() as connection:
            return [
                PollRecord(**{name: row._mapping[name] for name in names})
                for row in connection.execute(query)
            ]

    def _status(self, row: AnyRow) -> FeedStatus:
        feed = feed_from_json(row.declared, url=row.url, enabled=row.enabled)
        if headers := self._headers.get(feed.id):
            feed = replace(feed, headers=headers)
        return FeedStatus(feed=feed, state=state_from_row(row))


def finish_feeds(connection: Connection, states: Mapping[str, FeedState], *, holder: str) -> None:
    """Stores the states of feeds that were polled and gives them back; with ``holder`` only those
    that it has leased still. Raises StoreError where one is not."""
    given_back = {"lease_holder": None, "lease_until_at": None}
    rows = [
        state_to_columns(state) | given_back | {"id": feed, "=lease_holder": holder}
        for feed, state in states.items()
    ]
    if not holder:
        for row in rows:
            del row["=lease_holder"]
    where = ("id", "=lease_holder") if holder else ("id",)
    if bulk_update(connection, FEED, rows, where=where) == len(rows):
        return
    # Which one it was: those that were found are nobody's now.
    lost = select(FEED.c.id).where(FEED.c.id.in_(list(states)), FEED.c.lease_holder.is_not(None))
    there = set(connection.execute(select(FEED.c.id).where(FEED.c.id.in_(list(states)))).scalars())
    missing = [feed for feed in states if feed not in there]
    if missing:
        raise StoreError(
            "this feed is not in the database",
            subject=missing[0],
            remedy="declare it in a feed file or add it with `monitor feeds add`",
        )
    raise StoreError(
        "its lease has ended and another worker may have polled it",
        subject=connection.execute(lost).scalar() or next(iter(states)),
        remedy="nothing was stored twice; it is polled again when it is due",
    )


def _paused(connection: Connection) -> set[str]:
    """Ids of the feeds that somebody has paused."""
    query = select(META.c.key).where(META.c.key.startswith(_PAUSED))
    return {key.removeprefix(_PAUSED) for key in connection.execute(query).scalars()}


def _dead_holders(connection: Connection) -> list[str]:
    held = select(FEED.c.lease_holder).where(FEED.c.lease_holder.is_not(None)).distinct()
    return [holder for holder in connection.execute(held).scalars() if is_dead(holder)]
