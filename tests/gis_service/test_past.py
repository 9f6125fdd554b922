"""What is asked of a past moment is answered as it was then, whatever was written since, and to nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError

from gis_service.analysis.answer import Answer
from gis_service.analysis.catalog import ANALYSES
from gis_service.areas import read_area
from gis_service.database import Database, connect, open_engine
from gis_service.errors import UnavailableError
from gis_service.local_cluster import LocalCluster
from gis_service.overview import Overview, read_overview
from gis_service.past import REMEMBERED, TWINS, Past
from gis_service.rules import rules_in_force
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sheets.records import list_grids, read_versions
from gis_service.tables import tables_of
from layers.registry import LAYERS

GRID = f"{COMMUNITY}003"
STAFF, WORKER = Scope("test", "staff", (COMMUNITY,)), Scope("worker", "grid_worker", (GRID,))


def sorted_features(collection: str) -> list[Any]:
    return sorted(orjson.loads(collection)["features"], key=orjson.dumps)


USUAL = ("hazards", "waste_coverage", "due")


def told(conn: Any, scope: Scope, names: Collection[str]) -> tuple[Any, ...]:
    """Everything that a sheet can be drawn of, without the order of rows."""
    overview: Overview = read_overview(conn, scope, COMMUNITY)
    layers = [(one.layer.name, one.count, sorted_features(one.geojson or '{"features":[]}')) for one in overview.layers]
    answers: list[Answer] = [
        one.compute(conn, scope, read_area(conn, COMMUNITY), on=datetime(2026, 11, 20, tzinfo=UTC).date())
        for name, one in ANALYSES.items()
        if name in names and (not one.public or scope is STAFF)
    ]
    return (
        replace(overview, layers=()), layers, list_grids(conn, scope, COMMUNITY), read_versions(conn, COMMUNITY),
        rules_in_force(conn, COMMUNITY),
        [replace(answer, themes=()) for answer in answers],
        [[(theme.name, sorted_features(theme.features)) for theme in answer.themes] for answer in answers],
    )  # fmt: skip


@pytest.fixture(
    scope="module", params=[USUAL, pytest.param(tuple(ANALYSES), marks=pytest.mark.long)], ids=["usual", "every"]
)
def lived(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str, request: pytest.FixtureRequest
) -> Iterator[Lived]:
    """A copy of the sample; what it told at a moment; and after that a year's worth of edits in three transactions."""
    name = make_database(untouched_sample)
    database, owner = connect(cluster.url("gis_app", name)), open_engine(cluster.url("gis_owner", name))
    with owner.begin() as conn:
        conn.execute(text(f"insert into gis.area_rule values ('{COMMUNITY}', 'waste.radius_point', 65, '本地')"))
    names = request.param
    then = tuple(ask(database, scope, names) for scope in (STAFF, WORKER))
    with owner.begin() as conn:
        moment = conn.execute(text("select clock_timestamp()")).scalar_one()
    with owner.begin() as conn:
        for layer in sorted(LAYERS.keys() - {"grid", "community"}):
            conn.execute(text(f"update gis.{layer} set geom = st_translate(geom, 0.0004, 0) where random() < 0.3"))
    with owner.begin() as conn:
        conn.execute(text("update gis.rental_unit set tenant_count = tenant_count + 2 where random() < 0.5"))
        conn.execute(text("update gis.hazard set status = 'closed', closed_on = found_on where random() < 0.5"))
        conn.execute(text("update gis.hazard set status = 'found', closed_on = null where random() < 0.5"))
        conn.execute(text("update gis.grid set name = name || '(新)'"))
        conn.execute(text("update gis.area set name = '另一社区'"))
        conn.execute(text("update gis.area_rule set value = 20"))
        conn.execute(text("delete from gis.reported_total where random() < 0.5"))
    with owner.begin() as conn:
        for layer in sorted(LAYERS.keys() - {"grid", "community"}):
            conn.execute(text(f"delete from gis.{layer} where random() < 0.2"))
        conn.execute(text("delete from gis.area_rule"))
    yield Lived(database, owner, moment, then, names)
    database.close()
    owner.dispose()


class Lived:
    def __init__(self, database: Database, owner: Engine, moment: datetime, then: tuple[Any, ...],
                 names: Collection[str]) -> None:  # fmt: skip
        self.database, self.owner, self.moment, self.then, self.names = database, owner, moment, then, names
        self.past = Past(COMMUNITY, moment)


def ask(database: Database, scope: Scope, names: Collection[str], as_of: datetime | None = None) -> tuple[Any, ...]:
    past = Past(COMMUNITY, as_of) if as_of else None
    with database.read(scope, past=past) as conn:
        return told(conn, scope, names)


@pytest.mark.parametrize(("scope", "number"), [(STAFF, 0), (WORKER, 1)], ids=["community", "grid"])
def test_the_past_is_told_as_it_was(lived: Lived, scope: Scope, number: int) -> None:
    now, then = (ask(lived.database, scope, lived.names, at) for at in (None, lived.moment))
    for part, (before, after) in enumerate(zip(lived.then[number], then, strict=True)):
        assert before == after, part
    for part, (before, after) in enumerate(zip(now, then, strict=True)):
        assert before != after, f"the edits changed nothing of part {part}"


def test_only_the_transaction_that_looks_back_does(lived: Lived) -> None:
    with lived.database.read(STAFF, past=lived.past) as conn:
        assert read_area(conn, COMMUNITY).name == "新群社区"
    for _ in range(20):
        with lived.database.read(STAFF) as conn:
            assert read_area(conn, COMMUNITY).name == "另一社区"


def test_before_the_first_record_there_is_nothing(lived: Lived) -> None:
    with lived.database.read(STAFF, past=Past(COMMUNITY, datetime(2020, 1, 1, tzinfo=UTC))) as conn:
        assert conn.execute(tables_of(LAYERS["building"]).current.select()).all() == []


def test_without_a_scope_the_past_is_empty_and_nobody_writes_it(lived: Lived) -> None:
    tables = [*REMEMBERED, *(tables_of(layer).current for layer in LAYERS.values())]
    with lived.database.read(Scope("nobody", "none", ()), past=lived.past) as conn:
        for table in tables:
            assert conn.execute(select(func.count()).select_from(table)).scalar() == 0, table.name
    grid = tables_of(LAYERS["rental_unit"]).current.c.grid
    with lived.database.read(WORKER, past=lived.past) as conn:
        found = Counter(conn.execute(select(grid)).scalars())
        assert set(found) == {GRID}
        assert found[GRID] > 50
    for twin in TWINS.values():
        with pytest.raises(ProgrammingError) as refused, lived.database.write(STAFF) as conn:
            conn.execute(update(twin).values(recorded_to=func.now()))
        assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege), twin.name
    with pytest.raises(DBAPIError, match="read-only"), lived.database.read(STAFF, past=lived.past) as conn:
        conn.execute(text("delete from gis.rental_unit"))


def test_a_row_that_is_written_twice_in_a_transaction_was_never_what_it_was_in_between(lived: Lived) -> None:
    owner = lived.owner
    with owner.begin() as conn:
        conn.execute(text(f"insert into gis.area_rule values ('{COMMUNITY}', 'waste.radius_point', 1, '甲')"))
        conn.execute(text("update gis.area_rule set value = 2"))
        conn.execute(text("delete from gis.area_rule"))
        conn.execute(text(f"insert into gis.area_rule values ('{COMMUNITY}', 'waste.radius_point', 3, '乙')"))
    with owner.begin() as conn:
        asked = "select value from gis.area_rule_history where recorded_at < recorded_to order by written_at"
        assert list(conn.execute(text(asked)).scalars()) == [65, 20, 3]
        assert (
            conn.execute(text("select count(*) from gis.area_rule_history where recorded_to = 'infinity'")).scalar()
            == 1
        )


def test_a_writer_who_began_before_the_moment_is_waited_for(lived: Lived) -> None:
    with lived.database.write(STAFF) as conn:
        conn.execute(text("update gis.parking set remark = 'later' where code = (select min(code) from gis.parking)"))
        moment = conn.execute(text("select clock_timestamp()")).scalar_one()
        with (
            pytest.raises(UnavailableError, match="还没有结束"),
            lived.database.read(STAFF, past=Past(COMMUNITY, moment)),
        ):
            pass
        # Long before: nobody who writes now can have begun by then.
        with lived.database.read(STAFF, past=lived.past) as past:
            assert read_area(past, COMMUNITY).name == "新群社区"


def test_a_snapshot_sees_one_moment(lived: Lived) -> None:
    count = select(func.count()).select_from(tables_of(LAYERS["parking"]).current)
    with lived.database.read(STAFF, snapshot=True) as conn:
        before = conn.execute(count).scalar_one()
        with lived.database.write(STAFF) as other:
            other.execute(text("delete from gis.parking where code = (select max(code) from gis.parking)"))
        assert conn.execute(count).scalar_one() == before
    with lived.database.read(STAFF) as conn:
        assert conn.execute(count).scalar_one() == before - 1
