"""An Excel sheet for people: Chinese titles, labels for codes, dates as dates, and nothing that Excel would run."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from gis_service.exports.order import Order, OrderedColumn

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_NARROWEST, _WIDEST = 8, 40
_FIRST_DAY = (datetime(1900, 3, 1, tzinfo=UTC) - _EPOCH).days
"""Excel knows no days before 1900, and takes that year for a leap year."""


def write_xlsx(order: Order, batches: Iterator[list[list[Any]]]) -> dict[str, str]:
    """Write the sheet row by row; a row that is written is no longer held in memory."""
    folder = Path(order.path).parent
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "tmpdir": str(folder)}
    with xlsxwriter.Workbook(order.path, options) as book:
        sheet = book.add_worksheet(sheet_name(order.title))
        head = book.add_format({"bold": True, "bg_color": "#DCE6EE", "border": 1, "valign": "vcenter"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        prefix = "" if order.geometry == "POINT" else "代表点"
        titles = [*(column.title for column in order.columns), *(f"{prefix}{axis}" for axis in order.axes)]
        first = next(batches, [])
        for number, width in enumerate(_widths(order, titles, first)):
            sheet.set_column(number, number, width)
        sheet.freeze_panes(1, 0)
        sheet.set_row(0, 20)
        for number, title in enumerate(titles):
            sheet.write_string(0, number, title, head)
        line = 0
        writers = [_writer(sheet, column, day, moment) for column in order.columns]
        for rows in _again(first, batches):
            for x, y, *values in rows:
                line += 1
                for number, value in enumerate(values):
                    if value is not None:
                        writers[number](line, number, value)
                sheet.write_number(line, len(values), x)
                sheet.write_number(line, len(values) + 1, y)
        sheet.autofilter(0, 0, line, len(titles) - 1)
        _write_about(book, order, line)
    return {}


def _again(first: list[list[Any]], rest: Iterable[list[list[Any]]]) -> Iterator[list[list[Any]]]:
    yield first
    yield from rest


def _writer(sheet: Any, column: OrderedColumn, day: Any, moment: Any) -> Any:
    if column.codes is None and column.kind in {"integer", "number"}:
        return sheet.write_number
    if column.kind == "date":

        def write_day(line: int, number: int, value: int) -> None:
            if value < _FIRST_DAY:
                sheet.write_string(line, number, str((_EPOCH + timedelta(days=value)).date()))
            else:
                sheet.write_datetime(line, number, (_EPOCH + timedelta(days=value)).replace(tzinfo=None), day)

        return write_day
    if column.kind == "time":

        def write_moment(line: int, number: int, value: int) -> None:
            at = (_EPOCH + timedelta(milliseconds=value)).astimezone(_SHANGHAI).replace(tzinfo=None)
            sheet.write_datetime(line, number, at, moment)

        return write_moment

    def write_text(line: int, number: int, value: object) -> None:
        # Always a text: a code keeps its zeros, and what begins like a formula isn't one.
        sheet.write_string(line, number, str(value))

    return write_text


def _widths(order: Order, titles: list[str], rows: list[list[Any]]) -> Iterator[float]:
    """Return widths that fit the titles and what the first rows hold, within reason."""
    for number, title in enumerate(titles):
        wanted = text_width(title) + 3
        if number < len(order.columns):
            kind = order.columns[number].kind
            if kind in {"date", "time"}:
                wanted = max(wanted, 12 if kind == "date" else 20)
            else:
                wanted = max([wanted, *(text_width(str(row[number + 2] or "")) + 1 for row in rows[:200])])
        else:
            wanted = max(wanted, 14)
        yield min(max(wanted, _NARROWEST), _WIDEST)


def text_width(text: str) -> int:
    """Return how wide a text stands in a cell: Chinese signs take two places."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def sheet_name(title: str) -> str:
    """Return a title as Excel takes it for the name of a sheet."""
    return "".join(sign for sign in title if sign not in "[]:*?/\\")[:31] or "数据"


def _write_about(book: Any, order: Order, count: int) -> None:
    sheet = book.add_worksheet("说明")
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 60)
    for line, (first, second) in enumerate((*order.about, ("行数", str(count)))):
        sheet.write_string(line, 0, first)
        sheet.write_string(line, 1, second)
