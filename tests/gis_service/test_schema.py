"""A declared bound holds for every door: rows that plain SQL inserts as the tables' owner."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from gis_service.local_cluster import LocalCluster
from gis_service.tables import tables_of
from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.registry import LAYERS
from tests.gis_service.example_rows import PATTERNS, example_shape, example_values, insert_row

COMMUNITY = "330482002099"
FIELDS = [(layer, field) for layer in LAYERS.values() for field in layer.fields]
PERSONAL = [(layer, field) for layer in LAYERS.values() for field in layer.personal_fields]


@pytest.fixture(scope="module")
def owner(cluster: LocalCluster, database_name: str) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection with one registered community; nothing of a test is kept."""
    with psycopg.connect(cluster.url("gis_owner", database_name).replace("+psycopg", "", 1)) as found:
        found.execute("insert into gis.area (code, name, metric_srid) values (%s, '测试', 4549)", [COMMUNITY])
        found.commit()
        yield found


@pytest.fixture
def driver(owner: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    yield owner
    owner.rollback()


def allowed(field: LayerField) -> list[Any]:
    """Return values at the bounds of a field, on the inner side."""
    values: list[Any] = []
    if field.nullable:
        values.append(None)
    if field.codes is not None:
        listed = list(field.codes)
        return [*values, *([listed, []] if field.kind is Kind.TEXTS else listed)]
    if field.kind in {Kind.INTEGER, Kind.NUMBER}:
        if field.minimum is not None:
            values.append(inner(field, field.minimum) if field.exclusive_minimum else field.minimum)
        if field.maximum is not None:
            values.append(field.maximum)
    if field.pattern is not None:
        values.append(PATTERNS[field.pattern][0])
    elif field.kind is Kind.TEXT:
        values += ["字" * size for size in (field.min_length, field.max_length) if size]
    return values


def refused(field: LayerField) -> list[Any]:
    """Return values just past the bounds of a field."""
    values: list[Any] = []
    if field.codes is not None:
        return [["no such code"], [None], [*field.codes, ""]] if field.kind is Kind.TEXTS else ["no such code", ""]
    if field.kind is Kind.NUMBER:
        values += [math.nan, math.inf, -math.inf]
    if field.minimum is not None:
        values.append(field.minimum if field.exclusive_minimum else outer(field, field.minimum, -1))
    if field.maximum is not None:
        values.append(outer(field, field.maximum, 1))
    if field.pattern is not None:
        values += PATTERNS[field.pattern][1]
    if field.kind is Kind.TEXT and field.max_length is not None:
        values.append("字" * (field.max_length + 1))
    if field.kind is Kind.TEXT and field.min_length:
        values.append("字" * (field.min_length - 1))
    return values


def inner(field: LayerField, bound: float) -> float:
    return int(bound) + 1 if field.kind is Kind.INTEGER else math.nextafter(bound, math.inf)


def outer(field: LayerField, bound: float, side: int) -> float:
    return int(bound) + side if field.kind is Kind.INTEGER else math.nextafter(bound, side * math.inf)


@pytest.mark.parametrize(("layer", "field"), FIELDS, ids=lambda value: value.name)
def test_bounds_of_a_field_are_the_databases_own(
    driver: psycopg.Connection[Any], layer: Layer, field: LayerField
) -> None:
    shape = example_shape(layer)
    for value in allowed(field):
        with driver.transaction(force_rollback=True):
            # Some states are those of the street's flow only.
            more = {"flow": "street"} if field.name == "status" and value in {"filed", "assigned"} else {}
            insert_row(driver, layer, COMMUNITY, shape, **example_values(layer, **{field.name: value}, **more))
    for value in refused(field):
        with pytest.raises(psycopg.errors.CheckViolation) as error, driver.transaction():
            insert_row(driver, layer, COMMUNITY, shape, **example_values(layer, **{field.name: value}))
        assert str(error.value.diag.constraint_name).startswith(f"{layer.name}_{field.name}_"), value
    if not field.nullable:
        with pytest.raises(psycopg.errors.NotNullViolation), driver.transaction():
            insert_row(driver, layer, COMMUNITY, shape, **example_values(layer, **{field.name: None}))


@pytest.mark.parametrize(("layer", "field"), FIELDS, ids=lambda value: value.name)
def test_an_update_obeys_the_same_bounds(driver: psycopg.Connection[Any], layer: Layer, field: LayerField) -> None:
    bad = refused(field)
    if not bad:
        return
    insert_row(driver, layer, COMMUNITY, example_shape(layer), **example_values(layer))
    change = sql.SQL("update gis.{} set {} = %s").format(sql.Identifier(layer.name), sql.Identifier(field.name))
    with pytest.raises(psycopg.errors.CheckViolation), driver.transaction():
        driver.execute(change, [bad[-1]])


@pytest.mark.parametrize(("layer", "field"), PERSONAL, ids=lambda value: value.name)
def test_personal_fields_have_bounds_too(driver: psycopg.Connection[Any], layer: Layer, field: LayerField) -> None:
    identifier = insert_row(driver, layer, COMMUNITY, example_shape(layer), **example_values(layer))
    write = sql.SQL("insert into gis.{} (community, id, {}) values (%s, %s, %s)").format(
        sql.Identifier(f"{layer.name}_personal"), sql.Identifier(field.name)
    )
    for value in allowed(field):
        with driver.transaction(force_rollback=True):
            driver.execute(write, [COMMUNITY, identifier, value])
    for value in refused(field):
        with pytest.raises(psycopg.errors.CheckViolation), driver.transaction():
            driver.execute(write, [COMMUNITY, identifier, value])


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_defaults_of_the_database_are_those_of_the_declaration(driver: psycopg.Connection[Any], layer: Layer) -> None:
    insert_row(driver, layer, COMMUNITY, example_shape(layer), **example_values(layer))
    names = [field.name for field in layer.fields if field.default is not None]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    row = driver.execute(sql.SQL("select {} from gis.{}").format(columns, sql.Identifier(layer.name))).fetchone()
    record = layer.record.model_validate(example_values(layer))
    assert row == tuple(getattr(record, name) for name in names)


BAD_SHAPES = {
    "MULTIPOLYGON": (
        "SRID=4490;MULTIPOLYGON(((0 0, 1 1, 1 0, 0 1, 0 0)))",
        "SRID=4490;MULTIPOLYGON EMPTY",
        "SRID=4326;MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))",
        "SRID=4490;POLYGON((0 0, 1 0, 1 1, 0 0))",
        "SRID=4490;MULTIPOLYGON Z(((0 0 1, 1 0 1, 1 1 1, 0 0 1)))",
    ),
    "MULTILINESTRING": (
        "SRID=4490;MULTILINESTRING((0 0, 0 0))",
        "SRID=4490;MULTILINESTRING EMPTY",
        "SRID=4549;MULTILINESTRING((0 0, 1 1))",
        "SRID=4490;POINT(0 0)",
    ),
    "POINT": (
        "SRID=4490;POINT EMPTY",
        "SRID=4490;POINT(NaN NaN)",
        "SRID=4490;POINT(1e400 0)",
        "SRID=4549;POINT(595804 3398141)",
        "SRID=4490;POINT(595804 3398141)",
        "SRID=4490;POINT(180.001 30.7)",
        "SRID=4490;POINT(-180.001 30.7)",
        "SRID=4490;POINT(121 90.001)",
        "SRID=4490;POINT(121 -90.001)",
        "SRID=4490;POINT(NaN 30.7)",
        "SRID=4490;POINT(121 NaN)",
        "SRID=4490;MULTIPOINT(0 0)",
    ),
    "GEOMETRY": (
        "SRID=4490;POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))",
        "SRID=4490;GEOMETRYCOLLECTION EMPTY",
        "SRID=3857;POINT(0 0)",
    ),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_broken_empty_and_foreign_geometry_is_refused(driver: psycopg.Connection[Any], layer: Layer) -> None:
    for shape in BAD_SHAPES[layer.geometry]:
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InvalidParameterValue)), driver.transaction():
            insert_row(driver, layer, COMMUNITY, shape, **example_values(layer))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_area_codes_of_a_row_fit_together(driver: psycopg.Connection[Any], layer: Layer) -> None:
    shape = example_shape(layer)
    for grid in ("330482002098001", "3304820020990011", "33048200209901", ""):
        with pytest.raises(psycopg.errors.CheckViolation, match="grid_in_community"), driver.transaction():
            insert_row(driver, layer, COMMUNITY, shape, **example_values(layer), grid=grid)
    for community in ("330482002098", "33048200209", "33048200209A", ""):
        with pytest.raises(psycopg.errors.IntegrityError), driver.transaction():
            insert_row(driver, layer, community, shape, **example_values(layer))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_code_is_one_row_and_no_row_changes_its_key(driver: psycopg.Connection[Any], layer: Layer) -> None:
    values = example_values(layer)
    insert_row(driver, layer, COMMUNITY, example_shape(layer), **values)
    with pytest.raises(psycopg.errors.UniqueViolation), driver.transaction():
        insert_row(driver, layer, COMMUNITY, example_shape(layer), **values)
    for change in ("id = gen_random_uuid()", "community = '330482002098'"):
        with pytest.raises(psycopg.errors.IntegrityError, match="never change"), driver.transaction():
            driver.execute(f"update gis.{layer.name} set {change}")


def test_every_column_and_table_says_what_it_is(driver: psycopg.Connection[Any]) -> None:
    silent = driver.execute(
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
        " where c.relnamespace = 'gis'::regnamespace and c.relkind = 'r' and c.relname <> 'migration'"
        " and not a.attisdropped and (col_description(c.oid, a.attnum) is null or obj_description(c.oid) is null)"
    ).fetchall()
    assert silent == []
    for layer in LAYERS.values():
        assert tables_of(layer).current.name == layer.name
