"""Frames as analyses read them, from rows that a test makes up: object columns, None where empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry


def made_frame(
    rows: Sequence[dict[str, Any]], codes: Sequence[str] | None = None, shapes: Sequence[BaseGeometry] | None = None
) -> geopandas.GeoDataFrame:
    """Return the rows in EPSG:4549, by code ("0", "1" … without codes), at the shapes or all at one point."""
    index = list(codes) if codes is not None else [str(number) for number in range(len(rows))]
    frame = pd.DataFrame(list(rows), index=index, dtype=object)
    return geopandas.GeoDataFrame(frame, geometry=list(shapes or [shapely.Point(0, 0)] * len(rows)), crs=4549)
