"""A ledger as people write it: every address of the sample's units respelled, some wrongly, some of no house at all."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from gis_service.features.spelling import in_chinese

_PARTS = re.compile(r"(.+?)([0-9]+)幢([0-9]+)室")
_WIDE = str.maketrans("0123456789-#", "０１２３４５６７８９－＃")
_SAME_SOUND = {"群": "裙", "桥": "侨", "区": "去", "陆": "路"}
_OTHER_SIGN = {"群": "郡", "桥": "轿", "新": "亲", "陆": "陇", "家": "冢"}
_PREFIXES = (
    "", "", "", "平湖市", "浙江省平湖市钟埭街道", "平湖市钟埭街道新群社区", "钟埭街道", "新群社区", "嘉兴市平湖市",
    "浙江省嘉兴市平湖市钟埭街道新群社区", "平湖", "钟埭", "平湖经济技术开发区", "浙江省平湖市当湖街道新群社区",
    "新群路", "浙江省 平湖市 钟埭街道 ", "平湖市钟埭镇新群村",
)  # fmt: skip
_OLD = ("原人民村", "(原陆家桥村)", "原新群村", "钟埭村")
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


def _by_digit(number: str) -> str:
    return number.translate(_DIGITS)


def _counted(number: str) -> str:
    return in_chinese(int(number)) if len(number) <= 4 else number


STYLES: tuple[Callable[[str, str, str], str], ...] = (
    lambda place, block, room: f"{place}{block}幢{room}室",
    lambda place, block, room: f"{place}{block}栋{room}室",
    lambda place, block, room: f"{place}{block}号楼{room}",
    lambda place, block, room: f"{place}{block}#楼{room}室",
    lambda place, block, room: f"{place}{block}#{room}",
    lambda place, block, room: f"{place}{block}座{room}房",
    lambda place, block, room: f"{place}{block}棟{room}房间",
    lambda place, block, room: f"{place}{block}-{room}",
    lambda place, block, room: f"{place}{block}—{room}室",
    lambda place, block, room: f"{place}{block}-1-{room}",
    lambda place, block, room: f"{place}{block}幢1单元{room}室",
    lambda place, block, room: f"{place}{_counted(block)}幢{room}室",
    lambda place, block, room: f"{place}第{_counted(block)}幢{_by_digit(room)}",
    lambda place, block, room: f"{place}{_by_digit(block)}栋{room}",
    lambda place, block, room: f"{place}{block}幢{room[0]}楼{room}",
    lambda place, block, room: f"{place}{block}幢{in_chinese(int(room[0]))}层{room}室",
    lambda place, block, room: f"{place} {block} 幢 {room} 室",
    lambda place, block, room: f"{place},{block}幢,{room}室",
    lambda place, block, room: f"{place}{block}幢{room}室(出租)",
    lambda place, block, room: f"{place}{block}幢({room}室)",
    lambda place, block, room: f"{place}{block:0>3}幢{room:0>4}室",
    lambda place, block, room: f"{place} {block} {room}",
    lambda place, block, room: f"{place}{block}号{room}室",
    lambda place, block, room: f"{place}{block}幢{room}".translate(_WIDE),
    lambda place, block, room: f"{place}{block}号楼{room}室".translate(_WIDE),
    lambda place, block, _: f"{place}{block}幢",
)  # fmt: skip


@dataclass(frozen=True)
class Spelled:
    """An address as it is written, what was done to it, and whether there is such a house."""

    text: str
    kind: str
    exists: bool = True


def spell(address: str, chance: random.Random, *, harder: bool = False, houses: int = 460) -> Spelled:
    """Return an address of the sample's units in another spelling.

    About 3 in 100 have a typing error in the name, 2 in 100 speak of a house that isn't there.

    Parameters
    ----------
    houses
        From this number on there are none.
    harder
        More errors, houses without the estate's name, and words around the address.
    """
    found = _PARTS.fullmatch(address)
    assert found is not None
    place, block, room = found.groups()
    fate = chance.random() / (2.5 if harder else 1)
    if fate < 0.02:
        return Spelled(_written(place, str(chance.randint(houses, 2 * houses)), room, chance), "no house", exists=False)
    if fate < 0.05:
        return Spelled(_written(_mistyped(place, chance), block, room, chance), "typing error")
    if harder and fate < 0.08:
        return Spelled(_written("", block, room, chance), "no estate")
    if harder and fate < 0.12:
        return Spelled(_written(place, block, room, chance) + chance.choice(("东侧", "二楼东", "门口")), "around")
    return Spelled(_written(place, block, room, chance), "respelled")


def _written(place: str, block: str, room: str, chance: random.Random) -> str:
    if place and chance.random() < 0.1:
        place = place.removesuffix("小区")
    style = chance.choice(STYLES)
    if not place.endswith("区"):
        style = chance.choice(
            [one for one in STYLES if "号" not in one("", "1", "101") or "号楼" in one("", "1", "101")]
        )
    old = chance.choice(_OLD) if chance.random() < 0.06 else ""
    prefix = chance.choice(_PREFIXES)
    if old.startswith("(") or not place:
        return prefix + style(place, block, room) + (old if place else "")
    return prefix + old + style(place, block, room)


def _mistyped(place: str, chance: random.Random) -> str:
    table = chance.choice((_SAME_SOUND, _OTHER_SIGN))
    known = [sign for sign in place if sign in table]
    if not known or chance.random() < 0.2:
        at = chance.randrange(1, len(place) - 2)
        return place[:at] + place[at + 1 :]
    sign = chance.choice(known)
    return place.replace(sign, table[sign], 1)
