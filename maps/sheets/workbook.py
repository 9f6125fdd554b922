"""A map's figures as a workbook: what it says, the rules behind it, and a table of each theme's features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from gis_service.analysis.answer import CLASS, Answer, Column, Theme
from gis_service.exports.spreadsheet import sheet_name
from layers.field import Kind
from maps.sheets.contents import Proof
from maps.sheets.lettering import width_em

_SUMMED = frozenset({"人", "户", "起", "家", "个", "处", "幢", "辆", "间", "次", "m²", "平方米", "公顷"})
"""Units of what can be added up; of shares, ages and lengths the sum says nothing."""
_NOT_SUMMED = ("每", "最多", "最大", "最少", "平均", "中位", "半径", "比", "率", "密度", "上限", "标准")
"""Words in titles of figures that are per something or the largest of something."""
_WIDEST, _NARROWEST = 42, 8
_A4 = 9
"""Number of the paper in the file format."""
# A text that begins like a formula stays a text, whoever has written it.
_SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@dataclass(frozen=True)
class Front:
    """What stands on the first sheet besides the answer.

    Attributes
    ----------
    stamps
        Such as 内部资料; shown in red.
    lines
        Data date, coordinate system and the like, one each.
    """

    title: str
    finding: str
    stamps: Sequence[str]
    lines: Sequence[str]


def write_workbook(
    front: Front, answer: Answer | None, tables: Sequence[tuple[str, Sequence[Column], Sequence[dict[str, Any]]]],
    proof: Proof, path: Path,
) -> None:  # fmt: skip
    """Write a workbook.

    Parameters
    ----------
    tables
        Further tables: title, columns and rows by the columns' names.
    """
    with xlsxwriter.Workbook(path, _SAFE) as book:
        book.set_properties({"title": front.title, "comments": front.finding, "author": "", "company": ""})
        styles = _Styles(book)
        _write_front(book, styles, front, answer, proof)
        names = {"说明"}
        for title, columns, rows in [*_themes(answer), *tables]:
            _write_table(book.add_worksheet(_name(title, names)), styles, columns, rows)


class _Styles:
    def __init__(self, book: Any) -> None:
        self.title = book.add_format({"bold": True, "font_size": 16})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})
        self.stamp = book.add_format({"bold": True, "font_color": "#b3261e"})
        self.head = book.add_format(
            {"bold": True, "bg_color": "#2f4456", "font_color": "#ffffff", "text_wrap": True, "valign": "vcenter"}
        )
        self.code = book.add_format({"num_format": "@"})
        self.whole = book.add_format({"num_format": "#,##0"})
        self.number = book.add_format({"num_format": "#,##0.00"})
        self.total = book.add_format({"bold": True, "top": 1, "num_format": "#,##0"})
        self.total_number = book.add_format({"bold": True, "top": 1, "num_format": "#,##0.00"})
        self.date = book.add_format({"num_format": "yyyy-mm-dd"})


def _fit_paper(sheet: Any, *, landscape: bool) -> None:
    """Let a sheet print on A4, as wide as the paper."""
    sheet.set_paper(_A4)
    if landscape:
        sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
    sheet.set_footer("&L&F&R第 &P 页,共 &N 页")


def _write_front(book: Any, styles: _Styles, front: Front, answer: Answer | None, proof: Proof) -> None:
    sheet = book.add_worksheet("说明")
    _fit_paper(sheet, landscape=False)
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 2, 12)
    sheet.set_column(3, 3, 60)
    sheet.write_string(0, 0, front.title, styles.title)
    sheet.merge_range(1, 0, 1, 3, "", styles.text)
    sheet.write_string(1, 0, front.finding, styles.text)
    sheet.set_row(1, 34)
    row = 2
    for stamp in front.stamps:
        sheet.write_string(row, 0, stamp, styles.stamp)
        row += 1
    row = _write_facts(sheet, styles, row + 1, answer) if answer else row + 1
    traced = [f"编号 {proof.code}"] if proof.code else []
    traced += [f"数据版本 {proof.version}"] if proof.version else []
    traced += [proof.address] if proof.address else []
    for line in [*front.lines, *traced]:
        sheet.write_string(row, 0, line)
        row += 1


def _write_facts(sheet: Any, styles: _Styles, row: int, answer: Answer) -> int:
    for column, heading in enumerate(("指标", "数", "单位", "说明")):
        sheet.write_string(row, column, heading, styles.head)
    for fact in answer.facts:
        row += 1
        sheet.write_string(row, 0, fact.title)
        if fact.value is None:
            sheet.write_string(row, 1, "无数据")
        else:
            whole = float(fact.value).is_integer()
            sheet.write_number(row, 1, fact.value, styles.whole if whole else styles.number)
        sheet.write_string(row, 2, fact.unit)
        sheet.write_string(row, 3, fact.note)
    row += 2
    for rule in answer.rules:
        sheet.write_string(row, 0, f"阈值:{rule.title}")
        sheet.write_number(row, 1, rule.value, styles.number)
        sheet.write_string(row, 2, rule.unit)
        sheet.write_string(row, 3, rule.basis)
        row += 1
    sheet.merge_range(row, 0, row, 3, "", styles.text)
    sheet.write_string(row, 0, f"口径:{answer.method}", styles.text)
    sheet.set_row(row, 60)
    return row + 2


def _themes(answer: Answer | None) -> list[tuple[str, Sequence[Column], Sequence[dict[str, Any]]]]:
    return [(theme.title, _columns(theme), _rows(theme)) for theme in (answer.themes if answer else ())]


def _columns(theme: Theme) -> Sequence[Column]:
    codes = {one.key: one.title for one in theme.classes}
    return [*theme.columns, Column(CLASS, "分级", codes=codes)]


def _rows(theme: Theme) -> list[dict[str, Any]]:
    return [one["properties"] for one in orjson.loads(theme.features)["features"]]


def _name(title: str, taken: set[str]) -> str:
    """Return a sheet's name that Excel takes and no other sheet has."""
    plain = sheet_name(title)
    name, number = plain, 2
    while name.lower() in {one.lower() for one in taken}:
        name, number = sheet_name(f"{number} {plain}"), number + 1
    taken.add(name)
    return name


def _write_table(sheet: Any, styles: _Styles, columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> None:
    """Write a table with a frozen head, a filter, bars in columns of numbers, and sums where they say something."""
    _fit_paper(sheet, landscape=True)
    sheet.repeat_rows(0)
    for at, column in enumerate(columns):
        title = f"{column.title}({column.unit})" if column.unit else column.title
        sheet.write_string(0, at, title, styles.head)
        widest = max([width_em(title), *(width_em(str(row.get(column.name) or "")) for row in rows[:200])], default=0)
        sheet.set_column(at, at, min(max(widest * 2 + 2, _NARROWEST), _WIDEST))
    for number, row in enumerate(rows, 1):
        for at, column in enumerate(columns):
            _write_cell(sheet, styles, number, at, column, row.get(column.name))
    sheet.freeze_panes(1, 1)
    if not rows:
        sheet.write_string(1, 0, "没有要素")
        return
    sheet.autofilter(0, 0, len(rows), len(columns) - 1)
    for at, column in enumerate(columns):
        if _is_number(column):
            bar = {"type": "data_bar", "bar_solid": True, "bar_color": "#b9d6ea"}
            sheet.conditional_format(1, at, len(rows), at, bar)
    _write_total(sheet, styles, columns, rows)


def _write_total(sheet: Any, styles: _Styles, columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> None:
    below = len(rows) + 1
    sheet.write_string(below, 0, f"合计(筛选后),共 {len(rows):,} 行", styles.total)
    for at, column in enumerate(columns):
        if at and _is_number(column) and _adds_up(column):
            letter = xl_col_to_name(at)
            held = [row.get(column.name) for row in rows]
            total = sum(value for value in held if isinstance(value, int | float))
            style = styles.total if column.kind is Kind.INTEGER else styles.total_number
            sheet.write_formula(below, at, f"=SUBTOTAL(109,{letter}2:{letter}{below})", style, total)


def _is_number(column: Column) -> bool:
    return column.codes is None and column.kind in {Kind.INTEGER, Kind.NUMBER}


def _adds_up(column: Column) -> bool:
    return column.unit in _SUMMED and not any(word in column.title for word in _NOT_SUMMED)


def _write_cell(sheet: Any, styles: _Styles, row: int, at: int, column: Column, value: Any) -> None:
    if value is None:
        return
    if column.codes is not None:
        sheet.write_string(row, at, str(column.codes.get(str(value), value)))
    elif _is_number(column) and isinstance(value, int | float):
        sheet.write_number(row, at, value, styles.whole if column.kind is Kind.INTEGER else styles.number)
    elif column.kind is Kind.DATE:
        sheet.write_datetime(row, at, date.fromisoformat(str(value)), styles.date)
    elif isinstance(value, bool):
        sheet.write_string(row, at, "是" if value else "否")
    elif isinstance(value, list):
        sheet.write_string(row, at, "、".join(map(str, value)))
    else:
        # Codes have leading zeros and more digits than a number keeps.
        sheet.write_string(row, at, str(value), styles.code)
