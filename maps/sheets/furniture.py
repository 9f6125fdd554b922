"""What stands around a map: frame and coordinate grid, scale bar, north arrow, legend, tables, words and stamps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import segno
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Text

from maps.sheets.lettering import font, shortened, width_em, wrapped
from maps.sheets.paper import POINTS_PER_MM, Box
from maps.sheets.shapes import Drawing, Look, dashes_of, legend_marker

INK, GREY, PALE, RULE, WARNING = "#1f2933", "#5f6b76", "#eef1f4", "#2f4456", "#b3261e"
SMALL, BODY, HEADING = 6.6, 8.0, 10.5
"""Points on A3."""
_LEADING = 1.45


@dataclass(frozen=True)
class Table:
    """Figures beside a map: a title, column headings and rows; numbers are given as written."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: bool = False
    """Whether the last row sums the others up."""
    texts: int = 1
    """How many columns, from the left, hold texts: they share what the numbers leave."""


def em_of(size: float, k: float) -> float:
    """Return the width of a Chinese character in millimetres, at a size in points on A3."""
    return size * k / POINTS_PER_MM


class Page:
    """A sheet's figure, on which everything is placed in millimetres."""

    def __init__(self, figure: Figure, width: float, height: float, lettering: float) -> None:
        self.figure, self.width, self.height, self.k = figure, width, height, lettering
        # One axes over the whole sheet, in millimetres: lines and boxes that belong to no map.
        self.axes = figure.add_axes((0, 0, 1, 1), zorder=5)
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(0, height)
        self.axes.axis("off")
        self.axes.patch.set_alpha(0)
        self.texts: list[Text] = []

    def write(
        self, x: float, y: float, text: str, size: float = BODY, *, color: str = INK, bold: bool = False,
        ha: str = "left", va: str = "baseline", angle: float = 0.0,
    ) -> None:  # fmt: skip
        """Write one line."""
        self.texts.append(
            self.axes.text(
                x, y, text, fontproperties=font(bold=bold), fontsize=size * self.k, color=color, ha=ha, va=va,
                rotation=angle, parse_math=False,
            )
        )  # fmt: skip

    def em(self, size: float) -> float:
        """Return the width of a Chinese character in millimetres."""
        return em_of(size, self.k)

    def paragraph(
        self, box: Box, top: float, text: str, size: float = SMALL, *, color: str = GREY, most: int = 99
    ) -> float:  # fmt: skip
        """Write text in lines below ``top``; return where it ends. Too many lines end with an ellipsis."""
        lines = shortened(wrapped(text, box.width / self.em(size)), most)
        leading = self.em(size) * _LEADING
        for line in lines:
            top -= leading
            self.write(box.x, top + leading * 0.3, line, size, color=color)
        return top

    def rectangle(
        self, x: float, y: float, width: float, height: float, *, fill: str = "none", line: str = "none",
        points: float = 0.5,
    ) -> None:  # fmt: skip
        """Draw a rectangle."""
        self.axes.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=line, linewidth=points * self.k))


def draw_frame(page: Page, axes: Axes, frame: Box, extent: tuple[float, float, float, float], scale: int) -> None:
    """Draw the neat line, the coordinate grid and its numbers in kilometres.

    The grid has lines every 100 m, 200 m, 500 m, 1, 2 or 5 km, so that they lie about 5 cm apart on paper.
    """
    west, south, east, north = extent
    wanted = 0.05 * scale
    step = min((100, 200, 500, 1000, 2000, 5000, 10_000, 20_000), key=lambda one: abs(math.log(one / wanted)))
    page.rectangle(frame.x, frame.y, frame.width, frame.height, line=INK, points=1.6)
    for at in np.arange(math.ceil(west / step) * step, east, step):
        axes.axvline(at, color="#8c96a0", linewidth=0.25 * page.k, alpha=0.6, zorder=70)
        x = frame.x + (at - west) / (east - west) * frame.width
        for y, va in ((frame.top + 1.0 * page.k, "bottom"), (frame.y - 1.0 * page.k, "top")):
            page.write(x, y, _kilometres(at, step), SMALL * 0.9, color=GREY, ha="center", va=va)
    for at in np.arange(math.ceil(south / step) * step, north, step):
        axes.axhline(at, color="#8c96a0", linewidth=0.25 * page.k, alpha=0.6, zorder=70)
        y = frame.y + (at - south) / (north - south) * frame.height
        for x in (frame.x - 2.2 * page.k, frame.right + 2.2 * page.k):
            page.write(x, y, _kilometres(at, step), SMALL * 0.9, color=GREY, ha="center", va="center", angle=90)


def _kilometres(metres: float, step: float) -> str:
    return f"{metres / 1000:.{0 if step >= 1000 else 1}f}"


def scale_bar_length(scale: int) -> int:
    """Return how many metres a scale bar shows: about 4 cm on paper, a round number."""
    wanted = 0.04 * scale
    lengths = [factor * 10**power for power in range(1, 6) for factor in (1, 2, 5)]
    return int(min(lengths, key=lambda one: abs(math.log(one / wanted))))


def draw_scale_bar(page: Page, frame: Box, scale: int, *, ratio: bool = True) -> Box:
    """Draw the scale bar in the lower left of the map; return the room it takes.

    ``ratio`` writes 1:10,000 above it, which is true on paper only.
    """
    k, metres = page.k, scale_bar_length(scale)
    length = metres / scale * 1000
    room = Box(frame.x + 3 * k, frame.y + 3 * k, length + 14 * k, 11.5 * k)
    page.rectangle(room.x, room.y, room.width, room.height, fill="#ffffffd9")
    x, y, parts = room.x + 4 * k, room.y + 2.6 * k, 4
    for number in range(parts):
        page.rectangle(x + number * length / parts, y, length / parts, 1.5 * k,
                       fill=INK if number % 2 == 0 else "#ffffff", line=INK, points=0.6)  # fmt: skip
    for share, label in ((0, "0"), (0.5, f"{metres / 2:g}"), (1, f"{metres:g}")):
        page.write(x + share * length, y + 2.4 * k, label, SMALL, ha="center", va="bottom")
    page.write(x + length + 3.2 * k, y + 2.4 * k, "米", SMALL, ha="left", va="bottom")
    if ratio:
        page.write(x, room.top - 2.9 * k, f"1:{scale:,}", BODY, bold=True)
    return room


def draw_north(page: Page, frame: Box) -> Box:
    """Draw the north arrow in the upper left of the map; return the room it takes. North is the grid's."""
    k = page.k
    room = Box(frame.x + 3 * k, frame.top - 20 * k, 11 * k, 17 * k)
    page.rectangle(room.x, room.y, room.width, room.height, fill="#ffffffd9")
    x, base, tip = room.x + room.width / 2, room.y + 5 * k, room.top - 1.5 * k
    for side, fill in ((-1, INK), (1, "#ffffff")):
        corners = [(x, tip), (x + side * 3.2 * k, base), (x, base + 2.2 * k)]
        page.axes.add_patch(Polygon(corners, closed=True, facecolor=fill, edgecolor=INK, linewidth=0.6 * k))
    page.write(x, room.y + 1.1 * k, "北", BODY, ha="center", bold=True)
    return room


def heading(page: Page, box: Box, top: float, text: str) -> float:
    """Write a heading of the panel; return where it ends."""
    top -= page.em(HEADING) * 1.25
    page.write(box.x, top, text, HEADING, bold=True)
    page.axes.add_line(Line2D([box.x, box.right], [top - 1.4 * page.k] * 2, color=RULE, linewidth=0.7 * page.k))
    return top - 2.2 * page.k


def legend_height(drawings: Sequence[Drawing], columns: int, k: float) -> float:
    """Return how high a legend in so many columns is, in millimetres; ``k`` is the lettering."""
    rows = sum(len(drawing.kinds) + (len(drawing.kinds) > 1) for drawing in drawings)
    return math.ceil(rows / columns) * _row(k) + em_of(HEADING, k) * 1.25 + 4 * k


def _row(k: float) -> float:
    return em_of(BODY, k) * 1.55


def draw_legend(page: Page, box: Box, top: float, drawings: Sequence[Drawing], columns: int) -> float:
    """Draw the legend in columns; return where it ends."""
    top = heading(page, box, top, "图例") - 0.6 * page.k
    lines: list[tuple[str, Look | None]] = []
    for drawing in drawings:
        if len(drawing.kinds) > 1:
            lines.append((drawing.title, None))
            lines += [(look.title.rpartition(":")[2], look) for look, _ in drawing.kinds]
        else:
            lines += [(look.title, look) for look, _ in drawing.kinds]
    row, per_column = _row(page.k), math.ceil(len(lines) / columns)
    width = box.width / columns
    for number, (title, look) in enumerate(lines):
        column, line = divmod(number, per_column)
        x, y = box.x + column * width, top - (line + 1) * row
        swatch = 7.0 * page.k if look else 0.0
        if look:
            _swatch(page, look, Box(x, y - 0.3 * page.k, 5.2 * page.k, 2.6 * page.k))
        most = (width - swatch - 1 * page.k) / page.em(BODY if look else SMALL)
        page.write(x + swatch, y, _shortened(title, most), BODY if look else SMALL * 1.08, bold=look is None,
                   color=INK if look else GREY)  # fmt: skip
    return top - per_column * row


def _shortened(text: str, most_em: float) -> str:
    if width_em(text) <= most_em:
        return text
    while text and width_em(text) + 1 > most_em:
        text = text[:-1]
    return f"{text}…"


def _swatch(page: Page, look: Look, box: Box) -> None:
    x, y, width = box.x + box.width / 2, box.y + box.height / 2, max(look.width * 0.42, 0.5) * page.k
    if look.geometry == "POINT":
        page.axes.scatter(
            [x], [y], s=(min(look.size, 10) * 0.5 * page.k) ** 2, marker=legend_marker(look), c=look.fill,
            edgecolors="#111111" if look.outlined else look.line, linewidths=width * (2 if look.outlined else 1),
            clip_on=False,
        )  # fmt: skip
    elif look.fill is None and look.geometry == "MULTILINESTRING":
        page.axes.add_line(
            Line2D([box.x, box.right], [y, y], color=look.line, linewidth=width, linestyle=dashes_of(look.dash))
        )
    else:
        patch = Rectangle((box.x, box.y), box.width, box.height, edgecolor=look.line or "none", linewidth=width,
                          linestyle=dashes_of(look.dash))  # fmt: skip
        patch.set_facecolor("none" if look.fill is None else look.fill)
        patch.set_alpha(None if look.fill is None else max(look.opacity, 0.3))
        page.axes.add_patch(patch)


def table_height(table: Table, k: float) -> float:
    """Return how high a table is, in millimetres; ``k`` is the lettering."""
    return (len(table.rows) + 1) * _cell(k) + em_of(HEADING, k) * 1.25 + 4 * k


def _cell(k: float) -> float:
    return em_of(BODY, k) * 1.75


def _fitting(table: Table, most: int) -> Table:
    """Return a table of at most so many rows; what is left out is said in a row, and the sum stays."""
    if len(table.rows) <= most:
        return table
    last = list(table.rows[-1:]) if table.total else []
    kept = max(most - 1 - len(last), 0)
    left = len(table.rows) - kept - len(last)
    said = (f"另有 {left} 行,见工作簿", *("" for _ in table.columns[1:]))
    return replace(table, rows=[*table.rows[:kept], said, *last])


def draw_table(page: Page, box: Box, top: float, table: Table) -> float:
    """Draw a table; return where it ends. Columns of texts share what those of numbers leave."""
    top = heading(page, box, top, table.title) - 0.4 * page.k
    table = _fitting(table, int((top - box.y) / _cell(page.k)) - 1)
    em = page.em(BODY)
    needed = [
        max(width_em(row[column]) for row in (table.columns, *table.rows)) * em + 2.4 * page.k
        for column in range(table.texts, len(table.columns))
    ]
    share = (box.width - sum(needed)) / table.texts
    widths, height = [*[share] * table.texts, *needed], _cell(page.k)
    for number, row in enumerate((table.columns, *table.rows)):
        y, last = top - (number + 1) * height, table.total and number == len(table.rows)
        fill = RULE if number == 0 else PALE if last else "#ffffff"
        page.rectangle(box.x, y, box.width, height, fill=fill, line="#cfd6dc", points=0.4)
        x = box.x
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            text = column < table.texts
            at, ha = (x + 1.2 * page.k, "left") if text else (x + width - 1.2 * page.k, "right")
            shown = _shortened(cell, (width - 1.6 * page.k) / em) if text else cell
            page.write(at, y + height * 0.32, shown, BODY, ha=ha, bold=number == 0 or last,
                       color="#ffffff" if number == 0 else INK)  # fmt: skip
            x += width
    return top - (len(table.rows) + 1) * height


def draw_inset(
    page: Page, box: Box, whole: shapely.Geometry, parts: Sequence[shapely.Geometry], shown: shapely.Geometry | None,
    corner: str,
) -> None:  # fmt: skip
    """Draw how the sheet's ground lies within the whole, and where on earth that is."""
    top = heading(page, box, box.top, "位置") - 1 * page.k
    page.write(box.x, box.y, corner, SMALL, color=GREY)
    room = Box(box.x, box.y + page.em(SMALL) * 1.8, box.width, top - box.y - page.em(SMALL) * 1.8)
    west, south, east, north = whole.bounds
    factor = min(room.width * 0.96 / (east - west), room.height * 0.96 / (north - south))
    origin = np.array(
        [room.x + room.width / 2 - (west + east) / 2 * factor, room.y + room.height / 2 - (south + north) / 2 * factor]
    )
    drawn = [(one, "#eceff1", "#9aa5b1", 0.5) for one in parts]
    drawn += [(shown, "#c0443a", "#7a1f18", 0.8)] if shown is not None else []
    for shape, fill, line, width in (*drawn, (whole, "none", "#52606d", 1.0)):
        for part in shapely.get_parts(shape):
            at = shapely.get_coordinates(part.exterior) * factor + origin
            page.axes.add_patch(Polygon(at, closed=True, facecolor=fill, edgecolor=line, linewidth=width * page.k))


def draw_stamps(page: Page, frame: Box, stamps: Sequence[str]) -> Box:
    """Draw stamps in the upper right of the map; return the room they take."""
    size, k = BODY, page.k
    width = max((width_em(one) for one in stamps), default=0) * page.em(size) + 4 * k
    height = 6.2 * k
    room = Box(frame.right - width - 3 * k, frame.top - len(stamps) * (height + 1.2 * k) - 2 * k, width,
               len(stamps) * (height + 1.2 * k))  # fmt: skip
    for number, one in enumerate(stamps):
        y = frame.top - 3 * k - (number + 1) * height - number * 1.2 * k
        page.rectangle(room.x, y, width, height, fill="#fffffff0", line=WARNING, points=1.2)
        page.write(room.x + width / 2, y + height * 0.32, one, size, ha="center", color=WARNING, bold=True)
    return room


def draw_qr(page: Page, box: Box, address: str) -> None:
    """Draw an address as a QR code, error correction M, with the quiet zone that readers need."""
    rows = list(segno.make(address, error="m").matrix_iter(scale=1, border=4))
    side = min(box.width, box.height) / len(rows)
    page.rectangle(box.x, box.y, side * len(rows), side * len(rows), fill="#ffffff")
    for row, modules in enumerate(rows):
        y, begin = box.y + (len(rows) - row - 1) * side, None
        for column, dark in enumerate((*modules, 0)):
            if dark and begin is None:
                begin = column
            elif not dark and begin is not None:
                page.rectangle(box.x + begin * side, y, (column - begin) * side, side * 1.02, fill="#000000")
                begin = None
