"""A community's own days in the database: replaced by years, noted, and nobody else's to see or to write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

from gis_service.cases.work_calendar import PUBLISHED, WorkDay
from gis_service.cases.work_days import missing_years, read_calendar, read_year, replace_days, year_of
from gis_service.database import Database
from gis_service.errors import ConflictError, NotFoundError
from gis_service.rules import read_time_limits
from gis_service.scope import Scope
from layers.rules import RuleStatus
from tests.asking import Asking
from tests.conftest import TEST_COMMUNITY

OTHER = "330482002098"
UNKNOWN = max(PUBLISHED.known) + 1
STAFF, STRANGER = Scope("staff", "staff", (TEST_COMMUNITY,)), Scope("stranger", "staff", (OTHER,))
WORKER = Scope("worker", "grid_worker", (TEST_COMMUNITY + "001",))
BOTH = Scope("operator", "operator", (TEST_COMMUNITY, OTHER))


def own(day: date, *, working: bool = False, name: str = "社区日") -> WorkDay:
    return WorkDay(day, working, name, "街道通知", own=True)


WHOLE = [own(date(UNKNOWN, *fixed)) for fixed in ((1, 1), (5, 1), (10, 1))]


@pytest.fixture
def conn(database: Database, area: str) -> Iterator[Connection]:
    """A transaction of somebody who has two communities; taken back afterwards."""
    assert area == TEST_COMMUNITY
    with database.write(BOTH) as conn:
        conn.execute(text(f"insert into gis.area (code, name, metric_srid) values ('{OTHER}', '别处', 4549)"))
        yield conn
        conn.rollback()


def own_days(conn: Connection, community: str) -> list[WorkDay]:
    calendar = read_calendar(conn, community)
    return [one for day, one in sorted(calendar.days.items()) if one.own]


def test_without_days_of_its_own_a_community_has_the_published_ones(conn: Connection) -> None:
    assert read_calendar(conn, TEST_COMMUNITY) == PUBLISHED


def test_years_are_replaced_and_others_stay(conn: Connection) -> None:
    old = [own(date(2026, 11, 30)), own(date(2026, 12, 5), working=True), own(date(2025, 6, 3))]
    assert replace_days(conn, TEST_COMMUNITY, [*old, *WHOLE]).written == 6
    calendar = read_calendar(conn, TEST_COMMUNITY)
    assert not calendar.works_on(date(2026, 11, 30))
    assert calendar.works_on(date(2026, 12, 5))
    assert UNKNOWN in calendar.known
    assert calendar.works_on(date(2026, 10, 10)), "what the community doesn't say stays as it was published"
    replaced = replace_days(conn, TEST_COMMUNITY, [own(date(2026, 12, 5)), own(date(2026, 12, 8))])
    assert (replaced.written, replaced.removed) == (2, 1)
    expected = [own(date(2025, 6, 3)), own(date(2026, 12, 5)), own(date(2026, 12, 8)), *WHOLE]
    assert own_days(conn, TEST_COMMUNITY) == sorted(expected, key=lambda one: one.day)
    again = replace_days(conn, TEST_COMMUNITY, [own(date(2026, 12, 5)), own(date(2026, 12, 8))])
    assert (again.written, again.removed) == (0, 0)


def test_each_community_has_its_own(conn: Connection) -> None:
    replace_days(conn, TEST_COMMUNITY, [own(date(2026, 11, 30)), own(date(2026, 12, 24))])
    replace_days(conn, OTHER, [own(date(2026, 11, 30), working=True), own(date(2026, 12, 1))])
    assert own_days(conn, TEST_COMMUNITY) == [own(date(2026, 11, 30)), own(date(2026, 12, 24))]
    assert own_days(conn, OTHER) == [own(date(2026, 11, 30), working=True), own(date(2026, 12, 1))]
    with pytest.raises(NotFoundError):
        replace_days(conn, "330482002097", [own(date(2026, 11, 30))])


def test_it_says_which_years_are_missing_where(conn: Connection) -> None:
    both = sorted([TEST_COMMUNITY, OTHER])
    assert missing_years(conn, date(UNKNOWN - 1, 10, 31)) == {}
    assert missing_years(conn, date(UNKNOWN - 1, 11, 1)) == {UNKNOWN: both}
    assert missing_years(conn, date(UNKNOWN, 6, 1)) == {UNKNOWN: both}
    replace_days(conn, OTHER, WHOLE[:2])
    assert missing_years(conn, date(UNKNOWN, 6, 1)) == {UNKNOWN: both}, "half a year isn't known"
    replace_days(conn, OTHER, WHOLE)
    assert missing_years(conn, date(UNKNOWN, 6, 1)) == {UNKNOWN: [TEST_COMMUNITY]}
    replace_days(conn, TEST_COMMUNITY, WHOLE)
    assert missing_years(conn, date(UNKNOWN - 1, 12, 1)) == {}


def test_a_communitys_limits_hold_in_their_units(conn: Connection) -> None:
    def says(code: str, value: float) -> None:
        conn.execute(text("delete from gis.area_rule"))
        conn.execute(
            text("insert into gis.area_rule values (:community, :code, :value, '街道办〔2026〕3号')"),
            {"community": TEST_COMMUNITY, "code": code, "value": value},
        )

    says("event.X-FS01", 1.5)
    limit = read_time_limits(conn, TEST_COMMUNITY)["event.X-FS01"]
    assert (limit.said, limit.basis, limit.status) == ("1.5 工作时", "街道办〔2026〕3号", RuleStatus.LOCAL)
    assert read_time_limits(conn, OTHER)["event.X-FS01"].said == "4 工作时"
    says("hazard.general_days", 10)
    assert read_time_limits(conn, TEST_COMMUNITY)["hazard.general_days"].said == "10 日"
    says("waste.radius_point", 60)
    assert read_time_limits(conn, TEST_COMMUNITY) == read_time_limits(conn, OTHER)
    says("step.track", 2.5)
    with pytest.raises(ConflictError, match=r"把时限 step\.track 改成了 2\.5,不能按“工作日”计算"):
        read_time_limits(conn, TEST_COMMUNITY)


def test_the_quick_way_and_strangers(database: Database, ask: Asking, area: str) -> None:
    with database.write(STAFF) as conn:
        replace_days(conn, area, [own(date(2026, 11, 30), name="甲"), own(date(2025, 11, 28)), own(date(2027, 1, 1))])
    with database.read(STRANGER) as conn:
        assert read_calendar(conn, area) == PUBLISHED
        assert conn.execute(text("select count(*) from gis.work_day")).scalar() == 0
    for scope in (STAFF, WORKER):
        for named in (area, None):
            code, calendar = read_year(ask(scope, year_of(named, 2026))[0], named)
            assert (code, [one for one in calendar.of_year(2026) if one.own]) == (
                area, [own(date(2026, 11, 30), name="甲")])  # fmt: skip
    for named in (area, None):
        with pytest.raises(NotFoundError):
            read_year(ask(STRANGER, year_of(named, 2026))[0], named)
    with database.write(WORKER) as conn:
        assert conn.execute(text("delete from gis.work_day")).rowcount == 0
        with pytest.raises(ProgrammingError) as error:
            conn.execute(text(f"insert into gis.work_day values ('{area}', '2026-12-01', true, 'x', 'x')"))
        assert isinstance(error.value.orig, psycopg.errors.InsufficientPrivilege)
        conn.rollback()


def test_what_is_written_stands_in_the_audit_day_by_day(database: Database, area: str) -> None:
    with database.write(STAFF) as conn:
        replace_days(conn, area, [own(date(2024, 3, 1), name="甲"), own(date(2024, 3, 2), working=True, name="乙")])
    with database.write(STAFF) as conn:
        replace_days(conn, area, [own(date(2024, 3, 1), working=True, name="丙")])
    with database.read(Scope("operator", "operator", (area,))) as conn:
        links = conn.execute(
            text("select entries from gis.audit where area = :area order by position desc limit 2"), {"area": area}
        ).scalars()
        said = [
            {(entry["operation"], entry["detail"]) for entry in entries if entry["subject"] == "work_day"}
            for entries in links
        ]
    assert said == [
        {("delete", "2024-03-02 班 乙"), ("update", "2024-03-01 班 丙")},
        {("insert", "2024-03-01 休 甲"), ("insert", "2024-03-02 班 乙")},
    ]
