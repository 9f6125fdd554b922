"""A table as CSV for spreadsheets: with a BOM, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = re.compile(r"^[=+\-@\t\r\n＝＋－＠]")


def csv_table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a CSV file; None is an empty cell, numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(titles)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return ("\ufeff" + out.getvalue()).encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value}"
    return harmless(str(value))


def harmless(text: str) -> str:
    """Return a text as a spreadsheet shows it and never runs it: with an apostrophe where it begins like a formula."""
    return f"'{text}" if _FORMULA.match(text) else text
