"""Walking along the streets: a network of road lines, places snapped to its edges, the nearest of some facilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

STEP_M = 25.0
"""Longest edge: longer ones are divided, so that their nodes serve as places for new facilities."""
SNAP_M = 200.0
"""How far a place may lie from the streets and still be reached from them (系统默认)."""
_GRID_M = 0.001
_LEAST_M = 1e-6
"""Weight of a leg of no length: sparse matrices take a zero for no edge at all."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NONE = shapely.Polygon()


@dataclass(frozen=True)
class Network:
    """Streets as nodes and straight edges, in metres.

    Attributes
    ----------
    nodes
        Coordinates, shape (n, 2).
    ends, lengths
        Numbers of the two nodes of each edge, shape (m, 2), and its length; no edge twice, none of no length.
    """

    nodes: Floats
    ends: Integers
    lengths: Floats

    @property
    def edges(self) -> NDArray[np.object_]:
        """The edges as lines."""
        return np.asarray(shapely.linestrings(self.nodes[self.ends]))


@dataclass(frozen=True)
class Snapped:
    """Places on the network: edge (−1 where none is near), metres along it from its first end, and metres to it."""

    edge: Integers
    along: Floats
    off: Floats

    @property
    def on_network(self) -> NDArray[np.bool_]:
        """Which of the places can be reached from a street."""
        return self.edge >= 0


def build_network(lines: NDArray[np.object_]) -> Network:
    """Return the network of road lines in metres; roads that cross are connected, wherever they cross."""
    noded = shapely.segmentize(shapely.union_all(np.asarray(lines), grid_size=_GRID_M), STEP_M)
    starts, stops = [], []
    for line in shapely.get_parts(noded):
        if line.geom_type == "LineString":
            points = shapely.get_coordinates(line)
            starts.append(points[:-1])
            stops.append(points[1:])
    if not starts:
        return Network(np.empty((0, 2)), np.empty((0, 2), dtype=np.int64), np.empty(0))
    first, last = np.concatenate(starts), np.concatenate(stops)
    corners = np.round(np.concatenate([first, last]) / _GRID_M).astype(np.int64)
    both, numbers = np.unique(corners, axis=0, return_inverse=True)
    pairs = np.sort(numbers.reshape(2, -1).T, axis=1)
    ends = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    nodes = both.astype(np.float64) * _GRID_M
    lengths: Floats = np.linalg.norm(nodes[ends[:, 0]] - nodes[ends[:, 1]], axis=1)
    return Network(nodes, ends, lengths)


def snap(network: Network, places: NDArray[np.object_], water: shapely.Geometry = _NONE) -> Snapped:
    """Return where places reach the network: at the nearest edge to which the way doesn't cross water.

    Parameters
    ----------
    places
        Points in metres.
    water
        Area that can't be crossed off the streets; streets over it are bridges.
    """
    edge = np.full(len(places), -1, dtype=np.int64)
    along, off = np.zeros(len(places)), np.full(len(places), np.inf)
    lines = network.edges
    tree = shapely.STRtree(lines)
    shapely.prepare(water)
    for number, place in enumerate(places):
        near = tree.query(place, predicate="dwithin", distance=SNAP_M)
        for candidate in near[np.argsort(shapely.distance(lines[near], place), kind="stable")]:
            leg = shapely.shortest_line(place, lines[candidate])
            if not water.intersects(leg):
                edge[number] = candidate
                along[number] = shapely.line_locate_point(lines[candidate], place)
                off[number] = shapely.length(leg)
                break
    return Snapped(edge, along, off)


def nearest(network: Network, homes: Snapped, facilities: Snapped) -> tuple[Floats, Integers]:
    """Return for each home the walking distance to its nearest facility, and that facility's number.

    The way leads straight to the street, along streets, and straight from the street: metres, ``inf`` and −1 where no
    facility can be reached. Home and facility on one edge walk along it directly, where that is shorter.
    """
    usable = np.flatnonzero(facilities.on_network)
    best, chosen = np.full(len(homes.edge), np.inf), np.full(len(homes.edge), -1, dtype=np.int64)
    if not len(usable) or not len(network.nodes):
        return best, chosen
    at_nodes, source = _from_facilities(network, facilities, usable)
    for number in np.flatnonzero(homes.on_network):
        edge, along = homes.edge[number], homes.along[number]
        ways = [(at_nodes[node] + leg, source[node]) for node, leg in _legs(network, edge, along)]
        ways += [
            (abs(facilities.along[one] - along) + facilities.off[one], one)
            for one in usable[facilities.edge[usable] == edge]
        ]
        length, one = min(ways)
        if np.isfinite(length):
            best[number], chosen[number] = length + homes.off[number], one
    return best, chosen


def within(network: Network, homes: Snapped, nodes: Integers, radius_m: float) -> NDArray[np.bool_]:
    """Return which homes each of some nodes of the network reaches in ``radius_m``: shape (nodes, homes)."""
    at_nodes = dijkstra(_matrix(network), directed=False, indices=nodes, limit=radius_m)
    reached = np.zeros((len(nodes), len(homes.edge)), dtype=bool)
    for number in np.flatnonzero(homes.on_network):
        legs = _legs(network, homes.edge[number], homes.along[number])
        shortest = np.minimum(*(at_nodes[:, node] + leg for node, leg in legs))
        reached[:, number] = shortest + homes.off[number] <= radius_m
    return reached


def distances(network: Network, homes: Snapped, facilities: Snapped, limit_m: float) -> Floats:
    """Return the walking distance from each facility to each home: metres, shape (facilities, homes).

    ``inf`` where there is no way, or where the way along streets alone is longer than ``limit_m``.
    """
    found = np.full((len(facilities.edge), len(homes.edge)), np.inf)
    usable = np.flatnonzero(facilities.on_network)
    if not len(usable) or not len(network.nodes):
        return found
    count = len(network.nodes)
    graph = _joined(network, facilities, usable)
    at_nodes = dijkstra(graph, directed=False, indices=count + np.arange(len(usable)), limit=limit_m)[:, :count]
    for number in np.flatnonzero(homes.on_network):
        edge, along = homes.edge[number], homes.along[number]
        shortest = np.minimum(*(at_nodes[:, node] + leg for node, leg in _legs(network, edge, along)))
        same = facilities.edge[usable] == edge
        direct = np.abs(facilities.along[usable] - along) + facilities.off[usable]
        shortest[same] = np.minimum(shortest[same], direct[same])
        found[usable, number] = shortest + homes.off[number]
    return found


def _legs(network: Network, edge: int, along: float) -> tuple[tuple[int, float], tuple[int, float]]:
    first, last = network.ends[edge]
    return (int(first), float(along)), (int(last), float(network.lengths[edge] - along))


def _from_facilities(network: Network, facilities: Snapped, usable: Integers) -> tuple[Floats, Integers]:
    """Return for each node the distance to its nearest facility, and that facility's number."""
    count = len(network.nodes)
    lengths, _, sources = dijkstra(
        _joined(network, facilities, usable), directed=False, indices=count + np.arange(len(usable)), min_only=True,
        return_predecessors=True,
    )  # fmt: skip
    found = np.where(sources[:count] >= 0, sources[:count] - count, 0)
    return lengths[:count], usable[found]


def _joined(network: Network, facilities: Snapped, usable: Integers) -> csr_matrix:
    """Return the network with a node for each usable facility behind its own, joined to both ends of its edge.

    A facility's own node is only left: passing through one would lead over its leg, away from the street and back,
    which is never shorter than the street itself.
    """
    count = len(network.nodes)
    rows, cols, legs = [], [], []
    for place, one in enumerate(usable):
        for node, leg in _legs(network, facilities.edge[one], facilities.along[one]):
            rows.append(count + place)
            cols.append(node)
            legs.append(max(_LEAST_M, leg + facilities.off[one]))
    return csr_matrix(
        (
            np.concatenate([network.lengths, legs]),
            (np.concatenate([network.ends[:, 0], rows]), np.concatenate([network.ends[:, 1], cols])),
        ),
        shape=(count + len(usable), count + len(usable)),
    )


def _matrix(network: Network) -> csr_matrix:
    count = len(network.nodes)
    return csr_matrix((network.lengths, (network.ends[:, 0], network.ends[:, 1])), shape=(count, count))
