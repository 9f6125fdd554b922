"""Where the next facilities should stand: places on the streets that together reach most of those left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gis_service.analysis.siting import Sites, most_covering, without_dominated
from gis_service.analysis.streets import Network, within
from gis_service.analysis.walking import Stood, on_streets

MOST_SITES = 5
MOST_HOMES = 5_000
"""Homes of which the choice is exact; of more, the squares they stand in are reached where one of their homes is."""
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


def propose(network: Network, left: Stood, people: NDArray[np.float64], radius_m: float) -> Proposal:
    """Return the best places for one to ``MOST_SITES`` more facilities; places are nodes of the network.

    Parameters
    ----------
    left, people
        Homes that are left out and stand on a street, and the persons in each.
    radius_m
        How far one walks to a facility.
    """
    known = bool(people.any())
    if not len(left):
        return Proposal(np.empty((0, 2)), (), known)
    near = np.flatnonzero(cKDTree(left.at).query(network.nodes)[0] <= radius_m)
    near = near[:: len(near) // _MOST_CANDIDATES + 1]
    homes, weights, side_m = _squared(left, people if known else np.ones(len(left)))
    reached = within(network, on_streets(homes), near, radius_m)
    kept = without_dominated(reached)
    curve: list[Sites] = []
    for number in range(1, MOST_SITES + 1):
        best = most_covering(reached[kept], weights, number)
        if curve and best.covered <= curve[-1].covered:
            break
        curve.append(best)
    return Proposal(network.nodes[near[kept[list(curve[-1].chosen)]]], tuple(curve), known, side_m)


def _squared(left: Stood, weights: NDArray[np.float64]) -> tuple[Stood, NDArray[np.float64], float | None]:
    """Return few enough homes, the first of each square, with what all homes of the square weigh."""
    if len(left) <= MOST_HOMES:
        return left, weights, None
    side_m = _SIDE_M
    while True:
        cells = np.floor(left.at / side_m).astype(np.int64)
        _, first, of = np.unique(cells, axis=0, return_index=True, return_inverse=True)
        if len(first) <= MOST_HOMES:
            chosen = np.zeros(len(left), dtype=bool)
            chosen[first] = True
            # Squares come sorted, the chosen homes in their own order.
            return left.some(chosen), np.bincount(of.ravel(), weights).astype(np.float64)[np.argsort(first)], side_m
        side_m *= 2
