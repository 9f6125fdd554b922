"""The published calendar is what the notices say, and a year that nobody told of is known to be unknown."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_service.cases.work_calendar import PUBLISHED, WorkCalendar, WorkDay
from tests.gis_service.cases.notices import NOTICES, rests, worked


@pytest.mark.parametrize("year", NOTICES)
def test_the_package_says_what_the_notice_says(year: int) -> None:
    told = PUBLISHED.of_year(year)
    # In 2025 one holiday was for both 国庆节 and 中秋节, of which the package says which day is whose.
    named = {
        one.day: "国庆节" if year == 2025 and one.name == "中秋节" else one.name for one in told if not one.working
    }
    assert named == rests(year)
    assert {one.day for one in told if one.working} == worked(year)
    day = date(year, 1, 1)
    while day.year == year:
        expected = day in worked(year) or (day.isoweekday() < 6 and day not in rests(year))
        assert PUBLISHED.works_on(day) == expected, day
        day += timedelta(days=1)
    assert all(f"关于{year}年" in one.basis and "chinesecalendar" in one.basis and not one.own for one in told)


def test_it_knows_the_years_it_was_told_of() -> None:
    assert frozenset(range(2004, 2027)) <= PUBLISHED.known
    assert 2003 not in PUBLISHED.known
    assert 2199 not in PUBLISHED.known
    assert PUBLISHED.works_on(date(2199, 5, 1)), "a Wednesday"
    assert not PUBLISHED.works_on(date(2199, 5, 4)), "a Saturday"


def test_a_year_is_known_when_its_fixed_holidays_are() -> None:
    days = [WorkDay(date(2199, *fixed), working=False, name="x", basis="x", own=True)
            for fixed in ((1, 1), (5, 1), (10, 1))]  # fmt: skip
    assert 2199 in PUBLISHED.with_own(days).known
    for left_out in days:
        assert 2199 not in PUBLISHED.with_own([one for one in days if one != left_out]).known


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.dates(date(2024, 1, 1), date(2027, 12, 31)), st.booleans(), max_size=40))
def test_a_communitys_own_days_count_before_the_published(own: dict[date, bool]) -> None:
    days = [WorkDay(day, working, "社区", "本地", own=True) for day, working in own.items()]
    calendar = PUBLISHED.with_own(days)
    assert {day: calendar.works_on(day) for day in own} == own
    assert all(calendar.works_on(day) == PUBLISHED.works_on(day) for day in PUBLISHED.days if day not in own)
    assert WorkCalendar().with_own(days).days == {one.day: one for one in days}
