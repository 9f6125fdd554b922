"""Areas and lines that people draw: WKT or GeoJSON in degrees, checked and capped before the database sees them."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from gis_service.errors import InputError
from gis_service.features.question import Question, parse_bbox
from gis_service.surveys.files.geometry import fault_sentence

MAX_VERTICES: Final = 1000
MAX_AREA_KM2: Final = 200.0
MAX_LENGTH_KM: Final = 50.0
_ELLIPSOID: Final = Geod(a=6378137.0, rf=298.257222101)
"""CGCS2000."""


def drawn_area(drawn: str | dict[str, Any]) -> BaseGeometry:
    """Return a Polygon or MultiPolygon in degrees (EPSG:4490, longitude first), flat and valid.

    Parameters
    ----------
    drawn
        WKT, or a GeoJSON geometry or feature, longitude before latitude.

    Raises
    ------
    InputError
        When it isn't an area, has more than 1,000 vertices, crosses itself or covers more than 200 km².
    """
    found = _read(drawn, ("Polygon", "MultiPolygon"), "面(Polygon)")
    if not found.is_valid:
        reason = fault_sentence(shapely.is_valid_reason(found))
        raise InputError(
            f"所画的面不能用({reason});请检查环是否闭合、是否自相交。",
            f"The polygon isn't valid: {shapely.is_valid_reason(found)}.",
        )
    size = area_m2(found)
    if not 0 < size <= MAX_AREA_KM2 * 1e6:
        raise InputError(
            f"所画的面有 {size / 1e6:.1f} 平方公里;应大于 0,不超过 {MAX_AREA_KM2:g} 平方公里,请画小些。",
            f"The polygon covers {size / 1e6:.1f} km²; above 0, at most {MAX_AREA_KM2:g} km².",
        )
    return found


def drawn_box(written: str) -> BaseGeometry:
    """Return the box of west,south,east,north in degrees; InputError when it isn't one, or an area too large."""
    box = Question(**parse_bbox(written)).bbox  # type: ignore[arg-type]
    return drawn_area(str(shapely.to_wkt(shapely.box(*(box or ())), rounding_precision=-1)))


def drawn_line(drawn: str | dict[str, Any]) -> BaseGeometry:
    """Return a LineString or MultiLineString in degrees (EPSG:4490, longitude first), flat.

    Raises
    ------
    InputError
        When it isn't a line, has more than 1,000 vertices, or isn't longer than 0 and at most 50 km.
    """
    found = _read(drawn, ("LineString", "MultiLineString"), "线(LineString)")
    length = abs(_ELLIPSOID.geometry_length(found))
    if not 0 < length <= MAX_LENGTH_KM * 1e3:
        raise too_long(length)
    return found


def too_long(length_m: float) -> InputError:
    """Return the error for a line without length or of more than 50 km."""
    return InputError(
        f"这条线长 {length_m / 1e3:.1f} 公里;应大于 0,不超过 {MAX_LENGTH_KM:g} 公里,请分段查询。",
        f"The line is {length_m / 1e3:.1f} km long; above 0, at most {MAX_LENGTH_KM:g} km.",
    )


def area_m2(shape: BaseGeometry) -> float:
    """Return the area of a shape in degrees on the ellipsoid, in m²."""
    # The direction in which a ring runs decides the sign.
    return abs(float(_ELLIPSOID.geometry_area_perimeter(shapely.force_2d(shapely.normalize(shape)))[0]))


def _read(drawn: str | dict[str, Any], kinds: tuple[str, ...], wanted: str) -> BaseGeometry:
    node = drawn.get("geometry", drawn) if isinstance(drawn, dict) else drawn
    try:
        if isinstance(node, str):
            _check_vertices(node.count(",") + 1)
            found = shapely.from_wkt(node)
        else:
            # Of three numbers the third is a height; the exact count follows when the shape is read.
            _check_vertices(_numbers(node) // 3)
            found = shapely.from_geojson(json.dumps(node))
    except (shapely.errors.GEOSException, NotImplementedError, TypeError) as error:
        raise _wrong(wanted, "写法有误,或线、环的点数太少") from error
    if found is None or found.geom_type not in kinds or found.is_empty:
        raise _wrong(wanted, "没有内容" if found is None or found.is_empty else f"是 {found.geom_type}")
    found = shapely.force_2d(found)
    corners = shapely.get_coordinates(found)
    _check_vertices(len(corners))
    if not (np.isfinite(corners).all() and (abs(corners) <= (180, 85)).all()):
        raise InputError(
            "所画的图形不在经纬度范围内:经度在前,±180 以内;纬度在后,±85 以内。",
            "The shape isn't in degrees: longitude first within ±180, then latitude within ±85.",
        )
    return found


def _numbers(node: Any) -> int:
    if isinstance(node, dict):
        return _numbers(node.get("coordinates"))
    return sum(map(_numbers, node)) if isinstance(node, list) else isinstance(node, int | float)


def _check_vertices(number: int) -> None:
    if number > MAX_VERTICES:
        raise InputError(
            f"所画的图形顶点太多,最多 {MAX_VERTICES} 个;请画得简单些。",
            f"The shape has too many vertices; at most {MAX_VERTICES}.",
        )


def _wrong(wanted: str, why: str) -> InputError:
    return InputError(
        f"图形看不懂({why});应为 GeoJSON 或 WKT 的{wanted},经度在前。",
        "The shape can't be read; give a GeoJSON or WKT geometry, longitude first.",
    )
