"""Which encoding a Chinese survey's text is in, found by evidence instead of belief."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gis_service.surveys.files import hanzi
from gis_service.surveys.files.errors import SurveyError

_BLOCK_BYTES: Final = 1 << 20
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
BIG5: Final = "cp950"
# GB18030 holds GB2312 and GBK, and code page 950 is Big5 as Windows writes it.
CANDIDATES: Final = ("utf-8", "gb18030", BIG5)
_TITLES: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "gb18030": "GB18030(含 GBK)",
    BIG5: "Big5",
}
# What is hard to hit by chance goes first where texts look alike; a wrong Big5 is worse than a wrong GBK here.
_STANDING: Final = {"utf-8": 0.2, "gb18030": 0.1, BIG5: 0.0}
_OF_DECLARED: Final = 0.2
_OF_FITTING: Final = 0.15
_FITTING_COUNTED: Final = 20
# Python knows codecs that unpack archives or run escapes, too.
_OF_TEXT: Final = re.compile(r"utf-8|ascii|gb18030|big5\w*|cp\d+|iso8859-\d+|shift_jis|euc_\w+|koi8-\w")
_SCORED_CHARACTERS: Final = 20_000


class Encoding(NamedTuple):
    """A codec of Python's, and the Chinese sentence that says why it is taken."""

    codec: str
    evidence: str


def title_of(codec: str) -> str:
    """Name a codec for people."""
    return _TITLES.get(codec, codec.upper())


def encoding_of_text(path: Path, declared: str | None = None, declared_by: str = "") -> Encoding:
    """Find the encoding of a text file: its byte-order mark, else the reading that looks most like Chinese.

    Parameters
    ----------
    declared, declared_by
        The codec that the file itself names, and where; it counts, but isn't believed.

    Raises
    ------
    SurveyError
        The file is in none of the known ones.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return Encoding(name, f"文字编码是 {title_of(name)}:文件开头有它的标记(BOM)。")
    tried = dict.fromkeys([*([declared] if declared else []), *CANDIDATES])
    readings = {name: text for name in tried if (text := _beyond_ascii(path, name)) is not None}
    if not readings:
        msg = "文件的文字编码认不出来(既不是 UTF-8,也不是 GBK/GB18030 或 Big5);请另存为 UTF-8 再上传"
        raise SurveyError(msg)
    return likeliest(readings, declared, declared_by)


def likeliest(readings: dict[str, str], declared: str | None = None, declared_by: str = "") -> Encoding:
    """Choose between readings of the same bytes.

    Parameters
    ----------
    readings
        Codec to the text it gives; not empty.
    declared, declared_by
        The codec that the file itself names, and where.
    """
    if not any(readings.values()):
        name = declared if declared in readings else next(iter(readings))
        return Encoding(name, f"文件里只有英文字母和数字,按 {title_of(name)} 读取。")
    scores = {name: hanzi.score(text) for name, text in readings.items()}
    standing = {
        name: score + _STANDING.get(name, 0.0) + (_OF_DECLARED if name == declared else 0.0)
        for name, score in scores.items()
    }
    # Each further character makes it less likely that bytes fit UTF-8 by chance.
    if "utf-8" in standing:
        standing["utf-8"] += _OF_FITTING * min(len(readings["utf-8"]), _FITTING_COUNTED)
    found = max(readings, key=lambda name: standing[name])
    others = [name for name in readings if name != found]
    shown = f"像中文的程度 {max(scores[found], 0.0):.0%}"
    if others:
        next_best = max(others, key=lambda name: scores[name])
        shown += f",按 {title_of(next_best)} 只有 {max(scores[next_best], 0.0):.0%}"
    if scores[found] <= max((scores[name] for name in others), default=-1.0):
        shown = "按字节结构判断" if found != declared else "与内容不矛盾"
    if declared is not None and found != declared:
        return Encoding(
            found, f"{declared_by}写的编码 {title_of(declared)} 与内容不符,按 {title_of(found)} 读取({shown})。"
        )
    by = f"{declared_by}写明,{shown}" if declared is not None else shown
    return Encoding(found, f"文字编码按 {title_of(found)} 读取({by})。")


def named_codec(declared: str | None) -> str | None:
    """Read an encoding's name, which people and programs write as ``GBK``, ``936``, ``ANSI_936`` or ``Big5``."""
    if not declared:
        return None
    name = declared.strip().upper().removeprefix("ANSI").strip(" _-")
    if name in {"936", "GBK", "GB2312", "CP936"}:
        # GB18030 holds them all, and the rare characters of names besides.
        name = "gb18030"
    if name in {"950", "BIG5", "CP950", "BIG-5"}:
        name = BIG5
    try:
        found = codecs.lookup(f"cp{name}" if name.isdigit() else name.replace("ISO 8859", "ISO8859")).name
    except LookupError:
        return None
    return found if _OF_TEXT.fullmatch(found) else None


def _beyond_ascii(path: Path, name: str) -> str | None:
    """Decode a whole file strictly, and return some of its characters beyond ASCII; None when it isn't in the codec."""
    decoder = codecs.getincrementaldecoder(name)()
    kept: list[str] = []
    left = _SCORED_CHARACTERS
    try:
        for block in _blocks(path):
            text = decoder.decode(block)
            if left > 0 and not text.isascii():
                piece = "".join(character for character in text if character > "\x7f")[:left]
                kept.append(piece)
                left -= len(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return "".join(kept)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
