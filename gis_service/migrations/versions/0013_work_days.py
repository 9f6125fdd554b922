"""The calendar of a community's own working days."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
