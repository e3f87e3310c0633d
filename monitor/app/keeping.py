"""Keeping the database: migrations, copies, checks, retention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from monitor import resources
from monitor.app.base import Base
from monitor.store import copy_database, restore, upgrade

_KEEP_AT_ONCE = 20_000  # items that one round of retention deletes at most


class Keeping(Base):
    """What the ``db`` commands and the service's retention do."""

    def upgrade_database(self) -> Sequence[str]:
        """Applies missing migrations; returns their names."""
        return upgrade(self.config.database_url(), migrations=resources.path("migrations"))

    def backup(self, file: Path) -> None:
        self.store.backup(file)

    def restore(self, file: Path) -> Path | None:
        """Puts a backup in the database's place; returns where the old one went."""
        self.close()
        return restore(self.config.database_url(), file, now=self.clock())

    def check_database(self) -> Sequence[str]:
        return self.store.check()

    def copy_database(self, url: str) -> Iterator[str]:
        """Copies everything to another database and verifies it; says what was done, table by table."""
        self.close()
        rows = copy_database(
            self.config.database_url(),
            url,
            migrations=resources.path("migrations"),
            now=self.clock(),
        )
        for table, count in rows.items():
            yield f"{table:<16} {count:>9} rows, the same in both"
        yield f"verified: {sum(rows.values())} rows. Set [database] url to the new one to use it."

    def expire(self, now: datetime) -> None:
        """Deletes items without hits that are past their time; evidence is never deleted."""
        before = now - self.config.retention.items_without_hits
        self.store.expire(items_before=before, now=now, limit=_KEEP_AT_ONCE)
