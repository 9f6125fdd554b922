"""Cases over HTTP: filed once, moved by steps that the table has and by nothing else, photos by scope."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from api.app import create_app
from gis_service.cases.photos import photo_hashes
from gis_service.database import Database, connect, open_engine
from gis_service.local_cluster import LocalCluster
from gis_service.photos.files import PhotoFiles
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from layers.flows import FLOWS
from tests.local_client import local

Client = Callable[..., TestClient]
Place = tuple[float, float, str]


@pytest.fixture(scope="module")
def own(
    cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str
) -> Iterator[tuple[str, Database]]:
    """A copy of the sample to write in."""
    name = make_database(untouched_sample)
    database = connect(cluster.url("gis_app", name))
    yield name, database
    database.close()


@pytest.fixture(scope="module")
def superuser(cluster: LocalCluster, own: tuple[str, Database]) -> Iterator[Engine]:
    engine = open_engine(cluster.url("postgres", own[0]))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> PhotoFiles:
    return PhotoFiles(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def client(own: tuple[str, Database], photos: PhotoFiles) -> Iterator[Client]:
    """Clients of one running application, each for an account."""
    app = create_app(own[1], photos=photos)
    with TestClient(app, **local(own[1])) as first:

        def made(name: str = "tester", role: str = "staff", *areas: str) -> TestClient:
            if name == "tester":
                return first
            # The lifespan runs once; a second client only shares the application.
            second = TestClient(app, **local(own[1], *areas, role=role, name=name))
            second.portal = first.portal
            return second

        yield made


@pytest.fixture
def staff(client: Client) -> TestClient:
    return client()


@pytest.fixture
def street(client: Client) -> TestClient:
    return client("street", "staff", COMMUNITY[:9])


@pytest.fixture
def place(superuser: Engine) -> Place:
    """A place in the first grid that has cases: longitude, latitude, grid."""
    with superuser.connect() as conn:
        row = conn.execute(
            text("select st_x(st_centroid(geom)), st_y(st_centroid(geom)), grid from gis.hazard where grid is not null"
                 " order by grid, code limit 1")
        ).one()  # fmt: skip
    return row[0], row[1], row[2]


def new_case(place: Place, **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "event_code": "X-FS01",
        "lon": place[0],
        "lat": place[1],
        "detail": "拉线充电",
        **more,
    }


def filed(client: TestClient, place: Place, **more: Any) -> dict[str, Any]:
    answer = client.post("/cases", json=new_case(place, **more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def step(client: TestClient, case: dict[str, Any], name: str, **said: Any) -> httpx.Response:
    answer: httpx.Response = client.post(f"/cases/{case['id']}/steps", json={"step": name, **said})
    return answer


def walk(client: TestClient, case: dict[str, Any], *steps: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, said in steps:
        answer = step(client, case, name, **said)
        assert answer.status_code == 201, answer.text
        found = answer.json()
    return found


def test_a_case_goes_from_finding_to_closing(staff: TestClient, place: Place) -> None:
    case = filed(staff, place)
    assert (case["status"], case["level"], case["flow"], case["grid"]) == ("found", "01", "community", place[2])
    assert case["category"] == "charging"
    after = walk(
        staff, case, ("register", {}), ("advise", {"note": "已劝其收线"}), ("ask_recheck", {"note": "线已收"}),
        ("close", {"note": "复查属实"}),
    )  # fmt: skip
    assert after["status"] == "closed"
    assert after["closed_on"] == datetime.now(UTC).astimezone().date().isoformat() or after["closed_on"]
    whole = staff.get(f"/cases/{case['id']}").json()
    assert [one["step"] for one in whole["journal"]] == ["find", "register", "advise", "ask_recheck", "close"]
    assert [one["step"] for one in whole["steps"]] == ["reopen"]
    assert whole["due_on"]


def test_the_same_case_sent_again_is_one_case(staff: TestClient, place: Place, superuser: Engine) -> None:
    sent = new_case(place, register=True)
    first, again = staff.post("/cases", json=sent), staff.post("/cases", json=sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["code"] == again.json()["code"]
    made = {"step": "advise", "note": "劝导", "id": str(uuid.uuid4())}
    for _ in range(3):
        again = staff.post(f"/cases/{first.json()['id']}/steps", json=made)
        assert (again.status_code, again.json()["made"]) == (201, made["id"])
    with superuser.connect() as conn:
        rows = conn.execute(text("select count(*) from gis.case_step where case_id = :id"), {"id": sent["id"]}).scalar()
    assert rows == 3
    other = staff.post("/cases", json={**sent, "event_code": "05-05"})
    assert other.status_code == 409


def test_what_the_committee_may_not_do_is_refused(
    client: Client, staff: TestClient, street: TestClient, place: Place
) -> None:
    case = filed(staff, place, level="suspected", event_code="X-IN04", register=True)
    refused = step(staff, case, "handle", note="自己处置")
    assert refused.status_code == 409
    assert "上报移交" in refused.json()["detail"]
    assert step(staff, case, "determine", level="02", note="认定").status_code == 403
    assert step(street, case, "determine", level="02", note="现场认定").json()["level"] == "02"
    assert staff.post("/cases", json=new_case(place, level="02")).status_code == 400
    said = step(staff, case, "transfer").json()["detail"]
    assert "移交部门" in said
    after = walk(staff, case, ("transfer", {"department": "emergency", "note": "疑似重大"}))
    assert (after["status"], after["transferred_to"]) == ("transferred", "emergency")
    after = walk(staff, case, ("track", {"note": "已受理", "reference": "应急〔2026〕12 号"}))
    assert after["transferred_ref"] == "应急〔2026〕12 号"
    after = walk(street, case, ("accept", {}), ("dispatch", {"handler": "街道应急办"}))
    assert (after["flow"], after["status"]) == ("street", "assigned")
    assert step(staff, case, "dispose").status_code == 403
    assert walk(street, case, ("return", {"note": "由社区跟踪"}))["flow"] == "community"
    leader = client("leader", "leader", COMMUNITY)
    assert step(leader, case, "track", note="x").status_code == 403


def test_every_other_step_is_refused(staff: TestClient, place: Place) -> None:
    said = {"note": "说明", "handler": "岗", "department": "fire", "due_on": "2099-01-01", "main_code": "x"}
    names = {one.name for flow in FLOWS.values() for one in flow.steps}
    case = filed(staff, place)
    allowed = {one["step"] for one in staff.get(f"/cases/{case['id']}").json()["steps"]}
    for name in sorted(names - allowed):
        answer = step(staff, case, name, **said)
        assert answer.status_code in {400, 403, 409}, (name, answer.text)
    whole = staff.get(f"/cases/{case['id']}").json()
    assert (whole["status"], [one["step"] for one in whole["journal"]]) == ("found", ["find"])
    # Until it is registered: one working day.
    assert datetime.fromisoformat(whole["due_at"]) > datetime.now(UTC)


def test_a_step_says_only_what_is_its_to_say(
    client: Client, staff: TestClient, street: TestClient, place: Place
) -> None:
    worker = client("neighbour", "grid_worker", place[2])
    case = filed(worker, place, register=True)
    for more in ({"due_on": "2199-12-31"}, {"handler": "别的岗位"}, {"department": "fire"}, {"reference": "1"}):
        refused = step(worker, case, "note", note="看过", **more)
        assert refused.status_code == 400, refused.text
    whole = staff.get(f"/cases/{case['id']}").json()
    assert (whole.get("handler"), whole["due_on"] < "2100") == (None, True)
    # One that is suspected to be grave is nobody's to close, or to put aside, before its level is determined.
    grave = filed(worker, place, event_code="05-12", level="suspected", register=True)
    walk(worker, grave, ("transfer", {"department": "police"}), ("report_back", {"note": "已处理"}))
    for name in ("close", "merge"):
        said = {"note": "x"} if name == "close" else {"main_code": case["code"]}
        assert step(staff, grave, name, **said).status_code == 409
    walk(street, grave, ("determine", {"level": "01", "note": "现场认定"}))
    closed = walk(staff, grave, ("close", {"note": "复查属实", "at": "2020-01-01T00:00:00+08:00"}))
    assert closed["closed_on"] > "2026", "nothing is closed before the step that went before"
    assert step(staff, case, "merge", main_code=grave["code"]).status_code == 409


def test_no_other_door_changes_a_state(staff: TestClient, own: tuple[str, Database], place: Place) -> None:
    case = filed(staff, place)
    item = staff.get(f"/collections/hazard/items/{case['id']}")
    patch = staff.patch(
        f"/collections/hazard/items/{case['id']}", json={"properties": {"status": "closed"}},
        headers={"If-Match": item.headers["etag"], "Content-Type": "application/merge-patch+json"},
    )  # fmt: skip
    assert patch.status_code == 400
    assert "办理步骤" in patch.json()["detail"]
    whole = item.json()
    whole["properties"]["detail"] = "改过的描述"
    put = staff.put(f"/collections/hazard/items/{case['id']}", json=whole, headers={"If-Match": item.headers["etag"]})
    assert put.status_code == 204, put.text
    assert staff.get(f"/cases/{case['id']}").json()["detail"] == "改过的描述"
    begun = staff.post(
        "/collections/hazard/items",
        json={"type": "Feature", "geometry": {"type": "Point", "coordinates": [place[0], place[1]]},
              "properties": {"code": "X1", "event_code": "05-05", "status": "closed"}},
    )  # fmt: skip
    assert begun.status_code == 409
    assert "已发现" in begun.json()["detail"]
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        own[1].write(Scope("test", "staff", (COMMUNITY,))) as conn,
    ):
        conn.execute(text("update gis.hazard set status = 'closed'"))
    for statement in (
        "update gis.case_step set note = ''",
        "delete from gis.case_step",
        "update gis.flow_step set step = 'x'",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            own[1].write(Scope("test", "staff", (COMMUNITY,))) as conn,
        ):
            conn.execute(text(statement))


def test_another_grid_sees_and_does_nothing(client: Client, staff: TestClient, place: Place) -> None:
    case = filed(staff, place)
    other = f"{COMMUNITY}{int(place[2][12:]) % 6 + 1:03d}"
    stranger = client("stranger", "grid_worker", other)
    assert stranger.get(f"/cases/{case['id']}").status_code == 404
    assert step(stranger, case, "register").status_code == 404
    assert case["code"] not in {one["code"] for one in stranger.get("/cases?kind=all&limit=1000").json()["cases"]}
    assert stranger.post("/cases", json=new_case(place)).status_code == 403
    mine = client("neighbour", "grid_worker", place[2])
    assert walk(mine, case, ("register", {}))["status"] == "registered"
    assert step(mine, case, "suspend", note="x", due_on="2099-01-01").status_code == 403


def photo(**options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    held = io.BytesIO()
    Image.new("RGB", (640, 480), options.get("colour", (200, 30, 30))).save(held, "JPEG", exif=exif)
    return held.getvalue()


def test_photos_lose_what_the_camera_wrote_and_are_seen_by_scope(
    client: Client, staff: TestClient, place: Place, photos: PhotoFiles
) -> None:
    case, identifier = filed(staff, place), str(uuid.uuid4())
    sent = {"content": photo(), "headers": {"Content-Type": "image/jpeg"}}
    address = f"/photos?case={case['id']}&stage=before&id={identifier}"
    first, again = staff.post(address, **sent), staff.post(address, **sent)
    assert (first.status_code, again.status_code) == (201, 201), first.text
    shown = staff.get(f"/cases/{case['id']}").json()["photos"]
    assert [(one["id"], one["stage_title"]) for one in shown] == [(identifier, "处置前")]
    got = staff.get(f"/cases/{case['id']}/photos/{identifier}")
    assert got.headers["content-type"] == "image/jpeg"
    assert not Image.open(io.BytesIO(got.content)).getexif()
    small = staff.get(f"/cases/{case['id']}/photos/{identifier}?small=true")
    assert max(Image.open(io.BytesIO(small.content)).size) <= 320
    other = client("stranger", "grid_worker", f"{COMMUNITY}{int(place[2][12:]) % 6 + 1:03d}")
    assert other.get(f"/cases/{case['id']}/photos/{identifier}").status_code == 404
    assert other.post(f"/photos?case={case['id']}", **sent).status_code == 404
    assert staff.post(f"/photos?case={case['id']}", content=b"<svg/>", headers=sent["headers"]).status_code == 400
    assert list(Path(photos.folder).rglob("*.part")) == []


def test_like_cases_near_by_are_told(staff: TestClient, place: Place) -> None:
    first = filed(staff, place, event_code="04-06")
    near = {"event": "04-06", "lon": place[0] + 0.0002, "lat": place[1]}
    found = staff.get("/cases/similar", params=near).json()
    assert [one["code"] for one in found["cases"]] == [first["code"]]
    assert found["cases"][0]["distance_m"] == pytest.approx(19.1, abs=0.3)
    assert staff.get("/cases/similar", params={**near, "lon": place[0] + 0.0004}).json()["cases"] == []
    assert staff.get("/cases/similar", params={**near, "event": "04-07"}).json()["cases"] == []
    again = filed(staff, place, event_code="04-06")
    assert [one["code"] for one in again["similar"]] == [first["code"]]
    assert walk(staff, again, ("merge", {"main_code": first["code"]}))["status"] == "merged"
    assert step(staff, first, "merge", main_code=first["code"]).status_code == 409


def test_limits_run_in_working_time_and_late_cases_come_first(
    staff: TestClient, place: Place, superuser: Engine
) -> None:
    case = filed(staff, place, register=True)
    whole = staff.get(f"/cases/{case['id']}").json()
    assert datetime.fromisoformat(whole["due_at"]) > datetime.now(UTC)
    assert not whole["overdue"]
    with superuser.begin() as conn:
        conn.execute(
            text("update gis.case_step set due_at = now() - interval '1 hour' where case_id = :id"),
            {"id": case["id"].partition(".")[2]},
        )
    late = staff.get("/cases?kind=overdue&limit=1000").json()
    assert case["code"] in {one["code"] for one in late["cases"]}
    assert all(one["overdue"] for one in late["cases"])
    listed = [one["overdue"] for one in staff.get("/cases?kind=open&limit=1000").json()["cases"]]
    assert listed == sorted(listed, reverse=True)
    extended = walk(staff, case, ("extend", {"due_on": "2099-06-01", "note": "等配件"}))
    assert (extended["due_on"], extended["overdue"]) == ("2099-06-01", False)


def test_several_cases_make_one_step(staff: TestClient, place: Place) -> None:
    mine = [filed(staff, place, event_code="05-06")["id"] for _ in range(3)]
    answer = staff.post(
        "/cases/steps", json={"cases": [*mine, f"{COMMUNITY}.none"], "step": {"step": "register"}}
    ).json()
    assert (answer["done"], [one["done"] for one in answer["results"]]) == (3, [True, True, True, False])
    again = staff.post("/cases/steps", json={"cases": mine, "step": {"step": "register"}}).json()
    assert (again["done"], "已登记" in again["results"][0]["problem"]) == (0, True)


def test_the_report_is_what_a_superior_asks_for(staff: TestClient, place: Place) -> None:
    case = filed(staff, place, level="suspected", register=True)
    walk(staff, case, ("transfer", {"department": "fire", "note": "楼道飞线"}))
    answer = staff.get(f"/cases/{case['id']}/report")
    lines = answer.text.splitlines()
    assert lines[0] == f"【疑似重大隐患上报】{case['code']}"
    assert any("拉线充电(X-FS01)" in line for line in lines)
    assert any(line.startswith("坐标:东经") and "CGCS2000" in line for line in lines)
    assert any("移交:消防救援" in line for line in lines)


def test_figures_are_what_python_counts(staff: TestClient, superuser: Engine) -> None:
    with superuser.connect() as conn:
        rows = conn.execute(text("select * from gis.hazard")).mappings().all()
        reworked = set(conn.execute(text("select id from gis.hazard_history where status = 'rework'")).scalars())
        moved = set(conn.execute(text("select id from gis.hazard_history where status = 'transferred'")).scalars())
    for by, key in (("grid", "grid"), ("event", "event_code"), ("all", None)):
        found = {one["key"]: one for one in staff.get(f"/cases/figures?by={by}").json()["rows"]}
        assert set(found) == {(row[key] or "") if key else "" for row in rows}
        for name, told in found.items():
            mine = [row for row in rows if key is None or (row[key] or "") == name]
            registered = [row for row in mine if row["status"] not in {"found", "rejected", "merged"}]
            closed = [row for row in mine if row["status"] == "closed"]
            limited = [row for row in closed if row["due_on"] and row["closed_on"]]
            up = [row for row in registered if row["transferred_on"] or row["id"] in moved]
            assert told["found"] == len(mine)
            assert (told["transferred_rate"]["counted"], told["transferred_rate"]["of"]) == (len(up), len(registered))
            assert (told["closed_rate"]["counted"], told["closed_rate"]["of"]) == (len(closed), len(registered))
            in_time = sum(row["closed_on"] <= row["due_on"] for row in limited)
            assert (told["closed_in_time_rate"]["counted"], told["closed_in_time_rate"]["of"]) == (
                in_time,
                len(limited),
            )
            again = sum(row["id"] in reworked for row in mine)
            assert told["rework_rate"]["counted"] == again


def test_bad_documents_get_one_sentence(staff: TestClient, place: Place) -> None:
    for wrong, said in (
        ({"event_code": "99-99"}, "事件类别"),
        ({"lon": None}, "lon"),
        ({"when": "now"}, "when"),
        ({"level": "grave"}, "level"),
        ({"detail": "电话 13812345678"}, "手机号"),
        ({"at": "2026-11-30T09:00:00"}, "时区"),
        ({"lon": 10.0, "lat": 10.0}, "边界之外"),
    ):
        answer = staff.post("/cases", json={**new_case(place), **wrong})
        assert answer.status_code == 400, (wrong, answer.text)
        assert said in answer.json()["detail"], answer.text


def test_a_step_made_ahead_of_the_clock_counts_as_now(staff: TestClient, place: Place) -> None:
    case = filed(staff, place)
    ahead = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    walk(staff, case, ("register", {"at": ahead}))
    _, line = staff.get(f"/cases/{case['id']}").json()["journal"]
    assert datetime.fromisoformat(line["at"]) <= datetime.now(UTC)


def test_the_community_may_only_suspect_that_something_is_illegal(
    staff: TestClient, street: TestClient, place: Place, superuser: Engine
) -> None:
    ring = [[place[0], place[1]], [place[0] + 1e-4, place[1]], [place[0] + 1e-4, place[1] + 1e-4], [place[0], place[1]]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    sent = {"type": "Feature", "geometry": shape, "properties": {"code": f"WJ{uuid.uuid4().hex[:6]}"}}
    made = staff.post("/collections/illegal_structure/items", json=sent)
    assert made.status_code == 201, made.text
    address = f"/collections/illegal_structure/items/{made.headers['location'].rpartition('/')[2]}"
    determined = {"properties": {"status": "determined"}}
    refused = staff.patch(address, json=determined)
    assert (refused.status_code, "疑似违建" in refused.json()["detail"]) == (409, True)
    assert staff.patch(address, json={"properties": {"storeys": 2}}).status_code == 204
    assert street.patch(address, json=determined).status_code == 204
    # What is determined may be described further by the community.
    assert staff.patch(address, json={"properties": {"storeys": 3}}).status_code == 204
    at_once = {**sent, "properties": {"code": f"WJ{uuid.uuid4().hex[:6]}", "status": "demolished"}}
    assert staff.post("/collections/illegal_structure/items", json=at_once).status_code == 409
    with superuser.connect() as conn:
        found = conn.execute(
            text("select status from gis.illegal_structure where id = :id"), {"id": address.rpartition(".")[2]}
        ).scalar()
    assert found == "determined"


def test_photos_of_deleted_cases_stay_and_what_no_row_names_goes(
    staff: TestClient, place: Place, photos: PhotoFiles, own: tuple[str, Database]
) -> None:
    case, identifier = filed(staff, place, event_code="05-11"), str(uuid.uuid4())
    sent = {"content": photo(colour=(9, 9, 200)), "headers": {"Content-Type": "image/jpeg"}}
    assert staff.post(f"/photos?case={case['id']}&id={identifier}", **sent).status_code == 201
    refused = staff.delete(f"/collections/hazard/items/{case['id']}")
    assert (refused.status_code, "办理经过" in refused.json()["detail"]) == (409, True)
    with own[1].write(Scope("operator", "operator", (COMMUNITY,))) as conn:
        conn.execute(text("delete from gis.hazard where id = :id"), {"id": case["id"].partition(".")[2]})
    orphan = photos.put(b"\xff\xd8 nobody's", b"small")
    with own[1].read(Scope("operator", "operator", ())) as conn:
        known = photo_hashes(conn)
    with own[1].read(Scope("test", "staff", (COMMUNITY,))) as conn:
        assert photo_hashes(conn) == frozenset()
    before = set(photos.hashes())
    assert photos.sweep(known) == 0
    assert photos.sweep(known, older_than_s=-1) == 2
    assert before - set(photos.hashes()) == {orphan}
