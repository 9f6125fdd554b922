"""The SQL that each answer needs, written by hand and run through one connection: what no server can beat by much."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from building_databases import COMMUNITY, SCOPE

from gis_service.local_cluster import LocalCluster
from side_by_side.questions import LIMIT, NEAREST, RADIUS_M, TILE_BUFFER, Place

_OPTIONS = "-c search_path=gis,public -c timezone=UTC -c statement_timeout=0 -c default_transaction_read_only=on"
_POINT = "st_setsrid(st_makepoint(%(lon)s, %(lat)s), 4490)"
_BOX = "st_makeenvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4490)"
_ENTER = (
    "select set_config('gis.scope', %(areas)s, true), set_config('gis.communities', %(areas)s, true),"
    " set_config('gis.actor', %(actor)s, true)"
)
# The shortest degree of latitude, so that a box in degrees is never too small; longitudes shrink with the cosine.
_AROUND = (
    "st_makeenvelope(%(lon)s - {m} / (110574.0 * cos(radians(abs(%(lat)s) + 0.1))) * 1.01,"
    " %(lat)s - {m} / 110574.0 * 1.01,"
    " %(lon)s + {m} / (110574.0 * cos(radians(abs(%(lat)s) + 0.1))) * 1.01,"
    " %(lat)s + {m} / 110574.0 * 1.01, 4490)"
)


@dataclass(frozen=True)
class Shape:
    """What this service's answers hold, so that everyone is asked for the same.

    Attributes
    ----------
    properties, tile_properties
        Names in the order of the answers.
    matched
        Whether a page tells how many features there are besides those on it.
    wound
        Whether the stored polygons already run counter-clockwise, as RFC 7946 has them.
    """

    properties: tuple[str, ...]
    tile_properties: tuple[str, ...]
    matched: bool
    wound: bool


def statements(shape: Shape, *, own: str = "") -> dict[str, str]:
    """Return the statements by name; ``own`` is a condition of the scope that stands before every other."""
    feature = feature_sql(shape)
    inside = f"from gis.building b where {own} geom && {_BOX} and st_intersects(geom, {_BOX})"
    total = f"(select count(*) {inside})" if shape.matched else "null"
    columns = ", ".join(
        "b.community || '.' || b.id as id" if name == "id" else f"b.{name}" for name in shape.tile_properties
    )
    envelope = "st_tileenvelope(%(zoom)s, %(column)s, %(row)s)"
    wide = f"st_transform(st_tileenvelope(%(zoom)s, %(column)s, %(row)s, margin => {TILE_BUFFER / 4096}), 4490)"
    metres = f"st_distance(b.geom::geography, {_POINT}::geography)"
    bearing = f"degrees(st_azimuth({_POINT}::geography, st_closestpoint(geom, {_POINT})::geography))"
    measured = f"select ({feature}), metres, {bearing} from"
    return {
        "items": f"select coalesce(string_agg(f, ','), ''), count(*), {total} from (select {feature} as f"
        f" {inside} order by community, id limit {LIMIT}) page",
        "tile": f"select st_asmvt(drawn, 'building', 4096, 'geom') from (select st_asmvtgeom(st_transform(geom, 3857),"
        f" {envelope}, 4096, {TILE_BUFFER}) as geom, {columns} from gis.building b where {own} geom && {wide}) drawn",
        "point": f"select coalesce(string_agg({feature}, ','), ''), count(*) from gis.building b"
        f" where {own} geom && {_POINT} and st_intersects(geom, {_POINT})",
        "radius": f"{measured} (select b.*, {metres} as metres from gis.building b"
        f" where {own} geom && {_AROUND.format(m=RADIUS_M)} offset 0) b where metres <= {RADIUS_M} order by metres, id",
        # The nearest in degrees only bound the nearest in metres: a degree eastwards is shorter than one northwards.
        # The nearest in degrees only bound the nearest in metres: a degree eastwards is shorter than one northwards.
        # The box comes from a scalar subquery: as a join it would keep row-level security from using the index.
        "nearest": f"with bound as materialized (select {_AROUND.format(m='most')} as box from (select max({metres})"
        f" as most from (select geom from gis.building b where {own} true order by geom <-> {_POINT} limit {NEAREST}) b"
        f") m) {measured} (select b.*, {metres} as metres from gis.building b"
        f" where {own} geom && (select box from bound) order by metres, id limit {NEAREST}) b order by metres, id",
    }


def feature_sql(shape: Shape, *, nulls: bool = True) -> str:
    """Return the SQL of one GeoJSON feature as text."""
    geometry = "b.geom" if shape.wound else "st_forcepolygonccw(b.geom)"
    listed = ", ".join(f"b.{name}" for name in shape.properties)
    made = "row_to_json(p)" if nulls else "json_strip_nulls(row_to_json(p))"
    properties = f"(select {made} from (select {listed}) p)"
    return (
        f"""'{{"type":"Feature","id":"' || b.community || '.' || b.id || '","geometry":'"""
        f""" || st_asgeojson({geometry}, 8, 0) || ',"properties":' || {properties} || '}}'"""
    )


def connect_raw(cluster: LocalCluster, database: str, role: str = "postgres") -> psycopg.Connection[Any]:
    """Return one connection, as a superuser unless told otherwise."""
    url = cluster.url(role, database).replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True, options=_OPTIONS)


def is_wound(conn: psycopg.Connection[Any]) -> bool:
    """Tell whether all stored polygons run counter-clockwise already."""
    row = conn.execute("select bool_and(st_ispolygonccw(geom)) from gis.building").fetchone()
    return bool(row and row[0])


Ask = Callable[[Place], bytes]


def superuser_asks(conn: psycopg.Connection[Any], shape: Shape, name: str) -> Ask:
    """Return the question as one statement, past row-level security and without a scope."""
    query, cursor = statements(shape)[name].encode(), conn.cursor(binary=name == "tile")

    def ask(place: Place) -> bytes:
        return _joined(cursor.execute(query, place).fetchall())

    return ask


def scoped_asks(conn: psycopg.Connection[Any], shape: Shape, name: str) -> Ask:
    """Return the same statement as the application's role: the scope is set, filtered by and kept by the policies."""
    query = statements(shape, own=f"b.community = '{COMMUNITY}' and")[name].encode()
    cursor = conn.cursor(binary=name == "tile")
    settings = {"areas": ",".join(SCOPE.areas), "actor": SCOPE.actor}

    def ask(place: Place) -> bytes:
        # One round trip: a pipeline is also one transaction, so the settings end with it.
        with conn.pipeline():
            conn.execute(_ENTER, settings)
            cursor.execute(query, place)
            return _joined(cursor.fetchall())

    return ask


def codes_in_tile(conn: psycopg.Connection[Any], place: Place) -> set[str]:
    """Return the codes of the buildings that meet a tile itself, without its buffer."""
    query = (
        "select code from gis.building"
        " where st_intersects(geom, st_transform(st_tileenvelope(%(zoom)s, %(column)s, %(row)s), 4490))"
    )
    return {code for (code,) in conn.execute(query, place)}


def codes_within(conn: psycopg.Connection[Any], place: Place, metres: float) -> set[str]:
    """Return the codes of the buildings within so many metres of a place."""
    query = (
        f"select code from gis.building b where geom && {_AROUND.format(m='%(metres)s')}"
        f" and st_distance(b.geom::geography, {_POINT}::geography) <= %(metres)s"
    )
    return {code for (code,) in conn.execute(query.encode(), {**place, "metres": metres})}


def _joined(rows: list[tuple[Any, ...]]) -> bytes:
    """Return the bytes that a server would send on: text of features, or a tile."""
    first = [row[0] for row in rows]
    return b"".join(first) if first and isinstance(first[0], bytes) else ",".join(first).encode()


def stream_statement(shape: Shape, *, nulls: bool) -> bytes:
    """Return the COPY of the whole layer as GeoJSON features, one a line."""
    return f"copy (select {feature_sql(shape, nulls=nulls)} || ',' from gis.building b) to stdout".encode()


def properties_of(feature: str) -> tuple[str, ...]:
    """Return the names of a GeoJSON feature's properties, in their order."""
    return tuple(json.loads(feature)["properties"])
