"""KML: placemarks with their names, folders and data; links to other places are never followed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import shapely

from gis_service.surveys.files.collected import Collected
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.markup import Mark, encoding_of_markup, marks_of
from gis_service.surveys.files.shapes import Position, joined, line_of, polygon_of
from gis_service.surveys.files.source import Source, Wish

FOLDER: Final = "文件夹"
_OWN_TEXTS: Final = frozenset({"name", "description", "address"})
_LINKS: Final = frozenset({"NetworkLink", "GroundOverlay", "ScreenOverlay", "PhotoOverlay"})
_AROUND_COMMA: Final = re.compile(r"\s*,\s*")
_BROKEN: Final = "几何写法不合 KML 标准"


def open_kml(path: Path, name: str | None, wish: Wish, limits: ReadLimits) -> Source:
    """Read a KML file; its standard says WGS 84.

    Parameters
    ----------
    name
        The file's name inside of a KMZ.

    Raises
    ------
    SurveyError
        It isn't KML, has no placemarks, or is too large.
    CoordinateError
        The stated coordinate system is unknown.
    """
    encoding = encoding_of_markup(path)
    reader = _Reader(wish.geometry, limits)
    for mark in marks_of(path, encoding.codec):
        (reader.start if mark.opens else reader.end)(mark)
    collected = reader.collected
    if not any(geometry is not None for geometry in collected.geometries):
        links = ";它只有指向别处的链接,请把链接的内容另存为 KML" if reader.links else ";请核对导出的内容"
        msg = f"KML 里没有带位置的地标{links}"
        raise SurveyError(msg)
    datum = collected.settle(wish, declared="EPSG:4326", declared_by="KML 按标准是")
    return collected.source(datum, driver="KML", layer=name, encoding=encoding, notes=reader.notes())


class _Reader:
    """Builds placemarks out of the elements as they come."""

    def __init__(self, geometry: str, limits: ReadLimits) -> None:
        self.collected = Collected(limits)
        self.links = 0
        self._geometry = geometry
        self._left_out = 0
        self._path: list[str] = []
        self._folders: list[str] = []
        self._values: dict[str, object] | None = None
        self._data = ""
        self._parts: list[shapely.Geometry] = []
        self._broken = False
        self._points: list[Position] = []
        self._shell: list[Position] = []
        self._holes: list[list[Position]] = []

    def notes(self) -> tuple[str, ...]:
        """Say what was left out."""
        found = []
        if self.links:
            found.append(f"有 {self.links} 个指向别处的链接或贴图,没有读入")
        if self._left_out:
            found.append(f"有 {self._left_out} 个几何部分与图层要的类型不符(如面旁边的标注点),没有读入")
        return tuple(found)

    def start(self, mark: Mark) -> None:
        """Note that an element begins."""
        self._path.append(mark.name)
        if mark.name == "Folder":
            self._folders.append("")
        elif mark.name == "Placemark":
            self._values, self._parts, self._broken = {}, [], False
        elif mark.name in {"Data", "SimpleData"}:
            self._data = " ".join(mark.attributes.get("name", "").split())
        elif mark.name in {"Point", "LineString", "LinearRing", "Track"}:
            self._points = []
        elif mark.name == "Polygon":
            self._shell, self._holes = [], []

    def end(self, mark: Mark) -> None:
        """Take what an element holds."""
        self._path.pop()
        parent = self._path[-1] if self._path else ""
        if mark.name == "Folder":
            self._folders.pop()
        elif mark.name in _LINKS:
            self.links += 1
        elif mark.name == "name" and parent == "Folder":
            self._folders[-1] = " ".join(mark.text.split())
        elif self._values is None:
            return
        elif mark.name == "Placemark":
            self._finish(self._values)
            self._values = None
        elif parent == "Placemark" and mark.name in _OWN_TEXTS:
            self._values[mark.name] = mark.text or None
        elif (mark.name == "value" and parent == "Data") or mark.name == "SimpleData":
            if self._data:
                self._values[self._data] = mark.text or None
        else:
            self._take_geometry(mark, parent)

    def _take_geometry(self, mark: Mark, parent: str) -> None:
        if mark.name == "coordinates":
            self._points = self._positions(_AROUND_COMMA.sub(",", mark.text).split(), ",")
        elif mark.name == "coord":
            self._points += self._positions([mark.text], None)
        elif mark.name == "LinearRing" and parent == "outerBoundaryIs":
            self._shell = self._points
        elif mark.name == "LinearRing" and parent == "innerBoundaryIs":
            self._holes.append(self._points)
        elif mark.name == "Point":
            self._add(shapely.Point(self._points[0]) if len(self._points) == 1 else None)
        elif mark.name in {"LineString", "LinearRing", "Track"}:
            self._add(line_of(self._points))
        elif mark.name == "Polygon":
            self._add(polygon_of(self._shell, self._holes))

    def _positions(self, texts: list[str], separator: str | None) -> list[Position]:
        found: list[Position] = []
        for text in texts:
            numbers = text.split(separator)
            try:
                found.append((float(numbers[0]), float(numbers[1])))
            except (ValueError, IndexError):
                self._broken = True
                return []
        return found

    def _add(self, part: shapely.Geometry | None) -> None:
        if part is None:
            self._broken = True
        else:
            self._parts.append(part)

    def _finish(self, values: dict[str, object]) -> None:
        folders = "/".join(name for name in self._folders if name)
        values = {
            **{name: values.pop(name, None) for name in ("name", "description")},
            FOLDER: folders or None,
            **values,
        }
        if self._broken or not self._parts:
            self.collected.add(values, None, _BROKEN if self._broken else "没有几何")
            return
        whole, left_out = joined(self._parts, self._geometry)
        self._left_out += left_out
        self.collected.add(values, whole)
