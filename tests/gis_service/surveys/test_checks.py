"""The checks that layers declare, asked of staged rows: areas against the drawing, overlaps in the file and stored."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import shapely
import shapely.affinity
from pyproj import Geod
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area, read_area
from gis_service.coordinates import transform
from gis_service.database import Database
from gis_service.features.staging import Staging
from gis_service.features.write import put_features
from gis_service.scope import Scope
from gis_service.surveys.checks import RowWarning, warnings_of
from layers.catalog.building import Building
from layers.check import AreaAgrees, GpsAccuracy, NoOverlap
from layers.errors import DeclarationError
from layers.layer import Layer
from layers.registry import LAYERS

GEOD = Geod(ellps="GRS80")
X, Y = 121.0, 30.7


@pytest.fixture
def conn(database: Database, staff: Scope, area: str) -> Iterator[Connection]:
    """A transaction with the community registered, taken back at the end."""
    assert area
    with database.write(staff) as found:
        yield found
        found.rollback()


@pytest.fixture
def place(conn: Connection, area: str) -> Area:
    """The registered community."""
    return read_area(conn, area)


def box(x: float, y: float, width: float = 1e-4, height: float = 1e-4) -> shapely.Polygon:
    """Return a box whose corner lies so many boxes east and north of the middle."""
    return shapely.box(X + x * 1e-4, Y + y * 1e-4, X + x * 1e-4 + width, Y + y * 1e-4 + height)


def area_of(shape: shapely.Geometry) -> float:
    """Return the geodesic area in m²."""
    return abs(float(GEOD.geometry_area_perimeter(shape)[0]))


def stage(conn: Connection, layer: Layer, place: Area, rows: list[tuple[dict[str, object], shapely.Geometry]]) -> None:
    """Stage rows 1, 2, 3 … with the fields of the first."""
    names = ["code", *rows[0][0]]
    staging = Staging(layer, place.code, tuple(layer.field(name) for name in names))
    staging.create(conn)
    multi = [shape if shape.geom_type != "Polygon" or layer.geometry == "GEOMETRY" else shapely.MultiPolygon([shape])
             for _, shape in rows]  # fmt: skip
    packed = [shapely.to_wkb(shapely.set_srid(shape, 4490), include_srid=True) for shape in multi]
    staging.fill(
        conn,
        [(at, [f"C{at}", *values.values()], packed[at - 1]) for at, (values, _) in enumerate(rows, start=1)],
    )


def test_an_area_is_compared_with_what_is_drawn(conn: Connection, place: Area) -> None:
    layer, shape = LAYERS["illegal_structure"], box(0, 0)
    drawn = area_of(shape)
    assert 100 < drawn < 110
    given = [drawn, drawn * 1.045, drawn * 1.06, drawn * 0.5, None]
    stage(conn, layer, place, [({"area_reported_m2": value}, shape) for value in given])
    # 4.5 % lies within the rule's 5 %; 6 % of 106 m² is more than it and more than 5 m².
    found = warnings_of(conn, layer, place)
    assert [(warning.row, warning.field, warning.refuse) for warning in found] == [
        (3, "area_reported_m2", False), (4, "area_reported_m2", False),
    ]  # fmt: skip
    assert found[1].message == (
        f"“上报面积”填的是 {drawn * 0.5:,.10g} m²,图上量得 {drawn:,.4g} m²,相差超过 5 %;请核对数字或边界。"
    )


def test_small_differences_are_no_matter_and_points_have_no_area(conn: Connection, place: Area) -> None:
    small = box(0, 0, 2e-5, 2e-5)
    stage(
        conn, LAYERS["parking"], place,
        [({"area_reported_m2": 8.0}, small), ({"area_reported_m2": 900.0}, shapely.Point(X, Y)),
         ({"area_reported_m2": 900.0}, small)],
    )  # fmt: skip
    assert area_of(small) < 5
    assert [warning.row for warning in warnings_of(conn, LAYERS["parking"], place)] == [3]


def test_a_community_may_apply_another_threshold(conn: Connection, place: Area) -> None:
    layer, shape = LAYERS["illegal_structure"], box(0, 0)
    stage(conn, layer, place, [({"area_reported_m2": area_of(shape) * 1.2}, shape)])
    assert len(warnings_of(conn, layer, place)) == 1
    conn.execute(
        text("insert into gis.area_rule (community, rule, value, basis) values (:c, :r, 25, '街道规定')"),
        {"c": place.code, "r": "illegal_structure.area_mismatch"},
    )
    assert warnings_of(conn, layer, place) == []


def test_floor_area_counts_the_storeys_and_square_kilometres_their_unit(conn: Connection, place: Area) -> None:
    building, shape = LAYERS["building"], box(0, 0)
    rows: list[tuple[dict[str, object], shapely.Geometry]] = [
        ({"floors": floors, "floor_area_m2": area}, box(2 * at, 0))
        for at, (floors, area) in enumerate([(6, area_of(shape) * 6), (6, area_of(shape)), (None, 9000.0), (0, 9000.0)])
    ]
    stage(conn, building, place, rows)
    found = warnings_of(conn, building, place)
    assert [(warning.row, warning.field) for warning in found] == [(2, "floor_area_m2")]
    assert "乘层数 6约为" in found[0].message
    community, whole = LAYERS["community"], box(0, 0, 0.02, 0.02)
    km2 = area_of(whole) / 1e6
    stage(conn, community, place, [({"area_reported_km2": km2 * factor}, whole) for factor in (1.001, 1.02)])
    assert [warning.row for warning in warnings_of(conn, community, place)] == [2]


def test_overlaps_within_the_file_are_told_of_both_rows(conn: Connection, place: Area) -> None:
    # 1 and 2 share an edge, 3 covers a half of 2, 4 lies across 2 and 3, 5 covers a part of 3, 6 stands alone.
    shapes = [box(0, 0), box(1, 0), box(1.5, 0), box(1.9, 0, 2e-5, 2e-5), box(2.099, 0), box(9, 9)]
    stage(conn, LAYERS["estate"], place, [({"built_year": 2000}, shape) for shape in shapes])
    found = {warning.row: warning for warning in warnings_of(conn, LAYERS["estate"], place)}
    assert sorted(found) == [2, 3, 4, 5]
    for warning in found.values():
        assert (warning.field, warning.refuse) == ("geom", False)
    shared = area_of(shapely.intersection(shapes[1], shapes[2]))
    told = re.fullmatch(
        r"与第 3 行\(编码 C3\)重叠 ([\d.]+) m²,占较小一方的 50%,超过 5 %;请核对边界,重复的请删去一个。",
        found[2].message,
    )
    assert told is not None, found[2].message
    assert float(told[1]) == pytest.approx(shared, rel=1e-3)
    assert found[3].message.startswith("与第 2 行(编码 C2)")
    assert found[4].message.startswith("与第 3 行(编码 C3)重叠 4.")


def test_a_million_on_one_place_would_not_be_compared_with_each_other(conn: Connection, place: Area) -> None:
    stage(conn, LAYERS["estate"], place, [({"built_year": 2000}, box(0, 0)) for _ in range(3000)])
    found = warnings_of(conn, LAYERS["estate"], place)
    assert [warning.row for warning in found] == list(range(1, 3001))


def test_grids_may_overlap_those_of_other_levels_only(conn: Connection, place: Area) -> None:
    rows: list[tuple[dict[str, object], shapely.Geometry]] = [
        ({"level": level}, box(0, 0)) for level in ("governance", "micro", "micro")
    ]
    stage(conn, LAYERS["grid"], place, rows)
    assert [warning.row for warning in warnings_of(conn, LAYERS["grid"], place)] == [2, 3]


def test_stored_rows_count_unless_the_file_replaces_them_or_they_are_gone(conn: Connection, place: Area) -> None:
    building = LAYERS["building"]
    stored = [
        (Building(code="C2"), box(0, 0)), (Building(code="OLD"), box(3, 0)),
        (Building.model_validate({"code": "VOID", "data_status": "void"}), box(5, 0)),
        (Building.model_validate({"code": "GONE", "valid_to": "2020-01-01"}), box(7, 0)),
    ]  # fmt: skip
    put_features(conn, building, place.code, [(record, shapely.MultiPolygon([shape])) for record, shape in stored])
    # 1 lies where C2 stood, but the file moves C2; 3 lies on OLD; 4 and 5 where nothing is in force any more.
    shapes = [box(0, 0), box(1, 1), box(3.2, 0), box(5, 0), box(7, 0)]
    stage(conn, building, place, [({"floors": 2}, shape) for shape in shapes])
    found = warnings_of(conn, building, place)
    assert [warning.row for warning in found] == [3]
    assert found[0].message.startswith("与已有的楼栋 OLD 重叠 ")
    assert "占较小一方的 80%" in found[0].message


def test_a_declaration_may_refuse_and_layers_without_checks_say_nothing(conn: Connection, place: Area) -> None:
    strict = replace(LAYERS["estate"], checks=(NoOverlap(refuse=True),))
    stage(conn, strict, place, [({"built_year": 2000}, box(at / 2, 0)) for at in range(2)])
    assert [(warning.row, warning.refuse) for warning in warnings_of(conn, strict, place)] == [(1, True), (2, True)]
    assert warnings_of(conn, replace(strict, checks=()), place) == []
    # A check of a field that the file doesn't give has nothing to compare.
    assert warnings_of(conn, replace(LAYERS["building"], checks=LAYERS["building"].checks[:1]), place) == []
    assert RowWarning(1, "geom", "重叠。", refuse=True) == RowWarning(1, "geom", "重叠。", refuse=True)


@pytest.mark.parametrize(
    ("layer", "check", "said"),
    [
        ("building", AreaAgrees("floors", "survey.overlap"), "has no unit of area"),
        ("building", AreaAgrees("surface", "survey.overlap"), "is no field"),
        ("building", AreaAgrees("floor_area_m2", "survey.none"), "needs the rule 'survey.none'"),
        ("grid", NoOverlap(within=("layer",)), "is no field"),
        ("road", NoOverlap(), "only areas"),
        ("visit", GpsAccuracy("accuracy.z"), "needs the rule"),
    ],
)
def test_a_check_that_contradicts_its_layer_is_refused(
    layer: str, check: AreaAgrees | NoOverlap | GpsAccuracy, said: str
) -> None:
    with pytest.raises(DeclarationError, match=said):
        replace(LAYERS[layer], checks=(check,))


def random_areas(chance: random.Random, number: int, *, few_wide: bool) -> list[shapely.Polygon]:
    """Return slanted quadrilaterals of like size near each other; with a few slanted strips right through them."""
    shapes = []
    for _ in range(number):
        x, y = chance.uniform(0, 14), chance.uniform(0, 14)
        size, turn = chance.uniform(0.4, 1.6) * 1e-4, chance.uniform(0, 90)
        shapes.append(shapely.affinity.rotate(box(x, y, size, size * chance.uniform(0.3, 1.0)), turn))
    if few_wide:
        shapes += [shapely.affinity.rotate(box(-40, 7, 8e-3, 2e-5), turn) for turn in (45, -40)]
    return shapes


@pytest.mark.parametrize("few_wide", [False, True], ids=["like sizes", "a few wide ones"])
@pytest.mark.parametrize("seed", range(6))
def test_overlaps_equal_those_of_shapely(conn: Connection, place: Area, seed: int, *, few_wide: bool) -> None:
    shapes = random_areas(random.Random(seed), 150, few_wide=few_wide)
    stage(conn, LAYERS["estate"], place, [({"built_year": 2000}, shape) for shape in shapes])
    found = {one.row: one.message for one in warnings_of(conn, LAYERS["estate"], place)}
    assert conn.execute(text("select to_regclass('pg_temp.near') is null")).scalar() is few_wide
    areas = [metric_area(shape) for shape in shapes]
    expected: dict[int, dict[int, float]] = {}
    for row, shape in enumerate(shapes, start=1):
        shared = {at: metric_area(shape.intersection(other)) for at, other in enumerate(shapes, start=1) if at != row}
        over = {at: area for at, area in shared.items() if area > max(2, 0.05 * min(areas[row - 1], areas[at - 1]))}
        if over:
            expected[row] = over
    assert len(expected) > 40
    assert found.keys() == expected.keys()
    for row, over in expected.items():
        told = re.match(r"与第 (\d+) 行\(编码 C\1\)重叠 ([\d.]+) m²", found[row])
        assert told is not None, found[row]
        assert float(told[2]) == pytest.approx(over[int(told[1])], rel=1e-3)
        # By index only some of the partners are compared.
        assert few_wide or float(told[2]) == pytest.approx(max(over.values()), rel=1e-3)


def metric_area(shape: shapely.Geometry) -> float:
    """Return the area in m² in the community's metric system."""
    moved = shapely.transform(
        shape, lambda at: np.column_stack(transform(at[:, 0], at[:, 1], "EPSG:4490", "EPSG:4549"))
    )
    return float(moved.area)


def test_what_is_no_longer_in_force_overlaps_nothing(conn: Connection, place: Area) -> None:
    ended = date(2020, 1, 1)
    rows: list[tuple[dict[str, object], shapely.Geometry]] = [
        ({"data_status": status, "valid_to": valid_to}, box(at, 0))
        for status, valid_to, at in (
            ("void", None, 0), ("normal", None, 0.3), ("void", None, 0.6), ("normal", ended, 0.4),
            ("normal", None, 3), ("normal", None, 3.1),
        )
    ]  # fmt: skip
    stage(conn, LAYERS["building"], place, rows)
    assert [warning.row for warning in warnings_of(conn, LAYERS["building"], place)] == [5, 6]


def test_many_pairs_in_small_cells_are_asked_by_index(conn: Connection, place: Area) -> None:
    # Forty on each of nine places far from each other: no cell is too full, but there are twenty pairs a row.
    shapes = [box(8 * (at % 3), 8 * (at // 3)) for at in range(9) for _ in range(40)]
    stage(conn, LAYERS["estate"], place, [({"built_year": 2000}, shape) for shape in shapes])
    found = warnings_of(conn, LAYERS["estate"], place)
    assert conn.execute(text("select to_regclass('pg_temp.near') is null")).scalar()
    assert [warning.row for warning in found] == list(range(1, 361))
