"""A layer's version counts the transactions that changed it, and entity tags follow it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from gis_service.database import Database, open_engine
from gis_service.errors import NotFoundError
from gis_service.features.tags import read_etag, tag_of, versions_of
from gis_service.features.write import change_feature, delete_feature, put_features
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.asking import Asking
from tests.gis_service.example_rows import example_record, example_shape

ROAD, BUILDING = LAYERS["road"], LAYERS["building"]


@pytest.fixture(scope="module")
def owner(cluster: LocalCluster, database_name: str, area: str) -> Iterator[Engine]:
    assert area
    engine = open_engine(cluster.url("gis_owner", database_name))
    yield engine
    engine.dispose()


def counters(owner: Engine) -> dict[str, int]:
    with owner.begin() as conn:
        assert conn.execute(text("select count(*) from gis.touch")).scalar_one() == 0
        rows = conn.execute(text("select layer, version from gis.layer_version")).all()
    return {row.layer: row.version for row in rows}


def test_one_step_for_a_transaction_however_much_it_writes(
    database: Database, owner: Engine, staff: Scope, area: str
) -> None:
    assert counters(owner) == {"community": 1}
    with database.write(staff) as conn:
        put_features(conn, ROAD, area, [(example_record(ROAD, code=code), example_shape(ROAD)) for code in "AB"])
        change_feature(conn, ROAD, area, "A", {"width_m": 3.5})
        put_features(conn, BUILDING, area, [(example_record(BUILDING, code="H"), example_shape(BUILDING))])
    assert counters(owner) == {"community": 1, "road": 1, "building": 1}
    with database.write(staff) as conn:
        change_feature(conn, ROAD, area, "A", {"width_m": 4})
    with database.write(staff) as conn:
        delete_feature(conn, ROAD, area, "B")
    with owner.begin() as conn:
        conn.execute(text("update gis.building set floors = 2"))
        conn.execute(text("delete from gis.building"))
    assert counters(owner) == {"community": 1, "road": 3, "building": 2}


def change_both(conn: Connection, area: str) -> None:
    for code in ("A", "no such road"):
        change_feature(conn, ROAD, area, code, {"width_m": 9})


def test_no_step_without_a_change(database: Database, owner: Engine, staff: Scope, area: str) -> None:
    before = counters(owner)
    with database.write(staff) as conn:
        conn.execute(text("update gis.road set remark = 'x' where code = 'no such road'"))
        conn.execute(text("delete from gis.road where code = 'no such road'"))
    with owner.begin() as conn:
        conn.execute(text("insert into gis.road select * from gis.road where false"))
    with database.write(staff) as conn:
        change_feature(conn, ROAD, area, "A", {"width_m": 9})
        conn.rollback()
    with database.write(staff) as conn:
        inner = conn.begin_nested()
        change_feature(conn, ROAD, area, "A", {"width_m": 9})
        inner.rollback()
    with pytest.raises(NotFoundError), database.write(staff) as conn:
        change_both(conn, area)
    assert counters(owner) == before


def test_writing_what_is_stored_already_is_no_change(
    database: Database, owner: Engine, staff: Scope, area: str
) -> None:
    rows = [(example_record(ROAD, code="SAME"), example_shape(ROAD))]
    with database.write(staff) as conn:
        assert put_features(conn, ROAD, area, rows).added == 1
    before = counters(owner)
    with database.write(staff) as conn:
        assert put_features(conn, ROAD, area, rows).unchanged == 1
    assert counters(owner) == before


def test_entity_tags_change_with_layer_scope_and_parts_and_nothing_else(
    database: Database, ask: Asking, staff: Scope, area: str
) -> None:
    def tag(*parts: str, scope: Scope = staff, layer: str = "road") -> str:
        layers = [LAYERS[layer]]
        quick = tag_of(ask(scope, versions_of(layers, scope))[0], layers, scope, *parts)
        with database.read(scope) as conn:
            assert read_etag(conn, layers, scope, *parts) == quick
        return quick

    first = tag()
    assert first.startswith('"')
    assert first.endswith('"')
    assert tag() == first
    with database.write(staff) as conn:
        put_features(conn, BUILDING, area, [(example_record(BUILDING), example_shape(BUILDING))])
    assert tag() == first
    with database.write(staff) as conn:
        change_feature(conn, ROAD, area, "A", {"width_m": 7})
    second = tag()
    assert second != first
    others = {tag("2026-11-23"), tag(layer="building"), tag(scope=Scope("a", "staff", (area,))),
              tag(scope=Scope("test", "worker", staff.areas))}  # fmt: skip
    assert len({first, second, *others}) == 6
