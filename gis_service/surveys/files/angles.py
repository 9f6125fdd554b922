"""Coordinates as people write them in a cell: numbers, and degrees with minutes and seconds in every habit."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NAN: Final = float("nan")
# One sign for each mark, before width is folded (which would take the double prime apart).
_MARKS: Final = str.maketrans("º˚∘度′’‘分″”“秒", "°" * 4 + "'" * 4 + '"' * 4)
_HEMISPHERE: Final = re.compile(r"^(?:东经|北纬|东|北|[EN])|(?:东经|北纬|东|北|[EN])$", re.IGNORECASE)
_OTHER_HEMISPHERE: Final = re.compile(r"^(?:西经|南纬|西|南|[WS])|(?:西经|南纬|西|南|[WS])$", re.IGNORECASE)
# 121°00'00", 121-00-00, 121 00 00.0, 121:00:00; minutes and seconds may be missing.
_DEGREES: Final = re.compile(
    r"(\d{1,3})\s*[°:\-\s]\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:[':\-\s]\s*|$))?(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|'')?)?"
)
# Degrees, minutes and seconds written as one number: 1210000.00. Metres in China have a northing of at least 1.8
# million beside them, so a pair of such numbers can't be anything else.
_PACKED_LON: Final = (730_000.0, 1_360_000.0)
_PACKED_LAT: Final = (30_000.0, 540_000.0)


def coordinate_of(cell: object) -> float:
    """Read a coordinate: a number, a number as text, or degrees with minutes and seconds; NaN when it is none."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    if not isinstance(cell, str):
        return _NAN
    try:
        return float(cell)
    except ValueError:
        return _degrees(unicodedata.normalize("NFKC", cell.translate(_MARKS)).strip())


def _degrees(text: str) -> float:
    sign = 1.0
    bare = _HEMISPHERE.sub("", text)
    if bare == text:
        bare = _OTHER_HEMISPHERE.sub("", text)
        sign = -1.0 if bare != text else 1.0
    bare = bare.strip(" :°")
    try:
        return sign * float(bare)
    except ValueError:
        match = _DEGREES.fullmatch(bare)
    if match is None:
        return _NAN
    degrees, minutes, seconds = (float(part or 0) for part in match.groups())
    if minutes >= 60 or seconds >= 60 or (match[3] and not match[2]):
        return _NAN
    return sign * (degrees + minutes / 60 + seconds / 3600)


def are_packed(x: Floats, y: Floats) -> bool:
    """Say whether pairs of numbers are degrees, minutes and seconds written as one number, in either order."""
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if not x.size or not (_sexagesimal(x) and _sexagesimal(y)):
        return False
    return any(_between(lon, _PACKED_LON) and _between(lat, _PACKED_LAT) for lon, lat in ((x, y), (y, x)))


def unpacked(values: Floats) -> Floats:
    """Turn DDDMMSS.ss into degrees."""
    degrees, rest = np.divmod(values, 10_000.0)
    minutes, seconds = np.divmod(rest, 100.0)
    return degrees + minutes / 60 + seconds / 3600


def _sexagesimal(values: Floats) -> bool:
    rest = values % 10_000.0
    return bool(((rest // 100.0 < 60) & (rest % 100.0 < 60)).all())


def _between(values: Floats, bounds: tuple[float, float]) -> bool:
    return bool(((values >= bounds[0]) & (values < bounds[1])).all())
