"""Coordinate systems, datums and axis order: the one place that knows them.

Every function takes and returns longitude before latitude and easting before northing, whatever the register says
of a system's axes (4490, 4549 and 4528 are officially northing first). Stored geometry is CGCS2000 (EPSG:4490);
GCJ-02 and BD-09, the shifted systems of Chinese web maps, exist here only to be converted away from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, cast

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

Floats = NDArray[np.float64]

STORED_CRS: Final = "EPSG:4490"
GCJ02: Final = "GCJ-02"
BD09: Final = "BD-09"

# PROJ itself treats WGS 84 and CGCS2000 as one ("ballpark"): they differ by decimetres, which no survey sheet states.
_SAME_AS_STORED: Final = frozenset({"EPSG:4326", STORED_CRS})

# Krasovsky's ellipsoid and the constants of the published GCJ-02 and BD-09 algorithms.
_GCJ_AXIS_M: Final = 6378245.0
_GCJ_ECCENTRICITY2: Final = 0.00669342162296594323
_BD_PI: Final = np.pi * 3000.0 / 180.0
# The published rectangle outside of which GCJ-02 is WGS 84: west, south, east, north, in degrees.
_GCJ_EXTENT: Final = (72.004, 0.8293, 137.8347, 55.8271)
_INVERSE_TOLERANCE_DEG: Final = 1e-11
_INVERSE_ROUNDS: Final = 30

METRES_PER_DEGREE: Final = 110_574.0
"""The shortest degree of latitude on the CGCS2000 ellipsoid (at the equator), so that a box is never too small."""

# First eccentricity of the CGCS2000 ellipsoid, squared.
_ECCENTRICITY2: Final = 0.006694380022901

# Mainland surveys and these bounds (degrees) choose the national zones; elsewhere the zone is UTM.
_CHINA_EXTENT: Final = (73.0, 3.0, 136.0, 54.0)
_FIRST_ZONE_CM, _LAST_ZONE_CM, _FIRST_CM_SRID = 75, 135, 4534

# Datums that need local parameters nobody may publish; PROJ would be tens of metres off without saying so.
_OLD_DATUMS: Final = ("xian 1980", "xi'an 1980", "beijing 1954", "new beijing")
_SHIFTED_NAMES: Final = {"GCJ02": GCJ02, "火星": GCJ02, "高德": GCJ02, "BD09": BD09, "BD09LL": BD09, "百度": BD09}
# Words of the register, and what a surveyor here calls it.
_CHINESE_NAMES: Final = (
    ("China Geodetic Coordinate System 2000", "国家大地坐标系 CGCS2000"),
    ("WGS 84 / Pseudo-Mercator", "网页墨卡托"),
    (" / 3-degree Gauss-Kruger CM ", " 3 度带,中央经线 "),
    (" / 3-degree Gauss-Kruger zone ", " 3 度带,带号 "),
    (" / Gauss-Kruger CM ", " 6 度带,中央经线 "),
    (" / Gauss-Kruger zone ", " 6 度带,带号 "),
)
_WGS84_NAMES: Final = frozenset(
    {"WGS84", "CRS84", "OGC:CRS84", "URN:OGC:DEF:CRS:OGC:1.3:CRS84", "URN:OGC:DEF:CRS:OGC::CRS84"}
)


class CoordinateError(ValueError):
    """A coordinate system that is unknown, or that can't be converted exactly; the message is for people."""


def transform(x: ArrayLike, y: ArrayLike, from_crs: str, to_crs: str) -> tuple[Floats, Floats]:
    """Carry coordinates from one system to another.

    Parameters
    ----------
    x, y
        Longitudes and latitudes in degrees, or eastings and northings in metres; any shape, the same for both.
    from_crs, to_crs
        What :func:`parse_crs` returns: ``"EPSG:4549"``, ``"GCJ-02"``, ``"BD-09"``, or WKT.

    Returns
    -------
    tuple of ndarray
        x and y in ``to_crs``; infinite where a point has no image there.

    Raises
    ------
    CoordinateError
        A system is unknown.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if _same(from_crs, to_crs):
        return xs.copy(), ys.copy()
    if from_crs in _TO_WGS84:
        xs, ys = _TO_WGS84[from_crs](xs, ys)
        from_crs = "EPSG:4326"
    target = to_crs
    if to_crs in _FROM_WGS84:
        to_crs = "EPSG:4326"
    if not _same(from_crs, to_crs):
        xs, ys = _transformer(from_crs, to_crs).transform(xs, ys)
    if target in _FROM_WGS84:
        xs, ys = _FROM_WGS84[target](xs, ys)
    return np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)


def transform_geometries(geometries: ArrayLike, from_crs: str, to_crs: str) -> NDArray[np.object_]:
    """Carry shapely geometries from one system to another; Z and M are dropped when coordinates change.

    Parameters
    ----------
    geometries
        shapely geometries or None, any shape.
    from_crs, to_crs
        As for :func:`transform`.

    Returns
    -------
    ndarray of object
        New geometries of the same shape; the very same ones where the systems are numerically equal.

    Raises
    ------
    CoordinateError
        A system is unknown.
    """
    given = np.asarray(geometries, dtype=object)
    if _same(from_crs, to_crs):
        return given

    def moved(points: Floats) -> Floats:
        return np.column_stack(transform(points[:, 0], points[:, 1], from_crs, to_crs))

    return cast("NDArray[np.object_]", shapely.transform(given, moved))


def degree_ratio(lat: float) -> float:
    """Return the length of a degree of longitude over that of a degree of latitude, on the CGCS2000 ellipsoid."""
    sine = math.sin(math.radians(lat))
    return math.cos(math.radians(lat)) * (1 - _ECCENTRICITY2 * sine * sine) / (1 - _ECCENTRICITY2)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift WGS 84 longitudes and latitudes (degrees) to GCJ-02, by its published algorithm.

    Points outside the algorithm's rectangle around China are returned as they are.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    inside = is_shifted(x, y)
    u, v = x - 105.0, y - 35.0
    swell = (20.0 * np.sin(6.0 * u * np.pi) + 20.0 * np.sin(2.0 * u * np.pi)) * 2.0 / 3.0
    root = np.sqrt(np.abs(u))
    d_lat = -100.0 + 2.0 * u + 3.0 * v + 0.2 * v * v + 0.1 * u * v + 0.2 * root + swell
    d_lat += _waves(v, ((20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0)))
    d_lon = 300.0 + u + 2.0 * v + 0.1 * u * u + 0.1 * u * v + 0.1 * root + swell
    d_lon += _waves(u, ((20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0)))
    radians = np.radians(y)
    curvature = 1.0 - _GCJ_ECCENTRICITY2 * np.sin(radians) ** 2
    meridian_m = _GCJ_AXIS_M * (1.0 - _GCJ_ECCENTRICITY2) / (curvature * np.sqrt(curvature))
    parallel_m = _GCJ_AXIS_M / np.sqrt(curvature) * np.cos(radians)
    shifted_lon = x + np.degrees(d_lon / parallel_m)
    shifted_lat = y + np.degrees(d_lat / meridian_m)
    return np.where(inside, shifted_lon, x), np.where(inside, shifted_lat, y)


def is_shifted(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Say which places, given in degrees, GCJ-02 shifts: those in the algorithm's rectangle around China."""
    west, south, east, north = _GCJ_EXTENT
    inside: NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift GCJ-02 longitudes and latitudes (degrees) to Baidu's BD-09, by its published algorithm."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_PI)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Undo :func:`wgs84_to_gcj02` by iteration, to better than 1e-9 degrees (0.1 mm)."""
    return _inverse(wgs84_to_gcj02, lon, lat)


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Undo :func:`gcj02_to_bd09` by iteration, to better than 1e-9 degrees; Baidu's own inverse is 1e-6 off."""
    return _inverse(gcj02_to_bd09, lon, lat)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Shift WGS 84 longitudes and latitudes (degrees) to BD-09."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Undo :func:`wgs84_to_bd09`, to better than 1e-9 degrees."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def metric_srid(lon: float, lat: float) -> int:
    """Choose the EPSG code of the plane system in which an area is measured, from its centroid.

    Parameters
    ----------
    lon, lat
        Degrees, CGCS2000 or WGS 84.

    Returns
    -------
    int
        In China's rectangle the CGCS2000 3-degree Gauss-Krüger zone named by its central meridian (no zone prefix
        in the eastings): 4549 for [118.5, 121.5), 4550 from 121.5 E on. Elsewhere WGS 84 / UTM.

    Raises
    ------
    CoordinateError
        The point is not a longitude and latitude, or lies beyond UTM's 80 S to 84 N.
    """
    if not (-180.0 <= lon <= 180.0 and -80.0 <= lat <= 84.0):
        msg = f"无法为经纬度 {lon}, {lat} 选择平面坐标系;经度须在 ±180 以内,纬度须在 -80 与 84 之间"
        raise CoordinateError(msg)
    west, south, east, north = _CHINA_EXTENT
    if west <= lon <= east and south <= lat <= north:
        meridian = int((lon + 1.5) // 3) * 3
        meridian = min(max(meridian, _FIRST_ZONE_CM), _LAST_ZONE_CM)
        return _FIRST_CM_SRID + (meridian - _FIRST_ZONE_CM) // 3
    zone = min(int((lon + 180.0) // 6) + 1, 60)
    return (32600 if lat >= 0.0 else 32700) + zone


def axis_order_northing_first(srid: int) -> bool:
    """Say whether the register puts a system's latitude or northing first (4490, 4549: True; 3857: False).

    Only clients that ask for coordinates by the register's order need this; inside the service it never counts.

    Raises
    ------
    CoordinateError
        The code is unknown.
    """
    axes = _crs(f"EPSG:{srid}").axis_info
    return bool(axes) and axes[0].direction == "north"


def parse_crs(text: str) -> str:
    """Read the name of a coordinate system as people write it.

    Parameters
    ----------
    text
        ``"EPSG:4549"``, ``"4549"``, ``"urn:ogc:def:crs:EPSG::4549"``, ``"CRS84"``, ``"gcj02"``, ``"bd09"``.

    Returns
    -------
    str
        ``"EPSG:<code>"``, ``"GCJ-02"`` or ``"BD-09"``.

    Raises
    ------
    CoordinateError
        The name is unknown, or the system can't be converted exactly (Xi'an 1980, Beijing 1954, local ones).
    """
    code = _written_code(text)
    if code is None:
        msg = f"看不懂坐标系“{text.strip()[:60]}”;请写成 EPSG:4549(或别的 EPSG 代码)、gcj02 或 bd09"
        raise CoordinateError(msg)
    if code not in _TO_WGS84:
        _refuse_inexact(_crs(code), code)
    return code


def identify_crs(definition: str) -> str:
    """Find the EPSG code of a definition out of a file (WKT of a .prj, name in a GeoPackage or in GeoJSON).

    Returns
    -------
    str
        ``"EPSG:<code>"`` where the register has it, otherwise the definition itself, which :func:`transform` takes.

    Raises
    ------
    CoordinateError
        The definition can't be read, or the system can't be converted exactly.
    """
    if (written := _written_code(definition)) is not None:
        return parse_crs(written)
    crs = _crs(definition)
    _refuse_inexact(crs, crs.name)
    # 70 is pyproj's own bar: names may differ (ESRI's do), parameters may not. Below it only what is the same but for
    # the order of its axes, which is ours anyway.
    code = crs.to_epsg(min_confidence=70)
    if code is None:
        near = crs.to_epsg(min_confidence=25)
        code = near if near and crs.equals(_crs(f"EPSG:{near}"), ignore_axis_order=True) else None
    return definition if code is None else f"EPSG:{code}"


def has_code(crs: str) -> bool:
    """Say whether a system goes by a code of the register or a name of ours, not by a definition of its file's."""
    return crs in _TO_WGS84 or re.fullmatch(r"EPSG:\d{4,6}", crs) is not None


def crs_title(crs: str) -> str:
    """Name a system for people: its code and its name in Chinese, e.g. ``EPSG:4528(CGCS2000 3 度带,带号 40)``."""
    if crs in _TO_WGS84:
        return crs
    name = _crs(crs).name
    for said, chinese in _CHINESE_NAMES:
        name = name.replace(said, chinese)
    return f"{crs}({name})" if crs.startswith("EPSG:") else name


def is_geographic(crs: str) -> bool:
    """Say whether coordinates of a system are degrees (GCJ-02 and BD-09 are)."""
    return crs in _TO_WGS84 or _crs(crs).is_geographic


def zone_prefixed_srid(easting_m: float) -> int | None:
    """Find the CGCS2000 system whose eastings carry their zone number, from one such easting.

    Zones 25 to 45 are 3-degree (40 595 804 → EPSG:4528), zones 13 to 23 are 6-degree (21 308 xxx → EPSG:4499); the two
    ranges don't meet, so the prefix alone decides. None when there is no such prefix.
    """
    zone, offset = divmod(easting_m, 1_000_000.0)
    if not 150_000.0 <= offset <= 850_000.0:
        return None
    if 25 <= zone <= 45:
        return 4513 + int(zone) - 25
    if 13 <= zone <= 23:
        return 4491 + int(zone) - 13
    return None


def _written_code(text: str) -> str | None:
    """Read a name or code as people and programs write it; None when it is something else."""
    plain = re.sub(r"[\s\-_]", "", text).upper()
    if plain in _SHIFTED_NAMES:
        return _SHIFTED_NAMES[plain]
    if plain in _WGS84_NAMES:
        return "EPSG:4326"
    if plain == "CGCS2000":
        return STORED_CRS
    match = re.fullmatch(r"(?:EPSG:?|URN:X?OGC:DEF:CRS:EPSG:[\d.]*:)?(\d{4,6})", plain)
    return f"EPSG:{int(match[1])}" if match else None


def _waves(angle: Floats, terms: tuple[tuple[float, float], ...]) -> Floats:
    """Sum the sine terms (amplitude, divisor) of the GCJ-02 algorithm."""
    total = np.zeros_like(angle)
    for amplitude, divisor in terms:
        total = total + amplitude * np.sin(angle / divisor * np.pi)
    return total * 2.0 / 3.0


def _inverse(
    forward: Callable[[ArrayLike, ArrayLike], tuple[Floats, Floats]], lon: ArrayLike, lat: ArrayLike
) -> tuple[Floats, Floats]:
    """Find the points that ``forward`` carries to (lon, lat); the shift varies slowly, so each round gains digits."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    found_x, found_y = x.copy(), y.copy()
    for _ in range(_INVERSE_ROUNDS):
        image_x, image_y = forward(found_x, found_y)
        step_x, step_y = x - image_x, y - image_y
        found_x, found_y = found_x + step_x, found_y + step_y
        widest = np.nanmax(np.abs(np.concatenate([np.ravel(step_x), np.ravel(step_y), np.zeros(1)])))
        if widest < _INVERSE_TOLERANCE_DEG:
            break
    return found_x, found_y


_TO_WGS84: Final = {GCJ02: gcj02_to_wgs84, BD09: bd09_to_wgs84}
_FROM_WGS84: Final = {GCJ02: wgs84_to_gcj02, BD09: wgs84_to_bd09}


def _same(one: str, other: str) -> bool:
    return one == other or (one in _SAME_AS_STORED and other in _SAME_AS_STORED)


@lru_cache(maxsize=64)
def _crs(definition: str) -> CRS:
    try:
        return CRS.from_user_input(definition)
    except CRSError as error:
        shown = definition if definition.startswith("EPSG:") else "文件里的坐标系定义"
        msg = f"坐标系 {shown} 无法识别;请核对代码,例如 EPSG:4549(CGCS2000 三度带,中央经线 120°)"
        raise CoordinateError(msg) from error


@lru_cache(maxsize=64)
def _transformer(from_crs: str, to_crs: str) -> Transformer:
    try:
        return Transformer.from_crs(_crs(from_crs), _crs(to_crs), always_xy=True)
    except ProjError as error:
        msg = f"没有从 {crs_title(from_crs)} 到 {crs_title(to_crs)} 的坐标转换"
        raise CoordinateError(msg) from error


def _refuse_inexact(crs: CRS, shown: str) -> None:
    """Refuse what can only be converted with parameters that the file doesn't hold.

    Raises
    ------
    CoordinateError
        The system is a local one, an old national one, or has no horizontal coordinates.
    """
    if not (crs.is_geographic or crs.is_projected):
        msg = f"{shown} 是地方坐标系或没有平面坐标,没有转换参数;请先转换到 CGCS2000(例如 EPSG:4549)再上传"
        raise CoordinateError(msg)
    datum = (crs.geodetic_crs.name if crs.geodetic_crs else "").replace("_", " ").lower()
    if any(old in datum for old in _OLD_DATUMS):
        msg = f"{shown} 属于西安 80 或北京 54 坐标系,转换需要当地参数;请测绘单位先转换到 CGCS2000 再上传"
        raise CoordinateError(msg)
