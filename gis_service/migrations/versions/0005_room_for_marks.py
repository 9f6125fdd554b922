"""Leave room in the pages of proposed rows, which are marked when they are written."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
