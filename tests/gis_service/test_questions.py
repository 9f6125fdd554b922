"""What is here, inside and along, against shapely on random shapes; and who sees it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, text

from gis_service.database import Database
from gis_service.errors import InputError, NotFoundError
from gis_service.features.along import MAX_WIDTH_M, Way, along_of, read_along, read_way, way_of
from gis_service.features.at import AREAL, at_of, read_at
from gis_service.features.data_date import said_of
from gis_service.features.drawn import drawn_area, drawn_box, drawn_line
from gis_service.features.inside import Region, classifying, inside_of, read_inside, read_region, region_of
from gis_service.features.question import SHANGHAI
from gis_service.features.tags import versions_of
from gis_service.features.write import put_features
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.tables import tables_of
from layers.layer import Layer
from layers.registry import LAYERS
from tests.asking import Asking
from tests.gis_service.example_rows import example_record

NAMES = ["facility", "road", "building", "rental_unit", "parking"]
GRID = COMMUNITY + "003"
NOBODY = Scope("test", "staff", ())
WORKER = Scope("test", "worker", (GRID,))
TO_METRES = Transformer.from_crs("EPSG:4490", "EPSG:4549", always_xy=True)
"""The metric system of the test community."""

Shapes = dict[str, dict[str, BaseGeometry]]


def random_shape(layer: Layer, chance: random.Random) -> BaseGeometry:
    lon, lat = 120.99 + chance.random() * 0.02, 30.69 + chance.random() * 0.02
    corners = [(lon + chance.uniform(-1, 1) * 1e-3, lat + chance.uniform(-1, 1) * 1e-3) for _ in range(5)]
    kind = (
        layer.geometry if layer.geometry != "GEOMETRY" else chance.choice(["POINT", "MULTILINESTRING", "MULTIPOLYGON"])
    )
    if kind == "POINT":
        return shapely.Point(lon, lat)
    return shapely.LineString(corners[:3]) if kind == "MULTILINESTRING" else shapely.MultiPoint(corners).convex_hull


@pytest.fixture(scope="module")
def stored(database: Database, staff: Scope, area: str) -> Shapes:
    """120 random features in each of a few layers: layer to code to geometry."""
    written = {}
    with database.write(staff) as conn:
        for name in NAMES:
            layer, chance = LAYERS[name], random.Random(name)
            shapes = {f"{name}{number}": random_shape(layer, chance) for number in range(120)}
            put_features(
                conn, layer, area, [(example_record(layer, code=code), shape) for code, shape in shapes.items()]
            )
            written[name] = shapes
    return written


def codes(features: Iterable[bytes]) -> list[str]:
    return [json.loads(feature)["properties"]["code"] for feature in features]


def random_area(chance: random.Random) -> BaseGeometry:
    """Return a star-shaped polygon, often with a hole."""
    lon, lat = 120.99 + chance.random() * 0.02, 30.69 + chance.random() * 0.02
    angles = sorted(chance.uniform(0, 2 * math.pi) for _ in range(chance.randint(5, 40)))
    size = chance.uniform(0.001, 0.01)
    reach = [size * chance.uniform(0.4, 1) for _ in angles]
    ring = [(lon + r * math.cos(a), lat + r * math.sin(a)) for a, r in zip(angles, reach, strict=True)]
    found = shapely.Polygon(ring).buffer(0)
    return found.difference(shapely.Point(lon, lat).buffer(size * 0.15)) if chance.random() < 0.6 else found


# -- at -------------------------------------------------------------------------------------------------------------


def test_what_covers_a_point_is_what_shapely_says(ask: Asking, staff: Scope, stored: Shapes) -> None:
    chance = random.Random("at")
    places = [(120.99 + chance.random() * 0.02, 30.69 + chance.random() * 0.02) for _ in range(150)]
    # Corners and the middle of edges belong to what they bound.
    places += [shape.exterior.coords[0] for shape in list(stored["building"].values())[:20]]
    chosen = [LAYERS["building"], LAYERS["parking"]]
    covered = 0
    for lon, lat in places:
        found = read_at(chosen, ask(staff, *(at_of(layer, staff, lon=lon, lat=lat) for layer in chosen)))
        expected = [
            code for layer in chosen for code in sorted(stored[layer.name])
            if stored[layer.name][code].intersects(shapely.Point(lon, lat))
        ]  # fmt: skip
        assert codes(found) == expected
        assert [json.loads(one)["layer"] for one in found] == [code.rstrip("0123456789") for code in expected]
        covered += len(expected)
    assert covered > 40


@pytest.mark.parametrize(("lon", "lat"), [(181.0, 30.0), (121.0, 86.0), (math.nan, 30.0), (121.0, math.inf)])
def test_no_place_is_refused(staff: Scope, lon: float, lat: float) -> None:
    with pytest.raises(InputError, match="位置"):
        at_of(LAYERS["building"], staff, lon=lon, lat=lat)


@pytest.mark.parametrize("name", ["facility", "road"])
def test_layers_without_areas_cover_nothing(staff: Scope, name: str) -> None:
    with pytest.raises(InputError, match="不是面"):
        at_of(LAYERS[name], staff, lon=121.0, lat=30.7)


def test_areal_layers_are_those_of_polygons() -> None:
    assert {layer.name for layer in AREAL} >= {"community", "grid", "estate", "building", "enterprise_plot"}


# -- inside ---------------------------------------------------------------------------------------------------------


def inside(ask: Asking, layers: Sequence[Layer], scope: Scope, region: Region, limit: int = 1000) -> dict[str, Any]:
    """Return counts and codes by layer."""
    rows = ask(scope, *(inside_of(layer, scope, region, limit=limit) for layer in layers))
    found = {}
    for layer, answer in zip(layers, rows, strict=True):
        head, features = read_inside(layer, answer)
        listed = json.loads(b"[" + features + b"]")
        assert len(listed) == head["numberReturned"] == min(limit, head["numberMatched"])
        assert all(one["layer"] == layer.name for one in listed)
        found[layer.name] = {**head, "listed": [one["properties"]["code"] for one in listed]}
    return found


def test_what_lies_inside_is_what_shapely_says(ask: Asking, staff: Scope, stored: Shapes) -> None:
    chance, chosen, seen = random.Random("inside"), [LAYERS[name] for name in NAMES], 0
    for _ in range(25):
        drawn = random_area(chance)
        region = Region(drawn_area(str(shapely.to_wkt(drawn, rounding_precision=-1))))
        found = inside(ask, chosen, staff, region)
        for name in NAMES:
            expected = sorted(code for code, shape in stored[name].items() if shape.intersects(drawn))
            assert found[name]["listed"] == expected
            assert found[name]["numberMatched"] == len(expected)
            seen += len(expected)
            for counted in found[name]["counts"]:
                assert sum(code["count"] for code in counted["codes"]) == len(expected)
    assert seen > 500


def test_few_are_listed_and_all_are_counted(ask: Asking, staff: Scope, stored: Shapes) -> None:
    region = Region(drawn_box("120.98,30.68,121.02,30.72"))
    found = inside(ask, [LAYERS["building"]], staff, region, limit=3)["building"]
    assert (found["numberMatched"], found["numberReturned"]) == (120, 3)
    assert found["listed"] == sorted(stored["building"])[:3]


def test_four_boxes_count_what_one_counts(ask_sample: Asking, staff: Scope) -> None:
    layer = LAYERS["rental_unit"]
    west, south, east, north = 120.98, 30.69, 121.02, 30.72
    # Points on the lines between would count twice, so these lie where no point does.
    middle = (120.9951234567, 30.7021234567)
    parts = [
        (west, south, *middle), (middle[0], south, east, middle[1]),
        (west, middle[1], middle[0], north), (*middle, east, north),
    ]  # fmt: skip

    def count(box: Sequence[float]) -> int:
        region = Region(drawn_box(",".join(map(str, box))))
        return int(inside(ask_sample, [layer], staff, region, limit=1)[layer.name]["numberMatched"])

    counts = [count(part) for part in parts]
    assert min(counts) > 0
    assert sum(counts) == count((west, south, east, north))


def test_a_grid_holds_what_is_placed_in_it(ask_sample: Asking, sample: Database, staff: Scope) -> None:
    found = inside(ask_sample, list(LAYERS.values()), staff, Region(grid=GRID), limit=1)
    with sample.read(staff) as conn:
        for layer in LAYERS.values():
            row = tables_of(layer).current.c
            rows = [
                dict(one._mapping) for one in conn.execute(select(tables_of(layer).current).where(row.grid == GRID))
            ]
            assert found[layer.name]["numberMatched"] == len(rows)
            for field, counted in zip(classifying(layer), found[layer.name]["counts"], strict=True):
                expected: dict[str | None, int] = {}
                for one in rows:
                    expected[one[field.name]] = expected.get(one[field.name], 0) + 1
                assert {code["code"]: code["count"] for code in counted["codes"]} == expected
                assert all(code["label"] for code in counted["codes"])


def test_an_estate_is_its_area(ask_sample: Asking, sample: Database, staff: Scope) -> None:
    region = Region(estate="XQ02")
    found = inside(ask_sample, [LAYERS["building"], LAYERS["waste_point"]], staff, region)
    with sample.read(staff) as conn:
        for name, one in found.items():
            whole = "(select geom from gis.estate where code = 'XQ02')"
            near = text(f"select code from gis.{name} b where st_intersects(b.geom, {whole})")
            assert sorted(conn.execute(near).scalars()) == one["listed"]
            assert one["listed"]
    asked = region_of(staff, region)
    assert asked is not None
    described = read_region(region, ask_sample(staff, asked)[0])
    assert described["name"] == "陆家桥小区"
    assert described["area_m2"] > 10_000


@pytest.mark.parametrize("region", [Region(grid=COMMUNITY + "999"), Region(estate="XQ99")])
def test_an_unknown_region_is_not_found(ask_sample: Asking, staff: Scope, region: Region) -> None:
    asked = region_of(staff, region)
    assert asked is not None
    with pytest.raises(NotFoundError, match=region.code):
        read_region(region, ask_sample(staff, asked)[0])


def test_an_estate_of_two_communities_must_be_told_apart() -> None:
    with pytest.raises(InputError, match="community"):
        read_region(Region(estate="A"), [("甲".encode(), 1.0), ("乙".encode(), 2.0)])


# -- along ----------------------------------------------------------------------------------------------------------


def in_metres(shape: BaseGeometry) -> BaseGeometry:
    def moved(points: np.ndarray) -> np.ndarray:
        return np.column_stack(TO_METRES.transform(points[:, 0], points[:, 1]))

    return shapely.transform(shape, moved)


def along(
    ask: Asking, layers: Sequence[Layer], scope: Scope, way: Way, width_m: float, limit: int = 1000
) -> list[dict[str, Any]]:
    rows = ask(scope, *(along_of(layer, scope, way, width_m=width_m, limit=limit + 1) for layer in layers))
    features, more = read_along(rows, limit)
    assert not more
    return [json.loads(feature) for feature in features]


def test_what_lies_along_a_line_is_what_shapely_says(ask: Asking, staff: Scope, stored: Shapes) -> None:
    chance, chosen, seen = random.Random("along"), [LAYERS[name] for name in NAMES], 0
    sides = set()
    for _ in range(15):
        points = [
            (120.99 + chance.random() * 0.02, 30.69 + chance.random() * 0.02) for _ in range(chance.randint(2, 5))
        ]
        line, width = shapely.LineString(points), chance.choice([5.0, 60.0, 200.0])
        plane = in_metres(line)
        found = along(ask, chosen, staff, Way(drawn_line(str(shapely.to_wkt(line, rounding_precision=-1)))), width)
        assert [one["position_m"] for one in found] == sorted(one["position_m"] for one in found)
        shapes = {code: in_metres(shape) for name in NAMES for code, shape in stored[name].items()}
        assert {one["properties"]["code"] for one in found} == {
            code for code, shape in shapes.items() if shape.distance(plane) <= width
        }
        for one in found:
            shape = shapes[one["properties"]["code"]]
            gap = shape.distance(plane)
            assert one["distance_m"] == pytest.approx(gap, abs=0.006)
            sides.add(one["side"])
            if gap == 0:
                met = shapely.get_coordinates(plane.intersection(shape))
                expected = min(plane.project(shapely.Point(point)) for point in met)
                assert one["side"] == "on"
                assert one["position_m"] == pytest.approx(expected, abs=0.01)
                continue
            foot, beside = shapely.shortest_line(plane, shape).coords
            # Where the line crosses itself a place has two positions, so the place is compared.
            assert plane.interpolate(one["position_m"]).distance(shapely.Point(foot)) < 0.02
            where = plane.project(shapely.Point(foot))
            behind, ahead = (
                plane.interpolate(max(0.0, where - 0.05)),
                plane.interpolate(min(plane.length, where + 0.05)),
            )
            turn = (ahead.x - behind.x) * (beside[1] - foot[1]) - (ahead.y - behind.y) * (beside[0] - foot[0])
            if abs(turn) > 1e-3:
                assert one["side"] == ("left" if turn > 0 else "right")
        seen += len(found)
    assert seen > 300
    assert sides == {"left", "right", "on"}


def test_sides_are_those_of_somebody_who_walks_it(ask: Asking, database: Database, staff: Scope, area: str) -> None:
    layer = LAYERS["waste_point"]
    places = {"NORTH": (121.0, 30.7001), "SOUTH": (121.001, 30.6999), "FAR": (121.0, 30.71)}
    with database.write(staff) as conn:
        put_features(conn, layer, area, [(example_record(layer, code=c), shapely.Point(p)) for c, p in places.items()])
    for wkt, expected in (
        ("LINESTRING(120.999 30.7,121.002 30.7)", [("NORTH", "left"), ("SOUTH", "right")]),
        ("LINESTRING(121.002 30.7,120.999 30.7)", [("SOUTH", "left"), ("NORTH", "right")]),
    ):
        found = along(ask, [layer], staff, Way(drawn_line(wkt)), 50)
        assert [(one["properties"]["code"], one["side"]) for one in found] == expected
        metres = Geod(ellps="GRS80").inv(120.999, 30.7, 121.0, 30.7)[2]
        north = next(one for one in found if one["properties"]["code"] == "NORTH")
        gone = metres if expected[0][0] == "NORTH" else 2 * metres
        # The projection stretches by a hundred millionth here; 1 degree from its meridian by 1/9000.
        assert north["position_m"] == pytest.approx(gone, rel=2e-4)
        assert north["distance_m"] == pytest.approx(11.09, abs=0.02)


def test_a_road_is_joined_from_its_segments(ask: Asking, database: Database, staff: Scope, area: str) -> None:
    road, facility = LAYERS["road"], LAYERS["facility"]
    lat = 30.7055
    # Out of order, in both directions, with a gap of 0.001 degrees; and another road across it.
    segments = {"P2": (121.001, 121.002), "P1": (121.001, 121.0), "P3": (121.004, 121.003)}
    drawn = [(c, shapely.LineString([(a, lat), (b, lat)]), "并接路") for c, (a, b) in segments.items()]
    drawn.append(("CROSS", shapely.LineString([(121.0005, lat - 1e-4), (121.0005, lat + 1e-4)]), "横路"))
    lamps = {f"LAMP{number}": 121.0001 + number * 0.001 for number in (0, 1, 3)}
    with database.write(staff) as conn:
        put_features(conn, road, area, [(example_record(road, code=c, name=n), shape) for c, shape, n in drawn])
        put_features(
            conn, facility, area, [(example_record(facility, code=c), shapely.Point(x, lat)) for c, x in lamps.items()]
        )
    way = Way(road="并接路")
    said = read_way(way, ask(staff, way_of(staff, way))[0], 10)
    metres = [shapely.LineString(TO_METRES.itransform([(a, lat), (b, lat)])).length for a, b in segments.values()]
    assert said["parts"] == 2
    assert said["length_m"] == pytest.approx(sum(metres), abs=0.01)
    found = along(ask, [facility, road], staff, way, 5)
    placed = {
        one["properties"]["code"]: one["position_m"]
        for one in found
        if not one["properties"]["code"].startswith(("facility", "road"))
    }
    tenth = metres[0] / 10
    assert placed == {
        "LAMP0": pytest.approx(tenth, abs=0.02), "CROSS": pytest.approx(5 * tenth, abs=0.02),
        "LAMP1": pytest.approx(11 * tenth, abs=0.02), "LAMP3": pytest.approx(21 * tenth, abs=0.02),
    }  # fmt: skip
    assert [one["properties"]["code"] for one in along(ask, [facility], staff, Way(road="P3"), 1)] == ["LAMP3"]
    with pytest.raises(NotFoundError, match="没有这条路"):
        read_way(Way(road="没有这条路"), ask(staff, way_of(staff, Way(road="没有这条路")))[0], 10)


@pytest.mark.usefixtures("stored")
def test_more_than_the_limit_is_said(ask: Asking, staff: Scope) -> None:
    way = Way(drawn_line("LINESTRING(120.99 30.69,121.01 30.71)"))
    every = along(ask, [LAYERS["building"], LAYERS["facility"]], staff, way, 200)
    chosen = [LAYERS["building"], LAYERS["facility"]]
    few, more = read_along(ask(staff, *(along_of(one, staff, way, width_m=200, limit=6) for one in chosen)), 5)
    assert more
    assert codes(few) == [one["properties"]["code"] for one in every[:5]]


@pytest.mark.parametrize("width", [0.0, -1.0, MAX_WIDTH_M + 1, math.nan, math.inf])
def test_a_wrong_width_is_refused(staff: Scope, width: float) -> None:
    with pytest.raises(InputError, match="宽度"):
        along_of(LAYERS["building"], staff, Way(road="x"), width_m=width, limit=1)


# -- who sees what --------------------------------------------------------------------------------------------------


def test_a_scope_sees_its_own(ask_sample: Asking, staff: Scope, sample: Database) -> None:
    box = Region(drawn_box("120.97,30.68,121.03,30.73"))
    way = Way(drawn_line("LINESTRING(120.985 30.70,121.015 30.71)"))
    with sample.read(staff) as conn:
        for name in ("rental_unit", "hazard", "visit", "illegal_structure"):
            layer, row = LAYERS[name], tables_of(LAYERS[name]).current.c
            mine = set(conn.execute(select(row.code).where(row.grid == GRID)).scalars())
            assert set(inside(ask_sample, [layer], WORKER, box, limit=5000)[name]["listed"]) == mine
            passed = along(ask_sample, [layer], staff, way, 200)
            inner = [one["properties"]["code"] for one in passed if one["properties"]["grid"] == GRID]
            assert [one["properties"]["code"] for one in along(ask_sample, [layer], WORKER, way, 200)] == inner
    assert not along(ask_sample, [LAYERS["building"]], NOBODY, way, 200)
    for layer in LAYERS.values():
        found = inside(ask_sample, [layer], NOBODY, box)[layer.name]
        assert (found["numberMatched"], found["listed"]) == (0, [])
    assert read_at(AREAL, ask_sample(NOBODY, *(at_of(layer, NOBODY, lon=120.995, lat=30.702) for layer in AREAL))) == []
    here = read_at(AREAL, ask_sample(WORKER, *(at_of(layer, WORKER, lon=120.995, lat=30.702) for layer in AREAL)))
    assert GRID in codes(here)
    with pytest.raises(NotFoundError):
        read_region(
            Region(grid=GRID), ask_sample(NOBODY, region_of(NOBODY, Region(grid=GRID)) or versions_of([], NOBODY))[0]
        )


def test_answers_say_when_their_data_changed(
    ask_sample: Asking, sample_clock: dict[str, datetime], staff: Scope
) -> None:
    asked = [LAYERS["building"], LAYERS["grid"]]
    said = said_of(ask_sample(staff, versions_of(asked, staff))[0])
    latest = max(sample_clock["building"], sample_clock["grid"]).astimezone(SHANGHAI)
    assert said["crs"] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert said["data_date"] == latest.date().isoformat()
    assert said["data_changed_at"] == latest.isoformat(timespec="seconds")
    assert said_of(ask_sample(NOBODY, versions_of(asked, NOBODY))[0])["data_date"] is None


@pytest.fixture
def sample_clock(sample: Database, staff: Scope) -> dict[str, datetime]:
    """When each layer of the sample last changed."""
    with sample.read(staff) as conn:
        rows = conn.execute(
            text("select layer, changed_at from gis.layer_version where community = :code"), {"code": COMMUNITY}
        )
        return {row[0]: row[1] for row in rows}
