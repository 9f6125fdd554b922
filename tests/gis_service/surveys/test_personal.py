"""Personal data are recognised by headers and by what stands in the cells; other long numbers are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.surveys.columns.headers import match_headers
from gis_service.surveys.columns.personal import (
    holds_identity,
    is_identity_number,
    is_old_identity_number,
    personal_columns,
)
from layers.registry import LAYERS

# Made up; the check digits are right.
NUMBERS = ("330482199001011232", "33048219900101103X")


@pytest.mark.parametrize(
    "header",
    ["姓名", "户主姓名", "房东", "户主", "联系人", "租客", "承租人姓名", "身份证号", "身份证号码", "证件号码",
     "联系电话",
     "手机号", "手机号码(必填)", "房东手机", "微信", "微信号", "QQ", "法人代表", "负责人", "网格员",
     "紧急联系人电话", "phone",
     "owner_phone", "Mobile", "email", "tel", "subscriberid"],
)  # fmt: skip
def test_headers_that_name_a_person(header: str) -> None:
    assert list(personal_columns((header,), ())) == [header]


@pytest.mark.parametrize(
    "header",
    ["租客数", "租住人数", "房东类型", "房东是否同住", "是否有联系电话", "单位名称", "企业名称", "名称", "hotel",
     "登记时间",
     "身份证登记时间", "责任单位", "调查岗位", "人口", "户数", "编码", ""],
)  # fmt: skip
def test_headers_that_do_not(header: str) -> None:
    assert personal_columns((header,), ()) == {}


def test_below_a_word_for_people_there_may_stand_how_many() -> None:
    assert personal_columns(("租户",), [[3], ["12"], [None]]) == {}
    assert list(personal_columns(("租户",), [["王某"], ["12"], [None]])) == ["租户"]


def test_columns_are_personal_by_what_stands_in_three_of_ten_cells() -> None:
    cells = [["身份证 330482199001011232"]] * 3 + [["无"]] * 7 + [[None]] * 20
    reasons = personal_columns(("备注",), cells)
    assert reasons == {"备注": "前 10 个有内容的单元格里有 3 个像身份证号"}
    assert personal_columns(("备注",), [*cells, ["无"]]) == {}
    phones = personal_columns(("说明", "数"), [[f"138-1234-56{at:02}", 13812345600 + at] for at in range(4)])
    assert phones == dict.fromkeys(("说明", "数"), "前 4 个有内容的单元格里有 4 个像手机号")


def test_a_personal_column_gives_no_field_whatever_its_header_says() -> None:
    columns = ("编码", "备注", "层数")
    rows = [[f"B{at}", NUMBERS[at % 2], 3] for at in range(6)]
    matching = match_headers(LAYERS["building"], columns, rows)
    assert {columns[at] for at in matching.fields} == {"编码", "层数"}
    assert (matching.personal, matching.unknown) == (("备注",), ())
    assert all(number not in said for said in matching.why_personal.values() for number in NUMBERS)


def test_keys_are_no_phones_but_a_citizen_s_number_is_no_key() -> None:
    layer = LAYERS["building"]
    codes = [[13012345678 + at] for at in range(5)]
    assert match_headers(layer, ("编码",), codes).personal == ()
    assert match_headers(layer, ("osm_id",), codes).personal == ()
    assert match_headers(layer, ("编码",), [[number] for number in NUMBERS]).personal == ("编码",)
    grids = [[f"330482101001{serial:03}"] for serial in range(1, 9)]
    assert is_old_identity_number(str(grids[0][0]))
    assert personal_columns(("所在网格",), grids) == {}
    people = [["330482680315201"], ["330482711103402"]]
    assert list(personal_columns(("号",), people)) == ["号"]


@pytest.mark.parametrize(
    "text",
    ["0573-85012345", "05738501234", "91330482MA2B9XYZ1Q", "913304821234567890", "330482199001011234",
     "330482199013011230",
     "330482002099GB00001F00010001", "120.13812345678", "B13812345678X", "138123456789", "12345678901",
     "2026112313812345"],
)  # fmt: skip
def test_other_long_numbers_are_no_identity(text: str) -> None:
    assert not holds_identity(text)


@pytest.mark.parametrize(
    "text",
    [*NUMBERS, "33048219900101103x", "电话13812345678", "+86 138 1234 5678", "138-1234-5678", "86-13812345678",
     "\uff11\uff13\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", "王某,330482199001011232。"],
)  # fmt: skip
def test_identities_in_texts(text: str) -> None:
    assert holds_identity(text)


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 16), digit=st.integers(1, 9))
def test_one_wrong_digit_is_seen(at: int, digit: int) -> None:
    number = NUMBERS[0]
    wrong = number[:at] + str((int(number[at]) + digit) % 10) + number[at + 1 :]
    assert is_identity_number(number)
    assert not is_identity_number(wrong)
