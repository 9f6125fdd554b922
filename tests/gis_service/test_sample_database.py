"""The sample in the database: loaded whole, reconciled with the report, and taken away without a trace of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, text

from gis_service.analysis.reconcile import reconcile
from gis_service.areas import create_area, list_areas, read_area
from gis_service.database import Database, connect
from gis_service.errors import ConflictError, NotFoundError
from gis_service.features.question import Question
from gis_service.features.read import count_features
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.overview import read_overview
from gis_service.sample.community import generate
from gis_service.sample.load import COMMUNITY, NAME, load_sample, remove_sample
from gis_service.scope import Scope
from gis_service.tables import REPORTED_TOTAL
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record, example_shape

TABLES = [name for layer in LAYERS for name in (layer, f"{layer}_history")]


@pytest.fixture
def own(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> Iterator[Database]:
    """A copy of the sample, to write to."""
    found = connect(cluster.url("gis_app", make_database(untouched_sample)))
    yield found
    found.close()


def count(database: Database, scope: Scope, table: str, condition: str = "true") -> int:
    with database.read(scope) as conn:
        return int(conn.execute(text(f"select count(*) from gis.{table} where {condition}")).scalar_one())


@pytest.mark.long
def test_every_generated_row_is_stored(sample: Database, staff: Scope) -> None:
    for name, rows in generate().items():
        assert count(sample, staff, name) == len(rows), name
        assert count(sample, staff, name, f"community = '{COMMUNITY}' and source = 'synthetic'") == len(rows)
        with sample.read(staff) as conn:
            codes = set(conn.execute(text(f"select code from gis.{name}")).scalars())
        assert codes == {record.code for record, _ in rows}


def test_everything_is_said_to_be_synthetic(sample: Database, staff: Scope) -> None:
    assert LAYERS["building"].field("source").show("synthetic") == "示意"
    with sample.read(staff) as conn:
        overview = read_overview(conn, staff, COMMUNITY, url=lambda layer: f"/{layer.name}")
    assert overview.synthetic
    assert overview.name == NAME
    assert all(answer.count > 0 for answer in overview.layers)


def test_every_feature_has_the_grid_its_code_says(sample: Database, staff: Scope) -> None:
    # A building's code begins with the grid that the generator placed it in; the database placed it by its geometry.
    assert count(sample, staff, "building", "left(code, 15) is distinct from grid") == 0
    for name in LAYERS:
        assert count(sample, staff, name, "grid is null") == 0, name


def test_reconciliation_warns_where_the_report_contradicts_itself(sample: Database, staff: Scope) -> None:
    with sample.read(staff) as conn:
        rows = {row.code: row for row in reconcile(conn, staff, COMMUNITY)}
        stored = conn.execute(select(REPORTED_TOTAL.c.code).order_by(REPORTED_TOTAL.c.position)).scalars().all()
    assert list(rows) == stored
    assert len(rows) == 22
    assert {code: row.difference for code, row in rows.items() if row.result != "OK"} == {
        "below_scale": -6.0,
        "enterprises_by_scale": 6.0,
    }
    assert all(row.note for row in rows.values() if row.result == "WARN")
    assert all(row.measured is not None and not row.note for row in rows.values() if row.result == "OK")
    assert (rows["below_scale"].reported, rows["below_scale"].measured, rows["below_scale"].qualifier) == (
        132,
        126,
        "近",
    )
    assert (rows["enterprises_by_scale"].reported, rows["enterprises_by_scale"].measured) == (167, 173)
    exact = {code: (row.reported, row.measured) for code, row in rows.items()}
    assert exact["enterprises"] == (167, 167)


def test_a_missing_row_shows_in_the_reconciliation(own: Database, staff: Scope) -> None:
    with own.write(staff) as conn:
        conn.execute(text("delete from gis.enterprise where code = (select min(code) from gis.enterprise)"))
        rows = {row.code: row for row in reconcile(conn, staff, COMMUNITY)}
    assert (rows["enterprises"].result, rows["enterprises"].difference) == ("WARN", -1.0)


def test_reconciling_needs_the_area_in_scope(sample: Database) -> None:
    elsewhere = Scope("x", "staff", ("110101",))
    with pytest.raises(NotFoundError), sample.read(elsewhere) as conn:
        reconcile(conn, elsewhere, COMMUNITY)


def test_loading_twice_is_refused(own: Database, staff: Scope) -> None:
    before = {name: count(own, staff, name) for name in TABLES}
    with pytest.raises(ConflictError, match="sample remove"), own.write(staff) as conn:
        load_sample(conn)
    assert {name: count(own, staff, name) for name in TABLES} == before


def test_removing_takes_exactly_the_synthetic_rows(own: Database, staff: Scope) -> None:
    layer = LAYERS["waste_point"]
    with own.write(staff) as conn:
        real = example_record(layer, code="REAL", source="surveyed")
        put_features(conn, layer, COMMUNITY, [(real, example_shape(layer, 121.01, 30.72))])
        # A real community beside it has a synthetic row of its own; it isn't the sample's.
        create_area(conn, "330482002099", "邻社区", example_shape(LAYERS["green"], 121.2))
        other = example_record(layer, code="OTHER", source="synthetic")
        put_features(conn, layer, "330482002099", [(other, example_shape(layer, 121.2))])
    before = {name: count(own, staff, name) for name in LAYERS}
    with own.write(staff) as conn:
        removed = remove_sample(conn)
    assert removed == sum(before.values()) - 3
    left = {name: count(own, staff, name) for name in LAYERS if count(own, staff, name)}
    assert left == {"waste_point": 2, "community": 1}
    with own.read(staff) as conn:
        assert set(conn.execute(text("select code from gis.waste_point")).scalars()) == {"REAL", "OTHER"}
        assert read_area(conn, COMMUNITY).code == COMMUNITY
        assert conn.execute(select(REPORTED_TOTAL)).all() == []
        for name in LAYERS.keys() - {"community"}:
            deletions = conn.execute(text(f"select count(*) from gis.{name}_history where operation = 'delete'"))
            assert deletions.scalar_one() == before[name] - (2 if name == "waste_point" else 0), name
    with own.write(staff) as conn:
        assert remove_sample(conn) == 0


@pytest.mark.long
def test_it_goes_and_comes_again(own: Database, staff: Scope) -> None:
    with own.read(staff) as conn:
        moment = conn.execute(text("select clock_timestamp()")).scalar_one()
        there = {name: count_features(conn, layer, staff, Question()) for name, layer in LAYERS.items()}
    with own.write(staff) as conn:
        assert remove_sample(conn) == sum(there.values())
        assert list_areas(conn) == []
    with own.read(staff) as conn:
        # Nobody's community any more, but what was recorded then is still told.
        then = {name: count_features(conn, layer, staff, Question(as_of=moment)) for name, layer in LAYERS.items()}
        assert then == there
    # Nobody at the community may say that a structure is illegal, but whoever runs commands loads what was said.
    with own.write(Scope("operator", "operator", staff.areas)) as conn:
        assert load_sample(conn) == there
    with own.read(staff) as conn:
        assert {name: count_features(conn, layer, staff, Question()) for name, layer in LAYERS.items()} == there


def test_removing_nothing_where_there_is_no_sample(database: Database, staff: Scope) -> None:
    with database.write(staff) as conn:
        assert remove_sample(conn) == 0


def test_a_scope_elsewhere_removes_nothing(own: Database, staff: Scope) -> None:
    before = {name: count(own, staff, name) for name in LAYERS}
    with own.write(Scope("x", "staff", ("110101",))) as conn:
        assert remove_sample(conn) == 0
    assert {name: count(own, staff, name) for name in LAYERS} == before
