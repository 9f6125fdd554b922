"""The one way in for rows: COPY into a temporary table, compare with what is stored, merge in the same transaction.

The temporary table is needed because COPY FROM is refused on tables with row-level security; it also lets the
database compare a million rows at once and say what would change before anything does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from gis_service.features.journal import has_journal
from gis_service.tables import STORED_SRID, column_type
from layers.field import Kind, LayerField
from layers.layer import Layer

_COPY_TYPES = {
    Kind.TEXT: "text",
    Kind.INTEGER: "int4",
    Kind.NUMBER: "float8",
    Kind.BOOLEAN: "bool",
    Kind.DATE: "date",
    Kind.TIME: "timestamptz",
    Kind.TEXTS: "text[]",
}

SAME_PLACE_DEG = 1e-7
"""About a centimetre: files write coordinates with seven or eight places, so less than that is no move."""

_ROWS_AT_ONCE = 200_000
"""Rows that one statement writes, so that long work can say how far it is."""

StagedRow = tuple[int, Sequence[object], bytes]
"""Number of the source row, values in the order of the staged fields, geometry as EWKB (EPSG:4490)."""


@dataclass(frozen=True)
class Changes:
    """What a merge does, in rows; a row that moves and changes counts in both."""

    added: int
    changed: int
    moved: int
    unchanged: int
    removed: int = 0


@dataclass(frozen=True)
class Staging:
    """Rows of one layer and community that wait in the transaction's temporary tables.

    Attributes
    ----------
    fields
        The fields that the rows give; what they don't give keeps its stored value or takes its default.
    for_new
        Names of staged fields that only new rows take: they were assumed, not given. Fields that change by a step of
        a flow are always among them.
    """

    layer: Layer
    community: str
    fields: tuple[LayerField, ...]
    for_new: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Leave what changes by steps to them, whichever way rows come in."""
        by_step = {field.name for field in self.fields if field.by_step}
        object.__setattr__(self, "for_new", self.for_new | by_step)

    def create(self, conn: Connection) -> None:
        """Make the empty temporary tables; they go with the transaction."""
        conn.execute(text("drop table if exists pg_temp.removing, pg_temp.proposed, pg_temp.staged"))
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        columns = ", ".join(f"{f.name} {column_type(f).compile(dialect=dialect)}" for f in self.fields)
        conn.execute(
            text(
                f"create temp table staged (row integer not null, {columns},"
                f" geom geometry({self.layer.geometry}, {STORED_SRID}) not null) on commit drop"
            )
        )
        conn.execute(
            text("create temp table removing (row integer, id uuid, base integer, code text, grid text) on commit drop")
        )

    def fill(self, conn: Connection, rows: Iterable[StagedRow]) -> None:
        """Copy rows in, in PostgreSQL's binary form."""
        driver = conn.connection.driver_connection
        if driver is None:
            raise RuntimeError("the connection is closed")
        types = [str(column_type(f)).lower() for f in self.fields]
        names = ", ".join(f.name for f in self.fields)
        with (
            driver.cursor() as cursor,
            cursor.copy(f"copy staged (row, {names}, geom) from stdin (format binary)") as copy,
        ):
            kinds = [
                "int8" if kind == "bigint" else _COPY_TYPES[f.kind] for f, kind in zip(self.fields, types, strict=True)
            ]
            # A geometry's binary form is its EWKB, which psycopg knows only as bytes.
            copy.set_types(["int4", *kinds, "bytea"])
            for number, values, geometry in rows:
                copy.write_row((number, *values, geometry))

    def compare(self, conn: Connection) -> None:
        """Find for every staged row its stored row by the business key, its grid and what would change."""
        attributes = [f.name for f in self.fields if f.name not in {"code", *self.for_new}]
        differs = " or ".join(f"s.{name} is distinct from t.{name}" for name in attributes) or "false"
        moved = (
            "t.id is not null and s.geom is distinct from t.geom and (st_npoints(s.geom) <> st_npoints(t.geom)"
            f" or st_hausdorffdistance(s.geom, t.geom) > {SAME_PLACE_DEG})"
        )
        conn.execute(text("analyze pg_temp.staged"))
        conn.execute(text("drop table if exists pg_temp.proposed"))
        conn.execute(
            text(
                "create temp table proposed on commit drop as"
                " with points as (select row, st_pointonsurface(geom) as point from staged),"
                " placed as (select p.row, min(g.code) as grid from points p"
                "  join gis.grid g on g.community = :community and g.level = 'governance'"
                "   and g.geom && p.point and st_covers(g.geom, p.point) group by p.row),"
                f" known as (select * from gis.{self.layer.name} where community = :community),"
                " compared as (select s.row, t.id, t.version as base, placed.grid, t.id is null as added,"
                f"   t.id is not null and ({differs}) as changed, {moved} as moved, s.geom, t.geom as stood"
                "  from staged s left join known t on t.code = s.code left join placed on placed.row = s.row)"
                " select row, id, base, grid, added, changed, moved, case when moved then"
                "  st_distance(st_centroid(geom)::geography, st_centroid(stood)::geography) end as moved_m"
                " from compared"
            ),
            {"community": self.community},
        )
        conn.execute(text("analyze pg_temp.proposed"))

    def left_to_steps(self, conn: Connection) -> dict[str, int]:
        """Return by name the fields that change by steps only and are otherwise in known rows, and in how many."""
        names = [field.name for field in self.fields if field.by_step]
        if not names:
            return {}
        counted = ", ".join(f"count(*) filter (where s.{name} is distinct from t.{name})" for name in names)
        found = conn.execute(
            text(
                f"select {counted} from staged s join proposed p using (row) join gis.{self.layer.name} t"
                " on t.community = :community and t.id = p.id"
            ),
            {"community": self.community},
        ).one()
        return {name: int(count) for name, count in zip(names, found, strict=True) if count}

    def known(self, conn: Connection) -> list[tuple[int, str]]:
        """Return (row, code) of rows whose feature is stored already."""
        rows = conn.execute(
            text("select s.row, s.code from staged s join proposed p using (row) where not p.added order by 1")
        )
        return [(int(row), str(code)) for row, code in rows]

    def beyond(self, conn: Connection, grid: str) -> list[tuple[int, str, str | None]]:
        """Return (row, code, grid) of rows that lie in another grid, or in none."""
        rows = conn.execute(
            text(
                "select s.row, s.code, p.grid from staged s join proposed p using (row)"
                " where p.grid is distinct from :grid order by 1"
            ),
            {"grid": grid},
        )
        return [(int(row), str(code), where) for row, code, where in rows]

    def find_removed(self, conn: Connection, grid: str, named: Iterable[str] = ()) -> list[str]:
        """Find what stands in a grid and isn't among the staged rows; its rows have negative numbers.

        What has a journal of its own isn't removed; the codes of such features are returned. Where no row can be
        staged nothing is: a file in which everything is wrong doesn't say that all is gone.

        Parameters
        ----------
        named
            Codes that the file has, staged or not: a refused row doesn't say that its feature is gone.
        """
        conn.execute(
            text(
                "insert into removing"
                " select -row_number() over (order by t.code, t.id), t.id, t.version, t.code, t.grid"
                f" from gis.{self.layer.name} t where t.community = :community and t.grid = :grid"
                " and exists (select from staged) and not exists (select from proposed p where p.id = t.id)"
                " and not exists (select from unnest(cast(:named as text[])) code where code = t.code)"
            ),
            {"community": self.community, "grid": grid, "named": list(named)},
        )
        kept = conn.execute(
            text(
                f"delete from removing r using gis.{self.layer.name} t where t.community = :community and t.id = r.id"
                f" and {has_journal(self.layer, 't')} returning t.code"
            ),
            {"community": self.community},
        )
        return sorted(kept.scalars())

    def outside(self, conn: Connection) -> list[tuple[int, str, float]]:
        """Return (row, code, distance in metres) of rows that don't touch the community's boundary, if there is one."""
        rows = conn.execute(
            text(
                "with area as (select geom from gis.community where community = :community and code = :community)"
                " select s.row, s.code, st_distance(s.geom::geography, area.geom::geography) from staged s, area"
                " where not (s.geom && area.geom and st_intersects(area.geom, s.geom)) order by s.row"
            ),
            {"community": self.community},
        )
        return [(int(row), str(code), float(metres)) for row, code, metres in rows]

    def ambiguous(self, conn: Connection) -> list[tuple[int, str]]:
        """Return (row, code) of rows whose code stands in several grids, so that no one row is meant."""
        rows = conn.execute(
            text(
                "select s.row, s.code from proposed p join staged s using (row) where not p.added"
                " group by 1, 2 having count(*) > 1 order by 1"
            )
        )
        return [(int(row), str(code)) for row, code in rows]

    def leave_out(self, conn: Connection, rows: Iterable[int]) -> None:
        """Take refused rows out of the staging."""
        numbers = list(rows)
        if numbers:
            conn.execute(text("delete from staged where row = any(:rows)"), {"rows": numbers})

    def count(self, conn: Connection) -> Changes:
        """Return what a merge would do."""
        answer = conn.execute(
            text(
                "select count(*) filter (where added), count(*) filter (where changed), count(*) filter (where moved),"
                " count(*) filter (where not (added or changed or moved)), (select count(*) from removing)"
                " from proposed join staged using (row)"
            )
        ).one()
        return Changes(*answer)

    def merge(
        self, conn: Connection, changes: Changes | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Changes:
        """Write the staged rows into the layer: new rows are added, rows that differ updated, the others removed.

        Parameters
        ----------
        changes
            What the rows were counted as, where that was done already.
        progress
            Called with how many rows are written, and how many will be; a million rows take a minute.
        """
        changes = changes or self.count(conn)
        # What is removed goes first, so that its code is free for what is added.
        if changes.removed:
            conn.execute(
                text(
                    f"delete from gis.{self.layer.name} t using removing r"
                    " where t.community = :community and t.id = r.id"
                ),
                {"community": self.community},
            )
        after = -1
        for last, done, total in self._slices(conn):
            self._write(conn, changes, {"community": self.community, "after": after, "last": last})
            after = last
            if progress is not None:
                progress(done, total)
        return changes

    def _slices(self, conn: Connection) -> list[tuple[int, int, int]]:
        """Cut what is to be written into slices: the last row of each, how many there are up to it, and in all."""
        rows = conn.execute(
            text(
                "select row, number, total from (select row, row_number() over (order by row) as number,"
                "  count(*) over () as total from proposed join staged using (row) where added or changed or moved) w"
                " where number % :most = 0 or number = total order by number"
            ),
            {"most": _ROWS_AT_ONCE},
        )
        return [(int(row), int(number), int(total)) for row, number, total in rows]

    def _write(self, conn: Connection, changes: Changes, given: dict[str, object]) -> None:
        names = [f.name for f in self.fields]
        assigned = ", ".join(f"{name} = s.{name}" for name in [*names, "geom"] if name not in self.for_new)
        # Said of both, so that only these rows are joined.
        among = "p.row > :after and p.row <= :last and s.row > :after and s.row <= :last"
        if changes.changed or changes.moved:
            conn.execute(
                text(
                    f"update gis.{self.layer.name} t set {assigned}, grid = p.grid"
                    " from staged s join proposed p using (row)"
                    f" where t.community = :community and t.id = p.id and (p.changed or p.moved) and {among}"
                ),
                given,
            )
        if changes.added:
            conn.execute(
                text(
                    f"insert into gis.{self.layer.name} (community, grid, {', '.join(names)}, geom)"
                    f" select :community, p.grid, {', '.join('s.' + name for name in names)}, s.geom"
                    f" from staged s join proposed p using (row) where p.added and {among}"
                ),
                given,
            )
