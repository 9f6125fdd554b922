"""Where a phone says it is: calibrated where it is shifted, doubted where it is far off, chosen where it is unknown."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from gis_service.local_cluster import LocalCluster
from tests.api.field_phone import PHONE, on_phone, ready, tap
from tests.api.https_office import NAME, Office
from tests.api.own_service import serving


@pytest.mark.long
def test_a_shifted_phone_is_calibrated_and_a_doubtful_place_waits(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    with on_phone(playwright, tmp_path / "profile", office, here) as page:
        module = "/static/field/geometry.js"
        shifted = page.evaluate(f"import('{module}').then((one) => one.toGcj({list(here)}))")
        back = page.evaluate(f"import('{module}').then((one) => one.fromGcj({shifted}))")
        assert back == pytest.approx(here, abs=1e-9)
        away = page.evaluate(f"import('{module}').then((one) => one.metres({shifted}, {list(here)}))")
        assert 450 < away < 520
        page.context.set_geolocation({"longitude": shifted[0], "latitude": shifted[1], "accuracy": 8})
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('群租')")
        expect(page.locator(".field-place .field-doubt")).to_contain_text("校准")
        tap(page, ".field-main:has-text('提交')")
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-conflict")).to_have_count(1)
        assert "位置可疑" in page.locator("#field-queue").inner_text()
        tap(page, "#tab-map")
        tap(page, "#field-calibrate")
        page.locator("#field-map").hover()
        for _ in range(30):
            if metres_a_pixel(page) >= 3.5:
                break
            page.mouse.wheel(0, 120)
            page.wait_for_timeout(300)
        assert metres_a_pixel(page) >= 3.5, "the map doesn't zoom out"
        touch_at(page, shifted, here)
        tap(page, "button:has-text('用这个位置')")
        expect(page.locator("#field-said")).to_contain_text("GCJ-02")
        page.reload()
        ready(page)
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('群租')")
        expect(page.locator(".field-place")).to_contain_text("我的位置")
        expect(page.locator(".field-place .field-doubt")).to_have_count(0)


def metres_a_pixel(page: Page) -> float:
    bar = page.locator(".leaflet-control-scale-line")
    number, unit = bar.inner_text().split()
    return float(number) * {"m": 1, "km": 1000}[unit] / float(bar.evaluate("one => one.offsetWidth"))


def touch_at(page: Page, center: list[float], place: tuple[float, float]) -> None:
    """Touch a place on the map, whose middle is ``center``: by the scale bar, as a person would reckon."""
    metres = metres_a_pixel(page)
    box = page.locator("#field-map").bounding_box()
    assert box is not None
    east = (place[0] - center[0]) * 111_320 * math.cos(math.radians(place[1]))
    north = (place[1] - center[1]) * 110_900
    page.touchscreen.tap(box["x"] + box["width"] / 2 + east / metres, box["y"] + box["height"] / 2 - north / metres)


@pytest.mark.long
def test_over_plain_http_the_page_says_why(cluster: LocalCluster, copied_name: str, playwright: Playwright) -> None:
    with serving(cluster, copied_name, GIS_PUBLIC_URL=f"http://{NAME}") as served:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--disable-background-networking"],
        )
        context = browser.new_context(viewport=PHONE, extra_http_headers=served.headers)
        page = context.new_page()
        page.goto(f"http://{NAME}:{served.port}/field")
        ready(page)
        assert not page.evaluate("isSecureContext")
        expect(page.locator("#field-trouble")).to_contain_text("没有用 https 打开")
        assert page.get_attribute("#field-trouble a", "href") == "/trust"
        # What is done is kept and sent all the same.
        tap_or_click(page, "#field-report", ".field-tile:has-text('拉线充电')", "button:has-text('在地图上点选')")
        page.click("#field-map", position={"x": 195, "y": 300})
        tap_or_click(page, "button:has-text('用这个位置')", ".field-main:has-text('提交')", "#tab-queue")
        expect(page.locator(".field-edit.field-applied")).to_have_count(1)
        browser.close()


def tap_or_click(page: Page, *selectors: str) -> None:
    for selector in selectors:
        page.locator(selector).first.click()
