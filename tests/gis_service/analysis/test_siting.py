"""The chosen sites against every combination, on small random cases."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.analysis.siting import most_covering, without_dominated

CASES = st.integers(1, 6).flatmap(
    lambda homes: st.tuples(
        st.lists(st.lists(st.booleans(), min_size=homes, max_size=homes), min_size=1, max_size=6),
        st.lists(st.integers(0, 30).map(float), min_size=homes, max_size=homes),
        st.integers(1, 3),
    )
)


@settings(max_examples=80, deadline=None)
@given(CASES)
def test_no_combination_covers_more(case: tuple[list[list[bool]], list[float], int]) -> None:
    reached, weights, number = np.array(case[0]), np.array(case[1]), case[2]
    found = most_covering(reached, weights, number)
    best = max(
        float(weights[reached[list(chosen)].any(axis=0)].sum())
        for size in range(1, min(number, len(reached)) + 1)
        for chosen in itertools.combinations(range(len(reached)), size)
    )
    assert found.covered == best
    assert len(found.chosen) <= number
    assert found.gap <= 1e-6
    kept = without_dominated(reached)
    assert most_covering(reached[kept], weights, number).covered == best


def test_where_nothing_is_reached_nothing_is_chosen() -> None:
    assert most_covering(np.zeros((3, 4), dtype=bool), np.ones(4), 2).chosen == ()
    assert most_covering(np.zeros((0, 0), dtype=bool), np.ones(0), 2).covered == 0
