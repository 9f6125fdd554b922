"""Forms as a superior's office makes them: a workbook by openpyxl, a document written as Word writes it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import xlsxwriter

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DOCUMENT_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
EMPTY = "<w:p><w:pPr><w:rPr><w:i/></w:rPr></w:pPr></w:p>"
SHEET = "一'二 月报"
"""A sheet's title with what must be quoted in references."""


def monthly(path: Path, **cells: str) -> Path:
    """Write a monthly form as Excel does: a merged title, formats, a sentence, a formula, a chart, a name, a label.

    Parameters
    ----------
    cells
        Further texts and formulas by address.
    """
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.merge_range("A1:D1", "{{about/社区名称}}隐患月报", book.add_format({"bold": True, "font_size": 18}))
        texts = {
            "A2": "填报日期", "B2": "{{填报/计算日}}", "A3": "未办结", "A5": "两项之和", "B5": "=B3+C7",
            "A4": "全社区 {{hazards/未办结}} 起,其中超期 {{隐患 / 已超期}} 起,A<B&C",
            "A8": "未办结的重大隐患(件)", **cells,
        }  # fmt: skip
        for address, value in texts.items():
            (sheet.write_formula if value.startswith("=") else sheet.write_string)(address, value)
        sheet.write("B3", "{{hazards/未办结}}", book.add_format({"num_format": '#,##0" 起"', "bg_color": "#FFFF00"}))
        sheet.write_blank("B8", None, book.add_format({"left": 1}))
        sheet.conditional_format("B3", {"type": "cell", "criteria": ">", "value": 100, "format": book.add_format()})
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": [SHEET, 2, 1, 2, 1]})
        sheet.insert_chart("F2", chart)
        # The cell isn't written yet, nor is its row.
        book.define_name("租户数", "='一''二 月报'!$C$7")
        book.add_worksheet("附表").write("A1", "不动")
    return path


def paragraph(*runs: str) -> str:
    """Return a paragraph of runs, the second of which is bold."""
    fonts = ("", "<w:rPr><w:b/></w:rPr>", "")
    written = "".join(
        f"<w:r>{fonts[number % 3]}<w:t>{text}</w:t></w:r><w:proofErr w:type='spellStart'/>"
        for number, text in enumerate(runs)
    )
    return f"<w:p>{written}</w:p>"


def table(*rows: tuple[str, ...]) -> str:
    """Return a table; an empty text makes a cell with an empty paragraph."""
    lines = []
    for row in rows:
        cells = "".join(
            f"<w:tc>{paragraph(text) if text else '<w:p><w:pPr><w:rPr><w:i/></w:rPr></w:pPr></w:p>'}</w:tc>"
            for text in row
        )
        lines.append(f"<w:tr>{cells}</w:tr>")
    columns = "".join("<w:gridCol w:w='2000'/>" for _ in rows[0])
    properties = "<w:tblPr><w:tblW w:w='0' w:type='auto'/></w:tblPr>"
    return f"<w:tbl>{properties}<w:tblGrid>{columns}</w:tblGrid>{''.join(lines)}</w:tbl>"


def document(path: Path, body: str, *, header: str = "", **parts: bytes) -> Path:
    """Write a document with a body, a page header and further parts (``name__xml`` for ``name.xml``)."""
    related = f'<Relationship Id="rId1" Type="{RELATED}/header" Target="header1.xml"/>' if header else ""
    settings = "<w:headerReference w:type='default' r:id='rId1'/>" if header else ""
    spaces = f'xmlns:w="{W}" xmlns:r="{RELATED}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    declared = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    held = {
        "[Content_Types].xml": f'{declared}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{DOCUMENT_TYPE}"/>'
        '<Override PartName="/word/header1.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml"/></Types>',
        "_rels/.rels": f'{declared}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{RELATED}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f"{declared}<w:document {spaces} mc:Ignorable=''><w:body>{body}"
        f"<w:sectPr>{settings}<w:pgSz w:w='11906' w:h='16838'/></w:sectPr></w:body></w:document>",
        "word/_rels/document.xml.rels": f'{declared}<Relationships xmlns="{PACKAGE}/relationships">{related}'
        "</Relationships>",
        "word/header1.xml": f"{declared}<w:hdr {spaces}>{header or '<w:p/>'}</w:hdr>",
        "docProps/custom.bin": "\x00\x01 whatever",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, content)
        for name, raw in parts.items():
            archive.writestr(name.replace("__", "."), raw)
    return path


def members(path: Path) -> dict[str, bytes]:
    """Return the parts of a form."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
