"""Cells as offices write them: units, numerals, dates and codes; what can be read in two ways is refused."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.surveys.columns.cells import plain
from gis_service.surveys.columns.headers import match_headers
from gis_service.surveys.columns.positioning import PositionLimit, position_limit
from gis_service.surveys.columns.quantities import chinese_number, read_quantity
from gis_service.surveys.columns.rows import RowReader
from gis_service.surveys.columns.values import converter_of
from gis_service.surveys.files.errors import UnreadableCellError
from layers.layer import Layer
from layers.registry import LAYERS
from layers.rules import RULES

GEOMETRY = shapely.to_wkb(shapely.Point(121, 30.7))
BUILDING, RENTAL, ENTERPRISE = LAYERS["building"], LAYERS["rental_unit"], LAYERS["enterprise"]


def value(layer: Layer, field: str, cell: object) -> tuple[object, bool]:
    """Return what a cell is read as, and whether that is worth telling."""
    told: list[object] = []
    return converter_of(layer.field(field), lambda _cell, read: told.append(read))(cell), bool(told)


def refused(layer: Layer, field: str, cell: object) -> str:
    with pytest.raises(UnreadableCellError) as caught:
        value(layer, field, cell)
    return str(caught.value)


@pytest.mark.parametrize(
    ("unit", "cell", "read"),
    [
        ("m²", "约60㎡", 60), ("m²", "1,200.5平方米", 1200.5), ("m²", "60 平米左右", 60),
        ("m²", "60m²", 60), ("m²", "60(平方米)", 60), ("m²", "1.5公顷", 15000), ("km²", "520公顷", 5.2),
        ("m²", "0.5km²", 500_000),
        ("元", "27元", 27), ("元", "2.5万", 25000), ("元", "¥300", 300), ("元", "1.2万元", 12000),
        ("间", "3 间", 3), ("间", "三间", 3), ("间", "3个", 3), ("人", "12人", 12), ("人", "两名", 2),
        ("层", "6F", 6),
        ("层", "十二层", 12), ("层", "地上6层", None), ("年", "2005年", 2005), ("年", "二〇〇五年", 2005),
        ("%", "95%", 95),
        ("mm", "DN300", 300), ("mm", "0.3m", 300), ("mm", "30cm", 300), ("m", "3米", 3), ("m", "3千米", 3000),
        (None, "5个", 5), (None, "约八十人", 80), ("辆", "20多辆", None), ("人", "1-2人", None), ("人", "1 2", None),
        ("人", "1  2", None), ("人", "共计12人", 12), ("人", "合计约为12人", 12), ("人", "约合 12", 12),
        # One sign more twice the time: in another reading of the words this wouldn't end.
        ("人", "共计" * 500 + "x", None), ("人", "合计共" * 300 + "1-", None),
        ("人", "三四人", None), ("人", "很多", None), ("人", "3斤", None), ("m²", "10*6", None), ("m²", "1e3", None),
    ],
)  # fmt: skip
def test_quantities(unit: str | None, cell: str, read: float | None) -> None:
    assert read_quantity(plain(cell).replace(",", ""), unit) == read


@pytest.mark.parametrize(("unit", "cell"), [("m²", "3亩"), ("m²", "3间"), ("层", "3m"), ("人", "3间"), (None, "3米")])
def test_a_unit_that_does_not_agree_is_refused(unit: str | None, cell: str) -> None:
    with pytest.raises(UnreadableCellError, match="请换算后只填数字"):
        read_quantity(cell, unit)


@pytest.mark.parametrize(
    ("numerals", "number"),
    [
        ("三", 3), ("十", 10), ("十二", 12), ("二十", 20), ("二十三", 23), ("廿三", 23), ("两", 2), ("一百", 100),
        ("一百零五", 105), ("一百一十", 110), ("一千零二十", 1020), ("两万三千", 23000), ("一亿零三", 100_000_003),
        ("二〇二六", 2026), ("零", 0), ("一百五", None), ("两万三", None), ("百", None), ("一百二百", None),
        ("", None),
    ],
)  # fmt: skip
def test_chinese_numerals(numerals: str, number: int | None) -> None:
    assert chinese_number(numerals) == number


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 99_999_999))
def test_every_number_written_in_full_is_read_back(number: int) -> None:
    def below_ten_thousand(rest: int) -> str:
        written, gap = "", False
        for place, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
            digit, rest = divmod(rest, place)
            if digit:
                written += ("零" if gap and written else "") + "零一二三四五六七八九"[digit] + sign
                gap = False
            else:
                gap = True
        return written

    high, low = divmod(number, 10_000)
    written = (below_ten_thousand(high) + "万" if high else "") + ("零" if high and 0 < low < 1000 else "")
    assert chinese_number(written + below_ten_thousand(low)) == number


@pytest.mark.parametrize(
    ("cell", "read", "told"),
    [
        ("2026-11-23", "2026-11-23", False), ("2026/11/23", "2026-11-23", False), ("2026.11.3", "2026-11-03", False),
        ("2026年11月23日", "2026-11-23", False), ("20261123", "2026-11-23", True), (20261123, "2026-11-23", True),
        ("23-Nov-2026", "2026-11-23", True), ("Nov 23, 2026", "2026-11-23", True),
        ("3 November 2026", "2026-11-03", True),
        (46349, "2026-11-23", True), (46349.75, "2026-11-23", True), ("46349", "2026-11-23", True),
        ("2026-11-23 08:12", "2026-11-23", True), ("2026/11/23 下午3:05", "2026-11-23", True),
        ("2026-11-23T08:12:00.000+08:00", "2026-11-23", True), ("2026-11-22T23:30:00Z", "2026-11-23", True),
        ("2026-11-23 00:00:00", "2026-11-23", False),
    ],
)  # fmt: skip
def test_dates(cell: object, read: str, told: bool) -> None:
    assert value(BUILDING, "appraised_on", cell) == (read, told)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2026年11月", "只有年月、没有日;请补上日"), ("2026-11", "只有年月"), ("202611", "只有年月"),
        (2026, "只有年份"),
        ("2026年", "只有年份"), ("去年", "不是日期"), ("11/23/2026", "不是日期"), ("26-11-23", "不是日期"),
        (True, "不是日期"),
        (39999, "不是日期"), (60001, "不是日期"), (86400, "不是日期"), ("民国115年11月23日", "不是日期"),
        ("3 Foo 2026", "不是日期"),
    ],
)  # fmt: skip
def test_what_leaves_the_day_open_is_no_date(cell: object, said: str) -> None:
    assert said in refused(BUILDING, "appraised_on", cell)


@pytest.mark.parametrize(
    ("field", "cell", "read", "told"),
    [
        ("responsibility_letter", "已签订", True, True), ("responsibility_letter", "未签订", False, True),
        ("partitioned", "yes", True, False), ("partitioned", "no", False, False), ("partitioned", "√", True, False),
        ("partitioned", "×", False, False), ("partitioned", "已", True, False), ("partitioned", "未", False, False),
        ("partitioned", "没有", False, False), ("partitioned", "无分隔", False, True),
        ("partitioned", "未知", "未知", False),
        ("partitioned", "有待核实", "有待核实", False),
    ],
)  # fmt: skip
def test_yes_and_no(field: str, cell: str, read: object, told: bool) -> None:
    assert value(RENTAL, field, cell) == (read, told)


@pytest.mark.parametrize(
    ("layer", "field", "cell", "read", "told"),
    [
        (RENTAL, "letting_use", "居住(dwelling)", "dwelling", True),
        (RENTAL, "letting_use", "dwelling 居住", "dwelling", True),
        (RENTAL, "letting_use", " 居 住 ", "dwelling", True), (RENTAL, "letting_use", "集体", "dormitory", True),
        (BUILDING, "use", "11 成套住宅", "11", True), (BUILDING, "use", "11-成套住宅", "11", True),
        (BUILDING, "structure", "砖木", "5", True), (BUILDING, "safety_grade", "A级", "A", True),
        (BUILDING, "safety_grade", "c", "C", False), (LAYERS["visit"], "outcome", 1, "01", True),
        (LAYERS["visit"], "outcome", "拒访", "03", False), (BUILDING, "use", "飞机场", "飞机场", False),
        (ENTERPRISE, "risks", "dust spraying", ["dust", "spraying"], False),
        (ENTERPRISE, "risks", "涉爆粉尘、喷涂", ["dust", "spraying"], True),
    ],
)  # fmt: skip
def test_codes(layer: Layer, field: str, cell: object, read: object, told: bool) -> None:
    assert value(layer, field, cell) == (read, told)


def test_a_beginning_of_several_labels_is_refused_with_the_options() -> None:
    assert refused(BUILDING, "use", "商业") == "的 '商业' 可能是商业、金融、信息、商业服务;请写明其中一项"


def reader(layer: Layer, *columns: str) -> RowReader:
    return RowReader(layer, match_headers(layer, columns).fields)


def test_what_was_read_into_cells_is_counted_by_field() -> None:
    rows = reader(RENTAL, "编码", "使用面积", "间数", "调查日期")
    sheet: list[list[object]] = [
        ["A", "约60㎡", "3 间", 46349],
        ["B", "61", "三间", "2026-11-23"],
        ["C", "62平米", 3, None],
    ]
    for number, cells in enumerate(sheet):
        assert rows.read(number, cells, GEOMETRY).problems == ()
    assert rows.read_as == {
        "使用面积": ("约60㎡", "60", 2), "间数": ("3 间", "3", 2), "调查日期": ("46349", "2026-11-23", 1),
    }  # fmt: skip


def test_every_field_that_is_wrong_is_told_once() -> None:
    rows = reader(BUILDING, "编码", "层数", "建筑面积", "安全鉴定日期", "房屋用途", "备注")
    found = rows.read(4, [None, "很多", "3亩", "2026年11月", "商业", "13812345678"], GEOMETRY)
    assert found.values is None
    said = {problem.field: problem.message for problem in found.problems}
    assert len(said) == len(found.problems)
    assert set(said) == {"code", "floors", "floor_area_m2", "appraised_on", "use", "remark"}
    assert said["floor_area_m2"] == "“建筑面积”的 '3亩' 单位是“亩”,这里要的是 m²;请换算后只填数字。"
    assert said["floors"] == "“层数”的 '很多' 不是整数。"
    assert found.reason.count("。") == 1


def test_a_required_field_that_cannot_be_read_is_not_missing_too() -> None:
    rows = reader(LAYERS["visit"], "编码", "走访对象类型", "走访对象编码", "走访日期")
    found = rows.read(1, ["V1", "出租房", "R1", "2026年11月"], GEOMETRY)
    assert [problem.field for problem in found.problems] == ["visited_on"]
    assert "只有年月" in found.reason


@pytest.mark.parametrize(
    ("column", "cell"),
    [("层数", "330482199001011232"), ("房屋用途", "13812345678"), ("安全鉴定日期", "王某13812345678"),
     ("高度", 13812345678), ("编码", "330482199001011232")],
)  # fmt: skip
def test_no_message_quotes_a_person(column: str, cell: object) -> None:
    rows = reader(BUILDING, "编码", *({column} - {"编码"}))
    found = rows.read(1, [cell] if column == "编码" else ["B1", cell], GEOMETRY)
    assert "疑似有身份证号或手机号" in found.reason
    assert str(cell) not in found.reason


def test_uncertain_positions_are_warned_of_and_taken() -> None:
    layer = LAYERS["waste_point"]
    matching = match_headers(layer, ("编码", "类型", "gps-Accuracy"))
    assert matching.gps_accuracy == 2
    rows = RowReader(layer, matching.fields, accuracy_column=2, accuracy_limit=position_limit(layer, "gps-Accuracy"))
    for number, cell in enumerate([4.5, "35.2", "12米", None, "不详", 10, True], start=1):
        assert rows.read(number, [f"W{number}", "timed", cell], GEOMETRY).values is not None
    assert rows.warnings == [
        (2, "geom", "定位误差为 35.2 米,超过 10 米;请对照地图核对位置,必要时到开阔处重新采集。"),
        (3, "geom", "定位误差为 12 米,超过 10 米;请对照地图核对位置,必要时到开阔处重新采集。"),
    ]


def test_the_limit_is_the_layer_s_and_the_community_s() -> None:
    assert position_limit(BUILDING, "精度(米)") == PositionLimit(10.0)
    assert position_limit(LAYERS["visit"], "gps-Accuracy") == PositionLimit(30.0)
    assert position_limit(BUILDING, "HDOP") == PositionLimit(5.0, dilution=True)
    stricter = {**RULES, "accuracy.c": RULES["accuracy.c"].model_copy(update={"value": 5.0})}
    assert position_limit(BUILDING, "精度(米)", stricter) == PositionLimit(5.0)
    assert "HDOP为 6.5,超过 5;" in str(PositionLimit(5.0, dilution=True).exceeded_by(6.5)).replace(" 为", "为")
