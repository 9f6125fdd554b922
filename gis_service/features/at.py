"""What covers a point: which community, grid, estate, building and plot somebody stands in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Double, Select, bindparam, func, select

from gis_service.errors import InputError
from gis_service.features.nearby import check_place
from gis_service.features.question import Question
from gis_service.features.read import feature_text
from gis_service.features.select import conditions, rows_of
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import STORED_SRID
from layers.layer import Layer
from layers.registry import LAYERS

AREAL: tuple[Layer, ...] = tuple(layer for layer in LAYERS.values() if layer.geometry == "MULTIPOLYGON")
"""The layers that cover something, asked when none is named."""


def at_of(layer: Layer, scope: Scope, *, lon: float, lat: float) -> Asked:
    """Return the statement of a layer's features that cover a point in degrees; a boundary belongs to both sides.

    Raises
    ------
    InputError
        When the point isn't on the globe, or the layer has no areas.
    """
    check_place(lon, lat)
    if layer.geometry not in {"MULTIPOLYGON", "GEOMETRY"}:
        raise InputError(
            f"图层“{layer.title}”不是面,盖不住一个位置;查附近请用 /nearby。",
            f"The layer {layer.name} has no areas; ask /nearby what lies near a place.",
        )
    statement = remembered(("at", layer.name, scope.shape), lambda: _at(layer, scope))
    return statement, {**values_of(scope), "lon": lon, "lat": lat}


def read_at(layers: Iterable[Layer], answers: Iterable[Rows]) -> list[bytes]:
    """Return GeoJSON features with the name of their ``layer``, in the order of the layers."""
    return [
        b'%s,"layer":"%s"}' % (feature[:-1], layer.name.encode())
        for layer, rows in zip(layers, answers, strict=True)
        for (feature,) in rows
    ]


def _at(layer: Layer, scope: Scope) -> Select[Any]:
    question = Question()
    rows = rows_of(layer, question)
    lon, lat = bindparam("lon", type_=Double), bindparam("lat", type_=Double)
    point = func.ST_SetSRID(func.ST_MakePoint(lon, lat), STORED_SRID)
    return (
        select(feature_text(layer))
        .select_from(rows)
        .where(conditions(layer, rows, scope, question))
        .where(rows.c.geom.op("&&")(point), func.ST_Intersects(rows.c.geom, point))
        .order_by(rows.c.community, rows.c.code)
    )
