"""The surface of hazards and those that come back, against sums taken one by one."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import geopandas
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.analysis.answer import Breaks
from gis_service.analysis.kernel import CELL_M, density_at, surface
from gis_service.analysis.repeats import repeats
from tests.gis_service.analysis.made_frames import made_frame

METRES = st.floats(-800, 800, allow_nan=False)
POINTS = st.lists(st.tuples(METRES, METRES), min_size=1, max_size=25)
LEVELS = Breaks((0.5, 1.0, 2.0), "起/公顷")


def thickness(points: list[tuple[float, float]], x: float, y: float, bandwidth_m: float) -> float:
    """Return points per hectare at one place: each kernel by its own distance."""
    kernels = [math.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * bandwidth_m**2)) for px, py in points]
    return 10_000 * math.fsum(kernels) / (2 * math.pi * bandwidth_m**2)


@settings(max_examples=60, deadline=None)
@given(POINTS, st.floats(20, 200))
def test_density_equals_a_sum_over_points(points: list[tuple[float, float]], bandwidth_m: float) -> None:
    xs, ys = np.array([-310.0, 0.0, 55.5]), np.array([-20.0, 700.0])
    told = density_at(np.array(points), xs, ys, bandwidth_m)
    expected = [[thickness(points, x, y, bandwidth_m) for y in ys] for x in xs]
    assert np.allclose(told, expected, rtol=1e-9, atol=1e-12)


def test_many_points_are_summed_in_parts() -> None:
    points = np.random.default_rng(3).uniform(-500, 500, (9000, 2))
    told = density_at(points, np.array([10.0]), np.array([-5.0]), 80.0)[0, 0]
    assert math.isclose(told, thickness([(x, y) for x, y in points], 10.0, -5.0, 80.0), rel_tol=1e-9)


@settings(max_examples=25, deadline=None)
@given(POINTS)
def test_levels_hold_the_cells_whose_centre_is_so_dense(points: list[tuple[float, float]]) -> None:
    told = surface(geopandas.GeoSeries([shapely.Point(at) for at in points], crs=4549), LEVELS, 100.0)
    shapes = {int(row["class"]): row.geometry for _, row in told.iterrows()}
    for x, y in points:
        centre = [(math.floor(one / CELL_M) + 0.5) * CELL_M for one in (x, y)]
        dense = thickness(points, centre[0], centre[1], 100.0)
        if all(abs(dense - bound) > 1e-9 for bound in LEVELS.bounds):
            level = sum(dense >= bound for bound in LEVELS.bounds)
            inside = [key for key, shape in shapes.items() if shape.contains(shapely.Point(centre))]
            assert inside == ([level] if level else [])
    corners = shapely.get_coordinates(np.asarray(told.geometry.array))
    assert np.allclose(corners, np.round(corners / CELL_M) * CELL_M, atol=1e-6)
    assert np.allclose(told["area_ha"], told.geometry.area / 10_000, atol=0.006)


DATES = st.none() | st.dates(date(2020, 1, 1), date(2020, 1, 12))
CODES = st.sampled_from(["a", "b", None])
CASE = st.fixed_dictionaries(
    {
        "category": st.sampled_from(["electric", "charging"]),
        "status": st.sampled_from(["found", "closed", "rejected", "merged"]),
        "found_on": DATES, "closed_on": DATES,
        "rental_code": CODES, "enterprise_code": CODES, "building_code": CODES,
    }
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(CASE, min_size=1, max_size=14))
def test_repeats_equal_a_search_pair_by_pair(cases: list[dict[str, Any]]) -> None:
    shapes = [shapely.Point(number, 0) for number in range(len(cases))]
    told = {
        (row["of"], row["place"], row["category"]): row
        for row in repeats(made_frame(cases, None, shapes)).to_dict("records")
    }

    def place(case: dict[str, Any]) -> tuple[str, str, str] | None:
        for of in ("rental_code", "enterprise_code", "building_code"):
            if case[of]:
                return of, case[of], case["category"]
        return None

    real = [case for case in cases if case["status"] not in {"rejected", "merged"} and place(case)]
    expected = {key for one in real if sum(place(other) == (key := place(one)) for other in real) > 1}
    assert set(told) == expected
    for key, row in told.items():
        here = [case for case in real if place(case) == key]
        again = sum(
            any(one["found_on"] and other["closed_on"] and one["found_on"] > other["closed_on"] for other in here)
            for one in here
        )
        assert (row["number"], row["again"]) == (len(here), again)
        assert row["still"] == sum(case["status"] == "found" for case in here)
        assert row["class"] == ("again" if again else "several")
