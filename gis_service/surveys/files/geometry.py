"""Whether a row's geometry fits its layer, and the bytes PostGIS takes it in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_service.coordinates import STORED_CRS, transform_geometries

Geometries = NDArray[np.object_]

SRID: Final = 4490
_POINT, _LINE, _RING, _POLYGON, _MULTIPOINT, _MULTILINE, _MULTIPOLYGON, _COLLECTION = range(8)

# Which types a declared geometry takes, single ones included.
TAKEN_TYPES: Final = {
    "POINT": (_POINT, _MULTIPOINT),
    "MULTILINESTRING": (_LINE, _RING, _MULTILINE),
    "MULTIPOLYGON": (_POLYGON, _MULTIPOLYGON),
    "GEOMETRY": (_POINT, _LINE, _RING, _POLYGON, _MULTIPOINT, _MULTILINE, _MULTIPOLYGON),
}
_WANTED: Final = {"POINT": "点", "MULTILINESTRING": "线", "MULTIPOLYGON": "面", "GEOMETRY": "点、线或面"}
_TYPE_TITLES: Final = ("点", "线", "闭合线", "面", "多点", "多线", "多面", "几何集合")

MOST_AREA_CHANGED: Final = 0.001
"""Share of an area that mending may change; a decision of ours, far below what can be drawn or measured."""

RING_CLOSED: Final = "环没有闭合,已把终点接回起点"

_NOTHING: Final[Mapping[int, str]] = MappingProxyType({})

_FAULTS: Final = {
    "self-intersection": "自相交",
    "ring self-intersection": "环自相交",
    "hole lies outside shell": "内环在外环之外",
    "holes are nested": "内环互相嵌套",
    "interior is disconnected": "内部被内环切断",
    "nested shells": "多个外环互相嵌套",
    "duplicate rings": "环重复",
    "duplicated rings": "环重复",
    "too few points in geometry component": "点数太少(退化的线或面)",
    "ring is not closed": "环没有闭合",
    "unclosed ring": "环没有闭合",
}


@dataclass(frozen=True)
class Fitted:
    """Geometries of a chunk as EWKB (little-endian, SRID 4490, two dimensions), or the reason why not.

    ``repairs`` say what was mended of a geometry that is taken.
    """

    geometries: list[bytes | None]
    reasons: list[str | None]
    repairs: list[str | None]


class Fitting:
    """Fits geometries to one layer.

    Parameters
    ----------
    geometry
        The layer's declared type, a key of ``TAKEN_TYPES``; multi types promote single geometries.
    crs
        The system of what comes in.
    geometry_vertices
        Most vertices of one geometry.
    mending
        Whether faulty areas are mended where that is safe, which must be told, instead of refused.
    """

    def __init__(self, geometry: str, crs: str, *, geometry_vertices: int, mending: bool = False) -> None:
        self._geometry = geometry
        self._mending = mending
        self._crs = crs
        self._geometry_vertices = geometry_vertices

    def fit(self, geometries: Geometries, broken: dict[int, str], mended: Mapping[int, str] = _NOTHING) -> Fitted:
        """Check, convert and pack geometries.

        Parameters
        ----------
        geometries
            shapely geometries or None, in the system given at the start.
        broken
            Reasons already known, by position.
        mended
            What was mended when the geometries were built, by position.
        """
        good = geometries.copy()
        reasons: list[str | None] = [broken.get(position) for position in range(len(good))]
        repairs: list[str | None] = [mended.get(position) for position in range(len(good))]
        for position in broken:
            good[position] = None
        _refuse(good, reasons, shapely.is_missing(good), "没有几何")
        _refuse(good, reasons, shapely.is_empty(good), "空几何")
        self._refuse_long(good, reasons)
        self._refuse_types(good, reasons)
        good = shapely.force_2d(good)
        _refuse(good, reasons, _not_finite(good), "坐标不是有限的数")
        good = transform_geometries(good, self._crs, STORED_CRS)
        _refuse_out_of_range(good, reasons)
        good = self._promoted(good)
        faulty = np.flatnonzero(~shapely.is_missing(good) & ~shapely.is_valid(good))
        if self._mending:
            faulty = self._mend(good, faulty, repairs)
        _refuse_invalid(good, faulty, reasons)
        packed = shapely.to_wkb(shapely.set_srid(good, SRID), include_srid=True, byte_order=1, output_dimension=2)
        return Fitted(cast("list[bytes | None]", packed.tolist()), reasons, repairs)

    def _refuse_long(self, good: Geometries, reasons: list[str | None]) -> None:
        counts = shapely.get_num_coordinates(good)
        for position in np.flatnonzero(counts > self._geometry_vertices):
            reasons[position] = f"顶点太多({counts[position]} 个,一个几何最多 {self._geometry_vertices} 个)"
            good[position] = None

    def _refuse_types(self, good: Geometries, reasons: list[str | None]) -> None:
        types = shapely.get_type_id(good)
        known = types >= 0
        for position in np.flatnonzero(known & ~np.isin(types, TAKEN_TYPES[self._geometry])):
            found = _TYPE_TITLES[types[position]]
            reasons[position] = f"几何类型不符:这个图层要{_WANTED[self._geometry]},这一行是{found}"
            good[position] = None
        if self._geometry != "POINT":
            return
        for position in np.flatnonzero(shapely.get_type_id(good) == _MULTIPOINT):
            count = shapely.get_num_geometries(good[position])
            if count > 1:
                reasons[position] = f"几何类型不符:这个图层每行一个点,这一行有 {count} 个点"
                good[position] = None

    def _promoted(self, good: Geometries) -> Geometries:
        """Make single lines and polygons multi, and a multi-point of one a point, as the column's type wants it."""
        types = shapely.get_type_id(good)
        if self._geometry == "MULTIPOLYGON":
            single = types == _POLYGON
            if single.any():
                good[single] = shapely.multipolygons(good[single], indices=np.arange(np.count_nonzero(single)))
        elif self._geometry == "MULTILINESTRING":
            single = (types == _LINE) | (types == _RING)
            if single.any():
                good[single] = shapely.multilinestrings(good[single], indices=np.arange(np.count_nonzero(single)))
        elif self._geometry == "POINT":
            multi = types == _MULTIPOINT
            good[multi] = shapely.get_geometry(good[multi], 0)
        return good

    def _mend(self, good: Geometries, faulty: NDArray[np.intp], repairs: list[str | None]) -> NDArray[np.intp]:
        """Put sound areas in the place of faulty ones that differ from them by nearly nothing; return the others."""
        left = []
        for position, reason in zip(faulty, shapely.is_valid_reason(good[faulty]), strict=True):
            areal = shapely.get_type_id(good[position]) in {_POLYGON, _MULTIPOLYGON}
            sound = _mended(good[position]) if areal else None
            if sound is None:
                left.append(position)
                continue
            good[position] = sound
            said = f"{fault_sentence(reason)},已自动修正,面积变化不到 {MOST_AREA_CHANGED:.1%}"
            repairs[position] = ";".join(part for part in (repairs[position], said) if part)
        good[:] = self._promoted(good)
        return np.array(left, dtype=np.intp)


def _mended(faulty: shapely.Geometry) -> shapely.Geometry | None:
    """Return a sound area of the same parts, or None when that would change what was drawn.

    What a spike or a touching ring leaves behind beside the parts, areas of nearly nothing, is dropped.
    """
    whole = float(shapely.area(faulty))
    count = int(shapely.get_num_geometries(faulty))
    sound = shapely.make_valid(faulty, method="structure", keep_collapsed=False)
    parts = [part for part in shapely.get_parts(sound) if shapely.get_type_id(part) == _POLYGON]
    kept = sorted(parts, key=shapely.area, reverse=True)[:count]
    lost = float(shapely.area(sound)) - float(shapely.area(kept).sum())
    changed = abs(float(shapely.area(kept).sum()) - whole)
    if len(kept) != count or max(lost, changed) > MOST_AREA_CHANGED * whole:
        return None
    mended = shapely.multipolygons(kept) if shapely.get_type_id(faulty) == _MULTIPOLYGON else kept[0]
    return mended if shapely.is_valid(mended) else None


def built_closing_rings(
    pieces: NDArray[np.object_], build: Callable[..., Geometries]
) -> tuple[Geometries, dict[int, str]]:
    """Build geometries from WKB or WKT; a ring that doesn't come back to its start is closed.

    Parameters
    ----------
    pieces
        Bytes or texts, or None.
    build
        ``shapely.from_wkb`` or ``shapely.from_wkt``.

    Returns
    -------
    tuple
        Geometries, None where nothing could be built; and what was mended, by position.
    """
    built = np.asarray(build(pieces, on_invalid="ignore"), dtype=object)
    open_ones = np.flatnonzero(
        shapely.is_missing(built) & np.array([piece is not None for piece in pieces], dtype=bool)
    )
    if not len(open_ones):
        return built, {}
    built[open_ones] = build(pieces[open_ones], on_invalid="fix")
    return built, {int(at): RING_CLOSED for at in open_ones if built[at] is not None}


def _refuse(good: Geometries, reasons: list[str | None], faulty: NDArray[np.bool_], reason: str) -> None:
    """Note a reason for rows that have none yet, and take their geometry out of what follows."""
    for position in np.flatnonzero(faulty):
        reasons[position] = reasons[position] or reason
        good[position] = None


def _not_finite(good: Geometries) -> NDArray[np.bool_]:
    points, owners = shapely.get_coordinates(good, return_index=True)
    faulty = np.zeros(len(good), dtype=bool)
    faulty[owners[~np.isfinite(points).all(axis=1)]] = True
    return faulty


def _refuse_out_of_range(good: Geometries, reasons: list[str | None]) -> None:
    """Refuse what lies outside of the globe; a latitude of 121 is nearly always a pair turned round."""
    bounds = shapely.bounds(good)
    with np.errstate(invalid="ignore"):
        outside = (bounds[:, 0] < -180) | (bounds[:, 2] > 180) | (bounds[:, 1] < -90) | (bounds[:, 3] > 90)
    outside |= ~shapely.is_missing(good) & ~np.isfinite(bounds).all(axis=1)
    for position in np.flatnonzero(outside):
        x, y = bounds[position, :2]
        turned = ",经度和纬度可能写反了" if abs(y) <= 180 and abs(x) <= 90 else ",坐标系可能不对"
        reasons[position] = f"坐标超出经纬度范围({x:.5f}, {y:.5f}){turned}"
        good[position] = None


def _refuse_invalid(good: Geometries, faulty: NDArray[np.intp], reasons: list[str | None]) -> None:
    for position, reason in zip(faulty, shapely.is_valid_reason(good[faulty]), strict=True):
        reasons[position] = fault_sentence(reason)
        good[position] = None


def fault_sentence(reason: str) -> str:
    """Turn GEOS's ``Self-intersection[121.01 30.70]`` into a sentence with the place."""
    match = re.fullmatch(r"(.*?)\s*\[(\S+) (\S+)\]", reason)
    name, place = (match[1], f",位置 {float(match[2]):.5f}, {float(match[3]):.5f}") if match else (reason, "")
    return f"{_FAULTS.get(name.lower(), f'几何无效({name})')}{place}"
