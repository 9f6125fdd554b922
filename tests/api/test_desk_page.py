"""The desk of cases in Chromium on a real service over a copy of the sample: mouse, keyboard, phone, live updates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Page, Route, ViewportSize, expect
from sqlalchemy import Engine, text

from gis_service.database import Database
from gis_service.people.logins import digest_of
from gis_service.sample.load import COMMUNITY
from tests.api.browser_page import own_page
from tests.api.case_requests import Place, filed, walk
from tests.api.own_service import Served, asking
from tests.gis_service.photo_samples import saved
from tests.local_client import token_for

PHONE = ViewportSize(width=390, height=844)
WIDE = ViewportSize(width=1440, height=900)
RED = Image.new("RGB", (640, 480), (200, 30, 30))
ROWS = "#desk-list tbody tr"


@pytest.fixture
def page(chromium: Browser, served_copy: Served, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; a refusal of the service is told on it, and by the browser beside it."""
    size = PHONE if getattr(request, "param", "wide") == "phone" else WIDE
    permissions = ["clipboard-read", "clipboard-write"]
    with own_page(chromium, served_copy, size, refusals=True, permissions=permissions) as found:
        yield found


def opened(page: Page, served: Served, asked: str = "") -> None:
    page.goto(f"{served.url}/desk{asked}")
    expect(page.locator("html[data-desk=ready]")).to_be_attached()


def ask(served: Served, path: str) -> Any:
    answer = httpx.get(f"{served.url}{path}", headers=served.headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def file(served: Served, **given: Any) -> dict[str, Any]:
    """File a case at a place of the sample."""
    known = ask(served, "/cases?kind=all&limit=1")["cases"][0]
    with asking(served) as office:
        place = Place(known["lon"], known["lat"], known.get("grid") or "")
        return filed(office, place, **{"detail": "拉线", "register": True, **given})


def step(served: Served, case: dict[str, Any], name: str, **said: Any) -> None:
    with asking(served) as office:
        walk(office, case, (name, said))


def listed(page: Page) -> list[str]:
    found: list[str] = page.locator(ROWS).evaluate_all("(rows) => rows.map((one) => one.dataset.case)")
    return found


def said(page: Page, text: str | re.Pattern[str]) -> None:
    """See that those who listen to the page are told."""
    expect(page.locator("#desk-said")).to_have_text(text)


@pytest.mark.long
def test_filters_stand_in_the_address_and_come_back(page: Page, served_copy: Served) -> None:
    truth = ask(served_copy, "/cases?limit=200")
    opened(page, served_copy)
    assert listed(page) == [one["id"] for one in truth["cases"]]
    tabs = page.locator("#desk-kinds a").evaluate_all("(tabs) => tabs.map((one) => one.textContent)")
    counts, titles = truth["counts"], {"all": "全部", "open": "未办结", "overdue": "超期", "soon": "临期",
                                       "grave": "重大及疑似", "unassigned": "未指派", "closed": "已办结"}  # fmt: skip
    assert tabs == [f"{title}{counts[kind]}" for kind, title in titles.items()]
    grid = f"{COMMUNITY}003"
    page.click("#desk-kinds a[data-kind=grave]")
    expect(page.locator(ROWS)).to_have_count(counts["grave"])
    page.select_option("[name=grid]", grid)
    expect(page).to_have_url(f"{served_copy.url}/desk?kind=grave&grid={grid}")
    wanted = [one["id"] for one in ask(served_copy, f"/cases?kind=grave&grid={grid}")["cases"]]
    assert 0 < len(wanted) < counts["grave"]
    expect(page.locator("#desk-count")).to_have_text(f"{len(wanted)} 件")
    page.reload()
    expect(page.locator("html[data-desk=ready]")).to_be_attached()
    assert listed(page) == wanted
    assert page.input_value("[name=grid]") == grid
    page.go_back()
    expect(page).to_have_url(f"{served_copy.url}/desk?kind=grave")
    expect(page.locator(ROWS)).to_have_count(counts["grave"])
    page.fill("[name=q]", "没有这样的案件")
    expect(page.locator("#desk-none")).to_contain_text("没有符合筛选的案件")
    page.click("#desk-none button")
    expect(page).to_have_url(f"{served_copy.url}/desk?kind=grave")
    expect(page.locator(ROWS)).to_have_count(counts["grave"])


def to_the_button(page: Page) -> None:
    """Go on by the tab key to the button that sends what is said."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type === 'submit'"):
            return
    raise AssertionError("no button is reached by the tab key")


def test_a_case_goes_on_by_keyboard_alone(page: Page, served_copy: Served) -> None:
    cases = [file(served_copy, detail=f"键盘{number}") for number in (1, 2)]
    opened(page, served_copy, "?q=键盘")
    page.keyboard.press("/")
    expect(page.locator("[name=q]")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#desk-list tbody tr')"):
            break
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid", "the focus on a row doesn't show"
    page.keyboard.press("ArrowDown")
    chosen = page.evaluate("document.activeElement.dataset.case")
    assert chosen == listed(page)[1]
    assert chosen in {one["id"] for one in cases}
    page.keyboard.press("Enter")
    expect(page.locator("#desk-one-title")).to_be_focused()
    expect(page).to_have_url(re.compile(f"case={re.escape(chosen)}"))
    titles = page.locator(".desk-steps button").evaluate_all("(all) => all.map((one) => one.dataset.step)")
    assert titles == [one["step"] for one in ask(served_copy, f"/cases/{chosen}")["steps"]]
    page.keyboard.press(str(titles.index("advise") + 1))
    expect(page.locator("form[data-step=advise] textarea")).to_be_focused()
    # The button comes after what may be said.
    to_the_button(page)
    page.keyboard.press("Enter")
    expect(page.locator("form[data-step=advise] .desk-wrong")).to_have_text("请写明情况说明。")
    page.keyboard.type("已劝其收线")
    to_the_button(page)
    page.keyboard.press("Enter")
    said(page, "已办“劝导告知”,现在是“已劝导告知”。")
    after = ask(served_copy, f"/cases/{chosen}")
    assert [(one["step"], one.get("note")) for one in after["journal"]] == [
        ("find", None),
        ("register", None),
        ("advise", "已劝其收线"),
    ]
    expect(page.locator(".desk-journal li").first).to_contain_text("已劝其收线")
    page.keyboard.press("Escape")
    expect(page.locator("#desk-one")).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.case") == chosen
    expect(page).to_have_url(re.compile(r"/desk\?q="))
    expect(page.locator(f"tr[data-case='{chosen}'] .desk-state")).to_have_text("已劝导告知")


@pytest.mark.long
def test_several_are_assigned_at_once_and_what_cant_be_is_told(page: Page, served_copy: Served) -> None:
    cases = [file(served_copy, detail=f"一起{number}") for number in range(4)]
    step(served_copy, cases[3], "reject", note="重复")
    opened(page, served_copy, "?kind=all&q=一起")
    expect(page.locator(ROWS)).to_have_count(4)
    boxes = page.locator(f"{ROWS} input")
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(page.locator("#desk-batch b")).to_have_text("已选 4 件")
    expect(page.locator("#desk-batch-step option[value=assign]")).to_have_text("指派(3/4 件可办)")
    page.select_option("#desk-batch-step", "assign")
    page.fill("#desk-batch [name=handler]", "网格岗9")
    page.click("#desk-batch [type=submit]")
    said(page, "“指派”办好 3 件,1 件没有办成。")
    expect(page.locator("#desk-batch li")).to_contain_text(f"{cases[3]['code']}:案件现在是“不予受理”")
    # What failed is left chosen, for another try.
    expect(page.locator("#desk-batch")).to_contain_text("已选 1 件")
    assert [ask(served_copy, f"/cases/{one['id']}").get("handler") for one in cases] == ["网格岗9"] * 3 + [None]


def test_what_another_client_does_is_seen_within_seconds(page: Page, served_copy: Served) -> None:
    case = file(served_copy, detail="实时一件")
    opened(page, served_copy, f"?q=实时&case={case['id']}")
    expect(page.locator("html[data-live=yes]")).to_be_attached()
    expect(page.locator("#desk-live")).to_have_text("实时更新")
    row = page.locator(f"tr[data-case='{case['id']}'] .desk-state")
    expect(row).to_have_text("已登记")
    page.wait_for_timeout(400)
    step(served_copy, case, "advise", note="别人办的")
    expect(row).to_have_text("已劝导告知")
    said(page, "清单已更新:1 件案件有变动")
    expect(page.locator(".desk-journal li").first).to_contain_text("别人办的")
    page.click("button[data-step=note]")
    page.fill("form[data-step=note] textarea", "正在写")
    step(served_copy, case, "note", note="又一条")
    # Whoever is writing isn't interrupted.
    expect(page.locator("#desk-one .desk-partly")).to_contain_text("刚有变动")
    assert page.input_value("form[data-step=note] textarea") == "正在写"
    other = file(served_copy, detail="实时又一件")
    expect(page.locator(f"tr[data-case='{other['id']}']")).to_be_visible()


def test_a_case_that_changes_while_it_is_opened_is_in_focus(page: Page, served_copy: Served) -> None:
    case = file(served_copy, detail="慢慢打开")
    opened(page, served_copy, "?q=慢慢打开")
    expect(page.locator("html[data-live=yes]")).to_be_attached()
    held: list[Route] = []
    # The first answer about the case is kept on its way until the page has asked again.
    page.route(f"**/cases/{case['id']}", lambda route: route.continue_() if held else held.append(route))
    page.locator(ROWS).click()
    expect(page.locator("#desk-one .desk-loading")).to_be_attached()
    with page.expect_response(f"**/cases/{case['id']}"):
        step(served_copy, case, "advise", note="别人办的")
    expect(page.locator(".desk-journal li").first).to_contain_text("别人办的")
    held[0].continue_()
    expect(page.locator("#desk-one-title")).to_be_focused()
    expect(page.locator(".desk-journal li").first).to_contain_text("别人办的")


def fits(page: Page) -> None:
    """See that nothing is wider than the screen, and nothing too small for a finger."""
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, summary, input, nav[id] a, .desk-links a")]
            .filter((one) => one.checkVisibility() && !one.closest(".leaflet-pane, .desk-unseen"))
            .filter((one) => {
                const box = (one.type === "checkbox" ? one.closest("td") : one).getBoundingClientRect();
                return box.height < 40 || box.width < 40;
            }).map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 30)}`)"""
    )
    assert small == []


@pytest.mark.long
@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_on_a_phone(page: Page, served_copy: Served) -> None:
    case = file(served_copy, detail="手机上的一件,描述写得特别长" * 8)
    opened(page, served_copy, "?q=手机上")
    fits(page)
    map_box, row = page.locator("#desk-map").bounding_box(), page.locator(ROWS).first.bounding_box()
    assert map_box is not None
    assert row is not None
    assert map_box["y"] + map_box["height"] <= row["y"], "the map doesn't stand above the list"
    page.tap("#desk-more-title")
    fits(page)
    page.tap(f"tr[data-case='{case['id']}'] .desk-what")
    expect(page.locator("#desk-one")).to_contain_text(case["code"])
    fits(page)
    page.tap("button[data-step=assign]")
    page.fill("form[data-step=assign] [name=handler]", "网格岗1")
    fits(page)
    page.tap("form[data-step=assign] [type=submit]")
    expect(page.locator("#desk-one .desk-result")).to_contain_text("已办“指派”")
    page.tap(".desk-close")
    expect(page.locator("#desk-one")).to_be_hidden()
    expect(page.locator(f"tr[data-case='{case['id']}'] .desk-who")).to_have_text("网格岗1")


@pytest.mark.long
def test_photos_report_undo_and_the_firm(page: Page, served_copy: Served) -> None:
    firm = ask(served_copy, "/collections/enterprise/items?f=json&limit=1")["features"][0]
    case = file(served_copy, detail="企业一件", enterprise_code=firm["properties"]["code"])
    for stage in ("before", "after"):
        sent = httpx.post(
            f"{served_copy.url}/photos?case={case['id']}&stage={stage}", content=saved(RED, "JPEG"),
            headers={**served_copy.headers, "Content-Type": "image/jpeg"}, timeout=20,
        )  # fmt: skip
        assert sent.status_code == 201
    opened(page, served_copy, f"?case={case['id']}")
    expect(page.locator(".desk-stages h4")).to_have_text(["处置前(1)", "处置后(1)"])
    for image in page.locator(".desk-photos img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("naturalWidth", 320)
    page.click("[data-copy]")
    expect(page.locator(".desk-done")).to_be_visible()
    report = httpx.get(f"{served_copy.url}/cases/{case['id']}/report", headers=served_copy.headers).text
    assert page.evaluate("navigator.clipboard.readText()") == report
    # On plain http there is no clipboard; the old way must do.
    page.evaluate("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.evaluate("navigator.clipboard.writeText('')")
    page.click("[data-copy]")
    for _ in range(50):
        if page.evaluate("navigator.clipboard.readText()"):
            break
        page.wait_for_timeout(100)
    assert page.evaluate("navigator.clipboard.readText()").replace("\r\n", "\n") == report
    assert page.get_attribute(".desk-links a", "href") == (
        f"/?f=html&community={COMMUNITY}#map=18/{case['lat']:.5f}/{case['lon']:.5f}"
        "&on=community,grid,building,road,hazard"
    )
    page.select_option("#firm-status", "moved")
    page.select_option("#firm-rectified", "true")
    page.fill("#firm-licence_change_on", "2026-03-01")
    page.click(".desk-firm [type=submit]")
    said(page, "企业结果已保存")
    stored = ask(served_copy, f"/collections/enterprise/items/{firm['id']}?f=json")["properties"]
    assert (stored["status"], stored["rectified"], stored["licence_change_on"]) == ("moved", True, "2026-03-01")
    assert ask(served_copy, f"/cases/{case['id']}")["status"] == "registered"
    # Somebody else's change since then isn't overwritten.
    item = httpx.get(f"{served_copy.url}/collections/enterprise/items/{firm['id']}", headers=served_copy.headers)
    merged = {"If-Match": item.headers["etag"], "Content-Type": "application/merge-patch+json"}
    changed = httpx.patch(
        f"{served_copy.url}/collections/enterprise/items/{firm['id']}", json={"properties": {"employees": 77}},
        headers={**served_copy.headers, **merged},
    )  # fmt: skip
    assert changed.status_code == 204, changed.text
    page.select_option("#firm-status", "closed")
    page.click(".desk-firm [type=submit]")
    said(page, re.compile("刚被别人改过,没有保存"))
    expect(page.locator("#firm-status")).to_have_value("moved")
    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    page.click("button[data-step=reject]")
    page.fill("form[data-step=reject] textarea", "不属实")
    page.click("form[data-step=reject] [type=submit]")
    expect(page.locator("#desk-one .desk-result")).to_contain_text("现在是“不予受理”")
    assert "不予受理后案件不再办理" in asked[0]
    page.click("text=撤销:重新办理")
    page.fill("form[data-step=reopen] textarea", "又核实了")
    page.click("form[data-step=reopen] [type=submit]")
    expect(page.locator("#desk-one .desk-result")).to_contain_text("现在是“返工”")
    page.click("button[data-step=merge]")
    page.fill("form[data-step=merge] [name=main_code]", "没有这一件")
    page.click("form[data-step=merge] [type=submit]")
    expect(page.locator("form[data-step=merge] .desk-wrong")).to_contain_text("没有编码为此的另一件未并案的案件")


@pytest.mark.long
def test_the_map_and_the_list_point_at_each_other(page: Page, served_copy: Served) -> None:
    opened(page, served_copy, "?kind=grave")
    row = page.locator(ROWS).nth(1)
    row.click()
    expect(row).to_have_class(re.compile("desk-current"))
    expect(page.locator("#desk-one-title")).to_be_focused()
    page.wait_for_timeout(600)
    box = page.locator("#desk-map").bounding_box()
    assert box is not None
    page.keyboard.press("Escape")
    page.wait_for_timeout(600)
    other = page.evaluate("document.querySelectorAll('#desk-list tbody tr')[0].dataset.case")
    page.locator(ROWS).first.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(600)
    ring = page.evaluate(
        """() => {
            const canvas = document.querySelector("#desk-map .leaflet-overlay-pane canvas");
            const at = canvas.getBoundingClientRect();
            const scale = at.width / canvas.width;
            const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let [x, y, n] = [0, 0, 0];
            for (let i = 0; i < data.length; i += 4) {
                const away = Math.abs(data[i] - 180) + Math.abs(data[i + 1] - 83) + Math.abs(data[i + 2] - 9);
                if (away < 12 && data[i + 3] > 200) {
                    x += (i / 4) % width; y += Math.floor(i / 4 / width); n += 1;
                }
            }
            return n > 20 ? [at.left + x / n * scale, at.top + y / n * scale] : null;
        }"""
    )
    assert ring is not None, "the map doesn't ring what the list points at"
    page.mouse.move(ring[0] + 30, ring[1])
    page.wait_for_timeout(60)
    page.mouse.move(*ring)
    page.wait_for_timeout(60)
    page.mouse.click(*ring)
    expect(page.locator(f"tr[data-case='{other}']")).to_have_class(re.compile("desk-current"))


@pytest.mark.long
def test_an_ended_login_leads_to_the_login_page_and_back(
    chromium: Browser, copied: Database, served_copy: Served, copied_superuser: Engine
) -> None:
    token = token_for(copied, name="leaving")
    context = chromium.new_context(viewport=WIDE, extra_http_headers={"Authorization": f"Bearer {token}"})
    page = context.new_page()
    opened(page, served_copy, "?kind=overdue")
    expect(page.locator("html[data-live=yes]")).to_be_attached()
    with copied_superuser.begin() as conn:
        conn.execute(text("delete from gis.credential where hash = decode(:d, 'hex')"), {"d": digest_of(token)})
    # The stream finds it with the next change, and the page asks once more.
    file(served_copy, detail="最后一件")
    expect(page).to_have_url(f"{served_copy.url}/login?next=%2Fdesk%3Fkind%3Doverdue")
    assert page.get_attribute("input[name=next]", "value") == "/desk?kind=overdue"
    context.close()


@pytest.mark.long
def test_a_photo_is_added_at_the_desk(page: Page, served_copy: Served, tmp_path: Path) -> None:
    case = file(served_copy)
    Image.new("RGB", (640, 480), (20, 90, 160)).save(tmp_path / "after.jpg")
    opened(page, served_copy, f"?case={case['id']}")
    # A case on which nothing was done yet has photos of before.
    expect(page.get_by_label("照片是处置前还是处置后的")).to_have_value("before")
    page.get_by_label("照片是处置前还是处置后的").select_option("after")
    page.set_input_files("#desk-one input[type=file]", tmp_path / "after.jpg")
    expect(page.locator("#desk-one .desk-photos img")).to_have_count(1)
    with page.expect_download() as taken:
        page.click("#desk-one button:has-text('下载全部照片')")
    assert taken.value.suggested_filename.endswith("-处置后-1.jpg")
    assert Image.open(taken.value.path()).format == "JPEG"
    (photo,) = ask(served_copy, f"/cases/{case['id']}")["photos"]
    assert photo["stage"] == "after"
