"""The fixed lattice: squares of the metric system's own grid lines, the same at every zoom and on every date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

Cell = tuple[int, int]
"""Column and row of a square: its south-west corner lies at (column × side, row × side) metres."""


def cell_code(cell: Cell) -> str:
    """Return the name of a cell, east before north."""
    return f"E{cell[0]}N{cell[1]}"


def cell_shapes(cells: Sequence[Cell], side_m: float) -> np.ndarray:
    """Return the squares of the cells in metres, an array of polygons of the same length."""
    corners = np.array(cells, dtype=float).reshape(-1, 2) * side_m
    boxes: np.ndarray = shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + side_m, corners[:, 1] + side_m)
    return boxes


@dataclass(frozen=True)
class Protected:
    """Which cells of several tables may be shown.

    Attributes
    ----------
    hidden
        Cells that are hidden in every table.
    totals
        The sum of each table, or None where it is itself below ``k``.
    """

    hidden: frozenset[Cell]
    totals: Mapping[str, int | None]


def protect(tables: Mapping[str, Mapping[Cell, int]], k: int) -> Protected:
    """Choose the cells to hide so that no subtraction proves a cell to hold between 1 and ``k`` − 1 persons.

    Cells below ``k`` are hidden, in all tables alike: of two dates of one cell either both are shown or neither. Then
    the smallest other cells follow until, in each table, what is hidden adds up to ``k`` or more over at least two
    cells (complementary suppression). What a reader can work out is that sum, total minus what is shown; within it each
    hidden cell may hold anything from nothing to all of it, so none is known to lie below ``k``.

    Parameters
    ----------
    tables
        For each published table the persons in each cell; a cell that isn't named holds nobody.
    k
        Least number of persons that may be told (rule ``privacy.k``).
    """
    totals = {name: sum(table.values()) for name, table in tables.items()}
    populated = {cell for table in tables.values() for cell, count in table.items() if count > 0}
    hidden = {cell for table in tables.values() for cell, count in table.items() if 0 < count < k}
    if hidden:
        rest = sorted(populated - hidden, key=lambda cell: (_largest(tables.values(), cell), cell))
        for cell in rest:
            if len(hidden) > 1 and all(_sum(table, hidden) >= k or not totals[name] for name, table in tables.items()):
                break
            hidden.add(cell)
    return Protected(
        frozenset(hidden), {name: total if total == 0 or total >= k else None for name, total in totals.items()}
    )


def _largest(tables: Iterable[Mapping[Cell, int]], cell: Cell) -> int:
    return max(table.get(cell, 0) for table in tables)


def _sum(table: Mapping[Cell, int], cells: Iterable[Cell]) -> int:
    return sum(table.get(cell, 0) for cell in cells)
