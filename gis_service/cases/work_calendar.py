"""Which days are working days: the week, what the State Council made of each year, and what a community says of it.

The years' holidays and the Saturdays and Sundays worked for them (调休) come from the package ``chinesecalendar``,
which copies the yearly notices of the General Office; its tables of 2024 to 2026 were compared with them. A year that
is known neither there nor from a community's own days has its weekends only, and whoever reckons with it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from importlib.metadata import version

from chinese_calendar import Holiday
from chinese_calendar.constants import holidays, workdays

_NAMES = {
    Holiday.new_years_day: "元旦",
    Holiday.spring_festival: "春节",
    Holiday.tomb_sweeping_day: "清明节",
    Holiday.labour_day: "劳动节",
    Holiday.dragon_boat_festival: "端午节",
    Holiday.national_day: "国庆节",
    Holiday.mid_autumn_festival: "中秋节",
    Holiday.anti_fascist_70th_day: "抗战胜利 70 周年纪念日",
}
_FIXED = ((1, 1), (5, 1), (10, 1))
"""Holidays that fall on the same day each year (全国年节及纪念日放假办法第二条): no whole year is without them."""


@dataclass(frozen=True)
class WorkDay:
    """A day that the calendar says something of: whether it is worked, what it is called, and who says so.

    ``own`` tells that the community said it, and not the package.
    """

    day: date
    working: bool
    name: str
    basis: str
    own: bool = False


@dataclass(frozen=True)
class WorkCalendar:
    """The days on which a community works: the days that are told of, by date, and Monday to Friday otherwise."""

    days: Mapping[date, WorkDay] = field(default_factory=dict)

    @cached_property
    def known(self) -> frozenset[int]:
        """The years whose holidays are told of as a whole."""
        years = {day.year for day in self.days}
        return frozenset(year for year in years if all(date(year, *fixed) in self.days for fixed in _FIXED))

    def works_on(self, day: date) -> bool:
        """Return whether a day is a working day."""
        told = self.days.get(day)
        return day.weekday() < 5 if told is None else told.working

    def working_days_from(self, day: date) -> Iterator[date]:
        """Return the working days from a day on, itself among them, without end."""
        while True:
            if self.works_on(day):
                yield day
            day += timedelta(days=1)

    def of_year(self, year: int) -> list[WorkDay]:
        """Return the days of a year that are told of, in order."""
        return [self.days[day] for day in sorted(self.days) if day.year == year]

    def with_own(self, own: Iterable[WorkDay]) -> WorkCalendar:
        """Return the calendar with a community's own days in the place of what is told of them here."""
        return WorkCalendar({**self.days, **{one.day: one for one in own}})


def _published() -> WorkCalendar:
    package = f"chinesecalendar {version('chinesecalendar')}"
    told = [
        WorkDay(day, working, _NAMES[Holiday(name)] + ("调休" if working else ""), f"{_notice(day)}({package})")
        for table, working in ((holidays, False), (workdays, True))
        for day, name in table.items()
    ]
    return WorkCalendar({one.day: one for one in told})


def _notice(day: date) -> str:
    return f"国务院办公厅关于{day.year}年部分节假日安排的通知"


PUBLISHED = _published()
"""The calendar as far as the package knows it, from 2004 on."""
