"""Thematic maps in a browser without a network: legend, filters, months, table, download; hostile values stay text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import geopandas
import pytest
import shapely
from playwright.sync_api import Browser, Page, ViewportSize

from gis_service.analysis.answer import CLASS, Answer, Class, Column, Curve, Fact, Ramp, Theme
from gis_service.analysis.themes import feature_collection
from gis_service.overview import Overview
from layers.field import Kind
from layers.rules import Rule, RuleStatus
from layers.style import Marker
from maps import thematic
from maps.atlas import MAPS
from maps.offline import outside_references, to_single_file

Maker = Callable[..., Overview]
SIZES = {"desk": ViewportSize(width=1280, height=800), "phone": ViewportSize(width=390, height=844)}


def theme_of(texts: Sequence[str], geometry: str, number: int) -> Theme:
    """Return a theme with a feature for each text; titles, classes and values hold the text."""
    places = [(121.002 + 0.0009 * at, 30.702 + 0.004 * number) for at in range(len(texts))]
    shapes = [
        shapely.Point(at) if geometry == "POINT" else shapely.box(*at, at[0] + 4e-4, at[1] + 4e-4) for at in places
    ]
    frame = geopandas.GeoDataFrame(
        {
            "name": list(texts),
            "kind": ["甲" if at % 2 else text for at, text in enumerate(texts)],
            "found": [f"2020-0{at % 3 + 1}-05" for at in range(len(texts))],
            "many": range(len(texts)),
            CLASS: [str(at % 2) for at in range(len(texts))],
        },
        geometry=shapes, index=[f"f{at}" for at in range(len(texts))], crs=4490,
    )  # fmt: skip
    columns = (
        Column("name", f"名称{texts[0]}"),
        Column("kind", f"类别{texts[0]}", filtered=True),
        Column("found", "发现日期", Kind.DATE),
        Column("many", "数量", Kind.INTEGER, "个"),
    )
    classes = (Class("0", f"平常{texts[1]}", Marker.CIRCLE), Class("1", "要紧", Marker.TRIANGLE))
    return Theme(
        f"t{number}", f"专题{number}{texts[2]}", geometry, "name", columns, classes, Ramp.SEVERITY,
        feature_collection(frame, columns), len(frame), timed="found" if geometry == "POINT" else None,
    )  # fmt: skip


def answer_of(texts: Sequence[str]) -> Answer:
    rule = Rule(code="a.b", title=f"阈值{texts[0]}", value=5, unit="m", basis=texts[1], status=RuleStatus.DEFAULT)
    return Answer(
        name="trial", title=f"试验{texts[0]}", community="330482002011", on=date(2020, 6, 30), srid=4549, unit="个",
        finding=f"结论{texts[0]}", method=f"口径{texts[1]}",
        facts=(
            Fact(f"要紧的{texts[2]}", 2.0, "个", texts[0], theme="t0", where={CLASS: "1"}),
            Fact("没有的", None, "个"),
        ),
        curves=(Curve(f"增设{texts[1]}", f"处{texts[0]}", f"人{texts[2]}", (3.0, 5.0)),),
        themes=(theme_of(texts, "POINT", 0), theme_of(texts, "MULTIPOLYGON", 1)), rules=(rule,),
    )  # fmt: skip


@pytest.fixture(params=SIZES)
def opened(
    request: pytest.FixtureRequest, chromium: Browser, make_overview: Maker, payloads: tuple[str, ...], tmp_path: Path
) -> Iterator[tuple[Page, list[str], list[str]]]:
    """The exported file of a hostile answer, opened without a network, with its errors and what it asked for."""
    path = tmp_path / "专题.html"
    path.write_text(to_single_file(thematic.draw(make_overview(), answer_of(payloads))), encoding="utf-8")
    phone = request.param == "phone"
    context = chromium.new_context(viewport=SIZES[request.param], has_touch=phone, is_mobile=phone)
    context.set_offline(True)
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda one: asked.append(one.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-gis=ready]", timeout=20_000)
    yield page, errors, asked
    context.close()


def test_a_hostile_answer_is_text_everywhere(
    opened: tuple[Page, list[str], list[str]], payloads: tuple[str, ...]
) -> None:
    page, errors, asked = opened
    title = page.title()
    shown = page.evaluate(
        """async () => {
            const seen = [];
            for (const layer of gis.layers.filter((one) => one.theme)) {
                await gis.switchLayer(layer, true);
                for (const feature of layer.features) {
                    layer.group_.fire("mouseover", { propagatedFrom: feature.paths[0], latlng: gis.anchorOf(feature) });
                    gis.openPopup(feature, gis.anchorOf(feature));
                    seen.push([...document.querySelectorAll(".gis-popup h2")].pop().textContent);
                }
            }
            return seen;
        }"""
    )
    assert sorted(shown) == sorted([*payloads, *payloads])
    page.evaluate("[...document.querySelectorAll('button')].find((one) => one.textContent === '表格').click()")
    page.wait_for_timeout(300)
    assert page.title() == title
    assert page.evaluate("document.querySelectorAll('img[src=x], iframe, svg[onload]').length") == 0
    assert errors == []
    assert [one for one in asked if not one.startswith(("file:", "data:", "blob:"))] == []


def test_title_finding_and_legend_are_in_sight(opened: tuple[Page, list[str], list[str]]) -> None:
    page, _, _ = opened
    size = page.viewport_size
    assert size is not None
    for selector in (".gis-title h1", ".gis-finding", ".gis-legend h2", ".gis-legend li"):
        box = page.locator(selector).first.bounding_box()
        assert box is not None, selector
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert box["y"] + box["height"] <= size["height"]
        middle = [box["x"] + min(box["width"], 40) / 2, box["y"] + min(box["height"], 20) / 2]
        inside = "([x, y, s]) => { const e = document.elementFromPoint(x, y); return !!e.closest(s.split(' ')[0]); }"
        assert page.evaluate(inside, [*middle, selector]), f"{selector} is covered"


def test_filters_months_and_figures_narrow_what_is_drawn(opened: tuple[Page, list[str], list[str]]) -> None:
    page, errors, _ = opened
    drawn = "(name) => gis.filtered(gis.layers.find((one) => one.theme === name)).length"
    number = page.evaluate(drawn, "t0")
    page.evaluate(
        """() => {
            const select = document.querySelector(".gis-filters select");
            select.selectedIndex = [...select.options].findIndex((one) => one.textContent === "甲");
            select.dispatchEvent(new Event("change"));
        }"""
    )
    assert page.evaluate(drawn, "t0") == number // 2
    on_map = "gis.layers.find((one) => one.theme === 't0').group_.getLayers().length"
    assert page.evaluate(on_map) == number // 2
    page.evaluate(
        """() => {
            const slider = document.querySelector(".gis-months input");
            slider.value = "1";
            slider.dispatchEvent(new Event("input"));
        }"""
    )
    assert page.evaluate(on_map) == len([at for at in range(number) if at % 2 and at % 3 == 0])
    assert "2020-01" in page.locator(".gis-months").inner_text()
    page.evaluate("document.querySelector('.gis-facts .gis-link').click()")
    page.wait_for_timeout(200)
    assert errors == []


def test_the_table_and_its_download_hold_every_row(opened: tuple[Page, list[str], list[str]], tmp_path: Path) -> None:
    page, _, _ = opened
    page.evaluate("[...document.querySelectorAll('button')].find((one) => one.textContent === '表格').click()")
    rows = page.locator(".gis-table tbody tr")
    count = page.evaluate("gis.layers.find((one) => one.theme && one.on).features.length")
    assert rows.count() == count
    page.keyboard.press("Escape")
    page.locator(".gis-table").wait_for(state="detached")
    with page.expect_download() as download:
        page.evaluate("[...document.querySelectorAll('button')].find((one) => one.textContent === '下载 CSV').click()")
    saved = tmp_path / "table.csv"
    download.value.save_as(saved)
    text = saved.read_text(encoding="utf-8-sig")
    assert text.startswith('"名称')
    assert not any(line.startswith(('"=', '"+', '"@')) for line in text.splitlines())


def test_areas_of_one_choice_exclude_each_other(chromium: Browser, make_overview: Maker, tmp_path: Path) -> None:
    plain = ("一", "二", "三", "四")
    two = [theme_of(plain, "MULTIPOLYGON", number) for number in (0, 1)]
    themes = tuple(Theme(**{**vars(one), "choice": "areas", "shown": one is two[0]}) for one in two)
    answer = Answer(**{**vars(answer_of(plain)), "themes": themes, "facts": ()})
    path = tmp_path / "choice.html"
    path.write_text(to_single_file(thematic.draw(make_overview(), answer)), encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-gis=ready]")
    on = "gis.layers.filter((one) => one.theme && one.on).map((one) => one.theme)"
    assert page.evaluate(on) == ["t0"]
    page.evaluate("gis.switchLayer(gis.layers.find((one) => one.theme === 't1'), true)")
    page.wait_for_timeout(100)
    assert page.evaluate(on) == ["t1"]
    page.close()


def test_a_public_map_carries_no_layer_of_people() -> None:
    entries = [entry for entry in MAPS.values() if entry.analysis and entry.analysis.public]
    assert entries
    for entry in entries:
        assert not {"building", "rental_unit", "estate", "grid", "hazard", "visit"} & set(entry.ground)
        assert entry.fields == ("code", "name")


def test_the_file_of_an_answer_is_whole(make_overview: Maker) -> None:
    html = to_single_file(thematic.draw(make_overview(), answer_of(("一", "二", "三"))))
    assert outside_references(html) == set()
    start = html.index('id="gis-config">') + len('id="gis-config">')
    config = json.loads(html[start : html.index("</script>", start)])
    assert config["answer"]["finding"] == "结论一"
    assert "内部资料" in config["subtitle"]
