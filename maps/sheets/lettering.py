"""Text on paper: fonts that have Chinese, how wide a text is, and no sign that would come out as a box."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from unicodedata import category

from matplotlib import font_manager
from matplotlib.font_manager import FontProperties

from gis_service.errors import InputError, ServiceError

FAMILIES = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei")
"""Fonts with simplified Chinese that a system may have; the first that is there is taken."""

_NARROW = 0.56
"""Width of a Latin letter or digit, in parts of a Chinese character's; a little more than it is."""


class FontError(ServiceError):
    """Nothing can be printed here; the message says what to install."""


@functools.cache
def font(*, bold: bool = False) -> FontProperties:
    """Return the font of all text.

    Raises
    ------
    FontError
        When no font with Chinese is installed; the sentence names the package.
    """
    for family in FAMILIES:
        wanted = FontProperties(family=family, weight="bold" if bold else "normal")
        try:
            path = font_manager.findfont(wanted, fallback_to_default=False)
        except ValueError:
            continue
        return FontProperties(fname=path) if Path(path).suffix != ".ttc" else wanted
    raise FontError(
        "没有找到中文字体,不能出图:请安装软件包 fonts-noto-cjk(Debian、Ubuntu),或把 Noto Sans CJK SC 装进系统字体。",
        "No font with Chinese is installed; install fonts-noto-cjk.",
    )


@functools.cache
def _signs(*, bold: bool) -> frozenset[int]:
    path = font_manager.findfont(font(bold=bold), fallback_to_default=False)
    face = font_manager.get_font(path)
    return frozenset(face.get_charmap())


def check_signs(texts: Iterable[str]) -> None:
    """Refuse texts with a sign that the font lacks.

    Raises
    ------
    InputError
        It names the signs: they would be drawn as boxes.
    """
    known = _signs(bold=False)
    missing = sorted({sign for text in texts for sign in text if sign != "\n" and ord(sign) not in known})
    if missing:
        listed = "、".join(f"“{sign}”(U+{ord(sign):04X})" for sign in missing[:10])
        raise InputError(
            f"字体里没有这些字,印出来会是方框,没有出图:{listed};请安装含有它们的字体,或改写这些名称。",
            f"The font lacks {missing[:10]}.",
        )


def width_em(text: str) -> float:
    """Return about how wide a text is, in the widths of a Chinese character; never less than it is."""
    return sum(1.0 if ord(sign) > 0x2E7F or sign in "·—…“”‘’×" else _NARROW for sign in text)


def wrapped(text: str, most_em: float) -> list[str]:
    """Return a text in lines that are at most so wide; Latin words stay whole, and no line begins with a stop."""
    lines, line = [], ""
    for part in _parts(text):
        if line and width_em(line + part) > most_em and part not in "。,;:、)”》%":
            lines.append(line.rstrip())
            line = part.lstrip()
        else:
            line += part
    return [*lines, line.rstrip()] if line.strip() else lines


def shortened(lines: list[str], most: int) -> list[str]:
    """Return at most so many lines; where some are left out the last one ends with an ellipsis."""
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1][:-1]}…"]


def one_line(text: object) -> str:
    """Return a text without line breaks and control signs, which a name from a file may hold."""
    return " ".join("".join(" " if category(sign) in _UNSEEN else sign for sign in str(text)).split())


_UNSEEN = {"Cc", "Cf", "Zl", "Zp"}


def _parts(text: str) -> Iterator[str]:
    word = ""
    for sign in text:
        if sign.isascii() and not sign.isspace():
            word += sign
            continue
        if word:
            yield word
            word = ""
        yield sign
    if word:
        yield word
