"""The field page on a phone over HTTPS: a day without a signal, a killed browser, and all of it at the office later."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Playwright, ViewportSize, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from sqlalchemy import Engine, text

from gis_service.certificates.authority import make_certificate
from gis_service.certificates.folder import CertificateFolder
from gis_service.database import connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.people.accounts import add_account, set_password
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.api.https_office import NAME
from tests.api.own_service import Served, serving

GRID = f"{COMMUNITY}001"
PASSWORD = "long-enough-password-1"
PHONE = ViewportSize(width=390, height=844)
OWN_JS_BYTES = 150_000
PAGES = (
    "/", "/desk", "/desk?view=figures", "/field", "/maps?f=html", "/maps/hazards", "/uploads", "/exports", "/account",
    "/collections?f=html", "/collections/hazard/items?f=html", "/api.html",
)  # fmt: skip
ASSETS = Path(__file__).parents[2] / "maps/assets"
AXE = Path(__file__).parents[2] / "maps/vendor/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def name(make_database: Callable[..., str], untouched_sample: str) -> str:
    return make_database(untouched_sample)


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, name: str) -> Iterator[Engine]:
    engine = open_engine(cluster.url("postgres", name))
    yield engine
    engine.dispose()


@dataclass(frozen=True)
class Office:
    """A service over HTTPS, what a Chromium needs to reach it under a name, and a client of the office."""

    served: Served
    arguments: list[str]
    desk: httpx.Client

    @property
    def address(self) -> str:
        return f"https://{NAME}:{self.served.port}"


@pytest.fixture(scope="module")
def office(cluster: LocalCluster, name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    data = tmp_path_factory.mktemp("data")
    folder = CertificateFolder(data)
    make_certificate(folder, [NAME, "127.0.0.1"])
    held = folder.certificate()
    assert held is not None
    key = held.leaf.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pin = base64.b64encode(hashlib.sha256(key).digest()).decode()
    database = connect(cluster.url("gis_app", name))
    with database.write(Scope("operator", "operator", ())) as conn:
        add_account(conn, "wang", "grid_worker", [GRID])
        set_password(conn, "wang", PASSWORD, "operator")
    database.close()
    arguments = [
        "--no-sandbox", "--disable-quic", "--disable-background-networking",
        f"--host-resolver-rules=MAP {NAME} 127.0.0.1", f"--ignore-certificate-errors-spki-list={pin}",
    ]  # fmt: skip
    with serving(cluster, name, scheme="https", GIS_DATA_DIR=str(data)) as served:
        trusting = ssl.create_default_context(cafile=folder.authority)
        with httpx.Client(verify=trusting, base_url=served.url, headers=served.headers, timeout=20) as desk:
            yield Office(served, arguments, desk)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture
def here(superuser: Engine) -> tuple[float, float]:
    """A let unit's place in the worker's grid."""
    with superuser.connect() as conn:
        row = conn.execute(
            text("select st_x(geom), st_y(geom) from gis.rental_unit where grid = :grid order by code limit 1"),
            {"grid": GRID},
        ).one()
    return row[0], row[1]


@contextmanager
def phone(
    playwright: Playwright, profile: Path, office: Office, at: tuple[float, float], *, offline: bool = False
) -> Iterator[BrowserContext]:
    """Start a phone's browser with what it held before."""
    context = playwright.chromium.launch_persistent_context(
        str(profile), executable_path="/usr/bin/chromium", args=office.arguments, viewport=PHONE, has_touch=True,
        is_mobile=True, device_scale_factor=2, locale="zh-CN", timezone_id="Asia/Shanghai", offline=offline,
        permissions=["geolocation"], geolocation={"longitude": at[0], "latitude": at[1], "accuracy": 8},
        accept_downloads=True,
    )  # fmt: skip
    try:
        yield context
    finally:
        # It may have been killed.
        with suppress(PlaywrightError):
            context.close()


def kill(profile: Path) -> None:
    """Kill the browser that holds a profile, without a warning."""
    killed = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes()
                if f"--user-data-dir={profile}".encode() in line:
                    os.kill(int(folder.name), signal.SIGKILL)
                    killed += 1
            except (FileNotFoundError, ProcessLookupError):
                continue
    assert killed


def log_in(page: Page, office: Office) -> None:
    page.goto(f"{office.address}/login?next=/field")
    page.fill("#name", "wang")
    page.fill("#password", PASSWORD)
    page.click("button:has-text('登录')")
    ready(page)


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-ready=yes]", timeout=20_000)


def cached(page: Page) -> None:
    """Wait until the phone has everything: the worker, the layers, the list."""
    page.wait_for_selector("html[data-offline=yes]", timeout=20_000)


def picture(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(path, "JPEG", exif=exif)
    assert Image.open(path).getexif()
    return path


def tap(page: Page, selector: str) -> None:
    page.locator(selector).first.tap()


def test_a_day_without_a_signal(
    playwright: Playwright, office: Office, here: tuple[float, float], superuser: Engine,
    tmp_path: Path,
) -> None:  # fmt: skip
    profile, taken = tmp_path / "profile", picture(tmp_path / "photo.jpg")
    with phone(playwright, profile, office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        assert page.evaluate("isSecureContext")
        cached(page)
    with phone(playwright, profile, office, here) as context:
        page = context.pages[0]
        page.goto(f"{office.address}/field")
        cached(page)
        context.set_offline(offline=True)
        # A hazard with a photo: four taps, the camera's own aside.
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('占用消防通道')")
        with page.expect_file_chooser() as chooser:
            tap(page, "label.field-camera")
        chooser.value.set_files(taken)
        expect(page.locator(".field-photos img")).to_have_count(1)
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-said")).to_contain_text("保存在手机里")
        # A visit with the count put right: open, touch the count, save.
        tap(page, "#tab-near")
        row = page.locator("#field-near .field-row:has-text('出租房')").first
        title = row.locator("b").inner_text()
        row.tap()
        tap(page, "button[aria-label='租住人数加一']")
        tap(page, ".field-main:has-text('保存')")
        expect(page.locator("#tab-queue-count")).to_have_text("3")
        page.reload()
        ready(page)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-waiting")).to_have_count(2)
        kill(profile)
    with phone(playwright, profile, office, here, offline=True) as context:
        page = context.pages[0]
        page.goto(f"{office.address}/field")
        ready(page)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-waiting")).to_have_count(2)
        assert "占用消防通道" in page.locator("#field-queue").inner_text()
        assert title in page.locator("#field-queue").inner_text()
        with superuser.connect() as conn:
            before = conn.execute(text("select count(*) from gis.hazard where recorded_by = 'wang'")).scalar()
        assert before == 0
        context.set_offline(offline=False)
        begun = time.monotonic()
        expect(page.locator(".field-edit.field-applied")).to_have_count(2, timeout=15_000)
        synced = time.monotonic()
        case = on_the_desk(office, "X-FS03")
        shown = time.monotonic() - synced
        expect(page.locator("#tab-queue-count")).to_have_text("", timeout=15_000)
    assert shown < 5, (shown, synced - begun)
    whole = office.desk.get(f"/cases/{case['id']}").json()
    (photo,) = whole["photos"]
    file = office.desk.get(f"/cases/{case['id']}/photos/{photo['id']}")
    assert not Image.open(io.BytesIO(file.content)).getexif()
    assert b"Camera" not in file.content
    with superuser.connect() as conn:
        visit = conn.execute(text("select * from gis.visit where recorded_by = 'wang'")).mappings().one()
        unit = conn.execute(
            text("select * from gis.rental_unit where code = :code"), {"code": visit["target_code"]}
        ).mappings().one()  # fmt: skip
        was = conn.execute(
            text("select tenant_count from gis.rental_unit_history where id = :id and version = 1"), {"id": unit["id"]}
        ).scalar()
    assert (visit["check_result"], unit["tenant_count"], unit["address"]) == ("count_differs", (was or 0) + 1, title)


def on_the_desk(office: Office, event: str) -> dict[str, Any]:
    """Wait until the office's list has a case of this event that the worker filed, and return it."""
    for _ in range(50):
        found = office.desk.get(f"/cases?kind=all&event={event}&limit=1000").json()
        mine = [one for one in found["cases"] if one["code"].startswith("AJ")]
        if mine and mine[0]["photos"]:
            case: dict[str, Any] = mine[0]
            return case
        time.sleep(0.2)
    raise AssertionError("the case with its photo never came to the desk")


@pytest.mark.long
def test_the_queue_goes_out_as_a_file_and_comes_back(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    with phone(playwright, tmp_path / "one", office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        cached(page)
        context.set_offline(offline=True)
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('飞线')")
        page.fill("#report-detail", "三楼到对面")
        # A draft survives a reload, once it is on the disk.
        page.wait_for_timeout(1500)
        page.reload()
        ready(page)
        tap(page, "#field-report")
        tap(page, "button:has-text('接着报')")
        assert page.input_value("#report-detail") == "三楼到对面"
        with page.expect_file_chooser() as chooser:
            tap(page, "label.field-camera")
        chooser.value.set_files(picture(tmp_path / "photo.jpg"))
        expect(page.locator(".field-photos img")).to_have_count(1)
        tap(page, ".field-main:has-text('提交')")
        tap(page, "#tab-queue")
        with page.expect_download() as download:
            tap(page, "button:has-text('导出为文件')")
        saved = tmp_path / "queue.json"
        download.value.save_as(saved)
    held = json.loads(saved.read_text(encoding="utf-8"))
    assert [one["body"]["detail"] for one in held["edits"]] == ["三楼到对面"]
    assert held["photos"][0]["data"].startswith("data:image/jpeg;base64,")
    with phone(playwright, tmp_path / "two", office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        tap(page, "#tab-queue")
        with page.expect_file_chooser() as chooser:
            tap(page, "label[for=queue-file]")
        chooser.value.set_files(saved)
        expect(page.locator(".field-edit.field-applied")).to_have_count(1, timeout=15_000)
        case = on_the_desk(office, "X-UT01")
        assert case["detail"] == "三楼到对面"


@pytest.mark.long
def test_a_shifted_phone_is_calibrated_and_a_doubtful_place_waits(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    with phone(playwright, tmp_path / "profile", office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        cached(page)
        module = "/static/field/geometry.js"
        shifted = page.evaluate(f"import('{module}').then((one) => one.toGcj({list(here)}))")
        back = page.evaluate(f"import('{module}').then((one) => one.fromGcj({shifted}))")
        assert back == pytest.approx(here, abs=1e-9)
        away = page.evaluate(f"import('{module}').then((one) => one.metres({shifted}, {list(here)}))")
        assert 450 < away < 520
        context.set_geolocation({"longitude": shifted[0], "latitude": shifted[1], "accuracy": 8})
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('群租')")
        expect(page.locator(".field-place .field-doubt")).to_contain_text("校准")
        tap(page, ".field-main:has-text('提交')")
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-conflict")).to_have_count(1, timeout=15_000)
        assert "位置可疑" in page.locator("#field-queue").inner_text()
        tap(page, "#tab-map")
        tap(page, "#field-calibrate")
        page.locator("#field-map").hover()
        while metres_a_pixel(page) < 3.5:
            page.mouse.wheel(0, 120)
            page.wait_for_timeout(300)
        touch_at(page, shifted, here)
        tap(page, "button:has-text('用这个位置')")
        expect(page.locator("#field-said")).to_contain_text("GCJ-02", timeout=15_000)
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
def test_an_ended_login_loses_nothing(
    playwright: Playwright, office: Office, here: tuple[float, float], superuser: Engine,
    tmp_path: Path,
) -> None:  # fmt: skip
    with phone(playwright, tmp_path / "profile", office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        cached(page)
        with superuser.begin() as conn:
            conn.execute(text("delete from gis.credential where account = 'wang'"))
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('暴露垃圾')")
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-trouble")).to_contain_text("登录已过期", timeout=15_000)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-waiting")).to_have_count(1)
        log_in(page, office)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-applied")).to_have_count(1, timeout=15_000)


@pytest.mark.long
def test_nothing_is_said_to_be_saved_when_the_disk_is_full(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    with phone(playwright, tmp_path / "profile", office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        cached(page)
        session = context.new_cdp_session(page)
        session.send("Storage.overrideQuotaForOrigin", {"origin": office.address, "quotaSize": 1})
        # For half a minute Chromium believes what it has heard of the room that is left.
        page.wait_for_timeout(32_000)
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('店外经营')")
        page.fill("#report-detail", "摊位占道")
        with page.expect_file_chooser() as chooser:
            tap(page, "label.field-camera")
        chooser.value.set_files(picture(tmp_path / "photo.jpg"))
        expect(page.locator(".field-photos img")).to_have_count(1)
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-said")).to_contain_text("存储空间满了")
        assert page.input_value("#report-detail") == "摊位占道"
        session.send("Storage.overrideQuotaForOrigin", {"origin": office.address})
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-said")).to_contain_text("已保存")


@pytest.mark.long
def test_the_page_is_small_quick_and_usable_by_everybody(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    shared = [ASSETS / "cases" / f"{one}.js" for one in ("elements", "requests", "words", "step_form", "flow")]
    size = sum(path.stat().st_size for path in [*(ASSETS / "field").glob("*.js"), *shared])
    assert size < OWN_JS_BYTES
    with phone(playwright, tmp_path / "profile", office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        cached(page)
        faults: dict[str, list[str]] = {}
        page.evaluate(AXE.read_text(encoding="utf-8"))

        def look(name: str) -> None:
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            bad = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
            faults[name] = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in bad]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

        for tab in ("map", "today", "near", "queue"):
            tap(page, f"#tab-{tab}")
            page.wait_for_timeout(300)
            look(tab)
        tap(page, "#field-report")
        look("report")
        tap(page, ".field-tile")
        look("form")
        # 200 % zoom: half the room.
        page.set_viewport_size({"width": 195, "height": 422})
        look("zoomed form")
        assert page.locator(".field-main:has-text('提交')").is_enabled()
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.long
@pytest.mark.alone
def test_first_paint_from_the_cache(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    with phone(playwright, tmp_path / "profile", office, here) as context:
        page = context.pages[0]
        log_in(page, office)
        cached(page)
        context.set_offline(offline=True)
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.reload()
        ready(page)
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        usable = page.evaluate("performance.now()")
    assert painted < 1000, (painted, usable)


@pytest.mark.long
def test_over_plain_http_the_page_says_why(cluster: LocalCluster, name: str, playwright: Playwright) -> None:
    with serving(cluster, name, GIS_PUBLIC_URL=f"http://{NAME}") as served:
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
        expect(page.locator(".field-edit.field-applied")).to_have_count(1, timeout=15_000)
        browser.close()


def tap_or_click(page: Page, *selectors: str) -> None:
    for selector in selectors:
        page.locator(selector).first.click()


@pytest.mark.long
def test_no_page_has_a_serious_fault(playwright: Playwright, office: Office) -> None:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=office.arguments)
    faults: dict[str, list[str]] = {}
    for logged_in in (False, True):
        headers = office.served.headers if logged_in else {}
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, extra_http_headers=headers, bypass_csp=True
        )
        page = context.new_page()
        for path in PAGES if logged_in else ("/login", "/trust"):
            page.goto(f"{office.address}{path}")
            page.wait_for_timeout(1500)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            faults[path] = [
                f"{one['id']}: {one['nodes'][0]['html'][:160]}"
                for one in found["violations"]
                if one["impact"] in {"serious", "critical"}
            ]
        context.close()
    browser.close()
    assert {path: found for path, found in faults.items() if found} == {}


def test_every_file_that_the_worker_keeps_is_there(office: Office) -> None:
    script = office.desk.get("/field.worker.js")
    files = json.loads(script.text.splitlines()[1].removeprefix("const FILES = ").removesuffix(";"))
    for file in files:
        assert office.desk.get(file).status_code == 200, file
    for icon in office.desk.get("/field.webmanifest").json()["icons"]:
        found = Image.open(io.BytesIO(office.desk.get(icon["src"]).content))
        assert f"{found.width}x{found.height}" == icon["sizes"]
    modules = {path.name for path in (ASSETS / "field").glob("*.js")} - {"worker.js"}
    imported = set()
    for path in (ASSETS / "field").glob("*.js"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if ' from "' in line and line.startswith(("import", "export")):
                imported.add(line.rpartition(' from "')[2].removesuffix('";').rpartition("/")[2])
    kept = {file.rpartition("/")[2] for file in files}
    assert modules <= kept
    assert imported <= kept
