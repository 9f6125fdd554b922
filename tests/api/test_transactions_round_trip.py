"""What writing leaves as it was, what it shows at once, and real clients that write."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient
from owslib.ogcapi.features import Features
from shapely.geometry import mapping

from gis_service.coordinates import transform_geometries
from gis_service.local_cluster import LocalCluster
from gis_service.reference_systems import SERVED, ReferenceSystem
from gis_service.sample.load import COMMUNITY
from layers.registry import LAYERS
from tests.api.editing import (
    CRS,
    GEOJSON,
    MIDDLE,
    PATCH,
    created,
    editing,
    feature_of,
    refused,
    scalar,
    shape_at,
    stored_shape,
)
from tests.api.own_service import Served
from tests.gis_service.example_rows import example_values

ITEMS = "/collections/waste_point/items"


@pytest.fixture(scope="module")
def editor(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> Iterator[TestClient]:
    with editing(cluster, make_database, untouched_sample) as client:
        yield client


def test_an_item_is_unchanged_until_it_is_changed_itself(editor: TestClient) -> None:
    address = created(editor, "waste_point", feature_of("waste_point"))
    by_code = f"{ITEMS}/{COMMUNITY}.{editor.get(address).json()['properties']['code']}"
    asked = [address, by_code, f"{address}?crs={CRS}4549", f"{address}?crs={CRS}4490"]
    answers = [editor.get(where) for where in asked]
    tags = [answer.headers["etag"] for answer in answers]
    assert len(set(tags)) == len({answer.content for answer in answers}) == len(asked)
    # Another feature of the layer changes.
    created(editor, "waste_point", feature_of("waste_point"))
    for where, tag in zip(asked, tags, strict=True):
        again = editor.get(where, headers={"if-none-match": f'"x", {tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["content-crs"]
        assert editor.get(where, headers={"if-none-match": '"x"'}).status_code == 200
    # Whoever saw it in one reference system may change it in another, by any of its names.
    for number, tag in enumerate(tags):
        version = {"if-match": editor.get(asked[number]).headers["etag"]}
        assert tag.split("-")[2] == version["if-match"].split("-")[2]
        patch = {"properties": {"bins": number}}
        assert editor.patch(by_code, json=patch, headers={**PATCH, **version}).status_code == 204
        refused(editor.patch(address, json=patch, headers={**PATCH, **version}), 412)
        assert editor.get(asked[number], headers={"if-none-match": tag}).status_code == 200
    then = datetime.now(UTC).isoformat()
    assert editor.delete(address).status_code == 204
    refused(editor.get(address, headers={"if-none-match": tags[0]}), 404)
    assert editor.get(address, params={"as_of": then}).json()["properties"]["bins"] == len(asked) - 1


def test_a_write_shows_everywhere_at_once(editor: TestClient) -> None:
    tile = "/collections/waste_point/tiles/WebMercatorQuad/14/6722/13698"
    seen = [editor.get(where).headers["etag"] for where in (tile, f"{ITEMS}?limit=1")]
    total = editor.get(f"{ITEMS}?limit=1").json()["numberMatched"]
    address = created(editor, "waste_point", feature_of("waste_point", code="SHOWN"))
    steps: list[Callable[[], httpx.Response]] = [
        lambda: editor.put(address, json=feature_of("waste_point", code="SHOWN", name="甲"), headers=GEOJSON),
        lambda: editor.patch(address, json={"properties": {"name": "乙"}}, headers=PATCH),
        lambda: editor.delete(address),
    ]
    for number, step in enumerate([None, *steps]):
        if step is not None:
            assert step().status_code == 204
        tags = [editor.get(where).headers["etag"] for where in (tile, f"{ITEMS}?limit=1")]
        assert not set(tags) & set(seen)
        seen += tags
        found = editor.get(f"{ITEMS}?code=SHOWN").json()
        names = [feature["properties"]["name"] for feature in found["features"]]
        assert names == [[None], ["甲"], ["乙"], []][number]
        assert found["numberMatched"] == len(names)
    assert editor.get(f"{ITEMS}?limit=1").json()["numberMatched"] == total
    key = uuid.UUID(address.rpartition(".")[2])
    operations = (
        "select string_agg(operation || version, ' ' order by version) from gis.waste_point_history where id = :id"
    )
    assert scalar(editor, operations, id=key) == "insert1 update2 update3 delete4"
    actors = "select string_agg(distinct recorded_by, ',') from gis.waste_point_history where id = :id"
    assert scalar(editor, actors, id=key) == "tester"


@pytest.mark.parametrize("system", SERVED, ids=lambda system: str(system.uri.rpartition("/")[2]))
@pytest.mark.parametrize("name", ["waste_point", "road", "building", "parking"])
def test_a_round_trip_leaves_the_geometry_and_a_move_is_exact(
    editor: TestClient, name: str, system: ReferenceSystem
) -> None:
    chance = random.Random(name + system.uri)
    corners = [(MIDDLE[0] + chance.random() * 1e-3, MIDDLE[1] + chance.random() * 1e-3) for _ in range(40)]
    hull = shapely.MultiPoint(corners).convex_hull
    hole = shapely.affinity.scale(hull, 0.3, 0.3)
    # Survey software winds areas the other way than GeoJSON does.
    area = shapely.Polygon(list(hull.exterior.coords), [list(hole.exterior.coords)])
    shapes = {"waste_point": shapely.Point(corners[0]), "road": shapely.LineString(corners), "building": area}
    shape = shapes.get(name, shapely.MultiPolygon([area]))
    address = created(editor, name, feature_of(name, shape))
    before = stored_shape(editor, name, address)
    headers = {**GEOJSON, "content-crs": f"<{system.uri}>"}

    got = editor.get(address, params={"crs": system.uri})
    feature = got.json()
    feature["properties"]["name"] = "改了名"
    answer = editor.put(address, json=feature, headers={**headers, "if-match": got.headers["etag"]})
    assert answer.status_code == 204
    assert stored_shape(editor, name, address) == before
    assert editor.get(address).json()["properties"]["name"] == "改了名"

    # A metre to the east and two to the north, in a system of metres, as an editor's mouse does it.
    plane = "EPSG:4549"
    shown = shape_at(editor, address, system.uri)
    straight = shapely.transform(shown, lambda points: points[:, ::-1]) if system.flipped else shown
    metres = transform_geometries([straight], f"EPSG:{system.srid}", plane)[0]
    moved = shapely.transform(metres, lambda points: points + np.array([1.0, 2.0]))
    sent = transform_geometries([moved], plane, f"EPSG:{system.srid}")[0]
    turned = shapely.transform(sent, lambda points: points[:, ::-1]) if system.flipped else sent
    patch = {"geometry": mapping(turned)}
    assert editor.patch(address, json=patch, headers={**headers, **PATCH}).status_code == 204
    assert stored_shape(editor, name, address) != before
    for crs, tolerance in ((f"{CRS}4549", 1e-3), (system.uri, 1.0)):
        served = shape_at(editor, address, crs)
        expected = shapely.transform(moved, lambda points: points[:, ::-1]) if crs.endswith("4549") else turned
        apart = np.abs(shapely.get_coordinates(served) - shapely.get_coordinates(expected)).max()
        limit = tolerance if crs.endswith("4549") or system.srid in {4528, 3857} else 1.1e-8
        assert apart < min(limit, 1e-3), (crs, apart)


def test_place_goes_before_geometry(editor: TestClient) -> None:
    feature = feature_of("waste_point", {"type": "Point", "coordinates": [MIDDLE[0] + 1e-3, MIDDLE[1]]})
    feature |= {"place": {"type": "Point", "coordinates": [MIDDLE[1], MIDDLE[0]]}, "coordRefSys": f"{CRS}4490"}
    address = created(editor, "waste_point", feature)
    assert shape_at(editor, address).coords[0] == MIDDLE
    feature["properties"]["code"] = "PLACE"
    feature |= {"place": None}
    assert shape_at(editor, created(editor, "waste_point", feature)).x == pytest.approx(MIDDLE[0] + 1e-3)


def test_the_boundary_of_a_community_is_changed_but_keeps_its_code(editor: TestClient) -> None:
    boundary = editor.get("/collections/community/items?limit=1").json()["features"][0]
    address = f"/collections/community/items/{boundary['id']}"
    refused(editor.patch(address, json={"properties": {"code": "330482002012"}}, headers=PATCH), 400, "不能改")
    assert editor.patch(address, json={"properties": {"remark": "核过"}}, headers=PATCH).status_code == 204
    assert editor.put(address, json=boundary, headers=GEOJSON).status_code == 204
    assert editor.get(address).json()["properties"]["remark"] == boundary["properties"]["remark"]


def test_real_clients_write(served_copy: Served) -> None:
    """OWSLib adds, replaces and deletes; of two editors who saw one version exactly one writes."""
    _owslib_writes(served_copy)
    _one_of_two_writes(served_copy)


def _owslib_writes(served: Served) -> None:
    client = Features(served.url, headers=served.headers)
    client.headers = {"User-Agent": "test", **served.headers}
    x, y = transform_geometries([shapely.Point(MIDDLE)], "EPSG:4490", "EPSG:4549")[0].coords[0]
    feature = feature_of("waste_point", {"type": "Point", "coordinates": [y, x]}, name="一号点")
    client.headers["Content-Crs"] = f"<{CRS}4549>"
    assert client.collection_item_create("waste_point", feature)
    name = client.response_headers["Location"].rpartition("/")[2]
    plain = Features(served.url, headers={"Content-Type": "application/geo+json", **served.headers})
    plain.headers.pop("Content-Crs", None)
    got = plain.collection_item("waste_point", name)
    metres = transform_geometries([shapely.geometry.shape(got["geometry"])], "EPSG:4490", "EPSG:4549")[0]
    assert metres.distance(shapely.Point(x, y)) < 1e-3
    got["properties"]["name"] = "二号点"
    assert plain.collection_item_update("waste_point", name, json.dumps(got))
    again = plain.collection_item("waste_point", name)
    assert again["properties"]["name"] == "二号点"
    assert again["geometry"] == got["geometry"]
    assert plain.collection_item_delete("waste_point", name)
    with pytest.raises(RuntimeError, match="没有要素"):
        plain.collection_item("waste_point", name)
    text_feature = json.dumps({**feature_of("waste_point"), "properties": example_values(LAYERS["waste_point"])})
    assert plain.collection_item_create("waste_point", text_feature)


def _one_of_two_writes(served: Served) -> None:
    with httpx.Client(base_url=served.url, headers=served.headers) as client:
        answer = client.post(ITEMS, json=feature_of("waste_point"), headers=GEOJSON)
        address = answer.headers["location"]
        for round_number in range(4):
            got = client.get(address)
            known = {**GEOJSON, "if-match": got.headers["etag"]}
            gate = threading.Barrier(6)
            statuses: Counter[int] = Counter()

            def write(number: int, known: dict[str, str] = known, gate: threading.Barrier = gate,
                      statuses: Counter[int] = statuses, feature: Any = got.json()) -> None:  # fmt: skip
                with httpx.Client(headers=served.headers) as editor:
                    editor.get(f"{served.url}/healthz")
                    body = {**feature, "properties": {**feature["properties"], "name": f"第{number}人"}}
                    gate.wait()
                    if number == 5:
                        status = editor.delete(address, headers={"if-match": '"0"'}).status_code
                    else:
                        status = editor.put(address, json=body, headers=known).status_code
                    statuses[status] += 1

            threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=30)
            assert statuses == {204: 1, 412: 5}
            assert client.get(address).json()["properties"]["version"] == round_number + 2
