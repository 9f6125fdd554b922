"""The foundation: areas, layers with history and row-level security, layer versions, uploads."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
