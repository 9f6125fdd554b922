"""Personal data in survey sheets: identity numbers, mobile phones and columns of names, which are never taken in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from gis_service.surveys.columns.cells import plain
from layers.field import Kind, LayerField, fold

_MOBILE = r"(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}"
_BEFORE, _AFTER = r"(?<![0-9A-Za-z])(?<!\d\.)", r"(?![0-9A-Za-z])"
_IDENTITY: Final = re.compile(rf"{_BEFORE}(?:(?P<mobile>{_MOBILE})|(?P<number>\d{{17}}[0-9Xx])){_AFTER}")
_OLD_NUMBER: Final = re.compile(rf"{_BEFORE}\d{{15}}{_AFTER}")
_SHORTEST: Final = 11
LEFT_OUT: Final = "〔已隐去〕"
"""Stands where something about a person was left out."""

# One cell makes no column of a known field personal: its row is refused, and the others are taken.
_LEAST_IN_KNOWN: Final = 2

# GB 11643-1999: the weighted sum of the first 17 digits, modulo 11, gives the 18th.
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_PROVINCE: Final = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")

PERSONAL_SHARE: Final = 0.3
"""Of a column's sampled cells: so many that look personal make the column one."""

_PERSONS = (
    "房东|房主|户主|业主|屋主|产权人|所有权人|联系人|租客|租户|租房人|承租人|出租人|租赁人|居住人|负责人|责任人|经办人|填表人|填报人"
    "|登记人|调查员|调查人|采集人|采集员|走访人|走访人员|检查人|检查人员|网格员|网格长|专职网格员|楼长|楼道长|路长|河长|段长|法人|法人代表"
    "|法定代表人|经营者|经营人|老板|当事人|报告人|上报人|举报人|投诉人|监护人|紧急联系人|安全员|管理员|保洁员"
)
_NAMED: Final = re.compile(
    rf"(?:原|现|新|实际|主要|第[一二三])?(?:(?:{_PERSONS})+(?:的)?(?:姓名|名字|名单|签名|签字)?|姓名|.*姓名|曾用名)(?:\d*)"
)
_NUMBERED: Final = re.compile(
    r"(?:.*(?:身份证|证件号|护照号|公民身份|社保卡|银行卡).*|.*(?:手机|电话|微信|联系方式|联系号码|联系方法|qq号?)(?:号|号码|账号)?\d*"
    r"|.*(?:phone|phonenumber|mobile|wechat|idcard|idnumber|subscriberid|email)|tel|contact-?tel|ownertel)"
)
_NO_PERSON: Final = re.compile(r"(?:是否|有无).*|.*(?:数|数量|人数|率|情况|类型|性质|时间|日期)")
_KEY: Final = re.compile(r".*(?:编码|编号|代码|code|id)")
_COUNT: Final = re.compile(r"\d{1,5}")
_BRACKETS: Final = re.compile(r"[(\[【].*$")


def is_identity_number(text: str) -> bool:
    """Return whether 18 characters are a citizen's number: province, a day of birth and the right check digit."""
    if len(text) != 18 or not text[:17].isdigit() or _PROVINCE.fullmatch(text[:2]) is None:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=False))
    return _CHECKS[total % 11] == text[17].upper() and _is_day(text[6:10], text[10:12], text[12:14])


def is_old_identity_number(text: str) -> bool:
    """Return whether 15 digits may be a number of the old form: province and a day of birth after 1900."""
    if len(text) != 15 or not text.isdigit() or _PROVINCE.fullmatch(text[:2]) is None:
        return False
    return _is_day("19" + text[6:8], text[8:10], text[10:12])


def holds_identity(text: str, *, phones: bool = True) -> bool:
    """Return whether a text holds a citizen's number or, unless they aren't asked for, a mobile phone's."""
    if len(text) < _SHORTEST:
        return False
    return any(
        phones if found["mobile"] else is_identity_number(found["number"]) for found in _IDENTITY.finditer(plain(text))
    )


def without_identity(text: str) -> str:
    """Return a text without citizens' and mobile phone numbers, ``LEFT_OUT`` in their places."""
    if not holds_identity(text):
        return text
    return _IDENTITY.sub(
        lambda found: LEFT_OUT if found["mobile"] or is_identity_number(found["number"]) else found[0], plain(text)
    )


def personal_columns(
    columns: Sequence[str], sample_rows: Sequence[Sequence[object]], known: Mapping[str, LayerField] | None = None
) -> dict[str, str]:
    """Find the columns that hold personal data, by their headers and by what stands in them.

    Parameters
    ----------
    columns
        Headers.
    sample_rows
        Cells of the first rows.
    known
        Fields that the layer declares for headers: these headers are no evidence, what stands below them is.

    Returns
    -------
    dict
        Header to the reason in Chinese, which never quotes a cell.
    """
    known = known or {}
    found: dict[str, str] = {}
    for position, column in enumerate(columns):
        field = known.get(column)
        cells = [row[position] for row in sample_rows if position < len(row)]
        texts = [_shown(cell) for cell in cells if cell is not None and str(cell).strip()]
        key = field.identifies or field.pattern is not None if field else _KEY.fullmatch(fold(column)) is not None
        reason = (_by_header(column, texts) if field is None else None) or _by_cells(
            texts, key=key, least=1 if field is None else _LEAST_IN_KNOWN
        )
        if reason is not None:
            found[column] = reason
    return found


def _by_header(column: str, texts: Sequence[str]) -> str | None:
    header = fold(_BRACKETS.sub("", plain(column)))
    if not header or _NO_PERSON.fullmatch(header):
        return None
    if _NUMBERED.fullmatch(header):
        return "列名是证件号码或联系方式"
    if _NAMED.fullmatch(header) is None or (texts and all(map(_COUNT.fullmatch, texts))):
        # Below 租户 there may stand how many there are.
        return None
    return "列名是人的姓名或称呼"


def _by_cells(texts: Sequence[str], *, key: bool, least: int) -> str | None:
    for said, looks in _judges(texts, key=key):
        count = sum(map(looks, texts))
        if count >= least and count >= PERSONAL_SHARE * len(texts):
            return f"前 {len(texts)} 个有内容的单元格里有 {count} 个像{said}"
    return None


def _judges(texts: Sequence[str], *, key: bool) -> Iterator[tuple[str, Callable[[str], bool]]]:
    yield "身份证号", lambda text: holds_identity(text, phones=False)
    if key:
        # Keys of other systems have as many digits as a phone or an old number.
        return
    yield "手机号", holds_identity
    if _of_several_places(texts):
        yield "身份证号(15 位)", lambda text: any(map(is_old_identity_number, _OLD_NUMBER.findall(plain(text))))


def _of_several_places(texts: Sequence[str]) -> bool:
    """Return whether numbers of 15 digits differ before their serial, as those of a community's grids don't."""
    return len({found[:12] for text in texts for found in _OLD_NUMBER.findall(plain(text))}) > 1


def _shown(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        return 1900 <= date(int(year), int(month), int(day)).year < 2100
    except ValueError:
        return False


def is_free_text(field: LayerField) -> bool:
    """Return whether a field takes any text, so that personal data could stand in it."""
    return (
        field.kind in {Kind.TEXT, Kind.TEXTS} and field.codes is None and field.pattern is None and not field.identifies
    )
