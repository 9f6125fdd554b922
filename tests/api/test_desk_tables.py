"""The desk's views beside the list of cases, in Chromium: figures with their meaning, and what clashed offline."""

from __future__ import annotations

import csv
import io
import re
import uuid
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from gis_service.sample.load import COMMUNITY
from tests.api.own_service import Served
from tests.api.test_desk_page import ask, opened, page

__all__ = ["page"]


@pytest.mark.long
def test_figures_are_shown_with_their_meaning_and_taken_away(page: Page, served_copy: Served) -> None:
    opened(page, served_copy, "?view=figures&by=month&since=2019-01-01")
    found = ask(served_copy, "/cases/figures?by=month&since=2019-01-01")
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
def test_what_clashed_offline_is_decided(page: Page, served_copy: Served) -> None:
    listed = ask(served_copy, "/collections/rental_unit/items?f=json&limit=2&filter=rent_status='let'")["features"]
    units = [ask(served_copy, f"/collections/rental_unit/items/{one['id']}?f=json") for one in listed]
    opened(page, served_copy, "?view=conflicts")
    expect(page.locator("#desk-conflicts .desk-empty")).to_be_visible()
    for unit in units:
        assert bring(served_copy, unit, tenant_count=41, rent_status="vacant") == "applied"
        assert bring(served_copy, unit, tenant_count=42, rent_status="ended") == "conflict"
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
    after = [ask(served_copy, f"/collections/rental_unit/items/{one['id']}?f=json")["properties"] for one in units]
    assert [(one["tenant_count"], one["rent_status"]) for one in after] == [(41, "vacant"), (42, "ended")]
