"""Journals stay whoever deletes, and what is void takes no other case."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
