"""Who may call which function: nobody but those that the application names."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
