"""One step of several cases: what was done is told and done once, though the database or the login goes on the way."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from api.app import create_app
from gis_service.database import Database
from gis_service.people.accounts import set_active
from gis_service.scope import Scope
from tests.local_client import local, signed_in


@pytest.fixture(scope="module")
def client(database: Database, area: str) -> Iterator[TestClient]:
    with TestClient(create_app(database), **local(database, area)) as found:
        yield found


@pytest.fixture
def filed(client: TestClient) -> list[str]:
    """Four cases."""
    found = []
    for number in range(4):
        sent = {"id": str(uuid.uuid4()), "event_code": "X-FS01", "lon": 121 + number / 1000, "lat": 30.7}
        answer = client.post("/cases", json=sent)
        assert answer.status_code == 201, answer.text
        found.append(answer.json()["id"])
    return found


def noting(cases: list[str], note: str, identifier: str | None = None) -> dict[str, Any]:
    return {"cases": cases, "step": {"step": "note", "note": note, **({"id": identifier} if identifier else {})}}


def notes(client: TestClient, cases: list[str]) -> list[list[str]]:
    journals = [client.get(f"/cases/{case}").json()["journal"] for case in cases]
    return [[one["note"] for one in journal if one["step"] == "note"] for journal in journals]


@contextmanager
def held(superuser: Engine, case: str) -> Iterator[Connection]:
    """Hold a case, so that a step of it waits."""
    with superuser.connect() as conn:
        conn.execute(text("select from gis.hazard where id = :id for update"), {"id": case.partition(".")[2]})
        yield conn


def waiting(superuser: Engine) -> int:
    """Return the server process that waits for the case that is held, as soon as there is one."""
    asked = text("select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
    for _ in range(500):
        with superuser.connect() as conn:
            if found := conn.execute(asked).scalar():
                return int(found)
        time.sleep(0.01)
    raise AssertionError("nobody waits for the case")


def sent_meanwhile(
    client: TestClient, superuser: Engine, case: str, body: dict[str, Any], meanwhile: Callable[[int], None]
) -> httpx.Response:
    """Send a batch that comes to a standstill at a case; go on after something has happened to its server process."""
    with ThreadPoolExecutor(1) as pool:
        with held(superuser, case) as conn:
            answer = pool.submit(client.post, "/cases/steps", json=body)
            meanwhile(waiting(superuser))
            conn.rollback()
        found: httpx.Response = answer.result(timeout=30)
        return found


def test_what_was_done_is_told_when_the_database_goes(
    client: TestClient, superuser: Engine, filed: list[str]
) -> None:  # fmt: skip
    def end(process: int) -> None:
        with superuser.connect() as conn:
            conn.execute(text("select pg_terminate_backend(:pid)"), {"pid": process})

    body = noting(filed, "逾期催办", str(uuid.uuid4()))
    answer = sent_meanwhile(client, superuser, filed[2], body, end)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["done"], [one["done"] for one in said["results"]]) == (2, [True, True, False, False])
    assert [one["case"] for one in said["results"]] == filed
    assert "数据库" in said["results"][2]["problem"]
    assert "还没有办到这一件" in said["results"][3]["problem"]
    assert notes(client, filed) == [["逾期催办"], ["逾期催办"], [], []]
    for _ in range(2):
        assert client.post("/cases/steps", json=body).json()["done"] == 4
    assert notes(client, filed) == [["逾期催办"]] * 4
    # Nothing was done yet: the same as of one step.
    refused = sent_meanwhile(client, superuser, filed[0], noting(filed, "再催"), end)
    assert (refused.status_code, "数据库" in refused.json()["detail"]) == (503, True)


def test_a_login_that_ends_on_the_way_ends_the_batch(
    client: TestClient, database: Database, superuser: Engine, filed: list[str], area: str
) -> None:
    body = noting(filed, "看过", str(uuid.uuid4()))
    other = TestClient(client.app, base_url=str(client.base_url), client=("127.0.0.1", 50001))
    other.headers.update(signed_in(database, area, name="leaving"))
    other.portal = client.portal
    assert other.get("/flows").status_code == 200

    def leave(_: int) -> None:
        with database.write(Scope("operator", "operator", ())) as conn:
            set_active(conn, "leaving", active=False)

    answer = sent_meanwhile(other, superuser, filed[1], body, leave)
    assert answer.status_code == 401, answer.text
    assert notes(client, filed) == [["看过"], ["看过"], [], []]
    assert client.post("/cases/steps", json=body).json()["done"] == 4
    assert notes(client, filed) == [["看过"]] * 4


def test_an_identifier_stands_for_one_step_of_each_case(client: TestClient, filed: list[str]) -> None:
    once, body = str(uuid.uuid4()), noting(filed[:2], "一")
    assert client.post("/cases/steps", json=noting(filed[:2], "一", once)).json()["done"] == 2
    assert client.post("/cases/steps", json=noting(filed, "一", once)).json()["done"] == 4
    assert notes(client, filed) == [["一"]] * 4
    # Without one, each time it is another step.
    for _ in range(2):
        assert client.post("/cases/steps", json=body).json()["done"] == 2
    assert notes(client, filed) == [["一"] * 3] * 2 + [["一"]] * 2
