"""DXF drawings (AutoCAD, CASS): points, lines, polylines, circles, inserted symbols and texts of the model space.

The text form of DXF is pairs of lines, a group code and a value. It is read as a stream: nothing that the file says of
counts is believed, blocks are never expanded (an inserted symbol is a point), and no other file is looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gis_service.surveys.files.collected import Collected
from gis_service.surveys.files.drawn_shapes import ENTITIES, Entity, drawn
from gis_service.surveys.files.encodings import Encoding, encoding_of_text, named_codec
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.layer_choice import choose_layer
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.source import Source, Wish

_LONGEST_LINE: Final = 10_000
# From AutoCAD 2007 on (AC1021) text is UTF-8 whatever the code page says.
_FIRST_UTF8: Final = "AC1021"
_HEADER_LINES: Final = 5_000
_PARTS: Final = frozenset({"VERTEX", "SEQEND", "ATTRIB"})
_WANTED: Final = {"POINT": "点、块或文字", "MULTILINESTRING": "线", "MULTIPOLYGON": "闭合的线或圆", "GEOMETRY": "图形"}


def open_dxf(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Read a DXF drawing; ``wish.layer`` may name one of its layers.

    Raises
    ------
    SurveyError
        It isn't a text DXF, holds nothing that the layer can take, or its system can't be told.
    CoordinateError
        The stated coordinate system is unknown.
    """
    with path.open("rb") as file:
        if file.read(22).startswith(b"AutoCAD Binary DXF"):
            msg = "这是二进制的 DXF;请在 CAD 里另存为文本(ASCII)的 DXF 2010 再上传"
            raise SurveyError(msg)
    encoding = _encoding(path)
    drawing = _Drawing(wish, Collected(limits))
    with path.open(encoding=encoding.codec, errors="replace") as file:
        for entity in _entities(_pairs(file)):
            drawing.take(entity)
    drawing.check()
    datum = drawing.collected.settle(wish)
    return drawing.collected.source(datum, driver="DXF", layer=wish.layer, encoding=encoding, notes=drawing.notes())


def _encoding(path: Path) -> Encoding:
    """Take the code page of the header where the text bears it out; many programs write ANSI_1252 whatever it is."""
    version = codec = None
    with path.open(encoding="latin-1") as file:
        lines = [file.readline(_LONGEST_LINE).strip() for _ in range(_HEADER_LINES)]
    for at, line in enumerate(lines[:-2]):
        if line == "$ACADVER":
            version = lines[at + 2]
        elif line == "$DWGCODEPAGE":
            codec = named_codec(lines[at + 2])
    if version is not None and version >= _FIRST_UTF8:
        codec = "utf-8"
    return encoding_of_text(path, codec, "图形的 $DWGCODEPAGE ")


def _pairs(file: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield group codes with their values.

    Raises
    ------
    SurveyError
        A group code is no number.
    """
    for number, line in enumerate(file):
        try:
            code = int(line)
        except ValueError as error:
            msg = f"DXF 第 {2 * number + 1} 行应是组码,却不是;文件已损坏,请在 CAD 里重新另存为 DXF"
            raise SurveyError(msg) from error
        yield code, next(file, "").rstrip("\r\n")


def _entities(pairs: Iterator[tuple[int, str]]) -> Iterator[Entity]:
    """Yield the entities of the model space, a polyline with its vertices."""
    whole: Entity | None = None
    for entity in _raw_entities(pairs):
        if entity.kind in _PARTS:
            if entity.kind == "VERTEX" and whole is not None and whole.kind == "POLYLINE":
                whole.add_vertex(entity)
            continue
        if whole is not None:
            yield whole
        whole = entity
    if whole is not None:
        yield whole


def _raw_entities(pairs: Iterator[tuple[int, str]]) -> Iterator[Entity]:
    section = ""
    opening = False
    entity: Entity | None = None
    for code, value in pairs:
        if code == 0:
            if entity is not None:
                yield entity
            name = value.strip().upper()
            opening = name == "SECTION"
            section = "" if name in {"SECTION", "ENDSEC", "EOF"} else section
            entity = Entity(name) if section == "ENTITIES" else None
        elif opening and code == 2:
            section, opening = value.strip().upper(), False
        elif entity is not None:
            entity.add(code, value)
    if entity is not None:
        yield entity


@dataclass
class _Drawing:
    """Gathers what a layer can take, and counts what it can't."""

    wish: Wish
    collected: Collected
    layers: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    unfit: int = 0
    open_lines: int = 0

    def take(self, entity: Entity) -> None:
        """Take an entity, or note why not."""
        if entity.in_paper_space:
            return
        if entity.kind not in ENTITIES:
            self.unread[entity.kind[:20]] += 1
            return
        self.layers[entity.layer] += 1
        if self.wish.layer is not None and entity.layer != self.wish.layer:
            return
        shape = drawn(entity, self.wish.geometry)
        if shape.fits:
            self.collected.add(entity.values(), shape.geometry, "坐标写法不对,或点数太少")
        elif shape.open_line:
            self.open_lines += 1
        else:
            self.unfit += 1

    def check(self) -> None:
        """Raise SurveyError where nothing was taken."""
        if self.wish.layer is not None and self.layers:
            choose_layer(tuple(self.layers), self.wish.layer)
        if not any(geometry is not None for geometry in self.collected.geometries):
            found = "、".join(self.notes()) or "图形区是空的"
            msg = f"DXF 里没有这个图层要的{_WANTED[self.wish.geometry]}({found[:200]});请核对图形,块里的图形要先炸开"
            raise SurveyError(msg)

    def notes(self) -> tuple[str, ...]:
        """Say what was left out."""
        found = []
        if self.open_lines:
            found.append(f"有 {self.open_lines} 条没有闭合的线,没有读入")
        if self.unfit:
            found.append(f"有 {self.unfit} 个图形与图层要的类型不符,没有读入")
        if self.unread:
            listed = "、".join(f"{kind} {count} 个" for kind, count in self.unread.most_common(8))
            found.append(f"不读的图形:{listed}")
        if len(self.layers) > 1 and self.wish.layer is None:
            listed = "、".join(f"{name[:30]} {count}" for name, count in self.layers.most_common(12))
            found.append(f"图形分属 {len(self.layers)} 个图层({listed}),可用 --sheet 只读一个")
        return tuple(found)
