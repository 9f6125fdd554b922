"""The list of a day over HTTP: what it answers, to whom, how soon, and what it refuses."""

from __future__ import annotations

import time

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gis_service.areas import read_area
from gis_service.database import Database
from gis_service.features.question import today as this_day
from gis_service.field.coverage import coverage
from gis_service.field.document import told
from gis_service.field.today import today
from gis_service.sample.load import COMMUNITY
from gis_service.scope import Scope
from tests.local_client import local

GRID = f"{COMMUNITY}003"
DAY = "2020-06-30"


@pytest.fixture(scope="module")
def worker(sample_app: FastAPI, sample: Database) -> TestClient:
    """The worker of one grid."""
    return TestClient(sample_app, follow_redirects=False, **local(sample, GRID, role="grid_worker", name="walker"))


def test_the_answer_is_that_of_the_analysis(client: TestClient, worker: TestClient, sample: Database) -> None:
    own = worker.get("/today")
    assert own.status_code == 200
    assert own.json() == client.get(f"/today?grid={GRID}&hours=3&on={this_day()}").json()
    said = client.get(f"/today?grid={GRID}&hours=1.5&start=120.995,30.702&on={DAY}").json()
    scope = Scope("t", "grid_worker", (GRID,))
    with sample.read(scope) as conn:
        area, day = read_area(conn, COMMUNITY), this_day().fromisoformat(DAY)
        found = today(conn, scope, area, on=day, hours=1.5, start=(120.995, 30.702))
        rounds = coverage(conn, scope, area, on=day)
    assert said == told(found)
    assert worker.get(f"/today/coverage?on={DAY}").json() == rounds
    whole = client.get(f"/today/coverage?community={COMMUNITY}&on={DAY}").json()
    assert rounds["grids"][0] in whole["grids"]
    assert len(whole["grids"]) == 7


def test_a_worker_gets_their_grid_only(worker: TestClient) -> None:
    said = worker.get(f"/today?hours=12&on={DAY}").json()
    assert said["grids"] == [GRID]
    listed = [thing for stop in (*said["stops"], *said["left"]["next"]) for thing in stop["things"]]
    assert {one["grid"] for one in listed} == {GRID}
    assert [one["grid"] for one in worker.get("/today/coverage").json()["grids"]] == [GRID]
    other = worker.get(f"/today?grid={COMMUNITY}001")
    assert other.status_code == 404
    assert other.json()["detail"] == worker.get(f"/today?grid={COMMUNITY}999").json()["detail"].replace("999", "001")


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    for address in (f"/today?grid={GRID}&hours=1", "/today/coverage"):
        answer = client.get(address)
        assert answer.headers["cache-control"] == "private, no-cache"
        assert client.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        assert client.get(f"/today?grid={GRID}&hours=2").headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        ("hours=0.4", 400, "0.5 到 12"), ("hours=13", 400, "0.5 到 12"), ("hours=nan", 400, "0.5 到 12"),
        ("hours=x", 400, "hours"), ("start=120.995", 400, "经度,纬度"), ("start=x,y", 400, "经度,纬度"),
        ("start=nan,30", 400, "不是经纬度"), ("start=30.7,120.99", 400, "不是经纬度"),
        ("start=121.5,30.7", 400, "20 公里"),
        ("on=tomorrow", 400, "on"), ("grid=12", 400, "grid"), (f"grid={COMMUNITY}999", 404, "没有网格"),
        (f"grid={GRID}&community=330482002099", 404, "社区"), ("community=330482002099", 404, "社区"),
        ("hour=3", 400, "不认识参数"), ("start=", 400, "起点"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(client: TestClient, question: str, status: int, words: str) -> None:
    answer = client.get(f"/today?{question}")
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]


@pytest.mark.long
@pytest.mark.alone
def test_nobody_waits_for_the_list(client: TestClient) -> None:
    """A second for the whole community of the sample; the best of three, since other work goes on beside."""
    client.get("/today")
    spent = []
    for hours in (3.0, 3.01, 3.02):
        begun = time.perf_counter()
        assert client.get(f"/today?hours={hours}&on={DAY}").status_code == 200
        spent.append(time.perf_counter() - begun)
    assert min(spent) < 1.0
