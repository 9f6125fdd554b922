"""What lies near a point, against distances computed with pyproj on the ellipsoid."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
import shapely
import shapely.ops
from pyproj import Geod, Transformer
from shapely.geometry.base import BaseGeometry

from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.features.nearby import MAX_RADIUS_M, read_nearby
from gis_service.features.write import put_features
from gis_service.scope import Scope
from layers.layer import Layer
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record

ELLIPSOID = Geod(a=6378137.0, rf=298.257222101)
"""CGCS2000."""


def around(lon: float, lat: float, shapes: list[BaseGeometry]) -> list[BaseGeometry]:
    """Return shapes in metres around a point: distances and directions from it are exact (azimuthal equidistant)."""
    crs = f"+proj=aeqd +lat_0={lat} +lon_0={lon} +a=6378137 +rf=298.257222101 +units=m"
    to_plane = Transformer.from_crs("EPSG:4490", crs, always_xy=True)

    def moved(points: np.ndarray) -> np.ndarray:
        return np.column_stack(to_plane.transform(points[:, 0], points[:, 1]))

    # Edges are straight in degrees; in metres they are so only bit by bit.
    return list(shapely.transform(shapely.segmentize(np.asarray(shapes, dtype=object), 1e-5), moved))


def random_shape(layer: Layer, chance: random.Random) -> BaseGeometry:
    lon, lat = 120.99 + chance.random() * 0.02, 30.69 + chance.random() * 0.02
    corners = [(lon + chance.uniform(-1, 1) * 1e-3, lat + chance.uniform(-1, 1) * 1e-3) for _ in range(4)]
    if layer.geometry == "POINT":
        return shapely.Point(lon, lat)
    if layer.geometry == "MULTILINESTRING":
        return shapely.LineString(corners[:2])
    return shapely.MultiPoint(corners).convex_hull


@pytest.mark.parametrize("name", ["facility", "road", "building", "rental_unit"])
def test_nearby_is_geodesic_complete_and_nearest_first(database: Database, staff: Scope, area: str, name: str) -> None:
    layer, chance = LAYERS[name], random.Random(name)
    shapes = {f"N{number}": random_shape(layer, chance) for number in range(150)}
    with database.write(staff) as conn:
        put_features(conn, layer, area, [(example_record(layer, code=code), shape) for code, shape in shapes.items()])
    for lon, lat, radius in (
        (121.0, 30.7, 400.0),
        (120.995, 30.693, 150.0),
        (121.008, 30.708, 5000.0),
        (121.0, 30.7, 25.0),
    ):
        plane = dict(zip(shapes, around(lon, lat, list(shapes.values())), strict=True))
        here = shapely.Point(0, 0)
        expected = {code: here.distance(shape) for code, shape in plane.items()}
        near = {code: metres for code, metres in expected.items() if metres <= radius}
        with database.read(staff) as conn:
            found = read_nearby(conn, layer, staff, lon=lon, lat=lat, radius_m=radius, limit=1000)
        codes = [json.loads(feature)["properties"]["code"] for _, _, feature in found]
        assert set(codes) == set(near)
        assert [metres for metres, _, _ in found] == sorted(metres for metres, _, _ in found)
        for code, (metres, degrees, _) in zip(codes, found, strict=True):
            assert metres == pytest.approx(near[code], rel=1e-6, abs=1e-6)
            if layer.geometry == "POINT":
                forward, _, exact = ELLIPSOID.inv(lon, lat, shapes[code].x, shapes[code].y)
                assert metres == pytest.approx(exact, rel=1e-6)
                assert degrees == pytest.approx(forward % 360, abs=1e-3)
            elif metres > 1:
                at = shapely.ops.nearest_points(plane[code], here)[0]
                off = (degrees - math.degrees(math.atan2(at.x, at.y)) + 180) % 360 - 180
                assert abs(off) < 0.01, (metres, degrees)
        with database.read(staff) as conn:
            few = read_nearby(conn, layer, staff, lon=lon, lat=lat, radius_m=radius, limit=3)
        assert few == found[:3]


def test_what_is_underfoot_is_at_distance_zero(database: Database, staff: Scope, area: str) -> None:
    layer = LAYERS["building"]
    with database.write(staff) as conn:
        put_features(conn, layer, area, [(example_record(layer, code="ROOF"), shapely.box(120.9, 30.6, 120.91, 30.61))])
    with database.read(staff) as conn:
        (only,) = read_nearby(conn, layer, staff, lon=120.905, lat=30.605, radius_m=1, limit=9)
    assert only[:2] == (0.0, 0.0)


@pytest.mark.parametrize(
    ("lon", "lat", "radius"),
    [(181, 30, 10), (121, 86, 10), (121, 30, 0), (121, 30, -1), (121, 30, MAX_RADIUS_M + 1), (math.nan, 30, 10),
     (121, math.nan, 10), (121, 30, math.nan), (math.inf, 30, 10)],
)  # fmt: skip
def test_nonsense_is_refused(database: Database, staff: Scope, lon: float, lat: float, radius: float) -> None:
    with pytest.raises(InputError), database.read(staff) as conn:
        read_nearby(conn, LAYERS["building"], staff, lon=lon, lat=lat, radius_m=radius, limit=9)
