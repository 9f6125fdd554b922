"""The survey desk in Chromium on a real service over a copy of the sample: by mouse, by keyboard, and on a phone."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pyproj
import pytest
import shapely
from playwright.sync_api import Browser, Dialog, FilePayload, Page, Position, ViewportSize, expect

from gis_service.coordinates import wgs84_to_gcj02
from tests.api.browser_page import own_page
from tests.api.own_service import Served

PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=800)
GEOD = pyproj.Geod(ellps="GRS80")
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEAD = ("编号", "名称", "点位类型", "垃圾桶数", "投放时段", "经度", "纬度")
ADDED, GUESSED = (0, 158, 115), (213, 94, 0)
"""Colours of the map, red, green and blue: what is new, and where rows lie in a system that is asked about."""


@pytest.fixture
def page(chromium: Browser, served_copy: Served, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The desk, ready."""
    size = PHONE if getattr(request, "param", "desk") == "phone" else DESK
    with own_page(chromium, served_copy, size, accept_downloads=True) as found:
        found.goto(f"{served_copy.url}/uploads")
        expect(found.locator("html[data-desk=ready]")).to_be_attached()
        yield found


def asked(served: Served, path: str) -> Any:
    answer = httpx.get(f"{served.url}{path}", headers={"Accept": "application/json", **served.headers}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(served: Served, layer: str) -> dict[str, Any]:
    """Return a layer's features by their codes."""
    found = asked(served, f"/collections/{layer}/items?limit=all&f=json")["features"]
    return {one["properties"]["code"]: one for one in found}


def apart_m(one: Any, other: Any) -> float:
    """Return how far two [longitude, latitude] lie apart."""
    return float(GEOD.inv(*one, *other)[2])


def csv_file(head: tuple[str, ...], rows: list[tuple[Any, ...]], name: str) -> FilePayload:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return FilePayload(name=name, mimeType="text/csv", buffer=text.getvalue().encode())


def drop(page: Page, file: FilePayload) -> None:
    """Let a file fall onto the zone, as a hand with a mouse does."""
    held = page.evaluate_handle(
        """({ name, type, text }) => {
            const held = new DataTransfer();
            held.items.add(new File([text], name, { type }));
            return held;
        }""",
        {"name": file["name"], "type": file["mimeType"], "text": file["buffer"].decode()},
    )
    page.dispatch_event("#desk-drop", "dragover", {"dataTransfer": held})
    assert "desk-over" in (page.get_attribute("#desk-drop", "class") or "")
    page.dispatch_event("#desk-drop", "drop", {"dataTransfer": held})


def dots(page: Page, color: tuple[int, int, int]) -> int:
    """Return how many pixels of the map have a colour."""
    found: int = page.evaluate(
        """([r, g, b]) => {
            let found = 0;
            for (const canvas of document.querySelectorAll(".desk-map .leaflet-overlay-pane canvas")) {
                const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                for (let at = 0; at < pixels.length; at += 4) {
                    if (Math.abs(pixels[at] - r) + Math.abs(pixels[at + 1] - g) + Math.abs(pixels[at + 2] - b) < 12
                        && pixels[at + 3] > 200) { found += 1; }
                }
            }
            return found;
        }""",
        list(color),
    )
    return found


def shows(page: Page, color: tuple[int, int, int], *, least: int = 20) -> None:
    """Wait until a colour stands on the map."""
    for _ in range(60):
        if dots(page, color) >= least:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the map shows {dots(page, color)} pixels of {color}")


def press_commit(page: Page) -> None:
    page.click("#desk-commit")
    expect(page.locator("#desk-one .desk-state")).to_have_text("已入库")


def test_dropped_gcj02_file_is_named_shown_and_stored_where_it_belongs(page: Page, served_copy: Served) -> None:
    houses = list(stored(served_copy, "building").values())[::15][:80]
    truth = {
        f"GC{number:03}": shapely.point_on_surface(shapely.from_geojson(json.dumps(house["geometry"])))
        for number, house in enumerate(houses)
    }
    assert len(truth) >= 60
    rows = []
    for code, point in truth.items():
        lon, lat = wgs84_to_gcj02(point.x, point.y)
        assert apart_m((lon, lat), (point.x, point.y)) > 300
        rows.append((code, 3, 2, f"{float(lon):.7f}", f"{float(lat):.7f}"))
    page.select_option("#desk-layer", "rental_unit")
    drop(page, csv_file(("编号", "间数", "租住人数", "经度", "纬度"), rows, "高德采集.csv"))
    expect(page.locator("#desk-one .desk-state")).to_have_text("待入库")
    expect(page.locator("h1")).to_have_text("高德采集.csv")
    steps = page.locator(".desk-check")
    expect(steps.filter(has_text="坐标").first).to_contain_text(re.compile(r"GCJ-02.*明显好于别的坐标系"))
    expect(steps.filter(has_text="文件").first).to_contain_text(f"{len(rows)} 行")
    expect(page.locator(".desk-count.desk-added")).to_have_text(f"{len(rows)}新增")
    expect(page.locator(".desk-rows tbody tr")).to_have_count(len(rows))
    expect(page.locator(".desk-legend")).to_have_text("新增")
    shows(page, ADDED, least=len(rows) * 20)
    press_commit(page)
    expect(page.locator(".desk-written")).to_contain_text(f"入库 新增 {len(rows)}")
    expect(page.locator(".desk-rows tbody tr td:last-child").first).to_have_text("已写入")
    found = stored(served_copy, "rental_unit")
    assert max(apart_m(found[code]["geometry"]["coordinates"], (at.x, at.y)) for code, at in truth.items()) < 1


def test_an_open_system_is_asked_about_and_each_answer_is_shown(page: Page, served_copy: Served) -> None:
    truth = {f"YJ{number}": (120.9952 + number * 0.0006, 30.7012 + number * 0.0004) for number in range(5)}
    rows = [
        (code, "夜间投放点", "定时定点", 4, "全天", *(f"{float(one):.7f}" for one in wgs84_to_gcj02(*at)))
        for code, at in truth.items()
    ]
    page.select_option("#desk-layer", "waste_point")
    drop(page, csv_file(HEAD, rows, "少数几点.csv"))
    expect(page.locator("#desk-one .desk-state")).to_have_text("待回答")
    expect(page.locator(".desk-questions legend")).to_have_text("这份文件用的是哪种坐标系?")
    expect(page.locator(".desk-legend")).to_have_text("选一种坐标系,看文件里的点会落在哪里")
    # Nothing is chosen beforehand, so nobody takes the wrong one by a single press.
    assert page.locator(".desk-option input:checked").count() == 0
    page.click(".desk-questions .desk-main")
    expect(page.locator("#desk-one .desk-state")).to_have_text("待回答")
    page.check(".desk-option:has-text('GCJ-02') input")
    expect(page.locator(".desk-legend")).to_contain_text("5 个")
    shows(page, GUESSED)
    page.click(".desk-questions .desk-main")
    expect(page.locator("#desk-one .desk-state")).to_have_text("待入库")
    expect(page.locator(".desk-check").filter(has_text="坐标").first).to_contain_text("GCJ-02")
    assert dots(page, GUESSED) == 0
    press_commit(page)
    found = stored(served_copy, "waste_point")
    assert max(apart_m(found[code]["geometry"]["coordinates"], at) for code, at in truth.items()) < 1


def test_refused_rows_are_told_marked_in_the_workbook_and_left_out(
    page: Page, served_copy: Served, tmp_path: Path
) -> None:
    before = stored(served_copy, "waste_point")
    book = openpyxl.Workbook()
    assert book.active is not None
    good = [
        ("XL1", "好的点一", "定时定点", 6, "全天", 120.9952, 30.7040),
        ("XL2", "二", "大件垃圾", 2, "全天", 120.9961, 30.7031),
    ]
    bad = [
        ("XL3", "桶数为负", "定时定点", -4, "全天", 120.9957, 30.7036),
        ("XL4", "类型写错", "随便扔", 4, "全天", 120.9958, 30.7036),
        (None, "没有编号", "定时定点", 4, "全天", 120.9959, 30.7036),
    ]
    for row in (HEAD, good[0], *bad, good[1]):
        book.active.append(row)
    book.save(tmp_path / "投放点.xlsx")
    page.select_option("#desk-layer", "waste_point")
    page.select_option("[name=crs]", "EPSG:4490")
    page.set_input_files("#desk-file", tmp_path / "投放点.xlsx")
    expect(page.locator(".desk-tabs [aria-pressed=true]")).to_have_text("拒收 3")
    told = page.locator(".desk-rows tbody tr")
    expect(told).to_have_count(3)
    for number, (code, reason) in enumerate(
        [("XL3", "“桶数”的 -4 应不小于 0"), ("XL4", "没有 '随便扔' 这一项"), ("没有编码", "缺少编码")]
    ):
        expect(told.nth(number).locator("td").nth(0)).to_have_text(str(number + 2))
        expect(told.nth(number)).to_contain_text(code)
        expect(told.nth(number).locator(".desk-bad")).to_contain_text(reason)
    with page.expect_download() as download:
        page.click("text=下载标好问题的表格")
    download.value.save_as(tmp_path / "标好.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "标好.xlsx").active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows(max_col=len(HEAD)) for cell in row]
    marked = ["D3", "C4", "A5"]
    assert [cell.coordinate for cell in cells if cell.fill.fill_type == "solid"] == marked
    assert [cell.coordinate for cell in cells if cell.comment] == marked
    assert "不小于 0" in str(sheet["D3"].comment.text)
    expect(page.locator("#desk-commit")).to_have_text("入库(3 行拒收的不写)")
    press_commit(page)
    assert stored(served_copy, "waste_point").keys() - before.keys() == {"XL1", "XL2"}
    asked_for: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked_for.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    page.click("#desk-revert")
    expect(page.locator("#desk-one .desk-state")).to_have_text("已撤回")
    assert "撤回“投放点.xlsx”?" in asked_for[0]
    assert stored(served_copy, "waste_point").keys() == before.keys()
    # The revert is an upload of its own, and can be opened and taken back.
    page.click(".desk-written a:has-text('撤回')")
    expect(page.locator("h1")).to_have_text("撤回:投放点.xlsx")
    page.click("#desk-revert")
    expect(page.locator("#desk-one .desk-state")).to_have_text("已撤回")
    assert stored(served_copy, "waste_point").keys() - before.keys() == {"XL1", "XL2"}


def ledger(code: str) -> FilePayload:
    """Return a ledger without coordinates, of which one row has no address that is known."""
    return csv_file(("编号", "名称", "点位类型", "垃圾桶数"), [(code, "在河边的点", "定时定点", 3)], "台账.csv")


def test_a_row_without_a_place_is_placed_by_a_click(page: Page, served_copy: Served) -> None:
    page.select_option("#desk-layer", "waste_point")
    page.set_input_files("#desk-file", ledger("TZ1"))
    expect(page.locator("#desk-commit")).to_have_text("没有可以入库的行")
    page.click(".desk-place")
    # The map waits for its ground before it takes a click, and says so then.
    expect(page.locator(".desk-hint-pick")).to_be_visible()
    shape = page.locator(".desk-map").bounding_box()
    assert shape is not None
    at = Position(x=shape["width"] * 0.45, y=shape["height"] * 0.55)
    page.click(".desk-map", position=at)
    expect(page.locator(".desk-count.desk-added")).to_have_text("1新增")
    expect(page.locator(".desk-hint-pick")).to_be_hidden()
    # The new point stands where the click was.
    shows(page, ADDED)
    shape = page.locator(".desk-map").bounding_box()
    assert shape is not None
    # Leaflet looks at the pointer every 32 ms only, so a single jump may go unseen.
    for step in (60, 3, 1, 0):
        page.mouse.move(shape["x"] + at["x"] + step, shape["y"] + at["y"])
        page.wait_for_timeout(50)
    expect(page.locator(".leaflet-tooltip")).to_have_text("新增 TZ1")
    upload = page.url.rpartition("/")[2]
    place = asked(served_copy, f"/uploads/{upload}/rows")["rows"][0]
    press_commit(page)
    found = stored(served_copy, "waste_point")["TZ1"]["geometry"]["coordinates"]
    assert apart_m(found, (place["lon"], place["lat"])) < 0.01


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something has the focus, once it is there, and see that the focus shows."""
    expect(page.locator(selector).first).to_be_attached()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            ring = page.evaluate(
                "getComputedStyle(document.activeElement.closest('.desk-drop') || document.activeElement).outlineStyle"
            )
            assert ring == "solid", f"the focus on {selector} doesn't show"
            return
    raise AssertionError(f"Tab doesn't lead to {selector}")


def test_everything_by_keyboard(page: Page, served_copy: Served) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    tab_to(page, "#desk-file")
    # The zone comes before what is wished, so one goes there and back.
    tab_to(page, "#desk-layer")
    for _ in range(20):
        if page.input_value("#desk-layer") != "waste_point":
            page.keyboard.press("ArrowDown")
    assert page.input_value("#desk-layer") == "waste_point"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
    chooser.value.set_files(ledger("JP1"))
    expect(page.locator("#desk-one .desk-state")).to_have_text("待入库")
    expect(page.locator("h1")).to_be_focused()
    tab_to(page, ".desk-place")
    page.keyboard.press("Enter")
    expect(page.locator(".desk-map")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(400)
    page.keyboard.press("Enter")
    expect(page.locator("#desk-commit")).to_have_text("入库")
    expect(page.locator("tr[data-row='1'] td:last-child button")).to_be_focused()
    expect(page.locator("#desk-said")).to_have_text("JP1:已落图,入库时写入")
    page.keyboard.press("Space")
    expect(page.locator("tr[data-row='1'] td:last-child button")).to_have_text("还是要")
    page.keyboard.press("Space")
    expect(page.locator("tr[data-row='1'] td:last-child button")).to_have_text("不要")
    page.evaluate("document.getElementById('desk-title').focus()")
    tab_to(page, "#desk-commit")
    page.keyboard.press("Enter")
    expect(page.locator("#desk-one .desk-state")).to_have_text("已入库")
    assert "JP1" in stored(served_copy, "waste_point")
    expect(page.locator("h1")).to_be_focused()
    tab_to(page, "#desk-revert")
    page.keyboard.press("Space")
    expect(page.locator("#desk-one .desk-state")).to_have_text("已撤回")
    assert "JP1" not in stored(served_copy, "waste_point")


def fits_a_phone(page: Page) -> None:
    """See that nothing is wider than the screen, cut off, or too small for a finger."""
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small, outside, cut = page.evaluate(
        """() => {
            const said = (one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 30)}`;
            const seen = [...document.querySelectorAll("body *")].filter((one) =>
                one.checkVisibility() && !one.closest(".desk-unseen, .leaflet-pane, #desk-file"));
            const pressed = seen.filter((one) => one.matches("a, button, select, summary, label, input[name=grid]"));
            const small = pressed.filter((one) => {
                const box = one.getBoundingClientRect();
                return box.height < 40 || box.width < 40;
            });
            const outside = seen.filter((one) => {
                const box = one.getBoundingClientRect();
                return box.width && !one.closest(".desk-sample .desk-scroll, .desk-map")
                    && (box.left < 0 || box.right > innerWidth);
            });
            const cut = seen.filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth
                && ["hidden", "clip"].includes(getComputedStyle(one).overflowX) && !one.closest(".desk-map"));
            return [small.map(said), outside.map(said), cut.map(said)];
        }"""
    )
    assert small == []
    assert outside == []
    assert cut == []


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_on_a_phone(page: Page, served_copy: Served) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    fits_a_phone(page)
    page.select_option("#desk-layer", "waste_point")
    page.select_option("#desk-mode", "replace")
    fits_a_phone(page)
    page.select_option("#desk-mode", "upsert")
    waste = stored(served_copy, "waste_point")["LJ005"]
    lon, lat = waste["geometry"]["coordinates"]
    rows = [
        ("SJ1", "一个名字特别长的投放点,写满了说明和备注" * 3, "定时定点", 4, "全天", lon + 0.0002, lat),
        ("LJ005", waste["properties"]["name"], "定时定点", 99, "06:00—09:00,17:00—21:00", lon + 0.0003, lat),
        ("SJ2", "桶数写错", "定时定点", -1, "全天", lon - 0.0004, lat + 0.0003),
        ("SJ3", "没有位置", "定时定点", 1, "全天", None, None),
    ]
    page.set_input_files("#desk-file", csv_file(HEAD, rows, f"{'新群社区投放点复核结果' * 6}(最终版).csv"))
    expect(page.locator(".desk-questions")).to_be_visible()
    fits_a_phone(page)
    page.tap(".desk-option:has-text('EPSG:4490')")
    page.tap(".desk-questions .desk-main")
    expect(page.locator("#desk-commit")).to_have_text("入库(1 行拒收、1 行待落图的不写)")
    fits_a_phone(page)
    page.tap(".desk-tabs button:has-text('待落图')")
    page.tap(".desk-place")
    expect(page.locator(".desk-hint-pick")).to_be_visible()
    fits_a_phone(page)
    page.tap(".desk-map", position={"x": 180, "y": 200})
    expect(page.locator("#desk-commit")).to_have_text("入库(1 行拒收的不写)")
    page.tap(".desk-tabs button:has-text('全部会改的')")
    expect(page.locator(".desk-rows tbody tr")).to_have_count(3)
    line = page.locator("tr[data-row='2']")
    expect(line).to_contain_text("99 只")
    labels = line.locator("td").evaluate_all("(cells) => cells.map((one) => getComputedStyle(one, '::before').content)")
    assert labels == ['"行(不算表头)"', '"编码、名称"', '"会怎样"', '"改什么、哪里有问题"', '"决定"']
    fits_a_phone(page)
    page.tap("#desk-commit")
    expect(page.locator("#desk-one .desk-state")).to_have_text("已入库")
    fits_a_phone(page)
    assert stored(served_copy, "waste_point")["LJ005"]["properties"]["bins"] == 99
    page.tap("#desk-revert")
    expect(page.locator("#desk-one .desk-state")).to_have_text("已撤回")
    fits_a_phone(page)
    page.tap(".desk-path a:has-text('上传台')")
    expect(page.locator(".desk-list tbody tr").first).to_contain_text("撤回:")
    fits_a_phone(page)
