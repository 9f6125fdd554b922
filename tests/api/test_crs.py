"""The abstract tests of OGC API Features Part 2 (Annex A of 18-058r1): six reference systems, their axes in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from fastapi.testclient import TestClient

from gis_service.reference_systems import CRS84, SERVED, STORED, ReferenceSystem
from tests.api.conftest import Truth

SYSTEMS = pytest.mark.parametrize("system", SERVED, ids=lambda system: system.uri.rpartition("/")[2])
# Where Xinqun lies, in the order of axes that the register says, without PROJ having a word in it.
PLACES = {
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84": (121.0, 30.70),
    "http://www.opengis.net/def/crs/EPSG/0/4326": (30.70, 121.0),
    "http://www.opengis.net/def/crs/EPSG/0/4490": (30.70, 121.0),
    "http://www.opengis.net/def/crs/EPSG/0/4549": (3397700, 595900),
    "http://www.opengis.net/def/crs/EPSG/0/4528": (3397700, 40595900),
    "http://www.opengis.net/def/crs/EPSG/0/3857": (13469800, 3593300),
}
PROJECTED = [system for system in SERVED if system.srid not in {4326, 4490}]
ITEMS = "/collections/building/items"


def authority(uri: str) -> pyproj.CRS:
    """Return a system as the register has it, by PROJ's own reading of its name."""
    organisation, _, code = uri.removeprefix("http://www.opengis.net/def/crs/").replace("/", " ").rpartition(" ")
    return pyproj.CRS.from_authority(organisation.partition(" ")[0], code)


def moved(shapes: Any, system: ReferenceSystem) -> Any:
    """Carry geometries from degrees, longitude first, to a system in the order that the register wants."""
    # WGS 84 and CGCS2000 are one to this service, as PROJ's ballpark has it.
    source = "OGC:CRS84" if system.srid in {4326, 3857} else "EPSG:4490"
    transformer = pyproj.Transformer.from_crs(source, authority(system.uri), always_xy=False)

    def move(points: Any) -> Any:
        given = points if source == "OGC:CRS84" else points[:, ::-1]
        return np.column_stack(transformer.transform(given[:, 0], given[:, 1]))

    return shapely.transform(shapes, move)


def features(client: TestClient, **asked: str) -> list[dict[str, Any]]:
    answer = client.get(ITEMS, params={"limit": "10000", **asked})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["features"]
    return found


def shapes_of(found: list[dict[str, Any]]) -> Any:
    return np.array([shapely.geometry.shape(one["geometry"]) for one in found])


@pytest.fixture(scope="module")
def plain(client: TestClient) -> list[dict[str, Any]]:
    """All buildings as they come without a word about reference systems."""
    return features(client)


@pytest.fixture(scope="module")
def middle(truth: Truth) -> Any:
    """A box in the middle of the community, in degrees."""
    west, south, east, north = truth.extents["community"]
    return shapely.box((west * 2 + east) / 3, (south * 2 + north) / 3, (west + east * 2) / 3, (south + north * 2) / 3)


def test_crs_md_crs_list_and_storage_crs(client: TestClient) -> None:
    for described in client.get("/collections").json()["collections"]:
        assert described["crs"] == [system.uri for system in SERVED]
        assert described["crs"][0] == CRS84.uri
        assert described["storageCrs"] == STORED.uri
        assert described["storageCrs"] in described["crs"]
    assert {system.srid for system in SERVED} == {4326, 4490, 4549, 4528, 3857}


@SYSTEMS
def test_fc_crs_action_every_coordinate_is_in_the_system_asked_for(
    client: TestClient, plain: list[dict[str, Any]], system: ReferenceSystem
) -> None:
    found = features(client, crs=system.uri)
    assert [one["id"] for one in found] == [one["id"] for one in plain]
    expected = moved(shapes_of(plain), system)
    degrees = system.srid in {4326, 4490}
    # Eight decimals of a degree, which the others are reckoned from here, are a millimetre.
    tolerance = 1e-7 if degrees else 0.0015
    assert shapely.equals_exact(shapes_of(found), expected, tolerance=tolerance).all()
    first = shapely.get_coordinates(shapes_of(found))[0]
    assert first == pytest.approx(PLACES[system.uri], abs=0.05 if degrees else 5000)


@SYSTEMS
def test_crs_header_content_crs_of_items_and_of_an_item(client: TestClient, system: ReferenceSystem) -> None:
    page = client.get(ITEMS, params={"limit": "1", "crs": system.uri})
    assert page.headers["content-crs"] == f"<{system.uri}>"
    name = page.json()["features"][0]["id"]
    one = client.get(f"{ITEMS}/{name}", params={"crs": system.uri})
    assert one.headers["content-crs"] == f"<{system.uri}>"
    assert one.json()["geometry"] == page.json()["features"][0]["geometry"]
    again = client.get(f"{ITEMS}/{name}", params={"crs": system.uri}, headers={"If-None-Match": one.headers["etag"]})
    assert (again.status_code, again.headers["content-crs"]) == (304, f"<{system.uri}>")


def test_fc_crs_default_is_crs84(client: TestClient, plain: list[dict[str, Any]]) -> None:
    assert client.get(f"{ITEMS}?limit=1").headers["content-crs"] == f"<{CRS84.uri}>"
    west, south, east, north = shapely.total_bounds(shapes_of(plain))
    assert 120 < west < east < 122
    assert 30 < south < north < 31


@SYSTEMS
def test_fc_bbox_crs_action_a_box_means_the_same_place(
    client: TestClient, plain: list[dict[str, Any]], middle: Any, system: ReferenceSystem
) -> None:
    corners = shapely.total_bounds(moved(middle, system)).tolist()
    box = ",".join(map(repr, corners))
    found = features(client, bbox=box, **{"bbox-crs": system.uri})
    # A box of a projected system isn't quite one in degrees: what touches its edges is left out of the comparison.
    drawn = shapely.box(*corners)
    shapes = moved(shapes_of(plain), system)
    near = shapely.distance(shapely.boundary(drawn), shapes) < (1e-8 if system.srid in {4326, 4490} else 0.02)
    expected = {one["id"] for one, inside in zip(plain, shapely.intersects(drawn, shapes), strict=True) if inside}
    unsure = {one["id"] for one, close in zip(plain, near, strict=True) if close}
    assert {one["id"] for one in found} - unsure == expected - unsure
    assert len(expected - unsure) > 50
    # The answer's own system is another matter.
    again = features(client, bbox=box, crs=PROJECTED[0].uri, **{"bbox-crs": system.uri})
    assert [one["id"] for one in again] == [one["id"] for one in found]


@SYSTEMS
def test_fc_bbox_crs_action_the_other_order_of_axes_is_another_place(
    client: TestClient, middle: Any, system: ReferenceSystem
) -> None:
    a, b, c, d = shapely.total_bounds(moved(middle, system)).tolist()
    answer = client.get(ITEMS, params={"bbox": f"{b},{a},{d},{c}", "bbox-crs": system.uri, "limit": "1"})
    assert answer.status_code == 400 or answer.json()["numberMatched"] == 0, answer.text[:300]


@pytest.mark.parametrize("place", ["crs", "bbox-crs", "filter-crs"])
@pytest.mark.parametrize(
    "name",
    ["http://www.opengis.net/def/crs/EPSG/0/4547", "EPSG:9999", "4490", "", "urn:ogc:def:crs:EPSG::4490", "x" * 500],
)
def test_fc_crs_valid_value_what_is_not_served_is_refused(client: TestClient, place: str, name: str) -> None:
    question = {"bbox": "120,30,122,31", place: name}
    answer = client.get(ITEMS, params=question)
    assert answer.status_code == 400, answer.text
    assert "EPSG/0/4549" in answer.json()["detail"]
    assert client.get("/collections/building/items/330482002011.x", params={"crs": name}).status_code == 400


@SYSTEMS
@pytest.mark.parametrize(
    "box",
    [
        "-100000000,-100000000,100000000,100000000", "0,0,0,0", "-1e8,3400000,1e8,3400001", "100000000,0,100000000,0",
        "-20037508.34,-20048966.1,20037508.34,20048966.1", "9e7,9e7,1e8,1e8", "-90,-180,90,180", "-180,-90,180,90",
        "1e300,1e300,1e301,1e301", "-5e6,0,5e6,5e6", "-1e7,-1e7,1e7,1e7", "-2e7,-3e6,4e7,1.5e7",
    ],
)  # fmt: skip
def test_a_box_far_outside_a_system_is_answered_or_refused_and_never_fails(
    client: TestClient, system: ReferenceSystem, box: str
) -> None:
    answer = client.get(ITEMS, params={"bbox": box, "bbox-crs": system.uri, "limit": "1"})
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 400:
        assert "bbox" in answer.json()["detail"]


@SYSTEMS
def test_filter_crs_geometries_of_a_filter_are_in_its_system(
    client: TestClient, plain: list[dict[str, Any]], middle: Any, system: ReferenceSystem
) -> None:
    written = shapely.to_wkt(moved(middle, system), rounding_precision=-1)
    asked = {"filter": f"S_WITHIN(geometry,{written})", "filter-crs": system.uri}
    found = {one["id"] for one in features(client, **asked)}
    shapes = shapes_of(plain)
    sure = shapely.distance(shapely.boundary(middle), shapes) > 1e-7
    expected = {one["id"] for one, inside in zip(plain, shapely.within(shapes, middle) & sure, strict=True) if inside}
    assert len(expected) > 50
    assert expected == found & {one["id"] for one, kept in zip(plain, sure, strict=True) if kept}


@SYSTEMS
@pytest.mark.usefixtures("gdal_login")
def test_pyogrio_reads_each_system_right(
    server: str, client: TestClient, plain: list[dict[str, Any]], middle: Any, system: ReferenceSystem
) -> None:
    meta, _, wkb, values = pyogrio.raw.read(f"OAPIF:{server}", layer="building", CRS=system.uri)
    if system.srid != 4326:
        assert meta["crs"] == f"EPSG:{system.srid}"
    codes = values[list(meta["fields"]).index("code")].tolist()
    by_code = {one["properties"]["code"]: one for one in plain}
    # GDAL gives every system easting or longitude first.
    expected = moved(shapes_of([by_code[code] for code in codes]), system)
    if system.flipped:
        expected = shapely.transform(expected, lambda points: points[:, ::-1])
    degrees = system.srid in {4326, 4490}
    # Eight decimals of a degree, which the others are reckoned from here, are a millimetre.
    tolerance = 1e-7 if degrees else 0.0015
    assert len(codes) == len(plain)
    assert shapely.equals_exact(shapely.from_wkb(wkb), expected, tolerance=tolerance).all()
    flat = shapely.transform(moved(middle, system), lambda points: points[:, ::-1] if system.flipped else points)
    _, _, wkb, _ = pyogrio.raw.read(
        f"OAPIF:{server}", layer="building", CRS=system.uri, bbox=tuple(shapely.total_bounds(flat).tolist())
    )
    asked = shapely.total_bounds(moved(middle, system)).tolist()
    page = features(client, bbox=",".join(map(repr, asked)), **{"bbox-crs": system.uri})
    assert len(wkb) == len(page) > 50
