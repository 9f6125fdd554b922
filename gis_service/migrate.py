"""Bringing a database to the declared schema, writing new migrations, and finding drift.

A migration is literal SQL beside a short Python file that Alembic numbers. The drift test compares the catalogue of
a migrated database with that of one built straight from the declarations: Alembic itself sees no changed checks,
policies, triggers or grants.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

from gis_service.database import explained
from gis_service.schema import layer_statements
from layers.registry import LAYERS

_CATALOGUE = {
    "column": """
        select c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
          || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' ' || coalesce(col_description(c.oid, a.attnum), '')
          || ' ' || coalesce(array_to_string(a.attacl, ','), '')
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace = 'gis'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped""",
    "table": """
        select relname, relrowsecurity || ' ' || relforcerowsecurity || ' ' || pg_get_userbyid(relowner) || ' '
          || coalesce(array_to_string(relacl, ','), '') || ' ' || coalesce(obj_description(oid, 'pg_class'), '')
          || ' ' || coalesce(array_to_string(reloptions, ','), '')
        from pg_class where relnamespace = 'gis'::regnamespace and relkind = 'r'""",
    "other relation": """
        select relname, concat_ws(' ', relkind, relacl) from pg_class
        where relnamespace = 'gis'::regnamespace and relkind not in ('r', 'i')""",
    "schema": """
        select nspname, pg_get_userbyid(nspowner) || ' ' || coalesce(array_to_string(nspacl, ','), '')
        from pg_namespace where nspname = 'gis'""",
    "collation": """
        select collname, concat_ws(' ', collprovider, collisdeterministic,
          coalesce(to_jsonb(c) ->> 'colliculocale', to_jsonb(c) ->> 'colllocale')) from pg_collation c
        where collnamespace = 'gis'::regnamespace""",
    "constraint": """
        select conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace = 'gis'::regnamespace and contype <> 't'""",
    "index": "select indexname, indexdef from pg_indexes where schemaname = 'gis'",
    "policy": """
        select tablename || '.' || policyname, concat_ws(' ', permissive, roles, cmd, qual, with_check)
        from pg_policies where schemaname = 'gis'""",
    "trigger": """
        select tgrelid::regclass || '.' || tgname, concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled) from pg_trigger t
        join pg_class c on c.oid = t.tgrelid where c.relnamespace = 'gis'::regnamespace and not tgisinternal""",
    "step of a flow": """
        select f.flow || ' ' || f.from_state || ' ' || f.step, f::text from gis.flow_step f""",
    "function": """
        select p.oid::regprocedure::text, pg_get_functiondef(p.oid) || pg_get_userbyid(proowner) || ' '
          || coalesce(array_to_string(proacl, ','), '') || ' ' || coalesce(obj_description(p.oid, 'pg_proc'), '')
        from pg_proc p where pronamespace = 'gis'::regnamespace""",
}


def migrate(engine: Engine) -> None:
    """Run the migrations that a database lacks, as its owner, in one transaction."""
    with explained(), engine.begin() as conn:
        conn.execute(text("create schema if not exists gis"))
        migrate_to(conn, "head")
        # Whoever runs the service or restores a backup asks which version the schema has.
        conn.execute(text("grant select on gis.migration to gis_app, gis_backup"))


def migrate_to(conn: Connection, version: str) -> None:
    """Run the migrations up to one of them, as part of the open transaction."""
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, version)


def is_current(conn: Connection) -> bool:
    """Return whether a database has every migration of this version of the programme."""
    found = conn.execute(text("select to_regclass('gis.migration')")).scalar()
    if found is None:
        return False
    return conn.execute(text("select version_num from gis.migration")).scalar() == _head()


def run_sql(conn: Connection, migration: str) -> None:
    """Run the SQL file that stands beside a migration."""
    statements = (Path(migration).with_suffix(".sql")).read_text(encoding="utf-8")
    driver = conn.connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration's connection is closed")
    driver.execute(statements)


def read_catalogue(conn: Connection) -> dict[str, str]:
    """Return every object of the schema with its definition: ``{"table building": "…"}``."""
    conn.execute(text("set local search_path = ''"))
    found = {
        f"{kind} {name}": definition
        for kind, query in _CATALOGUE.items()
        for name, definition in conn.execute(text(query))
    }
    return {name: definition for name, definition in found.items() if not re.search(r"\bmigration(_|\.|\b)", name)}


def write_migration(conn: Connection, subject: str, folder: Path | None = None) -> Path:
    """Write a migration with the tables of every layer that the database lacks.

    Changed layers need a migration written by hand; the drift test says what differs.

    Raises
    ------
    ValueError
        When the database already has every declared layer.
    """
    tables = set(conn.execute(text("select tablename from pg_tables where schemaname = 'gis'")).scalars())
    new = [layer for layer in LAYERS.values() if layer.name not in tables]
    if not new:
        raise ValueError("没有新的图层:声明的图层在数据库中都已存在。")
    folder = folder or Path(str(resources.files("gis_service"))) / "migrations" / "versions"
    previous = _head()
    number = f"{int(previous) + 1:04}"
    path = folder / f"{number}_{subject}.py"
    path.write_text(
        f'"""Add {", ".join(layer.name for layer in new)}."""\n\n'
        "from __future__ import annotations\n\nfrom alembic import op\n\nfrom gis_service.migrate import run_sql\n\n"
        f'revision = "{number}"\ndown_revision = "{previous}"\n\n\n'
        'def upgrade() -> None:\n    """Run the SQL beside this file."""\n    run_sql(op.get_bind(), __file__)\n',
        encoding="utf-8",
    )
    sql = "\n".join(line for layer in new for line in layer_statements(layer))
    path.with_suffix(".sql").write_text(sql + "\n", encoding="utf-8")
    return path


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("gis_service") / "migrations"))
    return config


def _head() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or "0000"
