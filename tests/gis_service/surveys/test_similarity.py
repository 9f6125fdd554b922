"""Headers that no declaration names: what is proposed for them, and how often that is right."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from gis_service.errors import InputError
from gis_service.surveys.columns.headers import Matching, match_headers
from gis_service.surveys.columns.similarity import THRESHOLD, Suggestion, likeness
from layers.registry import LAYERS

# layer, header and field as offices write and mean them, none of them declared; headers without field are strangers.
OFFICE_HEADERS = Path(__file__).parents[2] / "data" / "office_headers.csv"


def suggestion(layer: str, column: str) -> str | None:
    """Return the first field proposed for a column of a sheet that gives nothing but the key."""
    matching = match_headers(LAYERS[layer], ("编码", column))
    assert column in (*matching.unknown, *matching.personal), f"{column} is declared"
    return matching.suggested[0].options[0][0] if matching.suggested else None


def test_most_headers_of_offices_find_their_field_and_hardly_any_a_wrong_one() -> None:
    with OFFICE_HEADERS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    meant = {(row["layer"], row["header"]): row["field"] for row in rows if row["layer"]}
    layers = sorted({layer for layer, _ in meant})
    strangers = [(layer, row["header"]) for layer in layers for row in rows if not row["layer"]]
    found = {key: suggestion(*key) for key in meant}
    right = [key for key, field in meant.items() if found[key] == field]
    silent = [key for key in meant if found[key] is None]
    wrong = [(key, found[key]) for key in meant if key not in right and key not in silent]
    strays = [(key, field) for key in strangers if (field := suggestion(*key)) is not None]
    assert len(meant) >= 60
    assert len(layers) >= 6
    assert len(strangers) >= 30 * len(layers)
    # 2026-11: 93 headers over 7 layers, 86 right, 3 wrong, 4 without proposal; of 266 strangers one got a proposal.
    assert len(right) / (len(right) + len(wrong)) >= 0.95, wrong
    assert len(right) / len(meant) >= 0.9, silent
    assert len(strays) / len(strangers) <= 0.01, strays


def test_what_stands_in_a_column_speaks_for_a_field_or_against_it() -> None:
    layer = LAYERS["building"]

    def found(column: str, *cells: object) -> list[tuple[str, float, str]]:
        matching = match_headers(layer, ("编码", column), [[f"B{at}", cell] for at, cell in enumerate(cells)])
        return [option for suggested in matching.suggested for option in suggested.options]

    without, with_labels = found("房屋结构情况")[0], found("房屋结构情况", "砖木结构", "混合", "3", None)[0]
    assert without[0] == with_labels[0] == "structure"
    assert without[1] < with_labels[1] <= 1
    assert (without[2], with_labels[2]) == ("列名包含“房屋结构”", "列名包含“房屋结构”,内容也合“建筑结构”")
    assert found("房屋结构情况", "两室一厅", "三室两厅", "一室户") == []
    assert found("楼房总层数", "6层", "约12层", "二十三")[0][0] == "floors"
    assert found("楼房总层数", "很高", "不清楚") == []
    assert found("房屋安全鉴定日期", 45678, "2024.6.1")[0][0] == "appraised_on"


def test_nothing_suggested_is_imported_until_someone_confirms_it() -> None:
    layer = LAYERS["rental_unit"]
    columns = ("编码", "租住人数(人)合计", "房屋使用面积", "备用")
    matching = match_headers(layer, columns)
    assert [field.name for field in matching.fields.values()] == ["code"]
    assert matching.unknown == columns[1:]
    assert [suggested.column for suggested in matching.suggested] == list(columns[1:3])
    asked = {"租住人数(人)合计": "tenant_count", "备用": "remark", "房屋使用面积": None, "不在文件里的列": "room"}
    confirmed = match_headers(layer, columns, (), asked)
    assert {columns[at]: field.name for at, field in confirmed.fields.items()} == {
        "编码": "code", "租住人数(人)合计": "tenant_count", "备用": "remark",
    }  # fmt: skip
    assert (confirmed.unknown, confirmed.suggested, confirmed.left_out) == ((), (), ("房屋使用面积",))


def test_what_is_confirmed_wins_over_the_declaration_but_not_over_privacy() -> None:
    columns = ("编码", "租住人数", "实住", "房东电话", "备注")
    rows = [[f"R{at}", 2, 3, "0573-85012345", f"1380000{at:04}"] for at in range(5)]
    asked = {"实住": "tenant_count", "房东电话": "room", "编码": None, "备注": "remark"}
    matching = match_headers(LAYERS["rental_unit"], columns, rows, asked)
    assert {columns[at]: field.name for at, field in matching.fields.items()} == {"实住": "tenant_count"}
    assert matching.doubled == ("租住人数",)
    assert matching.left_out == ("编码",)
    assert matching.personal == ("房东电话", "备注")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"甲": "no_such_field"}, "没有字段 'no_such_field',列“甲”无法对应"),
        ({"甲": "landlord_name"}, "没有字段"),
    ],
)
def test_confirmations_that_make_no_sense_are_refused(asked: dict[str, str | None], said: str) -> None:
    with pytest.raises(InputError, match=said):
        match_headers(LAYERS["rental_unit"], ("甲", "乙"), (), asked)


def test_of_columns_remembered_as_one_field_the_first_is_taken_and_titles_name_fields() -> None:
    matching = match_headers(LAYERS["rental_unit"], ("乙", "甲"), (), {"甲": "room", "乙": "房号"})
    assert {at: found.name for at, found in matching.fields.items()} == {0: "room"}
    assert matching.doubled == ("甲",)


@pytest.mark.parametrize("column", ["序号", "顺序号", "流水号", "行号", "No", "NO.", "#", " 序号 "])
def test_a_running_number_is_no_code(column: str) -> None:
    """The next sheet begins at 1 again, and would overwrite what the first one wrote."""
    for layer in LAYERS.values():
        matching = match_headers(layer, (column,), [("1",), ("2",), ("3",)])
        assert (matching.fields, matching.suggested) == ({}, ()), layer.name


@pytest.mark.parametrize(
    ("layer", "column", "field"),
    [
        # Cut within brackets, cut after 10 bytes of GBK and of letters.
        ("rental_unit", "使用面积(平", "usable_area_m2"), ("rental_unit", "单间最多居", "largest_room_persons"),
        ("building", "floor_coun", "floors"), ("enterprise", "统一社会信", "uscc"),
        ("hazard", "上报移交日", "transferred_on"),
    ],
)  # fmt: skip
def test_a_header_cut_to_ten_bytes_is_matched_when_only_one_begins_so(layer: str, column: str, field: str) -> None:
    matching = match_headers(LAYERS[layer], ("编码", column))
    assert matching.fields == {0: LAYERS[layer].field("code"), 1: LAYERS[layer].field(field)}


def test_a_cut_header_that_is_not_certain_is_suggested() -> None:
    # Three signs of UTF-8 and the first byte of a fourth.
    short = match_headers(LAYERS["building"], ("编码", "危险等\ufffd"))
    assert short.fields.keys() == {0}
    assert short.suggested == (Suggestion("危险等\ufffd", (("safety_grade", 0.9, "列名像是“安全鉴定等级”被截短"),)),)
    # Five signs of GBK that two fields begin with.
    several = match_headers(LAYERS["rental_unit"], ("编码", "清点\ufffd"))
    assert {name for name, _, _ in several.suggested[0].options} == {"tenant_count_as_of", "count_basis"}
    # What stands below disagrees.
    rows = [[f"R{at}", "很多"] for at in range(4)]
    assert list(match_headers(LAYERS["rental_unit"], ("编码", "单间最多居"), rows).fields) == [0]


def test_a_cut_personal_header_is_personal() -> None:
    matching = match_headers(LAYERS["rental_unit"], ("编码", "房东联系电"))
    assert (matching.personal, matching.unknown) == (("房东联系电",), ())


def test_a_field_that_a_column_gives_is_not_suggested_for_another() -> None:
    matching = match_headers(LAYERS["building"], ("编码", "层数", "房屋总层数"))
    assert all(name != "floors" for suggested in matching.suggested for name, _, _ in suggested.options)


def test_likeness_is_one_of_shares_and_greatest_for_the_same_words() -> None:
    shuffled = random.Random(5)
    headers = [header for field in LAYERS["building"].fields for header in field.headers]
    for _ in range(100):
        one, other = shuffled.choice(headers), shuffled.choice(headers)
        assert 0 <= likeness(one, other) <= likeness(one, one) == 0.95
    assert likeness("租住人数(人)合计", "租住人数") > THRESHOLD > likeness("建筑高度", "建筑面积")


@pytest.mark.parametrize(
    ("columns", "at"),
    [
        (("编码", "gps-Accuracy"), 1), (("编码", "_location_precision"), 1), (("编码", "精度(米)"), 1),
        (("编码", "定位精度\uff08米\uff09"), 1), (("hdop", "编码", "GPS精度"), 2), (("编码", "HDOP"), 1),
        (("编码", "定位精度"), None), (("编码", "精度等级"), None), (("编码", "分类正确率"), None),
    ],
)  # fmt: skip
def test_columns_of_accuracy_are_recognised_and_give_no_field(columns: tuple[str, ...], at: int | None) -> None:
    matching = match_headers(LAYERS["waste_point"], columns)
    assert matching.gps_accuracy == at
    assert at not in matching.fields
    assert at is None or columns[at] not in matching.unknown


def test_a_column_named_as_the_class_of_accuracy_is_one_of_metres_when_numbers_stand_in_it() -> None:
    def matched(*cells: object) -> Matching:
        return match_headers(LAYERS["building"], ("编码", "定位精度"), [["B", cell] for cell in cells])

    assert matched(4.9, "12.5", 3).gps_accuracy == 1
    assert matched("A", "B 级(±1.0 米)").fields[1].name == "accuracy"
