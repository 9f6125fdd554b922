"""Points as CASS and total stations write them: ``点号,编码,东坐标,北坐标,高程``, one a line (.dat)."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final

import shapely

from gis_service.surveys.files.collected import Collected
from gis_service.surveys.files.encodings import encoding_of_text
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.source import Source, Wish

_BROKEN: Final = "这一行不是“点号,编码,东坐标,北坐标,高程”"
_LONGEST_LINE: Final = 1_000
_MOST_BROKEN: Final = 0.5


def open_cass(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Read a .dat of points; its east stands before its north, which the values must bear out.

    Raises
    ------
    SurveyError
        It isn't such a file, or is too large.
    CoordinateError
        The stated coordinate system is unknown.
    """
    encoding = encoding_of_text(path)
    collected = Collected(limits)
    with path.open(encoding=encoding.codec) as file:
        while line := file.readline(_LONGEST_LINE):
            text = unicodedata.normalize("NFKC", line).strip()
            # Some programs end the file with Ctrl-Z, and old ones begin with the number of points.
            if text.strip("\x1a") and not (not collected.rows and text.isdecimal()):
                collected.add(*_point(text), reason=_BROKEN)
    if not collected.rows or len(collected.reasons) > _MOST_BROKEN * len(collected.rows):
        msg = "文件不是 CASS 的坐标文件:每行应是“点号,编码,东坐标,北坐标,高程”;请重新导出,或改用带表头的 CSV"
        raise SurveyError(msg)
    datum = collected.settle(wish, names=("第三项", "第四项"))
    return collected.source(datum, driver="DAT", layer=None, encoding=encoding, notes=())


def _point(text: str) -> tuple[dict[str, object], shapely.Geometry | None]:
    parts = [part.strip() for part in text.split(",")]
    values: dict[str, object] = {"点号": parts[0] or None, "地物编码": parts[1] or None if len(parts) > 1 else None}
    try:
        east, north = float(parts[2]), float(parts[3])
        height = float(parts[4]) if len(parts) > 4 and parts[4] else None
    except (IndexError, ValueError):
        return values, None
    return {**values, "高程": height}, shapely.Point(east, north)
