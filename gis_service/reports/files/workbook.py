"""A workbook as it is read for filling: sheets, cells, texts and defined names, each with its place in the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gis_service.reports.files.cells import Block, Cell, address_of, block_of, cell_of, meaning_of
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.markup import Element, Markup, read_markup
from gis_service.reports.files.package import AGAIN, Package
from gis_service.reports.files.passages import Passage

_SHEET: Final = frozenset({"sheetData", "row", "c", "v", "f", "is", "t", "rPh", "mergeCell"})
_BOOK: Final = frozenset({
    "workbook", "sheets", "sheet", "functionGroups", "externalReferences", "definedNames", "definedName", "calcPr",
})  # fmt: skip
_TEXTS: Final = frozenset({"sst", "si", "t", "rPh"})


@dataclass(slots=True)
class BookCell:
    """A cell that the sheet holds.

    Attributes
    ----------
    kind
        As its ``t`` says: ``n``, ``s``, ``inlineStr``, ``str``, ``b``, ``e`` or ``d``.
    passage
        Its text with its places, where it is a text and not a formula's.
    item
        The shared text that it is, where it is one.
    """

    element: Element
    kind: str = "n"
    value: Element | None = None
    formula: Element | None = None
    passage: Passage | None = None
    item: Element | None = None

    @property
    def text(self) -> str:
        """What the cell shows, numbers as they are stored."""
        if self.passage is not None:
            return self.passage.text
        return self.value.text if self.value is not None else ""


@dataclass
class BookRow:
    """A row that the sheet holds, and the numbers of the columns of its cells in their order."""

    element: Element
    columns: list[int] = field(default_factory=list)


@dataclass
class BookSheet:
    """A sheet; ``data`` is the element around its rows."""

    title: str
    part: str
    markup: Markup
    data: Element
    rows: dict[int, BookRow]
    cells: dict[Cell, BookCell]
    merged: list[Block]

    def shown(self, cell: Cell) -> Cell:
        """Return the cell that shows what is in a cell: of merged ones the first."""
        row, column = cell
        for first_row, first_column, last_row, last_column in self.merged:
            if first_row <= row <= last_row and first_column <= column <= last_column:
                return first_row, first_column
        return cell

    def place(self, cell: Cell) -> str:
        """Return a cell's whole address."""
        return f"{self.title}!{address_of(cell)}"


@dataclass
class Workbook:
    """A workbook; ``names`` are the defined names that stand for one cell or one merged block."""

    package: Package
    markup: Markup
    sheets: list[BookSheet]
    strings: Markup | None
    names: dict[str, tuple[BookSheet, Cell]]

    def cell_of(self, place: str) -> tuple[BookSheet, Cell] | None:
        """Return where a place is: a defined name, or a sheet's title and an address; None where it is neither."""
        if place in self.names:
            return self.names[place]
        title, _, address = place.rpartition("!")
        cell = cell_of(address)
        # With its quotation marks as a formula writes it, or without them.
        plain = title[1:-1].replace("''", "'") if title[:1] == title[-1:] == "'" else title
        sheet = next((one for one in self.sheets if one.title in {title, plain}), None)
        return (sheet, sheet.shown(cell)) if sheet and cell else None


def read_workbook(package: Package) -> Workbook:
    """Read a workbook.

    Raises
    ------
    FormError
        It is broken, or too large.
    """
    markup = read_markup(package.read(package.main), package.main, _BOOK, texts={"definedName"})
    strings, items = _strings(package)
    related = package.related(package.main)
    sheets: list[BookSheet] = []
    positions: dict[int, BookSheet] = {}
    for position, element in enumerate(markup.named("sheet")):
        identifier = next((value for key, value in element.attributes.items() if key.endswith("relationships id")), "")
        kind, part = related.get(identifier, ("", ""))
        if kind == "worksheet":
            sheet = _sheet(element.attributes.get("name", ""), part, package.read(part), items)
            sheets.append(sheet)
            positions[position] = sheet
    if not sheets:
        msg = f"表里没有工作表;{AGAIN}"
        raise FormError(msg)
    book = Workbook(package, markup, sheets, strings, {})
    book.names = dict(_names(markup, sheets, positions))
    return book


def _strings(package: Package) -> tuple[Markup | None, list[tuple[Element, Passage]]]:
    parts = package.by_kind(package.main, "sharedStrings")
    if not parts:
        return None, []
    markup = read_markup(package.read(parts[0]), parts[0], _TEXTS, texts={"t"})
    items: list[tuple[Element, Passage]] = []
    for element in markup.elements:
        if element.name == "si":
            items.append((element, Passage(markup, [])))
        elif element.name == "t" and items and not _spoken(markup, element):
            items[-1][1].leaves.append(element)
    return markup, items


def _spoken(markup: Markup, element: Element) -> bool:
    """Say whether a text tells only how another one is spoken."""
    return element.parent >= 0 and markup.elements[element.parent].name == "rPh"


def _sheet(title: str, part: str, data: bytes, items: list[tuple[Element, Passage]]) -> BookSheet:
    markup = read_markup(data, part, _SHEET, texts={"v", "f", "t"})
    held = next(iter(markup.named("sheetData")), None)
    if held is None:
        msg = f"工作表“{title[:40]}”已损坏,打不开;{AGAIN}"
        raise FormError(msg)
    sheet = BookSheet(title, part, markup, held, {}, {}, [])
    cells: dict[int, BookCell] = {}
    row = column = 0
    for at, element in enumerate(markup.elements):
        if element.name == "row":
            row, column = _number(element.attributes.get("r"), row + 1), 0
            sheet.rows[row] = BookRow(element)
        elif element.name == "c":
            # Both may be left out, and then they follow what was before.
            found = cell_of(element.attributes["r"]) if "r" in element.attributes else None
            column = found[1] if found else column + 1
            cells[at] = sheet.cells[row, column] = BookCell(element, element.attributes.get("t", "n"))
            if row in sheet.rows:
                sheet.rows[row].columns.append(column)
        elif element.name == "mergeCell":
            block = block_of(element.attributes.get("ref", ""))
            sheet.merged += [block] if block else []
        else:
            _put(cells, markup, element)
    for cell in cells.values():
        if cell.kind == "s" and cell.value is not None and cell.formula is None:
            number = _number(cell.value.text, -1)
            if 0 <= number < len(items):
                cell.item, cell.passage = items[number]
    return sheet


def _put(cells: dict[int, BookCell], markup: Markup, element: Element) -> None:
    """Put a part of a cell to its cell."""
    parent = element.parent
    if element.name == "t":
        if _spoken(markup, element):
            return
        while parent >= 0 and markup.elements[parent].name != "c":
            parent = markup.elements[parent].parent
    cell = cells.get(parent)
    if cell is None:
        return
    if element.name == "v":
        cell.value = element
    elif element.name == "f":
        cell.formula = element
    elif element.name in {"is", "t"} and cell.kind == "inlineStr":
        cell.passage = cell.passage or Passage(markup, [])
        cell.passage.leaves += [element] if element.name == "t" else []


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.strip().isdecimal() else otherwise


def _names(
    markup: Markup, sheets: list[BookSheet], positions: dict[int, BookSheet]
) -> Iterator[tuple[str, tuple[BookSheet, Cell]]]:
    titles = {sheet.title: sheet for sheet in sheets}
    for element in markup.named("definedName"):
        name, meaning = element.attributes.get("name", ""), meaning_of(element.text)
        if meaning is None or name.startswith("_xlnm.") or element.attributes.get("hidden") in {"1", "true"}:
            continue
        sheet, block = titles.get(meaning[0]), meaning[1]
        if sheet is None or not (block[:2] == block[2:] or block in sheet.merged):
            continue
        # A name of one sheet is told from the same name of another one by the sheet.
        own = positions.get(_number(element.attributes.get("localSheetId"), -1))
        yield (f"{own.title}!{name}" if own else name), (sheet, sheet.shown((block[0], block[1])))
