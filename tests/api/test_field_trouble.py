"""The field page in trouble: a moved worker, a shared phone, a weak signal, a night with the page open."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect
from sqlalchemy import Engine, text

from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from tests.api.own_service import Served
from tests.api.slow_link import SlowLink
from tests.local_client import token_for

GRID = f"{COMMUNITY}001"
OTHER_GRID = f"{COMMUNITY}002"
ELSEWHERE = "330482002999"
PHONE = ViewportSize(width=390, height=844)
pytestmark = pytest.mark.long


@pytest.fixture
def workers(copied: Database) -> dict[str, dict[str, str]]:
    """The headers of two workers who share a phone."""
    return {
        worker: {"Authorization": f"Bearer {token_for(copied, grid, role='grid_worker', name=worker)}"}
        for worker, grid in (("wang", GRID), ("zhao", OTHER_GRID))
    }


@pytest.fixture
def place(copied_superuser: Engine) -> Callable[[str], tuple[float, float]]:
    """A function that returns where the first thing of a layer stands in the worker's grid."""

    def find(layer: str) -> tuple[float, float]:
        query = f"select st_x(p), st_y(p) from (select st_pointonsurface(geom) p from gis.{layer} where grid = :grid"
        with copied_superuser.connect() as conn:
            row = conn.execute(text(f"{query} order by code limit 1) x"), {"grid": GRID}).one()
        return row[0], row[1]

    return find


@pytest.fixture
def context(
    chromium: Browser, workers: dict[str, dict[str, str]], place: Callable[[str], tuple[float, float]]
) -> Iterator[BrowserContext]:
    """Wang's phone at a let unit, without a worker, which would send past what cuts the network here."""
    lon, lat = place("rental_unit")
    found = chromium.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN", timezone_id="Asia/Shanghai",
        extra_http_headers=workers["wang"], permissions=["geolocation"], service_workers="block",
        geolocation={"longitude": lon, "latitude": lat, "accuracy": 8},
    )  # fmt: skip
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext, served_copy: Served) -> Page:
    found = context.new_page()
    opened(found, served_copy)
    expect(found.locator("#field-net")).to_have_text("已同步")
    # The list of the day is the last thing that the page reads.
    expect(found.locator("#tab-today")).to_be_visible()
    found.wait_for_function("indexedDB.databases().then((all) => all.length > 0)")
    wait_for_rows(found, "today")
    return found


def opened(page: Page, served_copy: Served) -> None:
    page.goto(f"{served_copy.url}/field")
    page.wait_for_selector("html[data-ready=yes]", timeout=20_000)


def kept(page: Page, store: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(f"import('/static/field/store.js').then((one) => one.all('{store}'))")
    return found


def wait_for_rows(page: Page, *names: str) -> None:
    for _ in range(100):
        if set(names) <= {one["name"] for one in kept(page, "data")}:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{names} never came")


def put(page: Page, store: str, row: dict[str, Any]) -> None:
    """Put what an earlier day left into the phone."""
    page.evaluate(f"(row) => import('/static/field/store.js').then((one) => one.put('{store}', row))", row)


def edit(kind: str = "case", **given: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "kind": kind, "body": {}, "title": "留下的", "suspect": None, "account": "wang",
        "made_at": "2026-01-05T01:00:00.000Z", "community": COMMUNITY, "state": "waiting", "problem": None,
        "result": None, **given,
    }  # fmt: skip


def report(page: Page) -> None:
    page.tap("#field-report")
    page.tap(".field-tile:has-text('暴露垃圾')")
    page.tap(".field-main:has-text('提交')")


def cut(page: Page, *patterns: str) -> None:
    for pattern in patterns:
        page.route(pattern, lambda route: route.abort())


def test_what_a_former_community_refuses_holds_up_nothing(page: Page) -> None:
    put(page, "edits", edit(community=ELSEWHERE, title="原来社区的"))
    report(page)
    page.tap("#tab-queue")
    expect(page.locator(".field-edit.field-applied")).to_have_count(1)
    # It stays, and the page says why.
    expect(page.locator(".field-edit.field-waiting")).to_contain_text("原来社区的")
    expect(page.locator("#field-queue [role=status]")).to_contain_text(f"没有社区 {ELSEWHERE}")


def test_a_browser_without_timeouts_of_requests_sends_too(context: BrowserContext, served_copy: Served) -> None:
    context.add_init_script("delete AbortSignal.timeout")
    page = context.new_page()
    opened(page, served_copy)
    expect(page.locator("#field-net")).to_have_text("已同步")
    report(page)
    page.tap("#tab-queue")
    expect(page.locator(".field-edit.field-applied")).to_have_count(1)


def test_a_photo_that_is_too_slow_is_told_of_and_holds_up_no_other(
    context: BrowserContext, served_copy: Served, tmp_path: Path
) -> None:
    """The link is so slow that the service gives up the larger photo; the smaller one passes."""
    link = SlowLink(served_copy.port)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{link.port}/field")
    page.wait_for_selector("html[data-ready=yes]", timeout=20_000)
    expect(page.locator("#field-net")).to_have_text("已同步")
    page.tap("#field-report")
    page.tap(".field-tile:has-text('暴露垃圾')")
    for name, size in (("large", 1300), ("small", 60)):
        Image.effect_noise((size, size), 60).save(tmp_path / f"{name}.jpg")
        page.set_input_files("#report-photo", tmp_path / f"{name}.jpg")
    expect(page.locator(".field-photos img")).to_have_count(2)
    link.slow.set()
    page.tap(".field-main:has-text('提交')")
    page.tap("#tab-queue")
    expect(page.locator(".field-edit.field-applied")).to_have_count(1, timeout=20_000)
    expect(page.locator("#field-queue [role=status]")).to_contain_text("还有 1 张照片没有上传", timeout=20_000)
    # Chromium itself tries twice more what was refused as too slow on a connection that had been in use.
    expect(page.locator("#field-queue [role=status]")).to_contain_text(
        "有照片没有传上去,还在手机里:请求没有传完", timeout=200_000
    )
    link.slow.clear()
    page.tap("button:has-text('现在上传')")
    expect(page.locator("#field-queue [role=status]")).to_have_text("改动都已上传", timeout=20_000)


def test_nothing_of_one_worker_is_left_under_anothers_name(
    page: Page, context: BrowserContext, workers: dict[str, dict[str, str]], served_copy: Served
) -> None:
    page.tap("#tab-today")
    page.locator("#field-today .field-row[data-layer=rental_unit]").first.tap()
    page.tap("[data-outcome='02']")
    page.tap(".field-main:has-text('保存走访')")
    expect(page.locator(".field-over")).to_have_count(1)
    assert {"start", "today", "rental_unit", "grid"} <= {one["name"] for one in kept(page, "data")}
    # The network breaks off when the service has said whose the phone is now.
    context.set_extra_http_headers(workers["zhao"])
    cut(page, "**/collections/**", "**/today?**")
    opened(page, served_copy)
    expect(page.locator("#field-who")).to_contain_text("zhao")
    assert [one["name"] for one in kept(page, "data")] == ["start"]
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    page.tap("#tab-today")
    expect(page.locator("#field-today .field-stops")).to_have_count(0)
    page.unroute("**/collections/**")
    page.unroute("**/today?**")
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    wait_for_rows(page, "today", "rental_unit")
    page.tap("#tab-today")
    expect(page.locator("#field-today .field-row").first).to_be_visible()
    expect(page.locator(".field-over")).to_have_count(0)


def test_what_the_service_refuses_is_not_called_sent(page: Page) -> None:
    put(page, "edits", edit("nonsense" * 20, title="服务不认得"))
    page.tap("#tab-queue")
    page.tap("button:has-text('现在上传')")
    expect(page.locator(".field-edit.field-refused")).to_contain_text("服务不认得")
    expect(page.locator("#field-net")).to_have_text("1 项没有收下")
    expect(page.locator("#tab-queue-count")).to_have_text("1")
    expect(page.locator("#tab-queue")).to_have_attribute("aria-label", "待传,1 项没有收下")
    expect(page.locator("#field-queue [role=status]")).to_contain_text("1 项没有收下")
    assert "都已上传" not in page.locator("#field-queue").inner_text()
    # It stays until whoever made it lets go of it.
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.tap("button:has-text('不要了')")
    expect(page.locator(".field-edit.field-refused")).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept())
    page.tap("button:has-text('不要了')")
    expect(page.locator("#field-net")).to_have_text("已同步")
    assert kept(page, "edits") == []


def test_the_office_is_asked_rarely_and_only_about_what_it_decided(
    page: Page, served_copy: Served, place: Callable[[str], tuple[float, float]]
) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/sync/edits" in one.url else None)
    lon, lat = place("rental_unit")
    body = {"event_code": "05-04", "lon": lon, "lat": lat, "level": "01", "register": True}
    put(page, "edits", edit(body=body, suspect="定位误差 90 米", title="可疑的"))

    def broken(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body='{"edits": [{"id": ')

    page.route("**/sync/edits?**", broken)
    page.tap("#tab-queue")
    page.tap("button:has-text('现在上传')")
    status = page.locator("#field-queue [role=status]")
    # An answer that was cut off is an end too, and said to be one.
    expect(status).to_contain_text("上传中断了")
    expect(page.locator(".field-edit.field-conflict")).to_have_count(1)
    page.unroute("**/sync/edits?**")
    page.tap("button:has-text('现在上传')")
    expect(status).to_contain_text("改动都已上传")
    asked.clear()
    for _ in range(3):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(300)
    assert asked == []
    (held,) = [one for one in kept(page, "edits") if one["title"] == "可疑的"]
    decided = httpx.post(
        f"{served_copy.url}/sync/edits/{held['id']}?community={COMMUNITY}",
        json={"take": "mine"},
        headers=served_copy.headers,
    )
    assert decided.status_code == 200, decided.text
    page.tap("button:has-text('现在上传')")
    expect(page.locator(".field-edit.field-settled")).to_contain_text("可疑的")
    assert [url.partition("?")[2].partition("&")[0] for url in asked[:2]] == ["state=settled", "state=dropped"]


def test_many_messages_are_read_about_once(page: Page, place: Callable[[str], tuple[float, float]]) -> None:
    read: list[str] = []
    page.on("request", lambda one: read.append(one.url) if "/field/start" in one.url else None)
    lon, lat = place("rental_unit")
    for number in range(45):
        body = {"event_code": "05-04", "lon": lon, "lat": lat, "register": True, "detail": f"第 {number} 件"}
        put(page, "edits", edit(body=body))
    page.tap("#tab-queue")
    page.tap("button:has-text('现在上传')")
    expect(page.locator(".field-edit.field-applied")).to_have_count(45, timeout=20_000)
    page.wait_for_timeout(1500)
    assert len(read) == 1, "three messages"


def test_a_count_is_still_there_after_a_reload_without_a_signal(page: Page) -> None:
    cut(page, "**/field/start", "**/collections/**", "**/sync?**", "**/sync")
    page.tap("#tab-near")
    row = page.locator("#field-near .field-row:has-text('出租房')").first
    row.tap()
    before = int(page.input_value("[id='count-租住人数']") or "0")
    page.tap("button[aria-label='租住人数加一']")
    page.tap(".field-main:has-text('保存改正')")
    expect(page.locator("#field-said")).to_contain_text("已保存")
    # And when the service is heard before the edit was sent.
    for heard in (False, True):
        if heard:
            page.unroute("**/field/start")
            page.unroute("**/collections/**")
        page.reload()
        page.wait_for_selector("html[data-ready=yes]")
        page.wait_for_timeout(1500)
        page.tap("#tab-near")
        page.locator("#field-near .field-row:has-text('出租房')").first.tap()
        assert page.input_value("[id='count-租住人数']") == str(before + 1)


def test_a_photo_that_is_being_made_smaller_comes_along_to_the_map(
    context: BrowserContext, served_copy: Served, tmp_path: Path
) -> None:
    # As slow as an old phone.
    context.add_init_script(
        "const quick = createImageBitmap; window.createImageBitmap = (...given) =>"
        " new Promise((done) => setTimeout(done, 2500)).then(() => quick(...given))"
    )
    page = context.new_page()
    opened(page, served_copy)
    page.tap("#field-report")
    page.tap(".field-tile:has-text('暴露垃圾')")
    Image.new("RGB", (640, 480), (20, 90, 160)).save(tmp_path / "photo.jpg")
    page.set_input_files("#report-photo", tmp_path / "photo.jpg")
    page.tap("button:has-text('在地图上点选')")
    page.touchscreen.tap(200, 300)
    page.tap("button:has-text('用这个位置')")
    expect(page.locator(".field-photos img")).to_have_count(1)
    expect(page.locator(".field-place")).to_contain_text("地图上点选的位置")


def test_counts_nobody_meant_are_not_saved(
    page: Page, context: BrowserContext, place: Callable[[str], tuple[float, float]]
) -> None:
    page.tap("#tab-near")
    page.locator("#field-near .field-row:has-text('出租房')").first.tap()
    count = page.locator("[id='count-租住人数']")
    given = count.input_value()
    count.fill("7")
    count.fill("")
    count.blur()
    expect(count).to_have_value(given)
    expect(page.locator(".field-main")).to_be_disabled()
    page.tap("[data-sheet] .field-close")
    lon, lat = place("waste_point")
    context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 8})
    row = page.locator("#field-near [aria-label=附近] .field-row").first
    expect(row).to_contain_text("垃圾投放点")
    row.tap()
    page.fill("[id='count-检查数']", "10")
    page.fill("[id='count-正确数']", "12")
    page.locator("[id='count-正确数']").blur()
    page.tap(".field-main:has-text('保存清点')")
    expect(page.locator("#field-said")).to_contain_text("正确数不能比检查数多")
    assert kept(page, "edits") == []
    page.fill("[id='count-正确数']", "9")
    page.locator("[id='count-正确数']").blur()
    page.tap(".field-main:has-text('保存清点')")
    page.tap("#tab-queue")
    expect(page.locator(".field-edit.field-applied")).to_contain_text("(清点)")
    (held,) = kept(page, "edits")
    assert (held["body"]["checked_count"], held["body"]["correct_count"]) == (10, 9)


@pytest.mark.parametrize("text_", ["房东 139 1234 5678", "证件11010119900307803X", "+86-13912345678"])
def test_a_number_of_a_person_is_refused_while_it_can_be_mended(page: Page, text_: str) -> None:
    page.tap("#field-report")
    page.tap(".field-tile:has-text('暴露垃圾')")
    # Nothing of the form lies beside the screen, not even what is unseen.
    sheet = page.locator("dialog[open]")
    assert sheet.evaluate("(it) => it.scrollWidth - it.clientWidth") == 0
    page.fill("[data-sheet] textarea", text_)
    page.tap(".field-main:has-text('提交')")
    expect(page.locator("#field-said")).to_contain_text("疑似有手机号或身份证号")
    assert kept(page, "edits") == []
    # A credit code and a telephone of an office are nobody's.
    page.fill("[data-sheet] textarea", "企业 913304821468512345,电话 0573-85012345,2026-11-30 看过")
    page.tap(".field-main:has-text('提交')")
    expect(page.locator("#field-said")).to_contain_text("已保存")
    (held,) = kept(page, "edits")
    assert held["body"]["detail"].startswith("企业 9133")


def test_what_was_done_without_a_signal_is_shown_as_done(
    page: Page, context: BrowserContext, served_copy: Served
) -> None:
    asked = f"{served_copy.url}/cases?kind=open&grid={GRID}&status=rectifying,advised&level=01&limit=1"
    case = httpx.get(asked, headers=served_copy.headers).json()["cases"][0]
    context.set_geolocation({"longitude": case["lon"], "latitude": case["lat"], "accuracy": 8})
    cut(page, "**/sync*", "**/today*", "**/collections/**")
    open_case = page.locator(f"#field-near .field-row:has-text('{case['event_code_title']}')").first
    page.tap("#tab-near")
    open_case.tap()
    page.tap("[data-sheet] button:has-text('报请复查')")
    page.fill("[data-sheet] textarea", "线已收")
    page.tap("[data-sheet] .desk-form button[type=submit]")
    page.wait_for_timeout(500)
    page.tap("#tab-near")
    open_case.tap()
    steps = page.locator("[data-sheet] .field-choices")
    expect(steps).to_contain_text("复查通过")
    expect(steps).not_to_contain_text("报请复查")
    (held,) = [one for one in kept(page, "edits") if one["kind"] == "step"]
    assert held["shows"]["properties"]["status"] == "recheck"


def test_nobody_met_is_not_called_done(page: Page) -> None:
    page.tap("#tab-today")
    row = page.locator("#field-today .field-row[data-layer=rental_unit]").first
    row.tap()
    page.tap("[data-outcome='02']")
    page.tap(".field-main:has-text('保存走访')")
    expect(page.locator(".field-over")).to_contain_text("今天去过,没有办成")


def test_a_new_day_begins_with_nothing_done(page: Page) -> None:
    page.tap("#tab-today")
    page.locator("#field-today .field-row[data-layer=rental_unit]").first.tap()
    page.tap("[data-outcome='02']")
    page.tap(".field-main:has-text('保存走访')")
    expect(page.locator(".field-over")).to_have_count(1)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/today?" in one.url else None)
    page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=1))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".field-over")).to_have_count(0)
    page.wait_for_timeout(2000)
    assert asked, "the list is the one of yesterday"
    page.locator("#field-today .field-row[data-layer=rental_unit]").first.tap()
    page.tap("[data-outcome='02']")
    page.tap(".field-main:has-text('保存走访')")
    expect(page.locator(".field-over")).to_have_count(1)
    (done,) = [one["value"] for one in kept(page, "settings") if one["name"] == "done"]
    assert (done["of"].startswith("wang "), len(done["things"])) == (True, 1)
