"""Who sees and changes what: row-level security against a model in Python, in every table of the schema."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
import shapely
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

from gis_service.database import Database, open_engine, spatial_index_helps
from gis_service.features.question import Question
from gis_service.features.read import count_features
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope
from gis_service.tables import METADATA
from layers.layer import Layer
from layers.registry import LAYERS
from tests.gis_service.example_rows import driver_of, example_shape, example_values, insert_row

HOME = "330482002099"
WEST, EAST = HOME + "001", HOME + "002"
COMMUNITIES = (HOME, "330482002098", "330482003001", "330483002099")
SCOPES: list[tuple[str, ...]] = [
    ("330482",),
    ("330482002",),
    (HOME,),
    (WEST,),
    (WEST, EAST),
    (WEST, "330483"),
    (EAST, "330482002098"),
    ("330482003", "330483002099001"),
    ("110101",),
    ("3304820020", "330482"),
]
GRID_LAYERS = {name for name, layer in LAYERS.items() if layer.visibility == "grid"}
SEEN_BY_GRID = GRID_LAYERS | {f"{name}_history" for name in GRID_LAYERS} | {"proposal_row", "case_step", "case_photo"}
SEEN_AS_A_WHOLE = {"proposal", "job", "upload", "export", "sync_edit"}
"""Tables for whoever has the whole community: their rows lie in no grid, so nobody's grid is theirs."""
OF_CASES = {"case_step", "case_photo"}
"""Tables that are seen by whoever sees the case: its grid is theirs."""
CLOSED = {"touch", "migration", "flow_step"} | {
    f"{name}_personal" for name, layer in LAYERS.items() if layer.personal_fields
}
"""Tables that have no rows for the application's role, or no business with areas."""
PEOPLE = {"account", "account_area", "credential", "login_attempt", "audit", "audit_head"}
"""Tables of who may come in: what they show depends on whose they are, see ``test_people`` and ``test_audit``."""
DEFINERS = {
    "write_history", "count_versions", "registered_areas", "unfinished_jobs", "attributions",
    "areas_of", "granted", "use_credential", "begin_login", "manages", "viewable", "end_session",
    "realm_of", "note_write", "note_viewing", "reaches_person", "personal_masked", "personal_whole", "personal_written",
    "held_of", "is_new", "mark_demo", "expire_personal", "keep_past", "export_taken", "begin_case", "take_step",
    "photo_hashes", "keep_case",
}  # fmt: skip
"""Functions that look past the policies."""


def corner(community: str) -> tuple[float, float]:
    """Return the south-western corner of a community: a box of 0.02 by 0.01 degrees, its east and west a grid each."""
    return 120.9 + 0.05 * COMMUNITIES.index(community), 30.7


def sees(scope: tuple[str, ...], community: str, grid: str | None, *, by_grid: bool) -> bool:
    """Say in Python whether a scope reaches a row."""
    for code in scope:
        if len(code) < 15 and community.startswith(code):
            return True
        if len(code) == 15 and ((grid == code) if by_grid else code.startswith(community)):
            return True
    return False


@pytest.fixture(scope="module")
def owner(cluster: LocalCluster, database_name: str) -> Iterator[Engine]:
    engine = open_engine(cluster.url("gis_owner", database_name))
    yield engine
    engine.dispose()


def fill_desk(driver: psycopg.Connection[Any], community: str) -> None:
    """Put a proposal with rows in both grids and in none, an answer and a job into a community."""
    identifier = uuid.uuid4()
    driver.execute(
        "insert into gis.proposal (community, id, key, state, mode, file_name, sha256, bytes, source)"
        " values (%s, %s, 'k', 'proposed', 'upsert', 'f', 's', 1, 'surveyed')",
        [community, identifier],
    )
    driver.execute(
        "insert into gis.proposal_row (community, proposal, row, step, grid)"
        " select %s, %s, n, 'added', case n %% 3 when 0 then null else %s || '00' || n %% 3 end"
        " from generate_series(1, 12) n",
        [community, identifier, community],
    )
    driver.execute("insert into gis.header_answer (community, layer, header) values (%s, 'road', 'h')", [community])
    driver.execute(
        "insert into gis.job (community, id, kind, subject, role, areas) values (%s, %s, 'upload', '{}', 'r', '{}')",
        [community, identifier],
    )
    driver.execute(
        "insert into gis.export (community, id, code, name, format, paper, orientation, day, areas)"
        " values (%s, %s, 'c', 'overview', 'pdf', 'A3', 'landscape', now(), array[%s])",
        [community, identifier, community],
    )


def fill_cases(driver: psycopg.Connection[Any], community: str) -> None:
    """Give every case a step and a photo, and put an edit of a phone into a community."""
    driver.execute("alter table gis.case_step disable trigger take_step")
    driver.execute(
        "insert into gis.case_step (community, case_id, position, step, from_flow, from_state, to_flow, to_state,"
        " office) select community, id, 1, 'register', 'community', 'found', 'community', 'registered', 'worker'"
        " from gis.hazard where community = %s",
        [community],
    )
    driver.execute("alter table gis.case_step enable trigger take_step")
    driver.execute(
        "insert into gis.case_photo (community, case_id, stage, sha256, width, height, bytes)"
        " select community, id, 'before', repeat('a', 64), 1, 1, 1 from gis.hazard where community = %s",
        [community],
    )
    driver.execute(
        "insert into gis.sync_edit (community, id, kind, body, made_at, state, areas)"
        " values (%s, gen_random_uuid(), 'visit', '{}', now(), 'applied', array[%s])",
        [community, community],
    )


@pytest.fixture(scope="module", autouse=True)
def rows(owner: Engine) -> None:
    """Random rows of every layer in four communities, changed and deleted here and there so that history has some."""
    chance = random.Random(20261123)
    with owner.begin() as conn:
        driver = driver_of(conn)
        for community in COMMUNITIES:
            west, south = corner(community)
            driver.execute("insert into gis.area (code, name, metric_srid) values (%s, '社区', 4549)", [community])
            driver.execute("insert into gis.area_rule values (%s, 'waste.radius_point', 70, '本地')", [community])
            driver.execute("insert into gis.work_day values (%s, '2026-12-31', false, '社区日', '本地')", [community])
            driver.execute(
                "insert into gis.upload (community, key, layer, file_name, sha256, crs, crs_evidence, added, changed,"
                " moved, unchanged, refused, attribution)"
                " values (%s, 'k', 'road', 'f', 's', 'c', 'e', 0, 0, 0, 0, 0, %s)",
                [community, f"data of {community}"],
            )
            fill_desk(driver, community)
            driver.execute(
                "insert into gis.reported_total (community, code, position, title, value, unit, measure, source)"
                " values (%s, 'c', 1, 't', 1, 'u', 'm', 's')",
                [community],
            )
            for number in (1, 2):
                box = shapely.box(west + 0.01 * (number - 1), south, west + 0.01 * number, south + 0.01)
                values = example_values(LAYERS["grid"], code=f"{community}{number:03d}", level="governance")
                insert_row(driver, LAYERS["grid"], community, box, **values)
            for name, layer in LAYERS.items():
                for _ in range(0 if name in {"grid", "community"} else 12):
                    shape = example_shape(layer, west + chance.uniform(-0.004, 0.024), south + chance.uniform(0, 0.009))
                    insert_row(driver, layer, community, shape, **example_values(layer))
            fill_cases(driver, community)
            values = example_values(LAYERS["community"], code=community)
            insert_row(driver, LAYERS["community"], community, shapely.box(west, south, west + 0.02, 30.71), **values)
            driver.execute(
                "insert into gis.rental_unit_personal select community, id, '房东甲', '13800000000'"
                " from gis.rental_unit where community = %s",
                [community],
            )
    with owner.begin() as conn:
        conn.execute(text("select setseed(0.5)"))
        for name in LAYERS:
            conn.execute(text(f"update gis.{name} set remark = 'x' where name is null and random() < 0.3"))
        for name in sorted(LAYERS.keys() - {"grid", "community"}):
            conn.execute(text(f"update gis.{name} set geom = st_translate(geom, 0.01, 0) where random() < 0.2"))
    with owner.begin() as conn:
        for name in sorted(LAYERS.keys() - {"grid", "community"}):
            conn.execute(text(f"delete from gis.{name} where random() < 0.1"))


def tables(conn: Connection) -> list[str]:
    return list(
        conn.execute(
            text("select relname from pg_class where relnamespace = 'gis'::regnamespace and relkind = 'r' order by 1")
        ).scalars()
    )


def areas_of(conn: Connection, table: str) -> Counter[tuple[str, str | None]]:
    """Return how many rows a table shows by community and grid."""
    community = "code" if table in {"area", "area_history"} else "community"
    grid = "grid" if table.removesuffix("_history") in LAYERS or table == "proposal_row" else "null::text"
    rows = f"gis.{table}"
    if table in OF_CASES:
        # Of cases that were deleted nobody sees anything.
        cases = "gis.hazard h on h.community = t.community and h.id = t.case_id"
        rows = f"(select t.community, h.grid from gis.{table} t join {cases}) x"
        grid = "grid"
    found = conn.execute(text(f"select {community}, {grid}, count(*) from {rows} group by 1, 2"))
    return Counter({(community, grid): count for community, grid, count in found})


def worker() -> Scope:
    return Scope("worker", "worker", (WEST,))


def test_every_table_is_known_to_the_model(owner: Engine) -> None:
    with owner.begin() as conn:
        assert set(tables(conn)) == {table.name for table in METADATA.tables.values()} | {"migration"}
        assert set(tables(conn)) >= CLOSED | PEOPLE | SEEN_BY_GRID | SEEN_AS_A_WHOLE
        assert all(sum(areas_of(conn, name).values()) > 10 for name in SEEN_BY_GRID)


def test_without_a_scope_every_table_is_empty(database: Database, owner: Engine) -> None:
    with owner.begin() as conn:
        names = [name for name in tables(conn) if name not in CLOSED | PEOPLE]
        full = {name for name in names if conn.execute(text(f"select exists (select from gis.{name})")).scalar()}
    assert full == set(names)
    with database.writer.begin() as conn:
        for name in names:
            assert conn.execute(text(f"select count(*) from gis.{name}")).scalar() == 0, name
    with database.read(Scope("nobody", "none", ())) as conn:
        for name in names:
            assert conn.execute(text(f"select count(*) from gis.{name}")).scalar() == 0, name
        for layer in LAYERS.values():
            assert count_features(conn, layer, Scope("test", "staff", (HOME,)), Question()) == 0


@pytest.mark.parametrize("name", sorted(CLOSED - {"migration"}))
def test_closed_tables_give_the_application_nothing(database: Database, name: str) -> None:
    for statement in (f"select * from gis.{name}", f"delete from gis.{name}", f"insert into gis.{name} default values"):
        with pytest.raises(ProgrammingError, match="permission denied"), database.write(worker()) as conn:
            conn.execute(text(statement))


@pytest.mark.parametrize("codes", [scope for scope in SCOPES if all(len(code) != 10 for code in scope)], ids="-".join)
def test_a_scope_sees_what_the_model_says(database: Database, owner: Engine, codes: tuple[str, ...]) -> None:
    scope = Scope("test", "staff", codes)
    with owner.begin() as everything, database.read(scope) as conn:
        for name in tables(everything):
            if name in CLOSED | PEOPLE:
                continue
            expected = Counter(
                {
                    (community, grid): count
                    for (community, grid), count in areas_of(everything, name).items()
                    if sees(codes, community, grid, by_grid=name in SEEN_BY_GRID | SEEN_AS_A_WHOLE)
                }
            )
            assert areas_of(conn, name) == expected, name
        for layer in LAYERS.values():
            # The query's own filter alone, where row-level security lets everything through.
            assert count_features(everything, layer, scope, Question()) == sum(areas_of(conn, layer.name).values())


def refuse(database: Database, statement: str, **values: Any) -> None:
    with pytest.raises(ProgrammingError) as error, database.write(worker()) as conn:
        conn.execute(text(statement), values)
    assert isinstance(error.value.orig, psycopg.errors.InsufficientPrivilege), error.value


@pytest.mark.parametrize("layer", [layer for name, layer in LAYERS.items() if name not in {"grid", "community"}],
                         ids=lambda layer: layer.name)  # fmt: skip
def test_a_worker_writes_only_in_the_own_grid(database: Database, owner: Engine, layer: Layer) -> None:
    west, south = corner(HOME)
    here, there = example_shape(layer, west + 0.005, south + 0.005), example_shape(layer, west + 0.015, south + 0.005)
    nowhere, name = example_shape(layer, west - 0.005, south), layer.name
    for shape, grid in ((there, EAST), (there, WEST), (there, None), (nowhere, WEST), (nowhere, None), (here, EAST)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.write(worker()) as conn:
            insert_row(driver_of(conn), layer, HOME, shape, **example_values(layer), grid=grid)
    for community in (COMMUNITIES[1], COMMUNITIES[3]):
        # Row-level security or the CHECK that a grid lies in its community: PostgreSQL says which comes first.
        expected = (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)
        with pytest.raises(expected), database.write(worker()) as conn:
            insert_row(driver_of(conn), layer, community, here, **example_values(layer), grid=WEST)
    with database.write(worker()) as conn:
        mine = insert_row(driver_of(conn), layer, HOME, here, **example_values(layer), grid=WEST)
        conn.execute(text(f"update gis.{name} set remark = 'mine' where id = :id"), {"id": mine})
    move = f"update gis.{name} set geom = st_translate(geom, 0.01, 0) where id = :id"
    refuse(database, move, id=mine)
    refuse(database, f"update gis.{name} set geom = st_translate(geom, -0.02, 0) where id = :id", id=mine)
    refuse(database, f"update gis.{name} set grid = '{EAST}' where id = :id", id=mine)
    refuse(database, f"update gis.{name} set grid = null where id = :id", id=mine)
    with owner.begin() as conn:
        others = conn.execute(
            text(f"select count(*) from gis.{name} where grid is distinct from '{WEST}'")
        ).scalar_one()
    assert others > 10
    with database.write(worker()) as conn:
        wide = f"where grid is distinct from '{WEST}'"
        assert conn.execute(text(f"update gis.{name} set remark = 'x' {wide}")).rowcount == 0
        assert conn.execute(text(f"delete from gis.{name} {wide}")).rowcount == 0
        assert conn.execute(text(f"delete from gis.{name} where id = :id"), {"id": mine}).rowcount == 1
    with owner.begin() as conn:
        assert conn.execute(text(f"select count(*) from gis.{name} {wide}")).scalar_one() == others


@pytest.mark.parametrize("name", ["grid", "community", "area", "area_rule", "reported_total", "work_day"])
def test_a_worker_leaves_what_holds_for_the_whole_community_alone(database: Database, owner: Engine, name: str) -> None:
    key = "code" if name == "area" else "community"
    with database.write(worker()) as conn:
        assert conn.execute(text(f"select count(*) from gis.{name} where {key} = '{HOME}'")).scalar_one() > 0
        assert conn.execute(text(f"update gis.{name} set {key} = {key}")).rowcount == 0
        assert conn.execute(text(f"delete from gis.{name}")).rowcount == 0
    with database.write(Scope("test", "staff", (HOME,))) as conn:
        assert conn.execute(text(f"update gis.{name} set {key} = {key}")).rowcount > 0
        conn.rollback()
    with owner.begin() as conn:
        assert conn.execute(text(f"select count(*) from gis.{name} where {key} = '{HOME}'")).scalar_one() > 0


def test_uploads_are_recorded_for_whole_communities_and_stay_as_they_are(database: Database) -> None:
    statement = (
        "insert into gis.upload (community, key, layer, file_name, sha256, crs, crs_evidence, added, changed, moved,"
        " unchanged, refused) values (:community, 'k2', 'road', 'f', 's', 'c', 'e', 0, 0, 0, 0, 0)"
    )
    refuse(database, statement, community=HOME)
    staff = Scope("test", "staff", (HOME,))
    with pytest.raises(ProgrammingError), database.write(staff) as conn:
        conn.execute(text(statement), {"community": COMMUNITIES[1]})
    for wrong in ("update gis.upload set added = 1", "delete from gis.upload"):
        with pytest.raises(ProgrammingError, match="permission denied"), database.write(staff) as conn:
            conn.execute(text(wrong))
    with database.write(staff) as conn:
        conn.execute(text(statement), {"community": HOME})
        conn.rollback()


@pytest.mark.parametrize("codes", [(), *(scope for scope in SCOPES if len(scope[0]) != 10)], ids="-".join)
def test_whose_data_a_map_shows_is_named_to_whoever_sees_the_community(
    database: Database, codes: tuple[str, ...]
) -> None:
    with database.read(Scope("test", "grid_worker", codes)) as conn:
        for community in COMMUNITIES:
            found = list(conn.execute(text("select gis.attributions(:of)"), {"of": community}).scalars())
            seen = sees(codes, community, None, by_grid=False)
            assert found == ([f"data of {community}"] if seen else []), community


def test_no_scope_makes_an_area_out_of_reach(database: Database) -> None:
    statement = "insert into gis.area (code, name, metric_srid) values ('330482002097', '他处', 4549)"
    refuse(database, statement)
    with pytest.raises(ProgrammingError), database.write(Scope("test", "staff", (HOME, "330482003"))) as conn:
        conn.execute(text(statement))
    with database.write(Scope("test", "staff", ("330482002",))) as conn:
        conn.execute(text(statement))
        conn.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "insert into gis.road_history select * from gis.road_history limit 1",
        "update gis.road_history set recorded_to = now()",
        "delete from gis.road_history",
        "insert into gis.layer_version values ('330482002099', 'road', 1, now())",
        "update gis.layer_version set version = 0",
        "delete from gis.layer_version",
        "insert into gis.touch values ('1', '330482002099', 'road')",
        "update gis.road set version = 1",
        "update gis.road set recorded_at = now()",
        "update gis.road set recorded_by = 'x'",
        "update gis.road set upload = null",
        "insert into gis.road (community, code, geom, version) values ('330482002099', 'x', null, 7)",
        "insert into gis.road (community, code, geom, recorded_by) values ('330482002099', 'x', null, 'boss')",
        "insert into gis.road (community, code, geom, recorded_at) values ('330482002099', 'x', null, now())",
        "truncate gis.road",
        "alter table gis.road disable trigger user",
        "alter table gis.road disable row level security",
        "drop policy sees on gis.road",
        "create table gis.mine (id integer)",
        "create table public.mine (id integer)",
        "set role gis_owner",
        "set session_replication_role = replica",
        "alter role gis_app bypassrls",
        "select * from pg_authid",
    ],
)
def test_the_application_cannot_write_what_the_database_keeps(database: Database, statement: str) -> None:
    everything = Scope("test", "staff", ("330482",))
    with pytest.raises(ProgrammingError) as error, database.write(everything) as conn:
        conn.execute(text(statement))
    assert isinstance(error.value.orig, psycopg.errors.InsufficientPrivilege), error.value


def test_the_owner_cannot_empty_a_layer_past_its_history(owner: Engine) -> None:
    for name in ("road", "rental_unit"):
        with pytest.raises(Exception, match="truncate would leave no history"), owner.begin() as conn:
            conn.execute(text(f"truncate gis.{name} cascade"))


def test_the_backup_role_reads_everything_and_writes_nothing(cluster: LocalCluster, database_name: str,
                                                             owner: Engine) -> None:  # fmt: skip
    backup = open_engine(cluster.url("gis_backup", database_name))
    with owner.begin() as everything, backup.connect() as conn:
        for name in tables(everything):
            if name == "touch":
                continue
            count = text(f"select count(*) from gis.{name}")
            assert conn.execute(count).scalar() == everything.execute(count).scalar(), name
        conn.rollback()
        for statement in ("delete from gis.road", "update gis.area set name = ''", "delete from gis.road_history"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                conn.execute(text(statement))
            conn.rollback()
    backup.dispose()


@pytest.mark.parametrize("end", ["commit", "error"])
def test_a_scope_ends_with_its_transaction(cluster: LocalCluster, database_name: str, end: str) -> None:
    engine = open_engine(cluster.url("gis_app", database_name))
    found = Database(engine, engine)
    settings = "select pg_backend_pid(), concat_ws('', current_setting('gis.scope', true),"
    settings += " current_setting('gis.actor', true), current_setting('gis.upload', true))"
    with (
        pytest.raises(ProgrammingError) if end == "error" else nullcontext(),
        found.write(Scope("test", "staff", ("330482",)), upload="11111111-1111-1111-1111-111111111111") as conn,
    ):
        process, said = conn.execute(text(settings)).one()
        assert said.startswith("330482test1111")
        assert conn.execute(text("select count(*) from gis.road")).scalar_one() > 0
        if end == "error":
            conn.execute(text("select * from gis.touch"))
    with engine.begin() as conn:
        assert tuple(conn.execute(text(settings)).one()) == (process, "")
        assert conn.execute(text("select count(*) from gis.road")).scalar_one() == 0
    engine.dispose()


def test_a_read_transaction_writes_nothing(database: Database) -> None:
    for statement in ("delete from gis.road", "update gis.road set remark = ''"):
        with pytest.raises(Exception, match="read-only transaction"), database.read(worker()) as conn:
            conn.execute(text(statement))


def test_definer_functions_are_few_and_known(owner: Engine) -> None:
    with owner.begin() as conn:
        found = conn.execute(
            text("select proname, proconfig from pg_proc where pronamespace = 'gis'::regnamespace and prosecdef")
        ).all()
    assert len(found) == len(DEFINERS)
    assert {name for name, _ in found} == DEFINERS
    assert all("search_path=" in config[0] and config[0].endswith("pg_temp") for _, config in found)


@pytest.fixture
def crowded(make_database: Callable[..., str], cluster: LocalCluster) -> Iterator[tuple[str, Database]]:
    """A database with 24,000 waste points in one community, and its name."""
    name = make_database()
    owner = open_engine(cluster.url("gis_owner", name))
    with owner.begin() as conn:
        conn.execute(text(f"insert into gis.area (code, name, metric_srid) values ('{HOME}', '社区', 4549)"))
        conn.execute(
            text(
                "insert into gis.waste_point (community, code, kind, geom) select :home, i, 'timed',"
                " st_setsrid(st_makepoint(120.9 + (i % 200) * 1e-4, 30.7 + (i / 200) * 1e-4), 4490)"
                " from generate_series(1, 24000) i"
            ),
            {"home": HOME},
        )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("analyze gis.waste_point"))
    owner.dispose()
    engine = open_engine(cluster.url("gis_app", name))
    yield name, Database(engine, engine)
    engine.dispose()


def test_row_level_security_keeps_the_spatial_index(cluster: LocalCluster, crowded: tuple[str, Database]) -> None:
    name, database = crowded
    layer, scope = LAYERS["waste_point"], Scope("test", "staff", (HOME,))
    question = Question(bbox=(120.905, 30.705, 120.906, 30.706))
    query = (
        "explain select * from gis.waste_point where community = '330482002099'"
        " and geom && st_makeenvelope(120.905, 30.705, 120.906, 30.706, 4490)"
    )

    def plan() -> str:
        with database.read(scope) as conn:
            assert count_features(conn, layer, scope, question) == 121
            return "\n".join(conn.execute(text(query)).scalars())

    superuser = open_engine(cluster.url("postgres", name))
    with database.read(scope) as conn:
        assert spatial_index_helps(conn)
    assert "waste_point_geom_idx" in plan()
    with superuser.begin() as conn:
        conn.execute(text("alter function public.geometry_overlaps(geometry, geometry) not leakproof"))
    with database.read(scope) as conn:
        assert not spatial_index_helps(conn)
    assert "waste_point_geom_idx" not in plan()
    superuser.dispose()
