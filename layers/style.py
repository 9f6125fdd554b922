"""How a layer is drawn, said once for web maps, legends and printed sheets."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Marker(StrEnum):
    """Shape of a point symbol: shape carries meaning beside colour, for readers who can't tell colours apart."""

    CIRCLE = "circle"
    SQUARE = "square"
    DIAMOND = "diamond"
    TRIANGLE = "triangle"
    HEXAGON = "hexagon"
    CROSS = "cross"


@dataclass(frozen=True)
class Style:
    """Colours, widths and symbols of a layer.

    Attributes
    ----------
    color, fill
        Outline and fill as ``#rrggbb``; a None fill leaves areas open.
    width
        Outline width in screen pixels.
    dash
        Dash pattern in pixels such as ``"6 4"``, or None.
    opacity
        Opacity of the fill, 0 to 1.
    marker, size
        Point symbol and its diameter in screen pixels.
    by
        Name of a code field that colours the features, with ``palette`` {stored value: ``#rrggbb``}.
    order
        Drawing order, low first: areas under lines under points.
    shown
        Whether the layer is on when a map opens.
    min_zoom
        Smallest web zoom at which features are drawn; below it the layer would only be a blot.
    labelled_from
        Smallest web zoom at which labels are written beside features, or None for never.
    """

    color: str
    fill: str | None = None
    width: float = 1.0
    dash: str | None = None
    opacity: float = 0.6
    marker: Marker = Marker.CIRCLE
    size: float = 8.0
    by: str | None = None
    palette: dict[str, str] = field(default_factory=dict)
    order: int = 0
    shown: bool = True
    min_zoom: int = 0
    labelled_from: int | None = None
