"""Cells of a workbook by their addresses: ``表1!C5``, and what defined names mean."""

from __future__ import annotations

import re
from typing import Final

LAST_ROW: Final = 1_048_576
LAST_COLUMN: Final = 16_384
_WHOLE: Final = 1e15
Cell = tuple[int, int]
"""Row and column, from 1."""
Block = tuple[int, int, int, int]
"""First row, first column, last row, last column, from 1."""

_ADDRESS: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_NAMED: Final = re.compile(
    r"(?:'((?:[^']|'')+)'|([^'!:\[\]()]+))!(\$?[A-Z]{1,3}\$?\d{1,7})(?::(\$?[A-Z]{1,3}\$?\d{1,7}))?"
)


def cell_of(address: str) -> Cell | None:
    """Return the cell of an address such as C5 or $C$5, or None."""
    found = _ADDRESS.fullmatch(address.strip())
    if found is None:
        return None
    column = 0
    for sign in found[1].upper():
        column = column * 26 + ord(sign) - ord("A") + 1
    row = int(found[2])
    return (row, column) if 1 <= row <= LAST_ROW and column <= LAST_COLUMN else None


def address_of(cell: Cell) -> str:
    """Return a cell's address."""
    row, column = cell
    letters = ""
    while column:
        column, at = divmod(column - 1, 26)
        letters = chr(ord("A") + at) + letters
    return f"{letters}{row}"


def block_of(text: str) -> Block | None:
    """Return the block of a reference such as B3:D4 or B3, or None."""
    first, _, last = text.partition(":")
    begin, end = cell_of(first), cell_of(last or first)
    return (*begin, *end) if begin and end else None


def meaning_of(reference: str) -> tuple[str, Block] | None:
    """Return sheet and block of what a defined name stands for; None for anything but one block of one sheet."""
    found = _NAMED.fullmatch(reference.strip().removeprefix("="))
    if found is None:
        return None
    block = block_of(f"{found[3]}:{found[4] or found[3]}")
    sheet = found[1].replace("''", "'") if found[1] else found[2]
    return (sheet, block) if block else None


def stored(number: float) -> str:
    """Return a number as a cell stores it: whole ones without a point."""
    return str(int(number)) if float(number).is_integer() and abs(number) < _WHOLE else repr(float(number))
