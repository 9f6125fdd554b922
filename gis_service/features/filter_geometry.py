"""The geometries and distances that a filter is written with, carried to stored coordinates (EPSG:4490, x before y)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis_service.coordinates import (
    METRES_PER_DEGREE,
    STORED_CRS,
    CoordinateError,
    degree_ratio,
    is_geographic,
    transform_geometries,
)  # fmt: skip
from gis_service.errors import InputError
from gis_service.surveys.files.geometry import fault_sentence
from gis_service.tables import STORED_SRID

MAX_VERTICES: Final = 1000
MAX_DISTANCE_M: Final = 20_000.0
"""A filter's distance is a way on foot or by bicycle; the cost of a question stays bounded."""

METRES: Final = {
    "m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0,
    "km": 1000.0, "kilometer": 1000.0, "kilometers": 1000.0, "kilometre": 1000.0, "kilometres": 1000.0,
    "foot": 0.3048, "feet": 0.3048,
    "statute mile": 1609.344, "statute miles": 1609.344, "nautical mile": 1852.0, "nautical miles": 1852.0,
}  # fmt: skip
"""Metres in each unit of distance."""

# A straight edge of 1 km in a projected system bends by a centimetre in degrees, one of 20 km by metres.
_STRAIGHT_M: Final = 1000.0
_MOST_PIECES: Final = 5000
_DEGREES: Final = frozenset((4326, STORED_SRID))


@dataclass(frozen=True, slots=True)
class Reach:
    """What lies within a distance of a geometry, ready to be bound.

    Attributes
    ----------
    box
        EWKB, in hexadecimal, of a box in degrees around everything within the distance.
    narrow
        Length of a degree of longitude over that of a degree of latitude, where the geometry lies.
    metres
        The distance.
    """

    box: str
    narrow: float
    metres: float


def read_wkt(text: str) -> BaseGeometry:
    """Read a geometry in WKT.

    Raises
    ------
    InputError
        When it has too many vertices or isn't a geometry.
    """
    _check_vertices(text.count(",") + 1)
    try:
        # 1e999 is infinite, which is refused later; NumPy would warn of it.
        with np.errstate(over="ignore"):
            return shapely.from_wkt(text)
    except (shapely.errors.GEOSException, NotImplementedError) as error:
        raise _wrong(text, "写法有误,或线、环的点数太少", str(error)) from error


def read_geojson(node: dict[str, Any]) -> BaseGeometry:
    """Read a GeoJSON geometry.

    Raises
    ------
    InputError
        When it has too many vertices or isn't a geometry.
    """
    _check_vertices(_positions(node))
    try:
        return shapely.from_geojson(json.dumps(node))
    except shapely.errors.GEOSException as error:
        raise _wrong(str(node.get("type")), "写法有误,或线、环的点数太少", str(error)) from error


def read_box(numbers: list[Any]) -> BaseGeometry:
    """Read the four numbers of a box (of six, the heights are left aside); without width it is a line or a point.

    Raises
    ------
    InputError
        When they aren't four or six finite numbers, the lower before the upper.
    """
    given = [numbers[at] for at in (0, 1, 3, 4)] if len(numbers) == 6 else numbers
    finite = all(isinstance(number, int | float) and math.isfinite(number) for number in given)
    if len(given) != 4 or not finite or given[0] > given[2] or given[1] > given[3]:
        raise InputError(
            "过滤条件里的 BBOX 不对:应为 最小x,最小y,最大x,最大y 四个数字,例如 BBOX(120.99,30.69,121.02,30.71)。",
            "A BBOX in the filter is wrong: give the lower and the upper corner.",
        )
    low, high = (given[0], given[1]), (given[2], given[3])
    if low[0] < high[0] and low[1] < high[1]:
        return shapely.box(*low, *high)
    return shapely.Point(low) if low == high else shapely.LineString([low, high])


def stored(shape: BaseGeometry, srid: int, *, flip: bool) -> BaseGeometry:
    """Return a geometry in stored coordinates, flat and checked.

    Parameters
    ----------
    shape
        In the coordinates of ``srid``, y before x when ``flip``.
    srid
        EPSG code.

    Raises
    ------
    InputError
        When it is empty, isn't valid, or doesn't lie on the globe.
    """
    if shape.is_empty:
        raise _wrong(shape.geom_type, "没有内容")
    if shape.has_z or flip or shapely.has_m(shape):
        shape = shapely.force_2d(shape)
        shape = shapely.transform(shape, lambda points: points[:, ::-1]) if flip else shape
    if srid not in _DEGREES:
        shape = _carried(shape, srid)
    west, south, east, north = shape.bounds
    # NaN compares false.
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise _wrong(shape.geom_type, f"坐标 {west:g},{south:g} … {east:g},{north:g} 不在地球上")
    if shape.geom_type != "Point":
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            raise _wrong(shape.geom_type, "有坐标不是有限的数")
        if not shape.is_valid:
            reason = shapely.is_valid_reason(shape)
            raise _wrong(shape.geom_type, fault_sentence(reason), reason)
    return shape


def bound(shape: BaseGeometry) -> str:
    """Return a stored geometry as EWKB in hexadecimal, which keeps every bit of its coordinates."""
    return str(shapely.to_wkb(shapely.set_srid(shape, STORED_SRID), hex=True, include_srid=True))


def reach_of(shape: BaseGeometry, distance: float, unit: str) -> Reach:
    """Return what lies within a distance of a stored geometry.

    Raises
    ------
    InputError
        When the unit is unknown, the distance isn't within (0, 20000] metres, or the geometry lies too near a pole.
    """
    factor = METRES.get(" ".join(unit.lower().split()))
    if factor is None:
        raise InputError(
            f"过滤条件里的距离单位 {unit[:40]!r} 不认识:请用 meters、kilometers、feet、"
            "'statute miles' 或 'nautical miles'。",
            f"The unit of distance {unit[:40]!r} is unknown: use meters, kilometers, feet, statute or nautical miles.",
        )
    metres = distance * factor
    if not 0 < metres <= MAX_DISTANCE_M:
        raise InputError(
            f"过滤条件里的距离 {metres:g} 米不对:应大于 0,不超过 {MAX_DISTANCE_M:g} 米。",
            f"The distance {metres:g} m in the filter is wrong: above 0, at most {MAX_DISTANCE_M:g} m.",
        )
    west, south, east, north = shape.bounds
    if south < -85 or north > 85:
        raise _wrong(shape.geom_type, "距离只在南北纬 85 度之间量算")
    high = metres / METRES_PER_DEGREE * 1.01
    wide = high / math.cos(math.radians(min(86.0, max(abs(south), abs(north)) + high)))
    narrow = degree_ratio((south + north) / 2)
    return Reach(bound(shapely.box(west - wide, south - high, east + wide, north + high)), narrow, metres)


def _carried(shape: BaseGeometry, srid: int) -> BaseGeometry:
    """Carry a geometry from another system; long edges are cut, because they bend on the way."""
    try:
        crs = f"EPSG:{srid}"
        if not is_geographic(crs) and np.isfinite(shape.length):
            shape = shapely.segmentize(shape, max(_STRAIGHT_M, shape.length / _MOST_PIECES))
        return transform_geometries(np.array([shape], dtype=object), crs, STORED_CRS)[0]
    except CoordinateError as error:
        raise InputError(f"过滤条件的坐标系不能用:{error}。", f"EPSG:{srid} can't be used in a filter.") from error


def _check_vertices(number: int) -> None:
    if number > MAX_VERTICES:
        raise InputError(
            f"过滤条件里的几何有 {number} 个顶点,最多 {MAX_VERTICES} 个;请画得简单些。",
            f"A geometry in the filter has {number} vertices; at most {MAX_VERTICES}.",
        )


def _positions(node: Any) -> int:
    if isinstance(node, dict):
        return sum(map(_positions, node.get("geometries", ()))) + _positions(node.get("coordinates", []))
    if not isinstance(node, list) or not node:
        return 0
    return sum(map(_positions, node)) if isinstance(node[0], list) else 1


def _wrong(shown: str, why: str, english: str = "") -> InputError:
    reason = " ".join(english.split())[:160] or "it is empty or doesn't lie on the globe"
    return InputError(
        f"过滤条件里的几何“{shown[:60]}”不能用({why});请检查经纬度次序、环是否闭合、面是否自相交。",
        f"The geometry {shown[:60]!r} in the filter can't be used: {reason}.",
    )
