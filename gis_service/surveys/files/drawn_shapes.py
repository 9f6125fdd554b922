"""Entities of a drawing, and the shapes they are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Final

import shapely

from gis_service.surveys.files.shapes import CIRCLE_SIDES, Position, arc_points, line_of, polygon_of

ENTITIES: Final = {
    "POINT": "点",
    "INSERT": "块",
    "TEXT": "文字",
    "MTEXT": "多行文字",
    "LINE": "直线",
    "LWPOLYLINE": "多段线",
    "POLYLINE": "多段线",
    "CIRCLE": "圆",
    "ARC": "圆弧",
}
_SPOTS: Final = frozenset({"POINT", "INSERT", "TEXT", "MTEXT"})
_POLYLINES: Final = frozenset({"LWPOLYLINE", "POLYLINE"})
_SAME_PLACE_M: Final = 0.001
_CLOSED: Final = 1
# Meshes and polyface meshes are polylines by name only; their vertices are no line.
_MESHES: Final = 16 | 64
# A vertex of a curve's control frame is no vertex of the line.
_CONTROL_VERTEX: Final = 16
# CASS keeps an object's code in the extended data of this application.
_CASS: Final = "SOUTH"
_UNICODE: Final = re.compile(r"\\U\+([0-9A-Fa-f]{4})")
_SIGNS: Final = {"%%c": "∅", "%%d": "°", "%%p": "±"}
_FORMATS: Final = re.compile(r"\\[ACFfHQTWp][^;\\{}]*;|\\[LlOoKk]|[{}]")
_STACKED: Final = re.compile(r"\\S([^;]*);")


@dataclass
class Entity:
    """One entity: the first value of each group code, and the vertices of a polyline."""

    kind: str
    codes: dict[int, str] = field(default_factory=dict)
    vertices: list[list[float]] = field(default_factory=list)
    """x, y and bulge of each vertex."""
    text: list[str] = field(default_factory=list)
    cass_code: str | None = None
    _application: str = ""

    def add(self, code: int, value: str) -> None:
        """Take one pair of the file."""
        if code == 1001:
            self._application = value.strip()
        elif code == 1000:
            if self._application == _CASS and self.cass_code is None:
                self.cass_code = value.strip()
        elif self.kind == "LWPOLYLINE" and code in {10, 20, 42}:
            self._take_vertex(code, value)
        elif self.kind == "MTEXT" and code in {1, 3}:
            self.text.append(value)
        elif code < 1000:
            self.codes.setdefault(code, value)

    def _take_vertex(self, code: int, value: str) -> None:
        if code == 10:
            self.vertices.append([_number(value), math.nan, 0.0])
        elif self.vertices:
            self.vertices[-1][1 if code == 20 else 2] = _number(value)

    def add_vertex(self, vertex: Entity) -> None:
        """Take a vertex of an old polyline."""
        if not vertex.flags & _CONTROL_VERTEX:
            self.vertices.append([vertex.number(10), vertex.number(20), vertex.number(42, 0.0)])

    def number(self, code: int, otherwise: float = math.nan) -> float:
        """Return a value as a number."""
        return _number(self.codes[code]) if code in self.codes else otherwise

    @property
    def flags(self) -> int:
        """The bits of group 70."""
        value = self.number(70, 0.0)
        return int(value) if math.isfinite(value) else 0

    @property
    def layer(self) -> str:
        """The name of its layer."""
        return _plain(self.codes.get(8, "0")).strip()

    @property
    def in_paper_space(self) -> bool:
        """Whether it belongs to a sheet to be printed, not to the model."""
        return self.codes.get(67, "0").strip() == "1"

    @property
    def mirrored(self) -> bool:
        """Whether it is seen from below, so that its own x points west."""
        return self.kind not in {"POINT", "LINE", "MTEXT"} and self.number(230, 1.0) < 0

    def values(self) -> dict[str, object]:
        """Return its attributes by column."""
        text = "".join(self.text) if self.kind == "MTEXT" else self.codes.get(2 if self.kind == "INSERT" else 1, "")
        height = self.number(38) if self.kind == "LWPOLYLINE" else self.number(30)
        colour = self.number(62)
        return {
            "图层": self.layer,
            "图元": ENTITIES[self.kind],
            "文字": (_plain(text, formatted=self.kind == "MTEXT").strip() or None)
            if self.kind in _SPOTS and self.kind != "POINT"
            else None,
            "颜色": int(colour) if math.isfinite(colour) and colour != 256 else None,
            "标高": height if math.isfinite(height) else None,
            "地物编码": self.cass_code,
        }


@dataclass(frozen=True)
class Drawn:
    """What an entity is to a layer: a geometry, a broken one (None), or nothing that fits."""

    fits: bool
    geometry: shapely.Geometry | None = None
    open_line: bool = False


def drawn(entity: Entity, geometry: str) -> Drawn:
    """Build the geometry of an entity for a layer.

    Parameters
    ----------
    geometry
        The layer's declared type: points take points, symbols and texts; polygons take what closes within 1 mm.
    """
    if entity.kind in _SPOTS:
        return _fitting(geometry in {"POINT", "GEOMETRY"}, _spot(entity))
    if geometry == "POINT" or (entity.kind == "POLYLINE" and entity.flags & _MESHES):
        return Drawn(fits=False)
    line = _mirrored(_line(entity), entity)
    if not all(math.isfinite(number) for point in line for number in point):
        return Drawn(fits=True)
    closed = _closes(entity, line)
    if closed and line:
        line = [*line[:-1], line[0]] if _near(line[0], line[-1]) else [*line, line[0]]
    if geometry == "MULTILINESTRING" or (geometry == "GEOMETRY" and not closed):
        return Drawn(fits=True, geometry=line_of(line))
    return Drawn(fits=True, geometry=polygon_of(line)) if closed else Drawn(fits=False, open_line=True)


def _fitting(fits: bool, geometry: shapely.Geometry | None) -> Drawn:
    return Drawn(fits=fits, geometry=geometry if fits else None)


def _spot(entity: Entity) -> shapely.Geometry | None:
    x, y = entity.number(10), entity.number(20)
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    return shapely.Point(-x if entity.mirrored else x, y)


def _line(entity: Entity) -> list[Position]:
    if entity.kind == "LINE":
        return [(entity.number(10), entity.number(20)), (entity.number(11), entity.number(21))]
    if entity.kind in _POLYLINES:
        return _bulged(entity.vertices, closed=bool(entity.flags & _CLOSED))
    centre, radius = (entity.number(10), entity.number(20)), entity.number(40)
    if not all(math.isfinite(number) for number in (*centre, radius)) or radius <= 0:
        return [(math.nan, math.nan)]
    if entity.kind == "CIRCLE":
        return [*arc_points(centre, radius, 0.0, 2 * math.pi)[:CIRCLE_SIDES], (centre[0] + radius, centre[1])]
    start, end = (math.radians(entity.number(code, 0.0)) for code in (50, 51))
    if not (math.isfinite(start) and math.isfinite(end)):
        return [(math.nan, math.nan)]
    return arc_points(centre, radius, start, (end - start) % (2 * math.pi) or 2 * math.pi)


def _bulged(vertices: list[list[float]], *, closed: bool) -> list[Position]:
    """Follow a polyline; a bulge is the tangent of a quarter of the angle that an arc to the next vertex sweeps."""
    line: list[Position] = []
    for at, (x, y, bulge) in enumerate(vertices):
        line.append((x, y))
        if at + 1 == len(vertices) and not closed:
            break
        next_x, next_y, _ = vertices[(at + 1) % len(vertices)]
        span = math.hypot(next_x - x, next_y - y)
        if bulge and math.isfinite(bulge) and math.isfinite(span) and span > 0:
            line += _bulge((x, y), (next_x, next_y), bulge)[1:-1]
    return line


def _bulge(start: Position, end: Position, bulge: float) -> list[Position]:
    (x, y), (next_x, next_y) = start, end
    sweep = 4 * math.atan(bulge)
    # From the middle of the chord the centre lies on its left by this many chords.
    left = (1 / bulge - bulge) / 4
    centre = ((x + next_x) / 2 - (next_y - y) * left, (y + next_y) / 2 + (next_x - x) * left)
    radius = math.hypot(x - centre[0], y - centre[1])
    return arc_points(centre, radius, math.atan2(y - centre[1], x - centre[0]), sweep)


def _mirrored(line: list[Position], entity: Entity) -> list[Position]:
    return [(-x, y) for x, y in line] if entity.mirrored else line


def _closes(entity: Entity, line: list[Position]) -> bool:
    if entity.kind == "CIRCLE":
        return True
    if entity.kind == "LINE" or len(line) < 3:
        return False
    return bool(entity.kind in _POLYLINES and entity.flags & _CLOSED) or _near(line[0], line[-1])


def _near(one: Position, other: Position) -> bool:
    return math.hypot(one[0] - other[0], one[1] - other[1]) <= _SAME_PLACE_M


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _plain(text: str, *, formatted: bool = False) -> str:
    """Take the codes of a drawing's text away: Unicode escapes, signs, and a multi-line text's formats."""
    text = _UNICODE.sub(_character, text)
    for sign, shown in _SIGNS.items():
        text = text.replace(sign, shown).replace(sign.upper(), shown)
    if not formatted:
        return text
    text = text.replace("\\P", "\n").replace("\\~", " ")
    text = _STACKED.sub(lambda match: match[1].replace("^", "/").replace("#", "/"), text)
    return _FORMATS.sub("", text)


def _character(match: re.Match[str]) -> str:
    """Read an escape; half of a surrogate pair is no character."""
    code = int(match[1], 16)
    return "" if 0xD800 <= code <= 0xDFFF else chr(code)
