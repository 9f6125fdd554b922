"""Personal fields: masked, or whole for a reason, by functions alone."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
