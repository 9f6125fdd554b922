"""The desk of cases in Chromium on a real service over a copy of the sample: mouse, keyboard, phone, live updates."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Page, ViewportSize, expect
from sqlalchemy import Engine, text

from gis_service.database import connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.people.logins import digest_of
from gis_service.sample.load import COMMUNITY
from tests.api.own_service import Served, serving
from tests.local_client import token_for

PHONE = ViewportSize(width=390, height=844)
WIDE = ViewportSize(width=1440, height=900)
AXE = Path(__file__).parents[2] / "maps/vendor/node_modules/axe-core/axe.min.js"
ROWS = "#desk-list tbody tr"


@pytest.fixture(scope="module")
def name(make_database: Callable[..., str], untouched_sample: str) -> str:
    return make_database(untouched_sample)


@pytest.fixture(scope="module")
def served(cluster: LocalCluster, name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(cluster, name, GIS_DATA_DIR=str(tmp_path_factory.mktemp("data"))) as found:
        yield found


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, name: str) -> Iterator[Engine]:
    engine = open_engine(cluster.url("postgres", name))
    yield engine
    engine.dispose()


@pytest.fixture
def page(chromium: Browser, served: Served, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; at the end nothing was asked of anyone else, and nothing went wrong on it."""
    phone = getattr(request, "param", "wide") == "phone"
    context = chromium.new_context(
        viewport=PHONE if phone else WIDE, has_touch=phone, is_mobile=phone, locale="zh-CN",
        extra_http_headers=served.headers, permissions=["clipboard-read", "clipboard-write"],
    )  # fmt: skip
    errors: list[str] = []
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    found = context.new_page()
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield found
    context.close()
    assert [url for url in requests if not url.startswith((f"{served.url}/", "data:", "blob:"))] == []
    # A refusal of the service is told on the page, and by the browser beside it.
    assert [one for one in errors if "status of 4" not in one] == []


def opened(page: Page, served: Served, asked: str = "") -> None:
    page.goto(f"{served.url}/desk{asked}")
    expect(page.locator("html[data-desk=ready]")).to_be_attached()


def ask(served: Served, path: str) -> Any:
    answer = httpx.get(f"{served.url}{path}", headers=served.headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def file(served: Served, **given: Any) -> dict[str, Any]:
    """File a case at a place of the sample."""
    place = ask(served, "/cases?kind=all&limit=1")["cases"][0]
    body = {"id": str(uuid.uuid4()), "event_code": "X-FS01", "lon": place["lon"], "lat": place["lat"], "detail": "拉线",
            "register": True, **given}  # fmt: skip
    answer = httpx.post(f"{served.url}/cases", json=body, headers=served.headers, timeout=20)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def step(served: Served, case: dict[str, Any], name: str, **said: Any) -> None:
    answer = httpx.post(
        f"{served.url}/cases/{case['id']}/steps", json={"step": name, **said}, headers=served.headers, timeout=20
    )
    assert answer.status_code == 201, answer.text


def listed(page: Page) -> list[str]:
    found: list[str] = page.locator(ROWS).evaluate_all("(rows) => rows.map((one) => one.dataset.case)")
    return found


def said(page: Page, text: str | re.Pattern[str]) -> None:
    """See that those who listen to the page are told."""
    expect(page.locator("#desk-said")).to_have_text(text)


@pytest.mark.long
def test_filters_stand_in_the_address_and_come_back(page: Page, served: Served) -> None:
    truth = ask(served, "/cases?limit=200")
    opened(page, served)
    assert listed(page) == [one["id"] for one in truth["cases"]]
    tabs = page.locator("#desk-kinds a").evaluate_all("(tabs) => tabs.map((one) => one.textContent)")
    counts, titles = truth["counts"], {"all": "全部", "open": "未办结", "overdue": "超期", "soon": "临期",
                                       "grave": "重大及疑似", "unassigned": "未指派", "closed": "已办结"}  # fmt: skip
    assert tabs == [f"{title}{counts[kind]}" for kind, title in titles.items()]
    grid = f"{COMMUNITY}003"
    page.click("#desk-kinds a[data-kind=grave]")
    expect(page.locator(ROWS)).to_have_count(counts["grave"])
    page.select_option("[name=grid]", grid)
    expect(page).to_have_url(f"{served.url}/desk?kind=grave&grid={grid}")
    wanted = [one["id"] for one in ask(served, f"/cases?kind=grave&grid={grid}")["cases"]]
    assert 0 < len(wanted) < counts["grave"]
    expect(page.locator("#desk-count")).to_have_text(f"{len(wanted)} 件")
    page.reload()
    expect(page.locator("html[data-desk=ready]")).to_be_attached()
    assert listed(page) == wanted
    assert page.input_value("[name=grid]") == grid
    page.go_back()
    expect(page).to_have_url(f"{served.url}/desk?kind=grave")
    expect(page.locator(ROWS)).to_have_count(counts["grave"])
    page.fill("[name=q]", "没有这样的案件")
    expect(page.locator("#desk-none")).to_contain_text("没有符合筛选的案件")
    page.click("#desk-none button")
    expect(page).to_have_url(f"{served.url}/desk?kind=grave")
    expect(page.locator(ROWS)).to_have_count(counts["grave"])


def test_a_case_goes_on_by_keyboard_alone(page: Page, served: Served) -> None:
    cases = [file(served, detail=f"键盘{number}") for number in (1, 2)]
    opened(page, served, "?q=键盘")
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
    assert titles == [one["step"] for one in ask(served, f"/cases/{chosen}")["steps"]]
    page.keyboard.press(str(titles.index("advise") + 1))
    expect(page.locator("form[data-step=advise] textarea")).to_be_focused()
    # The button comes after what may be said.
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.type === 'submit'"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("form[data-step=advise] .desk-wrong")).to_have_text("请写明情况说明。")
    page.keyboard.type("已劝其收线")
    while not page.evaluate("document.activeElement.type === 'submit'"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said(page, "已办“劝导告知”,现在是“已劝导告知”。")
    after = ask(served, f"/cases/{chosen}")
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
def test_several_are_assigned_at_once_and_what_cant_be_is_told(page: Page, served: Served) -> None:
    cases = [file(served, detail=f"一起{number}") for number in range(4)]
    step(served, cases[3], "reject", note="重复")
    opened(page, served, "?kind=all&q=一起")
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
    assert [ask(served, f"/cases/{one['id']}").get("handler") for one in cases] == ["网格岗9"] * 3 + [None]


def test_what_another_client_does_is_seen_within_seconds(page: Page, served: Served) -> None:
    case = file(served, detail="实时一件")
    opened(page, served, f"?q=实时&case={case['id']}")
    expect(page.locator("html[data-live=yes]")).to_be_attached()
    expect(page.locator("#desk-live")).to_have_text("实时更新")
    row = page.locator(f"tr[data-case='{case['id']}'] .desk-state")
    expect(row).to_have_text("已登记")
    page.wait_for_timeout(400)
    step(served, case, "advise", note="别人办的")
    expect(row).to_have_text("已劝导告知", timeout=5000)
    said(page, "清单已更新:1 件案件有变动")
    expect(page.locator(".desk-journal li").first).to_contain_text("别人办的")
    page.click("button[data-step=note]")
    page.fill("form[data-step=note] textarea", "正在写")
    step(served, case, "note", note="又一条")
    # Whoever is writing isn't interrupted.
    expect(page.locator("#desk-one .desk-partly")).to_contain_text("刚有变动", timeout=5000)
    assert page.input_value("form[data-step=note] textarea") == "正在写"
    other = file(served, detail="实时又一件")
    expect(page.locator(f"tr[data-case='{other['id']}']")).to_be_visible(timeout=5000)


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
def test_on_a_phone(page: Page, served: Served) -> None:
    case = file(served, detail="手机上的一件,描述写得特别长" * 8)
    opened(page, served, "?q=手机上")
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


def photo() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (640, 480), (200, 30, 30)).save(held, "JPEG")
    return held.getvalue()


@pytest.mark.long
def test_photos_report_undo_and_the_firm(page: Page, served: Served) -> None:
    firm = ask(served, "/collections/enterprise/items?f=json&limit=1")["features"][0]
    case = file(served, detail="企业一件", enterprise_code=firm["properties"]["code"])
    for stage in ("before", "after"):
        sent = httpx.post(
            f"{served.url}/photos?case={case['id']}&stage={stage}", content=photo(),
            headers={**served.headers, "Content-Type": "image/jpeg"}, timeout=20,
        )  # fmt: skip
        assert sent.status_code == 201
    opened(page, served, f"?case={case['id']}")
    expect(page.locator(".desk-stages h4")).to_have_text(["处置前(1)", "处置后(1)"])
    for image in page.locator(".desk-photos img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("naturalWidth", 320)
    page.click("[data-copy]")
    expect(page.locator(".desk-done")).to_be_visible()
    report = httpx.get(f"{served.url}/cases/{case['id']}/report", headers=served.headers).text
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
    stored = ask(served, f"/collections/enterprise/items/{firm['id']}?f=json")["properties"]
    assert (stored["status"], stored["rectified"], stored["licence_change_on"]) == ("moved", True, "2026-03-01")
    assert ask(served, f"/cases/{case['id']}")["status"] == "registered"
    # Somebody else's change since then isn't overwritten.
    item = httpx.get(f"{served.url}/collections/enterprise/items/{firm['id']}", headers=served.headers)
    changed = httpx.patch(
        f"{served.url}/collections/enterprise/items/{firm['id']}", json={"properties": {"employees": 77}},
        headers={**served.headers, "If-Match": item.headers["etag"], "Content-Type": "application/merge-patch+json"},
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
def test_the_map_and_the_list_point_at_each_other(page: Page, served: Served) -> None:
    opened(page, served, "?kind=grave")
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
def test_figures_are_shown_with_their_meaning_and_taken_away(page: Page, served: Served) -> None:
    opened(page, served, "?view=figures&by=month&since=2019-01-01")
    found = ask(served, "/cases/figures?by=month&since=2019-01-01")
    rows = page.locator(".desk-figures tbody tr")
    expect(rows).to_have_count(len(found["rows"]))
    for one in found["definitions"]:
        expect(page.locator(".desk-notes")).to_contain_text(one["definition"])
        assert page.get_attribute(f".desk-figures th:has-text('{one['title']}') >> nth=0", "title")
    with page.expect_download() as download:
        page.click(".desk-csv")
    table = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    rate = table[0].index("办结率")
    for line, row in zip(table[1:], found["rows"], strict=True):
        given = row["closed_rate"]
        assert line[:2] == [row["title"], str(row["found"])]
        shown = [float(one) if one else None for one in line[rate : rate + 3]]
        assert shown == [given[name] for name in ("value", "counted", "of")]
    page.select_option(".desk-page select >> nth=0", "grid")
    page.click(".desk-figures button:has-text('第 3 网格')")
    expect(page).to_have_url(re.compile(rf"kind=all&grid={COMMUNITY}003&since=2019-01-01"))
    expect(page.locator("#desk-cases")).to_be_visible()


def bring(served: Served, unit: dict[str, Any], **properties: Any) -> str:
    """Send a change that a terminal made offline of a letting as it was; return how it ended."""
    edit = {
        "id": str(uuid.uuid4()), "kind": "change", "made_at": "2026-01-05T01:00:00Z",
        "body": {"layer": "rental_unit", "feature": unit["id"], "base": unit["properties"]["version"],
                 "properties": properties},
    }  # fmt: skip
    answer = httpx.post(f"{served.url}/sync", json={"device": "手机一", "edits": [edit]}, headers=served.headers)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["results"][0]["state"]
    return found


@pytest.mark.long
def test_what_clashed_offline_is_decided(page: Page, served: Served) -> None:
    listed = ask(served, "/collections/rental_unit/items?f=json&limit=2&filter=rent_status='let'")["features"]
    units = [ask(served, f"/collections/rental_unit/items/{one['id']}?f=json") for one in listed]
    opened(page, served, "?view=conflicts")
    expect(page.locator("#desk-conflicts .desk-empty")).to_be_visible()
    for unit in units:
        assert bring(served, unit, tenant_count=41, rent_status="vacant") == "applied"
        assert bring(served, unit, tenant_count=42, rent_status="ended") == "conflict"
    page.reload()
    expect(page.locator("[data-view=conflicts]")).to_have_text("改动冲突2")
    first = page.locator(".desk-conflict").first
    was = str(units[1]["properties"].get("tenant_count", "空"))
    expect(first.locator("tbody tr").first.locator("th, td")).to_have_text(["租住人数", was, "41", "42"])
    expect(first.locator("tbody tr").last.locator("th, td")).to_have_text(["出租状态", "在租", "空置", "停止出租"])
    first.locator("text=采用终端的").click()
    expect(page.locator(".desk-conflict")).to_have_count(1)
    page.click("text=保留现在的")
    expect(page.locator("#desk-conflicts .desk-empty")).to_be_visible()
    after = [ask(served, f"/collections/rental_unit/items/{one['id']}?f=json")["properties"] for one in units]
    assert [(one["tenant_count"], one["rent_status"]) for one in after] == [(41, "vacant"), (42, "ended")]


@pytest.mark.long
def test_the_rounds_are_shown_by_grid(page: Page, served: Served) -> None:
    opened(page, served, "?view=coverage")
    found = ask(served, "/today/coverage")
    rows = page.locator("#desk-coverage table").first.locator("tbody tr")
    expect(rows).to_have_count(len(found["grids"]) + 1)
    for at, one in enumerate([*found["grids"], {"name": "合计", **found["total"]}]):
        cells = rows.nth(at).locator("th, td").all_inner_texts()
        assert cells[:2] == [one["name"], f"{one['rentals']:,}"]
    notes = page.locator("#desk-coverage .desk-notes").first.locator("dt")
    expect(notes).to_have_text([one["title"] for one in found["definitions"]])


@pytest.mark.long
def test_an_ended_login_leads_to_the_login_page_and_back(
    chromium: Browser, cluster: LocalCluster, name: str, served: Served, superuser: Engine
) -> None:
    database = connect(cluster.url("gis_app", name))
    token = token_for(database, name="leaving")
    database.close()
    context = chromium.new_context(viewport=WIDE, extra_http_headers={"Authorization": f"Bearer {token}"})
    page = context.new_page()
    opened(page, served, "?kind=overdue")
    expect(page.locator("html[data-live=yes]")).to_be_attached()
    with superuser.begin() as conn:
        conn.execute(text("delete from gis.credential where hash = decode(:d, 'hex')"), {"d": digest_of(token)})
    # The stream finds it with the next change, and the page asks once more.
    file(served, detail="最后一件")
    expect(page).to_have_url(f"{served.url}/login?next=%2Fdesk%3Fkind%3Doverdue")
    assert page.get_attribute("input[name=next]", "value") == "/desk?kind=overdue"
    context.close()


@pytest.mark.long
@pytest.mark.parametrize("asked", ["", "?kind=grave&case={case}", "?view=figures", "?view=coverage"])
def test_no_serious_barrier(page: Page, served: Served, asked: str) -> None:
    case = ask(served, "/cases?kind=grave&limit=1")["cases"][0]["id"]
    opened(page, served, asked.format(case=case))
    if "case" in asked:
        page.keyboard.press("1")
    # Past the page's own policy, which lets no foreign script in.
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    faults = page.evaluate("axe.run().then((found) => found.violations.map((one) => [one.id, one.impact, one.help]))")
    assert [one for one in faults if one[1] in {"serious", "critical"}] == []
    # At 200 % a screen of 1440 has 720 pixels.
    page.set_viewport_size({"width": 720, "height": 450})
    assert page.evaluate("document.documentElement.scrollWidth") == 720


@pytest.mark.long
def test_a_photo_is_added_at_the_desk(page: Page, served: Served, tmp_path: Path) -> None:
    case = file(served)
    Image.new("RGB", (640, 480), (20, 90, 160)).save(tmp_path / "after.jpg")
    opened(page, served, f"?case={case['id']}")
    page.set_input_files("#desk-one input[type=file]", tmp_path / "after.jpg")
    expect(page.locator("#desk-one .desk-photos img")).to_have_count(1)
    (photo,) = ask(served, f"/cases/{case['id']}")["photos"]
    assert photo["stage"] == "after"
