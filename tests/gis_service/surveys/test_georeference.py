"""The coordinate check on a real town: what is written in any system lands where it is, or is asked about."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.engine import Connection

from gis_service.areas import create_area
from gis_service.coordinates import BD09, GCJ02, transform
from gis_service.database import Database
from gis_service.errors import InputError
from gis_service.scope import Scope
from gis_service.surveys.files.datum import Claim
from gis_service.surveys.files.reading import Sheet
from gis_service.surveys.georeference import (
    CLEAR_FIT,
    CLEAR_MARGIN,
    Candidate,
    Known,
    _decided,
    fit_of,
    possible_systems,
)  # fmt: skip
from gis_service.surveys.proposal import Proposal, Reading
from gis_service.surveys.propose import propose
from gis_service.surveys.questions import OpenQuestionError
from layers.record import Source
from layers.registry import LAYERS

DATA = Path(__file__).parents[2] / "data" / "shanghai"
SHANGHAI = "310101015001"
SYSTEMS = ("EPSG:4490", "EPSG:4326", GCJ02, BD09, "EPSG:4549", "EPSG:4550", "EPSG:4528", "EPSG:4529", "EPSG:3857")
Written = Callable[..., Path]
Truth = dict[str, shapely.Point]


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Return a point inside each building of the town, WGS 84."""
    found = json.loads((DATA / "buildings.geojson").read_text("utf-8"))["features"]
    shapes = {str(one["properties"].get("id") or one["id"]): shapely.geometry.shape(one["geometry"]) for one in found}
    return {code: shapely.point_on_surface(shape) for code, shape in shapes.items() if shape.is_valid}


@pytest.fixture(scope="module")
def town(database: Database) -> Scope:
    """A real town with its boundary and buildings; the scope sees it."""
    scope = Scope("tester", "operator", ("310101",))
    boundary = json.loads((DATA / "boundary.geojson").read_text("utf-8"))["features"][0]["geometry"]
    with database.write(scope, str(uuid.uuid4())) as conn:
        create_area(conn, SHANGHAI, "上海示例", shapely.geometry.shape(boundary))
        made = propose(
            conn, LAYERS["building"], SHANGHAI, DATA / "buildings.geojson",
            Reading(dissolve="id", source=Source.OPEN_DATA),
        )  # fmt: skip
        made.staging.merge(conn)
    return scope


@pytest.fixture
def conn(database: Database, town: Scope) -> Iterator[Connection]:
    with database.write(town, str(uuid.uuid4())) as found:
        yield found
        found.rollback()


@pytest.fixture
def written(truth: Truth, tmp_path: Path) -> Written:
    """Write every third building's point as CSV in a system, with such headers."""

    def write(crs: str, heads: tuple[str, str] = ("X", "Y"), *, most: int = 400, swapped: bool = False) -> Path:
        codes = list(truth)[::3][:most]
        x, y = transform([truth[one].x for one in codes], [truth[one].y for one in codes], "EPSG:4326", crs)
        path = tmp_path / "普查.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["编码", *(heads[::-1] if swapped else heads)])
            for code, east, north in zip(codes, x, y, strict=True):
                pair = (f"{east:.8f}", f"{north:.8f}")
                rows.writerow([code, *(pair[::-1] if swapped else pair)])
        return path

    return write


def offsets(conn: Connection, truth: Truth) -> np.ndarray:
    """Return how far the staged rows lie from where they are, in metres."""
    rows = conn.execute(text("select code, st_x(geom), st_y(geom) from staged")).all()
    places = np.array([(truth[code].x, truth[code].y) for code, _, _ in rows])
    found = np.array([(x, y) for _, x, y in rows])
    one, other = (np.column_stack(transform(at[:, 0], at[:, 1], "EPSG:4326", "EPSG:4549")) for at in (places, found))
    return np.asarray(np.hypot(*(one - other).T))


def look(conn: Connection, path: Path, reading: Reading | None = None) -> Proposal:
    return propose(conn, LAYERS["rental_unit"], SHANGHAI, path, reading or Reading())


def asked(conn: Connection, path: Path) -> OpenQuestionError | None:
    """Return the question that a file raises, or None where it is read without one."""
    try:
        look(conn, path)
    except OpenQuestionError as question:
        return question
    return None


@pytest.mark.parametrize("crs", SYSTEMS)
def test_points_without_a_word_on_their_system_land_where_they_are(
    conn: Connection, truth: Truth, written: Written, crs: str
) -> None:
    """Sheets of offices name no system; with a town's buildings known, each of them is found."""
    made = look(conn, written(crs))
    found = offsets(conn, truth)
    assert len(found) > 10
    assert found.max() < 1.0, made.sheet.crs_evidence


@pytest.mark.parametrize("crs", [GCJ02, "EPSG:4549", "EPSG:4528"])
def test_columns_the_other_way_round_are_seen(conn: Connection, truth: Truth, written: Written, crs: str) -> None:
    path = written(crs)
    swapped = path.read_text("utf-8-sig").replace("X,Y", "Y,X")
    path.write_text(swapped, "utf-8-sig")
    look(conn, path)
    assert offsets(conn, truth).max() < 1.0


@pytest.mark.parametrize("crs", [GCJ02, BD09, "EPSG:4490"])
@pytest.mark.parametrize("most", [3, 8, 20, *(pytest.param(most, marks=pytest.mark.long) for most in (1, 60))])
def test_few_points_land_where_they_are_or_are_asked_about(
    conn: Connection, truth: Truth, written: Written, crs: str, most: int
) -> None:
    path = written(crs, ("经度", "纬度"), most=most)
    question = asked(conn, path)
    assert (question is not None) or most > 3
    assert (question is None) or most < 20
    if question:
        assert {one.value for one in question.questions[0].options} == {"EPSG:4490", GCJ02, BD09}
        assert look(conn, path, Reading(crs=crs)).sheet.crs == crs
    assert offsets(conn, truth).max() < 1.0


def test_a_geojson_in_gcj02_is_not_taken_at_its_formats_word(conn: Connection, truth: Truth, tmp_path: Path) -> None:
    codes = list(truth)[::3]
    x, y = transform([truth[one].x for one in codes], [truth[one].y for one in codes], "EPSG:4326", GCJ02)
    features = [
        {"type": "Feature", "properties": {"编码": code}, "geometry": {"type": "Point", "coordinates": [east, north]}}
        for code, east, north in zip(codes, x.tolist(), y.tolist(), strict=True)
    ]
    path = tmp_path / "高德.geojson"
    document: dict[str, object] = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document), "utf-8")
    made = look(conn, path)
    assert made.sheet.crs == GCJ02
    assert "与格式的规定不同" in made.sheet.crs_evidence
    assert offsets(conn, truth).max() < 1.0
    document["crs"] = {"type": "name", "properties": {"name": "EPSG:4490"}}
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(InputError, match=r"与文件所写的不符.*GCJ-02"):
        look(conn, path)
    assert look(conn, path, Reading(crs="gcj02")).sheet.crs == GCJ02


def test_what_the_sender_states_is_not_disputed(conn: Connection, written: Written) -> None:
    made = look(conn, written(GCJ02, ("经度", "纬度")), Reading(crs="EPSG:4490"))
    assert made.sheet.crs == "EPSG:4490"


SHEET = Sheet(
    ("X", "Y"),
    "EPSG:4490",
    "",
    None,
    "CSV",
    None,
    None,
    "0" * 64,
    (),
    (),
    Claim.VALUES,
    ((121.0, 31.0),),
    (),
    placeless=False,
)


@pytest.mark.parametrize(
    ("fits", "claim", "expected"),
    [
        ({"EPSG:4490": 9.0, GCJ02: 5.9}, Claim.VALUES, "EPSG:4490"),
        ({"EPSG:4490": 9.0, GCJ02: 6.1}, Claim.VALUES, None),
        ({"EPSG:4490": 4.9, GCJ02: 0.5}, Claim.VALUES, None),
        ({GCJ02: 9.0, "EPSG:4490": 2.0}, Claim.VALUES, GCJ02),
        ({GCJ02: 9.0, "EPSG:4490": 2.0}, Claim.FORMAT, GCJ02),
        ({GCJ02: 9.0, "EPSG:4490": 2.0}, Claim.DECLARED, None),
        ({GCJ02: 9.0, "EPSG:4490": 6.5}, Claim.DECLARED, None),
        ({GCJ02: 9.0, "EPSG:4490": 2.0}, Claim.NAMED, None),
        ({GCJ02: 4.0, "EPSG:4490": 0.5}, Claim.FORMAT, None),
        ({"EPSG:4490": 4.0, GCJ02: 0.5}, Claim.FORMAT, None),
        ({GCJ02: 4.0, "EPSG:4490": 0.5}, Claim.NAMED, "EPSG:4490"),
    ],
)
def test_only_a_clear_winner_is_taken(fits: dict[str, float], claim: Claim, expected: str | None) -> None:
    ranked = [Candidate(crs, 1.0, fit) for crs, fit in fits.items()]
    sheet = replace(SHEET, claim=claim)
    placed = dict.fromkeys(fits, np.full((40, 2), [121.0, 31.0]))
    if expected is None:
        with pytest.raises(OpenQuestionError) as question:
            _decided(sheet, "EPSG:4490", ranked, placed)
        assert [one.value for one in question.value.questions[0].options] == list(fits)
    else:
        assert _decided(sheet, "EPSG:4490", ranked, placed).crs == expected


def test_what_was_not_compared_tells_no_fit() -> None:
    placed = {"EPSG:4550": np.full((40, 2), [121.0, 31.0])}
    only = [Candidate("EPSG:4550", 0.9, None, alone=True)]
    alone = _decided(SHEET, "EPSG:4549", only, placed)
    assert alone.crs == "EPSG:4550"
    assert "只有它落在社区附近" in alone.said
    assert "吻合度" not in alone.said
    with pytest.raises(OpenQuestionError, match="与文件所写的不符"):
        _decided(replace(SHEET, claim=Claim.DECLARED), "EPSG:4549", only, placed)
    several = [Candidate("EPSG:4490", 1.0, None), Candidate(GCJ02, 0.9, None)]
    with pytest.raises(OpenQuestionError, match=r"附近没有已有要素可对照.*数值上分不开") as question:
        _decided(SHEET, "EPSG:4490", several, dict.fromkeys(("EPSG:4490", GCJ02), placed["EPSG:4550"]))
    assert "吻合度" not in str(question.value)


def test_points_that_have_nothing_to_do_with_the_map_fit_nowhere() -> None:
    generator = np.random.default_rng(7)
    corners = generator.uniform(0, 3000, (300, 2))
    known = [Known(shapely.STRtree(shapely.box(*corners.T, *(corners + 30).T)))]
    fits = [fit_of(generator.uniform(800, 2200, (60, 2)), known) for _ in range(200)]
    assert max(fits) < CLEAR_FIT
    inside = corners[(corners > 800).all(axis=1) & (corners < 2200).all(axis=1)] + 15
    assert fit_of(inside[:60], known) > CLEAR_FIT


@pytest.mark.parametrize("name", ["krems", "helsinki", "shanghai"])
def test_no_wrong_place_ever_wins_clearly(name: str) -> None:
    """Points of four kinds in real towns, at their place and shifted as GCJ-02 and BD-09 shift: right, or not clear."""
    generator = np.random.default_rng(len(name))
    found = json.loads((DATA.parent / "towns" / f"{name}.geojson").read_text("utf-8"))["features"]
    shapes = [(one["properties"]["kind"], shapely.geometry.shape(one["geometry"])) for one in found]
    metric = [(kind, _metric(shape, {"krems": 32633, "helsinki": 32635, "shanghai": 4549}[name]))
              for kind, shape in shapes]  # fmt: skip
    houses, roads = (np.array([shape for kind, shape in metric if kind == one]) for one in ("building", "road"))
    west, south, east, north = shapely.total_bounds(houses)
    inside = shapely.get_coordinates(shapely.point_on_surface(houses))
    kinds: dict[str, Callable[[int], np.ndarray]] = {
        "in houses": lambda n: generator.permutation(inside)[:n],
        "beside houses": lambda n: generator.permutation(inside)[:n] + generator.normal(0, 25, (n, 2)),
        "along streets": lambda n: shapely.get_coordinates(
            shapely.line_interpolate_point(generator.choice(roads, n), generator.uniform(size=n), normalized=True)
        ) + generator.normal(0, 4, (n, 2)),
        "anywhere": lambda n: generator.uniform((west, south), (east, north), (n, 2)),
    }  # fmt: skip
    right = 0
    for kind, make in kinds.items():
        for number in (5, 20, 60, 120):
            stored = houses[generator.uniform(size=len(houses)) < 0.7]
            known = [Known(shapely.STRtree(stored)), Known(shapely.STRtree(roads), 10.0)]
            angle = generator.uniform(0, 2 * np.pi)
            shift = np.array([np.cos(angle), np.sin(angle)])
            points = make(number)
            true, *wrong = (fit_of(points + shift * metres, known) for metres in (0, 480, 1100))
            assert max(wrong) < CLEAR_FIT or max(wrong) - true < CLEAR_MARGIN, (kind, number)
            right += true >= CLEAR_FIT and true - max(wrong) >= CLEAR_MARGIN
    assert right >= 4


def _metric(shape: shapely.Geometry, srid: int) -> shapely.Geometry:
    return shapely.transform(
        shape, lambda at: np.column_stack(transform(at[:, 0], at[:, 1], "EPSG:4326", f"EPSG:{srid}"))
    )


@pytest.mark.parametrize(
    ("point", "read_as", "expected"),
    [
        ((121.4, 31.2), "EPSG:4490", ("EPSG:4490", GCJ02, BD09)),
        ((121.4, 31.2), BD09, (BD09, "EPSG:4490", GCJ02)),
        ((9.52, 47.14), "EPSG:4490", ("EPSG:4490",)),
        ((13_517_000.0, 3_663_000.0), "EPSG:4491", ("EPSG:4491", "EPSG:3857")),
        ((40_633_000.0, 3_450_000.0), "EPSG:4528", ("EPSG:4528",)),
        ((633_000.0, 3_450_000.0), "EPSG:4549", ("EPSG:4549", "EPSG:4548", "EPSG:4550")),
    ],
)
def test_the_systems_that_numbers_may_be_in(
    point: tuple[float, float], read_as: str, expected: tuple[str, ...]
) -> None:
    assert possible_systems(np.array([point]), read_as, 4549) == expected
