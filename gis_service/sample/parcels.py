"""The land outside the estates: blocks cut into parcels, and the sheds and offices that stand on them.

Geometry only; which enterprise works where is told by `industry`. All coordinates are EPSG:4549 (metres).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box
from shapely.ops import split

from gis_service.sample.ground import Frame, Ground, polygons
from gis_service.sample.houses import Settlement

_SMALLEST_PLOT_M2 = 4_000.0
_SETBACK_M = 5.5

_PUBLIC = {"school": (-150, 250), "market": (-110, 90), "riverside": (-330, 480), "woods": (215, -480)}
"""Local points inside the blocks kept for the public: the school, the market, a riverside park, a shelter belt."""


@dataclass(frozen=True)
class Shed:
    """One building of a plot: its footprint and what it was built as (workshop, office, dormitory)."""

    kind: str
    footprint: Polygon


@dataclass
class Parcel:
    """A piece of land with one right holder; ``use`` is industry, vacant or one of the public uses."""

    ground: Polygon
    use: str
    sheds: list[Shed] = field(default_factory=list)

    @property
    def built_m2(self) -> float:
        """Area covered by buildings, in square metres."""
        return float(sum(shed.footprint.area for shed in self.sheds))


def parcel_out(ground: Ground, settlement: Settlement, rng: np.random.Generator) -> tuple[list[Parcel], list[Polygon]]:
    """Return the parcels, and the strips too small for one, which stay green."""
    frame = Frame()
    settled = set(map(id, settlement.parts.values()))
    parcels, strips = [], []
    for block in ground.blocks:
        if id(block) in settled:
            continue
        if block.area < _SMALLEST_PLOT_M2 or block.buffer(-16).is_empty:
            strips.append(block)
            continue
        public = [use for use, at in _PUBLIC.items() if block.contains(Point(frame.world([at])[0]))]
        if public == ["riverside"]:
            strips.append(block)
            continue
        # Blocks near the old road were let in small lots first; those along the avenue went to large works later.
        usual = float(rng.choice([14_000, 19_000, 26_000, 38_000], p=[0.3, 0.3, 0.25, 0.15]))
        for piece in _cut(block, usual, rng):
            if piece.area < _SMALLEST_PLOT_M2 or piece.buffer(-14).is_empty:
                strips.append(piece)
                continue
            here = [use for use in public if piece.contains(Point(frame.world([_PUBLIC[use]])[0]))]
            parcels.append(Parcel(piece, here[0] if here else "industry"))
    for parcel in parcels:
        if parcel.use != "woods":
            parcel.sheds = _build(parcel.ground, rng)
    strips.extend(parcel.ground for parcel in parcels if parcel.use == "woods")
    return [parcel for parcel in parcels if parcel.use != "woods"], [
        part for strip in strips for part in polygons(strip, 60)
    ]


def long_axis(ground: Polygon) -> float:
    """Return the direction of the longer side of the smallest rectangle around a polygon, in degrees from east."""
    corners = np.asarray(ground.minimum_rotated_rectangle.exterior.coords)
    sides = np.diff(corners[:3], axis=0)
    side = sides[int(np.argmax(np.hypot(*sides.T)))]
    return float(np.degrees(np.arctan2(side[1], side[0])))


def _cut(land: Polygon, usual_m2: float, rng: np.random.Generator) -> list[Polygon]:
    """Halve land across its longer side, unevenly, until the pieces have about the usual size."""
    if land.area < usual_m2 * float(rng.uniform(1.1, 2.4)):
        return [land]
    angle = long_axis(land)
    middle = land.centroid
    flat = affinity.rotate(land, -angle, origin=middle)
    west, south, east, north = flat.bounds
    at = west + (east - west) * float(rng.uniform(0.36, 0.64))
    lean = float(rng.uniform(-0.03, 0.03)) * (north - south)
    cut = LineString([(at - lean, south - 5), (at + lean, north + 5)])
    pieces = polygons(split(flat, cut))
    return [part for piece in pieces for part in _cut(affinity.rotate(piece, angle, origin=middle), usual_m2, rng)]


def _build(land: Polygon, rng: np.random.Generator) -> list[Shed]:
    """Return sheds in ranks along the parcel's longer side, an office in front, and open yards between."""
    angle = long_axis(land)
    middle = land.centroid
    flat = affinity.rotate(land.buffer(-_SETBACK_M), -angle, origin=middle)
    shapely.prepare(flat)
    west, south, east, north = flat.bounds
    columns = max(1, round((east - west) / float(rng.uniform(48, 88))))
    ranks = max(1, round((north - south) / float(rng.uniform(38, 66))))
    width, depth = (east - west) / columns, (north - south) / ranks
    office = int(rng.integers(columns))
    cells: list[tuple[str, Polygon]] = []
    for rank in range(ranks):
        for column in range(columns):
            x, y = west + column * width, south + rank * depth
            if rank == 0 and column == office and width * depth > 700:
                cells.append(("office", box(x + 3, y, x + min(width - 8, 46), y + min(depth - 8, 16))))
                if depth > 44:
                    cells.append(_shed(x, y + 26, width, depth - 26, rng))
            elif rng.random() > 0.13:
                cells.append(_shed(x, y, width, depth, rng))
    placed = [(kind, _fitted(cell, flat)) for kind, cell in cells]
    return [Shed(kind, affinity.rotate(cell, angle, origin=middle)) for kind, cell in placed if cell is not None]


def _shed(x: float, y: float, width: float, depth: float, rng: np.random.Generator) -> tuple[str, Polygon]:
    gap = float(rng.uniform(6.5, 10))
    hall = box(x, y, x + (width - gap) * float(rng.uniform(0.88, 1)), y + (depth - gap) * float(rng.uniform(0.86, 1)))
    if rng.random() < 0.22 and hall.area > 900:
        left, bottom, right, top = hall.bounds
        wide, deep = (right - left) * float(rng.uniform(0.3, 0.5)), (top - bottom) * float(rng.uniform(0.3, 0.55))
        hall = hall.difference(box(right - wide, top - deep, right, top))
    return ("dormitory" if hall.area < 900 and rng.random() < 0.25 else "workshop"), hall


def _fitted(hall: Polygon, room: shapely.Geometry) -> Polygon | None:
    """Return the hall where it fits, a smaller one where the parcel's edge runs askew, or None."""
    for factor in (1.0, 0.88, 0.74, 0.6):
        small = affinity.scale(hall, factor, factor, origin="centroid")
        if small.area > 180 and room.contains(small):
            return small
    return None
