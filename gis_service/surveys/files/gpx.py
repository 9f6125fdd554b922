"""GPX of hand-held receivers: waypoints for points, routes and tracks for lines, tracks that close for polygons."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Final

import shapely

from gis_service.coordinates import METRES_PER_DEGREE
from gis_service.surveys.files.collected import Collected
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.markup import Mark, encoding_of_markup, marks_of
from gis_service.surveys.files.shapes import Position, line_of, polygon_of
from gis_service.surveys.files.source import Source, Wish

_KINDS: Final = {"wpt": "航点", "rte": "航线", "trk": "航迹"}
_POINTS: Final = frozenset({"wpt", "rtept", "trkpt"})
_TEXTS: Final = frozenset({"name", "desc", "cmt", "time", "ele"})
_WANTED: Final = {
    "POINT": frozenset({"wpt"}),
    "MULTILINESTRING": frozenset({"rte", "trk"}),
    "MULTIPOLYGON": frozenset({"rte", "trk"}),
    "GEOMETRY": frozenset({"wpt", "rte", "trk"}),
}
_CLOSES_WITHIN_M: Final = 20.0
"""Nobody who walks round a place ends on the very spot, and receivers are metres off."""


def open_gpx(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Read a GPX file; its standard says WGS 84.

    Raises
    ------
    SurveyError
        It isn't GPX, holds nothing that the layer can take, or is too large.
    CoordinateError
        The stated coordinate system is unknown.
    """
    encoding = encoding_of_markup(path)
    reader = _Reader(wish.geometry, limits)
    for mark in marks_of(path, encoding.codec):
        (reader.start if mark.opens else reader.end)(mark)
    if not reader.collected.rows:
        held = "、".join(f"{_KINDS[name]} {count} 个" for name, count in reader.left_out.items()) or "什么也没有"
        wanted = {"POINT": "航点", "MULTIPOLYGON": "首尾相接的航迹"}.get(wish.geometry, "航线或航迹")
        msg = f"GPX 里没有这个图层要的{wanted}(文件里有:{held});请核对文件或换一个图层"
        raise SurveyError(msg)
    datum = reader.collected.settle(wish, declared="EPSG:4326", declared_by="GPX 按标准是")
    return reader.collected.source(datum, driver="GPX", layer=None, encoding=encoding, notes=reader.notes())


class _Reader:
    """Builds features out of the elements as they come."""

    def __init__(self, geometry: str, limits: ReadLimits) -> None:
        self.collected = Collected(limits)
        self.left_out: Counter[str] = Counter()
        self._geometry = geometry
        self._path: list[str] = []
        self._values: dict[str, object] = {}
        self._position: Position | None = None
        self._segments: list[list[Position]] = []

    def notes(self) -> tuple[str, ...]:
        """Say what was left out."""
        if not self.left_out:
            return ()
        listed = "、".join(f"{_KINDS[name]} {count} 个" for name, count in self.left_out.items())
        why = "没有首尾相接的航迹也不算" if self._geometry == "MULTIPOLYGON" else "与图层要的类型不符"
        return (f"没有读入:{listed}({why})",)

    def start(self, mark: Mark) -> None:
        """Note that an element begins."""
        self._path.append(mark.name)
        if mark.name in _KINDS:
            self._values, self._segments, self._position = {}, [], None
        if mark.name in {"rte", "trkseg"}:
            self._segments.append([])
        if mark.name in _POINTS:
            self._position = _position(mark.attributes)
            if self._segments and self._position is not None:
                self._segments[-1].append(self._position)

    def end(self, mark: Mark) -> None:
        """Take what an element holds."""
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        if mark.name in _TEXTS and (parent in _KINDS or (parent in _POINTS and mark.name == "time")):
            self._values.setdefault(mark.name, _value(mark))
        elif mark.name in _KINDS:
            self._finish(mark.name)

    def _finish(self, kind: str) -> None:
        geometry = self._built(kind) if kind in _WANTED[self._geometry] else None
        unwanted = kind not in _WANTED[self._geometry] or (geometry is None and self._geometry == "MULTIPOLYGON")
        if unwanted:
            self.left_out[kind] += 1
            return
        values = {name: self._values.get(name) for name in ("name", "desc", "cmt", "time", "ele")}
        self.collected.add({**values, "kind": _KINDS[kind]}, geometry, "坐标写法不合 GPX 标准,或点数太少")

    def _built(self, kind: str) -> shapely.Geometry | None:
        if kind == "wpt":
            return None if self._position is None else shapely.Point(self._position)
        if self._geometry == "MULTIPOLYGON":
            rings = [polygon_of(segment) for segment in self._segments if _closes(segment)]
            whole = [ring for ring in rings if ring is not None]
            return shapely.multipolygons(whole) if whole and len(whole) == len(self._segments) else None
        lines = [line for segment in self._segments if (line := line_of(segment)) is not None]
        return shapely.multilinestrings(lines) if lines else None


def _position(attributes: dict[str, str]) -> Position | None:
    try:
        return float(attributes["lon"]), float(attributes["lat"])
    except (KeyError, ValueError):
        return None


def _value(mark: Mark) -> object:
    if mark.name != "ele":
        return mark.text or None
    try:
        return float(mark.text)
    except ValueError:
        return None


def _closes(segment: list[Position]) -> bool:
    if len(segment) < 4:
        return False
    (west, south), (east, north) = segment[0], segment[-1]
    shrunk = math.cos(math.radians(south))
    return math.hypot((east - west) * shrunk, north - south) * METRES_PER_DEGREE <= _CLOSES_WITHIN_M
