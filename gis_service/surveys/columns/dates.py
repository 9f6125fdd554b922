"""Dates as offices, spreadsheets and phones write them; what leaves the day open is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Final

from gis_service.surveys.columns.cells import cell_text, plain
from gis_service.surveys.files.errors import UnreadableCellError

Note = Callable[[object, object], None]

_TIME = r"(?:上午|下午|am|pm)?\s*\d{1,2}[:时]\d{1,2}(?:[:分](?:\d{1,2}(?:\.\d+)?秒?)?)?\s*(?:am|pm)?"
_DATE: Final = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    rf"(?:[\sT]*(?P<time>{_TIME})\s*(?P<zone>Z|[-+]\d\d:?\d\d)?)?",
    re.IGNORECASE,
)
_COMPACT: Final = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_DAY_MONTH_YEAR: Final = re.compile(r"(\d{1,2})[-\s.]*([a-z]{3,9})[-\s.,]*(\d{4})", re.IGNORECASE)
_MONTH_DAY_YEAR: Final = re.compile(r"([a-z]{3,9})[-\s.]*(\d{1,2})[\s,]+(\d{4})", re.IGNORECASE)
_MONTH_ONLY: Final = re.compile(r"(?:19|20)\d\d\s*(?:[-/.年]\s*(?:1[0-2]|0?[1-9])\s*月?份?|(?:0[1-9]|1[0-2]))")
_YEAR_ONLY: Final = re.compile(r"(?:19|20)\d\d\s*年?")
_MIDNIGHT: Final = re.compile(r"0?0:00(?::00(?:\.0+)?)?")
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# Days since this one is how spreadsheets count; it makes up for their leap day of 1900, which never was.
_SERIAL_START: Final = date(1899, 12, 30)
_SERIALS: Final = range(40_000, 60_001)
_HERE: Final = timezone(timedelta(hours=8))
_WRITE: Final = "请写成 2026-11-23"


def date_converter(note: Note) -> Callable[[object], object]:
    """Return what turns a cell into an ISO date, calling ``note`` with both where it took more than reordering.

    A time of day is dropped; a time with a zone counts by the day it is in China. The numbers 40000 to 60000 are
    the day counts of spreadsheets (2009 to 2064).

    Returns
    -------
    callable
        Raises UnreadableCellError with the clause that says why a cell is no date.
    """

    def convert(cell: object) -> object:
        if isinstance(cell, str) and len(cell) == 10 and cell[4] == cell[7] == "-" and cell.isascii():
            return cell
        text = cell_text(cell)
        if text is None:
            return None
        written = "" if isinstance(cell, bool) else plain(text)
        if (found := _DATE.fullmatch(written)) is not None:
            return _of_parts(found, cell, note)
        read = _other_spelling(written)
        if read is None:
            raise UnreadableCellError(_why(text, written))
        note(cell, read)
        return read

    return convert


def _of_parts(found: re.Match[str], cell: object, note: Note) -> str:
    year, month, day = found[1], found[2], found[3]
    read = f"{year}-{month:0>2}-{day:0>2}"
    time = found["time"]
    if time is None or (_MIDNIGHT.fullmatch(time) and found["zone"] is None):
        return read
    if found["zone"] is not None:
        read = _day_here(read, time, found["zone"]) or read
    note(cell, read)
    return read


def _day_here(day: str, time: str, zone: str) -> str | None:
    """Return the day in China of a moment with a zone; None where the time is written in words."""
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{zone}")
    except ValueError:
        return None
    return moment.astimezone(_HERE).date().isoformat()


def _other_spelling(written: str) -> str | None:
    if (found := _COMPACT.fullmatch(written)) is not None:
        return "-".join(found.groups())
    try:
        serial = float(written)
    except ValueError:
        serial = 0.0
    if _SERIALS.start <= serial < _SERIALS.stop:
        return (_SERIAL_START + timedelta(days=int(serial))).isoformat()
    if (found := _DAY_MONTH_YEAR.fullmatch(written)) is not None:
        return _named_month(found[3], found[2], found[1])
    if (found := _MONTH_DAY_YEAR.fullmatch(written)) is not None:
        return _named_month(found[3], found[1], found[2])
    return None


def _named_month(year: str, name: str, day: str) -> str | None:
    month = _MONTHS.get(name[:3].lower())
    return None if month is None else f"{year}-{month:02}-{day:0>2}"


def _why(text: str, written: str) -> str:
    if _MONTH_ONLY.fullmatch(written):
        return f"的 {text!r} 只有年月、没有日;请补上日,写成 2026-11-23"
    if _YEAR_ONLY.fullmatch(written):
        return f"的 {text!r} 只有年份、没有月和日;请补全,写成 2026-11-23"
    return f"的 {text!r} 不是日期,{_WRITE}"
