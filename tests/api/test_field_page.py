"""The field page on a phone over HTTPS: a day without a signal, a killed browser, and everything with the office after."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright
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
PHONE = {"width": 390, "height": 844}
OWN_JS_BYTES = 150_000
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


@pytest.fixture(scope="module")
def office(
    cluster: LocalCluster, name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, list[str]]]:
    """A service over HTTPS, and the arguments of a Chromium that reaches it under a name of the office."""
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
    with serving(cluster, name, scheme="https", GIS_DATA_DIR=str(data)) as served:
        yield served, [
            "--no-sandbox", "--disable-quic", "--disable-background-networking",
            f"--host-resolver-rules=MAP {NAME} 127.0.0.1", f"--ignore-certificate-errors-spki-list={pin}",
        ]  # fmt: skip


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
    playwright: Playwright, profile: Path, arguments: list[str], at: tuple[float, float], *, offline: bool = False
) -> Iterator[BrowserContext]:
    """Start a phone's browser with what it held before."""
    context = playwright.chromium.launch_persistent_context(
        str(profile), executable_path="/usr/bin/chromium", args=arguments, viewport=PHONE, has_touch=True,
        is_mobile=True, device_scale_factor=2, locale="zh-CN", timezone_id="Asia/Shanghai", offline=offline,
        permissions=["geolocation"], geolocation={"longitude": at[0], "latitude": at[1], "accuracy": 8},
        accept_downloads=True,
    )  # fmt: skip
    try:
        yield context
    finally:
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


def log_in(page: Page, served: Served) -> None:
    page.goto(f"https://{NAME}:{served.port}/login?next=/field")
    page.fill("#name", "wang")
    page.fill("#password", PASSWORD)
    page.click("button:has-text('登录')")
    ready(page)


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-ready=yes]", timeout=20_000)


def cached(page: Page) -> None:
    """Wait until the phone has everything: the worker, the layers, the list."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function(
        """async () => (await caches.keys()).length === 1 && !!(await (await caches.open((await caches.keys())[0])).match('/field'))
        && await new Promise((resolve) => { const asked = indexedDB.open('gis-field'); asked.onsuccess = () => {
          const all = asked.result.transaction('data').objectStore('data').getAllKeys();
          all.onsuccess = () => { asked.result.close(); resolve(all.result.includes('hazard') && all.result.includes('today')); }; }; })""",
        timeout=20_000,
    )


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
    playwright: Playwright, office: tuple[Served, list[str]], here: tuple[float, float], superuser: Engine,
    tmp_path: Path,
) -> None:  # fmt: skip
    served, arguments = office
    profile, taken = tmp_path / "profile", picture(tmp_path / "photo.jpg")
    with phone(playwright, profile, arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
        assert page.evaluate("isSecureContext")
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
        row = page.locator(".field-row:has-text('出租房')").first
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
    with phone(playwright, profile, arguments, here, offline=True) as context:
        page = context.pages[0]
        page.goto(f"https://{NAME}:{served.port}/field")
        ready(page)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-waiting")).to_have_count(2)
        assert "占用消防通道" in page.locator("#field-queue").inner_text()
        assert title in page.locator("#field-queue").inner_text()
        desk = context.browser.new_context() if context.browser else None
        assert desk is None
        with superuser.connect() as conn:
            before = conn.execute(text("select count(*) from gis.hazard where recorded_by = 'wang'")).scalar()
        assert before == 0
        context.set_offline(offline=False)
        begun = time.monotonic()
        expect(page.locator(".field-edit.field-applied")).to_have_count(2, timeout=15_000)
        synced = time.monotonic()
        case = on_the_desk(served, "X-FS03")
        shown = time.monotonic() - synced
        expect(page.locator("#tab-queue-count")).to_have_text("", timeout=15_000)
    assert shown < 5, (shown, synced - begun)
    whole = httpx.get(f"{served.url}/cases/{case['id']}", headers=served.headers, verify=False, timeout=20).json()
    (photo,) = whole["photos"]
    file = httpx.get(
        f"{served.url}/cases/{case['id']}/photos/{photo['id']}", headers=served.headers, verify=False, timeout=20
    )
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


def on_the_desk(served: Served, event: str) -> dict[str, Any]:
    """Wait until the office's list has a case of this event that the worker filed, and return it."""
    for _ in range(50):
        found = httpx.get(
            f"{served.url}/cases?kind=all&event={event}&limit=1000", headers=served.headers, verify=False, timeout=20
        ).json()
        mine = [one for one in found["cases"] if one["code"].startswith("AJ")]
        if mine and mine[0]["photos"]:
            case: dict[str, Any] = mine[0]
            return case
        time.sleep(0.2)
    raise AssertionError("the case with its photo never came to the desk")


def test_the_queue_goes_out_as_a_file_and_comes_back(
    playwright: Playwright, office: tuple[Served, list[str]], here: tuple[float, float], tmp_path: Path
) -> None:
    served, arguments = office
    with phone(playwright, tmp_path / "one", arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
        cached(page)
        context.set_offline(offline=True)
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('飞线')")
        page.fill("#report-detail", "三楼到对面")
        # A draft survives a reload.
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
    with phone(playwright, tmp_path / "two", arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
        tap(page, "#tab-queue")
        with page.expect_file_chooser() as chooser:
            tap(page, "label[for=queue-file]")
        chooser.value.set_files(saved)
        expect(page.locator(".field-edit.field-applied")).to_have_count(1, timeout=15_000)
        case = on_the_desk(served, "X-UT01")
        assert case["detail"] == "三楼到对面"


def test_a_shifted_phone_is_calibrated_and_a_doubtful_place_waits(
    playwright: Playwright, office: tuple[Served, list[str]], here: tuple[float, float], tmp_path: Path
) -> None:
    served, arguments = office
    with phone(playwright, tmp_path / "profile", arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
        cached(page)
        module = "/static/field/geometry.js"
        shifted = page.evaluate(f"import('{module}').then((one) => one.toGcj({list(here)}))")
        back = page.evaluate(f"import('{module}').then((one) => one.fromGcj({shifted}))")
        assert back == pytest.approx(here, abs=1e-9)
        away = page.evaluate(f"import('{module}').then((one) => one.metres({shifted}, {list(here)}))")
        assert 450 < away < 520
        context.set_geolocation({"longitude": shifted[0], "latitude": shifted[1], "accuracy": 8})
        tap(page, "#tab-map")
        page.wait_for_timeout(500)
        tap(page, "#field-calibrate")
        # Where the phone truly stands, touched on the map: it is shown around where the phone believes it is.
        page.evaluate(
            "(at) => { const map = document.querySelector('#field-map'); window.__at = at; return map.clientWidth; }",
            list(here),
        )
        box = page.locator("#field-map").bounding_box()
        assert box is not None
        # Zoomed out until the true place is in view.
        for _ in range(4):
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.wheel(0, 400)
            page.wait_for_timeout(300)
        scale = page.evaluate("document.querySelector('.leaflet-control-scale-line').textContent")
        assert "m" in scale
        tap(page, "button:has-text('取消')")
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('群租')")
        expect(page.locator(".field-place .field-doubt")).to_contain_text("校准")
        tap(page, ".field-main:has-text('提交')")
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-conflict")).to_have_count(1, timeout=15_000)
        assert "位置可疑" in page.locator("#field-queue").inner_text()


def test_an_ended_login_loses_nothing(
    playwright: Playwright, office: tuple[Served, list[str]], here: tuple[float, float], superuser: Engine,
    tmp_path: Path,
) -> None:  # fmt: skip
    served, arguments = office
    with phone(playwright, tmp_path / "profile", arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
        cached(page)
        with superuser.begin() as conn:
            conn.execute(text("delete from gis.credential where account = 'wang'"))
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('暴露垃圾')")
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-trouble")).to_contain_text("登录已过期", timeout=15_000)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-waiting")).to_have_count(1)
        log_in(page, served)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-applied")).to_have_count(1, timeout=15_000)


def test_nothing_is_said_to_be_saved_when_the_disk_is_full(
    playwright: Playwright, office: tuple[Served, list[str]], here: tuple[float, float], tmp_path: Path
) -> None:
    served, arguments = office
    with phone(playwright, tmp_path / "profile", arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
        cached(page)
        session = context.new_cdp_session(page)
        session.send("Storage.overrideQuotaForOrigin", {"origin": f"https://{NAME}:{served.port}", "quotaSize": 1})
        tap(page, "#field-report")
        tap(page, ".field-tile:has-text('店外经营')")
        page.fill("#report-detail", "摊位占道")
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-said")).to_contain_text("存储空间满了")
        assert page.input_value("#report-detail") == "摊位占道"
        session.send("Storage.overrideQuotaForOrigin", {"origin": f"https://{NAME}:{served.port}"})
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-said")).to_contain_text("已保存")


def test_the_page_is_small_quick_and_usable_by_everybody(
    playwright: Playwright, office: tuple[Served, list[str]], here: tuple[float, float], tmp_path: Path
) -> None:
    shared = [ASSETS / "cases" / f"{one}.js" for one in ("elements", "requests", "words", "step_form", "flow")]
    size = sum(path.stat().st_size for path in [*(ASSETS / "field").glob("*.js"), *shared])
    assert size < OWN_JS_BYTES
    served, arguments = office
    with phone(playwright, tmp_path / "profile", arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
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


def test_first_paint_from_the_cache(
    playwright: Playwright, office: tuple[Served, list[str]], here: tuple[float, float], tmp_path: Path
) -> None:
    served, arguments = office
    with phone(playwright, tmp_path / "profile", arguments, here) as context:
        page = context.pages[0]
        log_in(page, served)
        cached(page)
        context.set_offline(offline=True)
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.reload()
        ready(page)
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        usable = page.evaluate("performance.now()")
    print(f"first paint {painted:.0f} ms, usable {usable:.0f} ms at 4x slowdown")
    assert painted < 1000


def test_over_plain_http_the_page_says_why(cluster: LocalCluster, name: str, playwright: Playwright) -> None:
    with serving(cluster, name) as served:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--disable-background-networking"],
        )
        context = browser.new_context(viewport=PHONE, extra_http_headers={**served.headers})
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{served.port}/field")
        ready(page)
        assert page.evaluate("isSecureContext")
        said = page.evaluate(
            """async () => { const text = await (await fetch('/static/field/field.js')).text();
            return text.includes('没有用 https 打开') && text.includes('/trust'); }"""
        )
        assert said
        browser.close()


def test_every_file_that_the_worker_keeps_is_there(office: tuple[Served, list[str]]) -> None:
    served, _ = office
    with httpx.Client(verify=False, base_url=served.url, timeout=20) as client:
        script = client.get("/field.worker.js")
        files = json.loads(script.text.splitlines()[1].removeprefix("const FILES = ").removesuffix(";"))
        for file in files:
            assert client.get(file).status_code == 200, file
        installed = client.get("/field.webmanifest").json()
        for icon in installed["icons"]:
            found = Image.open(io.BytesIO(client.get(icon["src"]).content))
            assert f"{found.width}x{found.height}" == icon["sizes"]
    modules = {path.name for path in (ASSETS / "field").glob("*.js")} - {"worker.js"}
    imported = set()
    for path in (ASSETS / "field").glob("*.js"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if " from \"" in line and line.startswith(("import", "export")):
                imported.add(line.rpartition(" from \"")[2].removesuffix("\";").rpartition("/")[2])
    kept = {file.rpartition("/")[2] for file in files}
    assert modules <= kept
    assert imported <= kept
