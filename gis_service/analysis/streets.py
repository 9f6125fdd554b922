"""Walking along the streets: a network of road lines, places snapped to its edges, the nearest of some facilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

STEP_M = 25.0
"""Longest edge: longer ones are divided, so that their nodes serve as places for new facilities."""
SNAP_M = 200.0
"""How far a place may lie from the streets and still be reached from them (系统默认)."""
_AT_ONCE = 2000
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

    @cached_property
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
    for begun in range(0, len(places), _AT_ONCE):
        some = places[begun : begun + _AT_ONCE]
        place, candidate = tree.query(some, predicate="dwithin", distance=SNAP_M)
        order = np.lexsort((candidate, shapely.distance(lines[candidate], some[place]), place))
        place, candidate = place[order], candidate[order]
        # Each round tries the nearest edge that is left of every place; one round does for those not beside water.
        while len(place):
            first = np.unique(place, return_index=True)[1]
            legs = shapely.shortest_line(some[place[first]], lines[candidate[first]])
            dry = first[~shapely.intersects(water, legs)]
            who, chosen = place[dry], candidate[dry]
            edge[begun + who] = chosen
            along[begun + who] = shapely.line_locate_point(lines[chosen], some[who])
            off[begun + who] = shapely.distance(lines[chosen], some[who])
            left = ~np.isin(place, who)
            left[first] = False
            place, candidate = place[left], candidate[left]
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
    on, length, end = _through_ends(network, homes, at_nodes[None])
    best[on], chosen[on] = length[0], source[end[0]]
    for one in usable:
        same = on[homes.edge[on] == facilities.edge[one]]
        direct = np.abs(facilities.along[one] - homes.along[same]) + facilities.off[one]
        closer = same[direct < best[same]]
        best[closer], chosen[closer] = direct[direct < best[same]], one
    chosen[~np.isfinite(best)] = -1
    return best + np.where(np.isfinite(best), homes.off, 0.0), chosen


def within(network: Network, homes: Snapped, nodes: Integers, radius_m: float) -> NDArray[np.bool_]:
    """Return which homes each of some nodes of the network reaches in ``radius_m``: shape (nodes, homes)."""
    at_nodes = dijkstra(_matrix(network), directed=False, indices=nodes, limit=radius_m)
    on, length, _ = _through_ends(network, homes, at_nodes)
    reached = np.zeros((len(nodes), len(homes.edge)), dtype=bool)
    reached[:, on] = length + homes.off[on] <= radius_m
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
    on, length, _ = _through_ends(network, homes, at_nodes)
    for number, one in enumerate(usable):
        same = homes.edge[on] == facilities.edge[one]
        direct = np.abs(facilities.along[one] - homes.along[on][same]) + facilities.off[one]
        length[number, same] = np.minimum(length[number, same], direct)
    found[np.ix_(usable, on)] = length + homes.off[on]
    return found


def _through_ends(network: Network, homes: Snapped, at_nodes: Floats) -> tuple[Integers, Floats, Integers]:
    """Return the homes on the network, their distances along streets through either end of their edge, and which end.

    ``at_nodes`` is a distance to each node, shape (k, nodes); the answers have the shape (k, homes on the network).
    """
    on = np.flatnonzero(homes.on_network)
    ends, along = network.ends[homes.edge[on]], homes.along[on]
    first = at_nodes[:, ends[:, 0]] + along
    last = at_nodes[:, ends[:, 1]] + (network.lengths[homes.edge[on]] - along)
    return on, np.minimum(first, last), np.where(first <= last, ends[:, 0], ends[:, 1])


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
