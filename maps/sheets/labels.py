"""Names on a map that don't run into each other: areas at a place inside of them, roads along their course."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from maps.sheets.lettering import width_em
from maps.sheets.paper import POINTS_PER_MM

_LINE_HEIGHT = 1.25
_SPARE = 1.04
"""Letters drawn in dots are a little wider than their outlines."""
_APART_MM = 1.0
"""Between two names, and between a name and the frame."""
_AGAIN_MM = 130.0
"""A long road has its name once in so much of the sheet."""


@dataclass(frozen=True)
class Label:
    """A name at its place.

    Attributes
    ----------
    x, y
        Its middle, in metres of the area's own system.
    angle
        Degrees against the clock, between -90 and 90.
    size
        Points.
    box
        What it takes up on paper, in metres; no two of these meet.
    """

    text: str
    x: float
    y: float
    angle: float
    size: float
    strong: bool
    box: shapely.Polygon


@dataclass(frozen=True)
class Named:
    """Names of one layer, to be placed after those of more important ones."""

    names: Sequence[tuple[str, shapely.Geometry]]
    size: float
    strong: bool = False


class Places:
    """The map's frame, where names are put one after the other.

    Parameters
    ----------
    frame
        (west, south, east, north) in metres.
    scale
        Denominator of the scale.
    taken
        What else no name may lie on: scale bar and arrow, in metres.
    """

    def __init__(
        self, frame: tuple[float, float, float, float], scale: int, taken: Iterable[shapely.Polygon] = ()
    ) -> None:
        self._scale = scale
        self._room = shapely.box(*frame).buffer(-self._metres(_APART_MM))
        self._taken = list(taken)
        self.labels: list[Label] = []

    def put(self, named: Named) -> None:
        """Place the names of a layer where there is room; a name without room is left out, and never overlaps."""
        for text, shape in sorted(named.names, key=lambda one: -_extent(one[1])):
            visible = shapely.intersection(shape, self._room)
            if not visible.is_empty:
                self._put(text, visible, named)

    def _put(self, text: str, shape: shapely.Geometry, named: Named) -> None:
        along = shape.geom_type in {"LineString", "MultiLineString"}
        width = self._metres(width_em(text) * named.size / POINTS_PER_MM * _SPARE)
        height = self._metres(_LINE_HEIGHT * named.size / POINTS_PER_MM)
        if along and any(
            one.text == text
            and math.hypot(one.x - shape.centroid.x, one.y - shape.centroid.y) < self._metres(_AGAIN_MM)
            for one in self.labels
        ):
            return
        spots = _along(shape, width) if along else _inside(shape, height)
        for x, y, angle in spots:
            box = _box(x, y, width, height, angle)
            apart = box.buffer(self._metres(_APART_MM / 2), join_style="mitre")
            if self._room.contains(box) and not any(apart.intersects(other) for other in self._taken):
                self._taken.append(apart)
                self.labels.append(Label(text, x, y, angle, named.size, named.strong, box))
                return

    def _metres(self, millimetres: float) -> float:
        return millimetres / 1000 * self._scale


def _extent(shape: shapely.Geometry) -> float:
    west, south, east, north = shape.bounds
    return float(max(east - west, north - south))


def _box(x: float, y: float, width: float, height: float, angle: float) -> shapely.Polygon:
    flat = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return shapely.affinity.rotate(flat, angle, origin=(x, y))


def _inside(shape: shapely.Geometry, height: float) -> Iterator[tuple[float, float, float]]:
    """Yield places in and about the middle of an area, the middle first."""
    parts = shapely.get_parts(shape)
    largest = parts[np.argmax(shapely.area(parts))]
    middle = largest.representative_point()
    if largest.geom_type == "Polygon":
        # The widest spot; a representative point may lie in a corner.
        spot = shapely.maximum_inscribed_circle(largest, tolerance=height / 2)
        middle = shapely.Point(spot.coords[0])
    for ring in range(5):
        for turn in range(1 if ring == 0 else 8):
            angle = turn * math.pi / 4
            yield (
                middle.x + ring * height * 1.2 * math.cos(angle),
                middle.y + ring * height * 1.2 * math.sin(angle),
                0.0,
            )


def _along(shape: shapely.Geometry, width: float) -> Iterator[tuple[float, float, float]]:
    """Yield places along a road where it is nearly straight for as long as its name is, the straightest first."""
    found = []
    for part in shapely.get_parts(shapely.line_merge(shape)):
        if part.length < width * 1.1:
            continue
        for at in np.linspace(
            width * 0.55, part.length - width * 0.55, num=max(3, min(25, int(part.length / width * 2)))
        ):
            before, middle, after = (part.interpolate(at + side * width / 2) for side in (-1, 0, 1))
            bend = shapely.LineString([before, after]).distance(middle)
            # Between equally straight places the one nearest to the middle is taken.
            found.append((round(bend / width, 2), abs(at - part.length / 2), middle, _angle(before, after)))
    for bend, _, middle, angle in sorted(found, key=lambda one: one[:2]):
        if bend < 0.08:
            yield middle.x, middle.y, angle


def _angle(before: shapely.Point, after: shapely.Point) -> float:
    angle = math.degrees(math.atan2(after.y - before.y, after.x - before.x))
    return angle - 180 if angle > 90 else angle + 180 if angle < -90 else angle
