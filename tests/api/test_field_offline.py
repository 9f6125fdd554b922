"""The field page over HTTPS: a day without a signal, a killed browser, and all of it at the office later."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect
from sqlalchemy import Engine, text

from tests.api.field_phone import WORKER, at_most, cached, kill, log_in, on_phone, phone, picture, ready, tap
from tests.api.https_office import Office
from tests.api.killed_service import until
from tests.gis_service.photo_samples import MAKER

BLOCKED = "X-FS03"
CASES = "#desk-list tbody tr"
PROGRESS = "[aria-label='走访进度的表格'] table"
HOMES = "#field-near .field-row:has-text('出租房')"
USUAL = 60.0
PROOF = 5.0
"""Seconds within which the office sees what a phone has, once it has a signal again; the proof runs by itself."""


@contextmanager
def at_the_office(playwright: Playwright, office: Office) -> Iterator[tuple[Page, Page]]:
    """Open the desk in a browser of its own: the cases of a kind that nobody has filed yet, and the visits."""
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=office.chromium_arguments())
    context = browser.new_context(extra_http_headers=office.served.headers)
    pages = context.new_page(), context.new_page()
    for page, view in zip(pages, (f"kind=all&event={BLOCKED}&q=AJ", "view=coverage"), strict=True):
        page.goto(f"{office.base}/desk?{view}")
        expect(page.locator("html[data-desk=ready][data-live=yes]")).to_be_attached()
    expect(pages[1].locator(PROGRESS)).to_be_attached()
    expect(pages[0].locator(CASES)).to_have_count(0)
    yield pages
    browser.close()


@dataclass
class Watch:
    """When the office sees what, in seconds from the phone's first signal; what isn't seen in time fails at the end."""

    within: float
    begun: float = field(default_factory=time.monotonic)
    seen: dict[str, float | None] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.begun + self.within - time.monotonic()

    def see(self, name: str, page: Page, condition: str, told: object = None) -> None:
        """Wait until a condition of a page holds, as long as there is time."""
        # Not with Playwright's own waiting: the page's policy forbids what that does.
        self.seen[name] = None
        while self.seen[name] is None and self.left > 0:
            if page.evaluate(condition, told):
                self.seen[name] = round(time.monotonic() - self.begun, 2)
            else:
                page.wait_for_timeout(50)


VISITS_TODAY = """(title) => {
  const table = document.querySelector("[aria-label='走访进度的表格'] table");
  const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === title);
  return Number([...table.tBodies[0].rows].find((row) => row.cells[0].textContent === "合计").cells[at].textContent);
}"""
"""The number of today's visits that the office's page shows for all grids together."""
SHOWN = """() => {
  const photo = document.querySelector(".desk-photos img");
  photo?.scrollIntoView();
  return photo !== null && photo.complete && photo.naturalWidth > 0;
}"""
"""Whether a photo stands on the page and is drawn."""


def report_a_hazard(page: Page, taken: Path) -> None:
    """Report a hazard with a photo from the map, the camera's own touches aside."""
    tap(page, "#field-report")
    tap(page, ".field-tile:has-text('占用消防通道')")
    with page.expect_file_chooser() as chooser:
        tap(page, "label.field-camera")
    chooser.value.set_files(taken)
    expect(page.locator(".field-photos img")).to_have_count(1)
    tap(page, ".field-main:has-text('提交')")
    expect(page.locator("#field-said")).to_contain_text("保存在手机里")


def put_a_count_right(page: Page) -> str:
    """Open a home of the list, put its count right, save; return the home's address."""
    row = page.locator(HOMES).first
    title = row.locator("b").inner_text()
    row.tap()
    tap(page, "button[aria-label='租住人数加一']")
    tap(page, ".field-main:has-text('保存')")
    expect(page.locator("#field-said")).to_contain_text("保存在手机里")
    return title


def visit_a_home(page: Page) -> str:
    """Open another home of the list, say that somebody was seen, save; return the home's address."""
    row = page.locator(HOMES).nth(1)
    title = row.locator("b").inner_text()
    row.tap()
    tap(page, ".field-choice[data-outcome='01']")
    tap(page, ".field-main:has-text('保存')")
    expect(page.locator("#field-said")).to_contain_text("保存在手机里")
    return title


def waiting(page: Page, *texts: str) -> None:
    """See that three edits wait in the queue, which tells of these."""
    tap(page, "#tab-queue")
    expect(page.locator(".field-edit.field-waiting")).to_have_count(3)
    for one in texts:
        assert one in page.locator("#field-queue").inner_text()


def visits_of(desk: httpx.Client) -> list[dict[str, Any]]:
    """Return the worker's visits as the office sees them."""
    found = desk.get(f"/collections/visit/items?f=json&filter=worker='{WORKER}'").json()["features"]
    return [one["properties"] for one in found]


@pytest.mark.parametrize(
    "within",
    [pytest.param(USUAL, id="usual"), pytest.param(PROOF, id="proof", marks=[pytest.mark.long, pytest.mark.alone])],
)
def test_a_day_without_a_signal(
    playwright: Playwright, office: Office, desk: httpx.Client, here: tuple[float, float], copied_superuser: Engine,
    tmp_path: Path, within: float, record_property: Callable[[str, object], None],
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
        with at_most(page, 4):
            report_a_hazard(page, taken)
        tap(page, "#tab-near")
        with at_most(page, 3):
            title = put_a_count_right(page)
        with at_most(page, 3):
            visited = visit_a_home(page)
        expect(page.locator("#tab-queue-count")).to_have_text("4")
        page.reload()
        ready(page)
        waiting(page)
        kill(profile)
    with (
        at_the_office(playwright, office) as (seen, progress),
        phone(playwright, profile, office, here, offline=True) as context,
    ):
        page = context.pages[0]
        page.goto(f"{office.base}/field")
        ready(page)
        waiting(page, "占用消防通道", title, visited)
        assert visits_of(desk) == []
        column = next(one["title"] for one in desk.get("/today/coverage").json()["definitions"]
                      if one["name"] == "visits_today")  # fmt: skip
        before = progress.evaluate(VISITS_TODAY, column)
        watch = Watch(within)
        context.set_offline(offline=False)
        # At the office nobody does anything, but for opening the case that has come.
        watch.see("case", seen, f"() => document.querySelectorAll('{CASES}').length === 1")
        seen.locator(CASES).click()
        watch.see("photo", seen, SHOWN)
        assert until(lambda: len(visits_of(desk)) == 2, watch.left)
        watch.see("visits", progress, f"([title, wanted]) => ({VISITS_TODAY})(title) === wanted", [column, before + 2])
        expect(page.locator(".field-edit.field-applied")).to_have_count(3)
        expect(page.locator("#tab-queue-count")).to_have_text("")
        identifier = seen.locator(CASES).get_attribute("data-case")
    (photo,) = desk.get(f"/cases/{identifier}").json()["photos"]
    file = desk.get(f"/cases/{identifier}/photos/{photo['id']}")
    assert not Image.open(io.BytesIO(file.content)).getexif()
    assert MAKER.encode() in taken.read_bytes()
    assert MAKER.encode() not in file.content
    visit = next(one for one in visits_of(desk) if one.get("check_result") == "count_differs")
    with copied_superuser.connect() as conn:
        unit = conn.execute(
            text("select u.tenant_count, u.address, (select coalesce(h.tenant_count, 0) from gis.rental_unit_history h"
                 " where h.id = u.id and h.version = 1) as before from gis.rental_unit u where u.code = :code"),
            {"code": visit["target_code"]},
        ).one()  # fmt: skip
    assert (unit.tenant_count, unit.address) == (unit.before + 1, title)
    record_property("seen after seconds", watch.seen)
    print(watch.seen)  # noqa: T201
    assert None not in watch.seen.values(), f"not seen within {within} s: {watch.seen}"


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
        expect(page.locator(".field-edit.field-applied")).to_have_count(1)
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
        expect(page.locator("#field-trouble")).to_contain_text("登录已过期")
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-waiting")).to_have_count(1)
        log_in(page, office)
        tap(page, "#tab-queue")
        expect(page.locator(".field-edit.field-applied")).to_have_count(1)


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
