"""Time limits and clusters of hazards against a second reckoning."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.hazards import EPS_M, LEAST, hazards, judged
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.features.write import put_features
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from layers.rules import RULES
from tests.gis_service.example_rows import example_record

DAY = date(2020, 6, 30)
DATES = st.none() | st.dates(date(2020, 1, 1), date(2020, 12, 31))
CASE = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["found", "rectifying", "transferred", "closed", "rejected", "merged"]),
        "level": st.sampled_from(["01", "02", "suspected"]),
        "found_on": DATES,
        "due_on": DATES,
        "closed_on": DATES,
        "id": st.uuids(),
        "step": DATES,
    }
)


def ask_for(database: Database, scope: Scope, community: str) -> Answer:
    with database.read(scope) as conn:
        return hazards(conn, scope, read_area(conn, community), on=DAY)


def features(answer: Answer, theme: str) -> list[dict[str, Any]]:
    return list(json.loads(answer.theme(theme).features)["features"])


def dbscan(points: np.ndarray) -> list[set[int]]:
    """Return the core points of each cluster, grown one after another (Ester and others 1996)."""
    near = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) <= EPS_M
    core = near.sum(axis=1) >= LEAST
    left, found = set(np.flatnonzero(core).tolist()), []
    while left:
        cluster, edge = set(), [left.pop()]
        while edge:
            one = edge.pop()
            cluster.add(one)
            reached = left & set(np.flatnonzero(near[one]).tolist())
            left -= reached
            edge += reached
        found.append(cluster)
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(CASE, min_size=1, max_size=10))
def test_limits_equal_a_second_reckoning(cases: list[dict[str, Any]]) -> None:
    frame = geopandas.GeoDataFrame(cases, geometry=[shapely.Point(0, 0)] * len(cases), crs=4549)
    frame = frame.astype(dict.fromkeys(cases[0], object))
    steps = {case["id"]: case["step"] for case in cases if case["step"] is not None}
    judged_cases = judged(frame, RULES["hazard.general_days"], DAY, steps)
    for case, told in zip(cases, judged_cases.to_dict("records"), strict=True):
        over = case["status"] in {"rejected", "merged"} or (
            case["status"] == "closed" and (case["closed_on"] is None or case["closed_on"] <= DAY)
        )
        limit = case["due_on"]
        if limit is None and case["found_on"] is not None:
            limit = date.fromordinal(case["found_on"].toordinal() + 15)
        if case["step"] is not None and (limit is None or case["step"] < limit):
            limit = case["step"]
        late = 0 if over or limit is None or limit >= DAY else (DAY - limit).days
        assert told["open"] == (not over)
        assert told["limit"] == limit
        assert told["late"] == late
        grave = case["level"] != "01"
        open_ = "grave_late" if grave and late else "grave" if grave else "late" if late else "in_time"
        expected = "settled" if over else open_
        assert told["class"] == expected


def test_a_case_is_late_from_the_day_after_its_limit() -> None:
    case = {"status": "found", "level": "01", "found_on": None, "closed_on": None, "id": None}
    frame = geopandas.GeoDataFrame(
        [{**case, "due_on": DAY}, {**case, "due_on": DAY - timedelta(days=1)}],
        geometry=[shapely.Point(0, 0)] * 2, crs=4549,
    )  # fmt: skip
    assert judged(frame, RULES["hazard.general_days"], DAY)["late"].tolist() == [0, 1]


def test_clusters_of_the_sample_equal_a_slow_search(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, COMMUNITY)
    with sample.read(staff) as conn:
        rows = conn.execute(
            text(
                "select ST_X(p), ST_Y(p) from (select ST_Transform(ST_PointOnSurface(geom), 4549) p from gis.hazard"
                " where status not in ('closed', 'rejected', 'merged') and data_status <> 'void') h"
            )
        ).all()
    points = np.array([tuple(row) for row in rows])
    expected = dbscan(points)
    told = features(answer, "clusters")
    assert len(told) == len(expected) > 3
    shapes = geopandas.GeoSeries.from_wkt(
        [shapely.to_wkt(shapely.from_geojson(json.dumps(one["geometry"])), rounding_precision=-1) for one in told],
        crs=4490,
    ).to_crs(4549)
    for cluster in expected:
        inside = [shapely.covers(shape, shapely.points(points[sorted(cluster)])).all() for shape in shapes]
        assert inside.count(True) == 1
    cores = sum(len(cluster) for cluster in expected)
    near = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) <= EPS_M
    reached = near[:, sorted(set().union(*expected))].any(axis=1).sum()
    assert cores <= sum(one["properties"]["number"] for one in told) == reached
    numbers = [one["properties"]["number"] for one in told]
    assert numbers == sorted(numbers, reverse=True)
    with sample.read(staff) as conn:
        rows = conn.execute(text("select address, ST_AsText(ST_Transform(geom, 4549)) from gis.building")).all()
    for one, shape in zip(told, shapes, strict=True):
        # A building that only just touches may fall to either side of the centimetres the outline was rounded to.
        sure, near = (
            {address for address, wkt in rows if address and shapely.from_wkt(wkt).intersects(area)}
            for area in (shape.buffer(-0.05), shape.buffer(0.05))
        )
        said = one["properties"].get("addresses", "")
        shown = set(said.partition(" 等 ")[0].split("、")) - {""}
        assert shown <= near
        assert len(shown) >= min(3, len(sure))


def test_firms_and_homes_are_counted_apart(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, COMMUNITY)
    facts = {fact.title: fact for fact in answer.facts}
    with sample.read(staff) as conn:
        rows = conn.execute(
            text(
                "select subject_kind, count(*), count(*) filter (where status not in ('closed', 'rejected', 'merged'))"
                " from gis.hazard where data_status <> 'void' group by 1"
            )
        ).all()
    for kind, total, left in rows:
        title = {"residential": "居住", "enterprise": "企业", "public": "公共区域"}[kind]
        assert facts[f"{title}:已办结"].value == total - left
        assert f"登记 {total:,} 起,未办结 {left:,} 起" in facts[f"{title}:已办结"].note
    assert facts["未办结"].value == sum(row[2] for row in rows) == len(features(answer, "open"))
    for one in features(answer, "open"):
        assert one["geometry"]["type"] == "Point"
        assert one["properties"]["class"] in {"in_time", "late", "grave", "grave_late"}


def test_empty_settled_and_lonely_cases(database: Database, staff: Scope, area: str) -> None:
    assert ask_for(database, staff, area).finding == "还没有登记隐患。"
    layer = LAYERS["hazard"]
    with database.write(Scope("test", "operator", (area,))) as conn:
        closed = example_record(layer, status="closed", found_on="2020-05-01")
        put_features(conn, layer, area, [(closed, shapely.Point(121.0, 30.7))])
    assert ask_for(database, staff, area).finding == "登记的隐患都已办结。"
    with database.write(staff) as conn:
        lone = example_record(layer, status="found", found_on="2020-06-29", level="suspected")
        put_features(conn, layer, area, [(lone, shapely.LineString([(121.0, 30.7), (121.001, 30.7)]))])
    answer = ask_for(database, staff, area)
    assert "1 起" in answer.finding
    assert answer.theme("clusters").count == 0
    assert [one["properties"]["class"] for one in features(answer, "open")] == ["grave"]


@pytest.mark.parametrize("areas", [(), ("330482002099",)])
def test_other_people_see_none_of_it(sample: Database, staff: Scope, areas: tuple[str, ...]) -> None:
    with sample.read(staff) as conn:
        place = read_area(conn, COMMUNITY)
    other = Scope("test", "staff", areas)
    with sample.read(other) as conn:
        assert hazards(conn, other, place, on=DAY).finding == "还没有登记隐患。"


def test_an_earlier_day_sees_what_was_open_then(sample: Database, staff: Scope) -> None:
    seen = set()
    for day in (date(2019, 6, 1), date(2020, 1, 1), date(2020, 3, 31)):
        with sample.read(staff) as conn:
            answer = hazards(conn, staff, read_area(conn, COMMUNITY), on=day)
            expected = conn.execute(
                text(
                    "select count(*) from gis.hazard"
                    " where data_status <> 'void' and status not in ('rejected', 'merged')"
                    " and (found_on is null or found_on <= :day)"
                    " and (status <> 'closed' or closed_on > :day)"
                ),
                {"day": day},
            ).scalar_one()
        facts = {fact.title: fact.value for fact in answer.facts}
        assert facts["未办结"] == expected
        clustered = sum(one["properties"]["number"] for one in features(answer, "clusters"))
        assert clustered <= expected
        seen.add(expected)
    assert len(seen) == 3
