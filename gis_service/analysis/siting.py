"""Where a facility should stand next: the places that together reach most of those who are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix, hstack, identity

TIME_S = 5.0
"""Longest time for one solution; what is found by then is told with its gap."""


@dataclass(frozen=True)
class Sites:
    """A choice of places: their numbers, the weight they cover, and how far from the best it may be (a share)."""

    chosen: tuple[int, ...]
    covered: float
    gap: float


def most_covering(reached: NDArray[np.bool_], weights: NDArray[np.float64], number: int) -> Sites:
    """Return ``number`` places that cover most (maximal covering location problem, Church and ReVelle 1974).

    Parameters
    ----------
    reached
        Which homes each place reaches, shape (places, homes).
    weights
        What each home counts.
    """
    places, homes = reached.shape
    if not places or not homes or not reached.any():
        return Sites((), 0.0, 0.0)
    rows, cols = np.nonzero(reached.T)
    covers = coo_matrix((np.ones(len(rows)), (rows, cols)), shape=(homes, places))
    solved = milp(
        np.concatenate([np.zeros(places), -weights]),
        integrality=np.concatenate([np.ones(places), np.zeros(homes)]),
        bounds=Bounds(0, 1),
        constraints=[
            # A home is covered only by a place that is chosen; so many places and no more are chosen.
            LinearConstraint(hstack([-covers, identity(homes)]).tocsr(), -np.inf, 0),
            LinearConstraint(np.concatenate([np.ones(places), np.zeros(homes)]), 0, number),
        ],
        options={"time_limit": TIME_S},
    )
    if solved.x is None:
        return Sites((), 0.0, 1.0)
    chosen = tuple(int(one) for one in np.flatnonzero(solved.x[:places] > 0.5))
    covered = float(weights[reached[list(chosen)].any(axis=0)].sum()) if chosen else 0.0
    return Sites(chosen, covered, float(solved.mip_gap or 0.0))


def without_dominated(reached: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the numbers of places that no other place replaces: of equal ones the first."""
    order = np.argsort(-reached.sum(axis=1), kind="stable")
    some = reached[order].astype(np.float32)
    # Homes of one place that another doesn't reach; none makes the other, which reaches as many or more, replace it.
    missing = some @ (1 - some).T
    replaced = np.tril(missing == 0, -1).any(axis=1)
    return np.sort(order[some.any(axis=1) & ~replaced]).astype(np.int64)
