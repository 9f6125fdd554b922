"""``grid`` is true to the geometry, whoever writes what: the governance grid that covers a point on the feature."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from gis_service.database import Database
from gis_service.features.write import put_features
from gis_service.local_cluster import LocalCluster
from gis_service.scope import Scope
from layers.layer import Layer
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record, example_shape, example_values, insert_row

WEST, SOUTH, SIZE = 120.99, 30.69, 0.02
OTHERS = [layer for name, layer in LAYERS.items() if name not in {"grid", "community"}]


@pytest.fixture(scope="module")
def driver(cluster: LocalCluster, database_name: str, area: str) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection, each statement its own transaction, with six governance grids and two others."""
    url = cluster.url("gis_owner", database_name).replace("+psycopg", "", 1)
    with psycopg.connect(url, autocommit=True) as found:
        found.execute("select setseed(0.5)")
        for number, cell in enumerate(cells(), start=1):
            values = example_values(LAYERS["grid"], code=f"{area}{number:03d}", level="governance")
            insert_row(found, LAYERS["grid"], area, cell, **values)
        for number, level in ((101, "micro"), (102, "unit")):
            values = example_values(LAYERS["grid"], code=f"{area}{number:03d}", level=level)
            insert_row(found, LAYERS["grid"], area, shapely.box(WEST, SOUTH, WEST + SIZE, SOUTH + SIZE), **values)
        yield found


def cells() -> list[BaseGeometry]:
    """Return six slanting cells that tile the middle of the community and leave its rim out."""
    xs, ys = (WEST + SIZE * part for part in (0.1, 0.35, 0.65, 0.9)), (SOUTH + SIZE * part for part in (0.1, 0.5, 0.9))
    columns, rows = list(xs), list(ys)
    boxes = [shapely.box(columns[i], rows[j], columns[i + 1], rows[j + 1]) for i in range(3) for j in range(2)]
    return [affinity.skew(box, 8, 0, origin=(WEST, SOUTH)) for box in boxes]


def anywhere(layer: Layer, chance: random.Random) -> BaseGeometry:
    """Return a random point, line or area of a layer, some of them outside of all grids."""
    x, y = WEST + SIZE * chance.random(), SOUTH + SIZE * chance.random()
    corners = [(x + chance.uniform(-1, 1) * 3e-3, y + chance.uniform(-1, 1) * 3e-3) for _ in range(5)]
    if layer.geometry == "POINT":
        return shapely.Point(x, y)
    if layer.geometry == "MULTILINESTRING":
        return shapely.LineString(corners)
    area = shapely.MultiPoint(corners).convex_hull
    return (
        chance.choice([shapely.Point(x, y), shapely.LineString(corners), area])
        if layer.geometry == "GEOMETRY"
        else area
    )


def assert_true(driver: psycopg.Connection[Any], layer: Layer, least: int = 1) -> None:
    """Compare every row's grid with what shapely finds for PostGIS's own point on the surface."""
    grids = {
        code: shapely.from_wkb(bytes(shape))
        for code, shape in driver.execute("select code, st_asbinary(geom) from gis.grid where level = 'governance'")
    }
    rows = driver.execute(f"select grid, st_asbinary(st_pointonsurface(geom)) from gis.{layer.name}").fetchall()
    found = set()
    for grid, point in rows:
        at = shapely.from_wkb(bytes(point))
        covering = sorted(code for code, cell in grids.items() if cell.covers(at))
        assert grid == (covering[0] if covering else None)
        found.add(grid)
    assert len(found) >= least


@pytest.mark.parametrize("layer", OTHERS, ids=lambda layer: layer.name)
def test_random_features_are_placed_as_shapely_does(driver: psycopg.Connection[Any], area: str, layer: Layer) -> None:
    chance = random.Random(layer.name)
    for _ in range(60):
        grid = chance.choice([None, f"{area}{chance.randint(1, 6):03d}", f"{area}999"])
        insert_row(driver, layer, area, anywhere(layer, chance), **example_values(layer), grid=grid)
    assert_true(driver, layer, least=4)
    driver.execute(f"update gis.{layer.name} set geom = st_translate(geom, 0.004, 0.003) where random() < 0.5")
    assert_true(driver, layer, least=4)
    driver.execute(f"update gis.{layer.name} set grid = %s where random() < 0.5", [f"{area}003"])
    assert_true(driver, layer, least=4)
    driver.execute(f"update gis.{layer.name} set grid = null")
    assert_true(driver, layer, least=4)


def test_the_services_own_door_places_too(database: Database, driver: psycopg.Connection[Any], staff: Scope,
                                          area: str) -> None:  # fmt: skip
    layer, chance = LAYERS["rental_unit"], random.Random(1)
    with database.write(staff) as conn:
        put_features(conn, layer, area, [(example_record(layer), anywhere(layer, chance)) for _ in range(50)])
    assert_true(driver, layer, least=4)


def test_redrawn_grids_place_everything_anew(driver: psycopg.Connection[Any], area: str) -> None:
    def check(least: int) -> None:
        for layer in OTHERS:
            assert_true(driver, layer, least)

    first, second = f"{area}001", f"{area}002"
    driver.execute("update gis.grid set geom = st_translate(geom, 0.002, -0.001) where level = 'governance'")
    check(3)
    driver.execute(
        "update gis.grid set geom = st_multi(st_scale(geom, 'POINT(0.9999 0.9999)')) where code = %s", [first]
    )
    check(3)
    driver.execute("update gis.grid set code = %s where code = %s", [f"{area}021", second])
    check(3)
    driver.execute("update gis.grid set level = 'micro' where code = %s", [f"{area}021"])
    check(3)
    driver.execute("update gis.grid set level = 'governance' where code = %s", [f"{area}021"])
    driver.execute("delete from gis.grid where code = %s", [f"{area}003"])
    check(3)
    with driver.transaction():
        driver.execute("delete from gis.grid where level = 'governance'")
        for number, cell in enumerate(reversed(cells()), start=1):
            values = example_values(LAYERS["grid"], code=f"{area}{number:03d}", level="governance")
            insert_row(driver, LAYERS["grid"], area, cell, **values)
    check(3)


def test_grids_that_stay_as_they_are_touch_nothing(driver: psycopg.Connection[Any]) -> None:
    count = "select count(*) from gis.rental_unit_history"
    before = driver.execute(count).fetchone()
    driver.execute("update gis.grid set name = '改名', household_count = 3")
    driver.execute("update gis.grid set geom = st_reverse(geom)")
    assert driver.execute(count).fetchone() == before


def test_grids_of_one_community_leave_another_alone(driver: psycopg.Connection[Any]) -> None:
    other, layer = "330482002098", LAYERS["facility"]
    driver.execute("insert into gis.area (code, name, metric_srid) values (%s, '邻社区', 4549)", [other])
    inside = example_shape(layer, WEST + SIZE / 2, SOUTH + SIZE / 2)
    identifier = insert_row(driver, layer, other, inside, **example_values(layer))
    query = "select grid from gis.facility where id = %s"
    assert driver.execute(query, [identifier]).fetchone() == (None,)
    values = example_values(LAYERS["grid"], code=f"{other}001", level="governance")
    insert_row(driver, LAYERS["grid"], other, shapely.box(WEST, SOUTH, WEST + SIZE, SOUTH + SIZE), **values)
    assert driver.execute(query, [identifier]).fetchone() == (f"{other}001",)
    wrong = driver.execute("select count(*) from gis.facility where left(grid, 12) <> community").fetchone()
    assert wrong == (0,)
