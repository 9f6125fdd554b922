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

_SPACES: Final = " \u3000\t\u00a0\u2009\u202f\u200b\ufeff"
_STROKES: Final = "-－‐‑–—"
_DOTS: Final = "·•・．‧∙"
_BRACKETS: Final = "()（）"
_NUMBER_GAPS: Final = f"{_SPACES}{_STROKES}{_BRACKETS}."
_NAME_GAPS: Final = f"{_SPACES}{_DOTS}\r\n-"
"""Signs that people put between those of a number and of a name; they are part of neither."""
_MOST_GAPS: Final = 3

_ALLOWED: Final = re.compile(r"[\w .·@+-]+")
_SHORTEST: Final = {"number": 7, "mixed": 6, "latin": 4, "name": 2}
_LONGEST: Final = 60
_AROUND: Final = 8
_EXACT_DIGITS: Final = 15
"""A spreadsheet keeps so many digits of a number."""
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_COUNTRY: Final = ("+86", "0086", "86")
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

    def around(self, text: str) -> str:
        """Return a few words around the first of them in a text, and ``■■`` where it stands."""
        match = re.search(self.pattern, text)
        if match is None:
            return ""
        before, after = text[max(0, match.start() - _AROUND) : match.start()], text[match.end() : match.end() + _AROUND]
        return self.blot(f"…{before}{BLOT}{after}…".replace("\n", " "))

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
                f"第 {number} 个值不合要求:姓名至少 2 个汉字或 4 个字母,号码至少 7 位,字母和数字混合的至少 6 个,"
                f"最长 {_LONGEST} 个字,只含文字、数字、空格和 . · @ + -。",
                f"Value {number} is too short, too long, or has other signs.",
            )
    return Values(values)


def _plain(value: str) -> str:
    """Return a value without what people put between its signs, and a mobile number without the country's."""
    plain = unicodedata.normalize("NFKC", value).strip()
    tight = "".join(sign for sign in plain if sign not in _NUMBER_GAPS)
    if re.fullmatch(r"\+?[0-9]+[Xx]?", tight):
        for country in _COUNTRY:
            if tight.startswith(country) and _MOBILE.fullmatch(tight[len(country) :]):
                return tight[len(country) :]
        return tight.lstrip("+")
    return "".join(sign for sign in plain if sign not in _NAME_GAPS)


def _kind(value: str) -> str:
    if re.fullmatch(r"[0-9]+[Xx]?", value):
        return "number"
    if re.search("[0-9]", value):
        return "mixed"
    return "latin" if value.isascii() else "name"


def _signs(value: str) -> list[tuple[str, ...]]:
    """Return, for each sign, the ways of writing it."""
    found = []
    for sign in value:
        wide = chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign
        found.append(tuple(dict.fromkeys((sign, sign.lower(), sign.upper(), wide))))
    return found


def _gaps(value: str) -> str:
    return _NUMBER_GAPS if _kind(value) == "number" else _NAME_GAPS


def _pattern(value: str) -> str:
    gap = f"[{_class_of(_gaps(value))}]{{0,{_MOST_GAPS}}}"
    body = gap.join(f"[{_class_of(''.join(one))}]" for one in _signs(value))
    if _MOBILE.fullmatch(value):
        body = f"(?:(?:[+＋]|00)?86{gap})?{body}"
    # Neither a part of a longer number, nor what follows the point of a coordinate.
    before = r"(?<![0-9０-９])(?<![0-9]\.)" if value[0].isdigit() else ""
    after = "(?![0-9０-９])" if value[-1].isdigit() else ""
    return f"{before}{body}{after}"


def _class_of(signs: str) -> str:
    """Return signs as they stand between square brackets, where PostgreSQL and Python read these alike."""
    return "".join(f"\\{sign}" if sign in "\\]^[" else sign for sign in signs if sign != "-") + "-" * ("-" in signs)


def _bytes_pattern(value: str, codec: str) -> bytes:
    wide = codec.startswith("utf-16")
    try:
        signs = [b"(?:" + b"|".join(_ways(one, codec)) + b")" for one in _signs(value)]
    except UnicodeEncodeError:
        return b""
    gap = b"(?:" + b"|".join(_encoded(_gaps(value), codec)) + b"){0,%d}" % _MOST_GAPS
    body = gap.join(signs)
    if _MOBILE.fullmatch(value):
        country = b"|".join(re.escape(one.encode(codec)) for one in _COUNTRY)
        body = b"(?:(?:" + country + b")" + gap + b")?" + body
    if _kind(value) == "number" and not wide and value.isdigit() and len(value) <= _EXACT_DIGITS:
        # As spreadsheets and programmes write a large number.
        body += rb"|%b\.%b0*[Ee]\+?%d" % (value[:1].encode(), value[1:].rstrip("0").encode(), len(value) - 1)
    before, after = {
        "utf-16-le": (rb"(?<![0-9]\x00)(?<![0-9]\x00\.\x00)", rb"(?![0-9]\x00)"),
        "utf-16-be": (rb"(?<!\x00[0-9])(?<!\x00[0-9]\x00\.)", rb"(?!\x00[0-9])"),
    }.get(codec, (rb"(?<![0-9])(?<![0-9]\.)", rb"(?![0-9])"))
    return (before if value[0].isdigit() else b"") + b"(?:" + body + b")" + (after if value[-1].isdigit() else b"")


def _encoded(signs: str, codec: str) -> list[bytes]:
    found = []
    for sign in signs:
        try:
            found.append(re.escape(sign.encode(codec)))
        except UnicodeEncodeError:
            continue
        if codec == "utf-8":
            found += [] if sign.isascii() else _numbered(sign)
            found += [re.escape({"\n": b"\\n", "\r": b"\\r", "\t": b"\\t"}[sign])] if sign in "\n\r\t" else []
    return found


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
    """Return how JSON, XML and DXF may name a sign by its number."""
    units = sign.encode("utf-16-be").hex()
    escapes = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return [
        b"(?i:" + re.escape(escapes.encode()) + b")", rb"&#0*%d;" % ord(sign), rb"(?i:&#x0*%x;)" % ord(sign),
        rb"(?i:\\U\+%04x)" % ord(sign),
    ]  # fmt: skip


def _masked(value: str) -> str:
    if _kind(value) in {"number", "mixed"}:
        shown = max(1, len(value) * 3 // 11), max(1, len(value) * 4 // 11)
        return f"{value[: shown[0]]}****{value[-shown[1] :]}"
    return value[:1] + "*" * max(1, len(value) - 1)
