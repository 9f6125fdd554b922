"""The abstract tests of OGC API Features Parts 3 (queryables) and 5 (schemas, sortables), asked of the sample."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from fastapi.testclient import TestClient

from gis_service.features.filters import CONFORMANCE
from layers.field import Kind
from layers.registry import LAYERS

REL = "http://www.opengis.net/def/rel/ogc/1.0/"
SPEC = "http://www.opengis.net/spec/"
RESOURCES = {"schema": "schema", "queryables": "queryables", "sortables": "sortables"}
EVERY_LAYER = pytest.mark.parametrize("name", list(LAYERS))
EVERY_RESOURCE = pytest.mark.parametrize("resource", list(RESOURCES))
GEOMETRIES = {
    "POINT": "geometry-point", "MULTILINESTRING": "geometry-multilinestring", "MULTIPOLYGON": "geometry-multipolygon",
    "GEOMETRY": "geometry-any",
}  # fmt: skip


@pytest.fixture(scope="module")
def interface(client: TestClient) -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = client.get("/api").json()
    return found


def schema_of(client: TestClient, name: str, resource: str) -> dict[str, Any]:
    answer = client.get(f"/collections/{name}/{resource}", headers={"accept": "application/schema+json"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
    found: dict[str, Any] = answer.json()
    return found


def test_conformance_names_what_makes_clients_ask_the_server(client: TestClient) -> None:
    declared = set(client.get("/conformance").json()["conformsTo"])
    wanted = {
        "ogcapi-features-2/1.0/conf/crs",
        *(f"ogcapi-features-3/1.0/conf/{name}" for name in ("filter", "features-filter", "queryables",
                                                            "queryables-query-parameters")),
        *(f"cql2/1.0/conf/{name}" for name in (*CONFORMANCE, "basic-spatial-operators")),
        *(f"ogcapi-features-5/1.0/conf/{name}" for name in ("schemas", "core-roles-features", "sortables",
                                                            "returnables-and-receivables", "queryables")),
        "ogcapi-common-3/1.0/conf/schemas",
    }  # fmt: skip
    assert {f"{SPEC}{name}" for name in wanted} <= declared


@EVERY_RESOURCE
@EVERY_LAYER
def test_link_and_op_every_collection_leads_to_its_schemas(client: TestClient, name: str, resource: str) -> None:
    links = {one["rel"]: one for one in client.get(f"/collections/{name}").json()["links"]}
    found = links[f"{REL}{RESOURCES[resource]}"]
    assert found["type"] == "application/schema+json"
    assert client.get(found["href"]).json()["$id"] == found["href"]


@EVERY_RESOURCE
@EVERY_LAYER
def test_schemas_json_schema_and_properties(client: TestClient, name: str, resource: str) -> None:
    schema = schema_of(client, name, resource)
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"http://localhost/collections/{name}/{resource}"
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert schema["title"] == LAYERS[name].title
    roles = []
    for found in schema["properties"].values():
        assert found["title"]
        spatial = found.get("format", "").startswith("geometry-")
        assert spatial != ("type" in found)
        assert not {"$ref", "const"} & set(found)
        roles += [found["x-ogc-role"]] if "x-ogc-role" in found else []
        extra = set(found) - {
            "title", "description", "type", "format", "enum", "oneOf", "items", "default", "minimum", "maximum",
            "exclusiveMinimum", "minLength", "maxLength", "pattern", "readOnly",
        }  # fmt: skip
        assert all(word.startswith("x-ogc-") for word in extra), extra
    assert len(roles) == len(set(roles))
    # The service's own fields, never the personal ones.
    assert not {field.name for field in LAYERS[name].personal_fields} & set(schema["properties"])


@EVERY_LAYER
def test_returnables_and_receivables_and_roles(client: TestClient, name: str) -> None:
    layer = LAYERS[name]
    properties = schema_of(client, name, "schema")["properties"]
    assert properties["geometry"]["format"] == GEOMETRIES[layer.geometry]
    roles = {found["x-ogc-role"]: key for key, found in properties.items() if "x-ogc-role" in found}
    assert roles == {
        "id": "id", "primary-geometry": "geometry", "primary-interval-start": "valid_from",
        "primary-interval-end": "valid_to",
    }  # fmt: skip
    assert {key for key, found in properties.items() if found.get("readOnly")} == {
        "id",
        "grid",
        "version",
        "recorded_at",
    }
    features = client.get(f"/collections/{name}/items?limit=50").json()["features"]
    assert set(properties) == {"id", "geometry", *features[0]["properties"]}
    required = schema_of(client, name, "schema")["required"]
    assert {"geometry", "code"} <= set(required)
    for feature in features:
        row = {**feature["properties"], "id": feature["id"]}
        assert all(row[key] is not None for key in required if key != "geometry")
        for key, value in row.items():
            if value is not None:
                jsonschema_rs.validate({**properties[key], "oneOf": properties[key].get("oneOf", [{}])}, value)


def test_codes_come_with_their_titles_and_numbers_with_their_bounds_and_units(client: TestClient) -> None:
    properties = schema_of(client, "building", "schema")["properties"]
    assert {"const": "21", "title": "工业"} in properties["use"]["oneOf"]
    assert properties["use"]["enum"] == [one["const"] for one in properties["use"]["oneOf"]]
    height = properties["height_m"]
    assert (height["minimum"], height["maximum"], height["x-ogc-unit"]) == (0, 1000, "m")
    assert properties["floor_area_m2"]["x-ogc-unit"] == "m2"
    assert properties["floors"]["description"] == "单位:层"
    classes = schema_of(client, "waste_point", "schema")["properties"]["waste_classes"]
    assert classes["type"] == "array"
    assert classes["items"]["enum"]


@EVERY_LAYER
def test_queryables_query_parameters_every_simple_one_is_a_parameter(
    client: TestClient, interface: dict[str, Any], name: str
) -> None:
    queryables = schema_of(client, name, "queryables")["properties"]
    described = interface["paths"][f"/collections/{name}/items"]["get"]["parameters"]
    simple = {key for key, found in queryables.items() if found.get("type") not in {None, "array"}}
    assert simple <= {one["name"] for one in described}
    feature = client.get(f"/collections/{name}/items?limit=1").json()["features"][0]
    row = {**feature["properties"], "id": feature["id"]}
    for key in simple:
        if row[key] is None:
            continue
        value = str(row[key]).lower() if isinstance(row[key], bool) else str(row[key])
        page = client.get(f"/collections/{name}/items", params={key: value, "limit": "20"}).json()
        assert feature["id"] in [one["id"] for one in page["features"]], (key, value, page.get("detail"))
        assert all(one["properties"].get(key, one["id"]) == row[key] for one in page["features"]), key


@EVERY_LAYER
def test_queryables_may_all_be_named_in_a_filter_and_nothing_else(client: TestClient, name: str) -> None:
    queryables = schema_of(client, name, "queryables")["properties"]
    for key in queryables:
        answer = client.get(f"/collections/{name}/items", params={"filter": f"{key} IS NULL", "limit": "1"})
        assert answer.status_code == 200, (key, answer.text[:300])
    for key in ("upload", "recorded_by", "nothing", *(field.name for field in LAYERS[name].personal_fields)):
        answer = client.get(f"/collections/{name}/items", params={"filter": f"{key} IS NULL", "limit": "1"})
        assert answer.status_code == 400, key


@EVERY_LAYER
def test_sortables_may_all_be_sorted_by_and_nothing_else(client: TestClient, name: str) -> None:
    sortables = schema_of(client, name, "sortables")["properties"]
    assert not any(found.get("type") in {None, "array", "object"} for found in sortables.values())
    for key in sortables:
        answer = client.get(f"/collections/{name}/items", params={"sortby": f"-{key}", "limit": "1"})
        assert answer.status_code == 200, (key, answer.text[:300])
    lists = [field.name for field in LAYERS[name].fields if field.kind is Kind.TEXTS]
    for key in ("geometry", "nothing", "upload", *lists):
        answer = client.get(f"/collections/{name}/items", params={"sortby": key, "limit": "1"})
        assert answer.status_code == 400, key


def test_numbers_and_moments_are_sorted_as_such(client: TestClient) -> None:
    for key in ("floors", "recorded_at", "version", "id"):
        for sign in ("", "-"):
            asked = {"sortby": f"{sign}{key}", "limit": "300", "filter": f"{key} IS NOT NULL"}
            page = client.get("/collections/building/items", params=asked).json()
            values = [one["id"] if key == "id" else one["properties"][key] for one in page["features"]]
            assert len(values) == 300
            assert values == sorted(values, reverse=sign == "-"), key


def test_filter_lang_and_filter_crs_are_described_with_their_values(
    client: TestClient, interface: dict[str, Any]
) -> None:
    paths = interface["paths"]
    for name in LAYERS:
        parameters = {one["name"]: one["schema"] for one in paths[f"/collections/{name}/items"]["get"]["parameters"]}
        assert parameters["filter"]["type"] == "string"
        assert parameters["filter-lang"]["enum"] == ["cql2-text", "cql2-json"]
        assert parameters["filter-lang"]["default"] == "cql2-text"
        assert parameters["filter-crs"]["default"] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
        described = client.get(f"/collections/{name}").json()["crs"]
        for place in ("crs", "bbox-crs", "filter-crs"):
            assert parameters[place]["enum"] == described


@EVERY_LAYER
def test_what_is_written_is_described_by_the_layer(client: TestClient, interface: dict[str, Any], name: str) -> None:
    document = interface
    bodies = [
        said["schema"]["$ref"].rpartition("/")[2]
        for path, item in document["paths"].items()
        if path.startswith(f"/collections/{name}/items") and not path.endswith("/personal")
        for operation in item.values()
        for said in operation.get("requestBody", {}).get("content", {}).values()
    ]
    assert set(bodies) == {name, f"{name}_changes"}
    personal = any(
        path.startswith(f"/collections/{name}/") and path.endswith("/personal") for path in document["paths"]
    )
    assert personal == bool(LAYERS[name].personal_fields)
    feature = client.get(f"/collections/{name}/items?limit=1").json()["features"][0]
    sent = document["components"]["schemas"][name]["properties"]["properties"]["properties"]
    assert set(sent) == {field.name for field in LAYERS[name].fields} | {"community"}
    assert (
        feature["geometry"]["type"]
        in document["components"]["schemas"][name]["properties"]["geometry"]["properties"]["type"]["enum"]
    )
