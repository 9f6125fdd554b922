"""The abstract tests of OGC API Common 1 and Features Part 1 (Annex A of 17-069r4), asked of the sample."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import shapely
from fastapi.testclient import TestClient
from schemathesis.specs.openapi.definitions import OPENAPI_30_VALIDATOR
from sqlalchemy import Engine, text

from api.app import all_routes
from api.asked import DEFAULT_LIMIT, MAX_LIMIT
from layers.registry import LAYERS
from tests.api.conftest import Truth

GEOJSON = "application/geo+json"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def links_of(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return a document's links by relation; each must have what a client needs to follow it."""
    assert all(link["href"].startswith("http://localhost/") and link["type"] for link in document["links"])
    return {link["rel"]: link for link in document["links"]}


def test_landing_page_leads_everywhere(client: TestClient) -> None:
    answer = client.get("/", headers={"accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    links = links_of(answer.json())
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= set(links)
    for relation, link in links.items():
        followed = client.get(link["href"])
        assert followed.status_code == 200, relation
        assert followed.headers["content-type"].partition(";")[0] == link["type"].partition(";")[0], relation


def test_landing_page_is_a_map_for_browsers_and_json_for_programs(client: TestClient) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    assert client.get("/", headers=browser).headers["content-type"].startswith("text/html")
    assert client.get("/?f=json", headers=browser).headers["content-type"] == "application/json"
    assert client.get("/", headers={"accept": "*/*"}).headers["content-type"] == "application/json"
    assert client.get("/?f=html").headers["content-type"].startswith("text/html")
    assert "Accept" in client.get("/").headers["vary"]


def test_conformance_names_the_classes_of_part_1(client: TestClient) -> None:
    declared = client.get("/conformance").json()["conformsTo"]
    assert len(declared) == len(set(declared))
    for name in ("core", "oas30", "html", "geojson"):
        assert f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" in declared


def test_api_is_openapi_3_0_with_a_literal_path_for_each_collection(client: TestClient) -> None:
    answer = client.get("/api", headers={"accept": "application/vnd.oai.openapi+json;version=3.0"})
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    document = answer.json()
    assert document["openapi"].startswith("3.0.")
    assert document["info"]["title"]
    assert document["info"]["version"]
    assert document["servers"] == [{"url": "http://localhost"}]
    operations = {}
    for path, item in document["paths"].items():
        assert "{layer}" not in path
        assert path.startswith("/")
        assert set(item) <= METHODS
        for method, operation in item.items():
            _check_operation(path, operation)
            operations[operation["operationId"]] = (method, path)
    assert len(operations) == sum(len(item) for item in document["paths"].values())
    assert OPENAPI_30_VALIDATOR.is_valid(document)
    _check_schemas(document, document)
    for name in LAYERS:
        assert f"/collections/{name}/items" in document["paths"]
    listed = {route.path_format.replace("{layer}", name) for route in all_routes() for name in LAYERS}
    bare = {f"/collections/{name}/items/{{feature}}/personal" for name in LAYERS if not LAYERS[name].personal_fields}
    assert listed - bare == set(document["paths"])


def _check_operation(path: str, operation: dict[str, Any]) -> None:
    assert operation["responses"]
    assert operation["summary"]
    assert all(
        int(status) and (said.get("description") or said["$ref"]) for status, said in operation["responses"].items()
    )
    assert {"200", "201", "202", "204"} & set(operation["responses"])
    assert "400" in operation["responses"]
    parameters = operation.get("parameters", [])
    names = [(one["in"], one["name"]) for one in parameters]
    assert len(names) == len(set(names)), path
    assert {name for place, name in names if place == "path"} == {
        part[1:-1].partition(":")[0] for part in path.split("/") if part.startswith("{")
    }
    for one in parameters:
        assert one["schema"], (path, one["name"])
        assert one["required"] or one["in"] != "path"


def _check_schemas(node: Any, document: dict[str, Any]) -> None:
    """Refuse words that OpenAPI 3.0 doesn't have, and references that lead nowhere."""
    if isinstance(node, list):
        for one in node:
            _check_schemas(one, document)
    elif isinstance(node, dict):
        assert not {"const", "$defs", "prefixItems", "contentMediaType"} & set(node)
        assert not isinstance(node.get("type"), list)
        assert node.get("type") != "null"
        assert not isinstance(node.get("exclusiveMinimum", False), float)
        if isinstance(reference := node.get("$ref"), str):
            found: Any = document
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]
        for one in node.values():
            _check_schemas(one, document)


def test_items_parameters_are_described_with_page_sizes_and_properties(client: TestClient) -> None:
    document = client.get("/api").json()
    for name, layer in LAYERS.items():
        parameters = {one["name"]: one for one in document["paths"][f"/collections/{name}/items"]["get"]["parameters"]}
        limit = parameters["limit"]["schema"]
        assert limit == {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        assert parameters["bbox"]["schema"]["type"] == "array"
        assert (parameters["bbox"]["style"], parameters["bbox"]["explode"]) == ("form", False)
        assert parameters["datetime"]["schema"]["type"] == "string"
        assert {field.name for field in layer.fields} <= set(parameters)
        assert not {field.name for field in layer.personal_fields} & set(parameters)


def test_collections_describe_every_layer(client: TestClient, truth: Truth) -> None:
    document = client.get("/collections").json()
    assert links_of(document)["self"]["href"] == "http://localhost/collections"
    assert [one["id"] for one in document["collections"]] == list(LAYERS)
    for described in document["collections"]:
        name = described["id"]
        assert described["title"] == LAYERS[name].title
        assert described["itemType"] == "feature"
        assert described["crs"][0] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
        assert described["extent"]["spatial"]["bbox"][0] == pytest.approx(truth.extents[name], abs=1e-9)
        links = links_of(described)
        items = [link for link in described["links"] if link["rel"] == "items"]
        assert {link["type"].partition(";")[0] for link in items} >= {GEOJSON, "text/html", "text/csv"}
        assert items[0] | {"title": ""} == {
            "href": f"http://localhost/collections/{name}/items", "rel": "items", "type": GEOJSON, "title": "",
        }  # fmt: skip
        assert client.get(links["self"]["href"]).json() == described
        schema = client.get(links["describedby"]["href"])
        assert schema.headers["content-type"] == links["describedby"]["type"] == "application/schema+json"
        feature = client.get(f"/collections/{name}/items?limit=1").json()["features"][0]
        assert set(schema.json()["properties"]) == {"id", "geometry", *feature["properties"]}


def test_items_are_a_feature_collection_with_counts_and_links(client: TestClient, truth: Truth) -> None:
    for name in LAYERS:
        answer = client.get(f"/collections/{name}/items")
        assert (answer.status_code, answer.headers["content-type"]) == (200, GEOJSON), name
        page = answer.json()
        assert page["type"] == "FeatureCollection"
        assert page["numberMatched"] == truth.counts[name]
        assert page["numberReturned"] == len(page["features"]) == min(DEFAULT_LIMIT, truth.counts[name])
        assert page["timeStamp"].endswith("Z")
        links = links_of(page)
        assert links["self"]["href"] == f"http://localhost/collections/{name}/items"
        assert ("next" in links) == (truth.counts[name] > DEFAULT_LIMIT)
        for feature in page["features"]:
            assert feature["type"] == "Feature"
            assert feature["geometry"]["type"]
            assert feature["properties"]["code"]
            assert not {field.name for field in LAYERS[name].personal_fields} & set(feature["properties"])


@pytest.mark.parametrize("sortby", [None, "-code"])
def test_pages_give_every_feature_once(client: TestClient, truth: Truth, sortby: str | None) -> None:
    name = "building"
    url: str | None = f"/collections/{name}/items?limit=137" + (f"&sortby={sortby}" if sortby else "")
    seen: list[str] = []
    while url is not None:
        page = client.get(url).json()
        assert page["numberMatched"] == truth.counts[name]
        seen += [feature["id"] for feature in page["features"]]
        url = links_of(page).get("next", {}).get("href")
    assert len(seen) == len(set(seen)) == truth.counts[name]


def test_next_keeps_the_question(client: TestClient) -> None:
    page = client.get("/collections/building/items?limit=2&data_status=normal&bbox=120,30,122,31").json()
    asked = parse_qs(urlsplit(links_of(page)["next"]["href"]).query)
    assert (asked["data_status"], asked["bbox"], asked["limit"]) == (["normal"], ["120,30,122,31"], ["2"])


@pytest.mark.parametrize(
    ("limit", "returned"), [("1", 1), ("0", 1), ("-7", 1), ("100001", None), ("9" * 60, None), ("20", 20)]
)
def test_limit_is_clamped_and_never_refused(client: TestClient, truth: Truth, limit: str, returned: int | None) -> None:
    answer = client.get(f"/collections/rental_unit/items?limit={limit}")
    assert answer.status_code == 200
    assert answer.json()["numberReturned"] == (truth.counts["rental_unit"] if returned is None else returned)


def test_bbox_gives_exactly_what_it_touches(client: TestClient, truth: Truth, sample_superuser: Engine) -> None:
    west, south, east, north = truth.extents["community"]
    middle = ((west * 2 + east) / 3, (south * 2 + north) / 3, (west + east * 2) / 3, (south + north * 2) / 3)
    asked = ",".join(f"{number:.7f}" for number in middle)
    box = shapely.box(*(float(number) for number in asked.split(",")))
    for name in LAYERS:
        page = client.get(f"/collections/{name}/items?limit=10000&bbox={asked}").json()
        with sample_superuser.connect() as conn:
            rows = conn.execute(text(f"select code, st_asbinary(geom) from gis.{name}")).all()
        expected = {row[0] for row in rows if box.intersects(shapely.from_wkb(bytes(row[1])))}
        assert {feature["properties"]["code"] for feature in page["features"]} == expected, name
        assert page["numberMatched"] == len(page["features"])
    corners = asked.split(",")
    with_heights = ",".join([*corners[:2], "-10", *corners[2:], "100"])
    flat, high = (
        client.get(f"/collections/building/items?bbox={box}").json()["numberMatched"] for box in (asked, with_heights)
    )
    assert flat == high > 0
    assert client.get("/collections/building/items?bbox=0,0,1,1").json()["features"] == []


# Rows without a date are valid for ever.
BEGINS, ENDS = "coalesce(valid_from, '-infinity')", "coalesce(valid_to, 'infinity')"


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("2025-06-01", f"{BEGINS} <= '2025-06-01' and {ENDS} >= '2025-06-01'"),
        ("2025-06-01T23:59:59%2B08:00", f"{BEGINS} <= '2025-06-01' and {ENDS} >= '2025-06-01'"),
        # 18:00 in UTC is the next day in Shanghai.
        ("2025-06-01T18:00:00Z", f"{BEGINS} <= '2025-06-02' and {ENDS} >= '2025-06-02'"),
        ("2024-01-01/2025-06-01", f"{BEGINS} <= '2025-06-01' and {ENDS} >= '2024-01-01'"),
        ("../2020-01-01", f"{BEGINS} <= '2020-01-01'"),
        ("/2020-01-01", f"{BEGINS} <= '2020-01-01'"),
        ("2026-06-01/..", f"{ENDS} >= '2026-06-01'"),
    ],
)
def test_datetime_gives_what_was_valid(client: TestClient, sample_superuser: Engine, asked: str, where: str) -> None:
    for name in ("enterprise", "rental_unit"):
        with sample_superuser.connect() as conn:
            expected = conn.execute(text(f"select count(*) from gis.{name} where {where}")).scalar_one()
        answer = client.get(f"/collections/{name}/items?limit=1&datetime={asked}")
        assert answer.json()["numberMatched"] == expected, (name, answer.text[:300])


def test_properties_filter_by_code_label_number_and_text(client: TestClient, sample_superuser: Engine) -> None:
    for asked, where in (
        ("building/items?use=11", "building where use = '11'"),
        ("building/items?use=成套住宅", "building where use = '11'"),
        ("building/items?floors=3", "building where floors = 3"),
        ("building/items?self_built=true", "building where self_built"),
        ("waste_point/items?waste_classes=recyclable", "waste_point where 'recyclable' = any(waste_classes)"),
        ("building/items?code=' or 1=1 --", "building where code = 'x'' or 1=1'"),
    ):
        with sample_superuser.connect() as conn:
            expected = conn.execute(text(f"select count(*) from gis.{where}")).scalar_one()
        answer = client.get(f"/collections/{asked}&limit=1")
        assert (answer.status_code, answer.json().get("numberMatched")) == (200, expected), asked


def test_one_feature_by_its_identifier_and_by_its_code(client: TestClient) -> None:
    for name in LAYERS:
        feature = client.get(f"/collections/{name}/items?limit=1").json()["features"][0]
        answer = client.get(f"/collections/{name}/items/{feature['id']}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, GEOJSON)
        found = answer.json()
        links = links_of(found)
        assert links["self"]["href"].endswith(f"/collections/{name}/items/{feature['id']}")
        assert links["collection"]["href"].endswith(f"/collections/{name}")
        assert {key: found[key] for key in feature} == feature
        properties = feature["properties"]
        by_code = client.get(f"/collections/{name}/items/{properties['community']}.{properties['code']}")
        assert by_code.json()["id"] == feature["id"], name


def test_outer_rings_run_counter_clockwise(client: TestClient) -> None:
    for name in ("building", "green", "water"):
        for feature in client.get(f"/collections/{name}/items?limit=50").json()["features"]:
            geometry = shapely.geometry.shape(feature["geometry"])
            assert all(part.exterior.is_ccw for part in getattr(geometry, "geoms", [geometry]))


@pytest.mark.parametrize(
    "path",
    [
        "/collections/building/items?floorz=3",
        "/collections/building/items?bbox-crs=EPSG:4547",
        "/collections?page=2",
        "/collections/building?crs=x",
        "/conformance?x=1",
        "/nearby?lon=121&lat=30.7&radius=5",
        "/collections/building/tiles/WebMercatorQuad/14/6700/13690?limit=1",
        "/?q=x",
        "/healthz?x=1",
    ],
)
def test_unknown_parameters_are_refused(client: TestClient, path: str) -> None:
    _is_problem(client.get(path), 400)


@pytest.mark.parametrize(
    "query",
    [
        "limit=abc", "limit=", "limit=1.5", "bbox=1,2,3", "bbox=a,b,c,d", "bbox=nan,0,1,1", "bbox=1,2,3,4,5",
        "bbox=0,50,1,40", "bbox=-181,0,1,1", "bbox=0,0,1,inf", "bbox=0,0,0,0,0,0,0", "datetime=yesterday",
        "datetime=2025-13-01", "datetime=2025-06-01T00:00:00", "datetime=2026-01-01/2025-01-01", "datetime=/",
        "datetime=../..", "datetime=a/b/c", "as_of=gestern", "as_of=2025-06-01T00:00:00", "after=zzz", "after=%00",
        "community=33", "community=33048200201x", "grid=330482002011", "sortby=nothing", "sortby=,", "f=nothing",
        "use=99", "floors=many", "floors=1.5", "self_built=perhaps", "surveyed_on=2025", "height_m=tall",
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused_with_a_sentence(client: TestClient, query: str) -> None:
    _is_problem(client.get(f"/collections/building/items?{query}"), 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/collections/nothing", 404),
        ("/collections/nothing/items", 404),
        ("/collections/building/items/nothing", 404),
        ("/collections/building/items/330482002011.nothing", 404),
        ("/collections/building/items/330482002011.00000000-0000-0000-0000-000000000000", 404),
        ("/nowhere", 404),
        ("/static/nothing.js", 404),
        ("/static/../../pyproject.toml", 404),
        ("/static/..%2f..%2fpyproject.toml", 404),
        ("/maps/nothing", 404),
        ("/maps/overview/file?community=999999999999", 404),
        ("/maps/overview/file", 400),
        ("/nearby?lon=121", 400),
        ("/nearby?lon=999&lat=30", 400),
        ("/nearby?lon=121&lat=30&radius_m=0", 400),
        ("/nearby?lon=nan&lat=30", 400),
        ("/maps/overview?community=999999999999", 404),
    ],
)
def test_what_is_not_there_is_said_in_two_languages(client: TestClient, path: str, status: int) -> None:
    _is_problem(client.get(path, headers={"accept": "*/*"}), status)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_writing_methods_are_refused(client: TestClient, method: str) -> None:
    answer = client.request(method, "/collections/building/items")
    _is_problem(answer, 405)
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/collections", "/collections/building", "/tiles", "/conformance"])
def test_what_is_only_read_refuses_other_methods(client: TestClient, path: str) -> None:
    answer = client.post(path)
    _is_problem(answer, 405)
    assert "GET" in answer.headers["allow"]


def _is_problem(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in body["detail"]), body
    assert body["detail"].endswith("。")
    assert body["detail_en"].isascii() or not any("\u4e00" <= letter <= "\u9fff" for letter in body["detail_en"]), body
    assert "Traceback" not in answer.text
    assert "select " not in answer.text.lower()


def test_a_feature_links_to_itself_and_to_its_page(client: TestClient) -> None:
    (feature,) = client.get("/collections/waste_point/items?limit=1").json()["features"]
    system = "http://www.opengis.net/def/crs/EPSG/0/4549"
    address = f"/collections/waste_point/items/{feature['id']}?crs={system}"
    links = {link["rel"]: link for link in client.get(address).json()["links"]}
    again = client.get(links["self"]["href"])
    assert again.headers["content-crs"] == f"<{system}>"
    page = client.get(links["alternate"]["href"])
    assert page.headers["content-type"].startswith(links["alternate"]["type"])
    assert {"self", "alternate", "collection"} <= set(links)


@pytest.mark.parametrize("system", ["OGC/1.3/CRS84", "EPSG/0/4326", "EPSG/0/3857", "EPSG/0/4549"])
def test_a_feature_is_found_at_its_own_coordinates(client: TestClient, system: str) -> None:
    uri = f"http://www.opengis.net/def/crs/{system}"
    features = client.get(f"/collections/facility/items?crs={uri}").json()["features"]
    for feature in features[:30]:
        x, y = feature["geometry"]["coordinates"]
        found = client.get(f"/collections/facility/items?bbox={x},{y},{x},{y}&bbox-crs={uri}").json()["features"]
        assert feature["id"] in {one["id"] for one in found}
    assert features


@pytest.mark.parametrize("query", ["bbox=", "datetime=", "sortby=", "kind=timed&kind=bulky", "limit=5&limit=6",
                                   "bbox=120,30,122,31&bbox=120,30,121,31"])  # fmt: skip
def test_empty_and_repeated_parameters_are_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/collections/waste_point/items?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_any_version_is_held_by_whoever_says_so(client: TestClient) -> None:
    assert client.get("/collections/waste_point/items", headers={"If-None-Match": "*"}).status_code == 304


@pytest.mark.parametrize(
    "path",
    ["/collections/enterprise/items?recorded_at=0181-02-01T22:34:54%2B22:27",
     "/collections/building/items?recorded_at=0001-01-01T00:00:00%2B08:00",
     "/nearby?lon=0.12&lat=13.68&radius_m=5e-324&k=2", "/nearby?lon=5e-324&lat=5e-324&k=2",
     "/collections/building/items?filter=floor_area_m2*1e300*1e300>1",
     "/collections/building/items?limit=all&filter=floor_area_m2*1e300*1e300>1"],
)  # fmt: skip
def test_what_the_database_cannot_reckon_with_is_no_failure(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in {200, 400}
