"""Which coordinate system a file's numbers are in: what is stated, what the file says, what the values allow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis_service.coordinates import STORED_CRS, crs_title, identify_crs, is_geographic, parse_crs, zone_prefixed_srid
from gis_service.surveys.files.errors import SurveyError

Floats = NDArray[np.float64]

# Metres from the equator between Hainan and Mohe, and eastings without zone prefix (Gauss-Krüger false easting 500 km).
# The two ranges don't meet, so the values say which number is which (reference: domain §7.1, traps).
NORTHING_M: Final = (1_800_000.0, 6_000_000.0)
EASTING_M: Final = (100_000.0, 900_000.0)
# Half a 3-degree zone is at most 167 km wide in China; beyond it the easting belongs to another system.
_ZONE_EASTING_M: Final = (330_000.0, 670_000.0)
_CHINA_LON: Final = (73.0, 136.0)
_CHINA_LAT: Final = (3.0, 54.0)
MERCATOR_M: Final = ((8_000_000.0, 15_200_000.0), (300_000.0, 7_300_000.0))
"""Web Mercator's eastings and northings in China; they don't meet either."""
MERCATOR: Final = "EPSG:3857"
# A few broken rows must not decide over the system of a whole sheet.
_MOST: Final = 0.95


class Claim(StrEnum):
    """What stands behind the system of a file's coordinates, the strongest first."""

    STATED = "stated"
    """The sender says so."""
    NAMED = "named"
    """The file says so in words about just these numbers (a header, a title), or they come from a phone's receiver."""
    DECLARED = "declared"
    """The file says so in a member of its own, which programs fill in whatever the numbers are."""
    FORMAT = "format"
    """The format's standard says so where the file is silent, which many programs don't heed."""
    VALUES = "values"
    """Nobody says so; the values allow it."""


@dataclass(frozen=True)
class Datum:
    """The system of a file's coordinates; ``swapped`` when its first number is the northing or latitude."""

    crs: str
    evidence: str
    claim: Claim
    swapped: bool = False


def settle_datum(
    x: Floats,
    y: Floats,
    *,
    stated: str | None,
    declared: str | None = None,
    declared_by: str = "",
    claim: Claim = Claim.DECLARED,
    names: tuple[str, str] | None = None,
    metric_srid: int | None = None,
    turnable: bool = False,
) -> Datum:
    """Decide which system coordinates are in.

    Parameters
    ----------
    x, y
        A sample of the first and second coordinate; NaN where there is none.
    stated
        What the sender says (``--crs``); it goes before all else.
    declared, declared_by
        The definition in the file and where it stands, for the evidence.
    claim
        What stands behind the declaration.
    names
        The two columns of a table; they may be in either order.
    metric_srid
        The area's own metric system, tried for metres without zone prefix.
    turnable
        Whether geometries may be turned round where nearly all of them are written latitude or northing first.

    Raises
    ------
    SurveyError
        Values contradict the system, or leave more than one system open.
    CoordinateError
        A system is unknown or can't be converted exactly.
    """
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    crs = parse_crs(stated) if stated is not None else identify_crs(declared) if declared is not None else None
    swapped, order = _order(x, y, names, turnable=turnable and (crs is None or _has_two_orders(crs)))
    if swapped:
        x, y = y, x
    if crs is not None and stated is not None:
        _contradiction(x, y, crs, f"指定的坐标系 {crs_title(crs)} ")
        return Datum(crs, f"坐标系由上传者指定为 {crs_title(crs)}{order}。", Claim.STATED, swapped)
    if crs is not None:
        _contradiction(x, y, crs, f"{declared_by} {crs_title(crs)} ")
        return Datum(crs, f"{declared_by} {crs_title(crs)}{order}。", claim, swapped)
    crs, why = _by_values(x, y, metric_srid)
    return Datum(crs, f"{why}{order}。", Claim.VALUES, swapped)


def _by_values(x: Floats, y: Floats, metric_srid: int | None) -> tuple[str, str]:
    """Read the system out of the values alone, where they leave just one open."""
    if x.size == 0 or _looks_like_degrees(x, y):
        return STORED_CRS, (
            "文件没有写坐标系,数值是经纬度,按 CGCS2000(EPSG:4490)理解;"
            "若取自高德或百度地图,请用 --crs gcj02 或 --crs bd09"
        )
    example = f"(例如 {x[0]:.3f}, {y[0]:.3f})"
    northing = _share(y, *NORTHING_M)
    prefixed = zone_prefixed_srid(float(np.median(x)))
    if northing and prefixed is not None and all(zone_prefixed_srid(float(v)) == prefixed for v in np.unique(x)[:200]):
        crs = f"EPSG:{prefixed}"
        zone = int(np.median(x) // 1_000_000)
        return crs, f"文件没有写坐标系,横坐标带有 {zone} 带带号,按 CGCS2000 的 {crs_title(crs)} 理解"
    if northing and metric_srid is not None and _share(x, *_ZONE_EASTING_M):
        crs = f"EPSG:{metric_srid}"
        return crs, f"文件没有写坐标系,数值是不带带号的米制坐标{example},按本区域的 {crs_title(crs)} 理解"
    if northing and _share(x, *EASTING_M):
        msg = (
            f"文件没有写坐标系,数值是不带带号的米制坐标{example},看不出属于哪个投影带;"
            "请用 --crs 说明,例如 --crs EPSG:4549"
        )
        raise SurveyError(msg)
    if _share(x, *MERCATOR_M[0]) and _share(y, *MERCATOR_M[1]):
        return MERCATOR, f"文件没有写坐标系,数值{example}像网页地图的米制坐标,按 {crs_title(MERCATOR)} 理解"
    msg = (
        f"文件没有写坐标系,从数值{example}也看不出来;请用 --crs 说明,例如 --crs EPSG:4490(经纬度)或 --crs EPSG:4549(米)"
    )
    raise SurveyError(msg)


def _order(x: Floats, y: Floats, names: tuple[str, str] | None, *, turnable: bool) -> tuple[bool, str]:
    """Find which number is east and which is north: surveyors call the northing X, everyone else the easting."""
    if (names is None and not turnable) or x.size == 0:
        return False, ""
    easting_y = _share(y, *EASTING_M) or zone_prefixed_srid(float(np.median(y))) is not None
    mercator = _share(y, *MERCATOR_M[0]) and _share(x, *MERCATOR_M[1])
    if mercator or (_share(x, *NORTHING_M) and easting_y):
        if names is None:
            return True, ";文件里的坐标先北后东,已按先东后北对调"
        return True, f";按数值大小,“{names[0]}”是北坐标(纵坐标),“{names[1]}”是东坐标(横坐标)"
    if _share(x, *_CHINA_LAT) and _share(y, *_CHINA_LON):
        if names is None:
            return True, ";文件里的坐标先纬度后经度,已按先经度后纬度对调"
        return True, f";按数值大小,“{names[0]}”是纬度,“{names[1]}”是经度"
    return False, ""


def _has_two_orders(crs: str) -> bool:
    """Say whether numbers of a system may come in either order without being taken for another place of it."""
    return is_geographic(crs) or _has_zone_prefix(crs) or _is_gauss_kruger(crs) or crs == MERCATOR


def _contradiction(x: Floats, y: Floats, crs: str, whose: str) -> None:
    """Refuse a system that the values rule out, before every single row is refused for it.

    Raises
    ------
    SurveyError
        Degrees in a metric system, metres in a geographic one, or a zone prefix where none belongs.
    """
    if x.size == 0:
        return
    example = f"(例如 {x[0]:.6f}, {y[0]:.6f})"
    degrees = _looks_like_degrees(x, y)
    if is_geographic(crs):
        # A pair turned round isn't metres: its rows are refused one by one, with that reason.
        if _share(np.maximum(np.abs(x), np.abs(y)), 360.0, np.inf):
            msg = f"{whose}是经纬度,数值却不是{example};请用 --crs 说明真实的坐标系,例如 --crs EPSG:4549"
            raise SurveyError(msg)
        return
    if degrees:
        msg = f"{whose}以米为单位,数值却像经纬度{example};请用 --crs 说明真实的坐标系,例如 --crs EPSG:4490"
        raise SurveyError(msg)
    prefixed = zone_prefixed_srid(float(np.median(x)))
    if _share(x, *EASTING_M) and _share(y, *NORTHING_M) and _has_zone_prefix(crs):
        msg = f"{whose}的横坐标应带带号,数值却不带{example};请用 --crs 改为不带带号的坐标系,例如 --crs EPSG:4549"
        raise SurveyError(msg)
    if prefixed is not None and _share(y, *NORTHING_M) and not _has_zone_prefix(crs) and _is_gauss_kruger(crs):
        msg = f"{whose}的横坐标不带带号,数值却带{example};请用 --crs EPSG:{prefixed}"
        raise SurveyError(msg)


def _has_zone_prefix(crs: str) -> bool:
    """CGCS2000 systems with zone prefix are 4491-4501 (6 degrees) and 4513-4533 (3 degrees)."""
    code = int(crs.removeprefix("EPSG:")) if crs.startswith("EPSG:") else 0
    return 4491 <= code <= 4501 or 4513 <= code <= 4533


def _is_gauss_kruger(crs: str) -> bool:
    """CGCS2000 systems without zone prefix are 4502-4512 (6 degrees) and 4534-4554 (3 degrees)."""
    code = int(crs.removeprefix("EPSG:")) if crs.startswith("EPSG:") else 0
    return 4502 <= code <= 4512 or 4534 <= code <= 4554


def _looks_like_degrees(x: Floats, y: Floats) -> bool:
    # A row with its numbers the wrong way round is still degrees: it is refused by itself, not with the whole sheet.
    return _share(x, -180.0, 180.0) and _share(y, -180.0, 180.0)


def _share(values: Floats, low: float, high: float) -> bool:
    return bool(values.size) and float(np.mean((values >= low) & (values <= high))) >= _MOST
