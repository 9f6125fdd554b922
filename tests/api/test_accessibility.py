"""Every page, read by axe-core for those who can't see, hear or move as others do: it has no serious fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect

from tests.api.axe import serious_faults
from tests.api.field_phone import log_in, on_phone, tap
from tests.api.https_office import Office

pytestmark = pytest.mark.long

WIDE = ViewportSize(width=1440, height=900)
HALF = ViewportSize(width=720, height=450)
"""What is left of a wide screen at 200 %."""
MAP, DESK = "html[data-gis=ready]", "html[data-desk=ready]"
PAGES = {
    "/": MAP, "/desk": DESK, "/desk?kind=grave": DESK, "/desk?view=figures": DESK, "/desk?view=coverage": DESK,
    "/field": "html[data-ready=yes]", "/maps?f=html": "a[href*='/maps/hazards']", "/maps/hazards": MAP,
    "/uploads": DESK, "/exports": "form", "/collections?f=html": "a[href*='/collections/hazard']",
    "/collections/hazard/items?f=html": MAP, "/api.html": "table",
}  # fmt: skip
"""Pages, and what stands on each when it is ready."""


@pytest.fixture(scope="module")
def browser(playwright: Playwright, office: Office) -> Iterator[Browser]:
    found = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=office.chromium_arguments())
    yield found
    found.close()


@pytest.fixture
def page(browser: Browser, office: Office) -> Iterator[Page]:
    """A page of somebody at the office."""
    context = browser.new_context(viewport=WIDE, locale="zh-CN", extra_http_headers=office.served.headers)
    yield context.new_page()
    context.close()


def opened(page: Page, office: Office, path: str, mark: str) -> None:
    """Open a page and wait until it is what it will be; an error has no serious fault, but is no page."""
    answer = page.goto(f"{office.base}{path}")
    assert answer is not None
    assert answer.ok, f"{path}: {answer.status}"
    expect(page.locator(mark).first).to_be_attached(timeout=20_000)


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_serious_fault(page: Page, office: Office, path: str) -> None:
    opened(page, office, path, PAGES[path])
    assert serious_faults(page) == []
    if PAGES[path] == DESK and path != "/uploads":
        page.set_viewport_size(HALF)
        assert page.evaluate("document.documentElement.scrollWidth") == HALF["width"]


@pytest.mark.parametrize(("path", "mark"), [("/login", "#password"), ("/trust", "a[href='/authority.crt']")])
def test_no_page_before_the_login_has_one(browser: Browser, office: Office, path: str, mark: str) -> None:
    page = browser.new_page(viewport=WIDE)
    opened(page, office, path, mark)
    assert page.url == f"{office.base}{path}"
    assert serious_faults(page) == []
    page.context.close()


def test_the_page_of_an_account_has_none(browser: Browser, office: Office) -> None:
    # It is for who has logged in with a password; a token is refused.
    page = browser.new_page(viewport=WIDE)
    log_in(page, office)
    opened(page, office, "/account", "form")
    assert serious_faults(page) == []
    page.context.close()


def test_a_case_with_a_step_begun_has_none(page: Page, office: Office, desk: httpx.Client) -> None:
    case = desk.get("/cases?kind=grave&limit=1").json()["cases"][0]["id"]
    opened(page, office, f"/desk?kind=grave&case={case}", DESK)
    expect(page.locator("#desk-one-title")).to_be_attached()
    page.keyboard.press("1")
    expect(page.locator("#desk-one form[data-step]").first).to_be_visible()
    assert serious_faults(page) == []


def test_the_field_page_has_none_wherever_a_worker_is(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    with on_phone(playwright, tmp_path / "profile", office, here) as page:
        faults: dict[str, list[str]] = {}

        def look(name: str) -> None:
            faults[name] = serious_faults(page)
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
