"""Writing through the API: what is taken, what is refused and why, and who may."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient
from shapely.geometry import mapping

from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from tests.api.editing import (
    GEOJSON,
    MIDDLE,
    PATCH,
    as_someone,
    created,
    editing,
    feature_of,
    refused,
    scalar,
    stored_shape,
)

ITEMS = "/collections/waste_point/items"
SQUARE = shapely.box(*MIDDLE, MIDDLE[0] + 2e-4, MIDDLE[1] + 1e-4)
HOLED = shapely.Polygon(
    SQUARE.exterior.coords,
    [shapely.box(MIDDLE[0] + 5e-5, MIDDLE[1] + 2e-5, MIDDLE[0] + 1e-4, MIDDLE[1] + 6e-5).exterior],
)


@pytest.fixture(scope="module")
def editor(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> Iterator[TestClient]:
    with editing(cluster, make_database, untouched_sample) as client:
        yield client


def everything(editor: TestClient) -> list[Any]:
    """Return what any write to these layers would change."""
    names = ("waste_point", "building", "road", "rental_unit", "parking")
    counts = [scalar(editor, f"select count(*)::text || max(recorded_at) from gis.{name}_history") for name in names]
    return [*counts, scalar(editor, "select sum(version) from gis.layer_version")]


POINT = {"type": "Point", "coordinates": list(MIDDLE)}
LINE = {"type": "LineString", "coordinates": [list(MIDDLE), [MIDDLE[0] + 1e-4, MIDDLE[1]]]}
AREA = mapping(SQUARE)
FLOWER = [[MIDDLE[0] + x * 1e-4, MIDDLE[1] + y * 1e-4] for x, y in ((0, 0), (1, 1), (1, 0), (0, 1), (0, 0))]


@pytest.mark.parametrize(
    ("name", "geometry", "word"),
    [
        ("waste_point", None, "没有几何"),
        ("waste_point", "POINT(1 2)", "GeoJSON"),
        ("waste_point", {"type": "Curve", "coordinates": [1, 2]}, "GeoJSON"),
        ("waste_point", {"type": "Feature", "geometry": POINT}, "GeoJSON"),
        ("waste_point", {"type": "Point"}, "GeoJSON"),
        ("waste_point", {"type": "Point", "coordinates": ["121", "30"]}, "GeoJSON"),
        ("waste_point", {"type": "Point", "coordinates": [121]}, "GeoJSON"),
        ("waste_point", {"type": "Point", "coordinates": []}, "空几何"),
        ("waste_point", LINE, "要点"),
        ("waste_point", {"type": "MultiPoint", "coordinates": [list(MIDDLE), [121, 30.7]]}, "2 个点"),
        ("waste_point", {"type": "Point", "coordinates": [MIDDLE[1], MIDDLE[0]]}, "写反了"),
        ("waste_point", {"type": "Point", "coordinates": [1e300, 30]}, "超出经纬度"),
        ("waste_point", {"type": "Point", "coordinates": [122.5, 30.7]}, "社区边界之外约"),
        ("building", POINT, "要面"),
        ("building", {"type": "Polygon", "coordinates": [FLOWER]}, "自相交"),
        ("building", {"type": "Polygon", "coordinates": [FLOWER[:-1]]}, "没有闭合"),
        ("building", {"type": "Polygon", "coordinates": []}, "空几何"),
        ("building", {"type": "MultiPolygon", "coordinates": []}, "空几何"),
        ("building", {"type": "GeometryCollection", "geometries": [AREA]}, "要面"),
        ("road", {"type": "LineString", "coordinates": [list(MIDDLE)]}, "点数太少"),
        ("road", {"type": "LineString", "coordinates": [list(MIDDLE), list(MIDDLE)]}, "点数太少"),
        ("road", AREA, "要线"),
        ("parking", {"type": "GeometryCollection", "geometries": [POINT]}, "要点、线或面"),
    ],
)
def test_geometries_that_do_not_fit_are_refused_with_a_reason(
    editor: TestClient, name: str, geometry: Any, word: str
) -> None:
    before = everything(editor)
    feature = feature_of(name) | {"geometry": geometry}
    refused(editor.post(f"/collections/{name}/items", json=feature, headers=GEOJSON), 400, word)
    first = editor.get(f"/collections/{name}/items?limit=1").json()["features"][0]
    address = f"/collections/{name}/items/{first['id']}"
    refused(editor.put(address, json=feature, headers=GEOJSON), 400, word)
    refused(editor.patch(address, json={"geometry": geometry}, headers=PATCH), 400, word)
    assert everything(editor) == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bins": "many"}, ["桶数", "不是整数"]),
        ({"bins": -1}, ["桶数", "不小于 0"]),
        ({"bins": 501}, ["桶数", "不大于 500"]),
        ({"bins": 1.5}, ["桶数", "不是整数"]),
        ({"bins": True}, ["桶数"]),
        ({"bins": 2**40}, ["桶数"]),
        ({"bins": -(2**63)}, ["桶数"]),
        ({"bins": [1]}, ["桶数"]),
        ({"accuracy_rate": 100.5}, ["分类正确率"]),
        ({"kind": "粉色"}, ["类型", "定时定点"]),
        ({"kind": 7}, ["类型"]),
        ({"waste_classes": ["other", "粉色"]}, ["收集类别"]),
        ({"waste_classes": [None]}, ["收集类别"]),
        ({"waste_classes": "other"}, ["收集类别"]),
        ({"source": "粉色"}, ["数据来源"]),
        ({"surveyed_on": "昨天"}, ["调查日期"]),
        ({"surveyed_on": 20261123}, ["调查日期"]),
        ({"surveyed_on": "20261123"}, ["调查日期"]),
        ({"surveyed_on": "2026-02-30"}, ["调查日期", "不是日期"]),
        ({"name": 5}, ["名称"]),
        ({"name": "a\x00b"}, ["名称", "NUL"]),
        ({"waste_classes": ["\x00"]}, ["收集类别", "NUL"]),
        ({"name": "x" * 5000}, ["名称", "太长"]),
        ({"name": {"zh": "一号点"}}, ["名称"]),
        ({"manager": "电话 13812345678"}, ["管理责任单位", "手机号"]),
        ({"code": ""}, ["编码"]),
        ({"colour": 1}, ["'colour'"]),
        ({"geom": "POINT(1 2)"}, ["'geom'"]),
        ({"recorded_by": "root"}, ["'recorded_by'"]),
        ({"x\x00'; drop table gis.area; --": 1}, ["没有属性"]),
    ],
)
def test_properties_that_do_not_fit_are_refused_by_their_title(
    editor: TestClient, given: dict[str, Any], words: list[str]
) -> None:
    before = everything(editor)
    refused(editor.post(ITEMS, json=feature_of("waste_point", **given), headers=GEOJSON), 400, *words)
    first = editor.get(f"{ITEMS}?limit=1").json()["features"][0]["id"]
    refused(editor.put(f"{ITEMS}/{first}", json=feature_of("waste_point", **given), headers=GEOJSON), 400, *words)
    refused(editor.patch(f"{ITEMS}/{first}", json={"properties": given}, headers=PATCH), 400, *words)
    assert everything(editor) == before


def test_what_is_required_can_be_neither_left_out_nor_cleared(editor: TestClient) -> None:
    address = created(editor, "waste_point", feature_of("waste_point", source="census", data_status="to_check"))
    for name, title in (("code", "编码"), ("kind", "类型")):
        feature = feature_of("waste_point")
        for properties in (
            {**feature["properties"], name: None},
            {k: v for k, v in feature["properties"].items() if k != name},
        ):
            refused(editor.post(ITEMS, json={**feature, "properties": properties}, headers=GEOJSON), 400, title)
            refused(editor.put(address, json={**feature, "properties": properties}, headers=GEOJSON), 400, title)
        refused(editor.patch(address, json={"properties": {name: None}}, headers=PATCH), 400, title)
    nothing: list[Any] = [None, [], "a"]
    for properties in nothing:
        refused(editor.put(address, json={**feature_of("waste_point"), "properties": properties}, headers=GEOJSON), 400)
        refused(editor.patch(address, json={"properties": properties}, headers=PATCH), 400, "properties")
    # What has a default goes back to it.
    assert editor.patch(address, json={"properties": {"source": None, "name": None}}, headers=PATCH).status_code == 204
    found = editor.get(address).json()["properties"]
    assert (found["source"], found["data_status"], found["name"]) == ("surveyed", "to_check", None)


def test_a_person_is_named_nowhere(editor: TestClient) -> None:
    before = everything(editor)
    feature = feature_of("rental_unit", landlord_name="王某")
    refused(editor.post("/collections/rental_unit/items", json=feature, headers=GEOJSON), 400, "房东姓名", "个人信息")
    first = editor.get("/collections/rental_unit/items?limit=1").json()["features"][0]["id"]
    patch = {"properties": {"landlord_phone": "13812345678"}}
    answer = editor.patch(f"/collections/rental_unit/items/{first}", json=patch, headers=PATCH)
    refused(answer, 400, "房东电话", "个人信息")
    assert "13812345678" not in answer.text
    assert everything(editor) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400), (b'"a"', 400), (b"{}", 400),
        (b'{"type":"FeatureCollection","features":[]}', 400), (b'{"type":["Feature"]}', 400),
        ('{"type":"Feature","properties":{"name":"新群"}}'.encode("gb18030"), 400),
        (b'{"type":"Feature","properties":{"name":"\\ud800"}}', 400),
        (b'{"type":"Feature","geometry":{"type":"Point","coordinates":[NaN,1]}}', 400),
        (b'{"type":"Feature","geometry":{"type":"Point","coordinates":[1e999,1]}}', 400),
        (b"[" * 200_000, 400), (b'{"a":' * 100_000, 400),
        (b'{"type":"Feature","geometry":{"type":"Polygon","coordinates":' + b"[" * 900 + b"]" * 900 + b"}}", 400),
        (b'{"type":"Feature","properties":{"name":' + b"[" * 900 + b"]" * 900 + b"}}", 400),
        (b'{"type":"Feature","properties":{"name":' + b"[" * 14 + b"]" * 14 + b"}}", 400),
        (b'{"type":"Feature","properties":{"name":"' + b"x" * 1_100_000 + b'"}}', 413),
    ],
)  # fmt: skip
def test_bodies_that_are_no_feature_are_refused(editor: TestClient, body: bytes, status: int) -> None:
    before = everything(editor)
    first = editor.get(f"{ITEMS}?limit=1").json()["features"][0]["id"]
    refused(editor.post(ITEMS, content=body, headers=GEOJSON), status)
    refused(editor.put(f"{ITEMS}/{first}", content=body, headers=GEOJSON), status)
    if body != b"{}":
        refused(editor.patch(f"{ITEMS}/{first}", content=body, headers=PATCH), status)
    assert everything(editor) == before


def test_what_clients_send_back_is_passed_over_and_labels_are_codes(editor: TestClient) -> None:
    address = created(editor, "waste_point", feature_of("waste_point"))
    got = editor.get(address).json()
    code = got["properties"]["code"]
    got["properties"] |= {
        "community": COMMUNITY, "grid": "330482002011099", "version": 77, "recorded_at": "昨天", "id": 5,
        "kind": "大件垃圾", "waste_classes": ["可回收物", "other"], "bins": "12", "surveyed_on": "2026-11-23",
    }  # fmt: skip
    got |= {"links": "x", "bbox": [1, 2, 3, 4], "id": "x", "crs": None}
    got["geometry"]["coordinates"].append(4.5)
    body = b"\xef\xbb\xbf" + json.dumps(got).encode()
    assert editor.put(address, content=body, headers=GEOJSON).status_code == 204
    found = editor.get(address).json()
    assert found["properties"]["grid"] != "330482002011099"
    assert found["properties"]["version"] == 2
    given = {"code": code, "kind": "bulky", "waste_classes": ["recyclable", "other"], "bins": 12}
    assert found["properties"] | given == found["properties"]
    assert len(found["geometry"]["coordinates"]) == 2
    # A patch that names them means to change them.
    for name in ("community", "grid", "version", "recorded_at"):
        refused(editor.patch(address, json={"properties": {name: None}}, headers=PATCH), 400, "由服务维护")
    nulls = {"community": None, "grid": None, "version": None, "recorded_at": None, "name": None}
    fresh = feature_of("waste_point")
    fresh["properties"] |= nulls
    assert created(editor, "waste_point", fresh)
    # A new feature has none of them yet; QGIS sends them empty, as above.
    for name in ("grid", "version", "recorded_at", "id"):
        extended = {**fresh, "properties": {**fresh["properties"], "code": "NEW", name: got["properties"][name]}}
        refused(editor.post(ITEMS, json=extended, headers=GEOJSON), 400, "由服务维护", name)


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("building", SQUARE, shapely.MultiPolygon([SQUARE])),
        ("building", HOLED, shapely.MultiPolygon([HOLED])),
        ("building", shapely.force_3d(SQUARE, 5), shapely.MultiPolygon([SQUARE])),
        ("road", shapely.LineString(LINE["coordinates"]), shapely.MultiLineString([LINE["coordinates"]])),
        ("waste_point", shapely.MultiPoint([MIDDLE]), shapely.Point(MIDDLE)),
        ("parking", SQUARE, SQUARE),
        ("parking", shapely.MultiLineString([LINE["coordinates"]]), shapely.MultiLineString([LINE["coordinates"]])),
    ],
)
def test_single_geometries_are_promoted_and_heights_dropped(
    editor: TestClient, name: str, sent: Any, stored: Any
) -> None:
    address = created(editor, name, feature_of(name, sent))
    found = shapely.from_wkb(stored_shape(editor, name, address))
    assert found.equals_exact(stored, 0)
    assert shapely.get_srid(found) == 4490
    assert not found.has_z


def test_codes_are_unique_and_saying_so_betrays_nothing(editor: TestClient) -> None:
    address = created(editor, "waste_point", feature_of("waste_point", code="TWICE"))
    other = created(editor, "waste_point", feature_of("waste_point"))
    before = everything(editor)
    twice = feature_of("waste_point", code="TWICE", name="另一个")
    refused(editor.post(ITEMS, json=twice, headers=GEOJSON), 409, "已被占用")
    refused(editor.post(ITEMS, json=twice, headers={**GEOJSON, "if-none-match": "*"}), 412)
    refused(editor.put(other, json=twice, headers=GEOJSON), 409, "已被占用")
    answer = editor.patch(other, json={"properties": {"code": "TWICE"}}, headers=PATCH)
    refused(answer, 409, "已被占用")
    assert address.rpartition(".")[2] not in answer.text
    assert everything(editor) == before
    fresh = feature_of("waste_point")
    assert created(editor, "waste_point", fresh, **{"if-none-match": "*"})


def test_the_community_is_named_or_the_only_one(editor: TestClient) -> None:
    feature = feature_of("waste_point")
    feature["properties"]["community"] = COMMUNITY
    assert editor.post(f"{ITEMS}?community={COMMUNITY}", json=feature, headers=GEOJSON).status_code == 201
    before = everything(editor)
    feature = feature_of("waste_point")
    other = "330482002099"
    refused(editor.post(f"{ITEMS}?community={other}", json=feature, headers=GEOJSON), 404, other)
    refused(editor.post(f"{ITEMS}?community=12", json=feature, headers=GEOJSON), 400, "community")
    refused(editor.post(f"{ITEMS}?bbox=1", json=feature, headers=GEOJSON), 400, "bbox")
    for wrong in (other, "新群", 330482002011.5, [COMMUNITY], "", "９９９９９９９９９９９９"):
        feature["properties"]["community"] = wrong
        refused(editor.post(ITEMS, json=feature, headers=GEOJSON), 404 if wrong == other else 400)
        refused(editor.post(f"{ITEMS}?community={COMMUNITY}", json=feature, headers=GEOJSON), 400, "不同")
    del feature["properties"]["community"]
    with as_someone(editor, "staff", COMMUNITY, other):
        refused(editor.post(ITEMS, json=feature, headers=GEOJSON), 400, "请指明社区")
    with as_someone(editor, "staff", COMMUNITY[:9]):
        refused(editor.post(ITEMS, json=feature, headers=GEOJSON), 400, "请指明社区")
        # A street may see a community that isn't registered yet; there is nothing to write to.
        refused(editor.post(f"{ITEMS}?community={other}", json=feature, headers=GEOJSON), 404, other)
    assert everything(editor) == before
    with as_someone(editor, "staff", COMMUNITY[:9]):
        assert editor.post(f"{ITEMS}?community={COMMUNITY}", json=feature, headers=GEOJSON).status_code == 201


def places(editor: TestClient) -> dict[str, list[float]]:
    """Return a place in each of two grids."""
    found: dict[str, list[float]] = {}
    for unit in editor.get("/collections/rental_unit/items?limit=10000").json()["features"]:
        found.setdefault(unit["properties"]["grid"], unit["geometry"]["coordinates"])
    found.pop(None, None)  # type: ignore[call-overload]
    return dict(list(found.items())[:2])


def test_a_grid_worker_writes_in_their_grid_and_says_which_version_they_saw(editor: TestClient) -> None:
    (mine, here), (theirs, there) = places(editor).items()
    spots = [{"type": "Point", "coordinates": place} for place in (here, there)]
    hidden = created(editor, "rental_unit", feature_of("rental_unit", spots[1], code="HIDDEN"))
    seen = created(editor, "waste_point", feature_of("waste_point", spots[1]))
    before = everything(editor)
    with as_someone(editor, "grid_worker", mine):
        refused(editor.get(hidden), 404)
        for headers in ({}, {"if-match": "*"}, {"if-match": '"1-1"'}):
            refused(editor.put(hidden, json=feature_of("rental_unit"), headers={**GEOJSON, **headers}), 404)
            refused(editor.patch(hidden, json={}, headers={**PATCH, **headers}), 404)
            refused(editor.delete(hidden, headers=headers), 404)
        # A neighbour's waste point is on everyone's map, so that it is no secret whose it is.
        refused(editor.patch(seen, json={}, headers={**PATCH, "if-match": "*"}), 403, "不归您")
        refused(editor.delete(seen, headers={"if-match": "*"}), 403)
        for name in ("rental_unit", "waste_point"):
            outside = feature_of(name, spots[1])
            refused(editor.post(f"/collections/{name}/items", json=outside, headers=GEOJSON), 403, "不归您")
        for name in ("grid", "community"):
            assert "POST" not in editor.options(f"/collections/{name}/items").headers["allow"]
            first = editor.get(f"/collections/{name}/items?limit=1").json()["features"][0]["id"]
            assert "PUT" not in editor.options(f"/collections/{name}/items/{first}").headers["allow"]
            refused(editor.patch(f"/collections/{name}/items/{first}", json={}, headers=PATCH), 405)
        assert everything(editor) == before
        # A code that a hidden row has is free in another grid.
        address = created(editor, "rental_unit", feature_of("rental_unit", spots[0], code="HIDDEN"))
        got = editor.get(address)
        assert got.json()["properties"]["grid"] == mine
        for answer in (
            editor.put(address, json=got.json(), headers=GEOJSON),
            editor.patch(address, json={}, headers=PATCH),
            editor.delete(address),
        ):
            refused(answer, 428, "If-Match")
        known = {"if-match": got.headers["etag"]}
        refused(editor.patch(address, json={"geometry": spots[1]}, headers={**PATCH, **known}), 403, "不归您")
        assert editor.patch(address, json={"properties": {"floor": 2}}, headers={**PATCH, **known}).status_code == 204
        refused(editor.delete(address, headers=known), 412)
        assert editor.delete(address, headers={"if-match": "*"}).status_code == 204
    assert editor.get(hidden).json()["properties"]["grid"] == theirs
    assert editor.get(hidden).json()["properties"]["version"] == 1
