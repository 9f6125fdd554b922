"""A Word document as it is read for filling: paragraphs and cells of tables, each with its place in the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gis_service.reports.files.markup import Element, Markup, read_markup
from gis_service.reports.files.package import Package
from gis_service.reports.files.passages import Passage

SPACES: Final = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_WANTED: Final = frozenset({"document", "body", "p", "pPr", "rPr", "r", "t", "tbl", "tr", "tc", "sectPr"})
_KINDS: Final = {"header": "页眉", "footer": "页脚", "footnotes": "脚注", "endnotes": "尾注"}


@dataclass
class TableCell:
    """A cell of a table: its place by table, row and column, and its paragraphs as positions among the elements."""

    table: int
    row: int
    column: int
    paragraphs: list[int] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The place as a mapping names it."""
        return f"表{self.table}!R{self.row}C{self.column}"

    @property
    def at(self) -> str:
        """The place as people say it."""
        return f"表 {self.table} 第 {self.row} 行第 {self.column} 列"


@dataclass
class TextPart:
    """A part with text of the document: its body, a page header, the footnotes.

    Attributes
    ----------
    paragraphs
        By position among the elements, in their order; what stands in a text box belongs to the paragraphs in it.
    cells
        Of the tables, by the position of their element.
    """

    name: str
    title: str
    markup: Markup
    paragraphs: dict[int, Passage]
    cells: dict[int, TableCell]

    def where(self, paragraph: int, number: int) -> str:
        """Return where a paragraph is, as people say it."""
        around = self.markup.elements[paragraph].parent
        while around >= 0 and around not in self.cells:
            around = self.markup.elements[around].parent
        return self.cells[around].at if around >= 0 else f"{self.title}第 {number} 段"

    def text(self, cell: TableCell) -> str:
        """Return the text of a cell."""
        return "\n".join(self.paragraphs[at].text for at in cell.paragraphs)


def read_document(package: Package) -> list[TextPart]:
    """Read a document's parts, the body first; FormError when one is broken or too large."""
    parts = [(package.main, "正文")]
    for kind, name in package.related(package.main).values():
        if kind in _KINDS and (name, _KINDS[kind]) not in parts:
            parts.append((name, _KINDS[kind]))
    return [_part(name, title, package.read(name)) for name, title in parts]


def _part(name: str, title: str, data: bytes) -> TextPart:
    markup = read_markup(data, name, _WANTED, texts={"t"}, spaces=SPACES)
    part = TextPart(name, title, markup, {}, {})
    tables: dict[int, int] = {}
    rows: dict[int, int] = {}
    columns: dict[int, int] = {}
    for at, element in enumerate(markup.elements):
        parent = element.parent
        if element.name == "p":
            part.paragraphs[at] = Passage(markup, [])
            if parent in part.cells:
                part.cells[parent].paragraphs.append(at)
        elif element.name == "t":
            paragraph = next((one for one in _around(markup, element) if one in part.paragraphs), None)
            if paragraph is not None:
                part.paragraphs[paragraph].leaves.append(element)
        elif element.name == "tbl":
            tables[at] = len(tables) + 1
        elif element.name == "tr" and parent in tables:
            rows[parent] = rows.get(parent, 0) + 1
            columns[at] = 0
        elif element.name == "tc" and parent in columns:
            columns[parent] += 1
            table = markup.elements[parent].parent
            part.cells[at] = TableCell(tables[table], rows[table], columns[parent])
    return part


def _around(markup: Markup, element: Element) -> Iterator[int]:
    """Yield the positions of the listed elements around one, the nearest first."""
    at = element.parent
    while at >= 0:
        yield at
        at = markup.elements[at].parent
