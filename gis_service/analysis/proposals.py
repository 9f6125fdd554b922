"""Where the next facilities should stand: places on the streets that together reach most of those left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gis_service.analysis.siting import Sites, most_covering, without_dominated
from gis_service.analysis.streets import Network, within
from gis_service.analysis.walking import Stood, joined, on_streets

MOST_SITES = 5
MOST_HOMES = 5_000
"""Homes of which the choice is exact; of more, squares are reached where the first of their homes is."""
_MOST_CANDIDATES = 1500
_SIDE_M = 100.0


@dataclass(frozen=True)
class Proposal:
    """Places in metres, shape (n, 2), the best choice for each number of them, and whether homes stand for squares.

    ``people`` tells whether weights are persons; homes are counted where nobody's number is known.
    """

    at: NDArray[np.float64]
    curve: tuple[Sites, ...]
    people: bool
    side_m: float | None = None


class LeftOut:
    """Homes that are left out and stand on a street, gathered part by part; what is kept doesn't grow with a city.

    Up to ``MOST_HOMES`` are kept as they are. Of more, the first home of each square of ``side_m`` stands for all of
    the square, and the side doubles until there are few enough.
    """

    def __init__(self) -> None:
        """Begin without any home."""
        self.side_m: float | None = None
        self._parts: list[Stood] = []
        self._people: list[NDArray[np.float64]] = []
        self._number: list[NDArray[np.float64]] = []

    def add(self, homes: Stood, people: NDArray[np.float64]) -> None:
        """Take homes and the persons in each."""
        self._parts.append(homes)
        self._people.append(people)
        self._number.append(np.ones(len(homes)))
        if self.side_m or sum(len(part) for part in self._parts) > MOST_HOMES:
            self._square()

    def homes(self) -> tuple[Stood, NDArray[np.float64], bool]:
        """Return the homes, what each weighs, and whether that is persons: homes count where no number is known."""
        people = np.concatenate(self._people)
        known = bool(people.any())
        return joined(self._parts), people if known else np.concatenate(self._number), known

    def _square(self) -> None:
        homes, people, number = joined(self._parts), np.concatenate(self._people), np.concatenate(self._number)
        side_m = self.side_m or _SIDE_M
        while True:
            cells = np.floor(homes.at / side_m).astype(np.int64)
            _, first, of = np.unique(cells, axis=0, return_index=True, return_inverse=True)
            if len(first) <= MOST_HOMES:
                break
            side_m *= 2
        self.side_m = side_m
        chosen = np.zeros(len(homes), dtype=bool)
        chosen[first] = True
        # Squares come sorted, the chosen homes in their own order.
        order = np.argsort(first)
        self._parts = [homes.some(chosen)]
        sums = [np.bincount(of.ravel(), some)[order].astype(np.float64) for some in (people, number)]
        self._people, self._number = [sums[0]], [sums[1]]


def propose(network: Network, left: LeftOut, radius_m: float) -> Proposal:
    """Return the best places for one to ``MOST_SITES`` more facilities; places are nodes of the network.

    Parameters
    ----------
    radius_m
        How far one walks to a facility.
    """
    homes, weights, known = left.homes()
    if not len(homes):
        return Proposal(np.empty((0, 2)), (), known)
    near = np.flatnonzero(cKDTree(homes.at).query(network.nodes)[0] <= radius_m)
    near = near[:: len(near) // _MOST_CANDIDATES + 1]
    reached = within(network, on_streets(homes), near, radius_m)
    kept = without_dominated(reached)
    curve: list[Sites] = []
    for number in range(1, MOST_SITES + 1):
        best = most_covering(reached[kept], weights, number)
        if curve and best.covered <= curve[-1].covered:
            break
        curve.append(best)
    return Proposal(network.nodes[near[kept[list(curve[-1].chosen)]]], tuple(curve), known, left.side_m)
