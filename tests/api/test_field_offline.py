"""The field page over HTTPS: a day without a signal, a killed browser, and all of it at the office later."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect
from sqlalchemy import Engine, text

from tests.api.field_phone import WORKER, cached, kill, log_in, on_phone, phone, picture, ready, tap
from tests.api.https_office import Office
from tests.api.killed_service import until
from tests.gis_service.photo_samples import MAKER

BLOCKED = "X-FS03"
CASES = "#desk-list tbody tr"
SECONDS = 5.0
"""Within which the office sees what a phone has, from when the phone has a signal again."""


@contextmanager
def at_the_office(playwright: Playwright, office: Office) -> Iterator[Page]:
    """Open the desk of cases in a browser of its own, with the cases of one kind that were filed here; it has none."""
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=office.chromium_arguments())
    page = browser.new_page(extra_http_headers=office.served.headers)
    page.goto(f"{office.base}/desk?kind=all&event={BLOCKED}&q=AJ")
    expect(page.locator("html[data-desk=ready][data-live=yes]")).to_be_attached()
    expect(page.locator(CASES)).to_have_count(0)
    yield page
    browser.close()


def report_a_hazard(page: Page, taken: Path) -> None:
    """Report a hazard with a photo: four taps, the camera's own aside."""
    tap(page, "#field-report")
    tap(page, ".field-tile:has-text('占用消防通道')")
    with page.expect_file_chooser() as chooser:
        tap(page, "label.field-camera")
    chooser.value.set_files(taken)
    expect(page.locator(".field-photos img")).to_have_count(1)
    tap(page, ".field-main:has-text('提交')")
    expect(page.locator("#field-said")).to_contain_text("保存在手机里")


def put_a_count_right(page: Page) -> str:
    """Visit a home and put its count right: open, touch the count, save; return the home's address."""
    tap(page, "#tab-near")
    row = page.locator("#field-near .field-row:has-text('出租房')").first
    title = row.locator("b").inner_text()
    row.tap()
    tap(page, "button[aria-label='租住人数加一']")
    tap(page, ".field-main:has-text('保存')")
    return title


def waiting(page: Page, *texts: str) -> None:
    """See that two edits wait in the queue, which tells of these."""
    tap(page, "#tab-queue")
    expect(page.locator(".field-edit.field-waiting")).to_have_count(2)
    for one in texts:
        assert one in page.locator("#field-queue").inner_text()


def visits_of(desk: httpx.Client) -> list[dict[str, Any]]:
    """Return the worker's visits as the office sees them."""
    found = desk.get(f"/collections/visit/items?f=json&filter=worker='{WORKER}'").json()["features"]
    return [one["properties"] for one in found]


def test_a_day_without_a_signal(
    playwright: Playwright, office: Office, desk: httpx.Client, here: tuple[float, float], copied_superuser: Engine,
    tmp_path: Path,
) -> None:  # fmt: skip
    profile, taken = tmp_path / "profile", picture(tmp_path / "photo.jpg")
    # Closed once: a browser that is killed in its first seconds has forgotten the login, as any site's.
    with on_phone(playwright, profile, office, here) as page:
        assert page.evaluate("isSecureContext")
    with phone(playwright, profile, office, here) as context:
        page = context.pages[0]
        page.goto(f"{office.base}/field")
        cached(page)
        context.set_offline(offline=True)
        report_a_hazard(page, taken)
        title = put_a_count_right(page)
        expect(page.locator("#tab-queue-count")).to_have_text("3")
        page.reload()
        ready(page)
        waiting(page)
        kill(profile)
    with (
        at_the_office(playwright, office) as seen,
        phone(playwright, profile, office, here, offline=True) as context,
    ):
        page = context.pages[0]
        page.goto(f"{office.base}/field")
        ready(page)
        waiting(page, "占用消防通道", title)
        assert visits_of(desk) == []
        begun = time.monotonic()
        context.set_offline(offline=False)
        # Nobody does anything at the office.
        expect(seen.locator(CASES)).to_have_count(1, timeout=SECONDS * 1000)
        assert until(lambda: visits_of(desk) != [], SECONDS)
        assert time.monotonic() - begun < SECONDS
        expect(page.locator(".field-edit.field-applied")).to_have_count(2, timeout=15_000)
        expect(page.locator("#tab-queue-count")).to_have_text("", timeout=15_000)
        identifier = seen.locator(CASES).get_attribute("data-case")
    (photo,) = desk.get(f"/cases/{identifier}").json()["photos"]
    file = desk.get(f"/cases/{identifier}/photos/{photo['id']}")
    assert not Image.open(io.BytesIO(file.content)).getexif()
    assert MAKER.encode() in taken.read_bytes()
    assert MAKER.encode() not in file.content
    (visit,) = visits_of(desk)
    with copied_superuser.connect() as conn:
        unit = conn.execute(
            text("select u.tenant_count, u.address, (select coalesce(h.tenant_count, 0) from gis.rental_unit_history h"
                 " where h.id = u.id and h.version = 1) as before from gis.rental_unit u where u.code = :code"),
            {"code": visit["target_code"]},
        ).one()  # fmt: skip
    assert (visit["check_result"], unit.tenant_count, unit.address) == ("count_differs", unit.before + 1, title)


@pytest.mark.long
def test_the_queue_goes_out_as_a_file_and_comes_back(
    playwright: Playwright, office: Office, desk: httpx.Client, here: tuple[float, float], tmp_path: Path
) -> None:
    with on_phone(playwright, tmp_path / "one", office, here, offline=True) as page:
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
        # The photo follows its case.
        assert until(lambda: brought(desk) == [("三楼到对面", 1)], 15), brought(desk)


def brought(desk: httpx.Client) -> list[tuple[str, int]]:
    """Return what was brought in of one kind: what it says, and how many photos it has."""
    found = desk.get("/cases?kind=all&event=X-UT01&q=AJ").json()["cases"]
    return [(one["detail"], one["photos"]) for one in found]


@pytest.mark.long
def test_an_ended_login_loses_nothing(
    playwright: Playwright, office: Office, here: tuple[float, float], copied_superuser: Engine,
    tmp_path: Path,
) -> None:  # fmt: skip
    with on_phone(playwright, tmp_path / "profile", office, here) as page:
        with copied_superuser.begin() as conn:
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
    with on_phone(playwright, tmp_path / "profile", office, here) as page:
        session = page.context.new_cdp_session(page)
        session.send("Storage.overrideQuotaForOrigin", {"origin": office.base, "quotaSize": 1})
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
        session.send("Storage.overrideQuotaForOrigin", {"origin": office.base})
        tap(page, ".field-main:has-text('提交')")
        expect(page.locator("#field-said")).to_contain_text("已保存")
