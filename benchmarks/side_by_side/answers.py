"""What answers hold, and whether the contenders agree; a benchmark of different answers would say nothing."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

_CODE = re.compile(rb'"code": ?"((?:c\d+-)?b\d+-\d+)"')
_LONGEST = 48
"""Bytes that a match of ``_CODE`` has at most."""


class DisagreementError(Exception):
    """Two contenders gave different answers to the same question."""


def codes_of(body: bytes, *, tile: bool) -> list[str]:
    """Return the codes of the buildings in an answer, in its order."""
    if tile:
        return _tile_codes(body)
    return [code.decode() for code in _CODE.findall(body)]


def tile_properties(tile: bytes) -> tuple[str, ...]:
    """Return the names of the properties in a tile of one layer."""
    return tuple(
        value.decode()
        for number, layer in _fields(tile)
        if number == 3 and isinstance(layer, bytes)
        for inner, value in _fields(layer)
        if inner == 3 and isinstance(value, bytes)
    )


@dataclass
class Tally:
    """Counts the buildings of a stream and sums up their codes, whatever their order, without keeping it."""

    rows: int = 0
    checksum: int = 0
    size: int = 0
    _rest: bytes = field(default=b"", repr=False)

    def add(self, piece: bytes) -> None:
        """Take the next piece; a code may be cut in two by its end."""
        self.size += len(piece)
        text = self._rest + piece
        end = 0
        for found in _CODE.finditer(text):
            self.rows += 1
            self.checksum = (self.checksum + zlib.crc32(found[1])) % 2**64
            end = found.end()
        self._rest = text[max(end, len(text) - _LONGEST) :]


def _tile_codes(tile: bytes) -> list[str]:
    codes = []
    for number, layer in _fields(tile):
        if number != 3 or not isinstance(layer, bytes):
            continue
        parts: dict[int, list[bytes]] = {2: [], 3: [], 4: []}
        for inner, value in _fields(layer):
            if inner in parts and isinstance(value, bytes):
                parts[inner].append(value)
        key = parts[3].index(b"code")
        for feature in parts[2]:
            tags = next(value for inner, value in _fields(feature) if inner == 2)
            if isinstance(tags, bytes):
                pairs = list(_varints(tags))
                value = dict(zip(pairs[::2], pairs[1::2], strict=True))[key]
                codes.append(_text(parts[4][value]))
    return codes


def _text(value: bytes) -> str:
    """Return the string of a vector tile's value message."""
    number, content = next(_fields(value))
    if number != 1 or not isinstance(content, bytes):
        raise ValueError("the value isn't a string")
    return content.decode()


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield (field number, value) of a protobuf message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                value, at = _varint(message, at)
                yield key >> 3, value
            case 1:
                yield key >> 3, struct.unpack_from("<Q", message, at)[0]
                at += 8
            case 2:
                size, at = _varint(message, at)
                yield key >> 3, message[at : at + size]
                at += size
            case 5:
                yield key >> 3, struct.unpack_from("<I", message, at)[0]
                at += 4
            case kind:
                raise ValueError(f"a protobuf field of kind {kind}")


def _varints(packed: bytes) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        shift += 7
        if byte < 128:
            return value, at
