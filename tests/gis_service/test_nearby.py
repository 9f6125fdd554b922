"""What lies near a point, against distances computed with pyproj on the ellipsoid."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import shapely
import shapely.ops
from pyproj import Geod, Transformer
from shapely.geometry.base import BaseGeometry

from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.features.nearby import MAX_NEAREST_M, MAX_RADIUS_M
from gis_service.features.question import Question
from gis_service.features.write import put_features
from gis_service.scope import Scope
from layers.layer import Layer
from layers.registry import LAYERS
from tests.asking import Asking, nearest
from tests.gis_service.example_rows import example_record

ELLIPSOID = Geod(a=6378137.0, rf=298.257222101)
"""CGCS2000."""

NAMES = ["facility", "road", "building", "rental_unit"]


def _plane(lon: float, lat: float) -> str:
    return f"+proj=aeqd +lat_0={lat} +lon_0={lon} +a=6378137 +rf=298.257222101 +units=m"


def around(lon: float, lat: float, shapes: list[BaseGeometry]) -> list[BaseGeometry]:
    """Return shapes in metres around a point: distances and directions from it are exact (azimuthal equidistant)."""
    to_plane = Transformer.from_crs("EPSG:4490", _plane(lon, lat), always_xy=True)

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


def exact(lon: float, lat: float, shapes: Mapping[str, BaseGeometry]) -> dict[str, tuple[float, float]]:
    """Return metres and degrees from a point to the nearest place of each shape, on the ellipsoid."""
    plane = around(lon, lat, list(shapes.values()))
    back = Transformer.from_crs(_plane(lon, lat), "EPSG:4490", always_xy=True)
    found = {}
    for code, shape in zip(shapes, plane, strict=True):
        at = shapely.ops.nearest_points(shape, shapely.Point(0, 0))[0]
        place = shapes[code].coords[0] if shapes[code].geom_type == "Point" else back.transform(at.x, at.y)
        forward, _, metres = ELLIPSOID.inv(lon, lat, *place)
        found[code] = (metres, forward % 360)
    return found


def assert_as_measured(found: list[dict[str, Any]], expected: Mapping[str, tuple[float, float]]) -> None:
    """Fail unless features come nearest first, with the distances and bearings that pyproj reckons."""
    assert [one["exact_m"] for one in found] == sorted(one["exact_m"] for one in found)
    for one in found:
        metres, degrees = expected[one["properties"]["code"]]
        assert one["exact_m"] == pytest.approx(metres, rel=1e-6, abs=1e-6)
        assert one["distance_m"] == pytest.approx(one["exact_m"], abs=0.0051)
        if metres > 1:
            off = (one["bearing_deg"] - degrees + 180) % 360 - 180
            # A tenth of a degree is what is given.
            assert abs(off) < 0.05 + (0.001 if one["geometry"]["type"] == "Point" else 0.01), (metres, degrees)


@pytest.fixture(scope="module")
def stored(database: Database, staff: Scope, area: str) -> dict[str, dict[str, BaseGeometry]]:
    """150 random features in each of a few layers: layer to code to geometry."""
    written = {}
    with database.write(staff) as conn:
        for name in NAMES:
            layer, chance = LAYERS[name], random.Random(name)
            shapes = {f"{name}{number}": random_shape(layer, chance) for number in range(150)}
            records = [(example_record(layer, code=code), shape) for code, shape in shapes.items()]
            put_features(conn, layer, area, records)
            written[name] = shapes
    return written


@pytest.mark.parametrize("name", NAMES)
def test_nearby_is_geodesic_complete_and_nearest_first(
    ask: Asking, staff: Scope, stored: dict[str, dict[str, BaseGeometry]], name: str
) -> None:
    layer = LAYERS[name]
    for lon, lat, radius in (
        (121.0, 30.7, 400.0),
        (120.995, 30.693, 150.0),
        (121.008, 30.708, 5000.0),
        (121.0, 30.7, 25.0),
    ):
        expected = exact(lon, lat, stored[name])
        found = nearest(ask, [layer], staff, lon=lon, lat=lat, radius_m=radius, limit=1000)
        near = {code for code, (metres, _) in expected.items() if metres <= radius}
        assert {one["properties"]["code"] for one in found} == near
        assert len(found) == len(near)
        assert_as_measured(found, expected)
        assert nearest(ask, [layer], staff, lon=lon, lat=lat, radius_m=radius, limit=3) == found[:3]


@pytest.mark.parametrize("name", NAMES)
def test_the_nearest_without_a_radius_are_those_that_brute_force_finds(
    ask: Asking, staff: Scope, stored: dict[str, dict[str, BaseGeometry]], name: str
) -> None:
    chance = random.Random(name)
    for number in range(8):
        # Half of the places lie outside of the community, up to five kilometres away.
        wide = 0.05 if number % 2 else 0.01
        lon, lat = 121.0 + chance.uniform(-wide, wide), 30.7 + chance.uniform(-wide, wide)
        expected = exact(lon, lat, stored[name])
        # Whole regions hold the point at distance zero; which of them comes first is the identifier's matter.
        ranked = sorted(expected, key=lambda code: expected[code][0])
        for k in (1, 10, 17, 149):
            found = nearest(ask, [LAYERS[name]], staff, lon=lon, lat=lat, limit=k)
            assert len(found) == k
            assert_as_measured(found, expected)
            last = expected[ranked[k - 1]][0]
            codes = {one["properties"]["code"] for one in found}
            assert {code for code in ranked if expected[code][0] < last - 1e-4} <= codes
            assert codes <= {code for code in ranked if expected[code][0] <= last + 1e-4}


def test_more_than_there_is_gives_all_there_is(
    ask: Asking, staff: Scope, stored: dict[str, dict[str, BaseGeometry]]
) -> None:
    for k in (151, 10_000):
        found = nearest(ask, [LAYERS["facility"]], staff, lon=121.0, lat=30.7, limit=k)
        assert {one["properties"]["code"] for one in found} == set(stored["facility"])
    assert nearest(ask, [LAYERS["water"]], staff, lon=121.0, lat=30.7, limit=10) == []
    assert nearest(ask, [LAYERS["water"]], staff, lon=121.0, lat=30.7, radius_m=5000, limit=10) == []
    # Two degrees away everything is farther than the farthest that is told.
    assert MAX_NEAREST_M < 100_000
    assert nearest(ask, [LAYERS["facility"]], staff, lon=123.0, lat=30.7, limit=10) == []


@pytest.mark.parametrize("radius", [None, 300.0])
def test_layers_are_merged_by_distance(
    ask: Asking, staff: Scope, stored: dict[str, dict[str, BaseGeometry]], radius: float | None
) -> None:
    lon, lat = 121.0031, 30.7017
    everything = {code: shape for name in NAMES for code, shape in stored[name].items()}
    expected = exact(lon, lat, everything)
    found = nearest(ask, [LAYERS[name] for name in NAMES], staff, lon=lon, lat=lat, radius_m=radius, limit=60)
    assert_as_measured(found, expected)
    assert all(one["properties"]["code"].startswith(one["layer"]) for one in found)
    assert len({one["layer"] for one in found}) == len(NAMES)
    within = sum(metres <= (radius or math.inf) for metres, _ in expected.values())
    assert len(found) == min(60, within)
    assert found[-1]["exact_m"] == pytest.approx(sorted(expected.values())[len(found) - 1][0], rel=1e-6, abs=1e-6)


def test_hidden_rows_are_never_near(
    ask: Asking, database: Database, staff: Scope, area: str, stored: dict[str, dict[str, BaseGeometry]]
) -> None:
    layer, grids = LAYERS["rental_unit"], LAYERS["grid"]
    mine = f"{area}001"
    with database.write(staff) as conn:
        record = example_record(grids, code=mine, level="governance")
        put_features(conn, grids, area, [(record, shapely.box(120.995, 30.695, 121.0, 30.7))])
    own = {code for code, at in stored[layer.name].items() if 120.995 < at.x < 121.0 and 30.695 < at.y < 30.7}
    assert 3 < len(own) < 50
    worker = Scope("worker", "worker", (mine,))
    expected = exact(121.006, 30.706, stored[layer.name])
    for radius in (None, MAX_RADIUS_M):
        found = nearest(ask, [layer], worker, lon=121.006, lat=30.706, radius_m=radius, limit=100)
        assert {one["properties"]["code"] for one in found} == own
        assert_as_measured(found, expected)
        for nobody in (
            Scope("x", "none", ()),
            Scope("x", "staff", ("330482002098",)),
            Scope("x", "staff", ("110101",)),
        ):
            assert nearest(ask, [layer], nobody, lon=121.006, lat=30.706, radius_m=radius, limit=100) == []


def test_a_community_may_be_asked_for_by_a_scope_of_several(
    ask: Asking, stored: dict[str, dict[str, BaseGeometry]], area: str
) -> None:
    layer, several = LAYERS["facility"], Scope("x", "staff", ("330482002011", area))
    assert stored[layer.name]
    for asked, count in ((area, 150), (None, 150), ("330482002011", 0), ("330482002010", 0), (None, 150)):
        question = Question(community=asked)
        found = nearest(ask, [layer], several, question, lon=121.0, lat=30.7, limit=1000)
        assert len(found) == count, asked


def test_what_is_underfoot_is_at_distance_zero(database: Database, ask: Asking, staff: Scope, area: str) -> None:
    layer = LAYERS["green"]
    with database.write(staff) as conn:
        put_features(conn, layer, area, [(example_record(layer, code="ROOF"), shapely.box(120.9, 30.6, 120.91, 30.61))])
    for radius in (1, None):
        (only,) = nearest(ask, [layer], staff, lon=120.905, lat=30.605, radius_m=radius, limit=9)
        assert (only["exact_m"], only["distance_m"], only["bearing_deg"]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("lon", "lat", "radius"),
    [(181, 30, 10), (121, 86, 10), (121, 30, 0), (121, 30, -1), (121, 30, MAX_RADIUS_M + 1), (math.nan, 30, 10),
     (121, math.nan, 10), (121, 30, math.nan), (math.inf, 30, 10)],
)  # fmt: skip
def test_nonsense_is_refused(ask: Asking, staff: Scope, lon: float, lat: float, radius: float) -> None:
    with pytest.raises(InputError):
        nearest(ask, [LAYERS["building"]], staff, lon=lon, lat=lat, radius_m=radius, limit=9)
