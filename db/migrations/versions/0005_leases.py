"""Feeds that are leased just now, by their holder: each claim asks which of these are dead"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    held = sa.text("lease_holder IS NOT NULL")
    op.create_index(
        "ix_feed_lease_holder",
        "feed",
        ["lease_holder"],
        sqlite_where=held,
        postgresql_where=held,
    )
