"""What is published of people against a reader who subtracts everything from everything, as a linear programme."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from gis_service.analysis.lattice import Cell, cell_code, cell_shapes, protect

K = 5
CELLS = [(col, row) for col in range(4) for row in range(4)]
TABLES = st.lists(
    st.lists(st.integers(0, 12), min_size=len(CELLS), max_size=len(CELLS)), min_size=1, max_size=3
).map(
    lambda rows: {
        f"t{number}": {cell: count for cell, count in zip(CELLS, row, strict=True) if count}
        for number, row in enumerate(rows)
    }
)  # fmt: skip


def largest_possible(hidden: list[Cell], rest: float | None, cell: Cell) -> float:
    """Return the most that a hidden cell may hold, as far as the published numbers tell."""
    if rest is None:
        return float("inf")
    weights = [-1.0 if one == cell else 0.0 for one in hidden]
    found = linprog(weights, A_eq=[[1.0] * len(hidden)], b_eq=[rest], bounds=[(0, None)] * len(hidden))
    assert found.status == 0, "what is published contradicts itself"
    return -float(found.fun)


def recovered(tables: Mapping[str, Mapping[Cell, int]], k: int) -> list[tuple[str, Cell]]:
    """Return the cells that a reader can prove to hold between 1 and k - 1 persons."""
    kept = protect(tables, k)
    hidden = sorted(kept.hidden)
    found: list[tuple[str, Cell]] = []
    for name, table in tables.items():
        shown = {cell: count for cell, count in table.items() if cell not in kept.hidden}
        assert all(count >= k for count in shown.values()), "a small cell is shown"
        total = kept.totals[name]
        rest = None if total is None else total - sum(shown.values())
        small = [cell for cell in hidden if 0 < table.get(cell, 0) < k]
        found += [(name, cell) for cell in small if largest_possible(hidden, rest, cell) < k - 1e-6]
    return found


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_no_small_cell_is_recovered_from_all_tables_and_totals(tables: dict[str, dict[Cell, int]]) -> None:
    assert recovered(tables, K) == []


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_the_change_between_two_dates_shows_no_small_cell(tables: dict[str, dict[Cell, int]]) -> None:
    """Both dates of a cell are shown or neither, so a difference is one of two numbers that are public anyway."""
    hidden = protect(tables, K).hidden
    for (_, first), (_, second) in itertools.combinations(tables.items(), 2):
        for cell in set(first) | set(second):
            if cell not in hidden:
                assert first.get(cell, 0) == 0 or first[cell] >= K
                assert second.get(cell, 0) == 0 or second[cell] >= K


def test_one_small_cell_takes_the_next_smallest_with_it() -> None:
    kept = protect({"people": {(0, 0): 2, (1, 0): 9, (2, 0): 30, (3, 0): 40}}, K)
    assert kept.hidden == {(0, 0), (1, 0)}
    assert kept.totals == {"people": 81}


def test_a_total_below_k_is_not_told() -> None:
    kept = protect({"people": {(0, 0): 2}, "more": {(0, 0): 9, (1, 1): 9}}, K)
    assert kept.hidden == {(0, 0), (1, 1)}
    assert kept.totals == {"people": None, "more": 18}


def test_nothing_is_hidden_where_all_cells_are_large() -> None:
    assert protect({"people": {(0, 0): 5, (1, 0): 50}}, K).hidden == frozenset()


@pytest.mark.parametrize("side", [100.0, 250.0])
def test_squares_lie_on_the_lines_of_the_metric_system(side: float) -> None:
    west, south, east, north = cell_shapes([(5958, 33981)], side)[0].bounds
    assert (west, south, east, north) == (5958 * side, 33981 * side, 5959 * side, 33982 * side)
    assert cell_code((5958, 33981)) == "E5958N33981"
