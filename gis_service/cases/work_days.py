"""The days on which a community works or rests by its own word, beside the published calendar: read and replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Date, Select, Text, and_, bindparam, delete, extract, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from gis_service.areas import list_areas, read_area
from gis_service.cases.work_calendar import PUBLISHED, WorkCalendar, WorkDay
from gis_service.errors import NotFoundError
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import AREA
from gis_service.work_day_tables import WORK_DAY

_D = WORK_DAY.c


@dataclass(frozen=True)
class Replaced:
    """What became of the days of some years: how many were written anew or changed, and how many taken away."""

    written: int
    removed: int


def read_calendar(conn: Connection, community: str) -> WorkCalendar:
    """Return the calendar of a community: its own days where it has any, else the published ones."""
    rows = conn.execute(select(_D.day, _D.working, _D.name, _D.basis).where(_D.community == community)).all()
    # The published one knows by now which years it knows; a copy would have to find out again.
    return PUBLISHED.with_own(WorkDay(*row, own=True) for row in rows) if rows else PUBLISHED


def replace_days(conn: Connection, community: str, days: Sequence[WorkDay]) -> Replaced:
    """Make these the community's only own days in each of the years that they lie in; days that stay aren't touched.

    Raises
    ------
    NotFoundError
        When the scope doesn't see the community.
    """
    read_area(conn, community)
    years = {one.day.year for one in days}
    removed = conn.execute(
        delete(WORK_DAY).where(
            _D.community == community, extract("year", _D.day).in_(years), _D.day.not_in([one.day for one in days])
        )
    ).rowcount
    rows = [
        {"community": community, "day": one.day, "working": one.working, "name": one.name, "basis": one.basis}
        for one in days
    ]
    given = insert(WORK_DAY).values(rows)
    told = ("working", "name", "basis")
    written = conn.execute(
        given.on_conflict_do_update(
            constraint="work_day_pkey",
            set_={name: given.excluded[name] for name in told},
            where=or_(*(_D[name].is_distinct_from(given.excluded[name]) for name in told)),
        ).returning(_D.day)
    ).all()
    return Replaced(len(written), removed)


def year_of(community: str | None, year: int) -> Asked:
    """Return the statement of a community's own days in a year, of the one registered first where none is named."""
    given = {"community": community, "first": date(year, 1, 1), "last": date(year, 12, 31)}
    return remembered("work_days", _year), given


def read_year(rows: Rows, community: str | None) -> tuple[str, WorkCalendar]:
    """Return the code of the community and its calendar, as far as it concerns the year that was asked for.

    Raises
    ------
    NotFoundError
        When there is no such community, or the scope doesn't see it.
    """
    if not rows:
        raise NotFoundError(
            f"没有社区 {community};请用已登记的社区代码。" if community else "还没有社区。",
            "There is no such community, or it lies outside your area.",
        )
    own = [
        WorkDay(day, working, name.decode(), basis.decode(), own=True)
        for _, day, working, name, basis in rows
        if day is not None
    ]
    return rows[0][0].decode(), PUBLISHED.with_own(own)


def missing_years(conn: Connection, on: date) -> dict[int, list[str]]:
    """Return the years whose holidays should be known on a day but aren't, with the communities that lack them.

    The General Office publishes the next year's in the first half of November (2024: 12 November, 2025: 4 November).
    """
    wanted = [on.year, on.year + 1] if on.month >= 11 else [on.year]
    known = {area.code: read_calendar(conn, area.code).known for area in list_areas(conn)}
    lacking = {year: [code for code, years in known.items() if year not in years] for year in wanted}
    return {year: codes for year, codes in lacking.items() if codes}


def _year() -> Select[Any]:
    wanted, other = bindparam("community", type_=Text), AREA.alias()
    named = select(other.c.code).where(other.c.code == func.coalesce(wanted, other.c.code))
    home = named.order_by(other.c.created_at, other.c.code).limit(1).scalar_subquery()
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    own = and_(_D.community == AREA.c.code, _D.day.between(first, last))
    return (
        select(AREA.c.code, _D.day, _D.working, _D.name, _D.basis)
        .select_from(AREA.outerjoin(WORK_DAY, own))
        .where(AREA.c.code == home)
        .order_by(_D.day)
    )
