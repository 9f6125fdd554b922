"""The sheet on which the sample's rows are written, and the few ways chance and sums meet in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import shapely
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from gis_service.sample.ground import Ground
from layers.record import Record, Source
from layers.registry import LAYERS

COMMUNITY = "330482002011"
"""Code of the sample community: 平湖市 330482, 钟埭街道 002, 新群社区居委会 011."""

CAMPAIGN = "厂中厂整治"
"""The two-year campaign among enterprises; only its cases have reported totals."""

Row = tuple[Record, BaseGeometry]
"""A validated record and its geometry in EPSG:4549 (metres)."""


class Sheet:
    """Collects the rows of every layer, validates each, and numbers things as the community would.

    Attributes
    ----------
    as_of
        The day the sample looks back from; no date in it lies later, but for terms and due days.
    boundary
        The community's ground, beyond which nothing is written.
    rows
        Layer name to its rows.
    """

    def __init__(self, ground: Ground, as_of: date) -> None:
        self.as_of = as_of
        self.boundary = ground.boundary
        self.rows: dict[str, list[Row]] = {name: [] for name in LAYERS}
        self.grid_codes = {key: f"{COMMUNITY}{number:03d}" for number, key in enumerate(ground.grids, start=1)}
        self._cells = list(zip(self.grid_codes.values(), ground.grids.values(), strict=True))
        self._serials: Counter[str] = Counter()
        for _, cell in self._cells:
            shapely.prepare(cell)

    def add(self, layer: str, geometry: BaseGeometry, **values: object) -> None:
        """Write one row; pydantic refuses it when it breaks the layer's declaration."""
        record = LAYERS[layer].record.model_validate({"source": Source.SYNTHETIC, **values})
        self.rows[layer].append((record, geometry))

    def serial(self, prefix: str, digits: int = 4) -> str:
        """Return the next code with a prefix, such as GX0001, GX0002 for utility lines."""
        self._serials[prefix] += 1
        return f"{prefix}{self._serials[prefix]:0{digits}d}"

    def grid_of(self, geometry: BaseGeometry) -> str:
        """Return the 15-digit code of the grid a geometry lies in, judged by a point on it."""
        at = geometry if isinstance(geometry, Point) else geometry.representative_point()
        found = next((code for code, cell in self._cells if cell.covers(at)), None)
        return found or min(self._cells, key=lambda cell: float(cell[1].distance(at)))[0]

    def building_code(self, footprint: Polygon) -> str:
        """Return the next building code of the grid: its 15 digits and a serial of five."""
        return self.serial(self.grid_of(footprint), 5)

    def ago(self, days: float) -> date:
        """Return the day that many days before the sample's own."""
        return self.as_of - timedelta(days=int(days))


def apportion(weights: Sequence[float] | np.ndarray, total: int) -> list[int]:
    """Share out a whole number by weight, so that the shares add up exactly (largest remainders).

    Parameters
    ----------
    weights
        Not negative, at least one of them above 0.
    total
        What the shares add up to.
    """
    exact = np.asarray(weights, dtype=float)
    exact = exact / exact.sum() * total
    shares = np.floor(exact).astype(int)
    missing = total - int(shares.sum())
    # A stable order breaks ties the same way on every machine.
    for index in np.argsort(shares - exact, kind="stable")[:missing]:
        shares[index] += 1
    return [int(share) for share in shares]


def scatter(weights: np.ndarray, total: int, most: int, rng: np.random.Generator) -> list[int]:
    """Drop a number of things one by one into places by weight, none of which takes more than ``most``."""
    counts = np.zeros(len(weights), dtype=int)
    while (left := total - int(counts.sum())) > 0:
        open_weights = np.where(counts < most, weights, 0.0)
        drawn = rng.multinomial(max(1, left // 2), open_weights / open_weights.sum())
        counts = np.minimum(counts + drawn, most)
    return [int(count) for count in counts]


def pick(rng: np.random.Generator, shares: Mapping[str, float]) -> str:
    """Return one key, drawn by its share."""
    keys = list(shares)
    odds = np.fromiter(shares.values(), dtype=float)
    return keys[int(rng.choice(len(keys), p=odds / odds.sum()))]


def chance(rng: np.random.Generator, share: float) -> bool:
    """Return True in that share of cases."""
    return bool(rng.random() < share)


def points_within(land: BaseGeometry, count: int, apart_m: float, rng: np.random.Generator) -> list[Point]:
    """Return points inside land, apart from one another where there is room for it."""
    shapely.prepare(land)
    west, south, east, north = land.bounds
    found: list[Point] = []
    for attempt in range(4000):
        if len(found) == count:
            break
        point = Point(float(rng.uniform(west, east)), float(rng.uniform(south, north)))
        nearest = min((point.distance(other) for other in found), default=np.inf)
        # The distance asked for shrinks with every attempt, so narrow land still gets its points.
        if land.contains(point) and nearest >= apart_m * (1 - attempt / 4000):
            found.append(point)
    while len(found) < count:
        found.append(land.representative_point())
    return found
