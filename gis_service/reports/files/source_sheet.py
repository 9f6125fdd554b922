"""The sheet 出处 of a filled workbook: for every place its figure, its value and the question behind it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from gis_service.exports.spreadsheet import text_width
from gis_service.reports.files.cells import address_of, stored
from gis_service.reports.files.found import LINKED, Source
from gis_service.reports.files.markup import Edits, escaped, quoted, read_markup, tag
from gis_service.reports.files.package import Package, relations_of

TITLE: Final = "出处"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WORKSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_WIDTHS: Final = (24, 32, 14, 8, 12, 12, 70, 50)
_LINE_PT: Final = 15
_BOLD: Final = "<rPr><b/></rPr>"
_RED: Final = '<rPr><b/><color rgb="FFB3261E"/></rPr>'


def add_source_sheet(package: Package, source: Source) -> None:
    """Add the sheet at the end of the workbook, under a name that no other sheet has."""
    book = read_markup(
        package.changed.get(package.main) or package.read(package.main), package.main, {"sheets", "sheet"}
    )  # fmt: skip
    taken = {one.attributes.get("name", "").casefold() for one in book.named("sheet")}
    title = next(name for name in (TITLE, *(f"{TITLE}{number}" for number in range(2, 10_000))) if name not in taken)
    folder = package.main.rpartition("/")[0]
    part = _free(package, f"{folder}/worksheets/report_source")
    space = book.root[0]
    strict = "purl.oclc.org" in space
    related = (
        "http://purl.oclc.org/ooxml/officeDocument/relationships"
        if strict
        else "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    )
    content, addresses = _sheet(space, related, source, _wrapping_style(package))
    package.add(part, content.encode(), _WORKSHEET)
    if addresses:
        package.added[relations_of(part)] = _links(related, addresses)
    identifier = package.relate(package.main, "worksheet", part)
    number = 1 + max((int(one.attributes.get("sheetId", "0") or 0) for one in book.named("sheet")), default=0)
    name = f"{book.prefix(book.named('sheets')[0])}sheet"
    values = (("xmlns:repr", related), ("name", title), ("sheetId", str(number)), ("repr:id", identifier))
    edits = Edits()
    end = book.named("sheets")[0].outside
    edits.put(end, end, f"<{tag(name, values)}/>")
    package.changed[package.main] = edits.apply(book.data)


def _free(package: Package, stem: str) -> str:
    names = set(package.names())
    return next(name for number in range(1, 10_000) if (name := f"{stem}{number}.xml".lstrip("/")) not in names)


def _links(related: str, addresses: list[str]) -> bytes:
    listed = "".join(
        f"<{tag('Relationship', _link(related, number, address))}/>" for number, address in enumerate(addresses, 1)
    )
    space = quoted("http://schemas.openxmlformats.org/package/2006/relationships")
    return f"{_DECLARATION}<Relationships xmlns={space}>{listed}</Relationships>".encode()


def _link(related: str, number: int, address: str) -> tuple[tuple[str, str], ...]:
    return ("Id", f"rId{number}"), ("Type", f"{related}/hyperlink"), ("Target", address), ("TargetMode", "External")


def _wrapping_style(package: Package) -> int:
    """Add a style to the workbook's whose long texts stand on several lines; return its number, 0 without styles."""
    parts = package.by_kind(package.main, "styles")
    if not parts:
        return 0
    styles = read_markup(package.read(parts[0]), parts[0], {"cellXfs", "xf"})
    held = next((at for at, element in enumerate(styles.elements) if element.name == "cellXfs"), None)
    if held is None or styles.is_empty(styles.elements[held]):
        return 0
    around, prefix = styles.elements[held], styles.prefix(styles.elements[held])
    number = sum(element.parent == held for element in styles.elements)
    values = (("numFmtId", "0"), ("fontId", "0"), ("fillId", "0"), ("borderId", "0"), ("applyAlignment", "1"))
    style = (
        f'<{tag(f"{prefix}xf", values)}><{prefix}alignment vertical="top" wrapText="1"/></{prefix}xf></{prefix}cellXfs>'
    )
    kept = [(key, text) for key, text in around.attributes.items() if key != "count" and " " not in key]
    edits = Edits()
    edits.put(around.start, around.inside, f"<{tag(f'{prefix}cellXfs', [*kept, ('count', str(number + 1))])}>")
    edits.put(around.outside, around.end, style)
    package.changed[parts[0]] = edits.apply(styles.data)
    return number


def _sheet(space: str, related: str, source: Source, wrapping: int) -> tuple[str, list[str]]:
    """Return the sheet, and the addresses that it leads to in the order of their identifiers."""
    rows: list[str] = []
    addresses: list[str] = []

    def add(*cells: str, lines: int = 1) -> int:
        height = f' ht="{lines * _LINE_PT}" customHeight="1"' if lines > 1 else ""
        rows.append(f'<row r="{len(rows) + 1}"{height}>{"".join(cells)}</row>')
        return len(rows)

    def text(column: int, said: str, run: str = "", style: int = 0) -> str:
        inner = f'<t xml:space="preserve">{escaped(said)}</t>'
        address = address_of((len(rows) + 1, column))
        return f'<c r="{address}" s="{style}" t="inlineStr"><is>{f"<r>{run}{inner}</r>" if run else inner}</is></c>'

    add(text(1, TITLE, _BOLD))
    for line in source.lines:
        add(text(1, line))
    for line in source.warnings:
        add(text(1, line, _RED))
    add()
    add(*(text(column, said, _BOLD) for column, said in enumerate(source.head, 1)))
    links = []
    for values, link in zip(source.rows, source.links, strict=True):
        at = add(*(
            text(column, value, style=wrapping) if isinstance(value, str)
            else f'<c r="{address_of((len(rows) + 1, column))}" s="{wrapping}"><v>{stored(value)}</v></c>'
            for column, value in enumerate(values, 1) if value is not None and value != ""
        ), lines=_lines(values) if wrapping else 1)  # fmt: skip
        place = _inside(str(values[0]))
        if place:
            links.append(f'<hyperlink ref="A{at}" location={quoted(place)}/>')
        if link:
            addresses.append(link)
            column = address_of((at, source.head.index(LINKED) + 1))
            links.append(f'<hyperlink ref="{column}" r:id="rId{len(addresses)}"/>')
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(_WIDTHS, 1)
    )
    linked = f"<hyperlinks>{''.join(links)}</hyperlinks>" if links else ""
    spaces = f"xmlns={quoted(space)} xmlns:r={quoted(related)}"
    # Printed on the width of one page, however many places there are.
    before = '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
    linked += '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/>'
    inner = f"{before}<cols>{columns}</cols><sheetData>{''.join(rows)}</sheetData>{linked}"
    return f"{_DECLARATION}<worksheet {spaces}>{inner}</worksheet>", addresses


def _lines(values: Sequence[str | float | None]) -> int:
    """Return on how many lines a row stands; programmes don't all find out by themselves."""
    texts = zip((value if isinstance(value, str) else "" for value in values), _WIDTHS, strict=True)
    return max(math.ceil(text_width(text) / (width - 2)) for text, width in texts) or 1


def _inside(place: str) -> str:
    """Return a place as a link inside of the workbook, or "" where it is no cell."""
    title, _, address = place.rpartition("!")
    return f"'{title.replace(chr(39), chr(39) * 2)}'!{address}" if re.fullmatch(r"[A-Z]{1,3}\d+", address) else ""
