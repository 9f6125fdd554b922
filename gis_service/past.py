"""The past: what the tables held at an earlier moment, under the same names.

A transaction that looks back (``look_back``) reads copies in the place of the tables, so that whatever can be asked of
today can be asked of a past day, by the same statements. The copies hold what row-level security of the histories shows
to whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, DateTime, Index, PrimaryKeyConstraint, Table, text
from sqlalchemy.engine import Connection

from gis_service.case_tables import CASE_STEP
from gis_service.errors import NotFoundError, UnavailableError
from gis_service.tables import AREA, AREA_RULE, LAYER_VERSION, METADATA, REPORTED_TOTAL, SCHEMA, tables_of
from layers.registry import LAYERS

REMEMBERED = (AREA, AREA_RULE, REPORTED_TOTAL, LAYER_VERSION)
"""The service's own tables from which answers are drawn beside the layers; their twins are kept as layers' are."""


def _twin_of(table: Table) -> Table:
    name, key = f"{table.name}_history", [column.name for column in table.primary_key.columns]
    return Table(
        name,
        METADATA,
        *(Column(c.name, c.type, nullable=c.nullable, comment=c.comment) for c in table.columns),
        Column("recorded_at", DateTime(timezone=True), nullable=False, comment="记录起于"),
        Column("recorded_to", DateTime(timezone=True), nullable=False, server_default="infinity", comment="记录止于"),
        # One transaction may change a row twice: its versions then differ only in when they were written.
        Column(
            "written_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"),
            comment="写入时刻",
        ),
        PrimaryKeyConstraint(*key, "recorded_at", "written_at", name=f"{name}_pkey"),
        Index(f"{name}_current_idx", *key, unique=True, postgresql_where=text("recorded_to = 'infinity'")),
        comment=f"{table.comment}:历史",
    )  # fmt: skip


TWINS = {table.name: _twin_of(table) for table in REMEMBERED}


def key_of(table: Table) -> str:
    """Return the names of a remembered table's key, as the trigger ``keep_past`` takes them."""
    return ", ".join(f"'{column.name}'" for column in table.primary_key.columns)


@dataclass(frozen=True)
class Past:
    """One community as it was recorded at a moment."""

    community: str
    moment: datetime


def check_settled(conn: Connection, moment: datetime) -> None:
    """Raise UnavailableError while somebody writes who began by a moment: what they write is recorded as of then.

    Only transactions of the own role can be seen; others' are those of the operator.
    """
    asked = text(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and xact_start <= :moment and usename = current_user"
    )
    if conn.execute(asked, {"moment": moment}).scalar_one():
        raise UnavailableError(
            "那一刻以前开始的写入还没有结束,现在出的以后会不一样;请稍候再试。", "An older transaction is still open."
        )


def look_back(conn: Connection, past: Past) -> None:
    """Make the open transaction read what was recorded at a moment; raw SQL that names ``gis.`` still reads today.

    What the scope saw then is copied into temporary tables, with an index on the geometry and statistics: views of the
    histories would have neither, and joins of two layers took minutes. The copies end with the transaction.
    """
    # All in one message, which can't have parameters; neither a code nor a moment has a sign that would end a literal.
    moment = f"timestamptz '{past.moment.isoformat()}'"
    begun, of = f"recorded_at <= {moment}", f"{{key}} = '{check_digits(past.community)}'"
    held = f"{begun} and recorded_to > {moment} and {of}"
    # Steps of cases are only ever added, and have no twin.
    steps = _copied(CASE_STEP, CASE_STEP, f"{begun} and {of.format(key='community')}")
    conn.exec_driver_sql(";".join((*_copying(held), *steps)))
    conn.execution_options(schema_translate_map={SCHEMA: "pg_temp"})


def check_digits(community: str) -> str:
    """Return a community's code; NotFoundError when it is none."""
    if not (community.isascii() and community.isdigit()):
        raise NotFoundError(f"没有社区 {community[:40]!r}。", f"There is no community {community[:40]!r}.")
    return community


def _copying(held: str) -> Iterator[str]:
    for table in REMEMBERED:
        yield from _copied(table, TWINS[table.name], held.format(key=next(iter(table.primary_key.columns)).name))
    for layer in LAYERS.values():
        found = tables_of(layer)
        yield from _copied(found.current, found.history, held.format(key="community") + " and operation <> 'delete'")


def _copied(table: Table, history: Table, held: str) -> Iterator[str]:
    columns, copy = ", ".join(column.name for column in table.columns), f"pg_temp.{table.name}"
    yield (
        f"create temporary table {table.name} on commit drop as select {columns} from {SCHEMA}.{history.name}"
        f" where {held}"
    )
    if "geom" in table.columns:
        yield f"create index on {copy} using gist (geom)"
    yield f"analyze {copy}"
