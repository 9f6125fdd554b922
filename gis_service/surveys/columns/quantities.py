"""Numbers as people write them into cells: with a unit, about, in ten thousands, in Chinese numerals."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

from gis_service.surveys.columns.cells import plain
from gis_service.surveys.files.errors import UnreadableCellError

_NUMERALS: Final = "零〇一二两三四五六七八九十百千万亿廿"
_QUANTITY: Final = re.compile(
    # The longer words first, and never taken apart again: 共计共计… could else be read in endlessly many ways.
    r"(?:约为|约合|约|大约|大概|≈|~|共计|合计|共|计|¥|rmb|dn|φ|ø)*+"
    rf"(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)|[{_NUMERALS}]+)"
    r"(?P<scale>[百千万亿]?)(?P<unit>[^\d]*\d?)"
)
# Spaces between digits stay, however many: 1 2 is not 12.
_GAPS: Final = re.compile(r"(?<![\d\s])\s+|\s++(?!\d)")
_AFTER: Final = re.compile(r"(?:左右|上下|整)$")
_SCALES: Final = {"": 1, "百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
_DIGITS: Final = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES: Final = {"十": 10, "百": 100, "千": 1_000}
_GROUPS: Final = {"万": 10_000, "亿": 100_000_000}


class _Unit(NamedTuple):
    """What a unit measures and how many of the base unit it is; None where that is no finite decimal."""

    measures: str
    factor: Decimal | None


def _units() -> dict[str, _Unit]:
    table: dict[str, _Unit] = {}
    for measures, factor, names in (
        ("area", "1", "m2 ㎡ m² 平方米 平米 平方 平 平方公尺 sqm"),
        ("area", "10000", "公顷 ha hm2"),
        ("area", "1000000", "km2 平方公里 平方千米"),
        ("length", "1", "m 米 公尺"),
        ("length", "0.01", "cm 厘米 公分"),
        ("length", "0.001", "mm 毫米"),
        ("length", "1000", "km 公里 千米"),
        ("money", "1", "元 块 圆 块钱 元整 rmb"),
        ("storeys", "1", "层 楼 f 层楼"),
        ("households", "1", "户 家"),
        ("people", "1", "人 名 口 位"),
        ("rooms", "1", "间 室 间房"),
        ("houses", "1", "幢 栋 座"),
        ("bins", "1", "只 桶"),
        ("cars", "1", "辆 台 部"),
        ("bays", "1", "车位 个车位 位 泊位"),
        ("pieces", "1", "个 处 袋 次"),
        ("years", "1", "年"),
        ("percent", "1", "%"),
    ):
        for name in names.split():
            table.setdefault(plain(name), _Unit(measures, Decimal(factor)))
    # 1 亩 = 2000/3 m²
    table["亩"] = _Unit("area", None)
    return table


_UNITS: Final = _units()
_COUNTS: Final = frozenset({"households", "people", "rooms", "houses", "bins", "cars", "bays", "pieces"})


def read_quantity(text: str, unit: str | None) -> int | float | None:
    """Read a number with words or a unit around it.

    Parameters
    ----------
    text
        A cell in plain letters (``cells.plain``), without thousands separators.
    unit
        The field's unit as it is declared, such as ``"m²"``; a unit in the cell is converted where that is exact.

    Returns
    -------
    int or float or None
        In ``unit``; None when the cell is no such quantity.

    Raises
    ------
    UnreadableCellError
        It is a quantity in another unit.
    """
    written = _AFTER.sub("", _GAPS.sub("", text).lower())
    found = _QUANTITY.fullmatch(written)
    number = _number(found["number"]) if found is not None else None
    if found is None or number is None:
        return None
    factor = _factor(found["unit"].strip("()[]"), unit, text)
    if factor is None:
        return None
    value = number * _SCALES[found["scale"]] * factor
    return int(value) if value == value.to_integral_value() else float(value)


def _factor(given: str, wanted: str | None, text: str) -> Decimal | None:
    """Return how many of the field's unit one of the cell's is; None when the cell's is no unit that we know."""
    own = plain(wanted).lower() if wanted else ""
    if given in {"", own}:
        return Decimal(1)
    theirs = _UNITS.get(given)
    if theirs is None:
        return None
    ours = _UNITS.get(own, _Unit("pieces", Decimal(1)))
    if {theirs.measures, ours.measures} <= _COUNTS and (
        theirs.measures == ours.measures or "pieces" in {theirs.measures, ours.measures}
    ):
        return Decimal(1)
    if theirs.measures != ours.measures or theirs.factor is None or ours.factor is None:
        shown = wanted or "个数"
        raise UnreadableCellError(f"的 {text!r} 单位是“{given}”,这里要的是 {shown};请换算后只填数字")
    return theirs.factor / ours.factor


def _number(written: str) -> Decimal | None:
    if written[0] in _NUMERALS:
        value = chinese_number(written)
        return None if value is None else Decimal(value)
    return Decimal(written)


def chinese_number(numerals: str) -> int | None:
    """Read Chinese numerals such as 十二, 一百零五, 两万三千 or 二〇二六; None when they make no whole number.

    Short forms of speech (一百五 for 150, 三四 for three or four) are no number: they can be read in two ways.
    """
    if numerals and all(sign in _DIGITS for sign in numerals):
        digits = "".join(str(_DIGITS[sign]) for sign in numerals)
        return None if len(digits) == 2 and "0" not in digits else int(digits)
    total = section = 0
    digit: int | None = None
    zero = False
    smallest = 10_000
    for sign in numerals.replace("廿", "二十"):
        if sign in _DIGITS:
            if digit not in {None, 0}:
                return None
            digit = _DIGITS[sign]
            zero = zero or digit == 0
        elif sign in _PLACES:
            place = _PLACES[sign]
            if place >= smallest or (digit in {None, 0} and not (place == 10 and section == 0)):
                return None
            section += (digit or 1) * place
            digit, smallest, zero = None, place, False
        elif (section := section + (digit or 0)) == 0:
            return None
        else:
            total = (total + section) * _GROUPS[sign] if sign == "亿" else total + section * _GROUPS[sign]
            section, digit, smallest, zero = 0, None, 10_000, False
    short = digit is not None and not zero and (smallest in {100, 1_000} or (smallest == 10_000 and total > 0))
    return None if short or not numerals else total + section + (digit or 0)
