"""Shapes out of positions, and which parts of a mixed one a layer wants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import shapely

from gis_service.surveys.files.geometry import TAKEN_TYPES

Position = tuple[float, float]

CIRCLE_SIDES: Final = 64


def line_of(points: Sequence[Position]) -> shapely.Geometry | None:
    """Return a line, or None when there are fewer than two positions."""
    return shapely.linestrings(points) if len(points) >= 2 else None


def polygon_of(shell: Sequence[Position], holes: Sequence[Sequence[Position]] = ()) -> shapely.Geometry | None:
    """Return a polygon, its rings closed where they aren't; None when the shell has fewer than three positions."""
    if len(set(shell)) < 3:
        return None
    rings = [shapely.linearrings(_closed(hole)) for hole in holes if len(set(hole)) >= 3]
    return shapely.polygons(shapely.linearrings(_closed(shell)), holes=rings or None)


def _closed(ring: Sequence[Position]) -> list[Position]:
    return [*ring] if ring[0] == ring[-1] else [*ring, ring[0]]


def joined(parts: Sequence[shapely.Geometry], geometry: str) -> tuple[shapely.Geometry | None, int]:
    """Put the parts of one feature together.

    Parameters
    ----------
    geometry
        The layer's declared type. Where some parts fit it and others don't (a label point beside its polygon), those
        that don't are left out; where none fits, all are kept, to be refused later.

    Returns
    -------
    tuple
        The geometry, and how many parts were left out.
    """
    fitting = [part for part in parts if shapely.get_type_id(part) in TAKEN_TYPES[geometry]]
    taken = fitting or list(parts)
    if not taken:
        return None, 0
    types = {shapely.get_type_id(part) for part in taken}
    if len(taken) == 1:
        whole = taken[0]
    elif types == {shapely.GeometryType.POINT}:
        whole = shapely.multipoints(taken)
    elif types == {shapely.GeometryType.LINESTRING}:
        whole = shapely.multilinestrings(taken)
    elif types == {shapely.GeometryType.POLYGON}:
        whole = shapely.multipolygons(taken)
    else:
        whole = shapely.geometrycollections(taken)
    return whole, len(parts) - len(taken)


def arc_points(centre: Position, radius: float, start: float, sweep: float) -> list[Position]:
    """Return positions on an arc, as dense as on a circle of 64 sides; angles in radians, counter-clockwise."""
    count = max(1, math.ceil(abs(sweep) / (2 * math.pi) * CIRCLE_SIDES))
    angles = (start + sweep * step / count for step in range(count + 1))
    return [(centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)) for angle in angles]
