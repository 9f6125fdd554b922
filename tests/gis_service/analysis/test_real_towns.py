"""Krems, Helsinki and Shanghai: figures of the analyses against reckonings with shapely, networkx and numpy alone."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import networkx as nx
import numpy as np
import pyproj
import pytest
import shapely

from gis_service.analysis.answer import Answer
from gis_service.analysis.catalog import ANALYSES
from gis_service.analysis.streets import SNAP_M
from gis_service.areas import read_area
from gis_service.database import Database, connect
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope
from layers.rules import RULES
from tests.conftest import TEST_COMMUNITY
from tests.gis_service.analysis.real_town import DAY, SRIDS, Town, make_town
from tests.gis_service.analysis.test_crowding import marks_of
from tests.gis_service.analysis.test_hazards import dbscan
from tests.gis_service.analysis.test_parking_balance import greatest
from tests.gis_service.analysis.test_streets import graph_of

NEAR_M = 0.02
"""Stored degrees are rounded to less than this."""


USUAL_TOWN = "shanghai"


@pytest.fixture(
    scope="module",
    params=[name if name == USUAL_TOWN else pytest.param(name, marks=pytest.mark.long) for name in SRIDS],
)
def stored(
    request: pytest.FixtureRequest, cluster: LocalCluster, make_database: Callable[[], str]
) -> Iterator[tuple[Town, Database]]:
    name = make_database()
    town = make_town(cluster.url("postgres", name), request.param)
    database = connect(cluster.url("gis_app", name))
    yield town, database
    database.close()


@pytest.fixture(scope="module")
def town(stored: tuple[Town, Database]) -> Town:
    return stored[0]


@pytest.fixture(scope="module")
def ask(stored: tuple[Town, Database]) -> Callable[[str], Answer]:
    scope = Scope("test", "staff", (TEST_COMMUNITY,))

    def answer(name: str) -> Answer:
        with stored[1].read(scope) as conn:
            return ANALYSES[name].compute(conn, scope, read_area(conn, TEST_COMMUNITY), on=DAY)

    return answer


def told(answer: Answer, theme: str) -> dict[str, dict[str, Any]]:
    features = json.loads(answer.theme(theme).features)["features"]
    return {item["id"]: item["properties"] for item in features}


def value(answer: Answer, title: str) -> float | None:
    return next(fact.value for fact in answer.facts if fact.title == title)


class Walked:
    """Streets as networkx sees them, with places joined to the nearest edge that isn't across water."""

    def __init__(self, town: Town) -> None:
        lines = [part for line in town.shapes["road"].values() for part in shapely.get_parts(line)]
        self.graph = graph_of(lines)
        self.edges = list(self.graph.edges)
        self.drawn = np.array([shapely.LineString(edge) for edge in self.edges])
        self.water = shapely.union_all(list(town.shapes.get("water", {}).values()))
        self.on: dict[int, list[tuple[str, float, float]]] = {}

    def join(self, name: str, place: shapely.Point) -> None:
        self.graph.add_node(name)
        away = shapely.distance(self.drawn, place)
        for number in np.argsort(away, kind="stable"):
            if away[number] > SNAP_M:
                return
            if shapely.shortest_line(place, self.drawn[number]).intersects(self.water):
                continue
            edge, off, along = self.edges[number], float(away[number]), float(self.drawn[number].project(place))
            self.graph.add_edge(name, edge[0], weight=off + along)
            self.graph.add_edge(name, edge[1], weight=off + self.drawn[number].length - along)
            for other, away_m, at in self.on.setdefault(int(number), []):
                self.graph.add_edge(name, other, weight=off + away_m + abs(along - at))
            self.on[int(number)].append((name, off, along))
            return

    def from_(self, places: list[str]) -> dict[str, float]:
        return dict(nx.multi_source_dijkstra_path_length(self.graph, places)) if places else {}


@pytest.fixture(scope="module")
def walked(town: Town) -> Walked:
    found = Walked(town)
    for code, shape in homes(town).items():
        found.join(code, shapely.point_on_surface(shape))
    for layer in ("facility", "waste_point", "parking"):
        for code, place in town.shapes[layer].items():
            found.join(code, place)
    return found


def homes(town: Town) -> dict[str, shapely.Geometry]:
    return town.of("building", use="11")


def same(told_m: float | None, wanted_m: float) -> bool:
    return math.isinf(wanted_m) if told_m is None else abs(told_m - wanted_m) <= 0.05 + NEAR_M


def test_cells_hold_what_a_recount_finds(town: Town, ask: Callable[[str], Answer]) -> None:
    answer = ask("density")
    weights = {"residents": ("building", "resident_count"), "tenants": ("rental_unit", "tenant_count")}
    degrees, metres = (_transformer(*way) for way in ((town.srid, 4490), (4490, town.srid)))
    for measure, (layer, weight) in weights.items():
        cells: Counter[str] = Counter()
        for code, shape in town.shapes[layer].items():
            # The database takes the point in degrees, where it may lie elsewhere in a building than in metres.
            stored = shapely.transform(shape, lambda at: np.column_stack(degrees(at[:, 0], at[:, 1])))
            inside = shapely.point_on_surface(stored)
            x, y = metres(inside.x, inside.y)
            cells[f"E{math.floor(x / 100)}N{math.floor(y / 100)}"] += town.rows[layer][code][weight] or 0
        found = {cell: one["value"] for cell, one in told(answer, f"cells_{measure}").items()}
        assert found == {cell: number for cell, number in cells.items() if number}
        assert cells.total() > 100


def test_hydrants_are_as_far_as_networkx_says(town: Town, ask: Callable[[str], Answer], walked: Walked) -> None:
    answer = ask("hydrant_coverage")
    wanted = walked.from_(list(town.of("facility", kind="hydrant", status="intact")))
    found = told(answer, "homes")
    assert set(found) == set(homes(town))
    radius_m = RULES["hydrant.radius"].value
    for code, home in found.items():
        metres = wanted.get(code, math.inf)
        assert same(home.get("metres"), metres), (code, home, metres)
        if abs(metres - radius_m) > NEAR_M:
            assert home["class"] == ("covered" if metres <= radius_m else "left_out")
    left = [code for code, home in found.items() if home["class"] == "left_out"]
    assert value(answer, "未覆盖住宅") == len(left)
    assert value(answer, "未覆盖常住人口") == sum(town.rows["building"][code]["resident_count"] for code in left)
    units = town.rows["rental_unit"].values()
    assert value(answer, "未覆盖出租房") == sum(unit["building_code"] in left for unit in units)


def test_what_a_proposed_place_reaches_is_what_networkx_reaches(
    town: Town, ask: Callable[[str], Answer], walked: Walked
) -> None:
    answer = ask("hydrant_coverage")
    sites = json.loads(answer.theme("sites").features)["features"]
    found = told(answer, "homes")
    left = {code for code, home in found.items() if home["class"] == "left_out" and "metres" in home}
    gained = answer.curves[0].values
    assert len(sites) == len(gained) > 0
    reached: set[str] = set()
    frame = answer.theme("sites")
    assert frame.count == len(sites)
    nodes = [node for node in walked.graph.nodes if isinstance(node, tuple)]
    node: Any
    to_metric = _transformer(4490, town.srid)
    for site in sites:
        at = to_metric(*site["geometry"]["coordinates"])
        node = min(nodes, key=lambda one: math.dist(one, at))
        # A long edge is divided for places to stand on it: there the place is joined like a home.
        if math.dist(node, at) > NEAR_M:
            node = f"site {site['id']}"
            walked.join(node, shapely.Point(at))
        lengths = nx.single_source_dijkstra_path_length(
            walked.graph, node, cutoff=RULES["hydrant.radius"].value + NEAR_M
        )
        reached |= left & set(lengths)
    people = sum(town.rows["building"][code]["resident_count"] for code in reached)
    assert people == pytest.approx(gained[-1], abs=25)


def _transformer(of: int, to: int) -> Callable[..., tuple[Any, Any]]:
    found: Callable[..., tuple[Any, Any]] = pyproj.Transformer.from_crs(of, to, always_xy=True).transform
    return found


def test_the_nearest_of_each_kind_is_networkx_nearest(town: Town, ask: Callable[[str], Answer], walked: Walked) -> None:
    answer = ask("nearest_facility")
    for theme, places in (("waste", town.of("waste_point")), ("parking", town.of("parking"))):
        wanted = walked.from_(list(places))
        for code, home in told(answer, theme).items():
            assert same(home.get("metres"), wanted.get(code, math.inf)), (theme, code)


def test_clusters_and_limits_of_cases_are_grown_by_hand(town: Town, ask: Callable[[str], Answer]) -> None:
    answer = ask("hazards")
    opened = [code for code, row in town.rows["hazard"].items() if row["status"] != "closed"]
    points = shapely.get_coordinates([town.shapes["hazard"][code] for code in opened])
    general = timedelta(days=RULES["hazard.general_days"].value)
    assert value(answer, "未办结") == len(opened)
    late = sum(town.rows["hazard"][code]["found_on"] + general < DAY for code in opened)
    assert value(answer, "已超期") == late
    cores = dbscan(points)
    clusters = told(answer, "clusters")
    assert len(clusters) == len(cores) > 0
    # Cases at the edge of two clusters may go to either; all that reach a core belong to one.
    near = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) <= 40.0
    members = {int(one) for core in cores for one in np.flatnonzero(near[sorted(core)].any(axis=0))}
    assert sum(one["number"] for one in clusters.values()) == len(members)


def test_crowding_is_judged_again(town: Town, ask: Callable[[str], Answer]) -> None:
    answer = ask("crowding")
    let = {code: row for code, row in town.rows["rental_unit"].items() if row["rent_status"] == "let"}
    marks = {code: marks_of(row) for code, row in let.items()}
    assert {code: set(one["reasons"]) for code, one in told(answer, "units").items()} == {
        code: some for code, some in marks.items() if some
    }


def test_cars_within_walking_distance_are_another_greatest_flow(
    town: Town, ask: Callable[[str], Answer], walked: Walked
) -> None:
    answer = ask("parking_balance")
    let = Counter(row["building_code"] for row in town.rows["rental_unit"].values() if row["rent_status"] == "let")
    per_local, per_let = RULES["parking.demand_local"].value, RULES["parking.demand_tenant"].value
    demand = {
        code: per_local * town.rows["building"][code]["household_local"] + per_let * let[code] for code in homes(town)
    }
    assert value(answer, "停车需求(估算)") == pytest.approx(sum(demand.values()), abs=0.06)
    reached = np.zeros((len(town.shapes["parking"]), len(demand)), dtype=bool)
    limit_m = RULES["parking.radius_public"].value
    for number, place in enumerate(town.shapes["parking"]):
        lengths = walked.from_([place])
        reached[number] = [lengths.get(code, math.inf) <= limit_m for code in demand]
    spaces = [row["space_count"] for row in town.rows["parking"].values()]
    most = greatest([round(cars * 100) for cars in demand.values()], spaces, reached) / 100
    assert value(answer, "步行范围内停不下") == pytest.approx(sum(demand.values()) - most, abs=0.6)


def test_contradictions_are_found_by_looking_at_every_pair(town: Town, ask: Callable[[str], Answer]) -> None:
    found: dict[str, set[str]] = {}
    for key in told(ask("contradictions"), "hits"):
        rule, code = key.split(".", 1)
        found.setdefault(rule, set()).add(code)
    houses, units = town.shapes["building"], town.rows["rental_unit"]
    assert found.get("V1", set()) == {code for code, row in units.items() if row["building_code"] not in houses}
    slack_m = RULES["accuracy.c"].value
    assert found.get("V2", set()) == {
        code for code, row in units.items()
        if row["building_code"] in houses
        and houses[row["building_code"]].distance(town.shapes["rental_unit"][code]) > slack_m
    }  # fmt: skip
    assert found.get("V3", set()) == {
        code for code, row in units.items() if row["rent_status"] != "let" and row["tenant_count"]
    }
    assert found.get("V8", set()) == {
        code
        for code, place in town.shapes["parking"].items()
        if any(shape.contains(place) for shape in houses.values())
    }
    lived = [houses[code] for code, row in town.rows["building"].items()
             if row["household_local"] or row["resident_count"]]  # fmt: skip
    assert found.get("V10", set()) == {
        code for code, place in town.shapes["waste_point"].items()
        if all(shape.distance(place) > RULES["waste.radius_timed"].value for shape in lived)
    }  # fmt: skip


def test_the_age_of_records_is_their_median(town: Town, ask: Callable[[str], Answer]) -> None:
    days = [row["surveyed_on"] for row in town.rows["building"].values()]
    ages = [(DAY - day).days for day in days if day]
    assert value(ask("freshness"), "楼栋调查距今(中位数)") == pytest.approx(statistics.median(ages))
