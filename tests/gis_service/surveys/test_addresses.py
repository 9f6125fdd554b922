"""Addresses taken apart: every spelling of a house is that house, and no spelling is another's."""

from __future__ import annotations

import random
import time
from dataclasses import fields
from itertools import combinations

import pytest

from gis_service.surveys.places.addresses import Address, parse_address
from tests.gis_service.surveys.spelled_ledger import STYLES


def parts(text: str) -> dict[str, object]:
    """Return the parts that an address gives, without those around it."""
    found = parse_address(text)
    return {
        one.name: getattr(found, one.name)
        for one in fields(Address)
        if getattr(found, one.name) and one.name not in {"regions", "assumed", "rest"}
    }


@pytest.mark.parametrize("style", range(len(STYLES)))
def test_every_spelling_is_the_same_house_and_no_other(style: int) -> None:
    known = {number: parse_address(f"新群小区{number}幢101室").house for number in range(1, 460)}
    spelled = {number: parse_address(STYLES[style]("新群小区", str(number), "101")) for number in known}
    door = STYLES[style]("", "7", "101").startswith("7号101")
    assert all(("" if door else found.block) in {"", str(number)} for number, found in spelled.items())
    assert len({found.house for found in spelled.values()}) == len(known)
    if not door:
        assert {number: found.house for number, found in spelled.items()} == known


@pytest.mark.parametrize(
    "prefix",
    ["浙江省平湖市当湖街道新群社区", "浙江省嘉兴市平湖市钟埭街道", "平湖经济技术开发区", "钟埭镇", "原人民村",
     "平湖市钟埭街道新群村原陆家桥村", "上海市徐汇区", " 平湖市 "],
)  # fmt: skip
def test_what_lies_around_is_no_part_of_the_house(prefix: str) -> None:
    assert parse_address(f"{prefix}新群小区12幢501室").full == parse_address("新群小区12幢501室").full
    assert parse_address(f"{prefix}新明路18号3幢").house == parse_address("新明路18号3幢").house


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3-2-501", {"block": "3", "unit": "2", "room": "501"}),
        ("新群小区十二-三-五〇一", {"locality": "新群小区", "block": "12", "unit": "3", "room": "501"}),
        ("新群小区１２＃楼２单元５０１", {"locality": "新群小区", "block": "12", "unit": "2", "room": "501"}),
        ("新群小区12幢负一层", {"locality": "新群小区", "block": "12", "floor": "-1"}),
        ("新群小区(东区)12幢", {"locality": "新群小区", "section": "东区", "block": "12"}),
        ("新群小区12幢(501室)", {"locality": "新群小区", "block": "12", "room": "501"}),
        ("新群小区12幢(原人民村)", {"village": "人民村", "locality": "新群小区", "block": "12"}),
        ("阳光城市花园二期B座1203", {"locality": "阳光城市花园", "section": "2期", "block": "b", "room": "1203"}),
        ("陆家桥村3组12号", {"locality": "陆家桥村", "section": "3组", "number": "12"}),
        ("新明路18弄3支弄5号附1号", {"roads": ("新明路",), "lanes": ("18弄", "3支弄"), "number": "5附1"}),
        ("新明路18号-1", {"roads": ("新明路",), "number": "18附1"}),
        ("新明路18号 1幢", {"roads": ("新明路",), "number": "18", "block": "1"}),
        ("新群路12号新群小区3幢501", {"locality": "新群小区", "roads": ("新群路",), "gate": "12", "block": "3",
                                    "room": "501"}),
        ("新群小区新群路16号", {"roads": ("新群路",), "number": "16"}),
        ("新村路5号", {"roads": ("新村路",), "number": "5"}),
        ("平湖市新村路5号", {"roads": ("新村路",), "number": "5"}),
        ("平湖市花园新村5号", {"locality": "花园新村", "number": "5"}),
        ("平湖市平湖大道18号", {"roads": ("平湖大道",), "number": "18"}),
        ("2号大街501号", {"roads": ("2号大街",), "number": "501"}),
        ("八一路三号", {"roads": ("八一路",), "number": "3"}),
        ("三元小区一百零三幢", {"locality": "三元小区", "block": "103"}),
        ("新群农贸市场7幢", {"locality": "新群农贸市场", "block": "7"}),
        ("新群社区12幢", {"block": "12"}),
        ("新群小区12、13幢", {"locality": "新群小区", "block": "12-13"}),
        ("", {}),
    ],
)  # fmt: skip
def test_parts(text: str, expected: dict[str, object]) -> None:
    assert parts(text) == expected


def test_different_houses_stay_apart() -> None:
    houses = [
        "新群小区1幢", "新群小区11幢", "新群小区12幢", "新群小区12号", "新群小区12-1号", "新群小区12号附1号",
        "新群小区12号-2", "新群小区12号甲", "新群小区12幢甲",
        "新群小区东区12幢", "新群小区2期12幢", "新群花园12幢", "新群新村12幢", "新群村12幢",
        "新群路12号", "新明路12号", "新明路12-1号", "新明路12弄1号", "新明路1弄12号", "新明路12号1幢", "新明路12号11幢",
        "新群小区12a幢", "新群小区5弄12号", "新群小区12幢之一", "新群小区12、13幢", "陆家桥小区12幢", "12幢", "12号",
    ]  # fmt: skip
    for one, other in combinations(houses, 2):
        assert parse_address(one).house != parse_address(other).house, (one, other)


@pytest.mark.parametrize("text", ["新群小区12幢东侧", "新群路16号门口", "新群小区12幢南面", "新群小区12幢附房"])
def test_a_spot_beside_a_house_is_told(text: str) -> None:
    assert parse_address(text).beside


@pytest.mark.parametrize("text", ["新群路16号对面", "新群小区12幢附近", "新群路16号往东50米"])
def test_a_spot_away_from_a_house_is_told(text: str) -> None:
    assert parse_address(text).apart


@pytest.mark.parametrize(
    "text", ["((((", "幢" * 400, "1" * 400, "-" * 400, "一" * 4000, "\x00\ue000", "号号号", "(((新)))"]
)
def test_nonsense_is_taken(text: str) -> None:
    assert isinstance(parse_address(text), Address)


def test_nothing_is_too_odd_or_takes_long() -> None:
    signs = (
        "新群小区陆家桥路街号幢栋座楼室房单元村社市省镇弄巷附之第原一二十百0123456789abＡ１"
        "-—# ()【】、,。/东西侧对面花园苑厂公司负\ue000"
    )
    chance = random.Random(1)
    begun = time.perf_counter()
    for _ in range(5_000):
        text = "".join(chance.choices(signs, k=chance.choice((5, 12, 30, 400))))
        assert isinstance(parse_address(text), Address), text
    assert time.perf_counter() - begun < 5
