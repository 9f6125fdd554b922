"""Chinese addresses taken apart: which parts name the house, which the room in it, which only the district around.

The same parser reads what is stored and what a ledger says, so that a name it cuts in an odd place is cut so on both
sides. Nothing is guessed: 12号 and 12-1号, 1幢 and 11幢, 东区 and no 区 stay apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from gis_service.features.spelling import numeral

_LONGEST: Final = 120
"""No address is longer; what a cell holds beyond it isn't read."""
_NUMERALS: Final = "〇零一二三四五六七八九十百千两"
_BRACKETS: Final = re.compile(r"[(\[{【〔〈《「][^()\[\]{}【】〔〕〈〉《》「」]*[)\]}】〕〉》」]")
_SEPARATORS: Final = r"\s\-‐-―−~_./\\|,;:、。·•・*'\""
_BETWEEN_NUMBERS: Final = re.compile(rf"(?<=[0-9a-z号{_NUMERALS}])[{_SEPARATORS}]+(?=[0-9a-z{_NUMERALS}])")
_SEPARATOR: Final = re.compile(rf"[{_SEPARATORS}]+")
_GAP: Final = "\ue000"
"""A sign of nobody's alphabet that stands for whatever kept two numbers apart."""

_WORDS: Final = {
    "block": ("号楼", "号厂房", "#楼", "#", "幢", "栋", "棟", "座"),
    "number": ("号院", "号"),
    "room": ("号房间", "号房", "号室", "房间", "室", "房"),
    "unit": ("单元", "梯"),
    "floor": ("层", "楼", "f"),
    "lane": ("支弄", "弄", "巷"),
    "section": ("村民小组", "小组", "组", "队", "期", "区"),
    "road": ("号大街", "号街", "号路", "国道", "省道", "县道", "乡道"),
    "aside": ("号桥", "号门", "号线", "号车库", "号车间", "号车位", "号岗", "号杆", "米", "间", "户", "人"),
}
"""What stands after a number, and what the number then is."""
_KIND_OF: Final = {word: kind for kind, words in _WORDS.items() for word in words}
_ANY_WORD: Final = "|".join(sorted(map(re.escape, _KIND_OF), key=len, reverse=True)).replace("号门", "号门(?![口前])")
_SAID_IN_CHINESE: Final = re.compile(
    rf"(?:第)?([{_NUMERALS}]+)(?={_ANY_WORD})"
    rf"|(?<=[幢栋棟元楼层号区苑村座#{_GAP}])([{_NUMERALS}]+)(?={_GAP}|$)"
    rf"|(?<=[0-9]{_GAP})([{_NUMERALS}]+)"
    rf"|(?<=[附之])([{_NUMERALS}]+)"
)
_NUMBER: Final = re.compile(
    rf"第?(?P<number>负?[a-z]?[0-9]+[a-z甲乙丙丁]?(?:{_GAP}[0-9]+[a-z]?)*|[a-z](?={_ANY_WORD}))"
    rf"(?P<word>{_ANY_WORD})?(?:(?:附|之|(?<=号){_GAP}(?=[0-9]{{1,2}}(?![0-9{_GAP}]|{_ANY_WORD})))(?P<sub>[0-9]+)号?|(?<=[号幢栋])(?P<mark>[甲乙丙丁]))?"
)

_ROADS: Final = "大道|大街|公路|胡同|路|街|巷"
_PLACES: Final = (
    "住宅小区|安置小区|小区|住宅区|居住区|花园|花苑|家园|嘉园|佳园|名苑|公寓|新村|农贸市场|市场|工业园|产业园|"
    "科技园|园区|厂区|大厦|广场|苑|厂|公司"
)
_NO_NAME: Final = f"(?!{_ROADS}|口|(?:{_PLACES})(?!{_ROADS}|{_PLACES}))"
"""Where a name ends another one begins, not the rest of its own: neither 新村|路 nor 铁路|新村, but 平湖市|新村路."""
_REGION: Final = re.compile(
    r"(?:(?P<province>.{2,7}?(?:省|自治区))|(?P<city>.{1,6}?(?<![城都超闹])(?:市(?![场民])|自治州|县))"
    r"|(?P<zone>.{2,12}?(?:开发区|高新区))|(?P<street>.{1,7}?(?:街道办事处|街道|镇|乡))"
    r"|(?P<community>.{1,8}?(?:社区居委会|社区村|社区|居委会|村委会))"
    r"|(?P<district>.{1,2}(?<![小社园厂宅住片新东西南北中])区(?=[^0-9])))" + _NO_NAME
)
_VILLAGE: Final = re.compile(rf"(原)?([^0-9{_GAP}]{{1,6}}?(?<!新)(?:自然村|行政村|村))(?!民|委){_NO_NAME}")
_NAME: Final = re.compile(rf".+?(?:{_ROADS}|{_PLACES}){_NO_NAME}|.+")
_ROAD_END: Final = re.compile(rf"(?:{_ROADS})$")
_PLACE_END: Final = re.compile(rf"(?:{_PLACES})$")
_SECTION: Final = re.compile(r"([东南西北中])(?:片区?|区)$")
_ESTATE_WORD: Final = re.compile(r"(?<=.)(?:住宅小区|安置小区|居民小区|小区|住宅区)$")
_BESIDE: Final = re.compile(r"侧|旁|门口|门前|边|屋后|[东南西北前后](?:面|楼|幢|栋|屋)|[附辅]房|车库")
_APART: Final = re.compile(r"对面|附近|交叉口|路口|之间|往[东南西北]|以[东南西北]|至|米|号桥")


@dataclass(frozen=True)
class Address:
    """The parts of an address; what isn't given is empty.

    Attributes
    ----------
    regions
        (kind, name) of what lies around: province, city, district, zone, street, community.
    village
        A village that is named beside, or instead of, a place: 原人民村.
    locality, section
        The estate or other named place (新群小区), and the part of it: 东区, 2期, 3组.
    roads, lanes
        Roads by name, and lanes by number (5弄, 3支弄).
    gate
        The number on the road of a whole estate that then has numbers of its own: 新群路12号新群小区3幢.
    number, block
        12号 (also 12-1 and 12附1), and 12幢, however the word is written.
    assumed
        Whether the block's word isn't there: 新群小区12 or 12-501.
    rest
        What wasn't understood, or says no more than the house: 东侧, 出租房.
    """

    regions: tuple[tuple[str, str], ...] = ()
    village: str = ""
    locality: str = ""
    section: str = ""
    roads: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()
    gate: str = ""
    number: str = ""
    block: str = ""
    unit: str = ""
    floor: str = ""
    room: str = ""
    rest: str = ""
    assumed: bool = False

    @property
    def house(self) -> tuple[object, ...]:
        """What names the house; two addresses with the same are of one house, in one community."""
        return stem(self.locality), self.section, self.roads, self.lanes, self.gate, self.number, self.block

    @property
    def full(self) -> tuple[object, ...]:
        """What names the room; the floor counts where no room is given."""
        return *self.house, self.unit, self.room or f"{self.floor}层"

    @property
    def names_a_house(self) -> bool:
        """Whether it goes down to a house."""
        return bool(self.number or self.block)

    @property
    def beside(self) -> bool:
        """Whether it speaks of a spot next to the house: 东侧, 门口."""
        return bool(_BESIDE.search(self.rest))

    @property
    def apart(self) -> bool:
        """Whether it speaks of a spot that isn't at the house: 对面, 附近, 路口."""
        return bool(_APART.search(self.rest))


def stem(locality: str) -> str:
    """Return a locality without the word 小区, which many leave out; 新群 and 新群小区 are one name."""
    return _ESTATE_WORD.sub("", locality)


def parse_address(text: str) -> Address:
    """Take an address apart; what isn't understood stands in ``rest``, nothing raises."""
    return _parsed(text[:_LONGEST])


@lru_cache(maxsize=1 << 16)
def _parsed(text: str) -> Address:
    flat = unicodedata.normalize("NFKC", text).lower()
    remarks = _BRACKETS.findall(flat)
    found = _read(_BRACKETS.sub(_GAP, flat) if remarks else flat)
    for remark in remarks:
        found.take_remark(_read(remark[1:-1]), remark[1:-1])
    return found.finished()


@dataclass
class _Reading:
    """An address while it is read from left to right."""

    regions: list[tuple[str, str]] = field(default_factory=list)
    roads: list[str] = field(default_factory=list)
    lanes: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    on_road: bool = False
    numbered_on_road: bool = False
    assumed: bool = False

    def finished(self) -> Address:
        if self.numbered_on_road and "gate" not in self.parts and "locality" in self.parts:
            # 新群小区新群路16号: the estate says where the road is; what has the number is the house on the road.
            self.rest.append(self.parts.pop("locality"))
        return Address(
            tuple(self.regions), roads=tuple(self.roads), lanes=tuple(self.lanes), rest=" ".join(self.rest),
            assumed=self.assumed, **self.parts,
        )  # fmt: skip

    def take_remark(self, other: _Reading, text: str) -> None:
        """Take over from a remark in brackets what the address itself doesn't give: a room, a part, an old village."""
        names_a_place = other.roads or other.rest or other.regions or "locality" in other.parts
        if names_a_place or other.assumed or not other.parts:
            self.rest.append(text)
            return
        for part, value in other.parts.items():
            self.parts.setdefault(part, value)

    def take_names(self, text: str) -> None:
        """Read what stands before, between or after the numbers."""
        text = self._take_regions(text)
        for found in _NAME.finditer(text):
            name = found[0]
            inside = "block" in self.parts or "number" in self.parts
            if _ROAD_END.search(name) and not inside:
                self.roads.append(name)
                self.on_road = True
            elif section := _SECTION.fullmatch(name):
                self._take_section(section[1] + "区")
            elif not inside and (len(name) > 1 or "locality" not in self.parts):
                self.parts["locality"] = self.parts.get("locality", "") + name
                self.on_road = False
            elif inside and "block" not in self.parts and self.on_road and _PLACE_END.search(name):
                self.parts["gate"] = self.parts.pop("number")
                self.parts["locality"] = name
                self.on_road = False
            else:
                self.rest.append(name)

    def _take_regions(self, text: str) -> str:
        while found := _REGION.match(text):
            self.regions.append((str(found.lastgroup), found[0]))
            text = text[found.end() :]
        # An old village before another name is where the people come from, or what the community was before.
        while "block" not in self.parts and (village := _VILLAGE.match(text)):
            if not village[1] and village.end() == len(text):
                break
            self.parts["village"] = village[2]
            text = text[village.end() :]
        return text

    def _take_section(self, name: str) -> None:
        self.parts["section"] = self.parts.get("section", "") + name

    def take_number(self, number: str, word: str | None, sub: str | None) -> None:
        """Read a number with the word after it."""
        parts = [_plain(part) for part in number.split(_GAP)]
        kind = _KIND_OF.get(word or "", "number" if sub else "bare")
        joined = "-".join(parts) + (f"附{_plain(sub)}" if sub else "")
        if kind == "lane":
            self.lanes.append(joined + str(word))
        elif kind == "section":
            self._take_section(joined + str(word)[-1])
        elif kind == "road":
            self.roads.append(joined + str(word))
            self.on_road = True
        elif kind == "aside":
            self.rest.append(joined + str(word))
        elif kind == "number":
            self._take_door(joined)
        elif kind in {"block", "floor"}:
            self._set(kind, joined)
        elif kind == "bare" and self.on_road and not self._inside:
            self._set("number", joined)
        elif kind == "bare" and len(parts) == 1 and self._inside:
            self._set("room", joined)
        else:
            self._take_row(parts, kind)

    @property
    def _inside(self) -> bool:
        return "block" in self.parts or "number" in self.parts

    def _take_door(self, number: str) -> None:
        """Read 号: the house, or in a block the room."""
        if "block" in self.parts and len(number) > 2:
            self._set("room", number)
        else:
            self._set("number", number)

    def _take_row(self, parts: list[str], kind: str) -> None:
        """Read 3-2-501: block, unit and room from the right, or those of them that are still missing."""
        last = "block" if kind == "bare" and len(parts) == 1 else "room" if kind == "bare" else kind
        self.assumed = self.assumed or ("block" not in self.parts and (last == "block" or len(parts) > 1))
        self._set(last, parts.pop())
        if len(parts) == 2 and "block" not in self.parts:
            self._set("block", parts[0])
            self._set("unit", parts[1])
        elif len(parts) == 1:
            self._set("unit" if "block" in self.parts and last == "room" else "block", parts[0])
        elif parts:
            self.rest.append("-".join(parts))

    def _set(self, part: str, value: str) -> None:
        """Set a part once; a second house in one address makes it the address of neither."""
        if part == "number" and self.on_road:
            self.numbered_on_road = True
        if part in self.parts and part in {"number", "block"} and self.parts[part] != value:
            self.parts[part] += "、" + value
        else:
            self.parts.setdefault(part, value)


def _read(text: str) -> _Reading:
    found = _Reading()
    flat = _SEPARATOR.sub("", _BETWEEN_NUMBERS.sub(_GAP, text))
    for name, number in _pieces(_SAID_IN_CHINESE.sub(_in_digits, flat)):
        if name := name.replace(_GAP, ""):
            found.take_names(name)
        if number is not None:
            found.take_number(number["number"], number["word"], number["sub"] or number["mark"])
    return found


def _pieces(text: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Cut a text into names, each with the number that follows it."""
    at = 0
    for number in _NUMBER.finditer(text):
        yield text[at : number.start()], number
        at = number.end()
    yield text[at:], None


def _in_digits(found: re.Match[str]) -> str:
    said = next(group for group in found.groups() if group is not None)
    value = numeral(said)
    return found[0] if value is None else str(value)


def _plain(number: str) -> str:
    """Return a number without zeros before it; 负1 is -1."""
    minus = number.startswith("负")
    plain = number.removeprefix("负").lstrip("0") or "0"
    return f"-{plain}" if minus else plain
