"""Features as matplotlib draws them: one collection for each kind of a layer, in metres of the area's own system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from numpy.typing import NDArray

from gis_service.analysis.answer import CLASS, Theme
from gis_service.coordinates import transform_geometries
from layers.layer import Layer
from layers.style import Marker
from maps.palette import HIDDEN, colors
from maps.sheets.lettering import one_line

_MARKERS = {
    Marker.CIRCLE: "o", Marker.SQUARE: "s", Marker.DIAMOND: "D", Marker.TRIANGLE: "^", Marker.HEXAGON: "h",
    Marker.CROSS: "P",
}  # fmt: skip
_PIXEL_PT = 0.42
"""Points on paper for a pixel on the screen, where lines and symbols are coarser."""


@dataclass(frozen=True)
class Look:
    """How one kind of features is drawn; None leaves fill or outline out."""

    title: str
    geometry: str
    fill: str | None
    line: str | None
    width: float
    opacity: float
    marker: Marker = Marker.CIRCLE
    size: float = 8.0
    dash: str | None = None
    outlined: bool = False


@dataclass(frozen=True)
class Drawing:
    """Features of a layer or theme, sorted by their look.

    Attributes
    ----------
    order
        Low ones lie below.
    kinds
        Looks, in the order of the legend, each with its shapes in metres.
    names
        Features' names with their shapes, to be written beside them.
    """

    title: str
    order: int
    kinds: Sequence[tuple[Look, NDArray[np.object_]]]
    names: Sequence[tuple[str, shapely.Geometry]]


@dataclass(frozen=True)
class Features:
    """A FeatureCollection in metres: shapes, and each feature's properties."""

    shapes: NDArray[np.object_]
    properties: list[dict[str, Any]]


def read_features(geojson: str, srid: int) -> Features:
    """Return the features of a FeatureCollection (CGCS2000 degrees) in metres of a system."""
    found = orjson.loads(geojson)["features"]
    written = [orjson.dumps(one["geometry"]).decode() for one in found]
    shapes = shapely.from_geojson(np.array(written, dtype=object)) if written else np.array([], dtype=object)
    moved = transform_geometries(shapes, "EPSG:4490", f"EPSG:{srid}")
    return Features(_mended(moved), [one["properties"] for one in found])


def _mended(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return valid shapes of the dimension that they had: a spike of an area must not leave a line behind."""
    mended: NDArray[np.object_] = shapely.make_valid(shapes)
    wanted = shapely.get_dimensions(shapes)
    for at in np.flatnonzero(shapely.get_type_id(mended) == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = shapely.get_parts(mended[at])
        kept = parts[shapely.get_dimensions(parts) == wanted[at]]
        mended[at] = shapely.union_all(kept)
    return mended


def layer_drawing(layer: Layer, features: Features, *, quiet: tuple[str, str] | None = None) -> Drawing:
    """Return a layer's features as its style says; ``quiet`` is fill and outline for areas that only lie below."""
    style = layer.style
    # Colours of kinds would be taken for classes of the theme; water and green stay what they are.
    subdued = quiet is not None and style.by is not None and layer.geometry == "MULTIPOLYGON"

    def look(title: str, color: str | None) -> Look:
        if layer.geometry == "MULTILINESTRING":
            return Look(title, layer.geometry, None, color or style.color, style.width, 1.0, dash=style.dash)
        if layer.geometry == "POINT":
            return Look(
                title, "POINT", color or style.fill or style.color, "#ffffff", 0.8, 1.0, style.marker, style.size
            )
        if subdued:
            return Look(title, "MULTIPOLYGON", *(quiet or ("", "")), 0.6, 1.0)
        return Look(
            title, "MULTIPOLYGON", color or style.fill, style.color, style.width, style.opacity, dash=style.dash
        )

    by = style.by
    codes = layer.field(by).codes if by else None
    if by is None or not codes or subdued:
        kinds = [(look(layer.title, None), features.shapes)]
    else:
        values = [one.get(by) for one in features.properties]
        kinds = [
            (look(f"{layer.title}:{title}", style.palette[code]), _where(features, values, code))
            for code, title in codes.items()
        ]
        known = np.fromiter((value in codes for value in values), dtype=bool, count=len(values))
        kinds.append((look(f"{layer.title}:未填", None), features.shapes[~known]))
    return Drawing(
        layer.title, style.order, [(one, shapes) for one, shapes in kinds if len(shapes)], _names(layer, features)
    )


def theme_drawing(theme: Theme, features: Features, order: int) -> Drawing:
    """Return a theme's features by class, as its ramp says."""
    graded = [one for one in theme.classes if one.key != "hidden"]
    chosen = dict(zip((one.key for one in graded), colors(theme.ramp, len(graded)), strict=True)) if graded else {}
    values = [one.get(CLASS) for one in features.properties]
    kinds = []
    for one in theme.classes:
        color, shapes = chosen.get(one.key, HIDDEN), _where(features, values, one.key)
        if theme.geometry == "POINT":
            look = Look(one.title, "POINT", color, "#3b3b3b", 0.8, 1.0, one.marker or theme.marker, 10.0,
                        outlined=one.outlined)  # fmt: skip
        elif theme.geometry == "MULTILINESTRING":
            look = Look(one.title, theme.geometry, None, color, 3.2, 1.0)
        else:
            look = Look(one.title, "MULTIPOLYGON", color, "#ffffff", 0.5, 0.78)
        # A class without features stays in the legend: that there is none is what a reader wants to know.
        kinds.append((look, shapes))
    return Drawing(theme.title, order, kinds, ())


def _where(features: Features, values: list[Any], wanted: str) -> NDArray[np.object_]:
    chosen: NDArray[np.object_] = features.shapes[
        np.fromiter((value == wanted for value in values), dtype=bool, count=len(values))
    ]
    return chosen


def _names(layer: Layer, features: Features) -> list[tuple[str, shapely.Geometry]]:
    if layer.style.labelled_from is None:
        return []
    names = (one_line(one.get(layer.label) or "") for one in features.properties)
    return [(name, shape) for name, shape in zip(names, features.shapes, strict=True) if name]


def draw_shapes(axes: Axes, drawing: Drawing, k: float) -> None:
    """Draw all kinds of a drawing; ``k`` multiplies lines and symbols."""
    for number, (look, shapes) in enumerate(drawing.kinds):
        if len(shapes):
            _draw_kind(axes, look, shapes, drawing.order + number / 100, k)


def _draw_kind(axes: Axes, look: Look, shapes: NDArray[np.object_], order: float, k: float) -> None:
    """Draw points, lines and areas, of which a layer such as car parks may hold all three."""
    width, dashes = look.width * _PIXEL_PT * k, dashes_of(look.dash)
    dimensions = shapely.get_dimensions(shapes)
    if len(points := shapes[dimensions == 0]):
        at = shapely.get_coordinates(points)
        axes.scatter(
            at[:, 0], at[:, 1], s=(look.size * _PIXEL_PT * k) ** 2, marker=_MARKERS[look.marker],
            c=look.fill or look.line, linewidths=width * (2.4 if look.outlined else 1),
            edgecolors="#111111" if look.outlined else look.line, zorder=order,
        )  # fmt: skip
    if len(lines := shapes[dimensions == 1]):
        axes.add_collection(
            LineCollection(
                [shapely.get_coordinates(part) for part in shapely.get_parts(lines)], colors=look.line,
                linewidths=width, linestyles=dashes, capstyle="round", zorder=order,
            ),
            autolim=False,
        )  # fmt: skip
    if len(areas := shapes[dimensions == 2]):
        axes.add_collection(
            PathCollection(
                [_path(polygon) for polygon in shapely.get_parts(areas)],
                facecolors=_with_opacity(look.fill, look.opacity), edgecolors=look.line or "none", linewidths=width,
                linestyles=dashes, zorder=order,
            ),
            autolim=False,
        )  # fmt: skip


def legend_marker(look: Look) -> MarkerStyle:
    """Return the symbol of a look of points."""
    return MarkerStyle(_MARKERS[look.marker])


def dashes_of(dash: str | None) -> Any:
    """Return a dash pattern as matplotlib takes it, solid for None."""
    return "-" if dash is None else (0, [float(part) / 2 for part in dash.split()])


def _with_opacity(color: str | None, opacity: float) -> Any:
    if color is None:
        return "none"
    return (*(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)), opacity)


def _path(polygon: shapely.Polygon) -> Path:
    """Return a polygon with its holes as one path."""
    rings = [polygon.exterior, *polygon.interiors]
    vertices = [shapely.get_coordinates(ring) for ring in rings]
    codes = []
    for ring in vertices:
        code = np.full(len(ring), Path.LINETO, dtype=np.uint8)
        code[0], code[-1] = Path.MOVETO, Path.CLOSEPOLY
        codes.append(code)
    return Path(np.concatenate(vertices), np.concatenate(codes))
