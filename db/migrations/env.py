"""Runs the migrations inside the transaction that ``monitor.store.schema`` has begun.

For writing a new one: `alembic -c db/alembic.ini revision --autogenerate -m "what"` against a database
of the version before.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from monitor.store.columns import CleanText, JsonText, Seconds, UtcTime
from monitor.store.tables import Row

PLAIN = {
    CleanText: "sa.Text()",
    JsonText: "sa.Text()",
    Seconds: "sa.Float()",
    UtcTime: "sa.DateTime(timezone=True)",
}


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:  # by hand, through alembic's own command
        url = context.config.get_main_option("sqlalchemy.url") or ""
        with create_engine(url).begin() as own:
            migrate(own)
    else:
        migrate(connection)


def plain(kind: str, thing: object, _: object) -> str | bool:
    """Writes our column types as the database's own, so that a script never changes with them."""
    return PLAIN.get(type(thing), False) if kind == "type" else False


def ours(name: str | None, kind: str, _: object) -> bool:
    """Leaves out the full-text index, which no Table can say, and the queue, which is not ours."""
    others = ("item_fts", "ix_item_search_words", "procrastinate_", "idx_procrastinate_")
    return not (name or "").startswith(others)


def migrate(connection: object) -> None:
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        transactional_ddl=True,
        render_as_batch=False,
        render_item=plain,
        include_name=ours,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
