"""Days as people write them, in forms and on the command line."""

from __future__ import annotations

from datetime import date

from gis_service.errors import InputError
from gis_service.features.question import today

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)


def day_of(text: str | None) -> date:
    """Return a day as it was written, today without a text; InputError when it can't be read or is too far away."""
    if not text:
        return today()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"日期 {text[:20]!r} 看不懂;请写成 2026-11-23。", "The date can't be read.") from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InputError(f"日期 {day} 太远;请在 {FIRST_DAY} 到 {LAST_DAY} 之间。", f"{day} is too far away.")
    return day


def past_day(text: str | None) -> date | None:
    """Return a day whose records are asked for, None without a text; InputError while it isn't over."""
    if not text:
        return None
    day = day_of(text)
    if day >= today():
        raise InputError(f"{day} 还没有过完,记录还会变;请写过去的日子,或不写(按现在的记录)。", f"{day} isn't over.")
    return day
