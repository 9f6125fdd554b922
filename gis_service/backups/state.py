"""What a database holds, in figures that can be compared: by them a restored copy is known to be the same."""

from __future__ import annotations

import hashlib

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.backups.store import TableState
from gis_service.migrate import read_catalogue


def read_tables(conn: Connection) -> dict[str, TableState]:
    """Return the state of each table of the schema.

    The hashes of the rows' texts are added up twice, with two seeds, so that their order doesn't matter. That finds
    rows that are missing, doubled or changed; it is no defence against somebody who makes rows fit.
    """
    names = conn.execute(
        text("select relname from pg_class where relnamespace = 'gis'::regnamespace and relkind = 'r' order by 1")
    ).scalars()
    return {name: _read_table(conn, name) for name in names.all()}


def _read_table(conn: Connection, name: str) -> TableState:
    quoted = conn.dialect.identifier_preparer.quote(name)
    row = conn.execute(
        text(
            "select count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) || ' '"
            f" || coalesce(sum(hashtextextended(t::text, 1)), 0) from gis.{quoted} t"
        )
    ).one()
    return TableState(row[0], row[1])


def digest_of_catalogue(conn: Connection) -> str:
    """Return the SHA-256 of every definition in the schema: columns, checks, policies, triggers, functions, grants."""
    digest = hashlib.sha256()
    for name, definition in sorted(read_catalogue(conn).items()):
        digest.update(f"{name}\0{definition}\0".encode())
    return digest.hexdigest()


def read_migration(conn: Connection) -> str:
    """Return the version of the schema."""
    return str(conn.execute(text("select version_num from gis.migration")).scalar_one())


def differences(wanted: dict[str, TableState], found: dict[str, TableState]) -> list[str]:
    """Return one sentence for each table that differs."""
    said = []
    for name in sorted(wanted | found):
        one, other = wanted.get(name), found.get(name)
        if one is None or other is None:
            said.append(f"表 {name} {'多出来了' if one is None else '不见了'}")
        elif one != other:
            said.append(f"表 {name}:应有 {one.rows:,} 行,有 {other.rows:,} 行" if one.rows != other.rows
                        else f"表 {name}:{one.rows:,} 行的内容不同")  # fmt: skip
    return said
