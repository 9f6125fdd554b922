"""Blank tables to be filled in in Excel, made from a layer's declaration: what is filled in uploads as it is.

An upload reads the first sheet of a workbook. So that sheet has nothing but the header, and the example stands in a
sheet of its own: no row has to be told from real ones, or deleted before sending. Lists to choose from lie in a hidden
sheet, since a list written into a rule may have no more than 255 characters and no comma in a label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from io import BytesIO
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from gis_service.exports.spreadsheet import sheet_name, text_width
from gis_service.surveys.forms.filling import (
    BETWEEN,
    YES_NO,
    Example,
    example,
    form_fields,
    heading,
    left_empty,
    plain,
    refusal,
    runs,
    taken,
    to_fill,
)
from layers.field import Kind, LayerField
from layers.layer import Layer

EXAMPLE_SHEET: Final = "填写示例"
GUIDE_SHEET: Final = "填写说明"
CODE_SHEET: Final = "代码"

_LAST_ROW: Final = 1_048_575
_NARROWEST, _WIDEST = 10.0, 36.0
_SHOWN_CODES: Final = 30
_LONGEST_TITLE, _LONGEST_MESSAGE = 32, 255
"""What Excel shows when a cell is chosen, or refuses."""
_EXACT: Final = 1e15
"""Excel keeps 15 digits of a number."""
_MADE: Final = datetime.fromisoformat("2026-01-01T00:00:00")
"""Stands in every workbook, so that one declaration always gives the same bytes."""
_FORMATS: Final = {
    Kind.TEXT: "@",
    Kind.TEXTS: "@",
    Kind.BOOLEAN: "@",
    Kind.INTEGER: "0",
    Kind.NUMBER: "General",
    Kind.DATE: "yyyy-mm-dd",
    Kind.TIME: "yyyy-mm-dd hh:mm",
}
_WKT: Final = {
    "MULTILINESTRING": "LINESTRING (120.123456 30.123456, 120.123567 30.123567)",
    "MULTIPOLYGON": "POLYGON ((120.1234 30.1234, 120.1236 30.1234, 120.1236 30.1236, 120.1234 30.1234))",
}
_GUIDE_WIDTHS: Final = (26.0, 24.0, 8.0, 70.0, 36.0)
_MAY: Final = {
    "format_cells": True,
    "format_columns": True,
    "format_rows": True,
    "delete_rows": True,
    "sort": True,
    "autofilter": True,
}
"""What may be done in a sheet whose header is locked. A row inserted below the header would be locked like it."""


@dataclass(frozen=True)
class _Column:
    """One column of the table: what is said of it, and the rule that Excel keeps it by."""

    title: str
    required: bool
    unit: str
    taken: str
    empty: str
    example: Example
    format: str
    width: float
    rule: dict[str, Any]


@cache
def blank_table(layer: Layer) -> bytes:
    """Return a layer's blank table as an XLSX workbook; the same declaration always gives the same bytes."""
    made = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(made, options) as book:
        book.set_properties({"title": f"{layer.title}空白表格", "created": _MADE})
        listed = [field for field in form_fields(layer) if field.codes is not None]
        columns = [*_place_columns(layer), *_field_columns(layer, listed)]
        _write_table(book, layer, columns)
        _write_example(book, columns)
        _write_guide(book, layer, columns)
        _write_codes(book, listed)
    return made.getvalue()


def _place_columns(layer: Layer) -> list[_Column]:
    """Return the columns of the geometry: degrees for what is mostly points, otherwise WKT.

    Their headers name the system, since numbers alone can't tell CGCS2000 from what map apps show.
    """
    if layer.geometry in _WKT:
        kind = "线" if layer.geometry == "MULTILINESTRING" else "面"
        rule = {"validate": "length", "criteria": ">", "value": 0, "error_message": f"“WKT”要填一个{kind}。"}
        said = f"{kind}的坐标串,可从 QGIS 复制"
        return [_Column("WKT(CGCS2000)", True, "", said, "必填", _WKT[layer.geometry], "@", _WIDEST, rule)]
    return [_degrees("经度", 180, 120.123456), _degrees("纬度", 90, 30.123456)]


def _degrees(title: str, most: int, shown: float) -> _Column:
    said = f"-{most} 到 {most} 之间的度数,小数 6 位"
    rule = {
        "validate": "decimal", "criteria": "between", "minimum": -most, "maximum": most,
        "error_message": f"“{title}”{to_fill('要填', said)}(不写度分秒),请改正。",
    }  # fmt: skip
    return _Column(f"{title}(CGCS2000)", True, "度", said, "必填", shown, "0.000000", 18.0, rule)


def _field_columns(layer: Layer, listed: list[LayerField]) -> Iterator[_Column]:
    for at, field in enumerate(form_fields(layer), start=len(_place_columns(layer))):
        title = heading(field)
        # Codes are chosen by label, whatever they look like themselves.
        labels = [text_width(label) for label in (field.codes or {}).values()]
        width = min(max(_NARROWEST, text_width(title) + 3, *labels), _WIDEST)
        rule = _rule(field, at, listed)
        yield _Column(
            title, field.required, field.unit or "", taken(field), left_empty(field), example(field),
            _FORMATS[field.kind], width, {**rule, "error_message": refusal(field)},
        )  # fmt: skip


def _rule(field: LayerField, at: int, listed: list[LayerField]) -> dict[str, Any]:
    """Return what Excel takes for a field, as xlsxwriter wants it; ``at`` is its column."""
    if field.codes is not None:
        source = xl_col_to_name(listed.index(field))
        rule = {"validate": "list", "source": f"='{CODE_SHEET}'!${source}$2:${source}${len(field.codes) + 1}"}
        # Several labels in one cell are none of the list's, so these are offered but not insisted on.
        return {**rule, "show_error": False} if field.kind is Kind.TEXTS else rule
    if field.kind is Kind.BOOLEAN:
        return {"validate": "list", "source": list(YES_NO.values())}
    if field.kind in {Kind.INTEGER, Kind.NUMBER}:
        return _number_rule(field, xl_col_to_name(at))
    if field.kind in {Kind.DATE, Kind.TIME}:
        return {"validate": "date", "criteria": ">=", "value": date(1900, 1, 1)}
    return _text_rule(field)


def _number_rule(field: LayerField, column: str) -> dict[str, Any]:
    low = -_EXACT if field.minimum is None else field.minimum
    high = _EXACT if field.maximum is None else field.maximum
    if field.kind is Kind.INTEGER:
        low = low + 1 if field.exclusive_minimum and float(low).is_integer() else low
        return {"validate": "integer", "criteria": "between", "minimum": low, "maximum": high}
    if not field.exclusive_minimum:
        return {"validate": "decimal", "criteria": "between", "minimum": low, "maximum": high}
    # Excel's own rules have no half-open range; the first cell stands for each.
    cell = f"{column}2"
    return {"validate": "custom", "value": f"=AND(ISNUMBER({cell}),{cell}>{plain(low)},{cell}<={plain(high)})"}


def _text_rule(field: LayerField) -> dict[str, Any]:
    parts = runs(field.pattern) if field.pattern else []
    if parts:
        least, most = sum(part.least for part in parts), sum(part.most for part in parts)
        return {"validate": "length", "criteria": "between", "minimum": least, "maximum": most}
    if field.max_length and field.kind is Kind.TEXT:
        return {"validate": "length", "criteria": "<=", "value": field.max_length}
    return {"validate": "any"}


def _write_table(book: Any, layer: Layer, columns: list[_Column]) -> None:
    """Write the sheet that is filled in: a locked header above unlocked cells, each with its rule."""
    sheet = book.add_worksheet(sheet_name(layer.title))
    _write_header(book, sheet, columns)
    for at, column in enumerate(columns):
        cells = book.add_format({"num_format": column.format, "locked": False})
        sheet.set_column(at, at, column.width, cells)
        said = "。".join(part for part in (column.empty, to_fill("填", column.taken)) if part)
        rule = {
            "error_title": "请改正",
            **column.rule,
            "input_title": column.title[:_LONGEST_TITLE],
            "input_message": f"{said}。"[:_LONGEST_MESSAGE],
        }
        sheet.data_validation(1, at, _LAST_ROW, at, rule)
    sheet.protect("", _MAY)


def _write_header(book: Any, sheet: Any, columns: list[_Column]) -> None:
    style = {"bold": True, "bg_color": "#DCE6EE", "border": 1, "valign": "vcenter", "num_format": "@"}
    head, required = book.add_format(style), book.add_format({**style, "font_color": "#B3201F"})
    sheet.set_row(0, 22)
    sheet.freeze_panes(1, 0)
    for at, column in enumerate(columns):
        sheet.write_string(0, at, column.title, required if column.required else head)


def _write_example(book: Any, columns: list[_Column]) -> None:
    sheet = book.add_worksheet(EXAMPLE_SHEET)
    _write_header(book, sheet, columns)
    for at, column in enumerate(columns):
        cells = book.add_format({"num_format": column.format, "font_color": "#808080", "italic": True})
        sheet.set_column(at, at, max(column.width, 14.0))
        if isinstance(column.example, date):
            sheet.write_datetime(1, at, column.example, cells)
        else:
            sheet.write(1, at, column.example, cells)
    sheet.protect("", _MAY)


def _write_guide(book: Any, layer: Layer, columns: list[_Column]) -> None:
    sheet = book.add_worksheet(GUIDE_SHEET)
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    head = book.add_format({"bold": True, "bg_color": "#DCE6EE", "border": 1})
    for at, width in enumerate(_GUIDE_WIDTHS):
        sheet.set_column(at, at, width, wrapped)
    advice = list(_advice(layer))
    for line, said in enumerate(advice):
        sheet.merge_range(line, 0, line, len(_GUIDE_WIDTHS) - 1, said, wrapped)
        sheet.set_row(line, _line_height(said, sum(_GUIDE_WIDTHS)))
    for line, cells in enumerate(_guide_lines(layer, columns), start=len(advice) + 1):
        sheet.set_row(line, max(_line_height(*pair) for pair in zip(cells, _GUIDE_WIDTHS, strict=True)))
        for at, cell in enumerate(cells):
            sheet.write_string(line, at, cell, head if line == len(advice) + 1 else wrapped)
    sheet.protect("", _MAY)


def _guide_lines(layer: Layer, columns: list[_Column]) -> Iterator[tuple[str, ...]]:
    """Yield the guide's table, its header first: one line for each column, and for what isn't to be written down."""
    fields = {heading(field): field for field in form_fields(layer)}
    yield "列", "必填吗", "单位", "填什么", "示例"
    for one in columns:
        yield one.title, one.empty, one.unit, _allowed(one, fields.get(one.title)), _shown(one.example)
    for field in layer.personal_fields:
        yield field.title, "不填", "", "个人信息:这张表里没有这一列,填了也不导入", ""


def _line_height(said: str, width: float) -> float:
    """Return the height of a row in points: programs other than Excel don't fit it to wrapped text by themselves."""
    return 15.0 * max(1, math.ceil(text_width(said) * 1.1 / width))


def _advice(layer: Layer) -> Iterator[str]:
    title = sheet_name(layer.title)
    yield f"{layer.title}:{layer.summary}"
    yield (
        f"在工作表“{title}”里填,从第 2 行起,一行一个;“{EXAMPLE_SHEET}”只供参考,不会导入。"
        "表头已锁定(没有口令),请不要改列名。"
    )
    yield (
        f"带 * 的列和坐标必填,其余没有就空着。有下拉列表的列从列表里选;可以填几项的列,几项之间用“{BETWEEN}”隔开。"
        "编码一类的列按文字保存,前面的 0 不会丢。"
    )
    yield (
        "坐标填 CGCS2000 经纬度,手机和手持机卫星定位的读数可以直接填。取自高德、百度地图的坐标偏几百米,"
        "请不要填在这里:另做一张表,上传时说明坐标系。"
    )
    if layer.geometry == "GEOMETRY":
        yield "这个图层也收线和面;线和面请在 QGIS 里画,用 GeoJSON 或 GeoPackage 上传。"
    yield "填好后存成 .xlsx 上传,不需要删去别的工作表。"


def _allowed(column: _Column, field: LayerField | None) -> str:
    if field is None or field.codes is None:
        return column.taken
    # Some labels hold the sign that stands between several of them.
    labels = list(field.codes.values())
    more = f"……共 {len(labels)} 项,见下拉列表" if len(labels) > _SHOWN_CODES else ""
    return f"{column.taken}:{';'.join(labels[:_SHOWN_CODES])}{more}"


def _shown(value: Example) -> str:
    return plain(value) if isinstance(value, int | float) else str(value)


def _write_codes(book: Any, listed: list[LayerField]) -> None:
    sheet = book.add_worksheet(CODE_SHEET)
    for at, field in enumerate(listed):
        sheet.write_string(0, at, field.title)
        for row, label in enumerate((field.codes or {}).values(), start=1):
            sheet.write_string(row, at, label)
    sheet.hide()
    sheet.protect()
