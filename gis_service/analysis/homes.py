"""Homes: the buildings in which people live, part by part."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas
import numpy as np
import pandas as pd
import shapely
from sqlalchemy.engine import Connection

from gis_service.analysis.frames import read_parts, titles_of
from gis_service.analysis.walking import Points
from gis_service.areas import Area
from gis_service.scope import Scope

HOME_USES = ("10", "11", "12", "13")
"""Uses of a building in which people live (GB/T 17986.1)."""


def home_parts(conn: Connection, asked: Scope, area: Area) -> Iterator[geopandas.GeoDataFrame]:
    """Yield the buildings in which people live, with ``title`` and ``people`` (residents, 0 where unknown)."""
    columns = ["name", "address", "use", "grid", "resident_count"]
    for part in read_parts(conn, asked, "building", columns, srid=area.metric_srid):
        homes = part[part["use"].isin(HOME_USES)].copy()
        homes["title"] = titles_of(homes, "address", "name")
        homes["people"] = homes["resident_count"].fillna(0).astype(int)
        yield homes


def doors_of(homes: geopandas.GeoDataFrame) -> Points:
    """Return where people step out: a point on each home, in metres."""
    return np.asarray(shapely.point_on_surface(homes.geometry.array), dtype=object)


def rounded(metres: np.ndarray, index: pd.Index) -> pd.Series:
    """Return distances as objects, to a decimetre, None for no way: among floats None would become NaN."""
    return pd.Series([round(float(one), 1) if np.isfinite(one) else None for one in metres], index, dtype=object)
