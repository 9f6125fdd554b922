"""Kernel density: how thickly points lie around each place, in classes with fixed bounds."""

from __future__ import annotations

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from gis_service.analysis.answer import CLASS, Breaks

CELL_M = 20.0
"""Side of a cell; the density is that of its centre."""
_REACH = 4.0
"""Bandwidths beyond the outermost point that cells are laid: the kernel has fallen to 0.03 % of its height there."""
_MOST_AT_ONCE = 4096


def density_at(
    points: NDArray[np.float64], xs: NDArray[np.float64], ys: NDArray[np.float64], bandwidth_m: float
) -> NDArray[np.float64]:
    """Return points per hectare at each (x, y): shape (len(xs), len(ys)).

    The sum of Gaussian kernels with ``bandwidth_m`` as standard deviation, without correction at edges (Silverman
    1986, equation 4.1). The kernel is a product of one in x and one in y, so the sum over points is a product of
    matrices.
    """
    total = np.zeros((len(xs), len(ys)))
    for begun in range(0, len(points), _MOST_AT_ONCE):
        some = points[begun : begun + _MOST_AT_ONCE]
        across = np.exp(-0.5 * ((xs[:, None] - some[None, :, 0]) / bandwidth_m) ** 2)
        along = np.exp(-0.5 * ((ys[:, None] - some[None, :, 1]) / bandwidth_m) ** 2)
        total += across @ along.T
    return total * 10_000 / (2 * np.pi * bandwidth_m**2)


def surface(points: geopandas.GeoSeries, breaks: Breaks, bandwidth_m: float) -> geopandas.GeoDataFrame:
    """Return the area of each class of density, without the lowest: ``level`` (its title), ``area_ha`` and ``class``.

    Cells stand on whole multiples of ``CELL_M``, so that surfaces of two dates lie on each other.
    """
    places = shapely.get_coordinates(np.asarray(points.array))
    classes = breaks.classes()[1:]
    rows = []
    if len(places):
        xs, ys = (_centres(places[:, axis], bandwidth_m) for axis in (0, 1))
        number = np.searchsorted(np.array(breaks.bounds), density_at(places, xs, ys, bandwidth_m), side="right")
        for one in classes:
            of_class = number == int(one.key)
            if of_class.any():
                area_ha = round(int(of_class.sum()) * CELL_M**2 / 10_000, 2)
                rows.append((one.title, area_ha, one.key, shapely.union_all(_columns(of_class, xs, ys))))
    return geopandas.GeoDataFrame(
        {"level": [row[0] for row in rows], "area_ha": [row[1] for row in rows], CLASS: [row[2] for row in rows]},
        geometry=[row[3] for row in rows], crs=points.crs,
    )  # fmt: skip


def _columns(chosen: NDArray[np.bool_], xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the chosen cells as boxes, those that follow each other northward as one: far fewer to unite."""
    edges = np.diff(np.pad(chosen, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (column, first), (_, after) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    half = CELL_M / 2
    boxes: NDArray[np.object_] = shapely.box(
        xs[column] - half, ys[first] - half, xs[column] + half, ys[after - 1] + half
    )
    return boxes


def _centres(values: NDArray[np.float64], bandwidth_m: float) -> NDArray[np.float64]:
    first = np.floor((values.min() - _REACH * bandwidth_m) / CELL_M)
    last = np.ceil((values.max() + _REACH * bandwidth_m) / CELL_M)
    return (np.arange(first, last) + 0.5) * CELL_M
