from __future__ import annotations

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.surveys.columns.headers import match_headers
from gis_service.surveys.columns.rows import RowReader, code_from_geometry
from layers.layer import Layer
from layers.record import Source
from layers.registry import LAYERS

BUILDING = LAYERS["building"]
GEOMETRY = shapely.to_wkb(shapely.box(121, 30.7, 121.001, 30.701))


def read(layer: Layer, row: dict[str, object], number: int = 1) -> dict[str, object]:
    """Return a row's values by field; AssertionError with the reason when it is refused."""
    reader = RowReader(layer, match_headers(layer, tuple(row)).fields)
    row_read = reader.read(number, list(row.values()), GEOMETRY)
    assert row_read.values is not None, row_read.reason
    return dict(zip((field.name for field in reader.fields), row_read.values, strict=True))


def refused(layer: Layer, row: dict[str, object]) -> str:
    """Return why a row is refused."""
    reader = RowReader(layer, match_headers(layer, tuple(row)).fields)
    found = reader.read(7, list(row.values()), GEOMETRY)
    assert found.values is None
    assert found.code == str(row.get("编码") or "").strip()
    fields = [problem.field for problem in found.problems]
    assert len(set(fields)) == len(fields), "one problem of each field"
    assert all(problem.message.endswith("。") for problem in found.problems)
    assert found.reason.endswith("。")
    return found.reason


@pytest.mark.parametrize(
    ("header", "cell", "field", "value"),
    [
        ("层数", "\uff11\uff12", "floors", 12), ("自建房", "\uff39", "self_built", True),
        ("房屋用途", "成套住宅", "use", "11"), ("房屋用途", "11", "use", "11"), ("房屋用途", 11, "use", "11"),
        ("房屋用途", 11.0, "use", "11"), ("安全鉴定等级", "c", "safety_grade", "C"),
        ("定位精度", "A 级(±0.5 米)", "accuracy", "A"),
        ("层数", "6", "floors", 6), ("层数", 6.0, "floors", 6), ("层数", "1,2", "floors", 12),
        ("层数", " ", "floors", None),
        ("层数", "1\uff0c2", "floors", 12),
        ("建筑面积", "12,345.5", "floor_area_m2", 12345.5), ("建筑面积", "12,345", "floor_area_m2", 12345.0),
        ("自建房", "是", "self_built", True), ("自建房", "否", "self_built", False),
        ("自建房", "√", "self_built", True),
        ("自建房", 1, "self_built", True), ("自建房", 0.0, "self_built", False), ("自建房", "Y", "self_built", True),
        ("门牌号", 12.0, "house_number", "12"), ("门牌号", "007", "house_number", "007"),
        ("备注", "  两侧空格  ", "remark", "两侧空格"),
    ],
)  # fmt: skip
def test_cells_become_values(header: str, cell: object, field: str, value: object) -> None:
    assert read(BUILDING, {"编码": "B1", header: cell}).get(field) == value


@pytest.mark.parametrize(
    "cell",
    ["2024-06-01", "2024/6/1", "2024.06.01", "2024年6月1日", "2024年06月01", "2024-06-01 00:00:00",
     "2024-06-01T00:00:00.000", " 2024-6-1 ",
     "\uff12\uff10\uff12\uff14年\uff16月\uff11日", "2024\uff0f06\uff0f01"],
)  # fmt: skip
def test_spellings_of_a_date(cell: str) -> None:
    assert str(read(BUILDING, {"编码": "B1", "安全鉴定日期": cell})["appraised_on"]) == "2024-06-01"


@pytest.mark.parametrize("separator", ["、", "\uff0c", ",", "\uff1b", ";", "|", "/", ", "])
def test_lists_of_codes_take_labels(separator: str) -> None:
    row = {"编码": "W1", "类型": "定时定点投放点", "收集类别": f"可回收物{separator}易腐垃圾"}
    label = next(iter((LAYERS["waste_point"].field("kind").codes or {}).values()))
    assert read(LAYERS["waste_point"], {**row, "类型": label})["waste_classes"] == ["recyclable", "perishable"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"编码": None, "层数": 1}, "缺少编码"),
        ({"编码": "  ", "层数": 1}, "缺少编码"),
        ({"编码": "B1", "层数": "很多"}, "“层数”的 '很多' 不是整数"),
        ({"编码": "B1", "层数": 2.5}, "“层数”的 2.5 不是整数"),
        ({"编码": "B1", "层数": -1}, "“层数”的 -1 应不小于 0"),
        ({"编码": "B1", "层数": 151}, "“层数”的 151 应不大于 150"),
        ({"编码": "B1", "高度": "nan"}, "“高度”的"),
        ({"编码": "B1", "高度": float("inf")}, "“高度”的"),
        ({"编码": "B1", "房屋用途": "飞机场"}, "“房屋用途”没有 '飞机场' 这一项,可选:住宅、"),
        ({"编码": "B1", "自建房": "也许"}, "“自建房”的 '也许' 应写 是 或 否"),
        ({"编码": "B1", "安全鉴定日期": "去年"}, "“安全鉴定日期”的 '去年' 不是日期,请写成 2026-11-23"),
        ({"编码": "B1", "安全鉴定日期": "2024-02-30"}, "不是日期"),
        ({"编码": "B1", "地址": "长" * 201}, "“地址”太长:最多 200 个字"),
        ({"编码": "B" * 65}, "“编码”太长:最多 64 个字"),
        ({"编码": "B1", "层数": "x", "高度": "y"}, ";"),
        ({"编码": "B1", "名称": "张三 330482199001011232"}, "“名称”里疑似有身份证号或手机号"),
        ({"编码": "B1", "备注": "电话13812345678"}, "“备注”里疑似有身份证号或手机号"),
        ({"编码": "B1", "备注": "33048219900101103x"}, "身份证号"),
        ({"编码": "B1", "地址": "13812345678"}, "手机号"),
        ({"编码": "B1", "门牌号": 13812345678}, "手机号"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(row: dict[str, object], said: str) -> None:
    assert said in refused(BUILDING, row)


@pytest.mark.parametrize(
    "text", ["合同 2024060112345678901234", "编号1381234567", "B13812345678X", "面积 12345678901 平方米"]
)
def test_other_long_numbers_are_no_identity(text: str) -> None:
    assert read(BUILDING, {"编码": "B1", "备注": text})["remark"] == text


def test_a_missing_required_field_is_named() -> None:
    assert "缺少必填项“类型”" in refused(LAYERS["waste_point"], {"编码": "W1", "名称": "点"})


def test_a_code_that_comes_twice_names_the_first_row() -> None:
    reader = RowReader(BUILDING, match_headers(BUILDING, ("编码",)).fields)
    assert reader.read(3, ["B1"], GEOMETRY).values is not None
    found = reader.read(9, ["B1"], GEOMETRY)
    assert (found.values, found.code) == (None, "B1")
    assert "第 3 行" in found.reason


def test_without_a_code_column_the_geometry_gives_the_code() -> None:
    reader = RowReader(BUILDING, match_headers(BUILDING, ("层数",)).fields)
    assert reader.codes_made
    values = reader.read(1, [3], GEOMETRY).values
    assert values is not None
    made = dict(zip((field.name for field in reader.fields), values, strict=True))["code"]
    assert made == code_from_geometry(GEOMETRY) == code_from_geometry(bytes(GEOMETRY))
    assert made != code_from_geometry(shapely.to_wkb(shapely.box(121, 30.7, 121.001, 30.702)))


def test_foreign_words_for_the_source_take_the_upload_s_own() -> None:
    reader = RowReader(BUILDING, match_headers(BUILDING, ("编码", "来源")).fields, Source.OPEN_DATA)
    for number, (cell, source) in enumerate(
        {"openstreetmap.org": "open_data", "示意": "synthetic", "census": "census", None: "open_data"}.items()
    ):
        found = reader.read(number, [f"B{number}", cell], GEOMETRY)
        assert found.values is not None, found.reason
        assert str(dict(zip((field.name for field in reader.fields), found.values, strict=True))["source"]) == source
    assert reader.foreign_sources == {"openstreetmap.org"}


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.text(alphabet="0123456789-/年月日.", max_size=20),
)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_cell_breaks_the_reader(data: st.DataObject) -> None:
    layer = data.draw(st.sampled_from(list(LAYERS.values())))
    columns = tuple(field.title for field in layer.fields)
    reader = RowReader(layer, match_headers(layer, columns).fields)
    for number in (1, 2):
        cells = data.draw(st.lists(CELLS, min_size=len(columns), max_size=len(columns)))
        found = reader.read(number, cells, GEOMETRY)
        assert (found.values is None) == bool(found.problems) == bool(found.reason)
        assert found.values is None or len(found.values) == len(reader.fields)


@pytest.mark.parametrize("cell", ["合计", "合 计", " 总计:", "小计", "共计:"])
def test_a_line_of_totals_is_no_row(cell: str) -> None:
    reader = RowReader(BUILDING, match_headers(BUILDING, ("编码", "层数")).fields)
    for cells in ([cell, 120], [None, cell]):
        found = reader.read(9, cells, GEOMETRY)
        assert found.values is None
        assert [problem.field for problem in found.problems] == [None]
        assert "像是合计" in found.reason
    assert reader.read(10, ["合计楼", 3], GEOMETRY).values is not None
