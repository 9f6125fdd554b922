"""The OpenAPI 3.0 document, with a literal path for each collection.

FastAPI describes itself in OpenAPI 3.1 and with one templated path. The standard's class is 3.0, and GDAL reads page
sizes and filterable properties only from the literal path of a collection.
"""

from __future__ import annotations

import copy
from typing import Any

from fastapi import FastAPI

from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.registry import LAYERS
from maps.notice import list_page

_TYPES = {
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.TIME: {"type": "string", "format": "date-time"},
    Kind.TEXTS: {"type": "string"},
}


def describe(app: FastAPI, default_limit: int, max_limit: int) -> dict[str, Any]:
    """Return the document: every route as OpenAPI 3.0, the features' routes once for each layer."""
    document: dict[str, Any] = _lowered(copy.deepcopy(app.openapi()))
    document["openapi"] = "3.0.3"
    paths: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        if "{layer}" not in path:
            paths[path] = operations
            continue
        for layer in LAYERS.values():
            paths[path.replace("{layer}", layer.name)] = _for_layer(operations, layer, default_limit, max_limit)
    document["paths"] = paths
    return document


def describe_page(document: dict[str, Any]) -> str:
    """Return the document as a page of tables, for people."""
    rows = [
        (f"{method.upper()} {path}", operation.get("summary", ""))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return list_page("接口说明", ["机器可读的 OpenAPI 3.0 文档在 /api。"], [("地址", rows)])


def _for_layer(operations: dict[str, Any], layer: Layer, default_limit: int, max_limit: int) -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(operations)
    for operation in found.values():
        operation["operationId"] = f"{operation['operationId']}_{layer.name}"
        operation["summary"] = f"{layer.title}:{operation['summary']}"
        parameters = [p for p in operation.get("parameters", []) if (p["in"], p["name"]) != ("path", "layer")]
        if operation["operationId"].startswith("items_"):
            for parameter in parameters:
                if parameter["name"] == "limit":
                    parameter["schema"] = {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": max_limit,
                        "default": default_limit,
                    }
                elif parameter["name"] == "bbox":
                    numbers = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
                    parameter |= {"schema": numbers, "style": "form", "explode": False}
            parameters += [_property(field) for field in layer.fields]
        operation["parameters"] = parameters
    return found


def _property(field: LayerField) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_TYPES[field.kind])
    if field.codes:
        schema["enum"] = list(field.codes)
    return {"name": field.name, "in": "query", "required": False, "description": field.title, "schema": schema}


def describe_properties(layer: Layer) -> dict[str, Any]:
    """Return the JSON Schema of a feature's properties; clients such as GDAL take their columns and types from it."""
    kept = {
        "community": {"type": "string", "title": "社区代码"},
        "grid": {"type": "string", "title": "网格代码"},
        "version": {"type": "integer", "title": "版本"},
        "recorded_at": {"type": "string", "format": "date-time", "title": "记录时间"},
    }
    given = {field.name: {"title": field.title, **_TYPES[field.kind]} for field in layer.fields}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": layer.title,
        "properties": {**given, **kept},
    }


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
