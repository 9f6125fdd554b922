"""Which places of a document can be filled: placeholders, and empty cells of tables beside a label."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gis_service.reports.files.document import TableCell, TextPart, read_document
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import Found, FoundMark, FoundPlace
from gis_service.reports.files.limits import PLACES
from gis_service.reports.files.package import Package

_BRACES: Final = re.compile(rb"\{\{|\xef\xbd\x9b\xef\xbd\x9b")
_NOT_FILLED: Final = ("word/charts/", "word/comments", "word/diagrams/")
_MOST_EMPTY: Final = 500
_LONGEST_LABEL: Final = 60


def find_in_document(package: Package) -> Found:
    """Return the places of a document, and what stands in the way of filling it."""
    parts = read_document(package)
    marks, problems = [], []
    for part in parts:
        for number, (position, passage) in enumerate(part.paragraphs.items(), 1):
            marks += [FoundMark(mark.asked, part.where(position, number)) for mark in passage.marks()]
            if passage.unfinished():
                problems.append(f"{part.where(position, number)}有没写完整的占位符;应写成 {{{{指标}}}}")
    if len(marks) > PLACES:
        msg = f"文档里有 {len(marks):,} 处占位符,最多 {PLACES:,} 处;请分成几份再填"
        raise FormError(msg)
    problems += [
        f"{name} 里的占位符不会填(图表、批注、图示);请把占位符写在正文或表格里"
        for name in package.names()
        if name.endswith(".xml") and name.startswith(_NOT_FILLED) and _BRACES.search(package.read(name))
    ]
    return Found("DOCX", tuple(marks), tuple(_empty(parts[0]))[:_MOST_EMPTY], tuple(problems))


def _empty(body: TextPart) -> Iterator[FoundPlace]:
    labels = {
        (cell.table, cell.row, cell.column): " ".join(body.text(cell).split())
        for cell in body.cells.values()
        if not any(body.paragraphs[at].marks() for at in cell.paragraphs)
    }
    for cell in body.cells.values():
        if body.text(cell).strip() or not cell.paragraphs:
            continue
        beside = tuple(_beside(labels, cell))
        if beside:
            yield FoundPlace(cell.place, cell.at, beside)


def _beside(texts: dict[tuple[int, int, int], str], cell: TableCell) -> Iterator[str]:
    left = [texts.get((cell.table, cell.row, column), "") for column in range(cell.column - 1, 0, -1)]
    above = [texts.get((cell.table, row, cell.column), "") for row in range(cell.row - 1, 0, -1)]
    for texts_on_one_side in (left, above):
        nearest = next((text for text in texts_on_one_side if text), "")
        if nearest:
            yield nearest[:_LONGEST_LABEL]
