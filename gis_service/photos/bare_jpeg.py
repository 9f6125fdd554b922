"""Whether bytes are a JPEG of pixels alone: what a fenced child sends is believed only as far as it can be seen."""

from __future__ import annotations

import re
from typing import Final

_START, _END = b"\xff\xd8", b"\xff\xd9"
# Without resolution, thumbnail or anything behind them.
_JFIF: Final = re.compile(rb"JFIF\0\x01[\x00-\x02]\x00\x00\x01\x00\x01\x00\x00")
_PROGRESSIVE, _HUFFMAN, _SCAN, _QUANTIZATION, _APPLICATION = 0xC2, 0xC4, 0xDA, 0xDB, 0xE0
_ALLOWED: Final = frozenset({_PROGRESSIVE, _HUFFMAN, _SCAN, _QUANTIZATION, _APPLICATION})
# In the data of a scan this ends it; an FF of the data itself is followed by 00.
_MARKER: Final = re.compile(rb"\xff[^\x00]")


def size_of_bare_jpeg(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a progressive JPEG that holds nothing but its pixels.

    Returns
    -------
    tuple or None
        None when it isn't one: a segment that pixels don't need, bytes after the end, or no JPEG at all.
    """
    if not data.startswith(_START):
        return None
    at, size = 2, None
    while data[at : at + 2] != _END:
        kind, length = data[at + 1 : at + 2], int.from_bytes(data[at + 2 : at + 4])
        held = data[at + 4 : at + 2 + length]
        if data[at : at + 1] != b"\xff" or not kind or kind[0] not in _ALLOWED or length < 2 or len(held) < length - 2:
            return None
        if kind[0] == _APPLICATION and not _JFIF.fullmatch(held):
            return None
        if kind[0] == _PROGRESSIVE:
            size = int.from_bytes(held[3:5]), int.from_bytes(held[1:3])
        at += 2 + length
        if kind[0] == _SCAN:
            following = _MARKER.search(data, at)
            if following is None:
                return None
            at = following.start()
    return size if at + 2 == len(data) else None
