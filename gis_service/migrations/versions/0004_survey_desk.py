"""Uploads wait as proposals until someone decides; long work is a job."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
