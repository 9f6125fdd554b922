"""XLSX workbooks: which of their sheets is the survey."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from gis_service.surveys.files.archives import check_workbook
from gis_service.surveys.files.errors import SeveralLayersError, SurveyError
from gis_service.surveys.files.layer_choice import choose_layer
from gis_service.surveys.files.limits import ReadLimits
from gis_service.surveys.files.source import Source, Wish
from gis_service.surveys.files.tables import headed, header_row, names_coordinates, source_of_table

# Sheets of this name explain the others.
_EXPLAINS: Final = re.compile(r"说明|须知|代码|字典|选项|下拉|枚举|示例|readme|codes?$", re.IGNORECASE)
_LOOKED_AT_ROWS: Final = 12
_MOST_LOOKED_AT: Final = 50
# A row is as wide as its last cell's place, though there be nothing before it.
_WIDEST: Final = 1_000


def open_workbook(path: Path, wish: Wish, limits: ReadLimits) -> Source:
    """Open a sheet of an XLSX workbook; formulas count by their stored values.

    It is the sheet named, else the first whose header names coordinates, else the only one with rows. Hidden sheets
    and those that only explain don't count.

    Raises
    ------
    SeveralLayersError
        Several sheets have rows, none has coordinates and none was named.
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
    _refuse_form(book, names)
    name = _chosen(book) if wish.layer is None else choose_layer(names, wish.layer)
    table = headed(_rows(book[name]), limits, "XLSX", name)
    several = len(names) > 1 and wish.layer is None
    notes = (f"工作簿有 {len(names)} 个工作表,读取的是“{name[:60]}”",) if several else ()
    return source_of_table(replace(table, notes=(*notes, *table.notes)), wish)


def _rows(sheet: Any) -> Iterator[list[object]]:
    # What the file says of its own extent may be wrong, and then rows would be cut off.
    sheet.reset_dimensions()
    return ([_plain_cell(cell) for cell in row[:_WIDEST]] for row in sheet.iter_rows(values_only=True))


def _refuse_form(book: Any, names: tuple[str, ...]) -> None:
    """Tell the definition of a form (XLSForm) from what was collected with it."""
    lower = {name.lower(): name for name in names}
    if "survey" not in lower or not {"choices", "settings"} & lower.keys():
        return
    first = next(_rows(book[lower["survey"]]), [])
    if {"type", "name"} <= {str(cell).strip().lower() for cell in first}:
        msg = "这是表单的定义(XLSForm),不是收集到的数据;请在 ODK 或 KoboToolbox 的数据页导出 CSV 或 XLSX 再上传"
        raise SurveyError(msg)


def _chosen(book: Any) -> str:
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or list(book.worksheets)
    telling = [sheet for sheet in visible if not _EXPLAINS.search(sheet.title)] or visible
    filled = []
    for sheet in telling[:_MOST_LOOKED_AT]:
        top = list(islice(_rows(sheet), _LOOKED_AT_ROWS))
        at = header_row(top)
        if at is None:
            continue
        if names_coordinates(top[at]):
            return str(sheet.title)
        if any(cell is not None for row in top[at + 1 :] for cell in row):
            filled.append(str(sheet.title))
    if len(filled) > 1:
        raise SeveralLayersError(filled)
    return filled[0] if filled else str(telling[0].title)


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
