"""The survey desk over HTTP: receive, ask, propose, decide, commit, revert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from gis_service.database import Database, connect
from gis_service.local_cluster import LocalCluster
from gis_service.sample.load import COMMUNITY
from gis_service.surveys.originals import Originals
from tests.local_client import LOCAL

HEAD = "编号,名称,点位类型,垃圾桶数,投放时段,经度,纬度"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def copied(cluster: LocalCluster, make_database: Callable[..., str], untouched_sample: str) -> Iterator[Database]:
    """The sample, to write into."""
    found = connect(cluster.url("gis_app", make_database(untouched_sample)))
    yield found
    found.close()


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Originals:
    return Originals(tmp_path_factory.mktemp("originals") / "uploads")


@pytest.fixture(scope="module")
def desk(copied: Database, originals: Originals) -> Iterator[TestClient]:
    with TestClient(create_app(copied, originals=originals), **LOCAL) as found:
        yield found


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
    assert upload["problems"][0]["problems"] == [
        {"field": "bins", "message": "“桶数”的 -4 应不小于 0。"}
    ] or "桶数" in str(upload["problems"][0]["problems"])
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
