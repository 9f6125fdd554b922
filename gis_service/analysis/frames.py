"""Layers as frames in metres, for analyses that reckon outside the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import geopandas
import pandas as pd
import shapely
from sqlalchemy import ColumnElement, FromClause, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.engine import Connection
from sqlalchemy.types import Text

from gis_service.areas import Area
from gis_service.features.question import Question
from gis_service.features.select import conditions, rows_of
from gis_service.scope import Scope
from gis_service.tables import STORED_SRID, tables_of
from layers.layer import Layer
from layers.record import DataStatus
from layers.registry import LAYERS

PART = 20_000
"""Rows of a part: enough that reckoning on arrays pays, few enough that a city passes through little memory."""


def read_frame(
    conn: Connection, scope: Scope, layer: str, columns: Sequence[str], *, srid: int, question: Question = Question(),
    codes: Collection[str] | None = None, touching: Sequence[shapely.Geometry] | None = None,
) -> geopandas.GeoDataFrame:  # fmt: skip
    """Return a layer's rows within the scope, without those that were declared void.

    Parameters
    ----------
    columns
        Fields to read; ``code`` becomes the index.
    srid
        EPSG code of the metric system that the geometry is given in.
    question
        Narrows the rows, or asks for those of a past moment.
    codes
        Only rows of these codes.
    touching
        Only rows that touch one of these shapes, which are in ``srid``; each should be small.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a feature, ordered by code, with the columns and ``geometry``.
    """
    parts = list(read_parts(conn, scope, layer, columns, srid=srid, question=question, codes=codes, touching=touching))
    return whole(parts)


def whole(parts: Sequence[geopandas.GeoDataFrame]) -> geopandas.GeoDataFrame:
    """Return the rows of all parts, of at least one, in their order."""
    if len(parts) == 1:
        return parts[0]
    found = geopandas.GeoDataFrame(pd.concat(parts), crs=parts[0].crs)
    # Pandas takes an index of strings for its own kind of strings once it has put it together.
    return found.set_index(pd.Index(found.index.tolist(), name="code", dtype=object))


def read_parts(
    conn: Connection, scope: Scope, layer: str, columns: Sequence[str], *, srid: int, question: Question = Question(),
    codes: Collection[str] | None = None, touching: Sequence[shapely.Geometry] | None = None,
) -> Iterator[geopandas.GeoDataFrame]:  # fmt: skip
    """Yield the same rows in frames of at most ``PART``, at least one, which may be empty."""
    declared = LAYERS[layer]
    rows = rows_of(declared, question)
    query = select(rows.c.code, *(rows.c[name] for name in columns), _metric(rows, srid)).where(
        conditions(declared, rows, scope, question), rows.c.data_status != str(DataStatus.VOID)
    )
    if codes is not None:
        query = query.where(rows.c.code == func.any(bindparam("codes", list(codes), ARRAY(Text))))
    if touching is not None:
        query = query.where(rows.c.code.in_(_touching(declared, touching, srid)))
    found = conn.execute(query.order_by(rows.c.code), execution_options={"yield_per": PART})
    empty = True
    for part in found.partitions():
        empty = False
        yield _framed(part, columns, srid)
    if empty:
        yield _framed((), columns, srid)


def _framed(part: Sequence[Sequence[Any]], columns: Sequence[str], srid: int) -> geopandas.GeoDataFrame:
    frame = pd.DataFrame([tuple(row)[1:-1] for row in part], columns=list(columns), dtype=object)
    frame.index = pd.Index([row[0] for row in part], name="code", dtype=object)
    return geopandas.GeoDataFrame(frame, geometry=shapely.from_wkb([bytes(row[-1]) for row in part]), crs=srid)


def _touching(layer: Layer, shapes: Sequence[shapely.Geometry], srid: int) -> Select[tuple[str]]:
    """Return the codes of the rows that touch a shape, found shape by shape so that the spatial index serves."""
    rows = tables_of(layer).current.alias("touched")
    given = bindparam("shapes", [shapely.to_wkb(shape) for shape in shapes], ARRAY(BYTEA))
    wanted = select(func.unnest(given).label("wkb")).subquery("wanted")
    shape = func.ST_Transform(func.ST_GeomFromWKB(wanted.c.wkb, srid), STORED_SRID)
    return select(rows.c.code).join(wanted, func.ST_Intersects(rows.c.geom, shape))


def sums_by(conn: Connection, scope: Scope, layer: str, by: str, of: str, *only: tuple[str, str]) -> pd.DataFrame:
    """Return for each value of the field ``by`` the ``number`` of rows and the sum ``of`` a field as ``total``.

    ``only`` are fields and the value they must have; rows that name nothing in ``by`` are left out.
    """
    declared = LAYERS[layer]
    rows = rows_of(declared, Question())
    query = (
        select(rows.c[by], func.count(), func.coalesce(func.sum(rows.c[of]), 0))
        .where(conditions(declared, rows, scope, Question()), rows.c.data_status != str(DataStatus.VOID))
        .where(rows.c[by].is_not(None), *(rows.c[name] == value for name, value in only))
        .group_by(rows.c[by])
    )
    found = conn.execute(query).all()
    sums = {"number": [int(row[1]) for row in found], "total": [int(row[2]) for row in found]}
    return pd.DataFrame(sums, index=pd.Index([row[0] for row in found], dtype=object))


def counts_of(conn: Connection, scope: Scope, layer: str, field: str) -> dict[Any, int]:
    """Return how many rows of a layer have each value of a field, None among them."""
    declared = LAYERS[layer]
    rows = rows_of(declared, Question())
    query = (
        select(rows.c[field], func.count())
        .where(conditions(declared, rows, scope, Question()), rows.c.data_status != str(DataStatus.VOID))
        .group_by(rows.c[field])
    )
    return {value: int(number) for value, number in conn.execute(query)}


def grid_titles(conn: Connection, asked: Scope, area: Area) -> dict[str, str]:
    """Return the name of each grid by its code, for filters and tables."""
    names = read_frame(conn, asked, "grid", ["name"], srid=area.metric_srid)["name"]
    return {str(code): str(name or code) for code, name in names.items()}


def titles_of(frame: pd.DataFrame, *columns: str) -> list[str]:
    """Return what each row is called: the first of the columns that isn't empty, else its code."""
    rows = zip(frame.index, *(frame[name] for name in columns), strict=True)
    return [str(next((value for value in values if value), code)) for code, *values in rows]


def titles_by_code(
    conn: Connection, scope: Scope, codes: Collection[str], *columns: str, srid: int
) -> dict[str, str]:  # fmt: skip
    """Return what the buildings, firms and rentals of these codes are called, by code, as ``titles_of`` does."""
    frames = [
        read_frame(conn, scope, layer, ["name", "address"], srid=srid, codes=codes)
        for layer in ("building", "enterprise", "rental_unit")
    ]
    return {
        str(code): title
        for frame in frames
        for code, title in zip(frame.index, titles_of(frame, *columns), strict=True)
    }


def _metric(rows: FromClause, srid: int) -> ColumnElement[Any]:
    return func.ST_AsBinary(func.ST_Transform(rows.c.geom, srid))
