"""One sheet: a map of the atlas on paper, with title, finding, legend, figures, rules, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import shapely
from matplotlib.figure import Figure
from matplotlib.patheffects import Stroke

from gis_service.analysis.answer import Answer
from gis_service.errors import InputError, NotFoundError
from gis_service.overview import LayerAnswer, Overview
from maps.numbers import written
from maps.sheets import furniture
from maps.sheets.furniture import GREY, SMALL, Page, Table
from maps.sheets.labels import Label, Named, Places
from maps.sheets.lettering import check_signs, font, one_line, shortened, width_em, wrapped
from maps.sheets.paper import MM_PER_INCH, Box, Layout, Orientation, Paper, layout_of, scale_of
from maps.sheets.shapes import Drawing, Features, Look, draw_shapes, layer_drawing, read_features, theme_drawing
from maps.thematic import GROUND

_THEME_ORDER = {"MULTIPOLYGON": 46, "MULTILINESTRING": 62, "POINT": 92}
_LEAST_INSET, _MOST_INSET = 30.0, 62.0
"""Millimetres of height on A3 that an inset takes where there is room for it."""
_COUNTED = ("rental_unit", "hazard", "enterprise", "parking", "waste_point")
"""Layers that the table of an overview counts by grid."""


@dataclass(frozen=True)
class Wanted:
    """What a sheet is to be.

    Attributes
    ----------
    scale
        Denominator; None for the largest that fits.
    grid
        Code of the grid to be shown; None for the whole community.
    author
        Who answers for it; a sheet with synthetic rows names nobody.
    review
        审图号 of a public map.
    scope
        Codes of the areas whose rows are shown.
    partial
        What must be said of numbers that are those of some grids only; "" where they are of the whole community.
    as_of
        The day whose records are shown, where it isn't the present ones.
    """

    paper: Paper = Paper.A3
    orientation: Orientation = Orientation.LANDSCAPE
    scale: int | None = None
    grid: str | None = None
    author: str = ""
    review: str = ""
    scope: tuple[str, ...] = ()
    partial: str = ""
    as_of: date | None = None


@dataclass(frozen=True)
class Proof:
    """By what a sheet can be traced: a short code, the version of the data, and where the live map is."""

    code: str = ""
    version: str = ""
    address: str = ""


@dataclass(frozen=True)
class Sheet:
    """A drawn sheet.

    Attributes
    ----------
    title
        For the file's name and metadata.
    scale
        Denominator.
    labels
        Names on the map, of which no two meet.
    """

    title: str
    finding: str
    figure: Figure
    layout: Layout
    scale: int
    labels: Sequence[Label]
    page: Page = field(repr=False)


def draw_sheet(
    title: str, overview: Overview, answer: Answer | None, srid: int, wanted: Wanted, proof: Proof, made_on: date,
    *, public: bool = False,
) -> Sheet:  # fmt: skip
    """Return the sheet of a map.

    Parameters
    ----------
    overview
        The community's ground, with the features of its layers.
    answer
        Of the analysis whose map it is; None for the overview of all layers.
    srid
        EPSG code of the area's metric system, in which the sheet is drawn.

    Raises
    ------
    InputError
        When the ground doesn't fit, or a name has a sign that the font lacks.
    FontError
        When no font with Chinese is installed.
    """
    font()
    features = {one.layer.name: read_features(one.geojson or _NOTHING, srid) for one in overview.layers}
    ground, name = _ground(features, wanted.grid)
    drawings = _drawings(overview, features, answer, srid)
    tables = [_facts(answer, wanted) if answer else _by_grid(overview, features, wanted)]
    layout = layout_of(wanted.paper, wanted.orientation, lambda k: panel_height(drawings, tables[0], k))
    west, south, east, north = ground.bounds
    scale = scale_of(layout.frame, east - west, north - south, wanted.scale)
    figure = Figure(figsize=(layout.width / MM_PER_INCH, layout.height / MM_PER_INCH), facecolor="white")
    page = Page(figure, layout.width, layout.height, layout.lettering)
    heading = one_line(f"{overview.name}{name}{title}")
    finding = finding_of(overview, features, answer, wanted)
    map_ = _Map(page, layout, ground, scale)
    if wanted.grid:
        map_.veil(ground)
    labels = map_.draw(drawings, stamps_of(overview, wanted, public=public))
    _head(page, layout.head, heading, finding)
    inset = _inset(page, features, ground if wanted.grid else None, overview.bbox)
    _panel(page, layout, drawings, tables, answer, inset)
    _foot(page, layout.foot, overview, answer, srid, scale, wanted, proof, made_on)
    check_signs([*(text.get_text() for text in page.texts), *(label.text for label in labels)])
    return Sheet(heading, finding, figure, layout, scale, labels, page)


_NOTHING = '{"type":"FeatureCollection","features":[]}'


def _ground(features: Mapping[str, Features], grid: str | None) -> tuple[shapely.Geometry, str]:
    """Return what the sheet shows: the community, or one of its grids; and the grid's name."""
    if grid is not None:
        if "grid" not in features:
            raise InputError("这张地图不分网格;请出整个社区的。", "This map has no grids.")
        for row, shape in zip(features["grid"].properties, features["grid"].shapes, strict=True):
            if row["code"] == grid:
                return shape, str(row.get("name") or grid)
        raise NotFoundError(f"没有网格 {grid},或不在您的范围内。", f"There is no grid {grid}.")
    shapes = features["community"].shapes
    if not len(shapes):
        # Without a boundary: whatever there is.
        shapes = next((one.shapes for one in features.values() if len(one.shapes)), shapes)
    return shapely.union_all(shapes), ""


def _drawings(overview: Overview, features: Mapping[str, Features], answer: Answer | None, srid: int) -> list[Drawing]:
    """Return what is drawn, in the order of the legend: the themes, and then the ground, what lies on top first."""
    shown = [one for one in overview.layers if one.count and (answer is not None or one.layer.style.shown)]
    quiet = GROUND if answer else None
    ground = [layer_drawing(one.layer, features[one.layer.name], quiet=quiet) for one in shown]
    themes = [
        theme_drawing(theme, read_features(theme.features, srid), _THEME_ORDER[theme.geometry])
        for theme in (answer.themes if answer else ())
        if theme.shown
    ]
    return [*themes, *sorted(ground, key=lambda one: -one.order)]


def finding_of(overview: Overview, features: Mapping[str, Features], answer: Answer | None, wanted: Wanted) -> str:
    """Return the sentence below the title: what the analysis found, or what there is in the community or grid."""
    everywhere = "所辖网格" if wanted.partial else "全社区"
    if answer is not None:
        return f"{everywhere}:{answer.finding}" if wanted.grid or wanted.partial else answer.finding
    counted = []
    for one in overview.layers:
        if one.layer.name in _COUNTED:
            rows = features[one.layer.name].properties
            number = sum(row.get("grid") == wanted.grid for row in rows) if wanted.grid else one.count
            counted.append(f"{one.layer.title} {number:,}")
    return f"{'本网格' if wanted.grid else everywhere}有{'、'.join(counted)}。"


_OUTLINE = Look("", "MULTIPOLYGON", None, "#7a1f18", 4.0, 1.0)


class _Map:
    """The map itself: its extent follows from paper and scale, so that the scale is true."""

    def __init__(self, page: Page, layout: Layout, ground: shapely.Geometry, scale: int) -> None:
        frame = layout.frame
        west, south, east, north = ground.bounds
        x, y = (west + east) / 2, (south + north) / 2
        width, height = (side / 1000 * scale / 2 for side in (frame.width, frame.height))
        self.extent = (x - width, y - height, x + width, y + height)
        self.axes = page.figure.add_axes(
            (frame.x / layout.width, frame.y / layout.height, frame.width / layout.width, frame.height / layout.height),
            zorder=1,
        )
        self.axes.set_xlim(x - width, x + width)
        self.axes.set_ylim(y - height, y + height)
        self.axes.axis("off")
        self._page, self._frame, self._scale = page, frame, scale

    def draw(self, drawings: Sequence[Drawing], stamps: Sequence[str]) -> list[Label]:
        """Draw shapes, names and what lies on the map; return the names."""
        for drawing in drawings:
            draw_shapes(self.axes, drawing, self._page.k)
        furniture.draw_frame(self._page, self.axes, self._frame, self.extent, self._scale)
        rooms = [
            furniture.draw_scale_bar(self._page, self._frame, self._scale),
            furniture.draw_north(self._page, self._frame),
            furniture.draw_stamps(self._page, self._frame, stamps),
        ]
        places = Places(self.extent, self._scale, [self._on_ground(room) for room in rooms])
        k, names = self._page.k, {drawing.title: drawing.names for drawing in drawings}
        for title, size, strong in (
            ("网格", 11.5, True),
            ("小区", 8.0, True),
            ("水系", 7.0, False),
            ("道路", 6.2, False),
        ):
            places.put(Named(names.get(title, ()), size * k, strong))
        for label in places.labels:
            self._write(label)
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


def stamps_of(overview: Overview, wanted: Wanted, *, public: bool) -> list[str]:
    """Return what a sheet is stamped with."""
    stamps = [] if public else ["内部资料 注意保管"]
    if wanted.partial:
        stamps.append(wanted.partial)
    if overview.synthetic:
        stamps.append("含合成数据 示意")
    if public:
        stamps.append(f"审图号:{wanted.review or '未送审'}")
    return stamps


def _head(page: Page, box: Box, title: str, finding: str) -> None:
    size = min(25.0, 25.0 * box.width / (width_em(title) * page.em(25.0)))
    page.write(box.x + box.width / 2, box.top - page.em(size) * 1.05, title, size, ha="center", bold=True)
    lines = shortened(wrapped(finding, box.width / page.em(10.0)), 2)
    top = box.top - page.em(size) * 1.35
    for line in lines:
        top -= page.em(10.0) * 1.35
        page.write(box.x + box.width / 2, top, line, 10.0, ha="center", color="#3d4852")


def _facts(answer: Answer, wanted: Wanted) -> Table:
    rows = [
        (fact.title, "无数据" if fact.value is None else f"{written(fact.value)} {fact.unit}".strip())
        for fact in answer.facts
    ]
    whose = "(所辖网格)" if wanted.partial else "(全社区)" if wanted.grid else ""
    return Table(f"主要数字{whose}", ("指标", "数"), rows)


def _by_grid(overview: Overview, features: Mapping[str, Features], wanted: Wanted) -> Table:
    """Return how many features of the counted layers lie in each grid that is seen, and in all of them."""
    layers: list[LayerAnswer] = [one for one in overview.layers if one.layer.name in _COUNTED]
    grids = sorted(
        (row["code"], one_line(row.get("name") or row["code"])) for row in features["grid"].properties
        if row.get("level", "governance") == "governance" and sees_grid(row["code"], wanted)
    )  # fmt: skip
    held = {one.layer.name: [row.get("grid") for row in features[one.layer.name].properties] for one in layers}
    rows = [
        (name, *(f"{held[one.layer.name].count(code):,}" for one in layers))
        for code, name in grids
        if wanted.grid in {None, code}
    ]
    others = [sum(1 for grid in held[one.layer.name] if grid not in dict(grids)) for one in layers]
    if any(others) and wanted.grid is None and not wanted.partial:
        rows.append(("网格以外", *(f"{one:,}" for one in others)))
    if not wanted.partial:
        rows.append(("全社区", *(f"{one.count:,}" for one in layers)))
    titles = ("网格", *(_SHORT.get(one.layer.name, one.layer.title) for one in layers))
    return Table("各网格统计(个)", titles, rows, total=not wanted.partial)


def sees_grid(code: str, wanted: Wanted) -> bool:
    """Return whether the rows of a grid are among those that are shown."""
    return not wanted.partial or any(code.startswith(area) for area in wanted.scope)


_SHORT = {"parking": "停车", "waste_point": "投放点"}


def _inset(
    page: Page,
    features: Mapping[str, Features],
    shown: shapely.Geometry | None,
    bbox: tuple[float, float, float, float],
) -> Callable[[Box], None]:
    """Return what draws the inset into a box: the community with its grids, and the grid that the sheet shows."""
    community, grids = features["community"].shapes, features["grid"].shapes if "grid" in features else ()
    if not len(community):
        return lambda _: None
    west, south, east, north = (_degrees(one) for one in bbox)
    corner = f"东经 {west}–{east},北纬 {south}–{north}"
    return lambda box: furniture.draw_inset(page, box, shapely.union_all(community), list(grids), shown, corner)


def _degrees(value: float) -> str:
    degrees, tenths = divmod(round(value * 600), 600)
    return f"{degrees}°{tenths / 10:.1f}′"


def panel_height(drawings: Sequence[Drawing], table: Table, k: float) -> float:
    """Return how high the panel below a tall sheet's map must be, in millimetres."""
    table_height = furniture.table_height(table, k) + _LEAST_INSET * k
    return max(furniture.legend_height(drawings, _LEGEND_COLUMNS, k), table_height) + 2 * k


_LEGEND_COLUMNS = 2


def _panel(
    page: Page, layout: Layout, drawings: Sequence[Drawing], tables: Sequence[Table], answer: Answer | None,
    inset: Callable[[Box], None],
) -> None:  # fmt: skip
    blocks: list[Callable[[Box, float], float]] = []
    blocks.append(lambda box, top: furniture.draw_legend(page, box, top, drawings, _LEGEND_COLUMNS))
    blocks += [lambda box, top, one=table: furniture.draw_table(page, box, top, one) for table in tables]  # type: ignore[misc]
    if answer is not None:
        blocks.append(lambda box, top: _words(page, box, top, answer))
    panel, gap = layout.panel, 4 * page.k
    if layout.landscape:
        top = panel.top
        for block in blocks:
            top = block(panel, top) - gap
        if (room := top - panel.y) > _LEAST_INSET * page.k:
            inset(Box(panel.x, panel.y, panel.width, min(room, _MOST_INSET * page.k)))
        return
    width = (panel.width - gap * (len(blocks) - 1)) / len(blocks)
    for number, block in enumerate(blocks):
        column = Box(panel.x + number * (width + gap), panel.y, width, panel.height)
        top = block(column, panel.top) - gap
    # The last column is the shortest: words or a table.
    if (room := top - panel.y) > _LEAST_INSET * page.k:
        inset(Box(column.x, panel.y, width, min(room, _MOST_INSET * page.k)))


def _words(page: Page, box: Box, top: float, answer: Answer) -> float:
    """Write thresholds with their basis, and how the figures were reckoned, as far as there is room."""
    leading = page.em(SMALL) * 1.45
    if answer.rules:
        top = furniture.heading(page, box, top, "阈值与依据")
        for rule in answer.rules:
            if top - 3 * leading < box.y:
                break
            top = page.paragraph(box, top, f"{rule.title}:{rule.value:g} {rule.unit}({rule.basis})", most=3)
        top -= 2 * page.k
    lines = int((top - box.y - page.em(10.5) * 1.25 - 3 * page.k) / leading)
    if lines >= 2:
        top = furniture.heading(page, box, top, "口径")
        top = page.paragraph(box, top, answer.method, most=lines)
    return top


def dated(overview: Overview, answer: Answer | None, as_of: date | None) -> str:
    """Return what is said of the days that a sheet's numbers are of."""
    recorded = f",按 {as_of} 结束时的记录" if as_of else ""
    reckoned = f",计算日 {answer.on}" if answer and answer.dated else ""
    return f"数据截至 {overview.data_date}{recorded}{reckoned}"


def _foot(
    page: Page, box: Box, overview: Overview, answer: Answer | None, srid: int, scale: int, wanted: Wanted,
    proof: Proof, made_on: date,
) -> None:  # fmt: skip
    k = page.k
    page.rectangle(box.x, box.top, box.width, 0.25 * k, fill="#c3cad1")
    right = box.right
    if proof.address:
        right -= 15 * k
        furniture.draw_qr(page, Box(right, box.y - 2 * k, 15 * k, 15 * k), proof.address)
    author = "示例数据,无制图单位" if overview.synthetic else wanted.author or "未署名"
    first = (
        f"{dated(overview, answer, wanted.as_of)} · CGCS2000 EPSG:{srid},方里网单位千米 · 比例尺 1:{scale:,}"
        f" · 制图 {made_on} · {author}" + (f" · 范围 {'、'.join(wanted.scope)}" if wanted.scope else "")
    )  # fmt: skip
    second = " · ".join(filter(None, [
        f"编号 {proof.code}" if proof.code else "", f"数据版本 {proof.version}" if proof.version else "",
        f"数据来源:{'、'.join(overview.attributions)}" if overview.attributions else "",
        f"{'、'.join(overview.left_out)}过多,未逐个画出" if overview.left_out else "",
    ]))  # fmt: skip
    top, width = box.top - 1.0 * k, right - box.x - 2 * k
    for line in (first, second):
        for part in shortened(wrapped(line, width / page.em(SMALL)), 2):
            top -= page.em(SMALL) * 1.4
            page.write(box.x, top, part, SMALL, color=GREY)
