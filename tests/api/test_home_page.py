"""The real home page and the real exported file in Chromium: nothing from outside, everything that is stored drawn."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, ViewportSize

from gis_service.local_cluster import LocalCluster
from layers.registry import LAYERS
from tests.api.conftest import Truth

COMMUNITY = "330482002011"
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1440, height=900)


class Watched:
    """A page with what it asked for and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("requestfailed", lambda request: self.errors.append(request.url))
        # The context hears of requests, such as the icon's, that belong to no page.
        page.context.on("request", lambda request: self.requests.append(request.url))

    def open(self, address: str) -> Page:
        self.page.goto(address)
        self.page.wait_for_selector("html[data-gis=ready]", timeout=30_000)
        return self.page


@pytest.fixture
def watched(chromium: Browser, server_headers: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Watched]:
    phone = getattr(request, "param", "desk") == "phone"
    context = chromium.new_context(
        viewport=PHONE if phone else DESK, has_touch=phone, is_mobile=phone, extra_http_headers=server_headers
    )
    yield Watched(context.new_page())
    context.close()


@pytest.fixture(scope="module")
def exported(cluster: LocalCluster, sample_template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``gis-service map overview`` writes of the sample."""
    path = tmp_path_factory.mktemp("U 盘") / "新群 一张图.html"
    subprocess.run(
        [Path(sys.executable).with_name("gis-service"), "map", "overview", "--community", COMMUNITY, "--out", path],
        env={**os.environ, "GIS_DATABASE_URL": cluster.url("gis_app", sample_template)}, check=True, timeout=120,
    )  # fmt: skip
    return path


def drawn(page: Page) -> dict[str, int]:
    page.evaluate("gis.loadAll()")
    found: dict[str, int] = page.evaluate("gis.drawn")
    return found


def pixel_of(page: Page, layer: str) -> tuple[float, float]:
    """Bring a layer's first feature to the middle and return where it lies on the screen."""
    x, y = page.evaluate(
        """async (name) => {
            const layer = gis.layers.find((one) => one.name === name);
            await gis.switchLayer(layer, true);
            gis.map.setView(gis.anchorOf(layer.features[0]), 18.5, { animate: false });
            const point = gis.map.latLngToContainerPoint(gis.anchorOf(layer.features[0]));
            return [point.x, point.y];
        }""",
        layer,
    )
    page.wait_for_timeout(300)
    return x, y


def test_home_page_draws_the_database_and_asks_no_one_else(watched: Watched, server: str, truth: Truth) -> None:
    page = watched.open(server)
    assert page.title() == "新群社区一张图"
    assert drawn(page) == truth.counts
    assert set(truth.counts) == set(LAYERS)
    assert [url for url in watched.requests if not url.startswith((f"{server}/", "data:"))] == []
    assert watched.errors == []
    assert "合成数据" in page.inner_text("body")


def test_exported_file_draws_the_database_and_asks_no_one(watched: Watched, exported: Path, truth: Truth) -> None:
    watched.page.context.set_offline(True)
    page = watched.open(exported.as_uri())
    assert drawn(page) == truth.counts
    assert [url for url in watched.requests if not url.startswith(("file:", "data:"))] == []
    assert watched.errors == []
    assert "合成数据" in page.inner_text("body")


def test_a_second_visit_costs_no_layer(watched: Watched, server: str) -> None:
    page = watched.open(server)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - playwright marks its handlers
    page.reload()
    page.wait_for_selector("html[data-gis=ready]")
    layers = [answer for answer in answers if "/layers/" in answer.url]
    assert len(layers) > 3
    # The browser shows a page its own copy as 200; what came over the wire is the bare 304.
    assert [answer.url for answer in layers if answer.request.sizes()["responseBodySize"] > 0] == []


@pytest.mark.parametrize("watched", ["phone"], indirect=True)
def test_phone_opens_the_panel_and_a_popup(watched: Watched, server: str) -> None:
    page = watched.open(server)
    assert page.is_visible(".gis-ways a[href='/uploads']")
    assert page.is_hidden(".gis-panel-body")
    page.tap(".gis-panel-head")
    page.wait_for_selector(".gis-panel-body")
    page.tap(".gis-panel-head")
    page.wait_for_selector(".gis-panel-body", state="hidden")
    page.touchscreen.tap(*pixel_of(page, "waste_point"))
    page.wait_for_selector(".gis-popup")
    popup = page.locator(".gis-popup").bounding_box()
    assert popup is not None
    assert popup["x"] >= 0
    assert popup["x"] + popup["width"] <= PHONE["width"]
    assert "垃圾投放点" in page.inner_text(".gis-popup")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert watched.errors == []


def test_search_finds_a_stored_name(watched: Watched, server: str) -> None:
    page = watched.open(server)
    drawn(page)
    name = page.evaluate("gis.layers.find((one) => one.name === 'enterprise_plot').features[0].properties.name")
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.wait_for_selector(".gis-results li[role=option]")
    assert name in page.inner_text(".gis-results")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".gis-popup")
    assert name in page.inner_text(".gis-popup")
    assert watched.errors == []


@pytest.mark.parametrize("words", ["昌盛路２６号十二栋", "csl 26 12"])
def test_search_knows_spellings_and_opens_what_was_meant(watched: Watched, server: str, words: str) -> None:
    page = watched.open(server)
    page.keyboard.press("/")
    page.keyboard.insert_text(words)
    first = page.wait_for_selector(".gis-results li[role=option]")
    assert first is not None
    assert first.inner_text().startswith("昌盛路26号12幢")
    page.keyboard.press("Enter")
    page.wait_for_selector(".gis-popup")
    assert "昌盛路26号12幢" in page.inner_text(".gis-popup")
    assert watched.errors == []


def test_a_road_of_several_segments_is_one_hit_that_leads_there(watched: Watched, server: str) -> None:
    page = watched.open(server)
    page.keyboard.press("/")
    page.keyboard.insert_text("兴平路")
    page.locator(".gis-results li[role=option]:has-text('道路')").first.click()
    page.wait_for_selector(".gis-popup:has-text('兴平路')")


def test_search_tells_when_nothing_is_found_and_when_it_fails(watched: Watched, server: str) -> None:
    page = watched.open(server)
    page.keyboard.press("/")
    page.keyboard.insert_text("没有这个地方")
    page.wait_for_selector(".gis-result-none:has-text('没有找到')")
    page.route("**/search?*", lambda route: route.fulfill(status=503, body="{}"))
    page.keyboard.insert_text("了")
    page.wait_for_selector(".gis-result-none:has-text('搜索失败')")


def test_the_exported_file_searches_what_it_holds(watched: Watched, exported: Path) -> None:
    watched.page.context.set_offline(True)
    page = watched.open(exported.as_uri())
    page.keyboard.press("/")
    page.keyboard.insert_text("昌盛路26号12幢")
    page.wait_for_selector(".gis-results li[role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".gis-popup")
    assert "昌盛路26号12幢" in page.inner_text(".gis-popup")
    assert watched.errors == []
