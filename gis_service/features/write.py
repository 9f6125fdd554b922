"""Writing features by their business key: add or replace, change single fields, delete. History keeps every version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from gis_service.errors import ConflictError, NotFoundError
from gis_service.features.properties import queryable
from gis_service.features.staging import Changes, Staging
from gis_service.tables import STORED_SRID, tables_of
from layers.layer import Layer
from layers.record import Record


def put_features(
    conn: Connection, layer: Layer, community: str, features: Iterable[tuple[Record, BaseGeometry]]
) -> Changes:
    """Add features, or replace those whose code is stored already.

    Parameters
    ----------
    features
        Records with geometries in CGCS2000 degrees (EPSG:4490), longitude first; single ones are promoted to multi.

    Raises
    ------
    ConflictError
        When a database rule refuses a row.
    """
    staging = Staging(layer, community, layer.fields)
    names = [field.name for field in layer.fields]
    staging.create(conn)
    staging.fill(
        conn,
        (
            (number, [stored_value(getattr(record, name)) for name in names], encode_geometry(geometry, layer))
            for number, (record, geometry) in enumerate(features, start=1)
        ),
    )
    staging.compare(conn)
    try:
        return staging.merge(conn)
    except IntegrityError as error:
        raise refused_by_database(layer, error) from error


def change_feature(conn: Connection, layer: Layer, community: str, code: str, values: Mapping[str, object]) -> None:
    """Change single fields of the feature with this code.

    Raises
    ------
    NotFoundError
        When the scope reaches no such feature.
    ConflictError
        When a bound of the declaration forbids the value.
    """
    table = tables_of(layer).current
    checked = {queryable(layer, name).name: stored_value(value) for name, value in values.items()}
    try:
        done = conn.execute(
            update(table).where(table.c.community == community, table.c.code == code).values(checked)
        ).rowcount
    except IntegrityError as error:
        raise refused_by_database(layer, error) from error
    if not done:
        raise _missing(layer, code)


def delete_feature(conn: Connection, layer: Layer, community: str, code: str) -> None:
    """Delete the feature with this code; its versions stay in history.

    Raises
    ------
    NotFoundError
        When the scope reaches no such feature.
    """
    table = tables_of(layer).current
    if not conn.execute(delete(table).where(table.c.community == community, table.c.code == code)).rowcount:
        raise _missing(layer, code)


def encode_geometry(geometry: BaseGeometry, layer: Layer) -> bytes:
    """Return EWKB with SRID 4490, flat, single lines and areas promoted to multi."""
    flat = shapely.force_2d(geometry)
    if layer.geometry == "MULTIPOLYGON" and flat.geom_type == "Polygon":
        flat = shapely.MultiPolygon([flat])
    elif layer.geometry == "MULTILINESTRING" and flat.geom_type == "LineString":
        flat = shapely.MultiLineString([flat])
    return bytes(shapely.to_wkb(shapely.set_srid(flat, STORED_SRID), include_srid=True, byte_order=1))


def stored_value(value: object) -> object:
    """Turn codes into plain text, as the driver wants them."""
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return str(value) if isinstance(value, str) else value


def refused_by_database(layer: Layer, error: IntegrityError) -> ConflictError:
    """Say which declared bound refused a row; the row itself isn't quoted, since it may be hidden from the asker."""
    diagnosis = getattr(error.orig, "diag", None)
    constraint = str(getattr(diagnosis, "constraint_name", "") or "")
    if constraint in _BEGINNINGS:
        return ConflictError(*_BEGINNINGS[constraint])
    for field in layer.fields:
        if constraint.startswith(f"{layer.name}_{field.name}_"):
            return ConflictError(
                f"图层“{layer.title}”的“{field.title}”超出了规定的范围({constraint}),没有写入任何内容。",
                f"{field.name} of {layer.name} is out of its declared bounds; nothing was written.",
            )
    return ConflictError(
        f"图层“{layer.title}”的规则 {constraint or '(未名)'} 不允许这次改动,没有写入任何内容。",
        f"The rule {constraint} of {layer.name} doesn't allow this change; nothing was written.",
    )


_BEGINNINGS = {
    "hazard_status_in_flow": (
        "这个办理流程里没有这种状态,没有写入任何内容;街道流程才有“已立案”“已派遣”。",
        "The flow has no such state; nothing was written.",
    ),
    "illegal_structure_status_entitled": (
        "社区不能认定违建,只能报“疑似违建”,没有写入任何内容;认定和处置由街道写入,或随有据可查的台账上传。",
        "Only the street determines what is illegal; nothing was written.",
    ),
    "hazard_journal_stays": (
        "这件案件已经有办理经过,不能删除;请用“不予受理”“并案”或“办结”。",
        "A case with a journal isn't deleted; end it by a step.",
    ),
    "hazard_status_begins": (
        "新案件从“已发现”开始,等级为一般或疑似重大,期限、岗位、移交都还没有,没有写入任何内容;之后由办理步骤改变。",
        "A case begins as found, general or suspected to be major; nothing was written.",
    ),
}
"""What the database says of a case that doesn't begin at the beginning."""


def _missing(layer: Layer, code: str) -> NotFoundError:
    return NotFoundError(
        f"图层“{layer.title}”里没有编码为 {code!r} 的要素,或不在您的范围内。",
        f"There is no feature with the code {code!r} in {layer.name}, or it lies outside your area.",
    )
