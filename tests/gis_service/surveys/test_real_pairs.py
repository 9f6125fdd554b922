"""Real pairs: a layer of a real town, written in any system and format, lands within a metre or is asked about."""

from __future__ import annotations

import json
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import create_area
from gis_service.coordinates import BD09, GCJ02
from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.scope import Scope
from gis_service.surveys.georeference import _only_inside
from gis_service.surveys.proposal import Proposal, Reading
from gis_service.surveys.propose import propose
from gis_service.surveys.questions import OpenQuestionError
from layers.registry import LAYERS
from tests.gis_service.surveys.written_pairs import (
    DEGREES,
    METRES,
    Shapes,
    Way,
    carried,
    csv_file,
    gdal_file,
    geojson_file,
    kml_file,
    table_rows,
    ways,
)

TOWN = Path(__file__).parents[2] / "data" / "towns" / "shanghai.geojson"
KNOWN, EMPTY = "310101015005", "310101015006"
BOUNDARY = shapely.box(121.4865, 31.2250, 121.4985, 31.2350)
WITHIN_M = 1.0
SIZES = (3, 8, 20, 100, 400)
Make = Callable[[np.random.Generator, int], Shapes]


@cache
def town_of(kind: str) -> tuple[shapely.Geometry, ...]:
    """Return what of a kind lies in the community, WGS 84."""
    found = json.loads(TOWN.read_text("utf-8"))["features"]
    shapes = [shapely.geometry.shape(one["geometry"]) for one in found if one["properties"]["kind"] == kind]
    return tuple(shape for shape in shapes if BOUNDARY.covers(shape))


def stored_houses() -> tuple[shapely.Geometry, ...]:
    return town_of("building")[::3] + town_of("building")[1::3]


def _some(shapes: Shapes, rng: np.random.Generator, most: int) -> Shapes:
    return [shapes[at] for at in rng.permutation(len(shapes))[:most]]


def _in_houses(rng: np.random.Generator, most: int) -> Shapes:
    return [shapely.point_on_surface(one) for one in _some(town_of("building"), rng, most)]


def _beside_roads(rng: np.random.Generator, most: int) -> Shapes:
    roads = rng.choice(np.array(town_of("road"), dtype=object), most)
    at = shapely.get_coordinates(shapely.line_interpolate_point(roads, rng.uniform(size=most), normalized=True))
    return list(shapely.points(at + rng.normal(0, 4e-5, at.shape)))


def _anywhere(rng: np.random.Generator, most: int) -> Shapes:
    west, south, east, north = BOUNDARY.bounds
    return list(shapely.points(rng.uniform((west, south), (east, north), (most, 2))))


def _one_estate(rng: np.random.Generator, most: int) -> Shapes:
    centre = shapely.Point(rng.uniform(121.488, 121.497), rng.uniform(31.2265, 31.2335))
    nearest = sorted(town_of("building"), key=centre.distance)[:most]
    return [shapely.point_on_surface(house) for house in nearest]


KINDS: dict[str, tuple[str, Make]] = {
    "points in houses": ("rental_unit", _in_houses),
    "points of an estate": ("rental_unit", _one_estate),
    "points beside roads": ("rental_unit", _beside_roads),
    "points anywhere": ("rental_unit", _anywhere),
    "houses that are stored": ("building", lambda rng, most: _some(stored_houses(), rng, most)),
    "new houses": ("building", lambda rng, most: _some(town_of("building")[2::3], rng, most)),
    "roads": ("road", lambda rng, most: _some(town_of("road"), rng, most)),
}  # fmt: skip


@pytest.fixture(scope="module")
def town(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Scope:
    """Two communities on the same ground: one knows two thirds of the houses, roads and water, the other nothing."""
    scope = Scope("tester", "operator", ("310101",))
    folder = tmp_path_factory.mktemp("stored")
    with database.write(scope, str(uuid.uuid4())) as conn:
        for community in (KNOWN, EMPTY):
            create_area(conn, community, "城", BOUNDARY)
        for layer, shapes in (("building", stored_houses()), ("road", town_of("road")), ("water", town_of("water"))):
            path = geojson_file(folder / f"{layer}.geojson", shapes, "EPSG:4490")
            propose(conn, LAYERS[layer], KNOWN, path, Reading(crs="EPSG:4490")).staging.merge(conn)
    return scope


@pytest.fixture
def conn(database: Database, town: Scope) -> Iterator[Connection]:
    with database.write(town, str(uuid.uuid4())) as found:
        yield found
        found.rollback()


@dataclass(frozen=True)
class Outcome:
    """What came of a file: ``right``, ``asked``, ``refused`` with a sentence, or ``wrong``; and what was said."""

    what: str
    said: str
    options: tuple[str, ...] = ()


def outcome(conn: Connection, layer: str, community: str, path: Path, truth: Shapes, crs: str | None = None) -> Outcome:
    """Read a file and measure every row that would be taken against where it is."""
    before = conn.begin_nested()
    try:
        made = propose(conn, LAYERS[layer], community, path, Reading(crs=crs))
        off = farthest(conn, truth)
    except OpenQuestionError as question:
        return Outcome("asked", str(question), tuple(one.value for one in question.questions[0].options))
    except InputError as error:
        return Outcome("refused", str(error))
    finally:
        before.rollback()
    if off is None:
        return Outcome("refused", made.refusals[0].reason)
    return Outcome("right" if off <= WITHIN_M else "wrong", f"{off:.1f} m: {made.sheet.crs} {made.sheet.crs_evidence}")


def farthest(conn: Connection, truth: Shapes) -> float | None:
    """Return how far off the worst of the staged rows is, in metres; None when there is none."""
    rows = conn.execute(text("select row, st_asbinary(geom) from staged")).all()
    if not rows:
        return None
    here = carried([shapely.from_wkb(bytes(geom)) for _, geom in rows], "EPSG:4549")
    there = carried([truth[row - 1] for row, _ in rows], "EPSG:4549")
    return float(shapely.hausdorff_distance(here, there).max())


def look(conn: Connection, path: Path, community: str = KNOWN, layer: str = "rental_unit") -> Proposal:
    return propose(conn, LAYERS[layer], community, path, Reading())


def some_pairs(number: int, seed: int) -> Iterator[tuple[str, str, Way, Shapes]]:
    """Yield pairs picked at random: kind, community, way and truth."""
    rng = np.random.default_rng(seed)
    every = [
        (kind, community, way, size)
        for kind, (layer, _) in KINDS.items() for community in (KNOWN, EMPTY)
        for way in ways(LAYERS[layer].geometry) for size in SIZES
    ]  # fmt: skip
    for at in rng.permutation(len(every))[:number]:
        kind, community, way, size = every[at]
        yield kind, community, way, KINDS[kind][1](rng, size)


def try_pairs(conn: Connection, folder: Path, number: int, seed: int) -> Counter[str]:
    """Try some pairs; return how many came to which end, after seeing that none is silently off."""
    counts: Counter[str] = Counter()
    for at, (kind, community, way, truth) in enumerate(some_pairs(number, seed)):
        place = folder / str(at)
        place.mkdir()
        path, layer = way.write(place, truth), KINDS[kind][0]
        found = outcome(conn, layer, community, path, truth)
        case = f"{kind}, {len(truth)}, {way.name}, {'known' if community == KNOWN else 'empty'}: {found.said}"
        assert found.what != "wrong", case
        if found.what == "asked":
            assert way.crs.replace("4326", "4490") in found.options, case
            assert "EPSG:4326" not in found.options, case
            if at % 4 == 0:
                assert outcome(conn, layer, community, path, truth, way.crs).what == "right", case
        if found.what == "refused":
            assert way.name.startswith(f"dxf {way.crs} less") or " says " in way.name, case
        counts[found.what] += 1
    return counts


@pytest.mark.long
def test_some_real_pairs(conn: Connection, tmp_path: Path) -> None:
    counts = try_pairs(conn, tmp_path, 5, seed=4)
    assert counts["right"] >= 1, counts


@pytest.mark.long
def test_many_real_pairs(conn: Connection, tmp_path: Path) -> None:
    """Of 170 files none is silently off; docs/proofs.md has the tally."""
    counts = try_pairs(conn, tmp_path, 170, seed=11)
    assert counts["right"] > counts["asked"] > counts["refused"], counts


@pytest.mark.parametrize(("make", "name"), [(geojson_file, "a.geojson"), (kml_file, "a.kml"), (gdal_file, "a.gpkg")])
def test_what_programs_declare_is_no_proof(
    conn: Connection, tmp_path: Path, make: Callable[..., Path], name: str
) -> None:
    """A map app's export says WGS 84 whatever it holds: with too little to compare it is asked about."""
    truth = [shapely.Point(121.4902 + at / 5000, 31.2290) for at in range(4)]
    options = {"declared": "EPSG:4326"} if make is gdal_file else {}
    path = make(tmp_path / name, truth, GCJ02, **options)
    found = outcome(conn, "rental_unit", EMPTY, path, truth)
    assert found.what == "asked", found.said
    assert set(found.options) == {"EPSG:4490", GCJ02, BD09}
    assert "附近没有已有要素可对照" in found.said
    assert "数值上分不开" in found.said


def test_4490_and_4326_are_one_answer(conn: Connection, tmp_path: Path) -> None:
    truth = [shapely.Point(121.4902, 31.2290), shapely.Point(121.4912, 31.2292)]
    path = csv_file(tmp_path / "a.csv", table_rows(truth, "EPSG:4326", heads=("经度", "纬度")))
    with pytest.raises(OpenQuestionError, match="数值上分不开") as asked:
        look(conn, path, EMPTY)
    (question,) = asked.value.questions
    (one,) = [option for option in question.options if option.value.startswith("EPSG:")]
    assert (one.value, "EPSG:4326 相差不到 1 米" in one.title) == ("EPSG:4490", True)
    for answer in ("EPSG:4490", "EPSG:4326"):
        assert outcome(conn, "rental_unit", EMPTY, path, truth, answer).what == "right", answer


def test_words_and_receivers_are_believed_unless_the_map_speaks(conn: Connection, tmp_path: Path) -> None:
    truth = [shapely.Point(121.4902, 31.2290), shapely.Point(121.4912, 31.2292)]
    for heads in (("经度(CGCS2000)", "纬度(CGCS2000)"), ("location-Longitude", "location-Latitude")):
        path = csv_file(tmp_path / "a.csv", table_rows(truth, "EPSG:4490", heads=heads))
        assert outcome(conn, "rental_unit", EMPTY, path, truth).what == "right", heads
    for more, said in ((" 3.5 4.8", "right"), ("", "asked")):
        rows: list[list[object]] = [[f"P{at}", f"{one.y} {one.x}{more}"] for at, one in enumerate(truth)]
        path = csv_file(tmp_path / "a.csv", [["编码", "位置"], *rows])
        assert outcome(conn, "rental_unit", EMPTY, path, truth).what == said, "people write no accuracy"
    path = csv_file(tmp_path / "a.csv", table_rows(truth, GCJ02, heads=("经度_GCJ02", "纬度_GCJ02")))
    assert outcome(conn, "rental_unit", EMPTY, path, truth).what == "right"
    houses = [shapely.point_on_surface(house) for house in town_of("building")]
    path = csv_file(tmp_path / "a.csv", table_rows(houses, GCJ02, heads=("经度(CGCS2000)", "纬度(CGCS2000)")))
    with pytest.raises(OpenQuestionError, match=r"与文件所写的不符.*GCJ-02"):
        look(conn, path)


def test_a_survey_lies_in_its_community() -> None:
    assert _only_inside(["a", "b"], {"a": 1.0, "b": 0.9}, "a", 100)
    assert not _only_inside(["a", "b"], {"a": 1.0, "b": 0.91}, "a", 100)
    assert not _only_inside(["a", "b"], {"a": 0.9, "b": 0.0}, "a", 100)
    assert not _only_inside(["a", "b"], {"a": 0.0, "b": 1.0}, "a", 100)
    assert not _only_inside(["a", "b"], {"a": 1.0, "b": 0.34}, "a", 3), "one of three outside says little"
    assert _only_inside(["a", "b"], {"a": 1.0, "b": 0.0}, "a", 3)


OWN_METRES = (
    'PROJCS["City",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
    'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",121.5],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],'
    'UNIT["Meter",1.0]]'
)
OWN_DEGREES = (
    'GEOGCS["City",DATUM["D_City",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]]'
)


@pytest.mark.parametrize(("wkt", "crs", "expected"), [(OWN_METRES, OWN_METRES, "right"), (OWN_DEGREES, GCJ02, "asked")])
def test_a_projection_without_a_code(conn: Connection, tmp_path: Path, wkt: str, crs: str, expected: str) -> None:
    """A .prj may describe what no register has, such as a meridian through the town."""
    truth = [shapely.Point(121.4902, 31.2290), shapely.Point(121.4912, 31.2292)]
    made = gdal_file(tmp_path / "made.zip", truth, crs)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(made) as archive, zipfile.ZipFile(path, "w") as described:
        for name in archive.namelist():
            described.writestr(name, archive.read(name))
        described.writestr("数据.prj", wkt)
    assert outcome(conn, "rental_unit", EMPTY, path, truth).what == expected


@pytest.mark.parametrize(("crs", "swapped"), [("EPSG:4550", False), ("EPSG:4529", True), ("EPSG:3857", True)])
def test_metres_need_no_question(conn: Connection, tmp_path: Path, crs: str, swapped: bool) -> None:
    truth = [shapely.Point(121.4902, 31.2290), shapely.Point(121.4912, 31.2292)]
    path = geojson_file(tmp_path / "a.geojson", truth, crs, swapped=swapped)
    assert outcome(conn, "rental_unit", EMPTY, path, truth).what == "right"


def test_degrees_are_every_way_there_is() -> None:
    """The picks above draw from all of them."""
    assert {way.crs for way in ways("POINT")} == {*DEGREES, *METRES}
    assert len({way.name for way in ways("POINT")}) == len(ways("POINT")) > 100
