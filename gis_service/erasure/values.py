"""The values that are to be erased, and the patterns that find each way in which people write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gis_service.errors import InputError

BLOT: Final = "■■"
"""What stands where a value was: never longer than the value, so that it fits wherever that did."""

_GAP: Final = "[ \u3000\t-]{0,2}"
_ALLOWED: Final = re.compile(r"[\w .·@+-]+")
_SHORTEST: Final = {"digits": 7, "latin": 4, "other": 2}
_LONGEST: Final = 60
_EXACT_DIGITS: Final = 15
"""A spreadsheet keeps so many digits of a number."""
_CODECS: Final = ("utf-8", "gb18030", "big5", "utf-16-le", "utf-16-be")


@dataclass(frozen=True)
class Values:
    """What is to be erased: names, telephone numbers, numbers of documents."""

    values: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """A regular expression that finds them in text; PostgreSQL and Python read it alike.

        Full-width signs, either case, and spaces or hyphens between the signs are the same value; digits that go on
        are another number.
        """
        return "|".join(f"(?:{_pattern(value)})" for value in self.values)

    def bytes_pattern(self) -> re.Pattern[bytes]:
        """Return what finds them in the bytes of a file: in each encoding that is in use, escaped or not."""
        parts = [part for value in self.values for codec in _CODECS if (part := _bytes_pattern(value, codec))]
        return re.compile(b"|".join(parts))

    def blot(self, text: str) -> str:
        """Return a text without them."""
        return re.sub(self.pattern, BLOT, text)

    def masked(self) -> list[str]:
        """Return them as a receipt may show them: 张*, 138****1234."""
        return [_masked(value) for value in self.values]


def values_of(given: Sequence[str]) -> Values:
    """Return the values that were given, each once.

    Raises
    ------
    InputError
        When there is none, or one is so short or strange that it would be found everywhere.
    """
    values = tuple(dict.fromkeys(_plain(one) for one in given if one.strip()))
    if not values:
        raise InputError("没有写要删除什么;请一行写一个:姓名、电话或证件号。", "Nothing to erase was given.")
    for number, value in enumerate(values, 1):
        # A sentence that quotes it would be one more place where it stands.
        if len(value) < _SHORTEST[_kind(value)] or len(value) > _LONGEST or not _ALLOWED.fullmatch(value):
            raise InputError(
                f"第 {number} 个值不合要求:姓名至少 2 个汉字或 4 个字母,号码至少 7 位,最长 {_LONGEST} 个字,"
                "只含文字、数字、空格和 . · @ + -。",
                f"Value {number} is too short, too long, or has other signs.",
            )
    return Values(values)


def _plain(value: str) -> str:
    plain = unicodedata.normalize("NFKC", value).strip()
    tight = re.sub(r"[\s-]", "", plain)
    # Hyphens and spaces in a number are how it is written; in a name of letters they part its words.
    return tight if re.fullmatch(r"\+?[0-9]+[Xx]?", tight) or not re.search("[A-Za-z]", plain) else plain


def _kind(value: str) -> str:
    if re.fullmatch(r"\+?[0-9]+[Xx]?", value):
        return "digits"
    return "latin" if value.isascii() else "other"


def _signs(value: str) -> list[tuple[str, ...]]:
    """Return, for each sign but spaces and hyphens, the ways of writing it."""
    found = []
    for sign in value:
        if sign in " -":
            continue
        wide = chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign
        found.append(tuple(dict.fromkeys((sign, sign.lower(), sign.upper(), wide))))
    return found


def _pattern(value: str) -> str:
    signs = [f"[{''.join(one).replace('-', '')}]" for one in _signs(value)]
    body = _GAP.join(signs)
    # Neither a part of a longer number, nor what follows the point of a coordinate.
    return rf"(?<![0-9０-９])(?<![0-9]\.){body}(?![0-9０-９])" if _kind(value) == "digits" else body


def _bytes_pattern(value: str, codec: str) -> bytes:
    wide = codec.startswith("utf-16")
    try:
        gap = b"(?:" + b"|".join(re.escape(sign.encode(codec)) for sign in (" ", "\u3000", "\t", "-")) + b"){0,2}"
        signs = [b"(?:" + b"|".join(_ways(one, codec)) + b")" for one in _signs(value)]
    except UnicodeEncodeError:
        return b""
    body = gap.join(signs)
    if _kind(value) != "digits":
        return body
    number = value.lstrip("+")
    if not wide and number.isdigit() and len(number) <= _EXACT_DIGITS:
        # As spreadsheets and programmes write a large number.
        body += rb"|%b\.%b0*[Ee]\+?%d" % (number[:1].encode(), number[1:].rstrip("0").encode(), len(number) - 1)
    before, after = {
        "utf-16-le": (rb"(?<![0-9]\x00)(?<![0-9]\x00\.\x00)", rb"(?![0-9]\x00)"),
        "utf-16-be": (rb"(?<!\x00[0-9])(?<!\x00[0-9]\x00\.)", rb"(?!\x00[0-9])"),
    }.get(codec, (rb"(?<![0-9])(?<![0-9]\.)", rb"(?![0-9])"))
    return before + b"(?:" + body + b")" + after


def _ways(signs: tuple[str, ...], codec: str) -> list[bytes]:
    ways = []
    for sign in signs:
        try:
            ways.append(re.escape(sign.encode(codec)))
        except UnicodeEncodeError:
            # Full-width letters are missing in some encodings; the plain sign isn't.
            if sign == signs[0]:
                raise
        if codec == "utf-8" and not sign.isascii():
            ways += _numbered(sign)
    return ways


def _numbered(sign: str) -> list[bytes]:
    """Return how JSON and XML may name a sign by its number."""
    units = sign.encode("utf-16-be").hex()
    escapes = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return [b"(?i:" + re.escape(escapes.encode()) + b")", rb"&#0*%d;" % ord(sign), rb"(?i:&#x0*%x;)" % ord(sign)]


def _masked(value: str) -> str:
    if _kind(value) == "digits" and len(value) >= _SHORTEST["digits"]:
        shown = max(1, len(value) * 3 // 11), max(1, len(value) * 4 // 11)
        return f"{value[: shown[0]]}****{value[-shown[1] :]}"
    return value[:1] + "*" * max(1, len(value) - 1)
