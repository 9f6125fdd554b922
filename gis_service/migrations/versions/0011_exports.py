"""Exports: which sheets were made; and jobs of people who have one grid only."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
