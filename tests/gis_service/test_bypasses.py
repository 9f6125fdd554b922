"""The ways past row-level security that were proved: each is closed, and doctor finds it when it is opened again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.database import Database, connect, open_engine
from gis_service.deployment import check_database
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope, enter
from tests.gis_service.example_rows import driver_of

HOME, WEST, EAST = "330482002099", "330482002099001", "330482002099002"
OPERATOR = Scope("operator", "operator", ())
WORKER = Scope("worker", "grid_worker", (WEST,))
AGAIN = (
    "insert into gis.rental_unit (community, grid, code, geom)"
    f" select community, '{WEST}', 'B1', geom from gis.rental_unit where code = 'A1'"
)


@pytest.fixture
def town(make_database: Callable[..., str], cluster: LocalCluster) -> Iterator[tuple[Database, Engine]]:
    """A database with a rental unit in the west, which the worker sees, and two in the east; and its owner's engine."""
    name = make_database()
    database, owner = connect(cluster.url("gis_app", name)), open_engine(cluster.url("gis_owner", name))
    superuser = open_engine(cluster.url("postgres", name))
    with superuser.begin() as conn:
        conn.execute(text("set local session_replication_role = replica"))
        conn.execute(text("insert into gis.area (code, name, metric_srid) values (:home, 'x', 4549)"), {"home": HOME})
        for number, grid in enumerate((WEST, EAST)):
            conn.execute(
                text(
                    "insert into gis.grid (community, code, name, level, geom) values (:home, :grid, 'x', 'governance',"
                    " st_multi(st_makeenvelope(:west, 30.69, :east, 30.71, 4490)))"
                ),
                {"home": HOME, "grid": grid, "west": 120.99 + number * 0.02, "east": 121.01 + number * 0.02},
            )
        for number, (grid, code) in enumerate(((WEST, "A1"), (EAST, "B1"), (EAST, "B2"))):
            conn.execute(
                text(
                    "insert into gis.rental_unit (community, grid, code, geom)"
                    " values (:home, :grid, :code, st_setsrid(st_makepoint(:lon, 30.7), 4490))"
                ),
                {"home": HOME, "grid": grid, "code": code, "lon": 121.0 + 0.02 * (number > 0)},
            )
    superuser.dispose()
    yield database, owner
    database.close()
    owner.dispose()


def seen(conn: Connection, source: str) -> int:
    found: int = conn.execute(text(f"select count(*) from {source}")).scalar_one()
    return found


def found_around(database: Database) -> str:
    with database.read(OPERATOR) as conn:
        (check,) = [one for one in check_database(conn) if one.name == "绕过行级安全的对象"]
    return "" if check.good else check.said


OPENINGS = {
    "a view of the owner": ("create view gis.all_units as select * from gis.rental_unit", "gis.all_units", "all_units"),
    "a materialised view": (
        "create materialized view gis.all_units as select * from gis.rental_unit", "gis.all_units", "all_units",
    ),
    "a definer function": (
        "create function gis.all_units() returns setof gis.rental_unit language sql security definer"
        " as 'select * from gis.rental_unit'", "gis.all_units()", "all_units()",
    ),
    "a table without policies": (
        "create table gis.all_units as select * from gis.rental_unit", "gis.all_units", "all_units",
    ),
}  # fmt: skip


@pytest.mark.parametrize("opening", OPENINGS)
def test_an_object_that_reads_as_its_owner_is_found(town: tuple[Database, Engine], opening: str) -> None:
    database, owner = town
    statement, source, name = OPENINGS[opening]
    assert found_around(database) == ""
    with owner.begin() as conn:
        conn.execute(text(statement))
        if not source.endswith("()"):
            conn.execute(text(f"grant select on {source} to gis_app"))
    with database.read(WORKER) as conn:
        assert seen(conn, "gis.rental_unit") == 1
        assert seen(conn, source) == 3, "this is the leak that doctor must find"
    assert name in found_around(database)


def test_a_view_that_reads_as_whoever_asks_is_none(town: tuple[Database, Engine]) -> None:
    database, owner = town
    with owner.begin() as conn:
        conn.execute(text("create view gis.own_units with (security_invoker=true) as select * from gis.rental_unit"))
        conn.execute(text("grant select on gis.own_units to gis_app"))
    with database.read(WORKER) as conn:
        assert seen(conn, "gis.own_units") == 1
    assert found_around(database) == ""


def test_a_scope_does_not_outlive_its_transaction_in_the_pool(town: tuple[Database, Engine]) -> None:
    database, _ = town
    with database.writer.connect() as conn:
        with conn.begin():
            enter(conn, Scope("staff", "staff", (HOME,)))
            assert seen(conn, "gis.rental_unit") == 3
        with conn.begin():
            assert seen(conn, "gis.rental_unit") == 0
            # What must never be done: a setting of the session stays for whoever gets the connection next.
            conn.execute(text("select set_config('gis.scope', :home, false)"), {"home": HOME})
        with conn.begin():
            assert seen(conn, "gis.rental_unit") == 3
            conn.execute(text("reset gis.scope"))


def test_a_code_of_another_grid_is_no_secret_that_an_error_tells(town: tuple[Database, Engine]) -> None:
    database, owner = town
    with database.write(WORKER) as conn:
        conn.execute(text(AGAIN))
        conn.rollback()
    with owner.begin() as conn:
        conn.execute(text("create unique index all_codes on gis.rental_unit (code)"))
    with pytest.raises(IntegrityError), database.write(WORKER) as conn:
        conn.execute(text(AGAIN))
    assert "all_codes(unique)" in found_around(database)


@pytest.mark.parametrize("statement", ["set role gis_owner", "set session authorization gis_owner"])
def test_nobody_becomes_the_owner(town: tuple[Database, Engine], statement: str) -> None:
    with pytest.raises(Exception, match="permission denied"), town[0].read(WORKER) as conn:
        conn.execute(text(statement))


def test_row_level_security_is_not_switched_off_but_refused(town: tuple[Database, Engine]) -> None:
    count = "select set_config('row_security', 'off', true); select count(*) from gis.rental_unit"
    with pytest.raises(Exception, match="would be affected by row-level security"), town[0].read(WORKER) as conn:
        driver_of(conn).execute(count)
