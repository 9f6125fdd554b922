"""Numbers that a spreadsheet destroyed: it keeps 15 digits of a number, and no zeros in front."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

_SIGNIFICANT: Final = 15
"""Digits that a double, and so a spreadsheet, keeps of any number."""
_SCIENTIFIC: Final = re.compile(r"\d(?:\.\d+)?E\+(\d{2})", re.IGNORECASE)
_FEWEST: Final = 10
"""Values that a column must have before its lengths say anything."""
_USUAL_SHARE: Final = 0.6
_SHORTEST_CODE: Final = 6
_CODE_WORDS: Final = ("编码", "代码", "编号", "邮编", "区划", "证号", "电话", "手机", "code", "zip")


def lost_columns(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[tuple[str, str], ...]:
    """Find columns whose numbers a spreadsheet has destroyed.

    Parameters
    ----------
    rows
        Cells of the first rows, one per column.

    Returns
    -------
    tuple
        For each such column its header and a Chinese sentence.
    """
    found = []
    for at, column in enumerate(columns):
        cells = [row[at] for row in rows if row[at] is not None and not isinstance(row[at], bool)]
        sentence = _lost_digits(column, cells) or _lost_zeros(column, cells)
        if sentence:
            found.append((column, sentence))
    return tuple(found)


def _lost_digits(column: str, cells: list[object]) -> str:
    """Say that the last digits are gone: scientific notation, or nothing but zeros behind the fifteenth digit."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    short = [text for text in texts if (match := _SCIENTIFIC.fullmatch(text)) and int(match[1]) >= 10]
    numbers = [cell for cell in cells if isinstance(cell, int | float) and abs(cell) >= 10**_SIGNIFICANT]
    long = [text for text in texts if text.isdecimal() and len(text) > _SIGNIFICANT]
    zeros = [text for text in long if not text[_SIGNIFICANT:].strip("0")]
    # A code may end in zeros by itself; all of several don't.
    cut = zeros if len(zeros) == len(long) and len(set(zeros)) > 1 else []
    example = next(iter([*short, *numbers, *cut]), None)
    if example is None:
        return ""
    shown = f"{example:.0f}" if isinstance(example, float) else str(example)
    count = len(short) + len(numbers) + len(cut)
    return (
        f"“{column[:40]}”列的长号码已被 Excel 变成数字,只剩前 15 位有效(如 {shown[:4]}…,共 {count} 个),"
        "后面的位数找不回来;请从原始来源重新导出,并先把这一列设为文本"
    )


def _lost_zeros(column: str, cells: list[object]) -> str:
    """Say that zeros in front are gone: a column of codes of one length, in which a few are shorter."""
    folded = unicodedata.normalize("NFKC", column).casefold()
    if not any(word in folded for word in _CODE_WORDS):
        return ""
    texts = [str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell) for cell in cells]
    if len(texts) < _FEWEST or not all(text.isdecimal() for text in texts):
        return ""
    lengths = Counter(map(len, texts))
    usual, count = lengths.most_common(1)[0]
    if usual < _SHORTEST_CODE or count < _USUAL_SHARE * len(texts) or len(lengths) == 1 or max(lengths) > usual:
        return ""
    values = sorted({int(text) for text in texts})
    if values[-1] - values[0] < 4 * len(values):
        # Numbers that run on, as serial numbers do, differ in length by themselves.
        return ""
    short = [text for text in texts if len(text) < usual]
    if min(map(len, short)) < usual - 2:
        return ""
    return (
        f"“{column[:40]}”列多数是 {usual} 位,有 {len(short)} 个只有 {len(short[0])} 位,"
        "开头的 0 可能已被 Excel 去掉;请核对,并先把这一列设为文本再导出"
    )
