"""Where a table keeps its coordinates: two columns of numbers, one of WKT, or one of points as survey forms write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_service.surveys.files.angles import are_packed, coordinate_of, unpacked
from gis_service.surveys.files.geometry import built_closing_rings
from gis_service.surveys.files.shapes import line_of, polygon_of

Floats = NDArray[np.float64]

# Pairs of headers (first coordinate, second coordinate), without spaces, units and brackets, in lower case. Which of X
# and Y is north the values decide.
_PAIRS: Final = (
    (("经度", "lon", "lng", "long", "longitude", "经度坐标", "东经"), ("纬度", "lat", "latitude", "纬度坐标", "北纬")),
    (("东坐标", "横坐标", "easting", "east", "e坐标"), ("北坐标", "纵坐标", "northing", "north", "n坐标")),
    (("x", "x坐标", "坐标x", "point_x", "pointx", "xcoord"), ("y", "y坐标", "坐标y", "point_y", "pointy", "ycoord")),
)
_TEXT_HEADERS: Final = frozenset({"wkt", "geometry", "geom", "the_geom", "几何", "图形", "shape"})
_EXCEL_SUFFIX: Final = re.compile(r"[(\uff08\[【].*|[\s_]+$")
# A header may name its system outside of brackets: 经度_GCJ02, wgs84_lng.
_SYSTEM: Final = re.compile(r"(?:wgs|gcj|bd|cgcs)[-_]?(?:84|02|09|2000)(?:ll)?")
# ODK and KoboToolbox: gps-Latitude, group/gps-Latitude, _gps_latitude.
_FORM_PAIR: Final = re.compile(r"(.+)[-_/:.](latitude|longitude)")
_FORM_WORDS: Final = re.compile(r"gps|geo|locat|point|trace|shape|坐标|位置|定位|轨迹|范围|经纬", re.IGNORECASE)
_NUMBER: Final = r"-?\d{1,3}(?:\.\d+)?"
_POSITION: Final = re.compile(rf"{_NUMBER}[\s,]+{_NUMBER}(?:[\s,]+-?\d+(?:\.\d+)?){{0,2}}")
_CHINA_LAT: Final = (3.0, 54.0)
_CHINA_LON: Final = (73.0, 136.0)
_MOST: Final = 0.95
# Enough where the header speaks of places, too.
_MOST_SAID: Final = 0.5
_LONGEST_SAMPLED: Final = 20_000


class Kind(StrEnum):
    """How a place is written."""

    PAIR = "pair"
    WKT = "wkt"
    FORM = "form"
    """``lat lon altitude accuracy``, several of them parted by semicolons (ODK's geopoint, geotrace and geoshape)."""


@dataclass(frozen=True)
class Place:
    """The columns of the coordinates: first and second, or the one with text.

    ``packed`` says that numbers are DDDMMSS.ss; ``swapped`` that a text has its longitude first; ``receiver`` that a
    survey form's question recorded them.
    """

    kind: Kind
    columns: tuple[int, ...]
    packed: bool = False
    swapped: bool = False
    receiver: bool = False


def named_places(columns: Sequence[str]) -> list[Place]:
    """Find coordinate columns by their headers: degrees before metres before plain X and Y, then forms', then WKT."""
    headers = [_header(name) for name in columns]
    found = [
        Place(Kind.PAIR, pair)
        for firsts, seconds in _PAIRS
        if (pair := _pair(headers, frozenset(firsts), frozenset(seconds))) is not None
    ]
    found += [Place(Kind.PAIR, pair, receiver=True) for pair in _form_pairs(columns)]
    found += [Place(Kind.WKT, (at,)) for at, (header, _) in enumerate(headers) if header in _TEXT_HEADERS][:1]
    return found


def _header(name: str) -> tuple[str, str]:
    """Split a header into what it is called without units, brackets and spaces, and the system it names."""
    plain = unicodedata.normalize("NFKC", name).replace(" ", "").lower()
    system = _SYSTEM.search(plain)
    bare = _EXCEL_SUFFIX.sub("", plain)
    return _SYSTEM.sub("", bare).strip("_-"), system[0] if system else ""


def _pair(headers: list[tuple[str, str]], firsts: frozenset[str], seconds: frozenset[str]) -> tuple[int, int] | None:
    """Take the first two columns that belong together: of one system, where headers name several."""
    for x, (header, system) in enumerate(headers):
        if header not in firsts:
            continue
        y = next((at for at, other in enumerate(headers) if other[0] in seconds and other[1] == system), None)
        y = y if y is not None else next((at for at, other in enumerate(headers) if other[0] in seconds), None)
        if y is not None:
            return x, y
    return None


def _form_pairs(columns: Sequence[str]) -> list[tuple[int, int]]:
    ends: dict[str, dict[str, int]] = {}
    for at, name in enumerate(columns):
        if match := _FORM_PAIR.fullmatch(name.strip().lower()):
            ends.setdefault(match[1], {}).setdefault(match[2], at)
    return [(pair["longitude"], pair["latitude"]) for pair in ends.values() if len(pair) == 2]


def choose_place(columns: Sequence[str], sample: Sequence[Sequence[object]], geometry: str) -> Place | None:
    """Choose the place of a table by headers and first rows.

    Lines and polygons are looked for in a form's text first, since its pairs of columns are points only; of several
    places the first with anything in it is taken.
    """
    cells = [[row[at] for row in sample if row[at] is not None] for at in range(len(columns))]
    texts = [
        Place(Kind.FORM, (at,), receiver=_by_receiver(cells[at]))
        for at, name in enumerate(columns)
        if _is_form_text(name, cells[at])
    ]
    named = named_places(columns)
    shapes = [text for text in texts if any(";" in str(row[text.columns[0]] or "") for row in sample)]
    order = [*named, *texts] if geometry == "POINT" else [*shapes, *named, *texts]
    filled = [place for place in order if any(row[place.columns[0]] is not None for row in sample)]
    chosen = next(iter([*filled, *order]), None)
    if chosen is None or chosen.kind is Kind.WKT:
        return chosen
    x, y = sampled_points(chosen, sample)
    return replace(chosen, packed=chosen.kind is Kind.PAIR and are_packed(x, y))


def _is_form_text(name: str, cells: list[object]) -> bool:
    """Say whether a column holds positions: by its content, in China's range or under a header that says so."""
    texts = [_cleaned(cell) for cell in cells if isinstance(cell, str)]
    if not texts or len(texts) < len(cells):
        return False
    firsts = [text.split(";")[0].strip() for text in texts]
    good = [first for first in firsts if _POSITION.fullmatch(first)]
    said = _FORM_WORDS.search(name) is not None
    if len(good) < (_MOST_SAID if said else _MOST) * len(firsts):
        return False
    if said:
        return True
    pairs = np.array([[float(number) for number in re.split(r"[\s,]+", first)[:2]] for first in good])
    return _in_china(pairs[:, 0], pairs[:, 1]) or _in_china(pairs[:, 1], pairs[:, 0])


def _by_receiver(cells: list[object]) -> bool:
    """Say whether positions come with height and accuracy, as forms write them and people don't."""
    return all(len(re.split(r"[\s,]+", _cleaned(str(cell)).split(";")[0].strip())) == 4 for cell in cells)


def _in_china(lat: Floats, lon: Floats) -> bool:
    inside = (lat > _CHINA_LAT[0]) & (lat < _CHINA_LAT[1]) & (lon > _CHINA_LON[0]) & (lon < _CHINA_LON[1])
    return bool(inside.mean() >= _MOST)


def _cleaned(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().strip("[]()").strip().rstrip(";").strip()


def sampled_points(place: Place, sample: Sequence[Sequence[object]]) -> tuple[Floats, Floats]:
    """Return first and second coordinates of the first rows; NaN where a row has none."""
    if place.kind is Kind.PAIR:
        x, y = (_numbers(sample, column) for column in place.columns)
        return (unpacked(x), unpacked(y)) if place.packed else (x, y)
    if place.kind is Kind.WKT:
        points = shapely.get_coordinates(_texts(sample, place.columns[0])[0])
    else:
        built = [_form_positions(row[place.columns[0]]) for row in sample]
        points = np.array([point for one in built if one for point in one][:_LONGEST_SAMPLED]).reshape(-1, 2)
    return points[:, 0], points[:, 1]


@dataclass(frozen=True)
class Placed:
    """Geometries of some rows, why there is none, by position, which rows name no place, and what was mended."""

    geometries: NDArray[np.object_]
    reasons: dict[int, str]
    silent: frozenset[int]
    repairs: dict[int, str]


def placed(rows: list[list[object]], place: Place, columns: Sequence[str], geometry: str) -> Placed:
    """Build the geometries of some rows."""
    repairs: dict[int, str] = {}
    silent = frozenset(at for at, row in enumerate(rows) if all(row[column] is None for column in place.columns))
    if place.kind is Kind.PAIR:
        geometries, reasons = _points(rows, place, columns)
    elif place.kind is Kind.WKT:
        geometries, repairs = _texts(rows, place.columns[0])
        unread = np.flatnonzero(shapely.is_missing(geometries))
        reasons = {int(at): "WKT 写法不对" for at in unread if int(at) not in silent}
    else:
        geometries, reasons = _form_geometries(rows, place, columns[place.columns[0]], geometry)
    return Placed(geometries, reasons, silent, repairs)


def _points(
    rows: list[list[object]], place: Place, columns: Sequence[str]
) -> tuple[NDArray[np.object_], dict[int, str]]:
    x, y = sampled_points(place, rows)
    whole = ~(np.isnan(x) | np.isnan(y))
    geometries = np.full(len(rows), None, dtype=object)
    geometries[whole] = shapely.points(x[whole], y[whole])
    reasons: dict[int, str] = {}
    for at in np.flatnonzero(~whole):
        column = place.columns[0] if np.isnan(x[at]) else place.columns[1]
        value = rows[at][column]
        shown = "是空的" if value is None else f"“{str(value)[:30]}”不是数字"
        reasons[int(at)] = f"没有几何:“{columns[column]}”{shown}"
    return geometries, reasons


def _form_geometries(
    rows: list[list[object]], place: Place, title: str, geometry: str
) -> tuple[NDArray[np.object_], dict[int, str]]:
    geometries = np.full(len(rows), None, dtype=object)
    reasons: dict[int, str] = {}
    for at, row in enumerate(rows):
        cell = row[place.columns[0]]
        positions = _form_positions(cell)
        if positions is None:
            if cell is not None:
                reasons[at] = f"“{title}”的“{str(cell)[:30]}”不是位置;应写“纬度 经度”,多个点用分号隔开"
            continue
        points = [(y, x) for x, y in positions] if place.swapped else positions
        geometries[at] = _shape(points, geometry)
        if geometries[at] is None:
            reasons[at] = f"“{title}”里的点太少,连不成线或面"
    return geometries, reasons


def _shape(points: list[tuple[float, float]], geometry: str) -> shapely.Geometry | None:
    if len(points) == 1:
        return shapely.Point(points[0])
    if points[0] == points[-1] and len(points) >= 4 and geometry in {"MULTIPOLYGON", "GEOMETRY"}:
        return polygon_of(points)
    return line_of(points)


def _form_positions(cell: object) -> list[tuple[float, float]] | None:
    """Read a form's positions as (longitude, latitude); None when it isn't any."""
    if not isinstance(cell, str):
        return None
    found = []
    for piece in _cleaned(cell).split(";"):
        text = piece.strip()
        if _POSITION.fullmatch(text) is None:
            return None
        first, second = re.split(r"[\s,]+", text)[:2]
        found.append((float(second), float(first)))
    return found


def _texts(rows: Sequence[Sequence[object]], column: int) -> tuple[NDArray[np.object_], dict[int, str]]:
    texts = np.array([cell if isinstance(cell := row[column], str) else None for row in rows], dtype=object)
    return built_closing_rings(texts, shapely.from_wkt)


def _numbers(rows: Sequence[Sequence[object]], column: int) -> Floats:
    return np.array([coordinate_of(row[column]) for row in rows], dtype=np.float64)
