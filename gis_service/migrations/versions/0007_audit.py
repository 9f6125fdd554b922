"""The audit: each transaction that writes leaves a link of a chain; what it touched is noted in one table."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
