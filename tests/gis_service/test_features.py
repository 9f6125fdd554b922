"""Reading features: filters against shapely and Python, pages that lose nothing, GeoJSON that clients can trust."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text

from gis_service.database import Database, open_engine
from gis_service.errors import ConflictError, InputError, NotFoundError
from gis_service.features.properties import queryable, read_value
from gis_service.features.question import Question, parse_bbox, parse_period
from gis_service.features.read import count_features, read_extent, stream_features
from gis_service.features.write import change_feature, delete_feature, put_features
from gis_service.local_cluster import LocalCluster
from gis_service.overview import read_overview
from gis_service.scope import Scope
from layers.layer import Layer
from layers.record import Record
from layers.registry import LAYERS
from tests.asking import Asking, feature, features_of, nearest, page, tile
from tests.gis_service.example_rows import example_record, example_shape, example_values, insert_row

Rows = dict[str, tuple[Any, BaseGeometry]]
NAMES = ["building", "road", "facility", "rental_unit", "parking", "hazard"]


def random_shape(layer: Layer, chance: random.Random) -> BaseGeometry:
    """Return a point, line or area near the community's middle; half of the areas have a hole, wound the wrong way."""
    lon, lat = 120.992 + chance.random() * 0.016, 30.692 + chance.random() * 0.016
    size = chance.uniform(1e-4, 2e-3)
    line = shapely.LineString([(lon, lat), (lon + size, lat + chance.uniform(-size, size))])
    hole = [(lon - size / 3, lat - size / 3), (lon + size / 3, lat - size / 3), (lon, lat + size / 3)]
    ring = list(shapely.Point(lon, lat).buffer(size, quad_segs=2).exterior.coords)
    area = shapely.Polygon(ring, [hole] if chance.random() < 0.5 else [])
    choices = {"POINT": [shapely.Point(lon, lat)], "MULTILINESTRING": [line], "MULTIPOLYGON": [area]}
    return chance.choice(choices.get(layer.geometry, [shapely.Point(lon, lat), line, area]))


@pytest.fixture(scope="module")
def stored(database: Database, staff: Scope, area: str) -> dict[str, Rows]:
    """120 random rows in each of a few layers, as they were written: code to record and geometry."""
    chance = random.Random(42)
    written: dict[str, Rows] = {}
    with database.write(staff) as conn:
        grids = LAYERS["grid"]
        halves = [
            (f"{area}001", shapely.box(120.99, 30.69, 121.0, 30.71)),
            (f"{area}002", shapely.box(121, 30.69, 121.01, 30.71)),
        ]
        put_features(
            conn, grids, area, [(example_record(grids, code=code, level="governance"), half) for code, half in halves]
        )
        for name in NAMES:
            layer, rows = LAYERS[name], {}
            for number in range(120):
                begin = date(2020, 1, 1) + timedelta(days=chance.randint(0, 2000))
                given = {
                    "code": f"C{number}",
                    "name": chance.choice([None, f"{chance.randint(1, 30)}幢", "阿福", "波波", "次第"]),
                    "source": chance.choice(["surveyed", "census", "reported"]),
                    "valid_from": chance.choice([None, begin]),
                    "valid_to": chance.choice([None, begin + timedelta(days=chance.randint(0, 500))]),
                }
                rows[f"C{number}"] = (example_record(layer, **given), random_shape(layer, chance))
            put_features(conn, layer, area, list(rows.values()))
            written[name] = rows
    return written


Codes = Callable[[Layer, Scope, Question], list[str]]


@pytest.fixture(scope="module")
def codes(database: Database, ask: Asking) -> Codes:
    """A function that returns the codes that answer a question, by page, count and stream alike."""

    def read(layer: Layer, scope: Scope, question: Question) -> list[str]:
        answer = page(ask, layer, scope, question, limit=1000)
        found = [one["properties"]["code"] for one in features_of(answer)]
        with database.read(scope) as conn:
            assert answer.matched == answer.returned == len(found) == count_features(conn, layer, scope, question)
            streamed = json.loads(b"".join(stream_features(conn, layer, scope, question)))
        assert sorted(one["properties"]["code"] for one in streamed["features"]) == sorted(found)
        if question.order:
            assert [one["properties"]["code"] for one in streamed["features"]] == found
        return found

    return read


def equals(layer: Layer, **written: str) -> dict[str, object]:
    """Return properties with their values as a client writes them."""
    return {name: read_value(queryable(layer, name), value) for name, value in written.items()}


@pytest.mark.parametrize("name", NAMES)
def test_places_are_found_as_shapely_finds_them(codes: Codes, staff: Scope, stored: dict[str, Rows], name: str) -> None:
    layer, rows, chance = LAYERS[name], stored[name], random.Random(name)
    hits = 0
    for _ in range(12):
        west, south = 120.992 + chance.random() * 0.014, 30.692 + chance.random() * 0.014
        box = (west, south, west + chance.random() * 0.006, south + chance.random() * 0.006)
        expected = {code for code, (_, at) in rows.items() if at.intersects(shapely.box(*box))}
        assert set(codes(layer, staff, Question(bbox=box))) == expected
        corners = [(west + chance.uniform(-4e-3, 4e-3), south + chance.uniform(-4e-3, 4e-3)) for _ in range(6)]
        area = shapely.MultiPoint(corners).convex_hull
        inside = {code for code, (_, at) in rows.items() if at.intersects(area)}
        assert set(codes(layer, staff, Question(polygon=area.wkt))) == inside
        both = Question(bbox=box, polygon=area.wkt, equals={"source": "census"})
        census = {code for code in expected & inside if rows[code][0].source == "census"}
        assert set(codes(layer, staff, both)) == census
        hits += len(expected) + len(inside) + len(census)
    assert hits > 50


@pytest.mark.parametrize("name", NAMES)
def test_attributes_grids_and_periods(
    codes: Codes, staff: Scope, area: str, stored: dict[str, Rows], name: str
) -> None:
    layer, rows = LAYERS[name], stored[name]
    for value in ("census", "普查"):
        expected = {code for code, (record, _) in rows.items() if record.source == "census"}
        assert set(codes(layer, staff, Question(equals=equals(layer, source=value)))) == expected
    expected = {code for code, (record, _) in rows.items() if record.name == "阿福"}
    assert set(codes(layer, staff, Question(equals=equals(layer, name="阿福")))) == expected
    first, last = date(2021, 1, 1), date(2021, 6, 30)
    for period in ((first, last), (None, last), (first, None), (last, last)):
        begin, end = period[0] or date.min, period[1] or date.max
        meets = {
            code
            for code, (record, _) in rows.items()
            if (record.valid_from or date.min) <= end and (record.valid_to or date.max) >= begin
        }
        assert set(codes(layer, staff, Question(valid=period))) == meets
    west, east, all_codes = (
        set(codes(layer, staff, Question(grid=grid))) for grid in (f"{area}001", f"{area}002", None)
    )
    assert west | east == all_codes == set(rows)
    assert not west & east
    if layer.geometry == "POINT":
        assert west == {code for code, (_, at) in rows.items() if at.x <= 121}
    assert codes(layer, staff, Question(community="330482002011")) == []
    assert set(codes(layer, staff, Question(community=area))) == set(rows)


def test_chinese_text_is_ordered_as_people_do(codes: Codes, staff: Scope, stored: dict[str, Rows]) -> None:
    layer, rows = LAYERS["building"], stored["building"]
    # The sort key of a person: numbers as numbers, then 阿 (a), 波 (bo), 次 (ci); rows without a name come last.
    rank = {"阿福": (1, 0), "波波": (1, 1), "次第": (1, 2), None: (2, 0)}

    def key(code: str) -> tuple[int, int]:
        name = rows[code][0].name
        return rank.get(name) or (0, int(name.removesuffix("幢")))

    found = codes(layer, staff, Question(order=("name",)))
    assert [key(code) for code in found] == sorted(key(code) for code in rows)
    names = [rows[code][0].name for code in found]
    assert names.index("2幢") < names.index("10幢")
    found = codes(layer, staff, Question(order=("-name",)))
    assert [key(code) for code in found] == sorted((key(code) for code in rows), reverse=True)
    found = codes(layer, staff, Question(order=("source", "-code")))
    assert found == sorted(sorted(rows, reverse=True), key=lambda code: str(rows[code][0].source))


@pytest.mark.parametrize("order", [(), ("name",), ("-valid_from", "code")])
@pytest.mark.parametrize("limit", [1, 7, 40, 120, 500])
def test_pages_follow_one_another(
    ask: Asking, codes: Codes, staff: Scope, stored: dict[str, Rows], order: tuple[str, ...], limit: int
) -> None:
    layer, question = LAYERS["parking"], Question(order=order, equals={"source": "surveyed"})
    everything = codes(layer, staff, question)
    expected = sum(record.source == "surveyed" for record, _ in stored["parking"].values())
    seen: list[str] = []
    token = None
    for _ in range(len(everything) + 1):
        answer = page(ask, layer, staff, question, limit=limit, after=token)
        assert answer.matched == expected
        seen += [one["properties"]["code"] for one in features_of(answer)]
        if (token := answer.after) is None:
            break
        assert answer.returned == limit
    assert seen == everything
    assert len(seen) == expected


def test_pages_miss_and_repeat_nothing_while_rows_come_and_go(
    database: Database, ask: Asking, staff: Scope, area: str
) -> None:
    layer, chance = LAYERS["green"], random.Random(3)
    with database.write(staff) as conn:
        put_features(
            conn, layer, area, [(example_record(layer, code=f"G{i}"), example_shape(layer)) for i in range(100)]
        )
    stays, seen, token = {f"G{i}" for i in range(100)}, [], None
    for step in range(100):
        answer = page(ask, layer, staff, Question(), limit=7, after=token)
        seen += [one["properties"]["code"] for one in features_of(answer)]
        if (token := answer.after) is None:
            break
        gone = chance.sample(sorted(stays), 2)
        stays -= set(gone)
        with database.write(staff) as conn:
            for code in gone:
                delete_feature(conn, layer, area, code)
            new = [(example_record(layer, code=f"NEW{step}-{i}"), example_shape(layer)) for i in range(3)]
            put_features(conn, layer, area, new)
    assert len(seen) == len(set(seen))
    assert stays <= set(seen)


@pytest.mark.parametrize("name", NAMES)
def test_geojson_is_rfc_7946_and_the_row_itself(
    ask: Asking, staff: Scope, area: str, stored: dict[str, Rows], name: str
) -> None:
    layer = LAYERS[name]
    found = features_of(page(ask, layer, staff, Question(), limit=1000))
    assert len(found) >= len(stored[name])
    for one in found:
        record, geometry = stored[name][one["properties"]["code"]]
        assert one["type"] == "Feature"
        community, _, identifier = one["id"].partition(".")
        assert (community, str(uuid.UUID(identifier))) == (area, identifier)
        drawn = shape(one["geometry"])
        assert drawn.symmetric_difference(geometry).area < 1e-10
        assert drawn.hausdorff_distance(geometry) < 2e-8
        for polygon in getattr(drawn, "geoms", [drawn]):
            if polygon.geom_type == "Polygon":
                assert polygon.exterior.is_ccw
                assert not any(ring.is_ccw for ring in polygon.interiors)
        dumped = record.model_dump(mode="json")
        assert {field.name: one["properties"][field.name] for field in layer.fields} == {
            field.name: dumped[field.name] for field in layer.fields
        }
        for key in (one["id"], f"{area}.{record.code}"):
            assert json.loads(feature(ask, layer, staff, key)) == one


def test_extent_and_streams_without_empty_fields(database: Database, staff: Scope, stored: dict[str, Rows]) -> None:
    layer = LAYERS["road"]
    with database.read(staff) as conn:
        extent = read_extent(conn, layer, staff)
        assert extent == pytest.approx(
            shapely.GeometryCollection([at for _, at in stored["road"].values()]).bounds, abs=1e-9
        )
        assert read_extent(conn, LAYERS["water"], staff) is None
        text_ = b"".join(stream_features(conn, layer, staff, Question(), nulls=False))
        assert all(value is not None for f in json.loads(text_)["features"] for value in f["properties"].values())
        empty = json.loads(b"".join(stream_features(conn, LAYERS["water"], staff, Question())))
        assert empty == {"type": "FeatureCollection", "features": []}


def test_personal_fields_are_in_no_answer(
    cluster: LocalCluster, database_name: str, database: Database, ask: Asking, staff: Scope, area: str,
    stored: dict[str, Rows],
) -> None:  # fmt: skip
    layer = LAYERS["rental_unit"]
    assert stored["rental_unit"]
    engine = open_engine(cluster.url("gis_owner", database_name))
    with engine.begin() as conn:
        conn.execute(
            text(
                "insert into gis.rental_unit_personal select community, id, '房东甲', '13800138000'"
                " from gis.rental_unit"
            )
        )
        assert conn.execute(text("select count(*) from gis.rental_unit_personal")).scalar() == 120
        twins = "select count(*) from pg_class where relname like '%personal_history'"
        assert conn.execute(text(twins)).scalar() == 0
    engine.dispose()
    with database.read(staff) as conn:
        answers = [
            b"".join(stream_features(conn, layer, staff, Question())).decode(),
            repr(read_overview(conn, staff, area)),
        ]
    near = nearest(ask, [layer], staff, lon=121, lat=30.7, radius_m=5000, limit=200)
    assert len(near) == 120
    answers += [
        page(ask, layer, staff, Question(), limit=200).features.decode(),
        feature(ask, layer, staff, f"{area}.C1").decode(),
        json.dumps(near, ensure_ascii=False),
        tile(ask, layer, staff, zoom=13, row=3361, column=6849).decode("latin-1"),
    ]
    for question in (Question(equals={"landlord_name": "房东甲"}), Question(order=("landlord_phone",))):
        with pytest.raises(InputError, match="没有属性"):
            page(ask, layer, staff, question, limit=1)
    with pytest.raises(InputError, match="没有属性"):
        queryable(layer, "landlord_name")
    assert all(len(answer) > 100 for answer in answers)
    for word in ("房东甲", "房东甲".encode().decode("latin-1"), "13800138000", "landlord_name", "landlord_phone"):
        assert not any(word in answer for answer in answers)
    with pytest.raises(InputError, match="没有属性"), database.write(staff) as conn:
        change_feature(conn, layer, area, "C1", {"landlord_name": "房东乙"})


def test_what_cannot_be_found_or_written_is_said(database: Database, ask: Asking, staff: Scope, area: str) -> None:
    layer = LAYERS["building"]
    for key in ("x", f"{area}.nothing", f"{area}.{uuid.uuid4()}", "", ".", "330482002011.C1"):
        with pytest.raises(NotFoundError, match="没有要素"):
            feature(ask, layer, staff, key)
    for token in ("!", "é", "b2Zmc2V0OjE", "a2V5Ong", "a2V5OjMzMDQ4MjAwMjA5OS54", "x" * 500):
        with pytest.raises(InputError, match="翻页标记"):
            page(ask, layer, staff, Question(), limit=1, after=token)
    for written in (
        {"floors": "two"}, {"floors": str(2**31)}, {"source": "unheard of"}, {"surveyed_on": "2026-13-01"},
        {"nonsense": "1"},
    ):  # fmt: skip
        with pytest.raises(InputError):
            equals(layer, **written)
    with pytest.raises(InputError, match="没有属性"), database.read(staff) as conn:
        count_features(conn, layer, staff, Question(equals={"nonsense": "1"}))
    for wrong in ("1,2,3", "a,b,c,d", "nan,0,1,1", "2,0,1,1", "0,2,1,1", "-181,0,1,1", "0,0,0,inf", ""):
        with pytest.raises(InputError, match="bbox"):
            parse_bbox(wrong)
    box = np.array(parse_bbox("1,2,0,3,4,9")["bbox"])
    wider = box - (1, 2, 3, 4)
    assert np.abs(wider).max() < 6e-9
    assert np.sign(wider).tolist() == [-1, -1, 1, 1]
    for wrong in ("", "/", "../..", "2026-02-01/2026-01-01", "a/b", "2026-01-01/2026-01-02/2026-01-03"):
        with pytest.raises(InputError, match="时间"):
            parse_period(wrong)
    with pytest.raises(ConflictError, match=r"层数.*building_floors_maximum"), database.write(staff) as conn:
        change_feature(conn, layer, area, "C1", {"floors": 100_000})
    with pytest.raises(NotFoundError, match="编码"), database.write(staff) as conn:
        delete_feature(conn, layer, area, "nothing")
    with pytest.raises(NotFoundError, match="编码"), database.write(staff) as conn:
        change_feature(conn, layer, "330482002011", "C1", {"floors": 1})
    twice: list[tuple[Record, BaseGeometry]] = [(example_record(layer, code="TWICE"), example_shape(layer))] * 2
    with pytest.raises(ConflictError, match="building_key"), database.write(staff) as conn:
        put_features(conn, layer, area, twice)
    with database.read(staff) as conn:
        assert count_features(conn, layer, staff, Question(equals={"code": "TWICE"})) == 0


def test_a_code_that_looks_like_an_identifier_is_still_a_code(
    cluster: LocalCluster, database_name: str, ask: Asking, staff: Scope, area: str
) -> None:
    layer, code = LAYERS["facility"], uuid.uuid4().hex
    engine = open_engine(cluster.url("gis_owner", database_name))
    with engine.begin() as conn:
        driver = conn.connection.driver_connection
        assert driver is not None
        insert_row(driver, layer, area, example_shape(layer), **example_values(layer, code=code))
    engine.dispose()
    assert json.loads(feature(ask, layer, staff, f"{area}.{code}"))["properties"]["code"] == code
