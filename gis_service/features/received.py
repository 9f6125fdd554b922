"""A feature as a client sends it: read from its JSON, checked against the layer's declaration, in our types."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from pydantic import ValidationError
from sqlalchemy import BigInteger

from gis_service.errors import InputError
from gis_service.features.properties import queryable
from gis_service.features.write import stored_value
from gis_service.reference_systems import ReferenceSystem, reference_system
from gis_service.surveys.columns.personal import holds_identity
from gis_service.surveys.columns.rows import explain
from gis_service.surveys.files.geometry import Fitting
from gis_service.surveys.files.limits import INTERACTIVE
from gis_service.tables import column_type
from layers.field import Kind, LayerField
from layers.layer import Layer

KEPT_BY_SERVICE = {
    "id": "标识", "community": "社区", "grid": "网格", "version": "行版本", "recorded_at": "记录时间",
}  # fmt: skip
"""Properties that the service gives and keeps itself; clients send them back with what they got."""

_GEOMETRIES = {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
_MEMBERS = {
    "type", "id", "geometry", "properties", "links", "bbox", "crs", "time", "place", "coordRefSys", "featureType",
    "featureSchema", "conformsTo", "@context",
}  # fmt: skip
"""Members of a feature in GeoJSON and JSON-FG; a patch with another one would change nothing and look like success."""
_DEPTH = 16
"""Levels of a document; a multi-polygon in a feature has seven."""
_SHOWN = 400
"""Characters of a reason that are shown: it quotes what was sent, which may be long."""


@dataclass(frozen=True)
class Received:
    """A whole feature.

    Attributes
    ----------
    values
        Every field of the layer by its name, checked, as its column takes it.
    geometry
        EWKB, EPSG:4490, longitude first, two dimensions, multi where the layer is.
    community
        The community that the properties name, or None.
    """

    values: dict[str, object]
    geometry: bytes
    community: str | None


@dataclass(frozen=True)
class Changes:
    """Changes of a feature.

    Attributes
    ----------
    properties
        Values as they were written; None clears.
    geometry
        EWKB as in ``Received``, or None when it stays.
    identifier
        What the client calls the feature, or None.
    """

    properties: dict[str, object]
    geometry: bytes | None
    identifier: object = None


def read_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request.

    The parser stops at a depth of 1,024 and takes neither NaN nor half characters; what comes after it goes into
    depth by recursion, so no more than ``_DEPTH`` gets that far.

    Raises
    ------
    InputError
        When it is no JSON object in UTF-8, or a deeper one than any feature.
    """
    try:
        # Scripts on Windows begin a text with a mark of its encoding.
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"提交的内容不是完好的 JSON(UTF-8),第 {error.lineno} 行第 {error.colno} 列附近有误。",
            f"The body is no valid JSON in UTF-8, near line {error.lineno} column {error.colno}.",
        ) from error
    if not isinstance(document, dict):
        raise InputError("提交的内容应是一个 JSON 对象。", "The body must be a JSON object.")
    level: list[Any] = [document]
    for _ in range(_DEPTH):
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, dict | list)
        ]
        if not level:
            return document
    raise InputError(f"提交的内容嵌套太深,最多 {_DEPTH} 层。", f"The body is nested deeper than {_DEPTH} levels.")


def read_feature_sent(
    layer: Layer, document: Mapping[str, Any], system: ReferenceSystem, *, new: bool = False
) -> Received:
    """Return the whole feature of a GeoJSON document.

    Its ``id`` and links are passed over. So is what the service keeps itself among the properties, since clients send
    back what they got; only a new feature can't have any yet (Part 4, abstract test of the schema).

    Raises
    ------
    InputError
        When it is no Feature, or doesn't fit the layer; the reason names the field.
    """
    if document.get("type") != "Feature":
        raise InputError(
            '提交的内容应是一个 GeoJSON 要素("type": "Feature"),一次一个。',
            "The body must be one GeoJSON Feature.",
        )
    properties = _properties(document)
    community = properties.get("community")
    given = {name: value for name, value in properties.items() if name not in KEPT_BY_SERVICE and value is not None}
    for name, value in properties.items():
        if name not in KEPT_BY_SERVICE:
            _field(layer, name)
        elif new and name != "community" and value is not None:
            raise InputError(
                f"“{KEPT_BY_SERVICE[name]}”({name})由服务维护,新要素不能自带;请从提交的内容里删去。",
                f"{name} is kept by the service; a new feature has none.",
            )
    values = check_values(layer, given, given)
    return Received(values, _geometry_of(layer, document, system), None if community is None else str(community))


def read_changes(layer: Layer, document: Mapping[str, Any], system: ReferenceSystem, *, whole: bool) -> Changes:
    """Return the changes that a JSON merge patch (RFC 7396) asks of a feature.

    Parameters
    ----------
    whole
        Whether the document is a feature that was read before rather than a patch: what the service keeps itself is
        then passed over instead of refused.

    Raises
    ------
    InputError
        When it changes what can't be changed, or the geometry doesn't fit.
    """
    if document.get("type", "Feature") != "Feature":
        raise InputError('要素的 "type" 只能是 "Feature"。', "The type of a feature never changes.")
    for name in document:
        if name not in _MEMBERS:
            raise InputError(
                f"要素没有成员 {str(name)[:60]!r};要改的属性写在 “properties” 里。",
                f"A feature has no member {str(name)[:60]!r}; changes of properties go into its properties.",
            )
    properties = _properties(document)
    for name in properties:
        if name not in KEPT_BY_SERVICE:
            _field(layer, name)
        elif not whole:
            raise InputError(f"“{KEPT_BY_SERVICE[name]}”({name})由服务维护,不能改。", f"{name} is kept by the service.")
    changed = {name: value for name, value in properties.items() if name not in KEPT_BY_SERVICE}
    moved = "geometry" in document or document.get("place") is not None
    return Changes(changed, _geometry_of(layer, document, system) if moved else None, document.get("id"))


def check_values(layer: Layer, given: Mapping[str, object], written: Collection[str]) -> dict[str, object]:
    """Return every field of a layer, checked: codes for their labels, defaults for what isn't given.

    Parameters
    ----------
    given
        Values by field, none of them None.
    written
        The fields among them that the client wrote; the others were stored already.

    Raises
    ------
    InputError
        When a value doesn't fit; all reasons are said.
    """
    fields = {found.name: found for found in layer.fields}
    plain = {name: _with_codes(fields[name], value) for name, value in given.items()}
    for name in written:
        if name in plain:
            _refuse_value(layer, fields[name], plain[name])
    try:
        record = layer.record.model_validate(plain)
    except ValidationError as error:
        names = ", ".join(str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"])
        reason = explain(layer, error)
        shown = reason if len(reason) <= _SHOWN else f"{reason[:_SHOWN]}…。"
        raise InputError(shown, f"The properties don't fit {layer.name}: {names}.") from error
    return {name: stored_value(getattr(record, name)) for name in fields}


def _properties(document: Mapping[str, Any]) -> dict[str, object]:
    properties = document.get("properties", {})
    if not isinstance(properties, dict):
        raise InputError("“properties” 应是一个 JSON 对象。", "The properties must be a JSON object.")
    return properties


def _field(layer: Layer, name: str) -> LayerField:
    if any(found.name == name for found in layer.personal_fields):
        raise InputError(
            f"“{layer.field(name).title}”是个人信息,不经要素接口收取;请从提交的内容里删去。",
            f"{name} names a person and isn't taken here; leave it out.",
        )
    return queryable(layer, name)


def _with_codes(found: LayerField, value: object) -> object:
    """Return a value with the codes of its labels: forms show people labels, and some send them back."""
    if found.codes is None:
        return value
    by_label = {label: code for code, label in found.codes.items()}
    if isinstance(value, list):
        return [by_label.get(part, part) if isinstance(part, str) else part for part in value]
    return by_label.get(value, value) if isinstance(value, str) and value not in found.codes else value


def _refuse_value(layer: Layer, found: LayerField, value: object) -> None:
    """Refuse what pydantic would read its own way, and what no text of ours may hold."""
    wrong = InputError(
        f"“{found.title}”的值 {str(value)[:60]!r} 不合要求。", f"The value of {found.name} doesn't fit its type."
    )
    texts = value if isinstance(value, list) else [value]
    if any("\x00" in text for text in texts if isinstance(text, str)):
        raise InputError(f"“{found.title}”里有空字符(NUL)。", f"{found.name} holds a NUL character.")
    # A number, and a text that is one, would be read as seconds since 1970, and true as the number 1.
    if found.kind in {Kind.DATE, Kind.TIME} and not (isinstance(value, str) and re.match(r"\s*\d{4}-", value)):
        raise wrong
    if found.kind in {Kind.INTEGER, Kind.NUMBER} and isinstance(value, bool):
        raise wrong
    if found.kind is Kind.INTEGER and isinstance(value, int):
        widest = 2**63 if isinstance(column_type(found), BigInteger) else 2**31
        if not -widest <= value < widest:
            raise wrong
    free = found.kind is Kind.TEXT and found.codes is None and found.pattern is None and found.name != "code"
    if free and isinstance(value, str) and holds_identity(value):
        raise InputError(
            f"“{found.title}”里疑似有身份证号或手机号;请删去后再提交。",
            f"{found.name} of {layer.name} seems to hold an identity or phone number; leave it out.",
        )


def _geometry_of(layer: Layer, document: Mapping[str, Any], system: ReferenceSystem) -> bytes:
    """Return the geometry of a document as EWKB; JSON-FG's ``place`` goes before ``geometry`` (Part 4, features)."""
    member = document.get("geometry")
    if document.get("place") is not None:
        member = document["place"]
        named = document.get("coordRefSys")
        system = reference_system(named) if isinstance(named, str) else system
    shape = _shape(member)
    if system.flipped:
        shape = shapely.transform(shapely.force_2d(shape), _turned)
    only = np.empty(1, dtype=object)
    only[0] = shape
    fitting = Fitting(layer.geometry, f"EPSG:{system.srid}", geometry_vertices=INTERACTIVE.geometry_vertices)
    fitted = fitting.fit(only, {})
    packed, reason = fitted.geometries[0], fitted.reasons[0]
    if packed is None:
        said = (reason or "没有几何").replace("这一行", "这个要素").replace("每行一个点", "每个要素一个点")
        raise InputError(f"{said};没有写入任何内容。", f"The geometry doesn't fit {layer.name}.")
    return packed


def _shape(member: object) -> Any:
    if member is None:
        raise InputError("没有几何:这个要素需要位置。", "There is no geometry.")
    wrong = "几何写法不合 GeoJSON 标准"
    if isinstance(member, dict) and member.get("type") in _GEOMETRIES:
        try:
            return shapely.from_geojson(orjson.dumps(member))
        except shapely.errors.ShapelyError as error:
            said = str(error)
            if "closed" in said:
                wrong = "面的环没有闭合:首尾两点应相同"
            elif "must contain 0 or >1" in said or "number of points" in said:
                wrong = "线或环的点数太少"
            raise InputError(f"{wrong}。", "The geometry is no valid GeoJSON geometry.") from error
    raise InputError(f"{wrong}。", "The geometry is no valid GeoJSON geometry.")


def _turned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points[:, ::-1]
