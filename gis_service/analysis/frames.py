"""Layers as frames in metres, for analyses that reckon outside the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas
import pandas as pd
import shapely
from sqlalchemy import ColumnElement, FromClause, func, select
from sqlalchemy.engine import Connection

from gis_service.areas import Area
from gis_service.features.question import Question
from gis_service.features.select import conditions, rows_of
from gis_service.scope import Scope
from layers.record import DataStatus
from layers.registry import LAYERS


def read_frame(
    conn: Connection, scope: Scope, layer: str, columns: Sequence[str], *, srid: int, question: Question = Question()
) -> geopandas.GeoDataFrame:
    """Return a layer's rows within the scope, without those that were declared void.

    Parameters
    ----------
    columns
        Fields to read; ``code`` becomes the index.
    srid
        EPSG code of the metric system that the geometry is given in.
    question
        Narrows the rows, or asks for those of a past moment.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a feature, ordered by code, with the columns and ``geometry``.
    """
    declared = LAYERS[layer]
    rows = rows_of(declared, question)
    query = (
        select(rows.c.code, *(rows.c[name] for name in columns), _metric(rows, srid))
        .where(conditions(declared, rows, scope, question), rows.c.data_status != str(DataStatus.VOID))
        .order_by(rows.c.code)
    )
    found = conn.execute(query).all()
    frame = pd.DataFrame([tuple(row)[1:-1] for row in found], columns=list(columns), dtype=object)
    frame.index = pd.Index([row[0] for row in found], name="code", dtype=object)
    shapes = shapely.from_wkb([bytes(row[-1]) for row in found])
    return geopandas.GeoDataFrame(frame, geometry=shapes, crs=srid)


def grid_titles(conn: Connection, asked: Scope, area: Area) -> dict[str, str]:
    """Return the name of each grid by its code, for filters and tables."""
    names = read_frame(conn, asked, "grid", ["name"], srid=area.metric_srid)["name"]
    return {str(code): str(name or code) for code, name in names.items()}


def titles_of(frame: pd.DataFrame, *columns: str) -> list[str]:
    """Return what each row is called: the first of the columns that isn't empty, else its code."""
    rows = zip(frame.index, *(frame[name] for name in columns), strict=True)
    return [str(next((value for value in values if value), code)) for code, *values in rows]


def _metric(rows: FromClause, srid: int) -> ColumnElement[Any]:
    return func.ST_AsBinary(func.ST_Transform(rows.c.geom, srid))
