"""What cases and visits do at their edges: void and ambiguous rows, steps that say too much, what goes up at once."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from gis_service.cases.work_calendar import PUBLISHED
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from tests.api.case_requests import Place, filed, step, walk
from tests.local_client import beside


def row_id(case: dict[str, Any]) -> str:
    return str(case["id"]).partition(".")[2]


def change(superuser: Engine, what: str, **given: Any) -> None:
    with superuser.begin() as conn:
        assert conn.execute(text(what), given).rowcount == 1


def test_a_place_that_is_all_but_nothing_is_reckoned_with(committee: TestClient) -> None:
    answer = committee.get("/cases/similar", params={"event": "X-FS01", "lon": "-14.2", "lat": "-5e-324"})
    assert (answer.status_code, answer.json()["cases"]) == (200, [])


def test_void_cases_count_nowhere(committee: TestClient, place: Place, copied_superuser: Engine) -> None:
    case = filed(committee, place, event_code="04-09", register=True)
    near = {"event": "04-09", "lon": place.lon, "lat": place.lat}

    def counted() -> tuple[int, int, int, int]:
        listed = committee.get("/cases", params={"kind": "open", "event": "04-09"}).json()
        (whole,) = committee.get("/cases/figures?by=all").json()["rows"]
        similar = committee.get("/cases/similar", params=near).json()["cases"]
        return listed["numberMatched"], listed["counts"]["all"], whole["found"], len(similar)

    before = counted()
    change(copied_superuser, "update gis.hazard set data_status = 'void' where id = :id", id=row_id(case))
    assert counted() == tuple(number - 1 for number in before)
    other = filed(committee, place, event_code="04-09")
    refused = step(committee, other, "merge", main_code=case["code"])
    assert (refused.status_code, "主案" in refused.text) == (409, True)


@pytest.mark.parametrize("name", ["register", "note", "suspect"])
def test_a_step_that_offers_no_day_takes_none(
    committee: TestClient, place: Place, copied_superuser: Engine, name: str
) -> None:
    case = filed(committee, place)
    # As ledgers bring them: the day of the whole case isn't set yet.
    change(copied_superuser, "update gis.hazard set due_on = null where id = :id", id=row_id(case))
    refused = step(committee, case, name, note="看过", due_on="2099-01-01")
    assert (refused.status_code, "不能写期限(due_on)" in refused.text) == (400, True)
    assert committee.get(f"/cases/{case['id']}").json()["status"] == "found"


def test_numbers_of_people_are_found_within_a_document(committee: TestClient, place: Place) -> None:
    case = filed(committee, place)
    sent = {"cases": [case["id"]], "step": {"step": "note", "note": "房东 13912345678"}}
    refused = committee.post("/cases/steps", json=sent)
    assert (refused.status_code, "“step.note”里疑似有身份证号或手机号" in refused.text) == (400, True)
    assert [one["step"] for one in committee.get(f"/cases/{case['id']}").json()["journal"]] == ["find"]


def test_what_was_put_aside_and_is_taken_up_again_was_not_done_badly(
    committee: TestClient, place: Place, copied_superuser: Engine
) -> None:
    def reworked() -> int:
        (whole,) = committee.get("/cases/figures?by=all").json()["rows"]
        return int(whole["rework_rate"]["counted"])

    before = reworked()
    case = filed(committee, place, register=True)
    walk(committee, case, ("reject", {"note": "不属实"}), ("reopen", {"note": "属实"}), ("note", {"note": "看过"}))
    assert reworked() == before
    walk(committee, case, ("handle", {}), ("ask_recheck", {"note": "x"}), ("fail", {"note": "还在"}))
    assert reworked() == before + 1
    # A ledger's case may come as being done again; nobody knows what it was before.
    with copied_superuser.begin() as conn:
        conn.execute(
            text("insert into gis.hazard select (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid(),"
                 " 'code', 'LEDGER-1', 'status', 'rework'))).* from gis.hazard h where id = :id"),
            {"id": row_id(case)},
        )  # fmt: skip
    assert reworked() == before + 2


def test_the_report_is_headed_by_the_level_and_says_no_day_that_is_unknown(
    committee: TestClient, street: TestClient, place: Place, copied_superuser: Engine
) -> None:
    case = filed(committee, place, level="suspected", register=True)
    walk(street, case, ("determine", {"level": "02", "note": "已认定"}))
    change(copied_superuser, "update gis.hazard set transferred_to = 'fire' where id = :id", id=row_id(case))
    lines = committee.get(f"/cases/{case['id']}/report").text.splitlines()
    assert lines[0] == f"【重大隐患上报】{case['code']}"
    (transferred,) = [line for line in lines if line.startswith("移交:")]
    assert transferred == "移交:消防救援"


def test_only_the_street_takes_back_what_was_determined(
    committee: TestClient, street: TestClient, place: Place
) -> None:
    west, south = place.lon, place.lat
    ring = [[west, south], [west + 1e-4, south], [west + 1e-4, south + 1e-4], [west, south]]
    sent = {
        "type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"code": f"WJ-{uuid.uuid4().hex[:8]}", "status": "suspected"},
    }  # fmt: skip
    made = committee.post("/collections/illegal_structure/items", json=sent)
    assert made.status_code == 201, made.text
    address = f"/collections/illegal_structure/items/{made.headers['location'].rpartition('/')[2]}"
    merge = {"Content-Type": "application/merge-patch+json"}

    def patched(client: TestClient, state: str) -> int:
        return int(client.patch(address, json={"properties": {"status": state}}, headers=merge).status_code)

    assert patched(street, "determined") in {200, 204}
    assert patched(committee, "suspected") == 409
    assert patched(street, "suspected") in {200, 204}


def test_what_may_be_grave_is_on_todays_list_at_once(
    committee: TestClient, copied: Database, place: Place, copied_superuser: Engine
) -> None:
    case = filed(committee, place, level="suspected")
    # The time of its step is over today, whatever the day of the whole case is.
    change(copied_superuser, "update gis.hazard set due_on = '2099-01-01' where id = :id", id=row_id(case))
    worker = beside(committee, copied, place.grid, role="grid_worker", name="walker")
    found = worker.get("/today", params={"hours": 12}).json()
    things = [thing for stop in found["stops"] for thing in (*stop["things"], *stop["left_here"])]
    (thing,) = [one for one in things if one["code"] == case["code"]]
    assert {one["code"] for one in thing["reasons"]} == {"major", "soon"}


def test_what_is_ordinary_after_all_has_the_time_of_its_state(
    committee: TestClient, street: TestClient, place: Place
) -> None:
    case = filed(committee, place, level="suspected", register=True)
    assert committee.get(f"/cases/{case['id']}").json()["overdue"]
    after = walk(street, case, ("determine", {"level": "01", "note": "核实为一般"}))
    assert not after["overdue"]
    assert datetime.fromisoformat(after["due_at"]) > datetime.now(UTC) + timedelta(hours=1)
    grave = walk(street, filed(committee, place, level="suspected"), ("determine", {"level": "02", "note": "重大"}))
    assert committee.get(f"/cases/{grave['id']}").json()["overdue"]


def test_what_is_with_the_superior_already_is_not_late_when_it_is_suspected(
    committee: TestClient, place: Place
) -> None:
    case = filed(committee, place, register=True)
    after = walk(committee, case, ("transfer", {"department": "fire"}), ("suspect", {"note": "堵死了"}))
    # Read once more: what is due at once is late as soon as its step is written.
    assert (after["level"], committee.get(f"/cases/{case['id']}").json()["overdue"]) == ("suspected", False)
    at_once = walk(committee, filed(committee, place, register=True), ("suspect", {"note": "堵死了"}))
    assert committee.get(f"/cases/{at_once['id']}").json()["overdue"]


def test_a_step_is_made_in_the_highest_office_that_may_make_it(
    committee: TestClient, street: TestClient, place: Place
) -> None:
    case = filed(committee, place)
    walk(street, case, ("register", {}))
    walk(committee, case, ("note", {"note": "看过"}))
    journal = committee.get(f"/cases/{case['id']}").json()["journal"]
    assert [one["office"] for one in journal] == ["community", "street", "community"]


def test_a_limit_begins_with_the_moment_that_the_journal_tells(committee: TestClient, place: Place) -> None:
    case = filed(committee, place)
    earlier = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    walk(committee, case, ("register", {"at": earlier}))
    one = committee.get(f"/cases/{case['id']}").json()
    found, registered = one["journal"]
    assert registered["at"] == found["at"]
    assert datetime.fromisoformat(one["due_at"]) > datetime.now(UTC)


NAMING = "证件 11010119900307803X,房东 13912345678"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("case", {"event_code": "X-FS01", "lon": 120.995, "lat": 30.702, "detail": NAMING}),
        (
            "change",
            {"layer": "rental_unit", "feature": "none", "properties": {"landlord_name": "王二", "remark": NAMING}},
        ),
    ],
)
def test_what_is_refused_for_naming_somebody_is_kept_without_it(
    committee: TestClient, copied_superuser: Engine, kind: str, body: dict[str, Any]
) -> None:
    edit = {"id": str(uuid.uuid4()), "kind": kind, "made_at": "2026-11-30T08:00:00+08:00", "body": body}
    for _ in range(2):
        (outcome,) = committee.post(f"/sync?community={COMMUNITY}", json={"edits": [edit]}).json()["results"]
        assert outcome["state"] == "conflict", outcome
    query = text("select body::text from gis.sync_edit where id = :id")
    with copied_superuser.connect() as conn:
        stored = conn.execute(query, {"id": edit["id"]}).scalar_one()
    assert not any(one in stored for one in ("11010119900307803X", "13912345678", "王二"))
    assert "〔已隐去〕" in stored
    if kind == "case":
        taken = committee.post(f"/sync/edits/{edit['id']}?community={COMMUNITY}", json={"take": "mine"})
        assert taken.status_code == 200, taken.text
        assert committee.get(f"/cases/{COMMUNITY}.{edit['id']}").json()["detail"] == "证件 〔已隐去〕,房东 〔已隐去〕"


def test_years_without_holidays_are_told_with_the_limit(committee: TestClient, place: Place) -> None:
    case = filed(committee, place, register=True)
    assert committee.get(f"/cases/{case['id']}").json()["assumed_years"] == []
    last = max(PUBLISHED.known)
    until = walk(committee, case, ("extend", {"due_on": f"{last + 2}-03-01", "note": "等配件"}))
    assert until["assumed_years"] == [last + 1, last + 2]
    assert committee.get(f"/cases/{case['id']}").json()["assumed_years"] == [last + 1, last + 2]


@pytest.fixture
def twins(copied_superuser: Engine) -> tuple[str, str, str]:
    """A code that lettings of two grids have, and their identifiers."""
    with copied_superuser.begin() as conn:
        rows = conn.execute(
            text("select distinct on (grid) id, code, grid from gis.rental_unit where rent_status = 'let'"
                 " order by grid, code limit 2")
        ).all()  # fmt: skip
        conn.execute(
            text("update gis.rental_unit set code = :code where id = :id"), {"code": rows[0].code, "id": rows[1].id}
        )
    return rows[0].code, str(rows[0].id), str(rows[1].id)


def test_a_visit_says_by_identifier_which_of_two_was_seen(
    committee: TestClient, twins: tuple[str, str, str], copied_superuser: Engine
) -> None:
    code, _, second = twins
    query = text("select grid, tenant_count, version from gis.rental_unit where id = :id")
    with copied_superuser.connect() as conn:
        base = conn.execute(query, {"id": second}).one().version
    sent = {"target_kind": "rental_unit", "target_code": code, "changes": {"tenant_count": 5}, "base": base}
    refused = committee.post("/visits", json=sent)
    assert (refused.status_code, "几个网格里都有" in refused.text) == (409, True)
    named = {**sent, "id": str(uuid.uuid4()), "target_code": second}
    for status in (201, 200):
        answer = committee.post("/visits", json=named)
        assert answer.status_code == status, answer.text
    with copied_superuser.connect() as conn:
        visit = conn.execute(text("select target_code, grid from gis.visit where id = :id"), {"id": named["id"]}).one()
        unit = conn.execute(query, {"id": second}).one()
    assert (visit.target_code, visit.grid, unit.tenant_count) == (code, unit.grid, 5)


@pytest.mark.parametrize("name", ["version", "id", "grid", "no_such_field", "landlord_phone"])
def test_a_visit_changes_only_what_can_be_changed(committee: TestClient, copied_superuser: Engine, name: str) -> None:
    with copied_superuser.connect() as conn:
        code = conn.execute(text("select code from gis.enterprise order by code limit 1")).scalar_one()
    sent = {"target_kind": "enterprise", "target_code": code, "changes": {name: 3}}
    answer = committee.post("/visits", json={**sent, "id": str(uuid.uuid4())})
    assert answer.status_code == 400, answer.text


def test_a_count_that_stands_already_is_known_to_be_newer(committee: TestClient, copied_superuser: Engine) -> None:
    query = (
        "select code, tenant_count, tenant_count_as_of, version from gis.rental_unit where tenant_count is not null"
        f" and community = '{COMMUNITY}' and rent_status = 'let' order by code desc limit 1"
    )
    with copied_superuser.connect() as conn:
        unit = conn.execute(text(query)).one()
    sent = {
        "target_kind": "rental_unit", "target_code": unit.code, "base": unit.version,
        "changes": {"tenant_count": unit.tenant_count},
    }  # fmt: skip
    assert committee.post("/visits", json={**sent, "at": "2001-01-01T08:00:00+08:00"}).status_code == 201
    with copied_superuser.connect() as conn:
        assert conn.execute(text(query)).one().tenant_count_as_of == unit.tenant_count_as_of
    assert committee.post("/visits", json={**sent, "at": "2026-11-30T08:00:00+08:00"}).status_code == 201
    with copied_superuser.connect() as conn:
        after = conn.execute(text(query)).one()
    assert (after.tenant_count, str(after.tenant_count_as_of)) == (unit.tenant_count, "2026-11-30")
