"""Alembic's entry: runs the migrations on the connection that ``migrate`` hands over."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, version_table="migration", version_table_schema="gis", transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
