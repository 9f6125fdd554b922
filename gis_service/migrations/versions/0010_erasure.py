"""What erasing and backups need: links of the audit whose texts can go, and a sequence that the dump may read."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
