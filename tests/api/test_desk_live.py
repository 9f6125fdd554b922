"""What the desk shows by itself: a limit that passes, a visit, what may be grave; and a photo that is sent twice."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine, text

from gis_service.sample.load import COMMUNITY
from tests.api.own_service import Served
from tests.api.test_desk_typing import file, office, opened, page

__all__ = ["office", "page"]
pytestmark = pytest.mark.long


def test_a_limit_that_passes_is_seen_without_a_change(
    page: Page, served_copy: Served, office: httpx.Client, copied_superuser: Engine
) -> None:
    page.clock.install()
    case = file(office, detail="快到期了")
    with copied_superuser.begin() as conn:
        # Late in three seconds; the case is open on the desk before.
        conn.execute(
            text("update gis.case_step set due_at = now() + interval '3 seconds' where case_id = :id"),
            {"id": case["id"].partition(".")[2]},
        )
    opened(page, served_copy, "?kind=all&q=快到期了")
    row = page.locator("#desk-list tbody tr")
    expect(row.locator(".desk-due")).to_contain_text("还剩")
    page.wait_for_timeout(3500)
    for _ in range(2):
        page.clock.fast_forward(31_000)
    expect(row.locator(".desk-due .desk-late")).to_contain_text("超期")


def test_a_visit_is_seen_in_the_rounds(page: Page, served_copy: Served, office: httpx.Client) -> None:
    opened(page, served_copy, "?view=coverage")
    table = page.locator("#desk-coverage table").first
    at = [one.replace("\n", "") for one in table.locator("thead th").all_inner_texts()].index("今天的走访")
    total = table.locator("tbody tr").last.locator("th, td").nth(at)
    before = int(total.inner_text())
    unit = office.get(f"/collections/rental_unit/items?limit=1&community={COMMUNITY}").json()["features"][0]
    sent = {"target_kind": "rental_unit", "target_code": unit["properties"]["code"], "outcome": "01"}
    assert office.post("/visits", json=sent).status_code == 201
    expect(total).to_have_text(str(before + 1))


def test_what_may_be_grave_is_told_at_once(page: Page, served_copy: Served, office: httpx.Client) -> None:
    opened(page, served_copy)
    file(office, detail="普通的")
    case = file(office, level="suspected", register=False, event_code="X-FS03")
    alarm = page.locator("#desk-error [role=alert]")
    expect(alarm).to_contain_text("新报疑似重大")
    expect(alarm).to_have_count(1)
    alarm.locator("button:has-text('打开')").click()
    expect(page.locator("#desk-one")).to_contain_text(case["code"])
    expect(alarm).to_have_count(0)


def test_a_photo_whose_answer_was_lost_is_one_photo(
    page: Page, served_copy: Served, office: httpx.Client, tmp_path: Path
) -> None:
    case = file(office)
    picture = tmp_path / "a.jpg"
    Image.new("RGB", (64, 48), (10, uuid.uuid4().int % 250, 30)).save(picture)
    asked: list[str] = []

    def lose_answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/photos?*", lose_answer)
    opened(page, served_copy, f"?case={case['id']}")
    chooser = page.locator("#desk-one input[type=file]")
    chooser.set_input_files(picture)
    expect(page.locator("#desk-error")).not_to_be_empty()
    chooser.set_input_files([])
    chooser.set_input_files(picture)
    page.wait_for_timeout(1500)
    told: dict[str, Any] = office.get(f"/cases/{case['id']}").json()
    assert (len(asked), len(told["photos"])) == (2, 1)
