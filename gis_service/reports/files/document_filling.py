"""Filling a document: values where the placeholders stood, and a table at its end that says where they are from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gis_service.reports.files.cells import stored
from gis_service.reports.files.document import TableCell, TextPart, read_document
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import LINKED, Filling, Source, Value
from gis_service.reports.files.markup import Edits, escaped, quoted
from gis_service.reports.files.package import AGAIN, Package

_TITLE: Final = "出处"
_WIDTH: Final = 9000
"""Of the table, in twentieths of a point: as wide as the text of an A4 page."""
_SHARES: Final = {"位置": 12, "指标": 18, "数": 8, "单位": 7, "计算日": 10, "数据日期": 10, "口径": 20, LINKED: 15}
_BORDERS: Final = ("top", "left", "bottom", "right", "insideH", "insideV")


def fill_document(package: Package, filling: Filling) -> bytes:
    """Return the filled document.

    Raises
    ------
    FormError
        A place isn't there, or holds a text.
    """
    parts = read_document(package)
    texts = {key: value.text for key, value in filling.marks.items()}
    for part in parts:
        edits = Edits()
        for passage in part.paragraphs.values():
            passage.fill(texts, edits)
        if part is parts[0]:
            _fill_cells(part, filling.places, edits)
            _append_source(part, filling.source, edits)
        if edits:
            package.changed[part.name] = edits.apply(part.markup.data)
    return package.write()


def _fill_cells(body: TextPart, places: dict[str, Value], edits: Edits) -> None:
    cells = {cell.place: cell for cell in body.cells.values()}
    for place, value in places.items():
        cell = cells.get(place.replace(" ", ""))
        if cell is None or not cell.paragraphs:
            msg = f"文档里没有“{place[:80]}”这个位置(应写成 表1!R2C3:第 1 个表第 2 行第 3 列);请核对对照表"
            raise FormError(msg)
        if body.text(cell).strip():
            msg = f"{cell.at}里已有文字“{body.text(cell).strip()[:40]}”,填了会盖掉;请先清空这一格,或改位置"
            raise FormError(msg)
        _fill_cell(body, cell, value, edits)


def _fill_cell(body: TextPart, cell: TableCell, value: Value, edits: Edits) -> None:
    """Put a run into the first paragraph of a cell, in the font that the paragraph has for its end."""
    markup = body.markup
    at = cell.paragraphs[0]
    paragraph, prefix = markup.elements[at], markup.prefix(markup.elements[at])
    font = b""
    for position, element in enumerate(markup.elements[at + 1 :], at + 1):
        if element.start >= paragraph.end:
            break
        if element.name == "rPr" and markup.elements[element.parent].name == "pPr" and position > at:
            font = markup.data[element.start : element.end]
            break
    run = f"<{prefix}r>".encode() + font + f"<{prefix}t>{escaped(value.text)}</{prefix}t></{prefix}r>".encode()
    if markup.is_empty(paragraph):
        opening = markup.data[paragraph.start : paragraph.end].removesuffix(b"/>").rstrip()
        edits.put(paragraph.start, paragraph.end, opening + b">" + run + f"</{prefix}p>".encode())
    else:
        edits.put(paragraph.outside, paragraph.outside, run)


def _append_source(body: TextPart, source: Source, edits: Edits) -> None:
    """Put a page with the sources before the settings of the last section, which must stay the last thing."""
    markup = body.markup
    held = next((at for at, element in enumerate(markup.elements) if element.name == "body"), None)
    if held is None or markup.is_empty(markup.elements[held]):
        msg = f"文档里没有正文;{AGAIN}"
        raise FormError(msg)
    last = [one for one in markup.elements if one.name == "sectPr" and one.parent == held]
    place = last[-1].start if last else markup.elements[held].outside
    edits.put(place, place, _written(markup.root[0], source))


def _written(space: str, source: Source) -> str:
    named = f"xmlns:w={quoted(space)}"
    pieces = [_paragraph(_TITLE, named, bold=True, new_page=True)]
    pieces += [_paragraph(line, named) for line in source.lines]
    pieces += [_paragraph(line, named, bold=True, colour="B3261E") for line in source.warnings]
    widths = [_WIDTH * _SHARES.get(title, 10) // 100 for title in source.head]
    borders = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>' for side in _BORDERS)
    rows = [_row(source.head, "", widths, bold=True)]
    rows += [_row(values, link, widths) for values, link in zip(source.rows, source.links, strict=True)]
    pieces.append(
        f'<w:tbl {named}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{borders}</w:tblBorders>'
        f'<w:tblLayout w:type="fixed"/></w:tblPr>'
        f"<w:tblGrid>{''.join(f'<w:gridCol w:w={quoted(str(width))}/>' for width in widths)}</w:tblGrid>"
        f"{''.join(rows)}</w:tbl>"
    )
    # After a table Word wants a paragraph.
    return "".join([*pieces, f"<w:p {named}/>"])


def _row(values: Sequence[str | float | None], link: str, widths: list[int], *, bold: bool = False) -> str:
    cells = []
    for value, width in zip(values, widths, strict=True):
        text = "" if value is None else value if isinstance(value, str) else stored(value)
        cells.append(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
            f"{_paragraph(text, '', bold=bold, link=link if link and text == link else '')}</w:tc>"
        )
    return f"<w:tr>{''.join(cells)}</w:tr>"


def _paragraph(
    text: str, named: str, *, bold: bool = False, colour: str = "", new_page: bool = False, link: str = ""
) -> str:
    style = f'{"<w:b/>" if bold else ""}{f"<w:color w:val={quoted(colour)}/>" if colour else ""}<w:sz w:val="18"/>'
    run = f'<w:r><w:rPr>{style}</w:rPr><w:t xml:space="preserve">{escaped(text)}</w:t></w:r>'
    if link:
        # A field needs no entry in the part's list of links.
        field = f'HYPERLINK "{link}"'
        run = f"<w:fldSimple w:instr={quoted(field)}>{run}</w:fldSimple>"
    settings = "<w:pPr><w:pageBreakBefore/></w:pPr>" if new_page else ""
    return f"<{' '.join(filter(None, ['w:p', named]))}>{settings}{run}</w:p>"
