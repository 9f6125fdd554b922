"""Scripts in every text that a file can hold, on the pages of the survey desk: shown as text, and nothing runs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
import xlsxwriter
from playwright.sync_api import Browser, Dialog, Page

from gis_service.local_cluster import LocalCluster
from tests.api.own_service import serving

RUNS = "document.title='PWNED'"
PAYLOADS = (
    f'<img src=x onerror="{RUNS}">',
    f"</script><script>{RUNS}</script>",
    f"<script>{RUNS}</script>",
    f'<svg onload="{RUNS}">',
    f"`${{{RUNS}}}`",
    f"\"');{RUNS};//",
    f'\'"><iframe src="javascript:parent.{RUNS}">',
    f'{{{{constructor.constructor("{RUNS}")()}}}}',
    f"{{% raw %}}{RUNS}{{% endraw %}}{{{{7*7}}}}",
    f"&lt;img src=x onerror={RUNS}&gt;",
    f"javascript:{RUNS}",
    f'\\u003cimg src=x onerror="{RUNS}"\\u003e',
    f"<details open ontoggle={RUNS}>x</details>",
    f"<!--<img src=--><img src=x onerror={RUNS}>",
    f'<a href="javascript:{RUNS}" autofocus onfocus={RUNS}>x</a>',
)
FILE_NAME = f"<img src=x onerror={RUNS}>{{{{7*7}}}}.xlsx"
SHEET_NAME = "<img src=x onerror=alert(1)>"
INJECTED = "img[src='x'], svg[onload], iframe, details[ontoggle], [onerror], [onfocus]"


def workbook(turn: int) -> bytes:
    """A row for each payload, with other payloads in its other texts the next time; and columns named by payloads."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(SHEET_NAME)
        sheet.write_row(0, 0, ["编号", "名称", "点位类型", "备注", "管理单位", "经度", "纬度", "垃圾桶数", *PAYLOADS])
        for at, payload in enumerate(PAYLOADS):
            other = PAYLOADS[(at + turn) % len(PAYLOADS)]
            place = [120.9950 + at * 2e-4 + turn * 1e-5, 30.7040]
            row = [payload[:60] + str(at), other, "定时定点", payload, other, *place, 6, *PAYLOADS]
            sheet.write_row(at + 1, 0, row)
        # Refused, so that the reason quotes the cell.
        sheet.write_row(len(PAYLOADS) + 1, 0, ["<b>X1", "x", PAYLOADS[0], "", "", 120.9951, 30.7041, PAYLOADS[3]])
    return made.getvalue()


@dataclass(frozen=True)
class Uploaded:
    """The service, and an upload that adds and one that then changes the same features."""

    url: str
    headers: dict[str, str]
    added: str
    changed: str


@pytest.fixture(scope="module")
def uploaded(
    cluster: LocalCluster,
    make_database: Callable[..., str],
    untouched_sample: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Uploaded]:
    name, data = make_database(untouched_sample), tmp_path_factory.mktemp("data")
    with (
        serving(cluster, name, GIS_DATA_DIR=str(data)) as served,
        httpx.Client(base_url=served.url, headers=served.headers, timeout=60) as client,
    ):
        found = []
        for turn in (0, 1):
            form = {"layer": "waste_point", "crs": "EPSG:4490", "attribution": PAYLOADS[0]}
            answer = client.post("/uploads", files={"file": (FILE_NAME, workbook(turn))}, data=form)
            assert answer.status_code == 201, answer.text
            upload = answer.json()
            assert upload["state"] == "proposed", upload
            assert upload["file_name"] == FILE_NAME
            assert upload["counts"]["changed" if turn else "added"] == len(PAYLOADS)
            assert upload["counts"]["refused"] == 1
            found.append(upload["id"])
            if turn == 0:
                done = client.post(f"/uploads/{upload['id']}/commit", json={"accept": "valid"})
                assert done.status_code == 200, done.text
        yield Uploaded(served.url, served.headers, *found)


@pytest.fixture
def page(chromium: Browser, uploaded: Uploaded) -> Iterator[Page]:
    """A page without the policy that would stop what was let in; it fails the test when anything runs."""
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, bypass_csp=True, extra_http_headers=uploaded.headers
    )
    opened = context.new_page()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    opened.on("dialog", note)
    yield opened
    assert dialogs == []
    assert all(one.title() != "PWNED" for one in context.pages)
    context.close()


def nothing_ran(page: Page, address: str) -> None:
    page.wait_for_timeout(200)
    assert page.title() != "PWNED"
    assert page.url.partition("#")[0] == address
    # What was taken for markup would stand in the document, even where a policy kept it from running.
    assert page.locator(INJECTED).count() == 0, page.locator(INJECTED).first.evaluate("one => one.outerHTML")
    programs = page.locator("script:not([type='application/json'])").evaluate_all("all => all.map((one) => one.text)")
    assert all("PWNED" not in program for program in programs)


def test_the_list_of_uploads(page: Page, uploaded: Uploaded) -> None:
    page.goto(f"{uploaded.url}/uploads")
    page.wait_for_selector("html[data-desk=ready]")
    assert FILE_NAME in page.inner_text("#desk-list")
    nothing_ran(page, f"{uploaded.url}/uploads")


@pytest.mark.parametrize("which", ["added", pytest.param("changed", marks=pytest.mark.long)])
def test_the_desk(page: Page, uploaded: Uploaded, which: str) -> None:
    address = f"{uploaded.url}/uploads/{getattr(uploaded, which)}"
    page.goto(address)
    page.wait_for_selector("html[data-desk=ready]")
    assert page.inner_text("#desk-title") == FILE_NAME
    checks = page.inner_text(".desk-checks")
    assert SHEET_NAME in checks
    assert all(" ".join(payload.split()) in checks for payload in PAYLOADS), "the columns that aren't imported"
    for shown in page.locator("details").all():
        shown.evaluate("one => { one.open = true; }")
    tabs = page.locator(".desk-tabs button")
    rows = 0
    for at in range(tabs.count()):
        with page.expect_response(lambda answer: "/rows?" in answer.url):
            tabs.nth(at).click()
        page.wait_for_selector(".desk-rows tbody tr")
        page.wait_for_timeout(100)
        for code in page.locator(".desk-rows button.desk-link:enabled").all():
            # Shows the row on the map and opens its tooltip there.
            code.click()
            rows += 1
        nothing_ran(page, address)
    assert rows > len(PAYLOADS)
    tips = page.locator(".leaflet-tooltip").all_inner_texts()
    assert any(PAYLOADS[at][:20] in tip for tip in tips for at in range(len(PAYLOADS))), tips
    nothing_ran(page, address)


def test_the_map_of_changes(page: Page, uploaded: Uploaded) -> None:
    address = f"{uploaded.url}/uploads/{uploaded.changed}/map"
    page.goto(address)
    page.wait_for_selector("html[data-gis=ready]", timeout=30_000)
    assert FILE_NAME in page.inner_text("body")
    page.evaluate("gis.loadAll()")
    texts = page.evaluate(
        """() => {
            const found = [];
            for (const layer of gis.layers.filter((one) => one.fields.some((field) => field.name === "what"))) {
                for (const feature of layer.features) {
                    gis.openPopup(feature, gis.anchorOf(feature));
                    document.querySelectorAll("details").forEach((one) => { one.open = true; });
                    // Those that were closed fade out.
                    found.push([...document.querySelectorAll(".gis-popup")].pop().innerText);
                }
            }
            return found;
        }"""
    )
    assert len(texts) >= len(PAYLOADS)
    assert [payload for payload in PAYLOADS if not any(payload in text for text in texts)] == [], texts[:3]
    nothing_ran(page, address)
