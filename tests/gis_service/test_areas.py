"""Registering communities, and the metric system each is measured in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import shape
from sqlalchemy import text

from gis_service.areas import (
    Area,
    create_area,
    list_areas,
    only_area,
    read_area,
    registered_codes,
    remove_area,
)
from gis_service.coordinates import CoordinateError, metric_srid
from gis_service.database import Database
from gis_service.errors import ConflictError, InputError, NotFoundError
from gis_service.features.read import read_extent
from gis_service.features.write import put_features
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record

DATA = Path(__file__).parents[1] / "data" / "shanghai"
BUND = "310101002099"
SCOPE = Scope("test", "staff", ("310101", "330482"))
BOX = shapely.box(121.48, 31.22, 121.50, 31.24)


def shapes_of(name: str) -> list[shapely.geometry.base.BaseGeometry]:
    features = json.loads((DATA / name).read_text(encoding="utf-8"))["features"]
    return [shape(feature["geometry"]) for feature in features]


def test_a_community_comes_is_listed_and_goes(database: Database) -> None:
    with database.read(SCOPE) as conn:
        assert list_areas(conn) == []
        with pytest.raises(InputError, match="还没有"):
            only_area(conn)
    with database.write(SCOPE) as conn:
        made = create_area(conn, BUND, "外滩样区", shapes_of("boundary.geojson")[0])
        assert made == Area(BUND, "外滩样区", 4549, made.created_at)
    with database.read(SCOPE) as conn:
        assert only_area(conn) == read_area(conn, BUND) == made
        bounds = shapes_of("boundary.geojson")[0].bounds
        assert read_extent(conn, LAYERS["community"], SCOPE) == pytest.approx(bounds, abs=1e-12)
    with database.write(SCOPE) as conn:
        create_area(conn, "310101002098", "邻区", BOX)
        assert [area.code for area in list_areas(conn)] == ["310101002098", BUND]
        with pytest.raises(InputError, match="--community"):
            only_area(conn)
        conn.execute(text("delete from gis.community where community = '310101002098'"))
        remove_area(conn, "310101002098")
    with database.read(Scope("x", "staff", ("330482",))) as conn:
        assert list_areas(conn) == []
        assert registered_codes(conn) == (BUND,)
        with pytest.raises(NotFoundError, match="没有社区"):
            read_area(conn, BUND)
    with pytest.raises(ConflictError, match="还有数据"), database.write(SCOPE) as conn:
        remove_area(conn, BUND)


@pytest.mark.parametrize("code", ["", "31010100209", "3101010020999", "31010100209A", "３１０１０１００２０９９"])
def test_a_code_has_twelve_digits(database: Database, code: str) -> None:
    with pytest.raises(InputError, match="12 位"), database.write(SCOPE) as conn:
        create_area(conn, code, "x", BOX)


@pytest.mark.parametrize(
    ("boundary", "word"),
    [
        (shapely.Point(121, 31), "Point"),
        (shapely.LineString([(121, 31), (122, 32)]), "LineString"),
        (shapely.Polygon(), "不是面"),
        (shapely.GeometryCollection([BOX]), "GeometryCollection"),
        (shapely.Polygon([(121, 31), (122, 32), (122, 31), (121, 32)]), "自相交"),
    ],
)
def test_a_boundary_is_an_area(database: Database, boundary: shapely.geometry.base.BaseGeometry, word: str) -> None:
    with pytest.raises(InputError, match=word), database.write(SCOPE) as conn:
        create_area(conn, "310101002097", "x", boundary)
    with database.read(SCOPE) as conn, pytest.raises(NotFoundError):
        read_area(conn, "310101002097")


def test_a_boundary_in_metres_is_refused(database: Database) -> None:
    box = shapely.box(595_000, 3_397_000, 597_000, 3_399_000)
    with pytest.raises(CoordinateError, match="经纬度"), database.write(SCOPE) as conn:
        create_area(conn, "310101002097", "x", box)


def test_no_community_comes_twice_or_out_of_reach(database: Database) -> None:
    with pytest.raises(ConflictError, match="已经登记"), database.write(SCOPE) as conn:
        create_area(conn, BUND, "又一次", BOX)
    for scope in (Scope("x", "staff", ("330482",)), Scope("x", "worker", ("310101002096001",)), Scope("x", "none", ())):
        with pytest.raises(NotFoundError, match="不在您的范围内"), database.write(scope) as conn:
            create_area(conn, "310101002096", "x", BOX)


def test_areas_of_real_polygons_are_those_of_the_projection(database: Database) -> None:
    layer, shapes = LAYERS["building"], [s for s in shapes_of("buildings.geojson") if s.is_valid and s.area > 0]
    rows = [
        (example_record(layer, code=f"B{i}"), at) for i, at in enumerate(shapes) if at.geom_type.endswith("Polygon")
    ]
    assert len(rows) > 20
    with database.write(SCOPE) as conn:
        put_features(conn, layer, BUND, rows)
        srid = read_area(conn, BUND).metric_srid
        assert srid == metric_srid(*shapes_of("boundary.geojson")[0].centroid.coords[0])
        query = text(
            "select b.code, st_area(st_transform(b.geom, a.metric_srid)) from gis.building b"
            " join gis.area a on a.code = b.community where b.community = :code"
        )
        found = {row.code: row.st_area for row in conn.execute(query, {"code": BUND})}
    to_plane = Transformer.from_crs("EPSG:4490", f"EPSG:{srid}", always_xy=True)
    for record, at in rows:
        plane = shapely.transform(at, to_plane.transform, interleaved=False)
        assert found[record.code] == pytest.approx(plane.area, rel=1e-6)
    assert sum(found.values()) > 1000


def test_known_answers_in_postgis(database: Database) -> None:
    with database.read(SCOPE) as conn:
        for lon, lat, x, y in ((121.0, 30.7, 595_804.283, 3_398_141.123), (121.02, 30.73, 597_690.217, 3_401_484.561)):
            found = conn.execute(
                text("select st_x(p), st_y(p) from st_transform(st_setsrid(st_makepoint(:lon, :lat), 4490), 4549) p"),
                {"lon": lon, "lat": lat},
            ).one()
            assert tuple(found) == pytest.approx((x, y), abs=1e-3)


def test_the_samples_boundary_is_five_point_two_square_kilometres(sample: Database, staff: Scope) -> None:
    with sample.read(staff) as conn:
        assert read_area(conn, COMMUNITY).metric_srid == 4549
        square_metres = conn.execute(
            text("select st_area(st_transform(geom, 4549)) from gis.community where community = :code"),
            {"code": COMMUNITY},
        ).scalar_one()
    assert square_metres / 1e6 == pytest.approx(5.2, abs=1e-3)
