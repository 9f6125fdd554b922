"""Each rule finds exactly the record that breaks it, and nothing in records that agree."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from typing import Any

import geopandas
import pandas as pd
import pytest
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text

from gis_service.analysis import frames as frames_module
from gis_service.analysis.contradictions import CHECKS, contradictions, hits
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.features.write import put_features
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from layers.rules import RULES
from tests.gis_service.example_rows import example_record

DAY = date(2020, 6, 30)
AGREEING: dict[str, dict[str, tuple[dict[str, Any], BaseGeometry]]] = {
    "building": {"B1": (
        {"floors": 3, "household_local": 2, "resident_count": None, "use": "11"}, shapely.box(0, 0, 20, 10),
    )},
    "rental_unit": {"R1": (
        {"building_code": "B1", "rent_status": "let", "tenant_count": 3, "registered_count": 3, "floor": 3},
        shapely.Point(5, 5),
    )},
    "enterprise": {
        "E1": ({"plot_code": "P1", "occupancy": "lessor", "status": "operating", "uscc": "U1"}, shapely.Point(300, 0)),
        "E2": ({"plot_code": "P1", "occupancy": "tenant", "status": "operating", "uscc": "U2"}, shapely.Point(310, 0)),
    },
    "enterprise_plot": {"P1": ({}, shapely.box(290, -10, 320, 10))},
    "parking": {
        "K1": ({}, shapely.box(20, 0, 30, 10)), "K2": ({}, shapely.Point(40, 5)),
        "K3": ({}, shapely.LineString([(60, -10), (60, 10)])),
    },
    "road": {"L1": ({"fire_lane": True, "width_m": 6.0}, shapely.LineString([(0, -20), (100, -20)]))},
    "waste_point": {"W1": ({"kind": "timed"}, shapely.Point(120, 5))},
    "hazard": {"H1": ({"enterprise_code": "E1", "status": "found"}, shapely.Point(300, 0))},
}  # fmt: skip
BREAKS: list[tuple[str, str, str, dict[str, Any], BaseGeometry | None]] = [
    ("V1", "rental_unit", "R1", {"building_code": None}, None),
    ("V1", "rental_unit", "R1", {"building_code": "B9"}, None),
    ("V2", "rental_unit", "R1", {}, shapely.Point(5, 20.5)),
    ("V3", "rental_unit", "R1", {"rent_status": "vacant"}, None),
    ("V4", "rental_unit", "R1", {"registered_count": 4}, None),
    ("V5", "rental_unit", "R1", {"floor": 4}, None),
    ("V7", "enterprise", "E1", {"uscc": "U2"}, None),
    ("V8", "parking", "K1", {}, shapely.box(18, 0, 28, 10)),
    ("V8", "parking", "K2", {}, shapely.Point(10, 5)),
    ("V8", "parking", "K3", {}, shapely.LineString([(10, 4), (10, 14)])),
    ("V9", "parking", "K1", {}, shapely.box(20, -19.5, 30, -8)),
    ("V9", "parking", "K2", {}, shapely.Point(40, -20.9)),
    ("V9", "road", "L1", {"width_m": None}, shapely.LineString([(0, -1), (100, -1)])),
    ("V10", "waste_point", "W1", {}, shapely.Point(171, 5)),
    ("V11", "enterprise", "E1", {"status": "closed"}, None),
]
RIGHT: list[tuple[str, str, dict[str, Any], BaseGeometry | None]] = [
    ("rental_unit", "R1", {}, shapely.Point(5, 19.5)),
    ("rental_unit", "R1", {"floor": None, "tenant_count": None, "registered_count": 2}, None),
    ("rental_unit", "R1", {"rent_status": "ended", "tenant_count": 0, "registered_count": 0}, None),
    ("parking", "K1", {}, shapely.box(19.1, 0, 29.1, 10)),
    ("parking", "K1", {}, shapely.box(20, -18.9, 30, -8)),
    ("parking", "K2", {}, shapely.Point(40, -16.9)),
    ("road", "L1", {"fire_lane": None}, shapely.LineString([(0, 5), (100, 5)])),
    ("road", "L1", {"width_m": 9.0}, shapely.LineString([(0, -4.4), (100, -4.4)])),
    ("waste_point", "W1", {"kind": "bulky"}, shapely.Point(900, 5)),
    ("waste_point", "W1", {}, shapely.Point(169, 5)),
]


def frames_with(layer: str = "", code: str = "", values: dict[str, Any] | None = None,
                shape: BaseGeometry | None = None) -> dict[str, geopandas.GeoDataFrame]:  # fmt: skip
    frames = {}
    for name, rows in AGREEING.items():
        told = {key: (dict(row), place) for key, (row, place) in rows.items()}
        if name == layer:
            row, place = told[code]
            told[code] = ({**row, **(values or {})}, shape or place)
        given = [{"name": None, "address": None, "grid": None, **row} for row, _ in told.values()]
        frame = pd.DataFrame(given, index=list(told), dtype=object)
        frames[name] = geopandas.GeoDataFrame(frame, geometry=[place for _, place in told.values()], crs=4549)
    return frames


@pytest.mark.parametrize(("rule", "layer", "code", "values", "shape"), BREAKS)
def test_a_rule_finds_what_breaks_it(
    rule: str, layer: str, code: str, values: dict[str, Any], shape: BaseGeometry | None
) -> None:
    found = hits(frames_with(layer, code, values, shape), RULES)
    told = set(zip(found["rule"], found["code"], found["class"], strict=True))
    assert layer == "road" or (rule, code, layer) in told
    assert set(found["rule"]) == {rule}


def test_two_holders_of_a_plot() -> None:
    found = hits(frames_with("enterprise", "E2", {"occupancy": "owned"}), RULES)
    assert list(zip(found["rule"], found["code"], strict=True)) == [("V6", "P1")]


@pytest.mark.parametrize(("layer", "code", "values", "shape"), [("", "", {}, None), *RIGHT])
def test_what_agrees_is_not_doubted(
    layer: str, code: str, values: dict[str, Any], shape: BaseGeometry | None
) -> None:  # fmt: skip
    assert hits(frames_with(layer, code, values, shape), RULES)["rule"].tolist() == []


def test_every_rule_is_broken_by_some_test() -> None:
    assert {one[0] for one in BREAKS} | {"V6"} == {check.code for check in CHECKS}


def test_the_sample_is_counted_as_the_database_counts(sample: Database, staff: Scope) -> None:
    with sample.read(staff) as conn:
        answer = contradictions(conn, staff, read_area(conn, COMMUNITY), on=DAY)
        queries = {
            "V1": "rental_unit r where data_status <> 'void' and not exists"
            " (select 1 from gis.building b where b.code = r.building_code and b.data_status <> 'void')",
            "V3": "rental_unit where data_status <> 'void' and rent_status <> 'let' and tenant_count > 0",
            "V4": "rental_unit where data_status <> 'void' and registered_count > tenant_count",
            "V10": "waste_point w where data_status <> 'void' and kind = 'timed' and not exists"
            " (select 1 from gis.building b where b.data_status <> 'void' and (b.household_local > 0 or"
            " b.resident_count > 0 or coalesce(b.household_local, b.resident_count) is null and b.use like '1_') and"
            " ST_DWithin(ST_Transform(b.geom, 4549), ST_Transform(w.geom, 4549), 150))",
        }
        expected = {rule: conn.execute(text(f"select count(*) from gis.{query}")).scalar_one()
                    for rule, query in queries.items()}  # fmt: skip
    told = Counter(one["properties"]["rule"] for one in json.loads(answer.theme("hits").features)["features"])
    assert {rule: told[rule] for rule in expected} == expected
    totals = next(fact for fact in answer.facts if fact.title.startswith("V12"))
    assert totals.value
    assert "上报" in totals.note


def test_an_empty_community_says_so(database: Database, staff: Scope, area: str) -> None:
    with database.read(staff) as conn:
        answer = contradictions(conn, staff, read_area(conn, area), on=DAY)
    assert answer.finding.startswith("还没有可以互相核对的记录")


@pytest.mark.parametrize("size", [1, 2, 100])
def test_waste_points_for_nobody_are_found_whatever_parts_houses_come_in(
    database: Database, staff: Scope, area: str, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """No unit names these houses, so only the waste points and the bays make the check read them."""
    monkeypatch.setattr(frames_module, "PART", size)
    east, lived = [121.0, 121.0004, 121.005, 121.0095], [0, 2, 1, 0]
    houses = [shapely.box(x, 30.7, x + 0.0001, 30.7001) for x in east]
    points = {"W1": 121.0006, "W2": 121.0051, "W3": 121.0096, "W4": 121.0}
    with database.write(staff) as conn:
        before = conn.begin_nested()
        for shape, households in zip(houses, lived, strict=True):
            row = example_record(LAYERS["building"], use="11", household_local=households)
            put_features(conn, LAYERS["building"], area, [(row, shape)])
        for code, x in points.items():
            row = example_record(LAYERS["waste_point"], code=code, kind="timed")
            put_features(conn, LAYERS["waste_point"], area, [(row, shapely.Point(x, 30.7))])
        bay = example_record(LAYERS["parking"], code="P1")
        put_features(conn, LAYERS["parking"], area, [(bay, shapely.Point(121.00955, 30.70005))])
        answer = contradictions(conn, staff, read_area(conn, area), on=DAY)
        before.rollback()
    hits = {item["id"] for item in json.loads(answer.theme("hits").features)["features"]}
    # W3 stands 430 m from the last house with a household; the others have one within 150 m.
    assert {hit for hit in hits if hit.startswith("V10")} == {"V10.W3"}
    assert {hit for hit in hits if hit.startswith("V8")} == {"V8.P1"}
