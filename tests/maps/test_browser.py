from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyproj
import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize

from gis_service.overview import Overview
from layers.registry import LAYERS
from maps.offline import to_served_page, to_single_file
from maps.overview import draw
from maps.static_files import static_file

Maker = Callable[..., Overview]
Payloads = tuple[str, ...]
ORIGIN = "http://gis.test"
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1440, height=900)


class Watched:
    """A page with what went wrong on it, and what it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.broken: set[str] = set()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: self.requests.append(request.url))

    def wait(self) -> Page:
        self.page.wait_for_selector("html[data-gis=ready]", timeout=20_000)
        assert self.page.evaluate("gis.ready") is True
        return self.page


@pytest.fixture
def exported(make_overview: Maker, tmp_path: Path) -> Path:
    path = tmp_path / "新群 overview.html"
    path.write_text(to_single_file(draw(make_overview())), encoding="utf-8")
    return path


@pytest.fixture
def offline_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    phone = getattr(request, "param", "desk") == "phone"
    context = chromium.new_context(viewport=PHONE if phone else DESK, has_touch=phone, is_mobile=phone)
    context.set_offline(True)
    yield Watched(context.new_page())
    context.close()


@pytest.fixture
def served_page(chromium: Browser, make_overview: Maker, hostile: dict[str, Any]) -> Iterator[Watched]:
    """The served page under a strict policy; what the service would answer is answered here."""
    page_map = draw(make_overview(inline=False))
    policy = f"default-src 'none'; script-src 'self' {page_map.page.script_hash()}; style-src 'self' 'unsafe-inline'; "
    html = to_served_page(page_map)
    context = chromium.new_context(viewport=DESK)
    watched = Watched(context.new_page())
    watched.broken = {"estate"}

    def answer(route: Route) -> None:
        path = re.sub(r"\?.*", "", route.request.url.removeprefix(ORIGIN))
        if path == "/":
            headers = {"content-security-policy": policy + "img-src 'self' data:; connect-src 'self'"}
            route.fulfill(body=html, content_type="text/html; charset=utf-8", headers=headers)
        elif path.startswith("/static/"):
            file = static_file(path.removeprefix("/static/"))
            route.fulfill(body=file.content, content_type=file.media_type)
        elif path.rpartition("/")[2] in watched.broken:
            route.fulfill(status=503, body="{}")
        else:
            body = json.dumps(hostile[path.rpartition("/")[2]], ensure_ascii=False)
            route.fulfill(body=body, content_type="application/geo+json")

    context.route("**/*", answer)
    yield watched
    context.close()


def test_exported_file_draws_everything_and_asks_for_nothing(
    offline_page: Watched, exported: Path, payloads: Payloads
) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    title = page.title()
    assert title == "新群社区一张图"
    page.evaluate("gis.loadAll()")
    assert page.evaluate("gis.drawn") == dict.fromkeys(LAYERS, len(payloads))
    assert [url for url in offline_page.requests if not url.startswith("file:")] == []
    assert offline_page.errors == []


def test_no_value_becomes_markup_by_hovering_clicking_or_searching(
    offline_page: Watched, exported: Path, payloads: Payloads
) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    title = page.title()
    opened = page.evaluate(
        """async () => {
            await gis.loadAll();
            let opened = 0;
            for (const layer of gis.layers) {
                await gis.switchLayer(layer, true);
                for (const feature of layer.features) {
                    const path = feature.paths[0];
                    const at = gis.anchorOf(feature);
                    path.fire("mouseover", { latlng: at }, true);
                    path.fire("click", { latlng: at, originalEvent: new MouseEvent("click") }, true);
                    // The popup before this one is still fading out.
                    const shown = [...document.querySelectorAll(".gis-popup h2")].pop().textContent;
                    if (shown !== gis.titleOf(feature)) { throw new Error(layer.name + ": " + shown); }
                    document.querySelectorAll("details").forEach((details) => (details.open = true));
                    opened += 1;
                }
            }
            return opened;
        }"""
    )
    assert opened == len(LAYERS) * len(payloads)
    for payload in payloads[:6]:
        page.fill(".gis-search input", payload[:40].split()[0])
        page.wait_for_selector(".gis-results li")
    assert page.title() == title
    strange = "document.querySelectorAll('.gis-popup img, .gis-results img, iframe, svg, b[onmouseover]').length"
    # Leaflet itself draws the popup's close button as text, so any of these would have come out of the data.
    assert page.evaluate(strange) == 0
    assert offline_page.errors == []


def test_real_pointer_hovers_and_clicks(offline_page: Watched, exported: Path, payloads: Payloads) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    at = page.evaluate(
        """() => {
            const layer = gis.layers.find((one) => one.name === "waste_point");
            gis.map.setView(gis.anchorOf(layer.features[0]), 18, { animate: false });
            const point = gis.map.latLngToContainerPoint(gis.anchorOf(layer.features[0]));
            return [point.x, point.y];
        }"""
    )
    page.mouse.move(at[0] + 60, at[1] + 60)
    # Leaflet looks at the pointer every 32 ms only, so a single jump may go unseen.
    for step in (3, 2, 1, 0):
        page.wait_for_timeout(50)
        page.mouse.move(at[0] + step, at[1])
    page.wait_for_selector(".gis-tip")
    assert page.text_content(".gis-tip b") == payloads[0]
    page.mouse.click(*at)
    page.wait_for_selector(".gis-popup")
    assert "垃圾投放点" in page.inner_text(".gis-popup-kind")
    assert "12,345 只" in page.inner_text(".gis-popup-fields")
    page.keyboard.press("Escape")
    page.wait_for_selector(".gis-popup", state="detached")


def test_search_by_keyboard_opens_what_was_found(offline_page: Watched, exported: Path) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    page.keyboard.press("/")
    page.keyboard.type("rental_unit-1")
    page.wait_for_selector(".gis-results li[role=option]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".gis-popup")
    # A layer that was off is switched on, and the zoom is deep enough for it to be drawn.
    assert page.evaluate("gis.layers.find((layer) => layer.name === 'rental_unit').on")
    assert page.evaluate("gis.map.getZoom()") >= LAYERS["rental_unit"].style.min_zoom
    page.keyboard.press("/")
    page.fill(".gis-search input", "没有这样的东西")
    page.wait_for_selector(".gis-result-none:has-text('没有找到“没有这样的东西”。只查本页所含的')")


def test_address_remembers_place_and_layers(offline_page: Watched, exported: Path) -> None:
    offline_page.page.goto(exported.as_uri() + "#map=17.25/30.705/121.005&on=road,visit")
    page = offline_page.wait()
    assert page.evaluate("gis.map.getZoom()") == 17.25
    assert page.evaluate("Object.keys(gis.drawn).sort()") == ["road", "visit"]
    page.click("text=建筑与居住 >> xpath=.. >> button")
    page.wait_for_function("gis.drawn.building")
    page.wait_for_url(re.compile(r"on=road,building.*visit"))


@pytest.mark.parametrize("offline_page", ["phone"], indirect=True)
def test_phone_has_a_closed_sheet_and_targets_for_fingers(offline_page: Watched, exported: Path) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    assert page.is_hidden(".gis-panel-body")
    page.tap(".gis-panel-head")
    page.wait_for_selector(".gis-panel-body")
    small = page.evaluate(
        """() => [...document.querySelectorAll(
            ".leaflet-bar a, .gis-panel-head, .gis-layer-name, .gis-expand, .gis-link, .gis-search input"
        )].filter((part) => part.offsetParent && part.getBoundingClientRect().height < 40)
            .map((part) => part.className)"""
    )
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert offline_page.errors == []


def test_empty_community_says_what_to_do(offline_page: Watched, make_overview: Maker, tmp_path: Path) -> None:
    path = tmp_path / "empty.html"
    path.write_text(to_single_file(draw(make_overview(empty=True))), encoding="utf-8")
    offline_page.page.goto(path.as_uri())
    page = offline_page.wait()
    assert "gis-service upload" in page.inner_text(".gis-empty")
    assert offline_page.errors == []


def test_served_page_fetches_what_is_shown_under_a_strict_policy(served_page: Watched, payloads: Payloads) -> None:
    served_page.page.goto(ORIGIN + "/")
    page = served_page.wait()
    shown = {name for name, layer in LAYERS.items() if layer.style.shown}
    assert set(page.evaluate("gis.drawn")) == shown - {"estate"}
    # A layer that fails is told by name and can be asked for again.
    assert "图层载入失败:小区(服务器回答 503)" in page.inner_text(".gis-message")
    served_page.broken.clear()
    page.click(".gis-message button")
    page.wait_for_selector(".gis-message", state="hidden")
    assert page.evaluate("gis.drawn.estate") == len(payloads)
    page.evaluate("gis.loadAll()")
    assert page.evaluate("gis.drawn") == dict.fromkeys(LAYERS, len(payloads))
    assert all(url.startswith(ORIGIN + "/") for url in served_page.requests)
    assert [text for text in served_page.errors if "503" not in text] == []


def test_measuring_agrees_with_the_ellipsoid(offline_page: Watched, exported: Path, make_overview: Maker) -> None:
    west, south, east, north = make_overview().bbox
    ring = [(west, south), (east, south + 0.001), (east - 0.002, north), (west + 0.001, north - 0.003)]
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    points = [{"lng": lon, "lat": lat} for lon, lat in ring]
    lons, lats = [lon for lon, _ in ring], [lat for _, lat in ring]
    geod = pyproj.Geod(a=6378137, rf=298.257222101)
    area, _ = geod.polygon_area_perimeter(lons, lats)
    length = geod.line_length(lons, lats)
    assert page.evaluate("(points) => gis.lengthOf(points)", points) == pytest.approx(length, rel=1e-6)
    assert page.evaluate("(points) => gis.areaOf(points)", points) == pytest.approx(abs(area), rel=1e-6)


def test_measuring_takes_the_clicks(offline_page: Watched, exported: Path) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    page.click("[aria-label=量距离和面积]")
    for x, y in [(600, 400), (700, 400), (700, 500)]:
        page.mouse.click(x, y)
    assert re.search(r"长度 [\d.]+ .*面积 [\d.]+ 平方米 \([\d.]+ 亩\)", page.inner_text(".gis-measure-text"))
    assert page.query_selector(".gis-popup") is None
    page.keyboard.press("Escape")
    assert page.is_hidden(".gis-measure")
    assert offline_page.errors == []


def test_layers_lie_in_their_declared_order_whenever_they_come(offline_page: Watched, exported: Path) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    ranks = page.evaluate(
        """async () => {
            for (const layer of gis.layers.slice().reverse()) { await gis.switchLayer(layer, false); }
            for (const layer of gis.layers.slice().reverse()) { await gis.switchLayer(layer, true); }
            const ranks = [];
            let order = gis.map.options.renderer._drawFirst;
            for (; order; order = order.next) { ranks.push(order.layer.options.rank); }
            return ranks;
        }"""
    )
    assert len(ranks) > len(LAYERS) * 10
    assert ranks == sorted(ranks)


def test_tiles_that_do_not_come_leave_the_own_map(offline_page: Watched, exported: Path) -> None:
    offline_page.page.goto(exported.as_uri())
    page = offline_page.wait()
    page.evaluate(
        """gis.showBase({ name: "影像", attribution: "", tiles: [
            { url: "http://tiles.invalid/{z}/{x}/{y}", subdomains: [], max_native_zoom: 18 }] })"""
    )
    page.wait_for_selector(".gis-message:not([hidden])")
    assert "影像 连接不上,仍显示本地底图" in page.inner_text(".gis-message")
    assert page.evaluate("gis.layers.every((layer) => !layer.on || gis.map.hasLayer(layer.group_))")
