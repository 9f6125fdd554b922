"""Coverage of the sample against a recomputation, and of communities without streets, facilities or homes."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.coverage import FACILITIES, Reaching, coverage_of
from gis_service.analysis.frames import read_frame
from gis_service.analysis.streets import build_network, nearest, snap
from gis_service.analysis.walking import Walk
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.features.write import put_features
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record

DAY = date(2020, 6, 30)


def ask_for(database: Database, scope: Scope, name: str, community: str) -> Answer:
    with database.read(scope) as conn:
        return coverage_of(FACILITIES[name])(conn, scope, read_area(conn, community), on=DAY)


def homes_of(answer: Answer) -> dict[str, dict[str, Any]]:
    return {one["id"]: one["properties"] for one in json.loads(answer.theme("homes").features)["features"]}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("hydrant_coverage", "gis.facility where kind = 'hydrant' and status = 'intact'"),
        ("charging_coverage", "gis.facility where kind = 'charging' and status = 'intact'"),
    ],
)
def test_the_sample_is_covered_as_a_recount_says(sample: Database, staff: Scope, name: str, where: str) -> None:
    answer = ask_for(sample, staff, name, COMMUNITY)
    with sample.read(staff) as conn:
        rows = conn.execute(text(f"select ST_AsBinary(ST_Transform(geom, 4549)) from {where} order by code")).scalars()
        places = shapely.from_wkb([bytes(row) for row in rows])
        homes = conn.execute(
            text(
                "select code, ST_AsBinary(ST_Transform(geom, 4549)), coalesce(resident_count, 0) from gis.building"
                " where use in ('10', '11', '12', '13') order by code"
            )
        ).all()
        roads = read_frame(conn, staff, "road", [], srid=4549)
        water = read_frame(conn, staff, "water", [], srid=4549)
    network = build_network(np.asarray(roads.geometry.array))
    canals = shapely.union_all(np.asarray(water.geometry.array))
    doors = np.array([shapely.point_on_surface(shapely.from_wkb(bytes(home[1]))) for home in homes])
    # One facility at a time: the nearest of all is the least of the distances to each.
    stood = snap(network, doors, canals)
    metres = np.min([nearest(network, stood, snap(network, np.array([one]), canals))[0] for one in places], axis=0)
    told = homes_of(answer)
    assert list(told) == [home[0] for home in homes]
    radius = answer.rules[0].value
    for (code, _, _), length in zip(homes, metres, strict=True):
        if abs(length - radius) > 0.01:
            assert (told[code]["class"] == "covered") == (length <= radius), code
        if np.isfinite(length):
            assert told[code]["metres"] == pytest.approx(length, abs=0.06)
    # Walking is never shorter than the straight line.
    straight = np.min([shapely.distance(doors, one) for one in places], axis=0)
    assert (metres >= straight - 0.01).all()
    facts = {fact.title: fact.value for fact in answer.facts}
    out = [home for home in homes if told[home[0]]["class"] == "left_out"]
    assert facts["未覆盖住宅"] == len(out)
    assert facts["未覆盖常住人口"] == sum(home[2] for home in out)
    assert 0 < len(out) < len(homes)


@pytest.mark.parametrize("name", FACILITIES)
def test_proposed_sites_gain_more_and_more_and_ever_less_each(sample: Database, staff: Scope, name: str) -> None:
    answer = ask_for(sample, staff, name, COMMUNITY)
    curve = [0.0, *answer.curves[0].values]
    assert curve[-1] == next(fact.value for fact in answer.facts if fact.title.startswith("最优增设"))
    gains = np.diff(curve)
    assert (gains > 0).all()
    out = next(fact.value for fact in answer.facts if fact.title == "未覆盖常住人口")
    assert curve[-1] <= (out or 0)
    assert answer.theme("sites").count <= 5
    assert "MCLP" in answer.method


def test_homes_near_a_service_are_told_from_those_merely_covered(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, "service_coverage", COMMUNITY)
    assert [rule.code for rule in answer.rules] == ["service.radius", "service.radius_near"]
    near = 0
    for home in homes_of(answer).values():
        metres = home.get("metres", np.inf)
        near += metres <= 300
        assert home["class"] == ("near" if metres <= 300 else "covered" if metres <= 500 else "left_out")
    share = next(fact.value for fact in answer.facts if fact.title == "300 米内的住宅")
    assert share == pytest.approx(100 * near / len(homes_of(answer)), abs=0.05)
    assert 0 < near < len(homes_of(answer))


def test_of_two_kinds_of_waste_points_each_has_its_own_radius(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, "waste_coverage", COMMUNITY)
    assert [rule.code for rule in answer.rules] == ["waste.radius_timed", "waste.radius_point"]
    for home in homes_of(answer).values():
        if home["class"] == "covered":
            assert home["metres"] <= 150
        if home.get("metres", np.inf) <= 70:
            assert home["class"] == "covered"


def test_straight_lines_equal_every_distance() -> None:
    generator = np.random.default_rng(3)
    homes = np.asarray(shapely.points(generator.uniform(0, 500, (40, 2))))
    places = {70.0: np.asarray(shapely.points(generator.uniform(0, 500, (3, 2)))), 150.0: np.array([], dtype=object)}
    walk = Walk(None, shapely.Polygon())
    found = Reaching(walk, list(places.items())).of(walk.stand(homes))
    every = np.array([shapely.distance(homes, one) for one in places[70.0]])
    np.testing.assert_allclose(found.metres, every.min(axis=0))
    np.testing.assert_array_equal(found.which, every.argmin(axis=0))
    np.testing.assert_array_equal(found.covered, every.min(axis=0) <= 70)
    # Numbers run on over the groups, and a home is covered by whichever reaches it.
    both = Reaching(walk, [(70.0, places[70.0][:1]), (150.0, places[70.0][1:])]).of(walk.stand(homes))
    np.testing.assert_array_equal(both.which, every.argmin(axis=0))
    np.testing.assert_array_equal(both.covered, (every[0] <= 70) | (every[1:] <= 150).any(axis=0))


def test_without_streets_it_says_so_and_without_facilities_nobody_is_covered(
    database: Database, staff: Scope, area: str
) -> None:
    assert ask_for(database, staff, "hydrant_coverage", area).finding.startswith("还没有住宅")
    building = LAYERS["building"]
    home = example_record(building, use="11", resident_count=7)
    with database.write(staff) as conn:
        put_features(conn, building, area, [(home, shapely.box(121.0, 30.7, 121.0001, 30.7001))])
    answer = ask_for(database, staff, "hydrant_coverage", area)
    assert "全部未覆盖" in answer.finding
    assert "直线距离" in answer.method
    assert [one["class"] for one in homes_of(answer).values()] == ["left_out"]
    hydrant = LAYERS["facility"]
    with database.write(staff) as conn:
        rows = [
            (example_record(hydrant, kind="hydrant", status="lost"), shapely.Point(121.0, 30.7)),
            (example_record(hydrant, kind="hydrant"), shapely.Point(121.001, 30.7)),
        ]
        put_features(conn, hydrant, area, rows)
    answer = ask_for(database, staff, "hydrant_coverage", area)
    told = next(iter(homes_of(answer).values()))
    assert told["class"] == "covered"
    assert told["metres"] == pytest.approx(91, abs=2), "a hydrant that is lost covers nobody"
