"""Personal fields of features: in tables of their own, masked, and whole only with a reason that is written down."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import or_, select, text
from sqlalchemy.engine import Connection

from gis_service.errors import InputError, NotFoundError
from gis_service.features.stamps import missing_feature
from gis_service.scope import Scope, values_of, within
from gis_service.tables import tables_of
from layers.layer import Layer

SHORTEST_REASON, LONGEST_REASON = 4, 200
"""Characters of a reason: long enough to say something, short enough for a list."""


@dataclass(frozen=True)
class Feature:
    """Whose personal fields are meant: a feature by its community and identifier, and its code for people."""

    community: str
    id: uuid.UUID
    code: str


def find_feature(conn: Connection, layer: Layer, scope: Scope, identifier: str) -> Feature:
    """Return a feature of a layer with personal fields, by ``community.uuid`` or ``community.code``.

    Raises
    ------
    NotFoundError
        When there is none within the scope, or the layer has no personal fields.
    """
    if not layer.personal_fields:
        raise _missing(layer)
    table = tables_of(layer).current
    community, _, key = identifier.partition(".")
    named = table.c.code == key
    with suppress(ValueError):
        named = or_(table.c.id == uuid.UUID(key), named)
    asked = select(table.c.community, table.c.id, table.c.code).where(
        within(scope, table, layer.visibility), table.c.community == community, named
    )
    rows = conn.execute(asked, values_of(scope)).all()
    chosen = [row for row in rows if str(row.id) == key.lower()] or rows
    if not chosen:
        raise missing_feature(layer, identifier)
    return Feature(*chosen[0])


def read_masked(conn: Connection, layer: Layer, feature: Feature) -> dict[str, str | None]:
    """Return the personal fields of a feature, masked: 张**, 138****1234.

    Raises
    ------
    NotFoundError
        When the layer has none, or they are out of reach.
    """
    return _found(conn, layer, feature, "select gis.personal_masked(:layer, :community, :id)", {})


def read_whole(conn: Connection, layer: Layer, feature: Feature, reason: str) -> dict[str, str | None]:
    """Return the personal fields of a feature as they are; the audit keeps who read them and why.

    Raises
    ------
    InputError
        Without a reason of 4 to 200 characters.
    NotFoundError
        When the layer has none, or they are out of reach.
    """
    reason = reason.strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise InputError(
            f"请写明查看的理由({SHORTEST_REASON} 到 {LONGEST_REASON} 个字),例如“核对出租合同”;理由会记入审计。",
            "Say why, in 4 to 200 characters.",
        )
    return _found(
        conn, layer, feature, "select gis.personal_whole(:layer, :community, :id, :reason)", {"reason": reason}
    )


def write_personal(conn: Connection, layer: Layer, feature: Feature, given: Mapping[str, Any]) -> None:
    """Replace the personal fields of a feature; what isn't given, or is empty, is removed.

    Raises
    ------
    InputError
        When a field isn't one, or a value doesn't fit it.
    NotFoundError
        When the layer has none, or they are out of reach.
    """
    values = _checked(layer, given)
    asked = text("select gis.personal_written(:layer, :community, :id, cast(:given as jsonb))")
    named = {**_named(layer, feature), "given": orjson.dumps(values).decode()}
    if not conn.execute(asked, named).scalar():
        raise _missing(layer)


def expire_personal(conn: Connection, days: int) -> int:
    """Delete the personal fields that nobody has written for so many days; return of how many features.

    Whoever still lets a flat is asked again before that; whoever doesn't is nobody's business any more.
    """
    return int(conn.execute(text("select gis.expire_personal(:days)"), {"days": days}).scalar_one())


def _checked(layer: Layer, given: Mapping[str, Any]) -> dict[str, str]:
    fields = {field.name: field for field in layer.personal_fields}
    if unknown := [name for name in given if name not in fields]:
        listed = "、".join(fields) or "无"
        raise InputError(f"没有个人信息字段 {unknown[0][:40]!r};有:{listed}。", "There is no such field.")
    values: dict[str, str] = {}
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise InputError(f"“{fields[name].title}”应是文字。", f"{name} must be a text.")
        if value is None or not value.strip():
            continue
        values[name] = value.strip()
        try:
            layer.record.__pydantic_validator__.validate_assignment(layer.record.model_construct(), name, values[name])
        except ValidationError as error:
            raise InputError(
                f"“{fields[name].title}”的值不合要求,请检查后再提交。", f"The value of {name} doesn't fit."
            ) from error
    return values


def _found(
    conn: Connection, layer: Layer, feature: Feature, query: str, more: Mapping[str, str]
) -> dict[str, str | None]:
    found: dict[str, str | None] | None = conn.execute(text(query), {**_named(layer, feature), **more}).scalar()
    if found is None:
        raise _missing(layer)
    return {field.name: found.get(field.name) for field in layer.personal_fields}


def _named(layer: Layer, feature: Feature) -> dict[str, Any]:
    return {"layer": layer.name, "community": feature.community, "id": feature.id}


def _missing(layer: Layer) -> NotFoundError:
    return NotFoundError(
        f"图层“{layer.title}”的这个要素没有个人信息,或不在您的范围内。",
        "The feature has no personal fields, or lies outside your area.",
    )
