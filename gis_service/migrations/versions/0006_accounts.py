"""Accounts, their areas, sessions and tokens, and what each transaction asks of them."""

from __future__ import annotations

from alembic import op

from gis_service.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(op.get_bind(), __file__)
