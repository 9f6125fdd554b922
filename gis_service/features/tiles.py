"""Vector tiles (MVT, WebMercatorQuad) made by PostGIS."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import Double, LargeBinary, Select, bindparam, func, literal_column, select
from sqlalchemy.types import UserDefinedType

from gis_service.errors import InputError
from gis_service.features.question import SIDES, Question
from gis_service.features.select import asked_scope, conditions, rows_of
from gis_service.scope import Scope, values_of
from gis_service.statement import Asked, Rows, remembered
from gis_service.tables import STORED_SRID
from layers.field import Kind
from layers.layer import Layer

MAX_ZOOM = 22
EXTENT, BUFFER = 4096, 64
STRAIGHT_FROM = 14
"""The zoom from which a tile is drawn from degrees as they are, without the detour by EPSG:3857, a sixth of its cost.

Mercator northings bend between a tile's edges, where both agree, by side² · tan(latitude) / 8 R. In units of the tile,
of which a side 2πR / 2^zoom has 4096, that is 4096 · 2π · tan(latitude) / (8 · 2^zoom): 0.12 at Xinqun, 0.27 at the
northern end of China. Rounding to whole units moves by 0.5. That is of corners; between two of them lines are
straight in degrees, as they are in every spatial question, and no longer in Mercator's metres.
"""
_RADIUS_M = 6378137.0
_HALF_M = math.pi * _RADIUS_M
"""Half the side of the WebMercatorQuad, in metres of EPSG:3857."""


class _Box2D(UserDefinedType[str]):
    """PostGIS's box of two corners, which ST_AsMVTGeom takes; given as a value it isn't made anew for each row."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_kwargs: Any) -> str:
        """Return the type's name."""
        return "box2d"


def tile_of(layer: Layer, scope: Scope, question: Question, *, zoom: int, row: int, column: int) -> Asked:
    """Return the statement of one tile of a layer, which ``check_tile`` lets pass; ``read_tile`` takes the bytes."""
    asked = asked_scope(scope, question)

    straight = zoom >= STRAIGHT_FROM

    def build() -> Select[Any]:
        rows = rows_of(layer, question)
        columns = [rows.c[name] for name in tile_names(layer)]
        geometry = rows.c.geom if straight else func.ST_Transform(rows.c.geom, 3857)
        wide = func.ST_MakeEnvelope(*(bindparam(f"tile_{side}", type_=Double) for side in SIDES), STORED_SRID)
        bounds = bindparam("bounds", type_=_Box2D())
        drawn = (
            select(
                func.ST_AsMVTGeom(geometry, bounds, EXTENT, BUFFER, True).label("geom"),
                (rows.c.community + literal_column("'.'") + func.text(rows.c.id)).label("id"),
                *columns,
            )
            .where(conditions(layer, rows, scope, question))
            .where(rows.c.geom.op("&&")(wide))
            .subquery("drawn")
        )
        made = func.ST_AsMVT(literal_column("drawn.*"), layer.name, EXTENT, "geom", type_=LargeBinary)
        return select(made).select_from(drawn)

    statement = remembered(("tile", straight, layer.name, asked.shape, question.shape), build)
    return statement, {**values_of(asked), **question.values(), **_tile_values(zoom, row, column)}


def _tile_values(zoom: int, row: int, column: int) -> dict[str, Any]:
    """Return the tile's box in what it is drawn from, and the one in degrees with its margin for the index."""
    side = 2 * _HALF_M / 2**zoom
    west, north = column * side - _HALF_M, _HALF_M - row * side
    box = (west, north - side, west + side, north)
    margin = side * BUFFER / EXTENT
    drawn = (*_degrees(*box[:2]), *_degrees(*box[2:])) if zoom >= STRAIGHT_FROM else box
    low = _degrees(box[0] - margin, box[1] - margin)
    high = _degrees(box[2] + margin, box[3] + margin)
    degrees = {f"tile_{name}": value for name, value in zip(SIDES, (*low, *high), strict=True)}
    return {"bounds": f"BOX({drawn[0]!r} {drawn[1]!r},{drawn[2]!r} {drawn[3]!r})", **degrees}


def _degrees(x: float, y: float) -> tuple[float, float]:
    return math.degrees(x / _RADIUS_M), math.degrees(math.atan(math.sinh(y / _RADIUS_M)))


def tile_names(layer: Layer) -> list[str]:
    """Return the names of the properties that tiles carry beside ``id``: what maps colour and label by."""
    coded = (field.name for field in layer.fields if field.kind is not Kind.TEXTS and field.codes)
    return list(dict.fromkeys(["code", "name", "grid", *coded, layer.label]))


def read_tile(rows: Rows) -> bytes:
    """Return the MVT bytes that the statement of ``tile_of`` answers with; none where nothing lies."""
    return bytes(rows[0][0] or b"")


def check_tile(zoom: int, row: int, column: int) -> None:
    """Refuse a tile outside WebMercatorQuad, zoom 0 to 22."""
    if not (0 <= zoom <= MAX_ZOOM and 0 <= row < 2**zoom and 0 <= column < 2**zoom):
        raise InputError(
            f"瓦片 {zoom}/{row}/{column} 不存在:级别 0–{MAX_ZOOM},行列号小于 2 的级别次方。",
            f"The tile {zoom}/{row}/{column} doesn't exist: zoom 0 to {MAX_ZOOM}, row and column below 2^zoom.",
        )
