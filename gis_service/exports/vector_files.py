"""GeoPackage, FlatGeobuf and Shapefile, written by GDAL batch by batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyogrio import raw

from gis_service.exports.order import WKB_TYPES, Order, OrderedColumn

BATCH_ROWS = 20_000
"""Rows that are written at a time: a dataset is opened anew for each batch."""

_GEOMETRY = {"POINT": "Point", "MULTILINESTRING": "MultiLineString", "MULTIPOLYGON": "MultiPolygon",
             "GEOMETRY": "Unknown"}  # fmt: skip
_ARROW_ROWS = 8192
_UTC = 100
"""GDAL's flag for a moment in UTC."""


def write_geopackage(order: Order, batches: Iterator[list[list[Any]]]) -> dict[str, str]:
    """Write a GeoPackage with a spatial index, and with Chinese titles and labels where QGIS looks for them."""
    _through_plain(order, batches, "GPKG")
    with closing(sqlite3.connect(order.path)) as conn:
        _describe(conn, order)
    return {}


def write_flatgeobuf(order: Order, batches: Iterator[list[list[Any]]]) -> dict[str, str]:
    """Write a FlatGeobuf with its index."""
    _through_plain(order, batches, "FlatGeobuf")
    return {}


def _through_plain(order: Order, batches: Iterator[list[list[Any]]], driver: str) -> None:
    """Write a GeoPackage without an index, and turn it into the wanted file as one stream.

    FlatGeobuf can't be added to, and a GeoPackage that grows by batches keeps its index true row by row, which takes
    twice as long.
    """
    plain = Path(order.path).with_name("plain.gpkg")
    add_batches(
        plain, order, batches, _GEOMETRY[order.geometry], driver="GPKG",
        layer_options={"SPATIAL_INDEX": "NO", "GEOMETRY_NAME": "geom"},
    )  # fmt: skip
    with raw.open_arrow(plain, use_pyarrow=False, batch_size=_ARROW_ROWS) as (found, stream):
        raw.write_arrow(
            stream, order.path, driver=driver, layer=order.layer, geometry_name=found["geometry_name"],
            geometry_type=_GEOMETRY[order.geometry], crs=f"EPSG:{order.srid}",
            layer_options={"IDENTIFIER": order.title} if driver == "GPKG" else {},
        )  # fmt: skip
    plain.unlink()


def add_batches(
    path: Path, order: Order, batches: Iterator[list[list[Any]]], geometry_type: str, **options: Any
) -> None:
    """Write rows to a dataset that can be added to; without any, it is written empty."""
    begun = False
    for rows in larger(batches):
        if rows or not begun:
            write_batch(path, order, rows, geometry_type, append=begun, **options)
            begun = True


def larger(batches: Iterator[list[list[Any]]]) -> Iterator[list[list[Any]]]:
    """Yield the rows in batches that are worth opening a dataset for; the last one may be empty."""
    rows: list[list[Any]] = []
    for batch in batches:
        rows += batch
        if len(rows) >= BATCH_ROWS:
            yield rows
            rows = []
    yield rows


def write_batch(
    path: Path, order: Order, rows: list[list[Any]], geometry_type: str, *, append: bool, layer_options: dict[str, str],
    driver: str,
) -> None:  # fmt: skip
    """Write one batch of rows; the first one makes the dataset."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(order.columns) + 1)
    geometry = np.empty(len(rows), dtype=object)
    geometry[:] = [bytes.fromhex(found) for found in columns[0]]
    arrays = [to_array(column, values) for column, values in zip(order.columns, columns[1:], strict=True)]
    moments = {column.name: _UTC for column in order.columns if column.kind == "time"}
    zones = {name: np.full(len(rows), flag) for name, flag in moments.items()}
    raw.write(
        path, geometry, [values for values, _ in arrays], [column.name for column in order.columns],
        field_mask=[mask for _, mask in arrays], geometry_type=geometry_type, crs=f"EPSG:{order.srid}",
        encoding="UTF-8", promote_to_multi=False, gdal_tz_offsets=zones, driver=driver,
        layer=order.layer if driver == "GPKG" else None, append=append, layer_options={} if append else layer_options,
    )  # fmt: skip


def to_array(column: OrderedColumn, values: tuple[Any, ...]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Return the values of a column as GDAL takes them, and where they are empty."""
    if column.kind in {"text", "texts"}:
        texts = np.empty(len(values), dtype=object)
        texts[:] = values
        return texts, None
    empty = np.array([value is None for value in values], dtype=bool)
    filled = [0 if value is None else value for value in values]
    if column.kind == "date":
        return np.array(filled, dtype="int64").astype("datetime64[D]"), empty
    if column.kind == "time":
        return np.array(filled, dtype="int64").astype("datetime64[ms]"), empty
    kinds: dict[str, Any] = {"integer": np.int64, "number": np.float64, "boolean": np.bool_}
    return np.array(filled, dtype=kinds[column.kind]), empty


def split_by_type(rows: list[list[Any]]) -> dict[str, list[list[Any]]]:
    """Return rows by the type of their geometry: a Shapefile holds one type, single and multiple together."""
    found: dict[str, list[list[Any]]] = {}
    for row in rows:
        # Little-endian WKB: the type stands in the second byte.
        name = WKB_TYPES.get(int(row[0][2:4], 16), "GeometryCollection")
        found.setdefault(name if name == "MultiPoint" else name.removeprefix("Multi"), []).append(row)
    return found


def _describe(conn: sqlite3.Connection, order: Order) -> None:
    """Add the schema extension of GeoPackage 1.2: titles become aliases, and code lists value maps, in QGIS."""
    with conn:
        conn.executescript(_SCHEMA)
        tables = [("gpkg_data_columns", None), ("gpkg_data_column_constraints", None)]
        said = "http://www.geopackage.org/spec121/#extension_schema"
        conn.executemany(
            "insert into gpkg_extensions (table_name, column_name, extension_name, definition, scope)"
            " values (?, ?, 'gpkg_schema', ?, 'read-write')",
            [(table, column, said) for table, column in tables],
        )
        for column in order.columns:
            listed = column.codes if column.kind == "text" else None
            constraint = f"{order.layer}_{column.name}".lower() if listed else None
            conn.execute(
                "insert into gpkg_data_columns (table_name, column_name, name, title, constraint_name)"
                " values (?, ?, ?, ?, ?)",
                (order.layer, column.name, column.title, column.title, constraint),
            )
            conn.executemany(
                "insert into gpkg_data_column_constraints (constraint_name, constraint_type, value, description)"
                " values (?, 'enum', ?, ?)",
                [(constraint, code, label) for code, label in (listed or {}).items()],
            )


_SCHEMA = """
create table gpkg_data_columns (
  table_name text not null, column_name text not null, name text, title text, description text, mime_type text,
  constraint_name text, constraint pk_gdc primary key (table_name, column_name),
  constraint gdc_tn unique (table_name, name)
);
create table gpkg_data_column_constraints (
  constraint_name text not null, constraint_type text not null, value text, min numeric, min_is_inclusive boolean,
  max numeric, max_is_inclusive boolean, description text,
  constraint gdcc_ntv unique (constraint_name, constraint_type, value)
);
create table if not exists gpkg_extensions (
  table_name text, column_name text, extension_name text not null, definition text not null, scope text not null,
  constraint ge_tce unique (table_name, column_name, extension_name)
);
"""
