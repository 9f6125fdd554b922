"""A feature's versions: who, when, which file and what changed, through HTTP and on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import create_app
from gis_service.database import Database
from tests.api.conftest import Command
from tests.api.test_upload_command import buildings, clean, upload
from tests.conftest import TEST_COMMUNITY
from tests.local_client import local

__all__ = ["clean"]


@pytest.fixture
def service(database: Database) -> Iterator[TestClient]:
    """The application over the module's database."""
    with TestClient(create_app(database), **local(database)) as found:
        yield found


def versions(service: TestClient, key: str) -> list[dict[str, Any]]:
    answer = service.get(f"/collections/building/items/{TEST_COMMUNITY}.{key}/versions?f=json")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["versions"]
    return found


@pytest.mark.usefixtures("clean")
def test_every_version_says_who_wrote_what_from_which_file(
    command: Command, service: TestClient, superuser: Engine, tmp_path: Path
) -> None:
    assert upload(command, buildings(tmp_path / "一.geojson", "AB"), "--commit").code == 0
    path = buildings(tmp_path / "二.geojson", "A", 层数=7)
    document = json.loads(path.read_text("utf-8").replace("A 楼", "<b>甲</b>楼"))
    document["features"][0]["geometry"]["coordinates"][0] = [
        [x + 0.0001, y] for x, y in document["features"][0]["geometry"]["coordinates"][0]
    ]
    path.write_text(json.dumps(document), "utf-8")
    assert upload(command, path, "--commit").code == 0
    with superuser.begin() as conn:
        conn.execute(text("delete from gis.building where code = 'A' and community = :c"), {"c": TEST_COMMUNITY})
    gone, second, first = versions(service, "A")
    assert (first["operation"], second["operation"], gone["operation"]) == ("insert", "update", "delete")
    assert (first["upload"]["file_name"], second["upload"]["file_name"]) == ("一.geojson", "二.geojson")
    assert re.fullmatch("[0-9a-f]{64}", second["upload"]["sha256"])
    assert second["upload"]["crs"] == "EPSG:4326"
    assert gone["upload"] is None
    assert second["changes"] == {"name": ["A 楼", "<b>甲</b>楼"], "floors": [None, 7], "geom": [None, None]}
    assert second["moved_m"] == pytest.approx(9.57, abs=0.05)
    assert first["changes"] == {}
    page = service.get(f"/collections/building/items/{TEST_COMMUNITY}.A/versions?f=html").text
    for words in ("删除", "二.geojson", second["upload"]["sha256"], "空 → 7", "移动 9.5", "&lt;b&gt;甲&lt;/b&gt;楼"):
        assert words in page, words
    assert "<b>甲" not in page
    assert upload(command, buildings(tmp_path / "三.geojson", "A"), "--commit").code == 0
    assert [one["operation"] for one in versions(service, "A")] == ["insert", "delete", "update", "insert"]
    assert len(versions(service, "B")) == 1
    shown = service.get(f"/collections/building/items/{TEST_COMMUNITY}.B?f=html").text
    assert f"{TEST_COMMUNITY}." in shown
    assert "历次版本" in shown


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("key", [f"{TEST_COMMUNITY}.nothing", "nothing", f"{TEST_COMMUNITY}.", "330482999999.A"])
def test_what_is_not_there_has_no_versions(service: TestClient, key: str) -> None:
    answer = service.get(f"/collections/building/items/{key}/versions")
    assert answer.status_code == 404
    assert "没有要素" in answer.json()["detail"]
