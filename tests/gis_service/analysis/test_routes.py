"""Walks from place to place, against the distance to the nearest of one place, and against the line that is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gis_service.analysis.routes import Routes
from gis_service.analysis.streets import Network, build_network, nearest, snap
from gis_service.analysis.walking import Walk

NO_WATER = shapely.Polygon()
BLOCKS = [shapely.LineString([(x, 0), (x, 400)]) for x in range(0, 401, 100)] + [
    shapely.LineString([(0, y), (400, y)]) for y in range(0, 401, 100)
]


def made_points(seed: int, count: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.asarray(shapely.points(random.random((count, 2)) * 460 - 30))


def network_of(lines: list[shapely.LineString]) -> Network:
    return build_network(np.array(lines))


@pytest.mark.parametrize("seed", range(3))
def test_metres_and_line_agree_with_the_nearest_of_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    lines = [line for line in BLOCKS if random.random() < 0.8]
    points, network = made_points(seed, 10), network_of(lines)
    routes = Routes(Walk(network, NO_WATER), points)
    homes, streets = snap(network, points), shapely.union_all(lines)
    shapely.prepare(streets)
    for origin in range(len(points)):
        wanted, _ = nearest(network, homes, snap(network, points[[origin]]))
        found = routes.metres(origin)
        apart = ~np.isfinite(wanted)
        np.testing.assert_allclose(found[apart], shapely.distance(points[origin], points[apart]))
        others = ~apart & (np.arange(len(points)) != origin)
        np.testing.assert_allclose(found[others], wanted[others], atol=1e-4)
        assert found[origin] == 0
        for target in range(len(points)):
            line = routes.line(origin, target)
            walked = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
            assert walked == pytest.approx(found[target], abs=1e-4)
            np.testing.assert_allclose(line[[0, -1]], shapely.get_coordinates(points[[origin, target]]), atol=1e-9)
            if others[target]:
                # Beside the legs to and from the street it stays on the streets.
                middles = shapely.points((line[1:-2] + line[2:-1]) / 2)
                assert (shapely.distance(streets, middles) < 1e-3).all()


def test_water_is_walked_round_or_not_at_all() -> None:
    water = shapely.box(150, -50, 250, 450)
    points = np.asarray(shapely.points([(100, 105), (300, 105), (120, 100.0)]))
    bridge = [*BLOCKS[:2], *BLOCKS[3:5], shapely.LineString([(0, 400), (400, 400)])]
    routes = Routes(Walk(network_of(bridge), water), points)
    assert routes.metres(0)[1] == pytest.approx(295 + 200 + 295, abs=0.01)
    apart = Routes(Walk(network_of([*BLOCKS[:2], *BLOCKS[3:5]]), water), points)
    assert apart.metres(0)[1] == np.inf
    dry = Routes(Walk(None, water), points)
    assert dry.metres(0)[1] == np.inf
    assert dry.metres(0)[2] == pytest.approx(np.hypot(20, 5))
    assert dry.line(0, 2).tolist() == [[100, 105], [120, 100]]
    assert "不跨水面" in dry.way
