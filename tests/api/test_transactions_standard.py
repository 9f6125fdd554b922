"""The abstract tests of OGC API Features Part 4 (Annex A of 20-002), asked of a copy of the sample."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient

from gis_service.coordinates import transform
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from layers.registry import LAYERS
from tests.api.editing import CRS, GEOJSON, MIDDLE, PATCH, created, editing, feature_of, refused, shape_at

ITEMS = "/collections/waste_point/items"
EDITED = [name for name in LAYERS if name != "community"]


@pytest.fixture(scope="module")
def editor(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> Iterator[TestClient]:
    with editing(cluster, make_database, untouched_sample) as client:
        yield client


@pytest.fixture
def address(editor: TestClient) -> str:
    """The address of a feature of the test's own."""
    return created(editor, "waste_point", feature_of("waste_point", name="一号点", bins=3))


def methods(answer: Any, header: str = "allow") -> set[str]:
    return {part.strip() for part in answer.headers[header].split(",")}


def identifiers(editor: TestClient) -> set[str]:
    return {feature["id"] for feature in editor.get(f"{ITEMS}?limit=10000").json()["features"]}


def properties(editor: TestClient, address: str) -> dict[str, Any]:
    answer = editor.get(address)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["properties"]
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_options(editor: TestClient, name: str) -> None:
    """/conf/create-replace-delete/options, /conf/update/options, /conf/features/endpoints."""
    items = f"/collections/{name}/items"
    answer = editor.options(items)
    assert answer.status_code == 200
    first = editor.get(f"{items}?limit=1").json()["features"][0]["id"]
    one = editor.options(f"{items}/{first}")
    assert one.status_code == 200
    assert {"GET", "OPTIONS", "PUT", "PATCH"} <= methods(one)
    assert {"application/merge-patch+json", "application/geo+json"} <= methods(one, "accept-patch")
    # A community has one boundary, which comes and goes with its registration.
    assert ("DELETE" in methods(one)) is ("POST" in methods(answer)) is (name in EDITED)
    assert ("accept-post" in answer.headers) is (name in EDITED)
    if name in EDITED:
        assert {"application/geo+json"} <= methods(answer, "accept-post")


def test_methods_that_are_not_allowed_name_those_that_are(editor: TestClient, address: str) -> None:
    for method, path in (("PUT", ITEMS), ("PATCH", ITEMS), ("DELETE", ITEMS), ("POST", address)):
        answer = editor.request(method, path)
        refused(answer, 405)
        assert methods(answer) == methods(editor.options(path))
    boundary = editor.get("/collections/community/items?limit=1").json()["features"][0]
    where = f"/collections/community/items/{boundary['id']}"
    refused(editor.delete(where), 405)
    refused(editor.post("/collections/community/items", json=boundary), 405)


@pytest.mark.parametrize("name", EDITED)
def test_create(editor: TestClient, name: str) -> None:
    """/conf/create-replace-delete/create."""
    items = f"/collections/{name}/items"
    before = {feature["id"] for feature in editor.get(f"{items}?limit=10000").json()["features"]}
    # A microgrid takes nothing from the governance grids that are there.
    given = {"level": "micro"} if name == "grid" else {}
    for extra in ({}, {"id": str(uuid.uuid4())}):
        code = {"code": f"{COMMUNITY}9{len(extra)}1"} if name == "grid" else {}
        feature = feature_of(name, **given, **code) | extra
        location = created(editor, name, feature)
        answer = editor.get(location)
        assert answer.status_code == 200
        found = answer.json()
        assert found["id"] == location.rpartition("/")[2]
        assert found["id"] not in before
        for key, value in feature["properties"].items():
            assert found["properties"][key] == value or value == "2026-11-23T08:00:00+08:00"
        sent, stored = shapely.geometry.shape(feature["geometry"]), shapely.geometry.shape(found["geometry"])
        assert stored.hausdorff_distance(sent) < 1e-8
        assert found["properties"]["community"] == COMMUNITY
        assert found["properties"]["version"] == 1


def test_content_type(editor: TestClient, address: str) -> None:
    """/conf/create-replace-delete/{create,replace}-content-type, /conf/update/update-content-type."""
    body = json.dumps(feature_of("waste_point")).encode()
    before, kept = identifiers(editor), editor.get(address).content
    for method, path in (("POST", ITEMS), ("PUT", address), ("PATCH", address)):
        refused(editor.request(method, path, content=body), 400, "Content-Type")
        for wrong in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json"):
            refused(editor.request(method, path, content=body, headers={"content-type": wrong}), 415, wrong)
        refused(editor.request(method, path, content=body, headers={**GEOJSON, "content-encoding": "gzip"}), 415)
    refused(editor.post(ITEMS, content=body, headers=PATCH), 415)
    assert identifiers(editor) == before
    assert editor.get(address).content == kept
    for right in ("application/json", "application/geo+json; charset=utf-8", "Application/Geo+JSON"):
        assert editor.put(address, content=body, headers={"content-type": right}).status_code == 204


def test_replace(editor: TestClient, address: str) -> None:
    """/conf/create-replace-delete/replace: what isn't given takes its default."""
    feature = feature_of("waste_point", shapely.Point(MIDDLE[0] + 1e-4, MIDDLE[1]), name="二号点")
    answer = editor.put(address, json=feature, headers=GEOJSON)
    assert (answer.status_code, answer.content) == (204, b"")
    found = editor.get(address).json()
    assert found["properties"]["name"] == "二号点"
    assert found["properties"]["bins"] is None
    assert found["properties"]["version"] == 2
    assert found["geometry"]["coordinates"] == pytest.approx([MIDDLE[0] + 1e-4, MIDDLE[1]], abs=1e-9)


def test_replace_rid(editor: TestClient, address: str) -> None:
    """/conf/create-replace-delete/replace-rid, /conf/features/geojson."""
    other = created(editor, "waste_point", feature_of("waste_point"))
    before = editor.get(other).content
    feature = feature_of("waste_point", name="三号点") | {"id": other.rpartition("/")[2]}
    feature["geometry"]["coordinates"] = [MIDDLE[0], MIDDLE[1] + 1e-4]
    assert editor.put(address, json=feature, headers=GEOJSON).status_code == 204
    found = editor.get(address).json()
    assert found["id"] == address.rpartition("/")[2]
    assert found["properties"]["name"] == "三号点"
    assert found["geometry"]["coordinates"] == feature["geometry"]["coordinates"]
    assert editor.get(other).content == before


def test_replace_exceptions(editor: TestClient) -> None:
    """/conf/create-replace-delete/replace-exceptions: identifiers are made here, so there is nothing to replace."""
    feature = feature_of("waste_point")
    before = identifiers(editor)
    for name in (f"{COMMUNITY}.{uuid.uuid4()}", f"{COMMUNITY}.nothing", f"{uuid.uuid4()}", "999999999999.W1", ".x"):
        for headers in (GEOJSON, {**GEOJSON, "if-match": '"xyz"'}, {**GEOJSON, "if-match": "*"}):
            refused(editor.put(f"{ITEMS}/{name}", json=feature, headers=headers), 404)
        refused(editor.patch(f"{ITEMS}/{name}", json={}, headers=PATCH), 404)
        refused(editor.delete(f"{ITEMS}/{name}"), 404)
        refused(editor.get(f"{ITEMS}/{name}"), 404)
    assert identifiers(editor) == before


def test_delete(editor: TestClient, address: str) -> None:
    """/conf/create-replace-delete/delete."""
    answer = editor.delete(address)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(editor.get(address), 404)
    refused(editor.delete(address), 404)


def test_update(editor: TestClient, address: str) -> None:
    """/conf/update/update, /conf/features/json-merge-patch."""
    before = properties(editor, address)
    moved = {"type": "Point", "coordinates": [MIDDLE[0], MIDDLE[1] + 2e-4]}
    patch = {"geometry": moved, "properties": {"name": "四号点", "manager": "居委会", "bins": None}}
    assert editor.patch(address, json=patch, headers=PATCH).status_code == 204
    after = editor.get(address).json()
    assert after["geometry"]["coordinates"] == moved["coordinates"]
    changed = {"name": "四号点", "manager": "居委会", "bins": None, "version": 2}
    for name, value in after["properties"].items():
        assert value == changed.get(name, before[name]) or name == "recorded_at"
    for extra in ({}, {"type": "Feature"}):
        again = {"properties": {"bins": 9}} | extra
        assert editor.patch(address, json=again, headers=GEOJSON).status_code == 204
    assert properties(editor, address)["bins"] == 9
    assert shape_at(editor, address).coords[0] == tuple(moved["coordinates"])


def test_update_rid(editor: TestClient, address: str) -> None:
    """/conf/update/update-rid and the second request of /conf/features/json-merge-patch."""
    name = address.rpartition("/")[2]
    others: list[object] = [f"{COMMUNITY}.{uuid.uuid4()}", 7, [], {}]
    for wrong in others:
        refused(editor.patch(address, json={"id": wrong, "properties": {"bins": 1}}, headers=PATCH), 400, "标识")
    assert properties(editor, address)["bins"] == 3
    assert editor.patch(address, json={"id": name, "properties": {"bins": 1}}, headers=PATCH).status_code == 204
    by_code = f"{ITEMS}/{COMMUNITY}.{properties(editor, address)['code']}"
    assert editor.patch(by_code, json={"id": name, "properties": {"bins": 2}}, headers=PATCH).status_code == 204
    assert properties(editor, address)["bins"] == 2


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_optimistic_locking(editor: TestClient, address: str, method: str) -> None:
    """/conf/optimistic-locking-etags/{get-etag,replace,update,delete}."""
    bodies = {"PUT": feature_of("waste_point", name="五号点"), "PATCH": {"properties": {"name": "五号点"}}}
    body = {} if method == "DELETE" else {"json": bodies[method]}

    def ask(where: str, **headers: str) -> Any:
        kind = PATCH if method == "PATCH" else GEOJSON
        return editor.request(method, where, headers={**kind, **headers}, **body)

    before = editor.get(address)
    tag = before.headers["etag"]
    assert re.fullmatch(r'"[!#-~]+"', tag)
    for wrong in ('"0"', f"W/{tag}", tag.strip('"'), f'"{tag}', '""', "", f'"9{tag[1:]}'):
        refused(ask(address, **{"if-match": wrong}), 412, "重新读取")
    refused(ask(address, **{"if-none-match": "*"}), 412)
    refused(ask(address, **{"if-none-match": f'"0", W/{tag}'}), 412)
    assert editor.get(address).content == before.content
    answer = ask(address, **{"if-match": f'"0" , {tag}'})
    assert answer.status_code == 204
    if method == "DELETE":
        refused(editor.get(address), 404)
        other = created(editor, "waste_point", feature_of("waste_point"))
        assert ask(other).status_code == 204
        return
    assert answer.headers["etag"] != tag
    assert editor.get(address).headers["etag"] == answer.headers["etag"]
    refused(ask(address, **{"if-match": tag}), 412)
    assert ask(address, **{"if-match": "*"}).status_code == 204
    assert ask(address).status_code == 204


def test_crs(editor: TestClient) -> None:
    """/conf/features/crs: the header says the system, in the register's order of axes; CRS84 without it."""
    first = shape_at(editor, created(editor, "waste_point", feature_of("waste_point")), f"{CRS}4549")
    x, y = transform(*MIDDLE, "EPSG:4490", "EPSG:4549")
    sent = feature_of("waste_point", {"type": "Point", "coordinates": [float(y), float(x)]})
    for name in (f"{CRS}4549", f"<{CRS}4549>", "[EPSG:4549]"):
        sent["properties"]["code"] = uuid.uuid4().hex[:12]
        second = shape_at(editor, created(editor, "waste_point", sent, **{"content-crs": name}), f"{CRS}4549")
        assert first.distance(second) < 1e-3
    before = identifiers(editor)
    for unknown in (f"{CRS}4214", "EPSG:1", "gcj02", ""):
        refused(editor.post(ITEMS, json=sent, headers={**GEOJSON, "content-crs": unknown}), 400, "坐标系")
    # Without the header metres are taken for degrees, and refused.
    refused(editor.post(ITEMS, json=sent, headers=GEOJSON), 400, "坐标超出经纬度范围")
    assert identifiers(editor) == before


@pytest.mark.parametrize("name", EDITED)
def test_schema(editor: TestClient, name: str) -> None:
    """/conf/features/schema: what the schema doesn't have, and what it says is only read, is refused."""
    schema = editor.get(f"/collections/{name}/schema").json()
    described = schema["properties"]
    given = {"level": "micro", "code": f"{COMMUNITY}777"} if name == "grid" else {}
    feature = feature_of(name, **given)
    assert set(feature["properties"]) - set(given) | {"code"} == set(schema["required"]) - {"geometry"}
    assert created(editor, name, feature)
    items, total = f"/collections/{name}/items", f"/collections/{name}/items?limit=1"
    before = editor.get(total).json()["numberMatched"]
    feature["properties"]["code"] = f"{COMMUNITY}778" if name == "grid" else "EXTRA"
    read_only = [key for key, said in described.items() if said.get("readOnly")]
    assert {"id", "grid", "version", "recorded_at"} == set(read_only)
    assert schema["additionalProperties"] is False
    for extra in ("colour", *read_only):
        extended = {**feature, "properties": {**feature["properties"], extra: "red"}}
        refused(editor.post(items, json=extended, headers=GEOJSON), 400, extra)
    assert editor.get(total).json()["numberMatched"] == before
    # Everything that the schema doesn't mark as read-only may be written.
    taken = {field.name for field in LAYERS[name].fields} | {"geometry", "community"}
    assert set(described) - set(read_only) == taken
