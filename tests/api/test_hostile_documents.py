"""Documents of cases, visits and edits with wrong values in every member: refused in a sentence, and nothing breaks.

What a phone sends is kept until somebody decides, so that a document which was taken must also be read again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.app import create_app
from gis_service.database import Database
from gis_service.sample.load import COMMUNITY
from tests.api.case_operations import MAKERS
from tests.api.every_operation import Caller, read_known
from tests.api.test_hostile_strings import complaint
from tests.local_client import local

POSTED = [operation for operation in MAKERS if operation.startswith("POST") and operation != "POST /photos"]
WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e25, 1e300, 2**63 - 1, "", "x", "\x00", "a\x00b", "\ud800", "9" * 500, "字" * 5000, [], {},
    [[]], [None], {"a": None}, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31", "0001-01-01",
    "2026-13-01", "2026-11-30T09:00:00", "NaN", "１２", "00000000-0000-0000-0000-000000000000",
    {"type": "Point", "coordinates": [1e308, -1e308]}, {"type": "GeometryCollection", "geometries": []},
    {"type": "Polygon", "coordinates": []}, "\u202e",
)  # fmt: skip
SEED, FEW = 20261130, 4


@pytest.fixture(scope="module")
def client(copied: Database) -> Iterator[TestClient]:
    """A client on the module's own copy of the sample."""
    with TestClient(create_app(copied), raise_server_exceptions=False, **local(copied)) as found:
        yield found


@pytest.fixture(scope="module")
def caller(copied_superuser: Engine) -> Caller:
    return Caller(COMMUNITY, read_known(copied_superuser, COMMUNITY), SEED)


def members(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every member of a document."""
    if isinstance(document, dict | list):
        for key, part in document.items() if isinstance(document, dict) else enumerate(document[:1]):
            yield (*path, key)
            yield from members(part, (*path, key))


def with_wrong(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a document with another value in one place."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = with_wrong(copy[path[0]], path[1:], value)
    return copy


def ask_all(client: TestClient, caller: Caller, each: int) -> list[tuple[str, object, str]]:
    """Send documents with a wrong member; return what is wrong with the answers."""
    chance, failed = random.Random(SEED), []
    for operation in POSTED:
        call = caller.call(operation)
        for path in members(call.json):
            for value in chance.sample(WRONG, each):
                body = json.dumps(with_wrong(call.json, path, value)).encode()
                answer = client.post(call.path, content=body, headers={"Content-Type": "application/json"})
                found = complaint(answer, 0.0)
                if found:
                    failed.append((f"{call.path} {path}", value, found))
    return failed


def still_answers(client: TestClient) -> None:
    waiting = client.get("/sync/edits?limit=1000")
    assert waiting.status_code == 200
    assert waiting.json()["edits"]
    for path in ("/cases?kind=all&limit=1000", "/cases/figures", "/visits/refusals", "/visits/waste"):
        assert client.get(path).status_code == 200, path
    for edit in waiting.json()["edits"][:40]:
        assert client.post(f"/sync/edits/{edit['id']}", json={"take": "mine"}).status_code < 500, edit


def test_wrong_values_in_every_member(client: TestClient, caller: Caller) -> None:
    assert ask_all(client, caller, FEW) == []
    still_answers(client)


@pytest.mark.long
def test_every_wrong_value_in_every_member(client: TestClient, caller: Caller) -> None:
    assert ask_all(client, caller, len(WRONG)) == []
    still_answers(client)


def test_depth_and_numbers_have_an_end(client: TestClient) -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": deep}
    edit = {"id": "11111111-1111-4111-8111-111111111111", "kind": "change", "made_at": "2026-11-30T00:00:00Z"}
    for body, said in (
        ({"edits": [{**edit, "body": deep}]}, "嵌套太深"),
        ({"edits": [{**edit, "body": {"x": 1e25}}]}, "太大"),
        ({"edits": [{**edit, "body": {"x": "\x00"}}]}, "空字符"),
    ):
        answer = client.post("/sync", json=body)
        assert answer.status_code == 400, said
        assert said in answer.json()["detail"]
    # A mark of the encoding before the text is passed over.
    marked = b"\xef\xbb\xbf" + json.dumps({"take": "mine"}).encode()
    headers = {"Content-Type": "application/json"}
    assert client.post(f"/sync/edits/{edit['id']}", content=marked, headers=headers).status_code == 404


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 0, 1.5])
def test_a_moment_is_one_of_our_time(client: TestClient, caller: Caller, at: object) -> None:
    for operation in ("POST /cases", "POST /cases/{case}/steps", "POST /visits"):
        call = caller.call(operation)
        answer = client.post(call.path, json={**call.json, "at": at})
        assert answer.status_code == 400
        assert "at 应" in answer.json()["detail"], answer.text
