"""From frames to themes: features as JSON text, and squares in their place where a map can't hold so many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import geopandas
import numpy as np
import orjson
import pandas as pd
import pyproj
import shapely

from gis_service.analysis.answer import CLASS, Class, Column, Ramp, Theme
from gis_service.analysis.lattice import cell_code, cell_shapes
from layers.field import Kind
from layers.registry import LAYERS

MOST_DRAWN = 30_000
"""Features of a theme that are drawn one by one: a browser pans this many smoothly, and a city's would stop it."""
MOST_CELLS = 20_000
_SIDE_M = 100
_TIMES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_PLACES = 7
"""Decimals of coordinates in degrees: a centimetre."""


class Gathering:
    """A theme in the making: frames go in one after the other, and what is kept doesn't grow with a city.

    Up to ``MOST_DRAWN`` features are drawn as they are. More become squares of 100 m or, so that there are at most
    ``MOST_CELLS``, of a multiple of it: each with its features by class, in the class that most of them have; of
    equally many the later one, since classes go from harmless to grave.
    """

    def __init__(self, blank: Theme) -> None:
        """Begin a theme of which everything but the features is known."""
        self._blank = blank
        self._count = 0
        self._frames: list[geopandas.GeoDataFrame] = []
        self._cells: pd.Series | None = None
        self._crs: object = None

    def add(self, frame: geopandas.GeoDataFrame) -> None:
        """Take the features of a frame in metres: with the theme's columns and ``class``; its index is their id."""
        self._count += len(frame)
        names = [*(column.name for column in self._blank.columns), CLASS]
        self._frames.append(frame[[*names, frame.geometry.name]])
        if self._count > MOST_DRAWN:
            self._put_on_lattice()

    def theme(self) -> Theme:
        """Return the theme with all features that were added; ValueError when no frame was."""
        if self._cells is None:
            whole = self._frames[0] if len(self._frames) == 1 else pd.concat(self._frames)
            features = feature_collection(whole, self._blank.columns)
            return replace(self._blank, features=features, count=self._count)
        side_m, cells = _coarsened(self._cells)
        frame, columns = _squares(cells, side_m, self._blank.classes, self._crs)
        return replace(
            self._blank, title=f"{self._blank.title}({side_m} 米方格)", geometry="MULTIPOLYGON", label="cell",
            columns=columns, classes=tuple(replace(one, marker=None) for one in self._blank.classes),
            features=feature_collection(frame, columns), count=self._count, timed=None, lattice_m=side_m,
        )  # fmt: skip

    def _put_on_lattice(self) -> None:
        self._crs = self._frames[0].crs
        known = [] if self._cells is None else [self._cells]
        for frame in self._frames:
            at = np.floor(shapely.get_coordinates(shapely.point_on_surface(frame.geometry.array)) / _SIDE_M)
            keys = {"col": at[:, 0].astype(np.int64), "row": at[:, 1].astype(np.int64), CLASS: frame[CLASS].to_numpy()}
            known.append(pd.DataFrame(keys).value_counts())
        self._frames.clear()
        self._cells = pd.concat(known).groupby(level=["col", "row", CLASS]).sum()


def theme_of(
    frame: geopandas.GeoDataFrame, name: str, title: str, geometry: str, label: str, columns: Sequence[Column],
    classes: Sequence[Class], ramp: Ramp, **drawing: Any,
) -> Theme:  # fmt: skip
    """Return the theme of one frame; see ``Gathering`` for what the frame holds, and ``Theme`` for the rest."""
    gathering = Gathering(blank_theme(name, title, geometry, label, columns, classes, ramp, **drawing))
    gathering.add(frame)
    return gathering.theme()


def blank_theme(
    name: str, title: str, geometry: str, label: str, columns: Sequence[Column], classes: Sequence[Class], ramp: Ramp,
    **drawing: Any,
) -> Theme:  # fmt: skip
    """Return a theme without features, to gather them in."""
    return Theme(name, title, geometry, label, tuple(columns), tuple(classes), ramp, "", 0, **drawing)


def _coarsened(cells: pd.Series) -> tuple[int, pd.Series]:
    """Return the finest side in metres that makes few enough squares, and the counts on it."""
    for times in _TIMES:
        keys = [
            (cells.index.get_level_values(level) // times).rename(level) for level in ("col", "row")
        ] + [cells.index.get_level_values(CLASS)]  # fmt: skip
        found = cells.groupby(keys).sum()
        if len(found.index.droplevel(CLASS).unique()) <= MOST_CELLS:
            break
    return _SIDE_M * times, found


def _squares(
    cells: pd.Series, side_m: int, classes: Sequence[Class], crs: object
) -> tuple[geopandas.GeoDataFrame, tuple[Column, ...]]:
    keys = [one.key for one in classes]
    table = (
        cells.reset_index(name="n")
        .pivot_table("n", ["col", "row"], CLASS, fill_value=0)
        .reindex(columns=keys, fill_value=0)
    )
    at = [(int(col), int(row)) for col, row in table.index]
    frame = pd.DataFrame({f"in_{key}": table[key].to_numpy() for key in keys}, index=[cell_code(cell) for cell in at])
    frame["cell"], frame["number"] = frame.index, table.sum(axis=1).to_numpy()
    # Searched from the end, so that of equally many the graver class is found first.
    frame[CLASS] = table[keys[::-1]].idxmax(axis=1).to_numpy()
    columns = (
        Column("cell", "方格"),
        Column("number", "合计", Kind.INTEGER, "个"),
        *(Column(f"in_{one.key}", one.title, Kind.INTEGER, "个") for one in classes),
    )
    return geopandas.GeoDataFrame(frame, geometry=cell_shapes(at, side_m), crs=crs), columns


def field_column(layer: str, name: str, title: str = "", *, filtered: bool = False) -> Column:
    """Return a column that shows a layer's field as it is declared, under its own title or another."""
    field = LAYERS[layer].field(name)
    return Column(name, title or field.title, field.kind, field.unit, field.codes, filtered)


def grid_column(titles: Mapping[str, str]) -> Column:
    """Return the column with a feature's grid, by which a page may filter; ``titles`` as of ``frames.grid_titles``."""
    return Column("grid", "网格", codes=titles, filtered=True)


def feature_collection(frame: geopandas.GeoDataFrame, columns: Sequence[Column]) -> str:
    """Return a frame as a FeatureCollection in CGCS2000 degrees, with the columns and ``class`` as properties.

    Parameters
    ----------
    frame
        Any coordinate system it names; its index is the features' id. Empty values are left out, days are written
        as in ISO 8601.
    """
    names = [column.name for column in columns] + ([CLASS] if CLASS in frame else [])
    to_degrees = pyproj.Transformer.from_crs(frame.crs, 4490, always_xy=True)

    def placed(points: np.ndarray) -> np.ndarray:
        return np.round(np.column_stack(to_degrees.transform(points[:, 0], points[:, 1])), _PLACES)

    shapes = shapely.to_geojson(shapely.transform(np.asarray(frame.geometry.array), placed))
    values = zip(*(frame[name].tolist() for name in names), strict=True)
    parts = []
    for key, shape, row in zip(frame.index.astype(str), shapes, values, strict=True):
        properties = {name: value for name, value in zip(names, row, strict=True) if not _missing(value)}
        parts.append(
            b'{"type":"Feature","id":%b,"geometry":%b,"properties":%b}'
            % (orjson.dumps(key), shape.encode(), orjson.dumps(properties, option=orjson.OPT_SERIALIZE_NUMPY))
        )
    return (b'{"type":"FeatureCollection","features":[' + b",".join(parts) + b"]}").decode()


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
