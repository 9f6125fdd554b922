"""The map itself on a sheet or a slide: its extent, shapes and names, and what lies upon it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from matplotlib.patheffects import Stroke

from maps.sheets import furniture
from maps.sheets.furniture import Page
from maps.sheets.labels import Label, Named, Places
from maps.sheets.lettering import font
from maps.sheets.paper import Box
from maps.sheets.shapes import Drawing, Look, draw_shapes

_NAMED = (("网格", 11.5, True), ("小区", 8.0, True), ("水系", 7.0, False), ("道路", 6.2, False))
"""Layers whose names are written: size in points on A3, and whether bold; the first ones have precedence."""
_OUTLINE = Look("", "MULTIPOLYGON", None, "#7a1f18", 4.0, 1.0)


class MapFrame:
    """The map itself: its extent follows from paper and scale, so that the scale is true."""

    def __init__(self, page: Page, frame: Box, ground: shapely.Geometry, scale: int) -> None:
        west, south, east, north = ground.bounds
        x, y = (west + east) / 2, (south + north) / 2
        width, height = (side / 1000 * scale / 2 for side in (frame.width, frame.height))
        self.extent = (x - width, y - height, x + width, y + height)
        self.axes = page.figure.add_axes(
            (frame.x / page.width, frame.y / page.height, frame.width / page.width, frame.height / page.height),
            zorder=1,
        )
        self.axes.set_xlim(x - width, x + width)
        self.axes.set_ylim(y - height, y + height)
        self.axes.axis("off")
        self._page, self._frame, self._scale = page, frame, scale

    def draw(self, drawings: Sequence[Drawing], stamps: Sequence[str]) -> list[Label]:
        """Draw a sheet's map, with its names and what lies upon it; return the names."""
        self._draw_shapes(drawings)
        furniture.draw_frame(self._page, self.axes, self._frame, self.extent, self._scale)
        rooms = [
            furniture.draw_scale_bar(self._page, self._frame, self._scale),
            furniture.draw_north(self._page, self._frame),
            furniture.draw_stamps(self._page, self._frame, stamps),
        ]
        labels = self._placed(drawings, rooms, _NAMED)
        for label in labels:
            self._write(label)
        return labels

    def draw_bare(self, drawings: Sequence[Drawing]) -> list[Label]:
        """Draw a map whose names are written by somebody else, at the places that are returned."""
        self._draw_shapes(drawings)
        rooms = [
            furniture.draw_scale_bar(self._page, self._frame, self._scale, ratio=False),
            furniture.draw_north(self._page, self._frame),
        ]
        return self._placed(drawings, rooms, _NAMED[:2])

    def _draw_shapes(self, drawings: Sequence[Drawing]) -> None:
        for drawing in drawings:
            draw_shapes(self.axes, drawing, self._page.k)

    def _placed(
        self, drawings: Sequence[Drawing], rooms: Sequence[Box], named: Sequence[tuple[str, float, bool]]
    ) -> list[Label]:
        places = Places(self.extent, self._scale, [self._on_ground(room) for room in rooms])
        k, names = self._page.k, {drawing.title: drawing.names for drawing in drawings}
        for title, size, strong in named:
            places.put(Named(names.get(title, ()), size * k, strong))
        return places.labels

    def veil(self, shown: shapely.Geometry) -> None:
        """Let what lies outside of the sheet's grid step back, and draw its outline."""
        around = shapely.difference(shapely.box(*self.extent), shown)
        drawn = ((around, Look("", "MULTIPOLYGON", "#ffffff", None, 0.0, 0.62), 93), (shown, _OUTLINE, 94))
        for shape, look, order in drawn:
            shapes = np.array([shape], dtype=object)
            draw_shapes(self.axes, Drawing("", order, [(look, shapes)], ()), self._page.k)

    def _on_ground(self, box: Box) -> shapely.Polygon:
        metres = self._scale / 1000
        x, y = self.extent[0] - self._frame.x * metres, self.extent[1] - self._frame.y * metres
        return shapely.box(x + box.x * metres, y + box.y * metres, x + box.right * metres, y + box.top * metres)

    def _write(self, label: Label) -> None:
        styled: dict[str, Any] = {
            "fontproperties": font(bold=label.strong), "fontsize": label.size, "rotation": label.angle,
            "rotation_mode": "anchor", "ha": "center", "va": "center_baseline", "parse_math": False,
        }  # fmt: skip
        halo = self.axes.text(label.x, label.y, label.text, color="white", zorder=95, **styled)
        halo.set_path_effects([Stroke(linewidth=label.size * 0.28, foreground="white", alpha=0.85)])
        # With an effect a text becomes shapes; the text itself stays text, so that it can be searched.
        self.axes.text(
            label.x, label.y, label.text, color="#1f2933" if label.strong else "#4a5560", zorder=96, **styled
        )
