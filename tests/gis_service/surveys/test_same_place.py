"""Rows without codes find the stored features that they are, as shapely says, each once, and again the next time."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import Area, read_area
from gis_service.database import Database
from gis_service.features.staging import Staging
from gis_service.features.write import encode_geometry, put_features
from gis_service.scope import Scope
from gis_service.surveys.columns.rows import code_from_geometry
from gis_service.surveys.places.same_place import LEAST_IOU, LEAST_OVERLAP, Matched, match_by_place
from layers.layer import Layer
from layers.registry import LAYERS
from tests.gis_service.example_rows import example_record

BUILDING, FACILITY, ROAD, PARKING = (LAYERS[name] for name in ("building", "facility", "road", "parking"))
X0, Y0 = 404_000.0, 3_398_000.0
TO_DEGREES = Transformer.from_crs(4549, 4490, always_xy=True)
"""Metres of the area's own system to degrees; the test's figures are in metres from a corner."""


@pytest.fixture
def conn(database: Database, staff: Scope, area: str) -> Iterator[Connection]:
    """A transaction with the community registered, taken back at the end."""
    assert area
    with database.write(staff, str(uuid.UUID(int=1))) as found:
        yield found
        found.rollback()


@pytest.fixture
def town(conn: Connection, area: str) -> Area:
    """The community."""
    found = read_area(conn, area)
    assert found.metric_srid == 4549
    return found


def in_degrees(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: np.column_stack(TO_DEGREES.transform(xy[:, 0] + X0, xy[:, 1] + Y0)))


def store(conn: Connection, layer: Layer, town: Area, shapes: Sequence[BaseGeometry], **each: Sequence[Any]) -> None:
    rows = [
        (example_record(layer, code=f"K{at}", **{name: values[at] for name, values in each.items()}), in_degrees(shape))
        for at, shape in enumerate(shapes)
    ]
    put_features(conn, layer, town.code, rows)


def match(
    conn: Connection, layer: Layer, town: Area, shapes: Sequence[BaseGeometry], *, write: bool = False,
    **each: Sequence[Any],
) -> dict[int, str]:  # fmt: skip
    """Stage shapes as a file without codes does; return the code that each matched row got."""
    required = [field for field in layer.fields if field.required and field.name not in {"code", *each}]
    names = ["code", *each, *(field.name for field in required)]
    staging = Staging(layer, town.code, tuple(layer.field(name) for name in names))
    staging.create(conn)
    rest = [getattr(example_record(layer), field.name) for field in required]
    rows = []
    for at, shape in enumerate(shapes):
        geometry = encode_geometry(in_degrees(shape), layer)
        rows.append((at, [code_from_geometry(geometry), *(each[name][at] for name in each), *rest], geometry))
    staging.fill(conn, rows)
    found = match_by_place(conn, staging, town)
    codes = {row.row: row.code for row in conn.execute(text("select row, code from pg_temp.staged"))}
    assert len(set(codes.values())) == len(codes)
    assert all(codes[one.row] == one.code for one in found)
    assert {row for row, code in codes.items() if not code.startswith("g")} == {one.row for one in found}
    staging.compare(conn)
    if write:
        staging.merge(conn)
    return {one.row: one.code for one in found}


def best_of_each(scores: np.ndarray[Any, Any], least: float) -> dict[int, str]:
    """Return the pairs that are each other's only best, by brute force; rows first, then features."""
    found = {}
    for row in range(scores.shape[0]):
        feature = int(scores[row].argmax())
        top = scores[row, feature]
        if top >= least and (scores[row] == top).sum() == 1 and (scores[:, feature] >= top).sum() == 1:
            found[row] = f"K{feature}"
    return found


def blobs(chance: random.Random, count: int) -> list[BaseGeometry]:
    return [
        shapely.Point(chance.uniform(0, 150), chance.uniform(0, 150)).buffer(chance.uniform(4, 14), quad_segs=3)
        for _ in range(count)
    ]


def moved(shapes: Sequence[BaseGeometry], chance: random.Random, by: float) -> list[BaseGeometry]:
    order = list(shapes)
    chance.shuffle(order)
    return [shapely.affinity.translate(shape, chance.gauss(0, by), chance.gauss(0, by)) for shape in order]


@pytest.mark.parametrize("seed", range(3))
def test_areas_as_shapely_says(conn: Connection, town: Area, seed: int) -> None:
    chance = random.Random(seed)
    stored = blobs(chance, 80)
    asked = moved(stored[10:], chance, 2.0) + blobs(chance, 30)
    store(conn, BUILDING, town, stored)
    ours, theirs = np.array(asked), np.array(stored)
    shared = shapely.area(shapely.intersection(ours[:, None], theirs[None, :]))
    scores = shared / (shapely.area(ours)[:, None] + shapely.area(theirs)[None, :] - shared)
    expected = best_of_each(scores, LEAST_IOU)
    assert len(expected) > 30
    assert match(conn, BUILDING, town, asked, write=True) == expected
    # The same file again: what was found is found, the others have their codes.
    assert match(conn, BUILDING, town, asked) == expected
    assert conn.execute(text("select count(*) from proposed where added or moved or changed")).scalar() == 0


@pytest.mark.parametrize("seed", range(3))
def test_lines_as_shapely_says(conn: Connection, town: Area, seed: int) -> None:
    chance = random.Random(seed)

    def line() -> BaseGeometry:
        x, y = chance.uniform(0, 300), chance.uniform(0, 300)
        return shapely.LineString([(x, y), (x + chance.uniform(20, 60), y + chance.uniform(-40, 40)), (x + 80, y)])

    stored = [line() for _ in range(40)]
    asked = moved(stored[5:], chance, 1.0) + [line() for _ in range(20)]
    asked[0] = shapely.ops.substring(asked[0], 0, 0.6, normalized=True)
    store(conn, ROAD, town, stored)
    scores = np.array(
        [
            [
                min(
                    one.intersection(other.buffer(2.0, quad_segs=8)).length / one.length,
                    other.intersection(one.buffer(2.0, quad_segs=8)).length / other.length,
                )
                for other in stored
            ]
            for one in asked
        ]
    )
    expected = best_of_each(scores, LEAST_OVERLAP)
    assert len(expected) > 15
    assert 0 not in expected
    assert match(conn, ROAD, town, asked, write=True) == expected
    assert match(conn, ROAD, town, asked) == expected


@pytest.mark.parametrize("seed", range(3))
def test_points_as_shapely_says(conn: Connection, town: Area, seed: int) -> None:
    chance = random.Random(seed)
    stored: list[BaseGeometry] = [shapely.Point(chance.uniform(0, 120), chance.uniform(0, 120)) for _ in range(120)]
    asked = moved(stored[20:], chance, 1.0) + [
        shapely.Point(chance.uniform(0, 120), chance.uniform(0, 120)) for _ in range(20)
    ]
    store(conn, FACILITY, town, stored)
    ours, theirs = np.array(asked), np.array(stored)
    near = shapely.distance(ours[:, None], theirs[None, :]) <= 3
    crowded_rows = (shapely.distance(ours[:, None], ours[None, :]) <= 3).sum(axis=1) > 1
    crowded_features = (shapely.distance(theirs[:, None], theirs[None, :]) <= 3).sum(axis=1) > 1
    expected = {
        int(row): f"K{feature}"
        for row, feature in zip(*np.nonzero(near), strict=True)
        if near[row].sum() == near[:, feature].sum() == 1 and not crowded_rows[row] and not crowded_features[feature]
    }
    assert len(expected) > 15
    assert match(conn, FACILITY, town, asked, write=True) == expected
    assert match(conn, FACILITY, town, asked) == expected


def test_each_kind_of_geometry_with_its_own(conn: Connection, town: Area) -> None:
    square, lane, spot = shapely.box(0, 0, 10, 10), shapely.LineString([(50, 0), (90, 0)]), shapely.Point(200, 5)
    store(conn, PARKING, town, [square, lane, spot, shapely.Point(5, 5)])
    assert match(conn, PARKING, town, [spot, square, lane]) == {0: "K2", 1: "K0", 2: "K1"}


def test_an_address_goes_before_the_place(conn: Connection, town: Area) -> None:
    squares = [shapely.box(30 * at, 0, 30 * at + 10, 10) for at in (0, 1, 2, 3, 4, 40)]
    store(
        conn, BUILDING, town, squares,
        address=["新群小区1幢", "新群小区2幢", "新群小区3幢", "新群小区3幢", None, None],
    )  # fmt: skip
    far = shapely.box(900, 0, 910, 10)
    asked = [squares[1], far, squares[2], squares[4], shapely.box(31, 40, 41, 50)]
    spelled = ["平湖市新群小区一栋", "新群2幢", "新群小区3#", None, "新群12幢"]
    # 1幢 was surveyed anew where 2幢 stood; 2幢 is too far away, 3幢 stands there twice.
    expected = {0: "K0", 2: "K2", 3: "K4"}
    assert match(conn, BUILDING, town, asked, write=True, address=spelled) == expected
    assert match(conn, BUILDING, town, asked, address=spelled) == expected


def test_at_one_address_the_name_tells_which_thing(conn: Connection, town: Area) -> None:
    spots = [shapely.Point(30 * at, 0) for at in range(3)]
    store(conn, FACILITY, town, spots, address=["新群小区1幢"] * 3, name=["消火栓", "充电点", None])
    asked = [shapely.Point(30 * at + 10, 0) for at in range(3)]
    names = ["充电点", "微型消防站", None]
    assert match(conn, FACILITY, town, asked, address=["新群1栋"] * 3, name=names) == {0: "K1"}


def test_features_of_other_communities_and_codes_in_the_file_are_left_alone(conn: Connection, town: Area) -> None:
    store(conn, BUILDING, town, [shapely.box(0, 0, 10, 10), shapely.box(30, 0, 40, 10)])
    other = in_degrees(shapely.box(60, 0, 70, 10))
    conn.execute(text("insert into gis.area (code, name, metric_srid) values ('330482002011', '别的社区', 4549)"))
    put_features(conn, BUILDING, "330482002011", [(example_record(BUILDING, code="OTHER"), other)])
    staging = Staging(BUILDING, town.code, (BUILDING.field("code"),))
    staging.create(conn)
    shapes = [shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 9), shapely.box(60, 0, 70, 9), shapely.box(30, 0, 40, 9)]
    codes = ["K0", "g1", "g2", "g3"]
    rows = [(at, [codes[at]], encode_geometry(in_degrees(shape), BUILDING)) for at, shape in enumerate(shapes)]
    staging.fill(conn, rows)
    (found,) = match_by_place(conn, staging, town)
    assert found == Matched(3, "K1", "area", found.score)
    assert found.score == pytest.approx(0.9, abs=1e-3)
    assert list(conn.execute(text("select code from staged order by row")).scalars()) == ["K0", "g1", "g2", "K1"]


@pytest.mark.long
@pytest.mark.parametrize("layer", [BUILDING, FACILITY], ids=lambda layer: layer.name)
@pytest.mark.parametrize("stored", [0, 50_000])
def test_a_million_rows_without_a_match(conn: Connection, town: Area, layer: Layer, stored: int) -> None:
    """Stored features stand between the rows, which are a metre or more away from all of them."""
    staging = Staging(layer, town.code, (layer.field("code"), layer.field("address")))
    staging.create(conn)
    step, side = 0.00008, 0.00002 if layer is BUILDING else 0.0
    shape = f"st_translate(st_makeenvelope(0, 0, {side}, {side}, 4490), x, y)"
    shape = f"st_multi({shape})" if side else "st_setsrid(st_makepoint(x, y), 4490)"
    places = (
        "(select n, 120.9 + n % 1000 * {step} + {off} as x, 30.6 + n / 1000 * {step} as y"
        " from generate_series(0, {last}) n) p"
    )
    rows = places.format(step=step, off=0, last=999_999)
    conn.execute(text(f"insert into staged select n, 'g' || n, '新群小区' || n || '幢', {shape} from {rows}"))
    if stored:
        kept = {"code": "'K' || n", "address": "'东湖小区' || n || '幢'", "source": "'synthetic'"}
        kept |= {name: f"'{value}'" for name, value in example_record(layer) if value and name in {
            "data_status", "use", "permit_status", "kind", "status"}}  # fmt: skip
        features = places.format(step=step, off=step / 2, last=stored * 20 - 1)
        conn.execute(
            text(
                f"insert into gis.{layer.name} (community, {', '.join(kept)}, geom)"
                f" select :c, {', '.join(kept.values())}, {shape} from {features} where n % 20 = 0"
            ),
            {"c": town.code},
        )
    begun = time.perf_counter()
    assert match_by_place(conn, staging, town) == []
    took = time.perf_counter() - begun
    assert took < (120 if stored else 10), took
