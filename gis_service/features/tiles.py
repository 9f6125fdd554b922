"""Vector tiles (MVT, WebMercatorQuad) made by PostGIS, and the versions that say when they changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

from sqlalchemy import LargeBinary, func, literal, select, text
from sqlalchemy.engine import Connection

from gis_service.errors import InputError
from gis_service.features.select import Question, conditions, rows_of
from gis_service.scope import Scope, within
from gis_service.tables import LAYER_VERSION, STORED_SRID
from layers.field import Kind
from layers.layer import Layer
from layers.registry import LAYERS

MAX_ZOOM = 22
EXTENT, BUFFER = 4096, 64


def read_tile(
    conn: Connection, layer: Layer, scope: Scope, question: Question, *, zoom: int, row: int, column: int
) -> bytes:
    """Return one tile of a layer as MVT bytes; empty bytes where nothing lies.

    Raises
    ------
    InputError
        When the tile lies outside the tile matrix.
    """
    check_tile(zoom, row, column)
    rows = rows_of(layer, question)
    envelope = func.ST_TileEnvelope(zoom, column, row)
    wide = func.ST_Transform(
        func.ST_TileEnvelope(zoom, column, row, text("margin => %.6f" % (BUFFER / EXTENT))), STORED_SRID
    )
    names = ["code", "name", "grid", *(f.name for f in layer.fields if f.kind is not Kind.TEXTS and f.codes)]
    label = layer.label if layer.label not in names else None
    columns = [rows.c[name] for name in dict.fromkeys([*names, *([label] if label else [])])]
    drawn = (
        select(
            func.ST_AsMVTGeom(func.ST_Transform(rows.c.geom, 3857), envelope, EXTENT, BUFFER, True).label("geom"),
            (rows.c.community + literal(".") + func.text(rows.c.id)).label("id"),
            *columns,
        )
        .where(conditions(layer, rows, scope, question))
        .where(rows.c.geom.op("&&")(wide))
        .subquery("drawn")
    )
    mvt = select(func.ST_AsMVT(text("drawn.*"), layer.name, EXTENT, "geom", type_=LargeBinary)).select_from(drawn)
    tile = conn.execute(mvt).scalar()
    return bytes(tile) if tile else b""


def check_tile(zoom: int, row: int, column: int) -> None:
    """Refuse a tile outside WebMercatorQuad, zoom 0 to 22."""
    if not (0 <= zoom <= MAX_ZOOM and 0 <= row < 2**zoom and 0 <= column < 2**zoom):
        raise InputError(
            f"瓦片 {zoom}/{row}/{column} 不存在:级别 0–{MAX_ZOOM},行列号小于 2 的级别次方。",
            f"The tile {zoom}/{row}/{column} doesn't exist: zoom 0 to {MAX_ZOOM}, row and column below 2^zoom.",
        )


def read_etag(conn: Connection, layers: Iterable[Layer], scope: Scope, *parts: str) -> str:
    """Return an entity tag that changes with any of the layers, the scope, the programme or the further ``parts``.

    The moment of the last change is hashed beside the counter, so that a restored or a fresh database, which counts
    from the same numbers, never answers with another one's tag. It is read before the data, so a tag may be older
    than what it stands on, never newer: at worst a client asks once more.
    """
    names = [layer.name for layer in layers]
    rows = conn.execute(
        select(LAYER_VERSION)
        .where(within(scope, LAYER_VERSION, "community"))
        .where(LAYER_VERSION.c.layer.in_(names))
        .order_by(LAYER_VERSION.c.community, LAYER_VERSION.c.layer)
    )
    said = [declaration_version(), scope.key(), *names, *parts, *(str(tuple(row)) for row in rows)]
    return '"' + hashlib.sha256("|".join(said).encode()).hexdigest()[:32] + '"'


@cache
def declaration_version() -> str:
    """Return a digest of all declarations: styles, codes and fields show in what is drawn."""
    said = [f"{layer.title}{layer.style}{layer.fields}" for layer in LAYERS.values()]
    return hashlib.sha256("|".join(said).encode()).hexdigest()[:12]
