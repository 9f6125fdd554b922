"""CSV and XLSX: tables whose coordinates stand in columns."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Final, cast

import numpy as np
import openpyxl
import shapely
from numpy.typing import NDArray
from openpyxl.utils.exceptions import InvalidFileException

from gis_service.coordinates import STORED_CRS
from gis_service.surveys.datum import Claim, settle_datum
from gis_service.surveys.encodings import encoding_of_text
from gis_service.surveys.errors import SurveyError
from gis_service.surveys.files import check_workbook, choose_layer
from gis_service.surveys.geometry import built_closing_rings
from gis_service.surveys.limits import ReadLimits
from gis_service.surveys.source import Chunk, Source, Wish

Floats = NDArray[np.float64]

_CHUNK_ROWS: Final = 5_000
_SAMPLE_ROWS: Final = 2_000
# Sheets of offices often have a title and a note above the header.
_HEADER_WITHIN_ROWS: Final = 10
_LONGEST_CELL: Final = 4_000_000
_DELIMITERS: Final = ",;\t"

# Pairs of headers (first coordinate, second coordinate), without spaces, units and brackets, in lower case. Which of X
# and Y is north the values decide.
_PAIRS: Final = (
    (("经度", "lon", "lng", "long", "longitude", "经度坐标", "东经"), ("纬度", "lat", "latitude", "纬度坐标", "北纬")),
    (("东坐标", "横坐标", "easting", "east", "e坐标"), ("北坐标", "纵坐标", "northing", "north", "n坐标")),
    (("x", "x坐标", "坐标x", "point_x", "pointx", "xcoord"), ("y", "y坐标", "坐标y", "point_y", "pointy", "ycoord")),
)
_TEXT_HEADERS: Final = frozenset({"wkt", "geometry", "geom", "the_geom", "几何", "图形", "shape"})
_DEGREES: Final = re.compile(r"(\d{1,3})[°度](?:(\d{1,2})['′’分])?(?:(\d{1,2}(?:\.\d+)?)[\"″”秒])?")
_EXCEL_SUFFIX: Final = re.compile(r"[(\uff08\[【].*|[\s_]+$")


@dataclass(frozen=True)
class Table:
    """An opened table: its header, its rows below, and what is known of the file."""

    columns: tuple[str, ...]
    rows: Iterator[list[object]]
    driver: str
    encoding: str | None
    layer: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a table keeps its coordinates: one column of WKT, or two of numbers."""

    text: int | None
    x: int = -1
    y: int = -1


def open_csv(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Open a CSV file: any of comma, semicolon and tab, any of UTF-8, UTF-16 and GB18030.

    Raises
    ------
    SurveyError
        It can't be read as a table with coordinates.
    CoordinateError
        The stated coordinate system is unknown.
    """
    encoding = encoding_of_text(path)
    csv.field_size_limit(_LONGEST_CELL)
    with path.open(encoding=encoding, newline="") as file:
        start = file.readline(100_000)
    delimiter = max(_DELIMITERS, key=start.count)
    return _source(_headed(_csv_rows(path, encoding, delimiter), limits, "CSV", encoding, None), wish)


def open_workbook(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Open a sheet of an XLSX workbook: the one named, else the first; formulas count by their stored values.

    Raises
    ------
    SurveyError
        It can't be read as a table with coordinates.
    CoordinateError
        The stated coordinate system is unknown.
    """
    check_workbook(path, limits)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, SyntaxError, OSError) as error:
        msg = "工作簿已损坏,打不开;请在 Excel 里另存为新的 .xlsx 再上传"
        raise SurveyError(msg) from error
    names = tuple(sheet.title for sheet in book.worksheets)
    if not names:
        msg = "工作簿里没有工作表;请核对文件"
        raise SurveyError(msg)
    name = names[0] if wish.layer is None else choose_layer(names, wish.layer)
    sheet = book[name]
    # What the file says of its own extent may be wrong, and then rows would be cut off.
    sheet.reset_dimensions()
    rows = ([_plain_cell(cell) for cell in row] for row in sheet.iter_rows(values_only=True))
    others = len(names) - 1
    notes = (f"工作簿有 {len(names)} 个工作表,读取的是第一个“{name[:60]}”",) if others and wish.layer is None else ()
    table = _headed(rows, limits, "XLSX", None, name)
    return _source(Table(table.columns, table.rows, "XLSX", None, name, (*notes, *table.notes)), wish)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[list[object]]:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            for row in reader:
                yield [cell.strip() or None for cell in row]
        except csv.Error as error:
            msg = f"CSV 第 {reader.line_num} 行读不出来(引号没有闭合或单元格太长);请核对后再上传"
            raise SurveyError(msg) from error


def _headed(
    rows: Iterator[list[object]], limits: ReadLimits, driver: str, encoding: str | None, layer: str | None
) -> Table:
    """Find the header among the first rows: the one that names coordinates, else the first with anything in it."""
    top = list(islice(rows, _HEADER_WITHIN_ROWS))
    filled = [at for at, row in enumerate(top) if any(cell is not None for cell in row)]
    if not filled:
        msg = "表格是空的;请核对文件"
        raise SurveyError(msg)
    at = next((at for at in filled if _place(tuple(map(_title, top[at]))) is not None), filled[0])
    columns = tuple(map(_title, top[at]))
    while columns and not columns[-1]:
        columns = columns[:-1]
    if len(columns) > limits.columns:
        msg = f"表格有 {len(columns)} 列,最多 {limits.columns} 列;请只保留要上传的列"
        raise SurveyError(msg)
    skipped = sum(1 for row in filled if row < at)
    notes = (f"表头上方有 {skipped} 行标题或说明,已跳过",) if skipped else ()
    below = _bounded(chain(top[at + 1 :], rows), len(columns), limits)
    return Table(columns, below, driver, encoding, layer, notes)


def _bounded(rows: Iterator[list[object]], width: int, limits: ReadLimits) -> Iterator[list[object]]:
    """Cut rows to the header's width; blank rows at the end of a sheet are no rows, blank ones between are."""
    blank = 0
    count = 0
    for row in rows:
        cells = row[:width] + [None] * (width - len(row))
        if all(cell is None for cell in cells):
            blank += 1
            continue
        count += blank + 1
        if count > limits.rows:
            msg = f"表格超过 {limits.rows} 行;请分批上传"
            raise SurveyError(msg)
        empty: list[object] = [None] * width
        yield from (empty for _ in range(blank))
        blank = 0
        yield cells


def _source(table: Table, wish: Wish) -> Source:
    place = _place(table.columns)
    if place is None and wish.ledgers:
        return _ledger(table)
    if place is None:
        found = "、".join(name[:30] for name in table.columns[:30] if name) or "(没有列名)"
        msg = f"没有找到坐标列;需要“经度”和“纬度”、“X坐标”和“Y坐标”、“东坐标”和“北坐标”或“WKT”,表里有:{found}"
        raise SurveyError(msg)
    sample = list(islice(table.rows, _SAMPLE_ROWS))
    if not sample:
        msg = "表格只有表头,没有数据行;请核对文件"
        raise SurveyError(msg)
    if place.text is None:
        names = (table.columns[place.x], table.columns[place.y])
        x, y = _numbers(sample, place.x), _numbers(sample, place.y)
    else:
        names = None
        points = shapely.get_coordinates(_texts(sample, place.text)[0])
        x, y = points[:, 0], points[:, 1]
    if not (np.isfinite(x) & np.isfinite(y)).any():
        shown = "、".join(names) if names else table.columns[cast("int", place.text)]
        msg = f"坐标列“{shown}”里没有一个能读的坐标;请核对表格"
        raise SurveyError(msg)
    datum = settle_datum(x, y, stated=wish.crs, names=names, metric_srid=wish.metric_srid)
    if datum.swapped:
        place = Place(None, place.y, place.x)
    chunks = _chunks(chain(sample, table.rows), place, table.columns)
    used = (table.columns[place.x], table.columns[place.y]) if place.text is None else (table.columns[place.text],)
    return Source(
        table.columns,
        datum.crs,
        datum.evidence,
        datum.claim,
        table.encoding,
        table.driver,
        table.layer,
        None,
        chunks,
        table.notes,
        used,
    )


def _ledger(table: Table) -> Source:
    """Take a table without coordinates (台账): its rows are placed later, by code or address."""
    first = list(islice(table.rows, 1))
    if not first:
        msg = "表格只有表头,没有数据行;请核对文件"
        raise SurveyError(msg)
    return Source(
        table.columns, STORED_CRS, "文件没有坐标列,按编码或地址落图", Claim.FORMAT, table.encoding, table.driver,
        table.layer, None, _unplaced(chain(first, table.rows)), table.notes, placeless=True,
    )  # fmt: skip


def _unplaced(rows: Iterator[list[object]]) -> Iterator[Chunk]:
    while piece := list(islice(rows, _CHUNK_ROWS)):
        yield Chunk(piece, np.full(len(piece), None, dtype=object))


def _place(columns: Sequence[str]) -> Place | None:
    """Find the coordinate columns by their headers: degrees before metres before plain X and Y before WKT."""
    headers = [_EXCEL_SUFFIX.sub("", name.strip()).replace(" ", "").lower() for name in columns]
    for firsts, seconds in _PAIRS:
        x = next((at for at, header in enumerate(headers) if header in firsts), None)
        y = next((at for at, header in enumerate(headers) if header in seconds), None)
        if x is not None and y is not None:
            return Place(None, x, y)
    text = next((at for at, header in enumerate(headers) if header in _TEXT_HEADERS), None)
    return None if text is None else Place(text)


def _chunks(rows: Iterator[list[object]], place: Place, columns: tuple[str, ...]) -> Iterator[Chunk]:
    while piece := list(islice(rows, _CHUNK_ROWS)):
        repairs: dict[int, str] = {}
        if place.text is None:
            geometries, reasons = _points(piece, place, columns)
        else:
            geometries, repairs = _texts(piece, place.text)
            unread = np.flatnonzero(shapely.is_missing(geometries))
            reasons = {int(at): "WKT 写法不对" for at in unread if piece[at][place.text] is not None}
        yield Chunk(piece, geometries, reasons, repairs)


def _points(
    rows: list[list[object]], place: Place, columns: tuple[str, ...]
) -> tuple[NDArray[np.object_], dict[int, str]]:
    x, y = _numbers(rows, place.x), _numbers(rows, place.y)
    whole = ~(np.isnan(x) | np.isnan(y))
    geometries = np.full(len(rows), None, dtype=object)
    geometries[whole] = shapely.points(x[whole], y[whole])
    reasons: dict[int, str] = {}
    for at in np.flatnonzero(~whole):
        column = place.x if np.isnan(x[at]) else place.y
        value = rows[at][column]
        shown = "是空的" if value is None else f"“{str(value)[:30]}”不是数字"
        reasons[int(at)] = f"没有几何:“{columns[column]}”{shown}"
    return geometries, reasons


def _texts(rows: list[list[object]], column: int) -> tuple[NDArray[np.object_], dict[int, str]]:
    texts = np.array([cell if isinstance(cell := row[column], str) else None for row in rows], dtype=object)
    return built_closing_rings(texts, shapely.from_wkt)


def _numbers(rows: list[list[object]], column: int) -> Floats:
    return np.array([_number(row[column]) for row in rows], dtype=np.float64)


def _number(cell: object) -> float:
    """Read a coordinate: a number, a number as text, or degrees with minutes and seconds; NaN when it is none."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    if not isinstance(cell, str):
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        match = _DEGREES.search(cell)
    if match is None:
        return float("nan")
    degrees, minutes, seconds = (float(part or 0) for part in match.groups())
    return degrees + minutes / 60 + seconds / 3600


def _title(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())


def _plain_cell(cell: object) -> object:
    """Turn a cell of a workbook into a plain value; dates become ISO strings."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time(0) else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return cell if isinstance(cell, bool | int | float) else None if cell is None else str(cell)
