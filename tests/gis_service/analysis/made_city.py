"""A made city in one community: a square of houses between streets, with what a city of that size has."""

from __future__ import annotations

import psycopg

from tests.conftest import TEST_COMMUNITY

WEST, SOUTH, APART = 120.9, 30.6, 2e-4
"""South-west corner in degrees, and how far houses stand from each other; every tenth row is a street."""

_HOUSES = """
insert into gis.building (community, code, name, use, geom, resident_count, household_local)
select %(community)s, 'C' || n, '楼' || n, '10',
    ST_Multi(ST_MakeEnvelope(x + 2e-5, y + 2e-5, x + 1.2e-4, y + 1e-4, 4490)), 1 + n %% 7, n %% 3
from generate_series(0, %(houses)s - 1) n,
    lateral (select %(west)s + (n %% %(side)s) * %(apart)s x, %(south)s + (n / %(side)s) * %(apart)s y) at
"""
_STREETS = """
insert into gis.road (community, code, name, geom)
select %(community)s, way || n, way || n, ST_Multi(ST_SetSRID(ST_MakeLine(
    ST_Point(%(west)s + case way when 'E' then 0 else off end, %(south)s + case way when 'E' then off else 0 end),
    ST_Point(%(west)s + case way when 'E' then %(side)s * %(apart)s else off end,
             %(south)s + case way when 'E' then off else %(side)s * %(apart)s end)), 4490))
from generate_series(0, %(side)s / 10) n, (values ('E'), ('N')) ways (way),
    lateral (select n * 10 * %(apart)s as off) found
"""
_GRIDS = """
insert into gis.grid (community, code, name, level, geom)
select %(community)s, %(community)s || lpad((10 * row + col)::text, 3, '0'), '网格 ' || (10 * row + col), 'governance',
    ST_Multi(ST_MakeEnvelope(%(west)s + col * wide, %(south)s + row * wide,
                             %(west)s + (col + 1) * wide, %(south)s + (row + 1) * wide, 4490))
from generate_series(0, 9) row, generate_series(0, 9) col, (select %(side)s * %(apart)s / 10) size (wide)
"""
_POINTS = """
insert into gis.{layer} (community, code, name, geom{columns})
select %(community)s, '{sign}' || n, '{sign}' || n, ST_SetSRID(ST_Point(
    %(west)s + (n::bigint * 7919 * {every} %% %(side)s) * %(apart)s,
    %(south)s + (n::bigint * {every} / %(side)s %% %(side)s) * %(apart)s), 4490){values}
from generate_series(0, %(houses)s / {every} - 1) n
"""
_KINDS = (
    ("facility", "H", 100, ", kind, status", ", 'hydrant', 'intact'"),
    ("facility", "L", 300, ", kind, status", ", 'charging', 'intact'"),
    ("facility", "S", 2000, ", kind, status", ", 'grid_station', 'intact'"),
    ("waste_point", "W", 200, ", kind", ", 'timed'"),
    ("parking", "P", 400, ", kind, space_count", ", 'public', 40"),
    ("enterprise", "Q", 50, ", building_code", ", 'C' || n * 50"),
    ("hazard", "Y", 30, ", event_code, category, level, status, subject_kind, found_on, building_code",
     ", 'X-FS03', 'evacuation', '01', 'filed', 'residential', date '2026-01-01' + n %% 300, 'C' || n * 30"),
)  # fmt: skip
_LETS = """
insert into gis.rental_unit (community, code, geom, building_code, address, rent_status, tenant_count,
    tenant_count_prev, usable_area_m2, room_count, largest_room_persons)
select %(community)s, 'R' || n, ST_PointOnSurface(geom), code, name || '室', 'let', 1 + n %% 6, n %% 5,
    10 + n %% 40, 1 + n %% 4, 1 + n %% 3
from (select row_number() over () n, code, name, geom from gis.building where code like '%%0') found
"""


def make_city(url: str, houses: int) -> None:
    """Fill an empty database (a superuser's URL) with a city of so many houses, a square number."""
    side = round(houses**0.5)
    given = {"community": TEST_COMMUNITY, "houses": houses, "side": side, "apart": APART, "west": WEST, "south": SOUTH}
    with psycopg.connect(url.replace("+psycopg", "")) as conn:
        conn.execute("insert into gis.area (code, name, metric_srid) values (%s, '城市', 4549)", [TEST_COMMUNITY])
        conn.execute("select set_config('gis.scope', %s, true)", [TEST_COMMUNITY])
        for statement in (_GRIDS, _STREETS, _HOUSES, _LETS):
            conn.execute(statement, given)
        for layer, sign, every, columns, values in _KINDS:
            conn.execute(_POINTS.format(layer=layer, sign=sign, every=every, columns=columns, values=values), given)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute("vacuum analyze")
