"""JSON Schemas of a layer: what its features give and take, what may be asked, and what they may be sorted by.

As OGC API Features Parts 3 and 5 want them: geometry by ``format``, roles by ``x-ogc-role``, units in UCUM.
"""

from __future__ import annotations

from typing import Any

from gis_service.features.properties import KEPT
from layers.field import Kind, LayerField
from layers.layer import Layer

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: dict[Kind, dict[str, Any]] = {
    Kind.TEXT: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATE: {"type": "string", "format": "date"},
    Kind.TIME: {"type": "string", "format": "date-time"},
    Kind.TEXTS: {"type": "array"},
}
_GEOMETRIES = {
    "POINT": "geometry-point",
    "MULTILINESTRING": "geometry-multilinestring",
    "MULTIPOLYGON": "geometry-multipolygon",
    "GEOMETRY": "geometry-any",
}
_GEOJSON_TYPES = {
    "POINT": ["Point"],
    "MULTILINESTRING": ["LineString", "MultiLineString"],
    "MULTIPOLYGON": ["Polygon", "MultiPolygon"],
    "GEOMETRY": ["Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon"],
}
# What people count (层, 户, 人) has no unit in UCUM.
_UCUM = {"m": "m", "mm": "mm", "m²": "m2", "km²": "km2", "%": "%"}
# The survey's own dates are what `datetime` asks for.
_ROLES = {"valid_from": "primary-interval-start", "valid_to": "primary-interval-end"}
_KEPT: dict[str, dict[str, Any]] = {
    "community": {"type": "string", "title": "社区代码", "pattern": "^[0-9]{12}$"},
    "grid": {"type": "string", "title": "网格代码", "pattern": "^[0-9]{15}$"},
    "version": {"type": "integer", "title": "行版本", "minimum": 1},
    "recorded_at": {"type": "string", "format": "date-time", "title": "记录时间"},
}
_ID = {"type": "string", "title": "标识", "description": "社区代码.标识"}


def feature_schema(layer: Layer, address: str) -> dict[str, Any]:
    """Return the schema of what features give (returnables) and take (receivables)."""
    kept = {name: {**said, "readOnly": True} for name, said in _KEPT.items()}
    # Whoever sees several communities names the one that a new feature belongs to.
    del kept["community"]["readOnly"]
    properties = {
        "id": {**_ID, "readOnly": True, "x-ogc-role": "id"},
        "geometry": _geometry(layer),
        **{field.name: field_schema(field) for field in layer.fields},
        **kept,
    }
    required = ["geometry", *(field.name for field in layer.fields if field.required)]
    return {**_head(layer, address), "properties": properties, "required": required, "additionalProperties": False}


def queryables_schema(layer: Layer, address: str) -> dict[str, Any]:
    """Return the schema of what a filter may name."""
    fields = {field.name: field_schema(field) for field in layer.fields}
    properties = {"id": _ID, "geometry": _geometry(layer), **fields, **_KEPT}
    return {**_head(layer, address), "properties": properties, "additionalProperties": False}


def sortables_schema(layer: Layer, address: str) -> dict[str, Any]:
    """Return the schema of what ``sortby`` may name."""
    properties = {field.name: field_schema(field) for field in sortable_fields(layer)}
    return {**_head(layer, address), "properties": properties, "additionalProperties": False}


def sortable_fields(layer: Layer) -> list[LayerField]:
    """Return the fields that features may be sorted by; a list has no place in an order."""
    return [field for field in (*layer.fields, *KEPT.values()) if field.kind is not Kind.TEXTS]


def field_schema(field: LayerField) -> dict[str, Any]:
    """Return the schema of one field: its type, bounds, codes with their titles, unit and role."""
    said: dict[str, Any] = {"title": field.title, **_TYPES[field.kind]}
    if field.unit:
        said |= {"x-ogc-unit": _UCUM[field.unit]} if field.unit in _UCUM else {"description": f"单位:{field.unit}"}
    if field.name in _ROLES:
        said["x-ogc-role"] = _ROLES[field.name]
    if field.default is not None:
        said["default"] = field.default
    value = value_schema(field)
    return {**said, "items": value} if field.kind is Kind.TEXTS else {**said, **value}


def value_schema(field: LayerField) -> dict[str, Any]:
    """Return the schema of one value of a field, without its title."""
    said: dict[str, Any] = {"type": "string"} if field.kind is Kind.TEXTS else dict(_TYPES[field.kind])
    if field.codes is not None:
        said["enum"] = list(field.codes)
        said["oneOf"] = [{"const": code, "title": label} for code, label in field.codes.items()]
        return said
    low = "exclusiveMinimum" if field.exclusive_minimum else "minimum"
    bounds = {
        low: field.minimum, "maximum": field.maximum, "minLength": field.min_length, "maxLength": field.max_length,
        "pattern": field.pattern,
    }  # fmt: skip
    return said | {name: bound for name, bound in bounds.items() if bound is not None}


def geojson_schema(layer: Layer) -> dict[str, Any]:
    """Return the schema of a GeoJSON feature that a client sends, in the words of OpenAPI 3.0."""
    properties = {field.name: _open(field) for field in layer.fields}
    properties["community"] = dict(_KEPT["community"])
    geometry = {
        "type": "object",
        "required": ["type", "coordinates"],
        "properties": {
            "type": {"type": "string", "enum": _GEOJSON_TYPES[layer.geometry]},
            "coordinates": {"type": "array", "items": {}},
        },
    }
    required = [field.name for field in layer.fields if field.required]
    return {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "geometry": geometry,
            "properties": {"type": "object", "required": required, "properties": properties},
        },
    }


def changes_schema(layer: Layer) -> dict[str, Any]:
    """Return the schema of a JSON merge patch of a feature, in the words of OpenAPI 3.0."""
    whole = geojson_schema(layer)["properties"]
    some = {"type": "object", "properties": whole["properties"]["properties"]}
    return {"type": "object", "properties": {**whole, "properties": some}}


def parameter_schema(field: LayerField) -> dict[str, Any]:
    """Return the schema of the query parameter that asks for a field's value, in the words of OpenAPI 3.0."""
    said = value_schema(field)
    said.pop("oneOf", None)
    # A bound would forbid a question that is answered well: with nothing.
    return {name: said[name] for name in ("type", "format", "enum") if name in said}


def _open(field: LayerField) -> dict[str, Any]:
    """Return a field's schema without the words that OpenAPI 3.0 lacks."""
    said = field_schema(field)
    for part in (said, said.get("items", {})):
        part.pop("oneOf", None)
        if "exclusiveMinimum" in part:
            part["minimum"], part["exclusiveMinimum"] = part["exclusiveMinimum"], True
    return {**said, "nullable": True} if field.nullable else said


def _geometry(layer: Layer) -> dict[str, Any]:
    return {"title": "几何", "x-ogc-role": "primary-geometry", "format": _GEOMETRIES[layer.geometry]}


def _head(layer: Layer, address: str) -> dict[str, Any]:
    return {
        "$schema": _DRAFT, "$id": address, "type": "object", "title": layer.title, "description": layer.summary,
    }  # fmt: skip
