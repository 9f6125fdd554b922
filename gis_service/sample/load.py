"""Loading the synthetic community, and taking exactly it away again."""

from __future__ import annotations

import tomllib
from importlib import resources

from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from gis_service.areas import create_area, remove_area
from gis_service.coordinates import transform_geometries
from gis_service.errors import ConflictError
from gis_service.features.write import put_features
from gis_service.sample.community import COMMUNITY, METRIC_SRID, NAME, generate
from gis_service.tables import AREA, REPORTED_TOTAL, STORED_SRID, UPLOAD, tables_of
from layers.record import Record, Source
from layers.registry import LAYERS

__all__ = ["COMMUNITY", "NAME", "load_sample", "remove_sample"]

_FIRST = ("community", "grid")
"""Loaded before the others, so that every row finds its grid at once."""


def load_sample(conn: Connection) -> dict[str, int]:
    """Generate the community and write it; return rows per layer.

    Raises
    ------
    ConflictError
        When the community is registered already: real data is never mixed with synthetic rows.
    """
    if conn.execute(select(AREA.c.code).where(AREA.c.code == COMMUNITY)).first() is not None:
        raise ConflictError(
            f"社区 {COMMUNITY} 已经登记,不装入示例;先用 gis-service sample remove 移除旧的示例。",
            f"The community {COMMUNITY} is registered already.",
        )
    rows = generate()
    _, boundary = to_stored(rows["community"])[0]
    create_area(conn, COMMUNITY, NAME, boundary, Source.SYNTHETIC)
    for name in (*_FIRST, *(name for name in LAYERS if name not in _FIRST)):
        put_features(conn, LAYERS[name], COMMUNITY, to_stored(rows[name]))
    conn.execute(insert(REPORTED_TOTAL), [{"community": COMMUNITY, **total} for total in read_totals()])
    return {name: len(features) for name, features in rows.items()}


def remove_sample(conn: Connection) -> int:
    """Delete every synthetic row of the sample's community; return how many. Real rows and all history stay."""
    removed = 0
    for layer in reversed(LAYERS.values()):
        table = tables_of(layer).current
        removed += conn.execute(
            delete(table).where(table.c.community == COMMUNITY, table.c.source == str(Source.SYNTHETIC))
        ).rowcount
    conn.execute(delete(REPORTED_TOTAL).where(REPORTED_TOTAL.c.community == COMMUNITY))
    left = any(
        conn.execute(select(table.c.id).where(table.c.community == COMMUNITY).limit(1)).first()
        for table in (tables_of(layer).current for layer in LAYERS.values())
    )
    # A real upload keeps the community registered, even when it wrote no row: the record of it stays.
    uploaded = conn.execute(select(UPLOAD.c.id).where(UPLOAD.c.community == COMMUNITY).limit(1)).first()
    if not left and uploaded is None:
        remove_area(conn, COMMUNITY)
    return removed


def read_totals() -> list[dict[str, object]]:
    """Return the totals that the community's report gives, with their qualifiers."""
    text = (resources.files("gis_service.sample") / "totals.toml").read_text(encoding="utf-8")
    totals: list[dict[str, object]] = tomllib.loads(text)["total"]
    for position, total in enumerate(totals):
        total["position"] = position
        total["source"] = total.pop("sentence")
    return totals


def to_stored(rows: list[tuple[Record, BaseGeometry]]) -> list[tuple[Record, BaseGeometry]]:
    """Turn metres of EPSG:4549 into degrees of EPSG:4490."""
    moved = transform_geometries([geometry for _, geometry in rows], f"EPSG:{METRIC_SRID}", f"EPSG:{STORED_SRID}")
    return [(record, geometry) for (record, _), geometry in zip(rows, moved, strict=True)]
