"""Users of the pages, heartbeats of the service, and small facts about the installation."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, delete, func, select

from monitor.desk import User
from monitor.errors import StoreError
from monitor.store.part import Part, insert_new, inserting, upsert
from monitor.store.tables import (
    ACCOUNT,
    BEAT,
    EVENT,
    FEED,
    HIT,
    ITEM,
    LOGIN_FAILURE,
    MESSAGE,
    META,
    REVIEW,
    SIGHTING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """When a part of the service was last heard of, and what it said."""

    name: str
    at: datetime
    detail: Any


class People(Part):
    """Users, heartbeats and facts."""

    def add_user(self, user: User) -> None:
        """Adds a user. Raises StoreError if the name is taken."""
        row = {name: getattr(user, name) for name in User.__dataclass_fields__}
        with self.db.write() as connection:
            taken = select(ACCOUNT.c.name).where(ACCOUNT.c.name == user.name)
            if connection.execute(taken).first():
                raise StoreError(
                    "there is a user of this name",
                    subject=user.name,
                    remedy="choose another, or remove it first with `monitor user remove`",
                )
            connection.execute(ACCOUNT.insert().values(**row))

    def users(self) -> Sequence[User]:
        """All users, by name."""
        with self.db.read() as connection:
            rows = connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.name))
            return [User(**row._mapping) for row in rows]

    def remove_user(self, name: str) -> bool:
        """Removes a user; what it decided stays. False if there is none."""
        with self.db.write() as connection:
            return connection.execute(delete(ACCOUNT).where(ACCOUNT.c.name == name)).rowcount > 0

    def login_failures(self, keys: Collection[str]) -> Mapping[str, tuple[int, datetime]]:
        """Key → how often it has failed, and when the last time."""
        query = select(LOGIN_FAILURE).where(LOGIN_FAILURE.c.key.in_(list(keys)))
        with self.db.read() as connection:
            rows = connection.execute(query)
            return {key: (count, at) for key, count, at in rows}

    def note_login_failure(
        self, keys: Collection[str], *, now: datetime, forget: datetime, most: int
    ) -> None:
        """Counts a failed login; counts from before ``forget`` begin anew, ``most`` are kept."""
        count, at = LOGIN_FAILURE.c.count, LOGIN_FAILURE.c.at
        with self.db.write() as connection:
            for key in sorted(keys):
                row = {"key": key, "count": 1, "at": now}
                connection.execute(
                    inserting(connection, LOGIN_FAILURE)
                    .values(**row)
                    .on_conflict_do_update(
                        index_elements=["key"],
                        set_={"count": case((at < forget, 1), else_=count + 1), "at": now},
                    )
                )
            connection.execute(delete(LOGIN_FAILURE).where(at < forget))
            newest = select(LOGIN_FAILURE.c.key).order_by(at.desc()).offset(most).limit(1000)
            connection.execute(
                delete(LOGIN_FAILURE).where(LOGIN_FAILURE.c.key.in_(newest.scalar_subquery()))
            )

    def forget_login_failures(self, key: str) -> None:
        """Somebody has logged in."""
        with self.db.write() as connection:
            connection.execute(delete(LOGIN_FAILURE).where(LOGIN_FAILURE.c.key == key))

    def secret(self) -> bytes:
        """32 random bytes made once and kept: signs sessions, the same for all workers."""
        return bytes.fromhex(self._made_once("secret"))

    def installation(self) -> str:
        """What tells this installation from all others, made once and kept; no secret."""
        return self._made_once("installation")

    def _made_once(self, key: str) -> str:
        found = self.get_meta(key)
        if found is None:
            epoch = datetime(1970, 1, 1, tzinfo=UTC)
            row = {"key": key, "value": secrets.token_hex(32), "at": epoch}
            with self.db.write() as connection:
                insert_new(connection, META, [row])
            found = self.get_meta(key)
        return found or ""

    def beat(self, name: str, at: datetime, detail: Any = None) -> None:
        """Notes that a part of the service is alive; ``detail`` is any JSON."""
        with self.db.write() as connection:
            row = {"name": name, "at": at, "detail": {} if detail is None else detail}
            upsert(connection, BEAT, row, key=["name"])

    def beats(self) -> Mapping[str, Beat]:
        """What was last heard of each part, by name."""
        with self.db.read() as connection:
            rows = connection.execute(select(BEAT).order_by(BEAT.c.name))
            return {row.name: Beat(**row._mapping) for row in rows}

    def get_meta(self, key: str) -> str | None:
        """A fact about the installation."""
        with self.db.read() as connection:
            return connection.execute(select(META.c.value).where(META.c.key == key)).scalar()

    def set_meta(self, key: str, value: str, *, now: datetime) -> None:
        """Notes a fact about the installation."""
        with self.db.write() as connection:
            upsert(connection, META, {"key": key, "value": value, "at": now}, key=["key"])

    def counts(self) -> Mapping[str, int]:
        """How many rows there are of each kind."""

        def rows(table: Any, *where: Any) -> Any:
            return select(func.count()).select_from(table).where(*where).scalar_subquery()

        kinds = {
            "feeds": rows(FEED, FEED.c.retired_at.is_(None)),
            "items": rows(ITEM),
            "sightings": rows(SIGHTING),
            "hits": rows(HIT, HIT.c.withdrawn_at.is_(None)),
            "withdrawn": rows(HIT, HIT.c.withdrawn_at.is_not(None)),
            "events": rows(EVENT, EVENT.c.merged_into.is_(None)),
            "reviews": rows(REVIEW),
            "messages": rows(MESSAGE),
        }
        with self.db.read() as connection:
            row = connection.execute(select(*(q.label(kind) for kind, q in kinds.items()))).one()
        return {kind: int(row._mapping[kind]) for kind in kinds}
