"""Files without codes: which stored features their rows are, by address or by place.

Rows without a code get one made from their geometry (``code_from_geometry``), which changes with every new survey. Here
such rows get the code of the stored feature that they are, so that a survey updates it instead of adding it once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area
from gis_service.features.staging import Staging
from gis_service.surveys.places.houses import address_of
from gis_service.surveys.places.same_address import identity_of
from layers.field import LayerField
from layers.layer import Layer

LEAST_IOU: Final = 0.5
"""Areas are the same from this share of intersection in union on, each being the other's best. Default of ours."""
LINE_BUFFER_M: Final = 2.0
LEAST_OVERLAP: Final = 0.7
"""Lines are the same when this share of either's length lies within ``LINE_BUFFER_M`` of the other. Default of ours."""
POINT_DISTANCE_M: Final = 3.0
"""Points are the same up to this distance, when no other one is as near to either. Default of ours."""
ADDRESS_DISTANCE_M: Final = 200.0
"""The same address further apart than this is another one of that name, or a mistake. Default of ours."""

_DROP: Final = "drop table if exists pg_temp.matched, pg_temp.open_row, pg_temp.open_feature, pg_temp.stored_point"
_ADDRESS_FIELDS: Final = ("name", "address", "street", "house_number", "estate", "building_code", "floor", "room")
_METRES_PER_DEGREE: Final = 111_000.0


@dataclass(frozen=True)
class Matched:
    """A staged row that is a stored feature.

    Attributes
    ----------
    code
        The stored feature's, which the row now has.
    how
        ``address``, ``area``, ``line`` or ``point``.
    score
        1 for an address, intersection in union, the lesser share of length, or 1 - distance / ``POINT_DISTANCE_M``.
    """

    row: int
    code: str
    how: str
    score: float


def match_by_place(conn: Connection, staging: Staging, area: Area) -> list[Matched]:
    """Give staged rows whose code was made from their geometry the code of the stored feature that they are.

    First by address: of all rows and of all features just one has it, and they lie within ``ADDRESS_DISTANCE_M``. Then
    by place, areas, lines and points each in their own way; what isn't certain stays a new feature. No feature is
    given to two rows. The same file finds the same features again.

    Returns
    -------
    list of Matched
        By row.
    """
    _list_open(conn, staging, area)
    found: list[Matched] = []
    if _counts(conn):
        found += _by_address(conn, staging, area)
        for how, dimension, statement in (("area", 2, _AREAS), ("line", 1, _LINES), ("point", 0, _POINTS)):
            if _counts(conn, dimension):
                if how == "point":
                    _index_points(conn, staging, area)
                found += _take(conn, how, statement, _values(area))
    if found:
        conn.execute(text("update pg_temp.staged s set code = m.code from pg_temp.matched m where m.row = s.row"))
    conn.execute(text(_DROP))
    return sorted(found, key=lambda matched: matched.row)


def _values(area: Area) -> dict[str, object]:
    # A degree of longitude is shorter than one of latitude: boxes that are a little too large only cost time.
    return {
        "community": area.code, "srid": area.metric_srid, "iou": LEAST_IOU, "overlap": LEAST_OVERLAP,
        "buffer": LINE_BUFFER_M, "near": POINT_DISTANCE_M, "degrees": 3 * POINT_DISTANCE_M / _METRES_PER_DEGREE,
    }  # fmt: skip


def _list_open(conn: Connection, staging: Staging, area: Area) -> None:
    """List the rows without a stored code and the features that none of the rows has; no row changes here."""
    table = f"gis.{staging.layer.name}"
    for statement in (
        _DROP,
        "create temp table matched (row integer, code text, score float8) on commit drop",
        # A code in two grids names no one feature, so it can't be given to a row.
        "create temp table open_feature on commit drop as select id, code, geom, st_dimension(geom) as dimension"
        " from (select id, code, geom, data_status, count(*) over (partition by code) as grids"
        f"  from {table} where community = :community) t"
        " where grids = 1 and data_status <> 'void'"
        " and not exists (select from pg_temp.staged s where s.code = t.code)",
        "create temp table open_row on commit drop as select row, geom, st_dimension(geom) as dimension"
        " from pg_temp.staged s where exists (select from open_feature)"
        f" and s.geom && (select st_expand(st_extent(geom), {ADDRESS_DISTANCE_M / 50_000}) from open_feature)"
        f" and not exists (select from {table} t where t.community = :community and t.code = s.code)",
    ):
        conn.execute(text(statement), {"community": area.code} if ":community" in statement else {})
    for statement in (
        "create index on pg_temp.open_row using gist (geom)",
        "create index on pg_temp.open_feature using gist (geom)",
        "analyze pg_temp.open_row",
        "analyze pg_temp.open_feature",
    ):
        conn.execute(text(statement))


def _index_points(conn: Connection, staging: Staging, area: Area) -> None:
    """Make all points on either side quick to find around a pair: those count too that aren't left to be matched.

    The layer's own table would do, but its figures may be old, and then the planner reads a community for each pair.
    """
    conn.execute(
        text(
            f"create temp table stored_point on commit drop as select geom from gis.{staging.layer.name}"
            " where community = :community and data_status <> 'void' and st_dimension(geom) = 0"
        ),
        {"community": area.code},
    )
    for statement in (
        "create index on pg_temp.stored_point using gist (geom)",
        "create index on pg_temp.staged using gist (geom)",
        "analyze pg_temp.stored_point",
        "analyze pg_temp.staged",
    ):
        conn.execute(text(statement))


def _counts(conn: Connection, dimension: int | None = None) -> bool:
    """Return whether there are both rows and features left, of one dimension or of any."""
    of = "" if dimension is None else f" where dimension = {dimension}"
    asked = text(f"select exists (select from open_row{of}) and exists (select from open_feature{of})")
    return bool(conn.execute(asked).scalar())


def _by_address(conn: Connection, staging: Staging, area: Area) -> list[Matched]:
    """Match what has the same address, and is named so once on either side."""
    stored = _identities(conn, f"gis.{staging.layer.name}", "code", staging.layer, staging.layer.fields, area)
    known: dict[object, set[Any]] = defaultdict(set)
    for code, identity in stored:
        known[identity].add(code)
    if not known:
        return []
    rows: dict[object, list[Any]] = defaultdict(list)
    for row, identity in _identities(conn, "pg_temp.staged", "row", staging.layer, staging.fields, area):
        if identity in known:
            rows[identity].append(row)
    pairs = [(rows[one][0], next(iter(known[one]))) for one in rows if len(rows[one]) == len(known[one]) == 1]
    if not pairs:
        return []
    statement = (
        "select r.row, f.code, 1.0 from unnest(cast(:rows as integer[]), cast(:codes as text[])) as p (row, code)"
        " join open_row r using (row) join open_feature f using (code)"
        " where st_distance(st_transform(r.geom, :srid), st_transform(f.geom, :srid)) <= :reach"
    )
    values = {"rows": [row for row, _ in pairs], "codes": [code for _, code in pairs]}
    return _take(conn, "address", statement, {**values, "srid": area.metric_srid, "reach": ADDRESS_DISTANCE_M})


def _identities(
    conn: Connection, table: str, key: str, layer: Layer, fields: Iterable[LayerField], area: Area
) -> Iterator[tuple[Any, object]]:
    """Yield (key, identity) of the rows of a table whose address says which thing they are."""
    names = [field.name for field in fields if field.name in _ADDRESS_FIELDS]
    if not {"address", "house_number", "name"} & set(names):
        return
    estates = {
        str(code): str(name)
        for code, name in conn.execute(
            text("select code, name from gis.estate where community = :c and name is not null"), {"c": area.code}
        )
    }
    current = "" if table.startswith("pg_temp") else " where community = :c and data_status <> 'void'"
    query = text(f"select {key}, {', '.join(names)} from {table}{current}")
    areal = layer.geometry == "MULTIPOLYGON"
    # A million rows pass through, they aren't held.
    with conn.execute(
        query, {"c": area.code} if current else {}, execution_options={"stream_results": True, "yield_per": 5_000}
    ) as rows:
        for found, *cells in rows:
            values = dict(zip(names, cells, strict=True))
            address = address_of(values, estates)
            if address is None or address.apart or address.beside:
                continue
            where, what = identity_of(address, None, str(values.get("name") or ""), areal=areal)
            if what is not None:
                yield found, (where, what)


def _take(conn: Connection, how: str, pairs: str, values: Mapping[str, object]) -> list[Matched]:
    """Keep the pairs that a statement finds, and take both sides out of what is left."""
    rows = conn.execute(
        text(f"insert into matched (row, code, score) {pairs} returning row, code, score"), dict(values)
    ).all()
    if rows:
        conn.execute(text("delete from open_row o using matched m where m.row = o.row"))
        conn.execute(text("delete from open_feature o using matched m where m.code = o.code"))
    return [Matched(int(row), str(code), how, float(score)) for row, code, score in rows]


def _mutual_best(least: str) -> str:
    """Return the end of a statement that keeps of its ``scored`` pairs those that are the only best of either side."""
    return f""", ranked as (
  select *, rank() over (partition by row order by score desc) as of_row,
    rank() over (partition by code order by score desc) as of_code from scored where score >= :{least}),
best as (
  select *, count(*) over (partition by row) as rows, count(*) over (partition by code) as codes
  from ranked where of_row = 1 and of_code = 1)
select row, code, score from best where rows = 1 and codes = 1
"""


_AREAS: Final = f"""
with pairs as materialized (
  select r.row, f.code, st_transform(r.geom, :srid) as one, st_transform(f.geom, :srid) as other
  from open_row r join open_feature f on f.geom && r.geom and st_intersects(f.geom, r.geom)
  where r.dimension = 2 and f.dimension = 2),
shared as materialized (
  select row, code, st_area(st_intersection(one, other)) as common, st_area(one) + st_area(other) as total from pairs),
scored as (
  select row, code, common / nullif(total - common, 0) as score from shared where common > 0)
{_mutual_best("iou")}
"""
_LINES: Final = f"""
with pairs as materialized (
  select r.row, f.code, st_transform(r.geom, :srid) as one, st_transform(f.geom, :srid) as other
  from open_row r join open_feature f on f.geom && st_expand(r.geom, :degrees)
  where r.dimension = 1 and f.dimension = 1),
scored as materialized (
  select row, code, least(
      st_length(st_intersection(one, st_buffer(other, :buffer))) / nullif(st_length(one), 0),
      st_length(st_intersection(other, st_buffer(one, :buffer))) / nullif(st_length(other), 0)) as score
  from pairs where st_dwithin(one, other, :buffer)
    and least(st_length(one), st_length(other)) >= :overlap * greatest(st_length(one), st_length(other)) / 2)
{_mutual_best("overlap")}
"""
_POINTS: Final = """
with pairs as materialized (
  select r.row, f.code, f.id, r.geom as one, f.geom as other,
    st_distance(st_transform(r.geom, :srid), st_transform(f.geom, :srid)) as metres
  from open_row r join open_feature f on f.geom && st_expand(r.geom, :degrees)
  where r.dimension = 0 and f.dimension = 0),
near as (select * from pairs where metres <= :near),
alone as (
  select *, count(*) over (partition by row) as rows, count(*) over (partition by code) as codes from near)
select row, code, 1 - metres / :near as score from alone a where rows = 1 and codes = 1
  and (select count(*) from pg_temp.staged s where s.geom && st_expand(a.one, :degrees) and st_dimension(s.geom) = 0
    and st_distance(st_transform(s.geom, :srid), st_transform(a.one, :srid)) <= :near) = 1
  and (select count(*) from pg_temp.stored_point t where t.geom && st_expand(a.one, :degrees)
    and st_distance(st_transform(t.geom, :srid), st_transform(a.one, :srid)) <= :near) = 1
  and (select count(*) from pg_temp.stored_point t where t.geom && st_expand(a.other, :degrees)
    and st_distance(st_transform(t.geom, :srid), st_transform(a.other, :srid)) <= :near) = 1
"""
