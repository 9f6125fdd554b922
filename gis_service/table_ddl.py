"""What every table's DDL is made of: its columns and comments, and the rules of row-level security."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment

_SCOPE = "((select string_to_array(current_setting('gis.scope', true), ','))::text[])"
_COMMUNITIES = "((select string_to_array(current_setting('gis.communities', true), ','))::text[])"
_ABOVE = f"left({{community}}, 9) = any {_SCOPE} or left({{community}}, 6) = any {_SCOPE}"
"""What a transaction may see stands in its settings (``scope.enter``); unset or empty, nothing does.

Codes of different lengths can't be mistaken for each other, so one list holds them all. The scalar subqueries are
evaluated once a query, not once a row; functions in their place would cost 0.1 ms a query more.
"""

SEES_COMMUNITY = f"({{community}} = any {_COMMUNITIES} or {_ABOVE})"
"""A grid's people see their community's streets too, so ``gis.communities`` holds the communities of grids."""

WRITES_COMMUNITY = f"({{community}} = any {_SCOPE} or {_ABOVE})"
"""What holds for a whole community (its boundary, grids, totals) isn't for one grid's people to change."""

SEES_GRID = f"({{community}} = any {_SCOPE} or grid = any {_SCOPE} or {_ABOVE})"
"""The net under every query of a layer that is seen by grid."""

HOLDS_AREAS = (
    "cardinality(areas) > 0 and not exists (select from unnest(areas) a where not exists (select from unnest("
    "string_to_array(current_setting('gis.scope', true), ',')) s where s <> '' and starts_with(a, s)))"
)
"""Of rows that tell of several areas: whoever has all of them; of none, nobody."""

READERS = "gis_app, gis_backup"


def create_table(table: Table) -> list[str]:
    """Return the DDL of a table with its indexes and comments."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = [str(CreateTable(table).compile(dialect=dialect)).strip() + ";"]
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    statements += [str(CreateIndex(index).compile(dialect=dialect)) + ";" for index in indexes]
    statements.append(str(SetTableComment(table).compile(dialect=dialect)) + ";")
    statements += [
        str(SetColumnComment(column).compile(dialect=dialect)) + ";" for column in table.columns if column.comment
    ]
    return [statement.replace("%%", "%") for statement in statements]


def secure_table(table: Table, sees: str, writes: str | None = None) -> list[str]:
    """Return row-level security for a table that the application reads, and writes where ``writes`` is given."""
    name = f"gis.{table.name}"
    statements = [
        f"alter table {name} enable row level security;",
        f"create policy sees on {name} for select to gis_app using {sees};",
        f"grant select on {name} to {READERS};",
    ]
    if writes is not None:
        statements += [
            f"create policy adds on {name} for insert to gis_app with check {writes};",
            f"create policy changes on {name} for update to gis_app using {writes} with check {writes};",
            f"create policy removes on {name} for delete to gis_app using {writes};",
            f"grant insert, update, delete on {name} to gis_app;",
        ]
    return statements
