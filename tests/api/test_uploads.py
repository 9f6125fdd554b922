"""The survey desk over HTTP: receive, ask, propose, decide, commit, revert."""

from __future__ import annotations

import io
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient
from openpyxl.styles import Font
from sqlalchemy import Engine, text

from api.app import create_app
from api.handlers import work
from api.worker import Places, tidy
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.sheets.files import SheetFiles
from gis_service.surveys.originals import Originals
from tests.local_client import local

HEAD = "编号,名称,点位类型,垃圾桶数,投放时段,经度,纬度"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Originals:
    return Originals(tmp_path_factory.mktemp("originals") / "uploads")


@pytest.fixture(scope="module")
def desk(copied: Database, originals: Originals) -> Iterator[TestClient]:
    with TestClient(create_app(copied, originals=originals), **local(copied)) as found:
        yield found


def places_of(originals: Originals) -> Places:
    return Places(originals, SheetFiles(originals.folder / "none"))


def sent(desk: TestClient, content: str | bytes, name: str = "投放点.csv", **fields: str) -> Any:
    fields.setdefault("layer", "waste_point")
    body = content.encode() if isinstance(content, str) else content
    headers = {"Idempotency-Key": fields.pop("key")} if "key" in fields else {}
    return desk.post("/uploads", files={"file": (name, body)}, data=fields, headers=headers)


def csv_of(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


GOOD = (
    "LJ901,东区新增投放点,定时定点,6,06:30—08:30,120.9952,30.7040",
    "LJ902,大件堆放点,大件垃圾,2,全天,120.9961,30.7031",
)
BAD = "LJ903,桶数写错的点,定时定点,-4,06:30—08:30,120.9957,30.7036"


def items(desk: TestClient, code: str) -> Any:
    return desk.get(f"/collections/waste_point/items/{COMMUNITY}.{code}")


def test_from_file_to_features_and_back(desk: TestClient) -> None:
    answer = sent(desk, csv_of(*GOOD, BAD), crs="EPSG:4490")
    assert answer.status_code == 201, answer.text
    upload = answer.json()
    assert answer.headers["location"].endswith(f"/uploads/{upload['id']}")
    assert upload["state"] == "proposed"
    assert {name: upload["counts"][name] for name in ("added", "refused", "changed")} == {
        "added": 2, "refused": 1, "changed": 0,
    }  # fmt: skip
    assert upload["problems"][0]["row"] == 3
    assert upload["problems"][0]["problems"] == [{"field": "bins", "message": "“桶数”的 -4 应不小于 0。"}]
    here = f"/uploads/{upload['id']}"
    refused = desk.post(f"{here}/commit", json={})
    assert refused.status_code == 400
    assert "1 行被拒收" in refused.json()["detail"]
    assert items(desk, "LJ901").status_code == 404
    done = desk.post(f"{here}/commit", json={"accept": "valid"})
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "committed"
    assert items(desk, "LJ901").json()["properties"]["bins"] == 6
    again = desk.post(f"{here}/commit", json={"accept": "valid"}).json()
    assert again["upload"]["counts"]["added"] == 2
    back = desk.post(f"{here}/revert")
    assert back.json()["counts"]["removed"] == 2
    assert items(desk, "LJ901").status_code == 404
    assert desk.get(here).json()["state"] == "reverted"


def commit(desk: TestClient, upload: dict[str, Any], **given: Any) -> Any:
    answer = desk.post(f"/uploads/{upload['id']}/commit", json=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows_of(desk: TestClient, upload: dict[str, Any], **asked: Any) -> list[dict[str, Any]]:
    answer = desk.get(f"/uploads/{upload['id']}/rows", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def test_a_question_waits_for_its_answer(desk: TestClient) -> None:
    upload = sent(desk, csv_of(*GOOD)).json()
    assert upload["state"] == "needs_answer"
    (question,) = upload["questions"]
    assert question["name"] == "crs"
    assert [one["value"] for one in question["options"]][:1] == ["EPSG:4490"]
    assert {"GCJ-02", "BD-09"} < {one["value"] for one in question["options"]}
    assert all(len(one["points"]) == 2 and one["reason"] for one in question["options"])
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 409
    assert desk.post(f"/uploads/{upload['id']}/answers", json={"colour": "red"}).status_code == 400
    wrong = desk.post(f"/uploads/{upload['id']}/answers", json={"crs": "EPSG:4549"})
    assert wrong.status_code == 400
    assert "经纬度" in wrong.json()["detail"]
    # What the file contradicts costs the sender nothing: the question is still open.
    left = desk.get(f"/uploads/{upload['id']}").json()
    assert (left["state"], left["questions"]) == ("needs_answer", upload["questions"])
    answered = desk.post(f"/uploads/{upload['id']}/answers", json={"crs": "GCJ-02"}).json()
    assert (answered["state"], answered["counts"]["added"]) == ("proposed", 2)
    assert answered["report"]["crs"] == "GCJ-02"
    assert desk.delete(f"/uploads/{upload['id']}").status_code == 204
    assert desk.get(f"/uploads/{upload['id']}").status_code == 404


def test_parts_are_accepted_by_step_by_row_and_later(desk: TestClient) -> None:
    first = sent(desk, csv_of("LJ911,甲,定时定点,1,全天,120.9952,30.7040"), crs="EPSG:4490").json()
    commit(desk, first)
    second = sent(
        desk,
        csv_of(
            "LJ911,乙,定时定点,1,全天,120.9952,30.7040", "LJ912,丙,定时定点,2,全天,120.9953,30.7041",
            "LJ913,丁,定时定点,3,全天,120.9954,30.7042", "LJ914,戊,定时定点,4,全天,120.9955,30.7043",
        ), crs="EPSG:4490",
    ).json()  # fmt: skip
    assert second["counts"]["to_write"] == 4
    (changed,) = rows_of(desk, second, step="changed")
    assert changed["changes"] == {"name": ["甲", "乙"]}
    left = desk.patch(f"/uploads/{second['id']}/rows/4", json={"left_out": True}).json()
    assert left["left_out"]
    commit(desk, second, accept=["changed"])
    assert items(desk, "LJ911").json()["properties"]["name"] == "乙"
    assert items(desk, "LJ912").status_code == 404
    commit(desk, second, rows=[2])
    assert [items(desk, code).status_code for code in ("LJ912", "LJ913")] == [200, 404]
    done = commit(desk, second)
    assert [items(desk, code).status_code for code in ("LJ913", "LJ914")] == [200, 404]
    assert (done["counts"]["written"], done["counts"]["left_out"]) == (3, 1)
    uploads = desk.get("/uploads", params={"community": COMMUNITY}).json()["uploads"]
    assert sum(one["file_name"] == "投放点.csv" and one["state"] == "committed" for one in uploads) >= 4
    parts = [one["id"] for one in done["uploads"]]
    assert (len(parts), parts[0]) == (3, second["id"])
    for part, state in zip(parts, ("committed", "committed", "reverted"), strict=True):
        assert desk.post(f"/uploads/{part}/revert").status_code < 300
        assert desk.get(f"/uploads/{second['id']}").json()["state"] == state, "until the last part is taken back"
    refused: list[dict[str, Any]] = [
        {"accept": "some"}, {"accept": []}, {"rows": ["x"]}, {"all": True}, {"accept": ["refused"]},
    ]  # fmt: skip
    for given in refused:
        assert desk.post(f"/uploads/{second['id']}/commit", json=given).status_code == 400, given


def test_a_key_stands_for_one_file_and_one_commit(desk: TestClient) -> None:
    file = csv_of("LJ921,甲,定时定点,1,全天,120.9952,30.7040")
    first, again = (sent(desk, file, crs="EPSG:4490", key="survey-2026").json() for _ in range(2))
    assert first["id"] == again["id"]
    assert sent(desk, csv_of(*GOOD), crs="EPSG:4490", key="survey-2026").status_code == 409
    once, twice = (
        desk.post(f"/uploads/{first['id']}/commit", json={}, headers={"Idempotency-Key": "k1"}) for _ in range(2)
    )
    assert once.json()["upload"] == twice.json()["upload"]
    assert items(desk, "LJ921").json()["properties"]["version"] == 1


def test_what_moved_on_is_merged_or_asked_about(desk: TestClient) -> None:
    commit(desk, sent(desk, csv_of("LJ931,甲,定时定点,1,全天,120.9952,30.7040"), crs="EPSG:4490").json())
    upload = sent(desk, csv_of("LJ931,乙,定时定点,2,全天,120.9952,30.7040"), crs="EPSG:4490").json()
    path = f"/collections/waste_point/items/{COMMUNITY}.LJ931"
    patch = {"properties": {"name": "别人", "remark": "查过"}}
    tag = desk.get(path).headers["etag"]
    assert desk.patch(path, content=json.dumps(patch), headers={
        "Content-Type": "application/merge-patch+json", "If-Match": tag}).status_code == 204  # fmt: skip
    done = commit(desk, upload)
    now = items(desk, "LJ931").json()["properties"]
    assert (now["name"], now["bins"], now["remark"]) == ("别人", 2, "查过")
    assert done["counts"]["conflict"] == 1
    (conflict,) = rows_of(desk, upload, step="conflict")
    assert conflict["problems"][0]["field"] == "name"
    assert "名称" in conflict["problems"][0]["message"]
    row = f"/uploads/{upload['id']}/rows/1"
    assert desk.patch(row, json={"take": "both"}).status_code == 400
    assert desk.patch(row, json={"take": "file"}).json()["step"] == "changed"
    commit(desk, upload)
    now = items(desk, "LJ931").json()["properties"]
    assert (now["name"], now["remark"]) == ("乙", "查过")
    assert desk.patch(row, json={"take": "file"}).status_code == 409


def test_modes(desk: TestClient) -> None:
    grid = f"{COMMUNITY}001"
    appended = sent(
        desk, csv_of("LJ001,甲,定时定点,1,全天,120.9952,30.7040", *GOOD), crs="EPSG:4490", mode="append"
    ).json()
    assert (appended["counts"]["added"], appended["counts"]["refused"]) == (2, 1)
    assert "追加" in appended["problems"][0]["problems"][0]["message"]
    inside = desk.get("/collections/waste_point/items", params={"grid": grid, "limit": 100}).json()["features"]
    kept, *others = inside
    lon, lat = kept["geometry"]["coordinates"]
    outside = desk.get("/collections/waste_point/items", params={"grid": f"{COMMUNITY}003", "limit": 1}).json()
    x, y = outside["features"][0]["geometry"]["coordinates"]
    kind = "定时定点"
    replaced = sent(
        desk,
        csv_of(f"{kept['properties']['code']},留下,{kind},1,全天,{lon},{lat}", f"LJ999,外面,{kind},1,全天,{x},{y}"),
        crs="EPSG:4490", mode="replace", grid=grid,
    ).json()  # fmt: skip
    assert replaced["counts"]["removed"] == len(others) > 0
    assert replaced["counts"]["refused"] == 1
    commit(desk, replaced, accept="valid")
    left = desk.get("/collections/waste_point/items", params={"grid": grid}).json()["features"]
    assert [one["properties"]["name"] for one in left] == ["留下"]
    assert desk.post(f"/uploads/{replaced['id']}/revert").json()["counts"]["restored"] == len(others)
    assert desk.get("/collections/waste_point/items", params={"grid": grid}).json()["numberMatched"] == len(inside)
    for wrong in (
        {"mode": "replace"},
        {"grid": grid},
        {"mode": "merge"},
        {"mode": "replace", "grid": "330482002012001"},
    ):
        assert sent(desk, csv_of(*GOOD), crs="EPSG:4490", **wrong).status_code == 400, wrong


def test_a_row_without_place_waits_until_someone_points_at_it(desk: TestClient) -> None:
    known = desk.get("/collections/rental_unit/items", params={"limit": 1}).json()["features"][0]["properties"]
    # Which unit comes first is another one in each database, so whatever its number is, this is a change.
    more = (known["tenant_count"] or 0) + 1
    ledger = csv_of(
        f"{known['code']},{known['address']},{more}", "CZ-NEU,没有这条路 9999 号,3", head="编号,地址,租住人数"
    )
    upload = sent(desk, ledger, "台账.csv", layer="rental_unit").json()
    assert upload["state"] == "proposed", upload["questions"]
    assert (upload["counts"]["unplaced"], upload["counts"]["changed"]) == (1, 1)
    row = f"/uploads/{upload['id']}/rows/2"
    far = {"geometry": {"type": "Point", "coordinates": [121.5, 31.2]}}
    assert "社区边界之外" in desk.patch(row, json=far).json()["detail"]
    line = {"geometry": {"type": "LineString", "coordinates": [[120.99, 30.7], [120.995, 30.7]]}}
    assert desk.patch(row, json=line).status_code == 400
    placed = desk.patch(row, json={"geometry": {"type": "Point", "coordinates": [120.9965, 30.7025]}}).json()
    assert placed["step"] == "added"
    commit(desk, upload)
    stored = desk.get(f"/collections/rental_unit/items/{COMMUNITY}.CZ-NEU").json()
    assert stored["geometry"]["coordinates"] == pytest.approx([120.9965, 30.7025])
    assert desk.patch(row, json={"geometry": {"type": "Point", "coordinates": [121.0, 30.7]}}).status_code == 409


def test_columns_are_confirmed_once(desk: TestClient) -> None:
    head = "编号,名称,点位类型,垃圾桶的数量,经度,纬度"
    file = csv_of("LJ941,甲,定时定点,5,120.9952,30.7040", head=head)
    upload = sent(desk, file, crs="EPSG:4490").json()
    (question,) = upload["questions"]
    assert question["name"] == "column:垃圾桶的数量"
    assert question["options"][0]["value"] == "bins"
    assert question["options"][-1]["value"] == ""
    answered = desk.post(f"/uploads/{upload['id']}/answers", json={"column:垃圾桶的数量": "bins"}).json()
    assert answered["state"] == "proposed"
    commit(desk, answered)
    assert items(desk, "LJ941").json()["properties"]["bins"] == 5
    assert sent(desk, file, crs="EPSG:4490").json()["state"] == "proposed"


def test_two_columns_that_are_like_one_field_are_told_apart(desk: TestClient) -> None:
    head = "投放点编码,点位标识码,名称,点位类型,垃圾桶数,经度,纬度"
    content = csv_of("LJ961,7,点一,定时定点,6,120.9952,30.7041", head=head)
    upload = sent(desk, content, "两列编码.csv", crs="EPSG:4490").json()
    assert upload["state"] == "needs_answer"
    first = {one["name"]: one["options"][0]["value"] for one in upload["questions"]}
    assert first == {"column:投放点编码": "code", "column:点位标识码": ""}
    # Whoever insists is told, and may answer otherwise: nothing of it was kept.
    here = f"/uploads/{upload['id']}"
    both = desk.post(f"{here}/answers", json=dict.fromkeys(first, "code"))
    assert both.status_code == 400
    assert "都对应到“编码”" in both.json()["detail"]
    assert desk.get(here).json()["questions"] == upload["questions"]
    unknown = desk.post(f"{here}/answers", json={**first, "column:点位标识码": "no_such"})
    assert "没有字段 'no_such'" in unknown.json()["detail"]
    answered = desk.post(f"{here}/answers", json=first).json()
    assert (answered["state"], answered["counts"]["added"]) == ("proposed", 1)
    again = sent(desk, content, "两列编码二.csv", crs="EPSG:4490").json()
    assert again["state"] == "proposed", "what was confirmed is remembered"


def test_a_running_number_overwrites_nobody(desk: TestClient) -> None:
    head = "序号,楼栋地址,出租间数,租住人数,经度,纬度"
    wishes = {"layer": "rental_unit", "crs": "EPSG:4490"}
    first = sent(desk, csv_of("1,一街1号,3,2,120.9952,30.7041", head=head), "一街.csv", **wishes).json()
    if first["state"] == "needs_answer":
        answers = {one["name"]: one["options"][0]["value"] for one in first["questions"]}
        first = desk.post(f"/uploads/{first['id']}/answers", json=answers).json()
    commit(desk, first)
    second = sent(desk, csv_of("1,二街9号,4,5,120.9961,30.7032", head=head), "二街.csv", **wishes).json()
    assert second["counts"]["added"] == 1
    assert second["counts"]["changed"] == 0


def test_the_layer_is_found_or_asked_for(desk: TestClient) -> None:
    found = sent(desk, csv_of(*GOOD), crs="EPSG:4490", layer="").json()
    assert found["layer"] == "waste_point"
    asked = sent(desk, csv_of("A1,甲,120.9952,30.7040", head="编号,名称,经度,纬度"), crs="EPSG:4490", layer="").json()
    assert [one["name"] for one in asked["questions"]] == ["layer"]
    assert asked["layer"] is None
    answered = desk.post(f"/uploads/{asked['id']}/answers", json={"layer": "facility"}).json()
    assert answered["layer"] == "facility"


def test_of_layers_that_are_as_likely_the_one_in_the_files_name_comes_first(desk: TestClient) -> None:
    upload = sent(
        desk, csv_of("1,全天,120.9952,30.7041", head="编号,开放时间,经度,纬度"), "垃圾点普查.csv", layer=""
    ).json()
    assert upload["questions"][0]["name"] == "layer"
    assert upload["questions"][0]["options"][0]["value"] == "waste_point"


def test_large_files_are_jobs(desk: TestClient, copied: Database, originals: Originals) -> None:
    many = [f"B{at:06},甲,定时定点,1,全天,{120.993 + at % 300 / 60000:.6f},30.70{at % 30 + 10}" for at in range(25_000)]
    wide = [f"{line},{'说明' * 40}" for line in many]
    upload = sent(desk, csv_of(*wide, head=f"{HEAD},备注"), "大文件.csv", crs="EPSG:4490").json()
    assert upload["state"] == "processing"
    job = upload["job"]
    assert job["state"] == "waiting"
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 409
    assert work(copied, places_of(originals)) == 1
    read = desk.get(f"/uploads/{upload['id']}").json()
    assert (read["state"], read["counts"]["added"]) == ("proposed", 25_000)
    done = desk.get(f"/jobs/{job['id']}").json()
    assert (done["state"], done["upload"]) == ("done", upload["id"])
    queued = desk.post(f"/uploads/{upload['id']}/commit", json={})
    assert (queued.status_code, queued.json()["state"]) == (202, "processing")
    assert work(copied, places_of(originals)) == 1
    assert desk.get(f"/uploads/{upload['id']}").json()["state"] == "committed"
    assert (
        desk.get("/collections/waste_point/items", params={"limit": 1, "name": "甲"}).json()["numberMatched"] >= 25_000
    )
    assert desk.post(f"/uploads/{upload['id']}/revert").json()["counts"]["removed"] == 25_000
    assert work(copied, places_of(originals)) == 0
    broken = sent(desk, b"\xff" * 5_000_000, "坏.csv").json()
    assert work(copied, places_of(originals)) == 1
    refused = desk.get(f"/uploads/{broken['id']}").json()
    assert refused["state"] == "refused"
    assert refused["problem"]


def test_the_workbook_comes_back_with_marks(desk: TestClient, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["投放点普查表"])
    sheet.append(HEAD.split(","))
    sheet.append(["LJ951", "甲", "定时定点", -1, "全天", 120.9952, 30.7040])
    sheet.append(["LJ952", "乙", "没有这种", 3, "全天", 120.9953, 30.7041])
    sheet.append(["LJ953", "丙", "定时定点", 3, "全天", 120.9954, 30.7042])
    sheet["B5"].font = Font(color="FF0000FF")
    path = tmp_path / "普查.xlsx"
    book.save(path)
    upload = sent(desk, path.read_bytes(), "普查.xlsx", crs="EPSG:4490").json()
    assert upload["counts"]["refused"] == 2
    answer = desk.get(f"/uploads/{upload['id']}/workbook")
    assert answer.headers["content-type"] == WORKBOOK
    marked = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    filled = {cell.coordinate for row in marked.iter_rows() for cell in row if cell.fill.fill_type == "solid"}
    assert filled == {"D3", "C4", "H3", "H4"}
    assert "不小于 0" in str(marked["D3"].comment.text)
    assert "不小于 0" in str(marked["H3"].value)
    # What the sender made of it stays as it was.
    assert marked["A1"].value == "投放点普查表"
    assert marked["B5"].font.color.rgb == "FF0000FF"


def test_changes_and_map_tell_before_and_after(desk: TestClient) -> None:
    commit(desk, sent(desk, csv_of("LJ961,甲,定时定点,1,全天,120.9952,30.7040"), crs="EPSG:4490").json())
    upload = sent(desk, csv_of("LJ961,乙,定时定点,1,全天,120.9962,30.7040"), crs="EPSG:4490").json()
    assert [upload["counts"][name] for name in ("changed", "moved", "to_write")] == [1, 1, 1]
    assert rows_of(desk, upload, step="moved") == rows_of(desk, upload, step="changed")
    drawn = desk.get(f"/uploads/{upload['id']}/changes").json()["features"]
    assert {one["properties"]["role"]: one["geometry"]["coordinates"] for one in drawn} == {
        "after": [120.9962, 30.704], "before": [120.9952, 30.704],
    }  # fmt: skip
    assert drawn[0]["properties"]["moved_m"] == pytest.approx(95.8, abs=0.5)
    page = desk.get(f"/uploads/{upload['id']}/map")
    assert page.status_code == 200
    assert "移位前" in page.text
    assert "unsafe-inline" not in page.headers["content-security-policy"].partition("script-src")[2].partition(";")[0]


def test_files_that_are_none_leave_nothing(desk: TestClient, originals: Originals, copied_superuser: Engine) -> None:
    before = len(list(originals.folder.iterdir()))
    with copied_superuser.connect() as conn:
        kept = conn.execute(text("select count(*) from gis.proposal")).scalar()
    for name, content in (("a.pdf", b"%PDF-1.4"), ("a.csv", b""), ("a.geojson", b"{}"), ("a.xlsx", b"PK\x03\x04")):
        answer = sent(desk, content, name)
        assert 400 <= answer.status_code < 500, name
        assert answer.headers["content-type"] == "application/problem+json"
    assert desk.post("/uploads", data={"layer": "building"}).status_code in {400, 415}
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert desk.post("/uploads", files={"file": ("a.csv", b"x")}, headers=foreign).status_code == 403
    assert len(list(originals.folder.iterdir())) == before
    with copied_superuser.connect() as conn:
        assert conn.execute(text("select count(*) from gis.proposal")).scalar() == kept


def test_replacing_a_grid_keeps_what_the_file_names_but_cannot_give(desk: TestClient) -> None:
    """A row with a slip in it doesn't say that its feature is gone."""
    found = desk.get("/collections/waste_point/items?limit=all&f=json").json()["features"]
    grid = found[0]["properties"]["grid"]
    stands = [one for one in found if one["properties"]["grid"] == grid]
    assert len(stands) >= 5
    ill, outside, nowhere, broken, gone, *rest = (
        [one["properties"]["code"], "点", "定时定点", "3", "全天", *one["geometry"]["coordinates"]] for one in stands
    )
    ill[3], outside[5], nowhere[5:], broken[6] = "-4", 120.5, ["", ""], "三十度"
    rows = [",".join(map(str, row)) for row in (ill, outside, nowhere, broken, *rest)]
    upload = sent(desk, csv_of(*rows), mode="replace", grid=grid, crs="EPSG:4490").json()
    removed = desk.get(f"/uploads/{upload['id']}/rows?step=removed").json()["rows"]
    assert [one["code"] for one in removed] == [gone[0]]
    assert {one["code"] for one in upload["problems"]} == {ill[0], outside[0], broken[0]}


def test_what_is_kept_of_uploads_goes_when_its_time_is_over(
    desk: TestClient, copied: Database, originals: Originals, copied_superuser: Engine
) -> None:
    left = sent(desk, csv_of("LJ971,甲,定时定点,1,全天,120.9952,30.7040"), crs="EPSG:4490").json()
    done = sent(desk, csv_of("LJ972,甲,定时定点,1,全天,120.9952,30.7040"), crs="EPSG:4490").json()
    commit(desk, done)
    fresh = sent(desk, csv_of("LJ973,甲,定时定点,1,全天,120.9952,30.7040"), crs="EPSG:4490").json()
    old = time.time() - (originals.days + 1) * 86_400
    for upload in (left, done):
        os.utime(originals.find(uuid.UUID(upload["id"])), (old, old))
        with copied_superuser.begin() as conn:
            aged = "update gis.proposal set created_at = now() - interval '200 days' where id = :id"
            conn.execute(text(aged), {"id": upload["id"]})
    assert tidy(copied, places_of(originals), 365) == 2
    assert desk.get(f"/uploads/{left['id']}").status_code == 404
    assert desk.get(f"/uploads/{done['id']}").json()["state"] == "committed"
    assert rows_of(desk, done) == []
    assert "保留" in desk.get(f"/uploads/{done['id']}/workbook").json()["detail"]
    assert items(desk, "LJ972").status_code == 200
    assert rows_of(desk, fresh)


def test_what_comes_back_from_the_forms_is_taken_without_a_question(desk: TestClient) -> None:
    blank = desk.get("/collections/waste_point/form")
    book = openpyxl.load_workbook(io.BytesIO(blank.content))
    table = book.worksheets[0]
    heads = [cell.value for cell in table[1]]
    for code, lon in (("LJ981", 120.9952), ("LJ982", 120.9953)):
        given = {"编码": code, "类型": "定时定点", "桶数": 4, "经度(CGCS2000)": lon, "纬度(CGCS2000)": 30.704}
        table.append([next((v for k, v in given.items() if str(head).startswith(k)), None) for head in heads])
    filled = io.BytesIO()
    book.save(filled)
    back = sent(desk, filled.getvalue(), "填好的.xlsx").json()
    assert (back["state"], back["questions"], back["counts"]["added"]) == ("proposed", [], 2), back
    phone = "SubmissionDate,code,kind,bins,location-Latitude,location-Longitude,location-Accuracy,meta-instanceID,KEY"
    rows = ("2026-11-01,LJ983,timed,4,30.704,120.9952,4.5,uuid:1,uuid:1",
            "2026-11-01,LJ984,timed,4,30.705,120.9953,38.0,uuid:2,uuid:2")  # fmt: skip
    from_phones = sent(desk, csv_of(*rows, head=phone), "waste_point.csv").json()
    assert (from_phones["state"], from_phones["questions"]) == ("proposed", []), from_phones
    assert (from_phones["counts"]["added"], from_phones["counts"]["warnings"]) == (2, 1)
    assert "38" in from_phones["problems"][0]["problems"][0]["message"]


def test_taking_back_counts_no_move_where_the_upload_counted_none(desk: TestClient) -> None:
    """Files write coordinates with eight places: the rest of the stored ones is no move, neither there nor back."""
    found = desk.get("/collections/waste_point/items?limit=8&f=json").json()["features"]
    rows = [[one["properties"]["code"], "改了名", "定时定点", *one["geometry"]["coordinates"]] for one in found]
    table = csv_of(*(",".join(map(str, row)) for row in rows), head="编号,名称,点位类型,经度,纬度")
    upload = sent(desk, table, crs="EPSG:4490").json()
    assert (upload["counts"]["changed"], upload["counts"]["moved"]) == (8, 0), upload
    assert desk.post(f"/uploads/{upload['id']}/commit").status_code == 200
    counts = desk.post(f"/uploads/{upload['id']}/revert").json()["counts"]
    assert (counts["changed"], counts["moved"]) == (8, 0)
    known = desk.get(f"/uploads/{upload['id']}").json()["uploads"]
    assert [(one["counts"]["changed"], one["reverts"], one["state"]) for one in known] == [
        (8, None, "reverted"), (8, upload["id"], "committed"),
    ]  # fmt: skip


def test_an_empty_file_is_called_by_its_own_name(desk: TestClient) -> None:
    answer = sent(desk, b"", "空的.csv")
    assert answer.status_code == 400
    assert "文件 空的.csv 是空的" in answer.json()["detail"]
