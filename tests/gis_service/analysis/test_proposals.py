"""Of very many homes left out, one stands for its square and weighs what all of the square do."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.analysis import proposals
from gis_service.analysis.proposals import LeftOut, propose
from gis_service.analysis.streets import build_network
from gis_service.analysis.walking import Walk

STREETS = build_network(np.array([shapely.LineString([(0, y), (1000, y)]) for y in range(0, 1001, 100)]
                                 + [shapely.LineString([(x, 0), (x, 1000)]) for x in range(0, 1001, 250)]))  # fmt: skip
HOME = st.tuples(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 9))


@settings(max_examples=60, deadline=None)
@given(st.lists(HOME, min_size=1, max_size=40), st.integers(1, 12), st.integers(1, 40))
def test_squares_keep_every_person_and_stand_at_one_of_their_homes(
    homes: list[tuple[int, int, int]], most: int, size: int
) -> None:
    walk = Walk(STREETS, shapely.Polygon())
    weights = np.array([float(people) for *_, people in homes])
    left = LeftOut()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proposals, "MOST_HOMES", most)
        for begun in range(0, len(homes), size):
            some = homes[begun : begun + size]
            left.add(walk.stand(np.array([shapely.Point(x, y) for x, y, _ in some])), weights[begun : begun + size])
    stood, sums, known = left.homes()
    side = left.side_m
    assert known == any(people for *_, people in homes)
    assert len(stood) <= max(most, 1)
    if side is None:
        assert len(homes) <= most
        np.testing.assert_array_equal(sums, weights if known else np.ones(len(homes)))
        return
    assert side == 100 or len({(x // (side / 2), y // (side / 2)) for x, y, _ in homes}) > most
    first: dict[tuple[float, float], tuple[int, int]] = {}
    for x, y, _ in homes:
        first.setdefault((x // side, y // side), (x, y))
    assert [tuple(at) for at in stood.at] == list(first.values())
    for (x, y), weight in zip(stood.at, sums, strict=True):
        cell = (x // side, y // side)
        here = [people for px, py, people in homes if (px // side, py // side) == cell]
        assert weight == (sum(here) if known else len(here))


def test_a_proposal_over_squares_says_so_and_reaches_as_much() -> None:
    walk = Walk(STREETS, shapely.Polygon())
    homes = [(200 + 10 * n, 205) for n in range(20)] + [(900, 905)]
    found = []
    for most in (5_000, 5):
        left = LeftOut()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(proposals, "MOST_HOMES", most)
            left.add(walk.stand(np.array([shapely.Point(*one) for one in homes])), np.full(len(homes), 2.0))
        found.append(propose(STREETS, left, 150.0))
    exact, rough = found
    assert (exact.side_m, rough.side_m) == (None, 100.0)
    assert exact.curve[0].covered == pytest.approx(40.0)
    assert rough.curve[-1].covered == exact.curve[-1].covered == pytest.approx(42.0)
