"""The many spellings of one place: a search text becomes the pattern of all of them.

Nothing is stored beside the data, so a write by any door shows at once: the pattern is what varies, not the rows.
``maps/assets/map/spelling.js`` reads a text in the same way where there is no service to ask; change both together.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from gis_service.errors import InputError
from gis_service.features.pinyin import MAX_LETTERS, sounds_like

MAX_TEXT: Final = 100
MAX_WORDS: Final = 5
_DIGITS: Final = "零一二三四五六七八九"
_TENS: Final = {"十": 10, "百": 100, "千": 1000}
_NUMERALS: Final = "〇零一二三四五六七八九十百千两"
_NO_NUMBER_BEFORE: Final = f"(?:^|[^0-9０-９{_NUMERALS}])"
"""What stands before a number that begins a word. A look-behind would say the same at twice the cost."""
_BLOCK: Final = "(?:幢|栋|棟|号楼|號樓|[#＃]楼|[#＃]|座)"
_ENTRANCE: Final = "(?:单元|單元)"
_ROOM: Final = "(?:(?:室|号房|房间|房)|(?![0-9０-９幢栋棟号號#＃座单單]))"
"""The word may be missing, but no other one may stand in its place."""
_UNITS: Final = (
    ("号楼", _BLOCK), ("#楼", _BLOCK), ("号房", _ROOM), ("房间", _ROOM), ("单元", _ENTRANCE), ("室", _ROOM),
    *((word, _BLOCK) for word in "幢栋棟座#"),
)  # fmt: skip
_GAP: Final = r"[-\s\u3000－,，]*"
_BETWEEN: Final = rf"(?:{_BLOCK}|{_ENTRANCE}|[-\s\u3000－])+"
_TOKEN: Final = re.compile(rf"(?P<number>[0-9]+|[{_NUMERALS}]+)|(?P<letters>[a-z][a-z']*)|(?P<sign>.)")


@dataclass(frozen=True)
class Spelling:
    """What is looked for.

    Attributes
    ----------
    text
        The text as it was written, narrow, in lower case, without spaces at its ends: what codes are compared with.
    written
        PostgreSQL patterns of each word's spellings.
    heard
        The same, with Latin letters read as pinyin too; they find whatever ``written`` finds.
    begun_written, begun_heard
        The words one after the other, as a text may begin with them.
    """

    text: str
    written: tuple[str, ...]
    heard: tuple[str, ...]
    begun_written: str
    begun_heard: str


def spelling_of(query: str) -> Spelling:
    """Return the patterns of a search text; words between spaces must all be found, in any order.

    Width, case, 幢 and 栋 and 号楼, Chinese and Arabic numerals don't count; a number is a whole one at its beginning,
    so that 2幢 doesn't find 12幢. Every sign stands for itself: nothing is a wildcard.

    Raises
    ------
    InputError
        When there is nothing to look for, too much, or a single Latin letter.
    """
    text = unicodedata.normalize("NFKC", query).lower().strip()
    if not any(sign.isalnum() for sign in text):
        raise InputError(
            "请写要找的地址、编码、名称或拼音,例如 新群小区12幢、xqxq。",
            "Say what to look for: an address, a code, a name or pinyin.",
        )
    if len(text) == 1 and text.isascii() and text.isalpha():
        raise InputError(
            "只有一个字母找不准:拼音请至少写两个字母,例如 xq。", "One letter is too little: give two or more of pinyin."
        )
    words = text.split()
    if len(text) > MAX_TEXT or len(words) > MAX_WORDS:
        raise InputError(
            f"要找的文字太长:最多 {MAX_TEXT} 个字、{MAX_WORDS} 个词。",
            f"The search text is too long: at most {MAX_TEXT} signs and {MAX_WORDS} words.",
        )
    written, heard = (tuple(_pattern(word, heard=heard) for word in words) for heard in (False, True))
    begun_written, begun_heard = (_begun(words, heard=heard) for heard in (False, True))
    return Spelling(text, written, heard, begun_written, begun_heard)


def numeral(text: str) -> int | None:
    """Return the number below 10,000 that Chinese numerals say, positional (一二) or not (十二); None for neither."""
    plain = text.replace("〇", "零").replace("两", "二")
    if not any(sign in _TENS for sign in plain):
        return int("".join(str(_DIGITS.index(sign)) for sign in plain)) if len(plain) <= 4 else None
    total, digit, last = 0, None, 10_000
    for sign in plain:
        if sign in _TENS:
            size = _TENS[sign]
            if size >= last or (digit is None and size != 10):
                return None
            total, digit, last = total + (1 if digit is None else digit) * size, None, size
        elif sign == "零":
            digit = None
        elif digit is None:
            digit = _DIGITS.index(sign)
        else:
            return None
    return total + (digit or 0)


def in_chinese(number: int) -> str:
    """Return a number from 1 to 9,999 in Chinese, such as 十二 or 一百零三."""
    said, zero = "", False
    for size, word in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // size % 10
        if digit:
            said += ("零" if zero and said else "") + _DIGITS[digit] + word
            zero = False
        else:
            zero = True
    return said.removeprefix("一") if said.startswith("一十") else said


def _begun(words: list[str], *, heard: bool) -> str:
    """Return the pattern of words that begin a text and follow each other in it."""
    first, *others = words
    return ".*".join([_pattern(first, heard=heard, begins=True), *(_pattern(word, heard=heard) for word in others)])


def _pattern(word: str, *, heard: bool, begins: bool = False) -> str:
    """Return the pattern of one word; one that begins the text needs no look at what stands before a number."""
    parts: list[str] = []
    at, after_number = 0, False
    while at < len(word):
        rest = word[at:]
        unit = next((unit for unit in _UNITS if after_number and rest.startswith(unit[0])), None)
        if unit is not None:
            more = at + len(unit[0]) < len(word)
            if unit[1] is _ENTRANCE and more and len(parts) > 1:
                # The number of a room is its own in a whole building; many ledgers leave the entrance out.
                parts[-1] = f"(?:{parts[-1]}{_ENTRANCE}{_GAP})?"
            else:
                parts += [unit[1], _GAP] if more else [unit[1]]
            at, after_number = at + len(unit[0]), False
            continue
        if after_number and (between := re.match(r"[-#]+(?=[0-9])", rest)):
            parts.append(_BETWEEN)
            at, after_number = at + len(between[0]), False
            continue
        found = _TOKEN.match(rest)
        if found is None:
            break
        token = found[0]
        at += len(token)
        after_number = found["number"] is not None
        if after_number:
            followed = any(word.startswith(unit, at) for unit, _ in _UNITS)
            parts.append(_number(token, followed=followed, guarded=not parts and not begins))
        elif found["letters"] is not None:
            parts.append(_letters(token, heard=heard))
        else:
            parts.append(_either(token))
    return "".join(parts)


def _number(token: str, *, followed: bool, guarded: bool) -> str:
    """Return the pattern of a number; Chinese numerals that no unit follows may be part of a name."""
    arabic = token.isascii()
    value = int(token) if arabic and len(token) <= 4 else None if arabic else numeral(token)
    spelled = {"".join(map(_either, token))}
    if value:
        spelled |= {"".join(map(_either, str(value))), in_chinese(value)}
        if 10 <= value < 20:
            spelled.add("一" + in_chinese(value))
        if value >= 10:
            spelled.add("".join(_DIGITS[int(digit)] for digit in str(value)))
    number = f"(?:{'|'.join(sorted(spelled))})"
    if not guarded:
        return number
    whole = _NO_NUMBER_BEFORE + number
    return whole if arabic or followed else f"(?:{token}|{whole})"


def _letters(token: str, *, heard: bool) -> str:
    written = "".join(map(_either, token))
    plain = token.replace("'", "")
    sound = sounds_like(plain) if heard and len(plain) <= MAX_LETTERS else None
    return f"(?:{written}|{sound})" if sound else written


def _either(sign: str) -> str:
    """Return the pattern of one sign in either width and case."""
    if not "!" <= sign <= "~":
        return sign
    forms = dict.fromkeys([sign, sign.upper()])
    forms |= dict.fromkeys(chr(ord(form) + 0xFEE0) for form in list(forms))
    if sign.isalnum():
        return f"[{''.join(forms)}]"
    return f"(?:\\{sign}|{chr(ord(sign) + 0xFEE0)})"
