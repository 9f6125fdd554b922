"""Edits of phones: taken in once, merged field by field, kept for a person where they clash, and decided."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from gis_service.cases.case import take_case
from gis_service.cases.steps import StepSent, make_step, read_clock
from gis_service.database import Database
from gis_service.features.question import today
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.sync.applying import Edit
from gis_service.sync.edits import take_edits
from tests.local_client import beside

WRITTEN = [3, 5, 7, 8, 9, 11, 12, 21, 22, 31, 32, 41, 42, 51, 77]
"""Counts that these tests write."""


@pytest.fixture
def unit(copied_superuser: Engine) -> dict[str, Any]:
    """A let unit that nobody has changed yet."""
    with copied_superuser.connect() as conn:
        row = conn.execute(
            text("select id, code, version, tenant_count, registered_count, grid, st_x(geom) as lon, st_y(geom) as lat"
                 " from gis.rental_unit where version = 1 and rent_status = 'let' and remark is null"
                 # None of the counts that the tests write, which would then change nothing.
                 " and tenant_count <> all(:written) and registered_count <> all(:written) order by code limit 1"),
            {"written": WRITTEN},
        ).mappings().one()  # fmt: skip
    return dict(row)


def edit(kind: str, body: dict[str, Any], identifier: str | None = None) -> dict[str, Any]:
    return {
        "id": identifier or str(uuid.uuid4()), "kind": kind, "made_at": datetime.now(UTC).isoformat(), "body": body,
    }  # fmt: skip


def send(client: TestClient, *edits: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post("/sync", json={"device": "手机一", "edits": list(edits)})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def stored(superuser: Engine, unit: dict[str, Any]) -> dict[str, Any]:
    with superuser.connect() as conn:
        row = conn.execute(text("select * from gis.rental_unit where id = :id"), {"id": unit["id"]}).mappings().one()
    return dict(row)


def change(unit: dict[str, Any], **properties: Any) -> dict[str, Any]:
    feature = f"{COMMUNITY}.{unit['id']}"
    return edit(
        "change", {"layer": "rental_unit", "feature": feature, "base": unit["version"], "properties": properties}
    )


def test_edits_are_written_in_their_order_and_once(
    committee: TestClient, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    case = edit("case", {"event_code": "X-FS01", "lon": unit["lon"], "lat": unit["lat"], "rental_code": unit["code"]})
    name = f"{COMMUNITY}.{case['id']}"
    edits = [
        case, edit("step", {"case": name, "step": "register"}),
        edit("step", {"case": name, "step": "advise", "note": "劝导"}),
        edit("visit", {"target_kind": "rental_unit", "target_code": unit["code"], "check_result": "count_differs",
                       "changes": {"tenant_count": 7}, "base": unit["version"]}),
    ]  # fmt: skip
    first, again = send(committee, *edits), send(committee, *edits)
    assert [one["state"] for one in first] == ["applied"] * 4, first
    assert again == first
    row = stored(copied_superuser, unit)
    assert (row["tenant_count"], row["tenant_count_as_of"]) == (7, today())
    assert row["version"] == unit["version"] + 1
    with copied_superuser.connect() as conn:
        state = conn.execute(text("select status from gis.hazard where id = :id"), {"id": case["id"]}).scalar()
        visits = conn.execute(
            text("select count(*) from gis.visit where target_code = :code and visited_on = :day"),
            {"code": unit["code"], "day": today()},
        ).scalar()
    assert (state, visits) == ("advised", 1)


def test_different_fields_merge_and_one_field_clashes(
    committee: TestClient, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    send(committee, change(unit, tenant_count=11, remark="一号手机"))
    (mine,) = send(committee, change(unit, tenant_count=12, registered_count=9))
    assert mine["state"] == "conflict"
    assert mine["result"]["written"] == ["registered_count"]
    assert [(one["field"], one["present"], one["mine"]) for one in mine["result"]["differences"]] == [
        ("tenant_count", 11, 12)
    ]
    row = stored(copied_superuser, unit)
    assert (row["tenant_count"], row["registered_count"], row["remark"]) == (11, 9, "一号手机")
    (waiting,) = [one for one in committee.get("/sync/edits?state=conflict").json()["edits"] if one["id"] == mine["id"]]
    assert waiting["differences"][0]["base"] == unit["tenant_count"]
    done = committee.post(f"/sync/edits/{mine['id']}", json={"take": "mine"})
    assert done.json()["state"] == "settled", done.text
    assert stored(copied_superuser, unit)["tenant_count"] == 12
    assert committee.post(f"/sync/edits/{mine['id']}", json={"take": "mine"}).status_code == 409


def test_the_same_value_from_two_phones_is_no_clash(
    committee: TestClient, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    send(committee, change(unit, tenant_count=5))
    (again,) = send(committee, change(unit, tenant_count=5))
    assert again["state"] == "applied"
    assert stored(copied_superuser, unit)["version"] == unit["version"] + 1


def test_what_is_kept_can_be_dropped(committee: TestClient, copied_superuser: Engine, unit: dict[str, Any]) -> None:
    send(committee, change(unit, tenant_count=21))
    (mine,) = send(committee, change(unit, tenant_count=22))
    assert committee.post(f"/sync/edits/{mine['id']}", json={"take": "present"}).json()["state"] == "dropped"
    assert stored(copied_superuser, unit)["tenant_count"] == 21


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("case", {"event_code": "99-99", "lon": 121.0, "lat": 30.7}, "事件类别"),
        ("step", {"case": f"{COMMUNITY}.{uuid.uuid4()}", "step": "register"}, "没有案件"),
        ("visit", {"target_kind": "rental_unit", "target_code": "none"}, "出租房"),
        ("change", {"layer": "rental_unit", "feature": f"{COMMUNITY}.none", "properties": {"tenant_count": 1}}, "没有"),
        ("change", {"layer": "hazard", "feature": f"{COMMUNITY}.none", "properties": {"status": "closed"}}, "没有"),
        ("feature", {"layer": "moon", "properties": {}, "geometry": {}}, "没有图层"),
        ("dance", {"x": 1}, "不认识"),
        ("case", {"unknown": "of a newer page"}, "unknown"),
    ],
)
def test_what_cannot_be_written_waits_with_its_reason(
    committee: TestClient, kind: str, body: dict[str, Any], said: str
) -> None:
    sent = edit(kind, body)
    (answer,) = send(committee, sent)
    assert answer["state"] == "conflict"
    assert said in answer["problem"]
    assert send(committee, sent) == [answer]
    waiting = {one["id"]: one for one in committee.get("/sync/edits?state=conflict").json()["edits"]}
    assert waiting[sent["id"]]["body"] == body
    assert committee.post(f"/sync/edits/{sent['id']}", json={"take": "mine"}).status_code in {400, 404, 409}
    assert sent["id"] in {one["id"] for one in committee.get("/sync/edits?state=conflict").json()["edits"]}


def test_a_worker_brings_what_is_of_their_grid(committee: TestClient, copied: Database, unit: dict[str, Any]) -> None:
    grid = unit["grid"]
    worker = beside(committee, copied, grid, role="grid_worker", name=f"w{grid}")
    (mine,) = send(worker, change(unit, tenant_count=31))
    assert mine["state"] == "applied", mine
    other = f"{COMMUNITY}{int(grid[12:]) % 6 + 1:03d}"
    stranger = beside(committee, copied, other, role="grid_worker", name=f"w{other}")
    (theirs,) = send(stranger, change({**unit, "version": unit["version"] + 1}, tenant_count=32))
    assert theirs["state"] == "conflict"
    assert theirs["id"] not in {one["id"] for one in worker.get("/sync/edits").json()["edits"]}
    assert theirs["id"] in {one["id"] for one in committee.get("/sync/edits").json()["edits"]}


def test_a_decision_is_about_what_clashed_and_nothing_else(
    committee: TestClient, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    send(committee, change(unit, tenant_count=41))
    (mine,) = send(committee, change(unit, tenant_count=42, registered_count=8))
    assert mine["result"]["written"] == ["registered_count"]
    now = {**unit, "version": mine["result"]["version"]}
    (later,) = send(committee, change(now, registered_count=3))
    assert later["state"] == "applied"
    assert committee.post(f"/sync/edits/{mine['id']}", json={"take": "mine"}).json()["state"] == "settled"
    row = stored(copied_superuser, unit)
    assert (row["tenant_count"], row["registered_count"]) == (42, 3)


def test_one_message_twice_at_once_is_written_once(
    committee: TestClient, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    here = {"lon": unit["lon"], "lat": unit["lat"]}
    edits = [
        edit("case", {"event_code": "X-FS01", **here}),
        edit("visit", {"target_kind": "rental_unit", "target_code": "no"}),
        edit("visit", {"target_kind": "rental_unit", "target_code": unit["code"], "changes": {"tenant_count": 51}}),
        change(unit, remark="同时"),
    ]  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(committee, *edits), range(4)))
    assert [one["state"] for one in answers[0]] == ["applied", "conflict", "conflict", "applied"]
    assert answers[1:] == answers[:1] * 3
    assert stored(copied_superuser, unit)["version"] == unit["version"] + 1


def test_an_identifier_is_one_edits_only(
    committee: TestClient, copied: Database, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    first = edit("dance", {"x": 1.0})
    assert send(committee, first)[0]["state"] == "conflict"
    same, other = {**first, "body": {"x": 1}}, {**first, "body": {"x": 2}}
    assert [one["state"] for one in send(committee, same, edit("dance", {}))] == ["conflict", "conflict"]
    assert [one["state"] for one in send(committee, other)] == ["taken"]
    # A worker of a grid doesn't see what the office sent; nor may it be written under the same identifier once more.
    grid = unit["grid"]
    worker = beside(committee, copied, grid, role="grid_worker", name=f"w{grid}")
    mine, taken = change(unit, remark="我的"), {**change(unit, remark="别的"), "id": first["id"]}
    assert [one["state"] for one in send(worker, taken, mine)] == ["taken", "applied"]
    assert stored(copied_superuser, unit)["remark"] == "我的"


def test_a_place_is_not_overwritten_from_an_unknown_version(
    committee: TestClient, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    point = {"type": "Point", "coordinates": [unit["lon"] + 1e-5, unit["lat"]]}
    blind = change({**unit, "version": None}, remark="挪")
    blind["body"]["geometry"] = point
    (answer,) = send(committee, blind)
    assert {one["field"] for one in answer["result"]["differences"]} == {"remark", "geometry"}
    assert stored(copied_superuser, unit)["version"] == unit["version"]


def test_a_clock_that_was_never_set_keeps_nothing_back(committee: TestClient, unit: dict[str, Any]) -> None:
    early = change(unit, remark="早")
    early["made_at"] = "0001-01-01T00:00:00+14:00"
    visit = edit("visit", {"target_kind": "rental_unit", "target_code": unit["code"]})
    visit["made_at"] = early["made_at"]
    first, second = send(committee, early, visit)
    assert (first["state"], second["state"]) == ("applied", "conflict")
    assert "2000-01-01" in second["problem"]
    assert {first["id"], second["id"]} <= {one["id"] for one in committee.get("/sync/edits?limit=1000").json()["edits"]}


def test_when_time_is_short_the_first_edits_are_taken_and_the_others_are_not_answered(
    copied: Database, unit: dict[str, Any]
) -> None:
    scope = Scope("short", "staff", (COMMUNITY,))
    edits = [Edit.model_validate(change(unit, remark=f"{turn}")) for turn in range(3)]
    taken = take_edits(copied, scope, COMMUNITY, edits, "", 0.0)
    assert [one.id for one in taken] == [edits[0].id]
    assert [one.id for one in take_edits(copied, scope, COMMUNITY, edits, "", 0.0)] == [one.id for one in edits[:2]]


def test_a_step_that_waited_goes_on_with_the_limit_that_it_finds(
    committee: TestClient, copied: Database, copied_superuser: Engine, unit: dict[str, Any]
) -> None:
    case = edit("case", {"event_code": "X-FS01", "lon": unit["lon"], "lat": unit["lat"], "register": True})
    send(committee, case)
    name, scope = f"{COMMUNITY}.{case['id']}", Scope("one", "staff", (COMMUNITY,))
    with ThreadPoolExecutor(1) as pool:
        with copied.write(scope) as conn:
            found = take_case(conn, name)
            waiting = pool.submit(committee.post, f"/cases/{name}/steps", json={"step": "note", "note": "等了一会"})
            with pytest.raises(FutureTimeoutError):
                waiting.result(0.3)
            make_step(conn, found, StepSent(step="advise", note="劝导"), read_clock(conn, COMMUNITY))
        assert waiting.result(10).status_code == 201
    with copied_superuser.connect() as conn:
        limits = conn.execute(
            text("select step, due_at from gis.case_step where case_id = :id order by position"), {"id": case["id"]}
        ).all()
    assert [row.step for row in limits] == ["find", "register", "advise", "note"]
    assert limits[1].due_at != limits[2].due_at == limits[3].due_at


def test_two_cases_are_not_merged_into_each_other(committee: TestClient, unit: dict[str, Any]) -> None:
    cases = [edit("case", {"event_code": "X-FS01", "lon": unit["lon"], "lat": unit["lat"]}) for _ in range(2)]
    codes = [one["result"]["code"] for one in send(committee, *cases)]
    names = [f"{COMMUNITY}.{one['id']}" for one in cases]

    def merge(number: int) -> int:
        said = {"step": "merge", "main_code": codes[1 - number]}
        status: int = committee.post(f"/cases/{names[number]}/steps", json=said).status_code
        return status

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(merge, range(2))) == [201, 409]


def test_a_day_that_must_be_said_is_not_made_up(committee: TestClient, unit: dict[str, Any]) -> None:
    case = edit("case", {"event_code": "X-FS01", "lon": unit["lon"], "lat": unit["lat"]})
    step = edit("step", {"case": f"{COMMUNITY}.{case['id']}", "step": "extend", "note": "缓一缓"})
    assert [one["state"] for one in send(committee, case, step)] == ["applied", "conflict"]


def test_refusals_and_waste_are_what_python_counts(committee: TestClient, copied_superuser: Engine) -> None:
    with copied_superuser.connect() as conn:
        visits = conn.execute(text("select * from gis.visit order by visited_on, code")).mappings().all()
    seen: dict[tuple[str, str], list[tuple[Any, str]]] = {}
    for one in visits:
        seen.setdefault((one["target_kind"], one["target_code"]), []).append((one["visited_on"], one["outcome"]))
    expected = set()
    for key, told in seen.items():
        done = max((day for day, outcome in told if outcome == "01"), default=None)
        after = [outcome for day, outcome in told if done is None or day > done]
        if "05" in after or sum(outcome in {"03", "04"} for outcome in after) >= 2:
            expected.add(key)
    listed = committee.get("/visits/refusals").json()["refusals"]
    assert {(one["target_kind"], one["target_code"]) for one in listed} == expected
    assert expected
    for by in ("point", "month"):
        rows = {one["key"]: one for one in committee.get(f"/visits/waste?by={by}").json()["rows"]}
        totals: dict[str, list[int]] = {}
        for one in visits:
            if one["target_kind"] == "waste_point" and one["checked_count"]:
                named = str(one["target_code"]) if by == "point" else f"{one['visited_on']:%Y-%m}"
                total = totals.setdefault(named, [0, 0])
                total[0] += one["checked_count"]
                total[1] += one["correct_count"]
        assert {key: [row["checked"], row["correct"]] for key, row in rows.items()} == totals
        for named, (checked, correct) in totals.items():
            assert rows[named]["rate"] == pytest.approx(correct / checked, abs=1e-4)
            assert rows[named]["points"] == correct - 2 * (checked - correct)
            assert rows[named]["interval"][0] <= rows[named]["rate"] <= rows[named]["interval"][1]


def test_a_visit_of_its_own(committee: TestClient, unit: dict[str, Any]) -> None:
    sent = {"id": str(uuid.uuid4()), "target_kind": "rental_unit", "target_code": unit["code"], "outcome": "03"}
    first, again = committee.post("/visits", json=sent), committee.post("/visits", json=sent)
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.json()["code"] == again.json()["code"]
    item = committee.get(f"/collections/visit/items/{first.json()['id']}").json()
    assert item["properties"]["worker"] == "tester"
    assert item["geometry"]["coordinates"] == pytest.approx([unit["lon"], unit["lat"]], abs=1e-7)
    wrong = committee.post("/visits", json={**sent, "id": None, "checked_count": 3, "correct_count": 4})
    assert "比检查数" in wrong.json()["detail"]


def test_what_may_be_grave_is_told_at_once_wherever_it_is(committee: TestClient, unit: dict[str, Any]) -> None:
    body = {"event_code": "X-IN04", "lon": unit["lon"], "lat": unit["lat"], "level": "suspected"}
    (answer,) = send(committee, {**edit("case", body), "suspect": "定位误差 80 米"})
    assert answer["state"] == "applied"
    case = committee.get(f"/cases/{answer['result']['case']}").json()
    assert (case["level"], case["overdue"], "位置待核:定位误差 80 米" in case["detail"]) == ("suspected", True, True)


def test_nobody_sends_what_another_account_has_done(committee: TestClient, unit: dict[str, Any]) -> None:
    sent = {"device": "手机", "account": "somebody", "edits": [change(unit, tenant_count=77)]}
    refused = committee.post("/sync", json=sent)
    assert (refused.status_code, "somebody" in refused.json()["detail"]) == (409, True)
    assert committee.post("/sync", json={**sent, "account": "tester"}).json()["results"][0]["state"] == "applied"


def test_a_suspicious_place_waits_for_a_person(committee: TestClient, unit: dict[str, Any]) -> None:
    sent = {
        **edit("case", {"event_code": "05-07", "lon": unit["lon"], "lat": unit["lat"]}),
        "suspect": "定位误差 300 米",
    }
    (answer,) = send(committee, sent)
    assert (answer["state"], "300 米" in answer["problem"]) == ("conflict", True)
    assert committee.get(f"/cases/{COMMUNITY}.{sent['id']}").status_code == 404
    assert committee.post(f"/sync/edits/{sent['id']}", json={"take": "mine"}).json()["state"] == "settled"
    assert committee.get(f"/cases/{COMMUNITY}.{sent['id']}").json()["event_code"] == "05-07"
