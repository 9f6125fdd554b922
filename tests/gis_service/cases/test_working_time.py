"""Working time against a walk from minute to minute over a calendar typed from the notices, and known answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.cases.work_calendar import PUBLISHED, WorkCalendar, WorkDay
from gis_service.cases.working_time import Due, due, remind_at, working_seconds_between
from layers.rules import RuleStatus
from layers.time_limits import TIME_LIMITS, TimeLimit, TimeUnit
from tests.gis_service.cases.notices import NOTICES, rests, worked

FIRST, LAST, LONGEST = date(2023, 12, 1), date(2027, 12, 31), 180
CHINA = timezone(timedelta(hours=8))
MINUTES = 1440
Walk = npt.NDArray[np.bool_]


def office_day() -> Walk:
    """Return the minutes of a working day: half past eight to noon, half past one to five."""
    minutes = np.zeros(MINUTES, bool)
    minutes[8 * 60 + 30 : 12 * 60] = minutes[13 * 60 + 30 : 17 * 60] = True
    return minutes


def working(day: date, own: dict[date, bool]) -> bool:
    """Say from the notices whether a day is worked."""
    if day in own:
        return own[day]
    if day.year in NOTICES and (day in rests(day.year) or day in worked(day.year)):
        return day in worked(day.year)
    return day.isoweekday() <= 5


OFFICE = office_day()
DAYS = np.array([working(FIRST + timedelta(days=n), {}) for n in range((LAST - FIRST).days + 1)])


def walk(own: dict[date, bool], start: int, end: int | None = None) -> Walk:
    """Return for every minute from one to another, LONGEST days if none is given, whether it is one of office hours."""
    end = start + LONGEST * MINUTES if end is None else end
    days = DAYS.copy()
    for day, works in own.items():
        days[(day - FIRST).days] = works
    first = start // MINUTES
    minutes = (days[first : end // MINUTES + 1, None] & OFFICE).ravel()
    return minutes[start - first * MINUTES : end - first * MINUTES]


def minute(moment: datetime) -> int:
    """Return the number of a moment's minute in the walk."""
    return int((moment - datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=CHINA)) / timedelta(minutes=1))


def moment_of(number: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=CHINA) + timedelta(minutes=number)


def limit_of(value: float, unit: TimeUnit) -> TimeLimit:
    return TimeLimit(code="x.x", title="某", value=value, unit=unit, basis="某", status=RuleStatus.DEFAULT)


def with_own(own: dict[date, bool]) -> WorkCalendar:
    return PUBLISHED.with_own(WorkDay(day, works, "社区", "本地", own=True) for day, works in own.items())


moments = st.integers(minute(datetime(2024, 1, 1, tzinfo=CHINA)), minute(datetime(2026, 12, 1, tzinfo=CHINA))).map(
    moment_of
)
owns = st.dictionaries(st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.booleans(), max_size=12) | (
    # Many in a row, so that the walk goes over whole weeks of them.
    st.tuples(st.dates(date(2024, 1, 1), date(2026, 11, 1)), st.lists(st.booleans(), min_size=5, max_size=40)).map(
        lambda drawn: {drawn[0] + timedelta(days=n): works for n, works in enumerate(drawn[1])}
    )
)
anywhen = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, owns, st.integers(1, 60 * 60))
@settings(max_examples=80, deadline=None)
def test_working_hours_are_so_many_minutes_of_office_hours(
    start: datetime, own: dict[date, bool], minutes: int
) -> None:
    calendar, found = with_own(own), due(with_own(own), start, limit_of(minutes / 60, TimeUnit.WORKING_HOURS))
    opened = np.flatnonzero(walk(own, minute(start)))
    expected = moment_of(minute(start) + int(opened[minutes - 1]) + 1)
    assert abs(found.at - expected) < timedelta(milliseconds=1)
    assert working_seconds_between(calendar, start, found.at) == pytest.approx(minutes * 60, abs=1e-3)


@given(moments, owns, st.integers(1, 40))
@settings(max_examples=80, deadline=None)
def test_working_days_end_when_the_office_closes(start: datetime, own: dict[date, bool], count: int) -> None:
    found = due(with_own(own), start, limit_of(count, TimeUnit.WORKING_DAYS))
    received = (minute(start) + int(np.flatnonzero(walk(own, minute(start)))[0])) // MINUTES
    after = walk(own, (received + 1) * MINUTES).reshape(-1, MINUTES).any(axis=1)
    last = received + 1 + int(np.flatnonzero(after)[count - 1])
    assert found.at == moment_of(last * MINUTES + 17 * 60)
    # The whole of so many days, and what was left of the first.
    gone = working_seconds_between(with_own(own), start, found.at)
    assert count * 7 * 3600 <= gone <= (count + 1) * 7 * 3600


@given(moments, moments, owns)
@settings(max_examples=80, deadline=None)
def test_working_time_between_two_moments_is_counted(one: datetime, other: datetime, own: dict[date, bool]) -> None:
    first, last = sorted((one, other))
    expected = int(walk(own, minute(first), minute(last)).sum()) * 60
    assert working_seconds_between(with_own(own), first, last) == expected
    assert working_seconds_between(with_own(own), last, first) == -expected


@given(anywhen, anywhen, anywhen)
@settings(max_examples=60, deadline=None)
def test_working_time_adds_up_to_the_microsecond(one: datetime, two: datetime, three: datetime) -> None:
    whole = working_seconds_between(PUBLISHED, one, three)
    parts = working_seconds_between(PUBLISHED, one, two) + working_seconds_between(PUBLISHED, two, three)
    assert whole == pytest.approx(parts, abs=1e-5)


limits = st.one_of(
    st.builds(limit_of, st.integers(1, 40), st.sampled_from([TimeUnit.WORKING_DAYS, TimeUnit.DAYS])),
    st.builds(limit_of, st.integers(1, 600).map(lambda tenths: tenths / 10), st.just(TimeUnit.WORKING_HOURS)),
    st.just(limit_of(0, TimeUnit.AT_ONCE)),
)


@given(anywhen, anywhen, owns, limits)
@settings(max_examples=80, deadline=None)
def test_what_starts_later_is_never_due_earlier(
    one: datetime, other: datetime, own: dict[date, bool], limit: TimeLimit
) -> None:
    calendar, (first, last) = with_own(own), sorted((one, other))
    earlier, later = due(calendar, first, limit).at, due(calendar, last, limit).at
    assert first <= earlier <= later
    if limit.unit is not TimeUnit.AT_ONCE:
        longer = limit_of(limit.value + 1, limit.unit)
        assert earlier < due(calendar, first, longer).at


@given(anywhen, limits)
@settings(max_examples=60, deadline=None)
def test_neither_the_zone_of_the_start_nor_summer_time_matters(start: datetime, limit: TimeLimit) -> None:
    found = due(PUBLISHED, start, limit)
    assert found.at.tzinfo is UTC
    for zone in ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"):
        assert due(PUBLISHED, start.astimezone(ZoneInfo(zone)), limit) == found
    if limit.unit is TimeUnit.DAYS:
        assert found.at.astimezone(CHINA).timetz() == datetime.min.replace(tzinfo=CHINA).timetz()
        day = start.astimezone(CHINA).date()
        assert found.at.astimezone(CHINA).date() - day == timedelta(days=limit.value + 1)
    with pytest.raises(ValueError, match="no time zone"):
        due(PUBLISHED, start.replace(tzinfo=None), limit)


@given(anywhen, owns, limits)
@settings(max_examples=80, deadline=None)
def test_one_is_reminded_when_four_fifths_of_the_working_time_are_gone(
    start: datetime, own: dict[date, bool], limit: TimeLimit
) -> None:
    calendar = with_own(own)
    end = due(calendar, start, limit).at
    at = remind_at(calendar, start, end)
    whole = working_seconds_between(calendar, start, end)
    assert start <= at <= end
    assert working_seconds_between(calendar, start, at) == pytest.approx(whole * 0.8, abs=1e-3)
    if whole == 0:
        assert at == start
    else:
        before = at - timedelta(seconds=1)
        assert working_seconds_between(calendar, start, before) < whole * 0.8


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("start", "code", "expected"),
    [
        # Friday at four, an hour left; Saturday off, Sunday worked for National Day.
        ("2026-09-18T16:00", "event.X-FS01", "2026-09-20T11:30"),
        # After hours before the worked Saturday of Spring Festival; over noon.
        ("2026-02-13T17:30", "event.X-FS01", "2026-02-14T14:00"),
        # Spring Festival's nine days lie between.
        ("2026-02-14T16:00", "event.X-FS01", "2026-02-24T11:30"),
        # What is full at closing is due then, not the next morning; at noon likewise.
        ("2026-11-30T15:00", "event.X-FS03", "2026-11-30T17:00"),
        ("2026-11-30T10:00", "event.X-FS03", "2026-11-30T12:00"),
        ("2026-11-30T12:30", "event.X-FS03", "2026-11-30T15:30"),
        # National Day, and the Saturday worked for it.
        ("2026-09-29T10:00", "step.track", "2026-10-12T17:00"),
        # Received on Saturday: as on Monday morning. At closing it is too late for today.
        ("2026-11-28T10:00", "step.register", "2026-12-01T17:00"),
        ("2026-11-27T16:59", "step.register", "2026-11-30T17:00"),
        ("2026-11-27T17:00", "step.register", "2026-12-01T17:00"),
        # Days of the calendar end at midnight, on holidays too, and go by the day in Shanghai.
        ("2026-09-20T23:30", "hazard.general_days", "2026-10-06T00:00"),
        ("2026-09-21T00:30", "hazard.general_days", "2026-10-07T00:00"),
        ("2026-10-02T03:00", "step.transfer_suspected", "2026-10-02T03:00"),
    ],
)
def test_known_answers(start: str, code: str, expected: str) -> None:
    assert due(PUBLISHED, at(start), TIME_LIMITS[code]) == Due(at(expected).astimezone(UTC))


def test_years_that_nobody_told_of_are_named() -> None:
    five = TIME_LIMITS["step.track"]
    assert due(PUBLISHED, at("2026-12-23T10:00"), five) == Due(at("2026-12-30T17:00"))
    unknown = max(PUBLISHED.known) + 1
    start = datetime(unknown - 1, 12, 30, 9, tzinfo=CHINA)
    found = due(PUBLISHED, start, five)
    assert found.assumed_years == (unknown,)
    assert due(PUBLISHED, start, limit_of(300, TimeUnit.WORKING_DAYS)).assumed_years == (unknown, unknown + 1)
    # Nothing is assumed where no working time is reckoned.
    assert due(PUBLISHED, start, TIME_LIMITS["hazard.general_days"]).assumed_years == ()
    assert due(PUBLISHED, start, TIME_LIMITS["step.transfer_suspected"]).assumed_years == ()
    days: Any = [(1, 1), (5, 1), (10, 1)]
    told = PUBLISHED.with_own(WorkDay(date(unknown, *day), working=False, name="x", basis="x") for day in days)
    assert due(told, start, five).assumed_years == ()


def test_a_reminder_of_what_lies_in_a_holiday_comes_at_the_start() -> None:
    start, end = at("2026-10-01T09:00"), at("2026-10-04T00:00")
    assert remind_at(PUBLISHED, start, end) == start
    # Two hours from ten to noon: at 11:36.
    assert remind_at(PUBLISHED, at("2026-11-30T10:00"), at("2026-11-30T12:00")) == at("2026-11-30T11:36")
