"""The text of a shapefile's attribute table: its encoding, and what the format cut off.

A .dbf has fields of fixed width and names of ten bytes, so that programs cut a name or a text where the bytes end, in
the middle of a character where need be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gis_service.surveys.files.encodings import BIG5, CANDIDATES, Encoding, likeliest, named_codec, title_of
from gis_service.surveys.files.errors import SurveyError

NAME_BYTES: Final = 10
_DESCRIPTOR_BYTES: Final = 32
_END_OF_DESCRIPTORS: Final = 0x0D
# Byte 29 of the header, as FoxPro and ArcGIS set it.
_LANGUAGE_BYTE: Final = 29
_LANGUAGES: Final = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: BIG5, 0x78: BIG5}
_MOST_TEXTS: Final = 20_000
_LONGEST_CHARACTER: Final = 4
# What isn't cut but broken shows that the encoding is another one.
_MOST_BROKEN: Final = 0.1


@dataclass(frozen=True)
class DbfText:
    """What is known of a table's text.

    Attributes
    ----------
    note
        A Chinese sentence on texts that are cut off, or "".
    names
        The fields' names, whole characters only.
    cut
        Which of them may be cut off.
    """

    encoding: Encoding
    note: str
    names: tuple[str, ...]
    cut: tuple[str, ...]


def read_dbf_text(table: bytes, declared: str | None) -> DbfText:
    """Find the encoding of an attribute table.

    Parameters
    ----------
    table
        The whole .dbf.
    declared
        The text of the .cpg, if there is one.

    Raises
    ------
    SurveyError
        It is in none of the known ones.
    """
    names = [name for name, _, _ in _fields(table)]
    texts = [text for text in (*names, *_texts(table)) if not text.isascii()]
    stated, by = named_codec(declared), ".cpg "
    if stated is None and len(table) > _LANGUAGE_BYTE:
        stated, by = _LANGUAGES.get(table[_LANGUAGE_BYTE]), "属性表的语言标记"
    codecs_tried = dict.fromkeys([*([stated] if stated else []), *CANDIDATES])
    readings: dict[str, str] = {}
    cuts: dict[str, int] = {}
    for codec in codecs_tried:
        read = [whole_characters(text, codec) for text in texts]
        broken = sum(1 for text, _ in read if text is None)
        if broken <= _MOST_BROKEN * len(texts):
            readings[codec] = "".join(text for text, _ in read if text is not None)
            cuts[codec] = sum(cut for _, cut in read) + broken
    if not readings:
        msg = "属性表(.dbf)的文字编码认不出来(既不是 UTF-8,也不是 GBK/GB18030 或 Big5);请附上正确的 .cpg 文件再上传"
        raise SurveyError(msg)
    encoding = likeliest(readings, stated, by)
    cut = cuts[encoding.codec]
    note = (
        f"属性表按 {title_of(encoding.codec)} 读取,有的文字在字段末尾被截断(至少 {cut} 处),断字以“�”标出" if cut else ""
    )
    shown = tuple(_name(name, encoding.codec) for name in names)
    at_the_end = tuple(title for title, name in zip(shown, names, strict=True) if _may_be_cut(name, encoding.codec))
    return DbfText(encoding, note, shown, at_the_end)


def whole_characters(raw: bytes, codec: str) -> tuple[str | None, bool]:
    """Decode a field's bytes without a character that is cut off at the end.

    Returns
    -------
    tuple
        The text, or None when more than its end is broken; and whether something was cut off.
    """
    for cut in range(min(_LONGEST_CHARACTER, len(raw) + 1)):
        try:
            return raw[: len(raw) - cut].decode(codec), cut > 0
        except UnicodeDecodeError:
            continue
    return None, False


def _name(raw: bytes, codec: str) -> str:
    text, _ = whole_characters(raw, codec)
    return raw.decode(codec, errors="replace") if text is None else text


def _may_be_cut(raw: bytes, codec: str) -> bool:
    """Say whether a name fills its field: to the last byte, or so far that no further character would have fitted."""
    narrow = len(raw) == NAME_BYTES - 1 and codec == "utf-8" and not raw.isascii()
    return narrow or len(raw) >= NAME_BYTES or whole_characters(raw, codec)[1]


def _fields(table: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each field's name, its place in a record and its width; width 0 where it holds no text."""
    header_bytes = int.from_bytes(table[8:10], "little")
    place = 1
    for at in range(_DESCRIPTOR_BYTES, min(header_bytes, len(table)) - _DESCRIPTOR_BYTES + 1, _DESCRIPTOR_BYTES):
        if table[at] == _END_OF_DESCRIPTORS:
            return
        width = table[at + 16]
        kind = table[at + 11 : at + 12]
        if kind == b"C":
            # Long texts keep their width's high byte where others keep their decimals.
            width += table[at + 17] << 8
        yield table[at : at + 11].split(b"\0")[0], place, width if kind == b"C" else 0
        place += width


def _texts(table: bytes) -> Iterator[bytes]:
    """Yield texts of the records that hold more than ASCII."""
    header_bytes, record_bytes = int.from_bytes(table[8:10], "little"), int.from_bytes(table[10:12], "little")
    fields = [(place, width) for _, place, width in _fields(table) if width]
    if not fields or record_bytes == 0:
        return
    found = 0
    for start in range(header_bytes, len(table), record_bytes):
        record = table[start : start + record_bytes]
        if record.isascii():
            continue
        for place, width in fields:
            text = record[place : place + width].rstrip(b" \0")
            if not text.isascii():
                found += 1
                yield text
        if found >= _MOST_TEXTS:
            return
