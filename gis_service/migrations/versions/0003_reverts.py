"""An upload may take another one back, and removes rows then."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
