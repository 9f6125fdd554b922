"""Slides as a PPTX file: maps as pictures, and titles, names, tables and charts that can be edited."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_TICK_LABEL_POSITION
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Pt

from gis_service.exports.csv_table import harmless
from maps.sheets.contents import Proof, dated, stamps_of
from maps.sheets.deck import Chart, Shown, Slide, Subject, slides_of
from maps.sheets.furniture import GREY, INK, PALE, RULE, WARNING, Page, Table
from maps.sheets.labels import Label
from maps.sheets.lettering import check_signs, font, one_line, width_em
from maps.sheets.map_frame import MapFrame
from maps.sheets.paper import MM_PER_INCH, Box
from maps.sheets.slide_layout import Room, SlideLayout
from maps.sheets.written import PREVIEW_PIXELS

_DOTS_PER_INCH = 150
"""2,000 dots across a slide of 13.3 inches: what a projector or a large screen shows."""
_EMU_PER_MM = 36_000
_LETTERING = 1.15
_MAP_SHARE = 0.62
_SPARE = 1.04
_LONGEST = 255
"""Signs that a property of a file may have."""
_MOST_ROWS, _MOST_WITH_CHART = 15, 9


@dataclass(frozen=True)
class Written:
    """What became of a deck: its title and finding, and the picture of its first map."""

    title: str
    finding: str
    picture: bytes

    def write_preview(self, path: Path) -> None:
        """Write the picture so small that no name can be read: looking at it isn't taking it."""
        with Image.open(io.BytesIO(self.picture)) as image:
            image.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS))
            image.save(path, "PNG")


def write_slides(
    subject: Subject, proof: Proof, made_on: Any, path: Path, progress: Callable[[int, int | None], None], *,
    public: bool, template: Path | None = None,
) -> Written:  # fmt: skip
    """Write a deck.

    Parameters
    ----------
    template
        The office's own PPTX, whose look is taken.

    Raises
    ------
    InputError
        When the template can't be used, or a name has a sign that the font of the map lacks.
    FontError
        When no font with Chinese is installed.
    """
    font()
    slides = list(slides_of(subject))
    layout, preview = SlideLayout(template), b""
    _cover(layout, subject, slides[0], proof, made_on, public=public)
    for number, slide in enumerate(slides):
        progress(number + 1, len(slides) + 1)
        picture = _content(layout, slide, _foot_of(subject, proof, public=public))
        preview = preview or picture
    title = one_line(f"{subject.overview.name}{subject.title}")
    properties = layout.presentation.core_properties
    properties.title, properties.subject = title[:_LONGEST], one_line(slides[0].finding)[:_LONGEST]
    properties.author = "gis_service"
    properties.last_modified_by, properties.comments = "gis_service", ""
    layout.presentation.save(str(path))
    return Written(title, slides[0].finding, preview)


def _cover(
    layout: SlideLayout, subject: Subject, first: Slide, proof: Proof, made_on: Any, *, public: bool
) -> None:  # fmt: skip
    slide, room = layout.cover(one_line(f"{subject.overview.name}{subject.title}"))
    overview, wanted = subject.overview, subject.wanted
    author = "示例数据,无制图单位" if overview.synthetic else wanted.author or "未署名"
    lines = [
        (first.finding, 18, INK), ("  ".join(stamps_of(overview, wanted, public=public)), 16, WARNING),
        (f"{dated(overview, subject.answer, wanted.as_of)} · 制图 {made_on} · {author}", 14, GREY),
        (" · ".join(filter(None, [f"编号 {proof.code}" if proof.code else "", proof.address])), 14, GREY),
    ]  # fmt: skip
    frame = slide.shapes.add_textbox(room.x, room.y, room.width, room.height).text_frame
    frame.word_wrap = True
    for number, (line, size, color) in enumerate((text, size, color) for text, size, color in lines if text):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.space_after = Pt(10)
        _write(paragraph, line, size, color=color)
    slide.notes_slide.notes_text_frame.text = "\n".join(first.notes)


def _foot_of(subject: Subject, proof: Proof, *, public: bool) -> str:
    overview, wanted = subject.overview, subject.wanted
    return " · ".join(filter(None, [
        *stamps_of(overview, wanted, public=public), dated(overview, subject.answer, wanted.as_of),
        f"编号 {proof.code}" if proof.code else "",
    ]))  # fmt: skip


def _content(layout: SlideLayout, content: Slide, foot: str) -> bytes:
    """Add a slide; return the picture of its map, b"" where it has none."""
    slide, room = layout.content(content.title)
    foot_height = Pt(16)
    _line(slide, Room(room.x, room.bottom - foot_height, room.width, foot_height), foot, 9, GREY)
    finding_height = Pt(20 * _lines(content.finding, room.width, 14))
    _line(slide, Room(room.x, room.y, room.width, finding_height), content.finding, 14, "#3d4852")
    top = room.y + finding_height + Pt(6)
    rest = Room(room.x, top, room.width, room.bottom - foot_height - Pt(6) - top)
    picture = b""
    if content.shown is not None:
        left = Room(rest.x, rest.y, int(rest.width * _MAP_SHARE), rest.height)
        picture, labels, extent = _draw(content.shown, left)
        slide.shapes.add_picture(io.BytesIO(picture), left.x, left.y, left.width, left.height)
        _name(slide, labels, left, extent)
        gap = Pt(12)
        rest = Room(left.right + gap, rest.y, rest.right - left.right - gap, rest.height)
    if content.table is not None:
        most = _MOST_WITH_CHART if content.chart else _MOST_ROWS
        rest = _table(slide, content.table, rest, most, content.colors)
    if content.chart is not None:
        _chart(slide, content.chart, rest)
    if content.legend:
        _legend(slide, content.legend, rest)
    slide.notes_slide.notes_text_frame.text = "\n".join(content.notes)
    return picture


def _draw(shown: Shown, room: Room) -> tuple[bytes, Sequence[Label], tuple[float, float, float, float]]:
    """Return a map as a picture, the places of its names, and its extent in metres."""
    width, height = room.width / _EMU_PER_MM, room.height / _EMU_PER_MM
    figure = Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH), facecolor="white")
    page = Page(figure, width, height, _LETTERING)
    west, south, east, north = shown.ground.bounds
    scale = max((east - west) * 1000 / width, (north - south) * 1000 / height) * _SPARE
    frame = MapFrame(page, Box(0, 0, width, height), shown.ground, round(scale))
    if shown.veiled:
        frame.veil(shown.ground)
    labels = frame.draw_bare(shown.drawings)
    page.rectangle(0, 0, width, height, line=INK, points=1.0)
    check_signs([*(text.get_text() for text in page.texts), *(label.text for label in labels)])
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": "gis_service"})
    return file.getvalue(), labels, frame.extent


def _name(slide: Any, labels: Sequence[Label], room: Room, extent: tuple[float, float, float, float]) -> None:
    """Write the names upon the map as texts of their own, in one group that can be moved or hidden."""
    if not labels:
        return
    west, south, east, north = extent
    group = slide.shapes.add_group_shape()
    group.name = "地名"
    for label in labels:
        width, height = (int(Pt(one)) for one in (label.size * (width_em(label.text) + 0.6), label.size * 1.4))
        x = room.x + (label.x - west) / (east - west) * room.width
        y = room.y + (north - label.y) / (north - south) * room.height
        box = group.shapes.add_textbox(int(x - width / 2), int(y - height / 2), width, height)
        box.fill.solid()
        box.fill.fore_color.rgb = _rgb("#ffffff")
        _let_through(box, 60)
        frame = box.text_frame
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
        frame.word_wrap, frame.vertical_anchor = False, MSO_ANCHOR.MIDDLE
        frame.paragraphs[0].alignment = PP_ALIGN.CENTER
        _write(frame.paragraphs[0], label.text, label.size, color=INK, bold=label.strong)


def _let_through(box: Any, percent: int) -> None:
    """Make the fill of a shape so opaque, which the library has no way to say."""
    color = box.element.find(".//{*}srgbClr")
    alpha = color.makeelement(color.tag.replace("srgbClr", "alpha"), {"val": str(percent * 1000)})
    color.append(alpha)


def _legend(slide: Any, legend: Sequence[tuple[str, str]], room: Room) -> None:
    """Write what the colours of the map mean, as far as there is room."""
    frame = slide.shapes.add_textbox(room.x, room.y, room.width, room.height).text_frame
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    _write(frame.paragraphs[0], "图例", 11, color=INK, bold=True)
    for title, color in legend[: max(int(room.height / Pt(17)) - 1, 0)]:
        paragraph = frame.add_paragraph()
        _write(paragraph, "■ ", 12, color=color)
        _write(paragraph, title, 11, color=INK)


def _table(slide: Any, table: Table, room: Room, most: int, colors: Sequence[str]) -> Room:
    """Add a table, whose rows have a mark in their colour where there are ``colors``; return the room below it."""
    rows, left = list(table.rows), len(table.rows) - most
    if left > 0:
        last = rows[-1:] if table.total else []
        kept = most - 1 - len(last)
        said = (f"另有 {len(rows) - kept - len(last)} 行,见工作簿", *("" for _ in table.columns[1:]))
        rows = [*rows[:kept], said, *last]
    height = Pt(21)
    size = (room.x, room.y, room.width, height * (len(rows) + 1))
    shape = slide.shapes.add_table(len(rows) + 1, len(table.columns), *size)
    shape.name = table.title
    shape.table.horz_banding = False
    for at, width in enumerate(_widths([table.columns, *rows], room.width, marked=bool(colors))):
        shape.table.columns[at].width = width
    figures = [all(not row[at] or _is_figure(row[at]) for row in rows) for at in range(len(table.columns))]
    for number, row in enumerate((table.columns, *rows)):
        shape.table.rows[number].height = height
        head, last_one = number == 0, table.total and number == len(rows)
        for at, text in enumerate(row):
            cell = shape.table.cell(number, at)
            cell.margin_left = cell.margin_right = Pt(4)
            cell.margin_top = cell.margin_bottom = Pt(1)
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            cell.fill.solid()
            cell.fill.fore_color.rgb = _rgb(RULE if head else PALE if last_one else "#ffffff")
            paragraph = cell.text_frame.paragraphs[0]
            paragraph.alignment = PP_ALIGN.RIGHT if at and figures[at] else PP_ALIGN.LEFT
            if at == 0 and 0 < number <= len(colors) and not last_one:
                _write(paragraph, "■ ", 11, color=colors[number - 1])
            _write(paragraph, text, 11, color="#ffffff" if head else INK, bold=head or last_one)
    lines = sum(_row_lines(row, shape.table.columns) for row in (table.columns, *rows))
    taken = lines * Pt(15) + len(rows) * Pt(6) + Pt(16)
    return Room(room.x, room.y + taken, room.width, max(room.height - taken, 0))


def _is_figure(text: str) -> bool:
    return text[0].isdigit() or text[0] in "-−" or text == "无数据"


def _widths(rows: Sequence[Sequence[str]], width: int, *, marked: bool) -> list[int]:
    """Return how wide the columns are: as their longest texts ask for, none more than six tenths."""
    wanted = [min(max(width_em(row[at]) for row in rows) + 1.2, 30.0) for at in range(len(rows[0]))]
    wanted[0] += 2.0 if marked else 0.0
    shares = [max(one / sum(wanted), 0.6 / len(wanted)) for one in wanted]
    return [int(width * one / sum(shares)) for one in shares]


def _row_lines(row: Sequence[str], columns: Any) -> int:
    return max(_lines(text, int(columns[at].width) - Pt(8), 11) for at, text in enumerate(row))


def _chart(slide: Any, chart: Chart, room: Room) -> None:
    if room.height < Pt(90) or not chart.categories:
        return
    data: Any = CategoryChartData(number_format="#,##0")  # type: ignore[no-untyped-call]
    # The numbers lie in a workbook inside the file, where names must not become formulas.
    data.categories = [harmless(one) for one in chart.categories]
    for one in chart.series:
        data.add_series(harmless(one.title), one.values)
    many = len(chart.series) > 1
    kind = XL_CHART_TYPE.BAR_STACKED if many else XL_CHART_TYPE.BAR_CLUSTERED
    frame = slide.shapes.add_chart(kind, room.x, room.y, room.width, room.height, data)
    frame.name = chart.title
    drawn = frame.chart
    drawn.font.size = Pt(10)
    drawn.has_title = False
    drawn.has_legend = many
    if many:
        drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    drawn.value_axis.has_major_gridlines = False
    drawn.value_axis.tick_labels.number_format, drawn.value_axis.tick_labels.number_format_is_linked = "#,##0", False
    # The first category stands on top, as in the table, and the numbers below.
    drawn.category_axis.reverse_order = True
    drawn.value_axis.tick_label_position = XL_TICK_LABEL_POSITION.HIGH
    plot = drawn.plots[0]
    plot.gap_width = 45
    plot.has_data_labels = not many
    if not many:
        plot.data_labels.number_format, plot.data_labels.number_format_is_linked = "#,##0", False
    for series, one in zip(plot.series, chart.series, strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = _rgb(one.color)


def _line(slide: Any, room: Room, text: str, size: float, color: str) -> None:
    frame = slide.shapes.add_textbox(room.x, room.y, room.width, room.height).text_frame
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    _write(frame.paragraphs[0], text, size, color=color)


def _lines(text: str, width: int, size: float) -> int:
    """Return in how many lines a text of so many points stands."""
    return max(1, -int(-width_em(text) * Pt(size) * 1.02 // max(width, 1)))


def _write(paragraph: Any, text: str, size: float, *, color: str, bold: bool = False) -> None:
    run = paragraph.add_run()
    run.text = text
    run.font.size, run.font.bold = Pt(round(size * 2) / 2), bold
    run.font.color.rgb = _rgb(color)


def _rgb(color: str) -> Any:
    return RGBColor.from_string(color.lstrip("#")[:6].upper())  # type: ignore[no-untyped-call]
