"""Every page, read by axe-core for those who can't see, hear or move as others do: it has no serious fault."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect

from gis_service.analysis.catalog import ANALYSES
from gis_service.database import Database
from gis_service.people.accounts import add_account, set_password
from gis_service.sample.load import COMMUNITY
from maps.atlas import MAPS
from tests.api.axe import serious_faults
from tests.api.cut_off import cut_off
from tests.api.field_phone import PASSWORD, PHONE, WORKER, log_in, on_phone, tap
from tests.api.https_office import Office
from tests.api.killed_service import until
from tests.local_client import OPERATOR

pytestmark = pytest.mark.long

WIDE = ViewportSize(width=1440, height=900)
HALF = ViewportSize(width=720, height=450)
"""What is left of a wide screen at 200 %."""
MAP, DESK = "html[data-gis=ready]", "html[data-desk=ready]"
ZOOMED = ViewportSize(width=640, height=400)
"""What is left of a desk's screen at 200 %."""
ZOOMED_PHONE = ViewportSize(width=195, height=422)
PAGES = {
    "/": MAP, "/desk": DESK, "/desk?kind=grave": DESK, "/desk?view=figures": DESK, "/desk?view=coverage": DESK,
    "/desk?view=conflicts": "html[data-desk=ready] article[data-edit]",
    "/field": "html[data-ready=yes]", "/maps?f=html": "a[href*='/maps/hazards']", "/maps/hazards": MAP,
    "/uploads": DESK, "/exports": "form", "/analyses?f=html": "a[href*='/analyses/hazards']",
    "/collections?f=html": "a[href*='/collections/hazard']",
    "/collections/hazard/items?f=html": MAP, "/api.html": "table",
}  # fmt: skip
"""Pages, and what stands on each when it is ready."""
ADMINISTRATOR = "li-guanli"
UPLOADED = (
    "编号,名称,点位类型,垃圾桶数,投放时段,经度,纬度\nA11Y-1,东门,timed,3,,120.995,30.702\nA11Y-2,西门,moon,3,,0,0\n"
)


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


@pytest.fixture(scope="module", autouse=True)
def doubtful(desk: httpx.Client, here: tuple[float, float]) -> None:
    """Something that waits for the office: a case whose place is doubtful."""
    edit = {
        "id": str(uuid.uuid4()), "kind": "case", "made_at": datetime.now(UTC).isoformat(),
        "suspect": "速度 180 千米/时",
        "body": {"event_code": "X-FS01", "lon": here[0], "lat": here[1], "detail": "拉线充电"},
    }  # fmt: skip
    assert desk.post("/sync", json={"edits": [edit]}).json()["results"][0]["state"] == "conflict"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_serious_fault(page: Page, office: Office, path: str) -> None:
    opened(page, office, path, PAGES[path])
    assert serious_faults(page) == []
    if PAGES[path].startswith(DESK) and path != "/uploads":
        page.set_viewport_size(HALF)
        assert page.evaluate("document.documentElement.scrollWidth") == HALF["width"]


@pytest.mark.parametrize("name", sorted(MAPS))
def test_no_map_of_the_atlas_has_one(page: Page, office: Office, name: str) -> None:
    opened(page, office, f"/maps/{name}", MAP)
    assert serious_faults(page) == []


@pytest.mark.parametrize("name", sorted(ANALYSES))
def test_no_page_of_an_analysis_has_one(page: Page, office: Office, name: str) -> None:
    opened(page, office, f"/analyses/{name}?f=html", "body *")
    assert serious_faults(page) == []


@pytest.mark.parametrize("layer", ["hazard", "building", "rental_unit"])
def test_the_page_of_a_feature_has_none(page: Page, office: Office, desk: httpx.Client, layer: str) -> None:
    feature = desk.get(f"/collections/{layer}/items?f=json&limit=1").json()["features"][0]["id"]
    opened(page, office, f"/collections/{layer}/items/{feature}?f=html", "h1")
    assert serious_faults(page) == []


def test_the_page_of_an_upload_has_none(page: Page, office: Office, desk: httpx.Client) -> None:
    answer = desk.post("/uploads", files={"file": ("投放点.csv", UPLOADED.encode())}, data={"layer": "waste_point"})
    assert answer.is_success, answer.text
    opened(page, office, f"/uploads/{answer.json()['id']}", DESK)
    expect(page.get_by_text("A11Y-2").first).to_be_attached()
    assert serious_faults(page) == []
    page.set_viewport_size(ZOOMED)
    assert cut_off(page) == []


def test_the_page_of_an_ordered_sheet_has_none(page: Page, office: Office, desk: httpx.Client) -> None:
    answer = desk.post("/exports", json={"name": "hazards", "paper": "A4"})
    assert answer.is_success, answer.text
    code = answer.json()["code"]
    assert until(lambda: desk.get(f"/exports/{code}/file").status_code == 200, 120)
    opened(page, office, f"/exports/{code}", "h1")
    assert serious_faults(page) == []
    page.set_viewport_size(ZOOMED)
    assert cut_off(page) == []
    opened(page, office, "/exports", f"a[href*='{code}']")
    assert serious_faults(page) == []


@pytest.fixture(scope="module")
def administrator(browser: Browser, office: Office, copied: Database) -> Iterator[Page]:
    """A page of who administers the accounts, logged in with a password: a token is refused."""
    with copied.write(OPERATOR) as conn:
        add_account(conn, ADMINISTRATOR, "admin", [COMMUNITY])
        set_password(conn, ADMINISTRATOR, PASSWORD, "operator")
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{office.base}/login")
    page.fill("#name", ADMINISTRATOR)
    page.fill("#password", PASSWORD)
    page.click("button:has-text('登录')")
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    page.context.close()


@pytest.mark.parametrize(
    ("path", "mark"),
    [("/accounts", f"a[href*='{WORKER}']"), (f"/accounts/{WORKER}", "form"), ("/audit?f=html", "table")],
)
def test_no_page_of_the_administrator_has_one(administrator: Page, office: Office, path: str, mark: str) -> None:
    opened(administrator, office, path, mark)
    assert serious_faults(administrator) == []


@pytest.mark.parametrize("path", ["/", "/uploads", "/exports", "/maps/hazards"])
def test_at_twice_the_size_all_is_within_reach(page: Page, office: Office, path: str) -> None:
    page.set_viewport_size(ZOOMED)
    opened(page, office, path, PAGES[path])
    assert cut_off(page) == []


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


def test_an_open_sheet_of_a_thing_or_a_case_has_none(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    faults: dict[str, list[str]] = {}
    with on_phone(playwright, tmp_path / "profile", office, here) as page:
        for name, row in (("thing", "出租房"), ("case", "隐患")):
            tap(page, "#tab-near")
            tap(page, f"#field-near .field-row:has(.field-soft:text('{row}'))")
            expect(page.locator("dialog[open]")).to_be_visible()
            faults[name] = serious_faults(page)
            page.set_viewport_size(ZOOMED_PHONE)
            faults[f"zoomed {name}"] = cut_off(page)
            page.set_viewport_size(PHONE)
            page.keyboard.press("Escape")
    assert {name: found for name, found in faults.items() if found} == {}


def test_at_twice_the_size_the_tabs_of_the_phone_are_within_reach(
    playwright: Playwright, office: Office, here: tuple[float, float], tmp_path: Path
) -> None:
    faults: dict[str, list[str]] = {}
    with on_phone(playwright, tmp_path / "profile", office, here) as page:
        page.set_viewport_size(ZOOMED_PHONE)
        for tab in ("map", "today", "near", "queue"):
            tap(page, f"#tab-{tab}")
            page.wait_for_timeout(300)
            faults[tab] = cut_off(page)
    assert {name: found for name, found in faults.items() if found} == {}
