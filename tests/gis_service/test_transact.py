"""Writing one feature: scopes, grids, versions and conditions below HTTP, and hostile documents above the database."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping
from sqlalchemy import Engine, text

from gis_service.database import Database, open_engine
from gis_service.errors import ConflictError, InputError, NotFoundError, UnavailableError
from gis_service.features.allowed import community_for, methods_of_feature, methods_of_layer
from gis_service.features.received import Changes, Received, read_changes, read_feature_sent, read_json
from gis_service.features.stamps import Stamp, read_stamp, stamp_of
from gis_service.features.transact import (
    ConditionFailedError,
    ConditionNeededError,
    Conditions,
    OutsideScopeError,
    create_feature,
    remove_feature,
    replace_feature,
    update_feature,
)
from gis_service.features.write import encode_geometry, put_features
from gis_service.local_cluster import LocalCluster
from gis_service.reference_systems import CRS84, reference_system
from gis_service.scope import Grant, Scope
from layers.layer import Layer
from layers.registry import LAYERS
from tests.asking import Asking
from tests.gis_service.example_rows import example_record, example_values

BINS, UNITS, PARKING = LAYERS["waste_point"], LAYERS["rental_unit"], LAYERS["parking"]
ANY = Conditions()
WEST, EAST = shapely.Point(120.995, 30.7), shapely.Point(121.005, 30.7)


@pytest.fixture(scope="module")
def halves(database: Database, staff: Scope, area: str) -> tuple[str, str]:
    """Two grids, the west and the east of the test community."""
    layer, codes = LAYERS["grid"], (f"{area}001", f"{area}002")
    boxes = (shapely.box(120.99, 30.69, 121.0, 30.71), shapely.box(121, 30.69, 121.01, 30.71))
    rows = [(example_record(layer, code=code, level="governance"), box) for code, box in zip(codes, boxes, strict=True)]
    with database.write(staff) as conn:
        put_features(conn, layer, area, rows)
    return codes


def sent(layer: Layer, shape: Any, **given: Any) -> Received:
    document = {"type": "Feature", "properties": example_values(layer, **given), "geometry": mapping(shape)}
    return read_feature_sent(layer, read_json(json.dumps(document).encode()), CRS84)


def add(database: Database, scope: Scope, area: str, layer: Layer, shape: Any, **given: Any) -> Stamp:
    with database.write(scope) as conn:
        return create_feature(conn, layer, area, sent(layer, shape, **given), ANY)


def history(database: Database, scope: Scope, layer: Layer, stamp: Stamp) -> list[tuple[str, int, str]]:
    with database.read(scope) as conn:
        query = f"select operation, version, grid from gis.{layer.name}_history where id = :id order by version"
        return [(row[0], row[1], row[2]) for row in conn.execute(text(query), {"id": stamp.id})]


def test_a_stamp_is_known_by_its_tags() -> None:
    stamp = Stamp("330482002099", uuid.UUID(int=7), 3, datetime(2026, 11, 23, tzinfo=UTC))
    tag = stamp.tag("here", "CRS84")
    assert tag != stamp.tag("here", "4549") != stamp.tag("there", "4549")
    word = tag.strip('"')
    for known in (tag, f'"x",{tag}', f" {stamp.tag('there')} ", "*", f'"{word}-gzip"'):
        assert stamp.named_in(known), known
    for unknown in (
        "",
        '""',
        word,
        f"W/{tag}",
        f'"{word}',
        '"3"',
        '"3-"',
        tag.replace("3-", "4-", 1),
        "**",
        '"*"',
        ",",
    ):
        assert not stamp.named_in(unknown), unknown
    assert stamp.named_in(f'"x", W/{tag}', weak=True)
    others = [
        Stamp("330482002098", stamp.id, 3, stamp.recorded_at),
        Stamp(stamp.community, uuid.UUID(int=8), 3, stamp.recorded_at),
        Stamp(stamp.community, stamp.id, 4, stamp.recorded_at),
        Stamp(stamp.community, stamp.id, 3, datetime(2026, 11, 24, tzinfo=UTC)),
    ]
    assert not any(other.named_in(tag) for other in others)


def test_a_new_feature_belongs_to_a_community_of_the_scope() -> None:
    def scope(*areas: str) -> Scope:
        return Scope("someone", "staff", areas)

    grid = "330482002099001"
    assert community_for(scope("330482002099"), None, None) == "330482002099"
    assert community_for(scope(grid, "330482002099002"), None) == "330482002099"
    assert community_for(scope("330482002"), "330482002099", "330482002099") == "330482002099"
    for areas in ((), ("330482002",), ("330482002099", "330482002011")):
        with pytest.raises(InputError, match="请指明社区"):
            community_for(scope(*areas), None)
    with pytest.raises(InputError, match="不同"):
        community_for(scope("330482"), "330482002099", "330482002011")
    with pytest.raises(InputError, match="12 位"):
        community_for(scope("330482"), grid)
    with pytest.raises(NotFoundError):
        community_for(scope(grid), "330482002011")


def test_methods_follow_the_scope() -> None:
    community = ("330482002099",)
    whole, nobody, leader = Scope("a", "staff", community), Scope("a", "staff", ()), Scope("a", "leader", community)
    grid, looking = Scope("a", "grid_worker", ("330482002099001",)), replace(whole, grant=Grant("", read_only=True))
    for layer in LAYERS.values():
        ours = layer.name not in {"community", "grid"}
        assert ("POST" in methods_of_layer(layer, whole)) is (layer.name != "community")
        assert ("POST" in methods_of_layer(layer, grid)) is ("DELETE" in methods_of_feature(layer, grid)) is ours
        assert ("PATCH" in methods_of_feature(layer, grid)) is ours
        for scope in (nobody, leader, looking):
            assert methods_of_layer(layer, scope) == methods_of_feature(layer, scope) == ("GET", "HEAD", "OPTIONS")


def test_a_write_is_one_version_with_its_grid(
    database: Database, ask: Asking, staff: Scope, area: str, halves: tuple[str, str]
) -> None:
    stamp = add(database, staff, area, UNITS, WEST)
    assert stamp.version == 1
    assert history(database, staff, UNITS, stamp) == [("insert", 1, halves[0])]
    with database.write(staff) as conn:
        moved = Changes({}, encode_geometry(EAST, UNITS))
        second = update_feature(conn, UNITS, staff, stamp.identifier, moved, Conditions(match=stamp.tag("x")))
    with database.write(staff) as conn:
        third = replace_feature(conn, UNITS, staff, stamp.identifier, sent(UNITS, WEST), ANY)
    with database.write(staff) as conn:
        # Nothing is asked, so nothing is written.
        assert update_feature(conn, UNITS, staff, stamp.identifier, Changes({}, None), ANY) == third
    assert (second.version, third.version) == (2, 3)
    (rows,) = ask(staff, stamp_of(UNITS, staff, stamp.identifier))
    assert read_stamp(UNITS, stamp.identifier, rows) == third
    with database.write(staff) as conn:
        remove_feature(conn, UNITS, staff, stamp.identifier, Conditions(match=third.tag("x")))
    grids = [halves[0], halves[1], halves[0], halves[0]]
    operations = ["insert", "update", "update", "delete"]
    assert history(database, staff, UNITS, stamp) == [
        (operation, number, grid) for number, (operation, grid) in enumerate(zip(operations, grids, strict=True), 1)
    ]
    (rows,) = ask(staff, stamp_of(UNITS, staff, stamp.identifier))
    with pytest.raises(NotFoundError):
        read_stamp(UNITS, stamp.identifier, rows)


@pytest.mark.parametrize("layer", [UNITS, BINS], ids=lambda layer: str(layer.name))
def test_a_grid_reaches_its_own_rows_only(
    database: Database, staff: Scope, area: str, halves: tuple[str, str], layer: Layer
) -> None:
    west = Scope("worker", "grid_worker", halves[:1])
    own, other = (add(database, staff, area, layer, shape) for shape in (WEST, EAST))
    hidden = NotFoundError if layer.visibility == "grid" else OutsideScopeError
    new = sent(layer, WEST)

    def refuses(error: type[Exception], stamp: Stamp, conditions: Conditions, moved: Any = None) -> None:
        shape = encode_geometry(moved, layer) if moved else None
        steps: list[Callable[..., object]] = [
            lambda conn: update_feature(conn, layer, west, stamp.identifier, Changes({}, shape), conditions),
        ]
        if moved is None:
            steps += [
                lambda conn: replace_feature(conn, layer, west, stamp.identifier, new, conditions),
                lambda conn: remove_feature(conn, layer, west, stamp.identifier, conditions),
            ]
        for step in steps:
            with pytest.raises(error), database.write(west) as conn:
                step(conn)

    refuses(hidden, other, ANY)
    refuses(hidden, other, Conditions(match="*"))
    refuses(ConditionNeededError, own, ANY)
    refuses(ConditionFailedError, own, Conditions(match='"1-0"'))
    refuses(ConditionFailedError, own, Conditions(match="*", none_match="*"))
    # Moved out of their grid it would be lost to them, and in a neighbour's hands without being given.
    refuses(OutsideScopeError, own, Conditions(match=own.tag()), EAST)
    with pytest.raises(OutsideScopeError):
        add(database, west, area, layer, EAST)
    assert add(database, west, area, layer, WEST).version == 1
    assert len(history(database, staff, layer, own)) == len(history(database, staff, layer, other)) == 1


def test_a_code_of_several_grids_names_none_of_them(
    database: Database, staff: Scope, area: str, halves: tuple[str, str]
) -> None:
    one, two = (add(database, staff, area, UNITS, shape, code="SAME") for shape in (WEST, EAST))
    with pytest.raises(ConflictError, match="几个网格"), database.write(staff) as conn:
        remove_feature(conn, UNITS, staff, f"{area}.SAME", ANY)
    west = Scope("worker", "staff", halves[:1])
    with database.write(west) as conn:
        changed = update_feature(conn, UNITS, west, f"{area}.SAME", Changes({"floor": 3}, None), ANY)
    assert (changed.id, changed.version) == (one.id, 2)
    with pytest.raises(ConflictError, match="占用"), database.write(staff) as conn:
        update_feature(conn, UNITS, staff, two.identifier, Changes({}, encode_geometry(WEST, UNITS)), ANY)


def test_a_code_that_looks_like_an_identifier_is_not_taken_for_one(database: Database, staff: Scope, area: str) -> None:
    stamp = add(database, staff, area, BINS, WEST)
    decoy = add(database, staff, area, BINS, WEST, code=str(stamp.id))
    with database.write(staff) as conn:
        remove_feature(conn, BINS, staff, stamp.identifier, ANY)
    assert [row[0] for row in history(database, staff, BINS, stamp)] == ["insert", "delete"]
    assert [row[0] for row in history(database, staff, BINS, decoy)] == ["insert"]
    capital = f"{area}.{str(decoy.id).upper()}"
    with database.write(staff) as conn:
        remove_feature(conn, BINS, staff, capital, ANY)
    assert [row[0] for row in history(database, staff, BINS, decoy)] == ["insert", "delete"]


def test_of_two_who_saw_one_version_one_writes(database: Database, staff: Scope, area: str) -> None:
    stamp = add(database, staff, area, BINS, WEST)
    known = Conditions(match=stamp.tag())
    locked = threading.Event()
    outcome: list[Stamp | ConditionFailedError] = []

    def second() -> None:
        locked.wait(timeout=20)
        try:
            with database.write(staff) as conn:
                outcome.append(update_feature(conn, BINS, staff, stamp.identifier, Changes({"bins": 2}, None), known))
        except ConditionFailedError as error:
            outcome.append(error)

    thread = threading.Thread(target=second)
    thread.start()
    with database.write(staff) as conn:
        update_feature(conn, BINS, staff, stamp.identifier, Changes({"bins": 1}, None), known)
        locked.set()
        # The other one waits for the row until this transaction ends.
        thread.join(timeout=0.5)
        assert thread.is_alive()
    thread.join(timeout=20)
    assert [type(found) for found in outcome] == [ConditionFailedError]
    with database.read(staff) as conn:
        assert conn.execute(text("select bins from gis.waste_point where id = :id"), {"id": stamp.id}).scalar() == 1


def test_a_row_that_someone_holds_is_said_to_be_busy(
    cluster: LocalCluster, database: Database, database_name: str, staff: Scope, area: str
) -> None:
    stamp = add(database, staff, area, BINS, WEST)

    def remove_impatiently() -> None:
        with database.write(staff) as conn:
            conn.execute(text("set local lock_timeout = 200"))
            remove_feature(conn, BINS, staff, stamp.identifier, ANY)

    holder: Engine = open_engine(cluster.url("postgres", database_name))
    with holder.begin() as held:
        held.execute(text("select from gis.waste_point where id = :id for update"), {"id": stamp.id})
        with pytest.raises(UnavailableError, match="有人正在改"):
            remove_impatiently()
    holder.dispose()


def test_what_the_declaration_forbids_the_database_refuses_too(database: Database, staff: Scope, area: str) -> None:
    good = sent(BINS, WEST)
    bad: list[tuple[dict[str, object], type[Exception], str]] = [
        ({"bins": -1}, ConflictError, "桶数"),
        ({"kind": "pink"}, ConflictError, "类型"),
        ({"bins": 2**40}, InputError, "范围"),
        ({"name": "a" * 300}, ConflictError, "名称"),
    ]
    for values, error, word in bad:
        received = Received({**good.values, **values}, good.geometry, None)
        with pytest.raises(error, match=word), database.write(staff) as conn:
            create_feature(conn, BINS, area, received, ANY)
    # A grid of another community's code would put this community's rows under it.
    grid = sent(LAYERS["grid"], shapely.box(120.99, 30.69, 121.01, 30.71), code="330482002011001", level="governance")
    add(database, staff, area, UNITS, shapely.Point(121.0, 30.7))
    with pytest.raises(ConflictError), database.write(staff) as conn:
        create_feature(conn, LAYERS["grid"], area, grid, ANY)
    with database.read(staff) as conn:
        assert conn.execute(text("select count(*) from gis.grid where code = '330482002011001'")).scalar() == 0


def test_what_came_back_rounded_has_not_moved(database: Database, staff: Scope, area: str) -> None:
    square = shapely.box(120.995, 30.695, 120.9951, 30.6951, ccw=False)
    third = shapely.transform(square, lambda points: points + 1e-9 / 3)
    holed = shapely.Polygon(third.exterior.coords, [shapely.box(120.99502, 30.69502, 120.99505, 30.69505).exterior])
    shapes = [
        shapely.MultiPolygon([holed]), shapely.MultiLineString([third.exterior.coords]), WEST,
        shapely.MultiPoint([WEST, EAST]), holed,
    ]  # fmt: skip
    for shape in shapes:
        stamp = add(database, staff, area, PARKING, shape)

        def put(changed: Any, stamp: Stamp = stamp) -> bytes:
            with database.write(staff) as conn:
                replace_feature(conn, PARKING, staff, stamp.identifier, sent(PARKING, changed), ANY)
                query = text("select st_asewkb(geom) from gis.parking where id = :id")
                return bytes(conn.execute(query, {"id": stamp.id}).scalar_one())

        before = encode_geometry(shape, PARKING)
        rounded = shapely.set_precision(shape, 0)
        rounded = shapely.orient_polygons(shapely.transform(rounded, lambda points: points.round(8)))
        assert put(rounded) == before
        # A step of the last decimal is a move.
        moved = shapely.transform(rounded, lambda points: points + 1e-8)
        assert put(moved) == encode_geometry(moved, PARKING)
        assert put(shape) == before
    # The same coordinates in another order of parts, or as another kind of geometry, are another geometry.
    line = shapely.MultiLineString([[(120.99, 30.7), (120.991, 30.7)], [(120.992, 30.7), (120.993, 30.7)]])
    stamp = add(database, staff, area, PARKING, line)
    joined = shapely.MultiLineString([shapely.get_coordinates(line)])
    for shape in (joined, shapely.MultiPoint(shapely.get_coordinates(line))):
        with database.write(staff) as conn:
            replace_feature(conn, PARKING, staff, stamp.identifier, sent(PARKING, shape), ANY)
            query = text("select st_asewkb(geom) from gis.parking where id = :id")
            assert bytes(conn.execute(query, {"id": stamp.id}).scalar_one()) == encode_geometry(shape, PARKING)


def test_many_vertices_are_refused() -> None:
    angles = np.linspace(0, 2 * np.pi, 100_001)[:-1]
    ring = shapely.Polygon(np.column_stack([121 + 0.001 * np.cos(angles), 30.7 + 0.001 * np.sin(angles)]))
    document = {"type": "Feature", "properties": example_values(PARKING), "geometry": mapping(ring)}
    with pytest.raises(InputError, match="顶点太多"):
        read_feature_sent(PARKING, document, CRS84)


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8) | st.dates().map(str) | st.sampled_from(["Point", "Polygon", "Feature", "大件垃圾", "other"])
)  # fmt: skip
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([*(field.name for field in BINS.all_fields), "id", "community", "grid", "geom", "垃圾"])
geometries = anything | st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Point", "MultiPoint", "LineString", "Polygon", "MultiPolygon", "GeometryCollection"]),
        "coordinates": st.recursive(
            st.floats(allow_nan=False, allow_infinity=False) | leaves, lambda inner: st.lists(inner, max_size=4)
        ),
    }
)


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "type": st.just("Feature"),
            "properties": st.dictionaries(names, anything, max_size=6),
            "geometry": geometries,
        },
        optional={"id": anything, "place": geometries, "coordRefSys": anything},
    ),
    st.sampled_from(["EPSG:4326", "EPSG:4490", "EPSG:4549", "EPSG:3857"]),
    st.booleans(),
)
def test_any_document_is_taken_or_refused_with_a_sentence(document: dict[str, Any], crs: str, whole: bool) -> None:
    system = reference_system(crs)
    whole_properties = {**example_values(BINS), **document["properties"]}
    said: list[str] = []
    for filled in (document, {**document, "properties": whole_properties}):
        # Integers beyond 64 bits come out of our parser as floats.
        read = read_json(json.dumps(filled).encode())
        for reading in (
            lambda read=read: read_feature_sent(BINS, read, system),
            lambda read=read: read_changes(BINS, read, system, whole=whole),
        ):
            try:
                reading()
            except InputError as error:
                said.append(str(error))
    assert all(sentence.endswith("。") and len(sentence) < 1000 for sentence in said)
