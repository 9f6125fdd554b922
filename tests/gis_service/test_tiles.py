"""Vector tiles, decoded by a reader of our own: what is drawn is what is stored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from sqlalchemy import text

from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.features.question import Question
from gis_service.features.tiles import BUFFER, EXTENT, STRAIGHT_FROM, check_tile
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.asking import Asking, tile

WORLD_M = 2 * math.pi * 6378137.0


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (number, value) of a protobuf message: bytes for what has a length, whole numbers otherwise."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
            yield key >> 3, value
        else:
            size, at = {1: (8, at), 5: (4, at)}.get(key & 7) or varint(data, at)
            yield key >> 3, data[at : at + size]
            at += size


def packed(data: bytes) -> list[int]:
    at, found = 0, []
    while at < len(data):
        value, at = varint(data, at)
        found.append(value)
    return found


def decode(tile: bytes) -> dict[str, list[dict[str, str]]]:
    """Return the text properties of every feature by layer, with the first point's place as ``x`` and ``y``."""
    layers = {}
    for _, layer in fields(tile):
        parts = list(fields(layer))
        keys = [value.decode() for number, value in parts if number == 3]
        values = [next((v.decode() for n, v in fields(value) if n == 1), "") for number, value in parts if number == 4]
        features = []
        for feature in (dict(fields(value)) for number, value in parts if number == 2):
            tags, geometry = packed(feature[2]), packed(feature[4])
            said = {keys[tags[i]]: values[tags[i + 1]] for i in range(0, len(tags), 2)}
            x, y = ((value >> 1) ^ -(value & 1) for value in geometry[1:3])
            features.append({**said, "x": str(x), "y": str(y)})
        layers[next(value.decode() for number, value in parts if number == 1)] = features
    return layers


def box_of(zoom: int, row: int, column: int, margin: float) -> shapely.Polygon:
    """Return a tile in metres of EPSG:3857, wider by a share of its side."""
    side = WORLD_M / 2**zoom
    west, north = column * side - WORLD_M / 2, WORLD_M / 2 - row * side
    return shapely.box(
        west - margin * side, north - side - margin * side, west + side + margin * side, north + margin * side
    )


@pytest.fixture(scope="module")
def mercator(sample: Database, staff: Scope) -> dict[str, dict[str, Any]]:
    """Every feature of the sample: layer to code to geometry in EPSG:3857, transformed by pyproj."""
    to_plane = Transformer.from_crs("EPSG:4490", "EPSG:3857", always_xy=True)
    found = {}
    with sample.read(staff) as conn:
        for name in LAYERS:
            rows = conn.execute(text(f"select code, st_asbinary(geom) from gis.{name}")).all()
            shapes = shapely.from_wkb([bytes(shape) for _, shape in rows])
            moved = shapely.transform(shapes, lambda p: np.column_stack(to_plane.transform(p[:, 0], p[:, 1])))
            found[name] = dict(zip((code for code, _ in rows), moved, strict=True))
    return found


def tiles(shapes: list[Any], zoom: int) -> list[tuple[int, int]]:
    """Return (row, column) of the tiles that a layer's extent covers, a dozen at most."""
    west, south, east, north = shapely.total_bounds(shapes)
    side = WORLD_M / 2**zoom
    columns = range(int((west + WORLD_M / 2) // side), int((east + WORLD_M / 2) // side) + 1)
    rows = range(int((WORLD_M / 2 - north) // side), int((WORLD_M / 2 - south) // side) + 1)
    every = [(row, column) for row in rows for column in columns]
    return every[:: max(1, len(every) // 10)]


@pytest.mark.parametrize("name", LAYERS)
def test_a_tile_holds_what_lies_in_it(
    ask_sample: Asking, staff: Scope, mercator: dict[str, dict[str, Any]], name: str
) -> None:
    layer, shapes = LAYERS[name], mercator[name]
    held = 0
    for zoom in (14, 17):
        unit = WORLD_M / 2**zoom / EXTENT
        for row, column in tiles(list(shapes.values()), zoom):
            found = decode(tile(ask_sample, layer, staff, zoom=zoom, row=row, column=column))
            assert set(found) <= {name}
            codes = [feature["code"] for feature in found.get(name, [])]
            assert len(codes) == len(set(codes))
            wide = box_of(zoom, row, column, BUFFER / EXTENT)
            touched = {code for code, at in shapes.items() if at.intersects(wide.buffer(unit))}
            # What is cut down to less than a cell of the tile's own grid isn't drawn.
            drawn = {code for code, at in shapes.items() if at.intersects(wide.buffer(-2 * unit))}
            small = {code for code in drawn if shapes[code].geom_type != "Point" and shapes[code].length < 12 * unit}
            assert set(codes) <= touched
            assert drawn - small - set(codes) == set()
            held += len(codes)
    assert held >= 1


@pytest.mark.parametrize("zoom", [12, STRAIGHT_FROM - 1, STRAIGHT_FROM, 16, 19])
def test_points_stand_where_they_lie(
    ask_sample: Asking, staff: Scope, mercator: dict[str, dict[str, Any]], zoom: int
) -> None:
    points = mercator["rental_unit"]
    side = WORLD_M / 2**zoom
    # Half a unit is lost by rounding; what is drawn from degrees bends by a little between a tile's edges.
    bend = 4096 * 2 * math.pi * math.tan(math.radians(30.75)) / 8 / 2**zoom if zoom >= STRAIGHT_FROM else 0.0
    assert bend < 0.13
    checked = 0
    for row, column in tiles(list(points.values()), zoom):
        west, south, east, north = box_of(zoom, row, column, 0).bounds
        found = decode(tile(ask_sample, LAYERS["rental_unit"], staff, zoom=zoom, row=row, column=column))
        for feature in found.get("rental_unit", []):
            at = points[feature["code"]]
            assert int(feature["x"]) == pytest.approx((at.x - west) / side * EXTENT, abs=0.501)
            assert int(feature["y"]) == pytest.approx((north - at.y) / side * EXTENT, abs=0.501 + bend)
            assert east > west
            assert north > south
            assert feature["id"].startswith(COMMUNITY + ".")
            checked += 1
    assert checked > (100 if zoom < 18 else 0)


def test_a_tile_obeys_scope_and_question(ask_sample: Asking, staff: Scope, mercator: dict[str, dict[str, Any]]) -> None:
    layer = LAYERS["rental_unit"]
    place = {"zoom": 13, "row": 3361, "column": 6849}
    shapes = list(mercator["rental_unit"].values())
    place["row"], place["column"] = tiles(shapes, 13)[0]
    grid = Scope("worker", "worker", (COMMUNITY + "001",))
    seen = decode(tile(ask_sample, layer, grid, Question(), **place))
    assert {feature["grid"] for feature in seen.get("rental_unit", [])} <= {COMMUNITY + "001"}
    assert tile(ask_sample, layer, Scope("x", "none", ()), Question(), **place) == b""
    let = decode(tile(ask_sample, layer, staff, Question(equals={"rent_status": "let"}), **place))
    assert {feature["rent_status"] for feature in let["rental_unit"]} == {"let"}
    for wrong in ((23, 0, 0), (-1, 0, 0), (3, 8, 0), (3, 0, -1)):
        with pytest.raises(InputError, match="瓦片"):
            check_tile(*wrong)
    assert tile(ask_sample, layer, staff, zoom=3, row=0, column=0) == b""
