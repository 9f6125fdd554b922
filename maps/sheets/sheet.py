"""One sheet: a map of the atlas on paper, with title, finding, legend, figures, rules, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import shapely
from matplotlib.figure import Figure

from gis_service.analysis.answer import Answer
from gis_service.overview import Overview
from maps.sheets import furniture
from maps.sheets.contents import (
    Proof,
    Wanted,
    dated,
    drawings_of,
    facts_table,
    features_of,
    finding_of,
    grid_table,
    ground_of,
    listing_of,
    stamps_of,
)
from maps.sheets.furniture import GREY, SMALL, Page, Table
from maps.sheets.labels import Label
from maps.sheets.lettering import check_signs, font, one_line, shortened, width_em, wrapped
from maps.sheets.map_frame import MapFrame
from maps.sheets.paper import MM_PER_INCH, Box, Layout, layout_of, scale_of
from maps.sheets.shapes import Drawing, Features

_LEAST_INSET, _MOST_INSET = 30.0, 62.0
"""Millimetres of height on A3 that an inset takes where there is room for it."""


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
    features = features_of(overview, srid)
    ground, name = ground_of(features, wanted.grid)
    drawings = drawings_of(overview, features, answer, srid)
    tables = [facts_table(answer, wanted) if answer else grid_table(overview, features, wanted)]
    listing = listing_of(answer)
    layout = layout_of(
        wanted.paper, wanted.orientation, lambda k: panel_height(drawings, tables[0], k, listing),
        _MOST_PANEL if listing is None else _MOST_LISTING,
    )  # fmt: skip
    west, south, east, north = ground.bounds
    scale = scale_of(layout.frame, east - west, north - south, wanted.scale)
    figure = Figure(figsize=(layout.width / MM_PER_INCH, layout.height / MM_PER_INCH), facecolor="white")
    page = Page(figure, layout.width, layout.height, layout.lettering)
    heading = one_line(f"{overview.name}{name}{title}")
    finding = finding_of(overview, features, answer, wanted)
    map_ = MapFrame(page, layout.frame, ground, scale)
    if wanted.grid:
        map_.veil(ground)
    labels = map_.draw(drawings, stamps_of(overview, wanted, public=public))
    _head(page, layout.head, heading, finding)
    inset = _inset(page, features, ground if wanted.grid else None, overview.bbox)
    _panel(page, layout, drawings, tables, answer, inset, listing)
    _foot(page, layout.foot, overview, answer, srid, scale, wanted, proof, made_on)
    check_signs([*(text.get_text() for text in page.texts), *(label.text for label in labels)])
    return Sheet(heading, finding, figure, layout, scale, labels, page)


def _head(page: Page, box: Box, title: str, finding: str) -> None:
    size = min(25.0, 25.0 * box.width / (width_em(title) * page.em(25.0)))
    page.write(box.x + box.width / 2, box.top - page.em(size) * 1.05, title, size, ha="center", bold=True)
    lines = shortened(wrapped(finding, box.width / page.em(10.0)), 2)
    top = box.top - page.em(size) * 1.35
    for line in lines:
        top -= page.em(10.0) * 1.35
        page.write(box.x + box.width / 2, top, line, 10.0, ha="center", color="#3d4852")


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


def panel_height(drawings: Sequence[Drawing], table: Table, k: float, listing: Table | None = None) -> float:
    """Return how high the panel below a tall sheet's map must be, in millimetres."""
    table_height = furniture.table_height(table, k) + (0 if listing else _LEAST_INSET * k)
    listed = furniture.table_height(listing, k) if listing else 0.0
    return max(furniture.legend_height(drawings, _LEGEND_COLUMNS, k), table_height) + 2 * k + listed


_LEGEND_COLUMNS = 2
_WORDS = 36.0
"""Millimetres of height on A3 that a list leaves to thresholds and method."""
_MOST_PANEL, _MOST_LISTING = 0.36, 0.52
"""Shares of a tall sheet's height that the panel may take, without and with a list of what is to be done."""


def _panel(
    page: Page, layout: Layout, drawings: Sequence[Drawing], tables: Sequence[Table], answer: Answer | None,
    inset: Callable[[Box], None], listing: Table | None,
) -> None:  # fmt: skip
    blocks: list[Callable[[Box, float], float]] = []
    blocks.append(lambda box, top: furniture.draw_legend(page, box, top, drawings, _LEGEND_COLUMNS))
    blocks += [lambda box, top, one=table: furniture.draw_table(page, box, top, one) for table in tables]  # type: ignore[misc]
    if listing is not None and layout.landscape:
        # Thresholds and method need some room below.
        words = _WORDS * page.k
        blocks.append(
            lambda box, top: furniture.draw_table(
                page, Box(box.x, box.y + words, box.width, box.height - words), top, listing
            )
        )
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
    if listing is not None:
        above = max(
            furniture.legend_height(drawings, _LEGEND_COLUMNS, page.k), furniture.table_height(tables[0], page.k)
        )
        below = panel.top - above - gap
        furniture.draw_table(page, Box(panel.x, panel.y, panel.width, below - panel.y), below, listing)
        panel = Box(panel.x, below, panel.width, above + gap)
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
    if answer.rules and top - page.em(10.5) * 1.25 - 4 * leading > box.y:
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
