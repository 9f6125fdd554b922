"""CSV and other tables whose coordinates stand in columns; what is read of a table whatever file it is in."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Final

import numpy as np

from gis_service.coordinates import STORED_CRS, zone_prefixed_srid
from gis_service.surveys.files.coordinate_columns import (
    Kind,
    Place,
    choose_place,
    named_places,
    placed,
    sampled_points,
)
from gis_service.surveys.files.datum import Claim, Datum, Floats, settle_datum
from gis_service.surveys.files.encodings import encoding_of_text
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.lost_numbers import lost_columns
from gis_service.surveys.files.named_system import system_named
from gis_service.surveys.files.source import Chunk, Source, Wish, turned_round

_CHUNK_ROWS: Final = 5_000
_SAMPLE_ROWS: Final = 2_000
# Sheets of offices often have a title and a note above the header.
_HEADER_WITHIN_ROWS: Final = 10
_FILLED_IN: Final = re.compile(r"[::]\s*\S")
_LONGEST_CELL: Final = 4_000_000
# A sheet has no more rows than these; what a file says of the number of its next row isn't believed.
_MOST_BLANK: Final = 1_048_576
_DELIMITERS: Final = ",;\t"


@dataclass(frozen=True)
class Table:
    """An opened table: its header, its rows below, and what is known of the file.

    ``titles`` are the texts above the header.
    """

    columns: tuple[str, ...]
    rows: Iterator[list[object]]
    driver: str
    encoding: str | None
    layer: str | None
    notes: tuple[str, ...]
    titles: tuple[str, ...] = ()
    encoding_evidence: str = ""


def open_csv(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Open a CSV file: any of comma, semicolon and tab, any of UTF-8, UTF-16, GB18030 and Big5.

    Raises
    ------
    SurveyError
        It can't be read as a table with coordinates.
    CoordinateError
        The stated coordinate system is unknown.
    """
    encoding = encoding_of_text(path)
    csv.field_size_limit(_LONGEST_CELL)
    with path.open(encoding=encoding.codec, newline="") as file:
        starts = [file.readline(100_000) for _ in range(_HEADER_WITHIN_ROWS)]
    rows = _csv_rows(path, encoding.codec, _delimiter(starts))
    # Excel's own first line, which says how cells are parted.
    if starts[0].lower().startswith("sep="):
        next(rows, None)
    table = headed(rows, limits, "CSV", None)
    return source_of_table(replace(table, encoding=encoding.codec, encoding_evidence=encoding.evidence), wish)


def _delimiter(starts: list[str]) -> str:
    """Find what parts cells: what splits a line into a header with coordinates, else the commonest in the first line.

    Lines below don't count: a cell of theirs may hold a whole trace, parted by semicolons.
    """
    for start in starts:
        for mark in _DELIMITERS:
            if mark in start and names_coordinates(start.strip().replace('"', "").split(mark)):
                return mark
    first = next((start for start in starts if any(mark in start for mark in _DELIMITERS)), "")
    return max(_DELIMITERS, key=first.count)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[list[object]]:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            for row in reader:
                yield [cell.strip() or None for cell in row]
        except csv.Error as error:
            msg = f"CSV 第 {reader.line_num} 行读不出来(引号没有闭合或单元格太长);请核对后再上传"
            raise SurveyError(msg) from error


def headed(rows: Iterator[list[object]], limits: ReadLimits, driver: str, layer: str | None) -> Table:
    """Find the header among the first rows (:func:`header_row`).

    Raises
    ------
    SurveyError
        There is none, or it has too many columns.
    """
    top = list(islice(rows, _HEADER_WITHIN_ROWS))
    at = header_row(top)
    if at is None:
        msg = "表格是空的;请核对文件"
        raise SurveyError(msg)
    columns = tuple(map(_title, top[at]))
    while columns and not columns[-1]:
        columns = columns[:-1]
    if len(columns) > limits.columns:
        msg = f"表格有 {len(columns)} 列,最多 {limits.columns} 列;请只保留要上传的列"
        raise SurveyError(msg)
    titles = tuple(title for row in top[:at] for cell in row if (title := _title(cell)))
    skipped = sum(1 for row in top[:at] if any(cell is not None for cell in row))
    notes = (f"表头上方有 {skipped} 行标题或说明,已跳过",) if skipped else ()
    below = _bounded(chain(top[at + 1 :], rows), len(columns), limits)
    return Table(columns, below, driver, None, layer, notes, titles)


def header_row(top: list[list[object]]) -> int | None:
    """Return which of the first rows is the header; None when all are empty.

    It is the one that names coordinates; else the first that is about as wide as the widest, since a title has a cell
    or two, and that isn't filled in like 填表人:张三.
    """
    filled = {at: [cell for cell in row if cell is not None] for at, row in enumerate(top)}
    filled = {at: cells for at, cells in filled.items() if cells}
    named = (at for at in filled if named_places(tuple(map(_title, top[at]))))
    widest = max(map(len, filled.values()), default=0)
    wide = (
        at
        for at, cells in filled.items()
        if 2 * len(cells) >= widest and not any(_FILLED_IN.search(_title(cell)) for cell in cells)
    )
    return next(named, next(wide, next(iter(filled), None)))


def names_coordinates(row: Sequence[object]) -> bool:
    """Say whether a row is a header with coordinates."""
    return bool(named_places(tuple(map(_title, row))))


def _bounded(rows: Iterator[list[object]], width: int, limits: ReadLimits) -> Iterator[list[object]]:
    """Cut rows to the header's width; blank rows at the end of a sheet are no rows, blank ones between are."""
    blank = 0
    count = 0
    for row in rows:
        cells = row[:width] + [None] * (width - len(row))
        if all(cell is None for cell in cells):
            blank += 1
            if blank > _MOST_BLANK:
                msg = f"表格里有超过 {_MOST_BLANK:,} 个空行;请删去空行再上传"
                raise SurveyError(msg)
            continue
        count += blank + 1
        if count > limits.rows:
            msg = f"表格超过 {limits.rows} 行;请分批上传"
            raise SurveyError(msg)
        empty: list[object] = [None] * width
        yield from (empty for _ in range(blank))
        blank = 0
        yield cells


def source_of_table(table: Table, wish: Wish) -> Source:
    """Find a table's coordinates and their system.

    Raises
    ------
    SurveyError
        It has no rows, or no coordinates and ledgers aren't taken.
    CoordinateError
        The stated coordinate system is unknown.
    """
    sample = list(islice(table.rows, _SAMPLE_ROWS))
    place = choose_place(table.columns, sample, wish.geometry)
    if place is None and not wish.ledgers:
        found = "、".join(name[:30] for name in table.columns[:30] if name) or "(没有列名)"
        msg = f"没有找到坐标列;需要“经度”和“纬度”、“X坐标”和“Y坐标”、“东坐标”和“北坐标”或“WKT”,表里有:{found}"
        raise SurveyError(msg)
    if not sample:
        msg = "表格只有表头,没有数据行;请核对文件"
        raise SurveyError(msg)
    empty = place is not None and all(row[at] is None for row in sample for at in place.columns)
    if place is None or (empty and wish.ledgers):
        return _ledger(table, sample, place)
    x, y = sampled_points(place, sample)
    used = tuple(table.columns[at] for at in place.columns)
    if not (np.isfinite(x) & np.isfinite(y)).any():
        msg = f"坐标列“{'、'.join(used)}”里没有一个能读的坐标;请核对表格"
        raise SurveyError(msg)
    datum = _datum(table, place, used, x, y, wish)
    if datum.swapped:
        turned = place.columns[::-1] if place.kind is Kind.PAIR else place.columns
        place = replace(place, columns=turned, swapped=True)
    notes = (f"坐标列是度分秒连写(如 {sample[0][place.columns[0]]}),已换算成度",) if place.packed else ()
    chunks = _chunks(chain(sample, table.rows), place, table.columns, wish)
    return Source(
        table.columns, datum.crs, datum.evidence, datum.claim, table.encoding, table.driver, table.layer, None, chunks,
        (*table.notes, *notes), tuple(table.columns[at] for at in place.columns),
        encoding_evidence=table.encoding_evidence, lost=lost_columns(table.columns, sample),
    )  # fmt: skip


def _datum(table: Table, place: Place, used: tuple[str, ...], x: Floats, y: Floats, wish: Wish) -> Datum:
    """Settle the system; what a header or a title names is the file's own claim."""
    names = (used[0], used[1]) if place.kind is Kind.PAIR else (f"{used[0]}的后一个数", f"{used[0]}的前一个数")
    declared, declared_by = None, ""
    if place.receiver and wish.crs is None:
        declared, declared_by = "EPSG:4326", f"“{used[0]}”是手机表单的卫星定位,按规定是"
    elif wish.crs is None:
        metres = float(np.nanmedian(np.abs(np.concatenate([x, y])))) > 360
        prefixed = metres and any(zone_prefixed_srid(float(np.nanmedian(one))) is not None for one in (x, y))
        declared, declared_by = system_named(used, table.titles, metres=metres, prefixed=prefixed)
    return settle_datum(
        x, y, stated=wish.crs, declared=declared, declared_by=declared_by, claim=Claim.NAMED,
        names=None if place.kind is Kind.WKT else names, metric_srid=wish.metric_srid,
        turnable=place.kind is Kind.WKT,
    )  # fmt: skip


def _ledger(table: Table, sample: list[list[object]], place: Place | None) -> Source:
    """Take a table whose rows say nothing of a place: they are placed later, by code or address."""
    why = "文件没有坐标列,按编码或地址落图" if place is None else "坐标列全是空的,按编码或地址落图"
    used = () if place is None else tuple(table.columns[at] for at in place.columns)
    return Source(
        table.columns, STORED_CRS, why, Claim.FORMAT, table.encoding, table.driver, table.layer, None,
        _unplaced(chain(sample, table.rows), () if place is None else place.columns), table.notes, used,
        placeless=True, encoding_evidence=table.encoding_evidence, lost=lost_columns(table.columns, sample),
    )  # fmt: skip


def _unplaced(rows: Iterator[list[object]], columns: tuple[int, ...]) -> Iterator[Chunk]:
    while piece := list(islice(rows, _CHUNK_ROWS)):
        if any(row[at] is not None for row in piece for at in columns):
            msg = f"前 {_SAMPLE_ROWS} 行没有坐标,后面的行却有;请把有坐标的行放在前面,或分成两个文件上传"
            raise SurveyError(msg)
        yield Chunk(piece, np.full(len(piece), None, dtype=object))


def _chunks(rows: Iterator[list[object]], place: Place, columns: tuple[str, ...], wish: Wish) -> Iterator[Chunk]:
    while piece := list(islice(rows, _CHUNK_ROWS)):
        built = placed(piece, place, columns, wish.geometry)
        waiting = built.silent if wish.ledgers else frozenset[int]()
        reasons = {at: reason for at, reason in built.reasons.items() if at not in waiting}
        geometries = built.geometries
        if place.kind is Kind.WKT and place.swapped:
            geometries = turned_round(geometries)
        yield Chunk(piece, geometries, reasons, built.repairs, waiting)


def _title(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())
