"""At the desk of cases: what somebody is typing, where the keyboard stands, and a batch that broke off."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect
from sqlalchemy import Engine, text

from tests.api.own_service import Served

WIDE = ViewportSize(width=1440, height=900)
FOCUSED = "document.activeElement"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def office(served_copy: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served_copy.url, headers=served_copy.headers, timeout=20) as found:
        yield found


@pytest.fixture
def page(chromium: Browser, served_copy: Served) -> Iterator[Page]:
    context = chromium.new_context(viewport=WIDE, locale="zh-CN", extra_http_headers=served_copy.headers)
    yield context.new_page()
    context.close()


def opened(page: Page, served_copy: Served, asked: str = "") -> None:
    page.goto(f"{served_copy.url}/desk{asked}")
    page.wait_for_selector("html[data-desk=ready]")
    page.wait_for_selector("html[data-live=yes]")


def file(office: httpx.Client, **given: Any) -> dict[str, Any]:
    place = office.get("/cases?kind=all&limit=1").json()["cases"][0]
    body = {"id": str(uuid.uuid4()), "event_code": "X-FS01", "lon": place["lon"], "lat": place["lat"], "register": True}
    answer = office.post("/cases", json={**body, **given})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def note(office: httpx.Client, case: dict[str, Any], said: str) -> None:
    answer = office.post(f"/cases/{case['id']}/steps", json={"step": "note", "note": said})
    assert answer.status_code == 201, answer.text


def test_the_keyboard_stays_where_it_stands(page: Page, served_copy: Served, office: httpx.Client) -> None:
    opened(page, served_copy)
    page.focus("#desk-kinds a[data-kind=grave]")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("kind=grave"))
    expect(page.locator("#desk-kinds a[data-kind=grave][aria-current=page]")).to_be_focused()
    page.keyboard.press("Tab")
    count = page.locator("#desk-kinds a[data-kind=all] b")
    before = count.inner_text()
    file(office, detail="又一件")
    expect(count).not_to_have_text(before)
    expect(page.locator("#desk-kinds a[data-kind=unassigned]")).to_be_focused()


def test_a_date_is_typed_among_the_figures(page: Page, served_copy: Served) -> None:
    opened(page, served_copy, "?view=figures")
    since = page.locator("#desk-figures input[type=date]").first
    since.focus()
    # Month, day and year; every digit of the year makes another date.
    page.keyboard.type("01022019")
    expect(since).to_have_value("2019-01-02")
    expect(page).to_have_url(re.compile("since=2019-01-02"))
    expect(since).to_be_focused()
    page.locator("#desk-figures select").focus()
    page.locator("#desk-figures select").select_option("month")
    expect(page.locator("#desk-figures thead th").first).to_have_text("月")
    expect(page.locator("#desk-figures select")).to_be_focused()
    page.go_back()
    expect(page.locator("#desk-figures select")).to_have_value("grid")


def test_a_decided_conflict_leads_to_the_next(page: Page, served_copy: Served, office: httpx.Client) -> None:
    listed = office.get("/collections/rental_unit/items?f=json&limit=2&filter=rent_status='let'").json()["features"]
    for one in listed:
        unit = office.get(f"/collections/rental_unit/items/{one['id']}?f=json").json()
        for count in (41, 42):
            body = {"layer": "rental_unit", "feature": unit["id"], "base": unit["properties"]["version"],
                    "properties": {"tenant_count": count}}  # fmt: skip
            edit = {"id": str(uuid.uuid4()), "kind": "change", "made_at": "2026-01-05T01:00:00Z", "body": body}
            assert office.post("/sync", json={"device": "手机一", "edits": [edit]}).status_code == 200
    opened(page, served_copy, "?view=conflicts")
    expect(page.locator(".desk-conflict")).to_have_count(2)
    page.locator(".desk-conflict").last.locator("button").last.focus()
    # What others do takes nobody's place away.
    file(office, detail="别的一件")
    page.wait_for_timeout(1500)
    expect(page.locator(".desk-conflict").last.locator("button").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".desk-conflict")).to_have_count(1)
    assert page.evaluate(f"{FOCUSED}.closest('.desk-conflict') !== null")
    page.locator(".desk-conflict button").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#desk-conflicts .desk-empty")).to_be_visible()
    expect(page.locator("#desk-conflicts h2")).to_be_focused()


def test_what_is_typed_about_a_firm_is_never_wiped(page: Page, served_copy: Served, office: httpx.Client) -> None:
    firm = office.get("/collections/enterprise/items?f=json&limit=1").json()["features"][0]
    case = file(office, detail="企业一件", enterprise_code=firm["properties"]["code"])
    opened(page, served_copy, f"?case={case['id']}")
    page.fill("#firm-licence_change_on", "2026-03-01")
    note(office, case, "别人办的")
    expect(page.locator("#desk-one .desk-partly")).to_contain_text("刚有变动")
    assert page.input_value("#firm-licence_change_on") == "2026-03-01"
    page.click("button[data-step=note]")
    page.fill("form[data-step=note] textarea", "自己办的")
    page.click("form[data-step=note] [type=submit]")
    expect(page.locator(".desk-journal li").first).to_contain_text("自己办的")
    assert page.input_value("#firm-licence_change_on") == "2026-03-01"
    page.click(".desk-firm [type=submit]")
    expect(page.locator("#desk-said")).to_have_text("企业结果已保存")
    stored = office.get(f"/collections/enterprise/items/{firm['id']}?f=json").json()["properties"]
    assert stored["licence_change_on"] == "2026-03-01"


def test_who_begins_to_write_while_a_change_is_read_keeps_it(
    page: Page, served_copy: Served, office: httpx.Client
) -> None:
    case = file(office, detail="写到一半")
    opened(page, served_copy, f"?case={case['id']}")
    page.wait_for_timeout(500)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/cases/{case['id']}", hold)
    note(office, case, "别人办的")
    for _ in range(50):
        if held:
            break
        page.wait_for_timeout(100)
    page.click("button[data-step=note]")
    page.fill("form[data-step=note] textarea", "正在写")
    for route in held:
        route.continue_()
    expect(page.locator("#desk-one .desk-partly")).to_contain_text("刚有变动")
    assert page.input_value("form[data-step=note] textarea") == "正在写"


def test_a_batch_that_breaks_off_goes_on_where_it_stopped(
    page: Page, served_copy: Served, office: httpx.Client, copied_superuser: Engine
) -> None:
    mine = {file(office, detail="成批的")["id"] for _ in range(210)}
    opened(page, served_copy, "?q=成批的")
    page.click("#desk-more")
    expect(page.locator("#desk-list tbody tr")).to_have_count(210)
    page.click("#desk-list thead input")
    page.select_option("#desk-batch-step", "note")
    page.fill("#desk-batch textarea", "一起补充")
    sent: list[dict[str, Any]] = []

    def second_lost(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or ""))
        if len(sent) == 2:
            route.abort()
        else:
            route.continue_()

    page.route("**/cases/steps", second_lost)
    page.click("#desk-batch [type=submit]")
    expect(page.locator("#desk-batch b").first).to_have_text(
        "“补充记录”办好 200 件,10 件还没有办(联系不上服务,请检查网络后再试。)。", timeout=30_000
    )
    expect(page.locator("#desk-batch")).to_contain_text("已选 10 件")
    assert page.input_value("#desk-batch textarea") == "一起补充"
    page.click("#desk-batch [type=submit]")
    expect(page.locator("#desk-batch b").first).to_have_text("“补充记录”办好 10 件。", timeout=20_000)
    assert [len(one["cases"]) for one in sent] == [200, 10, 10]
    assert set(sent[0]["cases"]) | set(sent[2]["cases"]) == mine
    assert len({one["step"]["id"] for one in sent}) == 1, "the repeat is another step"
    with copied_superuser.connect() as conn:
        notes = conn.execute(text("select count(*) from gis.case_step where note = '一起补充'")).scalar()
    assert notes == 210
    expect(page.locator("#desk-batch form")).to_have_count(0)
