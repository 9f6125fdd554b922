"""The notices of the State Council's General Office, typed from their text: rest from–to, and days worked instead."""

from __future__ import annotations

from datetime import date, timedelta

# 国办发明电〔2023〕7号, 国办发明电〔2024〕12号, and the notice of 4 November 2025.
NOTICES = {
    2024: (
        "元旦 01-01 01-01,春节 02-10 02-17,清明节 04-04 04-06,劳动节 05-01 05-05,端午节 06-10 06-10,"
        "中秋节 09-15 09-17,国庆节 10-01 10-07",
        "02-04 02-18 04-07 04-28 05-11 09-14 09-29 10-12",
    ),
    2025: (
        "元旦 01-01 01-01,春节 01-28 02-04,清明节 04-04 04-06,劳动节 05-01 05-05,端午节 05-31 06-02,国庆节 10-01 10-08",
        "01-26 02-08 04-27 09-28 10-11",
    ),
    2026: (
        "元旦 01-01 01-03,春节 02-15 02-23,清明节 04-04 04-06,劳动节 05-01 05-05,端午节 06-19 06-21,"
        "中秋节 09-25 09-27,国庆节 10-01 10-07",
        "01-04 02-14 02-28 05-09 09-20 10-10",
    ),
}


def rests(year: int) -> dict[date, str]:
    """Return the days of a year that the notice gives off, with what for."""
    found = {}
    for part in NOTICES[year][0].split(","):
        name, first, last = part.split()
        day, end = date.fromisoformat(f"{year}-{first}"), date.fromisoformat(f"{year}-{last}")
        while day <= end:
            found[day] = name
            day += timedelta(days=1)
    return found


def worked(year: int) -> set[date]:
    """Return the Saturdays and Sundays that the notice has people work."""
    return {date.fromisoformat(f"{year}-{part}") for part in NOTICES[year][1].split()}
