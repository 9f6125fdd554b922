"""Cases over HTTP: filed once and by whoever may, with one sentence where that can't be; moved by no other door."""

from __future__ import annotations

import uuid

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.api.case_requests import Place, filed, new_case, step, walk
from tests.local_client import beside


def test_the_same_case_sent_again_is_one_case(committee: TestClient, place: Place, copied_superuser: Engine) -> None:
    sent = new_case(place, register=True)
    first, again = committee.post("/cases", json=sent), committee.post("/cases", json=sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["code"] == again.json()["code"]
    made = {"step": "advise", "note": "劝导", "id": str(uuid.uuid4())}
    for _ in range(3):
        again = committee.post(f"/cases/{first.json()['id']}/steps", json=made)
        assert (again.status_code, again.json()["made"]) == (201, made["id"])
    with copied_superuser.connect() as conn:
        rows = conn.execute(text("select count(*) from gis.case_step where case_id = :id"), {"id": sent["id"]}).scalar()
    assert rows == 3
    other = committee.post("/cases", json={**sent, "event_code": "05-05"})
    assert other.status_code == 409


def test_bad_documents_get_one_sentence(committee: TestClient, place: Place) -> None:
    for wrong, said in (
        ({"event_code": "99-99"}, "事件类别"),
        ({"lon": None}, "lon"),
        ({"when": "now"}, "when"),
        ({"level": "grave"}, "level"),
        ({"detail": "电话 13812345678"}, "手机号"),
        ({"at": "2026-11-30T09:00:00"}, "时区"),
        ({"lon": 10.0, "lat": 10.0}, "边界之外"),
    ):
        answer = committee.post("/cases", json={**new_case(place), **wrong})
        assert answer.status_code == 400, (wrong, answer.text)
        assert said in answer.json()["detail"], answer.text


def test_another_grid_sees_and_does_nothing(copied: Database, committee: TestClient, place: Place) -> None:
    case = filed(committee, place)
    other = place.next_grid
    stranger = beside(committee, copied, other, role="grid_worker", name="stranger")
    assert stranger.get(f"/cases/{case['id']}").status_code == 404
    assert step(stranger, case, "register").status_code == 404
    assert case["code"] not in {one["code"] for one in stranger.get("/cases?kind=all&limit=1000").json()["cases"]}
    assert stranger.post("/cases", json=new_case(place)).status_code == 403
    mine = beside(committee, copied, place.grid, role="grid_worker", name="neighbour")
    assert walk(mine, case, ("register", {}))["status"] == "registered"
    assert step(mine, case, "suspend", note="x", due_on="2099-01-01").status_code == 403


def test_no_other_door_changes_a_state(committee: TestClient, copied: Database, place: Place) -> None:
    case = filed(committee, place)
    item = committee.get(f"/collections/hazard/items/{case['id']}")
    patch = committee.patch(
        f"/collections/hazard/items/{case['id']}", json={"properties": {"status": "closed"}},
        headers={"If-Match": item.headers["etag"], "Content-Type": "application/merge-patch+json"},
    )  # fmt: skip
    assert patch.status_code == 400
    assert "办理步骤" in patch.json()["detail"]
    whole = item.json()
    whole["properties"]["detail"] = "改过的描述"
    put = committee.put(
        f"/collections/hazard/items/{case['id']}", json=whole, headers={"If-Match": item.headers["etag"]}
    )
    assert put.status_code == 204, put.text
    assert committee.get(f"/cases/{case['id']}").json()["detail"] == "改过的描述"
    begun = committee.post(
        "/collections/hazard/items",
        json={"type": "Feature", "geometry": {"type": "Point", "coordinates": [place.lon, place.lat]},
              "properties": {"code": "X1", "event_code": "05-05", "status": "closed"}},
    )  # fmt: skip
    assert begun.status_code == 409
    assert "已发现" in begun.json()["detail"]
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        copied.write(Scope("test", "staff", (COMMUNITY,))) as conn,
    ):
        conn.execute(text("update gis.hazard set status = 'closed'"))
    for statement in (
        "update gis.case_step set note = ''",
        "delete from gis.case_step",
        "update gis.flow_step set step = 'x'",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            copied.write(Scope("test", "staff", (COMMUNITY,))) as conn,
        ):
            conn.execute(text(statement))


def test_the_community_may_only_suspect_that_something_is_illegal(
    committee: TestClient, street: TestClient, place: Place, copied_superuser: Engine
) -> None:
    lon, lat = place.lon, place.lat
    ring = [[lon, lat], [lon + 1e-4, lat], [lon + 1e-4, lat + 1e-4], [lon, lat]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    sent = {"type": "Feature", "geometry": shape, "properties": {"code": f"WJ{uuid.uuid4().hex[:6]}"}}
    made = committee.post("/collections/illegal_structure/items", json=sent)
    assert made.status_code == 201, made.text
    address = f"/collections/illegal_structure/items/{made.headers['location'].rpartition('/')[2]}"
    determined = {"properties": {"status": "determined"}}
    refused = committee.patch(address, json=determined)
    assert (refused.status_code, "疑似违建" in refused.json()["detail"]) == (409, True)
    assert committee.patch(address, json={"properties": {"storeys": 2}}).status_code == 204
    assert street.patch(address, json=determined).status_code == 204
    # What is determined may be described further by the community.
    assert committee.patch(address, json={"properties": {"storeys": 3}}).status_code == 204
    at_once = {**sent, "properties": {"code": f"WJ{uuid.uuid4().hex[:6]}", "status": "demolished"}}
    assert committee.post("/collections/illegal_structure/items", json=at_once).status_code == 409
    with copied_superuser.connect() as conn:
        found = conn.execute(
            text("select status from gis.illegal_structure where id = :id"), {"id": address.rpartition(".")[2]}
        ).scalar()
    assert found == "determined"
