"""Sheets: what is measured on paper is what the scale says, everything is legible, nothing runs into anything."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pypdfium2
import pytest
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MplFigure
from PIL import Image
from shapely.geometry.base import BaseGeometry

from api.drawing import MOST_GROUND, answer_of
from gis_service.analysis.answer import Answer
from gis_service.database import Database
from gis_service.errors import InputError, NotFoundError
from gis_service.overview import Overview, read_overview
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from maps.atlas import MAPS
from maps.numbers import written
from maps.sheets import lettering
from maps.sheets.contents import Proof, Wanted
from maps.sheets.furniture import Page, Table, draw_table
from maps.sheets.labels import Named, Places
from maps.sheets.lettering import FontError, check_signs, width_em, wrapped
from maps.sheets.paper import SCALES, Box, Orientation, Paper, layout_of, scale_of
from maps.sheets.shapes import read_features
from maps.sheets.sheet import Sheet, draw_sheet
from maps.sheets.written import write_preview, write_sheet

STAFF = Scope("test", "staff", (COMMUNITY,))
DAY = date(2026, 11, 30)
SRID = 4549
SIZES_MM = {"A4": (210, 297), "A3": (297, 420), "A1": (594, 841)}
USUAL = (("overview", "A3", "landscape"), ("hazards", "A4", "portrait"))
EVERY = [(name, paper, orientation) for name in MAPS for paper in SIZES_MM for orientation in ("landscape", "portrait")]

Ground = dict[str, tuple[Overview, Answer | None]]


@pytest.fixture(scope="module")
def ground(sample: Database) -> Ground:
    """What the maps show, read when it is first asked for."""
    return _Ground(sample)


class _Ground(dict[str, tuple[Overview, Answer | None]]):
    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    def __missing__(self, name: str) -> tuple[Overview, Answer | None]:
        entry = MAPS[name]
        with self._database.read(STAFF) as conn:
            overview = read_overview(conn, STAFF, COMMUNITY, layers=entry.ground, names=entry.fields, most=MOST_GROUND)
        answer = answer_of(self._database, STAFF, entry.analysis, COMMUNITY, DAY) if entry.analysis else None
        self[name] = overview, answer
        return self[name]


def drawn(ground: Ground, name: str, paper: str = "A4", orientation: str = "landscape", **wanted: object) -> Sheet:
    overview, answer = ground[name]
    public = bool(MAPS[name].analysis and MAPS[name].analysis.public)  # type: ignore[union-attr]
    asked = replace(Wanted(Paper(paper), Orientation(orientation)), **wanted)  # type: ignore[arg-type]
    proof = Proof("7K3M-Q2XA", "42", "https://map.example/exports/7K3M-Q2XA")
    return draw_sheet(MAPS[name].title, overview, answer, SRID, asked, proof, DAY, public=public)


def check(sheet: Sheet) -> None:
    """See that all text lies on the paper, none on other text, and that no two names meet."""
    canvas: Any = FigureCanvasAgg(sheet.figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    width, height = sheet.figure.bbox.width, sheet.figure.bbox.height
    boxes: list[tuple[str, BaseGeometry]] = []
    for text in sheet.page.texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text
        boxes.append((text.get_text(), shapely.box(*box.extents).buffer(-1)))
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        assert not first.intersects(second), (one, other)
    for label, near in itertools.combinations(sheet.labels, 2):
        assert not label.box.intersects(near.box), (label.text, near.text)
    _check_label_sizes(sheet, renderer)


def _check_label_sizes(sheet: Sheet, renderer: Any) -> None:
    """What a name takes up when it is drawn is no more than was reckoned with."""
    metres = sheet.scale / 1000 * 25.4 / sheet.figure.dpi
    map_ = sheet.figure.axes[1]
    written = [text for text in map_.texts if text.get_color() != "white"]
    assert len(written) == len(sheet.labels)
    for text, label in zip(written, sheet.labels, strict=True):
        text.set_rotation(0)
        box = text.get_window_extent(renderer)
        corners = shapely.get_coordinates(label.box)
        sides = sorted(float(np.hypot(*(corners[at + 1] - corners[at]))) for at in (0, 1))
        assert sorted((box.width * metres, box.height * metres))[1] <= sides[1] * 1.02, label.text


@pytest.mark.parametrize(("name", "paper", "orientation"), USUAL)
def test_a_sheet_is_whole(ground: Ground, tmp_path: Path, name: str, paper: str, orientation: str) -> None:
    sheet = drawn(ground, name, paper, orientation)
    check(sheet)
    assert len(sheet.labels) > 20
    path = tmp_path / "sheet.pdf"
    write_sheet(sheet, path, "pdf")
    document = pypdfium2.PdfDocument(path)
    short, long = SIZES_MM[paper]
    expected = (long, short) if orientation == "landscape" else (short, long)
    assert [side / 72 * 25.4 for side in document[0].get_size()] == pytest.approx(expected, abs=0.05)
    text = re.sub(r"\s", "", document[0].get_textpage().get_text_bounded())
    answer = ground[name][1]
    for wanted in (sheet.title, "图例", "第一网格", "昌盛路", "7K3M-Q2XA", "2026-11-30", f"1:{sheet.scale:,}",
                   "内部资料注意保管", "含合成数据示意", "示例数据,无制图单位", "EPSG:4549",
                   *([fact.title for fact in answer.facts[:3]] if answer else ["各网格统计"])):  # fmt: skip
        assert re.sub(r"\s", "", wanted) in text, wanted
    document.close()
    held = path.read_bytes()
    # Type 3 carries its outlines with it; any other kind would need a file of its own.
    kinds = set(re.findall(rb"/Subtype /(Type\w+|CIDFont\w+|TrueType)", held))
    assert kinds == {b"Type3"}
    assert b"/BaseFont /Helvetica" not in held


@pytest.mark.long
@pytest.mark.parametrize(("name", "paper", "orientation"), EVERY)
def test_every_map_on_every_paper(ground: Ground, tmp_path: Path, name: str, paper: str, orientation: str) -> None:
    sheet = drawn(ground, name, paper, orientation)
    check(sheet)
    write_sheet(sheet, tmp_path / "sheet.pdf", "pdf")


def test_a_kilometre_on_paper_is_what_the_scale_says(ground: Ground, tmp_path: Path) -> None:
    """Measured in the picture: the boundary's colour, from its most western to its most eastern dot."""
    overview, _ = ground["overview"]
    layers = tuple(replace(one, layer=replace(one.layer, style=replace(one.layer.style, color="#ff00ff", dash=None)))
                   for one in overview.layers if one.layer.name == "community")  # fmt: skip
    rest = tuple(replace(one, geojson=None, count=0) for one in overview.layers if one.layer.name != "community")
    sheet = draw_sheet("x", replace(overview, layers=(*layers, *rest)), None, SRID, Wanted(Paper.A4), Proof(), DAY)
    write_sheet(sheet, tmp_path / "x.png", "png")
    dots = np.asarray(Image.open(tmp_path / "x.png").convert("RGB")).astype(int)
    ink = (dots[:, :, 0] > 200) & (dots[:, :, 1] < 90) & (dots[:, :, 2] > 200)
    frame = sheet.layout.frame
    per_mm = dots.shape[1] / sheet.layout.width
    left, right = int(frame.x * per_mm), int(frame.right * per_mm)
    columns = np.flatnonzero(ink[:, left:right].any(axis=0))
    measured_mm = (columns[-1] - columns[0]) / per_mm
    west, _, east, _ = shapely.union_all(read_features(layers[0].geojson or "", SRID).shapes).bounds
    width = layers[0].layer.style.width * 0.42 * sheet.layout.lettering * 25.4 / 72
    assert measured_mm - width == pytest.approx((east - west) / sheet.scale * 1000, abs=0.3)


def test_one_grid_is_shown_alone(ground: Ground) -> None:
    grid = f"{COMMUNITY}003"
    sheet = drawn(ground, "overview", grid=grid)
    check(sheet)
    texts = [text.get_text() for text in sheet.page.texts]
    assert sheet.title.startswith("新群社区第三网格")
    assert "第三网格" in texts
    assert "第一网格" not in texts
    assert sheet.finding.startswith("本网格有")
    assert sheet.scale < drawn(ground, "overview").scale
    assert drawn(ground, "hazards", grid=grid).finding.startswith("全社区:")
    with pytest.raises(NotFoundError, match="没有网格"):
        drawn(ground, "overview", grid=f"{COMMUNITY}099")


def test_numbers_of_some_grids_are_never_taken_for_the_whole_s(ground: Ground) -> None:
    grid = f"{COMMUNITY}003"
    sheet = drawn(ground, "overview", scope=(grid,), partial="只含网格 003")
    check(sheet)
    texts = [text.get_text() for text in sheet.page.texts]
    assert "只含网格 003" in texts
    assert not {"全社区", "第一网格", "网格以外"} & set(texts)
    assert sheet.finding.startswith("所辖网格有")
    assert any(f"范围 {grid}" in text for text in texts)
    hazards = drawn(ground, "hazards", scope=(grid,), partial="只含网格 003")
    assert hazards.finding.startswith("所辖网格:")
    assert "主要数字(所辖网格)" in [text.get_text() for text in hazards.page.texts]


def test_what_a_table_has_no_room_for_is_counted(ground: Ground) -> None:
    overview, answer = ground["hazards"]
    assert answer is not None
    titles = [f"第 {number} 个数" for number in range(99)]
    long = replace(answer, facts=tuple(replace(answer.facts[0], title=title) for title in titles))
    sheet = draw_sheet("x", overview, long, SRID, Wanted(Paper.A4), Proof(), DAY)
    check(sheet)
    texts = [text.get_text() for text in sheet.page.texts]
    said = [re.fullmatch(r"另有 (\d+) 行,见工作簿", text) for text in texts]
    left = [int(one[1]) for one in said if one]
    assert len(left) == 1
    assert sum(text in titles for text in texts) + left[0] == len(long.facts)


def test_the_sum_stays_where_rows_are_left_out() -> None:
    rows = [(f"第 {number} 行", "1") for number in range(50)]
    page = Page(MplFigure(), 210, 297, 1.0)
    draw_table(page, Box(10, 10, 100, 100), 110, Table("x", ("行", "数"), [*rows, ("合计", "50")], total=True))
    texts = [text.get_text() for text in page.texts]
    said = next(re.fullmatch(r"另有 (\d+) 行,见工作簿", text) for text in texts if text.startswith("另有"))
    assert said is not None
    shown = sum(text.startswith("第 ") for text in texts)
    assert shown > 5
    assert shown + int(said[1]) == 50
    assert texts[-2:] == ["合计", "50"]


def test_numbers_are_written_in_full() -> None:
    told = {1234567: "1,234,567", 12.5: "12.5", 0.125: "0.12", -0.001: "0", 100: "100", 1234567.891: "1,234,567.89"}
    assert {value: written(value) for value in told} == told
    assert (written(3, signed=True), written(-3, signed=True)) == ("+3", "-3")


def test_stamps_and_author_follow_from_what_is_shown(ground: Ground) -> None:
    def texts(sheet: Sheet) -> str:
        return "|".join(text.get_text() for text in sheet.page.texts)

    overview, answer = ground["public_density"]
    assert overview.synthetic
    public = texts(drawn(ground, "public_density", author="某社区", review="浙S(2026)1号"))
    assert "审图号:浙S(2026)1号" in public
    assert "内部资料" not in public
    assert "某社区" not in public
    real = replace(overview, synthetic=False)
    signed = draw_sheet("x", real, answer, SRID, Wanted(author="某社区"), Proof(), DAY)
    assert "某社区" in texts(signed)
    assert "合成" not in texts(signed)
    assert "内部资料 注意保管" in texts(signed)


def test_every_format_is_written_and_names_neither_machine_nor_person(ground: Ground, tmp_path: Path) -> None:
    sheet = drawn(ground, "drainage")
    for kind in ("pdf", "png", "svg"):
        path = tmp_path / f"x.{kind}"
        write_sheet(sheet, path, kind)
        held = path.read_bytes()
        assert str(tmp_path).encode() not in held
        assert b"root" not in held
    picture = Image.open(tmp_path / "x.png")
    assert picture.size == pytest.approx((297 / 25.4 * 300, 210 / 25.4 * 300), abs=2)
    assert picture.info["dpi"][0] == pytest.approx(300, abs=0.1)
    assert (tmp_path / "x.svg").read_text(encoding="utf-8").startswith("<?xml")
    write_preview(sheet, tmp_path / "p.png")
    assert max(Image.open(tmp_path / "p.png").size) == pytest.approx(480, abs=2)


def test_the_code_on_the_sheet_is_read_back(ground: Ground) -> None:
    """Its modules are those of an independent reading of the same text."""
    sheet = drawn(ground, "drainage")
    held = io.BytesIO()
    sheet.figure.savefig(held, format="png", dpi=300)
    dots = np.asarray(Image.open(held).convert("L"))
    per_mm, foot, k = dots.shape[1] / sheet.layout.width, sheet.layout.foot, sheet.layout.lettering
    x, y, side = foot.right - 15 * k, foot.y - 2 * k, 15 * k
    top = int((sheet.layout.height - y - side) * per_mm)
    patch = dots[top : top + int(side * per_mm), int(x * per_mm) : int((x + side) * per_mm)]
    dark = patch < 128
    # Three finders: a dark frame of seven modules, in three corners.
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    code = dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    modules = round(code.shape[1] / (np.flatnonzero(~code[2])[0] / 7))
    assert modules in {25, 29, 33}
    assert code[1].mean() > 0.3
    assert [bool(code[at]) for at in ((2, 2), (2, -3), (-3, 2))] == [True] * 3


# -- text -------------------------------------------------------------------------------------------------------------


def test_a_missing_font_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "FAMILIES", ("No Such Font",))
    lettering.font.cache_clear()
    with pytest.raises(FontError, match="fonts-noto-cjk"):
        lettering.font()
    monkeypatch.undo()
    lettering.font.cache_clear()


def test_a_sign_that_the_font_lacks_is_named(ground: Ground) -> None:
    check_signs(["新群社区", "𠮷", "m²"])
    with pytest.raises(InputError, match=r"U\+31350") as refused:
        check_signs(["好", "\U00031350"])
    assert "好" not in str(refused.value)
    overview, _ = ground["overview"]
    with pytest.raises(InputError, match=r"U\+31350"):
        draw_sheet("x", replace(overview, name="新群\U00031350"), None, SRID, Wanted(), Proof(), DAY)


def test_lines_are_no_wider_than_they_may_be() -> None:
    text = "未办结隐患 153 起(居住 95、企业 48),其中 GB/T 50337-2018 规定的 70 米以内没有投放点。" * 3
    lines = wrapped(text, 20)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width_em(line) <= 21.1 for line in lines)
    assert not any(line.startswith(("。", ",", ")", "、")) for line in lines)
    assert any("50337-2018" in line for line in lines)
    assert wrapped("", 10) == []


# -- paper ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", list(Paper))
@pytest.mark.parametrize("orientation", list(Orientation))
def test_nothing_on_the_paper_overlaps(paper: Paper, orientation: Orientation) -> None:
    layout = layout_of(paper, orientation, lambda k: 70 * k)
    boxes = [layout.head, layout.frame, layout.panel, layout.foot]
    shapes = [shapely.box(one.x, one.y, one.right, one.top).buffer(-0.01) for one in boxes]
    page = shapely.box(0, 0, layout.width, layout.height)
    assert all(page.contains(shape) for shape in shapes)
    assert not any(one.intersects(other) for one, other in itertools.combinations(shapes, 2))
    assert layout.frame.width * layout.frame.height > 0.45 * layout.width * layout.height


def test_the_largest_scale_that_fits_is_chosen() -> None:
    frame = Box(0, 0, 300, 230)
    for width, height in itertools.product((100, 800, 2600, 9000), (90, 900, 2280, 7000)):
        scale = scale_of(frame, width, height)
        fits = [one for one in SCALES if width * 1.02 <= 0.3 * one and height * 1.02 <= 0.23 * one]
        assert scale == min(fits)
    assert scale_of(frame, 100, 100, 25_000) == 25_000
    with pytest.raises(InputError, match="太大,这张纸放不下"):
        scale_of(frame, 2600, 2200, 5000)
    with pytest.raises(InputError, match="不在常用之列"):
        scale_of(frame, 100, 100, 1234)
    with pytest.raises(InputError, match="请选更大的纸"):
        scale_of(frame, 1e6, 1e6)


# -- names ------------------------------------------------------------------------------------------------------------


def _streets(seed: int) -> Iterator[tuple[str, BaseGeometry]]:
    chosen = np.random.default_rng(seed)
    for number in range(60):
        at, turn = chosen.uniform(0, 2000, 2), chosen.uniform(0, np.pi)
        along = np.linspace(0, chosen.uniform(50, 900), 8)[:, None]
        bent = np.cumsum(chosen.normal(0, 4, (8, 2)), axis=0)
        yield f"第{number}号大道", shapely.LineString(at + along * (np.cos(turn), np.sin(turn)) + bent)


@pytest.mark.parametrize("seed", range(5))
def test_names_never_meet_and_follow_their_roads(seed: int) -> None:
    taken = shapely.box(0, 0, 300, 200)
    places = Places((0, 0, 2000, 2000), 10_000, [taken])
    streets = dict(_streets(seed))
    squares = [(f"网格{number}", shapely.box(x, y, x + 500, y + 500))
               for number, (x, y) in enumerate(itertools.product((0, 700, 1400), repeat=2))]  # fmt: skip
    places.put(Named(squares, 11, strong=True))
    places.put(Named(list(streets.items()), 6.2))
    assert len(places.labels) > 20
    room = shapely.box(0, 0, 2000, 2000)
    for one, other in itertools.combinations(places.labels, 2):
        assert not one.box.intersects(other.box)
    for label in places.labels:
        assert room.contains(label.box)
        assert not label.box.intersects(taken)
        assert -90 <= label.angle <= 90
        if label.text in streets:
            assert streets[label.text].distance(shapely.Point(label.x, label.y)) < 1e-6
        else:
            assert dict(squares)[label.text].contains(shapely.Point(label.x, label.y))


def test_a_spike_of_an_area_leaves_no_line_behind() -> None:
    spike = {"type": "MultiPolygon", "coordinates": [[[[120, 30], [120.01, 30], [120.01, 30.01], [120, 30.01],
             [120, 30.005], [119.99, 30.0050000001], [120, 30.005], [120, 30]]]]}  # fmt: skip
    collection = {"features": [{"geometry": spike, "properties": {}}]}
    (shape,) = read_features(orjson.dumps(collection).decode(), SRID).shapes
    assert shape.geom_type in {"Polygon", "MultiPolygon"}
    assert shape.area == pytest.approx(1_069_000, rel=0.02)


def test_names_that_cannot_be_seen_are_no_names(ground: Ground) -> None:
    overview, _ = ground["overview"]
    layers = []
    for one in overview.layers:
        held = one.geojson or ""
        if one.layer.name == "road":
            found = orjson.loads(held)
            for feature in found["features"]:
                feature["properties"]["name"] = "\u200b"
            held = orjson.dumps(found).decode()
        layers.append(replace(one, geojson=held))
    drawn_ = draw_sheet("一张图", replace(overview, layers=tuple(layers)), None, SRID, Wanted(Paper.A4), Proof(), DAY)
    assert all(label.text for label in drawn_.labels)


def test_without_a_boundary_everything_there_is_shown_and_nothing_is_said_so(ground: Ground) -> None:
    overview, _ = ground["overview"]
    empty = '{"type":"FeatureCollection","features":[]}'
    kept = {"facility": 1, "parking": 1}
    layers = []
    for one in overview.layers:
        found = orjson.loads(one.geojson or empty)
        found["features"] = found["features"][: kept.get(one.layer.name, 0)]
        layers.append(replace(one, geojson=orjson.dumps(found).decode()))
    sheet = draw_sheet("一张图", replace(overview, layers=tuple(layers)), None, SRID, Wanted(Paper.A4), Proof(), DAY)
    assert sheet.scale in SCALES
    point = [replace(one, geojson=one.geojson if one.layer.name == "facility" else empty) for one in layers]
    alone = replace(overview, layers=tuple(point))
    assert draw_sheet("一张图", alone, None, SRID, Wanted(Paper.A4), Proof(), DAY).scale == 1000
    nothing = replace(overview, layers=tuple(replace(one, geojson=empty) for one in layers))
    with pytest.raises(NotFoundError, match="还没有要素"):
        draw_sheet("一张图", nothing, None, SRID, Wanted(Paper.A4), Proof(), DAY)
