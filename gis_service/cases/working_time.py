"""Working time: when something is due, how much working time lies between two moments, when to remind of it.

The conventions. A day begins and ends in Shanghai. What starts outside office hours counts as started at the next
opening (系统默认: nobody can see to it before). Of days, that of the start doesn't count, and the last working day ends
with the office hours: 民法典第二百零一条第一款、第二百零三条第二款, made for civil time limits, are followed here.
Days of the calendar end at 24:00 of the last one, even of a holiday: a danger doesn't wait until the office opens, so
that 第二百零三条第一款 isn't followed (系统默认). What is due at once is due when it starts, at any hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from gis_service.cases.work_calendar import WorkCalendar
from gis_service.features.question import SHANGHAI
from layers.time_limits import OFFICE_HOURS, TimeLimit, TimeUnit

REMINDED_AT = 0.8
"""Share of the working time after which one is reminded of what is due (系统默认), whatever the limit is counted in."""

_NONE = timedelta(0)


@dataclass(frozen=True)
class Due:
    """When something is due, and the years whose holidays weren't known, so that only their weekends were left out."""

    at: datetime
    assumed_years: tuple[int, ...] = ()


def due(calendar: WorkCalendar, start: datetime, limit: TimeLimit) -> Due:
    """Return when something is due that starts at a moment; the module says by which conventions.

    Parameters
    ----------
    start
        A moment with a time zone; ValueError otherwise.

    Returns
    -------
    Due
        The moment in UTC; the end of a day is the first moment of the next one.
    """
    begun = _utc(start)
    if limit.unit is TimeUnit.AT_ONCE:
        return Due(begun)
    if limit.unit is TimeUnit.DAYS:
        return Due(_moment(_day(begun) + timedelta(days=int(limit.value) + 1), time()))
    if limit.unit is TimeUnit.WORKING_HOURS:
        at = _after(calendar, begun, timedelta(hours=limit.value))
    else:
        first = _day(_after(calendar, begun, _NONE)) + timedelta(days=1)
        last = next(islice(calendar.working_days_from(first), int(limit.value) - 1, None))
        at = _moment(last, OFFICE_HOURS.sessions[-1][1])
    return Due(at, assumed_years(calendar, begun, at))


def assumed_years(calendar: WorkCalendar, start: datetime, end: datetime) -> tuple[int, ...]:
    """Return the years between two moments whose holidays aren't known, in order."""
    years = range(_day(start).year, _day(end).year + 1)
    return tuple(year for year in years if year not in calendar.known)


def working_seconds_between(calendar: WorkCalendar, start: datetime, end: datetime) -> float:
    """Return the seconds of working time from one moment to another; negative where the end comes first."""
    begun, ended = _utc(start), _utc(end)
    if ended < begun:
        return -working_seconds_between(calendar, end, start)
    total = _NONE
    for opens, closes in _sessions(calendar, _day(begun)):
        if opens >= ended:
            break
        total += max(_NONE, min(closes, ended) - max(opens, begun))
    return total.total_seconds()


def remind_at(calendar: WorkCalendar, start: datetime, end: datetime) -> datetime:
    """Return when to remind of what is due at ``end``: when ``REMINDED_AT`` of the working time until then is gone.

    Where there is no working time in between, that is at the start.
    """
    whole = working_seconds_between(calendar, start, end)
    if whole <= 0:
        return _utc(start)
    return _after(calendar, _utc(start), timedelta(seconds=whole * REMINDED_AT))


def _after(calendar: WorkCalendar, start: datetime, left: timedelta) -> datetime:
    """Return the first moment of office hours, or their end, until which so much working time has gone."""
    sessions = ((max(opens, start), closes) for opens, closes in _sessions(calendar, _day(start)) if closes > start)
    for opens, closes in sessions:
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise AssertionError("sessions have no end")


def _sessions(calendar: WorkCalendar, day: date) -> Iterator[tuple[datetime, datetime]]:
    """Return opening and closing of the office from a day on, in UTC, without end."""
    for one in calendar.working_days_from(day):
        for opens, closes in OFFICE_HOURS.sessions:
            yield _moment(one, opens), _moment(one, closes)


def _moment(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, SHANGHAI).astimezone(UTC)


def _day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)
