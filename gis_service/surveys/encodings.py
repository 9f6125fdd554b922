"""Which encoding a Chinese survey's text is in, found by evidence instead of belief."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gis_service.surveys.errors import SurveyError

_BLOCK_BYTES: Final = 1 << 20
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# A field cut off in the middle of a character breaks a few characters; a wrong encoding breaks most of them.
_MOST_CUT: Final = 0.1
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def encoding_of_text(path: Path) -> str:
    """Find the encoding of a text file: its byte-order mark, else strict UTF-8, else strict GB18030.

    Raises
    ------
    SurveyError
        The file is none of them.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    for name in ("utf-8", "gb18030"):
        if _decodes(_blocks(path), name):
            return name
    msg = "文件的文字编码认不出来(既不是 UTF-8,也不是 GBK/GB18030);请另存为 UTF-8 再上传"
    raise SurveyError(msg)


def encoding_of_dbf(table: bytes, declared: str | None) -> tuple[str, str]:
    """Find the encoding of a shapefile's attribute table.

    Parameters
    ----------
    table
        The whole .dbf.
    declared
        The text of the .cpg, if there is one.

    Returns
    -------
    tuple of str
        The codec, and a note in Chinese ("" when there is nothing to tell).
    """
    text = _dbf_text(table)
    named = _codec(declared)
    if named and _decodes(iter([text]), named):
        return named, ""
    for name in ("utf-8", "gb18030"):
        if _decodes(iter([text]), name):
            return name, f".cpg 写的编码与内容不符,按 {name.upper()} 读取" if named else ""
    found = min(("utf-8", "gb18030"), key=lambda name: _broken_share(text, name))
    if _broken_share(text, found) > _MOST_CUT:
        msg = "属性表(.dbf)的文字编码认不出来(既不是 UTF-8,也不是 GBK/GB18030);请附上正确的 .cpg 文件再上传"
        raise SurveyError(msg)
    return found, f"属性表按 {found.upper()} 读取,有的文字在字段末尾被截断"


def _dbf_text(table: bytes) -> bytes:
    """Take the text out of a .dbf: field names of the header, and the records; the rest of the header is numbers."""
    header_bytes = int.from_bytes(table[8:10], "little")
    header = table[32 : max(header_bytes, 32)]
    names = [header[at : at + 11].split(b"\0")[0] for at in range(0, len(header) - 31, 32)]
    return b"\n".join([*names, table[header_bytes:].rstrip(b"\x1a\0")])


def _codec(declared: str | None) -> str | None:
    """Read a .cpg, which people and programs write as ``UTF-8``, ``GBK``, ``936``, ``ANSI 936`` or ``ISO 8859-1``."""
    if not declared:
        return None
    name = declared.strip().upper().removeprefix("ANSI").strip()
    if name in {"936", "GBK", "GB2312", "CP936"}:
        # GB18030 holds them all, and the rare characters of names besides.
        name = "gb18030"
    try:
        return codecs.lookup(f"cp{name}" if name.isdigit() else name.replace("ISO 8859", "ISO8859")).name
    except LookupError:
        return None


def _decodes(blocks: Iterator[bytes], name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _broken_share(text: bytes, name: str) -> float:
    decoded = text.decode(name, errors="replace")
    beyond_ascii = sum(1 for character in decoded if character > "\x7f")
    return decoded.count(_REPLACEMENT) / max(beyond_ascii, 1)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
