"""For the pages: the words of evidence alone, and failed logins that every process knows of"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Evidence is a tenth of all items. Counting an inbox under a common word by the index of all of them
# takes SQLite a third of a second at a million items.
_EVIDENCE = (
    "CREATE VIRTUAL TABLE evidence_fts USING fts5(body, content='item_search',"
    " content_rowid='item', tokenize='ascii', detail='none', columnsize=0)",
    "INSERT INTO evidence_fts (rowid, body) SELECT item, body FROM item_search"
    " WHERE item IN (SELECT item FROM event_item) ORDER BY item",
    # An item comes in with its first event and stays: the few that leave all events are told apart
    # by event_item. An edit takes its words out of item_search, and puts the new ones in.
    """
    CREATE TRIGGER evidence_words_of_member AFTER INSERT ON event_item
    WHEN NOT EXISTS (
        SELECT 1 FROM event_item WHERE item = new.item AND number <> new.number
    )
    BEGIN
        INSERT INTO evidence_fts (rowid, body)
        SELECT item, body FROM item_search WHERE item = new.item;
    END
    """,
    """
    CREATE TRIGGER evidence_words_gone BEFORE DELETE ON item_search
    WHEN EXISTS (SELECT 1 FROM event_item WHERE item = old.item)
    BEGIN
        INSERT INTO evidence_fts (evidence_fts, rowid, body)
        VALUES ('delete', old.item, old.body);
    END
    """,
    """
    CREATE TRIGGER evidence_words_new AFTER INSERT ON item_search
    WHEN EXISTS (SELECT 1 FROM event_item WHERE item = new.item)
    BEGIN
        INSERT INTO evidence_fts (rowid, body) VALUES (new.item, new.body);
    END
    """,
)


def upgrade() -> None:
    op.create_table(
        "login_failure",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_failure")),
    )
    op.create_index(op.f("ix_login_failure_at"), "login_failure", ["at"])
    if op.get_context().dialect.name == "sqlite":
        for statement in _EVIDENCE:
            op.execute(statement)
