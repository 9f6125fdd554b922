"""What is due, against a reckoning of the same in SQL; a grid's answer is its part of the community's."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from gis_service.analysis.answer import Answer
from gis_service.analysis.due import due
from gis_service.analysis.freshness import freshness
from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope

DAYS = (date(2019, 9, 10), date(2020, 6, 30), date(2026, 11, 30))
STAFF = Scope("test", "staff", (COMMUNITY,))

HAZARDS = """
select code, case when coalesce(due_on, found_on + 15) < :day then 'late' else 'soon' end as kind,
  :day - coalesce(due_on, found_on + 15) as days
from gis.hazard where found_on <= :day and coalesce(due_on, found_on + 15) <= :day + :soon
  and (status not in ('closed', 'rejected', 'merged') or status = 'closed' and closed_on > :day)
  and data_status <> 'void'
"""
UNSEEN = """
with seen as (
  select u.code, greatest(case when u.last_visit_on <= :day then u.last_visit_on end,
    (select max(visited_on) from gis.visit v where v.target_kind = 'rental_unit' and v.target_code = u.code
     and v.outcome = '01' and v.visited_on <= :day)) as day
  from gis.rental_unit u where rent_status = 'let' and data_status <> 'void')
select code, case when day is null then 'never' else 'stale' end from seen where day is null or :day - day > 90
"""
FIRMS = """
select code from gis.enterprise e where status = 'operating' and data_status <> 'void' and not exists (
  select from gis.visit v where v.target_kind = 'enterprise' and v.target_code = e.code and v.outcome = '01'
  and v.visited_on between :day - 90 and :day)
"""


def asked(database: Database, scope: Scope, day: date) -> Answer:
    with database.read(scope) as conn:
        return due(conn, scope, read_area(conn, COMMUNITY), on=day)


def listed(answer: Answer) -> list[dict[str, Any]]:
    return [{"id": one["id"], **one["properties"]} for one in orjson.loads(answer.themes[0].features)["features"]]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_what_is_due_equals_sql(sample: Database, day: date) -> None:
    answer = asked(sample, STAFF, day)
    found = listed(answer)
    with sample.read(STAFF) as conn:
        cases = {code: (kind, days) for code, kind, days in conn.execute(text(HAZARDS), {"day": day, "soon": 7})}
        unseen = dict(tuple(row) for row in conn.execute(text(UNSEEN), {"day": day}))
        firms = set(conn.execute(text(FIRMS), {"day": day}).scalars())
        fresh = freshness(conn, STAFF, read_area(conn, COMMUNITY), on=day)
    assert {one["id"]: (one["class"], one["days"]) for one in found if one["class"] in {"late", "soon"}} == cases
    overdue = {one["id"] for one in found if one["class"] == "overdue"}
    theme = orjson.loads(fresh.theme("overdue").features)["features"]
    assert overdue == {one["id"] for one in theme if one["properties"]["class"] == "overdue"}
    # A unit stands there once, for what is most urgent.
    assert {one["id"]: one["class"] for one in found if one["class"] in {"never", "stale"}} == {
        code: kind for code, kind in unseen.items() if code not in overdue
    }
    assert {one["id"] for one in found if one["class"] == "firm"} == firms
    assert len({one["id"] for one in found}) == len(found) == answer.themes[0].count
    counts = Counter(one["class"] for one in found)
    assert [fact.value for fact in answer.facts] == [counts[one.key] for one in answer.themes[0].classes]


def test_every_kind_is_met(sample: Database) -> None:
    met = {one["class"] for day in DAYS for one in listed(asked(sample, STAFF, day))}
    assert met == {"late", "soon", "overdue", "never", "stale", "firm"}


def test_the_most_urgent_come_first(sample: Database) -> None:
    order = ["late", "soon", "overdue", "never", "stale", "firm"]
    with sample.read(STAFF) as conn:
        grave = set(conn.execute(text("select code from gis.hazard where level in ('02', 'suspected')")).scalars())
    found = listed(asked(sample, STAFF, DAYS[2]))
    kinds = [-1 if one["id"] in grave else order.index(one["class"]) for one in found]
    assert kinds == sorted(kinds)
    assert kinds[0] == -1
    late = [one["days"] for one in found if one["class"] == "late" and one["id"] not in grave]
    assert late == sorted(late, reverse=True)
    stale = [one["days"] for one in found if one["class"] == "stale"]
    assert stale == sorted(stale, reverse=True)


def test_the_grids_answers_are_the_communitys_parts(sample: Database) -> None:
    whole = listed(asked(sample, STAFF, DAYS[1]))
    with sample.read(STAFF) as conn:
        grids = list(conn.execute(text("select code from gis.grid where level = 'governance' order by 1")).scalars())
    parts = {grid: listed(asked(sample, Scope("w", "grid_worker", (grid,)), DAYS[1])) for grid in grids}
    for grid, part in parts.items():
        assert [one["id"] for one in part] == [one["id"] for one in whole if one["grid"] == grid]
    assert sum(map(len, parts.values())) == len(whole)
