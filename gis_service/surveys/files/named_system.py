"""Coordinate systems named in words: in a column's header, or in a title above it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from gis_service.surveys.files.errors import SurveyError

_SHIFTED: Final = ((r"GCJ02|火星坐标|高德", "GCJ-02"), (r"BD09|百度", "BD-09"))
# Refused by whoever converts: their parameters are secret.
_OLD: Final = (
    (r"西安(?:19)?80|(?:19)?80西安|XIAN(?:19)?80", "EPSG:4610"),
    (r"北京(?:19)?54|(?:19)?54北京|BEIJING(?:19)?54", "EPSG:4214"),
)
_LOCAL: Final = re.compile(r"独立坐标|地方坐标|城建坐标|城市坐标系")
_CGCS2000: Final = re.compile(r"CGCS2000|国家2000|2000国家|大地2000|2000坐标")
_WGS84: Final = re.compile(r"WGS(?:19)?84")
_MERIDIAN: Final = re.compile(
    r"(?:CM|中央(?:子午线|经线)|L0)(?:为|是)?[:=]?(\d{2,3})(?!\d)|[36三六]度分?带(?:投影)?[,:;、]?(\d{2,3})(?!\d|带)"
)
_ZONE: Final = re.compile(r"(?<!\d)(\d{2})(?:号|度)?带|ZONE(\d{2})")
_SIX_DEGREES: Final = re.compile(r"[6六]度|6DEGREE")
# A title may name a town or a shop; only with one of these words does it speak of coordinates.
_SPEAKS_OF_SYSTEMS: Final = re.compile(r"坐标|投影|中央子午线|CGCS|WGS|GCJ02|BD09|EPSG")


def system_in(text: str, *, metres: bool, prefixed: bool = False) -> str | None:
    """Read the system that a header or title names.

    Parameters
    ----------
    metres
        Whether the coordinates are metres; then a system of degrees isn't what is meant, and a zone is needed.
    prefixed
        Whether the eastings carry their zone's number.

    Returns
    -------
    str or None
        ``"EPSG:4549"``, ``"GCJ-02"``…; None when nothing is named, or not enough of it.

    Raises
    ------
    SurveyError
        A local system is named, which nobody outside can convert.
    """
    plain = re.sub(r"[\s_\-]", "", unicodedata.normalize("NFKC", text)).upper()
    if match := re.search(r"EPSG:?(\d{4,6})", plain):
        return f"EPSG:{match[1]}"
    if _LOCAL.search(plain):
        msg = (
            f"表里写的是地方独立坐标系(“{text[:60]}”),没有转换参数不能换算;"
            "请向测绘单位要 CGCS2000 的成果,或用 --crs 说明"
        )
        raise SurveyError(msg)
    for pattern, code in (*_SHIFTED, *_OLD):
        if re.search(pattern, plain):
            return code
    if metres:
        return _metric(plain, prefixed=prefixed) if _CGCS2000.search(plain) or _MERIDIAN.search(plain) else None
    if _CGCS2000.search(plain):
        return "EPSG:4490"
    return "EPSG:4326" if _WGS84.search(plain) else None


def _metric(plain: str, *, prefixed: bool) -> str | None:
    """Find the CGCS2000 system by its central meridian or zone (3 degrees wide unless 6 are named)."""
    wide = bool(_SIX_DEGREES.search(plain))
    if (match := _MERIDIAN.search(plain)) or (match := _ZONE.search(plain)):
        number = int(match[1] or match[2])
    else:
        return None
    if 25 <= number <= 45:
        number, wide = number * 3, False
    elif 13 <= number <= 23:
        number, wide = number * 6 - 3, True
    if not 75 <= number <= 135:
        return None
    if wide and (number - 75) % 6 == 0:
        return f"EPSG:{(4491 if prefixed else 4502) + (number - 75) // 6}"
    return f"EPSG:{(4513 if prefixed else 4534) + (number - 75) // 3}" if not wide and number % 3 == 0 else None


def system_named(
    headers: Sequence[str], titles: Sequence[str], *, metres: bool, prefixed: bool
) -> tuple[str | None, str]:
    """Find the system that a table names: in the headers of its coordinates, else in a title above the header.

    Returns
    -------
    tuple
        The system or None, and the Chinese words that say where it stands.

    Raises
    ------
    SurveyError
        A local system is named.
    """
    for header in headers:
        if found := system_in(header, metres=metres, prefixed=prefixed):
            return found, f"表头“{header[:40]}”写明"
    for title in titles:
        if _SPEAKS_OF_SYSTEMS.search(re.sub(r"[\s_\-]", "", title).upper()) and (
            found := system_in(title, metres=metres, prefixed=prefixed)
        ):
            return found, f"表头上方的“{title[:40]}”写明"
    return None, ""
