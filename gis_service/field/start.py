"""Where a walk begins, and whose grids it stays in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas
import numpy as np
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.frames import read_frame, titles_of
from gis_service.areas import Area
from gis_service.coordinates import STORED_CRS, transform
from gis_service.errors import InputError, NotFoundError
from gis_service.features.nearby import check_place
from gis_service.scope import Scope
from layers.catalog.facility import FacilityKind
from layers.catalog.grid import GridLevel

MOST_AWAY_M = 20_000.0
"""A start farther from the grids than this is a mistake: four hours on foot."""


@dataclass(frozen=True)
class Start:
    """A place to begin at: what it is called, in Chinese, and where it is, in metres."""

    title: str
    at: tuple[float, float]


def of_grid(conn: Connection, scope: Scope, area: Area, grid: str | None) -> Scope:
    """Return the part of a scope that lies in a grid of a community, or in the community without one.

    Raises
    ------
    InputError
        When the grid is one of another community.
    NotFoundError
        When there is no such grid, or it lies outside the scope.
    """
    asked = scope.narrowed(area.code)
    if grid is None:
        return asked
    if not grid.startswith(area.code):
        raise InputError(
            f"网格 {grid} 不属于社区 {area.code}。", f"The grid {grid} isn't one of the community {area.code}."
        )
    mine = area.code in asked.areas or grid in asked.areas
    if not mine or grid not in read_grids(conn, asked, area).index:
        raise NotFoundError(
            f"没有网格 {grid},或不在您的范围内。", "There is no such grid, or it lies outside your area."
        )
    return replace(asked, areas=(grid,))


def read_grids(conn: Connection, asked: Scope, area: Area) -> geopandas.GeoDataFrame:
    """Return the grids of governance that lie within the scope, with ``title``, by code."""
    found = read_frame(conn, asked, "grid", ["name", "level"], srid=area.metric_srid)
    own = found["level"] == str(GridLevel.GOVERNANCE)
    if area.code not in asked.areas:
        own &= found.index.isin(asked.areas)
    frame = found[own]
    return frame.assign(title=titles_of(frame, "name"))


def start_of(conn: Connection, asked: Scope, area: Area, given: tuple[float, float] | None) -> Start:
    """Return where to begin: at the place that is given, else at the grids' party service centre, else within them.

    Parameters
    ----------
    given
        Longitude and latitude in degrees.

    Raises
    ------
    InputError
        When the place isn't on the globe, or too far away to walk from.
    NotFoundError
        When there is no ground to begin on.
    """
    ground = _ground(conn, asked, area)
    if given is not None:
        return _given(given, ground, area)
    facilities = read_frame(conn, asked, "facility", ["name", "kind", "grid"], srid=area.metric_srid)
    mine = facilities["kind"] == str(FacilityKind.PARTY_CENTRE)
    if area.code not in asked.areas:
        mine &= facilities["grid"].isin(asked.areas)
    centres = facilities[mine]
    if len(centres):
        at = shapely.point_on_surface(centres.geometry.iloc[0])
        return Start(centres["name"].iloc[0] or FacilityKind.PARTY_CENTRE.label, (at.x, at.y))
    if ground.is_empty:
        raise NotFoundError(
            "本社区没有边界、网格和党群服务中心,不知道从哪里出发;请写明起点 start。", "Say where to start with start."
        )
    inside = shapely.point_on_surface(ground)
    return Start("社区内一点" if area.code in asked.areas else "网格内一点", (inside.x, inside.y))


def degrees_of(at: Sequence[tuple[float, float]], area: Area) -> list[list[float]]:
    """Return places in metres as longitude and latitude, to a centimetre."""
    lon, lat = transform([x for x, _ in at], [y for _, y in at], f"EPSG:{area.metric_srid}", STORED_CRS)
    return [[round(float(x), 7), round(float(y), 7)] for x, y in zip(lon, lat, strict=True)]


def _ground(conn: Connection, asked: Scope, area: Area) -> shapely.Geometry:
    """Return the area of the grids within the scope; that of the community where it is whole or has no grids."""
    grids = read_grids(conn, asked, area)
    if area.code in asked.areas or not len(grids):
        grids = read_frame(conn, asked, "community", [], srid=area.metric_srid)
    return shapely.union_all(grids.geometry.array)


def _given(given: tuple[float, float], ground: shapely.Geometry, area: Area) -> Start:
    check_place(*given)
    x, y = transform([given[0]], [given[1]], STORED_CRS, f"EPSG:{area.metric_srid}")
    at = shapely.Point(float(x[0]), float(y[0]))
    # Without any ground nothing is far away; far from its meridian the projection gives no number at all.
    away = 0.0 if ground.is_empty else shapely.distance(ground, at)
    if not (np.isfinite([at.x, at.y]).all() and away <= MOST_AWAY_M):
        raise InputError(
            f"起点 {given[0]},{given[1]} 离{area.name} 20 公里以上,走不到;请写 经度,纬度,或不写起点。",
            "The start lies more than 20 km away; give longitude,latitude, or none.",
        )
    return Start("所给起点", (at.x, at.y))
