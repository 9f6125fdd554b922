"""Migrations of the schema, literal SQL beside numbered Python."""
