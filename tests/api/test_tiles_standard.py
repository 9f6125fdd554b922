"""The abstract tests of OGC API Tiles 1 (Annex A of 20-057) and of tile matrix sets 2.0, asked of the sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import mapbox_vector_tile
import numpy as np
import pyproj
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import create_app
from gis_service.database import connect, open_engine
from gis_service.local_cluster import LocalCluster
from layers.registry import LAYERS
from tests.api.conftest import Truth
from tests.local_client import local

MVT = "application/vnd.mapbox-vector-tile"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
QUAD = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
EPSG_3857 = "http://www.opengis.net/def/crs/EPSG/0/3857"
EXTENT, BUFFER = 4096, 64
TILESETS = pytest.mark.parametrize("origin", ["", *(f"/collections/{name}" for name in ("building", "road", "visit"))])


def links_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    assert all(one["href"].startswith("http://localhost/") and one["type"] for one in document["links"])
    return {one["rel"]: one for one in document["links"]}


def json_of(client: TestClient, address: str, **asked: str) -> dict[str, Any]:
    answer = client.get(address, params=asked or None)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text[:300]
    found: dict[str, Any] = answer.json()
    return found


def place_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Return the row and column of the tile that holds a point, by the definition of WebMercatorQuad."""
    x, y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(lon, lat)
    side = 2 * math.pi * 6378137.0 / 2**zoom
    return int((math.pi * 6378137.0 - y) // side), int((x + math.pi * 6378137.0) // side)


@pytest.fixture(scope="module")
def centre(truth: Truth) -> tuple[float, float]:
    """A point in the community, in degrees."""
    west, south, east, north = truth.extents["community"]
    return (west + east) / 2, (south + north) / 2


def tile_at(centre: tuple[float, float], zoom: int) -> str:
    row, column = place_of(*centre, zoom)
    return f"{zoom}/{row}/{column}"


def decoded(client: TestClient, address: str, **asked: str) -> dict[str, list[dict[str, Any]]]:
    """Return a tile's features by layer; an empty tile has none."""
    answer = client.get(address, params=asked or None)
    assert answer.status_code in {200, 204}, answer.text[:300]
    if answer.status_code == 204:
        assert answer.content == b""
        return {}
    assert answer.headers["content-type"] == MVT
    found = mapbox_vector_tile.decode(answer.content, default_options={"y_coord_down": True})
    return {name: layer["features"] for name, layer in found.items()}


def codes_of(features: list[dict[str, Any]]) -> set[str]:
    return {feature["properties"]["code"] for feature in features}


def test_conformance_success(client: TestClient) -> None:
    declared = json_of(client, "/conformance")["conformsTo"]
    for name in ("core", "tileset", "tilesets-list", "dataset-tilesets", "geodata-tilesets", "mvt", "oas30",
                 "collections-selection", "datetime"):  # fmt: skip
        assert f"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/{name}" in declared


def test_dataset_tilesets_landingpage(client: TestClient) -> None:
    links = links_of(json_of(client, "/", f="json"))
    assert json_of(client, links[f"{REL}tilesets-vector"]["href"])["tilesets"]
    assert json_of(client, links[f"{REL}tiling-schemes"]["href"])["tileMatrixSets"]


def test_geodata_tilesets_desc_links(client: TestClient) -> None:
    for described in json_of(client, "/collections")["collections"]:
        target = links_of(described)[f"{REL}tilesets-vector"]["href"]
        assert target == f"http://localhost/collections/{described['id']}/tiles"


@TILESETS
def test_tilesets_list_tileset_links(client: TestClient, origin: str) -> None:
    for listed in json_of(client, f"{origin}/tiles")["tilesets"]:
        assert (listed["dataType"], listed["crs"], listed["tileMatrixSetURI"]) == ("vector", EPSG_3857, QUAD)
        links = links_of(listed)
        assert links["self"]["href"] == f"http://localhost{origin}/tiles/WebMercatorQuad"
        assert json_of(client, links["self"]["href"])["tileMatrixSetURI"] == QUAD
        assert json_of(client, links[f"{REL}tiling-scheme"]["href"])["uri"] == QUAD


@TILESETS
def test_tileset_description(client: TestClient, truth: Truth, centre: tuple[float, float], origin: str) -> None:
    described = json_of(client, f"{origin}/tiles/WebMercatorQuad")
    assert (described["dataType"], described["crs"], described["tileMatrixSetURI"]) == ("vector", EPSG_3857, QUAD)
    names = [layer["id"] for layer in described["layers"]]
    assert names == ([origin.rpartition("/")[2]] if origin else list(LAYERS))
    extents = [truth.extents[name] for name in names]
    west, south, east, north = (
        pick(extent[side] for extent in extents) for side, pick in enumerate((min, min, max, max))
    )
    box = described["boundingBox"]
    assert [*box["lowerLeft"], *box["upperRight"]] == pytest.approx([west, south, east, north], abs=1e-9)
    item = links_of(described)["item"]
    assert (item["templated"], item["type"]) == (True, MVT)
    row, column = place_of(*centre, 13)
    address = item["href"].format(tileMatrix=13, tileRow=row, tileCol=column)
    tiles = decoded(client, address)
    assert tiles
    for layer in described["layers"]:
        for feature in tiles.get(layer["id"], []):
            assert set(feature["properties"]) <= set(layer["propertiesSchema"]["properties"])
            assert feature["geometry"]["type"]


def test_tms_json_tilematrixset_is_the_registered_one(client: TestClient) -> None:
    found = json_of(client, "/tileMatrixSets/WebMercatorQuad")
    assert (found["id"], found["uri"], found["crs"]) == ("WebMercatorQuad", QUAD, EPSG_3857)
    matrices = {matrix["id"]: matrix for matrix in found["tileMatrices"]}
    assert list(matrices) == [str(zoom) for zoom in range(23)]
    # Figures of the standard's Annex D.1.
    for zoom, scale, cell in (
        ("0", 559082264.028717, 156543.033928041), ("1", 279541132.014358, 78271.5169640204),
        ("14", 34123.6733415965, 9.55462853563415), ("22", 133.295598990611, 0.0373227677173712),
    ):  # fmt: skip
        assert matrices[zoom]["scaleDenominator"] == pytest.approx(scale, rel=1e-9)
        assert matrices[zoom]["cellSize"] == pytest.approx(cell, rel=1e-6)
        assert matrices[zoom]["pointOfOrigin"] == pytest.approx([-20037508.3427892, 20037508.3427892], abs=1e-6)
        assert matrices[zoom]["matrixWidth"] == matrices[zoom]["matrixHeight"] == 2 ** int(zoom)
        assert (matrices[zoom]["tileWidth"], matrices[zoom]["cornerOfOrigin"]) == (256, "topLeft")
    assert client.get("/tileMatrixSets/WorldCRS84Quad").status_code == 404


@pytest.mark.parametrize("zoom", [12, 14, 16, 18])
def test_core_tc_success_a_tile_holds_what_lies_in_it(
    client: TestClient, sample_superuser: Engine, centre: tuple[float, float], zoom: int
) -> None:
    row, column = place_of(*centre, zoom)
    # Shapely decides on its own, in metres of EPSG:3857.
    side = 2 * math.pi * 6378137.0 / 2**zoom
    west, north = column * side - math.pi * 6378137.0, math.pi * 6378137.0 - row * side
    margin = side * BUFFER / EXTENT
    box = shapely.box(west - margin, north - side - margin, west + side + margin, north + margin)
    transformer = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    for name in ("building", "road", "facility"):
        with sample_superuser.connect() as conn:
            rows = conn.execute(text(f"select code, st_asbinary(geom) from gis.{name}")).all()
        shapes = shapely.from_wkb([bytes(row[1]) for row in rows])
        flat = shapely.transform(shapes, lambda points: np.column_stack(transformer.transform(*points.T)))
        expected = {row[0] for row, inside in zip(rows, shapely.intersects(flat, box), strict=True) if inside}
        # What is smaller than a unit of the tile, or only touches its edge, may be left out.
        large = (shapely.length(shapely.intersection(flat, box)) > 8 * side / EXTENT) | (
            (shapely.get_type_id(flat) == 0) & shapely.intersects(flat, box.buffer(-margin / 2))
        )
        sure = {row[0] for row, inside in zip(rows, large, strict=True) if inside}
        found = codes_of(
            decoded(client, f"/collections/{name}/tiles/WebMercatorQuad/{zoom}/{row}/{column}").get(name, [])
        )
        assert sure <= found <= expected, name
        assert sure or name == "facility"


def test_core_tc_error_outside_of_the_matrix(client: TestClient) -> None:
    for origin in ("", "/collections/building"):
        for place in ("23/0/0", "14/16384/0", "14/0/16384", "0/1/0", "-1/0/0", "x/0/0", "0/0/1.5"):
            answer = client.get(f"{origin}/tiles/WebMercatorQuad/{place}")
            assert answer.status_code in {400, 404}, place
            assert answer.headers["content-type"] == "application/problem+json"
        assert client.get(f"{origin}/tiles/WorldCRS84Quad/0/0/0").status_code == 404


def test_core_tc_error_an_empty_tile_is_204(client: TestClient) -> None:
    for origin in ("", "/collections/building"):
        answer = client.get(f"{origin}/tiles/WebMercatorQuad/14/0/0")
        assert (answer.status_code, answer.content) == (204, b"")
        again = client.get(f"{origin}/tiles/WebMercatorQuad/14/0/0", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_collections_selection_collections_response(client: TestClient, centre: tuple[float, float]) -> None:
    address = f"/tiles/WebMercatorQuad/{tile_at(centre, 14)}"
    everything = decoded(client, address)
    assert {"building", "road", "grid", "facility"} <= set(everything) <= set(LAYERS)
    for asked in ("building,road", "http://localhost/collections/building,road", "road,building,road"):
        some = decoded(client, address, collections=asked)
        assert set(some) == {"building", "road"}
        for name, features in some.items():
            assert codes_of(features) == codes_of(everything[name])
            assert decoded(client, f"/collections/{name}{address}")[name] == features
    for wrong in ("building,nothing", "", ",", "http://elsewhere/collections/building"):
        answer = client.get(address, params={"collections": wrong})
        assert answer.status_code == 400, wrong
        assert client.get("/tiles/WebMercatorQuad", params={"collections": wrong}).status_code == 400
    described = json_of(client, "/tiles/WebMercatorQuad", collections="building,road")
    assert [layer["id"] for layer in described["layers"]] == ["building", "road"]
    links = links_of(described)
    assert links["item"]["href"].endswith("{tileCol}?collections=building,road")
    assert json_of(client, links["self"]["href"])["layers"] == described["layers"]


@pytest.fixture(scope="module")
def dated(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> Iterator[TestClient]:
    """A service over a copy of the sample in which a third of the enterprises closed, and a third opened, in 2020."""
    name = make_database(untouched_sample)
    engine = open_engine(cluster.url("postgres", name))
    with engine.begin() as conn:
        third = "update gis.enterprise set {} = '2020-06-01' where right(code, 4)::int % 3 = {}"
        conn.execute(text(third.format("valid_from", 0)))
        conn.execute(text(third.format("valid_to", 1)))
    engine.dispose()
    database = connect(cluster.url("gis_app", name))
    with TestClient(create_app(database), **local(database)) as client:
        yield client
    database.close()


def test_datetime_leaves_out_what_was_not_valid(dated: TestClient, centre: tuple[float, float]) -> None:
    address = f"/collections/enterprise/tiles/WebMercatorQuad/{tile_at(centre, 12)}"
    everything = codes_of(decoded(dated, address)["enterprise"])
    opened, closed = ({code for code in everything if int(code[-4:]) % 3 == third} for third in (0, 1))
    assert opened
    assert closed
    for asked, expected in (
        ("2020-01-01", everything - opened), ("../2020-05-31", everything - opened), ("2020-06-01", everything),
        ("2020-06-02/..", everything - closed), ("2020-06-02T00:00:00%2B08:00", everything - closed),
        ("2020-01-01/2021-01-01", everything),
    ):  # fmt: skip
        tile = codes_of(decoded(dated, f"{address}?datetime={asked}")["enterprise"])
        page = dated.get(f"/collections/enterprise/items?limit=10000&datetime={asked}").json()
        assert tile == {feature["properties"]["code"] for feature in page["features"]} == expected, asked
    assert dated.get(address, params={"datetime": "yesterday"}).status_code == 400


def test_a_filter_decides_what_a_tile_holds(client: TestClient, centre: tuple[float, float]) -> None:
    place = tile_at(centre, 12)
    address = f"/collections/building/tiles/WebMercatorQuad/{place}"
    condition = "use = '21' AND floors > 1"
    found = codes_of(decoded(client, address, filter=condition)["building"])
    page = client.get("/collections/building/items", params={"filter": condition, "limit": "10000"}).json()
    assert found == {feature["properties"]["code"] for feature in page["features"]}
    assert 0 < len(found) < len(codes_of(decoded(client, address)["building"]))
    as_json = (
        '{"op":"and","args":[{"op":"=","args":[{"property":"use"},"21"]},{"op":">","args":[{"property":"floors"},1]}]}'
    )
    assert codes_of(decoded(client, address, filter=as_json, **{"filter-lang": "cql2-json"})["building"]) == found
    # In a tile of several layers the filter must suit each of them.
    several = f"/tiles/WebMercatorQuad/{place}"
    both = decoded(client, several, collections="building,road", filter="code LIKE '%1'")
    assert set(both) == {"building", "road"}
    assert all(code.endswith("1") for features in both.values() for code in codes_of(features))
    refused = client.get(several, params={"collections": "building,road", "filter": "use = '21'"})
    assert refused.status_code == 400
    assert decoded(client, address, filter="floors > 149") == {}


def test_an_unchanged_tile_is_304_and_each_question_has_a_tag_of_its_own(
    client: TestClient, centre: tuple[float, float]
) -> None:
    place = tile_at(centre, 14)
    tags = set()
    for address in (f"/collections/building/tiles/WebMercatorQuad/{place}", f"/tiles/WebMercatorQuad/{place}"):
        for asked in (
            {}, {"filter": "floors > 3"}, {"filter": "floors > 4"}, {"datetime": "2020-01-01"}, {"as_of": "2026-01-01"},
            {"community": "330482002011"}, {"collections": "building"}, {"collections": "building,road"},
            {"filter": '{"op":">","args":[{"property":"code"},"3"]}', "filter-lang": "cql2-json"},
        ):  # fmt: skip
            if "collections" in asked and "collections" in address:
                continue
            if "floors" in asked.get("filter", "") and "collections" not in address:
                asked = {**asked, "collections": "building"}  # noqa: PLW2901
            first = client.get(address, params=asked)
            assert first.status_code in {200, 204}, first.text[:300]
            tags.add(first.headers["etag"])
            again = client.get(address, params=asked, headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
    assert len(tags) == 7 + 9


def test_as_of_shows_what_was_recorded_then(client: TestClient, centre: tuple[float, float]) -> None:
    address = f"/tiles/WebMercatorQuad/{tile_at(centre, 14)}"
    assert decoded(client, address, as_of="2020-01-01") == {}
    assert set(decoded(client, address, as_of="2100-01-01")) == set(decoded(client, address))


@TILESETS
def test_tile_json_is_what_maplibre_takes_as_a_source(
    client: TestClient, centre: tuple[float, float], origin: str
) -> None:
    described = json_of(client, f"{origin}/tiles/WebMercatorQuad/tilejson.json")
    assert (described["tilejson"], described["scheme"]) == ("3.0.0", "xyz")
    west, south, east, north = described["bounds"]
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    (template,) = described["tiles"]
    row, column = place_of(*centre, 13)
    tiles = decoded(client, template.format(z=13, x=column, y=row))
    fields = {layer["id"]: set(layer["fields"]) for layer in described["vector_layers"]}
    assert set(tiles) <= set(fields)
    assert all(set(one["properties"]) <= fields[name] for name, features in tiles.items() for one in features)


def test_oas30_operation_id(client: TestClient) -> None:
    identifiers = [
        operation["operationId"] for item in json_of_api(client)["paths"].values() for operation in item.values()
    ]
    assert len(identifiers) == len(set(identifiers))
    for suffix in ("getTileMatrixSetsList", "getTileMatrixSet", "dataset.vector.getTileSetsList",
                   "dataset.vector.getTileSet", "dataset.vector.getTile"):  # fmt: skip
        assert suffix in identifiers
    for name in LAYERS:
        for suffix in ("getTileSetsList", "getTileSet", "getTile"):
            assert f"{name}.collection.vector.{suffix}" in identifiers


def json_of_api(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api").json()
    return found
