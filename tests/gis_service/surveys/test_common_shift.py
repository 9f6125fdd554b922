"""A survey that lies some metres beside what is stored: told when it is one shift, silent when it isn't."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy.engine import Connection

from gis_service.areas import create_area
from gis_service.coordinates import transform_geometries
from gis_service.database import Database
from gis_service.scope import Scope
from gis_service.surveys.common_shift import common_shift, neighbours_shift
from gis_service.surveys.proposal import Reading
from gis_service.surveys.propose import propose
from layers.record import Source
from layers.registry import LAYERS

TOWN = Path(__file__).parents[2] / "data" / "towns" / "shanghai.geojson"
COMMUNITY = "310101015004"
EAST, NORTH = 35.0, 2.0


def houses() -> np.ndarray:
    """Return the town's buildings in metres (EPSG:4549)."""
    found = json.loads(TOWN.read_text("utf-8"))["features"]
    shapes = [shapely.geometry.shape(one["geometry"]) for one in found if one["properties"]["kind"] == "building"]
    return transform_geometries(np.array(shapes, dtype=object), "EPSG:4326", "EPSG:4549")


def moved(shapes: np.ndarray, east: float, north: float) -> np.ndarray:
    return np.asarray(shapely.transform(shapes, lambda points: points + np.array([east, north])))


@pytest.mark.parametrize("seed", range(5))
def test_one_shift_is_found_by_pairs_and_by_neighbours(seed: int) -> None:
    generator = np.random.default_rng(seed)
    stored = shapely.get_coordinates(shapely.centroid(houses()))
    places = stored[generator.permutation(len(stored))[:60]] + (EAST, NORTH) + generator.normal(0, 0.4, (60, 2))
    for found in (common_shift(generator.normal((EAST, NORTH), 0.5, (60, 2))), neighbours_shift(places, stored)):
        assert found is not None
        assert (found.east_m, found.north_m) == pytest.approx((EAST, NORTH), abs=0.5)
        assert found.pairs >= 36
        assert found.said.startswith("整体比已有的同类要素偏东 35 米、偏北 2 米(按 ")


def test_what_is_no_common_shift_is_not_told() -> None:
    generator = np.random.default_rng(1)
    assert common_shift(generator.normal((EAST, NORTH), 0.5, (7, 2))) is None, "too few"
    assert common_shift(generator.normal((2.0, 1.0), 0.5, (60, 2))) is None, "too short"
    assert common_shift(generator.normal((EAST, NORTH), 6.0, (60, 2))) is None, "each by its own way"
    stored = shapely.get_coordinates(shapely.centroid(houses()))
    west, south, east, north = shapely.total_bounds(houses())
    assert neighbours_shift(stored, stored) is None, "at its place"
    for _ in range(20):
        assert neighbours_shift(generator.uniform((west, south), (east, north), (60, 2)), stored) is None
        order = generator.permutation(len(stored))
        assert neighbours_shift(stored[order[:100]], stored[order[100:]]) is None, "other houses of the town"
    rows = np.array([(x * 12.0, y * 30.0) for x in range(12) for y in range(5)])
    assert neighbours_shift(rows[1::2], rows[::2]) is None, "every other house of a row"
    assert neighbours_shift(np.repeat(rows, 2_000, axis=0), rows) is None, "too many to compare"


def test_the_sentence_names_what_there_is() -> None:
    west = common_shift(np.full((8, 2), (-12.0, 0.2)))
    assert west is not None
    assert west.said.startswith("整体比已有的同类要素偏西 12 米(按 8 对要素)")
    south = common_shift(np.full((8, 2), (0.0, -4.0)))
    assert south is not None
    assert "偏南 4 米(" in south.said


@pytest.fixture(scope="module")
def town(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Scope:
    """A town of which two thirds of the houses are stored."""
    scope = Scope("tester", "operator", ("310101",))
    path = written(tmp_path_factory.mktemp("stored") / "楼栋.geojson", houses(), range(220))
    with database.write(scope, str(uuid.uuid4())) as conn:
        create_area(conn, COMMUNITY, "城", shapely.box(121.48, 31.22, 121.505, 31.24))
        propose(conn, LAYERS["building"], COMMUNITY, path, Reading(source=Source.OPEN_DATA)).staging.merge(conn)
    return scope


def written(path: Path, shapes: np.ndarray, taken: range, *, codes: bool = True) -> Path:
    """Write some buildings in EPSG:4549."""
    features = [
        {"type": "Feature", "properties": {"编码": f"B{at:03}"} if codes else {"层数": 6},
         "geometry": json.loads(shapely.to_geojson(shapes[at]))}
        for at in taken
    ]  # fmt: skip
    crs = {"type": "name", "properties": {"name": "EPSG:4549"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}), "utf-8")
    return path


def notes(database: Database, town: Scope, path: Path) -> str:
    with database.write(town, str(uuid.uuid4())) as conn:
        made = told(conn, path)
        conn.rollback()
    return made


def told(conn: Connection, path: Path) -> str:
    return "".join(propose(conn, LAYERS["building"], COMMUNITY, path, Reading()).notes)


@pytest.mark.parametrize("codes", [True, False], ids=["codes", "no codes"])
def test_an_upload_beside_what_is_stored_says_so(database: Database, town: Scope, tmp_path: Path, codes: bool) -> None:
    shapes = moved(houses(), EAST, NORTH)
    path = written(tmp_path / "楼栋.geojson", shapes, range(20, 60), codes=codes)
    assert "整体比已有的同类要素偏东 35 米、偏北 2 米(按 " in notes(database, town, path)


def test_an_upload_at_its_place_says_nothing(database: Database, town: Scope, tmp_path: Path) -> None:
    for name, shapes, taken in (
        ("same", houses(), range(20, 60)),
        ("new", houses(), range(220, 300)),
        ("few", moved(houses(), EAST, NORTH), range(20, 26)),
    ):
        path = written(tmp_path / f"{name}.geojson", shapes, taken)
        assert "整体" not in notes(database, town, path), name
