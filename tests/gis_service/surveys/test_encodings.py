"""The encoding of a file's text, and what a shapefile's table cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis_service.surveys.files import hanzi
from gis_service.surveys.files.dbf_text import read_dbf_text
from gis_service.surveys.files.encodings import encoding_of_text
from gis_service.surveys.files.errors import SurveyError

ADDRESSES = "编号,名称,地址\nLJ901,东区新增投放点,平湖市钟埭街道新群路1号\nLJ902,大件垃圾堆放点,嘉善县魏塘镇谈公路\n"
TRADITIONAL = "編號,名稱,地址\nLJ901,大件垃圾堆放點,新北市板橋區縣民大道二段7號\nLJ902,井蓋,臺北市信義區市府路45號\n"


@pytest.mark.parametrize(
    ("text", "written", "found", "says"),
    [
        (ADDRESSES, "utf-8", "utf-8", "按 UTF-8 读取(像中文的程度"),
        (ADDRESSES, "utf-8-sig", "utf-8-sig", "BOM"),
        (ADDRESSES, "utf-16", "utf-16", "BOM"),
        (ADDRESSES, "gbk", "gb18030", "按 GB18030(含 GBK) 读取(像中文的程度"),
        (TRADITIONAL, "big5", "cp950", "按 Big5 读取(像中文的程度"),
        (TRADITIONAL, "gbk", "gb18030", "GB18030"),
        (TRADITIONAL, "utf-8", "utf-8", "UTF-8"),
        ("name,lon\n路楼,121\n", "gbk", "gb18030", "GB18030"),
        ("name,lon\ncafé Müller,121\n", "utf-8", "utf-8", "字节结构"),
        ("name,lon\nšđčćž ŠĐČĆŽ,121\n", "utf-8", "utf-8", "字节结构"),
        ("name,lon\na,121\n", "utf-8", "utf-8", "只有英文字母和数字"),
    ],
)
def test_encoding_of_text(tmp_path: Path, text: str, written: str, found: str, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(written))
    encoding = encoding_of_text(path)
    assert encoding.codec == found
    assert says in encoding.evidence
    assert path.read_text(found) == text


@pytest.mark.parametrize("text", [ADDRESSES, TRADITIONAL])
def test_right_readings_score_far_above_wrong_ones(text: str) -> None:
    """The bars that are documented in ``hanzi``."""
    assert hanzi.score(text) > 0.5
    for written in ("utf-8", "gb18030", "cp950"):
        for read in ("utf-8", "gb18030", "cp950", "latin-1"):
            if written == read or (text is ADDRESSES and written == "cp950"):
                continue
            assert hanzi.score(text.encode(written).decode(read, errors="replace")) < 0.25


def dbf(fields: dict[bytes, int], *records: tuple[bytes, ...], language: int = 0) -> bytes:
    """Write an attribute table of texts, cutting what doesn't fit as old programs do."""
    header_bytes = 32 + 32 * len(fields) + 1
    record_bytes = 1 + sum(fields.values())
    header = bytes([3, 124, 5, 1]) + len(records).to_bytes(4, "little") + header_bytes.to_bytes(2, "little")
    header += record_bytes.to_bytes(2, "little") + bytes(17) + bytes([language, 0, 0])
    header += b"".join(
        name[:10].ljust(11, b"\0") + b"C" + bytes(4) + bytes([width, 0]) + bytes(14) for name, width in fields.items()
    )
    body = b"".join(
        b" " + b"".join(cell[:width].ljust(width) for cell, width in zip(record, fields.values(), strict=True))
        for record in records
    )
    return header + b"\r" + body + b"\x1a"


@pytest.mark.parametrize("codec", ["gb18030", "utf-8", "cp950"])
def test_half_characters_are_marked_and_never_fail(codec: str) -> None:
    """Every text and both names are cut in the middle of a character."""
    text, name = (
        ("平湖市钟埭街道新群路", "x建筑结构类型") if codec != "cp950" else ("臺北市信義區市府路", "x建築結構類型")
    )
    table = dbf({name.encode(codec): 15 if codec != "utf-8" else 16}, *[(text.encode(codec),)] * 20)
    found = read_dbf_text(table, None)
    assert found.encoding.codec == codec
    assert "被截断" in found.note
    (title,) = found.names
    assert name.startswith(title)
    assert found.cut == (title,)
    assert "\N{REPLACEMENT CHARACTER}" not in title


def test_names_that_had_room_are_whole() -> None:
    table = dbf(
        {"名称".encode("gbk"): 20, b"addr_house": 10, "地址".encode("gbk"): 20}, ("新群路".encode("gbk"), b"", b"")
    )
    found = read_dbf_text(table, "GBK")
    assert (found.names, found.cut, found.note) == (("名称", "addr_house", "地址"), ("addr_house",), "")
    assert ".cpg 写明" in found.encoding.evidence


@pytest.mark.parametrize(
    ("written", "declared", "language", "found", "says"),
    [
        ("gbk", "UTF-8", 0, "gb18030", ".cpg 写的编码 UTF-8 与内容不符"),
        ("utf-8", "GBK", 0, "utf-8", ".cpg 写的编码 GB18030(含 GBK) 与内容不符"),
        ("gbk", "ISO 8859-1", 0, "gb18030", ".cpg 写的编码 ISO8859-1 与内容不符"),
        ("gbk", "BIG5", 0, "gb18030", ".cpg 写的编码 Big5 与内容不符"),
        ("gbk", None, 0x4D, "gb18030", "属性表的语言标记写明"),
        ("gbk", "nonsense", 0, "gb18030", "像中文的程度"),
        ("utf-8", "UTF-8", 0, "utf-8", ".cpg 写明"),
    ],
)
def test_a_declaration_is_compared_with_the_content(
    written: str, declared: str | None, language: int, found: str, says: str
) -> None:
    cells = tuple(text.encode(written) for text in ("东区新增投放点", "平湖市钟埭街道新群路1号"))
    table = dbf({"名称".encode(written): 40, "地址".encode(written): 60}, cells, language=language)
    text = read_dbf_text(table, declared)
    assert text.encoding.codec == found
    assert says in text.encoding.evidence
    assert text.names == ("名称", "地址")


def test_a_table_in_no_encoding() -> None:
    with pytest.raises(SurveyError, match="附上正确的"):
        read_dbf_text(dbf({b"a": 20}, *[(b"\xff\xff\x80\xff\xff\xff\xff\xff",)] * 5), None)
