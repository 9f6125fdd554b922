"""What must never be lost at the desk: features of refused rows, others' edits, values that are taken away, answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from gis_service.surveys.originals import Originals
from tests.api.test_uploads import csv_of, sent
from tests.local_client import local

STAFF = Scope("staff", "staff", (COMMUNITY,))
HEAD = "编号,名称,点位类型,垃圾桶数,经度,纬度"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Originals:
    return Originals(tmp_path_factory.mktemp("originals") / "uploads")


@pytest.fixture(scope="module")
def desk(copied: Database, originals: Originals) -> Iterator[TestClient]:
    with TestClient(create_app(copied, originals=originals), **local(copied)) as found:
        yield found


def points(database: Database, where: str = "true") -> list[Any]:
    """Return the stored collection points."""
    query = (
        "select code, name, bins, grid, round(st_x(geom)::numeric, 7) as x, round(st_y(geom)::numeric, 7) as y"
        f" from gis.waste_point where community = :c and {where} order by code"
    )
    with database.read(STAFF) as conn:
        return list(conn.execute(text(query), {"c": COMMUNITY}))


def line(point: Any, *, bins: object = "", name: str | None = None, x: object = None) -> str:
    return f"{point.code},{name or point.name},定时定点,{bins},{point.x if x is None else x},{point.y}"


def proposed(desk: TestClient, *lines: str, **fields: str) -> Any:
    answer = sent(desk, csv_of(*lines, head=HEAD), crs="EPSG:4490", **fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def rows(desk: TestClient, upload: Any) -> list[Any]:
    return list(desk.get(f"/uploads/{upload['id']}/rows").json()["rows"])


@pytest.mark.parametrize(
    ("spoil", "removed"),
    [
        (lambda point: line(point, bins=-4), 1),
        (lambda point: line(point, bins=4, x=0.5), 1),
        (lambda point: line(point, bins=4, x="东边"), 1),
    ],
    ids=["bad cell", "far away", "no place"],
)
def test_what_stands_in_the_file_is_never_removed(
    desk: TestClient, copied: Database, spoil: Callable[[Any], str], removed: int
) -> None:
    """A file that replaces a grid has a bad row for one point, nothing for another, and good rows for the others."""
    grid = points(copied)[0].grid
    bad, gone, *good = points(copied, f"grid = '{grid}'")
    upload = proposed(desk, spoil(bad), *(line(one, bins=5) for one in good), mode="replace", grid=grid)
    assert (upload["counts"]["refused"], upload["counts"]["removed"]) == (1, removed)
    assert [one["code"] for one in rows(desk, upload) if one["step"] == "removed"] == [gone.code] * removed
    spoilt = csv_of(*(spoil(one) for one in (bad, gone, *good)), head=HEAD)
    answer = sent(desk, spoilt, crs="EPSG:4490", mode="replace", grid=grid)
    if answer.status_code == 400:
        assert "没有一个能读的坐标" in answer.json()["detail"]
        return
    none = answer.json()
    assert none["counts"]["removed"] == 0
    assert desk.post(f"/uploads/{none['id']}/commit", json={"accept": "valid"}).status_code == 400


def test_a_value_that_is_taken_away_is_shown(desk: TestClient, copied: Database) -> None:
    point = points(copied, "bins is not null")[0]
    upload = proposed(desk, line(point))
    (row,) = rows(desk, upload)
    assert (row["step"], row["changes"]) == ("changed", {"bins": [point.bins, None]}), "and nothing that stays"
    (before,) = desk.get(f"/uploads/{upload['id']}/changes").json()["features"]
    assert before["properties"]["fields"] == {"bins": [point.bins, None]}
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 200
    (now,) = points(copied, f"code = '{point.code}'")
    assert (now.bins, now.name) == (None, point.name)


def edit(database: Database, code: str, values: str) -> None:
    with database.write(STAFF) as conn:
        conn.execute(text(f"update gis.waste_point set {values} where code = :code"), {"code": code})


def test_deciding_for_the_file_keeps_what_others_changed_besides(desk: TestClient, copied: Database) -> None:
    """The file changes the bins and repeats the name; meanwhile someone changes both, and later the name again."""
    point = points(copied, "bins is not null")[-1]
    upload = proposed(desk, line(point, bins=point.bins + 1))
    edit(copied, point.code, "bins = bins + 7, name = '别人改的名'")
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 200
    (row,) = rows(desk, upload)
    assert (row["step"], row["changes"]) == ("conflict", {"bins": [point.bins + 7, point.bins + 1]})
    edit(copied, point.code, "name = '又改的名'")
    assert desk.patch(f"/uploads/{upload['id']}/rows/1", json={"take": "file"}).status_code == 200
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 200
    (now,) = points(copied, f"code = '{point.code}'")
    assert (now.bins, now.name) == (point.bins + 1, "又改的名")


def test_what_changes_after_a_conflict_is_a_conflict_again(desk: TestClient, copied: Database) -> None:
    point = points(copied, "bins is not null")[-2]
    upload = proposed(desk, line(point, bins=point.bins + 1))
    edit(copied, point.code, "bins = bins + 7")
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 200
    edit(copied, point.code, "bins = bins + 1")
    assert desk.patch(f"/uploads/{upload['id']}/rows/1", json={"take": "file"}).status_code == 200
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).json()["counts"]["conflict"] == 1
    assert desk.patch(f"/uploads/{upload['id']}/rows/1", json={"take": "file"}).status_code == 200
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 200
    (now,) = points(copied, f"code = '{point.code}'")
    assert now.bins == point.bins + 1


def test_an_answer_after_the_file_is_gone_costs_nothing(
    desk: TestClient, copied: Database, originals: Originals
) -> None:
    upload = proposed(desk, "LQ1,新点,定时定点,6,120.9952,30.7040")
    originals.remove(uuid.UUID(upload["id"]))
    late = desk.post(f"/uploads/{upload['id']}/answers", json={"crs": "GCJ-02"})
    assert (late.status_code, "原始文件已不在" in late.json()["detail"]) == (404, True)
    assert desk.get(f"/uploads/{upload['id']}").json()["state"] == "proposed"
    assert desk.post(f"/uploads/{upload['id']}/commit", json={}).status_code == 200
    assert points(copied, "code = 'LQ1'")[0].bins == 6


def test_what_is_committed_meanwhile_is_not_read_anew(desk: TestClient, copied: Database) -> None:
    """One answers while another's commit isn't through yet."""
    upload = proposed(desk, "LQ2,新点,定时定点,6,120.9953,30.7040")
    with ThreadPoolExecutor() as others:
        with copied.write(STAFF) as conn:
            named = {"id": upload["id"]}
            conn.execute(text("update gis.proposal set state = 'committed' where id = :id"), named)
            answer = others.submit(desk.post, f"/uploads/{upload['id']}/answers", json={"crs": "EPSG:4326"})
            waiting = text("select count(*) from pg_locks where not granted")
            while not conn.execute(waiting).scalar():
                assert not answer.done()
        assert answer.result().status_code == 409
    assert rows(desk, upload)[0]["step"] == "added"
