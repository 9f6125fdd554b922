"""A cell as plain text: what keyboards and spreadsheets do to letters and digits doesn't count."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """Return text with full-width digits, letters and punctuation, as Chinese keyboards give them, in plain ones."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def cell_text(cell: object) -> str | None:
    """Return a cell as text without spaces around it, None when nothing is left; 12.0 of a spreadsheet is 12."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip() or None
