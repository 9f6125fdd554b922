"""Green, waste, wires, roads and nearest facilities against pieces counted one by one and against the database."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.coverage import FACILITIES, coverage_of
from gis_service.analysis.environment import construction_waste, green_loss, lost_by_kind
from gis_service.analysis.nearest_facility import nearest_facility
from gis_service.analysis.networks import length_within, overhead_wires, renewal_of, road_renewal
from gis_service.analysis.walking import Walk
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.gis_service.analysis.made_frames import made_frame

DAY = date(2020, 6, 30)
COORDINATE = st.integers(-50, 150)
POINT = st.tuples(COORDINATE, COORDINATE)


def ask(database: Database, scope: Scope, compute: Callable[..., Answer], community: str = COMMUNITY) -> Answer:
    with database.read(scope) as conn:
        return compute(conn, scope, read_area(conn, community), on=DAY)


def facts(answer: Answer) -> dict[str, float | None]:
    return {fact.title: fact.value for fact in answer.facts}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(POINT, POINT).filter(lambda ends: ends[0] != ends[1]), min_size=1, max_size=5))
@example([((60, 10), (60, 90)), ((20, 50), (90, 50))])
def test_lengths_in_areas_equal_small_pieces(segments: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    lines = made_frame([{}] * len(segments), None, [shapely.LineString(one) for one in segments])
    boxes = [(0, 0, 60, 100), (60, 0, 100, 100)]
    told = length_within(lines, made_frame([{}] * 2, None, [shapely.box(*one) for one in boxes]))
    middles = (np.arange(4000) + 0.5) / 4000
    for (left, low, right, high), metres in zip(boxes, told, strict=True):
        expected = 0.0
        for (x0, y0), (x1, y1) in segments:
            xs, ys = x0 + middles * (x1 - x0), y0 + middles * (y1 - y0)
            inside = (xs >= left if left == 0 else xs > left) & (xs <= right) & (low <= ys) & (ys <= high)
            expected += float(np.hypot(x1 - x0, y1 - y0)) * inside.mean()
        assert metres == pytest.approx(expected, abs=0.2 * len(segments) + 1e-6)


@given(st.lists(st.tuples(st.sampled_from(["intact", "vegetables", "parking", "unknown"]), st.integers(1, 50))))
def test_lost_green_is_the_sum_of_its_pieces(pieces: list[tuple[str, int]]) -> None:
    frame = made_frame([{"class": kind} for kind, _ in pieces] or [{"class": "intact"}], None,
                       [shapely.box(0, 0, 2, wide) for _, wide in pieces] or [shapely.box(0, 0, 1, 1)])  # fmt: skip
    told = lost_by_kind(frame)
    for kind in ("vegetables", "parking"):
        assert told.get(kind, 0) == pytest.approx(sum(2 * wide for one, wide in pieces if one == kind))
    assert set(told) <= {"vegetables", "parking"}


ROAD = st.fixed_dictionaries(
    {
        "renewed_on": st.sampled_from([None, date(2019, 1, 1), DAY, date(2020, 7, 1)]),
        "condition": st.sampled_from([None, "good", "poor", "failed"]),
        "surface": st.sampled_from([None, "concrete", "asphalt"]),
    }
)


@given(ROAD)
def test_roads_are_told_by_what_was_done(road: dict[str, Any]) -> None:
    told = renewal_of(made_frame([road]), DAY)[0]
    if road["renewed_on"] in {date(2019, 1, 1), DAY}:
        assert told == "renewed"
    elif road["condition"] in {"poor", "failed"}:
        assert told == "bad"
    else:
        assert told == ("concrete" if road["surface"] == "concrete" else "other")


@settings(max_examples=60, deadline=None)
@given(st.lists(POINT, max_size=6), st.lists(POINT, max_size=6), st.integers(1, 250))
def test_without_streets_the_way_is_straight(
    homes: list[tuple[int, int]], places: list[tuple[int, int]], limit_m: int
) -> None:
    walk = Walk(None, shapely.Polygon())
    at_home, at_place = (np.array([shapely.Point(one) for one in some], dtype=object) for some in (homes, places))
    stood, reached = walk.stand(at_home), walk.stand(at_place)
    metres, number = walk.to_nearest(reached)(stood)
    found = walk.ways(stood, reached, limit_m)
    far = np.full((len(places), len(homes)), np.inf)
    far[found.facility, found.home] = found.metres
    for home, (x, y) in enumerate(homes):
        each = [float(np.hypot(x - px, y - py)) for px, py in places]
        assert metres[home] == pytest.approx(min(each, default=np.inf))
        assert number[home] == -1 if not each else each[number[home]] == pytest.approx(min(each))
        for place, length in enumerate(each):
            assert far[place, home] == (pytest.approx(length) if length <= limit_m else np.inf)


def test_green_wires_and_roads_of_the_sample_equal_the_database(sample: Database, staff: Scope) -> None:
    green, wires, roads = (facts(ask(sample, staff, one)) for one in (green_loss, overhead_wires, road_renewal))
    with sample.read(staff) as conn:
        lost, gardens = conn.execute(
            text(
                "select sum(a) filter (where occupation <> 'intact'), sum(a) filter (where occupation = 'vegetables')"
                " from (select occupation, ST_Area(ST_Transform(geom, 4549)) a from gis.green"
                " where data_status <> 'void') g"
            )
        ).one()
        hanging, total = conn.execute(
            text(
                "select sum(l) filter (where laying in ('overhead', 'wall')), sum(l) from (select laying,"
                " ST_Length(ST_Transform(geom, 4549)) l from gis.utility_line where data_status <> 'void'"
                " and kind in ('power', 'telecom') and state not in ('removed', 'planned')) w"
            )
        ).one()
        renewed = conn.execute(
            text("select sum(area_m2) from gis.road where data_status <> 'void' and renewed_on <= '2020-06-30'")
        ).scalar_one()
    assert green["被占或损坏"] == pytest.approx(lost, abs=0.1)
    assert green["私家菜园"] == pytest.approx(gardens, abs=0.1)
    assert wires["架空或明敷"] == pytest.approx(hanging, abs=0.1)
    assert wires["强弱电入地率"] == pytest.approx(100 * (1 - hanging / total), abs=0.06)
    assert roads["已改造"] == pytest.approx(float(renewed), abs=0.1)
    assert roads["完成上报数的"] == pytest.approx(float(renewed) / 400, abs=0.06)


@pytest.mark.long
def test_nearest_facilities_agree_with_coverage(sample: Database, staff: Scope) -> None:
    answer = ask(sample, staff, nearest_facility)
    for facility in FACILITIES.values():
        theme = answer.theme(facility.name.removesuffix("_coverage"))
        told = {one["id"]: one["properties"].get("metres") for one in json.loads(theme.features)["features"]}
        homes = ask(sample, staff, coverage_of(facility)).theme("homes")
        assert told == {one["id"]: one["properties"].get("metres") for one in json.loads(homes.features)["features"]}
        assert len(told) > 500
        known = [metres for metres in told.values() if metres is not None]
        fact = next(one for one in answer.facts if one.theme == theme.name)
        assert fact.value == pytest.approx(statistics.median(known), abs=0.051)
        assert f"{len(told) - len(known)} 幢到不了" in fact.note


def test_waste_cases_of_the_sample(sample: Database, staff: Scope) -> None:
    answer = ask(sample, staff, construction_waste)
    with sample.read(staff) as conn:
        number = conn.execute(
            text("select count(*) from gis.hazard where event_code in ('01-03', '03-03') and data_status <> 'void'"
                 " and status not in ('rejected', 'merged')")
        ).scalar_one()  # fmt: skip
        straight: dict[str, float] = dict(
            conn.execute(
                text(
                    "select h.code, min(ST_Distance(ST_Transform(ST_PointOnSurface(h.geom), 4549),"
                    " ST_Transform(w.geom, 4549))) from gis.hazard h, gis.waste_point w"
                    " where w.kind = 'renovation' and h.event_code in ('01-03', '03-03') group by 1"
                )
            ).all()
        )
    told = json.loads(answer.theme("cases").features)["features"]
    assert facts(answer)["渣土与施工废弃料"] == number == len(told)
    # Nobody walks a shorter way than the straight one.
    assert all(one["properties"].get("metres", 1e9) >= straight[one["id"]] - 0.06 for one in told)


@pytest.mark.parametrize(
    "compute", [green_loss, construction_waste, overhead_wires, road_renewal, nearest_facility],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_an_empty_community_says_so(
    compute: Callable[..., Answer], database: Database, staff: Scope, area: str
) -> None:
    assert ask(database, staff, compute, area).finding.startswith("还没有")
