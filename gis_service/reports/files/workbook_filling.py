"""Filling a workbook: cells get their values where they stand, and a sheet that says where they are from."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import Final

from gis_service.reports.figure import spelling_of
from gis_service.reports.files.cells import Cell, address_of, stored
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import Filling, Value
from gis_service.reports.files.markup import Edits, Element, Markup, escaped, tag
from gis_service.reports.files.package import Package
from gis_service.reports.files.percent_styles import percent_styles
from gis_service.reports.files.source_sheet import add_source_sheet
from gis_service.reports.files.workbook import BookCell, BookSheet, Workbook, read_workbook

_DECIMALS: Final = 12
_OTHER_FILE: Final = re.compile(r"\[\d+\][^\[\]+\-*/(),&<>=]*!")
"""A reference to another file, as the format has it: [1]Sheet1!A1; a table's column, Tab1[数], is none."""
_BEFORE_CALCULATION: Final = ("sheets", "functionGroups", "externalReferences", "definedNames")


def fill_workbook(package: Package, filling: Filling) -> bytes:
    """Return the filled workbook.

    Raises
    ------
    FormError
        A place isn't there, holds a formula or a text, or is filled twice.
    """
    book = read_workbook(package)
    targets, percents = _targets(book, filling), percent_styles(package)
    reckons = False
    for sheet in book.sheets:
        edits = Edits()
        _fill_marks(sheet, book, filling, percents, edits)
        _fill_cells(sheet, targets.get(sheet.part, {}), percents, edits)
        reckons = _forget_results(sheet, edits) or reckons
        if edits:
            package.changed[sheet.part] = edits.apply(sheet.markup.data)
    if reckons:
        package.changed[package.main] = _recalculated(book.markup)
    add_source_sheet(package, filling.source)
    return package.write()


def _targets(book: Workbook, filling: Filling) -> dict[str, dict[Cell, Value]]:
    """Return by sheet which cells are filled whole, whatever stands in them."""
    found: dict[str, dict[Cell, Value]] = defaultdict(dict)
    for place, value in filling.places.items():
        where = book.cell_of(place)
        if where is None:
            msg = f"表里没有“{place[:80]}”这个位置(名称,或 工作表!C5 这样的格子);请核对对照表"
            raise FormError(msg)
        sheet, cell = where
        held = sheet.cells.get(cell)
        if held is not None and held.formula is not None:
            msg = f"{sheet.place(cell)} 是公式,不能填;请填在公式引用的格里,或先清空这一格"
            raise FormError(msg)
        if held is not None and held.passage is not None and held.passage.text.strip():
            msg = f"{sheet.place(cell)} 里已有文字“{held.passage.text.strip()[:40]}”,填了会盖掉;请先清空这一格,或改位置"
            raise FormError(msg)
        if cell in found[sheet.part]:
            msg = f"{sheet.place(cell)} 在对照表里填了两次;请只留一行"
            raise FormError(msg)
        found[sheet.part][cell] = value
    return found


def _fill_marks(sheet: BookSheet, book: Workbook, filling: Filling, percents: frozenset[str], edits: Edits) -> None:
    texts = {key: value.text for key, value in filling.marks.items()}
    for held in sheet.cells.values():
        if held.passage is None or held.formula is not None:
            continue
        asked = [spelling_of(mark.asked) for mark in held.passage.marks()]
        if not any(key in filling.marks for key in asked):
            continue
        whole = held.passage.whole()
        value = filling.marks.get(spelling_of(whole.asked)) if whole else None
        if value is not None and value.number is not None:
            edits.put(held.element.start, held.element.end, _cell(sheet.markup, held.element, value, percents))
        elif held.kind == "inlineStr":
            held.passage.fill(texts, edits)
        else:
            edits.put(held.element.start, held.element.end, _text_cell(sheet.markup, held, book, texts))


def _fill_cells(sheet: BookSheet, targets: dict[Cell, Value], percents: frozenset[str], edits: Edits) -> None:
    """Put values into cells; cells and rows that the sheet doesn't hold are put in at their place."""
    missing: dict[int, list[tuple[int, Value]]] = defaultdict(list)
    for (row, column), value in sorted(targets.items()):
        held = sheet.cells.get((row, column))
        if held is not None:
            edits.put(held.element.start, held.element.end, _cell(sheet.markup, held.element, value, percents))
        else:
            missing[row].append((column, value))
    prefix = sheet.markup.prefix(sheet.data)
    new_rows: dict[int, str] = {}
    for row, cells in missing.items():
        if row in sheet.rows:
            _fill_row(sheet, row, cells, edits)
        else:
            inner = "".join(_new_cell(prefix, (row, column), value) for column, value in cells)
            new_rows[row] = f'<{prefix}row r="{row}">{inner}</{prefix}row>'
    for row, written in sorted(new_rows.items()):
        after = next((held.element for number, held in sorted(sheet.rows.items()) if number > row), None)
        if after is not None:
            edits.put(after.start, after.start, written)
    last = "".join(written for row, written in sorted(new_rows.items()) if row > max(sheet.rows, default=0))
    if last:
        _append(sheet.markup, sheet.data, last, edits)


def _fill_row(sheet: BookSheet, row: int, cells: list[tuple[int, Value]], edits: Edits) -> None:
    held, prefix = sheet.rows[row], sheet.markup.prefix(sheet.rows[row].element)
    at_end = ""
    for column, value in cells:
        written = _new_cell(prefix, (row, column), value)
        after = next((one for one in held.columns if one > column), None)
        if after is None:
            at_end += written
        else:
            place = sheet.cells[row, after].element.start
            edits.put(place, place, written)
    if at_end:
        _append(sheet.markup, held.element, at_end, edits)


def _append(markup: Markup, element: Element, written: str, edits: Edits) -> None:
    """Put something at the end of an element, also where it is written as one tag."""
    if not markup.is_empty(element):
        edits.put(element.outside, element.outside, written)
        return
    opening = markup.data[element.start : element.end].decode().removesuffix("/>").rstrip()
    name = opening[1:].split(None, 1)[0]
    edits.put(element.start, element.end, f"{opening}>{written}</{name}>")


def _new_cell(prefix: str, cell: Cell, value: Value) -> str:
    return _written(prefix, [("r", address_of(cell))], value)


def _cell(markup: Markup, element: Element, value: Value, percents: frozenset[str]) -> str:
    """Return a cell anew with its address and its style."""
    if value.percent and value.number is not None and element.attributes.get("s") in percents:
        value = replace(value, number=round(value.number / 100, _DECIMALS))
    return _written(markup.prefix(element), _kept(element), value)


def _kept(element: Element) -> list[tuple[str, str]]:
    return [(key, text) for key, text in element.attributes.items() if key in {"r", "s", "ph"}]


def _written(prefix: str, attributes: list[tuple[str, str]], value: Value) -> str:
    if value.number is not None:
        return f"<{tag(f'{prefix}c', attributes)}><{prefix}v>{stored(value.number)}</{prefix}v></{prefix}c>"
    # A text of its own in the cell is never run as a formula, whatever it begins with.
    opening = tag(f"{prefix}c", [*attributes, ("t", "inlineStr")])
    return f"<{opening}><{prefix}is><{prefix}t>{escaped(value.text)}</{prefix}t></{prefix}is></{prefix}c>"


def _text_cell(markup: Markup, held: BookCell, book: Workbook, texts: dict[str, str]) -> bytes:
    """Return a cell whose text was a shared one with the values in it; runs keep their fonts."""
    passage, item, strings = held.passage, held.item, book.strings
    if passage is None or item is None or strings is None:
        raise FormError("表里的文字表已损坏;请在 Office 或 WPS 里另存一份再填")
    edits = Edits()
    passage.fill(texts, edits, offset=item.inside)
    prefix = markup.prefix(held.element)
    inner = edits.apply(strings.inner(item))
    if strings.prefix(item) != prefix:
        values = [(mark, texts.get(spelling_of(mark.asked))) for mark in passage.marks()]
        text, at = "", 0
        for mark, value in values:
            text += passage.text[at : mark.start] + (passage.text[mark.start : mark.end] if value is None else value)
            at = mark.end
        inner = f'<{prefix}t xml:space="preserve">{escaped(text + passage.text[at:])}</{prefix}t>'.encode()
    opening = tag(f"{prefix}c", [*_kept(held.element), ("t", "inlineStr")])
    return f"<{opening}><{prefix}is>".encode() + inner + f"</{prefix}is></{prefix}c>".encode()


def _forget_results(sheet: BookSheet, edits: Edits) -> bool:
    """Take the stored results of formulas away, which are those of the empty form; return whether there are formulas.

    Programmes that don't reckon show nothing then, which is better than what was true of other numbers. Formulas that
    ask other files keep theirs, since nobody could reckon them anew.
    """
    found = False
    for held in sheet.cells.values():
        formula, value = held.formula, held.value
        if formula is None:
            continue
        found = True
        if value is not None and formula.attributes.get("t") != "dataTable" and not _OTHER_FILE.search(formula.text):
            edits.put(value.start, value.end, b"")
    return found


def _recalculated(markup: Markup) -> bytes:
    """Return the workbook's part with the wish that everything is reckoned when it is opened."""
    edits = Edits()
    told = next(iter(markup.named("calcPr")), None)
    if told is not None:
        kept = [(key, text) for key, text in told.attributes.items() if key != "fullCalcOnLoad" and " " not in key]
        name = f"{markup.prefix(told)}calcPr"
        edits.put(told.start, told.end, f"<{tag(name, [*kept, ('fullCalcOnLoad', '1')])}/>")
    else:
        before = [one for one in markup.elements if one.name in _BEFORE_CALCULATION][-1]
        edits.put(before.end, before.end, f'<{markup.prefix(before)}calcPr fullCalcOnLoad="1"/>')
    return edits.apply(markup.data)
