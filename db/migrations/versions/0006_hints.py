"""What a feed's last document said of its own rhythm, heeded after a 304 too"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed", sa.Column("ttl", sa.Float(), nullable=True))
    op.add_column("feed", sa.Column("skip_hours", sa.Text(), nullable=True))
