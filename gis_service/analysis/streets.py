"""Walking along the streets: a network of road lines, places snapped to its edges, the nearest of some facilities."""

from __future__ import annotations

from collections.abc import Iterator
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
_MOST_VALUES = 4_000_000
"""Distances that are held at once: 32 MB."""
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

    def settle(places_: Integers, candidates: Integers) -> Integers:
        """Put places on their candidate edges where the way is dry; return which of the pairs were."""
        legs = shapely.shortest_line(places[places_], lines[candidates])
        dry = np.flatnonzero(~shapely.intersects(water, legs))
        who, chosen = places_[dry], candidates[dry]
        edge[who] = chosen
        along[who] = shapely.line_locate_point(lines[chosen], places[who])
        off[who] = shapely.distance(lines[chosen], places[who])
        return dry

    for begun in range(0, len(places), _AT_ONCE):
        some = np.arange(begun, min(begun + _AT_ONCE, len(places)))
        place, candidate = tree.query_nearest(places[some], max_distance=SNAP_M)
        # Of edges equally near the first is taken, here and below.
        order = np.lexsort((candidate, place))
        place, first = np.unique(place[order], return_index=True)
        wet = np.delete(place, settle(some[place], candidate[order][first]))
        place, candidate = tree.query(places[some[wet]], predicate="dwithin", distance=SNAP_M)
        place = some[wet][place]
        order = np.lexsort((candidate, shapely.distance(lines[candidate], places[place]), place))
        place, candidate = place[order], candidate[order]
        # Each round tries the nearest edge that is left of every place beside water.
        while len(place):
            first = np.unique(place, return_index=True)[1]
            settled = place[first][settle(place[first], candidate[first])]
            left = ~np.isin(place, settled)
            left[first] = False
            place, candidate = place[left], candidate[left]
    return Snapped(edge, along, off)


def nearest(network: Network, homes: Snapped, facilities: Snapped) -> tuple[Floats, Integers]:
    """Return for each home the walking distance to its nearest facility, and that facility's number.

    The way leads straight to the street, along streets, and straight from the street: metres, ``inf`` and −1 where no
    facility can be reached. Home and facility on one edge walk along it directly, where that is shorter.
    """
    return Nearness(network, facilities).of(homes)


class Nearness:
    """The distances of a network's nodes to the nearest of some facilities, asked for home after home."""

    def __init__(self, network: Network, facilities: Snapped) -> None:
        """Reckon the way from every node once."""
        self._network, self._facilities = network, facilities
        self._usable = np.flatnonzero(facilities.on_network)
        if len(self._usable) and len(network.nodes):
            self._at_nodes, self._source = _from_facilities(network, facilities, self._usable)

    def of(self, homes: Snapped) -> tuple[Floats, Integers]:
        """Return what ``nearest`` does."""
        best, chosen = np.full(len(homes.edge), np.inf), np.full(len(homes.edge), -1, dtype=np.int64)
        if not len(self._usable) or not len(self._network.nodes):
            return best, chosen
        on, length, end = through_ends(self._network, homes, self._at_nodes[None])
        best[on], chosen[on] = length[0], self._source[end[0]]
        home, place = _on_one_edge(homes, self._facilities, on, self._usable)
        direct = np.abs(self._facilities.along[place] - homes.along[home]) + self._facilities.off[place]
        # The farthest is written first, so that of several facilities on a home's edge the nearest stays.
        order = np.argsort(-direct, kind="stable")
        home, place, direct = home[order], place[order], direct[order]
        closer = direct < best[home]
        best[home[closer]], chosen[home[closer]] = direct[closer], place[closer]
        chosen[~np.isfinite(best)] = -1
        return best + np.where(np.isfinite(best), homes.off, 0.0), chosen


def _on_one_edge(homes: Snapped, facilities: Snapped, on: Integers, usable: Integers) -> tuple[Integers, Integers]:
    """Return all pairs of a home among ``on`` and a facility among ``usable`` that share an edge."""
    order = usable[np.argsort(facilities.edge[usable], kind="stable")]
    edges = facilities.edge[order]
    first, last = (np.searchsorted(edges, homes.edge[on], side=side) for side in ("left", "right"))
    return np.repeat(on, last - first), order[_runs(first, last - first)]


def within(network: Network, homes: Snapped, nodes: Integers, radius_m: float) -> NDArray[np.bool_]:
    """Return which homes each of some nodes of the network reaches in ``radius_m``: shape (nodes, homes)."""
    graph = graph_of(network)
    reached = np.zeros((len(nodes), len(homes.edge)), dtype=bool)
    for some in _few(len(nodes), max(len(network.nodes), len(homes.edge))):
        at_nodes = dijkstra(graph, directed=False, indices=nodes[some], limit=radius_m)
        on, length, _ = through_ends(network, homes, at_nodes)
        reached[some, on] = length + homes.off[on] <= radius_m
    return reached


@dataclass(frozen=True)
class Ways:
    """Pairs of a facility and a home, by number, with the metres between them."""

    facility: Integers
    home: Integers
    metres: Floats


def ways(network: Network, homes: Snapped, facilities: Snapped, limit_m: float) -> Ways:
    """Return the walking distance of each facility and each home that lies within ``limit_m`` of it."""
    usable = np.flatnonzero(facilities.on_network)
    on = np.flatnonzero(homes.on_network)
    if not len(usable) or not len(on):
        return _shortest([], limit_m)
    # Homes in the order of their edges, so that the homes of one edge follow each other.
    on = on[np.argsort(homes.edge[on], kind="stable")]
    edges, first, number = np.unique(homes.edge[on], return_index=True, return_counts=True)
    ends, count = network.ends[edges], len(network.nodes)
    graph = _joined(network, facilities, usable)
    found = []
    for some in _few(len(usable), max(count, len(edges))):
        starts = count + np.arange(len(usable))[some]
        at_nodes = dijkstra(graph, directed=False, indices=starts, limit=limit_m)[:, :count]
        at_ends = (at_nodes[:, ends[:, 0]], at_nodes[:, ends[:, 1]])
        row, col = np.nonzero(np.isfinite(np.minimum(*at_ends)))
        home = on[_runs(first[col], number[col])]
        row, col = np.repeat(row, number[col]), np.repeat(col, number[col])
        along = homes.along[home]
        metres = np.minimum(at_ends[0][row, col] + along, at_ends[1][row, col] + network.lengths[edges[col]] - along)
        found.append((usable[some][row], home, metres + homes.off[home]))
    home, place = _on_one_edge(homes, facilities, on, usable)
    direct = np.abs(facilities.along[place] - homes.along[home]) + facilities.off[place]
    return _shortest([*found, (place, home, direct + homes.off[home])], limit_m)


def _shortest(found: list[tuple[Integers, Integers, Floats]], limit_m: float) -> Ways:
    """Return of each pair the shortest way, where it is short enough."""
    none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
    facility, home, metres = (np.concatenate(parts) for parts in zip(none, *found, strict=True))
    near = np.flatnonzero(metres <= limit_m)
    near = near[np.lexsort((metres[near], home[near], facility[near]))]
    again = np.zeros(len(near), dtype=bool)
    again[1:] = (np.diff(facility[near]) == 0) & (np.diff(home[near]) == 0)
    near = near[~again]
    return Ways(facility[near], home[near], metres[near])


def _runs(first: Integers, number: Integers) -> Integers:
    """Return ``first``, ``first + 1`` … of each run, ``number`` of them, one run after the other."""
    return np.repeat(first - (np.cumsum(number) - number), number) + np.arange(number.sum())


def _few(count: int, width: int) -> Iterator[slice]:
    """Yield slices of ``count`` rows, so few at a time that a table of such a width stays small."""
    step = max(1, _MOST_VALUES // max(1, width))
    for begun in range(0, count, step):
        yield slice(begun, begun + step)


def through_ends(network: Network, homes: Snapped, at_nodes: Floats) -> tuple[Integers, Floats, Integers]:
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


def graph_of(network: Network) -> csr_matrix:
    """Return the network as a sparse matrix of lengths, each edge once."""
    count = len(network.nodes)
    return csr_matrix((network.lengths, (network.ends[:, 0], network.ends[:, 1])), shape=(count, count))
