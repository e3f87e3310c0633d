"""A program that is a version ahead of this one: its database has one table and one column more."""

from __future__ import annotations

import shutil
from pathlib import Path

from monitor.store.schema import VERSION

MIGRATIONS = Path(__file__).parents[2] / "db" / "migrations"
NEXT = f"{int(VERSION) + 1:04}"
_SCRIPT = f'''\
"""One table and one column more"""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{VERSION}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed", sa.Column("colour", sa.Text(), nullable=True))
    op.create_table("palette", sa.Column("name", sa.Text(), primary_key=True))
'''


def migrations_of_next(folder: Path) -> Path:
    """This program's migrations and the next one, in ``folder``."""
    made = folder / "migrations-of-next"
    shutil.copytree(MIGRATIONS, made, ignore=shutil.ignore_patterns("__pycache__"))
    (made / "versions" / f"{NEXT}_next.py").write_text(_SCRIPT, encoding="utf-8")
    return made


def program_of_next(migrations: Path) -> str:
    """Python that is the command line of the version ahead."""
    return f"""
from pathlib import Path
from monitor import resources
from monitor.store import schema
schema.VERSION = {NEXT!r}
shipped = resources.path
resources.path = lambda name: Path({str(migrations)!r}) if name == "migrations" else shipped(name)
from monitor.cli import main
main()
"""
