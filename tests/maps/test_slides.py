"""Slides: what they say is what the analysis says, it can be edited, and a template's look is kept."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pypdfium2
import pytest
import shapely
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER
from pptx.util import Inches
from sqlalchemy import Engine, text

from api.sheet_ground import Ground, read_ground
from api.sheet_making import write_order
from gis_service.database import Database, connect, open_engine
from gis_service.errors import InputError
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sheets.records import SheetOrder
from maps.numbers import written
from maps.sheets.contents import Proof

STAFF, WORKER = Scope("test", "staff", (COMMUNITY,)), Scope("w", "grid_worker", (f"{COMMUNITY}003",))
DAY = date(2026, 11, 30)
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
P14 = "http://schemas.microsoft.com/office/powerpoint/2010/main"
PROOF = Proof("7K3M-Q2XA", "42", "https://map.example/exports/7K3M-Q2XA")


def ground_of(database: Database, name: str, scope: Scope = STAFF) -> Ground:
    return read_ground(database, scope, COMMUNITY, SheetOrder(name, "pptx", "A3", "landscape", DAY))


def deck(ground: Ground, folder: Path, template: Path | None = None, steps: list[Any] | None = None) -> Any:
    order = SheetOrder(ground.entry.name, "pptx", "A3", "landscape", DAY, author="某社区")

    def progress(done: int, total: int | None) -> None:
        if steps is not None:
            steps.append((done, total))

    made = write_order(ground, order, lambda ending: folder / f"deck{ending}", progress, PROOF, template)
    return Presentation(str(made.path))


@pytest.fixture(scope="module")
def decks(sample: Database, tmp_path_factory: pytest.TempPathFactory) -> Decks:
    """Decks of maps, each made once."""
    return Decks(sample, tmp_path_factory.mktemp("decks"))


class Decks:
    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._made: dict[str, tuple[Ground, Any, list[Any]]] = {}

    def of(self, name: str) -> tuple[Ground, Any, list[Any]]:
        if name not in self._made:
            ground, steps = ground_of(self._database, name), list[Any]()
            self._made[name] = ground, deck(ground, self._folder, steps=steps), steps
        return self._made[name]


def words(slide: Any) -> str:
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


def table_of(slide: Any) -> list[list[str]]:
    (table,) = (shape.table for shape in slide.shapes if shape.has_table)
    return [[cell.text for cell in row.cells] for row in table.rows]


def chart_of(slide: Any) -> Any:
    (chart,) = (shape.chart for shape in slide.shapes if shape.has_chart)
    return chart


def numbers_of(chart: Any) -> dict[str, dict[str, float]]:
    plot = chart.plots[0]
    return {one.name: dict(zip(plot.categories, one.values, strict=True)) for one in plot.series}


def title_of(slide: Any) -> str:
    title: str = slide.shapes.title.text
    return title


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_the_overview_has_a_slide_for_the_whole_and_for_each_grid(sample: Database, decks: Decks) -> None:
    ground, made, steps = decks.of("overview")
    slides = list(made.slides)
    assert [title_of(one) for one in slides[:2]] == ["新群社区一张图", "全社区概况"]
    assert [title_of(one) for one in slides[2:]] == [f"{name}:一张图" for _, name in ground.grids]
    assert [done for done, _ in steps] == list(range(1, len(slides)))
    with sample.read(STAFF) as conn:
        asked = "select (select name from gis.grid g where g.code = f.grid), count(*) from gis.rental_unit f group by 1"
        rentals: dict[str, int] = dict(tuple(row) for row in conn.execute(text(asked)))
        total = conn.execute(text("select count(*) from gis.rental_unit")).scalar_one()
    head, *rows = table_of(slides[1])
    at = head.index("出租房")
    assert {row[0]: number(row[at]) for row in rows if number(row[at])} == {**rentals, "全社区": total}
    bars = numbers_of(chart_of(slides[1]))["出租房"]
    assert {name: value for name, value in bars.items() if value} == rentals
    for slide, (_, name) in zip(slides[2:], ground.grids, strict=True):
        told = {row[0]: row[1:] for row in table_of(slide)[1:]}["出租房"]
        assert [number(one) for one in told] == [rentals.get(name, 0), total]
        assert numbers_of(chart_of(slide))["本网格"]["出租房"] == rentals.get(name, 0)
        assert f"出租房:本网格 {rentals.get(name, 0)} 个" in slide.notes_slide.notes_text_frame.text


@pytest.mark.long
def test_findings_and_grids_say_what_the_analysis_says(decks: Decks) -> None:
    ground, made, _ = decks.of("hazards")
    answer = ground.answer
    assert answer is not None
    slides = list(made.slides)
    titles = [title_of(one) for one in slides]
    shown = [theme for theme in answer.themes if theme.shown]
    grids = [name for _, name in ground.grids]
    assert titles == ["新群社区隐患", f"全社区:{answer.title}", *(theme.title for theme in shown),
                      *(f"{name}:隐患" for name in grids), "口径与依据"]  # fmt: skip
    facts = {row[0]: row[1] for row in table_of(slides[1])[1:]}
    assert facts == {
        fact.title: "无数据" if fact.value is None else f"{written(fact.value)} {fact.unit}".strip()
        for fact in answer.facts
    }
    notes = slides[1].notes_slide.notes_text_frame.text
    assert all(title in notes and value in notes for title, value in facts.items())
    assert answer.method in notes
    assert "https://map.example/maps/hazards?community=330482002011" in notes
    # Independently: which grid holds the middle of each feature, by shapely, from the answer's own JSON.
    outline = dict(zip(grids, outlines(ground), strict=True))
    for slide, theme in zip(slides[2:], shown, strict=False):
        held: Counter[tuple[str, str]] = Counter()
        for feature in orjson.loads(theme.features)["features"]:
            shape = shapely.from_geojson(orjson.dumps(feature["geometry"]))
            spot = shapely.point_on_surface(shape)
            place = next((name for name in grids if shapely.covers(outline[name], spot)), "")
            held[feature["properties"]["class"], place] += 1
        keys = {one.title: one.key for one in theme.classes}
        rows = table_of(slide)[1:]
        for title, count, _ in rows[:-1]:
            assert number(count) == sum(held[keys[title[2:]], name] for name in ["", *grids]), title
        assert number(rows[-1][1]) == theme.count == sum(held.values())
        for title, bars in numbers_of(chart_of(slide)).items():
            assert bars == {name: held[keys[title], name] for name in grids}


def outlines(ground: Ground) -> list[Any]:
    (layer,) = (one for one in ground.overview.layers if one.layer.name == "grid")
    features = orjson.loads(layer.geojson or "{}")["features"]
    known = {one["properties"]["code"]: shapely.from_geojson(orjson.dumps(one["geometry"])) for one in features}
    return [known[code] for code, _ in ground.grids]


def test_names_are_texts_upon_the_picture_and_stand_where_their_grids_are(decks: Decks) -> None:
    ground, made, _ = decks.of("overview")
    slide = made.slides[1]
    (picture,) = (shape for shape in slide.shapes if shape.shape_type == MSO_SHAPE_TYPE.PICTURE)
    assert picture.image.size[0] > 1000
    assert abs(picture.image.size[0] / picture.image.size[1] - picture.width / picture.height) < 0.01
    (group,) = (shape for shape in slide.shapes if shape.shape_type == MSO_SHAPE_TYPE.GROUP)
    west, south, east, north = ground.overview.bbox
    for shape, (_, name) in zip(outlines(ground), ground.grids, strict=True):
        label = next(one for one in group.shapes if one.text_frame.text == name)
        x, y = (
            (label.left + label.width / 2 - picture.left) / picture.width,
            (label.top + label.height / 2 - picture.top),
        )
        # The picture is a little larger than the community on the side that it fills, so that its middle is the same.
        middle = shapely.Point((west + east) / 2, (south + north) / 2)
        degrees = max((east - west) / picture.width, (north - south) / 0.86 / picture.height) * picture.width * 1.04
        lon = middle.x + (x - 0.5) * degrees
        lat = middle.y - (y - picture.height / 2) / picture.width * degrees * 0.86
        assert shape.distance(shapely.Point(lon, lat)) < 0.0006, name


@pytest.mark.long
def test_nothing_leaves_the_slide(decks: Decks) -> None:
    for name in ("overview", "hazards", "contradictions"):
        _, made, _ = decks.of(name)
        for at, slide in enumerate(made.slides):
            for shape in slide.shapes:
                assert shape.left >= 0
                assert shape.top >= 0
                assert shape.left + shape.width <= made.slide_width + 10, (at, shape.name)
                assert shape.top + shape.height <= made.slide_height + 10, (at, shape.name)


@pytest.mark.long
def test_a_grid_workers_slides_say_of_which_grids_they_are(sample: Database, tmp_path: Path) -> None:
    slides = list(deck(ground_of(sample, "hazards", WORKER), tmp_path).slides)
    assert all("只含网格 003" in words(slide) for slide in slides)
    assert title_of(slides[1]).startswith("所辖网格:")
    assert [title_of(one) for one in slides if ":隐患" in title_of(one)][1:] == ["第三网格:隐患"]


def test_a_public_deck_has_no_grids_and_is_no_internal_matter(decks: Decks) -> None:
    slides = list(decks.of("public_density")[1].slides)
    said = "".join(words(slide) for slide in slides)
    assert "内部资料" not in said
    assert "审图号:未送审" in said
    assert not any("网格:" in title_of(slide) for slide in slides)


def test_a_templates_look_is_kept(sample: Database, tmp_path: Path) -> None:
    template = tmp_path / "街道模板.pptx"
    office = Presentation()
    office.slide_width, office.slide_height = Inches(10), Inches(5.625)
    master = office.slide_masters[0]
    for holder in (master, *master.slide_layouts):
        for shape in holder.placeholders:
            if shape.placeholder_format.type == PP_PLACEHOLDER.TITLE:
                shape.left, shape.top, shape.width, shape.height = Inches(1), Inches(0.2), Inches(8), Inches(0.6)
    office.slides.add_slide(office.slide_layouts[1]).shapes.title.text = "旧的一页"
    office.core_properties.category = "街道"
    style = master.element.find(".//{*}titleStyle/{*}lvl1pPr/{*}defRPr")
    style.set("b", "1")
    office.save(str(template))
    made = deck(ground_of(sample, "public_density"), tmp_path, template)
    assert (made.slide_width, made.slide_height) == (Inches(10), Inches(5.625))
    assert made.slide_masters[0].element.find(".//{*}titleStyle/{*}lvl1pPr/{*}defRPr").get("b") == "1"
    assert made.core_properties.category == "街道"
    titles = [title_of(slide) for slide in made.slides]
    assert "旧的一页" not in titles
    assert titles[0] == "新群社区对外人口密度"
    assert {slide.slide_layout.name for slide in list(made.slides)[1:]} == {"Title Only"}
    for slide in list(made.slides)[1:]:
        assert slide.shapes.title.top + slide.shapes.title.height < min(
            shape.top for shape in slide.shapes if shape.shape_id != slide.shapes.title.shape_id
        )
        assert all(shape.top + shape.height <= made.slide_height for shape in slide.shapes)


def test_a_template_that_was_used_leaves_nothing_of_its_slides(sample: Database, tmp_path: Path) -> None:
    template = tmp_path / "用过.pptx"
    office = Presentation()
    for name in ("甲", "乙"):
        office.slides.add_slide(office.slide_layouts[5]).shapes.title.text = name
    office.save(str(template))
    first = office.slides.element[0]
    show = (
        f'<p:custShowLst xmlns:p="{P}" xmlns:r="{R}"><p:custShow name="短" id="0"><p:sldLst>'
        f'<p:sld r:id="{first.rId}"/></p:sldLst></p:custShow></p:custShowLst>'
    )
    sections = (
        f'<p:extLst xmlns:p="{P}" xmlns:p14="{P14}"><p:ext uri="sections"><p14:sectionLst>'
        f'<p14:section name="一" id="1"><p14:sldIdLst><p14:sldId id="{first.id}"/></p14:sldIdLst></p14:section>'
        "</p14:sectionLst></p:ext></p:extLst>"
    )
    end = "</p:presentation>"
    rewritten(template, "ppt/presentation.xml", lambda xml: xml.replace(end, f"{show}{sections}{end}"))
    made = deck(ground_of(sample, "public_density"), tmp_path, template)
    assert {"甲", "乙"}.isdisjoint(title_of(slide) for slide in made.slides)
    with zipfile.ZipFile(tmp_path / "deck.pptx") as archive:
        names = archive.namelist()
        held = archive.read("ppt/presentation.xml").decode()
    assert len(names) == len(set(names))
    assert len([name for name in names if name.startswith("ppt/slides/slide")]) == len(made.slides)
    assert not any("thumbnail" in name for name in names)
    assert "custShow" not in held
    assert "sectionLst" not in held


def rewritten(path: Path, member: str, change: Callable[[str], str]) -> None:
    """Change one part of a package."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member] = change(parts[member].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_broken_template_is_refused_by_name(sample: Database, tmp_path: Path) -> None:
    ground = ground_of(sample, "public_density")
    template = tmp_path / "坏.pptx"
    for member in ("ppt/presentation.xml", "ppt/slideMasters/slideMaster1.xml", "[Content_Types].xml"):
        Presentation().save(str(template))
        rewritten(template, member, lambda xml: xml[: len(xml) // 2])
        with pytest.raises(InputError, match="打不开"):
            deck(ground, tmp_path, template)
    bare = Presentation()
    for shape in list(bare.notes_master.placeholders):
        shape.element.getparent().remove(shape.element)
    bare.save(str(template))
    with pytest.raises(InputError, match="备注母版没有正文框"):
        deck(ground, tmp_path, template)


@pytest.mark.long
def test_a_title_without_a_place_gets_one(sample: Database, tmp_path: Path) -> None:
    template = tmp_path / "无位置.pptx"
    office = Presentation()
    for holder in (office.slide_masters[0], *office.slide_layouts):
        for shape in holder.placeholders:
            for place in shape.element.findall(".//{*}spPr/{*}xfrm"):
                place.getparent().remove(place)
    office.save(str(template))
    made = deck(ground_of(sample, "public_density"), tmp_path, template)
    assert all(slide.shapes.title.top is not None for slide in made.slides)


def test_a_template_that_is_none_is_refused_by_name(sample: Database, tmp_path: Path) -> None:
    ground = ground_of(sample, "public_density")
    for name, content, said in (
        ("不是.pptx", b"\xd0\xcf\x11\xe0 an old binary file", "打不开"), ("空.pptx", b"", "打不开"),
        ("没有.pptx", None, "读不到"),
    ):  # fmt: skip
        template = tmp_path / name
        if content is not None:
            template.write_bytes(content)
        with pytest.raises(InputError, match=said):
            deck(ground, tmp_path, template)
    bare = Presentation()
    for layout in bare.slide_layouts:
        for shape in list(layout.placeholders):
            shape.element.getparent().remove(shape.element)
    bare.save(str(tmp_path / "无标题.pptx"))
    with pytest.raises(InputError, match="没有带标题的版式"):
        deck(ground, tmp_path, tmp_path / "无标题.pptx")
    assert not (tmp_path / "deck.pptx").exists()


def test_a_name_never_becomes_a_formula_in_a_charts_workbook(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str, tmp_path: Path
) -> None:
    name = make_database(untouched_sample)
    owner: Engine = open_engine(cluster.url("gis_owner", name))
    with owner.begin() as conn:
        conn.execute(text("update gis.grid set name = '=1+1' where code like '%001'"))
        conn.execute(text("update gis.grid set name = '@SUM(A1)' where code like '%002'"))
    owner.dispose()
    database = connect(cluster.url("gis_app", name))
    slide = deck(ground_of(database, "overview"), tmp_path).slides[1]
    database.close()
    book = openpyxl.load_workbook(io.BytesIO(chart_of(slide).part.chart_workbook.xlsx_part.blob))
    cells = [cell for row in book.active.iter_rows() for cell in row if cell.value is not None]
    assert {"'=1+1", "'@SUM(A1)"} <= {cell.value for cell in cells}
    assert all(cell.data_type != "f" for cell in cells)
    assert table_of(slide)[1][0] == "=1+1"


@pytest.mark.long
@pytest.mark.parametrize("name", ["overview", "hazards", "waste_coverage", "public_density"])
def test_libreoffice_shows_every_slide_and_every_word(sample: Database, tmp_path: Path, name: str) -> None:
    made = deck(ground_of(sample, name), tmp_path)
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf",
               "--outdir", str(tmp_path), str(tmp_path / "deck.pptx")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    document = pypdfium2.PdfDocument((tmp_path / "deck.pdf").read_bytes())
    assert len(document) == len(made.slides)
    for page, slide in zip(document, made.slides, strict=True):
        shown = "".join(page.get_textpage().get_text_bounded().split())
        cells = [cell for row in table_of(slide) for cell in row] if any(s.has_table for s in slide.shapes) else []
        for said in [title_of(slide), *cells]:
            assert "".join(said.split()) in shown, said
    document.close()
