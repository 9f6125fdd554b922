"""Which field an unknown column most likely means: by its header, and by whether its cells are such values.

A likeness is only ever proposed to a person; nothing is imported by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gis_service.surveys.columns.values import Convert, converter_of
from gis_service.surveys.files.errors import UnreadableCellError
from layers.field import Kind, LayerField, fold

THRESHOLD: Final = 0.55
"""Least score of a suggestion; tests/gis_service/surveys/test_similarity.py tells how often it is right."""

_ONLY_A_COMMON_WORD: Final = 0.5
MOST_OPTIONS: Final = 3
_CELLS_LOOKED_AT: Final = 60

_BRACKETS: Final = re.compile(r"[(\[【][^)\]】]*[)\]】]?")
_GROUP: Final = re.compile(r"^.*[/.]")
_NUMBERING: Final = re.compile(r"^(?:q?\d+|[一二三四五六七八九十]+)[.、]?(?=[^\d年月日])")
# Words of one meaning in headers become one sign each, so that likeness isn't lost on them. 序号 is no 编号: a running
# number says nothing of a feature, and the next sheet begins at 1 again.
_ALIKE: Final = tuple(
    (sign, re.compile("|".join(words.split())))
    for sign, words in (
        ("是", "是否已?|有无|有没有|是不是|可否|能否"),
        ("日", "日期|时间|年月日|日子"),
        ("号", "编码|编号|代码|标识码|代号|号码"),
        ("址", "详细地址|地址|住址|坐落|位置|地点|所在地"),
        ("类", "类型|类别|种类|性质|分类"),
        ("态", "状态|状况|现状|情况"),
        ("数", "数量|个数|总数|数目|人数|户数(?=$)|合计|总计|共计"),
        ("年", "年份|年代|年度"),
        ("租", "出租|租赁|租住|承租|租用"),
        ("屋", "房屋|楼栋|建筑物?|楼房|住房|房子|楼宇|幢|栋"),
        ("企", "企业|公司|单位|厂家|工厂"),
        ("积", "面积"),
        ("户", "住户|家庭户?"),
        ("用", "用途|使用用途|功能"),
        ("检", "检查|巡查|巡检|排查|查看"),
        ("访", "走访|入户|上门|探访"),
        ("居", "居住|常住|实住"),
        ("改", "整改|改正"),
        ("级", "等级|级别|档次"),
        ("由", "原因|事由|理由"),
        ("管", "管理|管养|养护|责任|主管"),
        ("", "信息|填写|请选择|必填|选填|登记(?=日)|的|本次|本月|当前|目前|实际"),
    )
)


@dataclass(frozen=True)
class Suggestion:
    """What an unknown column may mean.

    Attributes
    ----------
    column
        The header.
    options
        (name of the field, score of 0 to 1, reason in Chinese), the likeliest first.
    """

    column: str
    options: tuple[tuple[str, float, str], ...]


def suggest(
    column: str, cells: Sequence[object], fields: Sequence[LayerField], words: str = "", threshold: float = THRESHOLD
) -> Suggestion | None:
    """Propose fields for a column.

    Parameters
    ----------
    column
        A header that no field knows.
    cells
        Some of the column's cells, as evidence; may be empty.
    fields
        Those that no other column gives.
    words
        What the layer's own words are: 状况 in 婚姻状况 is no likeness where nothing speaks of marriage.
    threshold
        Least score.

    Returns
    -------
    Suggestion or None
        None when nothing is like it.
    """
    given = [cell for cell in cells if cell is not None and cell != ""][:_CELLS_LOOKED_AT]
    found = []
    for field in fields:
        alike, header = max((_likeness_among(words, column, header), header) for header in field.headers)
        if alike < threshold / 2:
            continue
        score, evidence = _weighed(alike, field, given)
        if score >= threshold:
            found.append((field.name, round(score, 3), f"{_said(column, header)}{evidence}"))
    found.sort(key=lambda option: -option[1])
    return Suggestion(column, tuple(found[:MOST_OPTIONS])) if found else None


def likeness(column: str, header: str) -> float:
    """Return how like two headers are, 0 to 1: common pairs of signs, common sequence, and one within the other."""
    headers = {_reduced(header), _bare(header)} - {""}
    return max((_alike(one, other) for one in _spellings(column) - {""} for other in headers), default=0.0)


def _likeness_among(words: str, column: str, header: str) -> float:
    """Return how like two headers are, less where a word of two signs is all they share and the rest is foreign."""
    alike, bare = likeness(column, header), _bare(header)
    rest = _bare(column).replace(bare, "", 1)
    foreign = len(bare) <= 2 and bare != _bare(column) and bool(words) and rest not in words
    return min(alike, _ONLY_A_COMMON_WORD) if foreign else alike


def _spellings(column: str) -> set[str]:
    """Return a header in the forms worth comparing; forms write the group before a slash."""
    alone = _GROUP.sub("", column)
    return {form for text in {column, alone or column} for form in (_reduced(text), _bare(text))}


@lru_cache(maxsize=1 << 14)
def _bare(header: str) -> str:
    return _NUMBERING.sub("", _BRACKETS.sub("", fold(header)) or fold(header))


@lru_cache(maxsize=1 << 14)
def _reduced(header: str) -> str:
    text = _bare(header)
    for sign, words in _ALIKE:
        text = words.sub(sign, text)
    return text


def _alike(one: str, other: str) -> float:
    if one == other:
        return 0.95
    if set(one).isdisjoint(other):
        return 0.0
    short, long = sorted((one, other), key=len)
    together = _dice(one, other) * 0.5 + _common(one, other) / max(len(one), len(other)) * 0.5
    if short in long and len(short) >= _least(short):
        # The head of a Chinese noun stands last: 上次租住人数 is a 人数, 人数说明 isn't.
        together = max(together, 0.45 + 0.1 * long.endswith(short) + 0.45 * len(short) / len(long))
    return min(together, 0.9)


def _least(text: str) -> int:
    return 4 if text.isascii() else 2


def _dice(one: str, other: str) -> float:
    """Return the share of pairs of neighbouring signs that two texts have in common."""
    pairs, others = ([text[at : at + 2] for at in range(len(text) - 1)] for text in (one, other))
    if not pairs or not others:
        return 0.0
    left = list(others)
    for pair in pairs:
        if pair in left:
            left.remove(pair)
    return 2 * (len(others) - len(left)) / (len(pairs) + len(others))


def _common(one: str, other: str) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for sign in one:
        before = 0
        for at, counterpart in enumerate(other, start=1):
            before, row[at] = row[at], before + 1 if sign == counterpart else max(row[at], row[at - 1])
    return row[-1]


def _weighed(alike: float, field: LayerField, given: Sequence[object]) -> tuple[float, str]:
    """Weigh likeness with what stands in the column."""
    if not given:
        return alike, ""
    share = fitting_share(field, given)
    telling = field.codes is not None or field.kind is not Kind.TEXT or field.pattern is not None
    if share < 0.5:
        return alike * 0.4, f",但内容多数不合“{field.title}”"
    if telling:
        bonus = 0.12 if field.codes is not None or field.kind in {Kind.DATE, Kind.BOOLEAN} else 0.06
        return min(1.0, alike + bonus * (2 * share - 1)), f",内容也合“{field.title}”"
    if _mostly_measures(given) and field.kind is Kind.TEXT:
        return alike * 0.8, ""
    return alike, ""


def fitting_share(field: LayerField, given: Sequence[object]) -> float:
    """Return the share of cells that are values of a field."""
    convert = converter_of(field, lambda _cell, _value: None)
    return sum(_is_value(field, convert, cell) for cell in given) / len(given)


def _is_value(field: LayerField, convert: Convert, cell: object) -> bool:
    try:
        value = convert(cell)
    except UnreadableCellError:
        return False
    parts = value if isinstance(value, list) else [value]
    if value is None or field.codes is not None:
        return value is not None and all(part in (field.codes or {}) for part in parts)
    if field.kind in {Kind.INTEGER, Kind.NUMBER}:
        return _is_within(field, value)
    if field.kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    pattern = r"\d{4}-\d\d-\d\d" if field.kind is Kind.DATE else field.pattern or ""
    return all(re.match(pattern, str(part)) and len(str(part)) <= (field.max_length or 2000) for part in parts)


def _is_within(field: LayerField, value: object) -> bool:
    try:
        number = float(str(value))
    except ValueError:
        return False
    if not math.isfinite(number) or (field.kind is Kind.INTEGER and not number.is_integer()):
        return False
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    return low <= number <= high


def _mostly_measures(given: Sequence[object]) -> bool:
    return sum(isinstance(cell, float) and not cell.is_integer() for cell in given) > len(given) / 2


def _said(column: str, header: str) -> str:
    return f"列名包含“{header}”" if fold(header) in fold(column) else f"列名与“{header}”相近"
