"""A migrated database is the declared one, drift is seen, and a new layer is one file plus one written migration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from gis_service.database import connect, open_engine, prepare, spatial_index_helps
from gis_service.local_cluster import LocalCluster
from gis_service.migrate import is_current, migrate, migrate_to, read_catalogue, write_migration
from gis_service.schema import all_statements
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.gis_service.example_rows import driver_of

ROOT = Path(__file__).parents[2]

NEW_LAYER = '''"""长椅."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers.layer import Layer
from layers.record import Personal, Record, Survey, Unit
from layers.style import Style


class Bench(Record):
    """A bench, 100% ours, with a colon: and a quote ' in its words."""

    seats: Annotated[int, Field(title="座位数", ge=1, le=20), Unit("个"), Survey("座位")]
    opened: Annotated[str | None, Field(title="开放: 时间", pattern="^[0-9]{2}:[0-9]{2}$"), Survey("时间")] = None
    donor: Annotated[str | None, Field(title="捐赠人", max_length=40), Personal(), Survey("捐赠者")] = None


LAYER = Layer(
    name="bench", title="长椅", summary="街边的长椅。", group="设施",
    record=Bench, geometry="POINT", visibility="grid", label="code",
    style=Style(color="#1b5e20", fill="#2e7d32"),
)
'''

CHILD = """
import json, pathlib, sys
from gis_service.database import open_engine
from gis_service.migrate import is_current, migrate, migrate_to, read_catalogue, write_migration
from gis_service.schema import all_statements
from layers.registry import LAYERS

assert "bench" in LAYERS and __import__("gis_service").__file__.startswith(sys.argv[1])
migrated, straight = open_engine(sys.argv[2]), open_engine(sys.argv[3])
with migrated.begin() as conn:
    assert is_current(conn)
    written = write_migration(conn, "bench")
    assert not is_current(conn)
migrate(migrated)
with straight.begin() as conn:
    conn.exec_driver_sql("create schema gis")
    conn.connection.driver_connection.execute("\\n".join(all_statements()))
with migrated.begin() as one, straight.begin() as other:
    assert is_current(one)
    found, declared = read_catalogue(one), read_catalogue(other)
    assert any("bench_personal" in name for name in found)
    assert found == declared, {name for name in found | declared if found.get(name) != declared.get(name)}
    try:
        write_migration(one, "again")
    except ValueError as error:
        print(written.name, written.with_suffix(".sql").exists(), error)
"""


@pytest.fixture(scope="module")
def make_bare(cluster: LocalCluster, admin: Engine) -> Iterator[Callable[[str], str]]:
    """A function that makes a prepared database without the schema and returns its name."""
    made: list[str] = []

    def make(name: str) -> str:
        prepare(cluster.url("postgres", "postgres"), cluster.passwords, name)
        made.append(name)
        return name

    yield make
    with admin.connect() as conn:
        for name in made:
            conn.execute(text(f"drop database {name} with (force)"))


@pytest.fixture(scope="module")
def declared(cluster: LocalCluster, make_bare: Callable[[str], str]) -> dict[str, str]:
    """The catalogue of a database that was built straight from the declarations."""
    engine = open_engine(cluster.url("gis_owner", make_bare("straight")))
    with engine.begin() as conn:
        conn.execute(text("create schema gis"))
        driver_of(conn).execute("\n".join(all_statements()).encode())
    with engine.begin() as conn:
        found = read_catalogue(conn)
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def owner(cluster: LocalCluster, database_name: str) -> Iterator[Engine]:
    engine = open_engine(cluster.url("gis_owner", database_name))
    yield engine
    engine.dispose()


def test_a_migrated_database_is_the_declared_one(owner: Engine, declared: dict[str, str]) -> None:
    with owner.begin() as conn:
        found = read_catalogue(conn)
    differing = {name for name in found | declared if found.get(name) != declared.get(name)}
    assert differing == set()
    assert sum(name.startswith("table ") for name in found) >= 2 * len(LAYERS) + 6
    assert {name.split(" ")[0] for name in found} >= {"column", "table", "constraint", "index", "policy", "trigger"}


@pytest.mark.parametrize(
    "drift",
    [
        "alter table gis.building drop constraint building_floors_maximum",
        "alter table gis.building drop constraint building_floors_maximum,"
        " add constraint building_floors_maximum check (floors <= 151)",
        "alter table gis.building drop constraint building_floors_maximum,"
        " add constraint building_floors_maximum check (floors <= 150) not valid",
        "drop policy sees on gis.rental_unit",
        "alter policy sees on gis.rental_unit using (true)",
        "alter policy sees on gis.rental_unit to public",
        "alter table gis.rental_unit disable row level security",
        "drop trigger history_on_update on gis.visit",
        "alter table gis.visit disable trigger history_on_update",
        "comment on table gis.road is '路'",
        "comment on column gis.road.width_m is '宽'",
        "comment on function gis.settle_grid() is 'x'",
        "grant update on gis.road_history to gis_app",
        "grant update (version) on gis.road to gis_app",
        "revoke select on gis.road from gis_backup",
        "grant execute on function gis.registered_areas() to gis_backup",
        "grant create on schema gis to gis_app",
        "alter function gis.write_history() security invoker",
        "alter function gis.registered_areas() volatile",
        "drop index gis.building_geom_idx",
        "alter table gis.road alter column source drop default",
        "alter table gis.road alter column source drop not null",
        "alter table gis.road alter column name type varchar(200)",
        "alter table gis.road add column extra text",
        "create table gis.extra (id integer)",
        "create view gis.everything as select * from gis.rental_unit",
        "drop table gis.rental_unit_personal",
        "alter table gis.road_history drop column remark",
    ],
)
def test_drift_is_seen(owner: Engine, declared: dict[str, str], drift: str) -> None:
    with owner.connect() as conn:
        conn.execute(text(drift))
        found = read_catalogue(conn)
        assert {name for name in found | declared if found.get(name) != declared.get(name)}
        conn.rollback()


def test_a_database_that_was_used_gets_its_past(cluster: LocalCluster, make_bare: Callable[[str], str]) -> None:
    engine = open_engine(cluster.url("gis_owner", make_bare("used")))
    with engine.begin() as conn:
        conn.execute(text("create schema gis"))
        migrate_to(conn, "0011")
        conn.execute(text("insert into gis.area values ('330482002099', '甲', 4549)"))
        conn.execute(text("insert into gis.area_rule values ('330482002099', 'waste.radius_point', 60, '本地')"))
    point = "st_setsrid(st_point(121, 30.7), 4490)"
    for statement in (
        "insert into gis.facility (community, code, source, kind, geom)"
        f" values ('330482002099', 'A', 'surveyed', 'hydrant', {point})",
        "update gis.facility set remark = 'x'",
        "delete from gis.facility",
    ):
        with engine.begin() as conn:
            conn.execute(text(statement))
    with engine.begin() as conn:
        version = conn.execute(text("select version, changed_at from gis.layer_version")).one()
    migrate(engine)
    with engine.begin() as conn:
        asked = (
            "select version, recorded_at, nullif(recorded_to, 'infinity') from gis.layer_version_history"
            " order by recorded_at"
        )
        kept = conn.execute(text(asked)).all()
        moments = list(conn.execute(
            text("select distinct recorded_at from gis.facility_history order by 1")).scalars())  # fmt: skip
        assert [row[0] for row in kept] == [1, 2, 3] == list(range(1, version[0] + 1))
        assert [row[1] for row in kept] == moments
        # Each holds until the next one, and the last one still.
        assert [row[2] for row in kept[:-1]] == moments[1:]
        asked = "select count(*) from gis.layer_version_history where recorded_to = 'infinity'"
        assert conn.execute(text(asked)).scalar_one() == 1
        for name in ("area", "area_rule"):
            held = f"select recorded_at = '-infinity' and recorded_to = 'infinity' from gis.{name}_history"
            assert conn.execute(text(held)).scalar_one() is True
    engine.dispose()


def test_cases_of_a_database_that_was_used_get_their_new_states(
    cluster: LocalCluster, make_bare: Callable[[str], str]
) -> None:
    name = make_bare("with_cases")
    engine = open_engine(cluster.url("gis_owner", name))
    with engine.begin() as conn:
        conn.execute(text("create schema gis"))
        migrate_to(conn, "0012")
        conn.execute(text("insert into gis.area values ('330482002099', '甲', 4549)"))
    states = {"A": "filed", "B": "assigned", "C": "recheck", "D": "closed", "E": "found"}
    for code, state in states.items():
        with engine.begin() as conn:
            conn.execute(
                text(
                    "insert into gis.hazard (community, code, source, event_code, status, geom) values ('330482002099',"
                    " :code, 'surveyed', '05-05', :state, st_setsrid(st_point(121, 30.7), 4490))"
                ),
                {"code": code, "state": state},
            )
    # Each has been filed before, so that its history has old states too.
    with engine.begin() as conn:
        conn.execute(text("update gis.hazard set status = 'assigned', remark = 'x' where code in ('C', 'D')"))
    rows = text("select code, version, recorded_at, recorded_by, remark from gis.hazard order by code")
    lines = text("select code, version, written_at, operation, remark from gis.hazard_history order by 1, 2, 3")
    with engine.begin() as conn:
        before = conn.execute(rows).all(), conn.execute(lines).all()
        audit = conn.execute(text("select count(*) from gis.audit")).scalar_one()
        version = conn.execute(text("select version from gis.layer_version where layer = 'hazard'")).scalar_one()
    migrate(engine)
    with engine.begin() as conn:
        assert (conn.execute(rows).all(), conn.execute(lines).all()) == before
        assert conn.execute(text("select count(*) from gis.audit")).scalar_one() == audit
        kept = {row[0]: row[1] for row in conn.execute(text("select code, status from gis.hazard"))}
        assert kept == {"A": "registered", "B": "advised", "C": "advised", "D": "advised", "E": "found"}
        told = conn.execute(text("select code, version, status from gis.hazard_history order by 1, 2")).all()
        assert told == [
            ("A", 1, "registered"), ("B", 1, "advised"), ("C", 1, "recheck"), ("C", 2, "advised"), ("D", 1, "closed"),
            ("D", 2, "advised"), ("E", 1, "found"),
        ]  # fmt: skip
        flows = "select distinct flow from gis.hazard union select distinct flow from gis.hazard_history"
        assert conn.execute(text(flows)).scalars().all() == ["community"]
        # Whoever holds an answer from before is told that it changed.
        asked = text("select version from gis.layer_version where layer = 'hazard'")
        assert conn.execute(asked).scalar_one() == version + 1
        enabled = "select count(*) from pg_trigger where tgrelid = 'gis.hazard'::regclass and tgenabled = 'D'"
        assert conn.execute(text(enabled)).scalar_one() == 0
    engine.dispose()
    database = connect(cluster.url("gis_app", name))
    for column in ("status", "level", "flow", "due_on", "handler"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            database.write(Scope("test", "staff", ("330482002099",))) as conn,
        ):
            conn.execute(text(f"update gis.hazard set {column} = {column}"))
    database.close()


def test_migrating_again_changes_nothing(owner: Engine, declared: dict[str, str]) -> None:
    with owner.begin() as conn:
        assert is_current(conn)
    migrate(owner)
    with owner.begin() as conn:
        assert read_catalogue(conn) == declared
        with pytest.raises(ValueError, match="没有新的图层"):
            write_migration(conn, "nothing")


def test_an_unmigrated_database_is_told_from_a_migrated_one(
    cluster: LocalCluster, make_bare: Callable[[str], str], declared: dict[str, str]
) -> None:
    engine = open_engine(cluster.url("gis_owner", make_bare("unmigrated")))
    with engine.begin() as conn:
        assert not is_current(conn)
    migrate(engine)
    with engine.begin() as conn:
        assert is_current(conn)
        assert read_catalogue(conn) == declared
        conn.execute(text("update gis.migration set version_num = '0000'"))
        assert not is_current(conn)
    engine.dispose()


def test_preparing_again_mends_roles_and_the_leakproof_mark(
    cluster: LocalCluster, admin: Engine, make_bare: Callable[[str], str]
) -> None:
    name = make_bare("prepared")
    inside = open_engine(cluster.url("postgres", name))
    with inside.begin() as conn:
        conn.execute(text("alter function public.geometry_overlaps(geometry, geometry) not leakproof"))
        assert not spatial_index_helps(conn)
    prepare(cluster.url("postgres", "postgres"), cluster.passwords, name)
    with inside.begin() as conn:
        assert spatial_index_helps(conn)
    inside.dispose()
    with admin.connect() as conn:
        roles = conn.execute(
            text(
                "select rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication from pg_roles"
                " where rolname like 'gis\\_%' order by 1"
            )
        ).all()
    assert [tuple(role) for role in roles] == [
        ("gis_app", False, False, False, False, False),
        ("gis_backup", False, False, False, True, True),
        ("gis_owner", False, False, False, False, False),
    ]


def test_a_new_layer_is_one_file_and_a_written_migration(
    cluster: LocalCluster, make_database: Callable[..., str], make_bare: Callable[[str], str], tmp_path: Path
) -> None:
    for package in ("layers", "gis_service"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "layers" / "catalog" / "bench.py").write_text(NEW_LAYER, encoding="utf-8")
    child = subprocess.run(
        [
            sys.executable, "-c", CHILD, str(tmp_path),
            cluster.url("gis_owner", make_database()), cluster.url("gis_owner", make_bare("with_bench")),
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        cwd=tmp_path, capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    name, has_sql, refusal = child.stdout.split(maxsplit=2)
    assert name.endswith("_bench.py")
    assert has_sql == "True"
    assert "没有新的图层" in refusal


def test_several_may_prepare_at_once(cluster: LocalCluster, make_bare: Callable[[str], str]) -> None:
    name = make_bare("together")
    address = cluster.url("postgres", "postgres")
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(prepare, address, cluster.passwords, name) for _ in range(18)]
        assert [one.result() for one in asked] == [None] * 18
