"""Boxes at their edges: PostGIS compares boxes in single precision, answers must not."""

from __future__ import annotations

import random

import pytest
import shapely
from sqlalchemy import text

from gis_service.database import Database
from gis_service.features.question import Bbox, Question
from gis_service.features.write import put_features
from gis_service.scope import Scope
from layers.registry import LAYERS
from tests.asking import Asking, features_of, page
from tests.gis_service.example_rows import example_record

LAYER = LAYERS["parking"]
BESIDE = (1e-8, 1e-7, 1e-6, 4e-6, 7.6e-6, 1.1e-5, 2e-5, 3.9e-5, 4.1e-5, 9e-5)
"""Degrees beside an edge: below, around and above the step of single precision, 7.6e-6 at 121 degrees."""
SIZES = (0.0, 1e-7, 5e-6, 3e-5, 7.9e-5, 8.1e-5, 2e-4, 5e-3)


@pytest.fixture(scope="module")
def boxes(database: Database, staff: Scope, area: str) -> list[Bbox]:
    """Boxes of every size, about each of whose edges there are points, inside and outside, and short lines across."""
    chance, found, shapes = random.Random(5), [], []
    for size in SIZES * 2:
        west, south = 120.993 + chance.random() * 0.008, 30.693 + chance.random() * 0.008
        east, north = west + size, south + size
        found.append((west, south, east, north))
        for off in BESIDE:
            for sign in (-1, 1):
                along = chance.random()
                for x, y in (
                    (east + sign * off, south + along * size), (west + sign * off, south + along * size),
                    (west + along * size, north + sign * off), (west + along * size, south + sign * off),
                ):  # fmt: skip
                    shapes.append(shapely.Point(x, y))
                    if chance.random() < 0.3:
                        shapes.append(shapely.LineString([(x, y), (x + 2e-6, y + 2e-6)]))
    rows = [(example_record(LAYER, code=f"E{number}"), at) for number, at in enumerate(shapes)]
    with database.write(staff) as conn:
        put_features(conn, LAYER, area, rows)
    return found


def test_what_stands_beside_a_box_is_not_in_it(
    boxes: list[Bbox], ask: Asking, database: Database, staff: Scope
) -> None:
    with database.read(staff) as conn:
        stored = conn.execute(text("select code, st_asbinary(geom) from gis.parking")).all()
    shapes = {code: shapely.from_wkb(bytes(wkb)) for code, wkb in stored}
    inner = inside = beside = 0
    for box in boxes:
        answer = page(ask, LAYER, staff, Question(bbox=box), limit=10_000)
        west, south, east, _ = box
        # With neither width nor height shapely's box has no area, and meets nothing.
        area = shapely.box(*box) if west < east else shapely.Point(west, south)
        expected = {code for code, at in shapes.items() if at.intersects(area)}
        assert {one["properties"]["code"] for one in features_of(answer)} == expected
        assert answer.matched == len(expected)
        inner += Question(bbox=box).inner[0] < 180
        inside += len(expected)
        beside += sum(at.distance(area) < 1e-5 for at in shapes.values()) - len(expected)
    assert 0 < inner < len(boxes)
    assert inside > 100
    assert beside > 100
