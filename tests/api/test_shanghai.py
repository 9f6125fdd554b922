"""Input that no one here wrote: a cut of OpenStreetMap through the upload command, against geopandas."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import geopandas
import pyproj
import pytest
import shapely
from sqlalchemy import Engine, text

from layers.registry import LAYERS
from tests.api.conftest import Command

DATA = Path(__file__).parents[1] / "data" / "shanghai"
COMMUNITY = "310101002001"
ATTRIBUTION = "© OpenStreetMap contributors"
FITTING = {"MULTIPOLYGON": {"Polygon", "MultiPolygon"}, "MULTILINESTRING": {"LineString", "MultiLineString"},
           "POINT": {"Point"}}  # fmt: skip
FILES = {"building": "buildings", "road": "roads", "water": "water", "green": "landuse", "facility": "pois"}


@dataclass(frozen=True)
class Expected:
    """What geopandas makes of a file: a geometry for each id that fits, and the ids that have to be refused."""

    shapes: dict[str, shapely.Geometry]
    refused: set[str]


def expected(layer: str) -> Expected:
    """Dissolve a file by id, keeping the pieces whose type the layer takes, and the kinds that its code list has."""
    declared = LAYERS[layer]
    features = json.loads((DATA / f"{FILES[layer]}.geojson").read_text("utf-8"))["features"]
    for number, feature in enumerate(features):
        # What has no id belongs to nothing else, and has no code to be stored under.
        feature["properties"]["id"] = str(feature["properties"].get("id", f"row {number}"))
    frame = geopandas.GeoDataFrame.from_features(features)
    fits = frame[frame.geom_type.isin(FITTING[declared.geometry])]
    kind = next((field for field in declared.fields if field.name == "kind"), None)
    if kind is not None and kind.codes is not None:
        fits = fits[fits.groupby("id")["kind"].transform("first").isin(kind.codes)]
    merged = fits[~fits["id"].str.startswith("row")].dissolve("id")
    return Expected(dict(zip(merged.index, merged.geometry, strict=True)), set(frame["id"]) - set(merged.index))


@pytest.fixture(scope="module")
def registered(database_name: str) -> dict[str, bool]:
    """Remember whether the community of the module's database is there yet."""
    assert database_name
    return {}


@pytest.fixture
def shanghai(command: Command, registered: dict[str, bool]) -> Command:
    """The command line on a database that holds the community and its five layers."""
    if not registered:
        made = command(
            "area", "create", "--code", COMMUNITY, "--name", "外滩样区", "--boundary", DATA / "boundary.geojson"
        )
        assert made.code == 0, made.err
        for layer, name in FILES.items():
            ran = command(
                "upload", DATA / f"{name}.geojson", "--layer", layer, "--community", COMMUNITY, "--dissolve", "id",
                "--source", "open_data", "--attribution", ATTRIBUTION, "--commit", "--accept", "valid",
            )  # fmt: skip
            assert ran.code == 0, (layer, ran.err)
            registered[layer] = True
    return command


@pytest.mark.usefixtures("shanghai")
@pytest.mark.parametrize("layer", FILES)
def test_rows_equal_an_independent_dissolve(superuser: Engine, layer: str) -> None:
    wanted = expected(layer)
    assert wanted.shapes
    with superuser.connect() as conn:
        rows = conn.execute(
            text(f"select code, st_asbinary(geom), source from gis.{layer} where community = :c"), {"c": COMMUNITY}
        ).all()
        refused = conn.execute(text("select refused from gis.upload where layer = :l"), {"l": layer}).scalar_one()
    assert {row.code for row in rows} == set(wanted.shapes)
    assert refused == len(wanted.refused)
    assert {row.source for row in rows} == {"open_data"}
    for row in rows:
        stored, shape = shapely.from_wkb(bytes(row.st_asbinary)), wanted.shapes[row.code]
        assert shapely.hausdorff_distance(stored, shape) < 1e-6, row.code
        assert stored.is_valid
        if LAYERS[layer].geometry == "MULTIPOLYGON":
            assert stored.symmetric_difference(shape).area <= shape.area * 1e-6


@pytest.mark.usefixtures("shanghai")
def test_its_metric_system_is_its_own(superuser: Engine) -> None:
    with superuser.connect() as conn:
        srid = conn.execute(text("select metric_srid from gis.area where code = :c"), {"c": COMMUNITY}).scalar_one()
    boundary = geopandas.read_file(DATA / "boundary.geojson").geometry.iloc[0]
    system = pyproj.CRS.from_epsg(srid)
    assert system.coordinate_operation is not None
    assert system.geodetic_crs is not None
    meridian = next(p.value for p in system.coordinate_operation.params if p.name == "Longitude of natural origin")
    assert abs(boundary.centroid.x - meridian) <= 1.5
    assert system.geodetic_crs.to_epsg() == 4490
    assert "3-degree" in system.name


def test_its_map_names_the_contributors_and_is_not_synthetic(shanghai: Command, tmp_path: Path) -> None:
    page = tmp_path / "外滩.html"
    drawn = shanghai("map", "overview", "--community", COMMUNITY, "--out", page)
    assert drawn.code == 0, drawn.err
    html = page.read_text("utf-8")
    config = json.loads(html.partition('id="gis-config">')[2].partition("</script>")[0])
    assert config["attributions"] == [ATTRIBUTION]
    assert config["synthetic"] is False
    counts = {layer["name"]: layer["count"] for layer in config["layers"]}
    assert {name: counts[name] for name in FILES} == {name: len(expected(name).shapes) for name in FILES}
    assert config["heading"] == "外滩样区一张图"


def test_the_same_file_again_changes_nothing(shanghai: Command, superuser: Engine) -> None:
    def versions() -> list[object]:
        with superuser.connect() as conn:
            return list(conn.execute(text("select layer, version from gis.layer_version order by layer")))

    before = versions()
    again = shanghai(
        "upload", DATA / "roads.geojson", "--layer", "road", "--community", COMMUNITY, "--dissolve", "id",
        "--source", "open_data", "--commit", "--accept", "valid",
    )  # fmt: skip
    assert again.code == 0, again.err
    assert versions() == before
