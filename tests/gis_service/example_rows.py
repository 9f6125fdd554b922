"""Rows made from the declarations alone: what a test inserts where any valid row will do."""

from __future__ import annotations

import uuid
from typing import Any

import shapely
from psycopg import Connection as Driver
from psycopg import sql
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection

from gis_service.features.write import encode_geometry
from layers.field import Kind, LayerField
from layers.layer import Layer
from layers.record import Record

PATTERNS = {
    "^[0-9]{15}$": ("330482002099001", ("33048200209900", "3304820020990011", "33048200209900A", "330482002099001\n")),
    "^[0-9]{12}$": ("330482002099", ("33048200209", "3304820020990", "33048200209A", "330482002099\n")),
    "^[A-T][0-9]{2,4}$": ("C17", ("U17", "C1", "C17100", "c17")),
    "^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$": (
        "91330482MADEM00110",
        ("91330482MADEM0011", "91330482MADEM0011I", "9133048XMADEM00110"),
    ),
    "^[0-9+() -]{5,20}$": ("+86 573 8500", ("8500", "8" * 21, "无")),
}
"""For every pattern that a declaration uses: a text that fits it, and some that don't."""


def example_value(field: LayerField) -> Any:
    """Return a value that fits the field's declaration."""
    if field.codes is not None:
        code = next(iter(field.codes))
        return [code] if field.kind is Kind.TEXTS else code
    if field.pattern is not None:
        return PATTERNS[field.pattern][0]
    low = (field.minimum or 0) + (1 if field.exclusive_minimum else 0)
    return {
        Kind.TEXT: "x" * (field.min_length or 1),
        Kind.INTEGER: int(low),
        Kind.NUMBER: float(low),
        Kind.BOOLEAN: True,
        Kind.DATE: "2026-11-23",
        Kind.TIME: "2026-11-23T08:00:00+08:00",
        Kind.TEXTS: ["x"],
    }[field.kind]


def example_values(layer: Layer, **given: Any) -> dict[str, Any]:
    """Return the required fields of a layer with valid values, and those that are given; the code is a new one."""
    values = {field.name: example_value(field) for field in layer.fields if field.required}
    if layer.field("code").pattern is None:
        values["code"] = uuid.uuid4().hex[:12].upper()
    return {**values, **given}


def example_record(layer: Layer, **given: Any) -> Record:
    """Return a validated record of a layer."""
    return layer.record.model_validate(example_values(layer, **given))


def example_shape(layer: Layer, lon: float = 121.0, lat: float = 30.7, size: float = 1e-4) -> BaseGeometry:
    """Return a geometry that the layer takes, whose south-western corner is given in degrees."""
    if layer.geometry in {"POINT", "GEOMETRY"}:
        return shapely.Point(lon, lat)
    if layer.geometry == "MULTILINESTRING":
        return shapely.LineString([(lon, lat), (lon + size, lat + size)])
    return shapely.box(lon, lat, lon + size, lat + size)


def driver_of(conn: Connection) -> Driver[Any]:
    """Return psycopg's own connection, to write to as psql would."""
    driver = conn.connection.driver_connection
    assert isinstance(driver, Driver)
    return driver


def insert_row(driver: Driver[Any], layer: Layer, community: str, shape: BaseGeometry | str, **values: Any) -> Any:
    """Insert one row by plain SQL and return its id; no code of the service is between the row and the database.

    ``shape`` is a geometry in degrees (EPSG:4490) or EWKT; ``values`` are columns.
    """
    written = {"community": community, **values}
    geometry = shape if isinstance(shape, str) else encode_geometry(shape, layer).hex()
    statement = sql.SQL("insert into gis.{} ({}, geom) values ({}, %s::geometry) returning id").format(
        sql.Identifier(layer.name),
        sql.SQL(", ").join(map(sql.Identifier, written)),
        sql.SQL(", ").join(sql.Placeholder() * len(written)),
    )
    row = driver.execute(statement, [*written.values(), geometry]).fetchone()
    return row and row[0]
