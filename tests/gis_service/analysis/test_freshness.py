"""Freshness against day-by-day counting, an interval from a statistics package's root search, and the database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.freshness import freshness, judged, wilson, working_days
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.rules import RULES
from tests.gis_service.analysis.made_frames import made_frame

DAY = date(2020, 6, 30)
NEAR = st.dates(DAY - timedelta(days=20), DAY)


@given(st.integers(1, 400).flatmap(lambda checked: st.tuples(st.integers(0, checked), st.just(checked))))
def test_the_interval_equals_scipys(numbers: tuple[int, int]) -> None:
    expected = binomtest(*numbers).proportion_ci(0.95, method="wilson")
    assert wilson(*numbers) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-5)
    assert wilson(0, 0) == (0.0, 100.0)


@given(st.dates(date(2019, 1, 1), date(2021, 12, 31)), st.integers(0, 60))
def test_working_days_are_counted_one_by_one(since: date, later: int) -> None:
    days = [since + timedelta(days=number) for number in range(1, later + 1)]
    assert working_days(since, since + timedelta(days=later)) == sum(day.weekday() < 5 for day in days)


UNIT = st.fixed_dictionaries(
    {
        "tenant_count": st.none() | st.integers(0, 4), "registered_count": st.none() | st.integers(0, 4),
        "registration_status": st.sampled_from(["registered", "unregistered", "change_due", None]),
        "tenant_count_as_of": st.none() | NEAR, "last_visit_on": st.none() | NEAR,
    }
)  # fmt: skip
VISIT = st.fixed_dictionaries(
    {
        "target_code": st.sampled_from(["0", "1"]), "visited_on": NEAR,
        "outcome": st.sampled_from(["01", "02", "03", "04"]),
        "check_result": st.sampled_from([None, "consistent", "new_unregistered", "count_differs"]),
    }
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(UNIT, min_size=2, max_size=2),
    st.lists(VISIT, min_size=1, max_size=6, unique_by=lambda one: (one["target_code"], one["visited_on"])),
)
def test_units_are_judged_as_a_person_would(units: list[dict[str, Any]], visits: list[dict[str, Any]]) -> None:
    told = judged(made_frame(units), made_frame(visits), RULES["rental.reporting_days"], DAY)
    for number, unit in enumerate(units):
        row = told.iloc[number]
        here = sorted(
            (one for one in visits if one["target_code"] == str(number)), key=lambda one: one["visited_on"]
        )  # fmt: skip
        done = [one["visited_on"] for one in here if one["outcome"] == "01"]
        days = [*done, *([unit["last_visit_on"]] if unit["last_visit_on"] else [])]
        assert row["visited"] == (max(days) if days else None)
        assert row["since"] == ((DAY - max(days)).days if days else None)
        assert row["refused"] == bool(here and here[-1]["outcome"] in {"03", "04"})
        both = unit["tenant_count"] is not None and unit["registered_count"] is not None
        lacks = unit["registration_status"] in {"unregistered", "change_due"} or (
            both and unit["registered_count"] < unit["tenant_count"]
        )
        right = [place for place, one in enumerate(here) if one["check_result"] == "consistent"]
        since = here[right[-1] + 1 :] if right else here
        met = [one["visited_on"] for one in since if one["check_result"] in {"new_unregistered", "count_differs"}]
        told_of = [*met[:1], *([unit["tenant_count_as_of"]] if unit["tenant_count_as_of"] else [])]
        known = min(told_of, default=None)
        if not lacks:
            assert row["overdue"] is False
        elif known is None:
            assert row["overdue"] is None
        else:
            passed = sum((known + timedelta(days=n)).weekday() < 5 for n in range(1, (DAY - known).days + 1))
            assert row["overdue"] == (passed > 3)


def ask_for(database: Database, scope: Scope, community: str) -> Answer:
    with database.read(scope) as conn:
        return freshness(conn, scope, read_area(conn, community), on=DAY)


def test_figures_of_the_sample_equal_the_database(sample: Database, staff: Scope) -> None:
    facts = {fact.title: fact for fact in ask_for(sample, staff, COMMUNITY).facts}
    with sample.read(staff) as conn:
        let, visited = conn.execute(
            text(
                "select count(*), count(*) filter (where greatest(last_visit_on,"
                " (select max(visited_on) from gis.visit v where v.target_code = r.code and v.outcome = '01'"
                " and v.data_status <> 'void'"
                " and v.visited_on <= '2020-06-30')) >= '2020-04-01')"
                " from gis.rental_unit r where rent_status = 'let' and data_status <> 'void'"
            )
        ).one()
        checked, right = conn.execute(
            text(
                "select count(*), count(*) filter (where check_result = 'consistent') from gis.visit"
                " where target_kind = 'rental_unit' and check_result is not null and data_status <> 'void'"
                " and visited_on > '2019-07-01' and visited_on <= '2020-06-30'"
            )
        ).one()
    assert facts["走访覆盖"].value == round(100 * visited / let, 1)
    assert facts["核对准确率"].value == round(100 * right / checked, 1)
    assert f"{right:,}/{checked:,}" in facts["核对准确率"].note
    assert facts["登记疑似逾期"].value


def test_an_empty_community_says_so(database: Database, staff: Scope, area: str) -> None:
    assert ask_for(database, staff, area).finding.startswith("还没有在租的出租房")
