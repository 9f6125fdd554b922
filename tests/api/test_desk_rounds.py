"""The rounds of each grid and each post on the desk of cases, in Chromium: what the service tells."""

from __future__ import annotations

import csv

import pytest
from playwright.sync_api import Page, expect

from tests.api.own_service import Served
from tests.api.test_desk_page import ask, opened, page

__all__ = ["page"]


@pytest.mark.long
def test_the_rounds_are_shown_by_grid(page: Page, served_copy: Served) -> None:
    opened(page, served_copy, "?view=coverage")
    found = ask(served_copy, "/today/coverage")
    rows = page.locator("#desk-coverage table").first.locator("tbody tr")
    expect(rows).to_have_count(len(found["grids"]) + 1)
    for at, one in enumerate([*found["grids"], {"name": "合计", **found["total"]}]):
        cells = rows.nth(at).locator("th, td").all_inner_texts()
        assert cells[:2] == [one["name"], f"{one['rentals']:,}"]
    notes = page.locator("#desk-coverage .desk-notes").first.locator("dt")
    expect(notes).to_have_text([one["title"] for one in found["definitions"]])


@pytest.mark.long
def test_the_rounds_are_shown_by_post(page: Page, served_copy: Served) -> None:
    opened(page, served_copy, "?view=coverage")
    found = ask(served_copy, "/today/coverage")
    assert len(found["workers"]) > 5
    table = page.locator("#desk-coverage table").nth(1)
    titles = ["岗位", *(one["title"] for one in found["worker_definitions"])]
    expect(table.locator("thead th")).to_have_text(titles)
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(len(found["workers"]))
    for at, one in enumerate(found["workers"]):
        shown = [f"{value:,}" if isinstance(value, int) else value for value in list(one.values())[1:]]
        expect(rows.nth(at).locator("th, td")).to_have_text(shown)
    with page.expect_download() as download:
        page.locator("#desk-coverage .desk-csv").nth(1).click()
    assert download.value.suggested_filename.startswith("各岗位的走访_")
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.reader(file))
    assert written[0] == titles
    assert [row[0] for row in written[1:]] == [one["name"] for one in found["workers"]]
