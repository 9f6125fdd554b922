"""Walking distances against networkx on random and on real streets; canals, one edge, and places without a way."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import geopandas
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gis_service.analysis.streets import SNAP_M, build_network, nearest, snap, ways, within

ROADS = Path(__file__).parents[2] / "data" / "shanghai"


def graph_of(lines: list[shapely.LineString]) -> nx.Graph:
    """Return noded streets as a graph of their corners, built without the module under test."""
    graph = nx.Graph()
    for line in shapely.get_parts(shapely.union_all(lines, grid_size=0.001)):
        corners = [(round(x, 3), round(y, 3)) for x, y in shapely.get_coordinates(line)]
        for one, other in itertools.pairwise(corners):
            if one != other:
                graph.add_edge(one, other, weight=math.dist(one, other))
    return graph


def expected(
    lines: list[shapely.LineString], homes: list[shapely.Point], facilities: list[shapely.Point]
) -> NDArray[np.float64]:
    """Return each home's distance to its nearest facility by networkx, each pair of them in a graph of its own."""
    streets = graph_of(lines)
    edges = list(streets.edges)
    drawn = np.array([shapely.LineString(edge) for edge in edges])
    found = []
    for home in homes:
        best = math.inf
        for facility in facilities:
            graph, feet = streets.copy(), []
            for name, place in (("home", home), ("facility", facility)):
                number = int(np.argmin(shapely.distance(drawn, place)))
                off = drawn[number].distance(place)
                foot = drawn[number].interpolate(drawn[number].project(place))
                feet.append((number, foot))
                graph.add_node(name)
                for end in edges[number] if off <= SNAP_M else ():
                    graph.add_edge(name, end, weight=off + foot.distance(shapely.Point(end)))
            offs = [drawn[number].distance(place) for (number, _), place in zip(feet, (home, facility), strict=True)]
            if feet[0][0] == feet[1][0] and max(offs) <= SNAP_M:
                best = min(best, sum(offs) + feet[0][1].distance(feet[1][1]))
            if nx.has_path(graph, "home", "facility"):
                best = min(best, nx.dijkstra_path_length(graph, "home", "facility"))
        found.append(best)
    return np.array(found)


def ours(
    lines: list[shapely.LineString], homes: list[shapely.Point], facilities: list[shapely.Point],
    water: shapely.Geometry = shapely.Polygon(),
) -> NDArray[np.float64]:  # fmt: skip
    network = build_network(np.array(lines))
    return nearest(network, snap(network, np.array(homes), water), snap(network, np.array(facilities), water))[0]


COORDINATE = st.integers(0, 60).map(lambda number: number * 10.0)
POINTS = st.tuples(COORDINATE, COORDINATE)
STREETS = st.lists(
    st.lists(POINTS, min_size=2, max_size=4, unique=True).map(shapely.LineString), min_size=1, max_size=6
)
# Off the lattice of the streets, so that no place is equally near to two of them.
PLACES = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 600)).map(lambda at: shapely.Point(at[0] + 0.37, at[1] + 0.71)),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(STREETS, PLACES, PLACES)
def test_distances_equal_networkx_on_random_streets(
    streets: list[shapely.LineString], homes: list[shapely.Point], facilities: list[shapely.Point]
) -> None:
    found, wanted = ours(streets, homes, facilities), expected(streets, homes, facilities)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    near = np.isfinite(wanted)
    np.testing.assert_allclose(found[near], wanted[near], atol=0.01)


@settings(max_examples=30, deadline=None)
@given(STREETS, PLACES, PLACES)
def test_each_pair_equals_networkx(
    streets: list[shapely.LineString], homes: list[shapely.Point], facilities: list[shapely.Point]
) -> None:
    network = build_network(np.array(streets))
    at_home, at_place = snap(network, np.array(homes)), snap(network, np.array(facilities))

    def table(limit_m: float) -> np.ndarray:
        pairs = ways(network, at_home, at_place, limit_m)
        found = np.full((len(facilities), len(homes)), np.inf)
        found[pairs.facility, pairs.home] = pairs.metres
        return found

    found = table(1e9)
    for number, facility in enumerate(facilities):
        wanted = expected(streets, homes, [facility])
        np.testing.assert_allclose(found[number], wanted, atol=0.01)
    assert (table(300.0) == np.where(found <= 300.0, found, np.inf)).all()


def test_a_canal_without_a_bridge_separates_and_a_bridge_connects() -> None:
    west, east = shapely.LineString([(0, 0), (0, 300)]), shapely.LineString([(60, 0), (60, 300)])
    canal = shapely.box(20, -50, 40, 350)
    home, hydrant = shapely.Point(5, 150), shapely.Point(55, 150)
    assert ours([west, east], [home], [hydrant], canal)[0] == math.inf
    bridge = shapely.LineString([(0, 0), (60, 0)])
    assert ours([west, east, bridge], [home], [hydrant], canal)[0] == pytest.approx(5 + 150 + 60 + 150 + 5)


def test_a_home_turns_to_the_street_on_its_own_bank() -> None:
    """The nearest street lies across the water, so the home walks to the farther one."""
    across, own = shapely.LineString([(0, 0), (0, 300)]), shapely.LineString([(70, 0), (70, 300)])
    canal = shapely.box(10, -50, 20, 350)
    home, facility = shapely.Point(30, 100), shapely.Point(75, 200)
    assert ours([across, own], [home], [facility], canal)[0] == pytest.approx(40 + 100 + 5)


def test_both_on_one_edge_walk_along_it() -> None:
    street = shapely.LineString([(0, 0), (20, 0)])
    assert ours([street], [shapely.Point(4, 3)], [shapely.Point(9, -2)])[0] == pytest.approx(3 + 5 + 2)
    both = [shapely.Point(12, -2), shapely.Point(14, -2)]
    for places in (both, both[::-1]):
        assert ours([street], [shapely.Point(10, 3)], places)[0] == pytest.approx(3 + 2 + 2)


def test_far_from_every_street_or_without_any_there_is_no_way() -> None:
    street = shapely.LineString([(0, 0), (100, 0)])
    assert ours([street], [shapely.Point(50, SNAP_M + 1)], [shapely.Point(50, 1)])[0] == math.inf
    network = build_network(np.array([], dtype=object))
    none = snap(network, np.array([shapely.Point(0, 0)]))
    assert nearest(network, none, none)[0][0] == math.inf


def test_what_a_node_reaches_equals_networkx(roads: list[shapely.LineString]) -> None:
    network = build_network(np.array(roads))
    generator = np.random.default_rng(8)
    homes = shapely.points(network.nodes[generator.choice(len(network.nodes), 30)] + generator.normal(0, 15, (30, 2)))
    nodes = generator.choice(len(network.nodes), 6, replace=False)
    reached = within(network, snap(network, homes), nodes, 400.0)
    for row, node in enumerate(nodes):
        alone = snap(network, np.array([shapely.Point(network.nodes[node])]))
        metres = nearest(network, snap(network, homes), alone)[0]
        clear = np.abs(metres - 400) > 0.01
        np.testing.assert_array_equal(reached[row][clear], (metres <= 400)[clear])
    assert reached.any()


@pytest.fixture(scope="module")
def roads() -> list[shapely.LineString]:
    """Real streets of a part of Shanghai, in metres."""
    frame = geopandas.read_file(ROADS / "roads.geojson").to_crs(4549)
    return [part for part in shapely.get_parts(frame.geometry.array) if part.geom_type == "LineString"][:150]


def test_distances_equal_networkx_on_real_streets(roads: list[shapely.LineString]) -> None:
    generator = np.random.default_rng(4)
    west, south, east, north = shapely.total_bounds(np.array(roads))
    homes = [shapely.Point(generator.uniform(west, east), generator.uniform(south, north)) for _ in range(12)]
    facilities = [shapely.Point(generator.uniform(west, east), generator.uniform(south, north)) for _ in range(3)]
    found, wanted = ours(roads, homes, facilities), expected(roads, homes, facilities)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    assert np.isfinite(wanted).any()
    near = np.isfinite(wanted)
    np.testing.assert_allclose(found[near], wanted[near], atol=0.05)
