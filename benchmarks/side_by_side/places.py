"""Where questions are put: seeded random places, taken from the data so that answers are never empty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from pyproj import Geod

from side_by_side.questions import LIMIT, RADIUS_M, Place

SEED = 20_260_101
BOXES, TILES, POINTS = 120, 400, 800
_ELLIPSOID = Geod(ellps="GRS80")
_CORNERS = 32
_JITTER_DEG = 0.0008

# The same buildings of the extract in every database, each in one of its copies: so that what lies around them is as
# much, and only the number of rows differs. A code ends with that of the building in the extract.
_CHOSEN = """
select st_x(p), st_y(p) from (
  select st_pointonsurface(geom) as p from (
    select distinct on (right(code, 10)) right(code, 10) as original, geom from gis.building
    order by right(code, 10), hashtextextended(code, %(seed)s)
  ) one_copy_each order by hashtextextended(original, %(seed)s) limit %(many)s
) chosen"""
_REACH = """
select max(st_distance(geom, st_setsrid(st_makepoint(%(lon)s, %(lat)s), 4490))) from (
  select geom from gis.building order by geom <-> st_setsrid(st_makepoint(%(lon)s, %(lat)s), 4490) limit %(many)s
) nearest"""


def draw_places(conn: psycopg.Connection[Any]) -> dict[str, list[Place]]:
    """Return places by kind; degrees are rounded to 7 digits, so that every contender is asked the same.

    ``boxes`` hold at least a full page, ``tiles14`` and ``tiles16`` hold a building, ``inside`` are points in a
    building, ``near`` are points up to about 100 m from one, with a circle around them as a polygon.
    """
    chosen = [(float(lon), float(lat)) for lon, lat in conn.execute(_CHOSEN, {"seed": SEED, "many": POINTS})]
    shifts = np.random.default_rng(SEED).uniform(-_JITTER_DEG, _JITTER_DEG, (len(chosen), 2)).tolist()
    near = [(lon + east, lat + north) for (lon, lat), (east, north) in zip(chosen, shifts, strict=True)]
    return {
        "boxes": [_box(conn, lon, lat) for lon, lat in chosen[:BOXES]],
        "tiles14": [_tile(14, lon, lat) for lon, lat in chosen[:TILES]],
        "tiles16": [_tile(16, lon, lat) for lon, lat in chosen[:TILES]],
        "inside": [_point(lon, lat) for lon, lat in chosen],
        "near": [{**_point(lon, lat), "circle": _circle(lon, lat)} for lon, lat in near],
    }


def _point(lon: float, lat: float) -> Place:
    return {"lon": round(lon, 7), "lat": round(lat, 7)}


def _box(conn: psycopg.Connection[Any], lon: float, lat: float) -> Place:
    """Return the square around the circle that holds the nearest buildings of one page."""
    row = conn.execute(_REACH, {"lon": lon, "lat": lat, "many": LIMIT}).fetchone()
    reach = float(row[0]) if row else 0.0
    bounds = {"west": lon - reach, "south": lat - reach, "east": lon + reach, "north": lat + reach}
    return {name: round(value, 7) for name, value in bounds.items()}


def _tile(zoom: int, lon: float, lat: float) -> Place:
    across = (lon + 180) / 360 * 2**zoom
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom
    return {"zoom": zoom, "row": int(down), "column": int(across)}


def _circle(lon: float, lat: float) -> str:
    """Return a polygon whose corners lie on the circle, as CQL2 text with its spaces escaped for an address."""
    bearings = np.linspace(0, 360, _CORNERS, endpoint=False)
    many = np.full(_CORNERS, 1.0)
    lons, lats, _ = _ELLIPSOID.fwd(many * round(lon, 7), many * round(lat, 7), bearings, many * RADIUS_M)
    corners: Sequence[str] = [f"{x:.7f}%20{y:.7f}" for x, y in zip(lons, lats, strict=True)]
    return f"POLYGON(({','.join([*corners, corners[0]])}))"


SAGITTA_M = RADIUS_M * (1 - math.cos(math.pi / _CORNERS))
"""How far the polygon's sides fall short of the circle, in metres."""
