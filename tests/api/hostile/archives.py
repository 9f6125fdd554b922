"""Archives and workbooks that unpack to more, to elsewhere, or to something else than they say."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import xlsxwriter

from tests.api.hostile.bait import HEAD, ROW, Bait, Hostile, as_bytes
from tests.gis_service.surveys.hostile import LAUGHS, archive, encrypted, said_to_unpack_to, symbolic_link

KML = "<kml><Placemark><Point><coordinates>120.9952,30.7040</coordinates></Point></Placemark></kml>"
_SHEET = "xl/worksheets/sheet1.xml"
_WITH_CELLS = {"xl/sharedStrings.xml", _SHEET}
_ROWS = [HEAD.split(","), ["LJ901", "东区投放点", "定时定点", 6, 120.9952, 30.7040]]


def workbook(change: Callable[[Any, Any], None] = lambda _book, _sheet: None) -> bytes:
    """A workbook of one good row, with a change to it and its sheet."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(_ROWS):
            sheet.write_row(number, 0, row)
        change(book, sheet)
    return made.getvalue()


def _with_parts(parts: Mapping[str, str | bytes], book: bytes | None = None) -> bytes:
    """A workbook of which parts are replaced or added."""
    with zipfile.ZipFile(io.BytesIO(book or workbook())) as packed:
        members: dict[str, str | bytes] = {name: packed.read(name) for name in packed.namelist()}
    return archive({**members, **parts})


def _replaced(part: str, old: str, new: str, book: bytes | None = None) -> bytes:
    book = book or workbook()
    with zipfile.ZipFile(io.BytesIO(book)) as packed:
        text = packed.read(part).decode()
    assert old in text
    return _with_parts({part: text.replace(old, new, 1)}, book)


def _doctype(part: str, entities: str) -> Callable[[Bait], bytes]:
    """A workbook in which a part declares entities and uses one."""

    def make(bait: Bait) -> bytes:
        with zipfile.ZipFile(io.BytesIO(workbook())) as packed:
            text = packed.read(part).decode()
        root, declared = text.index("<", text.find("?>") + 1), entities.replace("{secret}", str(bait.secret))
        text = f"{text[:root]}<!DOCTYPE x [{declared}]>{text[root:]}".replace("东区投放点", "&l9;")
        return _with_parts({part: text})

    return make


def _overlapping() -> bytes:
    """An archive of which many entries share one packed piece, so that its ratio is hidden from a look at one."""
    packed = archive({"0.csv": b"0" * 20_000_000})
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        directory = packed[opened.start_dir : packed.rindex(b"PK\x05\x06")]
    entries = b"".join(directory.replace(b"0.csv", b"%x.csv" % number) for number in range(16))
    end = packed[packed.rindex(b"PK\x05\x06") :]
    end = end[:8] + (16).to_bytes(2, "little") * 2 + len(entries).to_bytes(4, "little") + end[16:]
    return packed[: packed.index(directory)] + entries + end


def _shared_string(times: int) -> bytes:
    """A workbook in which one long text stands in many cells: small on the disk, vast when it is read."""
    book = workbook()
    with zipfile.ZipFile(io.BytesIO(book)) as packed:
        texts = packed.read("xl/sharedStrings.xml").decode()
        sheet = packed.read(_SHEET).decode()
    signs = random.Random(7)
    long = "".join(chr(signs.randrange(0x4E00, 0x9F00)) for _ in range(32_000))
    cells = "".join(f'<c r="{chr(71 + at)}{{row}}" t="s"><v>7</v></c>' for at in range(19))
    heads = "".join(f'<c r="{chr(71 + at)}1"><v>{at}</v></c>' for at in range(19))
    rows = "".join(f'<row r="{row}">{cells.replace("{row}", str(row))}</row>' for row in range(3, times + 3))
    return _with_parts(
        {
            "xl/sharedStrings.xml": texts.replace("东区投放点", long),
            _SHEET: sheet.replace('</row><row r="2"', f'{heads}</row><row r="2"').replace(
                "</sheetData>", f"{rows}</sheetData>"
            ),
        },
        book,
    )


def _bad_row(_: Any, sheet: Any) -> None:
    sheet.write_row(2, 0, ["LJ902", "x", "定时定点", -4, 120.9953, 30.7041])


def _defined_names(book: Any, _: Any) -> None:
    for number in range(20_000):
        book.define_name(f"name{number}", "=Sheet1!$A$1:$XFD$1048576")


def _formulas(_: Any, sheet: Any) -> None:
    sheet.write_row(2, 0, ["=cmd|'/c calc'!A0", "+SUM(1)", "定时定点", 6, 120.9953, 30.7041])
    sheet.write_formula(2, 1, '=HYPERLINK("http://127.0.0.1/","x")', None, "x")


def _archives() -> Iterator[Hostile]:
    yield Hostile("ratio", "survey.zip", lambda _: archive({"a.csv": b"0" * 60_000_000}), "压缩炸弹")
    yield Hostile("ratio, packed with bzip2", "survey.zip",
                  lambda _: archive({"a.csv": b"0" * 60_000_000}, zipfile.ZIP_BZIP2), "压缩炸弹")  # fmt: skip
    yield Hostile("many members", "survey.zip", lambda _: archive(
        {f"{at}.csv": "" for at in range(70_000)}, zipfile.ZIP_STORED), "70000 个文件")  # fmt: skip
    yield Hostile("an archive inside", "survey.zip",
                  as_bytes(archive({"a.zip": archive({"b.zip": archive({"c.csv": ROW})})})), "还有压缩包")  # fmt: skip
    yield Hostile("an archive inside under another name", "survey.zip",
                  as_bytes(archive({"a.csv": archive({"b.csv": ROW})})), "内容却不是")  # fmt: skip
    yield Hostile("lies small", "survey.zip",
                  lambda _: said_to_unpack_to(archive({"a.csv": b"0" * 50_000_000}), 1000), "解不开")  # fmt: skip
    yield Hostile("lies vast", "survey.zip",
                  as_bytes(said_to_unpack_to(archive({"a.csv": ROW}), 0xFFFFFFF0)), "MB")  # fmt: skip
    yield Hostile("overlapping entries", "survey.zip", lambda _: _overlapping(), "压缩炸弹")
    yield Hostile("a symbolic link", "survey.zip", lambda bait: archive(
        [(symbolic_link("a.csv"), str(bait.secret))]), "符号链接")  # fmt: skip
    for name in ("../../a.csv", "/etc/cron.d/a.csv", "C:\\Windows\\a.csv", "..\\..\\a.csv", "a/../../b.csv"):
        yield Hostile(f"a member called {name}", "survey.zip", as_bytes(archive({name: f"{HEAD}\n{ROW}\n"})), "包外")
    yield Hostile("a password", "survey.zip", as_bytes(encrypted(archive({"a.csv": ROW}))), "密码")
    yield Hostile("cut off", "survey.zip", as_bytes(archive({"a.csv": ROW * 500})[:-30]), "已损坏")
    yield Hostile("no more than an end", "survey.zip", as_bytes(b"PK\x05\x06" + b"\0" * 18), "没有 .shp")
    yield Hostile("two documents", "survey.kmz", as_bytes(archive({"a.kml": KML, "b.kml": KML})), taken={})
    yield Hostile("a document beside one outside", "survey.kmz",
                  as_bytes(archive({"doc.kml": KML, "../evil.kml": KML})), "包外")  # fmt: skip
    yield Hostile("ratio", "survey.kmz", lambda _: archive({"doc.kml": b" " * 60_000_000}), "压缩炸弹")


def _workbooks() -> Iterator[Hostile]:
    for part in ("xl/workbook.xml", "xl/sharedStrings.xml", _SHEET, "[Content_Types].xml", "xl/styles.xml"):
        laughs = f'<!ENTITY l0 "ha">{LAUGHS}'
        # Where no cell uses it, an entity does nothing.
        says, taken = ("已损坏", None) if part in _WITH_CELLS else ("", {"added": 1})
        yield Hostile(f"a billion laughs in {part}", "survey.xlsx", _doctype(part, laughs), says, taken)
        yield Hostile(f"an entity of a file in {part}", "survey.xlsx",
                      _doctype(part, '<!ENTITY l9 SYSTEM "file://{secret}">'), says, taken)  # fmt: skip
    yield Hostile("ratio", "survey.xlsx",
                  lambda _: _with_parts({"xl/worksheets/sheet9.xml": b" " * 60_000_000}), "压缩炸弹")  # fmt: skip
    yield Hostile("a member outside", "survey.xlsx", lambda _: _with_parts({"../../a.xml": b" "}), "包外")
    yield Hostile("a sheet that lies elsewhere", "survey.xlsx", lambda _: _replaced(
        "xl/_rels/workbook.xml.rels", "worksheets/sheet1.xml", "../../../etc/passwd"), "没有工作表")  # fmt: skip
    yield Hostile("a dimension of the whole sheet", "survey.xlsx",
                  lambda _: _replaced(_SHEET, 'ref="A1:F2"', 'ref="A1:XFD1048576"'), taken={"added": 1})  # fmt: skip
    yield Hostile("a row beyond every sheet", "survey.xlsx",
                  lambda _: _replaced(_SHEET, '<row r="2"', '<row r="99999999999"'), "空行")  # fmt: skip
    yield Hostile("a million rows", "survey.xlsx", lambda _: _replaced(
        _SHEET, "</sheetData>", "".join(f'<row r="{row}"/>' for row in range(3, 1_000_003)) + "</sheetData>"
    ), taken={"added": 1})  # fmt: skip
    yield Hostile("cells in the last column", "survey.xlsx", lambda _: _replaced(
        _SHEET, "</sheetData>", "".join(f'<row r="{row}"><c r="ZZZ{row}"><v>1</v></c></row>' for row in range(3, 9003))
        + "</sheetData>"), taken={"added": 1})  # fmt: skip
    yield Hostile("one long text in many cells", "survey.xlsx", lambda _: _shared_string(3000), "文字超过")
    yield Hostile("a merge of the whole sheet", "survey.xlsx", lambda _: _replaced(
        _SHEET, "</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        workbook(_bad_row)), taken={"added": 1, "refused": 1})  # fmt: skip
    yield Hostile("names of the whole sheet", "survey.xlsx", lambda _: workbook(_defined_names), taken={"added": 1})
    yield Hostile("formulas that run programs", "survey.xlsx", lambda _: workbook(_formulas),
                  taken={"added": 2})  # fmt: skip
    yield Hostile("a link to another workbook", "survey.xlsx", lambda bait: _with_parts({
        "xl/externalLinks/externalLink1.xml": "<externalLink/>",
        "xl/externalLinks/_rels/externalLink1.xml.rels": f'<Relationships><Relationship Target="{bait.address}"/>'
        "</Relationships>"}), taken={"added": 1})  # fmt: skip


def files() -> Iterator[Hostile]:
    """Yield the files."""
    yield from _archives()
    yield from _workbooks()
