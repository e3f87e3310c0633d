"""Work that several processes share: hosts, parts, and procrastinate's queue on PostgreSQL"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "host",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_until_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_host")),
    )
    op.create_table(
        "work_part",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("part", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run", "part", name=op.f("pk_work_part")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _queue()


def _queue() -> None:
    """procrastinate's schema, by its own script: up to and including its 03.04.00.

    A newer procrastinate with migrations of its own needs a script of ours that applies them; a test
    holds the installed one to this.
    """
    from procrastinate.schema import SchemaManager

    connection = op.get_bind().connection.driver_connection
    connection.execute(SchemaManager.get_schema())
