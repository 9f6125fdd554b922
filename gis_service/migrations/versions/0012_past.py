"""The past of the service's own tables, and exports as of a past day."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
