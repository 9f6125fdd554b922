"""Forms that are broken, closed or meant to harm: one sentence each, within the fence, and nothing written."""

from __future__ import annotations

import io
import os
import re
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gis_service.reports.files.errors import FormError
from gis_service.reports.files.limits import FORM_LIMITS
from gis_service.reports.files.opening import open_form
from gis_service.reports.files.package import open_package
from gis_service.reports.files.workbook_places import find_in_workbook
from tests.gis_service.reports.form_files import document, members, monthly, paragraph

SHEET_PART = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def packed(parts: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def with_part(base: dict[str, bytes], **parts: bytes) -> bytes:
    return packed({**base, **{name.replace("__", "/").replace("_xml", ".xml"): raw for name, raw in parts.items()}})


def with_sheet(base: dict[str, bytes], sheet: str) -> bytes:
    return packed({**base, SHEET_PART: sheet.encode()})


def encrypted(base: dict[str, bytes]) -> bytes:
    """Say of the first file that it is encrypted, in both places where that is said."""
    data = bytearray(packed(base))
    data[6] |= 1
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


def lying(base: dict[str, bytes]) -> bytes:
    """Claim in the directory that a sheet unpacks to little."""
    raw = packed({**base, SHEET_PART: b" " * (80 << 20)})
    size = (80 << 20).to_bytes(4, "little")
    return raw.replace(size, (100_000).to_bytes(4, "little"))


def large(base: dict[str, bytes]) -> bytes:
    """Hold a sheet that is larger than a part may be, and packs no better than sheets do."""
    return packed({**base, SHEET_PART: os.urandom(20_000) * 2_000})


def twice(base: dict[str, bytes]) -> bytes:
    """Hold a part twice, so that programmes differ on what it is."""
    made = io.BytesIO(packed(base))
    with zipfile.ZipFile(made, "a") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr(SHEET_PART, b"<a/>")
    return made.getvalue()


Make = Callable[[dict[str, bytes]], bytes]
CASES: list[tuple[str, Make, str]] = [
    ("form.xlsx", lambda _: b"", "是空的"),
    ("form.xlsx", lambda base: packed(base)[:2000], "已损坏"),
    ("form.xlsx", lambda _: b"PK\x03\x04 nothing", "已损坏"),
    ("form.xlsx", lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "有密码"),
    ("form.xlsx", encrypted, "有密码"),
    ("form.xlsm", packed, "带宏的表格不能填"),
    ("form.docm", packed, "带宏的文档不能填"),
    ("form.xls", packed, "旧版的表格不能填"),
    ("form.pdf", packed, "PDF 不能填"),
    ("form", packed, "没有扩展名"),
    ("form.docx", packed, "内容不是 DOCX"),
    ("form.xlsx", lambda base: packed({**base, "xl/vbaProject.bin": b"x"}), "带宏"),
    ("form.xlsx", lambda base: packed({
        **base, "[Content_Types].xml": base["[Content_Types].xml"].replace(
            b"spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main")}), "带宏"),
    ("form.xlsx", lambda base: packed({**base, "_xmlsignatures/sig1.xml": b"<a/>"}), "数字签名"),
    ("form.xlsx", lambda base: packed({**base, "../../evil": b"x"}), "指向包外"),
    ("form.xlsx", lambda _: packed({"a.txt": b"x"}), "只是一个压缩包"),
    ("form.xlsx", lambda base: packed({**base, "xl/media/a.bin": bytes(60 << 20)}), "压缩炸弹"),
    ("form.xlsx", lambda base: packed({**base, "xl/media/a.bin": bytes(120 << 20)}), "解开后有 126 MB,最多 105 MB"),
    ("form.xlsx", lambda base: packed({**base, **{f"x/{n}": b"" for n in range(2100)}}), "文件太多"),
    ("form.xlsx", lying, "已损坏"),
    ("form.xlsx", large, "超过 34 MB"),
    ("form.xlsx", twice, "文件太多或重名"),
    ("form.xlsx", lambda base: with_sheet(base, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "DOCTYPE"),
    ("form.xlsx", lambda base: with_sheet(
        base, "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"), "DOCTYPE"),
    ("form.xlsx", lambda base: with_sheet(base, "<a>" * 300 + "</a>" * 300), "嵌套"),
    ("form.xlsx", lambda base: with_sheet(base, f"<worksheet {MAIN}><sheetData>"), "已损坏"),
    ("form.xlsx", lambda base: with_sheet(base, f"<worksheet {MAIN}/>"), "已损坏"),
    ("form.xlsx", lambda base: packed({**base, SHEET_PART: f"<worksheet {MAIN}/>".encode("utf-16")}), "不是 UTF-8"),
    ("form.xlsx", lambda base: packed({n: c for n, c in base.items() if n != SHEET_PART}), "缺失或已损坏"),
    ("form.xlsx", lambda base: packed({n: c for n, c in base.items() if n != "xl/workbook.xml"}), "缺失或已损坏"),
    ("form.xlsx", lambda base: with_sheet(
        base, f"<worksheet {MAIN}><sheetData><row>"
        + '<c t="inlineStr"><is><t>{{a/b}}</t></is></c>' * 6000 + "</row></sheetData></worksheet>"), "6,000 处占位符"),
]  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts of a form that is all right."""
    return members(monthly(tmp_path_factory.mktemp("base") / "base.xlsx"))


@pytest.mark.parametrize(("name", "make", "said"), CASES, ids=[f"{n}-{case[2]}" for n, case in enumerate(CASES)])
def test_a_form_that_cannot_be_taken_gets_one_sentence(
    tmp_path: Path, base: dict[str, bytes], name: str, make: Make, said: str
) -> None:
    form = tmp_path / name
    form.write_bytes(make(base))
    with pytest.raises(FormError, match=said) as told, open_form(form) as opened:
        # In this process, which is ten times as quick; that the child says the same is tested below.
        find_in_workbook(open_package(opened.path, opened.name, FORM_LIMITS))
    sentence = str(told.value)
    assert ";" in sentence, f"no way to mend is said: {sentence}"
    assert not re.search(r"[A-Z]\w+Error|Traceback|/tmp/", sentence)


def test_what_is_too_large_or_absent_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    form = tmp_path / "form.docx"
    with pytest.raises(FormError, match="打不开"), open_form(form):
        pass
    with form.open("wb") as file:
        file.truncate(30 << 20)
    with pytest.raises(FormError, match="超过 21 MB"), open_form(form):
        pass
    tmp_path.joinpath("folder.docx").mkdir()
    with pytest.raises(FormError, match="打不开"), open_form(tmp_path / "folder.docx"):
        pass


@pytest.mark.parametrize("case", [3, 16, 22], ids=lambda number: CASES[number][2])
def test_the_child_says_why_it_refuses_a_form(tmp_path: Path, base: dict[str, bytes], case: int) -> None:
    name, make, said = CASES[case]
    form = tmp_path / name
    form.write_bytes(make(base))
    with pytest.raises(FormError, match=said), open_form(form) as opened:
        opened.find()


def test_a_document_that_is_hostile_is_refused(tmp_path: Path) -> None:
    form = document(tmp_path / "form.docx", paragraph("a"))
    parts = members(form)
    parts["word/document.xml"] = b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + parts["word/document.xml"].split(b"\n", 1)[1]
    form.write_bytes(packed(parts))
    with pytest.raises(FormError, match="DOCTYPE"), open_form(form) as opened:
        opened.find()


def test_a_child_that_hangs_or_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = monthly(tmp_path / "form.xlsx")
    cells = "".join(f'<c t="inlineStr"><is><t>{os.urandom(12).hex()}</t></is></c>' for _ in range(300_000))
    sheet = f"<worksheet {MAIN}><sheetData><row>{cells}</row></sheetData></worksheet>"
    form.write_bytes(with_sheet(members(form), sheet))
    limits: dict[str, Any]
    for limits, said in (
        ({"wall_s": 0.01}, "已停止"),
        ({"memory_bytes": 80 << 20}, "内存不够|中途退出"),
        ({"cpu_s": 1}, "已停止"),
    ):
        monkeypatch.setattr("gis_service.reports.files.opening.FORM_LIMITS", replace(FORM_LIMITS, **limits))
        with pytest.raises(FormError, match=said), open_form(form) as opened:
            opened.find()
