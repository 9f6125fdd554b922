"""Proposed rows: room beside them for the mark of being written, and no foreign key that is asked for each."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
