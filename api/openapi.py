"""The OpenAPI 3.0 document, with a literal path for each collection.

FastAPI describes itself in OpenAPI 3.1 and with one templated path. The standard's class is 3.0, and GDAL reads page
sizes and filterable properties only from the literal path of a collection.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from api.formats import FILES
from api.layer_schemas import changes_schema, geojson_schema, parameter_schema, sortable_fields
from api.links import GEOJSON, HTML
from gis_service.features.properties import KEPT
from gis_service.features.read import property_names
from gis_service.features.search import MAX_HITS
from gis_service.reference_systems import CRS84, SERVED
from layers.layer import Layer
from layers.registry import LAYERS
from maps.notice import list_page

_PROBLEM = "application/problem+json"
_PERSONAL = "/personal"
"""How the paths end that only layers with personal fields have."""
_SYSTEM = {"type": "string", "format": "uri", "enum": [system.uri for system in SERVED], "default": CRS84.uri}
_BBOX = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
_LISTS = {
    "bbox": _BBOX,
    "collections": {"type": "array", "items": {"type": "string", "enum": list(LAYERS)}},
    "layers": {"type": "array", "items": {"type": "string", "enum": list(LAYERS)}},
}
_SINGLE = {
    "crs": _SYSTEM,
    "bbox-crs": _SYSTEM,
    "filter-crs": _SYSTEM,
    "filter-lang": {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"},
}
_FILE_TYPES = tuple(form.media_type.partition(";")[0] for form in FILES.values())
_FEATURES = {
    "/collections/{layer}/items": (GEOJSON, HTML, *_FILE_TYPES),
    "/collections/{layer}/items/{feature}": (GEOJSON, HTML),
}
# What every operation may answer beside what it is for.
_REFUSALS = {400: "请求有误", 401: "需要登录", 403: "无权访问", 500: "服务内部错误", 503: "暂时不可用"}
_DRAWING = (413, 415)
"""What a question with a drawn shape may answer too."""
_WRITING = {409: "与现有数据冲突", 412: "要素已变", 413: "内容太大", 415: "不接受这种内容", 428: "需要 If-Match"}


def describe(app: FastAPI, default_limit: int, max_limit: int) -> dict[str, Any]:
    """Return the document: every route as OpenAPI 3.0, the routes of features once for each layer."""
    document: dict[str, Any] = _lowered(copy.deepcopy(app.openapi()))
    document["openapi"] = "3.0.3"
    document["components"] = {"schemas": _schemas(), "responses": _refusals()}
    limit = {"type": "integer", "minimum": 1, "maximum": max_limit, "default": default_limit}
    paths: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation, limit)
        if "{layer}" not in path:
            paths[path] = operations
            continue
        for layer in LAYERS.values():
            if path.endswith(_PERSONAL) and not layer.personal_fields:
                continue
            paths[path.replace("{layer}", layer.name)] = _for_layer(operations, layer)
    document["paths"] = paths
    return document


def describe_page(document: dict[str, Any]) -> str:
    """Return the document as a page of tables, for people: the paths of layers once, with what may be asked."""
    first = next(iter(LAYERS))
    groups: dict[str, list[tuple[str, str]]] = {}
    for path, operations in document["paths"].items():
        parts = path.split("/")
        of_layer = parts[1:2] == ["collections"] and len(parts) > 2
        if of_layer and parts[2] != first and not path.endswith(_PERSONAL):
            continue
        shown = "/".join([*parts[:2], "{图层}", *parts[3:]]) if of_layer else path
        for method, operation in operations.items():
            named = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            if of_layer:
                named = [name for name in named if name not in _own_names(first)]
            said = operation.get("summary", "").removeprefix(f"{LAYERS[first].title}:")
            said += f"。参数:{'、'.join(named)}" if named else ""
            heading = _HEADINGS.get(next(iter(operation.get("tags", ())), ""), "总览")
            groups.setdefault(heading, []).append((f"{method.upper()} {shown}", said))
    lines = [
        f"机器可读的 OpenAPI 3.0 文档在 /api?f=json。{{图层}} 是:{'、'.join(LAYERS)}。",
        "要素清单还可以按图层的每个属性查询,例如 kind=timed;各图层的属性见 /collections/{图层}/queryables?f=html。",
    ]
    return list_page("接口说明", lines, list(groups.items()))


_HEADINGS = {
    "questions": "问:附近、这里、范围、沿路、晨会表、查找", "calendar": "工作日历",
    "features": "要素", "transactions": "增删改要素",
    "collections": "图层", "schemas": "图层的字段", "tiles": "矢量瓦片", "maps": "地图", "health": "运行状况",
    "people": "登录、账户和审计",
}  # fmt: skip


def _own_names(layer: str) -> set[str]:
    return {*KEPT, *(field.name for field in LAYERS[layer].fields)}


def _complete(path: str, method: str, operation: dict[str, Any], limit: dict[str, Any]) -> None:
    """Give an operation the schemas of its parameters, and what it answers when it refuses."""
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] != "query":
            continue
        if name in _LISTS:
            parameter |= {"schema": _LISTS[name], "style": "form", "explode": False}
        elif name in _SINGLE:
            parameter["schema"] = _SINGLE[name]
        elif name in {"limit", "k"}:
            parameter["schema"] = {**limit, "maximum": MAX_HITS} if path == "/search" else limit
        else:
            parameter["schema"] = _listed(parameter["schema"])
            # A parameter may be left out, but nobody can write null in an address.
            parameter["schema"].pop("nullable", None)
    responses: dict[str, Any] = operation["responses"]
    if method == "get" and path in _FEATURES:
        responses["200"]["content"] = {media_type: {} for media_type in _FEATURES[path]}
        responses.setdefault("304", {"description": "没有变化"})
    # FastAPI's own refusal of parameters is answered with 400.
    responses.pop("422", None)
    statuses = set(_REFUSALS)
    if "{" in path:
        statuses.add(404)
    if method in {"post", "put", "patch", "delete"}:
        statuses |= set(_WRITING if "/items" in path else _DRAWING)
    for status in sorted(statuses):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})


def _refusals() -> dict[str, Any]:
    content = {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}, HTML: {}}
    said = {**_REFUSALS, **_WRITING, 404: "没有找到"}
    return {str(status): {"description": title, "content": content} for status, title in sorted(said.items())}


def _schemas() -> dict[str, Any]:
    found = {"Problem": _problem_schema()}
    for layer in LAYERS.values():
        found |= {layer.name: geojson_schema(layer), f"{layer.name}_changes": changes_schema(layer)}
    return found


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    members = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text, "detail_en": text}
    return {"type": "object", "title": "出错说明 (RFC 9457)", "required": list(members), "properties": members}


def _for_layer(operations: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """Return the operations of a path with a layer in it, as that layer's own."""
    found: dict[str, Any] = copy.deepcopy(operations)
    for method, operation in found.items():
        # OGC's names of operations are suffixes.
        name = operation["operationId"]
        operation["operationId"] = f"{layer.name}.{name}" if "." in name else f"{name}_{layer.name}"
        operation["summary"] = f"{layer.title}:{operation['summary']}"
        parameters = [p for p in operation.get("parameters", []) if (p["in"], p["name"]) != ("path", "layer")]
        names = {parameter["name"] for parameter in parameters}
        for parameter in parameters:
            if parameter["name"] in _BY_LAYER and parameter["in"] == "query":
                schema = {"type": "array", "items": {"type": "string", "enum": _BY_LAYER[parameter["name"]](layer)}}
                parameter |= {"schema": schema, "style": "form", "explode": False}
        if method == "get" and {"bbox", "filter", "limit"} <= names:
            parameters += [
                {
                    "name": field.name, "in": "query", "required": False, "description": field.title,
                    "schema": parameter_schema(field),
                }
                for field in (*layer.fields, *KEPT.values())
            ]  # fmt: skip
        operation["parameters"] = parameters
        if "requestBody" in operation:
            _describe_body(operation["requestBody"]["content"], layer)
    return found


_BY_LAYER: dict[str, Callable[[Layer], list[str]]] = {
    "properties": property_names,
    "sortby": lambda layer: [sign + field.name for field in sortable_fields(layer) for sign in ("", "-")],
}


def _describe_body(content: dict[str, Any], layer: Layer) -> None:
    """Give a body that holds a feature the layer's schema; a merge patch gives what changes only."""
    for media_type, said in content.items():
        if "json" in media_type:
            name = f"{layer.name}_changes" if "merge-patch" in media_type else layer.name
            said["schema"] = {"$ref": f"#/components/schemas/{name}"}


def _listed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema whose pattern lists words, ``^(json|html)$``, with these as an enumeration."""
    words = re.fullmatch(r"\^\(?([a-z0-9|-]+)\)?\$", schema.get("pattern", ""))
    if words is None:
        return schema
    rest = {key: value for key, value in schema.items() if key != "pattern"}
    return {**rest, "enum": words[1].split("|")}


def _lowered(node: Any) -> Any:
    """Return a 3.1 schema in the words of 3.0: nullable instead of a null type, no const, no list of examples."""
    if isinstance(node, list):
        return [_lowered(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _lowered(value) for key, value in node.items() if key not in {"examples", "contentMediaType"}}
    options = found.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        kept = [option for option in options if option != {"type": "null"}]
        del found["anyOf"]
        found |= kept[0] if len(kept) == 1 else {"anyOf": kept}
        found["nullable"] = True
    if "const" in found:
        found["enum"] = [found.pop("const")]
    for bound in ("minimum", "maximum"):
        name = "exclusive" + bound.capitalize()
        if isinstance(found.get(name), int | float) and not isinstance(found.get(name), bool):
            found[bound] = found[name]
            found[name] = True
    return found
