"""Which places of a workbook can be filled: placeholders, defined names, and empty cells beside a label."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gis_service.reports.files.cells import Cell
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import Found, FoundMark, FoundPlace
from gis_service.reports.files.limits import PLACES
from gis_service.reports.files.package import Package
from gis_service.reports.files.workbook import BookSheet, Workbook, read_workbook

_BRACES: Final = re.compile(rb"\{\{|\xef\xbd\x9b\xef\xbd\x9b")
_NOT_FILLED: Final = ("xl/drawings/", "xl/charts/", "xl/comments", "xl/tables/")
_MOST_EMPTY: Final = 500
_LONGEST_LABEL: Final = 60


def find_in_workbook(package: Package) -> Found:
    """Return the places of a workbook, and what stands in the way of filling it."""
    book = read_workbook(package)
    marks, problems = [], []
    for sheet in book.sheets:
        for cell, held in sheet.cells.items():
            at = sheet.place(cell)
            if held.formula is not None:
                if _BRACES.search(f"{held.formula.text}{held.text}".encode()):
                    problems.append(f"{at} 是公式,里面的占位符不会填;请把占位符写在公式引用的格里")
            elif held.passage is not None:
                marks += [FoundMark(mark.asked, at) for mark in held.passage.marks()]
                if held.passage.unfinished():
                    problems.append(f"{at} 里有没写完整的占位符;应写成 {{{{指标}}}}")
    if len(marks) > PLACES:
        msg = f"表里有 {len(marks):,} 处占位符,最多 {PLACES:,} 处;请分成几份再填"
        raise FormError(msg)
    problems += _elsewhere(package, book)
    named = [
        FoundPlace(name, sheet.place(cell), tuple(_beside(sheet, cell)), _text(sheet, cell), named=True)
        for name, (sheet, cell) in list(book.names.items())[:PLACES]
    ]
    taken = {place.at for place in named}
    empty = [place for sheet in book.sheets for place in _empty(sheet) if place.at not in taken]
    return Found("XLSX", tuple(marks), (*named, *empty[:_MOST_EMPTY]), tuple(problems))


def _elsewhere(package: Package, book: Workbook) -> Iterator[str]:
    """Yield what is said of placeholders where nothing is filled: in text boxes, charts, notes and page headers."""
    for part in package.names():
        if part.endswith(".xml") and part.startswith(_NOT_FILLED) and _BRACES.search(package.read(part)):
            yield f"{part} 里的占位符不会填(文本框、图表、批注、表格样式的表头);请把占位符写在单元格里"
    for sheet in book.sheets:
        if _BRACES.search(sheet.markup.data[sheet.data.end :]):
            yield f"工作表“{sheet.title}”的页眉、页脚或条件里的占位符不会填;请把占位符写在单元格里"


def _empty(sheet: BookSheet) -> Iterator[FoundPlace]:
    """Yield the empty cells that someone has drawn beside a label."""
    for cell, held in sheet.cells.items():
        if held.text or held.formula is not None or sheet.shown(cell) != cell:
            continue
        beside = tuple(_beside(sheet, cell))
        if beside:
            yield FoundPlace(sheet.place(cell), sheet.place(cell), beside)


def _beside(sheet: BookSheet, cell: Cell) -> Iterator[str]:
    """Yield the nearest label to the left of a cell, and the nearest above it."""
    row, column = cell
    columns = sheet.rows[row].columns if row in sheet.rows else []
    for left in sorted((one for one in columns if one < column), reverse=True):
        if _text(sheet, (row, left)):
            yield _text(sheet, (row, left))
            break
    for above in range(row - 1, max(row - 200, 0), -1):
        shown = sheet.shown((above, column))
        if _text(sheet, shown):
            yield _text(sheet, shown)
            break


def _text(sheet: BookSheet, cell: Cell) -> str:
    """Return the text of a cell on one line; "" for a number, a formula or nothing."""
    held = sheet.cells.get(cell)
    text = held.passage.text if held and held.passage and not held.passage.marks() else ""
    return " ".join(text.split())[:_LONGEST_LABEL]
