"""What the office sees of each post, against SQL written anew over random visits; and that one worker isn't told it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import create_area, read_area
from gis_service.database import Database, connect
from gis_service.field.coverage import coverage
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.conftest import TEST_BOUNDARY, TEST_COMMUNITY
from tests.gis_service.field.made_day import DAY, fill

POSTS = ("网格岗2", "网格岗10", "网格岗1", "chen", "wu.3", None)

# The cycle of lettings is 90 days and that of firms 365, as the rules have them.
BY_WORKER = """
with v as (
  select worker, target_kind as kind, target_code as code, visited_on as day, outcome from gis.visit
  where community = :community and visited_on <= :day and data_status <> 'void'),
met as (
  select worker, kind, code, bool_or(outcome = '01') as done from v
  where day = :day and kind in ('hazard', 'rental_unit', 'enterprise') group by 1, 2, 3)
select worker,
  count(*) filter (where day = :day) as visits_today,
  (select count(*) from met m where m.worker is not distinct from v.worker and m.done) as done_today,
  (select count(*) from met m where m.worker is not distinct from v.worker and not m.done) as vain_today,
  count(*) filter (where day >= :day - 90) as visits_lately,
  count(*) filter (where day >= :day - 90 and outcome <> '01') as vain_lately,
  count(*) filter (where day >= :day - 90 and outcome in ('03', '04')) as refused_lately,
  count(distinct code) filter (where kind = 'rental_unit' and outcome = '01' and day >= :day - 90 and code in
    (select code from gis.rental_unit where rent_status = 'let' and data_status <> 'void')) as rentals_seen,
  count(distinct code) filter (where kind = 'enterprise' and outcome = '01' and day >= :day - :firm and code in
    (select code from gis.enterprise where status = 'operating' and data_status <> 'void')) as enterprises_seen,
  max(day)::text as last_visit_on
from v group by worker"""


def staff(community: str) -> Scope:
    return Scope("t", "staff", (community,))


@pytest.fixture(scope="module")
def made(cluster: LocalCluster, make_database: Callable[..., str]) -> Iterator[Database]:
    """A community of two grids with random visits of six posts, one of them without a name."""
    found, draw = connect(cluster.url("gis_app", make_database())), random.Random(7)
    with found.write(Scope("t", "operator", (TEST_COMMUNITY,))) as conn:
        create_area(conn, TEST_COMMUNITY, "测试社区", TEST_BOUNDARY)
        fill(conn, draw)
        ids = list(conn.execute(text("select id from gis.visit order by code")).scalars())
        conn.execute(
            text("update gis.visit set worker = :worker where id = :id"),
            [{"id": one, "worker": draw.choice(POSTS)} for one in ids],
        )
    yield found
    found.close()


def told(database: Database, scope: Scope) -> dict[str, Any]:
    with database.read(scope) as conn:
        return coverage(conn, scope, read_area(conn, scope.areas[0][:12]), on=DAY)


def wanted(conn: Connection, community: str, firm_days: float) -> dict[str | None, dict[str, Any]]:
    rows = conn.execute(text(BY_WORKER), {"community": community, "day": DAY, "firm": int(firm_days)}).mappings()
    return {row["worker"]: dict(row) for row in rows}


def test_each_post_is_told_as_sql_counts_it(made: Database, sample: Database) -> None:
    for database, community in ((made, TEST_COMMUNITY), (sample, COMMUNITY)):
        found = told(database, staff(community))
        cycles = {rule["code"]: rule["value"] for rule in found["rules"]}
        assert cycles["rental.recheck_green"] == 90
        with database.read(staff(community)) as conn:
            expected = wanted(conn, community, cycles["enterprise.visit_days"])
        assert len(expected) > 5
        listed = {
            one["worker"]: {key: value for key, value in one.items() if key != "name"} for one in found["workers"]
        }
        assert listed == expected
        assert [one["name"] for one in found["worker_definitions"]] == list(found["workers"][0])[2:]
        total = found["total"]
        assert sum(one["visits_today"] for one in found["workers"]) == total["visits_today"]
        assert all(one["rentals_seen"] <= total["rentals_seen"] for one in found["workers"])
    assert any(one["vain_today"] and one["done_today"] for one in told(made, staff(TEST_COMMUNITY))["workers"])


def test_posts_stand_in_the_order_of_their_numbers(made: Database) -> None:
    listed = [one["name"] for one in told(made, staff(TEST_COMMUNITY))["workers"]]
    assert listed == ["chen", "wu.3", "网格岗1", "网格岗2", "网格岗10", "未写岗位"]


def test_one_worker_is_not_told_of_another(made: Database) -> None:
    grid = f"{TEST_COMMUNITY}001"
    own = told(made, Scope("chen", "grid_worker", (grid,)))
    assert (own["workers"], [one["grid"] for one in own["grids"]]) == ([], [grid])
    street = told(made, Scope("t", "leader", (TEST_COMMUNITY, grid)))
    assert len(street["workers"]) == len(POSTS)
