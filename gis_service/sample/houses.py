"""The two estates of the sample: rows of self-built houses along lanes, with the spots kept free between them.

Geometry only; who lives in the houses is told by `residents`. All coordinates are EPSG:4549 (metres).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon, box
from shapely.ops import split, unary_union

from gis_service.sample.ground import Frame, Ground

_PARTS: list[tuple[str, str, tuple[float, float], float, float]] = [
    ("陆家桥小区", "西区", (-760, 460), -1.0, 2.0e-4),
    ("陆家桥小区", "东区", (-570, 460), 1.5, -1.5e-4),
    ("新群小区", "北区", (-330, 190), 0.5, -1.2e-4),
    ("新群小区", "西区", (-320, -200), -2.5, 1.0e-4),
    ("新群小区", "东区", (-110, -200), 2.0, -2.2e-4),
]
"""Estate, part, a local point inside the part's block, turn of its rows in degrees, bend of its rows in 1/m."""

_FREE: dict[tuple[str, str], list[tuple[str, float, float, float, float]]] = {
    ("陆家桥小区", "西区"): [
        ("park", 0.70, 0.45, 46, 34),
        ("parking", 0.16, 0.30, 40, 17),
        ("waste", 0.46, 0.80, 12, 9),
    ],
    ("陆家桥小区", "东区"): [
        ("parking", 0.80, 0.68, 42, 17),
        ("waste", 0.30, 0.28, 12, 9),
        ("hall", 0.42, 0.60, 44, 28),
    ],
    ("新群小区", "北区"): [
        ("park", 0.52, 0.52, 58, 40),
        ("parking", 0.20, 0.22, 52, 17),
        ("waste", 0.80, 0.32, 12, 9),
        ("waste", 0.22, 0.80, 12, 9),
    ],
    ("新群小区", "西区"): [
        ("park", 0.45, 0.62, 44, 36),
        ("parking", 0.72, 0.26, 46, 17),
        ("waste", 0.25, 0.34, 12, 9),
        ("waste", 0.74, 0.84, 12, 9),
    ],
    ("新群小区", "东区"): [
        ("hall", 0.40, 0.50, 54, 34),
        ("parking", 0.70, 0.76, 44, 17),
        ("waste", 0.66, 0.20, 12, 9),
        ("waste", 0.28, 0.80, 12, 9),
    ],
}
"""Spots without houses in each part: use, place as a share of the part's extent, width and height in metres."""

_LANE_M = 4.5
_YARD_M = 4.6
_BACK_M = 2.6


@dataclass(frozen=True)
class Lane:
    """A lane of an estate: centre line and carriageway width in metres."""

    estate: str
    part: str
    line: LineString
    width_m: float = _LANE_M


@dataclass(frozen=True)
class House:
    """One self-built house: its footprint, and where it stands in the estate's numbering."""

    estate: str
    part: str
    number: int
    row: int
    footprint: Polygon


@dataclass
class Settlement:
    """Everything laid out in the estates.

    Attributes
    ----------
    parts
        The ground of each part by (estate, part).
    spots
        Places kept free of houses: ``(use, estate, part, polygon)`` with the uses park, parking, waste, hall.
    """

    parts: dict[tuple[str, str], Polygon] = field(default_factory=dict)
    lanes: list[Lane] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    spots: list[tuple[str, str, str, Polygon]] = field(default_factory=list)

    def estate(self, name: str) -> shapely.Geometry:
        """Return the ground of an estate, all its parts together."""
        return unary_union([ground for (estate, _), ground in self.parts.items() if estate == name])


def settle(ground: Ground, rng: np.random.Generator) -> Settlement:
    """Return both estates with lanes, houses and free spots."""
    frame = Frame()
    settlement = Settlement()
    centre_lines = unary_union([street.line for street in ground.streets])
    for estate, part, (x, y), angle, bend in _PARTS:
        inside = Point(frame.world([(x, y)])[0])
        block = next(block for block in ground.blocks if block.contains(inside))
        settlement.parts[estate, part] = block
        straighten, bend_back = _row_frame(block, angle - 7.0, bend)
        _settle_part(settlement, (estate, part), straighten, bend_back, centre_lines, rng)
    return settlement


def _row_frame(
    block: Polygon, angle: float, bend: float
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """Return the two ways between EPSG:4549 and a frame in which the rows of a block are straight and level."""
    middle = np.array(block.centroid.coords[0])
    turn = np.radians(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

    def straighten(points: np.ndarray) -> np.ndarray:
        flat = (points - middle) @ matrix
        return np.column_stack([flat[:, 0], flat[:, 1] - bend * flat[:, 0] ** 2])

    def bend_back(points: np.ndarray) -> np.ndarray:
        flat = np.column_stack([points[:, 0], points[:, 1] + bend * points[:, 0] ** 2])
        bent: np.ndarray = flat @ matrix.T + middle
        return bent

    return straighten, bend_back


def _settle_part(
    settlement: Settlement,
    key: tuple[str, str],
    straighten: Callable[[np.ndarray], np.ndarray],
    bend_back: Callable[[np.ndarray], np.ndarray],
    centre_lines: shapely.Geometry,
    rng: np.random.Generator,
) -> None:
    land = shapely.transform(settlement.parts[key].segmentize(8), straighten)
    spots = _free_spots(land, key)
    for use, spot in spots:
        settlement.spots.append((use, *key, shapely.transform(spot.segmentize(8), bend_back)))
    taken = unary_union([spot.buffer(1.5) for _, spot in spots])
    west, south, east, north = land.bounds
    level, row = south + 4.0, 0
    number = sum(1 for house in settlement.houses if house.estate == key[0])
    while level < north - 14:
        line = LineString([(west, level), (east, level)]).intersection(land.buffer(-0.2)).difference(taken)
        for piece in shapely.get_parts(line):
            if piece.length > 25:
                bent = shapely.transform(piece.segmentize(10), bend_back)
                settlement.lanes.append(Lane(*key, _joined(bent, centre_lines)))
        depth = float(rng.uniform(11.2, 12.8))
        front = level + _LANE_M / 2 + _YARD_M
        room = land.buffer(-1.5).difference(taken)
        for footprint in _row_of_houses(room, (west, east), front, depth, rng):
            number += 1
            settlement.houses.append(House(*key, number, row, shapely.transform(footprint, bend_back)))
        level = front + depth + _BACK_M + _LANE_M / 2 + float(rng.uniform(0, 1.6))
        row += 1


def _free_spots(land: Polygon, key: tuple[str, str]) -> list[tuple[str, Polygon]]:
    west, south, east, north = land.bounds
    spots = []
    for use, across, up, width, height in _FREE[key]:
        x, y = west + across * (east - west), south + up * (north - south)
        spots.append((use, box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)))
    return spots


def _row_of_houses(
    room: shapely.Geometry, span: tuple[float, float], front: float, depth: float, rng: np.random.Generator
) -> list[Polygon]:
    """Return the houses of one row from west to east: pairs and short terraces with gaps between them."""
    shapely.prepare(room)
    found = []
    x = span[0] + float(rng.uniform(1, 9))
    while x < span[1]:
        for _ in range(int(rng.choice([1, 2, 2, 3, 4]))):
            width = float(rng.uniform(10.2, 13.2))
            setback = float(rng.uniform(-0.7, 0.9))
            house = _footprint(x, front + setback, width, depth - abs(setback), rng)
            if rng.random() > 0.025 and room.contains(box(*house.bounds)):
                found.append(house)
            x += width + float(rng.uniform(0.6, 1.8))
        x += float(rng.uniform(2.8, 6.5))
    return found


def _footprint(x: float, y: float, width: float, depth: float, rng: np.random.Generator) -> Polygon:
    """Return a rectangle, or with a recess at the back where the kitchen yard lies."""
    house = box(x, y, x + width, y + depth)
    kind = rng.random()
    if kind < 0.45:
        return house
    wide, deep = width * float(rng.uniform(0.3, 0.5)), depth * float(rng.uniform(0.18, 0.34))
    # The recess reaches past the walls, so that no hair-thin edge is left where both would share one.
    west, east = (x - 1, x + wide) if kind < 0.72 else (x + width - wide, x + width + 1)
    return house.difference(box(west, y + depth - deep, east, y + depth + 1))


def _joined(lane: LineString, centre_lines: shapely.Geometry, reach_m: float = 34.0) -> LineString:
    """Draw a lane out to the centre line of the street at either end, where one lies within reach."""
    path = np.asarray(lane.coords)
    ends = []
    for tip, before in ((path[0], path[1]), (path[-1], path[-2])):
        way = (tip - before) / np.linalg.norm(tip - before)
        beyond = LineString([tip, tip + way * reach_m])
        hits = [part for part in split(beyond, centre_lines).geoms if part.length < reach_m - 0.01]
        ends.append(np.asarray(hits[0].coords)[-1] if hits and beyond.intersects(centre_lines) else tip)
    return LineString([ends[0], *path, ends[1]] if len(path) else path).simplify(0.05)
