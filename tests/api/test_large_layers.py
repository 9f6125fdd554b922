"""A layer too large to fetch whole, in Chromium: what stands in view is drawn, square by square, and nothing else."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import shapely
from playwright.sync_api import Browser, Page

from gis_service.local_cluster import LocalCluster
from tests.api.own_service import Served, serving

COMMUNITY = "330482002011"
FEW = "import sys, api.drawing, api.cli; api.drawing.MOST_GROUND = 200; sys.argv[0] = 'gis-service'; api.cli.main()"
"""The service for which 200 features of a layer are too many."""


@pytest.fixture(scope="module")
def service(cluster: LocalCluster, sample_template: str) -> Iterator[Served]:
    with serving(cluster, sample_template, (sys.executable, "-c", FEW)) as found:
        yield found


@pytest.fixture(scope="module")
def shapes(service: Served) -> dict[str, shapely.Geometry]:
    answer = httpx.get(
        f"{service.url}/collections/building/items?limit=all&f=json", headers=service.headers, timeout=60
    )
    return {item["id"]: shapely.from_geojson(_text(item["geometry"])) for item in answer.json()["features"]}


def _text(geometry: Any) -> str:
    return httpx.Request("POST", "http://x", json=geometry).content.decode()


@pytest.fixture
def page(chromium: Browser, service: Served) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, extra_http_headers=service.headers)
    yield context.new_page()
    context.close()


def opened(page: Page, service: Served, path: str) -> list[str]:
    """Open a page, and return the list into which the addresses of what it asks for go."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(service.url + path)
    page.wait_for_selector("html[data-gis=ready]", timeout=30_000)
    return asked


def held(page: Page) -> tuple[set[str], list[str]]:
    """Return the buildings that the page holds, after it has come to rest, and the squares it says they are from."""
    return tuple(
        page.evaluate(
            """async () => {
                await gis.loadSquares();
                const layer = gis.layers.find((one) => one.name === "building");
                return [layer.features.map((one) => one.id), [...layer.squares.keys()]];
            }"""
        )
    )


def box_of(x: int, y: int) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a tile of zoom 16 in degrees (Web Mercator, Snyder 1987)."""

    def at(column: int, row: int) -> tuple[float, float]:
        return column / 2**16 * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**16))))

    (west, north), (east, south) = at(x, y), at(x + 1, y + 1)
    return west, south, east, north


def expected(shapes: dict[str, shapely.Geometry], squares: list[str]) -> set[str]:
    boxes = [shapely.box(*box_of(*map(int, square.split("/")))) for square in squares]
    return {code for code, shape in shapes.items() if shape.intersects(shapely.union_all(boxes))}


@pytest.mark.long
def test_what_stands_in_view_is_drawn_and_what_left_it_long_ago_is_gone(
    page: Page, service: Served, shapes: dict[str, shapely.Geometry]
) -> None:
    asked = opened(page, service, "/#map=17/30.7010/121.0050")
    seen = set()
    for step in range(5):
        page.evaluate(
            "(at) => { gis.map.setView(at, 16, { animate: false }); }", [30.692 + 0.0039 * step, 120.98 + 0.0154 * step]
        )
        ids, squares = held(page)
        assert set(ids) == expected(shapes, squares)
        assert len(ids) == len(set(ids))
        assert len(squares) <= 120
        seen |= set(ids)
    assert len(seen) > 300
    assert len(set(ids)) < len(seen)
    fetched = [url for url in asked if "/layers/building" in url]
    assert fetched
    assert all("bbox=" in url for url in fetched)


def test_from_afar_the_panel_says_to_come_nearer_and_nothing_is_fetched(page: Page, service: Served) -> None:
    asked = opened(page, service, "/#map=14/30.7010/121.0050")
    row = page.locator(".gis-layer", has_text="楼栋").first
    assert "放大后显示" in row.inner_text()
    assert "1,446" in row.inner_text()
    assert [url for url in asked if "/layers/building" in url] == []


def test_a_thematic_map_has_large_ground_too_and_its_file_names_what_it_lacks(page: Page, service: Served) -> None:
    opened(page, service, f"/maps/hazards?community={COMMUNITY}#map=17/30.7010/121.0050")
    assert page.evaluate("gis.drawn.building") > 0
    address = f"{service.url}/maps/overview/file?community={COMMUNITY}"
    saved = httpx.get(address, headers=service.headers, timeout=60).text
    assert "过多,未逐个画出" in saved


def test_a_wrong_box_is_told_in_one_sentence(service: Served) -> None:
    address = f"{service.url}/maps/overview/layers/building?community={COMMUNITY}&bbox=1,2"
    answer = httpx.get(address, headers=service.headers)
    assert answer.status_code == 400
    assert "bbox" in answer.json()["detail"]


def test_search_finds_what_is_out_of_view_and_goes_there(page: Page, service: Served) -> None:
    opened(page, service, "/#map=14/30.6900/120.9500")
    page.keyboard.press("/")
    page.keyboard.insert_text("昌盛路26号12幢")
    page.wait_for_selector(".gis-results li[role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".gis-popup")
    assert "昌盛路26号12幢" in page.inner_text(".gis-popup")
