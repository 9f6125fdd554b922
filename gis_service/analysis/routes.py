"""Walks from place to place: metres between any two of some places, and the line that one walks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from gis_service.analysis.streets import SNAP_M, Floats, Integers, Network, Snapped, graph_of, through_ends
from gis_service.analysis.walking import Points, Walk, on_streets


@dataclass(frozen=True)
class _Reach:
    """What is known of one origin: metres to the nodes through either end of its edge, and whence each is reached."""

    at_nodes: Floats
    before: Integers


class Routes:
    """Walks between places: along the streets, and straight where no street connects two places, never through water.

    Only origins that are asked for are reckoned, each once, so that many places cost little.
    """

    def __init__(self, walk: Walk, points: Points) -> None:
        """Take the ways of a community and places as points in metres."""
        self._network, self._water = walk.network, walk.water
        self._stood = walk.stand(points)
        self._at = self._stood.at
        self._reached: dict[int, _Reach] = {}
        self._metres: dict[int, Floats] = {}
        shapely.prepare(self._water)

    @property
    def way(self) -> str:
        """How distances are taken, in Chinese."""
        if self._network is None:
            return "直线距离(本社区还没有道路数据),不跨水面"
        return f"沿道路步行(离道路 {SNAP_M:g} 米以内就近上路,道路线相交即视为相通),道路不通的取直线,不跨水面"

    def metres(self, origin: int) -> Floats:
        """Return the metres from a place to every place, ``inf`` where nobody can walk."""
        if origin not in self._metres:
            found = self._along_streets(origin)
            apart = np.flatnonzero(~np.isfinite(found))
            straight = shapely.linestrings(np.stack([np.broadcast_to(self._at[origin], (len(apart), 2)),
                                                     self._at[apart]], axis=1))  # fmt: skip
            dry = ~shapely.intersects(self._water, straight)
            found[apart[dry]] = shapely.length(straight[dry])
            found[(self._at == self._at[origin]).all(axis=1)] = 0.0
            self._metres[origin] = found
        return self._metres[origin]

    def line(self, origin: int, target: int) -> Floats:
        """Return the corners of the walk from a place to another, shape (n, 2), whose length is its metres."""
        ends = self._at[[origin, target]]
        if self._network is None or not self._by_street(origin, target):
            return ends
        snapped = on_streets(self._stood)
        on = [_point_on(self._network, snapped, place) for place in (origin, target)]
        if self._on_one_edge(origin)[target] < self._through_nodes(origin)[target]:
            return np.array([ends[0], *on, ends[1]])
        return np.array([ends[0], on[0], *self._network.nodes[self._nodes(origin, target)], on[1], ends[1]])

    def _by_street(self, origin: int, target: int) -> bool:
        return bool(np.isfinite(self._along_streets(origin)[target])) and self.metres(origin)[target] > 0

    def _along_streets(self, origin: int) -> Floats:
        if self._network is None or not on_streets(self._stood).on_network[origin]:
            return np.full(len(self._at), np.inf)
        found = np.minimum(self._through_nodes(origin), self._on_one_edge(origin))
        return np.where(np.isfinite(found), found, np.inf)

    def _through_nodes(self, origin: int) -> Floats:
        network, snapped = self._ground
        metres = np.full(len(self._at), np.inf)
        on, length, _ = through_ends(network, snapped, self._reach(origin).at_nodes.min(axis=0)[None])
        metres[on] = length[0] + snapped.off[on] + snapped.off[origin]
        return metres

    def _on_one_edge(self, origin: int) -> Floats:
        _, snapped = self._ground
        direct = np.abs(snapped.along - snapped.along[origin]) + snapped.off + snapped.off[origin]
        return np.where(snapped.edge == snapped.edge[origin], direct, np.inf)

    def _reach(self, origin: int) -> _Reach:
        if origin not in self._reached:
            network, snapped = self._ground
            edge, along = snapped.edge[origin], snapped.along[origin]
            lengths, before = dijkstra(
                self._graph, directed=False, indices=network.ends[edge], return_predecessors=True
            )  # fmt: skip
            lengths += np.array([[along], [network.lengths[edge] - along]])
            self._reached[origin] = _Reach(lengths, before)
        return self._reached[origin]

    def _nodes(self, origin: int, target: int) -> list[int]:
        """Return the nodes that are passed, in the order in which they are."""
        network, snapped = self._ground
        reach, edge, along = self._reach(origin), snapped.edge[target], snapped.along[target]
        last = network.ends[edge]
        whole = reach.at_nodes[:, last] + np.array([along, network.lengths[edge] - along])
        row, end = np.unravel_index(int(np.argmin(whole)), whole.shape)
        passed = [int(last[end])]
        while (node := int(reach.before[row, passed[-1]])) >= 0:
            passed.append(node)
        return passed[::-1]

    @cached_property
    def _graph(self) -> csr_matrix:
        return graph_of(self._ground[0])

    @property
    def _ground(self) -> tuple[Network, Snapped]:
        if self._network is None:
            raise ValueError("ways without streets")
        return self._network, on_streets(self._stood)


def _point_on(network: Network, snapped: Snapped, place: int) -> NDArray[np.float64]:
    """Return where a place reaches its edge."""
    edge = snapped.edge[place]
    first, last = network.nodes[network.ends[edge]]
    return np.asarray(first + (last - first) * snapped.along[place] / network.lengths[edge])
