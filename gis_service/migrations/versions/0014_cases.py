"""Cases: flows as tables, steps, photos, and what phones have sent."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
