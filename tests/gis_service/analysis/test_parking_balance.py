"""Parking against networkx's flow, against searches one by one, and against the database."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.parking_balance import near, night_peaks, occupancy, parking_balance, sharing
from gis_service.analysis.streets import Ways
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.gis_service.analysis.made_frames import made_frame

DAY = date(2020, 6, 30)


def greatest(demand: list[int], room: list[int], reached: np.ndarray) -> float:
    """Return the greatest flow in hundredths by preflow-push, which is another way than the one under test."""
    graph = nx.DiGraph()
    graph.add_nodes_from(["source", "sink"])
    for home, cars in enumerate(demand):
        graph.add_edge("source", ("home", home), capacity=cars)
    for place, spaces in enumerate(room):
        graph.add_edge(("place", place), "sink", capacity=spaces * 100)
        for reachable in np.flatnonzero(reached[place]):
            graph.add_edge(("home", int(reachable)), ("place", place), capacity=10**9)
    return float(nx.maximum_flow_value(graph, "source", "sink", flow_func=nx.algorithms.flow.preflow_push))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_sharing_equals_another_greatest_flow(data: st.DataObject) -> None:
    homes, places, yards = (data.draw(st.integers(least, 5)) for least in (1, 0, 0))
    numbers = st.integers(0, 6)
    demand = data.draw(st.lists(st.integers(0, 400), min_size=homes, max_size=homes))
    spaces = data.draw(st.lists(numbers, min_size=places, max_size=places))
    spare = data.draw(st.lists(numbers, min_size=yards, max_size=yards))
    bits = data.draw(st.lists(st.booleans(), min_size=homes * (places + yards), max_size=homes * (places + yards)))
    reached = np.array(bits, dtype=bool).reshape(places + yards, homes)
    place, home = np.nonzero(reached)
    pairs = Ways(place, home, np.zeros(len(place)))
    told = sharing(np.array(demand) / 100, np.array(spaces, dtype=int), np.array(spare, dtype=int), pairs)
    assert told.before * 100 == pytest.approx(greatest(demand, spaces, reached[:places]))
    assert told.after * 100 == pytest.approx(greatest(demand, spaces + spare, reached))
    assert (told.taken <= np.array(spare)).all()
    assert (told.taken >= 0).all()
    assert told.after - told.before <= told.taken.sum() + 1e-9


VISIT = st.fixed_dictionaries(
    {
        "target_kind": st.sampled_from(["parking", "building"]),
        "target_code": st.sampled_from(["0", "1", "9"]),
        "visited_on": st.dates(DAY - timedelta(days=370), DAY + timedelta(days=3)),
        "counted": st.none() | st.integers(0, 40),
        "at_night": st.sampled_from([True, False, None]),
    }
)
LOT = st.fixed_dictionaries(
    {
        "space_count": st.none() | st.integers(0, 30),
        "night_count": st.none() | st.integers(0, 40),
        "night_counted_on": st.none() | st.dates(DAY - timedelta(days=370), DAY),
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(LOT, min_size=2, max_size=2), st.lists(VISIT, min_size=1, max_size=8))
def test_nights(lots: list[dict[str, Any]], visits: list[dict[str, Any]]) -> None:
    frame = made_frame(lots)
    frame["peak"] = night_peaks(frame, made_frame(visits), DAY)
    cars = spaces = 0
    for number, lot in enumerate(lots):
        counts = [
            one["counted"] for one in visits
            if (one["target_kind"], one["target_code"], one["at_night"]) == ("parking", str(number), True)
            and one["counted"] is not None and 0 <= (DAY - one["visited_on"]).days < 365
        ]  # fmt: skip
        if lot["night_count"] is not None and lot["night_counted_on"] and (DAY - lot["night_counted_on"]).days < 365:
            counts.append(lot["night_count"])
        peak = frame["peak"].iloc[number]
        assert peak == max(counts, default=None)
        if counts and lot["space_count"]:
            cars, spaces = cars + max(counts), spaces + lot["space_count"]
    assert occupancy(frame) == (round(100 * cars / spaces, 1) if spaces else None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), min_size=1, max_size=6))
def test_a_place_counts_for_the_nearest_area_within_the_limit(points: list[tuple[int, int]]) -> None:
    areas = made_frame([{}, {}], ["west", "east"], [shapely.box(-200, -50, -40, 50), shapely.box(30, -50, 200, 50)])
    places = [shapely.Point(x + 0.3, y) for x, y in points]
    told = near(areas, made_frame([{}] * len(points), None, places), 150.0)
    for place, code in zip(places, told, strict=True):
        metres = {name: shape.distance(place) for name, shape in areas.geometry.items()}
        closest = min(metres, key=metres.__getitem__)
        assert code == (closest if metres[closest] <= 150 else None)


def ask_for(database: Database, scope: Scope, community: str) -> Answer:
    with database.read(scope) as conn:
        return parking_balance(conn, scope, read_area(conn, community), on=DAY)


def test_figures_of_the_sample_equal_the_database(sample: Database, staff: Scope) -> None:
    answer = ask_for(sample, staff, COMMUNITY)
    facts = {fact.title: fact.value for fact in answer.facts}
    with sample.read(staff) as conn:
        demand = conn.execute(
            text(
                "select sum(coalesce(household_local, 0) + 0.15 * (select count(*) from gis.rental_unit r"
                " where r.building_code = b.code and r.rent_status = 'let' and r.data_status <> 'void'))"
                " from gis.building b where use in ('10', '11', '12', '13') and data_status <> 'void'"
            )
        ).scalar_one()
        spaces = conn.execute(
            text("select sum(space_count) from gis.parking where kind in ('roadside', 'estate', 'public')"
                 " and data_status <> 'void'")
        ).scalar_one()  # fmt: skip
        cases = conn.execute(
            text("select count(*) from gis.hazard where event_code = '05-05' and status not in ('rejected', 'merged')"
                 " and found_on > '2019-07-01' and found_on <= '2020-06-30' and data_status <> 'void'")
        ).scalar_one()  # fmt: skip
        free = conn.execute(
            text(
                "select sum(greatest(0, space_count - most)) from gis.parking p, lateral (select greatest("
                "case when night_counted_on > '2019-07-01' and night_counted_on <= '2020-06-30' then night_count end,"
                " (select max(counted) from gis.visit v where v.target_kind = 'parking' and v.target_code = p.code"
                " and v.at_night and v.visited_on > '2019-07-01' and v.visited_on <= '2020-06-30')) most) n"
                " where kind = 'enterprise' and data_status <> 'void' and most is not null"
            )
        ).scalar_one()
    assert facts["企业院落夜间空位"] == free > 0
    assert facts["停车需求(估算)"] == pytest.approx(float(demand), abs=0.051)
    assert facts["居民车位"] == spaces > 100
    assert facts["乱停放(近一年)"] == cases > 10
    assert facts["每百车位乱停放"] == round(100 * cases / spaces, 1)
    yards = json.loads(answer.theme("yards").features)["features"]
    taken = sum(one["properties"]["taken"] for one in yards)
    gain = facts["错时共享可再停"]
    assert gain is not None
    assert 0 < gain <= taken + 0.1 * len(yards)
    assert all(one["properties"]["taken"] <= one["properties"]["spare"] for one in yards)


def test_an_empty_community_says_so(database: Database, staff: Scope, area: str) -> None:
    assert ask_for(database, staff, area).finding.startswith("还没有住户数据")
