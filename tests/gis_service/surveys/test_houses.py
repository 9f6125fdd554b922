"""Which house an address names, and that none is named where several, or another one, may be meant."""

from __future__ import annotations

import pytest

from gis_service.surveys.places.addresses import parse_address
from gis_service.surveys.places.houses import House, Houses, address_of

ESTATES = {"XQ01": "新群小区"}


def house(code: str, layer: str = "building", **values: object) -> House:
    address = address_of(values, ESTATES)
    assert address is not None
    return House(layer, code, code, address)


@pytest.fixture(scope="module")
def houses() -> Houses:
    """A community as awkward as a real one."""
    found = Houses(["新群社区", "平湖市", "钟埭街道", "新群村"])
    found.add(
        [
            house("X12", address="新群小区12幢"),
            house("X13", address="13幢", estate="XQ01"),
            house("X99", name="新群小区99幢"),
            house("L12", address="陆家桥小区12幢"),
            house("E12", address="新群小区东区12幢"),
            house("M12", address="梅园新村12号"),
            house("M14", address="梅园新村14号"),
            house("B7", address="百花苑7号"), house("B7F", address="百花苑7幢"),
            house("B8", address="百花苑8幢"),
            house("N18-1", address="新明路18号", house_number="1幢"), house("N18-2", address="新明路18号2幢"),
            house("N18", "enterprise_plot", address="新明路18号"),
            house("N18-0", address="新明路18号"),
            house("N20", "enterprise_plot", address="新明路20号"),
            house("N22", street="新明路", house_number="22"),
            house("N24", address="新明路24-1号"),
            house("J3", address="新群路12号锦绣花园3幢"),
            house("S5", address="新明路18弄5号"),
        ]
    )  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("平湖市新群小区十二栋501", None),  # 12幢 of the estate, or of its eastern part.
        ("新群小区东区12幢", "E12"),
        ("新群小区13-2-501", "X13"),
        ("新群13号", "X13"),  # The estate counts in 幢 only.
        ("钟埭新群小区99#", "X99"),
        ("新群小区2期99幢", None),
        ("新群小区5弄99幢", None),
        ("新群小区9幢", None),
        ("陆家桥小区12幢", "L12"),
        ("路家桥小区12幢", "L12"),
        ("陆家桥东区12幢", None),
        ("梅园新村12幢", "M12"),
        ("梅园小区12号", None),
        ("百花苑7号", "B7"),
        ("百花苑7幢", "B7F"),
        ("百花苑7-101", None),  # The estate counts in both ways.
        ("百花苑8号", None),
        ("新明路18号1幢", "N18-1"),
        ("新明路18号", "N18"),
        ("新明路18号3幢", None),
        ("新明路18-1号", None),
        ("新明路20号2幢", "N20"),
        ("新明路22", "N22"),
        ("新明路22-1号", None),
        ("新明路22号甲", None),
        ("新明路24号", None),
        ("新明路24-1号", "N24"),
        ("新明路18弄5号", "S5"),
        ("新明路5号", None),
        ("新明路18弄6号", None),
        ("新群路18号1幢", None),
        ("锦绣花园3幢", "J3"),
        ("新群路12号锦绣花园3幢", "J3"),
        ("新群路14号锦绣花园3幢", None),
        ("新群路12号3幢", "J3"),
        ("新群路12号东湖小区3幢", None),
        ("原陆家桥村12幢", None),
        ("陆家桥村3组12号", None),
        ("原人民村99幢", None),
        ("99幢501室", "X99"),
        ("12幢501室", None),
        ("12号", None),
        ("新群小区", None),
        ("东湖社区新群小区13幢", None),
        ("上海市徐汇区新群小区13幢", None),
        ("新群小区13幢对面", None),
        ("新群小区12、13幢", None),
        ("13幢新群小区99幢", None),
    ],
)  # fmt: skip
def test_the_one_house(houses: Houses, text: str, code: str | None) -> None:
    found = houses.named_by(parse_address(text))
    assert (found.house.code if found else None) == code


def test_what_is_less_than_certain_is_told(houses: Houses) -> None:
    by_sound = houses.named_by(parse_address("路家桥小区12幢"))
    assert by_sound is not None
    assert by_sound.warning == "地址里的“路家桥小区”按同音的“陆家桥”落图,请核对"
    without_place = houses.named_by(parse_address("99幢"))
    assert without_place is not None
    assert without_place.warning.startswith("地址没有写小区或道路")


def test_a_row_gives_its_address_in_several_fields() -> None:
    said = address_of({"address": "新群小区12幢", "room": "0501", "floor": 5}, ESTATES)
    assert said is not None
    assert (said.block, said.room, said.floor) == ("12", "501", "5")
    assert address_of({"name": "永兴超市", "remark": "x"}, ESTATES) is None
