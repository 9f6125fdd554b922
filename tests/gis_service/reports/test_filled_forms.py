"""Forms filled with given values: everything but the places stays byte for byte, and numbers are numbers."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.workbook.defined_name import DefinedName

from gis_service.reports.figure import spelling_of
from gis_service.reports.files.document_filling import fill_document
from gis_service.reports.files.document_places import find_in_document
from gis_service.reports.files.errors import FormError
from gis_service.reports.files.found import LINKED, Filling, Found, Source, Value
from gis_service.reports.files.limits import FORM_LIMITS
from gis_service.reports.files.package import open_package
from gis_service.reports.files.workbook_filling import fill_workbook
from gis_service.reports.files.workbook_places import find_in_workbook
from tests.gis_service.reports.form_files import EMPTY, SHEET, document, members, monthly, paragraph, table

LINK = "https://map.example/maps/hazards?community=1&on=2026-11-30"
MARKS = {
    "about/社区名称": Value("=1+1"), "填报/计算日": Value("2026年11月30日"), "hazards/未办结": Value("1234", 1234.0),
    "隐患/已超期": Value("0.5", 0.5),
}  # fmt: skip


def source(*warnings: str) -> Source:
    head = ("位置", "指标", "数", "单位", "计算日", "数据日期", "口径", LINKED)
    row = (f"{SHEET}!B3", "hazards/未办结", 1234.0, "起", "2026-11-30", "2026-11-29", "=cmd", LINK)
    return Source(("某社区",), warnings, head, (row,), (LINK,))


def fill(form: Path, marks: dict[str, Value] | None = None, *warnings: str, **places: Value) -> Path:
    """Fill a form in this process, and write it beside itself; tests of the command do it in the child."""
    given = {spelling_of(name): value for name, value in (MARKS if marks is None else marks).items()}
    filling = Filling.of(Filling(given, places, source(*warnings)).plain())
    package = open_package(form, form.name, FORM_LIMITS)
    out = form.with_stem("filled")
    out.write_bytes((fill_workbook if package.format == "XLSX" else fill_document)(package, filling))
    return out


def find(form: Path) -> Found:
    package = open_package(form, form.name, FORM_LIMITS)
    return Found.of((find_in_workbook if package.format == "XLSX" else find_in_document)(package).plain())


def test_a_workbooks_places_are_found(tmp_path: Path) -> None:
    found = find(monthly(tmp_path / "form.xlsx"))
    assert [(mark.asked, mark.at) for mark in found.marks] == [
        ("about/社区名称", f"{SHEET}!A1"), ("填报/计算日", f"{SHEET}!B2"), ("hazards/未办结", f"{SHEET}!B3"),
        ("hazards/未办结", f"{SHEET}!A4"), ("隐患 / 已超期", f"{SHEET}!A4"),
    ]  # fmt: skip
    assert [(place.place, place.at, place.named) for place in found.places] == [
        ("租户数", f"{SHEET}!C7", True), (f"{SHEET}!B8", f"{SHEET}!B8", False),
    ]  # fmt: skip
    assert found.places[1].beside == ("未办结的重大隐患(件)",)
    assert found.problems == ()


def test_a_workbook_is_filled_and_the_rest_stays_byte_for_byte(tmp_path: Path) -> None:
    form = monthly(tmp_path / "form.xlsx")
    filled = fill(form, None, "矛盾:甲乙不符", 租户数=Value("4218", 4218.0), **{f"{SHEET}!B8": Value("2", 2.0)})
    sheet = openpyxl.load_workbook(filled)[SHEET]
    assert (sheet["B3"].value, sheet["B3"].number_format) == (1234, '#,##0" 起"')
    assert sheet["B3"].fill.fgColor.rgb == "FFFFFF00"
    assert sheet["A4"].value == "全社区 1234 起,其中超期 0.5 起,A<B&C"
    # A text that begins like a formula is a text.
    assert sheet["A1"].value == "=1+1隐患月报"
    assert sheet["A1"].data_type != "f"
    assert (sheet["B2"].value, sheet["C7"].value, sheet["B8"].value) == ("2026年11月30日", 4218, 2)
    assert sheet["B8"].border.left.style == "thin"
    assert sheet["B5"].value == "=B3+C7"
    assert [str(block) for block in sheet.merged_cells.ranges] == ["A1:D1"]
    before, after = members(form), members(filled)
    differ = {name for name in before if before[name] != after[name]}
    assert differ == {
        "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml",
        "xl/styles.xml",
    }  # fmt: skip
    assert "xl/charts/chart1.xml" in after
    # Of the sheet only the cells differ, of the styles only one more, and of the workbook one more sheet.
    cells = re.compile(rb"<sheetData>.*</sheetData>", re.DOTALL)
    assert cells.sub(b"", before["xl/worksheets/sheet1.xml"]) == cells.sub(b"", after["xl/worksheets/sheet1.xml"])
    assert b'fullCalcOnLoad="1"' in after["xl/workbook.xml"]


def test_the_source_sheet_says_where_each_number_is_from(tmp_path: Path) -> None:
    filled = fill(monthly(tmp_path / "form.xlsx"), None, "矛盾:甲乙不符")
    book = openpyxl.load_workbook(filled)
    assert book.sheetnames == [SHEET, "附表", "出处"]
    rows = list(book["出处"].iter_rows())
    texts = [cell.value for row in rows for cell in row if cell.value is not None]
    assert {"某社区", "矛盾:甲乙不符", "hazards/未办结", 1234, "2026-11-29", "=cmd"} <= set(texts)
    last = rows[-1]
    assert last[0].hyperlink.location == "'一''二 月报'!B3"
    assert last[-1].hyperlink.target == LINK
    assert all(cell.data_type != "f" for row in rows for cell in row)
    # Filled once more, as a form may be that somebody has already filled.
    again = fill(filled)
    assert openpyxl.load_workbook(again).sheetnames == [SHEET, "附表", "出处", "出处2"]


def test_filling_again_with_other_numbers_changes_the_numbers_only(tmp_path: Path) -> None:
    form = monthly(tmp_path / "form.xlsx")
    first = members(fill(form))
    second = members(fill(form, {**MARKS, "hazards/未办结": Value("88", 88.0)}))
    assert first.keys() == second.keys()
    differ = {name for name in first if first[name] != second[name]}
    assert differ == {"xl/worksheets/sheet1.xml"}
    sheet = second["xl/worksheets/sheet1.xml"].decode().replace(">88<", ">1234<").replace(" 88 起", " 1234 起")
    assert sheet == first["xl/worksheets/sheet1.xml"].decode()


def rewritten(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """Change some bytes of a part."""
    held = members(path)
    assert old in held[part]
    held[part] = held[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return path


def test_a_workbook_of_another_hand_is_filled(tmp_path: Path) -> None:
    """Prefixes, rows and cells without addresses, and rows written as one tag: all of it is allowed."""
    form = monthly(tmp_path / "form.xlsx")
    part = "xl/worksheets/sheet1.xml"
    data = (
        '<?xml version="1.0"?><x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<x:sheetData><x:row><x:c t="inlineStr"><x:is><x:r><x:t>共 {{hazards/</x:t></x:r><x:r><x:rPr><x:b/></x:rPr>'
        '<x:t>未办结}}</x:t></x:r><x:rPh sb="0" eb="1"><x:t>{{not}}</x:t></x:rPh></x:is></x:c>'
        '<x:c t="inlineStr"><x:is><x:t>{{hazards/未办结}}</x:t></x:is></x:c></x:row><x:row r="7" ht="20"/>'
        '<x:row r="9"><x:c r="D9"/></x:row></x:sheetData></x:worksheet>'
    )
    rewritten(form, part, members(form)[part], data.encode())
    assert [mark.at for mark in find(form).marks] == [f"{SHEET}!A1", f"{SHEET}!B1"]
    places = {
        address: Value(str(number), float(number))
        for number, address in enumerate(
            (
                f"{SHEET}!B9",
                f"{SHEET}!E9",
                f"{SHEET}!A8",
                f"{SHEET}!C20",
                f"{SHEET}!A20",
                "'一''二 月报'!A30",
            ),
            1,
        )
    }
    filled = fill(form, None, 租户数=Value("7", 7.0), **places)
    sheet = openpyxl.load_workbook(filled, rich_text=True)[SHEET]
    assert str(sheet["A1"].value) == "共 1234"
    found = {cell.coordinate: cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert {key: value for key, value in found.items() if key != "A1"} == {
        "B1": 1234, "C7": 7, "A8": 3, "B9": 1, "E9": 2, "A20": 5, "C20": 4, "A30": 6,
    }  # fmt: skip
    order = re.findall(rb'<x:c r="([A-Z]+\d+)"', members(filled)[part])
    assert order == [b"C7", b"A8", b"B9", b"D9", b"E9", b"A20", b"C20", b"A30"]


def test_what_formulas_gave_for_the_empty_form_is_taken_away(tmp_path: Path) -> None:
    """Otherwise a programme that doesn't reckon would show the sum of other numbers."""
    form = monthly(tmp_path / "form.xlsx", C5="=[1]甲!A1")
    part = "xl/worksheets/sheet1.xml"
    assert b"<f>B3+C7</f><v>0</v>" in members(form)[part]
    rewritten(form, part, "<f>[1]甲!A1</f><v>0</v>".encode(), "<f>[1]甲!A1</f><v>5</v>".encode())
    rewritten(form, "xl/workbook.xml", b'<calcPr calcId="124519" fullCalcOnLoad="1"/>', b"")
    filled = members(fill(form))
    assert b"<f>B3+C7</f></c>" in filled[part]
    # What another file gave can't be reckoned anew.
    assert "<f>[1]甲!A1</f><v>5</v>".encode() in filled[part]
    assert re.search(rb'</definedNames><calcPr fullCalcOnLoad="1"/>', filled["xl/workbook.xml"])


def test_a_table_of_the_form_sums_what_was_filled(tmp_path: Path) -> None:
    form = tmp_path / "form.xlsx"
    with xlsxwriter.Workbook(form) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.add_table("A1:B3", {"name": "Tab1", "columns": [{"header": "项"}, {"header": "数"}]})
        sheet.write("B2", "{{hazards/未办结}}")
        sheet.write_formula("D1", "=SUM(Tab1[数])", None, 7)
        sheet.write_formula("D2", "=[1]别的!A1", None, 9)
    filled = members(fill(form, {"hazards/未办结": Value("1234", 1234.0)}))
    cells = filled["xl/worksheets/sheet1.xml"].decode()
    assert re.search(r'r="D1"[^>]*><f>SUM\(Tab1\[数\]\)</f></c>', cells), cells
    assert re.search(r'r="D2"[^>]*><f>\[1\]别的!A1</f><v>9</v></c>', cells), cells
    assert 'fullCalcOnLoad="1"' in filled["xl/workbook.xml"].decode()


def test_a_percentage_in_a_cell_of_percent_shows_as_it_is(tmp_path: Path) -> None:
    form = tmp_path / "form.xlsx"
    with xlsxwriter.Workbook(form) as book:
        sheet = book.add_worksheet(SHEET)
        for row, shape in enumerate(("0.0%", "0%", "0.0", '0.00" %"')):
            sheet.write_string(row, 0, "{{hazards/占比}}", book.add_format({"num_format": shape}))
        sheet.write_string(4, 0, "{{hazards/未办结}}", book.add_format({"num_format": "0%"}))
    filled = fill(form, {"hazards/占比": Value("83.2", 83.2, percent=True), "hazards/未办结": Value("5", 5.0)})
    column = [row[0].value for row in openpyxl.load_workbook(filled)[SHEET].iter_rows(max_col=1)]
    # The last but one only writes the sign behind the number; what is no percentage stays what it is.
    assert column == [0.832, 0.832, 83.2, 83.2, 5]


def test_shared_texts_keep_their_runs_and_how_they_are_spoken(tmp_path: Path) -> None:
    form = monthly(tmp_path / "form.xlsx")
    spoken = '<rPh sb="0" eb="1"><t>{{x/y}}</t></rPh>'
    runs = f"<si><r><t>甲{{{{hazards/</t></r><r><rPr><b/></rPr><t>未办结}}}}乙</t></r>{spoken}</si>"
    rewritten(form, "xl/sharedStrings.xml", "<si><t>填报日期</t></si>".encode(), runs.encode())
    assert [mark.asked for mark in find(form).marks if mark.at == f"{SHEET}!A2"] == ["hazards/未办结"]
    written = members(fill(form))["xl/worksheets/sheet1.xml"].decode()
    assert f"<is><r><t>甲1234</t></r><r><rPr><b/></rPr><t>乙</t></r>{spoken}</is>" in written


def test_a_name_stands_for_one_cell_or_one_merged_block(tmp_path: Path) -> None:
    form = monthly(tmp_path / "form.xlsx")
    book = openpyxl.load_workbook(form)
    book["附表"].merge_cells("B2:C3")
    for name, meaning in (("合并", "附表!$B$2:$C$3"), ("几格", "附表!$B$5:$C$5"), ("常数", "3"), ("没有", "没有!$A$1")):
        book.defined_names[name] = DefinedName(name, attr_text=meaning)
    book["附表"].defined_names["本表"] = DefinedName("本表", attr_text="附表!$D$4")
    book["附表"].print_area = "A1:B2"
    book.save(form)
    named = {place.place: place.at for place in find(form).places if place.named}
    assert named == {"租户数": f"{SHEET}!C7", "合并": "附表!B2", "附表!本表": "附表!D4"}
    filled = fill(form, None, 合并=Value("3", 3.0), **{"附表!本表": Value("4", 4.0)})
    sheet = openpyxl.load_workbook(filled)["附表"]
    assert (sheet["B2"].value, sheet["D4"].value, sheet["A1"].value) == (3, 4, "不动")
    # A cell that a merged one covers shows nothing: what is meant for it goes where it is seen.
    filled = fill(form, None, **{"附表!C3": Value("5", 5.0)})
    assert openpyxl.load_workbook(filled)["附表"]["B2"].value == 5


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (f"{SHEET}!B5", "是公式,不能填"),
        (f"{SHEET}!A2", "已有文字“填报日期”"),
        ("没有的名称", "没有“没有的名称”这个位置"),
        (f"{SHEET}!C7", "填了两次"),
        ("附表!A0", "没有“附表!A0”这个位置"),
    ],
)
def test_a_place_that_cannot_be_filled_is_said(tmp_path: Path, place: str, said: str) -> None:
    form = monthly(tmp_path / "form.xlsx")
    with pytest.raises(FormError, match=said):
        fill(form, None, 租户数=Value("1", 1.0), **{place: Value("2", 2.0)})


def test_placeholders_that_differ_by_a_number_get_values_of_their_own(tmp_path: Path) -> None:
    form = monthly(tmp_path / "form.xlsx", A10="{{行/1}} 和 {{行/2}}", B10="{{行/2}}")
    sheet = openpyxl.load_workbook(fill(form, {"行/1": Value("1", 1.0), "行/2": Value("2", 2.0)}))[SHEET]
    assert (sheet["A10"].value, sheet["B10"].value) == ("1 和 2", 2)


def test_placeholders_that_are_not_filled_are_told(tmp_path: Path) -> None:
    form = monthly(tmp_path / "form.xlsx", C2='="共"&"{{hazards/未办结}}"', C3="{{hazards/未办结", C4="一句}}")
    rewritten(form, "xl/charts/chart1.xml", b"</c:chartSpace>", b"<!-- {{hazards/x}} --></c:chartSpace>")
    said = find(form).problems
    assert [any(text in one for one in said) for text in ("C2 是公式", "C3 里有没写完整", "C4 里有", "chart1.xml")] == [
        True
    ] * 4


def test_a_document_is_filled_across_runs_tables_and_headers(tmp_path: Path) -> None:
    body = (
        paragraph("截至{{填报/", "计算日", "}},共 {{hazards/未办结}}")
        + paragraph("甲 {", "{hazards", "/未办结}} 乙")
        + table(("指标", "数"), ("未办结", "{{hazards/未办结}}"), ("重大", ""))
    )
    box = (
        "<w:p><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>框 {{隐患/已超期}}</w:t></w:r></w:p></w:txbxContent></w:pict>"
        "</w:r><w:r><w:t>外</w:t></w:r><w:r><w:delText>{{not}}</w:delText></w:r></w:p>"
    )
    form = document(tmp_path / "form.docx", body + box, header=paragraph("{{about/社区名称}}"))
    found = find(form)
    assert [mark.at for mark in found.marks] == [
        "正文第 1 段", "正文第 1 段", "正文第 2 段", "表 1 第 2 行第 2 列", "正文第 10 段", "页眉第 1 段"
    ]  # fmt: skip
    assert [(place.place, place.beside) for place in found.places] == [("表1!R3C2", ("重大", "数"))]
    filled = fill(form, None, "矛盾:甲乙不符", **{"表1!R3C2": Value("<2>", 2.0)})
    before, after = members(form), members(filled)
    assert {name for name in before if before[name] != after[name]} == {"word/document.xml", "word/header1.xml"}
    text = after["word/document.xml"].decode()
    lines = ["".join(re.findall(r"<w:t(?: [^>]*)?>([^<]*)</w:t>", one)) for one in text.split("</w:p>")]
    assert lines[:2] == ["截至2026年11月30日,共 1234", "甲 1234 乙"]
    # A space that came to stand at an end is kept, and the run in which the placeholder began gives the font.
    assert '<w:t xml:space="preserve"> 乙</w:t>' in text
    assert "框 0.5" in lines
    assert "<w:p><w:pPr><w:rPr><w:i/></w:rPr></w:pPr><w:r><w:rPr><w:i/></w:rPr><w:t>&lt;2&gt;</w:t></w:r></w:p>" in text
    assert "=1+1" in after["word/header1.xml"].decode()
    assert text.index("矛盾:甲乙不符") < text.index("<w:tbl xmlns:w=") < text.rindex("<w:sectPr>")
    assert re.findall(r"""w:instr='HYPERLINK "([^"]*)"'""", text) == [LINK.replace("&", "&amp;")]
    # What isn't the document's own text is as it was: the second paragraph from its beginning, and the last settings.
    assert text.endswith(before["word/document.xml"].decode().rpartition("<w:sectPr>")[2])


@pytest.mark.parametrize(
    ("place", "said"), [("表1!R1C1", "已有文字“指标”"), ("表2!R1C1", "没有“表2!R1C1”"), ("标题", "没有“标题”")]
)
def test_a_cell_of_a_document_that_cannot_be_filled_is_said(tmp_path: Path, place: str, said: str) -> None:
    form = document(tmp_path / "form.docx", table(("指标", "数"), ("重大", "")))
    with pytest.raises(FormError, match=said):
        fill(form, {}, **{place: Value("2", 2.0)})
    assert EMPTY in members(form)["word/document.xml"].decode()
