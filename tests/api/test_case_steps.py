"""Steps of cases over HTTP: those that the table has, by whoever may make them, and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from gis_service.database import Database
from gis_service.features.question import today
from gis_service.sample.load import COMMUNITY
from layers.catalog.hazard import HazardFlow
from layers.flows import FIRST_STEP, FLOWS, Office
from tests.api.case_requests import Place, filed, new_case, step, walk
from tests.local_client import beside

SAID = {
    "note": "说明", "handler": "岗", "department": "fire", "due_on": "2099-01-01", "level": "01", "main_code": "none",
}  # fmt: skip
"""Something for everything that a step may need."""
STAGES: tuple[tuple[tuple[str, dict[str, Any]], ...], ...] = (
    (),
    (("transfer", {"department": "fire"}), ("accept", {})),
    (("dispatch", {"handler": "街道"}), ("report_done", {"note": "已拆"}), ("close", {"note": "属实"})),
)
"""The steps to where a case stands when every other one is tried: found, filed by the street, closed."""


def test_a_case_goes_from_finding_to_closing(committee: TestClient, place: Place) -> None:
    case = filed(committee, place)
    assert (case["status"], case["level"], case["flow"], case["grid"]) == ("found", "01", "community", place.grid)
    # Until it is registered: one working day.
    assert datetime.fromisoformat(case["due_at"]) > datetime.now(UTC)
    assert case["category"] == "charging"
    after = walk(
        committee, case, ("register", {}), ("advise", {"note": "已劝其收线"}), ("ask_recheck", {"note": "线已收"}),
        ("close", {"note": "复查属实"}),
    )  # fmt: skip
    assert after["status"] == "closed"
    assert after["closed_on"] == today().isoformat()
    whole = committee.get(f"/cases/{case['id']}").json()
    assert [one["step"] for one in whole["journal"]] == ["find", "register", "advise", "ask_recheck", "close"]
    assert [one["step"] for one in whole["steps"]] == ["reopen"]
    assert whole["due_on"]


def test_what_the_committee_may_not_do_is_refused(
    copied: Database, committee: TestClient, street: TestClient, place: Place
) -> None:
    case = filed(committee, place, level="suspected", event_code="X-IN04", register=True)
    refused = step(committee, case, "handle", note="自己处置")
    assert refused.status_code == 409
    assert "上报移交" in refused.json()["detail"]
    assert step(committee, case, "determine", level="02", note="认定").status_code == 403
    assert step(street, case, "determine", level="02", note="现场认定").json()["level"] == "02"
    assert committee.post("/cases", json=new_case(place, level="02")).status_code == 400
    said = step(committee, case, "transfer").json()["detail"]
    assert "移交部门" in said
    after = walk(committee, case, ("transfer", {"department": "emergency", "note": "疑似重大"}))
    assert (after["status"], after["transferred_to"]) == ("transferred", "emergency")
    after = walk(committee, case, ("track", {"note": "已受理", "reference": "应急〔2026〕12 号"}))
    assert after["transferred_ref"] == "应急〔2026〕12 号"
    after = walk(street, case, ("accept", {}), ("dispatch", {"handler": "街道应急办"}))
    assert (after["flow"], after["status"]) == ("street", "assigned")
    assert step(committee, case, "dispose").status_code == 403
    assert walk(street, case, ("return", {"note": "由社区跟踪"}))["flow"] == "community"
    leader = beside(committee, copied, COMMUNITY, role="leader", name="leader")
    assert step(leader, case, "track", note="x").status_code == 403


def status_of(case: dict[str, Any], name: str, offices: set[Office]) -> int:
    """Reckon from the tables how a step of an ordinary case is answered that says just what it needs."""
    named = [one for one in FLOWS[HazardFlow(case["flow"])].steps if one.name == name]
    if not named:
        return 400
    standing = [one for one in named if case["status"] in one.sources and name != FIRST_STEP]
    if not standing:
        return 409
    return 201 if offices & set(standing[0].offices) else 403


def test_every_other_step_is_refused(copied: Database, committee: TestClient, street: TestClient, place: Place) -> None:
    worker = beside(committee, copied, place.grid, role="grid_worker", name="neighbour")
    people = ((worker, {Office.WORKER}), (committee, {Office.WORKER, Office.COMMUNITY}), (street, set(Office)))
    needed: dict[str, set[str]] = {}
    for one in (one for flow in FLOWS.values() for one in flow.steps):
        needed.setdefault(one.name, set()).update(one.requires)
    case, refused = filed(committee, place), Counter[int]()
    for steps in STAGES:
        before = walk(street, case, *steps) or case
        for client, offices in people:
            reckoned = {name: status_of(before, name, offices) for name in needed}
            listed = {one["step"] for one in client.get(f"/cases/{case['id']}").json()["steps"]}
            assert listed == {name for name, status in reckoned.items() if status == 201}
            # What stands in the table is asked by one office, and by the others whether it is theirs.
            for name in [one for one in needed.keys() - listed if reckoned[one] == 403 or client is committee]:
                # Nothing is missing and nothing too much: only who asks, and where the case stands, is in the way.
                answer = step(client, case, name, **{one: SAID[one] for one in needed[name]})
                assert answer.status_code == reckoned[name], (before["status"], sorted(offices), name, answer.text)
                refused[answer.status_code] += 1
        after = committee.get(f"/cases/{case['id']}").json()
        assert [after[one] for one in ("flow", "status", "version")] == [
            before[one] for one in ("flow", "status", "version")
        ]
    assert len(after["journal"]) == 6
    assert min(refused[one] for one in (400, 403, 409)) > 5, refused


def test_a_step_says_only_what_is_its_to_say(
    copied: Database, committee: TestClient, street: TestClient, place: Place
) -> None:
    worker = beside(committee, copied, place.grid, role="grid_worker", name="neighbour")
    case = filed(worker, place, register=True)
    for more in ({"due_on": "2199-12-31"}, {"handler": "别的岗位"}, {"department": "fire"}, {"reference": "1"}):
        refused = step(worker, case, "note", note="看过", **more)
        assert refused.status_code == 400, refused.text
    whole = committee.get(f"/cases/{case['id']}").json()
    assert (whole.get("handler"), whole["due_on"] < "2100") == (None, True)
    # One that is suspected to be grave is nobody's to close, or to put aside, before its level is determined.
    grave = filed(worker, place, event_code="05-12", level="suspected", register=True)
    walk(worker, grave, ("transfer", {"department": "police"}), ("report_back", {"note": "已处理"}))
    for name in ("close", "merge"):
        said = {"note": "x"} if name == "close" else {"main_code": case["code"]}
        assert step(committee, grave, name, **said).status_code == 409
    walk(street, grave, ("determine", {"level": "01", "note": "现场认定"}))
    closed = walk(committee, grave, ("close", {"note": "复查属实", "at": "2020-01-01T00:00:00+08:00"}))
    assert closed["closed_on"] > "2026", "nothing is closed before the step that went before"
    assert step(committee, case, "merge", main_code=grave["code"]).status_code == 409


def test_several_cases_make_one_step(committee: TestClient, place: Place) -> None:
    mine = [filed(committee, place, event_code="05-06")["id"] for _ in range(3)]
    answer = committee.post(
        "/cases/steps", json={"cases": [*mine, f"{COMMUNITY}.none"], "step": {"step": "register"}}
    ).json()
    assert (answer["done"], [one["done"] for one in answer["results"]]) == (3, [True, True, True, False])
    again = committee.post("/cases/steps", json={"cases": mine, "step": {"step": "register"}}).json()
    assert (again["done"], "已登记" in again["results"][0]["problem"]) == (0, True)


def test_a_step_made_ahead_of_the_clock_counts_as_now(committee: TestClient, place: Place) -> None:
    case = filed(committee, place)
    ahead = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    walk(committee, case, ("register", {"at": ahead}))
    _, line = committee.get(f"/cases/{case['id']}").json()["journal"]
    assert datetime.fromisoformat(line["at"]) <= datetime.now(UTC)
