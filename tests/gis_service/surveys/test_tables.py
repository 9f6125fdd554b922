"""Tables: coordinates as forms and offices write them, the systems they name, and numbers that are lost."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
import shapely

from gis_service.coordinates import CoordinateError
from gis_service.surveys.files.angles import coordinate_of
from gis_service.surveys.files.errors import SurveyError
from gis_service.surveys.files.limits import INTERACTIVE
from gis_service.surveys.files.lost_numbers import lost_columns
from gis_service.surveys.files.named_system import system_in
from gis_service.surveys.files.reading import read_survey
from gis_service.surveys.files.source import Source, Wish
from gis_service.surveys.files.tables import open_csv
from gis_service.surveys.files.workbooks import open_workbook

EAST, NORTH = 595_804.283, 3_398_141.123
RING = "30.7 121.0 0 0; 30.7 121.01 0 0; 30.71 121.01 0 0; 30.7 121.0 0 0"
TRACE = "30.7 121.0 3.5 4.8;30.7 121.01 0 0"


def table(path: Path, *rows: Sequence[object], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def opened(path: Path, geometry: str = "POINT", *, ledgers: bool = False) -> Source:
    return open_csv(path, Wish(geometry, None, None, None, 4549, ledgers=ledgers), INTERACTIVE)


def drawn(source: Source) -> list[str | None]:
    return [None if one is None else shapely.to_wkt(one) for chunk in source.chunks for one in chunk.geometries]


@pytest.mark.parametrize(
    ("headers", "cells", "geometry", "wkt", "used"),
    [
        (("gps-Latitude", "gps-Longitude", "gps-Altitude"), (30.7, 121, 5), "POINT", "POINT (121 30.7)", 2),
        (("group/gps-Latitude", "group/gps-Longitude"), (30.7, 121), "POINT", "POINT (121 30.7)", 2),
        (("gps", "_gps_latitude", "_gps_longitude"), ("", 30.7, 121), "POINT", "POINT (121 30.7)", 2),
        (("_location_latitude", "_location_longitude"), (30.7, 121), "POINT", "POINT (121 30.7)", 2),
        (("a-Latitude", "a-Longitude", "b-latitude", "b-longitude"), ("", "", 30.7, 121), "POINT",
         "POINT (121 30.7)", 2),
        (("meta/instanceID", "_geolocation"), ("uuid:1", "[30.7, 121.0]"), "POINT", "POINT (121 30.7)", 1),
        (("KEY", "where"), ("uuid:1", "30.7 121.0 3.5 4.8"), "POINT", "POINT (121 30.7)", 1),
        (("名称", "经纬度"), ("甲", "121.0,30.7"), "POINT", "POINT (121 30.7)", 1),
        (("名称", "线路"), ("甲", TRACE), "MULTILINESTRING", "LINESTRING (121 30.7, 121.01 30.7)", 1),
        (
            ("_s_latitude", "_s_longitude", "范围"), (30.7, 121, RING), "MULTIPOLYGON",
            "POLYGON ((121 30.7, 121.01 30.7, 121.01 30.71, 121 30.7))", 1,
        ),
        (
            ("名称", "范围"), ("甲", RING), "MULTILINESTRING",
            "LINESTRING (121 30.7, 121.01 30.7, 121.01 30.71, 121 30.7)", 1,
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_exports_of_survey_forms(
    tmp_path: Path, headers: Sequence[str], cells: Sequence[object], geometry: str, wkt: str, used: int, delimiter: str
) -> None:
    names, values = (*headers, "_uuid", "_submission_time"), (*cells, "5f1c", "2024-05-01T08:00:00")
    source = opened(table(tmp_path / "a.csv", names, values, delimiter=delimiter), geometry)
    assert source.columns == names
    assert len(source.coordinates) == used
    assert drawn(source) == [wkt]


def test_what_is_no_position_is_said(tmp_path: Path) -> None:
    rows = [["甲", "30.7 121 0 0"]] * 30
    path = table(tmp_path / "a.csv", ["名称", "gps"], *rows, ["乙", "门口"], ["丙", ""], ["丁", "30.7 121;30.7"])
    (chunk,) = opened(path).chunks
    assert chunk.reasons[30] == "“gps”的“门口”不是位置;应写“纬度 经度”,多个点用分号隔开"
    assert set(chunk.reasons) == {30, 32}
    assert (chunk.geometries[31], chunk.waiting) == (None, frozenset())
    with pytest.raises(SurveyError, match="没有找到坐标列"):
        opened(table(tmp_path / "b.csv", ["名称", "户型"], ["甲", "3 2"]))


@pytest.mark.parametrize(
    ("cell", "degrees"),
    [
        ("121°00′00″", 121.0), ("121-00-00", 121.0), ("121 00 00.0", 121.0), ("121:30:00", 121.5), ("121度30分", 121.5),
        ("东经121度30分36秒", 121.51), ("E121°30'36\"", 121.51), ("121°30′36″E", 121.51), ("30.7N", 30.7),
        ("\uff11\uff12\uff11°\uff13\uff10′", 121.5), ("121°00'00''", 121.0), ("W 10 30 00", -10.5), ("121.5°", 121.5),
        ("121° 30.5'", 121 + 30.5 / 60), (" 121.5 ", 121.5), ("-3.5", -3.5),
    ],
)  # fmt: skip
def test_degrees_as_people_write_them(cell: str, degrees: float) -> None:
    assert coordinate_of(cell) == pytest.approx(degrees)


@pytest.mark.parametrize(
    "cell", ["", "东边", "2024-05-01", "121°61′00″", "121°36″", "1-2-3-4", None, True, "121°00′00″00"]
)
def test_what_is_no_coordinate(cell: object) -> None:
    assert coordinate_of(cell) != coordinate_of(cell)


def test_degrees_minutes_and_seconds_in_one_number(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["X", "Y"], ["1210000.00", "304200"], [1213036, 304159.5])
    source = opened(path)
    assert "度分秒连写" in source.notes[0]
    first, second = drawn(source)
    assert first == "POINT (121 30.7)"
    assert shapely.from_wkt(second).x == pytest.approx(121.51)
    metres = opened(table(tmp_path / "b.csv", ["X", "Y"], [EAST, NORTH]))
    assert (metres.notes, metres.crs) == ((), "EPSG:4549")
    with pytest.raises(SurveyError, match="看不出来"):
        opened(table(tmp_path / "c.csv", ["X", "Y"], [1216000, 304200]))


def test_rows_without_coordinates_wait_where_ledgers_are_taken(tmp_path: Path) -> None:
    rows = [["甲", "121", "30.7"], ["乙", "", ""], ["丙", "", "30.7"], ["丁", "东", "30.7"]]
    path = table(tmp_path / "a.csv", ["名称", "经度", "纬度"], *rows)
    with read_survey(path, geometry="POINT", ledgers=True) as (sheet, batches):
        (batch,) = batches
    assert not sheet.placeless
    assert [geometry is None for geometry in batch.geometries] == [False, True, True, True]
    assert batch.reasons == [None, None, "没有几何:“经度”是空的", "没有几何:“经度”“东”不是数字"]
    (chunk,) = opened(path).chunks
    assert chunk.reasons[1] == "没有几何:“经度”是空的"
    empty = opened(table(tmp_path / "b.csv", ["名称", "经度", "纬度"], ["甲", "", ""]), ledgers=True)
    assert (empty.placeless, empty.coordinates) == (True, ("经度", "纬度"))
    late = table(tmp_path / "c.csv", ["名称", "经度", "纬度"], *[["甲", "", ""]] * 2_001, ["乙", "121", "30.7"])
    with pytest.raises(SurveyError, match="请把有坐标的行放在前面"):
        drawn(opened(late, ledgers=True))


@pytest.mark.parametrize(
    ("top", "headers", "cells", "crs", "says"),
    [
        ((), ("X坐标(CGCS2000 3度带 40带)", "Y坐标"), (NORTH, EAST), "EPSG:4549",
         "表头“X坐标(CGCS2000 3度带 40带)”写明"),
        ((), ("经度(GCJ02)", "纬度(GCJ02)"), (121, 30.7), "GCJ-02", "表头“经度(GCJ02)”写明"),
        ((), ("lng_bd09", "lat_bd09"), (121, 30.7), "BD-09", "表头“lng_bd09”写明"),
        ((), ("lng_gcj02", "lat_wgs84", "lat_gcj02"), (121, 3, 30.7), "GCJ-02", "“lng_gcj02”"),
        ((), ("经度(WGS-84)", "纬度"), (121, 30.7), "EPSG:4326", "“经度(WGS-84)”"),
        (("坐标系:CGCS2000 3度带 中央子午线120°",), ("X", "Y"), (NORTH, EAST), "EPSG:4549",
         "表头上方的“坐标系:CGCS2000"),
        (("CGCS2000 3度带 中央子午线120°",), ("X", "Y"), (NORTH, EAST + 4e7), "EPSG:4528", "表头上方的"),
        (("高德片区调查表",), ("经度", "纬度"), (121, 30.7), "EPSG:4490", "文件没有写坐标系"),
        (("高德坐标",), ("经度", "纬度"), (121, 30.7), "GCJ-02", "表头上方的“高德坐标”写明"),
        ((), ("X(CGCS2000)", "Y(CGCS2000)"), (NORTH, EAST), "EPSG:4549", "文件没有写坐标系"),
    ],
)  # fmt: skip
def test_systems_named_in_words(
    tmp_path: Path, top: Sequence[str], headers: Sequence[str], cells: Sequence[float], crs: str, says: str
) -> None:
    source = opened(table(tmp_path / "a.csv", *([title] for title in top), headers, cells))
    assert source.crs == crs
    assert says in source.crs_evidence
    assert source.claim == ("values" if "没有写" in says else "named")


@pytest.mark.parametrize(
    ("text", "metres", "code"),
    [
        ("CGCS2000_3_Degree_GK_CM_120E", True, "EPSG:4549"), ("CGCS2000 6度带 21带", True, "EPSG:4510"),
        ("国家2000坐标系,中央经线 120度", True, "EPSG:4549"), ("CGCS2000", False, "EPSG:4490"),
        ("CGCS2000", True, None),
        ("坐标(EPSG:4549)", True, "EPSG:4549"), ("西安80坐标系", True, "EPSG:4610"),
        ("1954北京坐标系", True, "EPSG:4214"),
        ("WGS84", True, None), ("2024年调查", False, None), ("3度带第40带 CGCS2000", True, "EPSG:4549"),
    ],
)  # fmt: skip
def test_words_for_systems(text: str, metres: bool, code: str | None) -> None:
    assert system_in(text, metres=metres) == code


def test_systems_that_cannot_be_converted(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="地方独立坐标系"):
        opened(table(tmp_path / "a.csv", ["坐标系:平湖独立坐标系"], ["X", "Y"], [NORTH, EAST]))
    with pytest.raises(CoordinateError, match="西安 80"):
        opened(table(tmp_path / "b.csv", ["X(西安80)", "Y"], [NORTH, EAST]))


def test_wkt_with_latitude_first_and_excels_own_first_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\n名称;WKT\n甲;POINT (30.7 121)\n", "utf-8")
    source = opened(path)
    assert (source.columns, drawn(source)) == (("名称", "WKT"), ["POINT (121 30.7)"])
    assert "对调" in source.crs_evidence


IDS = ["330482199001010000", "330482199001020000", "330482199001030000"]


@pytest.mark.parametrize(
    ("column", "cells", "says"),
    [
        ("证件号码", ["3.30482E+17", "3.30482E+17"], "只剩前 15 位有效(如 3.30…,共 2 个)"),
        ("备注", [330482199001010000], "只剩前 15 位"), ("备注", [3.3e17], "只剩前 15 位"),
        ("证件号码", IDS, "共 3 个"),
        ("证件号码", [*IDS, "330482199001011234"], ""), ("编码", ["330482199001010000"], ""),
        ("体积", [1.5e9, 2e14], ""),
        ("区划代码", ["033048", "33049", "044001", "110101", "22010", *["310101", "999999"] * 3], "有 2 个只有 5 位"),
        ("区划代码", [110101, 33049, 440100, *[310101, 999999] * 4], "有 1 个只有 5 位"),
        ("编号", list(range(1, 2000)), ""), ("编号", list(range(99_900, 101_000)), ""),
        ("编号", list(range(100_000, 101_000)), ""),
        ("面积", [110101, 33049] * 10, ""),
        ("编码", ["A1", "12345", "123456"] * 10, ""), ("电话", ["13800000000", "05738888", "13900000000"] * 10, ""),
        ("编码", [None] * 20, ""), ("数", [True] * 20, ""),
    ],
)  # fmt: skip
def test_numbers_that_excel_destroyed(column: str, cells: list[object], says: str) -> None:
    found = lost_columns((column,), [[cell] for cell in cells])
    assert bool(found) == bool(says)
    if says:
        assert found[0][0] == column
        assert says in found[0][1]


def test_lost_numbers_and_encoding_reach_the_sheet(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ["证件", "经度", "纬度"], ["3.30482E+17", 121, 30.7])
    with read_survey(path, geometry="POINT") as (sheet, _):
        assert [column for column, _ in sheet.lost] == ["证件"]
        assert "按 UTF-8 读取" in sheet.encoding_evidence
    book = openpyxl.Workbook()
    for row in (["证件", "经度", "纬度"], [330482199001011234, 121, 30.7]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    source = open_workbook(tmp_path / "a.xlsx", Wish("POINT", None, None, None, None), INTERACTIVE)
    assert [column for column, _ in source.lost] == ["证件"]


HEADER = ("编号", "地址", "房东", "租住人数", "间数", "备注")


@pytest.mark.parametrize(
    "above",
    [
        [("新群社区2026年11月出租房台账",)],
        [("出租房台账", None, None, None, None, None), ("填表人:张三", None, "日期:2026-11-01", "单位:户", None, None)],
        [(), ("附件一",), ()],
        [],
    ],
    ids=["a title", "a title and what is filled in", "blank lines", "nothing"],
)
def test_titles_above_the_header_of_a_ledger_are_skipped(tmp_path: Path, above: list[tuple[object, ...]]) -> None:
    rows = [("CZ1", "新群小区1幢101室", "王", 3, 2, None), ("CZ2", "新群小区2幢101室", "李", 4, 2, "补")]
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (*above, HEADER, *rows):
        book.active.append(row)
    book.save(tmp_path / "台账.xlsx")
    wish = Wish("POINT", None, None, None, 4549, ledgers=True)
    sources = (
        opened(table(tmp_path / "台账.csv", *above, HEADER, *rows), ledgers=True),
        open_workbook(tmp_path / "台账.xlsx", wish, INTERACTIVE),
    )
    for source in sources:
        assert source.columns == HEADER
        assert [row[0] for chunk in source.chunks for row in chunk.rows] == ["CZ1", "CZ2"]
